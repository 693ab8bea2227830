"""The log store: events in order, room that is bounded, retention that is kept, nothing that comes back."""

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ninelives.database import DatabaseFromTheFuture
from ninelives.model.arns import Place
from ninelives.model.logs import LogGroup, LogStream, Position
from ninelives.telemetry.logs import Batch, CloudWatchLogs, LogStore, NoSuchGroup, NoSuchStream, Rejected
from ninelives.telemetry.logs.keeping import Keeping
from ninelives.telemetry.logs.schema import open_to_write
from ninelives.telemetry.logs.store import Stretch

PLACE = Place(region="eu-west-1", account="123456789012")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
MB = 1024 * 1024


def a_store(path: Path | None = None) -> LogStore:
    return LogStore(open_to_write(path))


def a_group(store: LogStore, name: str = "/ecs/cats", retention_days: int | None = None) -> LogGroup:
    store.create_group(LogGroup(id=0, name=name, created_ms=NOW_MS, retention_days=retention_days))
    found = store.group(name)
    assert found is not None
    return found


def a_stream(store: LogStore, group: LogGroup, name: str = "web/1") -> LogStream:
    store.create_stream(group, name, NOW_MS)
    found = store.stream(group, name)
    assert found is not None
    return found


def messages(store: LogStore, group: LogGroup, stretch: Stretch | None = None) -> list[str]:
    return [one.message for one in store.events(group, stretch or Stretch(), limit=100_000)]


def test_events_of_a_group_lie_in_the_order_of_their_time_and_then_of_their_arrival() -> None:
    store = a_store()
    group = a_group(store)
    one, other = a_stream(store, group, "web/1"), a_stream(store, group, "web/2")
    store.append([(group, one, [(1, "a"), (5, "d")]), (group, other, [(1, "b"), (3, "c")])], NOW_MS)
    store.append([(group, one, [(3, "late")])], NOW_MS)

    assert messages(store, group) == ["a", "b", "c", "late", "d"]
    assert messages(store, group, Stretch(is_descending=True)) == ["d", "late", "c", "b", "a"]
    assert messages(store, group, Stretch(streams=[one])) == ["a", "late", "d"]
    assert messages(store, group, Stretch(streams=[one, other], start_ms=3, end_ms=5)) == ["c", "late"]
    known = store.stream(group, "web/1")
    assert known is not None
    assert (known.first_ms, known.last_ms, known.ingested_ms) == (1, 5, NOW_MS)


@pytest.mark.parametrize("is_descending", [False, True])
def test_a_late_page_is_read_as_fast_as_the_first(*, is_descending: bool) -> None:
    """In steps of SQLite's machine: a page that begins at the first event would take fifty times as many."""
    database = open_to_write(None)
    store = LogStore(database)
    group = a_group(store)
    streams = [a_stream(store, group, name) for name in ("a", "b")]
    for stream in streams:
        store.append([(group, stream, [(at, "x") for at in range(5_000)])], NOW_MS)
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    database.set_progress_handler(count, 10)
    for wanted in (None, streams[:1], streams):
        taken: list[int] = []
        after: Position | None = None
        for _ in range(49):
            steps = 0
            after = store.events(group, Stretch(streams=wanted, is_descending=is_descending), after=after, limit=100)[
                -1
            ].position
            taken.append(steps)

        assert taken[-1] < 3 * taken[0]


def test_what_is_deleted_is_gone_at_once_and_its_room_bit_by_bit(tmp_path: Path) -> None:
    store = a_store(tmp_path / "logs.sqlite")
    keeping = Keeping(store, bytes_max=100 * MB)
    group = a_group(store)
    stream = a_stream(store, group)
    store.append([(group, stream, [(number, "x" * 1000) for number in range(12_000)])], NOW_MS)
    used = store.used_bytes
    store.delete_group(group)

    assert store.group("/ecs/cats") is None
    again = a_group(store)
    a_stream(store, again)
    assert messages(store, again) == []
    while keeping.step(NOW_MS):
        pass
    assert used > 12 * MB > 2 * MB > store.used_bytes
    assert (tmp_path / "logs.sqlite").stat().st_size < 8 * MB


def test_a_deleted_stream_takes_its_events_along() -> None:
    store = a_store()
    group = a_group(store)
    gone, stays = a_stream(store, group, "gone"), a_stream(store, group, "stays")
    store.append([(group, gone, [(1, "old")]), (group, stays, [(2, "new")])], NOW_MS)
    store.delete_stream(group, gone)

    assert messages(store, group) == ["new"]
    while store.sweep(10):
        pass
    a_stream(store, group, "gone")
    assert messages(store, group) == ["new"]
    found = store.group(group.name)
    assert found is not None
    assert found.stored_bytes == len("new") + 26


def test_retention_is_kept() -> None:
    store = a_store()
    kept, forever = a_group(store, "kept", retention_days=1), a_group(store, "forever")
    day_ms = 24 * 60 * 60 * 1000
    for group in (kept, forever):
        store.append([(group, a_stream(store, group), [(NOW_MS - 2 * day_ms, "old"), (NOW_MS, "new")])], NOW_MS)
    while Keeping(store, bytes_max=MB).step(NOW_MS):
        pass

    assert messages(store, kept) == ["new"]
    assert messages(store, forever) == ["old", "new"]


def test_beyond_the_bound_the_oldest_events_of_the_largest_group_go_and_it_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "logs.sqlite"
    store = a_store(path)
    small, large = a_group(store, "small"), a_group(store, "large")
    store.append([(small, a_stream(store, small), [(0, "kept")])], NOW_MS)
    stream = a_stream(store, large)
    keeping = Keeping(store, bytes_max=4 * MB)
    with caplog.at_level(logging.WARNING):
        for start in range(0, 40_000, 2_000):
            store.append([(large, stream, [(start + one, f"{start + one} {'x' * 400}") for one in range(2_000)])], NOW_MS)
            keeping.make_room(NOW)

            assert store.used_bytes <= 4 * MB

    assert path.stat().st_size < 6 * MB
    assert messages(store, small) == ["kept"]
    left = messages(store, large)
    assert left[-1].startswith("39999 ")
    assert [int(one.split()[0]) for one in left] == list(range(40_000 - len(left), 40_000))
    (told,) = [record.getMessage() for record in caplog.records]
    assert "of log group large were forgotten: the region's logs may take 4 MB" in told


def test_a_newer_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "logs.sqlite"
    a_store(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(DatabaseFromTheFuture, match="schema 99"):
        open_to_write(path)


def test_batches_hold_up_no_other_and_say_what_was_not_taken(tmp_path: Path) -> None:
    async def scenario() -> list[object]:
        logs = CloudWatchLogs(tmp_path / "logs.sqlite", place=PLACE, now=lambda: NOW)
        old, future = NOW_MS - 15 * 86_400_000, NOW_MS + int(timedelta(hours=3).total_seconds() * 1000)
        await logs.write(lambda store: a_group(store, "here"))
        answers: list[object] = list(
            await logs.put(
                [
                    Batch(group="missing", stream="s", events=[(NOW_MS, "x")], makes_stream=True),
                    Batch(group="here", stream="s", events=[(NOW_MS, "x")]),
                    Batch(group="made", stream="s", events=[(NOW_MS, "x")], makes_stream=True, makes_group=True),
                    Batch(group="here", stream="t", events=[(old, "o"), (NOW_MS, "x"), (future, "f")], makes_stream=True),
                ]
            )
        )
        await logs.close()
        again = CloudWatchLogs(tmp_path / "logs.sqlite", place=PLACE, now=lambda: NOW)
        for name in ("here", "made"):
            group = await again.read(lambda store, name=name: store.group(name))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            assert group is not None
            assert await again.read(lambda store, group=group: messages(store, group)) == ["x"]  # type: ignore[misc]  # the same
        await again.close()
        return answers

    missing_group, missing_stream, made, sifted = asyncio.run(scenario())

    assert isinstance(missing_group, NoSuchGroup)
    assert isinstance(missing_stream, NoSuchStream)
    assert made == Rejected()
    assert sifted == Rejected(too_old_end=1, too_new_start=2)
