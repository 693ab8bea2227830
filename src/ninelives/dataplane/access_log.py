"""Envoy's access log, read as it grows, and rotated: no line is lost, and a read one does not stay on disk for long."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from ninelives.dataplane.admin import Admin, AdminUnavailable

Entry = Mapping[str, Any]
"""A request. Source: ``routing.access_log.FIELDS``."""

ROTATE_ABOVE = 8 << 20
"""Bytes after which a log that is read goes aside, for Envoy to begin another."""
READ_MOST = 1 << 20
"""Bytes of one reading."""


class AccessLog:
    """The lines of ``path``; the place up to which they are read is kept beside it, for the next control plane.

    A file that was put aside (``….1``) is read to its end before the next one, and removed once Envoy writes to another.
    """

    def __init__(self, path: Path, admin: Admin) -> None:
        self._path = path
        self._aside = path.with_suffix(path.suffix + ".1")
        self._place_file = path.with_suffix(path.suffix + ".place")
        self._admin = admin
        self._offset = self._read_place()

    async def read(self) -> Sequence[Entry]:
        """Whole lines that were not read before, of at most a megabyte; empty when there are none."""
        is_aside = self._aside.exists()
        is_complete = self._path.exists()  # Envoy begins the next file with its next line, and is through with the last.
        lines = self._read_lines(self._aside if is_aside else self._path)
        if lines:
            self._keep_place()
        elif is_aside and is_complete:
            self._begin_next()
        elif is_aside:
            await self._reopen()
        elif self._offset > ROTATE_ABOVE:
            self._path.replace(self._aside)
            await self._reopen()
        return [entry for line in lines if (entry := _entry(line)) is not None]

    def _read_lines(self, path: Path) -> list[bytes]:
        try:
            size = path.stat().st_size
        except OSError:
            return []
        if size < self._offset:
            self._offset = 0
        if size == self._offset:
            return []
        with path.open("rb") as file:
            file.seek(self._offset)
            found = file.read(READ_MOST)
        whole = found[: found.rfind(b"\n") + 1]
        if not whole and len(found) == READ_MOST:
            whole = found  # No line of ours is that long; what stands there is passed over.
        self._offset += len(whole)
        return whole.splitlines()

    def _begin_next(self) -> None:
        self._aside.unlink()
        self._offset = 0
        self._keep_place()

    async def _reopen(self) -> None:
        with contextlib.suppress(AdminUnavailable):
            await self._admin.post("/reopen_logs")

    def _read_place(self) -> int:
        try:
            return int(self._place_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def _keep_place(self) -> None:
        with contextlib.suppress(OSError):
            self._place_file.write_text(str(self._offset), encoding="ascii")


def _entry(line: bytes) -> Entry | None:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
