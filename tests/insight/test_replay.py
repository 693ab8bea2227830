"""What was measured, played again: how busy another size would have been, how scaling follows, which bounds outlive a zone."""

import math

import pytest
from histories import BIG, DAY, SMALL, flat, history
from hypothesis import given
from hypothesis import strategies as st

from ninelives.insight.replay import Bounds, bounds_for, replay, steepest_rise
from ninelives.insight.usage import by_hour, by_hour_of_week
from ninelives.model.fargate import TaskSize


def test_minutes_above_a_limit_are_counted_on_the_size_that_is_asked_about() -> None:
    peaks = history(DAY, cpu=lambda at: 480 if at < 3 else 100)

    found = replay(peaks, SMALL, 2)

    assert {80: 3, 90: 3, 100: 0} == found.minutes_above
    assert (DAY, 93.75) == (found.minutes, found.cpu.maximum)


def test_the_unevenness_of_tasks_is_kept() -> None:
    assert 75 == replay(history(60, cpu=flat(256), skew=1.5), SMALL, 2).cpu.p50


def test_a_daily_wave_is_followed_and_costs_fewer_tasks_on_average() -> None:
    wave = history(2 * DAY, cpu=lambda at: 600 - 500 * math.cos(2 * math.pi * at / DAY), tasks=8, size=SMALL)

    found = replay(wave, SMALL, Bounds(least=2, most=10, target=60))

    assert 0 == found.minutes_above[100]
    assert 8 >= found.most_tasks > found.mean_tasks > 2


def test_a_jump_meets_the_few_tasks_until_new_ones_serve() -> None:
    jump = history(120, cpu=lambda at: 200 if at < 60 else 2000, size=SMALL)

    found = replay(jump, SMALL, Bounds(least=2, most=20, target=50))

    assert 4 == found.minutes_above[100]  # three in a row decide, and a start takes one more


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=60), st.integers(1, 3))
def test_bounds_are_in_order_and_the_target_is_of_use(loads: list[float], zones: int) -> None:
    found = bounds_for(history(len(loads), cpu=loads.__getitem__), SMALL, zones)

    assert 2 <= found.least < found.most
    assert 20 <= found.target <= 75
    assert 0 == found.target % 5


@pytest.mark.parametrize(("zones", "target"), [(1, 75), (2, 50), (3, 65)])
def test_what_is_left_when_a_zone_is_lost_carries_the_load(zones: int, target: int) -> None:
    assert target == bounds_for(history(DAY, cpu=flat(1500)), SMALL, zones).target


def test_the_most_tasks_carry_twice_what_was_ever_seen() -> None:
    found = bounds_for(history(DAY, cpu=lambda at: 1000 if at == 7 else 100), SMALL, 3)

    assert found.most * SMALL.cpu * found.target / 100 >= 2 * 1000


def test_a_load_that_rises_quickly_is_given_room() -> None:
    waves = history(DAY, cpu=lambda at: 1000 if at % 20 < 8 else 500)

    assert 1.0 == pytest.approx(steepest_rise(waves.minutes))
    assert 50 == bounds_for(waves, TaskSize(cpu=256, memory=512), 1).target


def test_a_service_that_mostly_sleeps_has_bounds_too() -> None:
    asleep = history(60, cpu=lambda at: 500 if at == 50 else 0)

    assert 0 == steepest_rise(asleep.minutes)
    assert bounds_for(asleep, SMALL, 2).most * SMALL.cpu > 500


def test_hours_are_told_apart() -> None:
    noon = history(7 * DAY, cpu=lambda at: 900 if at % DAY // 60 == 12 and at // DAY == 2 else 100, size=BIG)

    assert {100.0, 900.0} == set(by_hour(noon.minutes, 99).values())
    assert [(2, 12)] == [hour for hour, value in by_hour_of_week(noon.minutes, 99).items() if value > 100]
