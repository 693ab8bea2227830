"""Metrics in and out: PutMetricData, ListMetrics, GetMetricStatistics, GetMetricData."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from ninelives.api.call import Call
from ninelives.api.cloudwatch.handling import (
    CloudWatchHandler,
    invalid,
    invalid_combination,
    missing,
    page,
    refused,
)
from ninelives.api.cloudwatch.wire import (
    Wire,
    checked_statistic,
    read_dimensions,
    read_metric,
    read_period,
    read_queries,
    seconds_of,
    write_metric,
)
from ninelives.model.errors import ApiError
from ninelives.model.metrics import Metric, MetricDataQuery
from ninelives.monitoring import (
    Distribution,
    LabelInvalid,
    Labelled,
    QueriesInvalid,
    TimeSeries,
    by_period,
    check_label,
    of_statistics,
    of_values,
    period_start,
    read_statistic,
    read_zone,
    statistic_of,
    written_label,
)
from ninelives.telemetry import LISTED, CloudWatch, answer, oldest_told

OLDEST: Final = timedelta(days=14)
NEWEST: Final = timedelta(hours=2)
DATA_MAX: Final = 1000
"""Metrics of one PutMetricData. Source: ``cloudwatch`` ``PutMetricData``."""
LISTED_AT_ONCE: Final = 500
DATAPOINTS_MAX: Final = 1440
"""Of one GetMetricStatistics."""
QUERIES_MAX: Final = 500
QUERY_DATAPOINTS_MAX: Final = 100_800
"""Of one GetMetricData."""
RECENTLY: Final = timedelta(hours=3)
HIGH_RESOLUTION: Final = 1


def put_metric_data(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    namespace = parameters["Namespace"]
    if namespace.startswith("AWS/"):
        raise invalid(f"The value {namespace} for parameter Namespace is invalid.")
    data = list(parameters.get("MetricData", ()))
    data += [datum for entity in parameters.get("EntityMetricData", ()) for datum in entity.get("MetricData", ())]
    if not data:
        raise missing("The parameter MetricData is required.")
    if len(data) > DATA_MAX:
        raise invalid(f"The collection MetricData must not have a size greater than {DATA_MAX}.")
    now = cloudwatch.now()
    read = [_read_datum(namespace, datum, f"MetricData.member.{place}", now) for place, datum in enumerate(data, 1)]
    for datum, (metric, distribution, at) in zip(data, read, strict=True):
        if distribution is not None:
            is_high = datum.get("StorageResolution") == HIGH_RESOLUTION
            cloudwatch.metrics.put(metric, distribution, at=at, unit=datum.get("Unit", "None"), by_the_second=is_high)
    return {}


def _read_datum(namespace: str, datum: Wire, path: str, now: datetime) -> tuple[Metric, Distribution | None, datetime]:
    at = datum.get("Timestamp", now)
    if at < now - OLDEST:
        raise invalid(f"The parameter {path}.Timestamp must specify a time within the past two weeks.")
    if at > now + NEWEST:
        raise invalid(f"The parameter {path}.Timestamp must specify a time no more than two hours in the future.")
    if datum.get("StorageResolution", 60) not in {1, 60}:
        raise invalid(f"The parameter {path}.StorageResolution must be 1 or 60.")
    metric = Metric.of(namespace, datum["MetricName"], read_dimensions(datum.get("Dimensions")))
    return metric, _read_values(datum, path), at


def _read_values(datum: Wire, path: str) -> Distribution | None:
    given = [name for name in ("Value", "StatisticValues", "Values") if name in datum]
    if len(given) > 1:
        named = " and ".join(f"{path}.{name}" for name in given)
        raise invalid_combination(f"The parameters {named} are mutually exclusive and you have specified both.")
    if not given:
        raise invalid_combination(f"At least one of the parameters {path}.Value, Values or StatisticValues must be specified.")
    if "StatisticValues" in datum:
        return _read_statistic_set(datum["StatisticValues"], path)
    values = datum["Values"] if "Values" in datum else [datum["Value"]]
    counts = datum.get("Counts")
    if counts is not None and len(counts) != len(values):
        raise invalid(f"The parameters {path}.Values and {path}.Counts must be of the same size.")
    for value in values:
        _check_finite(value, f"{path}.{given[0]}")
    return of_values(values, counts)


def _read_statistic_set(given: Wire, path: str) -> Distribution | None:
    for name, value in given.items():
        _check_finite(value, f"{path}.StatisticValues.{name}")
    if given["Minimum"] > given["Maximum"]:
        raise invalid(f"The parameter {path}.StatisticValues.Minimum must not be greater than Maximum.")
    if given["SampleCount"] <= 0:
        return None
    return of_statistics(
        sample_count=given["SampleCount"], total=given["Sum"], minimum=given["Minimum"], maximum=given["Maximum"]
    )


def _check_finite(value: float, path: str) -> None:
    if not math.isfinite(value):
        raise invalid(f"The value {value} for parameter {path} is invalid.")


def list_metrics(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    kept = RECENTLY if parameters.get("RecentlyActive") == "PT3H" else LISTED
    found = [
        metric for metric in cloudwatch.metrics.metrics(since=cloudwatch.now() - kept) if _is_asked_for(metric, parameters)
    ]
    shown, token = page(found, parameters.get("NextToken"), LISTED_AT_ONCE, key=repr)
    return {"Metrics": [write_metric(metric) for metric in shown], "NextToken": token}


def _is_asked_for(metric: Metric, parameters: Mapping[str, Any]) -> bool:
    if parameters.get("Namespace", metric.namespace) != metric.namespace:
        return False
    if parameters.get("MetricName", metric.name) != metric.name:
        return False
    known = dict(metric.dimensions)
    return all(
        one["Name"] in known and one.get("Value", known[one["Name"]]) == known[one["Name"]]
        for one in parameters.get("Dimensions", ())
    )


def get_metric_statistics(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    start, end = _read_range(parameters)
    period = read_period(parameters["Period"])
    simple = list(dict.fromkeys(parameters.get("Statistics", ())))
    extended = [checked_statistic(one) for one in dict.fromkeys(parameters.get("ExtendedStatistics", ()))]
    if not simple and not extended:
        raise missing("The parameter Statistics or ExtendedStatistics is required.")
    count = math.ceil((end - start) / period)
    if count > DATAPOINTS_MAX:
        raise invalid_combination(
            f"You have requested up to {count:,} datapoints, which exceeds the limit of {DATAPOINTS_MAX:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    metric = read_metric(parameters)
    start = max(start, oldest_told(period, cloudwatch.now()))
    samples = list(cloudwatch.metrics.read(metric, period_start(start, period), end, unit=parameters.get("Unit")))
    datapoints = [
        _write_datapoint(at, unit, whole, simple, extended)
        for unit in sorted({sample.unit for sample in samples})
        for at, whole in by_period(
            ((sample.start, sample.distribution) for sample in samples if sample.unit == unit), period
        ).items()
    ]
    return {"Label": metric.name, "Datapoints": [one for one in datapoints if one is not None]}


def _write_datapoint(
    at: datetime, unit: str, whole: Distribution, simple: Sequence[str], extended: Sequence[str]
) -> Wire | None:
    """None where nothing of what is asked for is known."""
    values = {name: statistic_of(whole, read_statistic(name)) for name in (*simple, *extended)}
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return None
    told: dict[str, Any] = {"Timestamp": at, "Unit": unit, **{name: known[name] for name in simple}}
    percentiles = {name: known[name] for name in extended if name in known}
    return told | ({"ExtendedStatistics": percentiles} if percentiles else {})


def _read_range(parameters: Mapping[str, Any]) -> tuple[datetime, datetime]:
    start, end = parameters["StartTime"], parameters["EndTime"]
    if start >= end:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    return start, end


def get_metric_data(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    try:
        start, end = _read_range(parameters)
        queries = read_queries(parameters["MetricDataQueries"])
    except ApiError as error:
        raise refused(error.message) from error
    if len(queries) > QUERIES_MAX:
        raise refused(f"The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}.")
    now = cloudwatch.now()
    try:
        for query in queries:
            check_label(query.label or "")
        zone = read_zone(parameters.get("LabelOptions", {}).get("Timezone"))
        found = answer(cloudwatch.metrics, queries, start, end, now=now)
    except (QueriesInvalid, LabelInvalid) as error:
        raise refused(str(error)) from error
    shown = [
        (query, written_label(label, _about(series, cloudwatch), now=now, zone=zone), series)
        for query, label, series in _labelled(queries, found)
    ]
    is_descending = parameters.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    most = min(parameters.get("MaxDatapoints", QUERY_DATAPOINTS_MAX), QUERY_DATAPOINTS_MAX)
    results, token = _results(shown, parameters.get("NextToken"), most, is_descending=is_descending)
    return {"MetricDataResults": results, "Messages": [], "NextToken": token}


def _about(series: TimeSeries, cloudwatch: CloudWatch) -> Labelled:
    """What dynamic labels may tell of a series."""
    properties = {"AccountId": cloudwatch.place.account, "Region": cloudwatch.place.region}
    if series.stat is not None:
        metric = series.stat.metric
        properties |= {
            "MetricName": metric.name,
            "Namespace": metric.namespace,
            "Stat": series.stat.stat,
            "Period": str(seconds_of(series.stat.period)),
            **{f"Dim.{name}": value for name, value in metric.dimensions},
        }
    return Labelled(label=series.label, values=series.values, properties=properties)


def _results(
    shown: Sequence[tuple[MetricDataQuery, str, TimeSeries]],
    token: str | None,
    most: int,
    *,
    is_descending: bool,
) -> tuple[list[Wire], str | None]:
    """A page holds as many data points of each series as fit; the token is how many were shown of each before."""
    if token is not None and not token.isdecimal():
        raise ApiError("InvalidNextToken", "Invalid NextToken.")
    offset = int(token or 0)
    at_once = max(1, most // max(1, len(shown)))
    results: list[Wire] = []
    is_more = False
    for query, label, series in shown:
        points = sorted(series.values.items(), reverse=is_descending)
        part = points[offset : offset + at_once]
        is_complete = offset + at_once >= len(points)
        is_more |= not is_complete
        results.append(
            {
                "Id": query.id,
                "Label": label,
                "Timestamps": [at for at, _ in part],
                "Values": [value for _, value in part],
                "StatusCode": "Complete" if is_complete else "PartialData",
            }
        )
    return results, str(offset + at_once) if is_more else None


def _labelled(
    queries: Sequence[MetricDataQuery], found: Mapping[str, Sequence[TimeSeries]]
) -> Iterator[tuple[MetricDataQuery, str, TimeSeries]]:
    """Each series with its label, dynamic values not yet put in. What an array holds bears the label of the expression and of
    the metric it comes from; one with dynamic values tells its series apart by itself.
    """
    for query in queries:
        for series in found.get(query.id, ()):
            if query.stat is not None or "${" in (query.label or ""):
                yield query, query.label or series.label, series
            elif query.label is None and series.stat is not None and len(found[query.id]) > 1:
                yield query, series.label, series
            elif len(found[query.id]) == 1:
                yield query, query.label or query.id, series
            else:
                yield query, f"{query.label or query.id} {series.label}", series


HANDLERS: Mapping[str, CloudWatchHandler] = {
    "PutMetricData": put_metric_data,
    "ListMetrics": list_metrics,
    "GetMetricStatistics": get_metric_statistics,
    "GetMetricData": get_metric_data,
}
