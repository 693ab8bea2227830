"""Regular expressions of users, in filter patterns and queries: their time grows with the text and not faster.

CloudWatch Logs has such an engine too, without groups that are referred to and without looking ahead. They run in the region's
process, which Python's own would stop for as long as it tries.
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol


class ExpressionInvalid(Exception):
    """A regular expression that cannot be read; the text says why."""


class Match(Protocol):
    def groups(self) -> tuple[str | None, ...]: ...

    def group(self, name: str | int) -> str | None: ...


class Expression:
    """A regular expression, as RE2 reads it."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        import re2  # 30 ms that a start of the region need not spend

        options = re2.Options()
        options.log_errors = False
        self.text = text
        try:
            self._compiled: Any = re2.compile(text, options=options)
        except re2.error as error:
            reason = error.args[0] if error.args else "not valid"
            raise ExpressionInvalid(reason.decode() if isinstance(reason, bytes) else str(reason)) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def search(self, text: str) -> Match | None:
        """Where it matches first, anywhere in the text.

        >>> Expression("(a+)+$").search("a" * 100_000 + "b") is None
        True
        """
        try:
            found: Match | None = self._compiled.search(text)
        except UnicodeEncodeError:  # half a character beyond U+FFFF, as JSON may spell it
            return self.search(text.encode("utf-8", "replace").decode())
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Those of its groups, in their order."""
        named: Mapping[str, int] = self._compiled.groupindex
        return tuple(sorted(named, key=lambda name: named[name]))


def literal(text: str) -> str:
    """An expression that matches just the text.

    >>> Expression(literal("a.b*")).search("xa.b*") is not None
    True
    """
    return re.escape(text)
