"""Container lines on their way to CloudWatch Logs: batched, in order within a stream, bounded in memory.

Batches are kept to PutLogEvents' own limits (10,000 events, 1,048,576 bytes with 26 bytes an event).
Source: CloudWatch Logs API reference, "PutLogEvents".
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ninelives.region.ports import LogLine

log = logging.getLogger(__name__)

Call = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Calls an AWS operation in process: service, operation, parameters."""

FLUSH_EVERY_SECONDS = 0.2
EVENTS_MAX = 1_000
"""Events of one PutLogEvents; far below the limit, so that one call never takes long."""
EVENT_BYTES_MAX = 256 * 1024 - 26
LINES_WAITING_MAX = 50_000
"""Lines that wait for CloudWatch Logs; beyond it the oldest are dropped, as awslogs' non-blocking mode does."""


class CloudWatchLogs:
    """The region's ``LogSink``: writes through the API that readers use."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._waiting: dict[tuple[str, str], deque[LogLine]] = {}
        self._create_group: dict[str, bool] = {}
        self._known: set[tuple[str, str]] = set()
        self._dropped = 0
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def write(self, group: str, stream: str, lines: Sequence[LogLine], *, create_group: bool) -> None:
        """Take lines for a stream; they are readable within about a fifth of a second."""
        self._create_group[group] = create_group
        waiting = self._waiting.setdefault((group, stream), deque())
        for line in lines:
            if len(waiting) >= LINES_WAITING_MAX:
                waiting.popleft()
                self._dropped += 1
            waiting.append(line)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush_soon())

    async def close(self) -> None:
        """Write what still waits. A call that is under way is not broken off: its lines would be lost."""
        self._closing.set()
        if self._task is not None:
            await self._task
        await self.flush()

    async def _flush_soon(self) -> None:
        while self._waiting and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_EVERY_SECONDS):
                    await self._closing.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write all that waits, now."""
        if self._dropped:
            log.warning("%d log lines were dropped: containers write faster than CloudWatch Logs takes", self._dropped)
            self._dropped = 0
        for (group, stream), lines in list(self._waiting.items()):
            while lines:
                batch = [lines.popleft() for _ in range(min(EVENTS_MAX, len(lines)))]
                await self._put(group, stream, batch)
            del self._waiting[group, stream]

    async def _put(self, group: str, stream: str, batch: Sequence[LogLine]) -> None:
        in_order = sorted(batch, key=lambda line: line.timestamp)
        events = [
            {"timestamp": round(line.timestamp.timestamp() * 1000), "message": _clipped(line.message)}
            for line in in_order
            if line.message  # CloudWatch Logs takes no empty message
        ]
        if not events:
            return
        try:
            await self._ensure(group, stream)
            await self._call("logs", "PutLogEvents", {"logGroupName": group, "logStreamName": stream, "logEvents": events})
        except Exception as error:  # noqa: BLE001 (a log line must never stop the region)
            self._known.discard((group, stream))
            log.warning("%d lines of %s %s were not written: %s", len(events), group, stream, error)

    async def _ensure(self, group: str, stream: str) -> None:
        if (group, stream) in self._known:
            return
        if self._create_group[group]:
            await self._create("CreateLogGroup", {"logGroupName": group})
        await self._create("CreateLogStream", {"logGroupName": group, "logStreamName": stream})
        self._known.add((group, stream))

    async def _create(self, operation: str, parameters: Mapping[str, Any]) -> None:
        try:
            await self._call("logs", operation, parameters)
        except Exception as error:
            if getattr(error, "code", None) != "ResourceAlreadyExistsException":
                raise


def _clipped(message: str) -> str:
    """A message that fits an event; the rest of a longer one is cut, as the agent does."""
    encoded = message.encode()
    return message if len(encoded) <= EVENT_BYTES_MAX else encoded[:EVENT_BYTES_MAX].decode(errors="ignore")
