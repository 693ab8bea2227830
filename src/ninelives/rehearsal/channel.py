"""The bytes of one connection, bare or in TLS, over a bare socket: it is known what was seen before bytes were written.

The certificate is not looked at: a load measures, sends nothing secret, and asks the load balancer by a name that is in no
certificate.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from functools import cache, partial
from typing import Protocol, TypeVar

READ_BYTES = 65536
Result = TypeVar("Result")


class Channel(Protocol):
    """What a connection sends and receives by."""

    async def send(self, data: bytes) -> None:
        """Send all of it. Raises ``OSError``."""

    async def receive(self) -> bytes:
        """What has come; nothing when the other side has ended it. Raises ``OSError``."""

    @property
    def is_open(self) -> bool:
        """Whether, at this moment, the idle connection is not seen closed (and nothing unasked for has arrived on it)."""


class Bare:
    """The socket's own bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def receive(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._socket, READ_BYTES)

    @property
    def is_open(self) -> bool:
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


class Tls:
    """TLS over a socket; ``shaken`` first."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        self._socket = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = unverified().wrap_bio(self._incoming, self._outgoing, server_hostname=name)

    async def shaken(self) -> "Tls":
        """Once hands are shaken. Raises ``OSError``."""
        await self._carried_out(self._tls.do_handshake)
        return self

    async def send(self, data: bytes) -> None:
        await self._carried_out(partial(self._tls.write, data))

    async def receive(self) -> bytes:
        try:
            return await self._carried_out(partial(self._tls.read, READ_BYTES))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    @property
    def is_open(self) -> bool:
        """What arrived while it was idle may be TLS's own (session tickets): that is taken, and closes nothing."""
        with contextlib.suppress(BlockingIOError):
            try:
                while data := self._socket.recv(READ_BYTES):
                    self._incoming.write(data)
            except BlockingIOError:
                raise
            except OSError:
                return False
            return False
        try:
            self._tls.read(1)
        except ssl.SSLWantReadError:
            return True
        except ssl.SSLError:
            return False
        return False

    async def _carried_out(self, act: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        while True:
            try:
                result = act()
            except ssl.SSLWantReadError:
                await self._flush(loop)
                data = await loop.sock_recv(self._socket, READ_BYTES)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            else:
                await self._flush(loop)
                return result

    async def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        if data := self._outgoing.read():
            await loop.sock_sendall(self._socket, data)


@cache
def unverified() -> ssl.SSLContext:
    """TLS that asks nobody who he is."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context
