"""Records in SQLite: one row each, its body as JSON; one writer, one transaction a commit.

Write-ahead log with ``synchronous=NORMAL``: a commit survives the death of the process (a power cut may take the newest ones,
never the file). The body's shape is the record's dataclass; a field that is new takes its default from there.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ninelives.database import open_database
from ninelives.region.ports import RECORD_TYPES, Record

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def _adapter(kind: type[Any]) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # a third of the region's start, and a region without records needs it later

    return TypeAdapter(kind)


_ADAPTERS: dict[str, Callable[[], "TypeAdapter[Any]"]] = {
    kind.__name__: cache(partial(_adapter, kind)) for kind in RECORD_TYPES
}
"""How a kind is written and read; each is made when it is first needed, for making one takes milliseconds."""


def _m001_records(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, key))"
    )


MIGRATIONS = (_m001_records,)


class SqliteStore:
    """The region's ``Store``. Every call is made on the thread that opened it."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, MIGRATIONS)

    def load(self) -> Iterable[Record]:
        """All records, in the order in which they were first written."""
        for kind, body in self._connection.execute("SELECT kind, body FROM record ORDER BY rowid"):
            record: Record = _ADAPTERS[kind]().validate_json(body)
            yield record

    def commit(self, puts: Sequence[Record], deletes: Sequence[tuple[type[Any], str]]) -> None:
        rows = [(type(record).__name__, record.key, _ADAPTERS[type(record).__name__]().dump_json(record)) for record in puts]
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(
                "INSERT INTO record (kind, key, body) VALUES (?, ?, ?)"
                " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                rows,
            )
            self._connection.executemany(
                "DELETE FROM record WHERE kind = ? AND key = ?", [(kind.__name__, key) for kind, key in deletes]
            )
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite itself ends it for some errors, a full disk among them
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._connection.close()
