"""Looks at the API for all pages that are open: each service once, however many watch it, and no more often than it bears.

A watch runs while somebody watches. What it saw last is kept, so that a page that opens has something at once; a page is told
only what has changed.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, TypeVar

import orjson

from ninelives.console.facts import ServiceFacts
from ninelives.console.reading import Named, Reader
from ninelives.console.snapshot import overview_view, service_view
from ninelives.console.troubles import Kind, Trouble, trouble_of

T = TypeVar("T")
log = logging.getLogger(__name__)

LINGER_SECONDS = 5.0
"""How long a watch goes on after the last page has left: pages are reloaded."""
BACKOFF_MAX = 16.0
"""How many times more seldom to look, at the most, where AWS asks for fewer calls."""
WATCHES_KEPT = 200
"""What was seen last of services and stretches of time that nobody looks at any more."""


class Watch:
    """One thing that is looked at again and again; ``told`` is its newest state as JSON, ``version`` counts its changes."""

    def __init__(
        self,
        name: str,
        look: Callable[[], dict[str, Any]],
        pace: Callable[[dict[str, Any] | None], float],
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._refused = refused
        """Told when the API does not take the credentials."""
        self.told: bytes | None = None
        self.version = 0
        self._look = look
        self._pace = pace
        self._last: dict[str, Any] | None = None
        self._backoff = 1.0
        self._watchers = 0
        self._changed = asyncio.Condition()
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def hurry(self) -> None:
        """Look now: something has been done."""
        self._wake.set()

    @property
    def is_idle(self) -> bool:
        return not self._watchers and (self._running is None or self._running.done())

    async def states(self) -> AsyncGenerator[bytes, None]:
        """The newest state, and each one after it; a reader that is slow misses those in between."""
        self._watchers += 1
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name=f"console: {self.name}")
        seen = 0
        try:
            while True:
                async with self._changed:
                    while self.version == seen:
                        await self._changed.wait()
                    seen, state = self.version, self.told
                if state is not None:
                    yield state
        finally:
            self._watchers -= 1

    async def _run(self) -> None:
        idle = 0.0
        while self._watchers or idle < LINGER_SECONDS:
            self._wake.clear()  # what is done while it is looked at may not be seen yet: then it is looked at again
            await self._take(await self._looked())
            seconds = self._pace(self._last) * self._backoff
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            idle = 0.0 if self._watchers else idle + seconds

    async def _looked(self) -> dict[str, Any]:
        """What is there, or why nothing can be seen."""
        try:
            state = await asyncio.to_thread(self._look)
        except Exception as error:
            trouble = trouble_of(error)
            if trouble is None:
                log.exception("console: %s", self.name)
                trouble = Trouble(kind=Kind.REFUSED, text=f"The console itself failed: {type(error).__name__}: {error}")
            if trouble.kind is Kind.THROTTLED:
                self._backoff = min(self._backoff * 2, BACKOFF_MAX)
            if trouble.kind is Kind.CREDENTIALS:
                self._refused()
            return {"trouble": trouble.as_json()}
        self._backoff = max(1.0, self._backoff / 2)
        return state

    async def _take(self, state: dict[str, Any]) -> None:
        if self._last is not None and _without_time(state) == _without_time(self._last):
            return
        self._last = state
        async with self._changed:
            self.told = orjson.dumps(state)
            self.version += 1
            self._changed.notify_all()

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)


def _without_time(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "at"}


class Hub:
    """The watches, each made when somebody first watches."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._watches: dict[tuple[object, ...], Watch] = {}

    def overview(self) -> Watch:
        def look() -> dict[str, Any]:
            return {"services": overview_view(self.reader.overview()), "time_scale": self.reader.time_scale}

        def pace(state: dict[str, Any] | None) -> float:
            one = self.reader.pace
            return max(one.overview, len((state or {}).get("services", ())) * one.each_service)

        return self._watch(("overview",), look, pace)

    def service(self, named: Named) -> Watch:
        def look() -> dict[str, Any]:
            facts: ServiceFacts = self.reader.service(named)
            return service_view(facts)

        return self._watch(("service", *named), look, self._service_pace)

    def _service_pace(self, state: dict[str, Any] | None) -> float:
        pace = self.reader.pace
        is_quiet = state is not None and state.get("state") == "steady"
        return pace.quiet if is_quiet else pace.busy

    def charts(self, named: Named, seconds: int) -> Watch:
        def look() -> dict[str, Any]:
            return self.reader.charts(named, seconds)

        def pace(state: dict[str, Any] | None) -> float:
            least = self.reader.pace.charts
            # No more often than there can be something new.
            return max(least, min(state["period"] / 2, 30.0)) if state is not None and "period" in state else least

        return self._watch(("charts", *named, seconds), look, pace)

    def hurry(self) -> None:
        """Something was done: look at everything now."""
        self.reader.forget()
        for watch in self._watches.values():
            watch.hurry()

    def _watch(
        self, key: tuple[object, ...], look: Callable[[], dict[str, Any]], pace: Callable[[dict[str, Any] | None], float]
    ) -> Watch:
        if key not in self._watches:
            idle = [one for one, watch in self._watches.items() if watch.is_idle]
            for one in idle[: max(0, len(self._watches) - WATCHES_KEPT + 1)]:
                del self._watches[one]
            self._watches[key] = Watch(" ".join(map(str, key)), look, pace, self.reader.let_go)
        return self._watches[key]

    async def close(self) -> None:
        for watch in self._watches.values():
            await watch.close()


async def merged(
    sources: Mapping[str, AsyncGenerator[bytes, None]], idle_seconds: float, stopping: asyncio.Event | None = None
) -> AsyncGenerator[tuple[str, bytes | None], None]:
    """What several sources say, as it comes, with the source's name; an empty name after ``idle_seconds`` of silence.

    It ends when ``stopping`` is set.
    """
    queue: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue(maxsize=len(sources))

    async def pour(name: str, source: AsyncGenerator[bytes, None]) -> None:
        async for item in source:
            await queue.put((name, item))

    async def end() -> None:
        if stopping is not None:
            await stopping.wait()
            await queue.put(None)

    pouring = [asyncio.create_task(pour(name, source)) for name, source in sources.items()]
    pouring.append(asyncio.create_task(end()))
    try:
        while True:
            try:
                async with asyncio.timeout(idle_seconds):
                    item = await queue.get()
            except TimeoutError:
                yield "", None
                continue
            if item is None:
                return
            yield item
    finally:
        for task in pouring:
            task.cancel()
        await asyncio.gather(*pouring, return_exceptions=True)
        for source in sources.values():
            await source.aclose()
