"""The records of CloudWatch alarms. Source of every name: botocore ``cloudwatch`` 2010-08-01."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ninelives.model.cloudwatch import StateValue
from ninelives.model.metrics import MetricDataQuery, MetricStat


class ComparisonOperator(StrEnum):
    """How a data point is compared with the threshold. The operators of anomaly detection are not among them."""

    GREATER_THAN_OR_EQUAL = "GreaterThanOrEqualToThreshold"
    GREATER_THAN = "GreaterThanThreshold"
    LESS_THAN = "LessThanThreshold"
    LESS_THAN_OR_EQUAL = "LessThanOrEqualToThreshold"


class TreatMissingData(StrEnum):
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"
    IGNORE = "ignore"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """What an alarm says, since when, and why."""

    value: StateValue
    reason: str
    updated_at: datetime
    transitioned_at: datetime
    """When the value last changed; ``updated_at`` moves with the reason, too."""
    reason_data: str | None = None
    """JSON, as StateReasonData has it."""
    is_set: bool = False
    """Whether SetAlarmState said so; the next evaluation gives its own reason, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmActions:
    """The ARNs that are called when an alarm enters a state."""

    enabled: bool = True
    ok: tuple[str, ...] = ()
    alarm: tuple[str, ...] = ()
    insufficient_data: tuple[str, ...] = ()

    def of(self, state: StateValue) -> tuple[str, ...]:
        match state:
            case StateValue.OK:
                return self.ok
            case StateValue.ALARM:
                return self.alarm
            case StateValue.INSUFFICIENT_DATA:
                return self.insufficient_data


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricAlarm:
    """An alarm on one statistic (``watched`` is a ``MetricStat``) or on metric math (queries, one of which returns data)."""

    name: str
    arn: str
    watched: MetricStat | tuple[MetricDataQuery, ...]
    comparison_operator: ComparisonOperator
    threshold: float
    evaluation_periods: int
    state: AlarmState
    configured_at: datetime
    actions: AlarmActions = AlarmActions()
    datapoints_to_alarm: int | None = None
    """None where it was not given: all of the evaluation periods, and reasons are worded without it."""
    treat_missing_data: TreatMissingData | None = None
    evaluate_low_sample_count_percentile: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.name

    @property
    def needed(self) -> int:
        """How many data points must breach."""
        return self.datapoints_to_alarm or self.evaluation_periods

    @property
    def period(self) -> timedelta:
        """The period of what is watched; that of the slowest metric where math names several."""
        if isinstance(self.watched, MetricStat):
            return self.watched.period
        periods = [query.period for query in self.watched if query.period is not None]
        periods += [query.stat.period for query in self.watched if query.stat is not None]
        return max(periods, default=timedelta(minutes=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeAlarm:
    """An alarm on the states of others."""

    name: str
    arn: str
    rule: str
    state: AlarmState
    configured_at: datetime
    actions: AlarmActions = AlarmActions()
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.name


Alarm = MetricAlarm | CompositeAlarm


class HistoryItemType(StrEnum):
    CONFIGURATION_UPDATE = "ConfigurationUpdate"
    STATE_UPDATE = "StateUpdate"
    ACTION = "Action"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryItem:
    """One line of an alarm's history."""

    alarm_name: str
    alarm_type: str
    """``MetricAlarm`` or ``CompositeAlarm``."""
    at: datetime
    type: HistoryItemType
    summary: str
    data: str
    """JSON."""
