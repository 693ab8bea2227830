"""The data points of all metrics: gathered in memory for a moment, kept in SQLite, coarser as they grow older.

CloudWatch's own tiers: 3 hours by the second, 15 days by the minute, 63 days by five minutes, 455 days by the hour. In a
region with a time scale seconds and minutes of new data are that much shorter.
Source: "Metrics retention", CloudWatch user guide.
"""

import json
import logging
import math
import sqlite3
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ninelives.model.metrics import Metric
from ninelives.model.timing import Timing
from ninelives.monitoring import Distribution, merged, period_start
from ninelives.monitoring.periods import EPOCH

log = logging.getLogger(__name__)

TIERS: Final = (
    (timedelta(hours=3), timedelta(minutes=1)),
    (timedelta(days=15), timedelta(minutes=5)),
    (timedelta(days=63), timedelta(hours=1)),
)
"""From which age on data points are kept how wide."""
KEPT: Final = timedelta(days=455)
LISTED: Final = timedelta(days=14)
"""How long a metric without new data is listed. Source: ``cloudwatch`` ``ListMetrics``."""
METRICS_MAX: Final = 10_000
UNHEARD: Final = timedelta(hours=1)
"""For how long nothing must have come to a metric before it may make room for another."""
ROOM_SHARE: Final = 20
"""A twentieth of all metrics make room at once."""
SAMPLES_MAX: Final = 1_000_000
"""Rows. The oldest go first."""
BYTES_MAX: Final = 256 << 20
"""Of the file, alarms and their history included; the oldest data points go first."""
PENDING_MAX: Final = 2_000
"""Data points that wait in memory to be written."""
PENDING_MOST: Final = 20_000
"""So many wait where the disk does not take them; then they are dropped."""
COMPACT_AT_ONCE: Final = 2_000
"""Rows that one call of ``compact`` puts together, so that it never takes long."""
COMPLAIN_EVERY: Final = timedelta(minutes=5)

NO_UNIT: Final = "None"
MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What fell into one bucket of a metric."""

    start: datetime
    unit: str
    distribution: Distribution


class MetricStore:
    """Every metric of the region. Every call is made on the thread that opened the database."""

    def __init__(self, database: sqlite3.Connection, *, timing: Timing) -> None:
        self._database = database
        self.second = timing.scaled(timedelta(seconds=1))
        self.minute = timing.scaled(timedelta(minutes=1))
        self._pending: dict[tuple[Metric, int, str], tuple[int, list[Distribution]]] = {}
        self._ids: dict[Metric, int] = {}
        self._last_heard: dict[int, int] = {}
        self._read_metrics()
        self._room_sought_at: datetime | None = None
        self._dropped = 0
        self._complained_at: datetime | None = None

    def _read_metrics(self) -> None:
        rows = self._database.execute("SELECT id, namespace, name, dimensions FROM metric")
        self._ids = {
            Metric(namespace, name, tuple((key, value) for key, value in json.loads(dimensions))): id_
            for id_, namespace, name, dimensions in rows
        }
        self._last_heard = dict(self._database.execute("SELECT id, last_us FROM metric"))

    def put(
        self, metric: Metric, distribution: Distribution, *, at: datetime, unit: str = NO_UNIT, by_the_second: bool = False
    ) -> None:
        """Add to the bucket of ``metric`` that ``at`` falls into: its minute, or ``by_the_second`` its second.

        Beyond the ten thousandth a new metric takes the place of those that were not heard of for longest; where all were
        heard of within the hour it is dropped, and the log says so. So is one whose names are no texts: half a
        character beyond U+FFFF, as JSON may spell it.
        """
        width = self.second if by_the_second else self.minute
        if metric not in self._ids and not (_is_text(metric) and self._is_room(at)):
            return
        self._ids.setdefault(metric, 0)
        key = (metric, _us(period_start(at, width)), unit)
        self._pending.setdefault(key, (width // MICROSECOND, []))[1].append(distribution)
        if len(self._pending) >= PENDING_MAX:
            self.flush()

    def _is_room(self, now: datetime) -> bool:
        if len(self._ids) < METRICS_MAX or self._makes_room(now):
            return True
        self._dropped += 1
        if self._complained_at is None or now - self._complained_at > COMPLAIN_EVERY:
            log.warning(
                "%d data points of new metrics were dropped: the region keeps %d metrics at the most",
                self._dropped,
                METRICS_MAX,
            )
            self._complained_at, self._dropped = now, 0
        return False

    def _makes_room(self, now: datetime) -> bool:
        """Forget those that were not heard of for longest: tasks come and go, and each has metrics of its own."""
        if self._room_sought_at is not None and now - self._room_sought_at < self.minute:
            return False
        self._room_sought_at = now
        self.flush()
        least = _us(now - UNHEARD)
        unheard = sorted((at, id_) for id_, at in self._last_heard.items() if at < least)
        gone = {id_ for _, id_ in unheard[: max(1, METRICS_MAX // ROOM_SHARE)]}
        if gone:
            with _transaction(self._database):
                self._database.executemany("DELETE FROM sample WHERE metric = ?", [(id_,) for id_ in gone])
                self._forget_metrics(gone)
            log.info("%d metrics that were not heard of for longest made room for others", len(gone))
        return bool(gone)

    def flush(self) -> None:
        """Write what waits, in one transaction. Where the disk does not take it, it waits on. Raises ``sqlite3.Error``."""
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        try:
            self._write_pending(pending)
        except sqlite3.Error:
            self._read_metrics()  # those of ``pending`` that were new are not there
            if len(pending) > PENDING_MOST:
                log.warning("%d data points were dropped: they cannot be written", len(pending))
            else:
                self._ids = dict.fromkeys((metric for metric, _, _ in pending), 0) | self._ids
                self._pending = pending
            raise

    def _write_pending(self, pending: Mapping[tuple[Metric, int, str], tuple[int, list[Distribution]]]) -> None:
        with _transaction(self._database):
            for (metric, start, unit), (width, parts) in pending.items():
                self._add(self._id_of(metric, start), start, unit, width, parts)
            changed = {self._ids[metric] for metric, _, _ in pending}
            self._database.executemany(
                "UPDATE metric SET last_us = ? WHERE id = ?", [(self._last_heard[id_], id_) for id_ in changed]
            )

    def _id_of(self, metric: Metric, at: int) -> int:
        id_ = self._ids.get(metric, 0)
        if not id_:
            row = (metric.namespace, metric.name, json.dumps(metric.dimensions), at)
            cursor = self._database.execute(
                "INSERT INTO metric (namespace, name, dimensions, last_us) VALUES (?, ?, ?, ?)", row
            )
            id_ = self._ids[metric] = cursor.lastrowid or 0
        self._last_heard[id_] = max(at, self._last_heard.get(id_, 0))
        return id_

    def _add(self, id_: int, start: int, unit: str, width: int, parts: Sequence[Distribution]) -> None:
        known = self._database.execute(
            "SELECT sample_count, total, minimum, maximum, counts, width_us FROM sample"
            " WHERE metric = ? AND start_us = ? AND unit = ?",
            (id_, start, unit),
        ).fetchone()
        whole = merged([*parts, _read(known[:5])] if known else parts)
        assert whole is not None
        self._write([(id_, start, unit, max(width, known[5]) if known else width, whole)])

    def _write(self, rows: Iterable[tuple[int, int, str, int, Distribution]]) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(id_, start, unit, width, *_written(one)) for id_, start, unit, width, one in rows],
        )

    def read(self, metric: Metric, start: datetime, end: datetime, *, unit: str | None = None) -> Iterator[Sample]:
        """The samples of ``metric`` whose bucket begins in ``[start, end)``, in order of time; of one ``unit`` where given."""
        self.flush()
        id_ = self._ids.get(metric)
        if not id_:
            return
        rows = self._database.execute(
            "SELECT start_us, unit, sample_count, total, minimum, maximum, counts FROM sample"
            " WHERE metric = ? AND start_us >= ? AND start_us < ? ORDER BY start_us",
            (id_, _us(start), _us(end)),
        )
        for at, found_unit, *row in rows:
            if unit is None or unit == found_unit:
                yield Sample(start=EPOCH + at * MICROSECOND, unit=found_unit, distribution=_read(row))

    def metrics(self, *, since: datetime) -> list[Metric]:
        """The metrics that have had data since then, in order of name."""
        self.flush()
        least = _us(since)
        return sorted(
            (metric for metric, id_ in self._ids.items() if self._last_heard.get(id_, 0) >= least),
            key=lambda metric: (metric.namespace, metric.name, metric.dimensions),
        )

    def compact(self, now: datetime) -> bool:
        """Put together what has grown old, and forget what is too old or too much; True where more is left to do."""
        self.flush()
        is_left = False
        with _transaction(self._database):
            for age, width in TIERS:
                is_left |= self._widen(_us(now - age), width)
            self._database.execute("DELETE FROM sample WHERE start_us < ?", (_us(now - KEPT),))
            (count,) = self._database.execute("SELECT COUNT(*) FROM sample").fetchone()
            excess = max(count - SAMPLES_MAX, math.ceil(count * (1 - BYTES_MAX / self._used_bytes())))
            if excess > 0:
                self._forget_oldest(excess)
            self._forget_empty_metrics(now)
        return is_left

    def _used_bytes(self) -> int:
        """Of the file, without pages that are free to be used again."""
        (pages,), (free,), (size,) = (
            self._database.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _widen(self, before: int, width: timedelta) -> bool:
        end = before - before % (width // MICROSECOND)
        rows: list[tuple[int, int, str, float, float, float, float, bytes | None]] = []
        for narrower in self._widths_below(width // MICROSECOND):
            rows += self._database.execute(
                "SELECT metric, start_us, unit, sample_count, total, minimum, maximum, counts FROM sample"
                " WHERE width_us = ? AND start_us < ? LIMIT ?",
                (narrower, end, COMPACT_AT_ONCE - len(rows)),
            )
        for id_, start, unit, *row in rows:
            self._database.execute("DELETE FROM sample WHERE metric = ? AND start_us = ? AND unit = ?", (id_, start, unit))
            self._add(id_, start - start % (width // MICROSECOND), unit, width // MICROSECOND, [_read(row)])
        return len(rows) == COMPACT_AT_ONCE

    def _widths_below(self, width: int) -> Iterator[int]:
        """The widths that there are; each by a look into the index, however many data points have it."""
        found = 0
        while True:
            (found,) = self._database.execute(
                "SELECT MIN(width_us) FROM sample WHERE width_us > ? AND width_us < ?", (found, width)
            ).fetchone()
            if found is None:
                return
            yield found

    def _forget_oldest(self, count: int) -> None:
        log.warning(
            "the oldest %d data points were forgotten: the region keeps %d and %d MB at the most",
            count,
            SAMPLES_MAX,
            BYTES_MAX >> 20,
        )
        limit = self._database.execute("SELECT start_us FROM sample ORDER BY start_us LIMIT 1 OFFSET ?", (count,)).fetchone()
        self._database.execute("DELETE FROM sample WHERE start_us < ?", limit)

    def _forget_empty_metrics(self, now: datetime) -> None:
        """Metrics that are not listed any more and of which nothing is left make room for others."""
        least = _us(now - LISTED)
        gone = {
            id_
            for (id_,) in self._database.execute(
                "SELECT id FROM metric WHERE last_us < ? AND NOT EXISTS (SELECT 1 FROM sample WHERE metric = metric.id)",
                (least,),
            )
        }
        if gone:
            self._forget_metrics(gone)

    def _forget_metrics(self, gone: Collection[int]) -> None:
        self._database.executemany("DELETE FROM metric WHERE id = ?", [(id_,) for id_ in gone])
        self._ids = {metric: id_ for metric, id_ in self._ids.items() if id_ not in gone}
        self._last_heard = {id_: at for id_, at in self._last_heard.items() if id_ not in gone}


def _is_text(metric: Metric) -> bool:
    try:
        "".join((metric.namespace, metric.name, *(part for one in metric.dimensions for part in one))).encode()
    except UnicodeEncodeError:
        return False
    return True


def _us(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def _written(one: Distribution) -> tuple[float, float, float, float, bytes | None]:
    counts = None
    if one.values is not None:
        counts = array("d", [number for pair in one.values.items() for number in pair]).tobytes()
    return one.sample_count, one.sum, one.minimum, one.maximum, counts


def _read(row: Sequence[object]) -> Distribution:
    sample_count, total, minimum, maximum, counts = row
    values: Mapping[float, float] | None = None
    if isinstance(counts, bytes):
        numbers = array("d")
        numbers.frombytes(counts)
        values = dict(zip(numbers[::2], numbers[1::2], strict=True))
    assert isinstance(sample_count, float)
    assert isinstance(total, float)
    assert isinstance(minimum, float)
    assert isinstance(maximum, float)
    return Distribution(sample_count=sample_count, sum=total, minimum=minimum, maximum=maximum, values=values)


class _transaction:  # noqa: N801 - reads as a statement
    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        if self._database.in_transaction:
            self._database.execute("COMMIT" if kind is None else "ROLLBACK")
