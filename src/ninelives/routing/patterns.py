"""ALB's wildcard patterns as RE2 expressions.

Source: ELB user guide for Application Load Balancers, "Condition types for listener rules": ``*`` stands for any number of
characters, ``?`` for exactly one; a backslash takes the meaning from ``*``, ``?`` and itself.
"""

import re
from collections.abc import Iterable, Iterator
from enum import Enum


class Wildcard(Enum):
    """What stands in a pattern beside literal characters."""

    ANY_RUN = "*"
    ANY_ONE = "?"


def tokens(pattern: str) -> Iterator[str | Wildcard]:
    r"""The literal characters and wildcards of a pattern, in order.

    >>> list(tokens(r"a\*?"))
    ['a', '*', <Wildcard.ANY_ONE: '?'>]
    """
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            escaped = next(characters, "\\")
            if escaped not in "*?\\":
                yield character
            yield escaped
        elif character in "*?":
            yield Wildcard(character)
        else:
            yield character


def literal(pattern: str) -> str | None:
    r"""The one text that a pattern without wildcards matches, else None.

    >>> literal(r"/a\?b"), literal("/a*")
    ('/a?b', None)
    """
    found = list(tokens(pattern))
    return None if any(isinstance(token, Wildcard) for token in found) else "".join(map(str, found))


def literal_prefix(pattern: str) -> str | None:
    """What stands before the only wildcard, a ``*`` at the end, else None.

    >>> literal_prefix("/img/*"), literal_prefix("/img/*.png"), literal_prefix("/img")
    ('/img/', None, None)
    """
    return literal(pattern[:-1]) if pattern.endswith("*") and not pattern.endswith("\\*") else None


def regex(pattern: str, *, any_one: str = ".") -> str:
    r"""RE2 for a whole pattern; ``any_one`` says which characters a wildcard may stand for.

    >>> regex("*.example.com"), regex("v1*", any_one="[^&]")
    ('.*\\.example\\.com', 'v1[^&]*')
    """
    return "".join(_piece(token, any_one) for token in tokens(pattern))


def alternatives(expressions: Iterable[str]) -> str:
    """One expression that matches what any of ``expressions`` matches."""
    return f"(?:{'|'.join(expressions)})"


def _piece(token: str | Wildcard, any_one: str) -> str:
    match token:
        case Wildcard.ANY_RUN:
            return f"{any_one}*"
        case Wildcard.ANY_ONE:
            return any_one
        case _:
            return re.escape(token)
