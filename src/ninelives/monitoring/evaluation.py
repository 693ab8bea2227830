"""When a metric alarm is OK, in ALARM, or has insufficient data.

More periods are looked at than the evaluation periods: the evaluation range. Where enough of them have data, the newest that
do decide, and how missing data is treated does not matter. Else the missing ones are filled in as the alarm says.
Source: "Configuring how CloudWatch alarms treat missing data", CloudWatch user guide, both of its tables, and "Avoiding
premature transitions to alarm state".
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ninelives.model.alarms import ComparisonOperator, MetricAlarm, TreatMissingData
from ninelives.model.cloudwatch import StateValue

EXTRA_PERIODS: Final = 2
"""Periods of the evaluation range beyond the evaluation periods: 3 of 5 in the guide's tables; more it does not say."""

COMPARISONS: Final[Mapping[ComparisonOperator, Callable[[float, float], bool]]] = {
    ComparisonOperator.GREATER_THAN: operator.gt,
    ComparisonOperator.GREATER_THAN_OR_EQUAL: operator.ge,
    ComparisonOperator.LESS_THAN: operator.lt,
    ComparisonOperator.LESS_THAN_OR_EQUAL: operator.le,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Datapoint:
    """A period of the evaluation range: its value, or None where data is missing."""

    at: datetime
    value: float | None
    sample_count: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an alarm amounts to, and the data points that say so, each the newest first."""

    state: StateValue | None
    """None: nothing can be said, and the alarm stays as it is."""
    breaching: tuple[Datapoint, ...]
    within: tuple[Datapoint, ...]
    missing: int
    """How many periods had to be filled in."""
    evaluated: tuple[Datapoint, ...]


def evaluation_range(alarm: MetricAlarm) -> int:
    """How many periods are looked at."""
    return alarm.evaluation_periods + EXTRA_PERIODS


def evaluate_alarm(alarm: MetricAlarm, points: Sequence[Datapoint]) -> Evaluation:
    """The state of ``alarm`` by the periods of its evaluation range, the oldest first."""
    breaches = COMPARISONS[alarm.comparison_operator]
    newest_first = tuple(reversed(points))
    real = [point for point in newest_first if point.value is not None][: alarm.evaluation_periods]
    breaching = tuple(point for point in real if point.value is not None and breaches(point.value, alarm.threshold))
    within = tuple(point for point in real if point not in breaching)
    missing = alarm.evaluation_periods - len(real)
    state = _state(alarm, breaching=breaching, within=within, missing=missing, newest_first=newest_first)
    return Evaluation(state=state, breaching=breaching, within=within, missing=missing, evaluated=newest_first)


def _state(
    alarm: MetricAlarm,
    *,
    breaching: Sequence[Datapoint],
    within: Sequence[Datapoint],
    missing: int,
    newest_first: Sequence[Datapoint],
) -> StateValue | None:
    treat = alarm.treat_missing_data or TreatMissingData.MISSING
    counted = len(breaching) + (missing if treat is TreatMissingData.BREACHING else 0)
    if counted >= alarm.needed:
        return StateValue.ALARM
    if not missing or treat in {TreatMissingData.BREACHING, TreatMissingData.NOT_BREACHING} or within:
        return StateValue.OK
    if treat is TreatMissingData.IGNORE:
        return None
    if not breaching:
        return StateValue.INSUFFICIENT_DATA
    # Only data that breaches, and too little of it: an alarm where the oldest of it has been there for long enough.
    recent = newest_first[: alarm.evaluation_periods]
    is_old_enough = any(point in breaching for point in recent[alarm.needed - 1 :])
    return StateValue.ALARM if is_old_enough else None
