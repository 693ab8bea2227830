"""The tasks of a deployment that shifts traffic: both revisions at full size until the old one is cleaned up.

Which revision is wanted at which size follows from the stage and from where production traffic goes; minimum and maximum
percent only bound how lost tasks of one revision are replaced. Source: ECS developer guide, "Amazon ECS blue/green
deployments", "Lifecycle stages …".
"""

from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    LifecycleStage,
    RolloutState,
    ServiceDeployment,
)
from ninelives.scheduler.capacity import live_ceiling
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.failures import stop_unhealthy
from ninelives.scheduler.starts import may_start, tell_throttled, unhealthy_to_replace
from ninelives.scheduler.traffic import is_served, production_share, sides_of

BEFORE_SCALE_UP = frozenset({LifecycleStage.RECONCILE_SERVICE, LifecycleStage.PRE_SCALE_UP})


def is_shifting(draft: Draft) -> bool:
    """Whether traffic is divided by weights now: by the deployment that is under way, or by what one has left behind."""
    one = draft.service_deployment
    if one is not None and one.deployment_configuration.strategy.shifts_traffic:
        return True
    if one is not None and one.lifecycle_stage is LifecycleStage.RECONCILE_SERVICE:
        return True
    if one is not None and one.rollback is None:
        return False  # It rolls in the group that has the traffic; what is left in the other one has none.
    if draft.primary.rollout_state is RolloutState.COMPLETED:
        return False
    # Also of those that have lost all their tasks: they may hold the traffic, and are to be brought back.
    return len({groups_of(draft, one) for one in draft.deployments}) > 1


def _with_tasks(draft: Draft) -> list[Deployment]:
    return [one for one in draft.deployments if draft.live_of(one)]


def first_stage(draft: Draft) -> LifecycleStage:
    """Where a deployment begins: with reconciling where more than one revision is left of those before.

    Also where one of them has no task left, and where a first deployment failed in its shift, with nothing to go back to:
    traffic may still be divided between the two groups.
    """
    left = [one for one in draft.deployments if one.status is DeploymentStatus.ACTIVE]
    revisions = [draft.revisions[one.revision_arn] for one in left]
    is_left_over = len(left) > 1 and any(sides_of(draft, revision) for revision in revisions)
    is_divided = any(
        one.completed_at is None and 0 < production_share(draft, revision) < 1
        for one, revision in zip(left, revisions, strict=True)
    )
    return LifecycleStage.RECONCILE_SERVICE if is_left_over or is_divided else LifecycleStage.PRE_SCALE_UP


def is_held_back(draft: Draft) -> bool:
    """Whether the deployment has not come to its scale-up yet: nothing of the target revision may start."""
    one = draft.service_deployment
    is_forward = one is not None and one.rollback is None and one.started_at is not None
    return is_forward and one is not None and one.lifecycle_stage in BEFORE_SCALE_UP


def keeps_both(draft: Draft) -> bool:
    """Whether each revision has a size of its own now (``keep_both``), and not all of them one floor and ceiling."""
    return is_shifting(draft) or is_held_back(draft)


def production_deployment(draft: Draft) -> Deployment | None:
    """Of the deployments that the PRIMARY one replaces, that which holds production traffic: the source.

    It decides between several that are left of interrupted deployments: one that serves comes first; then one that can be
    trusted, for it was COMPLETED or has got traffic, and has not failed since; then the one with the most traffic.
    """
    replaced = [one for one in draft.deployments if one.status is DeploymentStatus.ACTIVE]

    def rank(one: Deployment) -> tuple[bool, bool, bool, float, bool]:
        share = production_share(draft, draft.revisions[one.revision_arn])
        is_known = one.completed_at is not None or share > 0
        return (
            serves(draft, one),
            is_known and one.rollout_state is not RolloutState.FAILED,
            bool(draft.live_of(one)),
            share,
            one.completed_at is not None,
        )

    # The newest wins a tie: they come newest first.
    return max(replaced, key=rank, default=None)


def kept_source(draft: Draft) -> Deployment | None:
    """The source if its lost tasks are replaced: one that FAILED is kept only while it serves production traffic, and one
    that rolls only if it was proven once.
    """
    source = production_deployment(draft)
    if source is not None and _rolls(draft, source) and source.completed_at is None:
        return None
    if source is None or source.rollout_state is not RolloutState.FAILED:
        return source
    is_kept = source.has_been_healthy and is_served(draft, draft.revisions[source.revision_arn])
    return source if is_kept else None


def _rolls(draft: Draft, deployment: Deployment) -> bool:
    """Whether no traffic is shifted between a deployment and that which is under way: they share their bounds."""
    one = draft.service_deployment
    shifts = one is not None and one.deployment_configuration.strategy.shifts_traffic
    return not shifts and not sides_of(draft, draft.revisions[deployment.revision_arn])


def is_up(draft: Draft, deployment: Deployment) -> bool:
    """Whether every desired task of the revision runs and is healthy."""
    return len(draft.standing_of(deployment).healthy) >= draft.service.desired_count


def serves(draft: Draft, deployment: Deployment) -> bool:
    """Whether any of the revision's tasks can answer requests, as far as is known."""
    return bool(draft.standing_of(deployment).proven)


def may_have_all(draft: Draft, deployment: Deployment) -> bool:
    """Whether all traffic may be given to a revision that has only part of it or none: it has its size, or no other serves."""
    revision = draft.revisions[deployment.revision_arn]
    has_it = not sides_of(draft, revision) or production_share(draft, revision) == 1
    return has_it or is_up(draft, deployment) or not others_serve(draft, deployment)


def others_serve(draft: Draft, deployment: Deployment) -> bool:
    """Whether a revision in the other target groups can answer requests."""
    mine = groups_of(draft, deployment)
    return any(serves(draft, other) for other in draft.deployments if groups_of(draft, other) != mine)


def keep_both(draft: Draft) -> None:
    """Start and stop tasks so that each revision has what its part in the deployment asks for."""
    primary, one = draft.primary, draft.service_deployment
    if primary.rollout_state is RolloutState.FAILED:
        _hold(draft)
        return
    desired = draft.service.desired_count
    if one is not None and one.rollback is None:
        _go_on(draft, one)
        return
    _maintain(draft, primary, desired)
    for other in _with_tasks(draft):
        if other.status is DeploymentStatus.ACTIVE:
            _make_way(draft, other, draft.primary)


def _go_on(draft: Draft, one: ServiceDeployment) -> None:
    source, desired = production_deployment(draft), draft.service.desired_count
    stage = one.lifecycle_stage
    is_clean_up = stage is LifecycleStage.CLEAN_UP
    if stage not in BEFORE_SCALE_UP:
        _maintain(draft, draft.primary, desired)
    if is_clean_up and not is_up(draft, draft.primary):
        return  # What is left of the source is the way back.
    if not is_clean_up and source is not None and source == kept_source(draft):
        _maintain(draft, source, desired)
    for other in _with_tasks(draft):
        is_replaced = other.status is DeploymentStatus.ACTIVE and (is_clean_up or source is None or other.id != source.id)
        if is_replaced:
            _make_way(draft, other, draft.primary if is_clean_up else source)


def _hold(draft: Draft) -> None:
    """A deployment that FAILED for good is not taken further; traffic stays where it is, the source's tasks at their size.

    Its own tasks are replaced only while it has production traffic and has been healthy: they are what users have. What is
    left of deployments before the source makes way for it.
    """
    source, primary = production_deployment(draft), draft.primary
    if primary.has_been_healthy and is_served(draft, draft.revisions[primary.revision_arn]):
        _maintain(draft, primary, draft.service.desired_count)
    if source is not None and source.rollout_state is not RolloutState.FAILED:
        _maintain(draft, source, draft.service.desired_count)
    for one in _with_tasks(draft):
        if source is not None and one.status is DeploymentStatus.ACTIVE and one.id != source.id:
            _make_way(draft, one, source)
        draft.scale_in(draft.standing_of(one).best_first[draft.service.desired_count :])


def _make_way(draft: Draft, other: Deployment, successor: Deployment | None) -> None:
    """Scale a revision to nothing, once no production traffic goes there.

    Where it shares the target group with its successor, its tasks go as those of the successor become healthy.
    """
    shares_group = successor is not None and groups_of(draft, other) == groups_of(draft, successor)
    if is_served(draft, draft.revisions[other.revision_arn]) and not shares_group:
        return
    kept = 0
    if shares_group and successor is not None:
        kept = max(0, draft.service.desired_count - len(draft.standing_of(successor).healthy))
    draft.scale_in(draft.standing_of(other).best_first[kept:])


def groups_of(draft: Draft, deployment: Deployment) -> frozenset[str]:
    """Of the target groups between which traffic is shifted those that the revision has."""
    return frozenset(side.group for side in sides_of(draft, draft.revisions[deployment.revision_arn]))


def _maintain(draft: Draft, deployment: Deployment, wanted: int) -> None:
    """Keep ``wanted`` tasks of a revision: stop what is too many, replace what fails.

    A replacement is started before an unhealthy task is stopped as far as ``maximumPercent`` of the wanted tasks allows it.
    """
    standing = draft.standing_of(deployment)
    good = (*standing.healthy, *standing.waiting)
    draft.scale_in(good[wanted:])
    stop_unhealthy(draft, standing.failing[max(0, wanted - len(standing.healthy)) :])
    ceiling = live_ceiling(wanted, draft.service.deployment_configuration.maximum_percent)
    standing = draft.standing_of(deployment)
    lacking = wanted - len(standing.healthy) - len(standing.waiting)
    if lacking <= 0:
        return
    if not may_start(draft, deployment):
        tell_throttled(draft, deployment)
        return
    if len(standing) >= ceiling and standing.failing and not standing.waiting:
        stop_unhealthy(draft, standing.failing[-1:])
        standing = draft.standing_of(deployment)
    room = ceiling - len(standing)
    if _rolls(draft, deployment):
        room = min(room, draft.ceiling - draft.live_count)
    draft.start(deployment, min(lacking, room), replacing_unhealthy=unhealthy_to_replace(draft, deployment))
