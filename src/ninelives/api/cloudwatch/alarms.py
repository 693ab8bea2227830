"""Alarms: put, described, deleted, their actions switched, their state set, their history."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ninelives.api.call import Call
from ninelives.api.cloudwatch.alarm_wire import read_composite_alarm, read_metric_alarm, write_alarm
from ninelives.api.cloudwatch.handling import CloudWatchHandler, invalid_combination, page, refused
from ninelives.api.cloudwatch.wire import read_metric, seconds_of
from ninelives.model.alarms import Alarm, CompositeAlarm, HistoryItem, MetricAlarm
from ninelives.model.cloudwatch import StateValue
from ninelives.model.errors import ApiError
from ninelives.model.metrics import MetricStat
from ninelives.monitoring import alarm_name, alarms_in, read_rule
from ninelives.telemetry import CloudWatch

DESCRIBED: Final = 50
DESCRIBED_MAX: Final = 100
ALARMS_MAX: Final = 5000
"""Source: "CloudWatch service quotas", CloudWatch user guide."""


def put_metric_alarm(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    alarm = read_metric_alarm(cloudwatch, call.parameters)
    _check_room(cloudwatch, alarm)
    cloudwatch.alarms.put(alarm)
    return {}


def _check_room(cloudwatch: CloudWatch, alarm: Alarm) -> None:
    if cloudwatch.alarms.find(alarm.name) is None and len(cloudwatch.records.alarms) >= ALARMS_MAX:
        raise ApiError("LimitExceededFault", f"The maximum limit of {ALARMS_MAX} alarms has been reached.")


def put_composite_alarm(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    alarm = read_composite_alarm(cloudwatch, call.parameters)
    for name in alarms_in(read_rule(alarm.rule)):
        if name != alarm.name and cloudwatch.alarms.find(name) is None:
            raise refused(f"Could not save the composite alarm as alarms [{name}] in the alarm rule do not exist")
    _check_room(cloudwatch, alarm)
    cloudwatch.alarms.put(alarm)
    return {}


def describe_alarms(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    if "AlarmNames" in parameters and "AlarmNamePrefix" in parameters:
        raise invalid_combination("The parameters AlarmNames and AlarmNamePrefix are mutually exclusive.")
    types = parameters.get("AlarmTypes") or ["MetricAlarm"]
    if _asks_for_relatives(parameters):
        types = ["MetricAlarm", "CompositeAlarm"]
    found = [
        alarm for alarm in cloudwatch.alarms.all() if _kind(alarm) in types and _is_asked_for(cloudwatch, alarm, parameters)
    ]
    size = min(parameters.get("MaxRecords", DESCRIBED), DESCRIBED_MAX)
    shown, token = page(found, parameters.get("NextToken"), size, key=lambda alarm: alarm.name)
    return {
        "MetricAlarms": [write_alarm(alarm) for alarm in shown if isinstance(alarm, MetricAlarm)],
        "CompositeAlarms": [write_alarm(alarm) for alarm in shown if isinstance(alarm, CompositeAlarm)],
        "NextToken": token,
    }


def _kind(alarm: Alarm) -> str:
    return type(alarm).__name__


def _asks_for_relatives(parameters: Mapping[str, Any]) -> bool:
    return "ChildrenOfAlarmName" in parameters or "ParentsOfAlarmName" in parameters


def _is_asked_for(cloudwatch: CloudWatch, alarm: Alarm, parameters: Mapping[str, Any]) -> bool:
    names = parameters.get("AlarmNames")
    actions = (*alarm.actions.ok, *alarm.actions.alarm, *alarm.actions.insufficient_data)
    parent = parameters.get("ChildrenOfAlarmName")
    child = parameters.get("ParentsOfAlarmName")
    return all(
        (
            names is None or alarm.name in {alarm_name(name) for name in names},
            alarm.name.startswith(parameters.get("AlarmNamePrefix", "")),
            parameters.get("StateValue", alarm.state.value) == alarm.state.value,
            "ActionPrefix" not in parameters or any(arn.startswith(parameters["ActionPrefix"]) for arn in actions),
            parent is None or alarm.name in _children(cloudwatch.alarms.find(parent)),
            child is None or alarm_name(child) in _children(alarm),
        )
    )


def _children(alarm: Alarm | None) -> set[str]:
    return set(alarms_in(read_rule(alarm.rule))) if isinstance(alarm, CompositeAlarm) else set()


def describe_alarms_for_metric(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    found = [
        alarm
        for alarm in cloudwatch.alarms.all()
        if isinstance(alarm, MetricAlarm) and isinstance(alarm.watched, MetricStat) and _is_on(alarm.watched, parameters)
    ]
    return {"MetricAlarms": [write_alarm(alarm) for alarm in found]}


def _is_on(watched: MetricStat, parameters: Mapping[str, Any]) -> bool:
    return (
        watched.metric == read_metric(parameters)
        and parameters.get("Statistic", watched.stat) == watched.stat
        and parameters.get("ExtendedStatistic", watched.stat) == watched.stat
        and parameters.get("Period", seconds_of(watched.period)) == seconds_of(watched.period)
        and parameters.get("Unit", watched.unit) == watched.unit
    )


def delete_alarms(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    """Alarms that do not exist are passed over. One that a composite alarm looks at stays."""
    doomed = [alarm for name in call.parameters["AlarmNames"] if (alarm := cloudwatch.alarms.find(name)) is not None]
    names = {alarm.name for alarm in doomed}
    for other in cloudwatch.alarms.all():
        held = _children(other) & names
        if other.name not in names and held:
            raise ApiError("ResourceConflict", f"Cannot delete {min(held)} as there are composite alarm(s) depending on it.")
    for alarm in doomed:
        cloudwatch.alarms.delete(alarm)
    return {}


def set_alarm_state(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    alarm = cloudwatch.alarms.find(parameters["AlarmName"])
    if alarm is None:
        raise ApiError("ResourceNotFound", f"There is no alarm {parameters['AlarmName']}.")
    data = parameters.get("StateReasonData")
    if data is not None and not _is_json(data):
        raise ApiError("InvalidFormatFault", "StateReasonData is not JSON.")
    cloudwatch.alarms.set_state(alarm, StateValue(parameters["StateValue"]), parameters["StateReason"], data)
    return {}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def enable_alarm_actions(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    return _switch(cloudwatch, call, enabled=True)


def disable_alarm_actions(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    return _switch(cloudwatch, call, enabled=False)


def _switch(cloudwatch: CloudWatch, call: Call, *, enabled: bool) -> Mapping[str, Any]:
    for name in call.parameters["AlarmNames"]:
        alarm = cloudwatch.alarms.find(name)
        if alarm is not None:
            cloudwatch.alarms.enable_actions(alarm, enabled=enabled)
    return {}


def describe_alarm_history(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    found = [item for item in cloudwatch.alarms.history(parameters.get("AlarmName")) if _is_in(item, parameters)]
    if parameters.get("ScanBy") == "TimestampAscending":
        found.reverse()
    size = min(parameters.get("MaxRecords", DESCRIBED_MAX), DESCRIBED_MAX)
    numbered = list(enumerate(found))
    shown, token = page(numbered, parameters.get("NextToken"), size, key=_history_key)
    return {"AlarmHistoryItems": [_write_item(item) for _, item in shown], "NextToken": token}


def _history_key(numbered: tuple[int, HistoryItem]) -> str:
    _, item = numbered
    return f"{item.at.isoformat()} {item.alarm_name} {item.type} {item.summary}"


def _is_in(item: HistoryItem, parameters: Mapping[str, Any]) -> bool:
    types = parameters.get("AlarmTypes") or ["MetricAlarm"]
    start: datetime = parameters.get("StartDate", item.at)
    end: datetime = parameters.get("EndDate", item.at)
    return (
        (item.alarm_type in types or item.alarm_name == parameters.get("AlarmName"))
        and parameters.get("HistoryItemType", item.type) == item.type
        and start <= item.at <= end
    )


def _write_item(item: HistoryItem) -> Mapping[str, Any]:
    return {
        "AlarmName": item.alarm_name,
        "AlarmType": item.alarm_type,
        "Timestamp": item.at,
        "HistoryItemType": item.type,
        "HistorySummary": item.summary,
        "HistoryData": item.data,
    }


HANDLERS: Mapping[str, CloudWatchHandler] = {
    "PutMetricAlarm": put_metric_alarm,
    "PutCompositeAlarm": put_composite_alarm,
    "DescribeAlarms": describe_alarms,
    "DescribeAlarmsForMetric": describe_alarms_for_metric,
    "DescribeAlarmHistory": describe_alarm_history,
    "DeleteAlarms": delete_alarms,
    "SetAlarmState": set_alarm_state,
    "EnableAlarmActions": enable_alarm_actions,
    "DisableAlarmActions": disable_alarm_actions,
}
