"""Statistics of data points, by tables and by laws."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ninelives.monitoring import (
    StatisticUnknown,
    by_period,
    few_samples,
    merged,
    of_statistics,
    of_values,
    period_start,
    periods_before,
    periods_between,
    read_statistic,
    statistic_of,
)
from ninelives.monitoring.distribution import EXACT_MAX, Distribution, on_grid

TEN = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]


def value_of(values: list[float], stat: str) -> float | None:
    distribution = of_values(values)
    assert distribution is not None
    return statistic_of(distribution, read_statistic(stat))


@pytest.mark.parametrize(
    ("stat", "expected"),
    [
        ("SampleCount", 10),
        ("Sum", 55),
        ("Average", 5.5),
        ("Minimum", 1),
        ("Maximum", 10),
        ("p0", 1),
        ("p50", 5),
        ("p90", 9),
        ("p90.1", 10),
        ("p100", 10),
        ("tm90", 5),
        ("ts90", 45),
        ("tc90", 9),
        ("TM(10%:90%)", 5.5),
        ("TM(:90%)", 5),
        ("TM(3:7)", 5.5),
        ("TC(3:7)", 4),
        ("TS(8:)", 19),
        ("PR(:5)", 50),
        ("PR(3:7)", 40),
        ("WM(10%:90%)", 5.5),
        ("IQM", 5.5),
    ],
)
def test_a_statistic_of_one_to_ten(stat: str, expected: float) -> None:
    assert value_of(TEN, stat) == pytest.approx(expected)


@pytest.mark.parametrize("stat", ["", "p", "p101", "average", "TM()", "TM(1:2%)", "PR(1%:2%)", "tm", "p99.99999999999", "sum"])
def test_a_statistic_that_there_is_not_is_refused(stat: str) -> None:
    with pytest.raises(StatisticUnknown, match="is not supported"):
        read_statistic(stat)


def test_a_statistic_set_tells_percentiles_only_where_it_leaves_no_doubt() -> None:
    many = of_statistics(sample_count=10, total=50, minimum=1, maximum=9)
    equal = of_statistics(sample_count=10, total=50, minimum=5, maximum=5)

    assert statistic_of(many, read_statistic("p50")) is None
    assert statistic_of(many, read_statistic("Average")) == 5
    assert statistic_of(equal, read_statistic("p50")) == 5


@pytest.mark.parametrize(("stat", "count", "expected"), [("p99", 999, True), ("p99", 1000, False), ("Average", 1, False)])
def test_few_samples_say_nothing_of_a_percentile(stat: str, count: float, expected: bool) -> None:
    assert few_samples(read_statistic(stat), count) is expected


VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(parts=st.lists(VALUES, min_size=1, max_size=5))
def test_what_is_merged_is_what_came_at_once(parts: list[list[float]]) -> None:
    together = merged(one for part in parts if (one := of_values(part)) is not None)
    at_once = of_values([value for part in parts for value in part])

    assert together is not None
    assert at_once is not None
    assert together.sample_count == at_once.sample_count
    assert (together.minimum, together.maximum) == (at_once.minimum, at_once.maximum)
    assert together.sum == pytest.approx(at_once.sum, abs=1e-3)


@given(values=st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=2000), percent=st.floats(0, 100))
def test_a_percentile_is_off_by_a_hundredth_at_the_most(values: list[float], percent: float) -> None:
    distribution = of_values(values)
    assert distribution is not None
    found = statistic_of(distribution, read_statistic(f"p{percent:.4f}"))
    rank = len(values) * float(f"{percent:.4f}") / 100
    exact = sorted(values)[max(0, math.ceil(rank - 1e-9) - 1)]

    assert found == pytest.approx(exact, rel=0.01)
    assert distribution.minimum <= (found or 0) <= distribution.maximum


@settings(max_examples=15)
@given(values=st.sets(st.floats(0, 1e9), min_size=EXACT_MAX + 1, max_size=EXACT_MAX * 2))
def test_a_data_point_stays_small(values: set[float]) -> None:
    distribution = of_values(sorted(values))
    assert distribution is not None
    assert distribution.values is not None

    assert set(distribution.values) <= {distribution.minimum, distribution.maximum, *map(on_grid, values)}
    assert sum(distribution.values.values()) == len(values)


@given(values=VALUES)
def test_percentiles_rise(values: list[float]) -> None:
    distribution = of_values(values)
    assert distribution is not None
    rising = [statistic_of(distribution, read_statistic(f"p{percent}")) for percent in range(0, 101, 10)]

    assert rising == sorted(rising, key=lambda one: one or 0)


AT = datetime(2026, 11, 27, 3, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_the_last_periods_are_whole_ones() -> None:
    start = period_start(AT, MINUTE)

    assert periods_before(AT, MINUTE, 2) == [start - 2 * MINUTE, start - MINUTE]
    assert periods_before(start, MINUTE, 1) == [start - MINUTE]
    assert periods_between(AT, start + 2 * MINUTE, MINUTE) == [start, start + MINUTE]


def test_samples_fall_into_their_periods() -> None:
    one, two = of_values([1.0]), of_values([2.0])
    assert one is not None
    assert two is not None
    found = by_period([(AT, one), (AT + timedelta(seconds=29), two), (AT + MINUTE, one)], MINUTE)
    start = period_start(AT, MINUTE)

    assert [start, start + MINUTE] == list(found)
    assert found[start].sum == 3


def test_no_values_make_no_distribution() -> None:
    assert of_values([]) is None
    assert of_values([1.0], [0]) is None
    assert merged([]) is None
    assert isinstance(of_values([1.0], [0.5]), Distribution)
