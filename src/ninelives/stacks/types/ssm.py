"""Systems Manager's parameters. Source: ``ssm`` 2014-11-06."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared, Step, ask, described, tag_list, tagging, take
from ninelives.stacks.resource_type import Request

MEMBERS: Final = "Type Value Description AllowedPattern Tier DataType Policies"


def _name(it: Request) -> str:
    """Source: "AWS::SSM::Parameter", what a parameter without name is called."""
    return str(it.properties.get("Name") or f"CFN-{it.logical_id}-{it.suffix}")


def _resource(it: Request) -> Mapping[str, Any]:
    return {"ResourceType": "Parameter", "ResourceId": it.physical_id}


async def _parameter(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    tags = (await ask(it, "ssm:ListTagsForResource", _resource(it))).get("TagList", ())
    arn = it.place.arn("ssm", f"parameter/{it.physical_id.removeprefix('/')}")
    return {**found, "Arn": arn, "Tags": {tag["Key"]: tag["Value"] for tag in tags}}


async def _find(it: Request) -> str | None:
    found = await described(Step("ssm:GetParameter", lambda _: {"Name": _name(it)}), "Parameter")(it)
    return _name(it) if found else None


PARAMETER: Final = Declared(
    name="AWS::SSM::Parameter",
    takes=f"Name {MEMBERS}",
    create_by=Step("ssm:PutParameter", lambda it: {**take(MEMBERS)(it), "Name": _name(it), "Tags": tag_list(it)}),
    identified_by=lambda it, _: _name(it),
    parts=(tagging("ssm:AddTagsToResource", "ssm:RemoveTagsFromResource", _resource),),
    update_by=Step("ssm:PutParameter", lambda it: {**take(MEMBERS)(it), "Name": it.physical_id, "Overwrite": True}),
    read_by=described(Step("ssm:GetParameter", lambda it: {"Name": it.physical_id}), "Parameter", _parameter),
    delete_by=(Step("ssm:DeleteParameter", lambda it: {"Name": it.physical_id}),),
    find_by=_find,
)

TYPES: Final = (PARAMETER,)
