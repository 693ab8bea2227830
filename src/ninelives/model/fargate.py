"""The task sizes that Fargate has: pairs of CPU and memory.

Source: botocore ``ecs`` 2014-11-13, ``RegisterTaskDefinitionRequest.cpu`` and ``.memory``; ECS developer guide, "Task CPU and
memory".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

FARGATE_MEMORY: Final[Mapping[int, tuple[int, ...]]] = MappingProxyType(
    {
        256: (512, 1024, 2048),
        512: tuple(range(1024, 4096 + 1, 1024)),
        1024: tuple(range(2048, 8192 + 1, 1024)),
        2048: tuple(range(4096, 16384 + 1, 1024)),
        4096: tuple(range(8192, 30720 + 1, 1024)),
        8192: tuple(range(16384, 61440 + 1, 4096)),
        16384: tuple(range(32768, 122880 + 1, 8192)),
    }
)
"""MiB by CPU units (1024 a vCPU), each in rising order."""
FARGATE_CPU: Final = tuple(FARGATE_MEMORY)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TaskSize:
    """CPU units and MiB of a task; not necessarily a pair that Fargate has."""

    cpu: int
    memory: int

    @property
    def is_fargate(self) -> bool:
        return self.memory in fargate_memory(self.cpu)


def fargate_memory(cpu_units: int) -> tuple[int, ...]:
    """Task memory in MiB that Fargate has for ``cpu_units``; empty for a size that it has not.

    >>> fargate_memory(256), fargate_memory(300)
    ((512, 1024, 2048), ())
    """
    return FARGATE_MEMORY.get(cpu_units, ())


def fargate_sizes() -> Iterator[TaskSize]:
    """All of them, by CPU, then by memory.

    >>> sum(1 for _ in fargate_sizes())
    74
    """
    return (TaskSize(cpu=cpu, memory=memory) for cpu, sizes in FARGATE_MEMORY.items() for memory in sizes)
