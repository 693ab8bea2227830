"""Scheduled actions: put, deleted, described."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from ninelives.api.applicationautoscaling.handling import (
    ScalingHandler,
    dimension_of,
    given,
    page,
    refused,
    registered,
    resource_of,
    told,
)
from ninelives.api.call import Call
from ninelives.autoscaling import AutoScaling, zone_of
from ninelives.model.errors import ApiError
from ninelives.model.scaling import DIMENSION, NAMESPACE, ScheduledAction
from ninelives.scheduler.scaling import ScheduleInvalid, next_run, read_schedule
from ninelives.scheduler.scaling.schedule import At


def put_scheduled_action(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    """An action that is there already keeps what the request leaves out."""
    resource_id, parameters = resource_of(call), call.parameters
    registered(scaling, resource_id)
    name = parameters["ScheduledActionName"]
    before = scaling.records.actions.get(f"{resource_id}/{name}")
    if before is None and "Schedule" not in parameters:
        raise refused("You must specify a schedule when creating a scheduled action")
    made = before or ScheduledAction(
        arn=_arn(scaling, resource_id, name),
        name=name,
        resource_id=resource_id,
        schedule=parameters["Schedule"],
        created_at=scaling.now(),
    )
    bounds = parameters.get("ScalableTargetAction", {})
    action = replace(
        made,
        schedule=parameters.get("Schedule", made.schedule),
        timezone=parameters.get("Timezone", made.timezone),
        start_time=parameters.get("StartTime", made.start_time),
        end_time=parameters.get("EndTime", made.end_time),
        min_capacity=bounds.get("MinCapacity") if bounds else made.min_capacity,
        max_capacity=bounds.get("MaxCapacity") if bounds else made.max_capacity,
    )
    _check(scaling, action)
    scaling.put_action(action)
    return {}


def _arn(scaling: AutoScaling, resource_id: str, name: str) -> str:
    suffix = f"resource/{NAMESPACE}/{resource_id}:scheduledActionName/{name}"
    return scaling.place.arn("autoscaling", f"scheduledAction:{scaling.new_id()}:{suffix}")


def _check(scaling: AutoScaling, action: ScheduledAction) -> None:
    least, most = action.min_capacity, action.max_capacity
    if least is None and most is None:
        raise refused("You must specify a minimum capacity or a maximum capacity in ScalableTargetAction")
    if (least or 0) < 0 or (most or 0) < 0:
        raise refused("Minimum and maximum capacity must be 0 or more")
    if least is not None and most is not None and least > most:
        raise refused("Maximum capacity cannot be less than minimum capacity")
    try:
        zone = zone_of(action.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise refused(f"Unknown time zone: {action.timezone}") from error
    try:
        schedule = read_schedule(action.schedule)
    except ScheduleInvalid as error:
        raise refused(f"Invalid schedule: {error}.") from error
    if action.start_time is not None and action.end_time is not None and action.end_time <= action.start_time:
        raise refused("The end time must be after the start time")
    if isinstance(schedule, At):
        if next_run(schedule, scaling.now(), start=scaling.now(), zone=zone) is None:
            raise refused(f"The schedule {action.schedule} is in the past")
    elif action.end_time is not None and action.end_time <= scaling.now():
        raise refused("The end time is in the past")


def delete_scheduled_action(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    resource_id, name = resource_of(call), call.parameters["ScheduledActionName"]
    found = scaling.records.actions.get(f"{resource_id}/{name}")
    if found is None:
        message = f"No scheduled action found for {told(resource_id)}, scheduled action name: {name}"
        raise ApiError("ObjectNotFoundException", message)
    scaling.delete_action(found)
    return {}


def describe_scheduled_actions(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    resource_id, names = dimension_of(call), call.parameters.get("ScheduledActionNames")
    found = [
        one
        for _, one in sorted(scaling.records.actions.items())
        if resource_id in {None, one.resource_id} and (not names or {one.name, one.arn} & set(names))
    ]
    shown, token = page(found, call, key=lambda one: one.key)
    return {"ScheduledActions": [_write(one) for one in shown], "NextToken": token}


def _write(action: ScheduledAction) -> Mapping[str, Any]:
    return given(
        ScheduledActionName=action.name,
        ScheduledActionARN=action.arn,
        ServiceNamespace=NAMESPACE,
        Schedule=action.schedule,
        Timezone=action.timezone,
        ResourceId=action.resource_id,
        ScalableDimension=DIMENSION,
        StartTime=action.start_time,
        EndTime=action.end_time,
        ScalableTargetAction=given(MinCapacity=action.min_capacity, MaxCapacity=action.max_capacity),
        CreationTime=action.created_at,
    )


HANDLERS: Mapping[str, ScalingHandler] = {
    "PutScheduledAction": put_scheduled_action,
    "DeleteScheduledAction": delete_scheduled_action,
    "DescribeScheduledActions": describe_scheduled_actions,
}
