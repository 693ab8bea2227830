"""The catalogue of bad releases: each has a service file that every strategy takes, and a name that says what it is."""

import subprocess
import sys

import pytest
import yaml

from ninelives.deploy.reading import merged, parse_service_file
from ninelives.rehearsal.releases import CATALOGUE, BadRelease
from ninelives.rehearsal.releases.catalogue import base
from ninelives.rehearsal.releases.files import SERVICE
from ninelives.rehearsal.releases.play import plain

FAULTS = SERVICE.read_text(encoding="utf-8")


@pytest.mark.parametrize("strategy", ["rolling", "blue-green", "canary", "linear"])
@pytest.mark.parametrize("bad", CATALOGUE, ids=lambda bad: bad.name)
def test_every_strategy_takes_its_service_file(bad: BadRelease, strategy: str) -> None:
    file = merged(merged(base(bad.name, listener_port=8080), bad.settings), bad.changes)

    read = parse_service_file(yaml.safe_dump(plain(merged(file, {"deploy": {"strategy": strategy}}))))

    assert (bad.name, strategy) == (read.service, read.deploy.strategy)


@pytest.mark.parametrize("bad", CATALOGUE, ids=lambda bad: bad.name)
def test_its_fault_is_the_applications_or_the_definitions(bad: BadRelease) -> None:
    in_definition = bad.image is not None or {"command", "secrets"} & set(bad.changes)

    assert in_definition or f'"{bad.name}"' in FAULTS


def test_names_are_unique() -> None:
    assert len(CATALOGUE) == len({bad.name for bad in CATALOGUE})


@pytest.mark.parametrize(("version", "code"), [("exits-at-once-1", 3), ("crashes-one-in-two-1", None)])
def test_the_service_shows_the_fault_that_its_version_names(version: str, code: int | None) -> None:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(SERVICE)],
        env={"VERSION": version, "PORT": "0", "HOST": "127.0.0.1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert f"{version} boots\n" == process.stdout.readline()
        said = process.stdout.readline()
        if "error:" not in said:
            process.terminate()
        rest = process.stdout.read()

    expected = {3} if code is not None else {3, 0}
    assert process.returncode in expected
    assert ("error:" in said) == (process.returncode == 3)
    assert ("all requests are answered" in rest) == (process.returncode == 0)
