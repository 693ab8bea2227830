"""Tasks on the wire: requests. ``task_members`` says how a task looks there."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ninelives.api.call import Call
from ninelives.api.ecs.caller import idempotency
from ninelives.api.ecs.paging import page
from ninelives.api.ecs.tags import read_tags
from ninelives.api.ecs.task_members import write_task
from ninelives.model.arns import last_part
from ninelives.model.ecs import DesiredStatus, Task
from ninelives.model.errors import ApiError
from ninelives.region import ecs_tasks
from ninelives.region.ecs_lookup import active_cluster, find_task, task_arn, the_service
from ninelives.region.ecs_tasks import NotProtected, TasksWanted
from ninelives.region.region import Region

DESCRIBED_MAX = 100


def run_task(region: Region, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    overrides = parameters.get("overrides", {})
    wanted = TasksWanted(
        task_definition=parameters["taskDefinition"],
        count=parameters.get("count", 1),
        group=parameters.get("group"),
        started_by=parameters.get("startedBy"),
        overrides=overrides,
        overrides_length=len(json.dumps(overrides)) if overrides else 0,
        given=parameters,
        tags=read_tags(call),
        idempotency=idempotency(call),
    )
    tasks = ecs_tasks.run_task(region, parameters.get("cluster"), wanted)
    return {"tasks": [write_task(region, task, with_tags=True) for task in tasks], "failures": []}


def start_task(region: Region, call: Call) -> Mapping[str, Any]:
    """A failure for each container instance: Fargate has none, so no task is started."""
    parameters = call.parameters
    instances = ecs_tasks.check_start_task(
        region, parameters.get("cluster"), parameters["taskDefinition"], parameters["containerInstances"]
    )
    return {"tasks": [], "failures": [{"arn": arn, "reason": "MISSING"} for arn in instances]}


def stop_task(region: Region, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    task = ecs_tasks.stop_task(region, parameters.get("cluster"), parameters["task"], reason=parameters.get("reason"))
    return {"task": write_task(region, task, with_tags=True)}


def describe_tasks(region: Region, call: Call) -> Mapping[str, Any]:
    asked = call.parameters["tasks"]
    if not asked:
        raise ApiError("InvalidParameterException", "Tasks cannot be empty.")
    if len(asked) > DESCRIBED_MAX:
        raise ApiError("InvalidParameterException", f"tasks can have at most {DESCRIBED_MAX} items.")
    cluster = active_cluster(region, call.parameters.get("cluster"))
    with_tags = "TAGS" in call.parameters.get("include", ())
    found = {name: find_task(region, cluster, name) for name in asked}
    return {
        "tasks": [write_task(region, one, with_tags=with_tags) for one in found.values() if one is not None],
        "failures": [
            {"arn": task_arn(region, cluster, name), "reason": "MISSING"} for name, one in found.items() if one is None
        ],
    }


def list_tasks(region: Region, call: Call) -> Mapping[str, Any]:
    """Tasks that are meant to run, or meant to stop where ``desiredStatus`` is STOPPED; ECS sets no task to PENDING."""
    parameters = call.parameters
    cluster = active_cluster(region, parameters.get("cluster"))
    if "containerInstance" in parameters:
        raise ApiError("InvalidParameterException", "There are no container instances: tasks run on Fargate.")
    filters: list[Callable[[Task], bool]] = [
        lambda task: task.cluster_arn == cluster.arn,
        lambda task: task.desired_status == parameters.get("desiredStatus", DesiredStatus.RUNNING),
    ]
    if "serviceName" in parameters:
        service_arn = the_service(region, cluster, parameters["serviceName"]).arn
        filters.append(lambda task: task.service_arn == service_arn)
    if "family" in parameters:
        family = parameters["family"]
        filters.append(lambda task: last_part(task.task_definition_arn).rpartition(":")[0] == family)
    if "startedBy" in parameters:
        filters.append(lambda task: task.started_by == parameters["startedBy"])
    if "launchType" in parameters:
        filters.append(lambda task: task.launch_type == parameters["launchType"])
    if "daemonName" in parameters:
        filters.append(lambda _: False)
    found = [task for task in region.state.tasks.values() if all(fits(task) for fits in filters)]
    shown, token = page([task.arn for task in found], parameters)
    return {"taskArns": shown, "nextToken": token}


def get_task_protection(region: Region, call: Call) -> Mapping[str, Any]:
    tasks, failures = ecs_tasks.protectable_tasks(region, call.parameters["cluster"], call.parameters.get("tasks", ()))
    return _write_protection(region, tasks, failures)


def update_task_protection(region: Region, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    tasks, failures = ecs_tasks.update_task_protection(
        region,
        parameters["cluster"],
        parameters["tasks"],
        is_protected=parameters["protectionEnabled"],
        expires_in_minutes=parameters.get("expiresInMinutes"),
    )
    return _write_protection(region, tasks, failures)


def _write_protection(region: Region, tasks: list[Task], failures: list[NotProtected]) -> Mapping[str, Any]:
    now = region.now()
    protected = [(task, task.protected_until) for task in tasks]
    return {
        "protectedTasks": [
            {"taskArn": task.arn, "protectionEnabled": True, "expirationDate": until}
            if until is not None and now < until
            else {"taskArn": task.arn, "protectionEnabled": False}
            for task, until in protected
        ],
        "failures": [
            {"arn": one.arn, "reason": one.reason} | ({"detail": one.detail} if one.detail else {}) for one in failures
        ],
    }


HANDLERS = {
    "RunTask": run_task,
    "StartTask": start_task,
    "StopTask": stop_task,
    "DescribeTasks": describe_tasks,
    "ListTasks": list_tasks,
    "GetTaskProtection": get_task_protection,
    "UpdateTaskProtection": update_task_protection,
}
