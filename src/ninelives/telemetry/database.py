"""CloudWatch's file: metrics, alarms, their history, dashboards. One writer; readable by its owner only."""

import sqlite3
from pathlib import Path

PRIVATE = 0o600
JOURNAL_BYTES = 16 << 20
"""What the journal beside the file keeps of the disk after a checkpoint."""


def _m001_metrics_and_alarms(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE metric (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, dimensions TEXT NOT NULL,"
        " last_us INTEGER NOT NULL, UNIQUE (namespace, name, dimensions))"
    )
    connection.execute(
        "CREATE TABLE sample (metric INTEGER NOT NULL, start_us INTEGER NOT NULL, unit TEXT NOT NULL,"
        " width_us INTEGER NOT NULL, sample_count REAL NOT NULL, total REAL NOT NULL, minimum REAL NOT NULL,"
        " maximum REAL NOT NULL, counts BLOB, PRIMARY KEY (metric, start_us, unit)) WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX sample_age ON sample (width_us, start_us)")
    connection.execute(
        "CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, key))"
    )
    connection.execute(
        "CREATE TABLE history (id INTEGER PRIMARY KEY, alarm TEXT NOT NULL, at_us INTEGER NOT NULL, body BLOB NOT NULL)"
    )
    connection.execute("CREATE INDEX history_of_alarm ON history (alarm, id)")


MIGRATIONS = (_m001_metrics_and_alarms,)


class DatabaseFromTheFuture(Exception):
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
    """The database in ``path``, made if need be; in memory where there is none. Raises ``DatabaseFromTheFuture``."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=PRIVATE)
        path.chmod(PRIVATE)
    connection = sqlite3.connect(path or ":memory:", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if path is not None and version > len(MIGRATIONS):
        connection.close()
        raise DatabaseFromTheFuture(path, version)
    for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        migration(connection)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    return connection
