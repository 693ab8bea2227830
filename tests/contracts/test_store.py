"""The contract of ``region.ports.Store``, kept by SQLite and by the simulator's disk."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from ninelives.model.ecs import Cluster
from ninelives.region.ports import Store
from ninelives.simulator.disk import Disk, SimulatedStore
from ninelives.simulator.event_loop import Process
from ninelives.simulator.faults import Fates
from ninelives.simulator.options import draw
from ninelives.store import SqliteStore

Opened = Callable[[], Store]
"""Opens the same records again, as the next control plane does."""


@pytest.fixture(params=["sqlite", "simulated"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "region.sqlite")
    disk, fates = Disk(), Fates(draw(0), Random(0), lambda _where: None)
    return lambda: SimulatedStore(disk, Process("control plane"), fates)


def cluster(name: str, status: str = "ACTIVE") -> Cluster:
    return Cluster(arn=name, name=name, status=status)


def test_what_is_committed_is_loaded_in_the_order_in_which_it_was_first_written(opened: Opened) -> None:
    store = opened()
    store.commit([cluster("b"), cluster("a")], [])
    store.commit([cluster("c"), cluster("b", "INACTIVE")], [])
    store.close()

    assert [cluster("b", "INACTIVE"), cluster("a"), cluster("c")] == list(opened().load())


def test_what_is_deleted_is_gone_and_comes_last_when_it_is_written_again(opened: Opened) -> None:
    store = opened()
    store.commit([cluster("a"), cluster("b")], [])
    store.commit([], [(Cluster, "a"), (Cluster, "never")])
    store.commit([cluster("a")], [])
    store.close()

    assert [cluster("b"), cluster("a")] == list(opened().load())
