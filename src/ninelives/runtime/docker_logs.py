"""Follows the logs of containers: a thread each, for as long as the container runs and its log has more."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ninelives.region.ports import LogLine
from ninelives.runtime.docker_facts import read_instant
from ninelives.runtime.log_feed import LogFeed

if TYPE_CHECKING:
    from docker import APIClient
    from docker.types import CancellableStream

log = logging.getLogger(__name__)

LINE_BYTES_MAX = 256 * 1024
"""A longer line arrives in pieces: CloudWatch Logs takes no longer one. Docker itself cuts at 16 KB, which is mended here."""
INSTANT_LENGTH = len("2026-01-02T03:04:05.123456789Z")
RECONNECTS_MAX = 20
RECONNECT_SECONDS = 0.5


class DockerLog:
    """Delivers a container's lines from ``since`` on (Docker's own timestamp, exclusive), until they end or it is closed."""

    def __init__(
        self,
        client: "APIClient",
        feed: LogFeed,
        *,
        container_id: str,
        task_arn: str,
        container_name: str,
        since: str | None,
        delivered: Callable[[str], None],
    ) -> None:
        self._client = client
        self._feed = feed
        self._id = container_id
        self._task_arn = task_arn
        self._name = container_name
        self._since = since or ""
        self._delivered = delivered
        self._stream: CancellableStream[bytes] | None = None
        self._loop = asyncio.get_running_loop()
        self._closing = threading.Event()
        self.ended = asyncio.Event()
        """Set on the loop once every line has been handed over."""
        threading.Thread(target=self._follow, name=f"log {container_name}", daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        if self._stream is not None:
            self._stream.close()

    def _follow(self) -> None:
        from docker.errors import NotFound

        try:
            for _ in range(RECONNECTS_MAX):
                try:
                    if self._deliver():
                        return
                except NotFound:
                    return
                except Exception as error:  # noqa: BLE001  # the SDK lets sockets', HTTP's and its own errors through
                    if self._closing.is_set():
                        return
                    log.info("log of %s broke off (%s); it is followed again", self._name, error)
                if self._closing.wait(RECONNECT_SECONDS):
                    return
        finally:
            self._tell_ended()

    def _tell_ended(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self.ended.set)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    def _deliver(self) -> bool:
        """Deliver until the log ends. True if there is no more to come."""
        cursor = self._since  # only what was delivered before: two streams of a container are not stamped in strict order
        seconds = read_instant(cursor) if cursor else None
        self._stream = self._client.logs(
            self._id, stream=True, follow=True, timestamps=True, since=int(seconds.timestamp()) if seconds else None
        )
        for instant, text in _lines(self._stream):
            if instant <= cursor:
                continue
            timestamp = read_instant(instant)
            assert timestamp is not None, "Docker stamps every line"
            line = LogLine(task_arn=self._task_arn, container_name=self._name, timestamp=timestamp, message=text)
            if not self._feed.put([line], lambda instant=instant: self._delivered(instant)):  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                return True
            self._since = max(self._since, instant)
        return self._closing.is_set() or not self._client.inspect_container(self._id)["State"]["Running"]


def _lines(frames: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """Instant and text of each line, mended from Docker's pieces of 16 KB."""
    first, pieces, size = "", [], 0
    for frame in frames:
        instant, piece = frame[:INSTANT_LENGTH].decode("ascii", "replace"), frame[INSTANT_LENGTH + 1 :]
        first = first or instant
        pieces.append(piece)
        size += len(piece)
        if piece.endswith(b"\n") or size >= LINE_BYTES_MAX:
            yield first, b"".join(pieces).rstrip(b"\r\n").decode("utf-8", "replace")
            first, pieces, size = "", [], 0
    if pieces:
        yield first, b"".join(pieces).decode("utf-8", "replace")
