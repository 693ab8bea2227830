"""What Fargate asks of a task definition on top of ECS's own rules: each with its message.

Source: answers of the real service; ECS developer guide, "Task definition differences for Fargate".
"""

import re
from collections.abc import Iterator

from ninelives.model.ecs import Json
from ninelives.region.ecs_task_sizes import cpu_units, is_fargate_size, memory_mib

LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
EPHEMERAL_STORAGE_GIB = range(21, 201)
STOP_TIMEOUT_SECONDS = range(121)
START_TIMEOUT_SECONDS = range(2, 121)
ECR_IMAGE = re.compile(r"\d{12}\.dkr[.-]ecr[.-]")


def fargate_mistakes(definition: Json) -> Iterator[str]:
    """What Fargate refuses in a definition that keeps ECS's general rules, in the order in which it is looked for."""
    if definition.get("networkMode") != "awsvpc":
        yield "Fargate only supports network mode ‘awsvpc’."  # noqa: RUF001 - the service's own quotation marks
    yield from _size(definition)
    yield from _isolation(definition)
    yield from _volumes(definition)
    if "ephemeralStorage" in definition:
        yield from ephemeral_storage_mistakes(definition["ephemeralStorage"]["sizeInGiB"])
    for container in definition["containerDefinitions"]:
        yield from _logging(container, definition)
        yield from _container(container)
    if "executionRoleArn" not in definition and any(
        ECR_IMAGE.match(container["image"]) for container in definition["containerDefinitions"]
    ):
        yield "Fargate requires task definition to have execution role ARN to support ECR images."


def ephemeral_storage_mistakes(size_gib: int) -> Iterator[str]:
    """What is wrong with an ephemeral storage of this size."""
    low, high = EPHEMERAL_STORAGE_GIB[0], EPHEMERAL_STORAGE_GIB[-1]
    if size_gib < low:
        yield f"EphemeralStorage size should be at least {low}"
    if size_gib > high:
        yield f"EphemeralStorage size should be at most {high}"


def _size(definition: Json) -> Iterator[str]:
    missing = [member for member in ("cpu", "memory") if member not in definition]
    for member in missing:
        yield f"Fargate requires that '{member}' be defined at the task level."
    if missing:
        return
    cpu, memory = cpu_units(definition["cpu"]), memory_mib(definition["memory"])
    system = definition.get("runtimePlatform", {}).get("operatingSystemFamily", "LINUX")
    if cpu is None or memory is None or not is_fargate_size(cpu, memory, windows=system.startswith("WINDOWS")):
        yield "No Fargate configuration exists for given values."


def _isolation(definition: Json) -> Iterator[str]:
    if definition.get("pidMode") == "host":
        yield "Tasks using the Fargate launch type do not support pidMode 'host'"
    if "ipcMode" in definition:
        yield "Fargate compatible task definitions do not support ipcMode"
    if definition.get("placementConstraints"):
        yield "Fargate compatible task definitions do not support constraints"
    if definition.get("inferenceAccelerators"):
        yield "Fargate compatible task definitions do not support inferenceAccelerators"


def _volumes(definition: Json) -> Iterator[str]:
    for volume in definition.get("volumes", ()):
        if volume.get("host", {}).get("sourcePath"):
            yield "Fargate compatible task definitions do not support sourcePath"
        if "dockerVolumeConfiguration" in volume:
            yield "Fargate compatible task definitions do not support dockerVolumeConfiguration"


def _logging(container: Json, definition: Json) -> Iterator[str]:
    configuration = container.get("logConfiguration")
    if configuration is None:
        return
    driver = configuration["logDriver"]
    if driver not in LOG_DRIVERS:
        yield f"{driver} is not a valid log driver. Must be one of [{', '.join(LOG_DRIVERS)}]"
    if driver != "awslogs":
        return
    if "executionRoleArn" not in definition:
        yield "Fargate requires task definition to have execution role ARN to support log driver awslogs."
    if "awslogs-stream-prefix" not in configuration.get("options", {}):
        yield "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs."


def _container(container: Json) -> Iterator[str]:
    name = container["name"]
    if container.get("privileged"):
        yield "Fargate requires that the 'privileged' setting be 'false'"
    if any(one["type"] == "GPU" for one in container.get("resourceRequirements", ())):
        yield "Tasks using the Fargate launch type do not support GPU resource requirements"
    linux = container.get("linuxParameters", {})
    for capability in linux.get("capabilities", {}).get("add", ()):
        if capability != "SYS_PTRACE":
            yield f"{capability} is not allowed on Fargate."
    for member in ("devices", "sharedMemorySize", "maxSwap", "swappiness"):
        if linux.get(member):
            yield f"Fargate compatible task definitions do not support {member}"
    if container.get("dockerSecurityOptions"):
        yield "Fargate compatible task definitions do not support dockerSecurityOptions"
    for member, allowed in (("stopTimeout", STOP_TIMEOUT_SECONDS), ("startTimeout", START_TIMEOUT_SECONDS)):
        if member in container and container[member] not in allowed:
            low, high = allowed[0], allowed[-1]
            yield f"The '{member}' of container '{name}' must be between {low} and {high} seconds on Fargate."
