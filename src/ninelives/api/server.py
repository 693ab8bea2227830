"""Serves the front door on a TCP port, or says who has the port."""

import asyncio
import contextlib
import errno
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn

from ninelives.api.wire import ASGIApp, Receive, Scope, Send

BACKLOG: Final = 1024
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than SDKs keep idle connections (botocore's pool never closes them), so that few are closed under a request."""

STOPPING: Final = "ninelives.stopping"
"""The event in a request's scope that is set when the server stops: an answer without an end ends then."""

GRACE_SECONDS: Final = 3
"""How long requests in flight may take to end when the server stops."""


class PortTaken(Exception):
    """Another program listens where the region should; ``occupant`` is what could be found out about it, or None."""

    def __init__(self, host: str, port: int, occupant: str | None) -> None:
        super().__init__(host, port, occupant)
        self.host = host
        self.port = port
        self.occupant = occupant

    def __str__(self) -> str:
        who = self.occupant or "another program"
        return f"{self.host}:{self.port} is taken by {who}. Stop it, or choose another port."


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: they belong to whoever started the region."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    stop: asyncio.Event,
    listening: Callable[[int], None] | None = None,
) -> None:
    """Serve ``app`` until ``stop`` is set, then let requests in flight end.

    ``listening`` is told the port once connections are taken (``port`` 0 picks a free one). Raises ``PortTaken``.
    """

    async def until_stop(scope: Scope, receive: Receive, send: Send) -> None:
        scope[STOPPING] = stop
        await app(scope, receive, send)

    sock = listen(host, port)
    server = _Server(
        uvicorn.Config(
            until_stop,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
            backlog=BACKLOG,
        )
    )
    with sock:
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        stopping = asyncio.create_task(stop.wait())
        try:
            if listening is not None:
                listening(sock.getsockname()[1])  # The socket queues connections from here on.
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            server.should_exit = True
            await serving


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on ``host`` and ``port``. Raises ``PortTaken``, and ``OSError`` for what else is wrong."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host, port, occupant_of(host, port)) from error
        raise
    return sock


def occupant_of(host: str, port: int) -> str | None:
    """What answers HTTP there: a ninelives region, or a server by the name that it gives itself; None if nothing does."""
    connection = http.client.HTTPConnection("127.0.0.1" if host in {"", "0.0.0.0"} else host, port, timeout=0.5)  # noqa: S104
    try:
        connection.request("GET", "/_ninelives/health")
        response = connection.getresponse()
        body = response.read(10_000)
        name = response.headers.get("server")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    with contextlib.suppress(ValueError, KeyError, TypeError):
        health = json.loads(body)
        return f"another ninelives region ({health['region']}, version {health['version']})"
    return f"an HTTP server that calls itself {name!r}" if name else "an HTTP server"
