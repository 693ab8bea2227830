"""A container definition in the words of Docker's API: the body of ``POST /containers/create``.

Source: Docker Engine API v1.41, ``ContainerCreate``. Limits are close to Fargate's, not the same: Docker knows no task, so
each container may use the task's whole CPU, and without a limit of its own the task's whole memory; that together they use no
more is looked at by ``TaskRun``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ninelives.model.arns import last_part
from ninelives.model.containers import MountPoint
from ninelives.model.ecs import ContainerDefinition, HealthCheck
from ninelives.region.ports import TaskLaunch
from ninelives.runtime.environment import MIB, ecs_variables

INSTANCE = "ninelives.instance"
DIGEST = "ninelives.image-digest"
TASK_ARN = "com.amazonaws.ecs.task-arn"
CONTAINER_NAME = "com.amazonaws.ecs.container-name"
PAUSE = "~internal~ecs~pause"
"""The container name that the ECS agent gives to the container which only holds a task's network."""

MEMORY_MIN = 6 * MIB
"""Docker takes no smaller limit."""
CPU_UNITS_PER_VCPU = 1024
NANOS_PER_CPU = 1_000_000_000
CPU_SHARES_MIN = 2
LOG_CONFIG = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
"""At most 30 MB of log a container on this machine's disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerHost:
    """What settings depend on besides the definition. ``cpu_count`` is the engine's."""

    instance: str
    region: str
    cpu_count: int


def container_name(launch: TaskLaunch, name: str) -> str:
    """The Docker name of a task's container: the same at every call, so that none is made twice.

    Docker wants letters, digits and ``_.-``; ECS's container names have no others.
    """
    suffix = "pause" if name == PAUSE else name
    return f"ecs-{launch.definition.family}-{launch.definition.revision}-{suffix}-{launch.task.id}"


def labels(host: DockerHost, launch: TaskLaunch, name: str, digest: str | None) -> dict[str, str]:
    return {
        INSTANCE: host.instance,
        DIGEST: digest or "",
        TASK_ARN: launch.task.arn,
        CONTAINER_NAME: name,
        "com.amazonaws.ecs.cluster": last_part(launch.task.cluster_arn),
        "com.amazonaws.ecs.task-definition-family": launch.definition.family,
        "com.amazonaws.ecs.task-definition-version": str(launch.definition.revision),
    }


def create_body(  # the one place where definition, task, image and engine meet
    host: DockerHost,
    launch: TaskLaunch,
    container: ContainerDefinition,
    *,
    image: str,
    digest: str | None,
    network: str,
    variables: Mapping[str, str],
) -> dict[str, Any]:
    """The body for ``container``, made from the local image ``image``; ``variables`` come to those of its definition."""
    environment = ecs_variables(host.region) | dict(container.environment) | dict(variables)
    body: dict[str, Any] = {
        "Image": image,
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Labels": dict(container.docker_labels) | labels(host, launch, container.name, digest),
        "Healthcheck": _health_check(container.health_check),
        "OpenStdin": container.interactive,
        "Tty": container.pseudo_terminal,
        "HostConfig": {
            "NetworkMode": network,
            "PidMode": network if _shares_processes(launch) else "",
            "LogConfig": LOG_CONFIG,
            "ReadonlyRootfs": container.readonly_root_filesystem,
            "Init": container.init_process_enabled,
            "CapAdd": list(container.capabilities_added),
            "CapDrop": list(container.capabilities_dropped),
            "Mounts": [_mount(host, launch, point) for point in container.mount_points],
            "VolumesFrom": [
                container_name(launch, one.source_container) + (":ro" if one.read_only else ":rw")
                for one in container.volumes_from
            ],
            "Tmpfs": {one.container_path: ",".join((*one.mount_options, f"size={one.size_mib}m")) for one in container.tmpfs},
            "Ulimits": [{"Name": one.name, "Soft": one.soft_limit, "Hard": one.hard_limit} for one in container.ulimits],
            "Sysctls": _system_controls(launch, container),
            **_limits(host, launch, container),
        },
    }
    optional: Mapping[str, str | Sequence[str] | None] = {
        "Entrypoint": container.entry_point,
        "Cmd": container.command,
        "WorkingDir": container.working_directory,
        "User": container.user,
    }
    return body | {name: value for name, value in optional.items() if value}


def pause_body(host: DockerHost, launch: TaskLaunch, image: str) -> dict[str, Any]:
    """The body of the container that only holds the network which several containers share."""
    return {
        "Image": image,
        "Labels": labels(host, launch, PAUSE, None),
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "NetworkMode": "bridge",
            "LogConfig": {"Type": "none"},
            "Sysctls": {name: value for one in launch.definition.containers for name, value in _of_network(one)},
        },
    }


def _shares_processes(launch: TaskLaunch) -> bool:
    """Whether the containers of a task see each other's processes: those of the one that holds the network."""
    return launch.definition.members.get("pidMode") == "task" and len(launch.definition.containers) > 1


def _mount(host: DockerHost, launch: TaskLaunch, point: MountPoint) -> dict[str, Any]:
    """A volume of the task; Docker makes it for the first container that mounts it, with what the image has there."""
    name = f"ecs-{launch.definition.family}-{launch.definition.revision}-{point.source_volume}-{launch.task.id}"
    return {
        "Type": "volume",
        "Source": name,
        "Target": point.container_path,
        "ReadOnly": point.read_only,
        "VolumeOptions": {"Labels": {INSTANCE: host.instance, TASK_ARN: launch.task.arn}},
    }


def _system_controls(launch: TaskLaunch, container: ContainerDefinition) -> dict[str, str]:
    """Those of the network belong to the container that holds it: where the task has several, none of theirs."""
    shares_network = len(launch.definition.containers) > 1
    return dict(set(container.system_controls) - set(_of_network(container) if shares_network else ()))


def _of_network(container: ContainerDefinition) -> list[tuple[str, str]]:
    return [(name, value) for name, value in container.system_controls if name.startswith("net.")]


def _health_check(check: HealthCheck | None) -> dict[str, Any]:
    """The definition's own check; that of the image never runs."""
    if check is None:
        return {"Test": ["NONE"]}
    return {
        "Test": list(check.command),
        "Interval": _nanoseconds(check.interval),
        "Timeout": _nanoseconds(check.timeout),
        "Retries": check.retries,
        "StartPeriod": _nanoseconds(check.start_period),
    }


def _nanoseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1) * 1000


def _limits(host: DockerHost, launch: TaskLaunch, container: ContainerDefinition) -> dict[str, int]:
    """Limits that Docker will take: not above the machine's CPUs, not below its least memory; swap is never a way out."""
    task = launch.definition
    limits: dict[str, int] = {}
    if task.cpu_units:
        limits["NanoCpus"] = min(task.cpu_units * NANOS_PER_CPU // CPU_UNITS_PER_VCPU, host.cpu_count * NANOS_PER_CPU)
    if container.cpu_units:
        limits["CpuShares"] = max(CPU_SHARES_MIN, container.cpu_units)
    memory_mib = container.memory_mib or task.memory_mib
    if memory_mib:
        limits["Memory"] = limits["MemorySwap"] = max(MEMORY_MIN, memory_mib * MIB)
    if container.memory_reservation_mib and (not memory_mib or container.memory_reservation_mib <= memory_mib):
        limits["MemoryReservation"] = max(MEMORY_MIN, container.memory_reservation_mib * MIB)
    return limits
