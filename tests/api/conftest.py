from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from running_door import PLACE, OpenDoor, RunningDoor

from ninelives.api.call import Operations
from ninelives.model.arns import Place


@pytest.fixture
def open_door() -> Iterator[OpenDoor]:
    """Opens doors that are closed when the test is over."""
    doors: list[RunningDoor] = []

    def start(operations: Mapping[str, Operations] | None = None, **settings: Any) -> RunningDoor:
        doors.append(RunningDoor(operations or {}, **settings))
        return doors[-1]

    yield start
    for door in doors:
        door.stop()


@pytest.fixture
def place() -> Place:
    return PLACE


@pytest.fixture
def fresh_moto() -> Iterator[None]:
    """No records of another test in moto, whose backends are global."""
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    yield
    BackendDict.reset()
