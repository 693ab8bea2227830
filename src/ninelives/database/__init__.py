"""A file of SQLite that one room owns: opened, brought up to date, refused where a newer version wrote it."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
"""Secrets are among the records. SQLite gives its log the mode of the file."""

Migration = Callable[[sqlite3.Connection], object]
"""Brings the tables from one version to the next, within a transaction that is not its own."""


class DatabaseFromTheFuture(Exception):
    """The file was written by a newer version, which this one cannot read without loss."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(path, found, known)
        self.path, self.found, self.known = path, found, known

    def __str__(self) -> str:
        return (
            f"{self.path}: written by a newer ninelives (schema {self.found}, this one knows {self.known}); "
            "use that version, or start with another state folder."
        )


def open_database(
    path: Path | None, migrations: Sequence[Migration], *, pragmas: Sequence[str] = (), check_same_thread: bool = True
) -> sqlite3.Connection:
    """The database in ``path``, made if need be, for its owner only; in memory where there is none.

    Its version is the number of ``migrations`` it has had. Write-ahead log with ``synchronous=NORMAL``: a commit survives the
    death of the process. ``pragmas`` come before the first table is made. Raises ``DatabaseFromTheFuture``.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=PRIVATE)
        path.chmod(PRIVATE)
    connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=check_same_thread)
    for pragma in (*pragmas, "journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if path is not None and version > len(migrations):
        connection.close()
        raise DatabaseFromTheFuture(path, version, len(migrations))
    for number, migration in enumerate(migrations[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        migration(connection)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    return connection
