"""Metrics as CloudWatch names them, and what it answers: series of points, read in as few calls as it allows.

Source: ``cloudwatch`` 2010-08-01, ``GetMetricData``: up to 500 queries a call, 100,800 data points an answer.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ninelives.deploy.aws import Aws

QUERIES_A_CALL = 500
PERIODS = (1, 5, 10, 20, 30, 60, 300, 900, 3600, 21600, 86400)
"""In seconds; CloudWatch takes 1, 5, 10, 20, 30 and every multiple of 60."""
MINUTE = 60
KEPT = ((timedelta(days=63), 3600), (timedelta(days=15), 300), (timedelta(hours=3), MINUTE))
"""What is older has no data points of shorter periods."""
SETTLED_AFTER = timedelta(seconds=2)
"""A period that ended just now may lack its last requests; one that has not ended would show half a count."""
STATISTIC = re.compile(r"Average|Sum|Minimum|Maximum|SampleCount|(p|tm|tc|ts|wm)\d{1,2}(\.\d{1,10})?|p100|IQM")
NAMED = re.compile(r"(?P<namespace>[^{}:]+)/(?P<name>[^/{}:]+)(\{(?P<dimensions>[^{}]*)\})?(:(?P<statistic>[^:{}]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric and the statistic of it that is asked for."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str = "Average"

    @property
    def written(self) -> str:
        """As ``read_metric`` reads it.

        >>> Metric(namespace="Cats", name="Purrs", dimensions=(("Room", "hall"),), statistic="p99").written
        'Cats/Purrs{Room=hall}:p99'
        """
        dimensions = ",".join(f"{name}={value}" for name, value in self.dimensions)
        return f"{self.namespace}/{self.name}" + (f"{{{dimensions}}}" if dimensions else "") + f":{self.statistic}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From when to when, in periods of how long; ``start`` and ``end`` are on the period's own bounds."""

    start: datetime
    end: datetime
    period: int
    """In seconds."""

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True)
class Series:
    """Values by the beginning of their period, oldest first; periods without a data point are left out."""

    points: tuple[tuple[datetime, float], ...] = ()

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(value for _, value in self.points)


def read_metric(text: str) -> Metric:
    """A metric such as ``Namespace/Name{Dimension=value,…}:p99``; without a statistic its average.

    Raises ``ValueError`` that says what was expected.

    >>> read_metric("AWS/SQS/NumberOfMessagesSent{QueueName=a}:Sum").namespace
    'AWS/SQS'
    >>> read_metric("Cats/Purrs").statistic
    'Average'
    """
    found = NAMED.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expected Namespace/Name{{Dimension=value}}:statistic, found {text!r}")
    statistic = found["statistic"] or "Average"
    if STATISTIC.fullmatch(statistic) is None:
        raise ValueError(f"expected a statistic such as Average, Sum, Maximum or p99, found {statistic!r}")
    dimensions = []
    for part in filter(None, (found["dimensions"] or "").split(",")):
        name, is_there, value = part.partition("=")
        if not (name.strip() and is_there and value.strip()):
            raise ValueError(f"expected dimensions such as QueueName=orders, found {part!r}")
        dimensions.append((name.strip(), value.strip()))
    return Metric(namespace=found["namespace"], name=found["name"], dimensions=tuple(sorted(dimensions)), statistic=statistic)


def window(now: datetime, since: timedelta, *, period: int | None, points: int, shortest: int = MINUTE) -> Window:
    """The last ``since`` until ``now``, in whole periods that have ended.

    Where no period is asked for it is the shortest that gives at most ``points``. ``shortest`` is what data points are kept
    by: a minute, and less in a region whose time is scaled.
    """
    fine = next((seconds for age, seconds in KEPT if since > age), 1)
    long_enough = (one for one in PERIODS if one >= max(fine, shortest) and since.total_seconds() / one <= points)
    chosen = period or next(long_enough, PERIODS[-1])
    start = _down(now - since, chosen)
    end = max(_down(now - SETTLED_AFTER, chosen), start + timedelta(seconds=chosen))
    return Window(start=start, end=end, period=chosen)


def shortest_period(time_scale: float) -> int:
    """What data points of a minute are kept by in a region whose time is scaled.

    >>> shortest_period(1.0), shortest_period(12.0), shortest_period(7.0)
    (60, 5, 10)
    """
    return next(one for one in PERIODS if one >= min(MINUTE, MINUTE / time_scale))


def _down(instant: datetime, period: int) -> datetime:
    return datetime.fromtimestamp(instant.timestamp() // period * period, tz=instant.tzinfo)


def read_series(aws: Aws, metrics: Iterable[Metric], span: Window) -> dict[Metric, Series]:
    """What CloudWatch knows of ``metrics``; each is asked for once."""
    wanted = list(dict.fromkeys(metrics))
    points: dict[Metric, dict[datetime, float]] = {metric: {} for metric in wanted}
    for start in range(0, len(wanted), QUERIES_A_CALL):
        chunk = wanted[start : start + QUERIES_A_CALL]
        by_id = {f"m{number}": metric for number, metric in enumerate(chunk)}
        request: dict[str, Any] = {
            "MetricDataQueries": [_query(name, metric, span.period) for name, metric in by_id.items()],
            "StartTime": span.start,
            "EndTime": span.end,
            "ScanBy": "TimestampAscending",
        }
        while True:
            answer = aws.cloudwatch.get_metric_data(**request)
            for result in answer["MetricDataResults"]:
                points[by_id[result["Id"]]] |= dict(zip(result["Timestamps"], result["Values"], strict=True))
            if not answer.get("NextToken"):
                break
            request["NextToken"] = answer["NextToken"]
    return {metric: Series(tuple(sorted(found.items()))) for metric, found in points.items()}


def _query(name: str, metric: Metric, period: int) -> dict[str, Any]:
    dimensions = [{"Name": key, "Value": value} for key, value in metric.dimensions]
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions},
            "Period": period,
            "Stat": metric.statistic,
        },
    }


def total(series: Sequence[Series]) -> Series:
    """The sum at each instant at which any of them has a value.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> total([Series(((noon, 1.0),)), Series(((noon, 2.0),)), Series()]).values
    (3.0,)
    """
    sums: dict[datetime, float] = {}
    for one in series:
        for instant, value in one.points:
            sums[instant] = sums.get(instant, 0.0) + value
    return Series(tuple(sorted(sums.items())))


def scaled(series: Series, factor: float) -> Series:
    return Series(tuple((instant, value * factor) for instant, value in series.points))


def by_instant(series: Series) -> Mapping[datetime, float]:
    return dict(series.points)
