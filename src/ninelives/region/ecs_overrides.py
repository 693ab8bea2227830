"""What a task's overrides make of its definition. Source: ``ecs`` 2014-11-13, ``TaskOverride`` and ``ContainerOverride``."""

from dataclasses import replace

from ninelives.model.ecs import ContainerDefinition, Json, TaskDefinition
from ninelives.region.ecs_task_sizes import cpu_units, memory_mib


def overridden(definition: TaskDefinition, overrides: Json) -> TaskDefinition:
    """``definition`` as the task with these ``overrides`` runs it; the definition itself where there are none.

    A variable that is overridden takes the new value, others are added; environment files replace the definition's.
    """
    if not overrides:
        return definition
    by_name = {one["name"]: one for one in overrides.get("containerOverrides", ())}
    return replace(
        definition,
        cpu_units=cpu_units(overrides["cpu"]) if "cpu" in overrides else definition.cpu_units,
        memory_mib=memory_mib(overrides["memory"]) if "memory" in overrides else definition.memory_mib,
        containers=tuple(_container(one, by_name.get(one.name, {})) for one in definition.containers),
    )


def _container(container: ContainerDefinition, override: Json) -> ContainerDefinition:
    environment = dict(container.environment) | {one["name"]: one.get("value", "") for one in override.get("environment", ())}
    return replace(
        container,
        command=tuple(override["command"]) if "command" in override else container.command,
        environment=tuple(environment.items()),
        environment_files=tuple(one["value"] for one in override["environmentFiles"])
        if "environmentFiles" in override
        else container.environment_files,
        cpu_units=override.get("cpu", container.cpu_units),
        memory_mib=override.get("memory", container.memory_mib),
        memory_reservation_mib=override.get("memoryReservation", container.memory_reservation_mib),
    )
