"""What a container is told: its definition with the task's overrides applied, and the variables that ECS adds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ninelives.model.ecs import ContainerDefinition
from ninelives.region.ports import TaskLaunch

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLimits:
    """Limits of a whole task: ``cpu_units`` of 1024 a vCPU, memory in MiB; None where there is none."""

    cpu_units: int | None
    memory_mib: int | None


def overridden(launch: TaskLaunch, container: ContainerDefinition) -> ContainerDefinition:
    """``container`` with the task's ``containerOverrides`` for it. Source: botocore ``ecs`` ``ContainerOverride``."""
    overrides: list[Mapping[str, Any]] = launch.task.overrides.get("containerOverrides", [])
    for override in overrides:
        if override.get("name") != container.name:
            continue
        environment = dict(container.environment) | {one["name"]: one["value"] for one in override.get("environment", [])}
        command = override.get("command")
        container = replace(
            container,
            environment=tuple(environment.items()),
            command=container.command if command is None else tuple(command),
            cpu_units=override.get("cpu", container.cpu_units),
            memory_mib=override.get("memory", container.memory_mib),
            memory_reservation_mib=override.get("memoryReservation", container.memory_reservation_mib),
        )
    return container


def limits_of(launch: TaskLaunch) -> TaskLimits:
    """The task's limits; its overrides travel as strings, as in the API."""
    overrides, definition = launch.task.overrides, launch.definition
    return TaskLimits(
        cpu_units=int(overrides["cpu"]) if overrides.get("cpu") else definition.cpu_units,
        memory_mib=int(overrides["memory"]) if overrides.get("memory") else definition.memory_mib,
    )


def ecs_variables(region: str) -> dict[str, str]:
    """What ECS puts into every container of a Fargate task, below what the definition says."""
    return {"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE", "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
