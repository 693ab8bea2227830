"""A task definition with what ECS fills in: the members as the API shows them, and the typed containers to act on."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from ninelives.model.containers import MountPoint, RestartPolicy, Tmpfs, Ulimit, VolumeFrom
from ninelives.model.ecs import ContainerDefinition, HealthCheck, Json, TaskDefinition
from ninelives.region.ecs_fargate_rules import ECR_IMAGE, fargate_mistakes
from ninelives.region.ecs_task_sizes import cpu_units, memory_mib

HEALTH_CHECK_DEFAULTS = {"interval": 30, "timeout": 5, "retries": 3}
DEFAULT_STOP_TIMEOUT_SECONDS = 30
DEFAULT_RESTART_ATTEMPT_PERIOD_SECONDS = 300


def filled(definition: Json) -> dict[str, Any]:
    """``definition`` as ``DescribeTaskDefinition`` shows it, without ARN, revision, status and times."""
    network_mode = definition.get("networkMode")
    members: dict[str, Any] = {
        **definition,
        "containerDefinitions": [_filled_container(one, network_mode) for one in definition["containerDefinitions"]],
        "volumes": [{"host": {}} | dict(volume) if len(volume) == 1 else volume for volume in definition.get("volumes", ())],
        "placementConstraints": list(definition.get("placementConstraints", ())),
    }
    if "cpu" in definition:
        members["cpu"] = str(cpu_units(definition["cpu"]))
    if "memory" in definition:
        members["memory"] = str(memory_mib(definition["memory"]))
    members["requiresAttributes"] = [{"name": name} for name in _required_attributes(definition)]
    members["compatibilities"] = _compatibilities(definition)
    return members


def _filled_container(container: Json, network_mode: str | None) -> dict[str, Any]:
    lists: dict[str, Any] = {name: [] for name in ("environment", "mountPoints", "volumesFrom", "systemControls")}
    members = {"cpu": 0, "essential": True} | lists | dict(container)
    members["portMappings"] = [_filled_port(mapping, network_mode) for mapping in container.get("portMappings", ())]
    if "healthCheck" in container:
        members["healthCheck"] = HEALTH_CHECK_DEFAULTS | container["healthCheck"]
    if container.get("restartPolicy", {}).get("enabled"):
        defaults = {"ignoredExitCodes": [], "restartAttemptPeriod": DEFAULT_RESTART_ATTEMPT_PERIOD_SECONDS}
        members["restartPolicy"] = defaults | container["restartPolicy"]
    return members


def _filled_port(mapping: Json, network_mode: str | None) -> Json:
    members: dict[str, Any] = {"protocol": "tcp", **mapping}
    if "containerPort" in mapping:
        members.setdefault("hostPort", mapping["containerPort"] if network_mode in {"awsvpc", "host"} else 0)
    return members


def _compatibilities(definition: Json) -> list[str]:
    """What the definition could run on. One without ``requiresCompatibilities`` may still keep Fargate's rules."""
    if next(fargate_mistakes(definition), None) is None:
        return ["EC2", "FARGATE"]
    return ["EC2"] if definition.get("networkMode") == "awsvpc" else ["EXTERNAL", "EC2"]


def _required_attributes(definition: Json) -> list[str]:
    """What a container instance would have to be capable of; Fargate always is."""
    containers = definition["containerDefinitions"]
    docker, ecs = "com.amazonaws.ecs.capability", "ecs.capability"
    drivers = {one["logConfiguration"]["logDriver"] for one in containers if "logConfiguration" in one}
    uses_ecr = any(ECR_IMAGE.match(one["image"]) for one in containers)
    checks_health = any("healthCheck" in one for one in containers)
    has_role = "executionRoleArn" in definition
    found = {
        f"{docker}.docker-remote-api.1.18": True,
        f"{docker}.docker-remote-api.1.19": bool(drivers),
        f"{docker}.docker-remote-api.1.29": checks_health,
        f"{docker}.ecr-auth": uses_ecr,
        f"{docker}.task-iam-role": "taskRoleArn" in definition,
        f"{ecs}.container-health-check": checks_health,
        f"{ecs}.execution-role-awslogs": has_role and "awslogs" in drivers,
        f"{ecs}.execution-role-ecr-pull": has_role and uses_ecr,
        f"{ecs}.task-eni": definition.get("networkMode") == "awsvpc",
    } | {f"{docker}.logging-driver.{driver}": True for driver in drivers}
    return sorted(name for name, is_required in found.items() if is_required)


def as_read_now(record: TaskDefinition) -> TaskDefinition:
    """A definition from the store: an earlier version may have read less of its members than the region acts on now."""
    if "containerDefinitions" not in record.members:
        return record
    return replace(record, containers=tuple(read_container(one) for one in record.members["containerDefinitions"]))


def read_container(members: Json) -> ContainerDefinition:
    """The typed container of filled-in ``members``."""
    linux = members.get("linuxParameters", {})
    logging = members.get("logConfiguration", {})
    return ContainerDefinition(
        name=members["name"],
        image=members["image"],
        essential=members["essential"],
        cpu_units=members["cpu"],
        memory_mib=members.get("memory"),
        memory_reservation_mib=members.get("memoryReservation"),
        container_ports=tuple(one["containerPort"] for one in members["portMappings"] if "containerPort" in one),
        environment=tuple((one["name"], one.get("value", "")) for one in members["environment"]),
        entry_point=_words(members, "entryPoint"),
        command=_words(members, "command"),
        working_directory=members.get("workingDirectory"),
        user=members.get("user"),
        health_check=_read_health_check(members.get("healthCheck")),
        stop_timeout=timedelta(seconds=members.get("stopTimeout", DEFAULT_STOP_TIMEOUT_SECONDS)),
        log_driver=logging.get("logDriver"),
        log_options=tuple(logging.get("options", {}).items()),
        depends_on=tuple((one["containerName"], one["condition"]) for one in members.get("dependsOn", ())),
        readonly_root_filesystem=members.get("readonlyRootFilesystem", False),
        init_process_enabled=linux.get("initProcessEnabled", False),
        secrets=tuple((one["name"], one["valueFrom"]) for one in members.get("secrets", ())),
        environment_files=tuple(one["value"] for one in members.get("environmentFiles", ())),
        repository_credentials=members.get("repositoryCredentials", {}).get("credentialsParameter"),
        restart_policy=_read_restart_policy(members.get("restartPolicy", {})),
        mount_points=tuple(_read_mount_point(one) for one in members.get("mountPoints", ())),
        volumes_from=tuple(
            VolumeFrom(source_container=one["sourceContainer"], read_only=one.get("readOnly", False))
            for one in members.get("volumesFrom", ())
        ),
        tmpfs=tuple(_read_tmpfs(one) for one in linux.get("tmpfs", ())),
        ulimits=tuple(
            Ulimit(name=one["name"], soft_limit=one["softLimit"], hard_limit=one["hardLimit"])
            for one in members.get("ulimits", ())
        ),
        system_controls=tuple((one["namespace"], one["value"]) for one in members.get("systemControls", ())),
        docker_labels=tuple(members.get("dockerLabels", {}).items()),
        capabilities_added=tuple(linux.get("capabilities", {}).get("add", ())),
        capabilities_dropped=tuple(linux.get("capabilities", {}).get("drop", ())),
        interactive=members.get("interactive", False),
        pseudo_terminal=members.get("pseudoTerminal", False),
        version_consistency=members.get("versionConsistency", "enabled") == "enabled",
    )


def _words(members: Json, name: str) -> tuple[str, ...] | None:
    """A command; an empty one means the image's own, as one that is not there."""
    return tuple(members[name]) if members.get(name) else None


def _read_health_check(members: Json | None) -> HealthCheck | None:
    if members is None:
        return None
    return HealthCheck(
        command=tuple(members["command"]),
        interval=timedelta(seconds=members["interval"]),
        timeout=timedelta(seconds=members["timeout"]),
        retries=members["retries"],
        start_period=timedelta(seconds=members.get("startPeriod", 0)),
    )


def _read_restart_policy(members: Json) -> RestartPolicy | None:
    if not members.get("enabled"):
        return None
    return RestartPolicy(
        ignored_exit_codes=frozenset(members.get("ignoredExitCodes", ())),
        restart_attempt_period=timedelta(seconds=members.get("restartAttemptPeriod", DEFAULT_RESTART_ATTEMPT_PERIOD_SECONDS)),
    )


def _read_mount_point(members: Json) -> MountPoint:
    return MountPoint(
        source_volume=members["sourceVolume"],
        container_path=members["containerPath"],
        read_only=members.get("readOnly", False),
    )


def _read_tmpfs(members: Json) -> Tmpfs:
    return Tmpfs(
        container_path=members["containerPath"],
        size_mib=members["size"],
        mount_options=tuple(members.get("mountOptions", ())),
    )
