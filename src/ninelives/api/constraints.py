"""What botocore's model demands of a request: members that must be there, lengths, ranges, patterns and enumerations.

All violations of a request are told at once, in the words in which AWS tells them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from ninelives.api.service_model import Shape

OWN_WORDS: Final = {"DeploymentLifecycleHookTargetType": "Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE"}
"""How a service tells a value outside an enumeration where it is known not to use the common form, by the shape's name."""

SHOWN_LENGTH: Final = 200
"""Characters of a value that a message repeats."""


class Unreadable(Exception):
    """A request that is not in its protocol's form, or in which a value has the wrong type; ``path`` names the member."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


@dataclass(frozen=True, slots=True)
class Violation:
    """One constraint that a value does not meet."""

    path: str
    value: str | None
    demand: str
    own_words: str | None = None
    """The service's own message, in place of the common one."""

    def __str__(self) -> str:
        shown = "null" if self.value is None else f"'{self.value[:SHOWN_LENGTH]}'"
        return f"Value {shown} at '{self.path}' failed to satisfy constraint: {self.demand}"


def violations(shape: Shape | None, parameters: Mapping[str, Any]) -> list[Violation]:
    """All that is wrong with ``parameters``, which have the right types already."""
    return [] if shape is None else list(_check(shape, parameters, ""))


def told(found: list[Violation]) -> str:
    """One message for all violations; where the service has words of its own for one of them, those alone.

    >>> told([Violation("cluster", None, "Member must not be null")])
    "1 validation error detected: Value null at 'cluster' failed to satisfy constraint: Member must not be null"
    """
    own = next((violation.own_words for violation in found if violation.own_words), None)
    if own is not None:
        return own
    count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
    return f"{count}: {'; '.join(str(violation) for violation in found)}"


def _check(shape: Shape, value: Any, path: str) -> Iterator[Violation]:
    match shape.type:
        case "structure" if not shape.is_document:
            yield from _check_structure(shape, value, path)
        case "list":
            yield from _check_size(shape, value, path, len(value))
            for place, item in enumerate(value, 1):
                yield from _check(shape.member.shape, item, f"{path}.{place}.member")
        case "map":
            yield from _check_size(shape, value, path, len(value))
            for key, item in value.items():
                yield from _check(shape.key.shape, key, f"{path}.key")
                yield from _check(shape.value.shape, item, f"{path}.{key}")
        case "string":
            yield from _check_string(shape, value, path)
        case "blob":
            yield from _check_size(shape, value, path, len(value))
        case "integer" | "long" | "float" | "double":
            yield from _check_number(shape, value, path)
        case _:
            pass


def _check_structure(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[Violation]:
    prefix = f"{path}." if path else ""
    for name in shape.traits.get("required", ()):
        if value.get(name) is None:
            yield Violation(f"{prefix}{name}", None, "Member must not be null")
    members = shape.members
    for name, item in value.items():
        yield from _check(members[name].shape, item, f"{prefix}{name}")


def _check_string(shape: Shape, value: str, path: str) -> Iterator[Violation]:
    wrong_size = list(_check_size(shape, value, path, len(value)))
    yield from wrong_size
    if wrong_size:  # A pattern is not matched against a text without bound.
        return
    pattern = shape.traits.get("pattern")
    if pattern and not _matches(pattern, value):
        yield Violation(path, value, f"Member must satisfy regular expression pattern: {pattern}")
    allowed = shape.traits.get("enum")
    if allowed and value not in allowed:
        demand = f"Member must satisfy enum value set: [{', '.join(allowed)}]"
        yield Violation(path, value, demand, OWN_WORDS.get(shape.name))


def _check_size(shape: Shape, value: Any, path: str, size: int) -> Iterator[Violation]:
    least, most = shape.traits.get("min"), shape.traits.get("max")
    if least is not None and size < least:
        yield Violation(path, str(value), f"Member must have length greater than or equal to {least}")
    if most is not None and size > most:
        yield Violation(path, str(value), f"Member must have length less than or equal to {most}")


def _check_number(shape: Shape, value: float, path: str) -> Iterator[Violation]:
    least, most = shape.traits.get("min"), shape.traits.get("max")
    if least is not None and value < least:
        yield Violation(path, str(value), f"Member must have value greater than or equal to {least}")
    if most is not None and value > most:
        yield Violation(path, str(value), f"Member must have value less than or equal to {most}")


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern; None for one that Python's engine does not read (the models' are ECMA's and Java's)."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None
