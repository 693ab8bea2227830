"""Conditions of statements: operators on the condition keys of a request.

Source: IAM user guide, "IAM JSON policy elements: Condition operators", "Set operators for multi-valued context keys".
"""

import base64
import binascii
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeVar

from ninelives.access.patterns import Context, Pattern

T = TypeVar("T")

Test = Callable[[Pattern, str, Context], bool]
"""Whether a value of the request fits a value of the policy."""

ARN_COLONS: Final = 5


class UnknownOperator(Exception):
    """No operator of IAM's has this name."""


class Quantity(Enum):
    """How many of a key's values are asked: one stands for keys that have a single value."""

    ONE = ""
    ALL = "ForAllValues:"
    ANY = "ForAnyValue:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """``key`` is in lower case. ``is_negated``: the operator asks that no value of the policy fits."""

    operator: str
    key: str
    values: tuple[Pattern, ...]
    test: Test
    is_negated: bool = False
    quantity: Quantity = Quantity.ONE
    if_exists: bool = False

    def holds(self, context: Context) -> bool:
        """Whether it is met. Of a key that is not there: a negated operator is, so is ``ForAllValues`` and ``…IfExists``."""
        given = context.get(self.key)
        if self.operator == "Null":
            return any((value.text.lower() == "true") is (given is None) for value in self.values)
        if given is None and self.if_exists:
            return True
        if self.quantity is Quantity.ANY:
            return any(self._passes(one, context) for one in given or ())
        if self.quantity is Quantity.ALL:
            return all(self._passes(one, context) for one in given or ())
        if self.is_negated:
            return all(self._passes(one, context) for one in given or ())
        return any(self._passes(one, context) for one in given or ())

    def _passes(self, value: str, context: Context) -> bool:
        return any(self.test(one, value, context) for one in self.values) is not self.is_negated


def read_condition(operator: str, key: str, values: Sequence[Pattern]) -> Condition:
    """A condition as a policy spells it. Raises ``UnknownOperator``.

    >>> read_condition("ForAnyValue:StringNotLikeIfExists", "aws:TagKeys", []).is_negated
    True
    """
    quantity = next((one for one in (Quantity.ALL, Quantity.ANY) if operator.startswith(one.value)), Quantity.ONE)
    name = operator.removeprefix(quantity.value)
    if name == "Null":
        return Condition(operator="Null", key=key.lower(), values=tuple(values), test=_equals)
    base = name.removesuffix("IfExists")
    known = _OPERATORS.get(base)
    if known is None:
        raise UnknownOperator(operator)
    test, is_negated = known
    return Condition(
        operator=operator,
        key=key.lower(),
        values=tuple(values),
        test=test,
        is_negated=is_negated,
        quantity=quantity,
        if_exists=base != name,
    )


def _equals(wanted: Pattern, given: str, context: Context) -> bool:
    return wanted.value(context) == given


def _equals_ignoring_case(wanted: Pattern, given: str, context: Context) -> bool:
    value = wanted.value(context)
    return value is not None and value.casefold() == given.casefold()


def _is_like(wanted: Pattern, given: str, context: Context) -> bool:
    return wanted.matches(given, context)


def _is_arn_like(wanted: Pattern, given: str, context: Context) -> bool:
    is_arn = given.count(":") >= ARN_COLONS
    return is_arn and wanted.matches_arn(given, context)


def _is_true(wanted: Pattern, given: str, context: Context) -> bool:
    value = wanted.value(context)
    return value is not None and value.lower() == given.lower()


def _is_in_network(wanted: Pattern, given: str, context: Context) -> bool:
    value = wanted.value(context)
    try:
        return value is not None and ipaddress.ip_address(given) in ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False


def _is_binary(wanted: Pattern, given: str, context: Context) -> bool:
    try:
        return base64.b64decode(wanted.value(context) or "", validate=True) == base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return False


def _compared(read: Callable[[str], T], compare: Callable[[T, T], bool]) -> Test:
    """``compare(given, wanted)`` of two readable values; what cannot be read fits nothing."""

    def test(wanted: Pattern, given: str, context: Context) -> bool:
        value = wanted.value(context)
        try:
            return value is not None and compare(read(given), read(value))
        except (ValueError, ArithmeticError):  # a number, a date or an address that is none, or beyond all bounds
            return False

    return test


def read_instant(text: str) -> datetime:
    """ISO 8601, or seconds since the epoch. Raises ``ValueError``.

    >>> read_instant("2026-11-27T08:00:00Z") == read_instant("1795766400")
    True
    """
    if text.replace(".", "", 1).isdigit():
        return datetime.fromtimestamp(float(text), UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_COMPARISONS: Final[Mapping[str, tuple[Callable[[Any, Any], bool], bool]]] = {
    "Equals": (lambda given, wanted: given == wanted, False),
    "NotEquals": (lambda given, wanted: given == wanted, True),
    "LessThan": (lambda given, wanted: given < wanted, False),
    "LessThanEquals": (lambda given, wanted: given <= wanted, False),
    "GreaterThan": (lambda given, wanted: given > wanted, False),
    "GreaterThanEquals": (lambda given, wanted: given >= wanted, False),
}

_OPERATORS: Final[Mapping[str, tuple[Test, bool]]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringEqualsIgnoreCase": (_equals_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_equals_ignoring_case, True),
    "StringLike": (_is_like, False),
    "StringNotLike": (_is_like, True),
    "ArnEquals": (_is_arn_like, False),
    "ArnLike": (_is_arn_like, False),
    "ArnNotEquals": (_is_arn_like, True),
    "ArnNotLike": (_is_arn_like, True),
    "Bool": (_is_true, False),
    "BinaryEquals": (_is_binary, False),
    "IpAddress": (_is_in_network, False),
    "NotIpAddress": (_is_in_network, True),
    **{f"Numeric{name}": (_compared(Decimal, compare), negated) for name, (compare, negated) in _COMPARISONS.items()},
    **{f"Date{name}": (_compared(read_instant, compare), negated) for name, (compare, negated) in _COMPARISONS.items()},
}

OPERATORS: Final = frozenset(_OPERATORS) | {"Null"}
