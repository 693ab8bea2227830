"""How far each container's log was delivered, kept in a file, so that the next control plane goes on from there.

It is written at most once a second, after delivery: a control plane that is killed may deliver the last second's lines again,
and loses none.
"""

import asyncio
import contextlib
import json
from collections.abc import Collection
from pathlib import Path

WRITE_EVERY_SECONDS = 1.0


class LogCursors:
    """Cursor by container: any text that the engine understands. Used on the loop only; without a file nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._cursors: dict[str, str] = {}
        self._timer: asyncio.TimerHandle | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError, ValueError):
                self._cursors = json.loads(path.read_text())

    def __getitem__(self, key: str) -> str | None:
        return self._cursors.get(key)

    def advance(self, key: str, cursor: str) -> None:
        """The log of ``key`` was delivered up to and including ``cursor``."""
        self._cursors[key] = cursor
        self._write_soon()

    def keep_only(self, keys: Collection[str]) -> None:
        self._cursors = {key: cursor for key, cursor in self._cursors.items() if key in keys}
        self._write_soon()

    def forget(self, key: str) -> None:
        if self._cursors.pop(key, None) is not None:
            self._write_soon()

    def close(self) -> None:
        """Write what is not written yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._write()

    def _write_soon(self) -> None:
        if self._path is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WRITE_EVERY_SECONDS, self._write)

    def _write(self) -> None:
        assert self._path is not None, "without a file nothing is scheduled"
        self._timer = None
        draft = self._path.with_suffix(".draft")
        with contextlib.suppress(FileNotFoundError):  # the state folder was deleted: nothing is to come back of it
            draft.write_text(json.dumps(self._cursors))
            draft.replace(self._path)
