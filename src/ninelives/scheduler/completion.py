"""When a deployment is done, when a service is steady, and which stage a rolling deployment is in."""

from dataclasses import replace
from datetime import datetime, timedelta

from ninelives.model.ecs import (
    DeploymentStatus,
    LifecycleStage,
    RolloutState,
    ServiceDeployment,
    ServiceDeploymentStatus,
)
from ninelives.scheduler import events
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.rolling import target_standing

SCALE_UP, BAKE_TIME, CLEAN_UP = LifecycleStage.SCALE_UP, LifecycleStage.BAKE_TIME, LifecycleStage.CLEAN_UP


def complete(draft: Draft) -> None:
    """Complete the PRIMARY deployment once its tasks are up and healthy, no old one runs, and the bake time is over.

    The drain of the last old task is not waited for: a task that is DEACTIVATING does not run any more.
    """
    if draft.primary.rollout_state is not RolloutState.IN_PROGRESS:
        return
    stage = _stage(draft)
    if stage == BAKE_TIME:
        baked_at = _baked_at(draft)
        draft.wake(baked_at)
        if baked_at <= draft.now:
            _finish(draft)
            return
    _enter(draft, stage)


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
    elif not _is_up(draft):
        return
    draft.put_deployment(replace(primary, steady_state_at=draft.now, updated_at=draft.now))
    draft.wake(draft.now + draft.timing.event_suppression)
    draft.tell(events.steady(draft.name))


def _is_up(draft: Draft) -> bool:
    """Every desired task runs and is healthy, and none beyond them runs."""
    target, desired = target_standing(draft), draft.service.desired_count
    return len(target.healthy) == len(target) == desired == len(draft.counted) and not draft.started


def _is_disturbed(draft: Draft) -> bool:
    """Not up, and not only because healthy tasks' health is not known for a moment (a control plane that came back)."""
    target, desired = target_standing(draft), draft.service.desired_count
    settled = [task for task in (*target.healthy, *target.waiting) if task.was_healthy]
    return not (len(settled) == len(target) == desired == len(draft.counted)) or bool(draft.started)


def _stage(draft: Draft) -> LifecycleStage:
    """SCALE_UP until the target revision is up, CLEAN_UP until no old task runs, BAKE_TIME for the time after.

    Which stages ECS shows for a rolling deployment is not documented.
    """
    if _is_up(draft):
        return BAKE_TIME
    is_scaled_up = len(target_standing(draft).healthy) >= draft.service.desired_count
    return CLEAN_UP if is_scaled_up else SCALE_UP


def _baked_at(draft: Draft) -> datetime:
    """When the bake time is over. A rollback is not baked."""
    one = draft.service_deployment
    bake_time = draft.timing.scaled(draft.service.deployment_configuration.bake_time or timedelta())
    if one is None or one.rollback is not None or not bake_time:
        return draft.now
    is_baking = one.lifecycle_stage == BAKE_TIME and one.lifecycle_stage_at is not None
    return (one.lifecycle_stage_at if is_baking and one.lifecycle_stage_at is not None else draft.now) + bake_time


def _enter(draft: Draft, stage: LifecycleStage) -> None:
    one = draft.service_deployment
    if one is not None and one.lifecycle_stage != stage:
        draft.put_service_deployment(replace(one, lifecycle_stage=stage, lifecycle_stage_at=draft.now, updated_at=draft.now))


def _finish(draft: Draft) -> None:
    primary = draft.primary
    draft.put_deployment(
        replace(
            primary,
            rollout_state=RolloutState.COMPLETED,
            rollout_state_reason=f"ECS deployment {primary.id} completed.",
            completed_at=draft.now,
            told_problems=(),
            updated_at=draft.now,
        )
    )
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
        lifecycle_stage=CLEAN_UP,
        lifecycle_stage_at=draft.now,
        finished_at=draft.now,
        updated_at=draft.now,
    )
