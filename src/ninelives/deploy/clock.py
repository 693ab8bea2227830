"""The tool's clock: the time, and a wait that Ctrl-C ends."""

import threading
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""

    def wait(self, seconds: float) -> None:
        """Let ``seconds`` pass."""


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 (this is the tool's one clock)


class WallClock:
    """Real time."""

    def now(self) -> datetime:
        return utc_now()

    def wait(self, seconds: float) -> None:
        threading.Event().wait(seconds)
