"""A service's auto scaling at one moment: bounds, what is followed and where it stands, what was done last, what holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ninelives.deploy.aws import Aws, pages
from ninelives.deploy.deployment_report import in_text
from ninelives.deploy.scaling import PREFIX, read_known, scaled
from ninelives.deploy.service_file import ServiceFile

ACTIVITIES_SHOWN: Final = 5
MINUTE: Final = 60
LOOK_BACK: Final = 10
"""Minutes in which the last value of a metric is looked for."""
SUSPENSIONS: Final = {
    "in": "DynamicScalingInSuspended",
    "out": "DynamicScalingOutSuspended",
    "scheduled": "ScheduledScalingSuspended",
}
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySeen:
    """A policy. ``target`` and ``value`` are None where it tracks none, and where the metric has no data."""

    name: str
    kind: str
    target: float | None
    value: float | None
    alarms: Mapping[str, str]
    """States by name."""

    @property
    def short_name(self) -> str:
        return self.name.removeprefix(PREFIX)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.kind,
            "target": self.target,
            "value": self.value,
            "alarms": dict(self.alarms),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivitySeen:
    at: datetime
    description: str
    cause: str
    status: str
    reason: str | None
    """The code of why nothing was done."""

    def as_json(self) -> dict[str, Any]:
        return {
            "at": in_text(self.at),
            "description": self.description,
            "cause": self.cause,
            "status": self.status,
            "not_scaled": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSeen:
    name: str
    schedule: str
    timezone: str
    min: int | None
    max: int | None

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "at": self.schedule, "timezone": self.timezone, "min": self.min, "max": self.max}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingSeen:
    min: int
    max: int
    suspended: tuple[str, ...]
    """Of ``in``, ``out``, ``scheduled``."""
    policies: tuple[PolicySeen, ...]
    schedules: tuple[ScheduleSeen, ...]
    activities: tuple[ActivitySeen, ...]
    """The newest first."""
    is_held: bool
    """Whether a deployment holds scale-in."""

    def as_json(self) -> dict[str, Any]:
        return {
            "min": self.min,
            "max": self.max,
            "suspended": list(self.suspended),
            "held_by_deployment": self.is_held,
            "policies": [one.as_json() for one in self.policies],
            "schedules": [one.as_json() for one in self.schedules],
            "activities": [one.as_json() for one in self.activities],
        }


def read_scaling(
    aws: Aws, file: ServiceFile, now: datetime, *, is_deploying: bool, time_scale: float = 1.0
) -> ScalingSeen | None:
    """What scales the service; None where nothing does."""
    known = read_known(aws, file)
    if known.target is None:
        return None
    alarms = _alarms(aws, [alarm["AlarmName"] for policy in known.policies for alarm in policy.get("Alarms", ())])
    suspended = known.target.get("SuspendedState", {})
    return ScalingSeen(
        min=known.target["MinCapacity"],
        max=known.target["MaxCapacity"],
        suspended=tuple(short for short, member in SUSPENSIONS.items() if suspended.get(member)),
        policies=tuple(_policy(aws, one, alarms, now, time_scale) for one in known.policies),
        schedules=tuple(_schedule(one) for one in known.actions),
        activities=tuple(_activity(one) for one in _activities(aws, file)),
        is_held=is_deploying,
    )


def _activities(aws: Aws, file: ServiceFile) -> Sequence[Json]:
    answer = aws.scaling.describe_scaling_activities(
        **scaled(file), MaxResults=ACTIVITIES_SHOWN, IncludeNotScaledActivities=True
    )
    found: Sequence[Json] = answer["ScalingActivities"]
    return found


def _alarms(aws: Aws, names: Sequence[str]) -> dict[str, Json]:
    if not names:
        return {}
    found = pages(aws.cloudwatch.describe_alarms, "MetricAlarms", continuation="NextToken", AlarmNames=list(names))
    return {one["AlarmName"]: one for one in found}


def _policy(aws: Aws, policy: Json, alarms: Mapping[str, Json], now: datetime, time_scale: float) -> PolicySeen:
    names = [alarm["AlarmName"] for alarm in policy.get("Alarms", ())]
    own = {name: alarms[name] for name in names if name in alarms}
    configuration = policy.get("TargetTrackingScalingPolicyConfiguration", {})
    watching = next(iter(own.values()), None)
    return PolicySeen(
        name=policy["PolicyName"],
        kind=policy["PolicyType"],
        target=configuration.get("TargetValue"),
        value=None if watching is None else _value(aws, watching, now, time_scale),
        alarms={name: str(one["StateValue"]) for name, one in own.items()},
    )


def _value(aws: Aws, alarm: Json, now: datetime, time_scale: float) -> float | None:
    """The last value of what an alarm watches; in a region that shortens minutes, of one of its own.

    CloudWatch has no period of two seconds, say: a count over a longer one is brought to that length.
    """
    minute = MINUTE / time_scale
    period = next(one for one in (1, 5, 10, 20, 30, MINUTE) if one >= min(MINUTE, minute))
    share = minute / period if alarm.get("Statistic") in {"Sum", "SampleCount"} else 1.0
    if "MetricName" in alarm:
        metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm}
        stat = {"Metric": metric, "Period": period, "Stat": alarm.get("Statistic") or alarm["ExtendedStatistic"]}
        queries: list[Json] = [{"Id": "value", "MetricStat": stat}]
    else:
        queries = [_query(one, period) for one in alarm["Metrics"]]
    end = now - timedelta(seconds=period)  # what is not over yet would tell too little
    span = timedelta(seconds=period * LOOK_BACK)
    answer = aws.cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=end - span, EndTime=end, ScanBy="TimestampDescending"
    )
    values = [value for result in answer["MetricDataResults"] for value in result["Values"]]
    return float(values[0]) * share if values else None


def _query(query: Json, period: int) -> Json:
    stat = query.get("MetricStat")
    return dict(query) if stat is None else {**query, "MetricStat": {**stat, "Period": period}}


def _activity(one: Json) -> ActivitySeen:
    reasons = one.get("NotScaledReasons") or ()
    return ActivitySeen(
        at=one["StartTime"],
        description=one["Description"],
        cause=one["Cause"],
        status=one["StatusCode"],
        reason=reasons[0]["Code"] if reasons else None,
    )


def _schedule(one: Json) -> ScheduleSeen:
    bounds = one.get("ScalableTargetAction", {})
    return ScheduleSeen(
        name=one["ScheduledActionName"].removeprefix(PREFIX),
        schedule=one["Schedule"],
        timezone=one.get("Timezone", "UTC"),
        min=bounds.get("MinCapacity"),
        max=bounds.get("MaxCapacity"),
    )
