"""When a task counts as healthy, and when it fails a check.

Both are not each other's opposite: a task that boots, or whose target health is not known (yet), is neither.
Source: botocore ecs 2014-11-13, ``DeploymentConfiguration.minimumHealthyPercent`` (what counts as healthy);
``Service.healthCheckGracePeriodSeconds``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from ninelives.model.ecs import (
    HealthStatus,
    LastStatus,
    ServiceLoadBalancer,
    Task,
    TaskDefinition,
)
from ninelives.model.elbv2 import Target, TargetHealth, TargetHealthState, TargetKey
from ninelives.model.timing import Timing
from ninelives.scheduler import events
from ninelives.scheduler.lifecycle import target_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What the load balancer knows of a task in one target group."""

    key: TargetKey
    is_registered: bool
    """Registered, and not draining."""
    health: TargetHealth | None
    """None while the load balancer has not said anything of it."""

    @property
    def state(self) -> TargetHealthState | None:
        return self.health.state if self.health is not None and self.is_registered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnhealthyTarget:
    key: TargetKey
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingTarget:
    key: TargetKey


@dataclass(frozen=True, slots=True, kw_only=True)
class UnhealthyContainers:
    names: tuple[str, ...]


FailedCheck = UnhealthyTarget | MissingTarget | UnhealthyContainers
"""Why a task that runs is to be replaced."""


def registrations(
    task: Task,
    load_balancers: Sequence[ServiceLoadBalancer],
    targets: Mapping[TargetKey, Target],
    target_health: Mapping[TargetKey, TargetHealth],
) -> tuple[Registration, ...]:
    """One for each of the target groups that the task's revision names."""
    return tuple(
        Registration(
            key=key,
            is_registered=(target := targets.get(key)) is not None and target.draining_since is None,
            health=target_health.get(key),
        )
        for key in target_keys(task, load_balancers)
    )


def has_health_check(definition: TaskDefinition) -> bool:
    """Whether an essential container has a health check of its own."""
    return any(container.essential and container.health_check is not None for container in definition.containers)


def counts_as_healthy_at(
    task: Task, definition: TaskDefinition, registered: Sequence[Registration], timing: Timing
) -> datetime | None:
    """From when on a task without load balancer and health check counts as healthy; None for any other task."""
    if registered or has_health_check(definition) or task.started_at is None:
        return None
    return task.started_at + timing.healthy_after


def is_healthy(
    task: Task, definition: TaskDefinition, registered: Sequence[Registration], now: datetime, timing: Timing
) -> bool:
    """Whether a task counts for ``minimumHealthyPercent``.

    RUNNING, and healthy in every attached target group and by every essential container's check; with neither, RUNNING
    for 40 s.
    """
    if task.last_status is not LastStatus.RUNNING:
        return False
    settled_at = counts_as_healthy_at(task, definition, registered, timing)
    if settled_at is not None:
        return now >= settled_at
    if has_health_check(definition) and task.health_status is not HealthStatus.HEALTHY:
        return False
    return all(one.state is TargetHealthState.HEALTHY for one in registered)


def failed_check(task: Task, registered: Sequence[Registration]) -> FailedCheck | None:
    """Which check a task fails, the grace period aside; None for a task that does not run (any more)."""
    if task.last_status is not LastStatus.RUNNING:
        return None
    if task.health_status is HealthStatus.UNHEALTHY:
        names = tuple(one.name for one in task.containers if one.health_status is HealthStatus.UNHEALTHY)
        return UnhealthyContainers(names=names)
    for one in registered:
        if not one.is_registered:
            return MissingTarget(key=one.key)
        if one.health is not None and one.state is TargetHealthState.UNHEALTHY:
            return UnhealthyTarget(key=one.key, description=one.health.description or "Health checks failed")
    return None


def grace_ends_at(task: Task, grace_period: timedelta) -> datetime | None:
    """Until when failing checks do not get a task replaced. Real time: booting belongs to the application."""
    return None if task.started_at is None else task.started_at + grace_period


def stopped_reason(check: FailedCheck) -> str:
    """``stoppedReason`` of a task that is replaced for ``check``."""
    match check:
        case UnhealthyTarget(key=key) | MissingTarget(key=key):
            return f"Task failed ELB health checks in (target-group {key.target_group_arn})"
        case UnhealthyContainers():
            return "Task failed container health checks"
        case _:
            assert_never(check)


def told(check: FailedCheck, service_name: str, deployment_id: str, task: Task) -> str:
    """The service event for ``check``."""
    match check:
        case UnhealthyTarget(key=key, description=description):
            return events.unhealthy_target(service_name, task.id, key.port, key.target_group_arn, description)
        case MissingTarget(key=key):
            return events.target_not_found(service_name, deployment_id, task.id, key.target_group_arn)
        case UnhealthyContainers():
            return events.failed_container_checks(service_name, task.id)
        case _:
            assert_never(check)


def explained(check: FailedCheck, task: Task) -> str:
    """The cause in a sentence, for whoever asks why a deployment does not get on."""
    reason = stopped_reason(check)
    match check:
        case UnhealthyTarget(key=key, description=description):
            return f"{reason}: {description} (task {task.id}, port {key.port})."
        case MissingTarget(key=key):
            return f"{reason}: the target is not registered any more (task {task.id}, port {key.port})."
        case UnhealthyContainers(names=names):
            return f"{reason}: {', '.join(names)} (task {task.id})."
        case _:
            assert_never(check)
