"""Values of a query: texts, numbers, truth values, instants, what JSON has beside; how they compare, sort and are written."""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DIGITS: Final = 4
"""Digits behind the point that are told."""
NUMBER: Final = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*")
CHUNK: Final = re.compile(r"(\d+)|(\D+)")


class Instant(int):
    """Milliseconds since 1970 that are written as a date."""

    __slots__ = ()


Value = str | int | float | bool | Mapping[str, Any] | list[Any] | None
"""None: there is none."""


def written(value: Value) -> str | None:
    """As GetQueryResults tells it; None where there is no value.

    >>> [written(one) for one in (Instant(0), 2.0, 1 / 3, True, "x", {"a": 1})]
    ['1970-01-01 00:00:00.000', '2', '0.3333', '1', 'x', '{"a": 1}']
    """
    match value:
        case None | str():
            return value
        case bool():
            return str(int(value))
        case Instant():
            return _date(value)
        case int():
            return str(value)
        case float():
            return _decimal(value)
        case _:
            return json.dumps(value)


def number(value: Value) -> int | float | None:
    """The number that a value is or spells; None of anything else."""
    if isinstance(value, int | float):
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, str) and NUMBER.fullmatch(value):
        text = value.strip()
        try:
            return int(text)
        except ValueError:
            found = float(text)
            return found if math.isfinite(found) else None
    return None


def text(value: Value) -> str | None:
    """What functions of texts see; maps and lists are nothing to them."""
    return written(value) if isinstance(value, str | int | float) else None


def is_true(value: Value) -> bool:
    """Whether a filter lets it through."""
    return value not in (None, False, 0, "") and not isinstance(value, Mapping | list)


COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def compared(operator: str, left: Value, right: Value) -> bool | None:
    """A comparison; None where a side has no value. Numbers compare as numbers, also where a text spells them.

    >>> compared("<", "9", 10), compared("<", "b9", "b10"), compared("!=", None, 1)
    (True, False, None)
    """
    if left is None or right is None:
        return None
    if isinstance(left, Mapping | list) or isinstance(right, Mapping | list):
        return False
    numbers = number(left), number(right)
    if None not in numbers:
        return COMPARED[operator](*numbers)
    return COMPARED[operator](_spelled(left), _spelled(right))


def sort_key(value: Value) -> tuple[Any, ...]:
    """The natural order of ``sort``: no value, then what is no number (its digits compared as numbers), then numbers.

    Source: CloudWatch Logs user guide, "sort".

    >>> sorted(["10", "2", "b10", "b9", None], key=sort_key)
    [None, 'b9', 'b10', '2', '10']
    """
    if value is None:
        return (0,)
    found = number(value)
    if found is not None:
        return (2, found)
    pieces = CHUNK.findall(written(value) or "")
    return (1, [(0, len(digits.lstrip("0")), digits) if digits else (1, 0, other) for digits, other in pieces])


def _spelled(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else written(value) or ""


def _date(value: int) -> str:
    try:
        return (EPOCH + timedelta(milliseconds=value)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3].rjust(23, "0")
    except OverflowError:
        return str(int(value))


def _decimal(value: float) -> str:
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else repr(value)  # noqa: PLR2004 whole above it
