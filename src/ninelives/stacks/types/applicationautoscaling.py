"""Application Auto Scaling. Source: ``application-autoscaling`` 2016-02-06."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared, Members, Step, ask, described, take
from ninelives.stacks.resource_type import Request

SERVICE: Final = "application-autoscaling"
WHAT: Final = "ServiceNamespace ResourceId ScalableDimension"
CAPACITY: Final = "MinCapacity MaxCapacity RoleARN SuspendedState"


def _of(it: Request) -> Mapping[str, Any]:
    """What is scaled, by the physical id: ``service/cats/web|ecs:service:DesiredCount|ecs``."""
    resource, dimension, namespace = it.physical_id.split("|")
    return {"ServiceNamespace": namespace, "ResourceId": resource, "ScalableDimension": dimension}


def _identifier(it: Request, _: Mapping[str, Any]) -> str:
    return "|".join(str(it.properties[name]) for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))


async def _put_action(it: Request, action: Mapping[str, Any]) -> None:
    await ask(it, f"{SERVICE}:PutScheduledAction", {**_of(it), **action})


async def _delete_action(it: Request, action: Mapping[str, Any]) -> None:
    parameters = {**_of(it), "ScheduledActionName": action["ScheduledActionName"]}
    await ask(it, f"{SERVICE}:DeleteScheduledAction", parameters)


def _describe(it: Request) -> Mapping[str, Any]:
    of = _of(it)
    return {**{name: of[name] for name in ("ServiceNamespace", "ScalableDimension")}, "ResourceIds": [of["ResourceId"]]}


async def _target(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    del found
    return {"Id": it.physical_id}


async def _find_target(it: Request) -> str | None:
    wanted = _identifier(it, {})
    of = {"ServiceNamespace": it.properties["ServiceNamespace"], "ResourceIds": [it.properties["ResourceId"]]}
    found = await described(Step(f"{SERVICE}:DescribeScalableTargets", lambda _: of), "ScalableTargets")(it)
    return wanted if found else None


SCALABLE_TARGET: Final = Declared(
    name="AWS::ApplicationAutoScaling::ScalableTarget",
    takes=f"{WHAT} {CAPACITY}",
    create_by=Step(f"{SERVICE}:RegisterScalableTarget", take(f"{WHAT} {CAPACITY}")),
    identified_by=_identifier,
    parts=(
        Members("ScheduledActions", _put_action, _delete_action, is_unmade=True, key=lambda one: one["ScheduledActionName"]),
    ),
    update_by=Step(f"{SERVICE}:RegisterScalableTarget", take(f"{WHAT} {CAPACITY}")),
    read_by=described(Step(f"{SERVICE}:DescribeScalableTargets", _describe), "ScalableTargets", _target),
    delete_by=(Step(f"{SERVICE}:DeregisterScalableTarget", _of),),
    find_by=_find_target,
    recorded={"RoleARN": "a service is scaled by the role that is linked to it"},
)

CONFIGURATIONS: Final = "TargetTrackingScalingPolicyConfiguration StepScalingPolicyConfiguration"


def _scaled(it: Request) -> Mapping[str, Any]:
    """What a policy scales: named by the target that it belongs to, or itself."""
    if "ScalingTargetId" in it.properties:
        resource, dimension, namespace = it.properties["ScalingTargetId"].split("|")
        return {"ServiceNamespace": namespace, "ResourceId": resource, "ScalableDimension": dimension}
    return take(WHAT)(it)


def _policy(it: Request) -> Mapping[str, Any]:
    return {**_scaled(it), **take(f"PolicyName PolicyType {CONFIGURATIONS}")(it)}


async def _policy_read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    del found
    return {"Arn": it.physical_id, **take("ScalingTargetId")(it)}


def _is_of(found: Mapping[str, Any], scaled: Mapping[str, Any]) -> bool:
    """By what it scales: policies of several targets may share a name."""
    return all(found[name] == value for name, value in scaled.items())


POLICY: Final = Declared(
    name="AWS::ApplicationAutoScaling::ScalingPolicy",
    takes=f"{WHAT} ScalingTargetId PolicyName PolicyType {CONFIGURATIONS}",
    create_by=Step(f"{SERVICE}:PutScalingPolicy", _policy),
    identified_by="PolicyARN",
    update_by=Step(f"{SERVICE}:PutScalingPolicy", _policy),
    read_by=described(
        Step(
            f"{SERVICE}:DescribeScalingPolicies",
            lambda it: {
                "ServiceNamespace": _scaled(it)["ServiceNamespace"],
                "PolicyNames": [it.properties["PolicyName"]],
            },
        ),
        "ScalingPolicies",
        _policy_read,
        where=lambda it, found: found["PolicyName"] == it.properties["PolicyName"] and _is_of(found, _scaled(it)),
    ),
    delete_by=(Step(f"{SERVICE}:DeleteScalingPolicy", lambda it: {**_scaled(it), **take("PolicyName")(it)}),),
    refused={"PredictiveScalingPolicyConfiguration": "nothing is forecast here"},
)

TYPES: Final = (SCALABLE_TARGET, POLICY)
