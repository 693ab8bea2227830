"""What Docker says of a container, in ECS's words: states, reasons, and why one could not be pulled or started."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from ninelives.model.ecs import HealthStatus
from ninelives.model.observation import ContainerObservation
from ninelives.runtime.agent_network import NAME as AGENT_NETWORK
from ninelives.runtime.docker_probe import probe
from ninelives.runtime.docker_settings import CONTAINER_NAME, DIGEST
from ninelives.runtime.engine import EngineAway, StartFailed, cannot_create, cannot_start
from ninelives.runtime.host_images import ARCHITECTURES
from ninelives.runtime.start_failures import (
    image_not_found,
    no_such_platform,
    not_started,
    pull_failed,
    pull_not_permitted,
    registry_unreachable,
)
from ninelives.runtime.task_memory import OUT_OF_MEMORY

T = TypeVar("T")

STATUSES = {"created": "PENDING", "running": "RUNNING", "paused": "RUNNING", "restarting": "RUNNING"}
HEALTH = {"healthy": HealthStatus.HEALTHY, "unhealthy": HealthStatus.UNHEALTHY}
YEAR_OF_NEVER = 1
"""Docker writes the year 1 for what has not happened."""


def observation_of(inspected: Mapping[str, Any]) -> ContainerObservation:
    """A container as ``GET /containers/{id}/json`` shows it. Health counts only while it runs."""
    state, labels = inspected["State"], inspected["Config"]["Labels"]
    last_status = STATUSES.get(state["Status"], "STOPPED")
    has_stopped = last_status == "STOPPED"
    health = (state.get("Health") or {}).get("Status", "")
    return ContainerObservation(
        name=labels[CONTAINER_NAME],
        last_status=last_status,
        runtime_id=inspected["Id"],
        image_digest=labels.get(DIGEST) or None,
        exit_code=state["ExitCode"] if has_stopped else None,
        reason=OUT_OF_MEMORY if has_stopped and state.get("OOMKilled") else None,
        health_status=HealthStatus.UNKNOWN if has_stopped else HEALTH.get(health, HealthStatus.UNKNOWN),
        started_at=read_instant(state["StartedAt"]),
        finished_at=read_instant(state["FinishedAt"]) if has_stopped else None,
    )


def read_instant(text: str) -> datetime | None:
    """An instant of Docker's (RFC 3339, nanoseconds), cut to microseconds; None for the year 1.

    >>> read_instant("2026-01-02T03:04:05.123456789Z")
    datetime.datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=datetime.timezone.utc)
    >>> read_instant("0001-01-01T00:00:00Z") is None
    True
    """
    whole, _, fraction = text.rstrip("Z").partition(".")
    instant = datetime.fromisoformat(whole).replace(tzinfo=UTC, microsecond=int(fraction[:6].ljust(6, "0") or "0"))
    return None if instant.year == YEAR_OF_NEVER else instant


def ip_of(inspected: Mapping[str, Any]) -> str | None:
    """Where a container of its own network answers; None when it has ended. Nothing answers on the agent's network."""
    networks: Mapping[str, Mapping[str, Any]] = inspected["NetworkSettings"]["Networks"] or {}
    found = {name: str(one["IPAddress"]) for name, one in networks.items() if one.get("IPAddress")}
    return next((ip for name, ip in found.items() if name != AGENT_NETWORK), None)


def away(error: Exception) -> EngineAway | None:
    """What an error of the SDK says of an engine that cannot be reached; None for any other error. It asks the engine."""
    from docker.errors import DockerException
    from requests.exceptions import ChunkedEncodingError, Timeout
    from requests.exceptions import ConnectionError as NotConnected
    from urllib3.exceptions import ProtocolError

    if type(error) is DockerException or isinstance(error, NotConnected | Timeout | ChunkedEncodingError | ProtocolError):
        return EngineAway(f"Docker does not answer: {probe() or 'it broke off.'}")
    return None


def reached(operation: Callable[[], T]) -> T:
    """Do an operation of the SDK, which blocks. Raises ``EngineAway`` where the engine cannot be reached."""
    try:
        return operation()
    except Exception as error:
        gone = away(error)
        if gone is None:
            raise
        raise gone from error


def pull_failure(reference: str, said: str, machine: str) -> StartFailed:
    """Why an image could not be pulled, from what the engine said. ``machine`` is the engine's ``Architecture``."""
    said, words = said.strip(), said.lower()
    if "no matching manifest" in words or "does not match the specified platform" in words:
        return no_such_platform(ARCHITECTURES.get(machine, machine))
    if any(one in words for one in ("manifest unknown", "manifest for", "name unknown", "not found: does not exist")):
        return image_not_found(reference)
    if any(one in words for one in ("connection refused", "no such host", "timeout", "i/o")):
        return registry_unreachable(reference, said)
    if any(one in words for one in ("unauthorized", "denied", "authentication", "no basic auth")):
        return pull_not_permitted(reference, said)
    return pull_failed(reference, said)


def create_failure(container: str, said: str) -> StartFailed:
    if "no command specified" in said.lower():
        return cannot_create(f"container {container!r}: neither the image nor the definition names a command.")
    return cannot_create(f"container {container!r} was refused by Docker: {said.strip()}")


def start_failure(container: str, said: str) -> StartFailed:
    """Why a container could not be started: what runc says, as Fargate passes it on; the container is named for the rest."""
    found = re.search(r"unable to start container process: (.+?)(?:: unknown)?$", said.strip(), re.DOTALL)
    if found is None:
        return cannot_start(f"container {container!r} could not be started: {said.strip()}")
    return not_started(found.group(1))
