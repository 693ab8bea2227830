"""The rule of a composite alarm: read, and what it says by the states of other alarms.

Source: ``cloudwatch`` ``PutCompositeAlarmInput.AlarmRule``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ninelives.model.cloudwatch import StateValue


class RuleInvalid(Exception):
    """A rule that cannot be read; the text says where it ends to make sense."""


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool


@dataclass(frozen=True, slots=True)
class IsIn:
    """True while an alarm, by name, is in a state."""

    alarm: str
    state: StateValue


@dataclass(frozen=True, slots=True)
class Not:
    rule: "Rule"


@dataclass(frozen=True, slots=True)
class All:
    left: "Rule"
    right: "Rule"


@dataclass(frozen=True, slots=True)
class Either:
    left: "Rule"
    right: "Rule"


Rule = Constant | IsIn | Not | All | Either

TOKEN: Final = re.compile(r'\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<sign>[()])|(?P<word>[^\s()"]+))')
STATES: Final = {state.value for state in StateValue}


def read_rule(text: str) -> Rule:
    """The rule in a text. Raises ``RuleInvalid``.

    >>> read_rule('NOT ALARM("errors")')
    Not(rule=IsIn(alarm='errors', state=<StateValue.ALARM: 'ALARM'>))
    """
    reader = _Reader(list(_tokens(text)))
    found = reader.either()
    reader.expect_end()
    return found


def alarms_in(rule: Rule) -> Iterator[str]:
    """The names of the alarms that a rule looks at."""
    match rule:
        case IsIn(alarm, _):
            yield alarm
        case Not(inner):
            yield from alarms_in(inner)
        case All(left, right) | Either(left, right):
            yield from alarms_in(left)
            yield from alarms_in(right)
        case Constant():
            return


def holds(rule: Rule, state_of: Callable[[str], StateValue | None]) -> bool:
    """Whether a rule is true; an alarm that does not exist is in no state."""
    match rule:
        case Constant(value):
            return value
        case IsIn(alarm, state):
            return state_of(alarm) is state
        case Not(inner):
            return not holds(inner, state_of)
        case All(left, right):
            return holds(left, state_of) and holds(right, state_of)
        case Either(left, right):
            return holds(left, state_of) or holds(right, state_of)


def alarm_name(name_or_arn: str) -> str:
    """An alarm's name by its name or ARN.

    >>> alarm_name("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:5xx"), alarm_name("5xx")
    ('5xx', '5xx')
    """
    return name_or_arn.split(":alarm:", 1)[1] if name_or_arn.startswith("arn:") and ":alarm:" in name_or_arn else name_or_arn


def _tokens(text: str) -> Iterator[str]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        if found is None:
            raise RuleInvalid(f"unexpected '{text[at:].strip()[:1]}'")
        yield found.group().strip()
        at = found.end()


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def either(self) -> Rule:
        left = self._all()
        while self._next() == "OR":
            self._at += 1
            left = Either(left, self._all())
        return left

    def _all(self) -> Rule:
        left = self._not()
        while self._next() == "AND":
            self._at += 1
            left = All(left, self._not())
        return left

    def _not(self) -> Rule:
        if self._next() == "NOT":
            self._at += 1
            return Not(self._not())
        return self._one()

    def _one(self) -> Rule:
        word = self._next()
        self._at += 1
        if word == "(":
            inner = self.either()
            self._take(")")
            return inner
        if word in {"TRUE", "FALSE"}:
            return Constant(word == "TRUE")
        if word not in STATES:
            raise RuleInvalid(f"unexpected '{word}'" if word else "unexpected end")
        self._take("(")
        name = self._next()
        self._at += 1
        if name in {"", "(", ")"}:
            raise RuleInvalid(f"{word} names no alarm")
        self._take(")")
        if name.startswith('"'):
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
        return IsIn(alarm_name(name), StateValue(word))

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, sign: str) -> None:
        if self._next() != sign:
            raise RuleInvalid(
                f"expected '{sign}', found '{self._next()}'" if self._next() else f"expected '{sign}' at the end"
            )
        self._at += 1

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise RuleInvalid(f"unexpected '{self._next()}'")
