"""Lines to events, as Docker's awslogs driver makes them.

A line that the pattern fits begins an event; those after it belong to it, until the next one begins, the event would be longer
than CloudWatch Logs takes, or it has waited for the driver's five seconds. Each line of such an event ends with a line feed.
What is longer than an event may be is split.
Source: Docker's manual, "Amazon CloudWatch Logs logging driver" (awslogs-multiline-pattern, awslogs-datetime-format).
"""

from collections.abc import Iterator
from typing import Final

from ninelives.model.logs import EVENT_OVERHEAD
from ninelives.monitoring.regular_expressions import Expression
from ninelives.telemetry.logs.intake import Event

EVENT_BYTES_MAX: Final = 256 * 1024 - EVENT_OVERHEAD
"""Of a message; longer ones are split, as the driver does."""
FLUSHED_AFTER_MS: Final = 5_000
BYTES_A_CHARACTER_MAX: Final = 4


class EventBuffer:
    """The event of one container that may not be whole yet."""

    def __init__(self, first_line: Expression) -> None:
        self._first_line = first_line
        self._lines: list[str] = []
        self._bytes = 0
        self._at_ms = 0

    @property
    def is_empty(self) -> bool:
        return not self._lines

    def add(self, at_ms: int, line: str) -> Event | None:
        """The event that ``line`` does not belong to any more, where it ends one."""
        size = len(line.encode())
        done = None
        if self._first_line.search(line) or self._bytes + size > EVENT_BYTES_MAX:
            done = self.flush()
        if not self._lines:
            self._at_ms = at_ms
        self._lines.append(f"{line}\n" if size < EVENT_BYTES_MAX else line)
        self._bytes += size + 1
        return done

    def flush(self) -> Event | None:
        """The event as it is."""
        if not self._lines:
            return None
        done = (self._at_ms, "".join(self._lines))
        self._lines, self._bytes = [], 0
        return done

    def has_waited(self, now_ms: int) -> bool:
        """Whether it is to go as it is: no line has come for too long, or it is of the future."""
        return bool(self._lines) and not 0 <= now_ms - self._at_ms < FLUSHED_AFTER_MS


def split(event: Event) -> Iterator[Event]:
    """The parts of an event that CloudWatch Logs takes; none of an empty one.

    >>> [len(message) for _, message in split((0, "x" * 300_000))]
    [262118, 37882]
    """
    at_ms, message = event
    if len(message) * BYTES_A_CHARACTER_MAX <= EVENT_BYTES_MAX:
        if message:
            yield event
        return
    rest = message.encode()
    while rest:
        part = rest[:EVENT_BYTES_MAX].decode(errors="ignore") if len(rest) > EVENT_BYTES_MAX else rest.decode()
        yield at_ms, part
        rest = rest[len(part.encode()) :]
