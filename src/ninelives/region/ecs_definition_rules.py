"""What a task definition must keep, whatever it runs on: each rule with ECS's own message.

A rule is a function of the request that yields a message for each mistake. Source of the messages: answers of the real
service; where a text is not known, it is ours and ends in what would be right.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ninelives.model.ecs import Json
from ninelives.region.ecs_lookup import NAME
from ninelives.region.ecs_task_sizes import CPU_UNITS, cpu_units, memory_mib
from ninelives.region.ecs_values import ENVIRONMENT_FILE

IMAGE = re.compile(r"[A-Za-z0-9._:/@#-]{1,512}")
PORTS = range(1, 65_536)
RESTART_ATTEMPT_PERIOD_SECONDS = range(60, 1801)
IGNORED_EXIT_CODES_MAX = 50
ENVIRONMENT_FILES_MAX = 10
VARIABLE_TAKEN = (
    "The secret name must be unique and not shared with any new or existing environment variables set on the container"
)
HEALTH_CHECK_RANGES = {
    "interval": range(5, 301),
    "timeout": range(2, 61),
    "retries": range(1, 11),
    "startPeriod": range(301),
}
TROUBLESHOOTING = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."


def mistakes(definition: Json) -> Iterator[str]:
    """What ECS refuses in a definition on any launch type, in the order in which it is looked for.

    A later rule may rely on the earlier ones: ask for the first mistake only.
    """
    yield from _names(definition)
    yield from _sizes(definition)
    containers = definition["containerDefinitions"]
    if not containers:
        yield "Container list cannot be empty."
        return
    for container in containers:
        yield from _container(container, definition)
    if len({container["name"] for container in containers}) < len(containers):
        yield "Container names must be unique within a task definition."
    if not any(container.get("essential", True) for container in containers):
        yield "Task definition doesn't have any essential container"
    yield from _dependencies({container["name"]: container for container in containers})
    yield from _port_names(containers)
    yield from _sums(containers, definition)
    yield from _volumes_of(definition)
    if "executionRoleArn" not in definition:
        if any(container.get("secrets") for container in containers):
            yield "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
        if any(container.get("environmentFiles") for container in containers):
            yield "When you are specifying environment files, you must also specify a value for 'executionRoleArn'."


def _names(definition: Json) -> Iterator[str]:
    family = definition["family"]
    if not family:
        yield "Family should not be null or empty."
    elif not NAME.fullmatch(family):
        yield "Family contains invalid characters."


def _sizes(definition: Json) -> Iterator[str]:
    cpu, memory = definition.get("cpu"), definition.get("memory")
    if cpu is not None and cpu_units(cpu) not in CPU_UNITS:
        yield f"Invalid 'cpu' setting for task. {TROUBLESHOOTING}"
    if memory is not None and not memory_mib(memory):
        yield f"Invalid 'memory' setting for task. {TROUBLESHOOTING}"


def _container(container: Json, definition: Json) -> Iterator[str]:
    for member in ("name", "image"):
        if not container.get(member):
            yield f"Container.{member} should not be null or empty."
            return
    if not NAME.fullmatch(container["name"]):
        yield "Container.name contains invalid characters."
    if not IMAGE.fullmatch(container["image"]):
        yield "Container.image contains invalid characters."
    yield from _memory(container, definition)
    yield from _ports(container, definition.get("networkMode"))
    yield from _volumes(container, definition)
    yield from _variables(container)
    yield from _restart(container)
    yield from _ulimits(container)
    yield from _health_check(container)
    yield from _log_options(container)
    if definition.get("networkMode") == "awsvpc":
        yield from _awsvpc(container)


def _memory(container: Json, definition: Json) -> Iterator[str]:
    memory, reservation = container.get("memory"), container.get("memoryReservation")
    name = container["name"]
    if memory is None and reservation is None and "memory" not in definition:
        yield f"Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
    if memory is not None and reservation is not None and reservation > memory:
        yield "'memory' must be greater than or equal to 'memoryReservation'"
    total = memory_mib(definition["memory"]) if "memory" in definition else None
    if total is not None and memory is not None and memory > total:
        yield f"The 'memory' setting for container '{name}' is greater than for the task"


def _ports(container: Json, network_mode: str | None) -> Iterator[str]:
    for mapping in container.get("portMappings", ()):
        port, host_port = mapping.get("containerPort"), mapping.get("hostPort")
        if port is not None and "containerPortRange" in mapping:
            yield "cannot specify both single port and port range"
        if port is not None and port not in PORTS:
            yield f"Invalid 'containerPort' {port} for container '{container['name']}': ports are 1 to 65535."
        if host_port is not None and host_port != 0 and host_port not in PORTS:
            yield f"Invalid 'hostPort' {host_port} for container '{container['name']}': ports are 0 to 65535."
        if network_mode in {"awsvpc", "host"} and host_port not in {None, port}:
            yield f"When networkMode={network_mode}, the host ports and container ports in port mappings must match."


def _port_names(containers: Sequence[Json]) -> Iterator[str]:
    names = [mapping["name"] for one in containers for mapping in one.get("portMappings", ()) if "name" in mapping]
    if len(set(names)) < len(names):
        yield "port mapping name is already used"


def _volumes(container: Json, definition: Json) -> Iterator[str]:
    known = {volume.get("name") for volume in definition.get("volumes", ())}
    for point in container.get("mountPoints", ()):
        if point.get("sourceVolume") not in known:
            yield f"Unknown volume '{point.get('sourceVolume')}'."
        if not point.get("containerPath"):
            yield "MountPoint.containerPath should not be null or empty."


def _volumes_of(definition: Json) -> Iterator[str]:
    names = [volume.get("name") for volume in definition.get("volumes", ())]
    if not all(names):
        yield "Volume.name should not be null or empty."
    if len(set(names)) < len(names):
        yield "Volume names must be unique within a task definition."


def _variables(container: Json) -> Iterator[str]:
    name, defined = container["name"], {one.get("name") for one in container.get("environment", ())}
    secrets = [one["name"] for one in container.get("secrets", ())]
    for place, secret in enumerate(secrets):
        if secret in defined or secret in secrets[:place]:
            yield f"{VARIABLE_TAKEN}, such as '{secret}'."
    files = container.get("environmentFiles", ())
    if len(files) > ENVIRONMENT_FILES_MAX:
        yield f"The container '{name}' has {len(files)} environment files: at most {ENVIRONMENT_FILES_MAX} are allowed."
    for file in files:
        yield from environment_file_mistakes(file)


def environment_file_mistakes(file: Json) -> Iterator[str]:
    """What is wrong with an environment file of a container or of an override."""
    if not ENVIRONMENT_FILE.fullmatch(file["value"]):
        yield (
            f"Invalid environment file '{file['value']}': "
            "it must be the ARN of an object in Amazon S3 with the file extension .env."
        )


def _restart(container: Json) -> Iterator[str]:
    policy, name = container.get("restartPolicy", {}), container["name"]
    period = policy.get("restartAttemptPeriod")
    if period is not None and period not in RESTART_ATTEMPT_PERIOD_SECONDS:
        yield f"the 'restartAttemptPeriod' setting for container '{name}' must be between 60 and 1800"
    if len(policy.get("ignoredExitCodes", ())) > IGNORED_EXIT_CODES_MAX:
        yield f"the 'ignoredExitCodes' setting for container '{name}' must have at most {IGNORED_EXIT_CODES_MAX} exit codes"


def _ulimits(container: Json) -> Iterator[str]:
    for limit in container.get("ulimits", ()):
        soft, hard = limit["softLimit"], limit["hardLimit"]
        if hard >= 0 and (soft > hard or soft < 0):
            yield f"The soft limit {soft} of ulimit '{limit['name']}' must not be above its hard limit {hard}."


def _health_check(container: Json) -> Iterator[str]:
    check: Mapping[str, Any] | None = container.get("healthCheck")
    if check is None:
        return
    command = check.get("command") or [""]
    if command[0] not in {"CMD", "CMD-SHELL"} or not command[1:]:
        yield f"The health check command of container '{container['name']}' must start with CMD or CMD-SHELL."
    for member, allowed in HEALTH_CHECK_RANGES.items():
        if member in check and check[member] not in allowed:
            low, high = allowed[0], allowed[-1]
            yield f"The health check '{member}' of container '{container['name']}' must be between {low} and {high}."


def _log_options(container: Json) -> Iterator[str]:
    configuration = container.get("logConfiguration")
    if configuration is None or configuration["logDriver"] != "awslogs":
        return
    missing = [one for one in ("awslogs-group", "awslogs-region") if one not in configuration.get("options", {})]
    if missing:
        yield f"Log driver awslogs requires options: {', '.join(missing)}"


def _awsvpc(container: Json) -> Iterator[str]:
    if container.get("links"):
        yield "Links are not supported when networkMode=awsvpc"
    if container.get("dnsServers"):
        yield "DNS servers are not supported on container when networkMode=awsvpc"
    if container.get("disableNetworking"):
        yield "Disable Networking is not supported on container when networkMode=awsvpc"
    if container.get("extraHosts"):
        yield "Extra hosts are not supported on container when networkMode=awsvpc"


def _dependencies(containers: Mapping[str, Json]) -> Iterator[str]:
    for container in containers.values():
        for dependency in container.get("dependsOn", ()):
            name, condition = dependency["containerName"], dependency["condition"]
            other = containers.get(name)
            if other is None:
                yield f"Cannot depend on container {name} because it does not exist"
            elif condition == "HEALTHY" and "healthCheck" not in other:
                yield "A dependency container with HEALTHY condition must have health check configured"
            elif condition in {"SUCCESS", "COMPLETE"} and other.get("essential", True):
                yield "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
        for other_name in _volume_sources(container):
            if other_name not in containers:
                yield f"Cannot mount volumes from container {other_name} because it does not exist"
    if _has_circle(containers):
        yield "The containers of a task definition cannot depend on each other in a circle"


def _volume_sources(container: Json) -> list[str]:
    return [one.get("sourceContainer", "") for one in container.get("volumesFrom", ())]


def _has_circle(containers: Mapping[str, Json]) -> bool:
    waiting = {
        name: {one["containerName"] for one in container.get("dependsOn", ())} | set(_volume_sources(container))
        for name, container in containers.items()
    }
    while free := [name for name, others in waiting.items() if not others & waiting.keys()]:
        for name in free:
            del waiting[name]
    return bool(waiting)


def _sums(containers: Sequence[Json], definition: Json) -> Iterator[str]:
    total = cpu_units(definition["cpu"]) if "cpu" in definition else None
    if total is not None and sum(container.get("cpu", 0) for container in containers) > total:
        yield "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value"
