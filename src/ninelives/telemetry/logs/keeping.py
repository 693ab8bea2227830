"""What goes of the logs: what retention policies name, what is deleted, and the oldest where the disk's bound is reached."""

import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from ninelives.telemetry.logs.store import LogStore

log = logging.getLogger(__name__)

BYTES_MAX: Final = 1024 * 1024 * 1024
"""What all logs of a region may take on disk, unless ``ninelives up --log-limit`` says otherwise."""
ROOM_MADE: Final = 1 / 32
"""The part of the bound that is made free when it is reached, so that this is not to be done for each event."""
EVENTS_AT_ONCE: Final = 5_000
"""Events that one step removes, so that it never takes long."""
FREE_PAGES_KEPT: Final = 1_024
"""Free pages that are left for events to come."""
PAGES_AT_ONCE: Final = 2_000
COMPLAIN_EVERY: Final = timedelta(minutes=1)


class Keeping:
    """Keeps a store within ``bytes_max`` and its groups within their retention. Belongs to the thread that writes."""

    def __init__(self, store: LogStore, *, bytes_max: int) -> None:
        self._store = store
        self._bytes_max = bytes_max
        self._forgotten: Counter[str] = Counter()
        self._complained_at: datetime | None = None

    def make_room(self, now: datetime) -> None:
        """Where the logs take more than they may, forget the oldest events of whichever group is the largest, and tell it."""
        if self._store.used_bytes > self._bytes_max:
            while self._store.used_bytes > self._bytes_max * (1 - ROOM_MADE):
                if self._store.sweep(EVENTS_AT_ONCE):
                    continue
                group = self._store.largest_group()
                if group is None:
                    break
                count, _ = self._store.forget_oldest(group, limit=EVENTS_AT_ONCE)
                if not count:
                    break
                self._forgotten[group.name] += count
        if self._forgotten and (self._complained_at is None or now - self._complained_at > COMPLAIN_EVERY):
            for name, count in self._forgotten.items():
                log.warning(
                    "the oldest %d events of log group %s were forgotten: the region's logs may take %d MB of disk",
                    count,
                    name,
                    self._bytes_max // 1024**2,
                )
            self._complained_at = now
            self._forgotten.clear()

    def step(self, now_ms: int) -> bool:
        """Remove some of what is deleted or expired, or give room back; True where more is left to do."""
        if self._store.sweep(EVENTS_AT_ONCE):
            return True
        for group in self._store.groups():
            if group.retention_days is not None:
                count, _ = self._store.forget_oldest(group, limit=EVENTS_AT_ONCE, before_ms=group.kept_since_ms(now_ms))
                if count == EVENTS_AT_ONCE:
                    return True
        surplus = self._store.free_pages - FREE_PAGES_KEPT
        if surplus > 0:
            self._store.give_back(min(surplus, PAGES_AT_ONCE))
        return surplus > PAGES_AT_ONCE
