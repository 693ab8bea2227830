"""Durations and percentages as people write them: ``30s``, ``5m``, ``1h``, ``100%``."""

import re
from datetime import timedelta

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?\s*(?:ms|s|m|h|d)\s*)+")


def read_duration(value: object) -> timedelta:
    """A duration such as ``30s``, ``5m``, ``1h`` or ``1m30s``; a bare number means seconds.

    Raises ``ValueError`` that says what was expected.

    >>> read_duration("1m30s").total_seconds(), read_duration(15).total_seconds(), read_duration("45").total_seconds()
    (90.0, 15.0, 45.0)
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return timedelta(seconds=value)
    if isinstance(value, str):
        text = value.strip().lower()
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return timedelta(seconds=float(text))
        if _WHOLE.fullmatch(text):
            return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in _PART.findall(text)))
    raise ValueError(f"expected a duration such as 30s, 5m or 1h, found {value!r}")


def write_duration(duration: timedelta) -> str:
    """A duration in at most two units, rounded to the second (below a minute: to the tenth).

    >>> [write_duration(timedelta(seconds=s)) for s in (0, 4.24, 65, 120, 5400)]
    ['0s', '4.2s', '1m5s', '2m', '1h30m']
    """
    seconds = duration.total_seconds()
    if seconds < UNITS["m"]:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + "s"
    whole = round(seconds)
    if whole < UNITS["h"]:
        return f"{whole // 60}m" + (f"{whole % 60}s" if whole % 60 else "")
    minutes = whole // 60
    return f"{minutes // 60}h" + (f"{minutes % 60}m" if minutes % 60 else "")


def read_percentage(value: object) -> int:
    """A whole percentage such as ``100%``. Raises ``ValueError`` that says what was expected.

    >>> read_percentage("50%"), read_percentage(" 100 %")
    (50, 100)
    """
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+)\s*%\s*", value)
        if found:
            return int(found.group(1))
    raise ValueError(f"expected a whole percentage such as 100%, found {value!r}")


def read_tenths(value: object) -> float:
    """A percentage in tenths such as ``2.5%``. Raises ``ValueError`` that says what was expected.

    >>> read_tenths("0.1%"), read_tenths("20 %")
    (0.1, 20.0)
    """
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d)?)\s*%\s*", value)
        if found:
            return float(found.group(1))
    if isinstance(value, float):  # a default, in Python
        return value
    raise ValueError(f"expected a percentage in tenths such as 5% or 2.5%, found {value!r}")


def write_tenths(percent: float) -> str:
    """A percentage as it is written.

    >>> write_tenths(5.0), write_tenths(0.1)
    ('5%', '0.1%')
    """
    return f"{percent:g}%"
