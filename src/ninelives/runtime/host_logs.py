"""Follows the log files that the supervisors write: one thread reads what is new in each, a few times a second."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ninelives.region.ports import LogLine
from ninelives.runtime.log_feed import LogFeed

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
LINES_AT_ONCE = 200
READ_BYTES = 256 * 1024


@dataclass(slots=True)
class _Followed:
    directory: Path
    task_arn: str
    container_name: str
    cursor: str | None
    """Inode and offset, ``12:345``, up to which lines were delivered."""
    delivered: Callable[[str], None]
    ended: asyncio.Event
    file: BinaryIO | None = None
    inode: int = 0
    offset: int = 0
    rest: bytes = b""
    is_ending: bool = False


class HostLogs:
    """Delivers the lines of all containers on the host. Used on the loop; reads in its own thread."""

    def __init__(self, feed: LogFeed) -> None:
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._followed: dict[Path, _Followed] = {}
        self._wake = threading.Event()
        self._closing = False
        threading.Thread(target=self._run, name="host logs", daemon=True).start()

    def follow(
        self, directory: Path, *, task_arn: str, container_name: str, cursor: str | None, delivered: Callable[[str], None]
    ) -> None:
        """Follow the log in ``directory``, from ``cursor`` on."""
        if directory not in self._followed:
            self._followed[directory] = _Followed(
                directory=directory,
                task_arn=task_arn,
                container_name=container_name,
                cursor=cursor,
                delivered=delivered,
                ended=asyncio.Event(),
            )
            self._wake.set()

    def end(self, directory: Path) -> None:
        """The container has ended: what is there now is all."""
        followed = self._followed.get(directory)
        if followed is not None:
            followed.is_ending = True
            self._wake.set()

    async def ended(self, directory: Path) -> None:
        """Wait until the last line of a container that has ended was handed over."""
        followed = self._followed.get(directory)
        if followed is not None:
            await followed.ended.wait()

    def close(self) -> None:
        self._closing = True
        self._wake.set()

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(POLL_SECONDS if self._followed else None)
            self._wake.clear()
            for followed in list(self._followed.values()):
                is_ending = followed.is_ending  # asked before reading: what is written later is not to be missed
                try:
                    self._read(followed)
                except OSError as error:
                    log.warning("log of %s: %s", followed.container_name, error)
                if self._closing:
                    break
                if is_ending:
                    self._finish(followed)
        for followed in self._followed.values():
            if followed.file is not None:
                followed.file.close()

    def _finish(self, followed: _Followed) -> None:
        self._followed.pop(followed.directory, None)
        if followed.file is not None:
            followed.file.close()
        try:
            self._loop.call_soon_threadsafe(followed.ended.set)
        except RuntimeError:
            self._closing = True  # the loop is closed: nobody listens any more

    def _read(self, followed: _Followed) -> None:
        """Deliver all complete lines that are there, over a change of files."""
        while followed.file is not None or _open_first(followed):
            assert followed.file is not None, "just opened"
            if data := followed.file.read(READ_BYTES):
                self._take(followed, data)
            elif not _open_next(followed):
                return
            if self._closing:
                return

    def _take(self, followed: _Followed, data: bytes) -> None:
        *lines, followed.rest = (followed.rest + data).split(b"\n")
        for start in range(0, len(lines), LINES_AT_ONCE):
            some = lines[start : start + LINES_AT_ONCE]
            followed.offset += sum(len(line) + 1 for line in some)
            cursor = f"{followed.inode}:{followed.offset}"
            records = [_log_line(followed, line) for line in some]
            if not self._feed.put(records, lambda cursor=cursor: followed.delivered(cursor)):  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                self._closing = True
                return


def _open_first(followed: _Followed) -> bool:
    """Open the file that holds the cursor, or else the oldest. False if there is none yet."""
    inode, _, offset = (followed.cursor or "0:0").partition(":")
    for name in ("log.1", "log"):
        path = followed.directory / name
        try:
            file = path.open("rb")
        except FileNotFoundError:
            continue
        followed.file, followed.inode, followed.offset = file, os.fstat(file.fileno()).st_ino, 0
        if followed.inode == int(inode):
            followed.offset = int(offset)
            file.seek(followed.offset)
        elif name == "log.1" and _inode(followed.directory / "log") == int(inode):
            file.close()  # delivered in full before
            continue
        return True
    return False


def _open_next(followed: _Followed) -> bool:
    """At the end of a file: go on to the one that has taken its place. False if it is still the current one."""
    assert followed.file is not None, "it was read to its end"
    path, before = followed.directory / "log", followed.directory / "log.1"
    if _inode(path) in {None, followed.inode}:
        return False
    if _inode(before) not in {None, followed.inode}:
        path = before  # the files have changed twice
    if data := followed.file.read(READ_BYTES):  # written between our reading and the change
        followed.file.seek(-len(data), os.SEEK_CUR)
        return True
    followed.file.close()
    followed.file = path.open("rb")
    followed.inode, followed.offset, followed.rest = os.fstat(followed.file.fileno()).st_ino, 0, b""
    return True


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _log_line(followed: _Followed, line: bytes) -> LogLine:
    stamp, _, text = line.partition(b" ")
    return LogLine(
        task_arn=followed.task_arn,
        container_name=followed.container_name,
        timestamp=datetime.fromtimestamp(float(stamp), UTC),
        message=text.rstrip(b"\r").decode("utf-8", "replace"),
    )
