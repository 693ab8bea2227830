"""Patterns of policies: wildcards, and variables whose values come from the request.

Source: IAM user guide, "IAM JSON policy elements: Resource" (wildcards), "IAM policy elements: Variables and tags" (variables,
their defaults, and ``${*}``, ``${?}``, ``${$}`` for the characters themselves).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

Context = Mapping[str, tuple[str, ...]]
"""A request's condition keys, in lower case, with their values."""

VARIABLE: Final = re.compile(r"\$\{\s*(?P<key>[^},\s]+)\s*(?:,\s*'(?P<default>[^']*)'\s*)?\}")
LITERALS: Final = frozenset("*?$")

ARN_COLONS: Final = 5

KEPT: Final = 4096
"""Compiled patterns that are kept: more than the policies of one region have."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as a policy spells it. ``has_variables`` is whether its meaning depends on the request."""

    text: str
    has_variables: bool

    def matches(self, value: str, context: Context) -> bool:
        """Whether the whole of ``value`` fits, with regard to case. A variable without value and default fits nothing."""
        return self._fits(value, context, is_arn=False)

    def matches_arn(self, arn: str, context: Context) -> bool:
        """Whether an ARN fits part by part: no wildcard but the last character reaches over one of the first five colons."""
        return self._fits(arn, context, is_arn=True)

    def _fits(self, value: str, context: Context, *, is_arn: bool) -> bool:
        if not self.has_variables:
            return _regex(self.text, is_arn)(value) is not None
        found = _resolved(self.text, context, is_arn=is_arn)
        return found is not None and re.fullmatch(found, value, re.DOTALL) is not None

    def value(self, context: Context) -> str | None:
        """The text with its variables replaced, for operators without wildcards; None where a variable has no value."""
        if not self.has_variables:
            return self.text
        missing = False

        def replaced(found: re.Match[str]) -> str:
            nonlocal missing
            value = _variable(found, context)
            missing = missing or value is None
            return value or ""

        text = VARIABLE.sub(replaced, self.text)
        return None if missing else text


def pattern(text: str, *, with_variables: bool = True) -> Pattern:
    """A pattern; in policies of version 2008-10-17 there are no variables."""
    return Pattern(text, with_variables and VARIABLE.search(text) is not None)


@lru_cache(KEPT)
def action_matcher(text: str) -> Callable[[str], object]:
    """What tells whether an action (``ecs:UpdateService``) fits: without regard to case, wildcards anywhere."""
    return re.compile(_escaped(text.lower()), re.DOTALL).fullmatch


@lru_cache(KEPT)
def _regex(text: str, is_arn: bool) -> Callable[[str], object]:
    return re.compile(_escaped(text, is_arn=is_arn), re.DOTALL).fullmatch


def _escaped(text: str, *, is_arn: bool = False, colons: int = 0, is_end: bool = True) -> str:
    """A regular expression; ``colons`` is how many of an ARN's stand before ``text``, ``is_end`` whether nothing follows."""
    expression = ""
    for position, character in enumerate(text, start=1):
        colons += character == ":"
        is_within = is_arn and colons < ARN_COLONS and not (is_end and position == len(text))
        any_one = "[^:]" if is_within else "."
        expression += {"*": f"{any_one}*", "?": any_one}.get(character) or re.escape(character)
    return expression


def _resolved(text: str, context: Context, *, is_arn: bool) -> str | None:
    """The regular expression of a text with variables; what they stand for is taken literally."""
    expression, end, colons = "", 0, 0
    for found in VARIABLE.finditer(text):
        value = _variable(found, context)
        if value is None:
            return None
        before = text[end : found.start()]
        expression += _escaped(before, is_arn=is_arn, colons=colons, is_end=False) + re.escape(value)
        colons += before.count(":")
        end = found.end()
    return expression + _escaped(text[end:], is_arn=is_arn, colons=colons)


def _variable(found: re.Match[str], context: Context) -> str | None:
    key = found["key"]
    if key in LITERALS:
        return key
    values = context.get(key.lower(), ())
    if len(values) == 1:  # a key of several values has none that a variable could stand for
        return values[0]
    default: str | None = found["default"]
    return default
