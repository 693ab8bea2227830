"""Expressions become functions of a row. A comparison with what is missing is neither true nor false, as in SQL."""

from collections.abc import Callable, Sequence
from typing import assert_never

from ninelives.monitoring.log_insights.aggregates import AGGREGATES
from ninelives.monitoring.log_insights.bins import floor
from ninelives.monitoring.log_insights.functions import ARITHMETIC, FUNCTIONS, applied
from ninelives.monitoring.log_insights.patterns import read_regex
from ninelives.monitoring.log_insights.rows import Row
from ninelives.monitoring.log_insights.syntax import (
    Binary,
    Call,
    Expression,
    Field,
    In,
    Like,
    Literal,
    Period,
    Regex,
    Unary,
)
from ninelives.monitoring.log_insights.values import COMPARED, Value, compared, is_true, number, text

Evaluated = Callable[[Row], Value]


def evaluated(expression: Expression, now_seconds: int | None = None) -> Evaluated:
    """What an expression is worth, row by row; ``now_seconds`` is what ``now()`` says.

    >>> row = Row(None, {"status": "503", "path": "/cats"})
    >>> evaluated(Binary(">=", Field("status"), Literal(500)))(row), evaluated(Like(Field("missing"), "x"))(row)
    (True, None)
    """
    match expression:
        case Literal(value):
            return lambda _: value
        case Field(name):
            return lambda row: row.field(name)
        case Period():
            raise AssertionError(expression)
        case Call():
            return _call(expression, now_seconds)
        case Unary(operator, operand):
            inner = evaluated(operand, now_seconds)
            return _negation(inner) if operator == "not" else _binary("-", lambda _: 0, inner)
        case Binary(operator, left, right):
            return _binary(operator, evaluated(left, now_seconds), evaluated(right, now_seconds))
        case Like(operand, wanted, negated):
            return _like(evaluated(operand, now_seconds), wanted, negated=negated)
        case In(operand, items, negated):
            return _in(evaluated(operand, now_seconds), [evaluated(item, now_seconds) for item in items], negated=negated)
        case _:
            assert_never(expression)


def _call(call: Call, now_seconds: int | None) -> Evaluated:
    """A function; where an earlier ``stats`` has a column for just this call, that column."""
    name = call.function.lower()
    if name == "now":
        return lambda _: now_seconds
    if name in AGGREGATES:
        return lambda row: row.computed.get(call)
    period = next((one for one in call.arguments if isinstance(one, Period)), None)
    arguments = [evaluated(one, now_seconds) for one in call.arguments if not isinstance(one, Period)]

    def binned(row: Row) -> Value:
        assert period is not None
        at = number(row.field("@timestamp"))
        return row.computed[call] if call in row.computed else None if at is None else floor(int(at), period)

    if name == "bin":
        return binned
    compute = FUNCTIONS[name].apply
    last = [] if period is None else [period]

    def called(row: Row) -> Value:
        if call in row.computed:
            return row.computed[call]
        return applied(compute, [argument(row) for argument in arguments] + last)

    return called


def _binary(operator: str, left: Evaluated, right: Evaluated) -> Evaluated:
    if operator in ("and", "or"):
        return _junction(left, right, decisive=operator == "or")
    if operator in COMPARED:
        return lambda row: compared(operator, left(row), right(row))
    compute = ARITHMETIC[operator]
    return lambda row: applied(compute, [left(row), right(row)])


def _truth(value: Value) -> bool | None:
    return None if value is None else is_true(value)


def _negation(operand: Evaluated) -> Evaluated:
    def negated(row: Row) -> Value:
        truth = _truth(operand(row))
        return None if truth is None else not truth

    return negated


def _junction(left: Evaluated, right: Evaluated, *, decisive: bool) -> Evaluated:
    """``or``, which one that is true decides; ``and``, which one that is false decides."""

    def joined(row: Row) -> Value:
        first = _truth(left(row))
        if first is decisive:
            return decisive
        second = _truth(right(row))
        return second if second is decisive else None if None in (first, second) else not decisive

    return joined


def _like(operand: Evaluated, wanted: str | Regex, *, negated: bool) -> Evaluated:
    """A regular expression that is found somewhere, or a text that is a part."""
    expression = read_regex(wanted.text) if isinstance(wanted, Regex) else None
    part = wanted if isinstance(wanted, str) else ""

    def matches(row: Row) -> Value:
        found = text(operand(row))
        if found is None:
            return None
        return (expression.search(found) is not None if expression is not None else part in found) != negated

    return matches


def _in(operand: Evaluated, items: Sequence[Evaluated], *, negated: bool) -> Evaluated:
    def is_in(row: Row) -> Value:
        value = operand(row)
        return None if value is None else any(compared("=", value, item(row)) for item in items) != negated

    return is_in
