"""Stacks: begun, changed, deleted, described."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ninelives.api.call import Call
from ninelives.api.cloudformation.wire import (
    EngineHandler,
    page,
    read_on_failure,
    read_text_or_url,
    read_wanted,
    write_tags,
)
from ninelives.stacks import blueprints, intents
from ninelives.stacks.engine import Engine
from ninelives.stacks.records import Event, OnFailure, Output, Stack, StackStatus
from ninelives.stacks.stack_policy import check_policy


async def create_stack(engine: Engine, call: Call) -> Mapping[str, Any]:
    given = call.parameters
    stack = await intents.create_stack(
        engine,
        given["StackName"],
        await read_wanted(engine, given),
        on_failure=read_on_failure(given),
        timeout_minutes=given.get("TimeoutInMinutes"),
        policy=await read_text_or_url(engine, given, "StackPolicy"),
        has_termination_protection=given.get("EnableTerminationProtection", False),
    )
    await engine.soon_over(stack.stack_id)
    return {"StackId": stack.stack_id}


async def update_stack(engine: Engine, call: Call) -> Mapping[str, Any]:
    given = call.parameters
    stack = intents.living(engine, given["StackName"])
    await intents.update_stack(
        engine,
        stack,
        await read_wanted(engine, given),
        on_failure=OnFailure.DO_NOTHING if given.get("DisableRollback") else OnFailure.ROLLBACK,
        policy=await read_text_or_url(engine, given, "StackPolicy"),
        policy_during_update=await read_text_or_url(engine, given, "StackPolicyDuringUpdate"),
    )
    await engine.soon_over(stack.stack_id)
    return {"StackId": stack.stack_id}


async def delete_stack(engine: Engine, call: Call) -> Mapping[str, Any]:
    given = call.parameters
    stack = engine.state.find(given["StackName"])
    if stack is not None:  # one that is not there is deleted already
        intents.delete_stack(
            engine,
            stack,
            retained=given.get("RetainResources", ()),
            client_token=given.get("ClientRequestToken"),
            role_arn=given.get("RoleARN"),
        )
        await engine.soon_over(stack.stack_id)
    return {}


def describe_stacks(engine: Engine, call: Call) -> Mapping[str, Any]:
    name = call.parameters.get("StackName")
    if name is not None:
        return {"Stacks": [_described(engine, intents.existing(engine, name))]}
    stacks = [one for one in reversed(engine.state.stacks.values()) if not one.is_deleted]
    shown, token = page(stacks, call.parameters.get("NextToken"), key=lambda one: one.stack_id)
    return {"Stacks": [_described(engine, one) for one in shown], "NextToken": token}


def _described(engine: Engine, stack: Stack) -> dict[str, Any]:
    blueprint = stack.blueprint
    return {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "ChangeSetId": stack.change_set_id,
        "Description": stack.description or None,
        "Parameters": intents.shown_parameters(blueprint.parameters),
        "CreationTime": stack.created_at,
        "DeletionTime": stack.deleted_at,
        "LastUpdatedTime": stack.updated_at,
        "RollbackConfiguration": {},
        "StackStatus": stack.status,
        "StackStatusReason": stack.status_reason or None,
        "DisableRollback": stack.on_failure is OnFailure.DO_NOTHING,
        "NotificationARNs": list(blueprint.notification_arns),
        "TimeoutInMinutes": stack.timeout_minutes,
        "Capabilities": list(blueprint.capabilities),
        "Outputs": [_output(one) for one in stack.outputs],
        "RoleARN": stack.role_arn,
        "Tags": write_tags(blueprint.tags),
        "EnableTerminationProtection": stack.has_termination_protection,
        **_family(engine, stack),
        "DriftInformation": _drift(stack),
    }


def _output(output: Output) -> dict[str, Any]:
    return {
        "OutputKey": output.key,
        "OutputValue": output.value,
        "Description": output.description or None,
        "ExportName": output.export_name,
    }


def _family(engine: Engine, stack: Stack) -> dict[str, Any]:
    parent, root = engine.state.parent_of(stack.stack_id), engine.state.root_of(stack.stack_id)
    return {"ParentId": parent.stack_id if parent else None, "RootId": root.stack_id if root else None}


def _drift(stack: Stack) -> dict[str, Any]:
    return {"StackDriftStatus": stack.drift_status, "LastCheckTimestamp": stack.drift_checked_at}


def list_stacks(engine: Engine, call: Call) -> Mapping[str, Any]:
    wanted = set(call.parameters.get("StackStatusFilter", ()))
    stacks = [one for one in reversed(engine.state.stacks.values()) if not wanted or one.status in wanted]
    shown, token = page(stacks, call.parameters.get("NextToken"), key=lambda one: one.stack_id)
    return {"StackSummaries": [_summary(engine, one) for one in shown], "NextToken": token}


def _summary(engine: Engine, stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "TemplateDescription": stack.description or None,
        "CreationTime": stack.created_at,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatus": stack.status,
        "StackStatusReason": stack.status_reason or None,
        **_family(engine, stack),
        "DriftInformation": _drift(stack),
    }


def describe_stack_events(engine: Engine, call: Call) -> Mapping[str, Any]:
    name = call.parameters.get("StackName")
    if name is None:
        message = "Value null at 'stackName' failed to satisfy constraint: Member must not be null"
        raise blueprints.invalid(f"1 validation error detected: {message}")
    stack = intents.existing(engine, name, "Stack [{}] does not exist")
    events = list(engine.state.events(stack.stack_id))
    shown, token = page(events, call.parameters.get("NextToken"), key=lambda one: one.event_id)
    return {"StackEvents": list(map(_event, shown)), "NextToken": token}


def _event(event: Event) -> dict[str, Any]:
    return {
        "StackId": event.stack_id,
        "EventId": event.event_id,
        "StackName": event.stack_name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.at,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or None,
        "ResourceProperties": event.properties or None,
        "ClientRequestToken": event.client_token,
    }


def cancel_update_stack(engine: Engine, call: Call) -> Mapping[str, Any]:
    stack = intents.living(engine, call.parameters["StackName"])
    intents.cancel_update(engine, stack, call.parameters.get("ClientRequestToken"))
    return {}


def continue_update_rollback(engine: Engine, call: Call) -> Mapping[str, Any]:
    given = call.parameters
    stack = intents.living(engine, given["StackName"])
    intents.continue_update_rollback(engine, stack, given.get("ResourcesToSkip", ()), given.get("ClientRequestToken"))
    return {}


def rollback_stack(engine: Engine, call: Call) -> Mapping[str, Any]:
    stack = intents.living(engine, call.parameters["StackName"])
    intents.rollback_stack(engine, stack, call.parameters.get("ClientRequestToken"))
    return {"StackId": stack.stack_id}


def update_termination_protection(engine: Engine, call: Call) -> Mapping[str, Any]:
    stack = intents.living(engine, call.parameters["StackName"])
    if engine.state.parent_of(stack.stack_id) is not None:
        raise blueprints.invalid("Termination protection cannot be updated on a nested stack; update that of the root stack.")
    if stack.status is StackStatus.DELETE_IN_PROGRESS:
        raise blueprints.invalid(f"Stack [{stack.name}] is being deleted.")
    is_on = call.parameters["EnableTerminationProtection"]
    engine.state.commit(replace(stack, has_termination_protection=is_on))
    return {"StackId": stack.stack_id}


async def set_stack_policy(engine: Engine, call: Call) -> Mapping[str, Any]:
    text = await read_text_or_url(engine, call.parameters, "StackPolicy")
    if text is None:
        raise blueprints.invalid("Either StackPolicyURL or StackPolicyBody must be specified.")
    check_policy(text)
    stack = intents.living(engine, call.parameters["StackName"])
    engine.state.commit(replace(stack, policy=text))
    return {}


def get_stack_policy(engine: Engine, call: Call) -> Mapping[str, Any]:
    return {"StackPolicyBody": intents.existing(engine, call.parameters["StackName"]).policy}


def describe_account_limits(engine: Engine, call: Call) -> Mapping[str, Any]:
    del engine, call
    limits = {"StackLimit": 2000, "StackOutputsLimit": 200, "ConcurrentResourcesLimit": 2500}
    return {"AccountLimits": [{"Name": name, "Value": value} for name, value in limits.items()]}


HANDLERS: Mapping[str, EngineHandler] = {
    "CreateStack": create_stack,
    "UpdateStack": update_stack,
    "DeleteStack": delete_stack,
    "DescribeStacks": describe_stacks,
    "ListStacks": list_stacks,
    "DescribeStackEvents": describe_stack_events,
    "CancelUpdateStack": cancel_update_stack,
    "ContinueUpdateRollback": continue_update_rollback,
    "RollbackStack": rollback_stack,
    "UpdateTerminationProtection": update_termination_protection,
    "SetStackPolicy": set_stack_policy,
    "GetStackPolicy": get_stack_policy,
    "DescribeAccountLimits": describe_account_limits,
}
