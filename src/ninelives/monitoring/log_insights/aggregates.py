"""The functions of ``stats``: what each keeps of the values of a group, in bounded memory, and what it makes of it.

Source: CloudWatch Logs user guide, "stats". Where it does not say: ``stddev`` is that of all values (divided by their number),
``pct`` is the smallest value that is not below that share. Up to 10,000 different values of a group are kept for ``pct``, then
they move to the grid of ``monitoring.distribution``, and it is off by half a percent at the most; as many are counted exactly
by ``count_distinct``, then estimated.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import heappushpop
from typing import Final, Protocol

from ninelives.monitoring.distribution import on_grid
from ninelives.monitoring.log_insights.values import Instant, Value, number, sort_key, written

EXACT_MAX: Final = 10_000
HASH_BYTES: Final = 8
TEXT_OF_ONE: Final = 64
"""Characters that count as much as one number."""


class Aggregate(Protocol):
    """What is kept of one group's values."""

    def add(self, value: Value, at: int) -> int:
        """``value`` is there; ``at`` is its event's time. How many values more are kept now (less, where below 0); a long text
        counts as several.
        """
        ...

    def result(self) -> Value: ...


@dataclass(slots=True)
class Count:
    count: int = 0

    def add(self, value: Value, at: int) -> int:  # noqa: ARG002 that there is one
        self.count += 1
        return 0

    def result(self) -> Value:
        return self.count


@dataclass(slots=True)
class Moments:
    """Number, mean and spread of numbers, after Welford; and their sum."""

    finish: Callable[["Moments"], Value]
    count: int = 0
    total: float = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: Value, at: int) -> int:  # noqa: ARG002 at any time
        found = number(value)
        if found is not None:
            self.count += 1
            self.total += found
            apart = found - self.mean
            self.mean += apart / self.count
            self.squares += apart * (found - self.mean)
        return 0

    def result(self) -> Value:
        return self.finish(self) if self.count else None


@dataclass(slots=True)
class Extreme:
    """The value that comes first, or last, in a sequence."""

    key: Callable[[Value, int], object]
    is_last: bool
    held: Value = None
    place: object = None

    def add(self, value: Value, at: int) -> int:
        place = self.key(value, at)
        if self.place is None or (place > self.place if self.is_last else place < self.place):  # type: ignore[operator]
            before, self.held, self.place = self.held, value, place
            return _weight(value) - _weight(before)
        return 0

    def result(self) -> Value:
        return int(self.held) if isinstance(self.held, Instant) else self.held


def _weight(value: Value) -> int:
    return len(value) // TEXT_OF_ONE if isinstance(value, str) else 0


@dataclass(slots=True)
class Percentile:
    percent: float
    values: dict[float, int]
    count: int = 0
    is_exact: bool = True

    def add(self, value: Value, at: int) -> int:  # noqa: ARG002 at any time
        found, before = number(value), len(self.values)
        if found is None:
            return 0
        place = found if self.is_exact else on_grid(float(found))
        self.values[place] = self.values.get(place, 0) + 1
        self.count += 1
        if self.is_exact and len(self.values) > EXACT_MAX:
            self._coarsen()
        return len(self.values) - before

    def _coarsen(self) -> None:
        coarse: dict[float, int] = {}
        for value, count in self.values.items():
            place = on_grid(float(value))
            coarse[place] = coarse.get(place, 0) + count
        self.values, self.is_exact = coarse, False

    def result(self) -> Value:
        needed, seen = self.percent / 100 * self.count, 0
        for value in sorted(self.values):
            seen += self.values[value]
            if seen >= needed:
                return value
        return None


@dataclass(slots=True)
class Distinct:
    """The smallest hashes of the values: all of them while they are few; then they tell how thickly hashes lie."""

    held: set[int]
    heap: list[int]
    """The negatives of ``held``, once there are as many as are kept: the first is the largest hash."""

    def add(self, value: Value, at: int) -> int:  # noqa: ARG002 at any time
        digest = hashlib.blake2b((written(value) or "").encode("utf-8", "surrogateescape"), digest_size=HASH_BYTES).digest()
        found = int.from_bytes(digest)
        if found in self.held:
            return 0
        if len(self.held) < EXACT_MAX:
            self.held.add(found)
            return 1
        if not self.heap:
            self.heap = sorted(-one for one in self.held)
        gone = -heappushpop(self.heap, -found)
        if gone != found:
            self.held.remove(gone)
            self.held.add(found)
        return 0

    def result(self) -> Value:
        if not self.heap:
            return len(self.held)
        return round((EXACT_MAX - 1) / (-self.heap[0] / 256**HASH_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateFunction:
    """``make`` gets the constants that stand behind the field."""

    name: str
    takes: str
    meaning: str
    constants: int
    make: Callable[..., Aggregate]


def _moments(finish: Callable[[Moments], Value]) -> Callable[[], Aggregate]:
    return lambda: Moments(finish)


def _extreme(key: Callable[[Value, int], object], *, is_last: bool) -> Callable[[], Aggregate]:
    return lambda: Extreme(key, is_last)


def _row(name: str, takes: str, meaning: str, make: Callable[..., Aggregate], constants: int = 0) -> AggregateFunction:
    return AggregateFunction(name=name, takes=takes, meaning=meaning, constants=constants, make=make)


ROWS: Final = (
    _row("count", "field", "events; with a field, those that have it; `count(*)` as well as `count()`", Count),
    _row("count_distinct", "field", "different values", lambda: Distinct(set(), [])),
    _row("sum", "field", "sum of the numbers", _moments(lambda one: one.total)),
    _row("avg", "field", "their mean", _moments(lambda one: one.total / one.count)),
    _row("min", "field", "the smallest value", _extreme(lambda value, _: sort_key(value), is_last=False)),
    _row("max", "field", "the largest value", _extreme(lambda value, _: sort_key(value), is_last=True)),
    _row("stddev", "field", "standard deviation", _moments(lambda one: math.sqrt(max(0.0, one.squares / one.count)))),
    _row("median", "field", "the same as `pct(field, 50)`", lambda: Percentile(50, {})),
    _row("pct", "field, percent", "a percentile", lambda percent: Percentile(percent, {}), 1),
    _row(
        "earliest",
        "field",
        "that of the first event; an instant in milliseconds",
        _extreme(lambda _, at: at, is_last=False),
    ),
    _row("latest", "field", "that of the last event; an instant in milliseconds", _extreme(lambda _, at: at, is_last=True)),
    _row("sortsFirst", "field", "the value that `sort` puts first", _extreme(lambda value, _: sort_key(value), is_last=False)),
    _row("sortsLast", "field", "the value that `sort` puts last", _extreme(lambda value, _: sort_key(value), is_last=True)),
)
AGGREGATES: Final[Mapping[str, AggregateFunction]] = {row.name.lower(): row for row in ROWS}
