"""CloudWatch Logs in one piece: one thread that writes, a few that read, and what listens to what comes in.

Neither SQLite nor the scanning of events holds up the region's loop: both happen on these threads.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from ninelives.model.arns import Place
from ninelives.model.logs import LogGroup, LogStream
from ninelives.telemetry.logs.intake import Event, Rejected, sifted
from ninelives.telemetry.logs.keeping import BYTES_MAX, Keeping
from ninelives.telemetry.logs.schema import open_to_read, open_to_write
from ninelives.telemetry.logs.store import AlreadyThere, Arrived, LogStore

log = logging.getLogger(__name__)

T = TypeVar("T")

READERS: Final = 2
TEND_EVERY_SECONDS: Final = 1.0
ROOM_CHECKED_BYTES: Final = 2 * 1024 * 1024
"""After so many bytes of messages it is looked whether the logs still are within their bound."""

Observer = Callable[[LogStore, Arrived], None]
"""Hears of events once they are written, on the writing thread."""


class NoSuchGroup(Exception):
    """There is no log group of that name."""


class NoSuchStream(Exception):
    """There is no stream of that name in the log group."""


class NotWritten(Exception):
    """The disk did not take the events; the text says why. They may be put once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Events for one stream, in order of their time."""

    group: str
    stream: str
    events: Sequence[Event]
    makes_stream: bool = False
    makes_group: bool = False


class CloudWatchLogs:
    """Every log group of the region. ``path`` is the file; None keeps all in memory. Raises ``DatabaseFromTheFuture``."""

    def __init__(self, path: Path | None, *, place: Place, now: Callable[[], datetime], bytes_max: int = BYTES_MAX) -> None:
        self.place = place
        self.now = now
        self._path = path
        self._store = LogStore(open_to_write(path))
        self._keeping = Keeping(self._store, bytes_max=bytes_max)
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="logs-write")
        self._reading = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="logs-read") if path else self._writing
        self._asking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="logs-query") if path else self._writing
        self._readers = threading.local()
        self._opened: list[LogStore] = []
        self._unchecked_bytes = 0
        self._observers: list[Observer] = []
        self._ticks: list[Callable[[int], None]] = []
        self._is_closed = False

    @property
    def now_ms(self) -> int:
        return int(self.now().timestamp() * 1000)

    def group_arn(self, name: str) -> str:
        """Without the ``:*`` that names its streams as well."""
        return self.place.arn("logs", f"log-group:{name}")

    def observe(self, observer: Observer, *, tick: Callable[[int], None] | None = None) -> None:
        """Have ``observer`` hear of what is written from now on; ``tick`` is told the time each second, on the same thread."""
        self._observers.append(observer)
        if tick is not None:
            self._ticks.append(tick)

    def unobserve(self, observer: Observer) -> None:
        self._observers.remove(observer)

    async def write(self, work: Callable[[LogStore], T]) -> T:
        """Do ``work`` on the thread that writes."""
        return await asyncio.get_running_loop().run_in_executor(self._writing, lambda: work(self._store))

    async def read(self, work: Callable[[LogStore], T]) -> T:
        """Do ``work``, which only reads, on one of the threads that read: what is written by then is seen."""
        return await asyncio.get_running_loop().run_in_executor(self._reading, lambda: work(self._reader()))

    async def ask(self, work: Callable[[LogStore], T]) -> T:
        """As ``read``, for what takes long: one at a time, beside what else is read. ``work`` gives up once ``is_closed``."""
        return await asyncio.get_running_loop().run_in_executor(self._asking, lambda: work(self._reader()))

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def _reader(self) -> LogStore:
        if self._path is None:
            return self._store
        known: LogStore | None = getattr(self._readers, "store", None)
        if known is None:
            known = self._readers.store = LogStore(open_to_read(self._path))
            self._opened.append(known)
        return known

    async def put(self, batches: Sequence[Batch]) -> list[Rejected | NoSuchGroup | NoSuchStream]:
        """Write events; each batch that cannot be written for want of its group or stream says so, and holds up no other.

        Raises ``NotWritten``: then none was.
        """
        try:
            return await self.write(lambda store: self._put(store, batches))
        except sqlite3.OperationalError as error:
            raise NotWritten(str(error)) from error

    def _put(self, store: LogStore, batches: Sequence[Batch]) -> list[Rejected | NoSuchGroup | NoSuchStream]:
        answers: list[Rejected | NoSuchGroup | NoSuchStream] = []
        taken: list[tuple[LogGroup, LogStream, Sequence[Event]]] = []
        now_ms = self.now_ms
        for batch in batches:
            try:
                group, stream = self._where(store, batch, now_ms)
            except (NoSuchGroup, NoSuchStream) as error:
                answers.append(error)
                continue
            events, rejected = sifted(batch.events, group, now_ms)
            answers.append(rejected)
            if events:
                taken.append((group, stream, events))
        if taken:
            for arrived in store.append(taken, now_ms):
                self._tell(store, arrived)
            self._check_room(taken)
        return answers

    def _where(self, store: LogStore, batch: Batch, now_ms: int) -> tuple[LogGroup, LogStream]:
        """The batch's group and stream, made where it says so. Raises ``NoSuchGroup`` and ``NoSuchStream``."""
        group = store.group(batch.group)
        if group is None:
            if not batch.makes_group:
                raise NoSuchGroup(batch.group)
            store.create_group(LogGroup(id=0, name=batch.group, created_ms=now_ms))
            group = store.group(batch.group)
            assert group is not None, "just made"
        stream = store.stream(group, batch.stream)
        if stream is None:
            if not batch.makes_stream:
                raise NoSuchStream(batch.stream)
            store.create_stream(group, batch.stream, now_ms)
            stream = store.stream(group, batch.stream)
            assert stream is not None, "just made"
        return group, stream

    def _tell(self, store: LogStore, arrived: Arrived) -> None:
        for observer in tuple(self._observers):
            try:
                observer(store, arrived)
            except Exception:
                log.exception("events of log group %s were written, and not heard by all", arrived.group.name)

    def _check_room(self, taken: Sequence[tuple[LogGroup, LogStream, Sequence[Event]]]) -> None:
        self._unchecked_bytes += sum(len(message) for _, _, events in taken for _, message in events)
        if self._unchecked_bytes > ROOM_CHECKED_BYTES:
            self._unchecked_bytes = 0
            self._keeping.make_room(self.now())

    async def run(self) -> None:
        """Remove what is deleted and expired, and keep to the bound, for ever."""
        while True:
            await asyncio.sleep(TEND_EVERY_SECONDS)
            try:
                await self.tend()
            except Exception:
                log.exception("what is old in the logs could not be removed; it is tried again")

    async def tend(self) -> None:
        """Remove all that is deleted or expired now, bit by bit: what is to be written meanwhile is."""
        while await self.write(lambda _: self._keeping.step(self.now_ms)):
            pass
        await self.write(lambda _: self._tick())

    def _tick(self) -> None:
        self._keeping.make_room(self.now())
        for tick in self._ticks:
            tick(self.now_ms)

    async def close(self) -> None:
        """Let what is under way end. Nothing may be asked afterwards."""
        if self._is_closed:
            return
        self._is_closed = True
        for threads in (self._asking, self._reading, self._writing):
            await asyncio.get_running_loop().run_in_executor(None, threads.shutdown)
        for reader in self._opened:
            reader.close()
        self._store.close()


__all__ = ["AlreadyThere", "Batch", "CloudWatchLogs", "NoSuchGroup", "NoSuchStream", "NotWritten"]
