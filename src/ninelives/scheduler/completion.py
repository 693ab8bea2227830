"""How a deployment ends, and when a service is steady."""

from dataclasses import replace
from datetime import datetime

from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    LifecycleStage,
    RolloutState,
    ServiceDeployment,
    ServiceDeploymentStatus,
)
from ninelives.scheduler import events
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.rolling import target_standing


def keep_told(draft: Draft) -> None:
    """Tell the steady state after each return to the desired count, and again now and then."""
    primary = draft.primary
    if primary.rollout_state is not RolloutState.COMPLETED:
        return
    if primary.steady_state_at is not None and _is_disturbed(draft):
        draft.put_deployment(replace(primary, steady_state_at=None))
        return
    if primary.steady_state_at is not None:
        again_at = primary.steady_state_at + draft.timing.event_suppression
        draft.wake(again_at)
        if again_at > draft.now:
            return
    elif not is_settled(draft):
        return
    draft.put_deployment(replace(primary, steady_state_at=draft.now, updated_at=draft.now))
    draft.wake(draft.now + draft.timing.event_suppression)
    draft.tell(events.steady(draft.name))


def is_settled(draft: Draft) -> bool:
    """Every desired task runs and is healthy, and none beyond them runs.

    The drain of the last old task is not waited for: a task that is DEACTIVATING does not run any more.
    """
    target, desired = target_standing(draft), draft.service.desired_count
    return len(target.healthy) == len(target) == desired == len(draft.counted) and not draft.started


def _is_disturbed(draft: Draft) -> bool:
    """Not up, and not only because healthy tasks' health is not known for a moment (a control plane that came back)."""
    target, desired = target_standing(draft), draft.service.desired_count
    settled = [task for task in (*target.healthy, *target.waiting) if task.was_healthy]
    return not (len(settled) == len(target) == desired == len(draft.counted)) or bool(draft.started)


def completed(deployment: Deployment, now: datetime) -> Deployment:
    """The deployment as COMPLETED at ``now``: proven, and something to go back to."""
    return replace(
        deployment,
        rollout_state=RolloutState.COMPLETED,
        rollout_state_reason=f"ECS deployment {deployment.id} completed.",
        completed_at=now,
        updated_at=now,
    )


def finish(draft: Draft) -> None:
    """Complete the PRIMARY deployment, and with it the service deployment that is under way."""
    primary = draft.primary
    draft.put_deployment(replace(completed(primary, draft.now), told_problems=()))
    draft.tell(events.completed(draft.name, primary.id))
    for one in draft.deployments:
        if one.status is DeploymentStatus.ACTIVE:
            draft.put_deployment(replace(one, status=DeploymentStatus.INACTIVE, updated_at=draft.now))
    service_deployment = draft.service_deployment
    if service_deployment is not None:
        draft.put_service_deployment(_finished(draft, service_deployment))


def _finished(draft: Draft, one: ServiceDeployment) -> ServiceDeployment:
    is_rollback = one.rollback is not None
    return replace(
        one,
        status=ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL if is_rollback else ServiceDeploymentStatus.SUCCESSFUL,
        circuit_breaker_status="MONITORING_COMPLETE"
        if one.circuit_breaker_status == "MONITORING"
        else one.circuit_breaker_status,
        alarm_status="MONITORING_COMPLETE" if one.alarm_status == "MONITORING" else one.alarm_status,
        lifecycle_stage=LifecycleStage.CLEAN_UP,
        lifecycle_stage_at=draft.now,
        finished_at=draft.now,
        updated_at=draft.now,
    )
