"""``ninelives doctor``: what is printed, as text and as JSON, and how it ends."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from ninelives.cli import doctor_machine
from ninelives.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
FILE = "service: cats\nimage: .\nport: 4567\ndeploy: {rollback: {alarms: [5xx]}}\n"


@pytest.fixture(autouse=True)
def no_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody answers, and the state folder is empty."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("NINELIVES_PORT", "9")
    monkeypatch.setenv("NINELIVES_STATE", str(tmp_path / "state"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "ninelives.yml").write_text(FILE)
    (folder / "Dockerfile").write_text('FROM ruby:3.4.5-slim-trixie@sha256:aa\nUSER cats\nCMD ["puma"]\n')
    (folder / ".dockerignore").write_text(".git\n")
    return folder


def examined(project: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, str]]:
    """The exit code, and the severity of each check that found something."""
    code = run(["doctor", "--offline", "--json", "--config", str(project / "ninelives.yml"), *arguments])
    told = json.loads(capsys.readouterr().out)
    assert sum(told["counts"].values()) == len(told["findings"])
    assert all(one["where"] and one["what"] for one in told["findings"])
    return code, {one["check"]: one["severity"] for one in told["findings"]}


def test_a_good_project_ends_with_0(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = examined(project, capsys, "--strict")

    assert code == 0
    assert found.keys() - {"docker"} == {"service-out-of-reach"}


def test_an_error_ends_with_1(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "Dockerfile").write_text("FROM ruby:3.4.5-slim-trixie@sha256:aa\nUSER cats\nCMD puma\n")

    code, found = examined(project, capsys)

    assert (code, found["shell-form"]) == (1, "error")


def test_a_warning_ends_with_1_only_if_it_is_strict(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "ninelives.yml").write_text(f"{FILE}count: 1\n")

    code, found = examined(project, capsys)
    assert (code, found["single-task"]) == (0, "warning")
    assert examined(project, capsys, "--strict")[0] == 1


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com"),
        ClientError({"Error": {"Code": "ExpiredToken", "Message": "the token has expired"}}, "GetCallerIdentity"),
    ],
)
def test_what_was_found_is_told_though_aws_is_out_of_reach(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: BotoCoreError | ClientError
) -> None:
    def fail(*_: object) -> None:
        raise error

    (project / "ninelives.yml").write_text(f"{FILE}region: eu-west-1\nenvironments: {{production: {{count: 1}}}}\n")
    monkeypatch.setattr(doctor_machine, "examine_account", fail)

    code, found = examined(project, capsys, "--env", "production")

    assert (code, found["service-out-of-reach"], found["single-task"]) == (1, "error", "warning")


def test_a_missing_dockerfile_is_an_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "Dockerfile").unlink()

    assert examined(project, capsys)[0] == 1


def test_without_a_service_file_the_machine_is_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    code = run(["doctor", "--offline"])

    assert code == 0
    assert "[no-service-file]" in capsys.readouterr().out


@pytest.mark.parametrize("named", [("--config", "nowhere.yml"), ("--env", "stagin")])
def test_a_file_or_an_environment_that_is_named_and_not_there_is_a_mistake(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], named: tuple[str, str]
) -> None:
    monkeypatch.chdir(project)

    assert run(["doctor", "--offline", *named]) == 1
    assert f"{named[1]!s}" in capsys.readouterr().err


def test_a_folder_for_each_version_is_examined_by_its_newest(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "ninelives.yml").write_text(FILE.replace("image: .", "image: 'versions/{version}'"))
    for version, command in (("1.9.0", '["puma"]'), ("1.10.0", "puma")):
        folder = project / "versions" / version
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(f"FROM ruby:3.4.5@sha256:aa\nUSER cats\nCMD {command}\n")

    assert "shell-form" in examined(project, capsys)[1]


def test_the_text_says_what_where_and_what_next(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "Dockerfile").write_text('FROM ruby\nUSER cats\nCMD ["puma"]\n')

    run(["doctor", "--offline", "--config", str(project / "ninelives.yml")])

    out = capsys.readouterr().out
    assert "warning ruby is whatever is the latest on the day of the build.\n" in out
    assert "Dockerfile:1  [latest]\n        → Name a version, and pin its digest.\n" in out
    assert ": no errors, 1 warning, " in out


def test_cats_has_what_the_documentation_shows(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = examined(ROOT / "examples" / "cats", capsys)

    assert code == int("error" in found.values())
    assert {"end-of-life", "no-lock", "no-alarms", "base-image-unpinned"} <= found.keys()
