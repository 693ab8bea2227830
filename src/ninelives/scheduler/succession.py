"""A new deployment in the place of another: the service deployment that waits begins, those before it end.

Source: ECS developer guide, "View service history using Amazon ECS service deployments" (states of a service deployment).
"""

from dataclasses import replace

from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    LastStatus,
    RolloutState,
    ServiceDeployment,
    ServiceDeploymentStatus,
)
from ninelives.scheduler.alarms import in_alarm
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.shifting import first_stage, keeps_both, kept_source

SUPERSEDED = "Service deployment stopped because a newer service deployment was started."
ROLLBACK_SUPERSEDED = "Rollback stopped because a newer service deployment was started."
"""Both our wording: ECS's own is not documented."""


def take_over(draft: Draft) -> None:
    """Begin the newest service deployment, end the others, and stop what a superseded deployment had not started yet.

    A deployment that waits for its predecessor's end does so within this one pass. A rollback that is under way is
    superseded like any other: its tasks stay where the floor needs them.
    """
    for one in draft.service_deployments[1:]:
        draft.put_service_deployment(_stopped(draft, one))
    newest = draft.service_deployment
    is_new = newest is not None and newest.started_at is None
    if newest is not None and is_new:
        is_pending = newest.status is ServiceDeploymentStatus.PENDING
        status = ServiceDeploymentStatus.IN_PROGRESS if is_pending else newest.status
        draft.put_service_deployment(
            replace(
                newest,
                status=status,
                started_at=draft.now,
                lifecycle_stage=first_stage(draft),
                lifecycle_stage_at=draft.now,
                ignored_alarms=in_alarm(draft, newest),
                updated_at=draft.now,
            )
        )
    _stop_pending_of_superseded(draft, is_new=is_new)
    _let_go_of_superseded(draft)


def source_of(draft: Draft) -> Deployment | None:
    """The deployment whose lost tasks are replaced while another is rolled out: the newest that is COMPLETED, else the
    newest that was so once (a rollback to it was superseded).
    """
    active = [one for one in draft.deployments if one.status is DeploymentStatus.ACTIVE]
    proven = [one for one in active if one.completed_at is not None and one.rollout_state is not RolloutState.FAILED]
    proven.sort(key=lambda one: one.rollout_state is RolloutState.COMPLETED, reverse=True)
    return next(iter(proven), None)


def _stopped(draft: Draft, one: ServiceDeployment) -> ServiceDeployment:
    return replace(
        one,
        status=ServiceDeploymentStatus.STOPPED,
        status_reason=SUPERSEDED if one.rollback is None else ROLLBACK_SUPERSEDED,
        stopped_at=draft.now,
        finished_at=draft.now,
        updated_at=draft.now,
    )


def _stop_pending_of_superseded(draft: Draft, *, is_new: bool) -> None:
    """Tasks not yet RUNNING of an ACTIVE deployment are wanted only as replacements of the source's lost tasks."""
    kept = {draft.primary.revision_arn}
    source = kept_source(draft) if keeps_both(draft) else source_of(draft)
    if source is not None and not (is_new and source.rollout_state is RolloutState.IN_PROGRESS):
        kept.add(source.revision_arn)
    draft.scale_in(
        [task for task in draft.live if task.last_status is not LastStatus.RUNNING and task.revision_arn not in kept]
    )


def _let_go_of_superseded(draft: Draft) -> None:
    """A superseded deployment without tasks leaves the list.

    One that was COMPLETED once, or that FAILED, stays until another is done: to go back to, and to be asked why.
    """
    with_tasks = {task.revision_arn for task in draft.counted}
    for one in draft.deployments:
        is_superseded = one.status is DeploymentStatus.ACTIVE and one.rollout_state is RolloutState.IN_PROGRESS
        if is_superseded and one.completed_at is None and one.revision_arn not in with_tasks:
            draft.put_deployment(replace(one, status=DeploymentStatus.INACTIVE, updated_at=draft.now))
