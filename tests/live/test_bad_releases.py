"""A bad release takes itself back: the old version serves on, the verdict is true, and the cause stands in a sentence."""

import subprocess
from pathlib import Path

import pytest
from live_region import RegionUnderTest, eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def serving(region: RegionUnderTest) -> RegionUnderTest:
    code, result = region.deploy("good-1")
    assert (0, "succeeded") == (code, result["verdict"])
    # From here on releases are bad, and need not be waited for as long as a busy machine's boot.
    file = region.project / "ninelives.yml"
    file.write_text(file.read_text().replace("grace_period: 30s", "grace_period: 5s"))
    return region


@pytest.mark.parametrize(
    ("version", "cause"),
    [
        ("exits-1", "exit"),
        ("health-500-1", "500"),
        ("other-port-1", "8080"),
    ],
)
def test_a_bad_release_rolls_back_and_says_why(serving: RegionUnderTest, version: str, cause: str) -> None:
    code, result = serving.deploy(version)

    assert (4, "rolled_back") == (code, result["verdict"])
    assert cause in result["cause"]
    assert "good-1" == serving.get("/")
    service = serving.service()
    assert (1, 2, 2) == (len(service["deployments"]), service["runningCount"], service["desiredCount"])


def test_a_version_that_is_not_there_changes_nothing(serving: RegionUnderTest) -> None:
    (serving.project / "Dockerfile").rename(serving.project / "Dockerfile.away")
    try:
        before = serving.service()["deployments"]

        done = serving.command("deploy", "nowhere-1")

        assert 1 == done.returncode
        assert "Dockerfile" in done.stderr
        assert "Traceback" not in done.stderr
        assert before == serving.service()["deployments"]
    finally:
        (serving.project / "Dockerfile.away").rename(serving.project / "Dockerfile")


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_known_one(serving: RegionUnderTest) -> None:
    file = serving.project / "ninelives.yml"
    good = file.read_text()
    file.write_text(good.replace("health:", "helth:"))
    try:
        done = serving.command("deploy", "good-2")
    finally:
        file.write_text(good)

    assert 1 == done.returncode
    assert "helth" in done.stderr
    assert "health" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_stopped_tasks_of_bad_releases_left_nothing_behind(serving: RegionUnderTest) -> None:
    def alone() -> bool:
        return 2 == len(_things_of(serving))

    eventually(alone, what="two tasks and nothing else")


def _things_of(region: RegionUnderTest) -> list[str]:
    if region.runtime == "docker":
        done = subprocess.run(
            ["docker", "ps", "-a", "--format", "{{.Labels}}"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        return [line for line in done if region.settings.instance in line]
    return [folder.name for folder in Path("/proc").glob("[0-9]*") if _runs_below(folder, region.settings.state_directory)]


def _runs_below(process: Path, directory: Path) -> bool:
    try:
        return b"puma" in (process / "cmdline").read_bytes() and (process / "cwd").readlink().is_relative_to(directory)
    except OSError:
        return False
