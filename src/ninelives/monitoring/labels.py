"""Dynamic labels: what stands for ``${MAX}``, ``${LAST_TIME}``, ``${PROP('Dim.ServiceName')}`` and their like.

Source: "Using dynamic labels", CloudWatch user guide. How numbers and times are written is not said there: numbers have up to
six significant digits, times are as ISO 8601 has them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final

from ninelives.monitoring.periods import Series

PLACEHOLDER: Final = re.compile(r"\$\{(?:PROP\('(?P<property>[^']*)'\)|(?P<name>[A-Z_]+))\}")
OFFSET: Final = re.compile(r"(?P<sign>[+-])(?P<hours>[01]\d|2[0-3])(?P<minutes>[0-5]\d)")
DYNAMIC_MAX: Final = 6
"""Placeholders of one label."""


class LabelInvalid(Exception):
    """A label that CloudWatch refuses; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What a label is about."""

    label: str
    """What the series is called by itself: ``${LABEL}``."""
    values: Series
    properties: Mapping[str, str] = field(default_factory=dict)
    """``MetricName``, ``Dim.ServiceName``, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    at: datetime
    value: float


def check_label(label: str) -> None:
    """Refuse a label that names what there is not. Raises ``LabelInvalid``."""
    found = list(PLACEHOLDER.finditer(label))
    if len(found) > DYNAMIC_MAX:
        raise LabelInvalid(f"A label may have {DYNAMIC_MAX} dynamic values; this one has {len(found)}.")
    for one in found:
        if one["name"] and one["name"] != "LABEL" and one["name"] not in STATISTICS:
            raise LabelInvalid(f"The dynamic value ${{{one['name']}}} is not known.")


def read_zone(text: str | None) -> timezone:
    """The time zone of LabelOptions. Raises ``LabelInvalid``.

    >>> read_zone("+0130").utcoffset(None)
    datetime.timedelta(seconds=5400)
    """
    if text is None:
        return timezone.utc  # noqa: UP017 - a zone like the others
    found = OFFSET.fullmatch(text)
    if found is None:
        raise LabelInvalid(f"The value {text} for parameter LabelOptions.Timezone is not a time zone: +HHMM or -HHMM.")
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    return timezone(offset if found["sign"] == "+" else -offset)


def written_label(label: str, about: Labelled, *, now: datetime, zone: timezone) -> str:
    """A label with its dynamic values; those of a series without data are ``--``."""

    def value_of(found: re.Match[str]) -> str:
        if found["property"] is not None:
            return about.properties.get(found["property"], "--")
        if found["name"] == "LABEL":
            return about.label
        write = STATISTICS.get(found["name"])
        if write is None:
            return found[0]
        points = [_Point(at=at, value=value) for at, value in sorted(about.values.items())]
        return write(points, now, zone) if points else "--"

    return PLACEHOLDER.sub(value_of, label)


Points = list[_Point]
Write = Callable[[Points, datetime, timezone], str]


def _number(value: float) -> str:
    return f"{value:.6g}"


def _time(at: datetime, zone: timezone) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")


def _relative(at: datetime, now: datetime) -> str:
    """How long ago, in the largest whole unit."""
    seconds = max(0, int((now - at).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"


def _first(points: Points) -> _Point:
    return points[0]


def _last(points: Points) -> _Point:
    return points[-1]


def _least(points: Points) -> _Point:
    return min(points, key=lambda one: one.value)


def _most(points: Points) -> _Point:
    return max(points, key=lambda one: one.value)


def _range(low: Callable[[Points], _Point], high: Callable[[Points], _Point]) -> Write:
    return lambda points, _, __: f"{_number(low(points).value)} - {_number(high(points).value)}"


def _time_range(one: Callable[[Points], _Point], other: Callable[[Points], _Point]) -> Write:
    def write(points: Points, _: datetime, zone: timezone) -> str:
        begin, end = sorted((one(points).at, other(points).at))
        return f"{_time(begin, zone)} - {_time(end, zone)}"

    return write


def _of_point(name: str, choose: Callable[[Points], _Point]) -> Mapping[str, Write]:
    return {
        name: lambda points, _, __: _number(choose(points).value),
        f"{name}_TIME": lambda points, _, zone: _time(choose(points).at, zone),
        f"{name}_TIME_RELATIVE": lambda points, now, _: _relative(choose(points).at, now),
    }


STATISTICS: Final[Mapping[str, Write]] = {
    "AVG": lambda points, _, __: _number(sum(one.value for one in points) / len(points)),
    "DATAPOINT_COUNT": lambda points, _, __: str(len(points)),
    "SUM": lambda points, _, __: _number(sum(one.value for one in points)),
    **_of_point("FIRST", _first),
    **_of_point("LAST", _last),
    **_of_point("MAX", _most),
    **_of_point("MIN", _least),
    "FIRST_LAST_RANGE": _range(_first, _last),
    "FIRST_LAST_TIME_RANGE": _time_range(_first, _last),
    "MIN_MAX_RANGE": _range(_least, _most),
    "MIN_MAX_TIME_RANGE": _time_range(_least, _most),
}
"""What there is besides ``${LABEL}`` and ``${PROP(…)}``."""
