"""CloudWatch's file: metrics, alarms, their history, dashboards. One writer; readable by its owner only."""

import sqlite3
from pathlib import Path

from ninelives.database import open_database

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


def open_metrics(path: Path | None) -> sqlite3.Connection:
    """The file in ``path``, made if need be; in memory where there is none. Raises ``DatabaseFromTheFuture``."""
    return open_database(path, MIGRATIONS, pragmas=[f"journal_size_limit = {JOURNAL_BYTES}"])
