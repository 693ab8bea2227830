"""Service deployments and service revisions on the wire."""

from collections.abc import Mapping
from typing import Any

from ninelives.api.call import Call
from ninelives.api.ecs.paging import page
from ninelives.api.ecs.services import TaskCounts, task_counts, write_load_balancers
from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    HookExecution,
    HookTargetType,
    LifecycleStage,
    Service,
    ServiceDeployment,
    ServiceRevision,
)
from ninelives.model.errors import ApiError
from ninelives.region import ecs_service_deployments
from ninelives.region.ecs_deployment_configuration import shown as shown_configuration
from ninelives.region.ecs_lookup import active_cluster, the_service
from ninelives.region.region import Region

DESCRIBED_MAX = 20
LISTED_DEFAULT = 20


def list_service_deployments(region: Region, call: Call) -> Mapping[str, Any]:
    """Newest first."""
    parameters = call.parameters
    cluster = active_cluster(region, parameters.get("cluster"))
    service = the_service(region, cluster, parameters["service"])
    statuses, created = parameters.get("status"), parameters.get("createdAt", {})
    found = [
        one
        for one in reversed(region.state.of_service(ServiceDeployment, service.arn))
        if (not statuses or one.status in statuses)
        and ("before" not in created or one.created_at < created["before"])
        and ("after" not in created or one.created_at > created["after"])
    ]
    found.sort(key=lambda one: one.created_at, reverse=True)
    shown, token = page(found, parameters, key=lambda one: one.arn, default=LISTED_DEFAULT)
    return {"serviceDeployments": [_write_brief(one) for one in shown], "nextToken": token}


def describe_service_deployments(region: Region, call: Call) -> Mapping[str, Any]:
    asked = _asked(call, "serviceDeploymentArns")
    found = {arn: region.state.service_deployments.get(arn) for arn in asked}
    return {
        "serviceDeployments": [write_service_deployment(region, one) for one in found.values() if one is not None],
        "failures": [{"arn": arn, "reason": "MISSING"} for arn, one in found.items() if one is None],
    }


def describe_service_revisions(region: Region, call: Call) -> Mapping[str, Any]:
    asked = _asked(call, "serviceRevisionArns")
    found = {arn: region.state.revisions.get(arn) for arn in asked}
    return {
        "serviceRevisions": [_write_revision(region, one) for one in found.values() if one is not None],
        "failures": [{"arn": arn, "reason": "MISSING"} for arn, one in found.items() if one is None],
    }


def _asked(call: Call, member: str) -> list[str]:
    asked: list[str] = call.parameters[member]
    if not asked or len(asked) > DESCRIBED_MAX:
        raise ApiError("InvalidParameterException", f"{member} must have 1 to {DESCRIBED_MAX} items.")
    return asked


def stop_service_deployment(region: Region, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    stopped = ecs_service_deployments.stop_service_deployment(
        region, parameters["serviceDeploymentArn"], stop_type=parameters.get("stopType", "ROLLBACK")
    )
    return {"serviceDeploymentArn": stopped.arn}


def continue_service_deployment(region: Region, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    continued = ecs_service_deployments.continue_service_deployment(
        region, parameters["serviceDeploymentArn"], parameters["hookId"], action=parameters.get("action", "CONTINUE")
    )
    return {"serviceDeploymentArn": continued.arn}


def write_service_deployment(region: Region, one: ServiceDeployment) -> Mapping[str, Any]:
    service = region.state.services.get(one.service_arn)
    counts = task_counts(region, one.service_arn)
    primary = next(
        (
            deployment.revision_arn
            for deployment in region.state.of_service(Deployment, one.service_arn)
            if deployment.status is DeploymentStatus.PRIMARY
        ),
        None,
    )
    answer = {
        **_write_brief(one),
        "stoppedAt": one.stopped_at,
        "updatedAt": one.updated_at,
        "sourceServiceRevisions": [
            _write_summary(arn, primary, service, counts) | _weights(one, is_target=False) for arn in one.source_revision_arns
        ],
        "targetServiceRevision": _write_summary(one.target_revision_arn, primary, service, counts)
        | _weights(one, is_target=True),
        "lifecycleStage": _shown_stage(one),
        "lifecycleHookDetails": [_write_hook(execution) for execution in one.hooks] or None,
        "deploymentConfiguration": shown_configuration(one.deployment_configuration),
        "rollback": one.rollback
        and {
            "reason": one.rollback.reason,
            "startedAt": one.rollback.started_at,
            "serviceRevisionArn": one.rollback.service_revision_arn,
        },
        "deploymentCircuitBreaker": {
            "status": one.circuit_breaker_status,
            "failureCount": one.failure_count,
            "threshold": one.failure_threshold,
        },
        "alarms": {
            "status": one.alarm_status,
            "alarmNames": list(one.deployment_configuration.alarms.names),
            "triggeredAlarmNames": list(one.triggered_alarms),
        },
    }
    answer.pop("targetServiceRevisionArn")
    return {name: value for name, value in answer.items() if value is not None}


def _shown_stage(one: ServiceDeployment) -> str | None:
    """A rolling deployment shows no stage, unless it may be held in one.

    PRE_PRODUCTION_TRAFFIC_SHIFT takes hooks and is no value of ``ServiceDeployment.lifecycleStage``.
    """
    configuration, stage = one.deployment_configuration, one.lifecycle_stage
    if stage is None or not (configuration.strategy.shifts_traffic or configuration.lifecycle_hooks):
        return None
    if stage is LifecycleStage.PRE_PRODUCTION_TRAFFIC_SHIFT:
        stage = LifecycleStage.PRODUCTION_TRAFFIC_SHIFT
    return str(stage)


def _write_hook(one: HookExecution) -> Mapping[str, Any]:
    members = {
        "hookId": one.hook_id,
        "targetType": str(one.hook.target_type),
        "targetArn": one.hook.target_arn if one.hook.target_type is HookTargetType.AWS_LAMBDA else None,
        "status": str(one.status),
        "expiresAt": one.expires_at,
        "timeoutAction": str(one.hook.timeout_action),
    }
    return {name: value for name, value in members.items() if value is not None}


def _weights(one: ServiceDeployment, *, is_target: bool) -> dict[str, float]:
    """The traffic that a side is to get, in percent; nothing where no traffic is shifted. A source gets what is left."""
    percents = {
        "requestedTestTrafficWeight": one.test_traffic_percent,
        "requestedProductionTrafficWeight": one.production_traffic_percent,
    }
    return {
        name: percent if is_target else round(100.0 - percent, 1) for name, percent in percents.items() if percent is not None
    }


def _write_brief(one: ServiceDeployment) -> dict[str, Any]:
    members = {
        "serviceDeploymentArn": one.arn,
        "serviceArn": one.service_arn,
        "clusterArn": one.cluster_arn,
        "startedAt": one.started_at,
        "createdAt": one.created_at,
        "finishedAt": one.finished_at,
        "targetServiceRevisionArn": one.target_revision_arn,
        "status": str(one.status),
        "statusReason": one.status_reason,
    }
    return {name: value for name, value in members.items() if value is not None}


def _write_summary(arn: str, primary: str | None, service: Service | None, counts: TaskCounts) -> dict[str, Any]:
    """A revision with its tasks as they are now; the one that is PRIMARY wants all, another no more than it has."""
    running, pending = counts.running[arn], counts.pending[arn]
    return {
        "arn": arn,
        "requestedTaskCount": service.desired_count if service is not None and arn == primary else running + pending,
        "runningTaskCount": running,
        "pendingTaskCount": pending,
    }


def _write_revision(region: Region, revision: ServiceRevision) -> Mapping[str, Any]:
    service = region.state.services[revision.service_arn]
    return {
        **revision.members,
        "serviceRevisionArn": revision.arn,
        "serviceArn": revision.service_arn,
        "clusterArn": service.cluster_arn,
        "taskDefinition": revision.task_definition_arn,
        "loadBalancers": write_load_balancers(revision.load_balancers),
        "containerImages": [
            {"containerName": name, "image": image, "imageDigest": digest} for name, image, digest in revision.container_images
        ],
        "guardDutyEnabled": False,
        **_resolved(revision),
        "createdAt": revision.created_at,
    }


def _resolved(revision: ServiceRevision) -> Mapping[str, Any]:
    """Which of its two target groups the revision has, once that is decided."""
    if not revision.resolved_target_groups:
        return {}
    shown: list[Mapping[str, Any]] = []
    for one in revision.resolved_load_balancers:
        rule = {"productionListenerRule": one.advanced.production_listener_rule} if one.advanced is not None else {}
        shown.append({"targetGroupArn": one.target_group_arn, **rule})
    return {"resolvedConfiguration": {"loadBalancers": shown}}


HANDLERS = {
    "ListServiceDeployments": list_service_deployments,
    "DescribeServiceDeployments": describe_service_deployments,
    "DescribeServiceRevisions": describe_service_revisions,
    "StopServiceDeployment": stop_service_deployment,
    "ContinueServiceDeployment": continue_service_deployment,
}
