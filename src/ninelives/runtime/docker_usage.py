"""CPU time and memory of containers, as Docker's statistics tell them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ninelives.region.ports import TaskUsage


def usage_of(stats: Mapping[str, Any]) -> TaskUsage | None:
    """The usage in one answer of Docker's ``/containers/ID/stats``; None for a container that does not run.

    Memory is without the page cache that may go at any time, as ``docker stats`` and ECS count it.
    """
    memory = stats.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))  # cgroups of version 1 and 2
    cpu_ns = stats["cpu_stats"]["cpu_usage"]["total_usage"]
    return TaskUsage(cpu=timedelta(microseconds=cpu_ns / 1000), memory_bytes=max(0, memory["usage"] - cache))


def together(left: TaskUsage | None, right: TaskUsage) -> TaskUsage:
    """What two containers of a task have used."""
    if left is None:
        return right
    return TaskUsage(cpu=left.cpu + right.cpu, memory_bytes=left.memory_bytes + right.memory_bytes)
