"""What an alarm's history and notifications say, in CloudWatch's shapes.

Source: "DescribeAlarmHistory" (HistoryData); CloudWatch user guide; messages that alarms send.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ninelives.model.alarms import Alarm, AlarmState, CompositeAlarm, MetricAlarm
from ninelives.model.arns import Place
from ninelives.model.cloudwatch import StateValue
from ninelives.model.events import Happening
from ninelives.model.metrics import MetricDataQuery, MetricStat
from ninelives.monitoring import timestamp

SIMPLE_STATISTICS: Final = {
    "SampleCount": "SAMPLE_COUNT",
    "Average": "AVERAGE",
    "Sum": "SUM",
    "Minimum": "MINIMUM",
    "Maximum": "MAXIMUM",
}


def state_update(before: AlarmState, after: AlarmState) -> str:
    """HistoryData of a StateUpdate."""
    return _json({"version": "1.0", "oldState": _state(before), "newState": _state(after)})


def _state(state: AlarmState) -> dict[str, Any]:
    told: dict[str, Any] = {"stateValue": state.value, "stateReason": state.reason}
    if state.reason_data is not None:
        told["stateReasonData"] = _parsed(state.reason_data)
    return told


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def configuration_update(after: Alarm | None, before: Alarm | None) -> str:
    """HistoryData of a ConfigurationUpdate."""
    match after, before:
        case None, _:
            assert before is not None
            told = {"type": "Delete", "deletedAlarm": configuration(before)}
        case _, None:
            told = {"type": "Create", "createdAlarm": configuration(after)}
        case _:
            told = {"type": "Update", "updatedAlarm": configuration(after)}
    return _json({"version": "1.0", **told})


def configuration(alarm: Alarm) -> Mapping[str, Any]:
    """An alarm as its history shows it."""
    told: dict[str, Any] = {
        "alarmName": alarm.name,
        "alarmArn": alarm.arn,
        "alarmDescription": alarm.description,
        "actionsEnabled": alarm.actions.enabled,
        "okActions": list(alarm.actions.ok),
        "alarmActions": list(alarm.actions.alarm),
        "insufficientDataActions": list(alarm.actions.insufficient_data),
        "stateValue": alarm.state.value,
        "alarmConfigurationUpdatedTimestamp": timestamp(alarm.configured_at),
    }
    if isinstance(alarm, CompositeAlarm):
        return told | {"alarmRule": alarm.rule}
    told |= {
        "threshold": alarm.threshold,
        "comparisonOperator": alarm.comparison_operator,
        "evaluationPeriods": alarm.evaluation_periods,
        "datapointsToAlarm": alarm.datapoints_to_alarm,
        "treatMissingData": alarm.treat_missing_data,
    }
    if isinstance(alarm.watched, MetricStat):
        stat = alarm.watched
        told |= {
            "namespace": stat.metric.namespace,
            "metricName": stat.metric.name,
            "dimensions": [{"name": name, "value": value} for name, value in stat.metric.dimensions],
            "period": round(stat.period.total_seconds()),
            "statistic" if stat.stat in SIMPLE_STATISTICS else "extendedStatistic": stat.stat,
        }
    return told


def composite_reason(alarm: CompositeAlarm, value: StateValue, children: Sequence[Alarm]) -> tuple[str, str]:
    """Why a composite alarm has entered ``value``, as a sentence and as data: the child that moved last has done it."""
    triggering = [
        {
            "arn": child.arn,
            "state": {"value": child.state.value, "timestamp": timestamp(child.state.transitioned_at)},
        }
        for child in children
    ]
    data = _json({"triggeringAlarms": triggering})
    last = max(children, key=lambda child: child.state.transitioned_at, default=None)
    if last is None or last.state.transitioned_at < alarm.configured_at:
        return f"{alarm.arn} was created and its alarm rule evaluates to {value}", data
    at = last.state.transitioned_at
    return f"{last.arn} transitioned to {last.state.value} at {at:%A %d %B, %Y %H:%M:%S UTC}", data


def state_change(alarm: Alarm, before: AlarmState) -> Happening:
    """The event that EventBridge gets. Source: "Alarm events and EventBridge", CloudWatch user guide."""
    return Happening(
        source="aws.cloudwatch",
        detail_type="CloudWatch Alarm State Change",
        resources=(alarm.arn,),
        detail=_alarm_data(alarm, before),
    )


def invocation(alarm: Alarm, before: AlarmState, place: Place) -> Mapping[str, Any]:
    """What a function gets that an alarm calls. Source: "Invoke a Lambda function from an alarm", CloudWatch user guide."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm.arn,
        "accountId": place.account,
        "time": timestamp(alarm.state.updated_at),
        "region": place.region,
        "alarmData": _alarm_data(alarm, before),
    }


def _alarm_data(alarm: Alarm, before: AlarmState) -> dict[str, Any]:
    configuration: dict[str, Any] = {"description": alarm.description} if alarm.description is not None else {}
    if isinstance(alarm, CompositeAlarm):
        configuration["alarmRule"] = alarm.rule
    else:
        configuration["metrics"] = _metrics_of(alarm)
    return {
        "alarmName": alarm.name,
        "state": _state_of_event(alarm.state),
        "previousState": _state_of_event(before),
        "configuration": configuration,
    }


def _state_of_event(state: AlarmState) -> dict[str, Any]:
    told = {"value": state.value.value, "reason": state.reason, "timestamp": timestamp(state.updated_at)}
    return told | ({} if state.reason_data is None else {"reasonData": state.reason_data})


def _metrics_of(alarm: MetricAlarm) -> list[dict[str, Any]]:
    """What an alarm watches, as queries; a simple alarm is one."""
    watched = alarm.watched
    queries = (MetricDataQuery(id="m1", stat=watched),) if isinstance(watched, MetricStat) else watched
    found = []
    for query in queries:
        told: dict[str, Any] = {"id": query.id, "returnData": query.return_data}
        if query.label is not None:
            told["label"] = query.label
        if query.stat is None:
            told["expression"] = query.expression
        else:
            metric = query.stat.metric
            told["metricStat"] = {
                "metric": {"namespace": metric.namespace, "name": metric.name, "dimensions": dict(metric.dimensions)},
                "period": round(query.stat.period.total_seconds()),
                "stat": query.stat.stat,
            }
        found.append(told)
    return found


def notification(alarm: Alarm, before: AlarmState, place: Place) -> tuple[str, str]:
    """Subject and message of the notification that an SNS topic gets."""
    told: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": place.account,
        "AlarmConfigurationUpdatedTimestamp": timestamp(alarm.configured_at),
        "NewStateValue": alarm.state.value,
        "NewStateReason": alarm.state.reason,
        "StateChangeTime": timestamp(alarm.state.updated_at),
        "Region": place.region,
        "AlarmArn": alarm.arn,
        "OldStateValue": before.value,
        "OKActions": list(alarm.actions.ok),
        "AlarmActions": list(alarm.actions.alarm),
        "InsufficientDataActions": list(alarm.actions.insufficient_data),
    }
    if isinstance(alarm, CompositeAlarm):
        told["AlarmRule"] = alarm.rule
    else:
        told["Trigger"] = _trigger(alarm)
    return f'{alarm.state.value}: "{alarm.name}" in {place.region}'[:100], _json(told)


def _trigger(alarm: MetricAlarm) -> Mapping[str, Any]:
    watched = alarm.watched
    told: dict[str, Any] = (
        _watched(watched) if isinstance(watched, MetricStat) else {"Metrics": [_query(one) for one in watched]}
    )
    return told | {
        "Period": round(alarm.period.total_seconds()),
        "EvaluationPeriods": alarm.evaluation_periods,
        **({} if alarm.datapoints_to_alarm is None else {"DatapointsToAlarm": alarm.datapoints_to_alarm}),
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": alarm.threshold,
        "TreatMissingData": alarm.treat_missing_data or "",
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
    }


def _watched(stat: MetricStat) -> dict[str, Any]:
    simple = SIMPLE_STATISTICS.get(stat.stat)
    return {
        "MetricName": stat.metric.name,
        "Namespace": stat.metric.namespace,
        "StatisticType": "Statistic" if simple else "ExtendedStatistic",
        "Statistic" if simple else "ExtendedStatistic": simple or stat.stat,
        "Unit": stat.unit,
        "Dimensions": [{"value": value, "name": name} for name, value in stat.metric.dimensions],
    }


def _query(query: MetricDataQuery) -> Mapping[str, Any]:
    told: dict[str, Any] = {"Id": query.id, "ReturnData": query.return_data}
    if query.label is not None:
        told["Label"] = query.label
    if query.expression is not None:
        return told | {"Expression": query.expression}
    stat = query.stat
    assert stat is not None
    metric = {
        "Namespace": stat.metric.namespace,
        "MetricName": stat.metric.name,
        "Dimensions": [{"value": value, "name": name} for name, value in stat.metric.dimensions],
    }
    return told | {"MetricStat": {"Metric": metric, "Period": round(stat.period.total_seconds()), "Stat": stat.stat}}


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
