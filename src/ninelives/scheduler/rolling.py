"""The rolling update: what to start and what to stop now, within floor and ceiling.

Old tasks go as new ones become healthy, one by one; what is unhealthy goes first. The same rules keep the count of a service
that is not being deployed. Source: ECS developer guide, "Amazon ECS rolling update deployments", "Service scheduler concepts".
"""

from ninelives.model.ecs import LifecycleStage, RolloutState, Task
from ninelives.scheduler import events
from ninelives.scheduler.capacity import shared_room
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.failures import stop_unhealthy
from ninelives.scheduler.standing import Standing, standing_of
from ninelives.scheduler.starts import may_start, tell_throttled, unhealthy_to_replace
from ninelives.scheduler.succession import source_of


def roll(draft: Draft) -> None:
    """Stop what is not needed, start what is lacking, and say so when neither is possible."""
    if draft.primary.rollout_state is RolloutState.FAILED:
        _hold(draft)
        return
    before = len(draft.live)
    _trim_target(draft)
    _trim_source(draft)
    _trim_to_ceiling(draft)
    _make_room(draft)
    _start(draft)
    if len(draft.live) == before and not draft.started:
        _tell_deadlock(draft)


def target_standing(draft: Draft) -> Standing:
    """Of the revision that the PRIMARY deployment brings (or keeps)."""
    revision_arn = draft.primary.revision_arn
    return standing_of((task for task in draft.live if task.revision_arn == revision_arn), draft.failing)


def old_standing(draft: Draft) -> Standing:
    """Of all other revisions."""
    revision_arn = draft.primary.revision_arn
    return standing_of((task for task in draft.live if task.revision_arn != revision_arn), draft.failing)


def _trim_target(draft: Draft) -> None:
    """Stop tasks beyond the desired count, and unhealthy ones whose replacement is healthy.

    An unhealthy task is kept until then: with 1 task desired the count goes 1, 2, 1.
    """
    target, desired = target_standing(draft), draft.service.desired_count
    good = (*target.healthy, *target.waiting)
    draft.scale_in(good[desired:])
    stop_unhealthy(draft, target.failing[max(0, desired - len(target.healthy)) :])


def _trim_source(draft: Draft) -> None:
    """Keep of the old tasks the best that the floor still needs; stop the rest.

    After an early success none is needed: what it takes is never below the floor, unless that was raised meanwhile.
    """
    needed = max(0, draft.floor - len(target_standing(draft).healthy))
    draft.scale_in(old_standing(draft).best_first[needed:])


def _trim_to_ceiling(draft: Draft) -> None:
    """Where the ceiling has come down (``desiredCount`` was lowered in the middle), the worst tasks beyond it go.

    The floor is never above the ceiling, so no healthy task goes that the floor needs.
    """
    target, old = target_standing(draft), old_standing(draft)
    best_first = (*target.healthy, *old.healthy, *old.waiting, *target.waiting, *old.failing, *target.failing)
    draft.scale_in(best_first[draft.ceiling :])


def _make_room(draft: Draft) -> None:
    """Where the ceiling leaves no room, one task that does not count for the floor goes first.

    An unhealthy task of the target revision is stopped before its replacement starts, one at a time. An old one that is
    failing, or that was never healthy and is no replacement, makes way for the first task of the target revision.
    """
    target, old = target_standing(draft), old_standing(draft)
    if draft.live_count < draft.ceiling or not may_start(draft, draft.primary):
        return
    if target.failing and not target.waiting and len(target.healthy) < draft.service.desired_count:
        stop_unhealthy(draft, target.failing[-1:])
    elif not len(target) and draft.service.desired_count > 0:
        source = source_of(draft)
        unproven = [
            task
            for task in old.waiting
            if not task.was_healthy and (source is None or task.revision_arn != source.revision_arn)
        ]
        candidates = [task for task in (*unproven, *old.failing) if not draft.is_protected(task)]
        draft.scale_in(candidates[-1:])


def _start(draft: Draft) -> None:
    """Start what the target revision lacks, and what the source lost below the floor."""
    target, source = target_standing(draft), None if _is_rolled_out(draft) else source_of(draft)
    may_start_target = may_start(draft, draft.primary)
    lacking_target = draft.service.desired_count - len(target.healthy) - len(target.waiting)
    # Tasks whose health is not known for a moment (a control plane that came back) are not lost ones.
    settled = len(target.healthy) + sum(task.was_healthy for task in target.waiting)
    lacking_source = draft.floor - settled - len(old_standing(draft))
    if source is None or (lacking_source > 0 and not may_start(draft, source)):
        lacking_source = 0
    to_target, to_source = shared_room(
        draft.ceiling - draft.live_count,
        lacking_target=max(0, lacking_target) if may_start_target else 0,
        lacking_source=max(0, lacking_source),
        target_is_present=len(target) > 0,
    )
    if source is not None:
        draft.start(source, to_source)
    draft.start(draft.primary, to_target, replacing_unhealthy=unhealthy_to_replace(draft, draft.primary))
    if lacking_target > 0 and not may_start_target:
        tell_throttled(draft, draft.primary)


def _is_rolled_out(draft: Draft) -> bool:
    """Whether the old tasks are gone on purpose: what is lost from then on is the target revision's."""
    one = draft.service_deployment
    stage = one.lifecycle_stage if one is not None and one.rollback is None else None
    order = list(LifecycleStage)
    return stage is not None and order.index(stage) > order.index(LifecycleStage.SCALE_UP)


def _tell_deadlock(draft: Draft) -> None:
    """Nothing may start, for the ceiling is reached, and nothing may stop, for the floor needs every task."""
    target, old = target_standing(draft), old_standing(draft)
    is_stuck = (
        draft.primary.rollout_state is RolloutState.IN_PROGRESS
        and len(target) < draft.service.desired_count
        and draft.live_count >= draft.ceiling
        and len(target.healthy) == len(target)
        and len(old.healthy) == len(old)
        and draft.live_count <= draft.floor
    )
    if is_stuck:
        draft.tell_problem(draft.primary, events.deadlocked(draft.name))


def _hold(draft: Draft) -> None:
    """A deployment that FAILED for good starts nothing any more; what serves is kept, up to the desired count.

    Lost tasks of the revision before are replaced as long as the floor is not reached.
    """
    source = source_of(draft)

    def rank(task: Task) -> tuple[bool, bool, bool]:
        return (
            task.healthy_since is None,
            task.arn in draft.failing,
            source is None or task.revision_arn != source.revision_arn,
        )

    draft.scale_in(sorted(draft.live, key=rank)[draft.service.desired_count :])
    if source is not None and draft.live_count < draft.floor and may_start(draft, source):
        draft.start(source, draft.floor - draft.live_count)
