"""CloudWatch Logs' file: groups, streams and their events. One writer, readers beside it; readable by its owner only.

Events lie in the order in which they came, which nearly is that of their time: a stretch of a group or stream is found by an
index and read in one go, and where the oldest events go, whole pages become free. (Clustered by group, an event of a kilobyte
would take a page: sqlite.org, "WITHOUT ROWID".)
"""

import sqlite3
from pathlib import Path
from typing import Final

from ninelives.database import open_database

WAL_BYTES_MAX: Final = 8 * 1024 * 1024
"""What the write-ahead log is cut to once it is in the file; it is longer for as long as a reader needs that."""
CACHE_KIB: Final = 8 * 1024
BUSY_MS: Final = 10_000
PRAGMAS: Final = (f"busy_timeout = {BUSY_MS}", f"cache_size = -{CACHE_KIB}")


def _m001_groups_streams_events(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE log_group (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL,"
        " retention_days INTEGER, class TEXT NOT NULL, kms_key_id TEXT, is_protected INTEGER NOT NULL, tags TEXT NOT NULL,"
        " stored_bytes INTEGER NOT NULL)"
    )
    connection.execute(
        "CREATE TABLE log_stream (id INTEGER PRIMARY KEY AUTOINCREMENT, log_group INTEGER NOT NULL, name TEXT NOT NULL,"
        " created_ms INTEGER NOT NULL, first_ms INTEGER, last_ms INTEGER, ingested_ms INTEGER, UNIQUE (log_group, name))"
    )
    connection.execute("CREATE INDEX stream_by_last_event ON log_stream (log_group, coalesce(last_ms, 0), name)")
    connection.execute(
        "CREATE TABLE event (id INTEGER PRIMARY KEY, log_group INTEGER NOT NULL, stream INTEGER NOT NULL,"
        " at_ms INTEGER NOT NULL, ingested_ms INTEGER NOT NULL, message TEXT NOT NULL)"
    )
    connection.execute("CREATE INDEX event_of_group ON event (log_group, at_ms)")
    connection.execute("CREATE INDEX event_of_stream ON event (stream, at_ms)")
    connection.execute(
        "CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, log_group TEXT, body BLOB NOT NULL,"
        " PRIMARY KEY (kind, key))"
    )
    connection.execute("CREATE TABLE gone (log_group INTEGER NOT NULL, stream INTEGER)")
    connection.execute("CREATE TABLE counter (last_id INTEGER NOT NULL)")
    connection.execute("INSERT INTO counter VALUES (0)")


MIGRATIONS = (_m001_groups_streams_events,)


def open_to_write(path: Path | None) -> sqlite3.Connection:
    """The database in ``path``, made if need be; in memory where there is none. Raises ``DatabaseFromTheFuture``."""
    pragmas = [*PRAGMAS, "auto_vacuum = INCREMENTAL", f"journal_size_limit = {WAL_BYTES_MAX}"]
    return open_database(path, MIGRATIONS, pragmas=pragmas, check_same_thread=False)


def open_to_read(path: Path) -> sqlite3.Connection:
    """The database that a writer has made in ``path``."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in (*PRAGMAS, "query_only = TRUE"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
