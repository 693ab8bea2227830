"""A service under a load, its policies and their alarms, minute by minute: what CloudWatch and ECS would show scaling."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ninelives.model.metrics import Metric, MetricStat
from ninelives.model.scaling import (
    ActivityStatus,
    AdjustmentType,
    ScalableTarget,
    ScalingActivity,
    ScalingPolicy,
    StepAdjustment,
    StepScaling,
    Suspended,
    TargetTracking,
)
from ninelives.model.timing import Timing
from ninelives.scheduler.scaling import Breach, Capacity, Decision, PolicyFacts, Scale, decide

START = datetime(2026, 11, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REAL_TIME = Timing()
HIGH_PERIODS, LOW_PERIODS, LOW_SHARE = 3, 15, 0.9


def target(least: int = 1, most: int = 10, **suspended: bool) -> ScalableTarget:
    return ScalableTarget(
        arn="arn:aws:application-autoscaling:eu-west-1:111122223333:scalable-target/1",
        resource_id="service/c/web",
        min_capacity=least,
        max_capacity=most,
        role_arn="role",
        created_at=START,
        suspended=Suspended(**suspended),
    )


def _policy(name: str, rule: TargetTracking | StepScaling) -> ScalingPolicy:
    return ScalingPolicy(arn=f"arn:policy/{name}", name=name, resource_id="service/c/web", rule=rule, created_at=START)


def tracking(name: str = "cpu", value: float = 60.0, *, cooldown: int = 300, disable_scale_in: bool = False) -> ScalingPolicy:
    rule = TargetTracking(
        target_value=value,
        watched=MetricStat(metric=Metric.of("AWS/ECS", "CPUUtilization"), period=MINUTE, stat="Average"),
        configuration={},
        scale_out_cooldown=timedelta(seconds=cooldown),
        scale_in_cooldown=timedelta(seconds=cooldown),
        disable_scale_in=disable_scale_in,
    )
    return _policy(name, rule)


def stepping(
    *steps: tuple[float | None, float | None, int],
    name: str = "steps",
    kind: str = "ChangeInCapacity",
    least: int | None = None,
) -> ScalingPolicy:
    rule = StepScaling(
        adjustment_type=AdjustmentType(kind),
        steps=tuple(StepAdjustment(lower=lower, upper=upper, adjustment=by) for lower, upper, by in steps),
        min_adjustment_magnitude=least,
    )
    return _policy(name, rule)


def high(policy: ScalingPolicy, metric: float) -> PolicyFacts:
    assert isinstance(policy.rule, TargetTracking)
    return PolicyFacts(policy=policy, breaches=(Breach(alarm="high", metric=metric, threshold=policy.rule.target_value),))


def low(policy: ScalingPolicy, metric: float) -> PolicyFacts:
    assert isinstance(policy.rule, TargetTracking)
    threshold = policy.rule.target_value * LOW_SHARE
    return PolicyFacts(policy=policy, breaches=(Breach(alarm="low", metric=metric, threshold=threshold, is_high=False),))


def breached(policy: ScalingPolicy, metric: float, threshold: float) -> PolicyFacts:
    return PolicyFacts(policy=policy, breaches=(Breach(alarm="mine", metric=metric, threshold=threshold),))


def done(policy: ScalingPolicy, before: int, after: int, *, minutes_ago: float = 0, now: datetime = START) -> ScalingActivity:
    """An activity of a policy, fulfilled that long ago."""
    at = now - timedelta(minutes=minutes_ago)
    return ScalingActivity(
        id=f"{before}-{after}-{minutes_ago}",
        sequence=1,
        resource_id="service/c/web",
        description="",
        cause="",
        start_time=at,
        end_time=at,
        status=ActivityStatus.SUCCESSFUL,
        policy_arn=policy.arn,
        before=before,
        capacity=after,
    )


def decided(
    *facts: PolicyFacts,
    of: ScalableTarget | None = None,
    desired: int = 4,
    running: int | None = None,
    is_deploying: bool = False,
    activities: Sequence[ScalingActivity] = (),
) -> Decision:
    capacity = Capacity(desired=desired, running=desired if running is None else running, is_deploying=is_deploying)
    return decide(of or target(), facts, capacity, activities, now=START, timing=REAL_TIME)


@dataclass
class ScalingWorld:
    """``load`` gives, minute by minute, the metric times the tasks: 100 is a task's whole capacity."""

    policies: Sequence[ScalingPolicy]
    load: Callable[[int], float | None]
    target: ScalableTarget = field(default_factory=target)
    desired: int = 1
    running: int = 1
    boot_minutes: int = 1
    is_deploying: bool = False
    minute: int = 0
    activities: list[ScalingActivity] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    _metrics: list[float | None] = field(default_factory=list)
    _booting: list[int] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return START + self.minute * MINUTE

    def step(self) -> None:
        self.minute += 1
        self._booting = [left - 1 for left in self._booting]
        self.running += sum(left <= 0 for left in self._booting)
        self._booting = [left for left in self._booting if left > 0]
        load = self.load(self.minute)
        self._metrics.append(None if load is None else load / max(1, self.running))
        self._fulfil()
        decision = decide(
            self.target,
            [self._facts(policy) for policy in self.policies],
            Capacity(desired=self.desired, running=self.running, is_deploying=self.is_deploying),
            self.activities,
            now=self.now,
            timing=REAL_TIME,
        )
        self.decisions.append(decision)
        if isinstance(decision, Scale):
            self._scale(decision)

    def _fulfil(self) -> None:
        if self.activities and self.activities[-1].is_open and self.running == self.desired:
            self.activities[-1] = replace(self.activities[-1], end_time=self.now, status=ActivityStatus.SUCCESSFUL)

    def _facts(self, policy: ScalingPolicy) -> PolicyFacts:
        assert isinstance(policy.rule, TargetTracking)
        value = policy.rule.target_value
        recent = self._metrics[-LOW_PERIODS:]
        whole = [metric for metric in recent if metric is not None]
        highs = recent[-HIGH_PERIODS:]
        if len(highs) == HIGH_PERIODS and all(metric is not None and metric > value for metric in highs):
            return high(policy, whole[-1])
        if len(whole) == LOW_PERIODS and all(metric < LOW_SHARE * value for metric in whole):
            return low(policy, max(whole))
        return PolicyFacts(policy=policy)

    def _scale(self, decision: Scale) -> None:
        self.activities.append(
            ScalingActivity(
                id=str(self.minute),
                sequence=self.minute,
                resource_id=self.target.resource_id,
                description="",
                cause=decision.cause,
                start_time=self.now,
                status=ActivityStatus.IN_PROGRESS,
                policy_arn=decision.policy.arn,
                before=decision.base,
                capacity=decision.capacity,
            )
        )
        added = decision.capacity - self.running - len(self._booting)
        if added > 0:
            self._booting += [self.boot_minutes] * added
        else:
            del self._booting[:-added]
            self.running = min(self.running, decision.capacity)
        self.desired = decision.capacity
