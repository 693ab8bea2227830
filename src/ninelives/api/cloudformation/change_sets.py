"""Change sets: worked out, shown, executed."""

from collections.abc import Mapping
from typing import Any

from ninelives.api.call import Call
from ninelives.api.cloudformation.wire import EngineHandler, page, read_wanted, write_tags
from ninelives.stacks import blueprints, intents
from ninelives.stacks.engine import Engine
from ninelives.stacks.records import ChangeDetail, ChangeSet, OnFailure, ResourceChange


async def create_change_set(engine: Engine, call: Call) -> Mapping[str, Any]:
    given = call.parameters
    kept = given.get("OnStackFailure")
    change_set = await intents.create_change_set(
        engine,
        given["StackName"],
        given["ChangeSetName"],
        _type(given),
        await read_wanted(engine, given),
        description=given.get("Description", ""),
        on_failure=OnFailure(kept) if kept else None,
    )
    return {"Id": change_set.change_set_id, "StackId": change_set.stack_id}


def _type(given: Mapping[str, Any]) -> str:
    kind = given.get("ChangeSetType", "UPDATE")
    if kind == "IMPORT":
        raise blueprints.invalid("ChangeSetType IMPORT is not supported by this region: resources are made, not taken over.")
    return str(kind)


def describe_change_set(engine: Engine, call: Call) -> Mapping[str, Any]:
    given = call.parameters
    one = intents.find_change_set(engine, given["ChangeSetName"], given.get("StackName"))
    shown, token = page(one.changes, given.get("NextToken"), key=lambda change: change.logical_id)
    with_values = given.get("IncludePropertyValues", False)
    return {
        "ChangeSetName": one.name,
        "ChangeSetId": one.change_set_id,
        "StackId": one.stack_id,
        "StackName": engine.state.stacks[one.stack_id].name,
        "Description": one.description or None,
        "Parameters": intents.shown_parameters(one.blueprint.parameters),
        "CreationTime": one.created_at,
        "ExecutionStatus": one.execution_status,
        "Status": one.status,
        "StatusReason": one.status_reason or None,
        "NotificationARNs": list(one.blueprint.notification_arns),
        "RollbackConfiguration": {},
        "Capabilities": list(one.blueprint.capabilities),
        "Tags": write_tags(one.blueprint.tags),
        "Changes": [{"Type": "Resource", "ResourceChange": _change(change, with_values)} for change in shown],
        "NextToken": token,
        "IncludeNestedStacks": False,
        "OnStackFailure": one.on_failure,
        "ImportExistingResources": False,
    }


def _change(change: ResourceChange, with_values: bool) -> dict[str, Any]:
    return {
        "PolicyAction": change.policy_action if change.policy_action != "ReplaceAndDelete" or change.replacement else None,
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "PhysicalResourceId": change.physical_id,
        "ResourceType": change.type,
        "Replacement": change.replacement,
        "Scope": list(change.scope),
        "Details": [_detail(one) for one in change.details],
        "BeforeContext": (change.before or None) if with_values else None,
        "AfterContext": (change.after or None) if with_values else None,
    }


def _detail(detail: ChangeDetail) -> dict[str, Any]:
    return {
        "Target": {"Attribute": detail.attribute, "Name": detail.name, "RequiresRecreation": detail.recreation or "Never"},
        "Evaluation": detail.evaluation,
        "ChangeSource": detail.source,
        "CausingEntity": detail.causing_entity,
    }


async def execute_change_set(engine: Engine, call: Call) -> Mapping[str, Any]:
    given = call.parameters
    change_set = intents.find_change_set(engine, given["ChangeSetName"], given.get("StackName"))
    await intents.execute_change_set(
        engine,
        change_set,
        client_token=given.get("ClientRequestToken"),
        disable_rollback=given.get("DisableRollback", False),
    )
    await engine.soon_over(change_set.stack_id)
    return {}


def list_change_sets(engine: Engine, call: Call) -> Mapping[str, Any]:
    stack = intents.existing(engine, call.parameters["StackName"], "Stack [{}] does not exist")
    found = engine.state.change_sets_of(stack.stack_id)
    shown, token = page(found, call.parameters.get("NextToken"), key=lambda one: one.change_set_id)
    return {"Summaries": [_summary(one, stack.name) for one in shown], "NextToken": token}


def _summary(one: ChangeSet, stack_name: str) -> dict[str, Any]:
    return {
        "StackId": one.stack_id,
        "StackName": stack_name,
        "ChangeSetId": one.change_set_id,
        "ChangeSetName": one.name,
        "ExecutionStatus": one.execution_status,
        "Status": one.status,
        "StatusReason": one.status_reason or None,
        "CreationTime": one.created_at,
        "Description": one.description or None,
        "IncludeNestedStacks": False,
        "ImportExistingResources": False,
    }


def delete_change_set(engine: Engine, call: Call) -> Mapping[str, Any]:
    given = call.parameters
    name, stack_name = given["ChangeSetName"], given.get("StackName")
    if stack_name is not None:
        stack = intents.existing(engine, stack_name, "Stack [{}] does not exist")
        known = engine.state.change_sets_of(stack.stack_id)
        found = next((one for one in known if name in {one.name, one.change_set_id}), None)
    else:
        found = engine.state.change_sets.get(name)
    if found is not None:  # one that is not there is deleted already
        intents.delete_change_set(engine, found)
    return {}


HANDLERS: Mapping[str, EngineHandler] = {
    "CreateChangeSet": create_change_set,
    "DescribeChangeSet": describe_change_set,
    "ExecuteChangeSet": execute_change_set,
    "ListChangeSets": list_change_sets,
    "DeleteChangeSet": delete_change_set,
}
