"""What users ask of stacks: checked in CloudFormation's words, recorded, and handed to the engine.

Source: ``cloudformation`` 2010-05-15; messages as the service has them.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from ninelives.model.errors import ApiError
from ninelives.stacks.blueprints import Wanted, checked, invalid, missing_exports, target_of
from ninelives.stacks.differences import Difference, difference
from ninelives.stacks.engine import Engine
from ninelives.stacks.records import (
    Blueprint,
    ChangeSet,
    ChangeSetStatus,
    ExecutionStatus,
    OnFailure,
    Operation,
    OperationKind,
    Phase,
    Record,
    Resource,
    Stack,
    StackStatus,
)
from ninelives.stacks.stack_policy import check_policy
from ninelives.stacks.target import NO_BLUEPRINT, Target
from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.parameters import ParameterValue

STACK_NAME: Final = re.compile(r"[A-Za-z][-A-Za-z0-9]{0,127}")
NO_CHANGES: Final = "The submitted information didn't contain changes. Submit different information to create a change set."
NO_UPDATES: Final = "No updates are to be performed."
UPDATABLE: Final = frozenset(
    {
        StackStatus.CREATE_COMPLETE,
        StackStatus.UPDATE_COMPLETE,
        StackStatus.UPDATE_ROLLBACK_COMPLETE,
        StackStatus.CREATE_FAILED,
        StackStatus.UPDATE_FAILED,
    }
)


def existing(engine: Engine, name_or_id: str, message: str = "Stack with id {} does not exist") -> Stack:
    """A stack by name, or by id, deleted or not. Raises ``ApiError``."""
    stack = engine.state.find(name_or_id)
    if stack is None:
        raise invalid(message.format(name_or_id))
    return stack


def living(engine: Engine, name_or_id: str, message: str = "Stack [{}] does not exist") -> Stack:
    """A stack that is not deleted. Raises ``ApiError``."""
    stack = engine.state.find(name_or_id)
    if stack is None or stack.is_deleted:
        raise invalid(message.format(name_or_id))
    return stack


# Stacks.


def check_name(name: str) -> None:
    if not STACK_NAME.fullmatch(name):
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy "
            "regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )


async def create_stack(
    engine: Engine,
    name: str,
    wanted: Wanted,
    *,
    on_failure: OnFailure = OnFailure.ROLLBACK,
    timeout_minutes: int | None = None,
    policy: str | None = None,
    has_termination_protection: bool = False,
) -> Stack:
    """Begin a stack. Raises ``ApiError``."""
    check_name(name)
    there = engine.state.find(name)
    if there is not None:
        token = there.operation.client_token if there.operation is not None else None
        if token is not None and token == wanted.client_token:
            return there
        raise ApiError("AlreadyExistsException", f"Stack [{name}] already exists")
    if policy is not None:
        check_policy(policy)
    stack_id = engine.place.arn("cloudformation", f"stack/{name}/{engine.ids.uuid()}")
    blueprint, target = await checked(engine, wanted, None, stack_id, name)
    if engine.state.find(name) is not None:  # another request was quicker
        raise ApiError("AlreadyExistsException", f"Stack [{name}] already exists")
    stack = Stack(
        stack_id=stack_id,
        name=name,
        status=StackStatus.CREATE_IN_PROGRESS,
        status_reason="User Initiated",
        created_at=engine.now(),
        blueprint=blueprint,
        description=target.template.description,
        operation=replace(
            _operation(
                engine, OperationKind.CREATE, wanted.client_token, on_failure=on_failure, timeout_minutes=timeout_minutes
            ),
            failure=missing_exports(target),
        ),
        imports=target.imports(),
        on_failure=on_failure,
        timeout_minutes=timeout_minutes,
        role_arn=wanted.role_arn,
        policy=policy,
        has_termination_protection=has_termination_protection,
    )
    _begin(engine, stack)
    return stack


def _operation(
    engine: Engine,
    kind: OperationKind,
    client_token: str | None,
    *,
    on_failure: OnFailure = OnFailure.ROLLBACK,
    timeout_minutes: int | None = None,
    retained: tuple[str, ...] = (),
) -> Operation:
    return Operation(
        kind=kind,
        phase=Phase.CONVERGE,
        id=engine.ids.uuid(),
        started_at=engine.now(),
        on_failure=on_failure,
        timeout_minutes=timeout_minutes,
        client_token=client_token,
        retained=retained,
        actor=engine.actor,
    )


def _begin(engine: Engine, stack: Stack, *others: Record) -> None:
    engine.state.commit(stack, *others, events=[engine.stack_event(stack)])
    engine.drive(stack.stack_id)


async def update_stack(
    engine: Engine,
    stack: Stack,
    wanted: Wanted,
    *,
    on_failure: OnFailure = OnFailure.ROLLBACK,
    policy: str | None = None,
    policy_during_update: str | None = None,
) -> Stack:
    """Begin an update. Raises ``ApiError``: among others when there is nothing to do."""
    _check_updatable(stack)
    for one in (policy, policy_during_update):
        if one is not None:
            check_policy(one)
    blueprint, target = await checked(engine, wanted, stack.blueprint, stack.stack_id, stack.name)
    found = await compare(engine, stack, target)
    is_retagged = dict(blueprint.tags) != dict(stack.blueprint.tags)
    if found.is_empty and not is_retagged and stack.status not in {StackStatus.CREATE_FAILED, StackStatus.UPDATE_FAILED}:
        raise invalid(NO_UPDATES)
    stack = engine.state.stacks[stack.stack_id]
    _check_updatable(stack)
    updated = replace(
        _updating(engine, stack, blueprint, target, wanted, on_failure),
        policy=policy if policy is not None else stack.policy,
        update_policy=policy_during_update,
        change_set_id=None,
    )
    _begin(engine, updated)
    return updated


def _updating(
    engine: Engine, stack: Stack, blueprint: Blueprint, target: Target, wanted: Wanted, on_failure: OnFailure
) -> Stack:
    return replace(
        stack,
        status=StackStatus.UPDATE_IN_PROGRESS,
        status_reason="User Initiated",
        updated_at=engine.now(),
        blueprint=blueprint,
        previous=stack.previous or stack.blueprint,
        description=target.template.description,
        operation=_operation(engine, OperationKind.UPDATE, wanted.client_token, on_failure=on_failure),
        imports=tuple(sorted({*stack.imports, *target.imports()})),
        role_arn=wanted.role_arn or stack.role_arn,
    )


def _check_updatable(stack: Stack) -> None:
    if stack.status not in UPDATABLE:
        raise invalid(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")


async def compare(engine: Engine, stack: Stack, target: Target) -> Difference:
    """What leads from a stack as it stands to a target. Raises ``ApiError``."""
    around = await engine.surroundings(stack.stack_id, stack.name)
    try:
        before = Target(stack.blueprint, around)
    except TemplateError:  # it draws on what is no longer there
        before = Target(NO_BLUEPRINT, around)
    try:
        return difference(before, target, engine.state.live_resources(stack.stack_id), stack.outputs, engine.catalogue)
    except TemplateError as error:
        raise invalid(error.message) from None


def delete_stack(
    engine: Engine, stack: Stack, *, retained: Sequence[str] = (), client_token: str | None = None, role_arn: str | None = None
) -> None:
    """Begin a deletion; one that is under way goes on. Raises ``ApiError``."""
    if stack.is_deleted:
        return
    if stack.has_termination_protection:
        raise invalid(f"Stack [{stack.stack_id}] cannot be deleted while TerminationProtection is enabled")
    if retained and stack.status is not StackStatus.DELETE_FAILED:
        raise invalid(
            f"Invalid operation on stack [{stack.stack_id}]. When you delete a stack, specify which resources to retain only "
            "when the stack is in the DELETE_FAILED state."
        )
    known = {one.logical_id for one in engine.state.live_resources(stack.stack_id)}
    unknown = [one for one in retained if one not in known]
    if unknown:
        raise invalid(f"Stack {stack.name} has no resource {unknown[0]} to retain.")
    if stack.operation is not None and stack.operation.kind is OperationKind.DELETE:
        return
    if stack.operation is not None and stack.operation.kind is not OperationKind.CREATE:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
    operation = _operation(engine, OperationKind.DELETE, client_token, retained=tuple(retained))
    going = replace(
        stack,
        status=StackStatus.DELETE_IN_PROGRESS,
        status_reason="User Initiated",
        operation=operation,
        role_arn=role_arn or stack.role_arn,
    )
    obsolete = [
        replace(one, execution_status=ExecutionStatus.OBSOLETE)
        for one in engine.state.change_sets_of(stack.stack_id)
        if one.execution_status is ExecutionStatus.AVAILABLE
    ]
    _begin(engine, going, *obsolete)


def cancel_update(engine: Engine, stack: Stack, client_token: str | None) -> None:
    """Turn an update back. Raises ``ApiError``."""
    operation = stack.operation
    if operation is None or operation.kind is not OperationKind.UPDATE or operation.phase is not Phase.CONVERGE:
        raise invalid("CancelUpdateStack cannot be called from current stack status")
    told = replace(
        operation,
        failure=operation.failure or "User Initiated. ",
        on_failure=OnFailure.ROLLBACK,
        client_token=client_token or operation.client_token,
    )
    engine.state.commit(replace(stack, operation=told))
    engine.drive(stack.stack_id)


def continue_update_rollback(engine: Engine, stack: Stack, skipped: Sequence[str], client_token: str | None) -> None:
    """Try a rollback again that has failed. Raises ``ApiError``."""
    if stack.status is not StackStatus.UPDATE_ROLLBACK_FAILED:
        raise invalid(f"Stack:{stack.stack_id} is in {stack.status} state and can not continue a rollback.")
    failed = {one.logical_id for one in engine.state.live_resources(stack.stack_id) if one.status.endswith("_FAILED")}
    wrong = [one for one in skipped if one not in failed]
    if wrong:
        raise invalid(f"The following resources to skip are not in a failed state: [{', '.join(wrong)}]")
    operation = replace(_again(engine, stack, OperationKind.UPDATE_ROLLBACK, client_token), skipped=tuple(skipped))
    _begin(
        engine,
        replace(stack, status=StackStatus.UPDATE_ROLLBACK_IN_PROGRESS, status_reason="User Initiated", operation=operation),
    )


def rollback_stack(engine: Engine, stack: Stack, client_token: str | None) -> None:
    """Take back what has failed and was left as it is. Raises ``ApiError``."""
    if stack.status is StackStatus.CREATE_FAILED:
        operation = _again(engine, stack, OperationKind.ROLLBACK, client_token)
        going = replace(stack, status=StackStatus.ROLLBACK_IN_PROGRESS, operation=operation)
    elif stack.status is StackStatus.UPDATE_FAILED and stack.previous is not None:
        operation = _again(engine, stack, OperationKind.UPDATE_ROLLBACK, client_token)
        going = replace(
            stack,
            status=StackStatus.UPDATE_ROLLBACK_IN_PROGRESS,
            blueprint=stack.previous,
            previous=None,
            operation=operation,
        )
    else:
        raise invalid(f"Stack:{stack.stack_id} is in {stack.status} state and can not be rolled back.")
    _begin(engine, replace(going, status_reason="User Initiated"))


def _again(engine: Engine, stack: Stack, kind: OperationKind, client_token: str | None) -> Operation:
    """An operation that takes back what the last one did."""
    operation = _operation(engine, kind, client_token)
    return replace(operation, id=stack.last_operation_id or operation.id, attempt=2)


# Change sets.


async def create_change_set(
    engine: Engine,
    stack_name: str,
    name: str,
    change_set_type: str,
    wanted: Wanted,
    *,
    description: str = "",
    on_failure: OnFailure | None = None,
) -> ChangeSet:
    """Work out what would change. Raises ``ApiError``; a change set that is empty is made, and has FAILED."""
    stack = engine.state.find(stack_name)
    if change_set_type == "CREATE":
        if stack is not None and not stack.is_deleted and stack.status is not StackStatus.REVIEW_IN_PROGRESS:
            message = f"Stack [{stack.name}] already exists and cannot be created again with the changeSet [{name}]."
            raise ApiError("ValidationError", message)
        check_name(stack_name if stack is None else stack.name)
    else:
        stack = living(engine, stack_name)
        if stack.status is StackStatus.REVIEW_IN_PROGRESS:
            raise invalid(f"Stack [{stack.name}] does not exist")
        _check_updatable(stack)
    _check_new(engine, stack, name)
    stack_id = stack.stack_id if stack else engine.place.arn("cloudformation", f"stack/{stack_name}/{engine.ids.uuid()}")
    before = stack.blueprint if stack is not None and stack.status is not StackStatus.REVIEW_IN_PROGRESS else None
    blueprint, target = await checked(engine, wanted, before, stack_id, stack.name if stack else stack_name)
    stack = engine.state.find(stack_id) or engine.state.find(stack_name)  # another request may have been quicker
    _check_new(engine, stack, name)
    stack_id = stack.stack_id if stack is not None else stack_id
    records: list[Record] = []
    events = []
    if stack is None:
        stack = Stack(
            stack_id=stack_id,
            name=stack_name,
            status=StackStatus.REVIEW_IN_PROGRESS,
            status_reason="User Initiated",
            created_at=engine.now(),
            blueprint=replace(NO_BLUEPRINT, tags=blueprint.tags),
        )
        records.append(stack)
        events.append(engine.stack_event(stack))
    found = await compare(engine, stack, target)
    is_retagged = before is not None and dict(blueprint.tags) != dict(before.tags)
    is_empty = found.is_empty and not is_retagged
    change_set = ChangeSet(
        change_set_id=engine.place.arn("cloudformation", f"changeSet/{name}/{engine.ids.uuid()}"),
        name=name,
        stack_id=stack_id,
        type=change_set_type,
        status=ChangeSetStatus.FAILED if is_empty else ChangeSetStatus.CREATE_COMPLETE,
        execution_status=ExecutionStatus.UNAVAILABLE if is_empty else ExecutionStatus.AVAILABLE,
        created_at=engine.now(),
        blueprint=blueprint,
        description=description,
        status_reason=NO_CHANGES if is_empty else "",
        changes=found.changes,
        on_failure=on_failure,
        role_arn=wanted.role_arn,
    )
    engine.state.commit(*records, change_set, events=events)
    return change_set


def _check_new(engine: Engine, stack: Stack | None, name: str) -> None:
    if stack is not None and any(one.name == name for one in engine.state.change_sets_of(stack.stack_id)):
        raise ApiError("AlreadyExistsException", f"ChangeSet {name} already exists")


def find_change_set(engine: Engine, name_or_id: str, stack_name: str | None) -> ChangeSet:
    """A change set by its id, or by its name and its stack. Raises ``ApiError``."""
    found = engine.state.change_sets.get(name_or_id)
    if found is not None:
        return found
    if name_or_id.startswith("arn:"):
        raise ApiError("ChangeSetNotFound", f"ChangeSet [{name_or_id}] does not exist")
    if stack_name is None:
        raise invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
    stack = existing(engine, stack_name, "Stack [{}] does not exist")
    found = next((one for one in engine.state.change_sets_of(stack.stack_id) if one.name == name_or_id), None)
    if found is None:
        raise ApiError("ChangeSetNotFound", f"ChangeSet [{name_or_id}] does not exist")
    return found


def _check_executable(engine: Engine, change_set: ChangeSet) -> ChangeSet:
    """A change set as it is now. Raises ``ApiError`` unless it can be executed."""
    known = engine.state.change_sets.get(change_set.key)
    if known is None:
        raise ApiError("ChangeSetNotFound", f"ChangeSet [{change_set.change_set_id}] does not exist")
    if known.execution_status is not ExecutionStatus.AVAILABLE:
        is_failed = known.status is ChangeSetStatus.FAILED
        told = f"status of [{known.status}]" if is_failed else f"execution status of [{known.execution_status}]"
        message = f"ChangeSet [{known.change_set_id}] cannot be executed in its current {told}"
        raise ApiError("InvalidChangeSetStatus", message)
    stack = engine.state.stacks[known.stack_id]
    if known.type != "CREATE":
        _check_updatable(stack)
    elif stack.status is not StackStatus.REVIEW_IN_PROGRESS:
        raise invalid(f"Stack:{stack.stack_id} is in {stack.status} state and can not be created by a change set.")
    return known


async def execute_change_set(
    engine: Engine, change_set: ChangeSet, *, client_token: str | None, disable_rollback: bool
) -> None:
    """Begin what a change set has worked out. Raises ``ApiError``."""
    _check_executable(engine, change_set)
    stack = engine.state.stacks[change_set.stack_id]
    try:
        target = await target_of(engine, change_set.blueprint, stack.stack_id, stack.name)
    except TemplateError as error:
        raise invalid(error.message) from None
    change_set = _check_executable(engine, change_set)  # another request may have been quicker
    stack, is_new = engine.state.stacks[change_set.stack_id], change_set.type == "CREATE"
    on_failure = OnFailure.DO_NOTHING if disable_rollback else change_set.on_failure or OnFailure.ROLLBACK
    wanted = Wanted(client_token=client_token, role_arn=change_set.role_arn)
    if not is_new:
        going = _updating(engine, stack, change_set.blueprint, target, wanted, on_failure)
    else:
        going = replace(
            stack,
            status=StackStatus.CREATE_IN_PROGRESS,
            status_reason="User Initiated",
            updated_at=engine.now(),
            blueprint=change_set.blueprint,
            description=target.template.description,
            operation=replace(
                _operation(engine, OperationKind.CREATE, client_token, on_failure=on_failure), failure=missing_exports(target)
            ),
            imports=target.imports(),
            on_failure=on_failure,
            role_arn=change_set.role_arn,
        )
    others = [
        replace(one, execution_status=ExecutionStatus.OBSOLETE)
        for one in engine.state.change_sets_of(stack.stack_id)
        if one.key != change_set.key and one.execution_status is ExecutionStatus.AVAILABLE
    ]
    executed = replace(change_set, execution_status=ExecutionStatus.EXECUTE_IN_PROGRESS)
    _begin(engine, replace(going, change_set_id=change_set.change_set_id), executed, *others)


def delete_change_set(engine: Engine, change_set: ChangeSet) -> None:
    """Forget a change set. Raises ``ApiError`` for one that is being executed."""
    if change_set.execution_status is ExecutionStatus.EXECUTE_IN_PROGRESS:
        raise ApiError(
            "InvalidChangeSetStatus",
            f"ChangeSet [{change_set.change_set_id}] cannot be deleted in its current execution status of "
            f"[{change_set.execution_status}]",
        )
    engine.state.commit(deletes=[change_set])


def resource_of(engine: Engine, stack: Stack, logical_id: str) -> Resource:
    """The current resource under a logical id. Raises ``ApiError``."""
    found = [one for one in engine.state.resources_of(stack.stack_id) if one.logical_id == logical_id]
    if not found:
        raise invalid(f"Resource {logical_id} does not exist for stack {stack.name}")
    return max(found, key=lambda one: (one.is_current, one.serial))


def shown_parameters(values: Sequence[ParameterValue]) -> list[dict[str, Any]]:
    """Parameters as the API shows them."""
    return [
        {"ParameterKey": one.key, "ParameterValue": one.shown, "ResolvedValue": None if one.no_echo else one.resolved}
        for one in values
    ]
