"""Application Auto Scaling's file: targets, policies, scheduled actions, activities. One writer; for its owner only."""

import sqlite3
from pathlib import Path

from ninelives.database import open_database


def _m001_scaling(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, key))"
    )


MIGRATIONS = (_m001_scaling,)


def open_scaling(path: Path | None) -> sqlite3.Connection:
    """The file in ``path``, made if need be; in memory where there is none. Raises ``DatabaseFromTheFuture``."""
    return open_database(path, MIGRATIONS)
