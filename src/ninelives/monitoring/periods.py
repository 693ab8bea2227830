"""Time in periods: where one begins, which are whole, and what fell into each. Periods are counted from 1970."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from ninelives.monitoring.distribution import Distribution, merged
from ninelives.monitoring.statistics import Statistic, statistic_of

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Series = Mapping[datetime, float]
"""Values by the beginning of their period; a period without a value is not there."""


def period_start(at: datetime, period: timedelta) -> datetime:
    """When the period that ``at`` falls into began.

    >>> period_start(datetime(2026, 11, 27, 3, 7, 9, tzinfo=UTC), timedelta(minutes=5)).isoformat()
    '2026-11-27T03:05:00+00:00'
    """
    return at - (at - EPOCH) % period


def periods_before(end: datetime, period: timedelta, count: int) -> list[datetime]:
    """The beginnings of the last ``count`` periods that are over at ``end``, the oldest first."""
    last = period_start(end, period)
    return [last - period * number for number in range(count, 0, -1)]


def periods_between(start: datetime, end: datetime, period: timedelta) -> list[datetime]:
    """The beginnings of the periods in ``[start, end)``, from the one that ``start`` falls into."""
    at = period_start(start, period)
    found = []
    while at < end:
        found.append(at)
        at += period
    return found


def by_period(samples: Iterable[tuple[datetime, Distribution]], period: timedelta) -> dict[datetime, Distribution]:
    """Samples put together by the period into which each falls, in order of time."""
    fallen: dict[datetime, list[Distribution]] = defaultdict(list)
    for at, distribution in samples:
        fallen[period_start(at, period)].append(distribution)
    return {at: whole for at in sorted(fallen) if (whole := merged(fallen[at])) is not None}


def series_of(whole: Mapping[datetime, Distribution], statistic: Statistic) -> dict[datetime, float]:
    """A statistic of each period; periods for which it is not known are left out."""
    found = {at: statistic_of(distribution, statistic) for at, distribution in whole.items()}
    return {at: value for at, value in found.items() if value is not None}
