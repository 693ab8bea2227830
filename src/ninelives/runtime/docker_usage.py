"""What containers use, as Docker's statistics tell it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ninelives.region.ports import ContainerUsage, NetworkUsage


def usage_of(stats: Mapping[str, Any]) -> ContainerUsage | None:
    """The usage in one answer of Docker's ``/containers/ID/stats``; None for a container that does not run.

    Memory is without the page cache that may go at any time, as ``docker stats`` and ECS count it.
    """
    memory = stats.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))  # cgroups of version 1 and 2
    cpu_ns = stats["cpu_stats"]["cpu_usage"]["total_usage"]
    return ContainerUsage(
        cpu=timedelta(microseconds=cpu_ns / 1000),
        memory_bytes=max(0, memory["usage"] - cache),
        read_bytes=_device_bytes(stats, "read"),
        written_bytes=_device_bytes(stats, "write"),
    )


def _device_bytes(stats: Mapping[str, Any], operation: str) -> int:
    """Over all devices. There are no rows before the first operation."""
    rows = (stats.get("blkio_stats") or {}).get("io_service_bytes_recursive") or []
    return sum(one["value"] for one in rows if one["op"].lower() == operation)


def network_of(stats: Mapping[str, Any]) -> NetworkUsage | None:
    """What went over the container's interfaces; None where it has none of its own."""
    interfaces = (stats.get("networks") or {}).values()
    if not interfaces:
        return None
    return NetworkUsage(
        received_bytes=sum(one["rx_bytes"] for one in interfaces), sent_bytes=sum(one["tx_bytes"] for one in interfaces)
    )


def together(left: NetworkUsage | None, right: NetworkUsage) -> NetworkUsage:
    """What two containers of a task, each with a network of its own, have used."""
    if left is None:
        return right
    return NetworkUsage(
        received_bytes=left.received_bytes + right.received_bytes, sent_bytes=left.sent_bytes + right.sent_bytes
    )
