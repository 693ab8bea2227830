"""Event patterns: whether an event matches, and whether a pattern can be one.

Arrays of objects are looked through element by element, so that conditions on one object hold for one element together.
Source: EventBridge user guide, "Creating Amazon EventBridge event patterns" and "Comparison operators".
"""

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

ABSENT: Final = object()

COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
OR: Final = "$or"


class InvalidPattern(ValueError):
    """A pattern that EventBridge would refuse; the text says where and why."""


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether ``event`` has all that ``pattern`` asks for. Raises ``InvalidPattern`` for an operator that there is not.

    >>> matches({"containers": {"exitCode": [{"numeric": [">", 0]}]}}, {"containers": [{"exitCode": 0}, {"exitCode": 1}]})
    True
    >>> matches({"source": [{"anything-but": {"prefix": "aws."}}]}, {"source": "aws.ecs"})
    False
    """
    return all(
        any(matches(one, event) for one in asked) if name == OR else _holds(asked, event.get(name, ABSENT))
        for name, asked in pattern.items()
    )


def _holds(asked: Any, value: Any) -> bool:
    """Whether what a pattern asks of a member holds for its value (``ABSENT`` where the event has none)."""
    if isinstance(asked, Mapping):
        if isinstance(value, list):
            return any(_holds(asked, element) for element in value)
        return matches(asked, value if isinstance(value, Mapping) else {})
    if not isinstance(asked, Sequence) or isinstance(asked, str):
        raise InvalidPattern(f"{asked!r}: a pattern's values stand in an array")
    return any(_any_of(one, value) for one in asked)


def _any_of(condition: Any, value: Any) -> bool:
    if isinstance(condition, Mapping) and "exists" in condition:
        is_leaf = value is not ABSENT and not isinstance(value, Mapping)
        return bool(is_leaf is bool(condition["exists"]))
    if value is ABSENT:
        return False
    if isinstance(value, list):
        return any(_meets(condition, element) for element in value)
    return _meets(condition, value)


def _meets(condition: Any, value: Any) -> bool:
    if not isinstance(condition, Mapping):
        return _is_same(condition, value)
    ((name, argument),) = condition.items()
    if name not in OPERATORS:
        raise InvalidPattern(f"{name}: no such operator; there are {', '.join(sorted(OPERATORS))}, exists")
    return OPERATORS[name](argument, value)


def _is_same(one: Any, other: Any) -> bool:
    """Equal, with truth values kept apart from numbers."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _listed(argument: Any) -> list[Any]:
    return argument if isinstance(argument, list) else [argument]


def _text(argument: Any, value: Any, test: Callable[[str, str], bool]) -> bool:
    """Whether ``test`` holds for one of the texts of ``argument``, letters in either case if it says so."""
    if not isinstance(value, str):
        return False
    if isinstance(argument, Mapping):
        argument, value = _folded(argument["equals-ignore-case"]), value.casefold()
    return any(test(value, one) for one in _listed(argument))


def _folded(argument: Any) -> list[str]:
    return [str(one).casefold() for one in _listed(argument)]


def _is_anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, Mapping):
        return not _meets(argument, value)
    return not any(_is_same(one, value) for one in _listed(argument))


def _is_in_range(argument: Sequence[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return all(COMPARISONS[comparison](value, bound) for comparison, bound in pairs)


def _is_in_network(argument: str, value: Any) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(argument, strict=False)
    except ValueError:
        return False


@cache
def _wildcard(text: str) -> re.Pattern[str]:
    """``*`` stands for any characters; behind a backslash, it and the backslash stand for themselves."""
    parts = re.findall(r"\\[*\\]|\*|[^*\\]+|\\", text)
    texts = (".*" if part == "*" else re.escape(part.removeprefix("\\") or part) for part in parts)
    return re.compile("".join(texts), re.DOTALL)


OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "prefix": lambda argument, value: _text(argument, value, str.startswith),
    "suffix": lambda argument, value: _text(argument, value, str.endswith),
    "equals-ignore-case": lambda argument, value: isinstance(value, str) and value.casefold() in _folded(argument),
    "wildcard": lambda argument, value: _text(argument, value, lambda text, one: bool(_wildcard(one).fullmatch(text))),
    "anything-but": _is_anything_but,
    "numeric": _is_in_range,
    "cidr": _is_in_network,
}
"""Conditions on a value that is there, by name; ``exists`` is told apart, for it also speaks of absent ones."""


def check_pattern(pattern: Any, above: str = "") -> None:
    """Raise ``InvalidPattern`` for what EventBridge does not take as a pattern.

    >>> check_pattern({"source": "aws.ecs"})
    Traceback (most recent call last):
    ...
    ninelives.eventbridge.patterns.InvalidPattern: "source" must be an object or an array
    """
    if not isinstance(pattern, Mapping):
        raise InvalidPattern("Event pattern is not an object")
    if not pattern:
        raise InvalidPattern(f'"{above}" must not be empty' if above else "Event pattern must not be empty")
    for name, asked in pattern.items():
        if name == OR and isinstance(asked, list):
            for one in asked:
                check_pattern(one, name)
        elif isinstance(asked, Mapping):
            check_pattern(asked, name)
        elif isinstance(asked, list):
            _check_conditions(name, asked)
        else:
            raise InvalidPattern(f'"{name}" must be an object or an array')


def _check_conditions(name: str, conditions: Sequence[Any]) -> None:
    if not conditions:
        raise InvalidPattern(f'"{name}": an empty array matches nothing')
    for condition in conditions:
        if isinstance(condition, list):
            raise InvalidPattern(f'"{name}": match value must be string, number, true, false, or null')
        if isinstance(condition, Mapping):
            _check_operator(name, condition)


def _check_operator(name: str, condition: Mapping[str, Any]) -> None:
    if len(condition) != 1:
        raise InvalidPattern(f'"{name}": only one key allowed in match expression')
    ((which, argument),) = condition.items()
    is_good = which == "exists" or which in OPERATORS
    match which:
        case "exists":
            is_good = isinstance(argument, bool)
        case "numeric":
            is_good = (
                isinstance(argument, list)
                and bool(argument)
                and len(argument) % 2 == 0
                and all(one in COMPARISONS for one in argument[::2])
                and all(isinstance(one, int | float) for one in argument[1::2])
            )
        case "cidr":
            is_good = isinstance(argument, str) and _is_network(argument)
        case "prefix" | "suffix" if isinstance(argument, Mapping):
            is_good = set(argument) == {"equals-ignore-case"}
        case "anything-but" if isinstance(argument, Mapping):
            _check_operator(name, argument)
        case "prefix" | "suffix" | "wildcard" | "equals-ignore-case":
            is_good = all(isinstance(one, str) for one in _listed(argument))
        case _:
            pass
    if not is_good:
        raise InvalidPattern(f'"{name}": unrecognized match type or value: {which}')


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
