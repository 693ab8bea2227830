"""A pattern's characters, one after the other; what all three languages write alike: quoted texts, regular expressions."""

import re
from typing import Final

from ninelives.monitoring.regular_expressions import Expression, ExpressionInvalid

SPACE: Final = re.compile(r"\s*")
QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
REGEX_MAX: Final = 2
"""Regular expressions in one pattern."""
REGEX_PIECE: Final = re.compile(
    r"""
      \\(?:x[0-9A-Fa-f]{2}|[dDsSwW]|[_#=@/;,:\-^$?\[\]{}|\\*+.])
    | \{\d+(?:,\d*)?\}
    | [A-Za-z0-9_#=@/;,:\- ]
    | [\^$?|*+.]
    """,
    re.VERBOSE,
)
CLASS_PIECE: Final = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|[dDsSwW]|[_#=@/;,:\-^$?\[\]{}|\\*+.])|[A-Za-z0-9_#=@/;,:\- ^$?{}|*+.]")


class PatternInvalid(Exception):
    """A pattern that CloudWatch Logs would refuse; the text says why."""


class Scanner:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._regexes = 0

    @property
    def rest(self) -> str:
        return self.text[self.at :]

    def skip_spaces(self) -> None:
        found = SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def takes(self, literal: str) -> bool:
        """Whether ``literal`` comes next, after spaces; then it is taken."""
        self.skip_spaces()
        if not self.text.startswith(literal, self.at):
            return False
        self.at += len(literal)
        return True

    def takes_words(self, *words: str) -> bool:
        """The same for words, in any case."""
        self.skip_spaces()
        found = re.compile(r"\s+".join(words) + r"\b", re.IGNORECASE).match(self.text, self.at)
        if found is None:
            return False
        self.at = found.end()
        return True

    def matched(self, expression: re.Pattern[str]) -> str | None:
        """What comes next, where it is of this form, taken."""
        found = expression.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def expect(self, literal: str) -> None:
        if not self.takes(literal):
            raise PatternInvalid(f"Invalid filter pattern: expected '{literal}', found {self.found()}")

    def expect_end(self) -> None:
        self.skip_spaces()
        if self.rest:
            raise PatternInvalid(f"Invalid filter pattern: expected the end, found {self.found()}")

    def found(self) -> str:
        """What comes next, in words."""
        return f"'{self.rest[:20]}' at character {self.at + 1}" if self.rest else "the end of the pattern"

    def quoted(self) -> str:
        """The text between the double quotes that begin here; a backslash takes the next character as it is."""
        found = QUOTED.match(self.text, self.at)
        if found is None:
            raise PatternInvalid("Invalid filter pattern: a double quote that is not closed")
        self.at = found.end()
        return ESCAPED.sub(r"\1", found[1])

    def regex(self) -> Expression:
        """The regular expression between the percent signs that begin here."""
        end = self.text.find("%", self.at + 1)
        if end < 0:
            raise PatternInvalid("Invalid filter pattern: a regular expression without its closing '%'")
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        self._regexes += 1
        if self._regexes > REGEX_MAX:
            raise PatternInvalid(f"Invalid filter pattern: more than {REGEX_MAX} regular expressions")
        return read_regex(inside)


def read_regex(text: str) -> Expression:
    r"""A regular expression of the few characters and operators that CloudWatch Logs allows: none that groups.

    >>> bool(read_regex(r"10\.10\.0\.[1-9]").search("from 10.10.0.1"))
    True
    """
    written, at = [], 0
    while at < len(text):
        inside = _class(text, at) if text[at] == "[" else None
        piece = REGEX_PIECE.match(text, at)
        if inside is not None:
            translated, at = inside
            written.append(translated)
        elif piece is not None:
            written.append(_spelled(piece[0]))
            at = piece.end()
        else:
            raise PatternInvalid(f"Invalid regular expression '%{text}%': '{text[at]}' is not supported")
    try:
        if not text:
            raise PatternInvalid("Invalid filter pattern: an empty regular expression")
        return Expression("".join(written))
    except ExpressionInvalid as error:
        raise PatternInvalid(f"Invalid regular expression '%{text}%': {error}") from None


def _class(text: str, start: int) -> tuple[str, int]:
    """A character class, written as Python reads it, and where it ends."""
    at = start + 1
    negated = text.startswith("^", at)
    at += negated
    pieces: list[str] = []
    while not text.startswith("]", at):
        piece = CLASS_PIECE.match(text, at)
        if piece is None:
            raise PatternInvalid(f"Invalid regular expression '%{text}%': the '[' at {start + 1} has no proper end")
        pieces.append(_spelled(piece[0]))
        at = piece.end()
    return f"[{'^' if negated else ''}{''.join(pieces)}]", at + 1


def _spelled(piece: str) -> str:
    """A sign that need not be escaped stands for itself."""
    return piece[1:] if piece[0] == "\\" and piece[1] in "_#=@/;,:" else piece
