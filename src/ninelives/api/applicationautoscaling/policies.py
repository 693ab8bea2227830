"""Scaling policies: put, deleted, described."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ninelives.api.applicationautoscaling.handling import (
    ScalingHandler,
    dimension_of,
    page,
    refused,
    registered,
    resource_of,
    told,
)
from ninelives.api.applicationautoscaling.metrics import read_tracking
from ninelives.api.applicationautoscaling.steps import read_steps, write_steps
from ninelives.api.call import Call
from ninelives.autoscaling import AutoScaling, alarm_names
from ninelives.model.errors import ApiError
from ninelives.model.scaling import DIMENSION, NAMESPACE, ScalingPolicy, StepScaling, TargetTracking

STEPS, TRACKING = "StepScaling", "TargetTrackingScaling"
CONFIGURATIONS = {STEPS: "StepScalingPolicyConfiguration", TRACKING: "TargetTrackingScalingPolicyConfiguration"}
PREDICTIVE = "ninelives does not forecast: predictive scaling is not implemented."


async def put_scaling_policy(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    """A policy of another type under a known name takes its place."""
    resource_id, parameters = resource_of(call), call.parameters
    name = parameters["PolicyName"]
    before = scaling.records.policies.get(f"{resource_id}/{name}")
    kind = parameters.get("PolicyType", STEPS if before is None else before.type)
    if kind not in CONFIGURATIONS:
        raise refused(PREDICTIVE)
    registered(scaling, resource_id)
    given = parameters.get(CONFIGURATIONS[kind])
    if given is None:
        raise refused(f"A {CONFIGURATIONS[kind]} must be specified for a policy of type {kind}")
    others = [member for other, member in CONFIGURATIONS.items() if other != kind and parameters.get(member)]
    if others:
        raise refused(f"{others[0]} cannot be specified for a policy of type {kind}")
    rule: TargetTracking | StepScaling
    rule = await read_tracking(scaling, resource_id, given) if kind == TRACKING else read_steps(given)
    policy = before or ScalingPolicy(
        arn=_arn(scaling, resource_id, name), name=name, resource_id=resource_id, rule=rule, created_at=scaling.now()
    )
    policy = replace(policy, rule=rule, alarms=_alarms(scaling, policy) if kind == TRACKING else ())
    await scaling.put_policy(policy)
    return {"PolicyARN": policy.arn, "Alarms": _write_alarms(scaling, policy)}


def _arn(scaling: AutoScaling, resource_id: str, name: str) -> str:
    suffix = f"resource/{NAMESPACE}/{resource_id}:policyName/{name}"
    return scaling.place.arn("autoscaling", f"scalingPolicy:{scaling.new_id()}:{suffix}")


def _alarms(scaling: AutoScaling, policy: ScalingPolicy) -> tuple[str, ...]:
    return policy.alarms or alarm_names(policy.resource_id, scaling.new_id(), scaling.new_id())


async def delete_scaling_policy(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    resource_id, name = resource_of(call), call.parameters["PolicyName"]
    found = scaling.records.policies.get(f"{resource_id}/{name}")
    if found is None:
        message = f"No scaling policy found for {told(resource_id)}, policy name: {name}"
        raise ApiError("ObjectNotFoundException", message)
    await scaling.delete_policy(found)
    return {}


def describe_scaling_policies(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    resource_id, names = dimension_of(call), call.parameters.get("PolicyNames")
    found = [
        one
        for _, one in sorted(scaling.records.policies.items())
        if resource_id in {None, one.resource_id} and (not names or {one.name, one.arn} & set(names))
    ]
    shown, token = page(found, call, key=lambda one: one.key)
    return {"ScalingPolicies": [_write(scaling, one) for one in shown], "NextToken": token}


def _write(scaling: AutoScaling, policy: ScalingPolicy) -> Mapping[str, Any]:
    shown = policy.rule.configuration if isinstance(policy.rule, TargetTracking) else write_steps(policy.rule)
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "ServiceNamespace": NAMESPACE,
        "ResourceId": policy.resource_id,
        "ScalableDimension": DIMENSION,
        "PolicyType": policy.type,
        CONFIGURATIONS[policy.type]: shown,
        "Alarms": _write_alarms(scaling, policy),
        "CreationTime": policy.created_at,
    }


def _write_alarms(scaling: AutoScaling, policy: ScalingPolicy) -> list[Mapping[str, str]]:
    return [{"AlarmName": name, "AlarmARN": arn} for name, arn in scaling.alarms_of(policy)]


def get_predictive_scaling_forecast(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    """Refused by name: nothing is forecast here."""
    registered(scaling, resource_of(call))
    raise refused(PREDICTIVE)


HANDLERS: Mapping[str, ScalingHandler] = {
    "PutScalingPolicy": put_scaling_policy,
    "DeleteScalingPolicy": delete_scaling_policy,
    "DescribeScalingPolicies": describe_scaling_policies,
    "GetPredictiveScalingForecast": get_predictive_scaling_forecast,
}
