"""Patterns of JSON events: ``{ $.status = 5* && $.user.id NOT EXISTS }``."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache, partial
from typing import Any, Final

from ninelives.monitoring.filter_patterns.conditions import Condition, read_comparison, read_conditions
from ninelives.monitoring.filter_patterns.scanning import PatternInvalid, Scanner

NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
QUOTED_NAME: Final = re.compile(r"\[\s*(?:'([^']*)'|\"([^\"]*)\")\s*\]")
INDEX: Final = re.compile(r"\[\s*(?:(\d{1,9})|(\*))\s*\]")
WILDCARDS_MAX: Final = 3
"""Selectors with a wildcard in one pattern; each may have one."""


class Wildcard(Enum):
    EACH = "*"


EACH: Final = Wildcard.EACH
Step = str | int | Wildcard
"""The name of a member, the index of an element, or each of either."""


@dataclass(frozen=True, slots=True)
class JsonPattern:
    """Conditions on the members of an event that is a JSON object or array; other events match nothing."""

    condition: Condition[Any]

    def matches(self, message: str) -> bool:
        event = _event(message)
        return event is not None and self.condition(event)

    def extract(self, message: str) -> dict[str, str] | None:
        """Nothing is told of JSON events by TestMetricFilter, but that they match."""
        return {} if self.matches(message) else None

    def value(self, message: str, reference: str) -> str | None:
        event, selector = _event(message), _selector_of(reference)
        if event is None or selector is None:
            return None
        return next((text for text in map(_text, selected(event, selector)) if text is not None), None)

    def declares(self, reference: str) -> bool:
        return _selector_of(reference) is not None


def read_json_pattern(scanner: Scanner) -> JsonPattern:
    """Raises ``PatternInvalid``."""
    scanner.expect("{")
    reader = _Tests()
    condition = read_conditions(scanner, reader.read)
    scanner.expect("}")
    scanner.expect_end()
    return JsonPattern(condition)


def selected(event: Any, selector: Sequence[Step]) -> Iterator[Any]:
    """What a selector leads to, an element after the other where it has a wildcard.

    >>> list(selected({"users": [{"id": 1}, {"id": 2}]}, ["users", EACH, "id"]))
    [1, 2]
    """
    if not selector:
        yield event
        return
    step, rest = selector[0], selector[1:]
    for member in _members(event, step):
        yield from selected(member, rest)


def _members(event: Any, step: Step) -> Iterable[Any]:
    match step:
        case Wildcard.EACH:
            return event.values() if isinstance(event, dict) else event if isinstance(event, list) else ()
        case str():
            return (event[step],) if isinstance(event, dict) and step in event else ()
        case int():
            return (event[step],) if isinstance(event, list) and step < len(event) else ()


class _Tests:
    """Reads one test after the other; counts their wildcards."""

    def __init__(self) -> None:
        self._wildcards = 0

    def read(self, scanner: Scanner) -> Condition[Any]:
        selector = read_selector(scanner)
        self._wildcards += EACH in selector
        if self._wildcards > WILDCARDS_MAX:
            raise PatternInvalid(f"Invalid filter pattern: more than {WILDCARDS_MAX} selectors with a wildcard")
        if scanner.takes_words("NOT", "EXISTS"):
            return lambda event: not any(True for _ in selected(event, selector))
        for word, wanted in (("NULL", None), ("TRUE", True), ("FALSE", False)):
            if scanner.takes_words("IS", word):
                return partial(_has, selector, wanted)
        comparison = read_comparison(scanner)
        return lambda event: any(isinstance(one, str) and comparison.holds(one) for one in selected(event, selector))


def _has(selector: Sequence[Step], wanted: bool | None, event: Any) -> bool:
    return any(one is wanted for one in selected(event, selector))


def read_selector(scanner: Scanner) -> tuple[Step, ...]:
    """``$.a.b[0]``, ``$.users[*].id``, ``$.*``, ``$.['a.b']``. Raises ``PatternInvalid``."""
    scanner.expect("$")
    steps: list[Step] = []
    while (step := _step(scanner)) is not None:
        steps.append(step)
    if not steps:
        raise PatternInvalid(f"Invalid filter pattern: expected a member such as '$.name', found {scanner.found()}")
    if steps.count(EACH) > 1:
        raise PatternInvalid("Invalid filter pattern: a selector has more than one wildcard")
    return tuple(steps)


def _step(scanner: Scanner) -> Step | None:
    rest = scanner.rest
    dotted = rest.startswith(".")
    if dotted and rest.startswith("*", 1):
        scanner.at += 2
        return EACH
    if dotted and (name := NAME.match(rest, 1)) is not None:
        scanner.at += name.end()
        return name[0]
    if (quoted := QUOTED_NAME.match(rest, int(dotted))) is not None:
        scanner.at += quoted.end()
        return quoted[1] if quoted[1] is not None else quoted[2]
    if not dotted and (index := INDEX.match(rest)) is not None:
        scanner.at += index.end()
        return EACH if index[2] else int(index[1])
    if dotted or rest.startswith("["):
        raise PatternInvalid(f"Invalid filter pattern: expected the name of a member or an index, found {scanner.found()}")
    return None


@lru_cache(maxsize=256)
def _selector_of(reference: str) -> tuple[Step, ...] | None:
    scanner = Scanner(reference.strip())
    try:
        selector = read_selector(scanner)
        scanner.expect_end()
    except PatternInvalid:
        return None
    return selector


@lru_cache(maxsize=1)
def _event(message: str) -> dict[str, Any] | list[Any] | None:
    """The event with its numbers as they are written, which compare as texts do; kept for the next pattern to look at."""
    if message.lstrip()[:1] not in ("{", "["):
        return None
    try:
        event = json.loads(message, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict | list) else None


def _text(value: Any) -> str | None:
    """A text, a number or a truth value, as it is written; nulls and what has members are none."""
    return str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else None
