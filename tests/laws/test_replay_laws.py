"""What right-sizing foretells of scaling is what the region's own scaling does under the same load."""

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scaling_world import START, ScalingWorld, target, tracking

from ninelives.insight.replay import Bounds, replay
from ninelives.insight.usage import Minute, Usage
from ninelives.model.fargate import TaskSize

LAWS = settings.get_profile("laws")
DAY = 24 * 60
SIZE = TaskSize(cpu=1024, memory=2048)


@settings(LAWS, max_examples=25)
@given(
    middle=st.floats(200, 2000),
    swing=st.floats(0, 0.9),
    hours=st.integers(6, 24),
    percent=st.integers(8, 14),
    least=st.integers(1, 4),
)
def test_a_wave_is_followed_as_the_region_follows_it(
    middle: float, swing: float, hours: int, percent: int, least: int
) -> None:
    """Percent of one task's CPU, over a day and more; the count on average, at its most, and how long it was not enough."""
    bounds = Bounds(least=least, most=60, target=5 * percent)

    def load(minute: int) -> float:
        return middle * (1 - swing * math.cos(2 * math.pi * minute / (60 * hours)))

    world = ScalingWorld([tracking(value=bounds.target)], load, target(least, bounds.most), least, least, boot_minutes=2)
    counted, short = [], 0
    for minute in range(1, 2 * DAY + 1):
        world.step()
        counted.append(world.running)
        short += load(minute) / world.running > 100

    foretold = replay(_usage([load(minute) for minute in range(1, 2 * DAY + 1)]), SIZE, bounds)

    # A load that comes to whole tasks is one task more or less, by the last digit of a float.
    assert sum(counted) / len(counted) == pytest.approx(foretold.mean_tasks, rel=0.05, abs=1)
    assert max(counted) == pytest.approx(foretold.most_tasks, abs=2, rel=0.1)
    assert short == pytest.approx(foretold.minutes_above[100], abs=5)


def _usage(percents: list[float]) -> Usage:
    """All of it on one task, as far as that goes."""
    return Usage(
        minutes=tuple(
            Minute(
                at=START + minute * timedelta(minutes=1),
                tasks=1,
                cpu=percent / 100 * SIZE.cpu,
                busiest=percent / 100 * SIZE.cpu,
                memory=1,
                size=SIZE,
            )
            for minute, percent in enumerate(percents)
        )
    )
