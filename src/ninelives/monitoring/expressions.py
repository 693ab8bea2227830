"""Metric math as text: tokens and a tree. What it means is ``metric_math``'s.

Source: "Using metric math", CloudWatch user guide. Binding, the loosest first: OR, AND, comparisons, ``+ -``, ``* /``, unary
minus, ``^``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


class MathError(Exception):
    """An expression that CloudWatch would refuse; the text says why."""


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """The id of a query, or a word that a function knows (``REPEAT``, ``DESC``)."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Array:
    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class CallOf:
    function: str
    arguments: tuple["Expression", ...]


Expression = Number | Name | Text | Array | Negation | Binary | CallOf

TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<sign><=|>=|==|!=|&&|\|\||[-+*/^()\[\],<>])
    )""",
    re.VERBOSE,
)
LEVELS: Final[tuple[tuple[str, ...], ...]] = (
    ("OR", "||"),
    ("AND", "&&"),
    ("==", "!=", "<=", ">=", "<", ">"),
    ("+", "-"),
    ("*", "/"),
)
SAME: Final = {"||": "OR", "&&": "AND"}
LENGTH_MAX: Final = 2048
DEPTH_MAX: Final = 50


def read_expression(text: str) -> Expression:
    """The tree of an expression. Raises ``MathError``.

    >>> read_expression("m1 / 2")
    Binary(operator='/', left=Name(name='m1'), right=Number(value=2.0))
    """
    if len(text) > LENGTH_MAX:
        raise MathError(f"The expression is longer than {LENGTH_MAX} characters")
    reader = _Reader(list(_tokens(text)))
    found = reader.expression(0)
    reader.expect_end()
    return found


def names_in(expression: Expression) -> Iterator[str]:
    """Every name in an expression; those of queries begin with a lower-case letter."""
    match expression:
        case Name(name):
            yield name
        case Array(items):
            for item in items:
                yield from names_in(item)
        case Negation(operand):
            yield from names_in(operand)
        case Binary(_, left, right):
            yield from names_in(left)
            yield from names_in(right)
        case CallOf(_, arguments):
            for argument in arguments:
                yield from names_in(argument)
        case Number() | Text():
            return


def functions_in(expression: Expression) -> Iterator[str]:
    """Every function that an expression calls."""
    yield from (call.function for call in calls_in(expression))


def calls_in(expression: Expression) -> Iterator[CallOf]:
    """Every call in an expression."""
    match expression:
        case CallOf(_, arguments):
            yield expression
            for argument in arguments:
                yield from calls_in(argument)
        case Array(items):
            for item in items:
                yield from calls_in(item)
        case Negation(operand):
            yield from calls_in(operand)
        case Binary(_, left, right):
            yield from calls_in(left)
            yield from calls_in(right)
        case Number() | Text() | Name():
            return


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        if found is None:
            raise MathError(f"Unexpected character '{text[at:].lstrip()[0]}'")
        kind = found.lastgroup
        assert kind is not None
        yield kind, found[kind]
        at = found.end()


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def expression(self, level: int) -> Expression:
        if level == len(LEVELS):
            return self._unary()
        left = self.expression(level + 1)
        while (operator := self._peek()) in LEVELS[level]:
            self._at += 1
            left = Binary(SAME.get(operator, operator), left, self.expression(level + 1))
        return left

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise MathError(f"Unexpected '{self._peek()}'")

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, sign: str) -> None:
        if self._peek() != sign:
            found = f"'{self._peek()}'" if self._peek() else "the end of the expression"
            raise MathError(f"Expected '{sign}', found {found}")
        self._at += 1

    def _unary(self) -> Expression:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise MathError("The expression is nested too deeply")
        try:
            if self._peek() == "-":
                self._at += 1
                return Negation(self._unary())
            base = self._primary()
            if self._peek() == "^":
                self._at += 1
                return Binary("^", base, self._unary())
            return base
        finally:
            self._depth -= 1

    def _primary(self) -> Expression:
        if self._at >= len(self._tokens):
            raise MathError("Unexpected end of the expression")
        kind, text = self._tokens[self._at]
        self._at += 1
        match kind, text:
            case "number", _:
                return Number(float(text))
            case "text", _:
                return Text(text[1:-1])
            case "name", "AND" | "OR":
                raise MathError(f"Unexpected '{text}'")
            case "name", _:
                return CallOf(text, self._items(")")) if self._peek() == "(" else Name(text)
            case "sign", "(":
                inner = self.expression(0)
                self._take(")")
                return inner
            case "sign", "[":
                self._at -= 1
                return Array(self._items("]"))
            case _:
                raise MathError(f"Unexpected '{text}'")

    def _items(self, end: str) -> tuple[Expression, ...]:
        """Expressions between brackets, of which the opening one comes next."""
        self._at += 1
        items: list[Expression] = []
        while self._peek() != end:
            if items:
                self._take(",")
            items.append(self.expression(0))
        self._take(end)
        return tuple(items)
