"""Metrics that log events carry: CloudWatch's embedded metric format.

Source: CloudWatch user guide, "Specification: Embedded metric format".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from ninelives.model.metrics import Metric

METADATA: Final = "_aws"
MARK: Final = f'"{METADATA}"'
METRICS_MAX: Final = 100
"""Of one directive; and values of one metric."""
DIMENSIONS_MAX: Final = 30
VALUE_MAX: Final = 2.0**360
"""Source: ``cloudwatch`` ``PutMetricData``."""
SETS_MAX: Final = 1_000
"""Metrics of one event, each of its sets of dimensions counted: what a line of a few hundred kilobytes may ask for."""
NAME_MAX: Final = 1024
NAMESPACE_MAX: Final = 255
UNITS: Final = frozenset({
    "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits",
    "Megabits", "Gigabits", "Terabits", "Percent", "Count", "Bytes/Second", "Kilobytes/Second", "Megabytes/Second",
    "Gigabytes/Second", "Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second",
    "Terabits/Second", "Count/Second", "None",
})  # fmt: skip


class EmbeddedInvalid(Exception):
    """An event that announces metrics and breaks the format. The text says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedMetric:
    """The values of one metric in one event."""

    metric: Metric
    values: Sequence[float]
    unit: str
    at_ms: int
    by_the_second: bool


def embedded_metrics(message: str) -> Sequence[EmbeddedMetric]:
    """What a log event says of metrics; nothing where it is an ordinary one. Raises ``EmbeddedInvalid``: then CloudWatch
    makes no metric of it.

    >>> directive = {"Namespace": "Cats", "Dimensions": [["path"]], "Metrics": [{"Name": "ms", "Unit": "Milliseconds"}]}
    >>> event = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]}, "path": "/", "ms": [12, 15]}
    >>> [(one.metric.dimensions, one.values, one.unit) for one in embedded_metrics(json.dumps(event))]
    [((('path', '/'),), (12.0, 15.0), 'Milliseconds')]
    """
    if MARK not in message:
        return ()
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        return ()  # a line that merely mentions it
    metadata = event.get(METADATA) if isinstance(event, dict) else None
    if not isinstance(metadata, dict) or "CloudWatchMetrics" not in metadata:
        return ()
    at_ms = metadata.get("Timestamp")
    if not isinstance(at_ms, int) or isinstance(at_ms, bool):
        raise EmbeddedInvalid("Timestamp must be a whole number of milliseconds")
    directives = [_expect(dict, one, "a directive") for one in _list(metadata, "CloudWatchMetrics")]
    found = tuple(islice((one for directive in directives for one in _of_directive(event, directive, at_ms)), SETS_MAX + 1))
    if len(found) > SETS_MAX:
        raise EmbeddedInvalid(f"metrics and their sets of Dimensions must be {SETS_MAX} at the most")
    return found


def _of_directive(event: Mapping[str, Any], directive: Mapping[str, Any], at_ms: int) -> Iterator[EmbeddedMetric]:
    namespace = _expect(str, directive.get("Namespace"), "Namespace")
    if not 1 <= len(namespace) <= NAMESPACE_MAX:
        raise EmbeddedInvalid(f"Namespace must have from 1 to {NAMESPACE_MAX} characters")
    sets = [_dimensions(event, _expect(list, one, "a set of Dimensions")) for one in _list(directive, "Dimensions")]
    definitions = _list(directive, "Metrics")
    if len(definitions) > METRICS_MAX:
        raise EmbeddedInvalid(f"Metrics must be {METRICS_MAX} at the most")
    for definition in definitions:
        name, unit, by_the_second = _definition(_expect(dict, definition, "a metric's definition"))
        if name not in event:
            continue
        values = _values(event[name], name)
        for dimensions in sets or [{}]:
            yield EmbeddedMetric(
                metric=Metric.of(namespace, name, dimensions),
                values=values,
                unit=unit,
                at_ms=at_ms,
                by_the_second=by_the_second,
            )


def _dimensions(event: Mapping[str, Any], names: Sequence[Any]) -> Mapping[str, str]:
    if len(names) > DIMENSIONS_MAX:
        raise EmbeddedInvalid(f"Dimensions must be {DIMENSIONS_MAX} at the most")
    found = {}
    for name in names:
        value = event.get(_expect(str, name, "a dimension's name"))
        if not isinstance(value, str) or not value:
            raise EmbeddedInvalid(f"the dimension {name} has no text as its value")
        found[name] = value
    return found


def _definition(definition: Mapping[str, Any]) -> tuple[str, str, bool]:
    """Name, unit, and whether it is kept by the second."""
    name = _expect(str, definition.get("Name"), "a metric's Name")
    if not 1 <= len(name) <= NAME_MAX:
        raise EmbeddedInvalid(f"a metric's Name must have from 1 to {NAME_MAX} characters")
    unit = definition.get("Unit", "None")
    if not isinstance(unit, str) or unit not in UNITS:
        raise EmbeddedInvalid(f"{unit} is no unit")
    resolution = definition.get("StorageResolution", 60)
    if resolution not in (1, 60):
        raise EmbeddedInvalid("StorageResolution must be 1 or 60")
    return name, unit, resolution == 1


def _values(given: Any, name: str) -> Sequence[float]:
    values = given if isinstance(given, list) else [given]
    if len(values) > METRICS_MAX:
        raise EmbeddedInvalid(f"{name} must have {METRICS_MAX} values at the most")
    for value in values:
        if not isinstance(value, int | float) or isinstance(value, bool) or not -VALUE_MAX <= value <= VALUE_MAX:
            raise EmbeddedInvalid(f"{name} is no number that CloudWatch takes")
    return tuple(float(value) for value in values)


def _list(directive: Mapping[str, Any], name: str) -> list[Any]:
    found: list[Any] = _expect(list, directive.get(name, []), name)
    return found


def _expect(kind: type[Any], value: Any, what: str) -> Any:
    if isinstance(value, kind):
        return value
    names: dict[type[Any], str] = {list: "a list", dict: "an object", str: "a text"}
    raise EmbeddedInvalid(f"{what} must be {names[kind]}")
