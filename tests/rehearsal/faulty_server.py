"""A small HTTP server on loopback with one fault a path."""

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator

from tls_world import certificate, server_context

from ninelives.rehearsal.sample import Target


class FaultyServer:
    """``/ok`` and ``/json`` answer; every other path has the fault of its name."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.requests: Counter[str] = Counter()
        self.connections = 0
        self.version = "1.0.0"
        """What ``/versioned`` tells."""
        self.idle_closed = asyncio.Event()
        self.release = asyncio.Event()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        asked = 0
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                asked += 1
                path = head.split()[1].decode()
                self.requests[path] += 1
                if not await self.answer(path, asked, writer) or b"connection: close" in head.lower():
                    break
        writer.close()

    async def answer(self, path: str, asked: int, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        if path == "/never":
            await self.release.wait()
            return False
        if path == "/closes-when-asked-again" and asked > 1:
            return False
        writer.write(ANSWERS[path].replace(b"$VERSION", self.version.encode()))
        if path == "/reset":
            linger(writer)
            return False
        await writer.drain()
        if path == "/half-then-reset":
            linger(writer)
        if path == "/says-close":
            await self.release.wait()
        if path == "/closes-when-idle":
            writer.close()
            if self.target.tls:
                await asyncio.sleep(0.05)  # TLS says goodbye, and waits for the other's: its own is on the way
            else:
                await writer.wait_closed()
            self.idle_closed.set()
        return path in {"/ok", "/versioned", "/json", "/text", "/503", "/404", "/closes-when-asked-again"}


GOOD = b"HTTP/1.1 200 OK\r\nX-App-Version: 1.0.0\r\n"
ANSWERS = {
    "/ok": GOOD + b"Content-Length: 2\r\n\r\nok",
    "/versioned": b"HTTP/1.1 200 OK\r\nX-App-Version: $VERSION\r\nContent-Length: 0\r\n\r\n",
    "/json": b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"version": "2.0.1"} ',
    "/text": b"HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nstatus: ok\nversion: 1.0.0\n",
    "/until-closed": GOOD + b"Connection: close\r\n\r\nok",
    "/says-close": GOOD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok",
    "/503": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "/404": b"HTTP/1.1 404 Not Found\r\nX-App-Version: 1.0.0\r\nContent-Length: 0\r\n\r\n",
    "/reset": b"",
    "/closed": b"",
    "/half": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "/half-then-reset": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "/malformed": b"BLAH\r\n\r\n",
    "/closes-when-asked-again": GOOD + b"Content-Length: 0\r\n\r\n",
    "/closes-when-idle": GOOD + b"Content-Length: 0\r\n\r\n",
}


def linger(writer: asyncio.StreamWriter) -> None:
    """Let the close be a reset."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.asynccontextmanager
async def faulty_server(*, tls: bool = False) -> AsyncIterator[FaultyServer]:
    server: FaultyServer | None = None

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert server is not None
        await server.connected(reader, writer)

    context = server_context(certificate("cats.example")) if tls else None
    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    server = FaultyServer(Target(host="127.0.0.1", port=listening.sockets[0].getsockname()[1], tls=tls))
    try:
        yield server
    finally:
        server.release.set()
        listening.close()
        await listening.wait_closed()


def refusing_target() -> Target:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Target(host="127.0.0.1", port=probe.getsockname()[1])
