"""``init`` writes a file that can be used; ``deploy`` finds its version, or asks for one."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from ninelives.cli.deploy import VERSION_VARIABLES, version_of_surroundings
from ninelives.cli.errors import UserError
from ninelives.cli.main import ninelives
from ninelives.deploy.reading import read_service_file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "my_cats"
    place.mkdir()
    monkeypatch.chdir(place)
    for name in VERSION_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return place


def test_init_takes_name_and_port_from_what_is_there(folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM ruby\nEXPOSE 4567/tcp\nCMD ruby app.rb\n")

    assert 0 == CliRunner().invoke(ninelives, ["init"]).exit_code
    file = read_service_file(folder / "ninelives.yml").file
    assert ("my-cats", 4567, "/health") == (file.service, file.port, file.health.path)


def test_init_overwrites_nothing_unasked(folder: Path) -> None:
    (folder / "ninelives.yml").write_text("mine")

    done = CliRunner().invoke(ninelives, ["init"])

    assert isinstance(done.exception, UserError)
    assert "mine" == (folder / "ninelives.yml").read_text()
    assert 0 == CliRunner().invoke(ninelives, ["init", "--force", "--port", "80"]).exit_code
    assert 80 == read_service_file(folder / "ninelives.yml").file.port


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_version_is_the_variables_else_the_commit_of_a_clean_checkout(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="Which version"):
        version_of_surroundings(folder)
    git(folder, "init", "-q")
    (folder / "a").write_text("1")
    git(folder, "add", "a")
    git(folder, "commit", "-qm", "a")

    assert git(folder, "rev-parse", "--short=12", "HEAD") == version_of_surroundings(folder)

    (folder / "a").write_text("2")
    with pytest.raises(UserError, match="differs from its commit"):
        version_of_surroundings(folder)
    monkeypatch.setenv("IMAGE_TAG", "2.0.1")
    assert "2.0.1" == version_of_surroundings(folder)
