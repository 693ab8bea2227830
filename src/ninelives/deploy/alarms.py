"""The CloudWatch alarms that guard a release: the service's own (``5xx``, ``latency``) and those that the file names.

In ``local`` the service's own are made, and brought to what the file says; elsewhere they must be there under the same names.
All watch the load balancer: a load balancer of the service's own tells of the service alone.
"""

from collections.abc import Mapping
from typing import Any

from ninelives.deploy.aws import Aws
from ninelives.deploy.deploy_part import AlarmTiming, ErrorRate, Latency, OwnAlarm
from ninelives.deploy.ground import Ground
from ninelives.deploy.quantities import write_duration, write_tenths
from ninelives.deploy.reports import Act
from ninelives.deploy.service_file import ServiceFile

NAMESPACE = "AWS/ApplicationELB"
NAMES_A_CALL = 100


def alarm_names(file: ServiceFile) -> tuple[str, ...]:
    """What ECS is told to watch."""
    return tuple(one if isinstance(one, str) else own_name(file, one) for one in file.deploy.rollback.alarms)


def own_name(file: ServiceFile, alarm: OwnAlarm) -> str:
    return f"{file.service}-{alarm.short_name}"


def see_to_alarms(ground: Ground, load_balancer_arn: str | None) -> None:
    """Find every alarm that the file names; make the service's own, or note what is missing."""
    file = ground.file
    names = alarm_names(file)
    known = find_alarms(ground.aws, names)
    for name, alarm in zip(names, file.deploy.rollback.alarms, strict=True):
        if not isinstance(alarm, str):
            _see_to_own(ground, alarm, known.get(name), load_balancer_arn)
        elif name not in known:
            ground.missing.append(f"CloudWatch alarm {name}")
        if known.get(name, {}).get("StateValue") == "ALARM":
            ground.tell(Act.NOTE, f"CloudWatch alarm {name} is in ALARM already: ECS does not heed it in this release")


def _see_to_own(ground: Ground, alarm: OwnAlarm, known: Mapping[str, Any] | None, load_balancer_arn: str | None) -> None:
    what = f"CloudWatch alarm {own_name(ground.file, alarm)} ({in_words(alarm)})"
    if load_balancer_arn is None:  # named as missing itself
        if known is None:
            ground.missing.append(what)
        return
    wanted = settings(ground.file, alarm, load_balancer_arn)
    if known is None:
        ground.make(what, lambda: ground.aws.cloudwatch.put_metric_alarm(**wanted))
    elif ground.makes and _differs(wanted, known):
        ground.change(what, lambda: ground.aws.cloudwatch.put_metric_alarm(**wanted))


def find_alarms(aws: Aws, names: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
    """Metric and composite alarms by name; those that are not there are left out."""
    if not names:
        return {}
    assert len(names) <= NAMES_A_CALL
    answer = aws.cloudwatch.describe_alarms(AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    found = [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
    return {str(one["AlarmName"]): one for one in found}


def settings(file: ServiceFile, alarm: OwnAlarm, load_balancer_arn: str) -> dict[str, Any]:
    """PutMetricAlarm's members. Without requests there is no datapoint, and that is no fault."""
    timing: AlarmTiming = alarm.error_rate or alarm.latency or AlarmTiming()
    members: dict[str, Any] = {
        "AlarmName": own_name(file, alarm),
        "AlarmDescription": f"Rolls back a release of {file.service}: {in_words(alarm)}.",
        "EvaluationPeriods": timing.evaluation_periods,
        "DatapointsToAlarm": timing.evaluation_periods,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    dimensions = [{"Name": "LoadBalancer", "Value": load_balancer_arn.partition(":loadbalancer/")[2]}]
    if alarm.error_rate is not None:
        return {**members, **_error_rate(alarm.error_rate, dimensions)}
    assert alarm.latency is not None
    return {**members, **_latency(alarm.latency, dimensions)}


def _error_rate(asked: ErrorRate, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    def metric(name: str, query: str) -> dict[str, Any]:
        return {
            "Id": query,
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": dimensions},
                "Period": int(asked.period.total_seconds()),
                "Stat": "Sum",
            },
        }

    return {
        "Threshold": asked.above,
        "Metrics": [
            {
                "Id": "rate",
                "Expression": "100 * (FILL(target, 0) + FILL(elb, 0)) / requests",
                "Label": "5xx answers, percent of all",
                "ReturnData": True,
            },
            metric("RequestCount", "requests"),
            metric("HTTPCode_Target_5XX_Count", "target"),
            metric("HTTPCode_ELB_5XX_Count", "elb"),
        ],
    }


def _latency(asked: Latency, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    [(statistic, limit)] = asked.limits.items()
    kind = "Statistic" if statistic == "Average" else "ExtendedStatistic"
    return {
        "Namespace": NAMESPACE,
        "MetricName": "TargetResponseTime",
        "Dimensions": dimensions,
        "Period": int(asked.period.total_seconds()),
        kind: statistic,
        "Threshold": limit.total_seconds(),
    }


def in_words(alarm: OwnAlarm) -> str:
    """What an alarm tells of.

    >>> in_words(OwnAlarm.model_validate({"5xx": {"above": "1%"}}))
    '5xx above 1% for 1m'
    """
    if alarm.error_rate is not None:
        timing: AlarmTiming = alarm.error_rate
        told = f"5xx above {write_tenths(alarm.error_rate.above)}"
    else:
        assert alarm.latency is not None
        timing = alarm.latency
        [(statistic, limit)] = alarm.latency.limits.items()
        told = f"{statistic.lower()} latency above {write_duration(limit)}"
    return f"{told} for {write_duration(timing.period * timing.evaluation_periods)}"


def _differs(wanted: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether CloudWatch's record of an alarm says something else; what it adds (defaults, states) is its own."""
    if isinstance(wanted, dict):
        return any(_differs(value, known.get(name)) for name, value in wanted.items()) if isinstance(known, dict) else True  # type: ignore[arg-type]  # any JSON
    if isinstance(wanted, list):
        if not isinstance(known, list) or len(wanted) != len(known):
            return True
        return any(_differs(one, other) for one, other in zip(wanted, known, strict=True))
    return bool(wanted != known)
