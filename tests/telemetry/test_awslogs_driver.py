"""The awslogs driver: lines become events in order, are written before that is told, and none is lost or split amiss."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ninelives.model.arns import Place
from ninelives.model.logs import LogGroup
from ninelives.region.awslogs import LogDestination, first_line, problems
from ninelives.region.ports import LogLine
from ninelives.telemetry.logs import AwslogsDriver, CloudWatchLogs, driver
from ninelives.telemetry.logs.multiline import EVENT_BYTES_MAX, EventBuffer, split
from ninelives.telemetry.logs.store import Stretch

PLACE = Place(region="eu-west-1", account="123456789012")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Bench:
    """A driver and the logs it writes to."""

    def __init__(self) -> None:
        self.now = NOW
        self.logs = CloudWatchLogs(None, place=PLACE, now=lambda: self.now)
        self.driver = AwslogsDriver(self.logs)
        self.stored: list[str] = []

    def write(self, *lines: str, group: str = "/g", first_line: str | None = None, at: timedelta = timedelta()) -> None:
        options = {"awslogs-multiline-pattern": first_line} if first_line else {}
        destination = LogDestination(group=group, stream="s", create_group=group != "/missing", first_line=begins(options))
        records = [
            LogLine(task_arn="t", container_name="web", timestamp=NOW + at + timedelta(milliseconds=number), message=message)
            for number, message in enumerate(lines)
        ]
        self.driver.write(destination, records, lambda: self.stored.append(lines[-1]))

    async def events(self, group: str = "/g") -> list[tuple[int, str]]:
        """Milliseconds since the beginning, and message."""

        def work(group: LogGroup) -> list[tuple[int, str]]:
            start = int(NOW.timestamp() * 1000)
            found = self.logs._store.events(group, Stretch(), limit=100_000)
            return [(one.at_ms - start, one.message) for one in found]

        known = await self.logs.read(lambda store: store.group(group))
        return [] if known is None else await self.logs.read(lambda _: work(known))


begins = first_line


def run(scenario: Callable[[Bench], object]) -> None:
    async def main() -> None:
        bench = Bench()
        result = scenario(bench)
        assert asyncio.iscoroutine(result)
        await result
        await bench.driver.close()
        await bench.logs.close()

    asyncio.run(main())


def test_lines_are_written_before_it_is_told_that_they_are() -> None:
    async def scenario(bench: Bench) -> None:
        bench.write("one", "", "two")
        bench.write("three", at=timedelta(seconds=1))
        assert bench.stored == []
        await bench.driver.flush()

        assert [message for _, message in await bench.events()] == ["one", "two", "three"]
        assert bench.stored == ["two", "three"]

    run(scenario)


def test_a_missing_group_loses_its_own_lines_only(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(bench: Bench) -> None:
        bench.write("lost", group="/missing")
        bench.write("kept")
        await bench.driver.flush()
        bench.write("lost too", group="/missing")
        await bench.driver.flush()

        assert await bench.events() == [(0, "kept")]
        assert bench.stored == ["lost", "kept", "lost too"]

    run(scenario)

    assert len([record for record in caplog.records if "there is no such log group" in record.getMessage()]) == 1


def test_what_a_full_disk_does_not_take_waits_and_is_written_later(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "AGAIN_AFTER_SECONDS", 0.01)

    async def scenario(bench: Bench) -> None:
        store, append, refusals = bench.logs._store, bench.logs._store.append, iter(range(3))

        def full(*arguments: Any) -> Any:
            if next(refusals, None) is not None:
                raise sqlite3.OperationalError("database or disk is full")
            return append(*arguments)

        monkeypatch.setattr(store, "append", full)
        bench.write("one")
        await bench.driver.flush()

        assert await bench.events() == [(0, "one")]
        assert (bench.stored, next(refusals, None)) == (["one"], None)

    run(scenario)

    assert len([one for one in caplog.records if "lines wait until they can" in one.getMessage()]) == 1


def test_what_was_never_written_is_not_told_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(bench: Bench) -> None:
        def full(*_: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(bench.logs._store, "append", full)
        bench.write("one")
        await bench.driver.close()

        assert bench.stored == []

    run(scenario)


def test_a_closed_driver_takes_nothing_that_it_could_not_write() -> None:
    async def scenario(bench: Bench) -> None:
        bench.write("begun", "  goes on", first_line=r"^\S")
        await bench.driver.close()
        bench.write("too late")

        assert await bench.events() == [(0, "begun\n  goes on\n")]
        assert bench.stored == ["  goes on"]

    run(scenario)


def test_lines_of_one_event_are_merged_until_the_next_begins() -> None:
    async def scenario(bench: Bench) -> None:
        bench.write("ERROR: no", "  at a", first_line="^[A-Z]+:")
        bench.now += timedelta(seconds=2)
        bench.write("  at b", "INFO: yes", "WARN: well", first_line="^[A-Z]+:", at=timedelta(seconds=1))
        await bench.driver.flush()

        assert await bench.events() == [(0, "ERROR: no\n  at a\n  at b\n"), (1001, "INFO: yes\n")]
        assert bench.stored == ["  at a"]  # of the other lines one is in no event yet

    run(scenario)


def test_an_event_that_no_line_ends_goes_after_five_seconds() -> None:
    async def scenario(bench: Bench) -> None:
        bench.write("ERROR: no", first_line="^[A-Z]+:")
        await bench.driver.flush()
        assert await bench.events() == []
        bench.now += timedelta(seconds=5)
        await bench.driver.flush()

        assert await bench.events() == [(0, "ERROR: no\n")]
        assert bench.stored == ["ERROR: no"]

    run(scenario)


def test_an_event_grows_no_longer_than_cloudwatch_logs_takes() -> None:
    buffer = EventBuffer(begins({"awslogs-multiline-pattern": "^begin"}))  # type: ignore[arg-type]  # it is one
    assert buffer.add(0, "begin") is None
    done: Sequence[str] = [event[1] for event in (buffer.add(at, "x" * 100_000) for at in (1, 2, 3)) if event]

    assert [len(one) for one in done] == [6 + 2 * 100_001]
    assert [len(part.encode()) for _, part in split((0, "ü" * 200_000))] == [EVENT_BYTES_MAX, 400_000 - EVENT_BYTES_MAX]


@pytest.mark.parametrize(
    ("options", "line", "is_first"),
    [
        ({"awslogs-datetime-format": r"\[%b %d, %Y %H:%M:%S\]"}, "[May 01, 2017 19:00:01] A message", True),
        ({"awslogs-datetime-format": r"\[%b %d, %Y %H:%M:%S\]"}, "Another line", False),
        ({"awslogs-datetime-format": "%Y-%m-%dT%H:%M:%S%L%z"}, "2026-11-27T12:00:00.123+0100 x", True),
        ({"awslogs-datetime-format": "%A %j %p"}, "Friday 331 PM", True),
        ({"awslogs-datetime-format": "%H:%M"}, "25:00", False),
        ({"awslogs-multiline-pattern": r"^\S"}, "  at cats.rb:3", False),
    ],
)
def test_what_begins_an_event(options: dict[str, str], line: str, is_first: bool) -> None:
    pattern = begins(options)

    assert pattern is not None
    assert (pattern.search(line) is not None) is is_first
    assert list(problems(options)) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"awslogs-datetime-format": "%H", "awslogs-multiline-pattern": "x"}, "at the same time"),
        ({"awslogs-multiline-pattern": "(x"}, 'could not parse multiline pattern key "(x"'),
        ({"mode": "sometimes"}, "logging mode not valid"),
        ({"max-buffer-size": "1m"}, "only supported with 'mode=non-blocking'"),
        ({"awslogs-create-group": "yes"}, "must specify valid value for log opt 'awslogs-create-group'"),
    ],
)
def test_options_that_the_driver_does_not_take(options: dict[str, str], told: str) -> None:
    (problem,) = problems(options)

    assert told in problem


def test_options_that_it_takes() -> None:
    assert list(problems({"mode": "non-blocking", "max-buffer-size": "4m", "awslogs-create-group": "true"})) == []
