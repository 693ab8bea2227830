"""Open-loop load: each request is due at its time, whether or not those before it were answered.

Latency counts from the time a request was due, so that a service that stalls cannot hide it by slowing the load down
(no coordinated omission). Nothing is retried.
"""

import asyncio
import errno
import heapq
import socket
from collections import deque
from collections.abc import Callable, Sequence

import h11

from ninelives.rehearsal.connection import Answer, Connection, ConnectionClosed
from ninelives.rehearsal.sample import Kind, Sample, Target

LONGEST_NAP_SECONDS = 0.05
"""How late a stop is noticed at the most."""

ANSWERED_WELL = range(200, 300)


class Stream:
    """The requests of one kind, and its kept connections."""

    def __init__(self, kind: Kind, target: Target, address: tuple[socket.AddressFamily, tuple[str, int]]) -> None:
        self.kind = kind
        self._target = target
        self._address = address
        self._idle: deque[Connection] = deque()
        self._open = 0

    async def request(self, intended_at: float) -> Sample:
        """Send one request; what became of it."""
        loop = asyncio.get_running_loop()
        lag = loop.time() - intended_at
        connection: Connection | None = None
        answer: Answer | None = None
        error: str | None = None
        status: int | None = None
        reused = False
        kept = False
        try:
            async with asyncio.timeout_at(intended_at + max(lag, 0.0) + self.kind.timeout_seconds):
                connection = self._kept_connection()
                if connection is None:
                    connection = await Connection.open(self._target, self._address)
                    self._open += 1
                reused = connection.answered > 0
                answer = await connection.get(self.kind.path, last=self.kind.connections == 0)
            kept = connection.renew()
        except (TimeoutError, OSError, ConnectionClosed, h11.RemoteProtocolError) as failure:
            error = error_of(failure)
            status = failure.status if isinstance(failure, ConnectionClosed) else None
        ended_at = loop.time()
        if connection is not None:
            self._put_back(connection, kept=kept)
        if answer is not None:
            status = answer.status
            error = None if answer.status in ANSWERED_WELL else f"status_{answer.status}"
        return Sample(
            kind=self.kind.name,
            intended_at=intended_at,
            lag=lag,
            latency=ended_at - intended_at,
            status=status,
            version=None if answer is None else answer.version,
            error=error,
            reused=reused,
        )

    def _kept_connection(self) -> Connection | None:
        """The connection that was idle longest; None while fewer than the kind's are open, or when none is idle."""
        while self._idle and self._open >= self.kind.connections:
            connection = self._idle.popleft()
            if connection.is_open:
                return connection
            self._drop(connection)
        return None

    def _put_back(self, connection: Connection, *, kept: bool) -> None:
        if kept and self.kind.connections:
            self._idle.append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        connection.close()
        self._open -= 1

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._drop(self._idle.popleft())


def error_of(failure: BaseException) -> str:
    """The class of a failure, as ``Sample.error`` tells it.

    >>> error_of(ConnectionRefusedError()), error_of(TimeoutError()), error_of(BrokenPipeError())
    ('refused', 'timeout', 'reset')
    """
    match failure:
        case OSError(errno=errno.EMFILE | errno.ENFILE | errno.EADDRNOTAVAIL):
            return "generator"
        case OSError(errno=errno.ETIMEDOUT):
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError():
            return "reset"
        case TimeoutError():
            return "timeout"
        case ConnectionClosed():
            return "closed"
        case OSError():
            return "unreachable"
        case _:
            return "malformed"


async def send_load(
    target: Target,
    kinds: Sequence[Kind],
    *,
    start_at: float,
    record: Callable[[Sample], None],
    stop: asyncio.Event,
) -> None:
    """Send requests of all ``kinds`` until ``stop``, then wait for those in flight; each goes to ``record`` at its end.

    ``start_at``, on the loop's clock, is when the first is due.
    Raises ``OSError`` when the target's name is not known.
    """
    loop = asyncio.get_running_loop()
    address = await resolve(target)
    streams = [Stream(kind, target, address) for kind in kinds]
    # Kinds start apart, so that their requests do not come in step.
    starts = [start_at + number / len(kinds) / kind.rate for number, kind in enumerate(kinds)]
    due = [(first, number, 0) for number, first in enumerate(starts)]
    heapq.heapify(due)
    in_flight: set[asyncio.Task[Sample]] = set()

    def ended(task: asyncio.Task[Sample]) -> None:
        in_flight.discard(task)
        if not task.cancelled():
            record(task.result())

    try:
        while due and not stop.is_set():
            intended_at, number, sent = due[0]
            wait = intended_at - loop.time()
            if wait > 0:
                await asyncio.sleep(min(wait, LONGEST_NAP_SECONDS))
                continue
            task = loop.create_task(streams[number].request(intended_at))
            in_flight.add(task)
            task.add_done_callback(ended)
            heapq.heapreplace(due, (starts[number] + (sent + 1) / kinds[number].rate, number, sent + 1))
        await asyncio.gather(*in_flight)
    finally:
        for stream in streams:
            stream.close()


async def resolve(target: Target) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """The first address of the target: asked for once, so that no name server has a part in what is measured."""
    found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    family, _, _, _, name = found[0]
    return family, (str(name[0]), int(name[1]))
