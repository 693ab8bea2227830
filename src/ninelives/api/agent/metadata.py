"""A task and its containers as the task metadata endpoint, version 4, shows them.

Source: ECS developer guide, "Amazon ECS task metadata endpoint version 4 for tasks on Fargate". What is not known here is left
out: when a container was created, clock drift, the storage that is used.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ninelives.api.ecs.task_members import availability_zone
from ninelives.model.ecs import Container, ContainerDefinition, LastStatus, Task, TaskDefinition
from ninelives.region.ecs_overrides import overridden
from ninelives.region.region import Region

CPU_UNITS_PER_VCPU = 1024


def write_task_metadata(region: Region, task: Task, *, with_tags: bool) -> Mapping[str, Any]:
    """The answer to ``/task`` and ``/taskWithTags``."""
    definition = _definition(region, task)
    service = region.state.services.get(task.service_arn or "")
    answer = {
        "Cluster": task.cluster_arn,
        "TaskARN": task.arn,
        "Family": definition.family,
        "Revision": str(definition.revision),
        "DesiredStatus": str(task.desired_status),
        "KnownStatus": "NONE" if task.last_status is LastStatus.PROVISIONING else str(task.last_status),
        "Limits": _of_known(
            {
                "CPU": None if definition.cpu_units is None else definition.cpu_units / CPU_UNITS_PER_VCPU,
                "Memory": definition.memory_mib,
            }
        ),
        "PullStartedAt": _instant(task.pull_started_at),
        "PullStoppedAt": _instant(task.pull_stopped_at),
        "AvailabilityZone": availability_zone(region, task),
        "LaunchType": task.launch_type,
        "Containers": [write_container_metadata(region, task, one.name) for one in task.containers],
        "ServiceName": None if service is None else service.name,
        "FaultInjectionEnabled": False,
        "TaskTags": dict(task.tags) if with_tags else None,
    }
    return _of_known(answer)


def write_container_metadata(region: Region, task: Task, name: str) -> Mapping[str, Any]:
    """The answer to the path of a container itself."""
    definition = _definition(region, task)
    container = next(one for one in task.containers if one.name == name)
    defined = next(one for one in definition.containers if one.name == name)
    answer = {
        "DockerId": container.runtime_id,
        "Name": name,
        "DockerName": name,
        "Image": container.image,
        "ImageID": container.image_digest,
        "Labels": {
            **dict(defined.docker_labels),
            "com.amazonaws.ecs.cluster": task.cluster_arn,
            "com.amazonaws.ecs.container-name": name,
            "com.amazonaws.ecs.task-arn": task.arn,
            "com.amazonaws.ecs.task-definition-family": definition.family,
            "com.amazonaws.ecs.task-definition-version": str(definition.revision),
        },
        "DesiredStatus": str(task.desired_status),
        "KnownStatus": "CREATED" if container.last_status == "PENDING" else container.last_status,
        "Limits": _of_known({"CPU": defined.cpu_units, "Memory": defined.memory_mib}),
        "StartedAt": _instant(container.started_at),
        "FinishedAt": _instant(container.finished_at),
        "ExitCode": container.exit_code,
        "Type": "NORMAL",
        "Health": None if defined.health_check is None else {"status": str(container.health_status)},
        "LogDriver": defined.log_driver,
        "LogOptions": _log_options(task, defined),
        "ContainerARN": container.arn,
        "Networks": _networks(region, task, container),
        "RestartCount": None if defined.restart_policy is None else container.restart_count,
    }
    return _of_known(answer)


def _definition(region: Region, task: Task) -> TaskDefinition:
    return overridden(region.state.task_definitions[task.task_definition_arn], task.overrides)


def _log_options(task: Task, defined: ContainerDefinition) -> Mapping[str, str] | None:
    if defined.log_driver != "awslogs":
        return None
    options = dict(defined.log_options)
    prefix = options.get("awslogs-stream-prefix")
    stream = f"{prefix}/{defined.name}/{task.id}" if prefix else task.id
    return {name: value for name, value in options.items() if name != "awslogs-stream-prefix"} | {"awslogs-stream": stream}


def _networks(region: Region, task: Task, container: Container) -> list[Mapping[str, Any]]:
    """The task's network, which all its containers share; none before it has an address."""
    if task.address is None or container.last_status == "PENDING":
        return []
    ip = task.address.ip
    return [
        {
            "NetworkMode": "awsvpc",
            "IPv4Addresses": [ip],
            "AttachmentIndex": 0,
            "PrivateDNSName": f"ip-{ip.replace('.', '-')}.{region.place.region}.compute.internal",
        }
    ]


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _of_known(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
