"""When a scheduled action is due: ``at(…)``, ``rate(…)`` and ``cron(…)``, in a time zone.

Source: ``PutScheduledAction`` (``Schedule``, ``Timezone``); EventBridge user guide, "Cron expressions", which Application Auto
Scaling's follow: minutes, hours, day of month, month, day of week (1 is Sunday), year; ``?``, ``L``, ``W``, ``#``.
"""

import calendar
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

FORM: Final = re.compile(r"\s*(?P<kind>at|rate|cron)\((?P<inside>[^()]*)\)\s*")
AT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?")
RATE: Final = re.compile(r"(?P<value>[1-9]\d*)\s+(?P<unit>minute|hour|day)(?P<plural>s?)")
DAYS_AHEAD: Final = 366 * 9
"""How far a day is looked for: the 29th of February may be eight years away."""
MONTHS: Final = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
WEEKDAYS: Final = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
FIRST_YEAR, LAST_YEAR = 1970, 2199


class ScheduleInvalid(ValueError):
    """What is wrong with a schedule, in a sentence."""


@dataclass(frozen=True, slots=True)
class At:
    """Once; local time of the schedule's zone."""

    when: datetime


@dataclass(frozen=True, slots=True)
class Rate:
    every: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """The minutes and hours at which it is due on days that ``is_day`` takes."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    is_day: Callable[[date], bool]


Schedule = At | Rate | Cron


def read_schedule(text: str) -> Schedule:
    """Raises ``ScheduleInvalid``."""
    found = FORM.fullmatch(text)
    if found is None:
        raise ScheduleInvalid(f"{text!r} is none of at(yyyy-mm-ddThh:mm:ss), rate(value unit) and cron(fields)")
    inside = found["inside"].strip()
    match found["kind"]:
        case "at":
            return _read_at(inside)
        case "rate":
            return _read_rate(inside)
        case _:
            return _read_cron(inside)


def next_run(schedule: Schedule, after: datetime, *, start: datetime, zone: tzinfo = UTC) -> datetime | None:
    """The first time later than ``after`` at which a schedule is due; None where there is none any more.

    ``start`` is from when rates are counted, in UTC whatever the zone. A local time that a change of clocks leaves out is due
    when the clocks have changed; one that comes twice is due the first time.
    """
    match schedule:
        case At(when):
            due = when.replace(tzinfo=zone).astimezone(UTC)
            return due if due > after else None
        case Rate(every):
            if start > after:
                return start
            return start + every * ((after - start) // every + 1)
        case Cron():
            return next((due for due in _cron_times(schedule, after, zone) if due > after), None)


def _cron_times(cron: Cron, after: datetime, zone: tzinfo) -> Iterator[datetime]:
    first = after.astimezone(zone).date()
    for offset in range(DAYS_AHEAD):
        day = first + timedelta(days=offset)
        if day.year > LAST_YEAR:
            return
        if not cron.is_day(day):
            continue
        for hour in cron.hours:
            for minute in cron.minutes:
                yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def _read_at(inside: str) -> At:
    if not AT.fullmatch(inside):
        raise ScheduleInvalid(f"at({inside}): a time is written yyyy-mm-ddThh:mm:ss")
    try:
        return At(datetime.fromisoformat(inside))
    except ValueError as error:
        raise ScheduleInvalid(f"at({inside}): {error}") from error


def _read_rate(inside: str) -> Rate:
    found = RATE.fullmatch(inside)
    if found is None or (found["value"] == "1") == bool(found["plural"]):
        raise ScheduleInvalid(f"rate({inside}): a rate is a number and minute, minutes, hour, hours, day or days")
    return Rate(timedelta(**{f"{found['unit']}s": int(found["value"])}))


def _read_cron(inside: str) -> Cron:
    fields = inside.upper().split()
    if len(fields) != len(("minutes", "hours", "day of month", "month", "day of week", "year")):
        message = "it has six fields: minutes, hours, day of month, month, day of week, year"
        raise ScheduleInvalid(f"cron({inside}): {message}")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise ScheduleInvalid(f"cron({inside}): one of day of month and day of week is '?', and only one")
    in_month = _values(months, 1, 12, MONTHS)
    in_year = _values(years, FIRST_YEAR, LAST_YEAR, {})
    on_day = _day_of_month(days) if weekdays == "?" else _day_of_week(weekdays)

    def is_day(day: date) -> bool:
        return day.year in in_year and day.month in in_month and on_day(day)

    return Cron(
        minutes=tuple(sorted(_values(minutes, 0, 59, {}))), hours=tuple(sorted(_values(hours, 0, 23, {}))), is_day=is_day
    )


def _values(field: str, least: int, most: int, names: dict[str, int]) -> Collection[int]:
    """The numbers that a field with ``*``, ``-``, ``,`` and ``/`` stands for."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        low = least if span == "*" else _number(first, least, most, names)
        high = _number(last, least, most, names) if dash else (most if span == "*" or slash else low)
        by = _number(step, 1, most or 1, {}) if slash else 1
        if dash and high < low:
            found |= {*range(low, most + 1, by), *range(least, high + 1, by)}
        found |= set(range(low, high + 1, by))
    return frozenset(found)


def _number(text: str, least: int, most: int, names: dict[str, int]) -> int:
    value = names.get(text, int(text) if text.isascii() and text.isdigit() else None)
    if value is None or not least <= value <= most:
        raise ScheduleInvalid(f"{text!r} is no value of {least} to {most}")
    return value


def _day_of_month(field: str) -> Callable[[date], bool]:
    if field == "L":
        return lambda day: day.day == _length(day)
    if field == "LW":
        return lambda day: day.day == _weekday_near(day, _length(day))
    if field.endswith("W"):
        number = _number(field[:-1], 1, 31, {})
        return lambda day: number <= _length(day) and day.day == _weekday_near(day, number)
    days = _values(field, 1, 31, {})
    return lambda day: day.day in days


def _day_of_week(field: str) -> Callable[[date], bool]:
    name, hash_sign, count = field.partition("#")
    if hash_sign:
        wanted, nth = _number(name, 1, 7, WEEKDAYS), _number(count, 1, 5, {})
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == nth
    if field != "L" and field.endswith("L"):
        last = _number(field[:-1], 1, 7, WEEKDAYS)
        return lambda day: _weekday(day) == last and day.day + 7 > _length(day)
    days = {7} if field == "L" else _values(field, 1, 7, WEEKDAYS)
    return lambda day: _weekday(day) in days


def _weekday(day: date) -> int:
    """1 is Sunday, 7 is Saturday."""
    return day.isoweekday() % 7 + 1


def _length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _weekday_near(day: date, number: int) -> int:
    """The day of the month, Monday to Friday, that is nearest to ``number`` without leaving the month."""
    match date(day.year, day.month, number).isoweekday():
        case 6:
            return number - 1 if number > 1 else number + 2
        case 7:
            return number + 1 if number < _length(day) else number - 2
        case _:
            return number
