"""Patterns of plain texts: terms that a message has or lacks, or one regular expression."""

import re
from dataclasses import dataclass
from typing import Final

from ninelives.monitoring.filter_patterns.scanning import PatternInvalid, Scanner
from ninelives.monitoring.regular_expressions import Expression

TERM: Final = re.compile(r"\w+")
WORD: Final = re.compile(r"\S+")
NOTHING: Final[dict[str, str]] = {}


class _NoValues:
    """What a pattern that names nothing refers to."""

    __slots__ = ()

    def matches(self, message: str) -> bool:
        raise NotImplementedError

    def extract(self, message: str) -> dict[str, str] | None:
        return NOTHING if self.matches(message) else None

    def value(self, message: str, reference: str) -> str | None:  # noqa: ARG002 no pattern of this kind has any
        return None

    def declares(self, reference: str) -> bool:  # noqa: ARG002 the same
        return False


@dataclass(frozen=True, slots=True)
class EverythingPattern(_NoValues):
    """The empty pattern."""

    def matches(self, message: str) -> bool:  # noqa: ARG002 whatever it says
        return True


@dataclass(frozen=True, slots=True)
class RegexPattern(_NoValues):
    """``%AUTH[A-Z]+%``: found anywhere in the message."""

    regex: Expression

    def matches(self, message: str) -> bool:
        return self.regex.search(message) is not None


@dataclass(frozen=True, slots=True)
class TermsPattern(_NoValues):
    """Parts of a message as they are written, their case too: all that are ``required``, none that is ``excluded``.

    Where nothing is required, at least one that is ``optional``; beside other terms the optional ones mean nothing, as the
    user guide has it.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    excluded: tuple[str, ...]

    def matches(self, message: str) -> bool:
        if any(term in message for term in self.excluded) or not all(term in message for term in self.required):
            return False
        alone = bool(self.optional) and not self.required and not self.excluded
        return not alone or any(term in message for term in self.optional)


def read_terms(scanner: Scanner) -> TermsPattern | RegexPattern:
    """``ERROR "not found" -debug``, ``?ERROR ?WARN``, ``%regex%``. Raises ``PatternInvalid``."""
    if scanner.rest.startswith("%"):
        found = RegexPattern(scanner.regex())
        scanner.expect_end()
        return found
    terms: dict[str, list[str]] = {"": [], "?": [], "-": []}
    while scanner.rest:
        sign = scanner.matched(re.compile("[?-]")) or ""
        terms[sign].append(_term(scanner))
        scanner.skip_spaces()
    return TermsPattern(required=tuple(terms[""]), optional=tuple(terms["?"]), excluded=tuple(terms["-"]))


def _term(scanner: Scanner) -> str:
    if scanner.rest.startswith('"'):
        return scanner.quoted()
    word = WORD.match(scanner.rest)
    if word is None or not TERM.fullmatch(word[0]):
        found = word[0] if word else ""
        raise PatternInvalid(
            f"Invalid character(s) in term '{found}': put double quotes around what has other than letters and digits"
        )
    scanner.at += word.end()
    return word[0]
