"""Which figures the charts ask CloudWatch for, and what they make of the answer. Pure.

Counts are zero where CloudWatch has no data point (ELB tells none for a minute without); all else has a gap there.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ninelives.console.facts import Answer, MetricSource

HIGH_RESOLUTIONS = (1, 5, 10, 30)
"""Periods below a minute that CloudWatch takes, in seconds."""
MINUTE = 60
POINTS_MAX = 240
RANGES = (900, 3600, 10_800, 43_200, 259_200)
"""Stretches of time that charts show, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A statistic of a metric."""

    name: str
    """What the page calls it."""
    metric: str
    statistic: str
    is_count: bool = False


GROUP_FIGURES = (
    Figure(name="requests", metric="RequestCount", statistic="Sum", is_count=True),
    Figure(name="e5", metric="HTTPCode_Target_5XX_Count", statistic="Sum", is_count=True),
    Figure(name="e4", metric="HTTPCode_Target_4XX_Count", statistic="Sum", is_count=True),
    Figure(name="p50", metric="TargetResponseTime", statistic="p50"),
    Figure(name="p90", metric="TargetResponseTime", statistic="p90"),
    Figure(name="p99", metric="TargetResponseTime", statistic="p99"),
    Figure(name="healthy", metric="HealthyHostCount", statistic="Minimum"),
)
"""For each target group."""
BALANCER_FIGURES = (Figure(name="elb5", metric="HTTPCode_ELB_5XX_Count", statistic="Sum", is_count=True),)
"""For each load balancer, which other services may share."""
SERVICE_FIGURES = (
    Figure(name="cpu", metric="CPUUtilization", statistic="Average"),
    Figure(name="cpu_max", metric="CPUUtilization", statistic="Maximum"),
    Figure(name="memory", metric="MemoryUtilization", statistic="Average"),
    Figure(name="memory_max", metric="MemoryUtilization", statistic="Maximum"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Whole periods: from ``start`` on, ``count`` of ``period`` seconds each."""

    start: datetime
    period: int
    count: int

    @property
    def end(self) -> datetime:
        return self.start + timedelta(seconds=self.period * self.count)


def base_period(time_scale: float) -> int:
    """The shortest period that has a data point each, where a minute is ``time_scale`` times shorter.

    >>> [base_period(scale) for scale in (1, 5, 6, 20, 60)]
    [60, 30, 10, 5, 1]
    """
    return next((one for one in HIGH_RESOLUTIONS if one >= MINUTE / time_scale), MINUTE)


def window_of(now: datetime, seconds: int, base: int) -> Window:
    """The last ``seconds``, in periods that CloudWatch has whole: none that has not ended.

    >>> window_of(datetime(2026, 1, 1, 12, 0, 42, tzinfo=UTC), 900, 60)
    Window(start=datetime.datetime(2026, 1, 1, 11, 45, tzinfo=datetime.timezone.utc), period=60, count=15)
    """
    at_least = seconds / POINTS_MAX
    period = base if base >= at_least else next((one for one in HIGH_RESOLUTIONS if one >= max(at_least, base)), None)
    if period is None:
        period = math.ceil(at_least / MINUTE) * MINUTE
    ended = math.floor((now.timestamp() - 1) / period) * period
    count = max(1, seconds // period)
    return Window(start=datetime.fromtimestamp(ended - count * period, tz=UTC), period=period, count=count)


def queries(source: MetricSource, window: Window) -> list[dict[str, Any]]:
    """Queries of GetMetricData; each id says what it is for."""
    balancers = sorted({balancer for balancer, _ in source.groups.values()})
    service = {"ClusterName": source.cluster, "ServiceName": source.service}
    return [
        *(
            _query(
                f"g{number}_{one.name}", "AWS/ApplicationELB", one, {"LoadBalancer": balancer, "TargetGroup": group}, window
            )
            for number, (balancer, group) in enumerate(source.groups.values())
            for one in GROUP_FIGURES
        ),
        *(
            _query(f"b{number}_{one.name}", "AWS/ApplicationELB", one, {"LoadBalancer": balancer}, window)
            for number, balancer in enumerate(balancers)
            for one in BALANCER_FIGURES
        ),
        *(_query(f"s_{one.name}", "AWS/ECS", one, service, window) for one in SERVICE_FIGURES),
    ]


def _query(name: str, namespace: str, figure: Figure, dimensions: Mapping[str, str], window: Window) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": figure.metric,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            },
            "Period": window.period,
            "Stat": figure.statistic,
        },
        "ReturnData": True,
    }


def charts_view(source: MetricSource, window: Window, results: Sequence[Answer]) -> dict[str, Any]:
    """Figures a period, on one grid for all; ``results`` are GetMetricData's ``MetricDataResults``."""
    points = _points(results)
    balancers = sorted({balancer for balancer, _ in source.groups.values()})
    own = [_on_grid(points.get(f"b{number}_elb5", {}), window, is_count=True) for number in range(len(balancers))]
    return {
        "start": window.start,
        "period": window.period,
        "count": window.count,
        "groups": {
            arn: {
                one.name: _on_grid(points.get(f"g{number}_{one.name}", {}), window, is_count=one.is_count)
                for one in GROUP_FIGURES
            }
            for number, arn in enumerate(source.groups)
        },
        "elb5": [sum(values) for values in zip(*own, strict=True)] if own else [],
        **{one.name: _on_grid(points.get(f"s_{one.name}", {}), window, is_count=False) for one in SERVICE_FIGURES},
    }


def _points(results: Sequence[Answer]) -> dict[str, dict[int, float]]:
    """Values by query and by second of their period's beginning; an answer may come in several parts."""
    found: dict[str, dict[int, float]] = {}
    for one in results:
        values = zip(one.get("Timestamps") or (), one.get("Values") or (), strict=True)
        found.setdefault(one["Id"], {}).update({int(at.timestamp()): float(value) for at, value in values})
    return found


def _on_grid(points: Mapping[int, float], window: Window, *, is_count: bool) -> list[float | None]:
    start = int(window.start.timestamp())
    found = [points.get(start + place * window.period) for place in range(window.count)]
    return [_short(value) if value is not None else (0 if is_count else None) for value in found]


def _short(value: float) -> float:
    """Six significant digits: what a chart can show, and no more."""
    return float(f"{value:.6g}")
