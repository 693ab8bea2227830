"""The registry's records in SQLite: repositories, manifests, tags, and which repository has which blob.

A change is committed before its method returns (``synchronous=NORMAL``: it survives the death of the process). All is
called on one thread.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ninelives.database import Migration, open_database
from ninelives.registry.manifests import Manifest
from ninelives.registry.records import Image, Repository

_VERSION_1: Final = """
CREATE TABLE repository (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE manifest (
    repository TEXT NOT NULL REFERENCES repository (name) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    artifact_type TEXT,
    subject TEXT,
    annotations TEXT,
    size INTEGER NOT NULL,
    pushed_at TEXT NOT NULL,
    pulled_at TEXT,
    content BLOB NOT NULL,
    PRIMARY KEY (repository, digest)
);
CREATE TABLE reference (
    repository TEXT NOT NULL,
    manifest TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('blob', 'manifest')),
    digest TEXT NOT NULL,
    PRIMARY KEY (repository, manifest, kind, digest),
    FOREIGN KEY (repository, manifest) REFERENCES manifest (repository, digest) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX reference_target ON reference (repository, kind, digest);
CREATE TABLE tag (
    repository TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (repository, name),
    FOREIGN KEY (repository, digest) REFERENCES manifest (repository, digest) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX tag_digest ON tag (repository, digest);
CREATE TABLE blob (
    repository TEXT NOT NULL REFERENCES repository (name) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    awaited_since TEXT,
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX blob_digest ON blob (digest);
"""

_TO_VERSION_2: Final = """
ALTER TABLE manifest ADD COLUMN archived_at TEXT;
ALTER TABLE manifest ADD COLUMN activated_at TEXT;
"""


def _each_of(script: str) -> Migration:
    def migrate(connection: sqlite3.Connection) -> None:
        for statement in script.split(";"):
            connection.execute(statement)

    return migrate


MIGRATIONS: Final = tuple(map(_each_of, (_VERSION_1, _TO_VERSION_2)))

_IMAGE: Final = "repository, digest, media_type, artifact_type, subject, size, pushed_at, pulled_at, archived_at, activated_at"


class Catalog:
    """The records. Names and references are taken as checked; what is not there is None or empty, never an error."""

    def __init__(self, path: Path) -> None:
        self._sql = open_database(path, MIGRATIONS, pragmas=["foreign_keys = ON"], check_same_thread=False)

    def close(self) -> None:
        self._sql.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._sql.execute("ROLLBACK")
            raise
        self._sql.execute("COMMIT")

    # Repositories.

    def repository(self, name: str) -> Repository | None:
        row = self._sql.execute("SELECT body FROM repository WHERE name = ?", (name,)).fetchone()
        return _read_repository(row[0]) if row else None

    def repositories(self) -> list[Repository]:
        """All, by name."""
        return [_read_repository(body) for (body,) in self._sql.execute("SELECT body FROM repository ORDER BY name")]

    def put_repository(self, repository: Repository) -> None:
        self._sql.execute(
            "INSERT INTO repository (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            (repository.name, json.dumps(asdict(repository), default=_write_instant)),
        )

    def delete_repository(self, name: str) -> None:
        """Delete it with its images, tags and hold on blobs."""
        self._sql.execute("DELETE FROM repository WHERE name = ?", (name,))

    # Images.

    def image(self, repository: str, *, digest: str | None = None, tag: str | None = None) -> Image | None:
        """The image of that digest and tag; with one of them None, by the other."""
        if tag is not None:
            tagged = self.digest_of_tag(repository, tag)
            if tagged is None or digest not in {None, tagged}:
                return None
            digest = tagged
        row = self._sql.execute(
            f"SELECT {_IMAGE} FROM manifest WHERE repository = ? AND digest = ?",  # noqa: S608 (our own column names)
            (repository, digest),
        ).fetchone()
        return self._image(row) if row else None

    def images(self, repository: str) -> list[Image]:
        """All, in the order in which they were pushed first."""
        tags: dict[str, list[str]] = {}
        for name, digest in self._sql.execute(
            "SELECT name, digest FROM tag WHERE repository = ? ORDER BY name", (repository,)
        ):
            tags.setdefault(digest, []).append(name)
        rows = self._sql.execute(
            f"SELECT {_IMAGE} FROM manifest WHERE repository = ? ORDER BY rowid",  # noqa: S608 (our own column names)
            (repository,),
        )
        return [_read_image(row, tags.get(row[1], ())) for row in rows]

    def _image(self, row: Sequence[Any]) -> Image:
        names = self._sql.execute("SELECT name FROM tag WHERE repository = ? AND digest = ? ORDER BY name", row[:2])
        return _read_image(row, [name for (name,) in names])

    def content(self, repository: str, digest: str) -> bytes:
        """The manifest as it was pushed; it must be there."""
        row = self._sql.execute(
            "SELECT content FROM manifest WHERE repository = ? AND digest = ?", (repository, digest)
        ).fetchone()
        return bytes(row[0])

    def digest_of_tag(self, repository: str, tag: str) -> str | None:
        row = self._sql.execute("SELECT digest FROM tag WHERE repository = ? AND name = ?", (repository, tag)).fetchone()
        return str(row[0]) if row else None

    def tags(self, repository: str) -> list[str]:
        """All, in lexical order."""
        return [
            name for (name,) in self._sql.execute("SELECT name FROM tag WHERE repository = ? ORDER BY name", (repository,))
        ]

    def put_image(self, repository: str, manifest: Manifest, *, tag: str | None, size: int, now: datetime) -> None:
        """Record a manifest and its tag; one that is there stays as it is, and the tag moves."""
        with self._transaction():
            self._sql.execute(
                "INSERT INTO manifest (repository, digest, media_type, artifact_type, subject, annotations, size, pushed_at,"
                " content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    repository,
                    manifest.digest,
                    manifest.media_type,
                    manifest.artifact_type,
                    manifest.subject,
                    json.dumps(manifest.annotations) if manifest.annotations else None,
                    size,
                    now.isoformat(),
                    manifest.content,
                ),
            )
            blobs = {one.digest for one in manifest.blobs if not one.is_foreign}
            references = [("blob", digest) for digest in blobs]
            references += [("manifest", one.digest) for one in manifest.manifests]
            self._sql.executemany(
                "INSERT INTO reference (repository, manifest, kind, digest) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [(repository, manifest.digest, kind, digest) for kind, digest in references],
            )
            self._sql.executemany(
                "UPDATE blob SET awaited_since = NULL WHERE repository = ? AND digest = ?",
                [(repository, digest) for digest in blobs],
            )
            if tag is not None:
                self._sql.execute(
                    "INSERT INTO tag (repository, name, digest) VALUES (?, ?, ?)"
                    " ON CONFLICT (repository, name) DO UPDATE SET digest = excluded.digest",
                    (repository, tag, manifest.digest),
                )

    def delete_image(self, repository: str, digest: str) -> None:
        """Delete a manifest with its tags."""
        self._sql.execute("DELETE FROM manifest WHERE repository = ? AND digest = ?", (repository, digest))

    def delete_tag(self, repository: str, tag: str) -> None:
        self._sql.execute("DELETE FROM tag WHERE repository = ? AND name = ?", (repository, tag))

    def note_pull(self, repository: str, digest: str, now: datetime) -> None:
        self._sql.execute(
            "UPDATE manifest SET pulled_at = ? WHERE repository = ? AND digest = ?", (now.isoformat(), repository, digest)
        )

    def note_archived(self, repository: str, digest: str, now: datetime) -> None:
        self._sql.execute(
            "UPDATE manifest SET archived_at = ? WHERE repository = ? AND digest = ?", (now.isoformat(), repository, digest)
        )

    def note_activated(self, repository: str, digest: str, now: datetime) -> None:
        self._sql.execute(
            "UPDATE manifest SET activated_at = ? WHERE repository = ? AND digest = ?", (now.isoformat(), repository, digest)
        )

    def lists_with(self, repository: str, digest: str) -> list[str]:
        """Digests of the indexes and lists that name an image."""
        rows = self._sql.execute(
            "SELECT manifest FROM reference WHERE repository = ? AND kind = 'manifest' AND digest = ?", (repository, digest)
        )
        return [manifest for (manifest,) in rows]

    def lists(self, repository: str) -> dict[str, list[str]]:
        """The digests that each index or list of a repository names."""
        rows = self._sql.execute(
            "SELECT manifest, digest FROM reference WHERE repository = ? AND kind = 'manifest' ORDER BY digest", (repository,)
        )
        named: dict[str, list[str]] = {}
        for manifest, digest in rows:
            named.setdefault(manifest, []).append(digest)
        return named

    def referrers(self, repository: str, subject: str) -> list[tuple[Image, int, Mapping[str, str]]]:
        """Manifests about ``subject``, each with the length of its content and its annotations."""
        rows = self._sql.execute(
            f"SELECT {_IMAGE}, length(content), annotations FROM manifest"  # noqa: S608 (our own column names)
            " WHERE repository = ? AND subject = ? ORDER BY rowid",
            (repository, subject),
        ).fetchall()
        return [(self._image(row[:-2]), row[-2], json.loads(row[-1] or "{}")) for row in rows]

    # Blobs.

    def blob_size(self, repository: str, digest: str) -> int | None:
        """Bytes of a blob that the repository has."""
        row = self._sql.execute("SELECT size FROM blob WHERE repository = ? AND digest = ?", (repository, digest)).fetchone()
        return int(row[0]) if row else None

    def put_blob(self, repository: str, digest: str, size: int, now: datetime) -> None:
        """Give a blob to a repository, for a manifest that is awaited."""
        self._sql.execute(
            "INSERT INTO blob (repository, digest, size, awaited_since) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (repository, digest) DO UPDATE SET awaited_since = excluded.awaited_since",
            (repository, digest, size, now.isoformat()),
        )

    def delete_blob(self, repository: str, digest: str) -> None:
        self._sql.execute("DELETE FROM blob WHERE repository = ? AND digest = ?", (repository, digest))

    def unreferenced(self) -> list[tuple[str, str, datetime | None]]:
        """Blobs that no manifest of their repository names: repository, digest, and since when a manifest is awaited."""
        rows = self._sql.execute(
            "SELECT repository, digest, awaited_since FROM blob WHERE NOT EXISTS (SELECT 1 FROM reference"
            " WHERE reference.repository = blob.repository AND kind = 'blob' AND reference.digest = blob.digest)"
        )
        return [(name, digest, datetime.fromisoformat(since) if since else None) for name, digest, since in rows]

    def blobs_of(self, repository: str) -> list[str]:
        return [digest for (digest,) in self._sql.execute("SELECT digest FROM blob WHERE repository = ?", (repository,))]

    def without_repository(self, digests: Iterable[str]) -> list[str]:
        """Those of ``digests`` that no repository has."""
        found = "SELECT 1 FROM blob WHERE digest = ?"
        return [digest for digest in digests if self._sql.execute(found, (digest,)).fetchone() is None]


def _write_instant(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()


def _read_repository(body: str) -> Repository:
    members = json.loads(body)
    for name in ("created_at", "lifecycle_policy_at", "lifecycle_evaluated_at"):
        if members.get(name) is not None:
            members[name] = datetime.fromisoformat(members[name])
    members["exclusion_filters"] = tuple(members["exclusion_filters"])
    return Repository(**members)


def _read_image(row: Sequence[Any], tags: Iterable[str]) -> Image:
    repository, digest, media_type, artifact_type, subject, size, pushed_at, pulled_at, archived_at, activated_at = row
    return Image(
        repository=repository,
        digest=digest,
        media_type=media_type,
        artifact_type=artifact_type,
        subject=subject,
        size_in_bytes=size,
        pushed_at=datetime.fromisoformat(pushed_at),
        pulled_at=datetime.fromisoformat(pulled_at) if pulled_at else None,
        archived_at=datetime.fromisoformat(archived_at) if archived_at else None,
        activated_at=datetime.fromisoformat(activated_at) if activated_at else None,
        tags=tuple(tags),
    )
