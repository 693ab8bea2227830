from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from moto import mock_aws
from release_world import World


@contextmanager
def a_world(folder: Path) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as monkeypatch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        world = World(folder)
        world.has_image("1.0.0")
        world.has_image("2.0.1")
        yield world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path) as world:
        yield world


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which 1.0.0 was released, then 2.0.1; its tests change nothing of it."""
    with a_world(tmp_path_factory.mktemp("releases")) as world:
        for version in ("1.0.0", "2.0.1"):
            assert world.deploy(version).has_succeeded
        yield world
