"""What becomes of a service's desired count, given what its policies' alarms say: facts in, a decision out.

Source: Application Auto Scaling user guide, "How target tracking scaling works", "How step scaling works", "Suspend and resume
scaling", "Scaling activities" (codes of what was not scaled); ECS developer guide, "Automatically scale your service"
(deployments hold scale-in; the running count is where scaling starts; a count out of bounds). Where AWS tells no rule,
``docs/decisions/0069`` says what was chosen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ninelives.model.scaling import (
    NotScaled,
    NotScaledReason,
    ScalableTarget,
    ScalingActivity,
    ScalingPolicy,
    StepScaling,
    TargetTracking,
)
from ninelives.model.timing import Timing
from ninelives.scheduler.scaling.arithmetic import adjusted, gradual, proportional, step_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """A service as scaling sees it."""

    desired: int
    running: int
    is_deploying: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """An alarm in ALARM whose actions name a policy."""

    alarm: str
    metric: float
    """Target tracking: the latest value above the target; the highest of those below it. Steps: the latest, aggregated."""
    threshold: float
    measured_at: datetime | None = None
    """When the newest period that it evaluated began; None where that is not known."""
    is_high: bool = True
    """Of target tracking: whether it is the alarm above the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFacts:
    """A policy with those of its alarms that are in ALARM; none where its metric has no data."""

    policy: ScalingPolicy
    breaches: tuple[Breach, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Set the desired count."""

    capacity: int
    base: int
    """Tasks that the change was reckoned from."""
    policy: ScalingPolicy
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Leave the desired count as it is; what was asked for and why nothing was done."""

    policy: ScalingPolicy
    cause: str
    reason: NotScaledReason


Decision = Scale | Stay | None
"""None: nothing is asked for, or what is asked for waits (a cooldown, a suspension) without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What one alarm of a policy asks for, before bounds."""

    policy: ScalingPolicy
    capacity: int
    base: int
    cause: str
    is_cooling: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Situation:
    target: ScalableTarget
    capacity: Capacity
    activities: Sequence[ScalingActivity]
    """The newest last; those that changed the count."""
    now: datetime
    timing: Timing


def decide(
    target: ScalableTarget,
    policies: Sequence[PolicyFacts],
    capacity: Capacity,
    activities: Sequence[ScalingActivity],
    *,
    now: datetime,
    timing: Timing,
) -> Decision:
    """The one change that all policies together ask for: out where any does, the largest; in only where those that may agree.

    ``activities`` are the target's, the newest last. Cooldowns are the region's time.
    """
    it = _Situation(
        target=target,
        capacity=capacity,
        activities=[one for one in activities if one.capacity is not None],
        now=now,
        timing=timing,
    )
    outs = [wish for one in policies for wish in _scale_outs(it, one)]
    out = _out(it, outs)
    if out is not None:
        return out
    return _in(it, policies, is_held=bool(outs))


# Out.


def _scale_outs(it: _Situation, facts: PolicyFacts) -> Iterable[_Wish]:
    for breach in facts.breaches:
        cooling = _cooling_out(it, facts.policy, breach)
        base = _base(it, facts.policy, cooling)
        wanted = _wanted_out(facts.policy, breach, base)
        if wanted is not None and wanted > base:
            cause = _cause(breach, facts.policy)
            yield _Wish(policy=facts.policy, capacity=wanted, base=base, cause=cause, is_cooling=cooling is not None)


def _wanted_out(policy: ScalingPolicy, breach: Breach, base: int) -> int | None:
    rule = policy.rule
    if isinstance(rule, TargetTracking):
        is_over = breach.is_high and breach.metric > rule.target_value
        return proportional(base, breach.metric, rule.target_value) if is_over else None
    step = step_of(rule, breach.metric - breach.threshold)
    return None if step is None else adjusted(rule, base, step.adjustment)


def _base(it: _Situation, policy: ScalingPolicy, cooling: ScalingActivity | None) -> int:
    """What a scale-out starts from: the running tasks; while one cools down, what there was before it, so that it counts.

    By steps no more than the desired ones: a deployment has some of two revisions. Target tracking finds the load in them all.
    """
    if cooling is not None and cooling.before is not None:
        return cooling.before
    is_tracking = isinstance(policy.rule, TargetTracking)
    return it.capacity.running if is_tracking else min(it.capacity.running, it.capacity.desired)


def _cooling_out(it: _Situation, policy: ScalingPolicy, breach: Breach) -> ScalingActivity | None:
    """The scale-out of this policy that still cools down, or that the metric does not show yet.

    A larger one that followed it began a cooldown of its own.
    """
    cooldown = policy.rule.cooldown if isinstance(policy.rule, StepScaling) else policy.rule.scale_out_cooldown
    last = next((one for one in reversed(it.activities) if one.policy_arn == policy.arn), None)
    if last is None or not last.is_scale_out:
        return None
    if last.end_time is None or it.now < last.end_time + it.timing.scaled(cooldown):
        return last
    is_seen = breach.measured_at is None or breach.measured_at >= last.end_time
    return None if is_seen else last


def _out(it: _Situation, wishes: Sequence[_Wish]) -> Decision:
    if not wishes or it.target.suspended.dynamic_out:
        return None
    largest = max(wishes, key=lambda wish: wish.capacity)
    desired, most = it.capacity.desired, it.target.max_capacity
    wanted = it.target.bounded(largest.capacity)
    if wanted > desired:
        base = largest.base if wanted > largest.base else desired  # more run than the bounds allow: a deployment
        return Scale(capacity=wanted, base=base, policy=largest.policy, cause=largest.cause)
    if desired >= most:
        return _stay(largest, NotScaled.AT_MAX, max_capacity=most)
    if largest.is_cooling:
        return None
    return _stay(largest, NotScaled.AT_DESIRED, current_capacity=desired)


# In.


def _in(it: _Situation, policies: Sequence[PolicyFacts], *, is_held: bool) -> Decision:
    wishes = [] if is_held else list(_scale_ins(it, policies))
    if not wishes or it.target.suspended.dynamic_in:
        return None
    largest = max(wishes, key=lambda wish: wish.capacity)
    desired, least = it.capacity.desired, it.target.min_capacity
    if it.capacity.is_deploying:
        return _stay(largest, NotScaled.TARGET_SERVICE_UNSCALABLE)
    if desired <= least:
        return _stay(largest, NotScaled.AT_MIN, min_capacity=least)
    if _is_cooling_in(it, largest.policy):
        return None
    wanted = it.target.bounded(largest.capacity)
    if wanted < desired:
        return Scale(capacity=wanted, base=largest.base, policy=largest.policy, cause=largest.cause)
    return _stay(largest, NotScaled.ANTICIPATED_FLAPPING)


def _scale_ins(it: _Situation, policies: Sequence[PolicyFacts]) -> Iterable[_Wish]:
    """What is asked for; of target tracking nothing where one policy that may scale in does not ask for it."""
    yield from (wish for one in policies if isinstance(one.policy.rule, StepScaling) for wish in _steps_in(it, one))
    tracking = [
        one for one in policies if isinstance(one.policy.rule, TargetTracking) and not one.policy.rule.disable_scale_in
    ]
    lows = [(one.policy, next((breach for breach in one.breaches if not breach.is_high), None)) for one in tracking]
    for policy, low in lows:
        assert isinstance(policy.rule, TargetTracking)
        if low is not None and all(other is not None for _, other in lows):
            desired = it.capacity.desired
            # Both counts: the metric is an average over the running ones, and they become as many as are desired.
            fitting = proportional(max(desired, it.capacity.running), low.metric, policy.rule.target_value)
            wanted = gradual(desired, fitting) if fitting < desired else desired
            yield _Wish(policy=policy, capacity=wanted, base=desired, cause=_cause(low, policy))


def _steps_in(it: _Situation, facts: PolicyFacts) -> Iterable[_Wish]:
    rule, desired = facts.policy.rule, it.capacity.desired
    assert isinstance(rule, StepScaling)
    for breach in facts.breaches:
        step = step_of(rule, breach.metric - breach.threshold)
        if step is not None and (wanted := adjusted(rule, desired, step.adjustment)) < desired:
            yield _Wish(policy=facts.policy, capacity=wanted, base=desired, cause=_cause(breach, facts.policy))


def _is_cooling_in(it: _Situation, policy: ScalingPolicy) -> bool:
    """Whether a scale-in must wait: the last one of the target cools down, or a change is not yet fulfilled."""
    rule = policy.rule
    cooldown = rule.cooldown if isinstance(rule, StepScaling) else rule.scale_in_cooldown
    last = it.activities[-1] if it.activities else None
    if last is None or not (last.is_scale_in or last.is_open):
        return False
    return last.end_time is None or it.now < last.end_time + it.timing.scaled(cooldown)


def _cause(breach: Breach, policy: ScalingPolicy) -> str:
    return f"monitor alarm {breach.alarm} in state ALARM triggered policy {policy.name}"


def _stay(
    wish: _Wish,
    code: NotScaled,
    *,
    min_capacity: int | None = None,
    max_capacity: int | None = None,
    current_capacity: int | None = None,
) -> Stay:
    reason = NotScaledReason(
        code=code, min_capacity=min_capacity, max_capacity=max_capacity, current_capacity=current_capacity
    )
    return Stay(policy=wish.policy, cause=wish.cause, reason=reason)
