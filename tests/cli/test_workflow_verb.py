"""``ninelives workflow``: writes what is not there or untouched, leaves alone what is somebody's, and says what is missing."""

import contextlib
import io
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ninelives.bootstrap.workflow import Flavour
from ninelives.cli import own_address
from ninelives.cli.errors import UserError
from ninelives.cli.main import ninelives
from ninelives.cli.main import run as run_command
from ninelives.cli.workflow import FLAVOURS
from ninelives.deploy.errors import DeployError

CATS = """\
service: cats
image: .
port: 4567
environments:
  staging: {region: eu-west-1}
"""
COMMIT = "ab" * 20
ACTION = f"acme/ninelives@{COMMIT}"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a remote on GitHub, and a service in a folder of it; one stands in that folder."""
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "remote", "add", "origin", "git@github.com:acme/shop.git")
    folder = tmp_path / "cats"
    folder.mkdir()
    (folder / "ninelives.yml").write_text(CATS)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("NINELIVES_ENV", raising=False)
    monkeypatch.setattr(own_address, "installed_from", lambda: None)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True)


def run(*arguments: str, code: int = 0) -> str:
    """All that the verb says; it must end with ``code``."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        ended = run_command(["workflow", *arguments])
    assert code == ended, said.getvalue()
    return said.getvalue()


def refused(*arguments: str) -> str:
    """What it says to a mistake: what was found, and the mend."""
    done = CliRunner().invoke(ninelives, ["workflow", *arguments])
    assert isinstance(done.exception, UserError | DeployError), done.output
    assert done.exception.hint
    return str(done.exception)


def written(repository: Path) -> Path:
    return repository / ".github" / "workflows" / "deploy.yml"


def test_it_writes_both_files_at_the_top_of_the_repository_and_says_what_comes_next(repository: Path) -> None:
    said = run("--action", ACTION)

    text = written(repository).read_text()
    assert "working-directory: cats" in text
    assert f"uses: {ACTION}" in text
    assert text.startswith(f"# Written by `ninelives workflow --config cats/ninelives.yml --action {ACTION}`")
    assert {"github-actions", "docker"} == {
        one["package-ecosystem"] for one in yaml.safe_load((repository / ".github/dependabot.yml").read_text())["updates"]
    }
    assert "gh secret set ROLE_TO_ASSUME --env staging --repo acme/shop" in said


def test_what_is_untouched_is_written_anew_and_the_check_tells_when_it_is_due(repository: Path) -> None:
    assert "is not there" in run("--check", "--action", ACTION, code=2)
    assert not written(repository).exists()
    run("--action", ACTION)
    assert "as they would be written" in run("--check", "--action", ACTION)
    (repository / "cats" / "ninelives.yml").write_text(CATS.replace("eu-west-1", "us-east-1"))

    assert "was written from something else" in run("--check", "--action", ACTION, code=2)
    run("--action", ACTION)

    assert "us-east-1" in written(repository).read_text()


@pytest.mark.parametrize("mine", ["name: mine\n", None])
def test_what_is_somebodys_is_left_alone_without_force(repository: Path, mine: str | None) -> None:
    run("--action", ACTION)
    edited = mine or written(repository).read_text() + "# mine\n"
    written(repository).write_text(edited)

    said = refused("--action", ACTION)

    assert "nothing was written" in said
    assert ("edited by hand" if mine is None else "was not written by") in said
    assert "--force" in run("--check", "--action", ACTION, code=2)
    assert edited == written(repository).read_text()
    run("--force", "--action", ACTION)
    assert edited != written(repository).read_text()


def test_a_dependabot_file_of_ones_own_is_kept_and_told_what_it_lacks(repository: Path) -> None:
    own = repository / ".github" / "dependabot.yml"
    own.parent.mkdir()
    own.write_text("version: 2\nupdates:\n- {package-ecosystem: github-actions, directory: /, schedule: {interval: daily}}\n")
    before = own.read_text()

    said = run("--action", ACTION)

    assert "it lacks docker for /cats" in said
    assert "github-actions" not in said
    assert before == own.read_text()
    assert "as they would be written" in run("--check", "--action", ACTION)


def test_every_flavour_can_be_asked_for() -> None:
    assert tuple(Flavour) == FLAVOURS


def test_a_newer_release_that_dependabot_brought_is_no_edit_and_stays(repository: Path) -> None:
    run("--action", ACTION)
    before = written(repository).read_text()
    bumped = re.sub(r"actions/checkout@[0-9a-f]{40} # v[\d.]+", f"actions/checkout@{'cd' * 20} # v99.0.1", before)
    assert bumped != before
    written(repository).write_text(bumped)

    assert "as they would be written" in run("--check", "--action", ACTION)
    (repository / "cats" / "ninelives.yml").write_text(CATS.replace("eu-west-1", "us-east-1"))
    run("--action", ACTION)

    assert (
        bumped.replace("eu-west-1", "us-east-1").partition("\n\n")[2] == written(repository).read_text().partition("\n\n")[2]
    )


def test_the_workflow_can_be_printed(repository: Path) -> None:
    assert "name: Deploy cats" in run("--print", "--flavour", "aws-actions")
    assert not written(repository).exists()


def test_outside_of_a_repository_there_is_none_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ninelives.yml").write_text(CATS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert "git init" in refused()


def test_without_a_remote_on_github_it_says_so(repository: Path) -> None:
    git(repository, "remote", "set-url", "origin", "https://gitlab.com/acme/shop.git")
    assert "git remote add origin" in run("--flavour", "aws-actions")
    git(repository, "remote", "remove", "origin")
    assert "git remote add origin" in run("--flavour", "aws-actions")


def test_an_unknown_flavour_is_told_which_there_are(repository: Path) -> None:
    done = CliRunner().invoke(ninelives, ["workflow", "--flavour", "aws"])

    assert "'ninelives', 'aws-actions'" in done.output
    assert not written(repository).exists()


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("environments", "arguments", "said"),
    [
        ("", [], "no environment beside 'local'"),
        ("environments: {local: {}}", [], "no environment beside 'local'"),
        ("environments: {staging: {}, production: {}}", [], "--env staging"),
        ("environments: {staging: {region: eu-west-1}}", ["--env", "stagging"], "staging"),
        ("environments: {staging: {region: eu-west-1}}", ["--env", "local"], "embedded region"),
        ("environments: {staging: {}}", [], "names no region"),
        ("environments: {the stage: {region: eu-west-1}}", [], "Rename it"),
        ("environments: {staging: {region: eu-west-1}}", ["--action", "acme/ninelives@v1"], "40 hexadecimal digits"),
        ("environments: {staging: {region: eu-west-1}}", [], "--flavour aws-actions"),
        ("environments: {staging: {region: eu-west-1}}", ["--rehearse", "1.0.0", "--action", ACTION], "1.0.0..2.0.1"),
    ],
)
def test_what_is_missing_is_said_with_the_mend(environments: str, arguments: list[str], said: str) -> None:
    Path("ninelives.yml").write_text(f"service: cats\nimage: .\nport: 80\n{environments}\n")

    assert said in refused(*arguments)


@pytest.mark.usefixtures("repository")
def test_a_missing_service_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "cats" / "ninelives.yml").unlink()

    assert "ninelives init" in refused()


def test_the_tool_comes_from_where_it_was_installed_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from_git = {"url": "https://github.com/acme/ninelives.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
    monkeypatch.setattr(own_address, "installed_from", lambda: from_git)
    assert own_address.own_action(tmp_path) == f"{ACTION} # v0.1.0"

    clone = tmp_path / "a clone"
    clone.mkdir()
    git(clone, "init", "-q")
    git(clone, "remote", "add", "origin", "https://github.com/acme/ninelives")
    from_clone = {"url": clone.as_uri(), "dir_info": {"editable": True}}
    monkeypatch.setattr(own_address, "installed_from", lambda: from_clone)
    assert own_address.own_action(tmp_path) is None  # no commit yet
    git(clone, "-c", "user.name=t", "-c", "user.email=t@e", "commit", "-q", "--allow-empty", "-m", "1")
    told = own_address.own_action(tmp_path)
    assert told is not None
    assert own_address.PINNED.match(told)


def test_in_its_own_repository_the_tool_is_set_up_from_there() -> None:
    assert str(own_address.own_action(Path(__file__).parents[2])).startswith("./ #")
