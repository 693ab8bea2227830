"""A row on its way through a query: an event, whose fields are found when they are asked for, and what commands have made."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ninelives.monitoring.log_insights.records import LogRecord
from ninelives.monitoring.log_insights.syntax import Expression
from ninelives.monitoring.log_insights.values import Instant, Value

DISCOVERED_MAX: Final = 200
"""Fields that are found in a JSON event; what stands behind them ``parse`` or ``jsonParse`` may read."""
POINTER: Final = "@ptr"


class Row:
    """``made``: the fields that commands have made; they hide the event's own. ``record`` is None behind ``stats``."""

    __slots__ = ("_discovered", "computed", "made", "record")

    def __init__(self, record: LogRecord | None, made: dict[str, Value]) -> None:
        self.record = record
        self.made = made
        self.computed: Mapping[Expression, Value] = {}
        """What ``stats`` has made of whole expressions, so that they may be named again behind it."""
        self._discovered: Mapping[str, Value] | None = None

    def field(self, name: str) -> Value:
        if name in self.made:
            return self.made[name]
        if self.record is not None and name.startswith("@") and (found := _own(self.record, name)) is not None:
            return found
        if self.record is not None and name in self.discovered:
            return self.discovered[name]
        return self._inside(name)

    @property
    def size(self) -> int:
        """Characters of its event, 0 where it is none, and of the texts that commands have made of it."""
        event = len(self.record.message) if self.record is not None else 0
        return event + sum(len(one) for one in self.made.values() if isinstance(one, str))

    @property
    def at(self) -> int:
        return self.record.timestamp if self.record is not None else 0

    @property
    def discovered(self) -> Mapping[str, Value]:
        if self._discovered is None:
            self._discovered = discovered_fields(self.record.message) if self.record is not None else {}
        return self._discovered

    def forget(self) -> None:
        """What has been found in the event; it is found again when it is asked for."""
        self._discovered = None

    def _inside(self, name: str) -> Value:
        """What a name such as ``parsed.users.0.id`` leads to in a map that a command has made."""
        first, _, rest = name.partition(".")
        held = self.made.get(first)
        return _within(held, rest) if rest and isinstance(held, dict | list) else None


def _own(record: LogRecord, name: str) -> Value:
    match name:
        case "@timestamp":
            return Instant(record.timestamp)
        case "@message":
            return record.message
        case "@logStream":
            return record.stream
        case "@log":
            return record.group
        case "@ingestionTime":
            return None if record.ingested is None else Instant(record.ingested)
        case "@ptr":
            return record.pointer
        case _:
            return None


def discovered_fields(message: str) -> dict[str, Value]:
    """The leaves of a JSON object by their paths, those of lists by their numbers.

    Source: CloudWatch Logs user guide, "Fields in JSON logs".

    >>> discovered_fields('{"a": {"b": 1}, "c": [{"d": "x"}]}')
    {'a.b': 1, 'c.0.d': 'x'}
    """
    if not message.lstrip().startswith("{"):
        return {}
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    found: dict[str, Value] = {}
    for path, value in _leaves(event, ""):
        found[path] = value
        if len(found) == DISCOVERED_MAX:
            break
    return found


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Value]]:
    members: Sequence[tuple[object, Any]]
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    else:
        if value is not None:
            yield path, value
        return
    for name, member in members:
        yield from _leaves(member, f"{path}.{name}" if path else str(name))


def _within(held: Any, path: str) -> Value:
    if isinstance(held, dict) and path in held:
        found: Value = held[path]
        return found
    first, _, rest = path.partition(".")
    if isinstance(held, dict) and first in held:
        return _within(held[first], rest) if rest else held[first]
    if isinstance(held, list) and first.isdecimal() and int(first) < len(held):
        return _within(held[int(first)], rest) if rest else held[int(first)]
    return None
