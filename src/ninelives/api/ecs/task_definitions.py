"""Task definitions on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ninelives.api.call import Call
from ninelives.api.ecs.caller import caller_arn
from ninelives.api.ecs.paging import page
from ninelives.api.ecs.tags import read_tags, write_tags
from ninelives.model.ecs import TaskDefinition
from ninelives.model.errors import ApiError
from ninelives.region import ecs_task_definitions
from ninelives.region.ecs_lookup import find_task_definition
from ninelives.region.region import Region


def register_task_definition(region: Region, call: Call) -> Mapping[str, Any]:
    definition = {name: value for name, value in call.parameters.items() if name != "tags"}
    record = ecs_task_definitions.register_task_definition(
        region, definition, registered_by=caller_arn(call), tags=read_tags(call)
    )
    return {"taskDefinition": write_task_definition(record), "tags": write_tags(record.tags)}


def describe_task_definition(region: Region, call: Call) -> Mapping[str, Any]:
    found = find_task_definition(region, call.parameters["taskDefinition"])
    if found is None:
        raise ApiError("ClientException", "Unable to describe task definition.")
    tags = write_tags(found.tags) if "TAGS" in call.parameters.get("include", ()) else []
    return {"taskDefinition": write_task_definition(found), "tags": tags}


def list_task_definitions(region: Region, call: Call) -> Mapping[str, Any]:
    """By family and revision; ``familyPrefix`` is a whole family name, as the model says."""
    parameters = call.parameters
    status, family = parameters.get("status", "ACTIVE"), parameters.get("familyPrefix")
    found = sorted(
        (one for one in region.state.task_definitions.values() if one.status == status and family in {None, one.family}),
        key=lambda one: (one.family, one.revision),
        reverse=parameters.get("sort", "ASC") == "DESC",
    )
    shown, token = page([one.arn for one in found], parameters)
    return {"taskDefinitionArns": shown, "nextToken": token}


def list_task_definition_families(region: Region, call: Call) -> Mapping[str, Any]:
    """Families by name: ACTIVE are those with an ACTIVE revision, INACTIVE the others."""
    parameters = call.parameters
    prefix, status = parameters.get("familyPrefix", ""), parameters.get("status", "ALL")
    active: dict[str, bool] = {}
    for one in region.state.task_definitions.values():
        active[one.family] = active.get(one.family, False) or one.status == "ACTIVE"
    families = sorted(
        family
        for family, is_active in active.items()
        if family.startswith(prefix) and (status == "ALL" or is_active == (status == "ACTIVE"))
    )
    shown, token = page(families, parameters)
    return {"families": shown, "nextToken": token}


def deregister_task_definition(region: Region, call: Call) -> Mapping[str, Any]:
    record = ecs_task_definitions.deregister_task_definition(region, call.parameters["taskDefinition"])
    return {"taskDefinition": write_task_definition(record)}


def delete_task_definitions(region: Region, call: Call) -> Mapping[str, Any]:
    deleted, failures = ecs_task_definitions.delete_task_definitions(region, call.parameters["taskDefinitions"])
    return {
        "taskDefinitions": [write_task_definition(one) for one in deleted],
        "failures": [{"arn": one.reference, "reason": one.reason} for one in failures],
    }


def write_task_definition(record: TaskDefinition) -> Mapping[str, Any]:
    members = dict(record.members)
    if "deleteRequestedAt" in members:
        members["deleteRequestedAt"] = datetime.fromisoformat(members["deleteRequestedAt"])
    if record.deregistered_at is not None:
        members["deregisteredAt"] = record.deregistered_at
    return {
        **members,
        "taskDefinitionArn": record.arn,
        "family": record.family,
        "revision": record.revision,
        "status": record.status,
        "registeredAt": record.registered_at,
    }


HANDLERS = {
    "RegisterTaskDefinition": register_task_definition,
    "DescribeTaskDefinition": describe_task_definition,
    "ListTaskDefinitions": list_task_definitions,
    "ListTaskDefinitionFamilies": list_task_definition_families,
    "DeregisterTaskDefinition": deregister_task_definition,
    "DeleteTaskDefinitions": delete_task_definitions,
}
