"""An asyncio event loop in simulated time: nothing waits, nothing runs beside it, and the order of things is always the same.

Each callback runs in a context; one whose process has died (``Process``) is dropped when its turn comes, as a real process
takes its callbacks with it.
"""

import asyncio
import contextlib
import heapq
import math
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

MICROSECONDS = 1_000_000


class ProcessDied(BaseException):
    """Unwinds what a process was doing when it was killed. No ``except Exception`` may hold it up."""


class Process:
    """Something that can be killed at any moment; what it had scheduled is killed with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.context = Context()
        self.context.run(_PROCESS.set, self)

    def within(self, act: Callable[[], T]) -> T | None:
        """Do something in this process, from outside or from inside of it; None where it is dead or dies of it."""
        if self.is_dead:
            return None
        if _PROCESS.get() is self:
            return act()
        try:
            return self.context.run(act)
        except ProcessDied:
            return None

    def die(self) -> None:
        self.is_dead = True


_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class SimulatedLoop(asyncio.BaseEventLoop):
    """Time is a number; it moves to the next timer when nothing is left to do now. Units: seconds, kept as microseconds."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0
        self._soon: deque[tuple[asyncio.Handle, Callable[..., object], tuple[Any, ...], Context]] = deque()
        self._timeline: list[tuple[int, int, asyncio.TimerHandle, Callable[..., object], tuple[Any, ...], Context]] = []
        self._count = 0
        self._coroutines: list[tuple[asyncio.Task[Any], Coroutine[Any, Any, Any]]] = []
        self.complaints: list[str] = []
        """What asyncio said of exceptions that nobody fetched."""
        self.is_halted = False
        """Nothing more is done, not even at this instant."""
        self.world = Context()
        """Where things happen that belong to no process."""

    # What the world does with it.

    @property
    def microseconds(self) -> int:
        return self._now

    def run_instant(self, *, until: float) -> bool:
        """Do all that is to be done at the next instant before ``until``; False when nothing is."""
        if not self._soon and not self._advance(until):
            return False
        before = asyncio._get_running_loop()  # noqa: SLF001 - the documented seam for event loops
        asyncio._set_running_loop(self)  # noqa: SLF001 - the same
        try:
            while self._soon and not self.is_halted:
                handle, callback, args, context = self._soon.popleft()
                process = context.get(_PROCESS)
                if handle.cancelled() or (process is not None and process.is_dead):
                    continue
                with contextlib.suppress(ProcessDied):
                    context.run(callback, *args)
        finally:
            asyncio._set_running_loop(before)  # noqa: SLF001 - the same
        return True

    def drop_everything(self) -> None:
        """The end of the world: coroutines that were not finished are closed here and now, not when memory is tidied up."""
        self.is_halted = True
        for task, coroutine in self._coroutines:
            if not task.done():
                with contextlib.suppress(BaseException):
                    coroutine.close()

    def jump(self, to: float) -> None:
        """Let time pass in which nothing is to be done."""
        self._now = max(self._now, round(to * MICROSECONDS))

    def _advance(self, until: float) -> bool:
        while self._timeline and self._is_void(self._timeline[0]):
            heapq.heappop(self._timeline)
        if not self._timeline or self._timeline[0][0] > until * MICROSECONDS:
            return False
        self._now = max(self._now, self._timeline[0][0])
        while self._timeline and self._timeline[0][0] <= self._now:
            _, _, handle, callback, args, context = heapq.heappop(self._timeline)
            self._soon.append((handle, callback, args, context))
        return True

    @staticmethod
    def _is_void(timer: tuple[int, int, asyncio.TimerHandle, Callable[..., object], tuple[Any, ...], Context]) -> bool:
        process = timer[5].get(_PROCESS)
        return timer[2].cancelled() or (process is not None and process.is_dead)

    # What asyncio needs of a loop.

    def time(self) -> float:
        return self._now / MICROSECONDS

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override] # typeshed binds the arguments
        context = self._here() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        self._soon.append((handle, callback, args, context))
        return handle

    def call_later(  # type: ignore[override] # as above
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self._timer(self._now + math.ceil(delay * MICROSECONDS), callback, args, context)

    def call_at(  # type: ignore[override] # as above
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self._timer(math.ceil(when * MICROSECONDS), callback, args, context)

    def _timer(
        self, at: int, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> asyncio.TimerHandle:
        context = self._here() if context is None else context
        handle = asyncio.TimerHandle(at / MICROSECONDS, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timeline, (at, self._count, handle, callback, args, context))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is dropped when its time comes."""

    def create_task(  # type: ignore[override] # of coroutines only
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[T]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._coroutines.append((task, coro))
        return task

    def get_debug(self) -> bool:
        return False

    def is_closed(self) -> bool:
        """There is nothing of the operating system's to close."""
        return True

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        exception = context.get("exception")
        if isinstance(exception, Exception):
            self.complaints.append(f"{context.get('message')}: {exception!r}")

    def _here(self) -> Context:
        """The context of whoever schedules: its process, nothing else."""
        process = _PROCESS.get()
        return self.world if process is None else process.context
