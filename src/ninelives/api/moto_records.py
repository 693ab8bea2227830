"""moto's records on disk: a file for each backend, written aside, synced and renamed.

Each file starts with a line that says which moto and which Python wrote it. Another version's records are put aside and
not read: what is pickled are moto's own classes and functions, and nothing is promised about them.
"""

import importlib.metadata
import json
import logging
import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

logger = logging.getLogger(__name__)

MOTO_VERSION: Final = importlib.metadata.version("moto")

WRITER: Final = f"moto {MOTO_VERSION} on Python {sys.version_info.major}.{sys.version_info.minor}"
"""Who may read what this process writes."""

SUFFIX: Final = ".records"


@dataclass(frozen=True, slots=True)
class BackendKey:
    """One of moto's backends: its name in moto, and its region there (``aws`` for one without)."""

    name: str
    region: str


class MotoRecords:
    """A directory of moto's records. Only the owner may read it: secrets and keys are among them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written: dict[BackendKey, bytes] = {}
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read."""
        return not any(self._directory.glob(f"*{SUFFIX}"))

    def names(self) -> frozenset[str]:
        """The backends of which there are records."""
        return frozenset(unquote(path.name.partition("@")[0]) for path in self._directory.glob(f"*{SUFFIX}"))

    def write(self, key: BackendKey, dumped: bytes) -> None:
        """Make a backend's records durable; nothing is done where they are what was last written."""
        if self._written.get(key) == dumped:
            return
        header = json.dumps({"writer": WRITER, "name": key.name, "region": key.region}).encode()
        self._replace(self._path(key), header + b"\n" + dumped)
        self._written[key] = dumped

    def read(self, restore: Callable[[BackendKey, bytes], None]) -> None:
        """Hand every backend's records to ``restore``. What cannot be read is put aside and told loudly."""
        for path in sorted(self._directory.glob(f"*{SUFFIX}")):
            header, _, dumped = path.read_bytes().partition(b"\n")
            try:
                stamp = json.loads(header)
                key = BackendKey(stamp["name"], stamp["region"])
                if stamp["writer"] != WRITER:
                    self._put_aside(path, f"{stamp['writer']} wrote it, and this is {WRITER}")
                    continue
                restore(key, dumped)
            except (ValueError, KeyError, TypeError, AttributeError, ImportError, EOFError, pickle.UnpicklingError) as error:
                self._put_aside(path, f"it cannot be read ({type(error).__name__}: {error})")
            else:
                self._written[key] = dumped

    def _put_aside(self, path: Path, reason: str) -> None:
        aside = path.with_suffix(".unread")
        path.replace(aside)
        logger.error("%s starts empty: %s. Its records were put aside as %s.", path.stem, reason, aside)

    def _path(self, key: BackendKey) -> Path:
        return self._directory / f"{quote(key.name, safe='')}@{quote(key.region, safe='')}{SUFFIX}"

    def _replace(self, path: Path, content: bytes) -> None:
        draft = path.with_name(f"{path.name}.draft")
        with open(draft, "wb", opener=_for_us_alone) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)
