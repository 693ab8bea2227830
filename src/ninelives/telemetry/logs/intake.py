"""Which of the events that come are taken.

Source: CloudWatch Logs API reference, "PutLogEvents", ``RejectedLogEventsInfo``.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ninelives.model.logs import DAY_MS, LogGroup

NEWEST_MS: Final = 2 * 60 * 60 * 1000
"""How far in the future an event may be."""
OLDEST_MS: Final = 14 * DAY_MS

Event = tuple[int, str]
"""Time and message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Which of a batch in order of time were not taken: those before an index, and those from an index on."""

    too_old_end: int | None = None
    expired_end: int | None = None
    too_new_start: int | None = None

    def __bool__(self) -> bool:
        return any(one is not None for one in (self.too_old_end, self.expired_end, self.too_new_start))


def sifted(events: Sequence[Event], group: LogGroup, now_ms: int) -> tuple[Sequence[Event], Rejected]:
    """Those of ``events``, which are in order of time, that ``group`` takes; and which it does not."""
    too_old = _first(events, now_ms - OLDEST_MS)
    expired = _first(events, group.kept_since_ms(now_ms))
    too_new = _first(events, now_ms + NEWEST_MS + 1)
    rejected = Rejected(
        too_old_end=too_old or None,
        expired_end=expired if expired > too_old else None,
        too_new_start=too_new if too_new < len(events) else None,
    )
    return events[max(too_old, expired) : too_new], rejected


def _first(events: Sequence[Event], at_ms: int) -> int:
    """The index of the first event at that time or later."""
    return bisect_left(events, (at_ms, ""))
