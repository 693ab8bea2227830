"""What may be forgotten: records that ECS no longer shows, and those that only they needed."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    Service,
    ServiceDeployment,
    ServiceEvent,
    ServiceRevision,
    ServiceStatus,
    Task,
)
from ninelives.model.timing import Timing
from ninelives.region.ports import Record
from ninelives.region.state import State

SERVICE_DEPLOYMENT_RETENTION = timedelta(days=90)
"""Source: ECS developer guide, "View service history using Amazon ECS service deployments"."""
INACTIVE_RETENTION = timedelta(hours=1)
"""How long a deleted service and a replaced deployment are kept; ECS promises no time for either."""


def outdated(state: State, now: datetime, timing: Timing) -> list[Record]:
    """Records that nobody can ask for (any more) at ``now``.

    Stopped tasks after an hour, service deployments after 90 days, INACTIVE deployments and services after an hour; service
    revisions once no task, deployment or service deployment names them; all that belonged to a service with it.
    """
    tasks = (
        task
        for task in state.tasks.values()
        if task.stopped_at is not None and now - task.stopped_at > timing.stopped_task_retention
    )
    found: list[Record] = [*tasks]
    for service in state.services.values():
        found += _of_service(state, service, now)
    return found


def _of_service(state: State, service: Service, now: datetime) -> Iterator[Record]:
    deployments = state.of_service(Deployment, service.arn)
    old = {one.key for one in deployments if _is_past(one, now)}
    if service.status is ServiceStatus.INACTIVE and len(old) == len(deployments):
        yield service
        yield from deployments
        yield from state.of_service(ServiceDeployment, service.arn)
        yield from state.of_service(ServiceEvent, service.arn)
        yield from state.of_service(ServiceRevision, service.arn)
        return
    acts = state.of_service(ServiceDeployment, service.arn)
    past = {one.arn for one in acts if one.status.is_terminal and now - one.updated_at > SERVICE_DEPLOYMENT_RETENTION}
    past.discard(service.current_service_deployment_arn or "")
    yield from (one for one in deployments if one.key in old)
    yield from (one for one in acts if one.arn in past)
    named = {task.revision_arn for task in state.of_service(Task, service.arn)}
    named |= {one.revision_arn for one in deployments if one.key not in old}
    for one in acts:
        if one.arn not in past:
            named |= {one.target_revision_arn, *one.source_revision_arns}
    yield from (one for one in state.of_service(ServiceRevision, service.arn) if one.arn not in named)


def _is_past(deployment: Deployment, now: datetime) -> bool:
    return deployment.status is DeploymentStatus.INACTIVE and now - deployment.updated_at > INACTIVE_RETENTION
