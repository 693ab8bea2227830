# ruff: noqa: S608 what is put together are our own column names
"""Log groups, streams and their events in SQLite: what is asked of them, and what is written. Nothing here waits or decides.

A ``LogStore`` belongs to one thread at a time. One writes; others, on connections of their own, read what it has committed.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ninelives.model.logs import (
    EVENT_OVERHEAD,
    LogEvent,
    LogGroup,
    LogRecordKind,
    LogStream,
    MetricFilter,
    Position,
    QueryDefinition,
    ResourcePolicy,
    SubscriptionFilter,
    TakenOver,
)

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Kind = TypeVar("Kind", MetricFilter, SubscriptionFilter, QueryDefinition, ResourcePolicy, TakenOver)

KINDS: Final[Mapping[str, type[Any]]] = {
    kind.__name__: kind for kind in (MetricFilter, SubscriptionFilter, QueryDefinition, ResourcePolicy, TakenOver)
}

GROUP_COLUMNS: Final = (
    "id, name, created_ms, retention_days, class, kms_key_id, is_protected, tags, stored_bytes,"
    " (SELECT COUNT(*) FROM record WHERE kind = 'MetricFilter' AND record.log_group = log_group.name)"
)
STREAM_COLUMNS: Final = "id, name, created_ms, first_ms, last_ms, ingested_ms"
SIZE: Final = f"length(CAST(message AS BLOB)) + {EVENT_OVERHEAD}"
END_OF_TIME_MS: Final = 2**62
LAST_CHARACTER: Final = "\U0010ffff"


class AlreadyThere(Exception):
    """A group or stream of that name exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Events of one stream that were written, in order of time; each with its position."""

    group: LogGroup
    stream: LogStream
    events: Sequence[LogEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Which events of a group: of all its streams or of some, from ``start_ms`` and before ``end_ms``, in which order."""

    streams: Collection[LogStream] | None = None
    start_ms: int = 0
    end_ms: int = END_OF_TIME_MS
    is_descending: bool = False


@cache
def _adapter(kind: str) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # dear to import, and a region without filters needs it never

    return TypeAdapter(KINDS[kind])


class LogStore:
    """All of one region's logs, by one connection."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        (self._last_id,) = database.execute("SELECT last_id FROM counter").fetchone()

    def close(self) -> None:
        self._database.close()

    # Groups.

    def group(self, name: str) -> LogGroup | None:
        row = self._database.execute(f"SELECT {GROUP_COLUMNS} FROM log_group WHERE name = ?", (name,)).fetchone()
        return None if row is None else _group(row)

    def group_of_id(self, group_id: int) -> LogGroup | None:
        row = self._database.execute(f"SELECT {GROUP_COLUMNS} FROM log_group WHERE id = ?", (group_id,)).fetchone()
        return None if row is None else _group(row)

    def groups(self, *, prefix: str = "", part: str = "", log_class: str | None = None) -> list[LogGroup]:
        """Those whose name begins with ``prefix`` and contains ``part``, in order of name."""
        rows = self._database.execute(
            f"SELECT {GROUP_COLUMNS} FROM log_group WHERE name BETWEEN ? AND ? AND instr(name, ?)"
            " AND class = coalesce(?, class) ORDER BY name",
            (prefix, f"{prefix}{LAST_CHARACTER}", part, log_class),
        )
        return [_group(row) for row in rows]

    def create_group(self, group: LogGroup) -> None:
        """Make a group; the id of ``group`` is not used. Raises ``AlreadyThere``."""
        try:
            self._database.execute(
                "INSERT INTO log_group (name, created_ms, retention_days, class, kms_key_id, is_protected, tags, stored_bytes)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
                (group.name, group.created_ms, *_settings(group)),
            )
        except sqlite3.IntegrityError:
            raise AlreadyThere(group.name) from None

    def change_group(self, group: LogGroup) -> None:
        """Write what may change of a group: retention, class, key, protection, tags."""
        self._database.execute(
            "UPDATE log_group SET retention_days = ?, class = ?, kms_key_id = ?, is_protected = ?, tags = ? WHERE id = ?",
            (*_settings(group), group.id),
        )

    def delete_group(self, group: LogGroup) -> None:
        """Forget a group with its streams, filters and events. What the events took becomes free later, bit by bit."""
        with self._transaction():
            self._database.execute("DELETE FROM log_group WHERE id = ?", (group.id,))
            self._database.execute("DELETE FROM log_stream WHERE log_group = ?", (group.id,))
            self._database.execute("DELETE FROM record WHERE log_group = ?", (group.name,))
            self._database.execute("INSERT INTO gone VALUES (?, NULL)", (group.id,))

    # Streams.

    def stream(self, group: LogGroup, name: str) -> LogStream | None:
        row = self._database.execute(
            f"SELECT {STREAM_COLUMNS} FROM log_stream WHERE log_group = ? AND name = ?", (group.id, name)
        ).fetchone()
        return None if row is None else LogStream(**dict(zip(_STREAM_FIELDS, row, strict=True)))

    def streams(
        self,
        group: LogGroup,
        *,
        prefix: str = "",
        by_last_event: bool = False,
        descending: bool = False,
        after: tuple[int, str] | None = None,
        limit: int = -1,
    ) -> list[LogStream]:
        """Streams in order of name, or of their last event and then their name, behind the one that ``after`` tells."""
        order = "coalesce(last_ms, 0), name" if by_last_event else "name"
        key = "(coalesce(last_ms, 0), name)" if by_last_event else "(0, name)"
        way, ahead = ("DESC", "<") if descending else ("ASC", ">")
        rows = self._database.execute(
            f"SELECT {STREAM_COLUMNS} FROM log_stream WHERE log_group = ? AND name BETWEEN ? AND ?"
            + (f" AND {key} {ahead} (?, ?)" if after else "")
            + f" ORDER BY {', '.join(f'{one} {way}' for one in order.rsplit(', ', 1))} LIMIT ?",
            (group.id, prefix, f"{prefix}{LAST_CHARACTER}", *(after or ()), limit),
        )
        return [LogStream(**dict(zip(_STREAM_FIELDS, row, strict=True))) for row in rows]

    def create_stream(self, group: LogGroup, name: str, created_ms: int) -> None:
        """Raises ``AlreadyThere``."""
        try:
            self._database.execute(
                "INSERT INTO log_stream (log_group, name, created_ms) VALUES (?, ?, ?)", (group.id, name, created_ms)
            )
        except sqlite3.IntegrityError:
            raise AlreadyThere(name) from None

    def delete_stream(self, group: LogGroup, stream: LogStream) -> None:
        """Forget a stream with its events, as ``delete_group`` does."""
        with self._transaction():
            self._database.execute("DELETE FROM log_stream WHERE id = ?", (stream.id,))
            self._database.execute("INSERT INTO gone VALUES (?, ?)", (group.id, stream.id))

    # Events.

    def append(
        self, batches: Sequence[tuple[LogGroup, LogStream, Sequence[tuple[int, str]]]], ingested_ms: int
    ) -> list[Arrived]:
        """Write events (time and message) to their streams, all or nothing."""
        arrived = []
        last_id = self._last_id
        with self._transaction():
            for group, stream, events in batches:
                written = [
                    LogEvent(at_ms, last_id + place, stream.name, ingested_ms, message)
                    for place, (at_ms, message) in enumerate(events, 1)
                ]
                last_id += len(written)
                self._database.executemany(
                    "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
                    [(one.id, group.id, stream.id, one.at_ms, ingested_ms, one.message) for one in written],
                )
                self._count(group, stream, written, ingested_ms)
                arrived.append(Arrived(group=group, stream=stream, events=written))
            self._database.execute("UPDATE counter SET last_id = ?", (last_id,))
        self._last_id = last_id
        return arrived

    def _count(self, group: LogGroup, stream: LogStream, events: Sequence[LogEvent], ingested_ms: int) -> None:
        times = [one.at_ms for one in events]
        self._database.execute(
            "UPDATE log_stream SET first_ms = min(coalesce(first_ms, ?1), ?1), last_ms = max(coalesce(last_ms, ?2), ?2),"
            " ingested_ms = ?3 WHERE id = ?4",
            (min(times), max(times), ingested_ms, stream.id),
        )
        size = sum(len(one.message.encode()) + EVENT_OVERHEAD for one in events)
        self._database.execute("UPDATE log_group SET stored_bytes = stored_bytes + ? WHERE id = ?", (size, group.id))

    def events(self, group: LogGroup, stretch: Stretch, *, after: Position | None = None, limit: int) -> list[LogEvent]:
        """Events of a group that lie in ``stretch``, behind ``after`` in its order."""
        way, ahead = ("DESC", "<") if stretch.is_descending else ("ASC", ">")
        where, values = _of_streams(group, stretch.streams)
        start_ms, end_ms = stretch.start_ms, stretch.end_ms
        if after is not None:  # in plain numbers, by which the index is entered; else each page would begin at the first event
            start_ms, end_ms = (
                (start_ms, min(end_ms, after.at_ms + 1)) if stretch.is_descending else (max(start_ms, after.at_ms), end_ms)
            )
        rows = self._database.execute(
            "SELECT at_ms, event.id, log_stream.name, event.ingested_ms, message FROM event"
            " CROSS JOIN log_stream ON log_stream.id = event.stream"
            f" WHERE {where} AND at_ms >= ? AND at_ms < ?"
            + (f" AND (at_ms, event.id) {ahead} (?, ?)" if after else "")
            + f" ORDER BY at_ms {way}, event.id {way} LIMIT ?",
            (*values, start_ms, end_ms, *(after or ()), limit),
        )
        return [LogEvent(*row) for row in rows]

    def event(self, group: LogGroup, position: Position) -> LogEvent | None:
        row = self._database.execute(
            "SELECT at_ms, event.id, log_stream.name, event.ingested_ms, message FROM event"
            " JOIN log_stream ON log_stream.id = event.stream WHERE event.log_group = ? AND at_ms = ? AND event.id = ?",
            (group.id, *position),
        ).fetchone()
        return None if row is None else LogEvent(*row)

    # Room.

    @property
    def used_bytes(self) -> int:
        """What the events and all else take in the file; what is free in it is not counted."""
        (pages,) = self._database.execute("PRAGMA page_count").fetchone()
        (free,) = self._database.execute("PRAGMA freelist_count").fetchone()
        (size,) = self._database.execute("PRAGMA page_size").fetchone()
        return int((pages - free) * size)

    @property
    def free_pages(self) -> int:
        (free,) = self._database.execute("PRAGMA freelist_count").fetchone()
        return int(free)

    def largest_group(self) -> LogGroup | None:
        """The one whose events take most; None where no group has any."""
        row = self._database.execute(
            f"SELECT {GROUP_COLUMNS} FROM log_group WHERE stored_bytes > 0 ORDER BY stored_bytes DESC LIMIT 1"
        ).fetchone()
        return None if row is None else _group(row)

    def forget_oldest(self, group: LogGroup, *, limit: int, before_ms: int = END_OF_TIME_MS) -> tuple[int, int]:
        """Forget at most ``limit`` of the oldest events of a group, those before ``before_ms``; how many, and their bytes."""
        with self._transaction():
            found = self._database.execute(
                f"SELECT id, {SIZE} FROM event WHERE log_group = ? AND at_ms < ? ORDER BY at_ms, id LIMIT ?",
                (group.id, before_ms, limit),
            ).fetchall()
            size = sum(one[1] for one in found)
            if found:
                self._database.executemany("DELETE FROM event WHERE id = ?", [(one[0],) for one in found])
                self._shrink(group.id, size)
        return len(found), size

    def sweep(self, limit: int) -> bool:
        """Remove at most ``limit`` events of groups and streams that are gone; True where more is left."""
        row = self._database.execute("SELECT rowid, log_group, stream FROM gone LIMIT 1").fetchone()
        if row is None:
            return False
        rowid, group, stream = row
        where, values = ("stream = ?", (stream,)) if stream is not None else ("log_group = ?", (group,))
        with self._transaction():
            found = self._database.execute(f"SELECT id, {SIZE} FROM event WHERE {where} LIMIT ?", (*values, limit)).fetchall()
            self._database.executemany("DELETE FROM event WHERE id = ?", [(one[0],) for one in found])
            self._shrink(group, sum(one[1] for one in found))
            if len(found) < limit:
                self._database.execute("DELETE FROM gone WHERE rowid = ?", (rowid,))
        return True

    def _shrink(self, group_id: int, size: int) -> None:
        self._database.execute("UPDATE log_group SET stored_bytes = max(0, stored_bytes - ?) WHERE id = ?", (size, group_id))

    def give_back(self, pages: int) -> None:
        """Give free pages at the file's end back to the file system."""
        self._database.executescript(f"PRAGMA incremental_vacuum({pages})")  # `execute` would give back one page
        self._database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    # What is kept beside.

    def records(self, kind: type[Kind], *, group: str | None = None) -> list[Kind]:
        """Records of a kind, of one group where given, in order of their key."""
        rows = self._database.execute(
            "SELECT body FROM record WHERE kind = ? AND coalesce(log_group, '') = coalesce(?, log_group, '') ORDER BY key",
            (kind.__name__, group),
        )
        return [_adapter(kind.__name__).validate_json(body) for (body,) in rows]

    def put_record(self, record: LogRecordKind) -> None:
        body = _adapter(type(record).__name__).dump_json(record)
        group = record.group if isinstance(record, MetricFilter | SubscriptionFilter) else None
        self._database.execute(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)", (type(record).__name__, record.key, group, body)
        )

    def delete_record(self, record: LogRecordKind) -> None:
        self._database.execute("DELETE FROM record WHERE kind = ? AND key = ?", (type(record).__name__, record.key))

    @contextmanager
    def whole(self) -> Iterator[None]:
        """What is written inside is written whole, or nothing of it is."""
        with self._transaction():
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._database.in_transaction:
            yield
            return
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


_STREAM_FIELDS: Final = tuple(STREAM_COLUMNS.split(", "))


def _group(row: Sequence[Any]) -> LogGroup:
    id_, name, created_ms, retention_days, log_class, kms_key_id, is_protected, tags, stored_bytes, metric_filters = row
    return LogGroup(
        id=id_,
        name=name,
        created_ms=created_ms,
        retention_days=retention_days,
        log_class=log_class,
        kms_key_id=kms_key_id,
        is_protected=bool(is_protected),
        tags=json.loads(tags),
        stored_bytes=stored_bytes,
        metric_filters=metric_filters,
    )


def _settings(group: LogGroup) -> tuple[int | None, str, str | None, bool, str]:
    return group.retention_days, group.log_class, group.kms_key_id, group.is_protected, json.dumps(dict(group.tags))


def _of_streams(group: LogGroup, streams: Collection[LogStream] | None) -> tuple[str, tuple[object, ...]]:
    """One stream is read by its own index; several, or all, in the group's order."""
    if streams is None:
        return "event.log_group = ?", (group.id,)
    if len(streams) == 1:
        return "event.stream = ?", tuple(one.id for one in streams)
    ids = json.dumps([one.id for one in streams])
    return "event.log_group = ? AND +event.stream IN (SELECT value FROM json_each(?))", (group.id, ids)
