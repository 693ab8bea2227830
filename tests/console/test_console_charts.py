"""Queries of the charts, and how CloudWatch's answer becomes values on a grid."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ninelives.console.charts import RANGES, Window, charts_view, queries, window_of
from ninelives.console.facts import MetricSource

START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
WINDOW = Window(start=START, period=60, count=4)
SOURCE = MetricSource(cluster="shop", service="cats", groups={"blue": ("app/cats/1", "targetgroup/blue/2")})


def test_counts_without_a_data_point_are_zero_and_all_else_is_a_gap() -> None:
    at = [START + timedelta(minutes=number) for number in (1, 3)]
    results: list[dict[str, Any]] = [
        {"Id": "g0_requests", "Timestamps": at, "Values": [10.0, 30.0]},
        {"Id": "g0_p99", "Timestamps": at[:1], "Values": [0.25]},
        {"Id": "s_cpu", "Timestamps": [], "Values": []},
    ]

    view = charts_view(SOURCE, WINDOW, results)

    assert [0, 10, 0, 30] == view["groups"]["blue"]["requests"]
    assert [None, 0.25, None, None] == view["groups"]["blue"]["p99"]
    assert [None] * 4 == view["cpu"]


def test_an_answer_may_come_in_parts() -> None:
    parts = [{"Id": "s_cpu", "Timestamps": [START + timedelta(minutes=number)], "Values": [number]} for number in (0, 2)]

    assert [0, None, 2, None] == charts_view(SOURCE, WINDOW, parts)["cpu"]


def test_a_service_without_a_load_balancer_is_asked_for_its_tasks_alone() -> None:
    asked = queries(MetricSource(cluster="shop", service="worker"), WINDOW)

    assert {"CPUUtilization", "MemoryUtilization"} == {one["MetricStat"]["Metric"]["MetricName"] for one in asked}
    assert [] == charts_view(MetricSource(cluster="shop", service="worker"), WINDOW, [])["elb5"]


def test_ids_of_queries_are_such_as_cloudwatch_takes() -> None:
    names = [one["Id"] for one in queries(SOURCE, WINDOW)]

    assert len(names) == len(set(names))
    assert all(name[0].islower() and name.replace("_", "").isalnum() for name in names)


@pytest.mark.parametrize("seconds", RANGES)
@pytest.mark.parametrize("base", [1, 5, 10, 30, 60])
def test_a_stretch_is_whole_periods_that_cloudwatch_takes_and_none_that_has_not_ended(seconds: int, base: int) -> None:
    now = datetime(2026, 11, 27, 12, 0, 42, tzinfo=UTC)

    window = window_of(now, seconds, base)

    assert window.period in {1, 5, 10, 30} or window.period % 60 == 0
    assert window.period >= base
    assert window.count <= 240
    assert window.end <= now
    assert 0 == window.start.timestamp() % window.period
