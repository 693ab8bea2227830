"""Intents on tasks: run, stop, protect."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ninelives.model.ecs import Cluster, DesiredStatus, Json, LastStatus, StopCode, Task, TaskDefinition
from ninelives.model.errors import ApiError
from ninelives.region import ecs_service_rules as rules
from ninelives.region.ecs_capacity import capacity, needs_instances, resolved_platform
from ninelives.region.ecs_definition_rules import VARIABLE_TAKEN, environment_file_mistakes
from ninelives.region.ecs_fargate_rules import ephemeral_storage_mistakes
from ninelives.region.ecs_lookup import active_cluster, find_task, task_arn
from ninelives.region.ecs_services import Idempotency, platform_family
from ninelives.region.ecs_task_sizes import cpu_units, is_fargate_size, memory_mib
from ninelives.region.region import Region
from ninelives.region.tasks import new_task
from ninelives.scheduler.lifecycle import moved

COUNTS = range(1, 11)
OVERRIDES_MAX_LENGTH = 8192
REASON_MAX_LENGTH = 1024
PROTECTED_MAX = 10
"""Tasks of one request. Source: ``ecs`` ``UpdateTaskProtection``."""
PROTECTION_MINUTES = range(1, 2881)
DEFAULT_PROTECTION = timedelta(minutes=120)
NO_INSTANCES = (
    "No Container Instances were found in your cluster. This region runs tasks on Fargate only: specify launchType FARGATE "
    "and try again."
)
"""The first sentence is ECS's, whose default launch type is EC2."""
TOO_MANY_PROTECTED = "The service has more protected tasks than its desired count."
"""Our wording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksWanted:
    """What RunTask asks for; ``given`` has the request's members as the API spells them."""

    task_definition: str
    count: int = 1
    group: str | None = None
    started_by: str | None = None
    overrides: Json
    overrides_length: int
    """Characters of the overrides as JSON."""
    given: Json
    tags: Json
    idempotency: Idempotency | None = None


def run_task(region: Region, cluster: str | None, wanted: TasksWanted) -> list[Task]:
    """New tasks, which the loop starts. The same request with the same client token is answered with the tasks it made."""
    found_cluster = active_cluster(region, cluster)
    earlier = _tasks_of_token(region, found_cluster, wanted.idempotency)
    if earlier:
        return earlier
    definition, members = _checked(region, found_cluster, wanted)
    tags: dict[str, Any] = dict(wanted.tags)
    if wanted.given.get("propagateTags") == "TASK_DEFINITION":
        tags = dict(definition.tags) | tags
    tasks = [
        new_task(
            region,
            definition,
            found_cluster.arn,
            group=wanted.group or f"family:{definition.family}",
            started_by=wanted.started_by,
            overrides=wanted.overrides,
            members=members,
            tags=tags,
        )
        for _ in range(wanted.count)
    ]
    with region.state.transaction() as changes:
        changes.put(*tasks)
    region.wake()
    return tasks


def _tasks_of_token(region: Region, cluster: Cluster, idempotency: Idempotency | None) -> list[Task]:
    if idempotency is None:
        return []
    found = [
        task
        for task in region.state.tasks.values()
        if task.cluster_arn == cluster.arn and task.members.get("clientToken") == idempotency.client_token
    ]
    if any(task.members["requestDigest"] != idempotency.request_digest for task in found):
        message = "The client token was used by an earlier request with other parameters."
        raise ApiError("ConflictException", message, members={"resourceIds": [task.arn for task in found]})
    return found


def _checked(region: Region, cluster: Cluster, wanted: TasksWanted) -> tuple[TaskDefinition, Json]:
    """The definition to run, and the members of its tasks."""
    given = wanted.given
    if wanted.count not in COUNTS:
        raise ApiError("InvalidParameterException", "count must be between 1 and 10")
    if wanted.group is not None and wanted.group.startswith("service:"):
        raise ApiError("InvalidParameterException", "A group that starts with 'service:' belongs to a service.")
    rules.check_placement(given)
    definition = rules.usable_definition(region, wanted.task_definition, inactive_code="InvalidParameterException")
    launch_type, strategy = given.get("launchType"), given.get("capacityProviderStrategy")
    if needs_instances(cluster, launch_type=launch_type, strategy=strategy):
        raise ApiError("InvalidParameterException", NO_INSTANCES)
    launched = capacity(cluster, launch_type=launch_type, strategy=strategy)
    rules.check_fargate(definition)
    rules.check_carried_out(definition)
    rules.check_volumes(given, definition)
    network = given.get("networkConfiguration")
    rules.check_network(definition, network)
    _check_overrides(definition, wanted)
    members: dict[str, Any] = {
        "platformVersion": resolved_platform(given.get("platformVersion")),
        "platformFamily": platform_family(definition),
        "enableExecuteCommand": given.get("enableExecuteCommand", False),
        "networkConfiguration": None if network is None else rules.filled_network(network),
        **(wanted.idempotency.members if wanted.idempotency else {}),
    }
    return definition, members | dict(launched.members)


def _check_overrides(definition: TaskDefinition, wanted: TasksWanted) -> None:
    overrides = wanted.overrides
    if wanted.overrides_length > OVERRIDES_MAX_LENGTH:
        raise ApiError("InvalidParameterException", f"Container Overrides length must be at most {OVERRIDES_MAX_LENGTH}")
    names = {container.name for container in definition.containers}
    for one in overrides.get("containerOverrides", ()):
        if one.get("name") not in names:
            message = f"Override for container named {one.get('name')} is not a container in the TaskDefinition."
            raise ApiError("InvalidParameterException", message)
        _check_variables(definition, one)
    size_gib = overrides.get("ephemeralStorage", {}).get("sizeInGiB")
    if size_gib is not None:
        mistake = next(ephemeral_storage_mistakes(size_gib), None)
        if mistake is not None:
            raise ApiError("InvalidParameterException", mistake)
    cpu = cpu_units(overrides["cpu"]) if "cpu" in overrides else definition.cpu_units
    memory = memory_mib(overrides["memory"]) if "memory" in overrides else definition.memory_mib
    if cpu is None or memory is None or not is_fargate_size(cpu, memory):
        raise ApiError("ClientException", "No Fargate configuration exists for given values.")


def _check_variables(definition: TaskDefinition, override: Json) -> None:
    """Overridden variables and files must leave the container's secrets alone."""
    secrets = {name for one in definition.containers if one.name == override["name"] for name, _ in one.secrets}
    taken = next((one["name"] for one in override.get("environment", ()) if one.get("name") in secrets), None)
    if taken is not None:
        raise ApiError("ClientException", f"{VARIABLE_TAKEN}, such as '{taken}'.")
    for file in override.get("environmentFiles", ()):
        mistake = next(environment_file_mistakes(file), None)
        if mistake is not None:
            raise ApiError("InvalidParameterException", mistake)


def check_start_task(
    region: Region, cluster: str | None, task_definition: str, container_instances: Sequence[str]
) -> list[str]:
    """The ARNs of the container instances that StartTask names; none of them is there."""
    found_cluster = active_cluster(region, cluster)
    if not container_instances:
        raise ApiError("InvalidParameterException", "Container instances cannot be empty.")
    if len(container_instances) not in COUNTS:
        message = f"Container instances must be at most {COUNTS[-1]}"
        raise ApiError("InvalidParameterException", message)
    rules.usable_definition(region, task_definition, inactive_code="InvalidParameterException")
    prefix = found_cluster.arn.replace(":cluster/", ":container-instance/")
    return [one if one.startswith("arn:") else f"{prefix}/{one}" for one in container_instances]


def stop_task(region: Region, cluster: str | None, task: str, *, reason: str | None) -> Task:
    """The task, to be stopped: one that runs is DEACTIVATING from now on. One that is to stop already stays as it is, with its
    first reason.
    """
    found = find_task(region, active_cluster(region, cluster), task)
    if found is None:
        raise ApiError("InvalidParameterException", "The referenced task was not found.")
    if reason is not None and len(reason) > REASON_MAX_LENGTH:
        raise ApiError("InvalidParameterException", f"The reason can have at most {REASON_MAX_LENGTH} characters.")
    if found.desired_status is DesiredStatus.STOPPED:
        return found
    if found.last_status is LastStatus.RUNNING:
        found = moved(found, LastStatus.DEACTIVATING)
    found = replace(
        found,
        desired_status=DesiredStatus.STOPPED,
        stop_code=StopCode.USER_INITIATED,
        stopped_reason=reason or "Task stopped by user",
        version=found.version + 1,
    )
    with region.state.transaction() as changes:
        changes.put(found)
    region.wake()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NotProtected:
    """A task whose protection cannot be read or set: ``MISSING``, ``TASK_NOT_VALID`` for one without a service, or
    ``DEPLOYMENT_BLOCKED`` where protected tasks hold the service up already.
    """

    arn: str
    reason: str
    detail: str | None = None


def protectable_tasks(region: Region, cluster: str, references: Sequence[str]) -> tuple[list[Task], list[NotProtected]]:
    """The service tasks among ``references``, and the others with the reason."""
    found_cluster = active_cluster(region, cluster)
    if not references:
        raise ApiError("InvalidParameterException", "Tasks can not be empty.")
    if len(references) > PROTECTED_MAX:
        raise ApiError("InvalidParameterException", f"tasks can have at most {PROTECTED_MAX} items.")
    tasks, failures = [], []
    for reference in references:
        task = find_task(region, found_cluster, reference)
        if task is None or task.last_status is LastStatus.STOPPED:
            failures.append(NotProtected(arn=task_arn(region, found_cluster, reference), reason="MISSING"))
        elif task.service_arn is None:
            detail = "Task protection is only available for tasks that belong to a service."
            failures.append(NotProtected(arn=task.arn, reason="TASK_NOT_VALID", detail=detail))
        else:
            tasks.append(task)
    return tasks, failures


def update_task_protection(
    region: Region, cluster: str, references: Sequence[str], *, is_protected: bool, expires_in_minutes: int | None
) -> tuple[list[Task], list[NotProtected]]:
    """The tasks with their new protection from scale-in and deployments, and those that cannot have one.

    A service that has more protected tasks than it wants tasks gets no more of them.
    Source: ECS developer guide, "Task scale-in protection considerations".
    """
    if expires_in_minutes is not None and expires_in_minutes not in PROTECTION_MINUTES:
        low, high = PROTECTION_MINUTES[0], PROTECTION_MINUTES[-1]
        raise ApiError("InvalidParameterException", f"expiresInMinutes must be between {low} and {high}.")
    tasks, failures = protectable_tasks(region, cluster, references)
    if is_protected:
        blocked = {arn for arn in {task.service_arn for task in tasks} if arn is not None and _is_held_up(region, arn)}
        failures += [
            NotProtected(arn=task.arn, reason="DEPLOYMENT_BLOCKED", detail=TOO_MANY_PROTECTED)
            for task in tasks
            if task.service_arn in blocked
        ]
        tasks = [task for task in tasks if task.service_arn not in blocked]
    lasting = timedelta(minutes=expires_in_minutes) if expires_in_minutes is not None else DEFAULT_PROTECTION
    until = region.now() + lasting if is_protected else None
    tasks = [replace(task, protected_until=until) for task in tasks]
    with region.state.transaction() as changes:
        changes.put(*tasks)
    region.wake()
    return tasks, failures


def _is_held_up(region: Region, service_arn: str) -> bool:
    """Whether protected tasks alone are more than the service's desired count: no deployment of it could end."""
    now, service = region.now(), region.state.services[service_arn]
    protected = [
        task
        for task in region.state.of_service(Task, service_arn)
        if task.is_live and task.protected_until is not None and task.protected_until > now
    ]
    return len(protected) > service.desired_count
