"""Metrics and queries between the wire and the model."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ninelives.api.cloudwatch.handling import invalid
from ninelives.model.metrics import Metric, MetricDataQuery, MetricStat
from ninelives.monitoring import StatisticUnknown, read_statistic

Wire = Mapping[str, Any]

HIGH_RESOLUTION_PERIODS = (1, 5, 10, 20, 30)
MINUTE = 60


def read_dimensions(given: Iterable[Wire] | None) -> dict[str, str]:
    """Dimensions by name. Raises ``ApiError`` for a name that comes twice."""
    found: dict[str, str] = {}
    for one in given or ():
        if one["Name"] in found:
            raise invalid(f"No duplicate names allowed in the dimensions: {one['Name']}.")
        found[one["Name"]] = one["Value"]
    return found


def write_dimensions(metric: Metric) -> list[Wire]:
    return [{"Name": name, "Value": value} for name, value in metric.dimensions]


def read_metric(given: Wire) -> Metric:
    return Metric.of(given.get("Namespace", ""), given.get("MetricName", ""), read_dimensions(given.get("Dimensions")))


def write_metric(metric: Metric) -> Wire:
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": write_dimensions(metric)}


def read_period(seconds: int, *, least: int = 1) -> timedelta:
    """A period. Raises ``ApiError`` for one that CloudWatch does not take."""
    if seconds < least or (seconds % MINUTE and seconds not in HIGH_RESOLUTION_PERIODS):
        allowed = [str(one) for one in HIGH_RESOLUTION_PERIODS if one >= least]
        raise invalid(f"The parameter Period must be {', '.join(allowed)} or a multiple of 60.")
    return timedelta(seconds=seconds)


def read_stat(given: Wire) -> MetricStat:
    return MetricStat(
        metric=read_metric(given["Metric"]),
        period=read_period(given["Period"]),
        stat=checked_statistic(given["Stat"]),
        unit=given.get("Unit"),
    )


def checked_statistic(text: str) -> str:
    """A statistic by its name. Raises ``ApiError`` for one that there is not."""
    try:
        read_statistic(text)
    except StatisticUnknown as error:
        raise invalid(str(error)) from error
    return text


def write_stat(stat: MetricStat) -> Wire:
    return {"Metric": write_metric(stat.metric), "Period": seconds_of(stat.period), "Stat": stat.stat, "Unit": stat.unit}


def read_queries(given: Sequence[Wire]) -> tuple[MetricDataQuery, ...]:
    return tuple(
        MetricDataQuery(
            id=one["Id"],
            stat=read_stat(one["MetricStat"]) if "MetricStat" in one else None,
            expression=one.get("Expression"),
            label=one.get("Label"),
            return_data=one.get("ReturnData", True),
            period=read_period(one["Period"]) if "Period" in one else None,
        )
        for one in given
    )


def write_query(query: MetricDataQuery) -> Wire:
    return {
        "Id": query.id,
        "MetricStat": None if query.stat is None else write_stat(query.stat),
        "Expression": query.expression,
        "Label": query.label,
        "ReturnData": query.return_data,
        "Period": None if query.period is None else seconds_of(query.period),
    }


def seconds_of(period: timedelta) -> int:
    return round(period.total_seconds())
