"""Why an alarm is in its state, in CloudWatch's words, and the same as data.

The sentences are CloudWatch's own, as its notifications and DescribeAlarms show them; those with "out of the last" belong to
alarms that were given DatapointsToAlarm.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ninelives.model.alarms import ComparisonOperator, MetricAlarm, TreatMissingData
from ninelives.model.cloudwatch import StateValue
from ninelives.model.metrics import MetricStat
from ninelives.monitoring.evaluation import Datapoint, Evaluation

INITIAL: Final = "Unchecked: Initial alarm creation"

COMPARED: Final[Mapping[ComparisonOperator, str]] = {
    ComparisonOperator.GREATER_THAN: "greater than",
    ComparisonOperator.GREATER_THAN_OR_EQUAL: "greater than or equal to",
    ComparisonOperator.LESS_THAN: "less than",
    ComparisonOperator.LESS_THAN_OR_EQUAL: "less than or equal to",
}
TREATED: Final = {TreatMissingData.BREACHING: "Breaching", TreatMissingData.NOT_BREACHING: "NonBreaching"}
SCIENTIFIC: Final = (1e-3, 1e7)
"""Below and from where on Java writes a double with an exponent."""


def state_reason(alarm: MetricAlarm, evaluation: Evaluation) -> str:
    """The sentence for the state that ``evaluation`` has found."""
    assert evaluation.state is not None, "no state, no reason"
    if evaluation.state is StateValue.INSUFFICIENT_DATA:
        return f"Insufficient Data: {_were(alarm.evaluation_periods)} unknown."
    is_alarm = evaluation.state is StateValue.ALARM
    counted = evaluation.breaching if is_alarm else evaluation.within
    filled = _filled(alarm, evaluation.missing)
    if not counted:
        received = len(evaluation.breaching) + len(evaluation.within)
        were = "datapoint was" if received == 1 else "datapoints were"
        periods = f"{alarm.evaluation_periods} period{'' if alarm.evaluation_periods == 1 else 's'}"
        return f"Threshold Crossed: {received or 'no'} {were} received for {periods}{filled}."
    listed = ", ".join(f"{java_double(point.value or 0.0)} ({point.at:%d/%m/%y %H:%M:%S})" for point in counted)
    verb = "was" if len(counted) == 1 else "were"
    compared = f"{verb}{'' if is_alarm else ' not'} {COMPARED[alarm.comparison_operator]} the threshold"
    threshold = f"({java_double(alarm.threshold)})"
    if alarm.datapoints_to_alarm is None:
        noun = "datapoint" if len(counted) == 1 else "datapoints"
        return f"Threshold Crossed: {len(counted)} {noun} [{listed}] {compared} {threshold}{filled}."
    least = alarm.needed if is_alarm else alarm.evaluation_periods - alarm.needed + 1
    transition = "OK -> ALARM" if is_alarm else "ALARM -> OK"
    return (
        f"Threshold Crossed: {len(counted)} out of the last {alarm.evaluation_periods} datapoints [{listed}] {compared} "
        f"{threshold}{filled} (minimum {least} datapoint{'' if least == 1 else 's'} for {transition} transition)."
    )


def _were(count: int) -> str:
    return f"{count} datapoint{' was' if count == 1 else 's were'}"


def _filled(alarm: MetricAlarm, missing: int) -> str:
    treated = TREATED.get(alarm.treat_missing_data or TreatMissingData.MISSING)
    if not missing or treated is None:
        return ""
    noun = "missing datapoint was" if missing == 1 else "missing datapoints were"
    return f" and {missing} {noun} treated as [{treated}]"


def state_reason_data(alarm: MetricAlarm, evaluation: Evaluation, now: datetime) -> str:
    """StateReasonData: the data points that were looked at, as JSON."""
    with_values = [point for point in (*evaluation.breaching, *evaluation.within) if point.value is not None]
    with_values.sort(key=lambda point: point.at)
    data: dict[str, Any] = {"version": "1.0", "queryDate": timestamp(now)}
    if with_values:
        data["startDate"] = timestamp(with_values[0].at)
    if isinstance(alarm.watched, MetricStat):
        if alarm.watched.unit is not None:
            data["unit"] = alarm.watched.unit
        data["statistic"] = alarm.watched.stat
    data |= {
        "period": round(alarm.period.total_seconds()),
        "recentDatapoints": [point.value for point in with_values],
        "threshold": alarm.threshold,
        "evaluatedDatapoints": _evaluated(evaluation.evaluated[: alarm.evaluation_periods]),
    }
    return json.dumps(data, separators=(",", ":"))


def _evaluated(points: Sequence[Datapoint]) -> list[dict[str, Any]]:
    found = []
    for point in points:
        row: dict[str, Any] = {"timestamp": timestamp(point.at)}
        if point.sample_count is not None:
            row["sampleCount"] = point.sample_count
        if point.value is not None:
            row["value"] = point.value
        found.append(row)
    return found


def timestamp(at: datetime) -> str:
    """A time as CloudWatch's JSON has it.

    >>> timestamp(datetime(2026, 11, 27, 3, 0, 0, 123456, tzinfo=UTC))
    '2026-11-27T03:00:00.123+0000'
    """
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


def java_double(value: float) -> str:
    """A number as Java writes a double, which is how reasons show it.

    >>> java_double(5), java_double(0.25), java_double(12345678.0), java_double(0.0001), java_double(0.0)
    ('5.0', '0.25', '1.2345678E7', '1.0E-4', '0.0')
    """
    value = float(value)
    if value == 0 or SCIENTIFIC[0] <= abs(value) < SCIENTIFIC[1]:
        return repr(value) if "e" not in repr(value) else f"{value:f}"
    if value in {float("inf"), float("-inf")}:
        return "Infinity" if value > 0 else "-Infinity"
    digits, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        plain = f"{value:.16e}"
        mantissa, _, exponent = plain.partition("e")
        digits = repr(round(float(mantissa), 15))
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"
