"""The deploy role trusts just the runs that the service file names, in whichever way GitHub writes them."""

import pytest

from ninelives.bootstrap.github_trust import Run, is_trusted, subjects_of, trusted_subjects, why_not_trusted
from ninelives.deploy.bootstrap_part import BootstrapGitHub


def github(**keys: object) -> BootstrapGitHub:
    return BootstrapGitHub.model_validate({"repository": "acme/cats", **keys})


NUMBERED = {"owner_id": 1001, "repository_id": 2002}


@pytest.mark.parametrize(
    ("keys", "run"),
    [
        ({"branches": ["v1.0.0"]}, Run(ref="refs/heads/v1.0.0")),
        ({"tags": ["v*"]}, Run(ref="refs/tags/v2.0.1")),
        ({"environments": ["production"]}, Run(ref="refs/heads/anything", environment="production")),
    ],
)
def test_a_run_that_is_named_is_trusted_in_both_of_githubs_formats(keys: dict[str, object], run: Run) -> None:
    asked = github(**keys, **NUMBERED)

    by_name, by_number = subjects_of(asked, run)

    assert f"repo:acme/cats:{run.context}" == by_name
    assert f"repo:acme@1001/cats@2002:{run.context}" == by_number
    assert is_trusted(by_name, trusted_subjects(asked))
    assert is_trusted(by_number, trusted_subjects(asked))
    assert why_not_trusted(asked, run) is None


@pytest.mark.parametrize(
    "subject",
    [
        "repo:acme/cats:ref:refs/heads/main2",
        "repo:acme/cats:ref:refs/tags/main",
        "repo:acme/cats2:ref:refs/heads/main",
        "repo:acme@1001/cats@9:ref:refs/heads/main",
        "repo:evil/cats:ref:refs/heads/main",
        "repo:ACME/cats:ref:refs/heads/main",
        "repo:acme/cats:environment:main",
        "repo:acme/cats:pull_request",
    ],
)
def test_nobody_else_is(subject: str) -> None:
    assert not is_trusted(subject, trusted_subjects(github(branches=["main"], **NUMBERED)))


def test_without_numbers_only_the_format_by_names_is_trusted() -> None:
    assert ("repo:acme/cats:ref:refs/heads/main",) == trusted_subjects(github(branches=["main"]))


def test_a_job_with_an_environment_is_told_that_its_branch_does_not_count() -> None:
    told = why_not_trusted(github(branches=["main"]), Run(ref="refs/heads/main", environment="production"))

    assert told is not None
    assert "'repo:acme/cats:environment:production'" in told
    assert "it trusts no environments; add 'production' to `bootstrap.github.environments`" in told


def test_a_name_that_is_nearly_right_is_told() -> None:
    told = why_not_trusted(github(branches=["main", "release"]), Run(ref="refs/heads/mian"))

    assert told is not None
    assert "it trusts branches main, release; did you mean 'main'?" in told
