"""The road of one task after its start, and its way out: register, run, deregister, drain, stop, remove.

Service tasks and standalone ones (RunTask, without load balancers) go the same road. Each step is derived from the records
alone, so that a control plane that comes back goes on where it was. Source: ECS developer guide, "Amazon ECS task lifecycle".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ninelives.model.ecs import (
    DesiredStatus,
    LastStatus,
    ServiceLoadBalancer,
    StopCode,
    Task,
    TaskDefinition,
)
from ninelives.model.elbv2 import Target, TargetKey
from ninelives.scheduler.observation import essential_containers
from ninelives.scheduler.plan import Put


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a task came: its record, and the targets that were registered or put to draining on the way."""

    task: Task
    registered: tuple[Target, ...] = ()
    deregistered: tuple[Target, ...] = field(default=())


def advance(
    task: Task,
    definition: TaskDefinition,
    load_balancers: Sequence[ServiceLoadBalancer],
    targets: Mapping[TargetKey, Target],
    now: datetime,
) -> list[Put]:
    """Every step that a task can take now, as records to put: targets first, then the task. Empty when it takes none.

    ``load_balancers`` are those of the task's service revision (none for a standalone task); ``targets`` are the registered
    and draining ones. The region stops a task in STOPPING, removes one in DEPROVISIONING, and removes drained targets.
    """
    progress = progress_of(task, definition, load_balancers, targets, now)
    if progress == Progress(task=task):
        return []
    records: list[Target | Task] = [*progress.registered, *progress.deregistered, progress.task]
    return [Put(record=record) for record in records]


def progress_of(
    task: Task,
    definition: TaskDefinition,
    load_balancers: Sequence[ServiceLoadBalancer],
    targets: Mapping[TargetKey, Target],
    now: datetime,
) -> Progress:
    """What ``advance`` answers, told apart."""
    if task.desired_status is DesiredStatus.RUNNING:
        return _to_running(task, load_balancers, now)
    mine = [target for key in target_keys(task, load_balancers) if (target := targets.get(key)) is not None]
    deregistered: tuple[Target, ...] = ()
    if task.last_status in {LastStatus.RUNNING, LastStatus.DEACTIVATING}:
        deregistered = tuple(replace(target, draining_since=now) for target in mine if target.draining_since is None)
    may_be_signalled = not mine or is_past_saving(task, definition)
    while (further := _to_stopped(task, may_be_signalled=may_be_signalled, now=now)) is not task:
        task = further
    return Progress(task=task, deregistered=deregistered)


def target_keys(task: Task, load_balancers: Sequence[ServiceLoadBalancer]) -> list[TargetKey]:
    """Where a task is (to be) registered; empty as long as it has no address."""
    if task.address is None:
        return []
    return [
        TargetKey(one.target_group_arn, task.address.ip, task.address.port_of(one.container_port)) for one in load_balancers
    ]


def is_past_saving(task: Task, definition: TaskDefinition) -> bool:
    """Whether a drain is not waited for: a user's StopTask does not, and a task that has exited cannot."""
    exited = any(one.last_status == "STOPPED" for one in essential_containers(task, definition))
    return task.stop_code is StopCode.USER_INITIATED or exited or task.is_removed


def moved(task: Task, last_status: LastStatus) -> Task:
    """The task one or more steps further on its road."""
    assert task.last_status.may_become(last_status), (task.last_status, last_status)
    return replace(task, last_status=last_status, version=task.version + 1)


def _to_running(task: Task, load_balancers: Sequence[ServiceLoadBalancer], now: datetime) -> Progress:
    is_up = task.is_started and (task.address is not None or not load_balancers)
    if not is_up or not task.last_status.may_become(LastStatus.RUNNING):
        return Progress(task=task)
    registered = tuple(
        Target(target_group_arn=key.target_group_arn, id=key.id, port=key.port, registered_at=now)
        for key in target_keys(task, load_balancers)
    )
    return Progress(task=replace(moved(task, LastStatus.RUNNING), started_at=now), registered=registered)


def _to_stopped(task: Task, *, may_be_signalled: bool, now: datetime) -> Task:
    """The next step of a task that is to stop, or the same task when it has to wait."""
    is_up = any(container.last_status == "RUNNING" for container in task.containers)
    match task.last_status:
        case LastStatus.PROVISIONING | LastStatus.PENDING | LastStatus.ACTIVATING:
            # No target was registered. Nothing runs: removing it also calls off a start that is under way.
            return replace(moved(task, LastStatus.STOPPING), stopping_at=now) if is_up else _ended(task, now)
        case LastStatus.RUNNING if not may_be_signalled:
            return moved(task, LastStatus.DEACTIVATING)
        case LastStatus.RUNNING | LastStatus.DEACTIVATING if may_be_signalled:
            return replace(moved(task, LastStatus.STOPPING), stopping_at=now)
        case LastStatus.STOPPING if not is_up:
            return _ended(task, now)
        case LastStatus.DEPROVISIONING if task.is_removed:
            return replace(moved(task, LastStatus.STOPPED), stopped_at=now)
        case _:
            return task


def _ended(task: Task, now: datetime) -> Task:
    return replace(moved(task, LastStatus.DEPROVISIONING), execution_stopped_at=task.execution_stopped_at or now)
