"""Scalable targets: registered, deregistered, described."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ninelives.api.applicationautoscaling.handling import (
    ScalingHandler,
    dimension_of,
    page,
    refused,
    registered,
    resource_of,
)
from ninelives.api.applicationautoscaling.tags import checked_tags
from ninelives.api.call import Call
from ninelives.autoscaling import AutoScaling, service_of
from ninelives.model.arns import Place
from ninelives.model.errors import ApiError
from ninelives.model.scaling import DIMENSION, NAMESPACE, ScalableTarget, Suspended

LINKED_ROLE: Final = "AWSServiceRoleForApplicationAutoScaling_ECSService"
ID_LENGTH: Final = 28


async def register_scalable_target(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    """A target that is there already keeps what the request leaves out; its tags can be given only when it is made."""
    resource_id, parameters = resource_of(call), call.parameters
    before = scaling.records.targets.get(resource_id)
    least = parameters.get("MinCapacity", None if before is None else before.min_capacity)
    most = parameters.get("MaxCapacity", None if before is None else before.max_capacity)
    if least is None or most is None:
        raise refused("You must specify both the minimum and the maximum capacity when registering a new scalable target")
    if least < 0 or most < 0:
        raise refused("Minimum and maximum capacity must be 0 or more")
    if least > most:
        raise refused("Maximum capacity cannot be less than minimum capacity")
    await _check_service(scaling, resource_id)
    if before is not None and parameters.get("Tags"):
        raise refused("Tags can be specified only when a scalable target is registered: use TagResource")
    target = before or ScalableTarget(
        arn=scaling.place.arn("application-autoscaling", f"scalable-target/{scaling.new_id().replace('-', '')[:ID_LENGTH]}"),
        resource_id=resource_id,
        min_capacity=least,
        max_capacity=most,
        role_arn=_role(scaling.place),
        created_at=scaling.now(),
        tags=checked_tags(parameters.get("Tags", {})),
    )
    suspended = _suspended(target.suspended, parameters.get("SuspendedState", {}))
    scaling.register(replace(target, min_capacity=least, max_capacity=most, suspended=suspended))
    return {"ScalableTargetARN": target.arn}


async def _check_service(scaling: AutoScaling, resource_id: str) -> None:
    cluster, name = service_of(resource_id)
    missing = refused(f"ECS service doesn't exist: {resource_id}")
    try:
        found = await scaling.call("ecs", "DescribeServices", {"cluster": cluster, "services": [name]})
    except ApiError as error:
        raise missing from error
    if not any(one["status"] == "ACTIVE" for one in found["services"]):
        raise missing


def _role(place: Place) -> str:
    """ECS services are always scaled by the role that is linked to the service, whatever role a request names.

    Source: ``RegisterScalableTarget.RoleARN``.
    """
    path = "role/aws-service-role/ecs.application-autoscaling.amazonaws.com"
    return f"arn:{place.partition}:iam::{place.account}:{path}/{LINKED_ROLE}"


def _suspended(before: Suspended, given: Mapping[str, Any]) -> Suspended:
    return Suspended(
        dynamic_in=given.get("DynamicScalingInSuspended", before.dynamic_in),
        dynamic_out=given.get("DynamicScalingOutSuspended", before.dynamic_out),
        scheduled=given.get("ScheduledScalingSuspended", before.scheduled),
    )


async def deregister_scalable_target(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    """Its policies with their alarms and its scheduled actions go with it."""
    await scaling.deregister(registered(scaling, resource_of(call), "found"))
    return {}


def describe_scalable_targets(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    dimension_of(call)
    asked = call.parameters.get("ResourceIds")
    found = [one for name, one in sorted(scaling.records.targets.items()) if not asked or name in asked]
    shown, token = page(found, call, key=lambda one: one.resource_id)
    return {"ScalableTargets": [write_target(one) for one in shown], "NextToken": token}


def write_target(target: ScalableTarget) -> Mapping[str, Any]:
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": target.resource_id,
        "ScalableDimension": DIMENSION,
        "MinCapacity": target.min_capacity,
        "MaxCapacity": target.max_capacity,
        "RoleARN": target.role_arn,
        "CreationTime": target.created_at,
        "SuspendedState": {
            "DynamicScalingInSuspended": target.suspended.dynamic_in,
            "DynamicScalingOutSuspended": target.suspended.dynamic_out,
            "ScheduledScalingSuspended": target.suspended.scheduled,
        },
        "ScalableTargetARN": target.arn,
    }


HANDLERS: Mapping[str, ScalingHandler] = {
    "RegisterScalableTarget": register_scalable_target,
    "DeregisterScalableTarget": deregister_scalable_target,
    "DescribeScalableTargets": describe_scalable_targets,
}
