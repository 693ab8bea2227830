"""Metric filters: PutMetricFilter, DescribeMetricFilters, DeleteMetricFilter, TestMetricFilter."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ninelives.api.call import Call
from ninelives.api.logs.events import checked_pattern
from ninelives.api.logs.handling import LogsHandler, find_group, invalid, page
from ninelives.model.errors import ApiError
from ninelives.model.logs import MetricFilter, MetricTransformation
from ninelives.monitoring.filter_patterns import Pattern
from ninelives.telemetry.logs import CloudWatchLogs, LogStore

FILTERS_MAX: Final = 100
"""Of one log group. Source: "CloudWatch Logs quotas"."""
DIMENSIONS_MAX: Final = 3
NUMBER_FIRST: Final = frozenset("-+.0123456789")


async def put_metric_filter(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    group, name = parameters["logGroupName"], parameters["filterName"]
    for member in ("fieldSelectionCriteria", "emitSystemFieldDimensions"):
        if parameters.get(member):
            raise invalid(f"{member} is not supported by this region.")
    pattern = checked_pattern(parameters["filterPattern"])
    made = MetricFilter(
        group=group,
        name=name,
        pattern=parameters["filterPattern"],
        transformation=_read_transformation(parameters["metricTransformations"][0], pattern),
        created_ms=logs.now_ms,
        on_transformed_logs=parameters.get("applyOnTransformedLogs", False),
    )

    def put(store: LogStore) -> None:
        find_group(store, group)
        known = store.records(MetricFilter, group=group)
        if len(known) >= FILTERS_MAX and all(one.name != name for one in known):
            raise ApiError("LimitExceededException", "Resource limit exceeded.")
        store.put_record(made)

    await logs.write(put)
    return {}


def _read_transformation(given: Mapping[str, Any], pattern: Pattern) -> MetricTransformation:
    dimensions = given.get("dimensions", {})
    if dimensions and "defaultValue" in given:
        raise invalid("Invalid metric transformation: dimensions and default value are mutually exclusive properties.")
    if len(dimensions) > DIMENSIONS_MAX:
        raise invalid(f"Invalid metric transformation: a metric filter may have {DIMENSIONS_MAX} dimensions at the most.")
    value = given["metricValue"]
    for reference in (value, *dimensions.values()):
        if reference.startswith("$") and not pattern.declares(reference):
            raise invalid(f"Invalid metric transformation: the filter pattern has no field {reference}.")
    if not value.startswith("$") and not _is_number(value):
        raise invalid(f"Invalid metric transformation: metricValue {value} is neither a number nor a field.")
    return MetricTransformation(
        name=given["metricName"],
        namespace=given["metricNamespace"],
        value=value,
        default=given.get("defaultValue"),
        dimensions=dimensions,
        unit=given.get("unit", "None"),
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text[0] in NUMBER_FIRST


async def describe_metric_filters(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    group = parameters.get("logGroupName")
    if ("metricName" in parameters) != ("metricNamespace" in parameters):
        raise invalid("If you specify metricName you must also specify metricNamespace, and the other way round.")

    def read(store: LogStore) -> Sequence[MetricFilter]:
        if group is not None:
            find_group(store, group)
        return store.records(MetricFilter, group=group)

    found = [
        one
        for one in await logs.read(read)
        if one.name.startswith(parameters.get("filterNamePrefix", ""))
        and parameters.get("metricName", one.transformation.name) == one.transformation.name
        and parameters.get("metricNamespace", one.transformation.namespace) == one.transformation.namespace
    ]
    shown, token = page(found, parameters, key=lambda one: one.key)
    return {"metricFilters": [_write_filter(one) for one in shown], "nextToken": token}


def _write_filter(one: MetricFilter) -> Mapping[str, Any]:
    transformation = {
        "metricName": one.transformation.name,
        "metricNamespace": one.transformation.namespace,
        "metricValue": one.transformation.value,
        "defaultValue": one.transformation.default,
        "dimensions": one.transformation.dimensions or None,
        "unit": one.transformation.unit,
    }
    return {
        "filterName": one.name,
        "filterPattern": one.pattern,
        "metricTransformations": [{member: value for member, value in transformation.items() if value is not None}],
        "creationTime": one.created_ms,
        "logGroupName": one.group,
        "applyOnTransformedLogs": one.on_transformed_logs,
    }


async def delete_metric_filter(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    group, name = call.parameters["logGroupName"], call.parameters["filterName"]

    def delete(store: LogStore) -> None:
        find_group(store, group)
        for one in store.records(MetricFilter, group=group):
            if one.name == name:
                store.delete_record(one)
                return
        raise ApiError("ResourceNotFoundException", "The specified metric filter does not exist.")

    await logs.write(delete)
    return {}


def try_metric_filter(_: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    pattern = checked_pattern(call.parameters["filterPattern"])
    matches = []
    for number, message in enumerate(call.parameters["logEventMessages"], 1):
        values = pattern.extract(message)
        if values is not None:
            matches.append({"eventNumber": number, "eventMessage": message, "extractedValues": values})
    return {"matches": matches}


HANDLERS: Mapping[str, LogsHandler] = {
    "PutMetricFilter": put_metric_filter,
    "DescribeMetricFilters": describe_metric_filters,
    "DeleteMetricFilter": delete_metric_filter,
    "TestMetricFilter": try_metric_filter,
}
