"""What a runtime's observation makes of a task's record. It never brings a task to RUNNING (``lifecycle.advance`` does)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from ninelives.model.ecs import (
    Container,
    DesiredStatus,
    HealthStatus,
    LastStatus,
    StopCode,
    Task,
    TaskDefinition,
)
from ninelives.model.observation import ContainerObservation, TaskObservation

ESSENTIAL_CONTAINER_EXITED = "Essential container in task exited"
FAILED_TO_START = "Task failed to start"

_CONTAINER_STATUSES = ("PENDING", "RUNNING", "STOPPED")


def observe(task: Task, observation: TaskObservation, definition: TaskDefinition, now: datetime) -> Task:
    """The record with all that ``observation`` adds to it; the same object when it adds nothing.

    ``last_status`` moves up to ACTIVATING and never back. A failure to start, and the exit of an essential container, set
    what is desired to STOPPED, with code and reason, unless the task was to be stopped anyway.
    ``version`` grows by one for a change that DescribeTasks shows.
    """
    if task.last_status is LastStatus.STOPPED:
        return task
    seen = replace(
        task,
        containers=_containers(task.containers, observation),
        address=observation.address or task.address,
        pull_started_at=task.pull_started_at or observation.pull_started_at,
        pull_stopped_at=task.pull_stopped_at or observation.pull_stopped_at,
        is_started=task.is_started or observation.is_started,
        is_removed=task.is_removed or observation.is_removed,
    )
    seen = replace(seen, health_status=_task_health(seen.containers, definition))
    seen = _ended(seen, observation, definition, now)
    if seen.desired_status is DesiredStatus.RUNNING:
        seen = _on_its_way(seen)
    if seen == task:
        return task
    return replace(seen, version=task.version + 1) if _as_shown(seen) != _as_shown(task) else seen


def _as_shown(task: Task) -> Task:
    """The task without what DescribeTasks does not show."""
    containers = tuple(replace(one, started_at=None, finished_at=None, restart_count=0) for one in task.containers)
    return replace(task, is_started=False, is_removed=False, containers=containers)


def essential_containers(task: Task, definition: TaskDefinition) -> list[Container]:
    """Those of the task's containers with which the task ends."""
    essential = {container.name for container in definition.containers if container.essential}
    return [container for container in task.containers if container.name in essential]


def _containers(known: Iterable[Container], observation: TaskObservation) -> tuple[Container, ...]:
    seen = {container.name: container for container in observation.containers}
    merged = (_container(container, seen.get(container.name)) for container in known)
    if observation.is_removed:
        return tuple(replace(container, last_status="STOPPED") for container in merged)
    return tuple(merged)


def _container(known: Container, seen: ContainerObservation | None) -> Container:
    if seen is None:
        return known
    return replace(
        known,
        last_status=max(known.last_status, seen.last_status, key=_CONTAINER_STATUSES.index),
        runtime_id=seen.runtime_id or known.runtime_id,
        image_digest=seen.image_digest or known.image_digest,
        exit_code=known.exit_code if seen.exit_code is None else seen.exit_code,
        reason=seen.reason or known.reason,
        health_status=seen.health_status,
        started_at=seen.started_at or known.started_at,
        finished_at=seen.finished_at or known.finished_at,
        restart_count=max(known.restart_count, seen.restart_count),
    )


def _task_health(containers: Iterable[Container], definition: TaskDefinition) -> HealthStatus:
    """UNHEALTHY if any essential container is, else UNKNOWN if any is, else HEALTHY; of those that have a check.

    Source: ecs ``HealthCheck``, "The following describes the possible healthStatus values for a task".
    """
    checked = {one.name for one in definition.containers if one.essential and one.health_check is not None}
    statuses = {container.health_status for container in containers if container.name in checked}
    for status in (HealthStatus.UNHEALTHY, HealthStatus.UNKNOWN):
        if status in statuses:
            return status
    return HealthStatus.HEALTHY if statuses else HealthStatus.UNKNOWN


def _ended(task: Task, observation: TaskObservation, definition: TaskDefinition, now: datetime) -> Task:
    """The record with how the task came to its end, where it did."""
    exited = [one for one in essential_containers(task, definition) if one.last_status == "STOPPED"]
    if (exited or observation.is_removed) and task.execution_stopped_at is None:
        finished = [one.finished_at for one in observation.containers if one.finished_at is not None]
        task = replace(task, execution_stopped_at=max(finished, default=now))
    if task.desired_status is DesiredStatus.STOPPED:
        return task
    if observation.failure is not None:
        return _to_stop(task, StopCode.TASK_FAILED_TO_START, observation.failure)
    if not exited and not observation.is_removed:
        return task
    if task.started_at is None and _has_run(observation):
        # It ran and exited before anyone looked: that is a crash after RUNNING, which does not slow down further starts.
        started = [one.started_at for one in observation.containers if one.started_at is not None]
        task = replace(task, started_at=max(started, default=now))
    if task.started_at is None and observation.is_removed:
        return _to_stop(task, StopCode.TASK_FAILED_TO_START, FAILED_TO_START)
    return _to_stop(task, StopCode.ESSENTIAL_CONTAINER_EXITED, ESSENTIAL_CONTAINER_EXITED)


def _has_run(observation: TaskObservation) -> bool:
    containers = observation.containers
    return observation.is_started or (bool(containers) and all(one.started_at is not None for one in containers))


def _to_stop(task: Task, code: StopCode, reason: str) -> Task:
    return replace(task, desired_status=DesiredStatus.STOPPED, stop_code=code, stopped_reason=reason)


def _on_its_way(task: Task) -> Task:
    """PROVISIONING until the runtime reports anything, PENDING until it pulls or creates, then ACTIVATING."""
    is_activating = (
        task.is_started
        or task.pull_started_at is not None
        or any(one.runtime_id is not None or one.last_status != "PENDING" for one in task.containers)
    )
    reached = LastStatus.ACTIVATING if is_activating else LastStatus.PENDING
    return replace(task, last_status=reached) if task.last_status.may_become(reached) else task
