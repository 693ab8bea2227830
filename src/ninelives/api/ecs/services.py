"""Services on the wire. Counts, deployments and events are derived from other records."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ninelives.api.call import Call
from ninelives.api.ecs.caller import caller_arn, idempotency
from ninelives.api.ecs.paging import page
from ninelives.api.ecs.tags import read_tags, write_tags
from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    Json,
    LastStatus,
    Service,
    ServiceEvent,
    ServiceLoadBalancer,
    ServiceStatus,
    Task,
)
from ninelives.model.errors import ApiError
from ninelives.region import ecs_services
from ninelives.region.ecs_deployment_configuration import shown
from ninelives.region.ecs_lookup import active_cluster, find_service, service_arn
from ninelives.region.ecs_service_deployments import current_deployments
from ninelives.region.region import Region

DESCRIBED_MAX = 10
LISTED_DEFAULT = 10
INTERNAL_MEMBERS = ("clientToken", "requestDigest")


def create_service(region: Region, call: Call) -> Mapping[str, Any]:
    service = ecs_services.create_service(
        region,
        call.parameters.get("cluster"),
        name=call.parameters["serviceName"],
        given=call.parameters,
        tags=read_tags(call),
        created_by=caller_arn(call),
        idempotency=idempotency(call),
    )
    return {"service": write_service(region, service, with_tags=True)}


def update_service(region: Region, call: Call) -> Mapping[str, Any]:
    change = ecs_services.ServiceChange(
        given=call.parameters, force_new_deployment=call.parameters.get("forceNewDeployment", False)
    )
    service = ecs_services.update_service(region, call.parameters.get("cluster"), call.parameters["service"], change)
    return {"service": write_service(region, service, with_tags=True)}


def delete_service(region: Region, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    service = ecs_services.delete_service(
        region, parameters.get("cluster"), parameters["service"], force=parameters.get("force", False)
    )
    return {"service": write_service(region, service, with_tags=True)}


def describe_services(region: Region, call: Call) -> Mapping[str, Any]:
    asked = call.parameters["services"]
    if not asked:
        raise ApiError("InvalidParameterException", "Services cannot be empty.")
    if len(asked) > DESCRIBED_MAX:
        raise ApiError("InvalidParameterException", f"services can have at most {DESCRIBED_MAX} items.")
    cluster = active_cluster(region, call.parameters.get("cluster"))
    with_tags = "TAGS" in call.parameters.get("include", ())
    found = {name: find_service(region, cluster, name) for name in asked}
    return {
        "services": [write_service(region, one, with_tags=with_tags) for one in found.values() if one is not None],
        "failures": [
            {"arn": service_arn(region, cluster, name), "reason": "MISSING"} for name, one in found.items() if one is None
        ],
    }


def list_services(region: Region, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    cluster = active_cluster(region, parameters.get("cluster"))
    arns = sorted(
        one.arn
        for one in region.state.services.values()
        if one.cluster_arn == cluster.arn
        and one.status is not ServiceStatus.INACTIVE
        and parameters.get("launchType") in {None, one.members.get("launchType")}
        and parameters.get("schedulingStrategy") in {None, one.members["schedulingStrategy"]}
        and parameters.get("resourceManagementType") in {None, "CUSTOMER"}
    )
    shown, token = page(arns, parameters, default=LISTED_DEFAULT)
    return {"serviceArns": shown, "nextToken": token}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCounts:
    """Tasks of a service by revision. A task that is to stop, or drains already, is in neither count."""

    running: Counter[str | None]
    pending: Counter[str | None]


def task_counts(region: Region, arn: str) -> TaskCounts:
    """The counts of the service of that ARN."""
    running: Counter[str | None] = Counter()
    pending: Counter[str | None] = Counter()
    for task in region.state.of_service(Task, arn):
        if task.is_live:
            (running if task.last_status is LastStatus.RUNNING else pending)[task.revision_arn] += 1
    return TaskCounts(running=running, pending=pending)


def requested_count(service: Service, deployment: Deployment, counts: TaskCounts) -> int:
    """Tasks that a deployment should have: all for PRIMARY; one that is replaced wants no more than it has."""
    if deployment.status is DeploymentStatus.PRIMARY:
        return service.desired_count
    return counts.running[deployment.revision_arn] + counts.pending[deployment.revision_arn]


def write_service(region: Region, service: Service, *, with_tags: bool) -> Mapping[str, Any]:
    counts = task_counts(region, service.arn)
    deployments = current_deployments(region, service)
    events = sorted(region.state.of_service(ServiceEvent, service.arn), key=lambda one: one.sequence, reverse=True)
    answer = {
        **{name: value for name, value in service.members.items() if name not in INTERNAL_MEMBERS},
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": service.cluster_arn,
        "loadBalancers": write_load_balancers(service.load_balancers),
        "status": str(service.status),
        "desiredCount": service.desired_count,
        "runningCount": counts.running.total(),
        "pendingCount": counts.pending.total(),
        "taskDefinition": service.task_definition_arn,
        "deploymentConfiguration": shown(service.deployment_configuration),
        "deployments": [_write_deployment(region, service, one, counts) for one in deployments],
        "events": [{"id": one.id, "createdAt": one.created_at, "message": one.message} for one in events],
        "createdAt": service.created_at,
        "currentServiceRevisions": [_write_current_revision(service, one, counts) for one in deployments],
        "healthCheckGracePeriodSeconds": int(service.health_check_grace_period.total_seconds()),
        "tags": write_tags(service.tags) if with_tags else None,
        "currentServiceDeployment": service.current_service_deployment_arn,
        "resourceManagementType": "CUSTOMER",
    }
    return {name: value for name, value in answer.items() if value is not None}


def _write_deployment(region: Region, service: Service, deployment: Deployment, counts: TaskCounts) -> Mapping[str, Any]:
    revision = region.state.revisions[deployment.revision_arn]
    return {
        **revision.members,
        "id": deployment.id,
        "status": str(deployment.status),
        "taskDefinition": revision.task_definition_arn,
        "desiredCount": requested_count(service, deployment, counts),
        "pendingCount": counts.pending[revision.arn],
        "runningCount": counts.running[revision.arn],
        "failedTasks": deployment.failed_tasks,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
        "rolloutState": str(deployment.rollout_state),
        "rolloutStateReason": deployment.rollout_state_reason,
    }


def _write_current_revision(service: Service, deployment: Deployment, counts: TaskCounts) -> Mapping[str, Any]:
    return {
        "arn": deployment.revision_arn,
        "requestedTaskCount": requested_count(service, deployment, counts),
        "runningTaskCount": counts.running[deployment.revision_arn],
        "pendingTaskCount": counts.pending[deployment.revision_arn],
    }


def write_load_balancers(load_balancers: Sequence[ServiceLoadBalancer]) -> Sequence[Json]:
    return [_write_load_balancer(one) for one in load_balancers]


def _write_load_balancer(one: ServiceLoadBalancer) -> Json:
    members: dict[str, Any] = {
        "targetGroupArn": one.target_group_arn,
        "containerName": one.container_name,
        "containerPort": one.container_port,
    }
    if (advanced := one.advanced) is not None:
        given = {
            "alternateTargetGroupArn": advanced.alternate_target_group_arn,
            "productionListenerRule": advanced.production_listener_rule,
            "testListenerRule": advanced.test_listener_rule,
            "roleArn": advanced.role_arn,
        }
        members["advancedConfiguration"] = {name: value for name, value in given.items() if value is not None}
    return members


HANDLERS = {
    "CreateService": create_service,
    "UpdateService": update_service,
    "DeleteService": delete_service,
    "DescribeServices": describe_services,
    "ListServices": list_services,
}
