"""Log lines on their way from the threads that read them to the loop: in batches, bounded, in slices that never stall it."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from ninelives.region.ports import Logged, LogLine

log = logging.getLogger(__name__)

WAITING_LINES_MAX = 20_000
"""Lines at most that are not safe yet; a reader that is faster waits, and its container's log file holds the rest."""
CHARACTERS_A_LINE = 1_024
"""What is longer counts as several lines: one may have a quarter of a megabyte."""
SLICE_SECONDS = 0.004
"""How long the loop delivers lines before it looks after other things."""


class LogFeed:
    """A bounded queue from threads to one callback on the loop. What is ``put`` by one thread arrives in its order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, logged: Logged) -> None:
        self._loop = loop
        self._logged = logged
        self._waiting: deque[tuple[Sequence[LogLine], Callable[[], None]]] = deque()
        self._count = 0
        self._changed = threading.Condition()
        self._is_scheduled = False
        self._is_closed = False

    def put(self, lines: Sequence[LogLine], delivered: Callable[[], None]) -> bool:
        """Hand over ``lines`` from a thread; waits while too many are under way. False once the feed is closed.

        ``delivered`` is called on the loop once all of them are safe.
        """
        weight = _weight(lines)
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._count < WAITING_LINES_MAX)
            if self._is_closed:
                return False
            self._waiting.append((lines, delivered))
            self._count += weight
            if not self._is_scheduled:
                try:
                    self._loop.call_soon_threadsafe(self._deliver)
                except RuntimeError:  # the loop is closed: nobody listens any more
                    self._is_closed = True
                    return False
                self._is_scheduled = True
        return True

    def close(self) -> None:
        """Deliver nothing more; readers that wait are let go."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _deliver(self) -> None:
        until = time.perf_counter() + SLICE_SECONDS
        while time.perf_counter() < until:
            with self._changed:
                if not self._waiting:
                    self._is_scheduled = False
                    return
                lines, delivered = self._waiting.popleft()
            try:
                self._logged(lines, self._once_safe(_weight(lines), delivered))
            except Exception:
                log.exception("%d log lines of task %s are lost", len(lines), lines[0].task_arn)
                self._forget(_weight(lines))
        self._loop.call_soon(self._deliver)

    def _once_safe(self, weight: int, delivered: Callable[[], None]) -> Callable[[], None]:
        def safe() -> None:
            self._forget(weight)
            delivered()

        return safe

    def _forget(self, weight: int) -> None:
        with self._changed:
            self._count -= weight
            self._changed.notify_all()


def _weight(lines: Sequence[LogLine]) -> int:
    return sum(1 + len(line.message) // CHARACTERS_A_LINE for line in lines)
