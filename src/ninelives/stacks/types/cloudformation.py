"""CloudFormation in its own stacks. Source: ``cloudformation`` 2010-05-15."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ninelives.model.errors import ApiError
from ninelives.stacks.declared import Declared, Step, own_tags, take
from ninelives.stacks.resource_type import Request, ResourceFailed

NO_UPDATES: Final = "No updates are to be performed."
CAPABILITIES: Final = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
"""A nested stack may do what its parent may: that was asked for there."""
NAME_LIMIT: Final = 128
DEAD: Final = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_COMPLETE", "DELETE_FAILED")
GONE_BACK: Final = ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED")


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _asked(it: Request) -> dict[str, Any]:
    parameters = it.properties.get("Parameters", {})
    return {
        "TemplateURL": it.properties["TemplateURL"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": _text(value)} for key, value in parameters.items()],
        "Tags": [{"Key": key, "Value": value} for key, value in own_tags(it).items()],
        "NotificationARNs": it.properties.get("NotificationARNs"),
        "Capabilities": CAPABILITIES,
    }


async def _update(it: Request) -> None:
    asked = {key: value for key, value in _asked(it).items() if value is not None}
    try:
        await it.call("cloudformation", "UpdateStack", {"StackName": it.physical_id, **asked})
    except ApiError as error:
        if error.message != NO_UPDATES:
            raise


async def _described(it: Request, name: str) -> Mapping[str, Any] | None:
    try:
        answer = await it.call("cloudformation", "DescribeStacks", {"StackName": name})
    except ApiError as error:
        if error.message.endswith("does not exist"):
            return None
        raise
    found: Mapping[str, Any] = answer["Stacks"][0]
    return found


async def _read(it: Request) -> Mapping[str, Any] | None:
    found = await _described(it, it.physical_id)
    if found is None or found["StackStatus"] == "DELETE_COMPLETE":
        return None
    return {
        "StackId": found["StackId"],
        "Parameters": {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]},
        "NotificationARNs": found["NotificationARNs"] or None,
        "TimeoutInMinutes": found["TimeoutInMinutes"],
    }


async def _find(it: Request) -> str | None:
    found = await _described(it, it.name(NAME_LIMIT))
    return found["StackId"] if found is not None else None


async def _is_stable(it: Request) -> bool:
    found = await _described(it, it.physical_id)
    if found is None:
        raise ResourceFailed(f"Stack {it.physical_id} is gone", code="NotFound")
    status, reason = found["StackStatus"], found["StackStatusReason"] or ""
    if status in DEAD:
        raise ResourceFailed(f"Embedded stack {it.physical_id} was not successfully created: {reason or status}")
    began, changed = it.began_at, found["LastUpdatedTime"]
    is_of_this_update = began is None or changed is None or changed >= began  # a rollback may find that there is nothing to do
    if status in GONE_BACK and is_of_this_update:
        raise ResourceFailed(f"Embedded stack {it.physical_id} was not successfully updated. Currently in {status}")
    return not status.endswith("_IN_PROGRESS")


async def _is_gone(it: Request) -> bool:
    found = await _described(it, it.physical_id)
    if found is not None and found["StackStatus"] == "DELETE_FAILED":
        reason = found["StackStatusReason"] or ""
        raise ResourceFailed(f"Embedded stack {it.physical_id} was not successfully deleted: {reason}")
    return found is None or found["StackStatus"] == "DELETE_COMPLETE"


@dataclass(frozen=True, kw_only=True)
class NestedStack(Declared):
    """A stack that gives its outputs. It is updated whenever its parent is: what its URL has may be new."""

    async def update(self, request: Request) -> None:
        await _update(request)

    async def attributes(self, request: Request) -> Mapping[str, Any]:
        found = await _described(request, request.physical_id) or {}
        return {f"Outputs.{one['OutputKey']}": one["OutputValue"] for one in found.get("Outputs", ())}


STACK: Final = NestedStack(
    name="AWS::CloudFormation::Stack",
    create_by=Step(
        "cloudformation:CreateStack",
        lambda it: {"StackName": it.name(NAME_LIMIT), **_asked(it), **take("TimeoutInMinutes")(it)},
    ),
    takes="TemplateURL Parameters TimeoutInMinutes NotificationARNs Tags",
    identified_by="StackId",
    read_by=_read,
    delete_by=(Step("cloudformation:DeleteStack", lambda it: {"StackName": it.physical_id}),),
    find_by=_find,
    stable_by=_is_stable,
    gone_by=_is_gone,
    recorded={"NotificationARNs": "no events are sent"},
)


async def _read_handle(it: Request) -> Mapping[str, Any]:
    return {"Id": it.physical_id}


HANDLE: Final = Declared(
    name="AWS::CloudFormation::WaitConditionHandle",
    inert="a URL that nobody waits at: there are no wait conditions",
    identified_by=lambda it, _: (
        f"https://cloudformation-waitcondition-{it.place.region}.s3.{it.place.region}.amazonaws.com/{it.name(NAME_LIMIT)}"
    ),
    read_by=_read_handle,
)

TYPES: Final = (STACK, HANDLE)
