"""Follows the logs of containers: a thread each, for as long as the container runs and its log has more.

The SDK reads a log frame by frame. A log is a flood at times, so it is read here in large pieces, by a plain HTTP/1.0 request
over the engine's socket: the answer then is the bare stream of frames. Source: Docker Engine API v1.41, ``ContainerLogs``,
``ContainerAttach`` (stream format).
"""

import asyncio
import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from ninelives.region.ports import LogLine
from ninelives.runtime.docker_facts import read_instant
from ninelives.runtime.log_feed import LogFeed

if TYPE_CHECKING:
    from docker import APIClient

log = logging.getLogger(__name__)

READ_BYTES = 64 * 1024
LINES_AT_ONCE = 200
FRAME_HEADER = struct.Struct(">BxxxL")
OK, NOT_FOUND = 200, 404
LINE_BYTES_MAX = 256 * 1024
"""A longer line arrives in pieces: CloudWatch Logs takes no longer one. Docker itself cuts at 16 KB, which is mended here."""
INSTANT_LENGTH = len("2026-01-02T03:04:05.123456789Z")
RECONNECT_SECONDS = 0.5
RECONNECT_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedContainer:
    """Whose log it is; ``id`` is Docker's."""

    id: str
    task_arn: str
    name: str
    has_terminal: bool
    """Then its log is the bare text: both streams are one."""


class DockerLog:
    """Delivers a container's lines from ``since`` on (Docker's own timestamp, exclusive), until they end or it is closed."""

    def __init__(
        self,
        client: "APIClient",
        socket_path: str,
        feed: LogFeed,
        *,
        container: LoggedContainer,
        since: str | None,
        delivered: Callable[[str], None],
    ) -> None:
        self._client = client
        self._socket_path = socket_path
        self._feed = feed
        self._container = container
        self._since = since or ""
        self._delivered = delivered
        self._socket: socket.socket | None = None
        self._loop = asyncio.get_running_loop()
        self._closing = threading.Event()
        self.ended = asyncio.Event()
        """Set on the loop once every line has been handed over."""
        threading.Thread(target=self._follow, name=f"log {container.name}", daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _follow(self) -> None:
        """Until the container has ended: an engine that is away comes back, and its containers may have lived on."""
        pause = RECONNECT_SECONDS
        try:
            while True:
                try:
                    if self._deliver():
                        # An engine under load may end what it sends before it has sent the last lines.
                        if not self._closing.is_set():
                            self._deliver(follow=False)
                        return
                    pause = RECONNECT_SECONDS
                except (OSError, ValueError) as error:
                    if pause == RECONNECT_SECONDS:
                        log.info("log of %s broke off (%s); it is followed again", self._container.name, error)
                    pause = min(2 * pause, RECONNECT_SECONDS_MAX)
                if self._closing.wait(pause):
                    return
        finally:
            self._tell_ended()

    def _tell_ended(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self.ended.set)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    def _deliver(self, *, follow: bool = True) -> bool:
        """Deliver until the log ends, or until the end of what is there now. True if there is no more to come."""
        from docker.errors import NotFound

        cursor = self._since  # only what was delivered before: two streams of a container are not stamped in strict order
        with socket.socket(socket.AF_UNIX) as connection:
            self._socket = connection
            connection.connect(self._socket_path)
            if not self._ask(connection, follow=follow):
                return True
            for lines in _terminal_lines(connection) if self._container.has_terminal else _lines(connection):
                new = [(instant, text) for instant, text in lines if instant > cursor]
                for start in range(0, len(new), LINES_AT_ONCE):
                    if not self._put(new[start : start + LINES_AT_ONCE]):
                        return True
        try:
            return self._closing.is_set() or not self._client.inspect_container(self._container.id)["State"]["Running"]
        except NotFound:
            return True

    def _ask(self, connection: socket.socket, *, follow: bool) -> bool:
        """Ask for the log. False if the container is gone; raises ``OSError`` where the engine has another objection."""
        since = read_instant(self._since) if self._since else None
        query = {
            "follow": int(follow),
            "stdout": 1,
            "stderr": 1,
            "timestamps": 1,
            "since": int(since.timestamp()) if since else 0,
        }
        connection.sendall(
            f"GET /containers/{self._container.id}/logs?{urlencode(query)} HTTP/1.0\r\nHost: docker\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                raise ConnectionResetError("the engine closed the connection")
            head += byte
        status = int(head.split(b" ", 2)[1])
        if status not in {OK, NOT_FOUND}:
            raise ConnectionError(f"the engine answered {status}")
        return status == OK

    def _put(self, lines: list[tuple[str, str]]) -> bool:
        records = [
            LogLine(
                task_arn=self._container.task_arn,
                container_name=self._container.name,
                timestamp=_timestamp(instant),
                message=text,
            )
            for instant, text in lines
        ]
        newest = self._since = max(self._since, *(instant for instant, _ in lines))
        return self._feed.put(records, lambda: self._delivered(newest))


def _timestamp(instant: str) -> datetime:
    timestamp = read_instant(instant)
    assert timestamp is not None, "Docker stamps every line"
    return timestamp


def _lines(connection: socket.socket) -> Iterator[list[tuple[str, str]]]:
    """Instant and text of the lines, as many at a time as have arrived, mended from Docker's pieces of 16 KB.

    Each stream (1: output, 2: error) is mended for itself.
    """
    buffer = b""
    pieces: dict[int, tuple[str, bytes]] = {}
    while data := connection.recv(READ_BYTES):
        buffer += data
        lines, position = [], 0
        while len(buffer) - position >= FRAME_HEADER.size:
            stream, size = FRAME_HEADER.unpack_from(buffer, position)
            end = position + FRAME_HEADER.size + size
            if len(buffer) < end:
                break
            frame = buffer[position + FRAME_HEADER.size : end]
            position = end
            instant, text = pieces.pop(stream, (frame[:INSTANT_LENGTH].decode("ascii", "replace"), b""))
            text += frame[INSTANT_LENGTH + 1 :]
            if text.endswith(b"\n") or len(text) >= LINE_BYTES_MAX:
                lines.append((instant, text.rstrip(b"\r\n").decode("utf-8", "replace")))
            else:
                pieces[stream] = (instant, text)
        buffer = buffer[position:]
        yield lines
    yield [(instant, text.decode("utf-8", "replace")) for instant, text in pieces.values()]


def _terminal_lines(connection: socket.socket) -> Iterator[list[tuple[str, str]]]:
    """The same of a container with a terminal."""
    rest = b""
    while data := connection.recv(READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        yield [_split(line) for line in lines]
    yield [_split(rest)] if rest else []


def _split(line: bytes) -> tuple[str, str]:
    instant, text = line[:INSTANT_LENGTH], line[INSTANT_LENGTH + 1 :]
    return instant.decode("ascii", "replace"), text.rstrip(b"\r").decode("utf-8", "replace")
