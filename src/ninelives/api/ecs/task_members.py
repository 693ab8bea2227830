"""How a task looks on the wire: its containers, its network interface, its size and times."""

from collections.abc import Mapping, Sequence
from typing import Any

from ninelives.api.ecs.tags import write_tags
from ninelives.model.ecs import Container, ContainerDefinition, Json, LastStatus, Task, TaskDefinition
from ninelives.region.ecs_capacity import chosen_provider
from ninelives.region.ecs_overrides import overridden
from ninelives.region.region import Region

ARCHITECTURES = {"X86_64": "x86_64", "ARM64": "arm64"}
ATTACHMENT_STATUSES = {
    LastStatus.PROVISIONING: "PRECREATED",
    LastStatus.DEPROVISIONING: "DETACHING",
    LastStatus.STOPPED: "DELETED",
}
"""Of the elastic network interface, by the task's last status; ATTACHED in between."""
DEFAULT_EPHEMERAL_STORAGE_GIB = 20


def write_task(region: Region, task: Task, *, with_tags: bool) -> Mapping[str, Any]:
    """A task. Its network interface is the address that the runtime gave it; the interface's ids follow from the task's."""
    registered = region.state.task_definitions[task.task_definition_arn]
    definition = overridden(registered, task.overrides)
    service = region.state.services.get(task.service_arn or "")
    storage = registered.members.get("ephemeralStorage") or {"sizeInGiB": DEFAULT_EPHEMERAL_STORAGE_GIB}
    platform = registered.members.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64")
    enable_execute_command = task.members.get("enableExecuteCommand", False)
    tags = dict(task.tags)
    if service is not None:
        enable_execute_command = service.members["enableExecuteCommand"]
        sources = {"SERVICE": service.tags, "TASK_DEFINITION": registered.tags}
        tags = dict(sources.get(service.members["propagateTags"], {})) | tags
    answer = {
        "attachments": _attachments(region, task),
        "attributes": [{"name": "ecs.cpu-architecture", "value": ARCHITECTURES[platform]}],
        "availabilityZone": availability_zone(region, task),
        "capacityProviderName": chosen_provider(task.members.get("capacityProviderStrategy", ())),
        "clusterArn": task.cluster_arn,
        "connectivity": None if task.last_status is LastStatus.PROVISIONING else "CONNECTED",
        "connectivityAt": None if task.last_status is LastStatus.PROVISIONING else task.created_at,
        "containers": [_write_container(one, task, definition) for one in task.containers],
        "cpu": _text(definition.cpu_units),
        "createdAt": task.created_at,
        "desiredStatus": str(task.desired_status),
        "enableExecuteCommand": enable_execute_command,
        "executionStoppedAt": task.execution_stopped_at,
        "group": task.group,
        "healthStatus": str(task.health_status),
        "lastStatus": str(task.last_status),
        "launchType": task.launch_type,
        "memory": _text(definition.memory_mib),
        "overrides": _write_overrides(task),
        "platformVersion": task.members.get("platformVersion"),
        "platformFamily": task.members.get("platformFamily"),
        "pullStartedAt": task.pull_started_at,
        "pullStoppedAt": task.pull_stopped_at,
        "startedAt": task.started_at,
        "startedBy": task.started_by,
        "stopCode": _text(task.stop_code),
        "stoppedAt": task.stopped_at,
        "stoppedReason": task.stopped_reason,
        "stoppingAt": task.stopping_at,
        "tags": write_tags(tags) if with_tags else [],
        "taskArn": task.arn,
        "taskDefinitionArn": task.task_definition_arn,
        "version": task.version,
        "ephemeralStorage": storage,
        "fargateEphemeralStorage": storage,
    }
    return {name: value for name, value in answer.items() if value is not None}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _write_container(container: Container, task: Task, definition: TaskDefinition) -> Mapping[str, Any]:
    defined = next(one for one in definition.containers if one.name == container.name)
    interface = {"attachmentId": _attachment_id(task), "privateIpv4Address": task.address.ip} if task.address else None
    answer = {
        "containerArn": container.arn,
        "taskArn": task.arn,
        "name": container.name,
        "image": container.image,
        "imageDigest": container.image_digest,
        "runtimeId": container.runtime_id,
        "lastStatus": container.last_status,
        "exitCode": container.exit_code,
        "reason": container.reason,
        "networkBindings": _bindings(task, defined),
        "networkInterfaces": [interface] if interface else [],
        "healthStatus": str(container.health_status),
        "cpu": str(defined.cpu_units),
        "memory": _text(defined.memory_mib),
        "memoryReservation": _text(defined.memory_reservation_mib),
    }
    return {name: value for name, value in answer.items() if value is not None}


def _bindings(task: Task, container: ContainerDefinition) -> Sequence[Json]:
    """Where a port answers if not at itself. On AWS an awsvpc task has none; a host process gets another port here."""
    if task.address is None:
        return []
    address = task.address
    return [
        {"bindIP": address.ip, "containerPort": port, "hostPort": address.port_of(port), "protocol": "tcp"}
        for port in container.container_ports
        if address.port_of(port) != port
    ]


def _write_overrides(task: Task) -> Mapping[str, Any]:
    """The overrides with an entry for each container, as the API shows them."""
    given = {one["name"]: one for one in task.overrides.get("containerOverrides", ())}
    return {
        **task.overrides,
        "containerOverrides": [given.get(one.name, {"name": one.name}) for one in task.containers],
        "inferenceAcceleratorOverrides": task.overrides.get("inferenceAcceleratorOverrides", []),
    }


def _attachments(region: Region, task: Task) -> Sequence[Json]:
    network = task.members.get("networkConfiguration")
    if network is None:
        return []
    details = {"subnetId": _subnet(task)}
    if task.address is not None:
        details |= {
            "networkInterfaceId": f"eni-{task.id[:17]}",
            "macAddress": "02:" + ":".join(task.id[place : place + 2] for place in range(0, 10, 2)),
            "privateDnsName": f"ip-{task.address.ip.replace('.', '-')}.{region.place.region}.compute.internal",
            "privateIPv4Address": task.address.ip,
        }
    return [
        {
            "id": _attachment_id(task),
            "type": "ElasticNetworkInterface",
            "status": ATTACHMENT_STATUSES.get(task.last_status, "ATTACHED"),
            "details": [{"name": name, "value": value} for name, value in details.items()],
        }
    ]


def _attachment_id(task: Task) -> str:
    digits = task.id[::-1]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _subnet(task: Task) -> str:
    """One of the subnets of the network configuration; which one follows from the task's id, so that tasks are spread."""
    subnets: Sequence[str] = task.members["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
    return subnets[int(task.id, 16) % len(subnets)]


def availability_zone(region: Region, task: Task) -> str:
    """The zone of the task's subnet as a load balancer names it; the region's first where none does."""
    zones = {subnet: zone for one in region.state.load_balancers.values() for zone, subnet in one.zones}
    subnet = _subnet(task) if task.members.get("networkConfiguration") else ""
    return zones.get(subnet, f"{region.place.region}a")
