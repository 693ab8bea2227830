"""Containers' lines on their way to CloudWatch Logs: what the awslogs driver is on a container instance.

Who brings lines is told once they are written: until then they count as not delivered, and a control plane that dies before
has them brought again. So nothing is dropped here, however fast containers write: who brings more waits.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ninelives.region.awslogs import LogDestination
from ninelives.region.ports import LogLine
from ninelives.telemetry.logs.intake import Event, Rejected
from ninelives.telemetry.logs.multiline import EventBuffer, split
from ninelives.telemetry.logs.service import Batch, CloudWatchLogs, NoSuchGroup, NoSuchStream, NotWritten

log = logging.getLogger(__name__)

FLUSH_EVERY_SECONDS: Final = 0.2
PLENTY: Final = 2_000
"""Lines with which a flush does not wait for its time."""
AGAIN_AFTER_SECONDS: Final = 1.0
"""After what the disk did not take, it is tried once more."""
COMPLAIN_EVERY_SECONDS: Final = 60.0

Stored = Callable[[], None]


@dataclass(slots=True)
class _Waiting:
    """What waits for one stream."""

    destination: LogDestination
    buffer: EventBuffer | None
    events: list[Event] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    """Called once ``events`` are written."""
    held: list[Stored] = field(default_factory=list)
    """Called once what is in ``buffer`` is."""


class AwslogsDriver:
    """The region's ``LogSink``."""

    def __init__(self, logs: CloudWatchLogs) -> None:
        self._logs = logs
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._count = 0
        self._plenty = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._closing = asyncio.Event()
        self._complained_at: dict[str, float] = {}

    def write(self, destination: LogDestination, lines: Sequence[LogLine], stored: Stored) -> None:
        """Take lines; they are readable within about a fifth of a second, and ``stored`` is called then.

        Lines of an event that may have more wait for those, five seconds at the most. Once closed nothing is taken.
        """
        if self._is_closed:
            return
        waiting = self._of(destination)
        for line in lines:
            event = (_ms(line.timestamp), line.message)
            if waiting.buffer is None:
                waiting.events.extend(split(event))
            elif (done := waiting.buffer.add(*event)) is not None:
                waiting.events.extend(split(done))
                waiting.stored += waiting.held
                waiting.held.clear()
        (waiting.stored if waiting.buffer is None else waiting.held).append(stored)
        self._count += len(lines)
        if self._count >= PLENTY:
            self._plenty.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush_soon(), name="awslogs")

    def _of(self, destination: LogDestination) -> _Waiting:
        key = (destination.group, destination.stream)
        known = self._waiting.get(key)
        if known is None:
            buffer = EventBuffer(destination.first_line) if destination.first_line is not None else None
            known = self._waiting[key] = _Waiting(destination, buffer)
        return known

    async def close(self) -> None:
        """Write what waits, as it is, and take nothing more."""
        self._is_closed = True
        self._closing.set()
        self._plenty.set()
        if self._task is not None:
            await self._task
        await self.flush(at_once=True)

    async def _flush_soon(self) -> None:
        while self._waiting and not self._is_closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_EVERY_SECONDS):
                    await self._plenty.wait()
            self._plenty.clear()
            await self.flush()

    async def flush(self, *, at_once: bool = False) -> None:
        """Write all that waits; ``at_once`` also what may have more lines to come."""
        now_ms = self._logs.now_ms
        for waiting in self._waiting.values():
            if waiting.buffer is not None and (at_once or waiting.buffer.has_waited(now_ms)):
                done = waiting.buffer.flush()
                waiting.events.extend(split(done) if done is not None else ())
                waiting.stored += waiting.held
                waiting.held.clear()
        going = {key: one for key, one in self._waiting.items() if one.stored or one.events}
        self._waiting = {
            key: _Waiting(one.destination, one.buffer, held=one.held) if key in going else one
            for key, one in self._waiting.items()
            if key not in going or one.held
        }
        self._count = 0
        if going:
            await self._write(list(going.values()))

    async def _write(self, going: Sequence[_Waiting]) -> None:
        batches = [
            Batch(
                group=one.destination.group,
                stream=one.destination.stream,
                events=sorted(one.events, key=lambda event: event[0]),
                makes_stream=True,
                makes_group=one.destination.create_group,
            )
            for one in going
        ]
        answers = await self._answers(batches)
        if answers is None:
            return
        for batch, answer in zip(batches, answers, strict=False):
            if not isinstance(answer, Rejected):
                self._complain(batch.group, f"{len(batch.events)} lines of {batch.stream}: there is no such log group")
            elif answer:
                self._complain(batch.group, f"lines of {batch.stream} are too old, too new or past the group's retention")
        for one in going:
            for stored in one.stored:
                stored()

    async def _answers(self, batches: Sequence[Batch]) -> Sequence[Rejected | NoSuchGroup | NoSuchStream] | None:
        """What became of ``batches``; None where the disk took none of them until the driver was closed."""
        while True:
            try:
                return await self._logs.put(batches)
            except NotWritten as error:
                if self._is_time(""):
                    log.warning("log events cannot be written (%s); containers' lines wait until they can", error)
            except Exception:
                log.exception("%d log events were not written", sum(len(one.events) for one in batches))
                return []
            if self._closing.is_set():
                return None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_AFTER_SECONDS):
                    await self._closing.wait()

    def _complain(self, group: str, what: str) -> None:
        """The same group is told of once a minute."""
        if self._is_time(group):
            log.warning("log group %s: %s; they are lost", group, what)

    def _is_time(self, about: str) -> bool:
        """Whether it is to be told once more."""
        now = asyncio.get_running_loop().time()
        if now - self._complained_at.get(about, -COMPLAIN_EVERY_SECONDS) < COMPLAIN_EVERY_SECONDS:
            return False
        self._complained_at[about] = now
        return True


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
