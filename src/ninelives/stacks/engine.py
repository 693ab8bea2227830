"""Carries out what the plans say: one driver for each stack with an operation under way, one task for each resource at work.

Each step is recorded before it is done, with all that is random in it; after the control plane was killed, ``start`` begins
again what was under way, and a creation looks first for what it had made already (``ResourceType.find``).
"""

import asyncio
import copy
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from ninelives.model.arns import Place
from ninelives.model.errors import ApiError
from ninelives.stacks.catalogue import Catalogue
from ninelives.stacks.dynamic_values import dynamic_values
from ninelives.stacks.planning import (
    NEEDS_NEW,
    Create,
    Delete,
    Draft,
    Facts,
    Forget,
    Keep,
    Move,
    Refuse,
    Restore,
    Step,
    Update,
    failure_of,
    plan,
)
from ninelives.stacks.records import (
    Action,
    ChangeSet,
    Event,
    ExecutionStatus,
    OnFailure,
    Operation,
    OperationKind,
    Phase,
    Record,
    Resource,
    ResourceStatus,
    Stack,
    StackStatus,
)
from ninelives.stacks.resource_type import AwsCall, Request, ResourceFailed, is_not_found
from ninelives.stacks.state import State, Store
from ninelives.stacks.target import NO_BLUEPRINT, Surroundings, Target
from ninelives.stacks.templates.dynamic import with_values
from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.parameters import without_secrets

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.05
POLL_SECONDS_MAX: Final = 2.0
PATIENCE_SECONDS: Final = 1.0
"""How long a request waits for the end of what it began. Clients look every 5 or 30 seconds: most stacks are there sooner."""
STACK_TYPE: Final = "AWS::CloudFormation::Stack"
CANCELLED: Final = {Action.CREATE: "Resource creation cancelled", Action.UPDATE: "Resource update cancelled"}
INTERNAL: Final = "Internal failure of the region; its log tells more."


async def _at_once() -> None:
    """What is done lasts."""


class Ids(Protocol):
    """New identifiers. No two answers are the same."""

    def uuid(self) -> str: ...

    def resource_suffix(self) -> str:
        """12 capital letters and digits: the random part of a physical name."""


class Engine:
    """The stacks of a region. ``call`` reaches its operations; all on the region's event loop.

    ``lasting`` returns once all that was called so far outlives a kill: it is awaited before a resource counts as done.
    ``call_for`` tells, where IAM is enforced, what an operation on a stack calls: by the stack's id, its role and its actor.
    """

    def __init__(  # noqa: PLR0913 a region's whole world
        self,
        store: Store,
        *,
        place: Place,
        now: Callable[[], datetime],
        ids: Ids,
        call: AwsCall,
        catalogue: Catalogue,
        poll_seconds: float = POLL_SECONDS,
        lasting: Callable[[], Awaitable[None]] = _at_once,
        call_for: Callable[[str, str | None, str], AwsCall] | None = None,
    ) -> None:
        self.state = State(store)
        self.place = place
        self.now = now
        self.ids = ids
        self.call = call
        self.callers_call = call
        """What reads for who asks."""
        self.actor = ""
        self._call_for = call_for
        self.catalogue = catalogue
        self._poll_seconds = poll_seconds
        self._lasting = lasting
        self._drivers: dict[str, asyncio.Task[None]] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._targets: dict[str, tuple[str, Target]] = {}
        self._zones: tuple[str, ...] | None = None

    def on_behalf_of(self, actor: str, call: AwsCall) -> "Engine":
        """The engine as somebody asks it: ``call`` reads for him, and what he begins is recorded as his."""
        asked = copy.copy(self)
        asked.actor, asked.callers_call = actor, call
        return asked

    def _call_of(self, stack: Stack) -> AwsCall:
        """What the operation on a stack calls."""
        if self._call_for is None:
            return self.call
        return self._call_for(stack.stack_id, stack.role_arn, stack.operation.actor if stack.operation else "")

    def start(self) -> None:
        """Go on with what was under way when the last control plane ended."""
        self.state.forget_old(self.now())
        for stack in list(self.state.stacks.values()):
            if stack.operation is not None:
                self.drive(stack.stack_id)

    def drive(self, stack_id: str) -> None:
        """See to a stack whose operation has begun, or has changed."""
        driver = self._drivers.get(stack_id)
        if driver is not None and not driver.done():
            self._wakes[stack_id].set()
            return
        self._wakes[stack_id] = asyncio.Event()
        self._drivers[stack_id] = asyncio.create_task(self._drive(stack_id), name=f"stack {stack_id}")

    async def soon_over(self, stack_id: str) -> None:
        """Wait for the end of what is under way, but not for long."""
        driver = self._drivers.get(stack_id)
        if driver is not None:
            await asyncio.wait({driver}, timeout=PATIENCE_SECONDS)

    async def close(self) -> None:
        """Stop driving: what is under way goes on when the region starts again."""
        for driver in self._drivers.values():
            driver.cancel()
        await asyncio.gather(*self._drivers.values(), return_exceptions=True)

    async def surroundings(self, stack_id: str, name: str) -> Surroundings:
        """What a stack's template may draw on."""
        return self._surroundings(stack_id, name, await self._zones_of_the_region())

    def _surroundings(self, stack_id: str, name: str, zones: Sequence[str]) -> Surroundings:
        exports = {export: value for export, (value, _) in self.state.exports(but=stack_id).items()}
        return Surroundings(place=self.place, stack_id=stack_id, stack_name=name, exports=exports, zones=zones)

    async def _zones_of_the_region(self) -> Sequence[str]:
        if self._zones is None:
            answer = await self.call("ec2", "DescribeAvailabilityZones", {})
            self._zones = tuple(sorted(zone["ZoneName"] for zone in answer["AvailabilityZones"]))
        return self._zones

    # Driving.

    async def _drive(self, stack_id: str) -> None:
        """See to operation after operation: another may begin while what is left of the one before is broken off."""
        while self.state.stacks[stack_id].operation is not None:
            await self._drive_operation(stack_id)
        del self._drivers[stack_id], self._wakes[stack_id]

    async def _drive_operation(self, stack_id: str) -> None:
        working: dict[str, asyncio.Task[None]] = {}
        wake = self._wakes[stack_id]
        begun: set[str] = set()
        try:
            await self._zones_of_the_region()
            while self.state.stacks[stack_id].operation is not None:
                wake.clear()
                steps = plan(self._facts(self.state.stacks[stack_id]))
                for step in steps:
                    begun |= self._begin(self.state.stacks[stack_id], step)
                    if self._has_failed(stack_id):
                        break
                working = {key: task for key, task in working.items() if not task.done()}
                for resource in self.state.live_resources(stack_id):
                    if resource.action is not None and resource.key not in working:
                        work = self._work(resource, is_again=resource.key not in begun, wake=wake)
                        working[resource.key] = asyncio.create_task(work, name=f"{resource.logical_id} of {stack_id}")
                if steps:
                    await asyncio.sleep(0)  # others have their turn
                else:
                    await self._until_something_ends(self.state.stacks[stack_id], wake)
        except TemplateError as error:
            self._fail(self.state.stacks[stack_id], error.message)
        except Exception:
            log.exception("the operation on stack %s failed", stack_id)
            self._fail(self.state.stacks[stack_id], INTERNAL)
        finally:
            for task in working.values():
                task.cancel()
            await asyncio.gather(*working.values(), return_exceptions=True)
            self._targets.pop(stack_id, None)

    def _has_failed(self, stack_id: str) -> bool:
        operation = self.state.stacks[stack_id].operation
        return operation is not None and bool(operation.failure)

    async def _until_something_ends(self, stack: Stack, wake: asyncio.Event) -> None:
        operation = stack.operation
        if (
            operation is None
            or operation.timeout_minutes is None
            or operation.failure
            or operation.kind is not OperationKind.CREATE
        ):
            await wake.wait()
            return
        left = operation.started_at + timedelta(minutes=operation.timeout_minutes) - self.now()
        try:
            async with asyncio.timeout(max(0.0, left.total_seconds())):
                await wake.wait()
        except TimeoutError:
            failed = replace(operation, failure="Stack creation time exceeded the specified timeout. ")
            self.state.commit(replace(stack, operation=failed))

    def _facts(self, stack: Stack) -> Facts:
        assert stack.operation is not None
        assert self._zones is not None
        cached = self._targets.get(stack.stack_id)
        if cached is None or cached[0] != stack.operation.mark:
            nothing = stack.operation.kind in {OperationKind.DELETE, OperationKind.ROLLBACK}
            blueprint = replace(NO_BLUEPRINT, tags=stack.blueprint.tags) if nothing else stack.blueprint
            target = Target(blueprint, self._surroundings(stack.stack_id, stack.name, self._zones))
            self._targets[stack.stack_id] = stack.operation.mark, target
        exports = {name: self.state.stacks[owner].name for name, (_, owner) in self.state.exports(but=stack.stack_id).items()}
        return Facts(
            stack=stack,
            resources=self.state.live_resources(stack.stack_id),
            target=self._targets[stack.stack_id][1],
            catalogue=self.catalogue,
            exported_elsewhere=exports,
            imported_elsewhere=self.state.importers(but=stack.stack_id),
        )

    def _fail(self, stack: Stack, reason: str) -> None:
        """End an operation that cannot go on: its template no longer holds, or we have a bug."""
        if stack.operation is None:
            return
        status = StackStatus(f"{stack.operation.kind}_FAILED")
        idle = [
            replace(one, action=None, status=ResourceStatus(f"{one.action}_FAILED"), status_reason=reason)
            for one in self.state.live_resources(stack.stack_id)
            if one.action is not None
        ]
        self._move(stack, Move(status, reason), idle)

    # Beginning what a plan says.

    def _begin(self, stack: Stack, step: Step) -> set[str]:
        """Record a step; the keys of the resources at which work begins."""
        operation = stack.operation
        assert operation is not None
        match step:
            case Move():
                self._move(stack, step)
            case Create(draft, replaces):
                return {self._begin_creation(stack, operation, draft, replaces)}
            case Update(resource, draft):
                changed = replace(
                    _drafted(resource, draft, stack),
                    action=Action.UPDATE,
                    status=ResourceStatus.UPDATE_IN_PROGRESS,
                    status_reason="",
                    token=self.ids.uuid(),
                    began_at=self.now(),
                    previous=resource.properties,
                    previous_tags=resource.tags,
                    updated_at=self.now(),
                )
                self._record(stack, changed)
                return {changed.key}
            case Keep(resource, draft):
                kept = replace(_drafted(resource, draft, stack), settled_in=operation.mark)
                if resource.status in {ResourceStatus.UPDATE_FAILED, ResourceStatus.CREATE_FAILED}:
                    kept = replace(kept, status=ResourceStatus.UPDATE_COMPLETE, status_reason="", updated_at=self.now())
                self.state.commit(kept)
            case Restore(old, new):
                back = replace(old, is_current=True, status=ResourceStatus.UPDATE_COMPLETE, updated_at=self.now())
                waiting = [] if new is None else [replace(new, is_current=False)]
                self.state.commit(back, *waiting, events=[self._event(stack, back)])
            case Refuse():
                self._refuse(stack, operation, step)
            case Delete(resource):
                gone = replace(
                    resource,
                    action=Action.DELETE,
                    status=ResourceStatus.DELETE_IN_PROGRESS,
                    status_reason="",
                    token=self.ids.uuid(),
                    updated_at=self.now(),
                )
                self._record(stack, gone)
                return {gone.key}
            case Forget(resource):
                self._record(
                    stack, replace(resource, status=ResourceStatus.DELETE_SKIPPED, updated_at=self.now(), status_reason="")
                )
        return set()

    def _begin_creation(self, stack: Stack, operation: Operation, draft: Draft, replaces: Resource | None) -> str:
        serials = [one.serial for one in self.state.resources_of(stack.stack_id) if one.logical_id == draft.logical_id]
        made = _drafted(
            Resource(
                stack_id=stack.stack_id,
                logical_id=draft.logical_id,
                serial=max(serials, default=0) + 1,
                type=draft.type,
                status=ResourceStatus.CREATE_IN_PROGRESS if replaces is None else ResourceStatus.UPDATE_IN_PROGRESS,
                status_reason="" if replaces is None else NEEDS_NEW,
                updated_at=self.now(),
                action=Action.CREATE,
                token=self.ids.uuid(),
                began_at=self.now(),
                suffix=self.ids.resource_suffix(),
                created_in=operation.id,
            ),
            draft,
            stack,
        )
        others = [] if replaces is None else [replace(replaces, is_current=False)]
        shown = replace(made, physical_id="" if replaces is None else replaces.physical_id)
        self.state.commit(made, *others, events=[self._event(stack, shown)])
        return made.key

    def _refuse(self, stack: Stack, operation: Operation, step: Refuse) -> None:
        is_new = step.resource is None
        status = ResourceStatus.CREATE_FAILED if is_new else ResourceStatus.UPDATE_FAILED
        resource = step.resource or Resource(
            stack_id=stack.stack_id,
            logical_id=step.logical_id,
            serial=1 + len([one for one in self.state.resources_of(stack.stack_id) if one.logical_id == step.logical_id]),
            type=step.type,
            status=status,
            updated_at=self.now(),
            created_in=operation.id,
        )
        failed = replace(resource, status=status, status_reason=step.reason, updated_at=self.now())
        self._failed(stack, failed, Action.CREATE if is_new else Action.UPDATE)

    def _record(self, stack: Stack, resource: Resource) -> None:
        self.state.commit(resource, events=[self._event(stack, resource)])

    def _move(self, stack: Stack, move: Move, others: Iterable[Resource] = ()) -> None:
        is_over = move.operation is None
        now = self.now()
        moved = replace(
            stack,
            status=move.status,
            status_reason=move.reason,
            operation=move.operation,
            outputs=stack.outputs if move.outputs is None else move.outputs,
        )
        if move.goes_back and stack.previous is not None:
            moved = replace(moved, blueprint=stack.previous, previous=None)
        deletes: list[Record] = []
        puts: list[Record] = list(others)
        if is_over:
            before = stack.previous if move.status is StackStatus.UPDATE_FAILED else None
            assert stack.operation is not None
            moved = replace(
                moved,
                previous=before,
                update_policy=None,
                imports=self._imports(stack),
                last_operation_id=stack.operation.id,
            )
            if move.status is StackStatus.DELETE_COMPLETE:
                moved = replace(moved, deleted_at=now, outputs=(), imports=())
            elif not move.status.startswith(("ROLLBACK", "DELETE")):
                deletes = [one for one in self.state.resources_of(stack.stack_id) if one.status.is_gone]
            if move.status in {StackStatus.ROLLBACK_COMPLETE, StackStatus.ROLLBACK_FAILED}:
                moved = replace(moved, outputs=())
            puts += self._executed(stack, is_well=move.status in {StackStatus.CREATE_COMPLETE, StackStatus.UPDATE_COMPLETE})
        is_told = moved.status is not stack.status or moved.status_reason != stack.status_reason
        self.state.commit(moved, *puts, deletes=deletes, events=[self.stack_event(moved)] if is_told else [])

    def _imports(self, stack: Stack) -> tuple[str, ...]:
        cached = self._targets.get(stack.stack_id)
        return cached[1].imports() if cached is not None else stack.imports

    def _executed(self, stack: Stack, *, is_well: bool) -> list[ChangeSet]:
        ended = ExecutionStatus.EXECUTE_COMPLETE if is_well else ExecutionStatus.EXECUTE_FAILED
        return [
            replace(one, execution_status=ended)
            for one in self.state.change_sets_of(stack.stack_id)
            if one.execution_status is ExecutionStatus.EXECUTE_IN_PROGRESS
        ]

    # Work at one resource.

    async def _work(self, resource: Resource, *, is_again: bool, wake: asyncio.Event) -> None:
        """Carry out a resource's action to its end, and record that."""
        action = resource.action
        assert action is not None
        try:
            match action:
                case Action.CREATE:
                    await self._create(resource, is_again=is_again)
                case Action.UPDATE:
                    await self._update(resource)
                case Action.DELETE:
                    await self._delete(resource)
        except ApiError as error:
            self._work_failed(resource, _handler_reason(error, resource.token))
        except ResourceFailed as error:
            self._work_failed(resource, _handled(error.reason, error.code, resource.token) if error.code else error.reason)
        except TemplateError as error:
            self._work_failed(resource, error.message)
        except Exception as error:
            log.exception("%s of %s in %s failed", action, resource.logical_id, resource.stack_id)
            told = f"Internal Failure: {type(error).__name__}; the region's log tells more."
            self._work_failed(resource, told)
        finally:
            wake.set()

    async def _create(self, resource: Resource, *, is_again: bool) -> None:
        resource_type = self.catalogue[resource.type]
        request = await self._request(resource)
        physical_id: str | None = resource.physical_id or None
        if is_again:
            physical_id = await self._left_by_the_last(resource, request)
        if physical_id is not None:
            await resource_type.resume(replace(request, physical_id=physical_id))
        else:
            physical_id = await resource_type.create(request)
        await self._complete(self._made(resource, physical_id), request)

    async def _left_by_the_last(self, resource: Resource, request: Request) -> str | None:
        """What an interrupted creation has made: its call may have had no time to last, though its answer was recorded."""
        resource_type = self.catalogue[resource.type]
        if not resource.physical_id:
            return await resource_type.find(request)
        try:
            return resource.physical_id if await resource_type.read(request) is not None else None
        except NotImplementedError:
            return resource.physical_id

    def _made(self, resource: Resource, physical_id: str) -> Resource:
        """Record the physical id of what has been made, as soon as it is known."""
        known = self.state.resources[resource.stack_id][resource.key]
        if known.physical_id == physical_id:
            return known
        made = replace(known, physical_id=physical_id, status_reason="Resource creation Initiated", updated_at=self.now())
        self._record(self._stack(made), made)
        return made

    async def _update(self, resource: Resource) -> None:
        request = await self._request(resource)
        physical_id = await self.catalogue[resource.type].update(request)
        if physical_id is not None and physical_id != resource.physical_id:
            resource = self._succeeded(resource, physical_id)
        await self._complete(resource, request)

    def _succeeded(self, resource: Resource, physical_id: str) -> Resource:
        """An update has made a new resource: the old one waits for its deletion."""
        old = replace(
            resource,
            is_current=False,
            action=None,
            status=ResourceStatus.UPDATE_COMPLETE,
            properties=resource.previous,
            tags=resource.previous_tags,
        )
        operation = self._stack(resource).operation
        new = replace(
            resource, serial=resource.serial + 1, physical_id=physical_id, created_in=operation.id if operation else ""
        )
        self.state.commit(old, new)
        return new

    async def _complete(self, resource: Resource, request: Request) -> None:
        """Wait until the resource is as it shall be, then record what it tells of itself."""
        resource_type = self.catalogue[resource.type]
        request = replace(request, physical_id=resource.physical_id)
        pause = self._poll_seconds
        while not await resource_type.is_stable(request):
            if self._is_called_off(resource):
                assert resource.action is not None
                raise ResourceFailed(CANCELLED[resource.action])
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, POLL_SECONDS_MAX)
        attributes = await resource_type.attributes(request)
        await self._lasting()
        is_new = resource.status is ResourceStatus.CREATE_IN_PROGRESS
        stack = self._stack(resource)
        done = replace(
            resource,
            action=None,
            status=ResourceStatus.CREATE_COMPLETE if is_new else ResourceStatus.UPDATE_COMPLETE,
            status_reason="",
            attributes=attributes,
            settled_in=stack.operation.mark if stack.operation is not None else "",
            updated_at=self.now(),
        )
        self._record(stack, done)

    async def _delete(self, resource: Resource) -> None:
        request = await self._request(resource)
        if resource.physical_id:
            await self._delete_physical(resource, request)
            await self._lasting()
        gone = replace(resource, action=None, status=ResourceStatus.DELETE_COMPLETE, status_reason="", updated_at=self.now())
        self._record(self._stack(resource), gone)

    async def _delete_physical(self, resource: Resource, request: Request) -> None:
        resource_type = self.catalogue[resource.type]
        try:
            await resource_type.delete(request)
            pause = self._poll_seconds
            while not await resource_type.is_gone(request):
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, POLL_SECONDS_MAX)
        except ApiError as error:
            if not is_not_found(error):
                raise

    def _is_called_off(self, resource: Resource) -> bool:
        """Whether what the resource is made for has failed or given way to something else."""
        operation = self._stack(resource).operation
        if operation is None or (operation.failure and operation.on_failure is not OnFailure.DO_NOTHING):
            return True
        return operation.phase is Phase.CONVERGE and operation.kind in {OperationKind.DELETE, OperationKind.ROLLBACK}

    def _work_failed(self, resource: Resource, reason: str) -> None:
        known = self.state.resources[resource.stack_id].get(resource.key, resource)
        if known.action is None and not known.is_current:  # the update had made a new one already
            newer = [one for one in self.state.live_resources(resource.stack_id) if one.logical_id == resource.logical_id]
            known = max(newer, key=lambda one: one.serial)
        action = resource.action
        assert action is not None
        word = Action.CREATE if known.status is ResourceStatus.CREATE_IN_PROGRESS else action
        status = ResourceStatus(f"{Action.UPDATE if known.status is ResourceStatus.UPDATE_IN_PROGRESS else word}_FAILED")
        failed = replace(known, action=None, status=status, status_reason=reason, updated_at=self.now())
        self._failed(self._stack(resource), failed, action)

    def _failed(self, stack: Stack, resource: Resource, action: Action) -> None:
        """Record a failure; in the first phase it ends the operation."""
        operation = stack.operation
        assert operation is not None
        events = [self._event(stack, resource)]
        if operation.phase is Phase.CLEAN_UP:
            self.state.commit(replace(resource, settled_in=operation.mark), events=events)
            return
        if operation.kind in {OperationKind.DELETE, OperationKind.ROLLBACK}:  # what was under way when it began
            self.state.commit(resource, events=events)
            return
        if resource.status_reason in CANCELLED.values():
            self.state.commit(resource, events=events)
            return
        earlier = [
            one.logical_id
            for one in self.state.live_resources(stack.stack_id)
            if one.status in {ResourceStatus.CREATE_FAILED, ResourceStatus.UPDATE_FAILED}
            and one.status_reason not in CANCELLED.values()
            and one.key != resource.key
            and one.created_in == operation.id
        ]
        failure = failure_of(action, operation, [*earlier, resource.logical_id])
        self.state.commit(resource, replace(stack, operation=replace(operation, failure=failure)), events=events)

    def _stack(self, resource: Resource) -> Stack:
        return self.state.stacks[resource.stack_id]

    async def _request(self, resource: Resource) -> Request:
        request = self.request_of(resource)
        values = await dynamic_values(request.call, [request.properties, request.previous])
        return replace(
            request,
            properties=with_values(request.properties, values),
            previous=with_values(request.previous, values),
        )

    def request_of(self, resource: Resource) -> Request:
        """What a resource's type is asked with; dynamic references are as they were written."""
        stack = self._stack(resource)
        of_stack = {
            "aws:cloudformation:stack-name": stack.name,
            "aws:cloudformation:logical-id": resource.logical_id,
            "aws:cloudformation:stack-id": stack.stack_id,
        }
        return Request(
            call=self._call_of(stack),
            place=self.place,
            stack_id=stack.stack_id,
            stack_name=stack.name,
            logical_id=resource.logical_id,
            type_name=resource.type,
            properties=resource.properties,
            physical_id=resource.physical_id,
            previous=resource.previous,
            attributes=resource.attributes,
            tags={**resource.tags, **of_stack},
            previous_tags={**resource.previous_tags, **of_stack},
            token=resource.token,
            began_at=resource.began_at,
            others=frozenset(
                one.physical_id
                for one in self.state.resources_of(stack.stack_id)
                if one.logical_id == resource.logical_id and one.key != resource.key and one.physical_id
            ),
            suffix=resource.suffix,
            made=lambda physical_id: self._made(resource, physical_id),
        )

    # Events.

    def stack_event(self, stack: Stack) -> Event:
        return Event(
            event_id=self.ids.uuid(),
            stack_id=stack.stack_id,
            stack_name=stack.name,
            logical_id=stack.name,
            physical_id=stack.stack_id,
            type=STACK_TYPE,
            at=self.now(),
            status=stack.status,
            reason=stack.status_reason,
            client_token=stack.operation.client_token if stack.operation else None,
        )

    def _event(self, stack: Stack, resource: Resource) -> Event:
        at = resource.updated_at
        moment = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
        return Event(
            event_id=f"{resource.logical_id}-{resource.status}-{moment}",
            stack_id=stack.stack_id,
            stack_name=stack.name,
            logical_id=resource.logical_id,
            physical_id=resource.physical_id,
            type=resource.type,
            at=at,
            status=resource.status,
            reason=without_secrets(resource.status_reason, stack.blueprint.parameters),
            properties=json.dumps(
                without_secrets(resource.properties, stack.blueprint.parameters), separators=(",", ":"), default=str
            ),
            client_token=stack.operation.client_token if stack.operation else None,
        )


def _drafted(resource: Resource, draft: Draft, stack: Stack) -> Resource:
    """The resource as a draft has it."""
    return replace(
        resource,
        properties=draft.properties,
        metadata=draft.metadata,
        depends_on=draft.depends_on,
        deletion_policy=draft.deletion_policy,
        update_replace_policy=draft.update_replace_policy,
        tags=stack.blueprint.tags,
    )


HANDLER_CODES: Final = (
    ("AlreadyExists", "AlreadyExists"),
    ("Duplicate", "AlreadyExists"),
    ("NotFound", "NotFound"),
    ("NoSuch", "NotFound"),
    ("AccessDenied", "AccessDenied"),
    ("Unauthorized", "AccessDenied"),
    ("LimitExceeded", "ServiceLimitExceeded"),
    ("TooMany", "ServiceLimitExceeded"),
    ("Throttling", "Throttling"),
    ("Conflict", "ResourceConflict"),
    ("InUse", "ResourceConflict"),
    ("Dependency", "ResourceConflict"),
    ("Invalid", "InvalidRequest"),
    ("Validation", "InvalidRequest"),
    ("Malformed", "InvalidRequest"),
)


def _handler_reason(error: ApiError, token: str) -> str:
    """An API's refusal as CloudFormation passes it on."""
    code = next((word for part, word in HANDLER_CODES if part in error.code), "GeneralServiceException")
    return _handled(error.message, code, token)


def _handled(message: str, code: str, token: str) -> str:
    return f'Resource handler returned message: "{message}" (RequestToken: {token}, HandlerErrorCode: {code})'
