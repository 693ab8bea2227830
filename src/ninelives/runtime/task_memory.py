"""The memory of a task as a whole: its containers share it, as on Fargate, though no kernel bounds them together here.

Source: ECS developer guide, "Task size" and "Container definitions: memory" (Fargate). What the kernel does there at once is
done here by looking from time to time.
"""

from collections.abc import Mapping

from ninelives.model.ecs import TaskDefinition
from ninelives.runtime.environment import MIB

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


def is_to_be_watched(definition: TaskDefinition) -> bool:
    """Whether the containers could together use more than the task has, each within its own limit."""
    limits = [one.memory_mib or definition.memory_mib or 0 for one in definition.containers]
    return bool(definition.memory_mib) and len(limits) > 1 and sum(limits) > (definition.memory_mib or 0)


def is_half_full(definition: TaskDefinition, used: Mapping[str, int]) -> bool:
    return 2 * sum(used.values()) > (definition.memory_mib or 0) * MIB


def to_be_killed(definition: TaskDefinition, used: Mapping[str, int]) -> str | None:
    """The container with the most memory, where all together use more than the task has; None elsewhere.

    ``used``: bytes by container name.

    >>> from datetime import UTC, datetime
    >>> task = TaskDefinition(
    ...     arn="", family="cats", revision=1, status="ACTIVE", containers=(), cpu_units=256, memory_mib=512,
    ...     network_mode="awsvpc", registered_at=datetime(2026, 1, 1, tzinfo=UTC),
    ... )
    >>> to_be_killed(task, {"web": 300 * MIB, "side": 212 * MIB})
    >>> to_be_killed(task, {"web": 300 * MIB, "side": 213 * MIB})
    'web'
    """
    if definition.memory_mib is None or sum(used.values()) <= definition.memory_mib * MIB:
        return None
    return max(used, key=lambda name: used[name])
