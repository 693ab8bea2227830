"""The resources of stacks, described."""

import json
from collections.abc import Mapping
from typing import Any

from ninelives.api.call import Call
from ninelives.api.cloudformation.wire import EngineHandler, page
from ninelives.stacks import blueprints, intents
from ninelives.stacks.engine import Engine
from ninelives.stacks.records import Resource, Stack


def describe_stack_resource(engine: Engine, call: Call) -> Mapping[str, Any]:
    stack = intents.existing(engine, call.parameters["StackName"], "Stack '{}' does not exist")
    resource = intents.resource_of(engine, stack, call.parameters["LogicalResourceId"])
    detail = {
        **_of_stack(stack),
        **_common(resource),
        "LastUpdatedTimestamp": resource.updated_at,
        "Metadata": json.dumps(resource.metadata) if resource.metadata is not None else "{}",
    }
    return {"StackResourceDetail": detail}


def describe_stack_resources(engine: Engine, call: Call) -> Mapping[str, Any]:
    given = call.parameters
    if "StackName" in given and "PhysicalResourceId" in given:
        raise blueprints.invalid("Only one of StackName or PhysicalResourceId may be specified.")
    if "StackName" in given:
        stack = intents.existing(engine, given["StackName"])
    elif "PhysicalResourceId" in given:
        stack = _owner(engine, given["PhysicalResourceId"])
    else:
        raise blueprints.invalid("Either StackName or PhysicalResourceId must be specified.")
    wanted = given.get("LogicalResourceId")
    shown = [one for one in _shown(engine, stack) if wanted is None or one.logical_id == wanted]
    return {"StackResources": [{**_of_stack(stack), **_common(one), "Timestamp": one.updated_at} for one in shown]}


def _owner(engine: Engine, physical_id: str) -> Stack:
    for stack in engine.state.stacks.values():
        if any(one.physical_id == physical_id for one in engine.state.live_resources(stack.stack_id)):
            return stack
    raise blueprints.invalid(f"Stack for {physical_id} does not exist")


def list_stack_resources(engine: Engine, call: Call) -> Mapping[str, Any]:
    stack = intents.existing(engine, call.parameters["StackName"])
    shown, token = page(_shown(engine, stack), call.parameters.get("NextToken"), key=lambda one: one.logical_id)
    return {
        "StackResourceSummaries": [{**_common(one), "LastUpdatedTimestamp": one.updated_at} for one in shown],
        "NextToken": token,
    }


def _shown(engine: Engine, stack: Stack) -> list[Resource]:
    """One for each logical id, in alphabetical order: the current, or the last that there was."""
    newest: dict[str, Resource] = {}
    for one in engine.state.resources_of(stack.stack_id):
        known = newest.get(one.logical_id)
        if known is None or (one.is_current, one.serial) > (known.is_current, known.serial):
            newest[one.logical_id] = one
    return [newest[name] for name in sorted(newest)]


def _of_stack(stack: Stack) -> dict[str, Any]:
    return {"StackName": stack.name, "StackId": stack.stack_id}


def _common(resource: Resource) -> dict[str, Any]:
    drift = resource.drift
    return {
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id or None,
        "ResourceType": resource.type,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.status_reason or None,
        "DriftInformation": {
            "StackResourceDriftStatus": drift.status if drift else "NOT_CHECKED",
            "LastCheckTimestamp": drift.checked_at if drift else None,
        },
    }


HANDLERS: Mapping[str, EngineHandler] = {
    "DescribeStackResource": describe_stack_resource,
    "DescribeStackResources": describe_stack_resources,
    "ListStackResources": list_stack_resources,
}
