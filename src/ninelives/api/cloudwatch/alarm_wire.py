"""Alarms between the wire and the model."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from ninelives.api.cloudwatch.handling import refused
from ninelives.api.cloudwatch.wire import (
    Wire,
    checked_statistic,
    read_metric,
    read_period,
    read_queries,
    seconds_of,
    write_dimensions,
    write_query,
)
from ninelives.model.alarms import (
    Alarm,
    AlarmActions,
    AlarmState,
    ComparisonOperator,
    CompositeAlarm,
    MetricAlarm,
    TreatMissingData,
)
from ninelives.model.errors import ApiError
from ninelives.model.metrics import MetricDataQuery, MetricStat
from ninelives.monitoring import QueriesInvalid, RuleInvalid, check_queries, read_rule, search_periods
from ninelives.telemetry import CloudWatch

SHORTEST_PERIOD: Final = 10
LONGEST: Final = timedelta(days=1)
LONGEST_BY_THE_HOUR: Final = timedelta(days=7)
HOUR: Final = timedelta(hours=1)
ACTIONS_MAX: Final = 5
QUERIES_MAX: Final = 20
SIMPLE: Final = frozenset({"SampleCount", "Average", "Sum", "Minimum", "Maximum"})

NOT_HERE: Final = (
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
    "ActionConfiguration",
    "ActionsSuppressor",
)

"""Members that would change what an alarm does, and that ninelives does not do."""


def read_metric_alarm(cloudwatch: CloudWatch, parameters: Mapping[str, Any]) -> MetricAlarm:
    """The alarm that PutMetricAlarm asks for. Raises ``ApiError``."""
    _refuse_unserved(parameters)
    _require(parameters, "ComparisonOperator", "EvaluationPeriods", "Threshold")
    try:
        watched = _read_watched(parameters)
    except ApiError as error:
        raise refused(error.message) from error
    alarm = MetricAlarm(
        name=parameters["AlarmName"],
        arn=cloudwatch.alarm_arn(parameters["AlarmName"]),
        watched=watched,
        comparison_operator=_read_operator(parameters["ComparisonOperator"]),
        threshold=parameters["Threshold"],
        evaluation_periods=parameters["EvaluationPeriods"],
        datapoints_to_alarm=parameters.get("DatapointsToAlarm"),
        treat_missing_data=_read_treatment(parameters.get("TreatMissingData")),
        evaluate_low_sample_count_percentile=_read_low_samples(parameters.get("EvaluateLowSampleCountPercentile")),
        description=parameters.get("AlarmDescription"),
        actions=read_actions(parameters),
        tags=read_tags(parameters.get("Tags")),
        state=cloudwatch.alarms.unchecked(),
        configured_at=cloudwatch.now(),
    )
    _check_span(alarm)
    return alarm


def _refuse_unserved(parameters: Mapping[str, Any]) -> None:
    for name in NOT_HERE:
        if parameters.get(name):
            raise refused(f"ninelives does not implement {name} of alarms yet.")


def _require(parameters: Mapping[str, Any], *names: str) -> None:
    absent = [name for name in names if name not in parameters]
    if absent:
        told = "; ".join(
            f"Value null at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: Member must not be null"
            for name in absent
        )
        raise refused(f"{len(absent)} validation error{'s' if len(absent) > 1 else ''} detected: {told}")


def _read_operator(text: str) -> ComparisonOperator:
    try:
        return ComparisonOperator(text)
    except ValueError:
        raise refused(f"ninelives does not do anomaly detection, and so not the ComparisonOperator {text}.") from None


def _read_treatment(text: str | None) -> TreatMissingData | None:
    if text is None:
        return None
    try:
        return TreatMissingData(text)
    except ValueError:
        allowed = ", ".join(one.value for one in TreatMissingData)
        raise refused(f"Value '{text}' at 'treatMissingData' is not valid: one of {allowed}.") from None


def _read_low_samples(text: str | None) -> str | None:
    if text not in {None, "evaluate", "ignore"}:
        raise refused(f"Option {text} is not supported. Supported options are [evaluate, ignore].")
    return text


def _read_watched(parameters: Mapping[str, Any]) -> MetricStat | tuple[MetricDataQuery, ...]:
    if "Metrics" in parameters:
        simple = [name for name in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic") if name in parameters]
        if simple:
            raise refused(f"The parameters Metrics and {simple[0]} are mutually exclusive and you have specified both.")
        return _read_math(parameters["Metrics"])
    _require(parameters, "MetricName", "Namespace", "Period")
    statistics = [parameters[name] for name in ("Statistic", "ExtendedStatistic") if name in parameters]
    if len(statistics) != 1:
        raise refused("Exactly one of the parameters Statistic and ExtendedStatistic must be specified.")
    return MetricStat(
        metric=read_metric(parameters),
        period=read_period(parameters["Period"], least=SHORTEST_PERIOD),
        stat=checked_statistic(statistics[0]),
        unit=parameters.get("Unit"),
    )


def _read_math(given: Sequence[Wire]) -> tuple[MetricDataQuery, ...]:
    queries = read_queries(given)
    if len(queries) > QUERIES_MAX:
        raise refused(f"The collection Metrics must not have a size greater than {QUERIES_MAX}.")
    if sum(query.return_data for query in queries) != 1:
        raise refused("Exactly one element of the metrics list should return data.")
    try:
        check_queries(queries)
    except QueriesInvalid as error:
        raise refused(f"Invalid metrics list: {error}") from error
    if any(search_periods(query) for query in queries):
        raise refused("Invalid metrics list: SEARCH is not supported in alarms.")
    return queries


def _check_span(alarm: MetricAlarm) -> None:
    if alarm.needed > alarm.evaluation_periods:
        raise refused(
            f"The parameter DatapointsToAlarm ({alarm.needed}) must be less than or equal to EvaluationPeriods "
            f"({alarm.evaluation_periods})."
        )
    longest = LONGEST_BY_THE_HOUR if alarm.period >= HOUR else LONGEST
    if alarm.period * alarm.evaluation_periods > longest:
        told = "a day" if longest == LONGEST else "seven days"
        raise refused(
            f"Metrics cannot be checked across more than {told} (EvaluationPeriods * Period must be <= {seconds_of(longest)})."
        )


def read_composite_alarm(cloudwatch: CloudWatch, parameters: Mapping[str, Any]) -> CompositeAlarm:
    """The alarm that PutCompositeAlarm asks for. Raises ``ApiError``."""
    _refuse_unserved(parameters)
    try:
        read_rule(parameters["AlarmRule"])
    except RuleInvalid as error:
        raise refused(f"AlarmRule is not valid: {error}.") from error
    actions = read_actions(parameters)
    for arn in (*actions.ok, *actions.alarm, *actions.insufficient_data):
        if arn.split(":")[2:3] in (["autoscaling"], ["automate"]):
            raise refused(f"Composite alarms take no actions of scaling policies or EC2: {arn}")
    return CompositeAlarm(
        name=parameters["AlarmName"],
        arn=cloudwatch.alarm_arn(parameters["AlarmName"]),
        rule=parameters["AlarmRule"],
        description=parameters.get("AlarmDescription"),
        actions=actions,
        tags=read_tags(parameters.get("Tags")),
        state=cloudwatch.alarms.unchecked(),
        configured_at=cloudwatch.now(),
    )


def read_actions(parameters: Mapping[str, Any]) -> AlarmActions:
    lists = {name: tuple(parameters.get(name, ())) for name in ("OKActions", "AlarmActions", "InsufficientDataActions")}
    for name, arns in lists.items():
        if len(arns) > ACTIONS_MAX:
            raise refused(f"The collection {name} must not have a size greater than {ACTIONS_MAX}.")
        for arn in arns:
            if not arn.startswith("arn:"):
                raise refused(f"Invalid arn syntax: {arn}")
    return AlarmActions(
        enabled=parameters.get("ActionsEnabled", True),
        ok=lists["OKActions"],
        alarm=lists["AlarmActions"],
        insufficient_data=lists["InsufficientDataActions"],
    )


def read_tags(given: Iterable[Wire] | None) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in given or ()}


def write_alarm(alarm: Alarm) -> Wire:
    """An alarm as DescribeAlarms shows it."""
    common = {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.arn,
        "AlarmDescription": alarm.description,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured_at,
        "ActionsEnabled": alarm.actions.enabled,
        "OKActions": list(alarm.actions.ok),
        "AlarmActions": list(alarm.actions.alarm),
        "InsufficientDataActions": list(alarm.actions.insufficient_data),
        **_write_state(alarm.state),
    }
    if isinstance(alarm, CompositeAlarm):
        return common | {"AlarmRule": alarm.rule}
    return common | {
        **_write_watched(alarm.watched),
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.comparison_operator,
        "TreatMissingData": alarm.treat_missing_data,
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile,
    }


def _write_state(state: AlarmState) -> Wire:
    return {
        "StateValue": state.value,
        "StateReason": state.reason,
        "StateReasonData": state.reason_data,
        "StateUpdatedTimestamp": state.updated_at,
        "StateTransitionedTimestamp": state.transitioned_at,
    }


def _write_watched(watched: MetricStat | tuple[MetricDataQuery, ...]) -> Wire:
    if not isinstance(watched, MetricStat):
        return {"Metrics": [write_query(query) for query in watched], "Dimensions": []}
    return {
        "Namespace": watched.metric.namespace,
        "MetricName": watched.metric.name,
        "Dimensions": write_dimensions(watched.metric),
        "Period": seconds_of(watched.period),
        "Statistic" if watched.stat in SIMPLE else "ExtendedStatistic": watched.stat,
        "Unit": watched.unit,
    }
