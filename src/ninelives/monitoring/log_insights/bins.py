"""Periods of time: how they are spelled, and where one begins and ends.

Source: CloudWatch Logs user guide, "Datetime functions": every unit has a cap, so that ``bin(300s)`` counts as 60 seconds.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from ninelives.monitoring.log_insights.syntax import Period
from ninelives.monitoring.log_insights.values import EPOCH, Instant

SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "ms": ("ms", "msec", "msecs", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "week", "weeks"),
    "mo": ("mo", "mon", "mons", "month", "months"),
    "q": ("q", "qtr", "qtrs", "quarter", "quarters"),
    "y": ("y", "yr", "yrs", "year", "years"),
}
UNITS: Final[Mapping[str, str]] = {spelling: unit for unit, spellings in SPELLINGS.items() for spelling in spellings}
CAPS: Final[Mapping[str, int]] = {"ms": 1000, "s": 60, "m": 60, "h": 24}
MILLISECONDS: Final[Mapping[str, int]] = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
MONTHS: Final[Mapping[str, int]] = {"mo": 1, "q": 3, "y": 12}
MONDAY: Final = 4 * 86_400_000
"""The first Monday of 1970, where weeks are counted from."""


def floor(instant: int, period: Period) -> Instant:
    """The beginning of the period that an instant is in, in UTC; weeks begin on Monday.

    >>> floor(Instant(754_321), Period(5, "m")), floor(Instant(754_321), Period(300, "s"))
    (600000, 720000)
    """
    amount = min(period.amount, CAPS.get(period.unit, period.amount))
    if period.unit in MONTHS:
        return _month(_months(instant) // (amount * MONTHS[period.unit]) * amount * MONTHS[period.unit])
    length, origin = amount * MILLISECONDS[period.unit], MONDAY if period.unit == "w" else 0
    return Instant((instant - origin) // length * length + origin)


def ceil(instant: int, period: Period) -> Instant:
    """The end of that period; an instant between two periods stays where it is."""
    start = floor(instant, period)
    if start == instant:
        return start
    if period.unit in MONTHS:
        return _month(_months(start) + period.amount * MONTHS[period.unit])
    return Instant(start + min(period.amount, CAPS.get(period.unit, period.amount)) * MILLISECONDS[period.unit])


def _months(instant: int) -> int:
    """Whole months since the year 1."""
    at = EPOCH + timedelta(milliseconds=instant)
    return (at.year - 1) * 12 + at.month - 1


def _month(months: int) -> Instant:
    start = EPOCH.replace(year=months // 12 + 1, month=months % 12 + 1)
    return Instant((start - EPOCH) // timedelta(milliseconds=1))
