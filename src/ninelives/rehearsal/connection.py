"""One HTTP/1.1 connection as a strict client has it: nothing is sent twice, and nothing is forgiven.

It stands on a bare socket (``channel.py``), so that it is known what was seen before a request was written: a connection
that the other side has closed while it was idle may be replaced then, and only then. Every other end of a connection loses
its request.
"""

import asyncio
import json
import re
import socket
from dataclasses import dataclass

import h11

from ninelives.rehearsal.channel import Bare, Channel, Tls
from ninelives.rehearsal.sample import Target

VERSION_HEADER = b"x-app-version"
VERSION_IN_TEXT = re.compile(r"^version: *(\S+) *$", re.MULTILINE)


class ConnectionClosed(Exception):
    """The other side ended the connection before its answer was complete."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"closed before the answer was complete (status {status})")
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer."""

    status: int
    version: str | None


class Connection:
    """A connection that carries one request after another."""

    def __init__(self, sock: socket.socket, channel: Channel, target: Target) -> None:
        self._socket = sock
        self._channel = channel
        self._target = target
        self._http = h11.Connection(h11.CLIENT)
        self.answered = 0
        """Complete answers so far."""

    @classmethod
    async def open(cls, target: Target, address: tuple[socket.AddressFamily, tuple[str, int]]) -> "Connection":
        """Connect to ``address``. Raises ``OSError``."""
        family, name = address
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, name)
            channel: Channel = await Tls(sock, target.host).shaken() if target.tls else Bare(sock)
        except BaseException:
            sock.close()
            raise
        return cls(sock, channel, target)

    async def get(self, path: str, *, last: bool) -> Answer:
        """The answer to one GET; ``last`` asks for the connection to end with it.

        Raises ``OSError``, ``ConnectionClosed`` and ``h11.RemoteProtocolError``.
        """
        headers = [("Host", self._target.authority), ("User-Agent", "ninelives-rehearsal"), ("Accept", "*/*")]
        if last:
            headers.append(("Connection", "close"))
        head = self._http.send(h11.Request(method="GET", target=path, headers=headers))
        end = self._http.send(h11.EndOfMessage())
        assert head is not None
        assert end is not None
        await self._channel.send(head + end)
        return await self._read_answer()

    async def _read_answer(self) -> Answer:
        response: h11.Response | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            match event:
                case h11.NEED_DATA:
                    data = await self._channel.receive()
                    if not data and not _may_end_by_closing(response):
                        raise ConnectionClosed(None if response is None else response.status_code)
                    self._http.receive_data(data)
                case h11.Response():
                    response = event
                case h11.Data():
                    body += event.data
                case h11.EndOfMessage():
                    break
                case h11.ConnectionClosed():
                    raise ConnectionClosed(None)
                case _:
                    continue  # 1xx: the answer is still to come
        assert response is not None
        self.answered += 1
        return Answer(status=response.status_code, version=version_of(response, bytes(body)))

    def renew(self) -> bool:
        """Make ready for the next request; False when this answer was the connection's last."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    @property
    def is_open(self) -> bool:
        """Whether, at this moment, the idle connection is not seen closed (and nothing unasked for has arrived on it)."""
        return self._channel.is_open

    def close(self) -> None:
        self._socket.close()


def _may_end_by_closing(response: h11.Response | None) -> bool:
    """Whether the end of the connection is the end of the answer: neither length nor chunks were announced."""
    return response is not None and not any(name in {b"content-length", b"transfer-encoding"} for name, _ in response.headers)


def version_of(response: h11.Response, body: bytes) -> str | None:
    """The version that an answer bears: its header, else ``version`` of a JSON object, else a line ``version: …``."""
    for name, value in response.headers:
        if name == VERSION_HEADER:
            return value.decode("latin-1")
    text = body.decode(errors="replace")
    if text.lstrip().startswith("{"):
        try:
            version = json.loads(text).get("version")
        except ValueError:
            return None
        return version if isinstance(version, str) else None
    found = VERSION_IN_TEXT.search(text)
    return found.group(1) if found else None
