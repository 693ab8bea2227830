"""A draining target goes when its requests have ended, or when its time is over; never before it drains in the proxy."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ninelives.model.elbv2 import Target
from ninelives.region.draining import Drains

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TARGET = Target(target_group_arn="g", id="127.0.0.1", port=1, registered_at=NOW, draining_since=NOW)
DELAYS = {"g": timedelta(seconds=30)}


def drained_after(readings: list[int | None], *, seconds: float = 1.0) -> list[bool]:
    drains = Drains()
    return [
        [TARGET]
        == drains.drained(
            [TARGET], {} if reading is None else {TARGET.target_key: reading}, NOW + timedelta(seconds=seconds), DELAYS
        )
        for reading in readings
    ]


def test_two_quiet_readings_in_a_row_are_believed() -> None:
    assert [False, False, False, False, True] == drained_after([3, 0, 1, 0, 0])


def test_a_target_that_does_not_drain_in_the_proxy_yet_is_not_quiet() -> None:
    assert [False, False, False] == drained_after([None, None, None])


def test_the_delay_ends_it_with_requests_in_flight() -> None:
    assert [False] == drained_after([1], seconds=29.9)
    assert [True] == drained_after([1], seconds=30)


def test_readings_of_an_earlier_drain_do_not_count() -> None:
    drains = Drains()
    drains.drained([TARGET], {TARGET.target_key: 0}, NOW, DELAYS)
    drains.drained([], {}, NOW, DELAYS)

    again = replace(TARGET, draining_since=NOW + timedelta(seconds=5))

    assert [] == drains.drained([again], {again.target_key: 0}, NOW + timedelta(seconds=6), DELAYS)


def test_readings_are_a_tenth_of_a_second_apart() -> None:
    drains = Drains()

    assert [True, False, False, True] == [drains.may_be_read(NOW + timedelta(milliseconds=after)) for after in (0, 1, 99, 100)]
