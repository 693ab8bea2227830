from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ninelives.registry import Registry, Repository


class HandClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, by: timedelta) -> None:
        self.time += by


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def advance(clock: HandClock) -> Callable[[timedelta], None]:
    """Sets the registry's clock forward."""
    return clock.advance


@pytest.fixture
def open_registry(tmp_path: Path, clock: HandClock) -> Iterator[Callable[[], Registry]]:
    """Opens the registry of the test; once more, as after a restart."""
    opened: list[Registry] = []

    def open_it() -> Registry:
        for registry in opened:
            registry.close()
        opened.append(Registry(tmp_path / "registry", account="111122223333", now=clock.now))
        return opened[-1]

    yield open_it
    opened[-1].close()


@pytest.fixture
def registry(open_registry: Callable[[], Registry], clock: HandClock) -> Registry:
    """With the repositories ``cats`` and ``team/dogs``."""
    made = open_registry()
    for name in ("cats", "team/dogs"):
        made.create_repository(Repository(name=name, created_at=clock.now()))
    return made
