"""The door of the command line: quick, polite, and with the right exit code."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from ninelives.cli import main
from ninelives.cli.errors import UserError
from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.main import VERBS, ninelives, run, told_to_user
from ninelives.deploy.errors import NotFound

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"


def test_help_imports_no_verb_and_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ninelives.cli.main", "--help"], capture_output=True, text=True, check=True
    )

    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert not imported & {"boto3", "botocore", "rich", "pydantic", "yaml", "moto", "docker"}
    assert "deploy" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_a_verbs_help_imports_nothing_heavy(verb: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ninelives.cli.main", verb, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )

    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert not imported & {"boto3", "botocore", "rich", "pydantic", "yaml", "moto", "docker", "requests"}
    assert f"Usage: ninelives {verb}" in done.stdout


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb in ninelives.list_commands(click.Context(ninelives))])
def test_every_verb_is_a_command_with_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = getattr(import_module(f"ninelives.cli.{verb}"), verb)

    assert isinstance(command, click.Command)
    assert ExitCode.OK == run([verb, "-h"])
    assert f"Usage: ninelives {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["deploi"], ["deploy", "--nope"], ["logs", "--since", "tomorrow"]])
def test_a_mistake_in_the_command_is_an_error_not_a_plan_with_changes(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ExitCode.ERROR == run(arguments)
    assert "Error" in capsys.readouterr().err


def test_a_verb_that_is_nearly_right_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    run(["deploi"])

    assert "deploy" in capsys.readouterr().err


def test_without_a_service_file_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert ExitCode.ERROR == run(["deploy", "1.0.0"])
    told = capsys.readouterr().err
    assert "There is no service file ninelives.yml." in told
    assert "ninelives init" in told


def test_without_a_region_it_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    (tmp_path / "ninelives.yml").write_text("service: cats\nimage: .\nport: 80\n")

    assert ExitCode.ERROR == run(["status"])
    assert "No region answers at http://127.0.0.1:9.\nStart one with `ninelives up`." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UserError("a", hint="b"), ("a", "b")),
        (NotFound("a", hint="b"), ("a", "b")),
        (
            NoCredentialsError(),
            ("No AWS credentials were found.", "Set AWS_PROFILE or AWS_ACCESS_KEY_ID, or log in with `aws sso login`."),
        ),
        (
            ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "UpdateService"),
            ("AWS refused UpdateService: AccessDeniedException: no", "The credentials lack a permission for this call."),
        ),
        (ValueError("ours"), None),
    ],
)  # fmt: skip
def test_a_users_mistake_is_told_and_a_bug_of_ours_is_not_hidden(error: Exception, expected: object) -> None:
    assert expected == told_to_user(error)


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt(), ExitCode.INTERRUPTED), (UserError("x"), ExitCode.ERROR)])
def test_ctrl_c_and_errors_have_their_codes(
    raised: BaseException, code: ExitCode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise raised

    monkeypatch.setattr(main.ninelives, "main", fails)

    assert code == run([])
    assert "Traceback" not in capsys.readouterr().err


def test_every_exit_code_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")

    assert all(f"| {code.value} |" in text for code in ExitCode)
    assert [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130] == [code.value for code in ExitCode]
