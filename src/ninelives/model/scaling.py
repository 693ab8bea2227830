"""The nouns of Application Auto Scaling. Source of every name: botocore ``application-autoscaling`` 2016-02-06."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from ninelives.model.metrics import MetricDataQuery, MetricStat

NAMESPACE: Final = "ecs"
DIMENSION: Final = "ecs:service:DesiredCount"
"""What of a service is scaled; the only dimension of the namespace."""

COOLDOWN: Final = timedelta(minutes=5)
"""Of an ECS service, where a policy gives none. Source: ``TargetTrackingScalingPolicyConfiguration``, ``Cooldown``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """The kinds of scaling that do not take place; bounds and policies stay."""

    dynamic_in: bool = False
    dynamic_out: bool = False
    scheduled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalableTarget:
    """A service that is scaled, and its bounds."""

    arn: str
    resource_id: str
    """``service/<cluster>/<service>``."""
    min_capacity: int
    max_capacity: int
    role_arn: str
    created_at: datetime
    suspended: Suspended = Suspended()
    is_settled: bool = True
    """Whether the desired count was looked at since the bounds were set last."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.resource_id

    def bounded(self, capacity: int) -> int:
        """The nearest count that the bounds allow."""
        return max(self.min_capacity, min(self.max_capacity, capacity))


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTracking:
    """Keep a metric at a target, as ``TargetTrackingScalingPolicyConfiguration`` says."""

    target_value: float
    watched: MetricStat | tuple[MetricDataQuery, ...]
    """What the alarms watch, whether the metric was predefined or customized."""
    configuration: Mapping[str, object]
    """As the request gave it, and as it is shown."""
    scale_out_cooldown: timedelta = COOLDOWN
    scale_in_cooldown: timedelta = COOLDOWN
    disable_scale_in: bool = False


class AdjustmentType(StrEnum):
    """What ``ScalingAdjustment`` means."""

    CHANGE_IN_CAPACITY = "ChangeInCapacity"
    PERCENT_CHANGE_IN_CAPACITY = "PercentChangeInCapacity"
    EXACT_CAPACITY = "ExactCapacity"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAdjustment:
    """What to do where the metric is off the alarm's threshold by a difference between the bounds; None is without end."""

    adjustment: int
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScaling:
    """Change the capacity by how far an alarm is breached, as ``StepScalingPolicyConfiguration`` says."""

    adjustment_type: AdjustmentType
    steps: tuple[StepAdjustment, ...]
    cooldown: timedelta = COOLDOWN
    aggregation: str = "Average"
    """How the data points of the alarm's period are put together: Average, Minimum or Maximum."""
    min_adjustment_magnitude: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingPolicy:
    arn: str
    name: str
    resource_id: str
    rule: TargetTracking | StepScaling
    created_at: datetime
    alarms: tuple[str, ...] = ()
    """Names of the alarms that target tracking made and keeps: high, low."""

    @property
    def key(self) -> str:
        return f"{self.resource_id}/{self.name}"

    @property
    def type(self) -> str:
        return "TargetTrackingScaling" if isinstance(self.rule, TargetTracking) else "StepScaling"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledAction:
    """New bounds at a time, or at times."""

    arn: str
    name: str
    resource_id: str
    schedule: str
    """``at(…)``, ``rate(…)`` or ``cron(…)``."""
    created_at: datetime
    timezone: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    min_capacity: int | None = None
    max_capacity: int | None = None
    next_run: datetime | None = None
    """None once it is never due again."""

    @property
    def key(self) -> str:
        return f"{self.resource_id}/{self.name}"


class ActivityStatus(StrEnum):
    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCESSFUL = "Successful"
    OVERRIDDEN = "Overridden"
    UNFULFILLED = "Unfulfilled"
    FAILED = "Failed"


class NotScaled(StrEnum):
    """Why an alarm changed nothing. Source: ``NotScaledReason.Code``."""

    ANTICIPATED_FLAPPING = "AutoScalingAnticipatedFlapping"
    TARGET_SERVICE_UNSCALABLE = "TargetServicePutResourceAsUnscalable"
    AT_MAX = "AlreadyAtMaxCapacity"
    AT_MIN = "AlreadyAtMinCapacity"
    AT_DESIRED = "AlreadyAtDesiredCapacity"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotScaledReason:
    code: NotScaled
    min_capacity: int | None = None
    max_capacity: int | None = None
    current_capacity: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingActivity:
    """What was done, or why nothing was, in Application Auto Scaling's words."""

    id: str
    sequence: int
    resource_id: str
    description: str
    cause: str
    start_time: datetime
    status: ActivityStatus
    status_message: str | None = None
    end_time: datetime | None = None
    not_scaled: tuple[NotScaledReason, ...] = ()
    policy_arn: str | None = None
    """Of the policy that asked for it."""
    before: int | None = None
    """Tasks from which it started; as long as a scale-out cools down, what it added counts from here."""
    capacity: int | None = None
    """Desired tasks that it sets."""

    @property
    def key(self) -> str:
        return self.id

    @property
    def is_open(self) -> bool:
        return self.status is ActivityStatus.IN_PROGRESS and self.capacity is not None

    @property
    def is_scale_out(self) -> bool:
        return self.before is not None and self.capacity is not None and self.capacity > self.before

    @property
    def is_scale_in(self) -> bool:
        return self.before is not None and self.capacity is not None and self.capacity < self.before
