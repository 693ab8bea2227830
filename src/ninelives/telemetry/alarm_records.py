"""Alarms, their history and dashboards, written through to SQLite. Bodies are JSON in the shape of the records."""

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ninelives.model.alarms import Alarm, CompositeAlarm, HistoryItem, MetricAlarm
from ninelives.model.metrics import Dashboard
from ninelives.monitoring.periods import EPOCH

if TYPE_CHECKING:
    from pydantic import TypeAdapter

HISTORY_KEPT: Final = timedelta(days=30)
"""Source: ``cloudwatch`` ``DescribeAlarmHistory``."""
HISTORY_MAX: Final = 20_000
"""Lines over all alarms; the oldest go first."""

KINDS: Final[Mapping[str, type[Any]]] = {kind.__name__: kind for kind in (MetricAlarm, CompositeAlarm, Dashboard, HistoryItem)}


def _adapter(kind: type[Any]) -> "TypeAdapter[Any]":
    return _adapter_named(kind.__name__)


@cache
def _adapter_named(kind: str) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # a third of the region's start, and a region without alarms needs it later

    return TypeAdapter(KINDS[kind])


class AlarmRecords:
    """All alarms and dashboards in memory, by name; each change is in the file before anyone sees it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._alarms: dict[str, Alarm] = {}
        self._dashboards: dict[str, Dashboard] = {}
        for kind, body in database.execute("SELECT kind, body FROM record ORDER BY rowid"):
            self._keep(_adapter(KINDS[kind]).validate_json(body))

    @property
    def alarms(self) -> Mapping[str, Alarm]:
        return self._alarms

    @property
    def dashboards(self) -> Mapping[str, Dashboard]:
        return self._dashboards

    def put(self, record: Alarm | Dashboard) -> None:
        row = (type(record).__name__, record.key, _adapter(type(record)).dump_json(record))
        self._database.execute(
            "INSERT INTO record (kind, key, body) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            row,
        )
        self._keep(record)

    def delete(self, record: Alarm | Dashboard) -> None:
        self._database.execute("DELETE FROM record WHERE kind = ? AND key = ?", (type(record).__name__, record.key))
        del (self._dashboards if isinstance(record, Dashboard) else self._alarms)[record.key]

    def _keep(self, record: Alarm | Dashboard) -> None:
        if isinstance(record, Dashboard):
            self._dashboards[record.key] = record
        else:
            self._alarms[record.key] = record

    def add_history(self, item: HistoryItem) -> None:
        body = _adapter(HistoryItem).dump_json(item)
        at = (item.at - EPOCH) // timedelta(microseconds=1)
        cursor = self._database.execute(
            "INSERT INTO history (alarm, at_us, body) VALUES (?, ?, ?)", (item.alarm_name, at, body)
        )
        self._database.execute("DELETE FROM history WHERE id <= ?", ((cursor.lastrowid or 0) - HISTORY_MAX,))

    def history(self, alarm_name: str | None, *, now: datetime) -> Iterator[HistoryItem]:
        """The lines of the last thirty days, of one alarm or of all, the newest first."""
        least = (now - HISTORY_KEPT - EPOCH) // timedelta(microseconds=1)
        rows = self._database.execute(
            "SELECT body FROM history WHERE (? IS NULL OR alarm = ?) AND at_us >= ? ORDER BY id DESC",
            (alarm_name, alarm_name, least),
        )
        for (body,) in rows:
            item: HistoryItem = _adapter(HistoryItem).validate_json(body)
            yield item
