"""The real clock and the real ids."""

import secrets
import string
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SET_BACK_LEAST = timedelta(milliseconds=500)
"""A difference from which on the system's clock counts as set back."""


def _wall() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (this is the one clock)


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)  # counts while the machine sleeps, too


class SystemClock:
    """The system's time. Where that is set back, the clock goes on from what it showed, at its pace, until it is caught up:
    drains, grace periods and throttles are measured by it, and would else wait for as long as it was set back.
    """

    def __init__(self, *, wall: Callable[[], datetime] = _wall, since_boot: Callable[[], float] = _since_boot) -> None:
        self._wall = wall
        self._since_boot = since_boot
        self._shown, self._shown_at = wall(), since_boot()

    def now(self) -> datetime:
        at = self._since_boot()
        gone_on = self._shown + timedelta(seconds=at - self._shown_at)
        wall = self._wall()
        # The two do not tick alike to the microsecond; a system that adjusts its clock does so by much less than a second.
        self._shown = wall if wall > gone_on - SET_BACK_LEAST and wall >= self._shown else gone_on
        self._shown_at = at
        return self._shown


class RandomIds:
    """Identifiers as AWS shapes them, from the operating system's randomness."""

    def task_id(self) -> str:
        return secrets.token_hex(16)

    def deployment_number(self) -> str:
        return str(10**18 + secrets.randbelow(9 * 10**18))

    def service_deployment_id(self) -> str:
        return secrets.token_urlsafe(16)[:21]

    def load_balancer_id(self) -> str:
        return secrets.token_hex(8)

    def resource_suffix(self) -> str:
        return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))

    def uuid(self) -> str:
        return str(uuid.uuid4())
