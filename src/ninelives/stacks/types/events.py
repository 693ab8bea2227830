"""EventBridge's rules. Source: ``events`` 2015-10-07."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.model.errors import ApiError
from ninelives.stacks.declared import Declared, Members, Named, Step, ask, described, tag_list, tagging, take
from ninelives.stacks.resource_type import Request, ResourceFailed, is_not_found
from ninelives.stacks.spelling import document, document_text

NAME: Final = Named(name="Name", limit=64)
DEFAULT_BUS: Final = "default"


def _bus(it: Request) -> str:
    return str(it.properties.get("EventBusName") or DEFAULT_BUS)


def _rule_name(it: Request) -> str:
    """``Ref`` is the name alone on the default bus, else bus and name."""
    return it.physical_id.rpartition("|")[2] if it.physical_id else NAME(it)


def _rule(it: Request) -> Mapping[str, Any]:
    return {"Name": _rule_name(it), "EventBusName": _bus(it)}


def _put(it: Request) -> Mapping[str, Any]:
    return {
        **take("Description RoleArn ScheduleExpression State")(it),
        **_rule(it),
        "EventPattern": document_text(it.properties.get("EventPattern")),
    }


async def _add_target(it: Request, target: Mapping[str, Any]) -> None:
    parameters = {"Rule": _rule_name(it), "EventBusName": _bus(it), "Targets": [target]}
    answer = await ask(it, "events:PutTargets", parameters)
    for failed in answer.get("FailedEntries") or ():
        raise ResourceFailed(f"Target {failed.get('TargetId')}: {failed.get('ErrorMessage')}", code="GeneralServiceException")


async def _remove_target(it: Request, target: Mapping[str, Any]) -> None:
    await ask(it, "events:RemoveTargets", {"Rule": _rule_name(it), "EventBusName": _bus(it), "Ids": [target["Id"]]})


async def _read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    targets = (await ask(it, "events:ListTargetsByRule", {"Rule": _rule_name(it), "EventBusName": _bus(it)}))["Targets"]
    return {
        "RuleName": found["Name"],
        "EventPattern": document(found.get("EventPattern")),
        "Targets": targets or None,
        "EventBusName": found.get("EventBusName") if "EventBusName" in it.properties else None,
    }


async def _find(it: Request) -> str | None:
    try:
        await ask(it, "events:DescribeRule", _rule(it))
    except ApiError as error:
        if is_not_found(error):
            return None
        raise
    return _physical_id(it, {})


def _physical_id(it: Request, _: Mapping[str, Any]) -> str:
    bus = _bus(it).rpartition("/")[2]
    return NAME(it) if bus == DEFAULT_BUS else f"{bus}|{NAME(it)}"


RULE: Final = Declared(
    name="AWS::Events::Rule",
    takes="Name EventBusName Description RoleArn ScheduleExpression State EventPattern",
    create_by=Step("events:PutRule", lambda it: {**_put(it), "Tags": tag_list(it)}),
    identified_by=_physical_id,
    parts=(
        Members("Targets", _add_target, _remove_target, is_unmade=True, key=lambda one: one["Id"]),
        tagging("events:TagResource", "events:UntagResource", lambda it: {"ResourceARN": it.attributes["Arn"]}),
    ),
    update_by=Step("events:PutRule", _put),
    read_by=described(Step("events:DescribeRule", _rule), "", _read),
    delete_by=(Step("events:DeleteRule", _rule),),
    find_by=_find,
)

TYPES: Final = (RULE,)
