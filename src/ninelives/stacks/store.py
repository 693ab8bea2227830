"""Stacks in SQLite: a row for each record, its body as JSON, and the events in their order. One writer; for its owner only."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ninelives.database import open_database
from ninelives.stacks.records import RECORD_TYPES, Event, Record

if TYPE_CHECKING:
    from pydantic import TypeAdapter

KINDS = {kind.__name__: kind for kind in (*RECORD_TYPES, Event)}


@cache
def _adapter(kind: str) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # a third of the region's start, and a region without stacks never needs it

    return TypeAdapter(KINDS[kind])


def _m001_stacks(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, key))"
    )
    connection.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, stack TEXT NOT NULL, body BLOB NOT NULL)")
    connection.execute("CREATE INDEX event_of_stack ON event (stack, id)")


MIGRATIONS = (_m001_stacks,)


class StackStore:
    """``path`` is the file, made if need be; None keeps everything in memory. Raises ``DatabaseFromTheFuture``."""

    def __init__(self, path: Path | None) -> None:
        self._connection = open_database(path, MIGRATIONS)

    def load(self) -> Iterable[Record]:
        """All records, in the order in which they were first written."""
        for kind, body in self._connection.execute("SELECT kind, body FROM record ORDER BY rowid"):
            record: Record = _adapter(kind).validate_json(body)
            yield record

    def commit(self, puts: Sequence[Record], deletes: Sequence[Record], events: Sequence[Event]) -> None:
        """One transaction: after it returns, the death of the process loses none of it."""
        rows = [(_kind(one), one.key, _adapter(_kind(one)).dump_json(one)) for one in puts]
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(
                "INSERT INTO record (kind, key, body) VALUES (?, ?, ?)"
                " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                rows,
            )
            gone = [(_kind(one), one.key) for one in deletes]
            self._connection.executemany("DELETE FROM record WHERE kind = ? AND key = ?", gone)
            told = [(one.stack_id, _adapter("Event").dump_json(one)) for one in events]
            self._connection.executemany("INSERT INTO event (stack, body) VALUES (?, ?)", told)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite itself ends it for some errors, a full disk among them
                self._connection.execute("ROLLBACK")
            raise

    def events(self, stack_id: str) -> Iterator[Event]:
        """A stack's events, the newest first."""
        for (body,) in self._connection.execute("SELECT body FROM event WHERE stack = ? ORDER BY id DESC", (stack_id,)):
            event: Event = _adapter("Event").validate_json(body)
            yield event

    def forget_events(self, stack_id: str) -> None:
        self._connection.execute("DELETE FROM event WHERE stack = ?", (stack_id,))

    def close(self) -> None:
        self._connection.close()


def _kind(record: Record) -> str:
    return type(record).__name__
