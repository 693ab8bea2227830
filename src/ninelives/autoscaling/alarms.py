"""The two alarms that target tracking makes and keeps, in PutMetricAlarm's members.

Source: user guide, "How target tracking scaling works"; names, periods and descriptions as alarms of ECS services show them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ninelives.model.metrics import Metric, MetricDataQuery, MetricStat
from ninelives.model.scaling import ScalingPolicy, TargetTracking

HIGH_PERIODS: Final = 3
LOW_PERIODS: Final = 15
LOW_SHARE: Final = 0.9
"""Of the target: below it, for fifteen periods, capacity may go."""

MADE: Final = "TargetTracking-"
"""How the names of alarms begin that target tracking made."""


def alarm_names(resource_id: str, high: str, low: str) -> tuple[str, str]:
    """Names of the alarms above and below; ``high`` and ``low`` are UUIDs.

    >>> alarm_names("service/c/web", "1", "2")
    ('TargetTracking-service/c/web-AlarmHigh-1', 'TargetTracking-service/c/web-AlarmLow-2')
    """
    return f"{MADE}{resource_id}-AlarmHigh-{high}", f"{MADE}{resource_id}-AlarmLow-{low}"


def alarms_of(policy: ScalingPolicy) -> Sequence[Mapping[str, Any]]:
    """PutMetricAlarm's parameters for both alarms of a policy that tracks a target."""
    rule = policy.rule
    assert isinstance(rule, TargetTracking)
    high, low = policy.alarms
    common = {
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
        "ActionsEnabled": True,
        "AlarmActions": [policy.arn],
        **_watched(rule.watched),
    }
    return (
        {
            "AlarmName": high,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": rule.target_value,
            "EvaluationPeriods": HIGH_PERIODS,
            **common,
        },
        {
            "AlarmName": low,
            "ComparisonOperator": "LessThanThreshold",
            "Threshold": rule.target_value * LOW_SHARE,
            "EvaluationPeriods": LOW_PERIODS,
            **common,
        },
    )


def _watched(watched: MetricStat | tuple[MetricDataQuery, ...]) -> Mapping[str, Any]:
    if isinstance(watched, MetricStat):
        unit = {} if watched.unit is None else {"Unit": watched.unit}
        kind = "Statistic" if watched.stat in STATISTICS else "ExtendedStatistic"
        return {**_metric(watched.metric), kind: watched.stat, "Period": round(watched.period.total_seconds()), **unit}
    return {"Metrics": [_query(one) for one in watched]}


STATISTICS: Final = frozenset({"Average", "Minimum", "Maximum", "SampleCount", "Sum"})


def _metric(metric: Metric) -> Mapping[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}


def _query(query: MetricDataQuery) -> Mapping[str, Any]:
    stat = query.stat
    written: dict[str, Any] = {"Id": query.id, "ReturnData": query.return_data}
    if query.label is not None:
        written["Label"] = query.label
    if query.expression is not None:
        written["Expression"] = query.expression
    if stat is not None:
        unit = {} if stat.unit is None else {"Unit": stat.unit}
        period = round(stat.period.total_seconds())
        written["MetricStat"] = {"Metric": _metric(stat.metric), "Period": period, "Stat": stat.stat, **unit}
    return written
