"""What a service used, minute by minute, in CPU units and MiB; and the arithmetic of percentiles. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ninelives.model.fargate import TaskSize

AT_ITS_LIMIT: Final = 0.95
"""Of the CPU that a task has: beyond, nobody knows what it would have used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What was measured in one minute of the region's time."""

    at: datetime
    tasks: int
    cpu: float
    """CPU units that all tasks used together."""
    busiest: float
    """CPU units of the busiest task."""
    memory: float
    """MiB of the largest task."""
    size: TaskSize
    """What each task had."""
    is_start: bool = False
    """Whether tasks were starting: their CPU says little of what serving takes."""

    @property
    def is_at_limit(self) -> bool:
        return self.busiest >= AT_ITS_LIMIT * self.size.cpu


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A service over days, in order of time."""

    minutes: tuple[Minute, ...]
    span: timedelta = timedelta(minutes=1)
    """How long each is, in the region's time; a minute but for odd time scales."""
    clock: timedelta = timedelta(minutes=1)
    """How long each is on a clock: shorter in a region with a time scale."""

    @property
    def steady(self) -> tuple[Minute, ...]:
        """The minutes in which no task started."""
        return tuple(one for one in self.minutes if not one.is_start)

    @property
    def hours(self) -> float:
        """Of the region's time, that were measured."""
        return len(self.minutes) * self.span / timedelta(hours=1)

    @property
    def most_tasks(self) -> int:
        """That ran at once; in a start, old and new ones do, so that these count only where nothing else was seen."""
        return max((one.tasks for one in self.steady or self.minutes), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How values are spread: percentiles and the largest."""

    p50: float
    p95: float
    p99: float
    maximum: float

    def times(self, factor: float) -> "Spread":
        return Spread(p50=factor * self.p50, p95=factor * self.p95, p99=factor * self.p99, maximum=factor * self.maximum)


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that is not below ``percent`` % of all: the nearest rank, as CloudWatch has it. 0 of nothing.

    >>> percentile([3, 1, 2, 4], 50), percentile([3, 1, 2, 4], 99), percentile([3, 1, 2, 4], 0), percentile([], 50)
    (2, 4, 1, 0.0)
    """
    ordered = sorted(values)
    return _ranked(ordered, percent) if ordered else 0.0


def _ranked(ordered: Sequence[float], percent: float) -> float:
    rank = math.ceil(round(percent * len(ordered) / 100, 9))
    return ordered[min(len(ordered), max(1, rank)) - 1]


def spread(values: Iterable[float]) -> Spread:
    """All of them at once; zeros of nothing.

    >>> spread([1.0, 2.0, 3.0])
    Spread(p50=2.0, p95=3.0, p99=3.0, maximum=3.0)
    """
    ordered = sorted(values) or [0.0]
    return Spread(p50=_ranked(ordered, 50), p95=_ranked(ordered, 95), p99=_ranked(ordered, 99), maximum=ordered[-1])


def by_hour(minutes: Iterable[Minute], percent: float) -> Mapping[int, float]:
    """A percentile of the CPU of all tasks for each hour of the day, in UTC; hours without data are left out."""
    found: dict[int, list[float]] = {}
    for one in minutes:
        found.setdefault(one.at.hour, []).append(one.cpu)
    return {hour: percentile(found[hour], percent) for hour in sorted(found)}


def by_hour_of_week(minutes: Iterable[Minute], percent: float) -> Mapping[tuple[int, int], float]:
    """A percentile of the CPU of all tasks by weekday (Monday is 0) and hour, in UTC; hours without data are left out."""
    found: dict[tuple[int, int], list[float]] = {}
    for one in minutes:
        found.setdefault((one.at.weekday(), one.at.hour), []).append(one.cpu)
    return {hour: percentile(found[hour], percent) for hour in sorted(found)}


def runs(minutes: Sequence[Minute], *, starting: bool) -> Iterator[tuple[Minute, ...]]:
    """The minutes that follow each other in which tasks were (or were not) starting."""
    run: list[Minute] = []
    for one in minutes:
        if one.is_start is starting:
            run.append(one)
        elif run:
            yield tuple(run)
            run = []
    if run:
        yield tuple(run)
