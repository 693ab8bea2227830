"""The stages of a service deployment, forward and on the way back.

In each stage first its work is done (a scale-up, a shift of traffic that is in force), then its hooks run, then its bake time
goes by; what a stage needs is looked at afresh in each pass, and nothing is remembered but when it was done.
Source: ECS developer guide, "Lifecycle stages for Amazon ECS service deployments", "Amazon ECS blue/green deployments",
"Amazon ECS linear deployments", "Amazon ECS canary deployments".
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from ninelives.model.ecs import (
    DeploymentConfiguration,
    DeploymentStatus,
    HookExecution,
    HookStatus,
    LifecycleStage,
    RolloutState,
    ServiceDeployment,
    Strategy,
)
from ninelives.scheduler import hooks
from ninelives.scheduler.alarms import bake_time
from ninelives.scheduler.capacity import early_success_count
from ninelives.scheduler.completion import completed, finish, is_settled
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.rollback import Cause, begin_rollback
from ninelives.scheduler.shifting import (
    groups_of,
    is_shifting,
    is_up,
    kept_source,
    may_have_all,
    others_serve,
    production_deployment,
)
from ninelives.scheduler.traffic import (
    WHOLE,
    InvalidNetworking,
    check_has_traffic,
    choose_groups,
    production_share,
    rules_are_there,
    shift_production,
    shift_test,
    sides_of,
)

DEPLOYMENT_LIMIT = timedelta(days=30)
"""How long a deployment that shifts traffic may take, its hooks included. Source: ECS developer guide,
"Lifecycle stages for Amazon ECS service deployments".
"""
STAGE_LIMIT = timedelta(hours=24)
"""How long a stage of a deployment that shifts traffic may take, its hooks aside. Source: as above."""
STEPS_MAX = 1_000
NO_RULES = "invalid networking configuration. One or more rules not found"
TIMED_OUT = "{stage} did not complete within 24 hours."
TOOK_TOO_LONG = "it did not complete within 30 days."
"""Both our wording."""


def proceed(draft: Draft) -> None:
    """Take the deployment that is under way as far through its stages as it can go now."""
    if draft.primary.rollout_state is not RolloutState.IN_PROGRESS:
        return
    one = draft.service_deployment
    if one is None or one.rollback is not None:
        _go_back(draft)
        return
    if one.started_at is None or _took_too_long(draft, one):
        return
    for _ in range(STEPS_MAX):
        one = draft.service_deployment
        if one is None or one.rollback is not None or not _goes_on(draft, one):
            return


def steps_of(configuration: DeploymentConfiguration) -> Sequence[float]:
    """The percentages that production traffic goes through.

    >>> steps_of(DeploymentConfiguration(strategy=Strategy.BLUE_GREEN))
    (100.0,)
    """
    match configuration.strategy:
        case Strategy.ROLLING | Strategy.BLUE_GREEN:
            return (WHOLE,)
        case Strategy.CANARY:
            assert configuration.canary is not None
            return tuple(dict.fromkeys((configuration.canary.percent, WHOLE)))
        case Strategy.LINEAR:
            assert configuration.linear is not None
            tenths = round(configuration.linear.step_percent * 10)
            return tuple(min(1000, tenths * step) / 10 for step in range(1, -(-1000 // tenths) + 1))
        case _:
            assert_never(configuration.strategy)


def _goes_on(draft: Draft, one: ServiceDeployment) -> bool:
    """Whether the present stage is over and the next one was entered."""
    stage = one.lifecycle_stage
    assert stage is not None, one
    if one.stage_done_at is None:
        done = _work(draft, one, stage)
        if isinstance(done, Cause):
            begin_rollback(draft, one, done)
            return False
        if not done:
            return _is_overdue(draft, one)
        one = _put(draft, _current(draft, one), stage_done_at=draft.now)
    done = hooks.run(draft, one, stage)
    one = _current(draft, one)
    if isinstance(done, Cause):
        begin_rollback(draft, one, done)
        return False
    if not done:
        return False
    baked_at = _baked_at(draft, one, stage)
    if baked_at is not None and baked_at > draft.now:
        draft.wake(baked_at)
        return False
    if stage is LifecycleStage.CLEAN_UP:
        finish(draft)
        return False
    _enter_next(draft, one, stage)
    return True


def _took_too_long(draft: Draft, one: ServiceDeployment) -> bool:
    """Whether the deployment as a whole has run out of its time, and goes back."""
    if not one.deployment_configuration.strategy.shifts_traffic or one.started_at is None:
        return False
    limit = one.started_at + draft.timing.scaled(DEPLOYMENT_LIMIT)
    draft.wake(limit)
    if limit > draft.now:
        return False
    begin_rollback(draft, one, Cause.of(TOOK_TOO_LONG))
    return True


def _is_overdue(draft: Draft, one: ServiceDeployment) -> bool:
    if not one.deployment_configuration.strategy.shifts_traffic or one.lifecycle_stage_at is None:
        return False
    limit = one.lifecycle_stage_at + draft.timing.scaled(STAGE_LIMIT)
    draft.wake(limit)
    if limit <= draft.now:
        begin_rollback(draft, one, Cause.of(TIMED_OUT.format(stage=one.lifecycle_stage)))
    return False


def _work(draft: Draft, one: ServiceDeployment, stage: LifecycleStage) -> bool | Cause:
    """Whether what the stage does is done; the cause where it cannot be."""
    shifts = one.deployment_configuration.strategy.shifts_traffic
    match stage:
        case LifecycleStage.RECONCILE_SERVICE:
            return _reconcile(draft, one)
        case LifecycleStage.PRE_SCALE_UP:
            return _choose(draft, shifts=shifts)
        case LifecycleStage.SCALE_UP:
            return is_up(draft, draft.primary) if shifts else _is_rolled_out(draft, one)
        case LifecycleStage.TEST_TRAFFIC_SHIFT if shifts:
            return _shift_test(draft, one)
        case LifecycleStage.PRODUCTION_TRAFFIC_SHIFT if shifts:
            return _shift_production(draft, one)
        case LifecycleStage.CLEAN_UP:
            return _clean_up(draft, one)
        case _:
            return True


def _reconcile(draft: Draft, one: ServiceDeployment) -> bool:
    """Bring the service to the one revision that holds production traffic; from then on it is the source.

    Others that are registered in the same target group go as the source gets to its size.
    """
    source = production_deployment(draft)
    if source is None:
        return True
    if kept_source(draft) is None and not production_share(draft, draft.revisions[source.revision_arn]):
        return True  # Those that are left have failed, and none of them serves: there is nothing to keep.
    if not may_have_all(draft, source):
        return False
    revision = draft.revisions[source.revision_arn]
    is_in_force = shift_production(draft, revision, WHOLE) & shift_test(draft, revision, WHOLE)
    mine = groups_of(draft, source)
    others = [
        other
        for other in draft.deployments
        if other.status is DeploymentStatus.ACTIVE and other.id != source.id and groups_of(draft, other) != mine
    ]
    if not is_in_force or any(draft.live_of(other) for other in others):
        return False
    for other in others:
        draft.put_deployment(replace(other, status=DeploymentStatus.INACTIVE, updated_at=draft.now))
    is_proven = any(task.was_healthy for task in draft.live_of(source))
    if source.rollout_state is RolloutState.IN_PROGRESS and is_proven:
        draft.put_deployment(completed(source, draft.now))
    _put(draft, _current(draft, one), source_revision_arns=(source.revision_arn,))
    return True


def _choose(draft: Draft, *, shifts: bool) -> bool | Cause:
    revision = draft.revisions[draft.primary.revision_arn]
    try:
        chosen = choose_groups(draft, revision, shifts=shifts)
    except InvalidNetworking as error:
        return Cause.of(f"invalid networking configuration. {error}")
    if chosen != revision:
        draft.put_revision(chosen)
    return True


def _is_rolled_out(draft: Draft, one: ServiceDeployment) -> bool:
    """Of a rolling deployment: every task of the target revision is up, and no other one runs; or enough for its early
    success.
    """
    required = early_success_count(draft.service.desired_count, one.deployment_configuration.early_success)
    if required is not None:
        return len(draft.standing_of(draft.primary).healthy) >= required
    return is_settled(draft)


def _shift_test(draft: Draft, one: ServiceDeployment) -> bool | Cause:
    revision = draft.revisions[draft.primary.revision_arn]
    if not rules_are_there(draft, revision):
        return Cause.of(NO_RULES)
    if one.test_traffic_percent is None and not is_up(draft, draft.primary):
        return False
    has_test = any(side.test_rule for side in sides_of(draft, revision))
    if has_test and one.test_traffic_percent is None:
        _put(draft, one, test_traffic_percent=WHOLE)
    return shift_test(draft, revision, WHOLE)


def _shift_production(draft: Draft, one: ServiceDeployment) -> bool | Cause:
    """One step of the shift. It begins only while the target revision is up; where nothing serves on the other side (the first
    deployment of a service, a source that is down), it gets all of the traffic at once.
    """
    revision = draft.revisions[draft.primary.revision_arn]
    if not rules_are_there(draft, revision):
        return Cause.of(NO_RULES)
    percent = steps_of(one.deployment_configuration)[one.step]
    if not others_serve(draft, draft.primary):
        percent = WHOLE
    if one.production_traffic_percent is None or one.production_traffic_percent < percent:
        if not is_up(draft, draft.primary):
            return False
        if sides_of(draft, revision):
            one = _put(draft, one, production_traffic_percent=percent)
    if one.production_traffic_percent is None:
        return True
    return shift_production(draft, revision, one.production_traffic_percent)


def _clean_up(draft: Draft, one: ServiceDeployment) -> bool | Cause:
    """Whether the source is gone. Where somebody has given it production traffic again by hand, or has deleted the rule that
    took it away, it cannot go: the service goes back to it.
    """
    if one.production_traffic_percent == WHOLE:
        revision = draft.revisions[draft.primary.revision_arn]
        if not rules_are_there(draft, revision):
            return Cause.of(NO_RULES)
        try:
            check_has_traffic(draft, revision)
        except InvalidNetworking as error:
            return Cause.of(f"invalid networking configuration. {error}")
    return _may_end(draft, one)


def _may_end(draft: Draft, one: ServiceDeployment) -> bool:
    """Whether nothing of the source runs any more and the target revision is up; a DEFERRED clean-up comes after the end."""
    required = early_success_count(draft.service.desired_count, one.deployment_configuration.early_success)
    if required is None:
        return is_settled(draft)
    criteria = one.deployment_configuration.early_success
    is_deferred = criteria is not None and criteria.source_revision_cleanup == "DEFERRED"
    left = [task for task in draft.counted if task.revision_arn != draft.primary.revision_arn]
    return len(draft.standing_of(draft.primary).healthy) >= required and (is_deferred or not left)


def _baked_at(draft: Draft, one: ServiceDeployment, stage: LifecycleStage) -> datetime | None:
    """When the stage's bake time is over; None for stages without one.

    A step is not baked on while nothing serves the rest of the traffic: it goes on to where it is served.
    """
    assert one.stage_done_at is not None
    match stage:
        case LifecycleStage.BAKE_TIME:
            return one.stage_done_at + bake_time(draft, one)
        case LifecycleStage.PRODUCTION_TRAFFIC_SHIFT if one.production_traffic_percent not in {None, WHOLE}:
            if is_up(draft, draft.primary) and not others_serve(draft, draft.primary):
                return one.stage_done_at
            return one.stage_done_at + draft.timing.scaled(_step_bake(one.deployment_configuration))
        case _:
            return None


def _step_bake(configuration: DeploymentConfiguration) -> timedelta:
    if configuration.canary is not None:
        return configuration.canary.bake_time
    return configuration.linear.step_bake_time if configuration.linear is not None else timedelta()


def _enter_next(draft: Draft, one: ServiceDeployment, stage: LifecycleStage) -> None:
    is_between_steps = (
        stage is LifecycleStage.PRODUCTION_TRAFFIC_SHIFT
        and one.production_traffic_percent not in {None, WHOLE}
        and one.step + 1 < len(steps_of(one.deployment_configuration))
    )
    if is_between_steps:
        _put(draft, one, lifecycle_stage=LifecycleStage.PRE_PRODUCTION_TRAFFIC_SHIFT, step=one.step + 1)
        return
    order = list(LifecycleStage)
    is_within_step = stage is LifecycleStage.PRE_PRODUCTION_TRAFFIC_SHIFT
    _put(draft, one, lifecycle_stage=order[order.index(stage) + 1], step=one.step if is_within_step else 0)


def _put(draft: Draft, one: ServiceDeployment, **changes: Any) -> ServiceDeployment:
    changed = replace(one, **changes, updated_at=draft.now)
    if "lifecycle_stage" in changes:
        changed = replace(changed, lifecycle_stage_at=draft.now, stage_done_at=None)
    draft.put_service_deployment(changed)
    return changed


def _current(draft: Draft, one: ServiceDeployment) -> ServiceDeployment:
    """The service deployment as this pass has made it."""
    return next(other for other in draft.service_deployments if other.arn == one.arn)


# The way back.


def _go_back(draft: Draft) -> None:
    """Give traffic back to the PRIMARY deployment's revision, then let the failed one go.

    Also where no service deployment is under way any more: a rollback whose tasks fail goes on trying.
    """
    one = draft.service_deployment
    if is_shifting(draft) and not _is_given_back(draft, one):
        return
    if one is not None and one.lifecycle_stage is not LifecycleStage.CLEAN_UP:
        one = _put(draft, _current(draft, one), lifecycle_stage=LifecycleStage.CLEAN_UP, step=0)
    if is_settled(draft) and not (one is not None and any(_is_uncalled(hook) for hook in one.hooks)):
        finish(draft)


def _is_uncalled(hook: HookExecution) -> bool:
    """A hook that was begun on the way back is called once; its answer decides nothing."""
    return hook.is_rollback and hook.status is HookStatus.IN_PROGRESS and hook.calls == 0


def _is_given_back(draft: Draft, one: ServiceDeployment | None) -> bool:
    """Whether all traffic goes to the PRIMARY deployment's revision again, and that is in force.

    It goes back at once where that revision is at its size; else its lost tasks are replaced first, unless the failed
    revision has no healthy task to serve meanwhile.
    """
    if not may_have_all(draft, draft.primary):
        return False
    revision = draft.revisions[draft.primary.revision_arn]
    is_back = shift_production(draft, revision, WHOLE) & shift_test(draft, revision, WHOLE)
    if one is not None:
        one = _told_back(draft, one)
    if is_back and one is not None:
        _call_again(draft, one)
    return is_back


def _told_back(draft: Draft, one: ServiceDeployment) -> ServiceDeployment:
    """The service deployment with the stage whose shift is undone."""
    if one.production_traffic_percent:
        stage = LifecycleStage.PRODUCTION_TRAFFIC_SHIFT
    elif one.test_traffic_percent:
        stage = LifecycleStage.TEST_TRAFFIC_SHIFT
    else:
        return one
    nothing = {name: 0.0 for name in ("production_traffic_percent", "test_traffic_percent") if getattr(one, name) is not None}
    return _put(draft, one, lifecycle_stage=stage, step=0, **nothing)


def _call_again(draft: Draft, one: ServiceDeployment) -> None:
    """Hooks of the shifts that were begun are called on the way back too. A pause is not."""
    for stage, percent in (
        (LifecycleStage.PRODUCTION_TRAFFIC_SHIFT, one.production_traffic_percent),
        (LifecycleStage.TEST_TRAFFIC_SHIFT, one.test_traffic_percent),
    ):
        if percent is not None:
            hooks.run(draft, _current(draft, one), stage, is_rollback=True)
