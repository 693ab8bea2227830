"""When a draining target is done: its last request has ended, or the deregistration delay is over.

Source: ELB user guide for Application Load Balancers, "Edit target group attributes" (deregistration delay): a deregistering
target without requests in flight need not wait for the delay.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from ninelives.model.elbv2 import Target, TargetKey

READ_EVERY = timedelta(milliseconds=100)
QUIET_READINGS = 2
"""Readings of zero in a row that are believed: a request may be on its way between two threads of the proxy at one of them."""


class Drains:
    """Quiet readings of the targets that drain. Only those that drain in the proxy too (``in_force``) are counted."""

    def __init__(self) -> None:
        self.in_force: frozenset[TargetKey] = frozenset()
        self._quiet: dict[TargetKey, int] = {}
        self._read_at: datetime | None = None

    def forget_all(self) -> None:
        self._quiet.clear()

    def may_be_read(self, now: datetime) -> bool:
        """Whether it is time for another reading; the loop may step many times in between. Notes that it is taken."""
        # A clock that was set back must not put the next reading off.
        if self._read_at is not None and self._read_at <= now < self._read_at + READ_EVERY:
            return False
        self._read_at = now
        return True

    def drained(
        self,
        waiting: Iterable[Target],
        in_flight: Mapping[TargetKey, int],
        now: datetime,
        delays: Mapping[str, timedelta],
    ) -> list[Target]:
        """Which of ``waiting`` are done; ``delays`` by target group ARN, real time (requests belong to the application).

        ``in_flight`` holds a reading of each target that drains in the proxy; empty when none was taken this time.
        """
        waiting = list(waiting)
        keys = {target.target_key for target in waiting}
        quiet = {key: count for key, count in self._quiet.items() if key in keys}
        for key, requests in in_flight.items():
            quiet[key] = quiet.get(key, 0) + 1 if requests == 0 else 0
        self._quiet = quiet
        return [target for target in waiting if self._is_done(target, now, delays.get(target.target_group_arn, timedelta()))]

    def _is_done(self, target: Target, now: datetime, delay: timedelta) -> bool:
        assert target.draining_since is not None
        return now - target.draining_since >= delay or self._quiet.get(target.target_key, 0) >= QUIET_READINGS
