"""Service deployments: how one begins (another's begin stops it), and how a user stops one."""

import re
from dataclasses import replace

from ninelives.model.arns import last_part
from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    HookStatus,
    RolloutState,
    Service,
    ServiceDeployment,
    ServiceDeploymentStatus,
    ServiceEvent,
    ServiceRevision,
    Task,
)
from ninelives.model.errors import ApiError
from ninelives.region.ecs_capacity import resolved_platform
from ninelives.region.region import Region
from ninelives.region.state import Changes

REVISION_MEMBERS = (
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "platformFamily",
    "networkConfiguration",
)
"""Members of a service that its revisions freeze."""
HOOK_ID = re.compile(r"ecs-[a-z]+-.+")


def begin_deployment(region: Region, changes: Changes, service: Service, *, is_first: bool = False) -> Service:
    """Record what deploys ``service`` as it is from now on, and answer it with its new service deployment.

    The new deployment is PRIMARY; the one before becomes ACTIVE and its service deployment is asked to stop, all in the
    transaction of ``changes``: whoever looks at the service next sees both. The first of a service replaces none, whatever
    an earlier service of that name left.
    """
    now = region.now()
    replaced = [] if is_first else current_deployments(region, service)
    for one in replaced:
        if one.status is DeploymentStatus.PRIMARY:
            changes.put(replace(one, status=DeploymentStatus.ACTIVE, updated_at=now))
    if not is_first:
        request_stop(region, changes, service)
    revision = _new_revision(region, service)
    cluster = last_part(service.cluster_arn)
    breaker = service.deployment_configuration.circuit_breaker
    service_deployment = ServiceDeployment(
        arn=region.place.service_deployment(cluster, service.name, region.ids.service_deployment_id()),
        service_arn=service.arn,
        cluster_arn=service.cluster_arn,
        target_revision_arn=revision.arn,
        source_revision_arns=tuple(dict.fromkeys(one.revision_arn for one in replaced)),
        status=ServiceDeploymentStatus.PENDING,
        created_at=now,
        updated_at=now,
        deployment_configuration=service.deployment_configuration,
        circuit_breaker_status="MONITORING" if breaker.enable else "DISABLED",
        alarm_status="MONITORING" if service.deployment_configuration.alarms.enable else "DISABLED",
    )
    deployment = Deployment(
        id=revision.deployment_id,
        service_arn=service.arn,
        revision_arn=revision.arn,
        status=DeploymentStatus.PRIMARY,
        rollout_state=RolloutState.IN_PROGRESS,
        rollout_state_reason=f"ECS deployment {revision.deployment_id} in progress.",
        created_at=now,
        updated_at=now,
    )
    service = replace(service, current_service_deployment_arn=service_deployment.arn)
    changes.put(service, revision, service_deployment, deployment)
    return service


def request_stop(region: Region, changes: Changes, service: Service) -> None:
    """Ask the service deployments that have not ended to stop."""
    for one in region.state.of_service(ServiceDeployment, service.arn):
        if not one.status.is_terminal:
            changes.put(replace(one, status=ServiceDeploymentStatus.STOP_REQUESTED, updated_at=region.now()))


def _new_revision(region: Region, service: Service) -> ServiceRevision:
    number = region.ids.deployment_number()
    members = {name: service.members[name] for name in REVISION_MEMBERS if name in service.members}
    return ServiceRevision(
        arn=region.place.service_revision(last_part(service.cluster_arn), service.name, number),
        number=number,
        service_arn=service.arn,
        task_definition_arn=service.task_definition_arn,
        load_balancers=service.load_balancers,
        created_at=region.now(),
        members=members | {"platformVersion": resolved_platform(service.members["platformVersion"])},
    )


def current_deployments(region: Region, service: Service) -> list[Deployment]:
    """The entries of ``Service.deployments``: PRIMARY first, then the ACTIVE ones, newest first."""
    recorded = region.state.of_service(Deployment, service.arn)
    found = [one for one in reversed(recorded) if one.status is not DeploymentStatus.INACTIVE]  # Later ones win a tie.
    found.sort(key=lambda one: (one.status is DeploymentStatus.PRIMARY, one.created_at), reverse=True)
    return found


def forget_service(region: Region, changes: Changes, service: Service) -> None:
    """Delete what belongs to a service that is INACTIVE, so that its name can be used afresh.

    Revisions that a task still runs by stay.
    """
    state = region.state
    in_use = {one.revision_arn for one in state.of_service(Task, service.arn) if one.stopped_at is None}
    changes.delete(
        *state.of_service(Deployment, service.arn),
        *state.of_service(ServiceDeployment, service.arn),
        *(one for one in state.of_service(ServiceRevision, service.arn) if one.arn not in in_use),
        *state.of_service(ServiceEvent, service.arn),
    )


def stop_service_deployment(region: Region, arn: str, *, stop_type: str = "ROLLBACK") -> ServiceDeployment:
    """The service deployment, asked to roll back. One that is asked to stop, or rolls back, already stays as it is."""
    if stop_type != "ROLLBACK":
        raise ApiError("InvalidParameterException", f"The stop type {stop_type} is not valid. Valid values: ROLLBACK.")
    found = the_service_deployment(region, arn)
    if found.status.is_terminal:
        message = f"The service deployment cannot be stopped because it is in the terminal state {found.status}."
        raise ApiError("ConflictException", message)
    if found.status in {ServiceDeploymentStatus.PENDING, ServiceDeploymentStatus.IN_PROGRESS}:
        found = replace(found, status=ServiceDeploymentStatus.ROLLBACK_REQUESTED, updated_at=region.now())
        with region.state.transaction() as changes:
            changes.put(found)
        region.wake()
    return found


def continue_service_deployment(region: Region, arn: str, hook_id: str, *, action: str = "CONTINUE") -> ServiceDeployment:
    """The service deployment with the answer that its PAUSE hook waits for: CONTINUE, or ROLLBACK.

    Source: ``ecs`` ``ContinueServiceDeployment``; ECS developer guide, "Continuing service deployments".
    """
    found = the_service_deployment(region, arn)
    message = None
    waiting = next((one for one in found.hooks if one.hook_id == hook_id), None)
    if found.status.is_terminal:
        message = "Continuing a service deployment is not allowed for service deployment in terminal states."
    elif not HOOK_ID.fullmatch(hook_id):
        message = "Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}"
    elif waiting is None or waiting.status is not HookStatus.AWAITING_ACTION:
        message = "Provided hookId is either completed, unavailable, or not associated with the given Resource ARN"
    if message is not None:
        raise ApiError("InvalidParameterException", message)
    assert waiting is not None
    answered = replace(waiting, status=HookStatus.SUCCEEDED if action == "CONTINUE" else HookStatus.FAILED)
    hooks = tuple(answered if one is waiting else one for one in found.hooks)
    found = replace(found, hooks=hooks, updated_at=region.now())
    with region.state.transaction() as changes:
        changes.put(found)
    region.wake()
    return found


def the_service_deployment(region: Region, arn: str) -> ServiceDeployment:
    """Raises ``ServiceDeploymentNotFoundException``."""
    found = region.state.service_deployments.get(arn)
    if found is None:
        raise ApiError("ServiceDeploymentNotFoundException", "The service deployment does not exist.")
    return found
