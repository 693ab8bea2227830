"""A query that has been read, and how it runs: its commands as stages through which the rows stream.

What must be held is bounded: ``sort`` holds as many rows as will be told (unless a command behind it makes the very field that
it sorts by), ``dedup`` one for each of its values, ``stats`` its groups. Where nothing sorts, the latest events come first;
groups come in the order in which they were met.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final, assert_never

from ninelives.monitoring.log_insights.aggregates import AGGREGATES, Aggregate
from ninelives.monitoring.log_insights.errors import QueryInvalid, QueryTooLarge
from ninelives.monitoring.log_insights.evaluating import Evaluated, evaluated
from ninelives.monitoring.log_insights.patterns import read_glob, read_regex
from ninelives.monitoring.log_insights.reading import LIMIT_MAX, calls_in, fields_in, read_commands
from ninelives.monitoring.log_insights.records import LogRecord, QueryResult, Statistics
from ninelives.monitoring.log_insights.rows import POINTER, Row
from ninelives.monitoring.log_insights.syntax import (
    Call,
    Column,
    Command,
    Dedup,
    Display,
    Expression,
    Field,
    Fields,
    Filter,
    Limit,
    Literal,
    Parse,
    Regex,
    Sort,
    SortKey,
    Stats,
    write_query,
)
from ninelives.monitoring.log_insights.values import Value, is_true, sort_key, text, written

GROUPS_MAX: Final = 50_000
"""Groups of one ``stats``, values of one ``dedup``."""
HELD_MAX: Final = 256 << 20
"""Characters of the rows that a ``sort`` holds, of the values that ``stats`` groups by."""
TOLD_MAX: Final = 64 << 20
"""Characters of a result."""
VALUES_MAX: Final = 2_000_000
"""Values that the groups of a ``stats`` keep for ``pct``, ``median`` and ``count_distinct``, all together."""
SPARE_LEAST: Final = 1000
"""Rows that are held beyond those that will be told, so that they need not be sorted one by one."""
SHOWN: Final = ("@timestamp", "@message")
"""What is told where a query names no fields."""
LATEST_FIRST: Final = Sort((SortKey(Field("@timestamp"), descending=True),))

Stage = Callable[[Iterator[Row]], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Query:
    commands: tuple[Command, ...]

    def __str__(self) -> str:
        return write_query(self.commands)

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields that are told, in their order; those of single events with the pointer to them."""
        columns: dict[str, None] = {}
        is_shown = False
        for command in self.commands:
            match command:
                case Display(shown):
                    columns, is_shown = dict.fromkeys(column.name for column in shown), True
                case Stats(aggregates, by):
                    columns = dict.fromkeys(column.name for column in (*by, *aggregates))
                case Fields(more) if not is_shown:
                    columns |= dict.fromkeys(column.name for column in more)
                case Parse(names=names) if not is_shown:
                    columns |= dict.fromkeys(names)
                case _:
                    pass
        if any(isinstance(command, Stats) for command in self.commands):
            return tuple(columns)
        if not any(isinstance(command, Fields | Display) for command in self.commands):
            columns = dict.fromkeys(SHOWN) | columns
        return (*columns, *(() if POINTER in columns else (POINTER,)))

    def run(self, events: Iterable[LogRecord], *, limit: int = LIMIT_MAX, now_seconds: int | None = None) -> QueryResult:
        """The result over ``events``, in any order. Raises ``QueryTooLarge``.

        ``limit``: rows at the most, as StartQuery's; ``now_seconds``: seconds since 1970 that ``now()`` gives.
        """
        return _Run(self, min(limit, LIMIT_MAX), now_seconds).over(events)


def read_query(query: str) -> Query:
    """The query that a text spells. Raises ``QueryInvalid``.

    >>> query = read_query("filter status >= 500 | stats count(*) as errors by path | sort errors desc | limit 3")
    >>> events = [LogRecord(timestamp=at, message='{"status": 503, "path": "/cats"}') for at in (1, 2)]
    >>> query.run(events).rows
    ((('path', '/cats'), ('errors', '2')),)
    """
    try:
        return Query(read_commands(query))
    except RecursionError:
        raise QueryInvalid("the query is nested too deeply", 0, len(query)) from None


class _Run:
    """One run of a query: what it has counted so far."""

    def __init__(self, query: Query, limit: int, now_seconds: int | None) -> None:
        self._query = query
        self._limit = limit
        self._now_seconds = now_seconds
        self._scanned = self._bytes = self._matched = 0

    def over(self, events: Iterable[LogRecord]) -> QueryResult:
        rows = self._read(events)
        commands = planned(self._query.commands)
        filters = _leading(commands)
        for stage in [self._stage(command, commands[at + 1 :]) for at, command in enumerate(commands[:filters])]:
            rows = stage(rows)
        rows = self._counted(rows)
        for at, command in enumerate(commands[filters:], start=filters):
            rows = self._stage(command, commands[at + 1 :])(rows)
        return QueryResult(
            rows=tuple(self._all_told(islice(rows, self._limit))),
            statistics=Statistics(records_matched=self._matched, records_scanned=self._scanned, bytes_scanned=self._bytes),
        )

    def _all_told(self, rows: Iterator[Row]) -> Iterator[tuple[tuple[str, str], ...]]:
        size = 0
        for row in rows:
            told = _told(row, self._query.columns)
            size += sum(len(value) for _, value in told)
            if size > TOLD_MAX:
                raise QueryTooLarge(f"{TOLD_MAX >> 20} MiB in its result")
            yield told

    def _read(self, events: Iterable[LogRecord]) -> Iterator[Row]:
        for event in events:
            self._scanned += 1
            self._bytes += len(event.message.encode("utf-8", "surrogateescape"))
            yield Row(event, {})

    def _counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            self._matched += 1
            yield row

    def _value(self, expression: Expression) -> Evaluated:
        return evaluated(expression, self._now_seconds)

    def _stage(self, command: Command, behind: Sequence[Command]) -> Stage:
        match command:
            case Fields(columns) | Display(columns):
                made = [(column.name, self._value(column.expression)) for column in columns if _makes(column)]
                return partial(_with_fields, made)
            case Filter(condition):
                holds = self._value(condition)
                return lambda rows: (row for row in rows if is_true(holds(row)))
            case Parse(source, wanted, names):
                return partial(_parsed, self._value(source), wanted, names)
            case Stats():
                return partial(_grouped, command, self._now_seconds)
            case Sort(keys) if behind and isinstance(behind[0], Dedup):
                fields = [self._value(field) for field in behind[0].fields]
                return partial(_firsts, self._sort_keys(keys), fields, self._kept(behind[1:]))
            case Sort(keys):
                return partial(_sorted, self._sort_keys(keys), self._kept(behind))
            case Limit(count):
                return lambda rows: islice(rows, count)
            case Dedup(fields):
                return partial(_deduplicated, [self._value(field) for field in fields])
            case _:
                assert_never(command)

    def _sort_keys(self, keys: Sequence[SortKey]) -> Callable[[Row], Any]:
        values = [(self._value(key.expression), key.descending) for key in keys]
        return lambda row: tuple(
            _Descending(sort_key(value(row))) if descending else sort_key(value(row)) for value, descending in values
        )

    def _kept(self, behind: Sequence[Command]) -> int | None:
        """How many of the rows that come in order will be asked for; None where that is not known."""
        counts = [command.count for command in behind if isinstance(command, Limit)]
        known = all(isinstance(command, Limit | Fields | Display | Parse) for command in behind)
        return min([self._limit, *counts]) if known else None


def planned(commands: Sequence[Command]) -> tuple[Command, ...]:
    """The commands as they are carried out: sorted where a query does not say how, and as late as it makes no difference."""
    given = list(commands)
    if not any(isinstance(command, Stats) for command in given):
        first = next((at for at, one in enumerate(given) if isinstance(one, Sort | Limit | Dedup)), len(given))
        if first == len(given) or not (isinstance(given[first], Sort) or _is_any(given[first])):
            given.insert(first, LATEST_FIRST)
    for at in range(len(given) - 1, -1, -1):
        _move_back(given, at)
    return tuple(
        command
        for command, behind in zip(given, [*given[1:], None], strict=True)
        if not (isinstance(command, Sort) and isinstance(behind, Sort))
    )


def _is_any(command: Command) -> bool:
    return isinstance(command, Limit) and command.any


def _move_back(commands: list[Command], at: int) -> None:
    """A ``sort`` goes behind the filters that follow it, and behind what makes other fields than it sorts by."""
    sort = commands[at]
    if not isinstance(sort, Sort):
        return
    used = {name for key in sort.keys for name in _names_in(key.expression)}
    while at + 1 < len(commands):
        behind = commands[at + 1]
        if not isinstance(behind, Filter | Fields | Display | Parse) or used & _made_by(behind):
            return
        commands[at], commands[at + 1] = behind, sort
        at += 1


def _made_by(command: Filter | Fields | Display | Parse) -> set[str]:
    match command:
        case Filter():
            return set()
        case Parse(names=names):
            return set(names)
        case Fields(columns) | Display(columns):
            return {column.name for column in columns if _makes(column)}


def _makes(column: Column) -> bool:
    """Whether a column is a new field, not one that is there already."""
    return column.expression != Field(column.name)


def _names_in(expression: Expression) -> Iterator[str]:
    """The fields that a simple expression is made of, with those that hold them; ``@timestamp``, which ``bin`` looks at."""
    for call in calls_in(expression):
        if call.function == "bin":
            yield "@timestamp"
    for name in fields_in(expression):
        yield name
        yield name.partition(".")[0]


def _leading(commands: Sequence[Command]) -> int:
    """How many commands look at each event by itself."""
    return next((at for at, one in enumerate(commands) if isinstance(one, Stats | Sort | Limit | Dedup)), len(commands))


def _told(row: Row, columns: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found = [(column, written(row.field(column))) for column in columns]
    return tuple((column, value) for column, value in found if value is not None)


def _with_fields(made: Sequence[tuple[str, Evaluated]], rows: Iterator[Row]) -> Iterator[Row]:
    """A field does not see those that are made beside it."""
    for row in rows:
        row.made |= {name: value(row) for name, value in made}
        yield row


def _parsed(source: Evaluated, wanted: str | Regex, names: Sequence[str], rows: Iterator[Row]) -> Iterator[Row]:
    pattern = read_regex(wanted.text) if isinstance(wanted, Regex) else read_glob(wanted)
    groups: Sequence[str | int] = names if isinstance(wanted, Regex) else range(1, len(names) + 1)
    for row in rows:
        found = pattern.search(text(source(row)) or "")
        row.made |= {name: found.group(group) if found else None for name, group in zip(names, groups, strict=True)}
        yield row


class _Held:
    """Rows with their places in the order; no more than will be told, and some that go the next time."""

    def __init__(self, kept: int | None) -> None:
        self._kept = kept
        self._rows: list[_Placed] = []
        self._size = 0

    def add(self, one: "_Placed") -> None:
        self._rows.append(one)
        self._size += one.row.size
        one.row.forget()
        if self._kept is not None and len(self._rows) >= self._kept + max(SPARE_LEAST, self._kept // 4):
            self._shorten(self._kept)
        if self._size > HELD_MAX:
            self._shorten(self._kept)
        if self._size > HELD_MAX:
            raise QueryTooLarge(f"{HELD_MAX >> 20} MiB of events")

    def _shorten(self, kept: int | None) -> None:
        self._rows.sort()
        del self._rows[kept:]
        self._size = sum(one.row.size for one in self._rows)

    def in_order(self, *others: "_Placed") -> Iterator[Row]:
        return (one.row for one in sorted([*others, *self._rows]))


class _Placed:
    """A row and its place: what is sorted by, and where that is the same, which came first."""

    __slots__ = ("place", "row")

    def __init__(self, key: Any, number: int, row: Row) -> None:
        self.place = key, number
        self.row = row

    def __lt__(self, other: "_Placed") -> bool:
        return bool(self.place < other.place)


def _sorted(key: Callable[[Row], Any], kept: int | None, rows: Iterator[Row]) -> Iterator[Row]:
    held = _Held(kept)
    for number, row in enumerate(rows):
        held.add(_Placed(key(row), number, row))
    return held.in_order()


def _firsts(key: Callable[[Row], Any], fields: Sequence[Evaluated], kept: int | None, rows: Iterator[Row]) -> Iterator[Row]:
    """What a ``dedup`` behind the ``sort`` will leave, without the rest being held."""
    firsts: dict[tuple[str | None, ...], _Placed] = {}
    lacking, size = _Held(kept), 0
    for number, row in enumerate(rows):
        values, one = tuple(written(field(row)) for field in fields), _Placed(key(row), number, row)
        before = firsts.get(values)
        if None in values:
            lacking.add(one)
        elif before is None or one < before:
            firsts[values] = one
            size += row.size - (before.row.size if before is not None else 0)
            row.forget()
        if len(firsts) > GROUPS_MAX:
            raise QueryTooLarge(f"{GROUPS_MAX} different values")
        if size > HELD_MAX:
            raise QueryTooLarge(f"{HELD_MAX >> 20} MiB of events")
    return lacking.in_order(*firsts.values())


def _deduplicated(fields: Sequence[Evaluated], rows: Iterator[Row]) -> Iterator[Row]:
    """The first row of each combination of values; rows that lack one of them are all different."""
    seen: set[tuple[str | None, ...]] = set()
    for row in rows:
        values = tuple(written(field(row)) for field in fields)
        if values in seen:
            continue
        if None not in values:
            seen.add(values)
        yield row


@dataclass(slots=True)
class _Group:
    values: tuple[Value, ...]
    kept: dict[Call, Aggregate]


def _grouped(stats: Stats, now_seconds: int | None, rows: Iterator[Row]) -> Iterator[Row]:
    by = [evaluated(column.expression, now_seconds) for column in stats.by]
    calls = dict.fromkeys(
        call for column in stats.aggregates for call in calls_in(column.expression) if call.function.lower() in AGGREGATES
    )
    taken = {call: evaluated(call.arguments[0], now_seconds) if call.arguments else (lambda _: True) for call in calls}
    groups: dict[tuple[str | None, ...], _Group] = {}
    kept = size = 0
    for row in rows:
        values = tuple(value(row) for value in by)
        key = tuple(map(written, values))
        group = groups.get(key)
        if group is None:
            if len(groups) == GROUPS_MAX:
                raise QueryTooLarge(f"{GROUPS_MAX} groups")
            size += sum(len(one or "") for one in key)
            if size > HELD_MAX:
                raise QueryTooLarge(f"{HELD_MAX >> 20} MiB of values to group by")
            group = groups[key] = _Group(values, {call: _kept_by(call) for call in calls})
        for call, value in taken.items():
            found = value(row)
            if found is not None:
                kept += group.kept[call].add(found, row.at)
        if kept > VALUES_MAX:
            raise QueryTooLarge(f"{VALUES_MAX} values")
    columns = [(column, evaluated(column.expression, now_seconds)) for column in stats.aggregates]
    for group in groups.values():
        yield _group_row(stats, group, columns)


def _kept_by(call: Call) -> Aggregate:
    constants = [argument.value for argument in call.arguments[1:] if isinstance(argument, Literal)]
    return AGGREGATES[call.function.lower()].make(*constants)


def _group_row(stats: Stats, group: _Group, columns: Sequence[tuple[Column, Evaluated]]) -> Row:
    """The group as a row; an aggregate may refer to those before it."""
    row = Row(None, dict(zip((column.name for column in stats.by), group.values, strict=True)))
    row.computed = {column.expression: value for column, value in zip(stats.by, group.values, strict=True)}
    row.computed |= {call: kept.result() for call, kept in group.kept.items()}
    for column, value in columns:
        row.made[column.name] = value(row)
    return row


class _Descending:
    """A sort key, the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: "_Descending") -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.key == other.key

    __hash__ = None  # type: ignore[assignment]
