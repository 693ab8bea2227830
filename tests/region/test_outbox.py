"""What is told of a transaction is committed with it, kept until it is delivered, and never stops it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ecs_world import World

from ninelives.model.ecs import Cluster
from ninelives.model.events import Happening
from ninelives.region import outbox as room
from ninelives.region.outbox import Outbox
from ninelives.region.region import Region
from ninelives.region.state import State, Transition
from ninelives.store import SqliteStore

CLUSTER = Cluster(arn="c", name="c", status="ACTIVE")


def happening(name: str) -> Happening:
    return Happening(source="cats", detail_type="told", resources=(name,), detail={"name": name})


def tell_of_clusters(_region: Region, transitions: Sequence[Transition]) -> Iterator[Happening]:
    for before, after in transitions:
        names = [None if one is None else getattr(one, "status", "?") for one in (before, after)]
        yield happening(f"{names[0]} to {names[1]}")


def told(box: Outbox) -> list[str]:
    return [event.detail["name"] for event in box.waiting()]


def test_a_teller_sees_what_was_and_what_will_be() -> None:
    world = World()
    box = Outbox(world.region, is_heard=lambda: True)
    box.tell_of_transitions(tell_of_clusters)

    world.put(CLUSTER)
    world.put(replace(CLUSTER, status="INACTIVE"))
    with world.region.state.transaction() as changes:
        changes.delete(CLUSTER)

    assert told(box) == ["None to ACTIVE", "ACTIVE to INACTIVE", "INACTIVE to None"]
    assert [event.sequence for event in box.waiting()] == [1, 2, 3]
    assert box.bell.is_set()


def test_nothing_is_recorded_where_nobody_listens() -> None:
    world = World()
    box = Outbox(world.region, is_heard=lambda: False)
    box.tell_of_transitions(tell_of_clusters)

    world.put(CLUSTER)
    ids = box.take([("default", happening("mine"))])

    assert box.waiting() == []
    assert len(ids) == 1


def test_a_transaction_that_is_broken_off_tells_nothing() -> None:
    world = World()
    box = Outbox(world.region, is_heard=lambda: True)
    box.tell_of_transitions(tell_of_clusters)

    with pytest.raises(RuntimeError), world.region.state.transaction() as changes:
        changes.put(CLUSTER)
        raise RuntimeError

    assert box.waiting() == []


def test_a_teller_that_fails_stops_no_transaction(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_region: Region, _transitions: Sequence[Transition]) -> Iterable[Happening]:
        raise KeyError("x")

    world = World()
    Outbox(world.region, is_heard=lambda: True).tell_of_transitions(fail)

    world.put(CLUSTER)

    assert list(world.region.state.clusters) == ["c"]
    assert "could not be found out" in caplog.text


def test_events_outlive_the_control_plane_until_they_are_delivered(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "region.sqlite")
    world = World(store)
    box = Outbox(world.region, is_heard=lambda: True)
    box.tell_of_transitions(tell_of_clusters)
    world.put(CLUSTER)
    box.take([("mine", happening("second")), ("mine", happening("third"))])
    box.remove(box.waiting()[1:2])
    before = box.waiting()
    store.close()

    again = World(SqliteStore(tmp_path / "region.sqlite"))
    box = Outbox(again.region, is_heard=lambda: True)
    box.take([("mine", happening("fourth"))])

    assert told(box) == ["None to ACTIVE", "third", "fourth"]
    assert box.waiting()[:2] == before
    assert [event.sequence for event in box.waiting()] == [1, 3, 4]


def test_an_event_and_what_it_tells_of_are_in_one_commit(tmp_path: Path) -> None:
    class Fails(SqliteStore):
        def commit(self, *_: Any) -> None:
            raise OSError("full")

    world = World(Fails(tmp_path / "region.sqlite"))
    box = Outbox(world.region, is_heard=lambda: True)
    box.tell_of_transitions(tell_of_clusters)

    with pytest.raises(OSError, match="full"):
        world.put(CLUSTER)

    assert box.waiting() == []
    assert State(SqliteStore(tmp_path / "region.sqlite")).bus_events == {}


def test_only_so_many_events_wait_and_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WAITING_MAX", 3)
    world = World()
    box = Outbox(world.region, is_heard=lambda: True)

    for number in range(5):
        box.take([("default", happening(str(number)))])

    assert told(box) == ["2", "3", "4"]


def test_an_event_passed_on_keeps_its_id_and_gets_a_place_behind_the_others() -> None:
    world = World()
    box = Outbox(world.region, is_heard=lambda: True)
    box.take([("default", happening("1")), ("default", happening("2"))])
    first = box.waiting()[0]

    box.pass_on(first, "mine")

    passed_on = box.waiting()[-1]
    assert (passed_on.id, passed_on.bus, passed_on.is_passed_on, passed_on.sequence) == (first.id, "mine", True, 3)
