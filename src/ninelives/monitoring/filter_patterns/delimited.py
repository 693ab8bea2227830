"""Patterns of space-delimited events: ``[ip, user, ..., request = *.html*, status = 4*, bytes > 1000]``."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ninelives.monitoring.filter_patterns.conditions import Condition, read_comparison, read_conditions
from ninelives.monitoring.filter_patterns.scanning import PatternInvalid, Scanner

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
WORD: Final = re.compile(r"\S+")
CLOSING: Final[Mapping[str, str]] = {'"': '"', "[": "]"}
"""What is between double quotes or square brackets is one field, without them."""
ELLIPSIS: Final = "..."


@dataclass(frozen=True, slots=True)
class Entry:
    """What a pattern says of one field; ``name`` empty where it has none, ``ELLIPSIS`` for any number of fields."""

    name: str
    condition: Condition[str] | None = None


@dataclass(frozen=True, slots=True)
class DelimitedPattern:
    """An entry for each field of an event. The last takes the rest of the line, unless an ellipsis stands for any fields."""

    entries: tuple[Entry, ...]

    def matches(self, message: str) -> bool:
        return self._fields(message) is not None

    def extract(self, message: str) -> dict[str, str] | None:
        """``$name`` of the fields that have one, ``$1``, ``$2`` … of the others."""
        return self._fields(message)

    def value(self, message: str, reference: str) -> str | None:
        """Of a name, or of a position such as ``$3``, which all fields have."""
        named = self._fields(message)
        if named is None or reference in named:
            return None if named is None else named[reference]
        position = int(reference[1:]) if re.fullmatch(r"\$[1-9]\d{0,8}", reference) else 0
        return list(named.values())[position - 1] if 0 < position <= len(named) else None

    def declares(self, reference: str) -> bool:
        names = {f"${entry.name}" for entry in self.entries if entry.name not in ("", ELLIPSIS)}
        return reference in names or re.fullmatch(r"\$[1-9]\d*", reference) is not None

    def _fields(self, message: str) -> dict[str, str] | None:
        """Every field by its name or number; None where the message does not match."""
        aligned = _aligned(self.entries, message)
        if aligned is None or not all(entry.condition is None or entry.condition(text) for entry, text in aligned):
            return None
        return {f"${entry.name or number}": text for number, (entry, text) in enumerate(aligned, start=1)}


def fields_of(message: str) -> Iterator[tuple[int, str]]:
    """The fields of a line, each with the place where it begins; in a time that grows with the line and not faster.

    >>> [text for _, text in fields_of('[10/Oct] "GET /" 200 [open "x"y')]
    ['10/Oct', 'GET /', '200', '[open', '"x"y']
    """
    at = 0
    ends: dict[str, int] = {}
    while (word := WORD.search(message, at)) is not None:
        start, at = word.span()
        text = word[0]
        closing = CLOSING.get(message[start])
        if closing is not None:
            end = ends.get(closing, 0)
            if end <= start:
                found = message.find(closing, start + 1)
                end = ends[closing] = found if found > 0 else len(message)
            if end < len(message) and not message[end + 1 : end + 2].strip():
                text, at = message[start + 1 : end], end + 1
        yield start, text


def _aligned(entries: Sequence[Entry], message: str) -> list[tuple[Entry, str]] | None:
    """Each field with its entry; None where there are too few."""
    found = list(fields_of(message))
    texts = [text for _, text in found]
    unnamed = Entry("")
    if not entries:
        return [(unnamed, text) for text in texts]
    at = next((index for index, entry in enumerate(entries) if entry.name == ELLIPSIS), None)
    if len(texts) < len(entries) - (at is not None):
        return None
    if at is not None:
        after = len(entries) - at - 1
        between = len(texts) - at - after
        entries = [*entries[:at], *[unnamed] * between, *entries[at + 1 :]]
    elif len(texts) > len(entries):
        last = len(entries) - 1
        texts = [*texts[:last], message[found[last][0] :].rstrip()]
    return list(zip(entries, texts, strict=True))


def read_delimited(scanner: Scanner) -> DelimitedPattern:
    """Raises ``PatternInvalid``."""
    scanner.expect("[")
    entries: list[Entry] = []
    if not scanner.takes("]"):
        entries.append(_entry(scanner))
        while scanner.takes(","):
            entries.append(_entry(scanner))
        scanner.expect("]")
    scanner.expect_end()
    names = sorted(entry.name for entry in entries if entry.name)
    twice = next((one for one, other in pairwise(names) if one == other), None)
    if twice is not None:
        raise PatternInvalid(f"Invalid filter pattern: '{twice}' stands for more than one field")
    return DelimitedPattern(tuple(entries))


def _entry(scanner: Scanner) -> Entry:
    if scanner.takes(ELLIPSIS):
        return Entry(ELLIPSIS)
    scanner.skip_spaces()
    if scanner.rest[:1] in (",", "]"):
        return Entry("")
    names: set[str] = set()

    def read_test(inner: Scanner) -> Condition[str]:
        names.add(_name(inner))
        comparison = read_comparison(inner)
        return comparison.holds

    if (alone := re.match(NAME.pattern + r"\s*(?=[,\]])", scanner.rest)) is not None:
        scanner.at += alone.end()
        return Entry(alone[0].strip())
    condition = read_conditions(scanner, read_test)
    if len(names) != 1:
        raise PatternInvalid(f"Invalid filter pattern: conditions on {' and '.join(sorted(names))} in the place of one field")
    return Entry(names.pop(), condition)


def _name(scanner: Scanner) -> str:
    scanner.skip_spaces()
    name = scanner.matched(NAME)
    if name is None:
        raise PatternInvalid(f"Invalid filter pattern: expected the name of a field, found {scanner.found()}")
    return name
