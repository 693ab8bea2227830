"""Application Auto Scaling's file: targets, policies, scheduled actions, activities. One writer; for its owner only."""

import sqlite3
from pathlib import Path

PRIVATE = 0o600


def _m001_scaling(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, key))"
    )


MIGRATIONS = (_m001_scaling,)


class ScalingFromTheFuture(Exception):
    """The file was written by a newer version, which this one cannot read without loss."""

    def __init__(self, path: Path, found: int) -> None:
        super().__init__(path, found)
        self.path, self.found = path, found

    def __str__(self) -> str:
        return (
            f"{self.path}: written by a newer ninelives (schema {self.found}, this one knows {len(MIGRATIONS)}); "
            "use that version, or start with another state folder."
        )


def open_database(path: Path | None) -> sqlite3.Connection:
    """The database in ``path``, made if need be; in memory where there is none. Raises ``ScalingFromTheFuture``."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=PRIVATE)
        path.chmod(PRIVATE)
    connection = sqlite3.connect(path or ":memory:", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        connection.close()
        assert path is not None, "what is in memory is new"
        raise ScalingFromTheFuture(path, version)
    for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        migration(connection)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    return connection
