"""``dependsOn``: in which order a task's containers start and stop, and when one may start.

Source: ECS developer guide, "Container dependency"; botocore ``ecs`` ``ContainerDependency``.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

from ninelives.model.ecs import ContainerDefinition, HealthStatus, TaskDefinition
from ninelives.model.observation import ContainerObservation

START_TIMEOUT = timedelta(minutes=3)
"""How long a condition may stay unmet where the definition names no ``startTimeout``: the ECS agent's default on Linux."""


class Condition(Enum):
    """Whether what a container depends on lets it start."""

    MET = "met"
    PENDING = "pending"
    IMPOSSIBLE = "impossible"


def condition_of(wanted: str, dependency: ContainerObservation) -> Condition:
    """Whether ``dependency`` fulfils the condition ``wanted`` (START, COMPLETE, SUCCESS or HEALTHY) now.

    HEALTHY is asked only until it was met once; an unhealthy container may yet recover, an ended one may not.
    """
    has_ended = dependency.last_status == "STOPPED"
    match wanted:
        case "START":
            met, possible = dependency.last_status != "PENDING", True
        case "COMPLETE":
            met, possible = has_ended, True
        case "SUCCESS":
            met, possible = has_ended and dependency.exit_code == 0, not has_ended
        case "HEALTHY":
            met, possible = dependency.health_status is HealthStatus.HEALTHY and not has_ended, not has_ended
        case _:
            raise AssertionError(f"the API lets no condition {wanted!r} through")
    if met:
        return Condition.MET
    return Condition.PENDING if possible else Condition.IMPOSSIBLE


def why_impossible(container: str, wanted: str, dependency: ContainerObservation) -> str:
    """A sentence for a task whose container can never start."""
    return (
        f"container {container!r} waits for {dependency.name!r} ({wanted}), "
        f"but {dependency.name!r} ended with exit code {dependency.exit_code}."
    )


def dependents_of(definition: TaskDefinition) -> Mapping[str, frozenset[str]]:
    """By container name, those that depend on it: they stop before it does."""
    return {
        one.name: frozenset(
            other.name for other in definition.containers if one.name in {name for name, _ in other.depends_on}
        )
        for one in definition.containers
    }


def start_conditions(container: ContainerDefinition) -> tuple[tuple[str, str], ...]:
    """What a container waits for: what it depends on, and the containers whose volumes it mounts."""
    return (*container.depends_on, *((one.source_container, "START") for one in container.volumes_from))


def start_timeout_of(definition: TaskDefinition, container: ContainerDefinition) -> timedelta:
    """How long others wait for ``container`` to fulfil their condition."""
    members: list[dict[str, Any]] = definition.members.get("containerDefinitions", [])
    seconds = next((one.get("startTimeout") for one in members if one.get("name") == container.name), None)
    return START_TIMEOUT if seconds is None else timedelta(seconds=seconds)
