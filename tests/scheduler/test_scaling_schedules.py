"""When scheduled actions are due."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ninelives.scheduler.scaling import ScheduleInvalid, next_run, read_schedule

START = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
"""A Monday."""


def due(text: str, after: datetime = START, *, zone: str = "UTC", start: datetime = START) -> str | None:
    found = next_run(read_schedule(text), after, start=start, zone=ZoneInfo(zone))
    return None if found is None else found.strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at(2026-11-03T09:00:00)", "2026-11-03T09:00"),
        ("at(2026-11-01T09:00:00)", None),
        ("rate(1 minute)", "2026-11-02T08:31"),
        ("rate(12 hours)", "2026-11-02T20:30"),
        ("cron(0 9 * * ? *)", "2026-11-02T09:00"),
        ("cron(30 8 * * ? *)", "2026-11-03T08:30"),
        ("cron(0/15 * * * ? *)", "2026-11-02T08:45"),
        ("cron(0 18 ? * MON-FRI *)", "2026-11-02T18:00"),
        ("cron(0 8 ? * MON-FRI *)", "2026-11-03T08:00"),
        ("cron(0 8 ? * 1 *)", "2026-11-08T08:00"),
        ("cron(0 8 L * ? *)", "2026-11-30T08:00"),
        ("cron(0 8 15W * ? *)", "2026-11-16T08:00"),
        ("cron(0 8 1W AUG ? 2027)", "2027-08-02T08:00"),
        ("cron(0 8 ? * 6#3 *)", "2026-11-20T08:00"),
        ("cron(0 8 ? * 6L *)", "2026-11-27T08:00"),
        ("cron(0 8 29 2 ? *)", "2028-02-29T08:00"),
        ("cron(0 8 * * ? 2025)", None),
    ],
)
def test_the_next_time(text: str, expected: str | None) -> None:
    assert due(text) == expected


def test_a_time_is_that_of_the_zone() -> None:
    assert due("cron(0 9 * * ? *)", zone="America/New_York") == "2026-11-02T14:00"
    assert due("at(2026-07-01T09:00:00)", datetime(2026, 1, 1, tzinfo=UTC), zone="Europe/Berlin") == "2026-07-01T07:00"


def test_an_hour_that_the_clocks_leave_out_is_due_all_the_same() -> None:
    before = datetime(2027, 3, 27, 12, tzinfo=UTC)

    assert due("cron(30 2 * * ? *)", before, zone="Europe/Berlin") == "2027-03-28T01:30"


def test_a_rate_counts_from_its_start() -> None:
    start = datetime(2026, 11, 2, 9, 10, tzinfo=UTC)

    assert due("rate(30 minutes)", start=start) == "2026-11-02T09:10"
    assert due("rate(30 minutes)", datetime(2026, 11, 2, 9, 10, tzinfo=UTC), start=start) == "2026-11-02T09:40"


@pytest.mark.parametrize(
    "text",
    [
        "", "every day", "at(tomorrow)", "at(2026-02-30T00:00:00)", "rate(0 minutes)", "rate(1 minutes)", "rate(2 minute)",
        "cron(0 9 * * *)", "cron(0 9 * * * *)", "cron(0 9 ? * ? *)", "cron(60 9 * * ? *)", "cron(0 9 32 * ? *)",
        "cron(0 9 ? * FOO *)", "cron(0 9 ? * 6#6 *)", "cron(x 9 * * ? *)",
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ScheduleInvalid):
        read_schedule(text)
