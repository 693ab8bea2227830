"""Scaling activities: what was done, and what was not and why."""

from collections.abc import Mapping
from typing import Any

from ninelives.api.applicationautoscaling.handling import ScalingHandler, dimension_of, given, page
from ninelives.api.call import Call
from ninelives.autoscaling import AutoScaling
from ninelives.model.scaling import DIMENSION, NAMESPACE, NotScaledReason, ScalingActivity


def describe_scaling_activities(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    """The newest first; those that changed nothing only where they are asked for."""
    asked = dimension_of(call)
    with_not_scaled = call.parameters.get("IncludeNotScaledActivities", False)
    found = [
        one
        for one in scaling.records.activities()
        if asked in {None, one.resource_id} and (with_not_scaled or not one.not_scaled)
    ]
    shown, token = page(found, call, key=lambda one: one.id)
    return {"ScalingActivities": [write_activity(one) for one in shown], "NextToken": token}


def write_activity(activity: ScalingActivity) -> Mapping[str, Any]:
    return given(
        ActivityId=activity.id,
        ServiceNamespace=NAMESPACE,
        ResourceId=activity.resource_id,
        ScalableDimension=DIMENSION,
        Description=activity.description,
        Cause=activity.cause,
        StartTime=activity.start_time,
        EndTime=activity.end_time,
        StatusCode=activity.status.value,
        StatusMessage=activity.status_message,
        NotScaledReasons=[_write_reason(one) for one in activity.not_scaled] or None,
    )


def _write_reason(reason: NotScaledReason) -> Mapping[str, Any]:
    return given(
        Code=reason.code.value,
        MinCapacity=reason.min_capacity,
        MaxCapacity=reason.max_capacity,
        CurrentCapacity=reason.current_capacity,
    )


HANDLERS: Mapping[str, ScalingHandler] = {"DescribeScalingActivities": describe_scaling_activities}
