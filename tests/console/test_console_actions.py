"""Decisions of the page are those of the verbs, about the release that the page has shown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from release_world import World

from ninelives.console.actions import Decision, Verb, decide, definition_of, read_decision
from ninelives.deploy.clock import WallClock
from ninelives.deploy.errors import DeployError, NotFound

PAUSE = {"hookId": "pause-1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "timeoutAction": "ROLLBACK"}


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """1.0.0, then 2.0.1."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        world = World(tmp_path)
        for version in ("1.0.0", "2.0.1"):
            world.has_image(version)
            assert world.deploy(version).has_succeeded
        yield world


def decided(world: World, verb: Verb, **members: Any) -> list[str]:
    decision = Decision(verb=verb, cluster="Staging-Cluster", service="cats", **members)
    return decide(world.session().aws, WallClock(), decision)


def under_way(world: World, monkeypatch: pytest.MonkeyPatch, *hooks: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The newest release goes on; what is asked of it is kept."""
    asked: list[tuple[str, dict[str, Any]]] = []
    world.ecs.made[-1] |= {"status": "IN_PROGRESS", "lifecycleHookDetails": list(hooks)}
    for name in ("continue", "stop"):

        def take(_name: str = name, **request: Any) -> dict[str, Any]:
            asked.append((_name, request))
            return {}

        monkeypatch.setattr(world.ecs, f"{name}_service_deployment", take, raising=False)
    return asked


def test_rollback_deploys_the_version_that_was_proven_before(released: World) -> None:
    before = released.ecs.made[0]["definition"]

    told = decided(released, Verb.ROLLBACK)

    assert before == released.ecs.calls[-1][1]["taskDefinition"]
    assert any("back from 2.0.1 to 1.0.0" in sentence for sentence in told)


def test_rollback_to_a_version_that_was_never_proven_changes_nothing(released: World) -> None:
    calls = list(released.ecs.calls)

    with pytest.raises(NotFound, match=r"9\.9\.9 was never proven"):
        decided(released, Verb.ROLLBACK, version="9.9.9")
    assert calls == released.ecs.calls


def test_promote_answers_the_pause_that_waits(released: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = under_way(released, monkeypatch, PAUSE)

    decided(released, Verb.PROMOTE, hook="pause-1")

    arn = released.ecs.made[-1]["serviceDeploymentArn"]
    assert [("continue", {"serviceDeploymentArn": arn, "hookId": "pause-1", "action": "CONTINUE"})] == asked


def test_abort_stops_the_release_with_a_rollback(released: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = under_way(released, monkeypatch)

    decided(released, Verb.ABORT)

    assert [("stop", "ROLLBACK")] == [(name, request["stopType"]) for name, request in asked]


@pytest.mark.parametrize("verb", list(Verb))
def test_a_decision_about_a_release_that_is_not_the_newest_any_more_is_refused(
    released: World, monkeypatch: pytest.MonkeyPatch, verb: Verb
) -> None:
    asked, calls = under_way(released, monkeypatch, PAUSE), list(released.ecs.calls)

    with pytest.raises(DeployError, match="Another release has begun"):
        decided(released, verb, deployment=released.ecs.made[0]["serviceDeploymentArn"])
    assert ([], calls) == (asked, released.ecs.calls)


def test_the_service_file_is_used_where_there_is_one(released: World) -> None:
    known = released.session().definition

    assert definition_of("Staging-Cluster", "cats", [known]) is known
    other = definition_of("Staging-Cluster", "a_name_that_no_file_has", [known])
    assert ("a_name_that_no_file_has", "Staging-Cluster") == (other.file.service, other.file.cluster_name)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "expected an object"),
        ({"verb": "abort"}, "cluster and service are missing"),
        ({"verb": "delete", "cluster": "c", "service": "s"}, "verb: expected one of promote, abort, rollback"),
        ({"verb": "abort", "cluster": "c", "service": ["s"]}, "expected texts"),
    ],
)
def test_what_is_no_decision_is_refused(given: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_decision(given)
