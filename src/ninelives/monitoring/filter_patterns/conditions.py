"""What a value is held against, and conditions joined by ``&&`` and ``||``: in JSON and in space-delimited patterns."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from ninelives.monitoring.filter_patterns.scanning import PatternInvalid, Scanner
from ninelives.monitoring.regular_expressions import Expression, literal

Event = TypeVar("Event")
Condition = Callable[[Event], bool]

NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
BARE: Final = re.compile(r'[^\s(){}\[\],&|<>=!"%]+')
"""A value without quotes."""
ORDERS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<=": lambda found, wanted: found <= wanted,
    ">=": lambda found, wanted: found >= wanted,
    "<": lambda found, wanted: found < wanted,
    ">": lambda found, wanted: found > wanted,
}
OPERATORS: Final = ("!=", "<=", ">=", "=", "<", ">")
DEPTH_MAX: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An operator and what stands to its right: a text in which ``*`` stands for any characters, a number, or a regex."""

    operator: str
    text: Expression
    number: float | None = None

    def holds(self, value: str) -> bool:
        """Whether a value, as it is written, fulfils it. Numbers are compared as numbers, everything else as text.

        >>> Comparison(operator="=", text=Expression("4.*")).holds("404")
        True
        """
        found = None if self.number is None else number_of(value)
        if self.operator in ORDERS:
            return found is not None and self.number is not None and ORDERS[self.operator](found, self.number)
        equal = found == self.number if found is not None else self.text.search(value) is not None
        return equal == (self.operator == "=")


def number_of(text: str) -> float | None:
    return float(text) if NUMBER.fullmatch(text) else None


def read_comparison(scanner: Scanner) -> Comparison:
    """An operator and its value, such as ``= "GET *"``, ``>= 1e3``, ``!= %WARN%``. Raises ``PatternInvalid``."""
    operator = next((one for one in OPERATORS if scanner.takes(one)), None)
    if operator is None:
        raise PatternInvalid(f"Invalid filter pattern: expected a comparison, found {scanner.found()}")
    scanner.skip_spaces()
    if scanner.rest.startswith("%"):
        compared = Comparison(operator=operator, text=scanner.regex())
    elif scanner.rest.startswith('"'):
        compared = Comparison(operator=operator, text=_wildcards(scanner.quoted()))
    elif (text := scanner.matched(BARE)) is not None:
        compared = Comparison(operator=operator, text=_wildcards(text), number=number_of(text))
    else:
        raise PatternInvalid(f"Invalid filter pattern: expected a value after '{operator}', found {scanner.found()}")
    if operator in ORDERS and compared.number is None:
        raise PatternInvalid(f"Invalid filter pattern: '{operator}' compares numbers")
    return compared


def read_conditions(scanner: Scanner, read_test: Callable[[Scanner], Condition[Event]]) -> Condition[Event]:
    """Conditions in parentheses, joined by ``&&`` (which binds the closer) and ``||``. Raises ``PatternInvalid``."""
    return _any(scanner, read_test, 0)


def _any(scanner: Scanner, read_test: Callable[[Scanner], Condition[Event]], depth: int) -> Condition[Event]:
    parts = [_all(scanner, read_test, depth)]
    while scanner.takes("||"):
        parts.append(_all(scanner, read_test, depth))
    return parts[0] if len(parts) == 1 else lambda event: any(part(event) for part in parts)


def _all(scanner: Scanner, read_test: Callable[[Scanner], Condition[Event]], depth: int) -> Condition[Event]:
    parts = [_one(scanner, read_test, depth)]
    while scanner.takes("&&"):
        parts.append(_one(scanner, read_test, depth))
    return parts[0] if len(parts) == 1 else lambda event: all(part(event) for part in parts)


def _one(scanner: Scanner, read_test: Callable[[Scanner], Condition[Event]], depth: int) -> Condition[Event]:
    if not scanner.takes("("):
        return read_test(scanner)
    if depth == DEPTH_MAX:
        raise PatternInvalid("Invalid filter pattern: too many parentheses")
    inner = _any(scanner, read_test, depth + 1)
    scanner.expect(")")
    return inner


def _wildcards(text: str) -> Expression:
    """The whole of a value, ``*`` standing for any characters."""
    return Expression(r"(?s)\A" + ".*".join(map(literal, re.split(r"\*+", text))) + r"\z")
