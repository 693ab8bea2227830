"""The nouns of CloudWatch metrics: what is measured, and what is asked of it.

Source of every name: botocore ``cloudwatch`` 2010-08-01.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Metric:
    """One series of data points. Metrics with other dimensions are other metrics; nothing is summed over them."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    """Pairs of name and value, sorted by name."""

    @staticmethod
    def of(namespace: str, name: str, dimensions: Mapping[str, str] | None = None) -> "Metric":
        return Metric(namespace, name, tuple(sorted((dimensions or {}).items())))


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricStat:
    """A statistic of a metric over periods, as ``MetricStat`` asks for it."""

    metric: Metric
    period: timedelta
    stat: str
    """As the API spells it: ``Average``, ``p99``, ``TM(10%:90%)``, …"""
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDataQuery:
    """One of the queries of GetMetricData or of an alarm: a statistic or an expression over others."""

    id: str
    stat: MetricStat | None = None
    expression: str | None = None
    label: str | None = None
    return_data: bool = True
    period: timedelta | None = None
    """Of an expression; where it is not given, that of the metrics it uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard: recorded and given back, drawn by nobody here."""

    name: str
    body: str
    modified_at: datetime

    @property
    def key(self) -> str:
        return self.name
