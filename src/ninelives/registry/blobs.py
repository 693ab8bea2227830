"""Blobs as files named by their digests, and the uploads that become blobs.

An upload is written aside, flushed to the disk, verified and renamed: a blob is there whole or not at all. Uploads belong
to the process that took them; what another one left is removed. Every method but the properties does file I/O.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4


class Upload:
    """An upload in progress. ``offset`` is the number of bytes that are on disk."""

    def __init__(self, *, repository: str, path: Path, upload_id: str, touched_at: datetime) -> None:
        self.id = upload_id
        self.repository = repository
        self.path = path
        self.offset = 0
        self.is_busy = False
        """Whether a request writes to it now; there is one at a time."""
        self.touched_at = touched_at
        self.parts: list[int] = []
        """Bytes of each part, where it came by ECR's API."""
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def append(self, content: bytes) -> None:
        with self.path.open("r+b", buffering=0) as file:
            # A write that failed half-way is written over.
            file.seek(self.offset)
            view = memoryview(content)
            while view:
                view = view[file.write(view) :]
        self._hash.update(content)
        self.offset += len(content)


class BlobFiles:
    """The blobs below ``directory``."""

    def __init__(self, directory: Path) -> None:
        self._blobs = directory / "blobs" / "sha256"
        self._uploads = directory / "uploads"
        shutil.rmtree(self._uploads, ignore_errors=True)
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._uploads.mkdir()

    def path(self, digest: str) -> Path:
        """Where a blob lies, or would."""
        hexadecimal = digest.removeprefix("sha256:")
        return self._blobs / hexadecimal[:2] / hexadecimal

    def begin(self, repository: str, now: datetime) -> Upload:
        upload_id = str(uuid4())
        path = self._uploads / upload_id
        path.touch(mode=0o600, exist_ok=False)
        return Upload(repository=repository, path=path, upload_id=upload_id, touched_at=now)

    def keep(self, upload: Upload) -> None:
        """Make a blob of an upload whose digest was checked."""
        with upload.path.open("r+b") as file:
            file.truncate(upload.offset)  # What lies behind is of a write that failed half-way.
            os.fsync(file.fileno())
        target = self.path(upload.digest)
        target.parent.mkdir(exist_ok=True)
        upload.path.replace(target)
        _flush_directory(target.parent)

    def drop(self, upload: Upload) -> None:
        upload.path.unlink(missing_ok=True)

    def remove(self, digest: str) -> None:
        self.path(digest).unlink(missing_ok=True)

    def digests(self) -> Iterator[str]:
        """All blobs that lie here."""
        for path in self._blobs.glob("*/*"):
            yield f"sha256:{path.name}"


def _flush_directory(directory: Path) -> None:
    """Let a rename survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
