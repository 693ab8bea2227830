"""The end of a service: DeleteService made it DRAINING; its tasks stop, then it is INACTIVE."""

from dataclasses import replace

from ninelives.model.ecs import (
    DeploymentStatus,
    LastStatus,
    ServiceDeploymentStatus,
    ServiceStatus,
)
from ninelives.scheduler.draft import Draft

DELETED = "Service deployment stopped because the service was deleted."
"""Our wording: ECS's own is not documented."""


def wind_down(draft: Draft) -> None:
    """Stop every task, protected or not; once none is left, end the deployments and the service."""
    live = draft.live
    if live:
        initiator = next(iter(draft.deployments), None)
        draft.stop(live, f"Scaling activity initiated by (deployment {initiator.id if initiator else draft.name})")
    for one in draft.service_deployments:
        draft.put_service_deployment(
            replace(
                one,
                status=ServiceDeploymentStatus.STOPPED,
                status_reason=DELETED,
                stopped_at=draft.now,
                finished_at=draft.now,
                updated_at=draft.now,
            )
        )
    if any(task.last_status is not LastStatus.STOPPED for task in draft.tasks.values()):
        return
    for deployment in draft.deployments:
        draft.put_deployment(replace(deployment, status=DeploymentStatus.INACTIVE, updated_at=draft.now))
    draft.put_service(replace(draft.service, status=ServiceStatus.INACTIVE))
