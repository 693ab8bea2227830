"""What metric math means: expressions over the time series of other queries.

A value is a number (S), a time series (TS) or an array of them (TS[]). Where operators meet two series, a value that one of
them lacks counts as 0; a division by zero drops the data point.
Source: "Using metric math", CloudWatch user guide.
"""

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from ninelives.model.metrics import MetricStat
from ninelives.monitoring.expressions import (
    Array,
    Binary,
    CallOf,
    Expression,
    MathError,
    Name,
    Negation,
    Number,
    Text,
)
from ninelives.monitoring.periods import EPOCH, Series
from ninelives.monitoring.searches import Search, SearchInvalid, read_search
from ninelives.monitoring.statistics import StatisticUnknown, read_statistic

SEARCH_PERIOD: Final = timedelta(minutes=5)
"""Of a SEARCH that names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries:
    """Values of one query; ``label`` is that of the metric it comes from."""

    values: Series
    label: str = ""
    period: timedelta = timedelta(minutes=1)
    """As it was asked for: in a region with a time scale the grid is finer than this says."""
    is_metric: bool = False
    stat: MetricStat | None = None
    """What was asked for, where the series is that of a metric itself."""


Value = float | TimeSeries | list[TimeSeries]
FindSeries = Callable[[Search, str, timedelta], list[TimeSeries]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an expression is evaluated in."""

    queries: Mapping[str, Value]
    """The results of the other queries by id, the metrics in the order of the request."""
    grid: Sequence[datetime]
    """The periods of the range, the oldest first."""
    time_scale: float = 1.0
    """How many seconds of the region's time pass in one of the clock's: RATE and DIFF_TIME count those."""
    metrics: tuple[str, ...] = field(default=())
    """The ids that are metrics, not expressions: what METRICS() answers."""
    search: "FindSeries" = lambda *_: []
    """Answers the series of the metrics that a search finds, for a statistic and a period."""


def evaluate(expression: Expression, scope: Scope) -> Value:
    """The value of an expression. Raises ``MathError``."""
    match expression:
        case Number(value):
            return value
        case Name(name):
            return _named(name, scope)
        case Array(items):
            return _array(items, scope)
        case Negation(operand):
            return _mapped(evaluate(operand, scope), operator.neg)
        case Binary(sign, left, right):
            return _combined(OPERATORS[sign], evaluate(left, scope), evaluate(right, scope))
        case CallOf(function, arguments):
            return _called(function, arguments, scope)
        case Text(text):
            raise MathError(f"Unexpected text '{text}'")


def _named(name: str, scope: Scope) -> Value:
    if name not in scope.queries:
        raise MathError(f"'{name}' is not the Id of a metric or expression of this request")
    return scope.queries[name]


def _array(items: Iterable[Expression], scope: Scope) -> list[TimeSeries]:
    found: list[TimeSeries] = []
    for item in items:
        value = evaluate(item, scope)
        if isinstance(value, float):
            raise MathError("An array holds time series, not numbers")
        found += value if isinstance(value, list) else [value]
    return found


# Operators.


def _quotient(left: float, right: float) -> float | None:
    return left / right if right else None


def _power(left: float, right: float) -> float | None:
    try:
        found = left**right
    except (OverflowError, ZeroDivisionError):
        return None
    return found if isinstance(found, float) else None


def _truth(test: Callable[[float, float], bool]) -> Callable[[float, float], float]:
    return lambda left, right: 1.0 if test(left, right) else 0.0


OPERATORS: Final[Mapping[str, Callable[[float, float], float | None]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
    "^": _power,
    "==": _truth(operator.eq),
    "!=": _truth(operator.ne),
    "<": _truth(operator.lt),
    "<=": _truth(operator.le),
    ">": _truth(operator.gt),
    ">=": _truth(operator.ge),
    "AND": _truth(lambda left, right: bool(left) and bool(right)),
    "OR": _truth(lambda left, right: bool(left) or bool(right)),
}


def _combined(combine: Callable[[float, float], float | None], left: Value, right: Value) -> Value:
    if isinstance(left, list) and isinstance(right, list):
        raise MathError("An operator takes no two arrays of time series")
    if isinstance(left, list):
        return [_of_one(_combined(combine, one, right)) for one in left]
    if isinstance(right, list):
        return [_of_one(_combined(combine, left, one)) for one in right]
    if isinstance(left, TimeSeries) or isinstance(right, TimeSeries):
        return _combined_series(combine, left, right)
    found = combine(left, right)
    if found is None:
        raise MathError("A number is divided by zero")
    return found


def _of_one(value: Value) -> TimeSeries:
    assert isinstance(value, TimeSeries)
    return value


def _combined_series(
    combine: Callable[[float, float], float | None], left: float | TimeSeries, right: float | TimeSeries
) -> TimeSeries:
    times = {at for side in (left, right) if isinstance(side, TimeSeries) for at in side.values}
    pairs = ((at, combine(_at(left, at), _at(right, at))) for at in sorted(times))
    return _like(*_series_in(left, right), values={at: value for at, value in pairs if value is not None})


def _at(side: float | TimeSeries, at: datetime) -> float:
    return side.values.get(at, 0.0) if isinstance(side, TimeSeries) else side


def _series_in(*values: Value) -> list[TimeSeries]:
    return [value for value in values if isinstance(value, TimeSeries)]


def _like(*originals: TimeSeries, values: Series) -> TimeSeries:
    """A series with the first original's label and period."""
    return TimeSeries(values=values, label=originals[0].label, period=originals[0].period)


def _mapped(value: Value, change: Callable[[float], float | None]) -> Value:
    if isinstance(value, list):
        return [_of_one(_mapped(one, change)) for one in value]
    if isinstance(value, TimeSeries):
        changed = ((at, change(one)) for at, one in value.values.items())
        return _like(value, values={at: one for at, one in changed if one is not None})
    found = change(value)
    if found is None:
        raise MathError("The function is not defined for this number")
    return found


# Functions.


def _called(function: str, arguments: tuple[Expression, ...], scope: Scope) -> Value:
    if function in UNEVALUATED:
        return UNEVALUATED[function](arguments, scope)
    if function not in FUNCTIONS:
        raise MathError(why_unknown(function))
    counts, answer = FUNCTIONS[function]
    if len(arguments) not in counts:
        raise MathError(f"{function} takes {_counted(counts)}, not {len(arguments)}")
    return answer([evaluate(argument, scope) for argument in arguments], scope)


def _counted(counts: range) -> str:
    told = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{told} argument{'' if told == '1' else 's'}"


def why_unknown(function: str) -> str:
    """Why a function that is not among ``FUNCTION_NAMES`` cannot be called."""
    if function in NOT_HERE:
        return f"ninelives does not evaluate {function}"
    if function.upper() in FUNCTIONS:
        return f"Unknown function '{function}': functions are written in uppercase letters"
    return f"Unknown function '{function}'"


NOT_HERE: Final = frozenset(
    {
        "ANOMALY_DETECTION_BAND",
        "DB_PERF_INSIGHTS",
        "INSIGHT_RULE_METRIC",
        "LAMBDA",
        "SELECT",
        "SERVICE_QUOTA",
    }
)


def _metrics(arguments: tuple[Expression, ...], scope: Scope) -> list[TimeSeries]:
    part = ""
    if arguments:
        if len(arguments) != 1 or not isinstance(arguments[0], Text):
            raise MathError("METRICS takes a text or nothing")
        part = arguments[0].text
    return _as_array(*(scope.queries[id_] for id_ in scope.metrics if part in id_))


def _search(arguments: tuple[Expression, ...], scope: Scope) -> list[TimeSeries]:
    search, stat = read_search_call(arguments)
    return scope.search(search, stat, search_period(arguments))


def read_search_call(arguments: Sequence[Expression]) -> tuple[Search, str]:
    """The search and the statistic of a call of SEARCH. Raises ``MathError``."""
    match arguments:
        case (Text(text), Text(stat), *rest) if not rest or isinstance(rest[0], Number):
            try:
                search, _ = read_search(text), read_statistic(stat)
            except (SearchInvalid, StatisticUnknown) as error:
                raise MathError(str(error).rstrip(".")) from error
            return search, stat
        case _:
            raise MathError("SEARCH takes a search, a statistic, both as text, and perhaps a period in seconds")


def search_period(arguments: Sequence[Expression]) -> timedelta:
    """The period that a call of SEARCH asks for."""
    found = arguments[2] if len(arguments) > 2 else None  # noqa: PLR2004 the third of three
    return timedelta(seconds=found.value) if isinstance(found, Number) and found.value >= 1 else SEARCH_PERIOD


def _as_array(*values: Value) -> list[TimeSeries]:
    found: list[TimeSeries] = []
    for value in values:
        if isinstance(value, float):
            raise MathError("Expected a time series, found a number")
        found += value if isinstance(value, list) else [value]
    return found


def _number(value: Value) -> float:
    if not isinstance(value, float):
        raise MathError("Expected a number, found a time series")
    return value


def _reducer(reduce: Callable[[Sequence[float]], float], *, missing_as_zero: bool = False) -> Callable[..., Value]:
    """SUM and its kin: a number of one series, a series of an array."""

    def answer(values: list[Value], _: Scope) -> Value:
        given = values[0]
        if isinstance(given, float):
            raise MathError("Expected a time series, found a number")
        if isinstance(given, TimeSeries):
            return reduce(list(given.values.values())) if given.values else 0.0
        if not given:
            return TimeSeries(values={})
        found = {}
        for at in sorted({at for one in given for at in one.values}):
            column = [one.values.get(at, 0.0) for one in given if missing_as_zero or at in one.values]
            found[at] = reduce(column)
        return _like(*given, values=found)

    return answer


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    """The standard deviation of a whole population."""
    mean = _mean(values)
    return math.sqrt(_mean([(value - mean) ** 2 for value in values]))


def _per_value(change: Callable[[float], float | None]) -> Callable[..., Value]:
    return lambda values, _: _mapped(values[0], change)


def _logarithm(base: Callable[[float], float]) -> Callable[[float], float | None]:
    return lambda value: base(value) if value > 0 else None


def _stepwise(step: Callable[[float, float, float], float]) -> Callable[..., Value]:
    """DIFF and its kin: ``step`` gets a value, the one before, and the seconds of the region's time between them."""

    def answer(values: list[Value], scope: Scope) -> Value:
        def one(series: TimeSeries) -> TimeSeries:
            points = sorted(series.values.items())
            found = {}
            for (before, old), (at, new) in pairwise(points):
                found[at] = step(new, old, (at - before).total_seconds() * scope.time_scale)
            return _like(series, values=found)

        return _each(values[0], one)

    return answer


def _each(value: Value, change: Callable[[TimeSeries], TimeSeries]) -> Value:
    if isinstance(value, float):
        raise MathError("Expected a time series, found a number")
    return change(value) if isinstance(value, TimeSeries) else [change(one) for one in value]


def _running_sum(values: list[Value], _: Scope) -> Value:
    def one(series: TimeSeries) -> TimeSeries:
        total = 0.0
        found = {}
        for at, value in sorted(series.values.items()):
            total += value
            found[at] = total
        return _like(series, values=found)

    return _each(values[0], one)


def _calendar(part: Callable[[datetime], float]) -> Callable[..., Value]:
    def answer(values: list[Value], scope: Scope) -> Value:
        return _each(values[0], lambda series: _like(series, values={at: part(at) for at in scope.grid}))

    return answer


def _period(values: list[Value], _: Scope) -> Value:
    if not isinstance(values[0], TimeSeries) or not values[0].is_metric:
        raise MathError("PERIOD takes a metric")
    return values[0].period.total_seconds()


def _time_series(values: list[Value], scope: Scope) -> Value:
    number = _number(values[0])
    return TimeSeries(values=dict.fromkeys(scope.grid, number))


def _datapoint_count(values: list[Value], _: Scope) -> Value:
    given = values[0]
    if isinstance(given, TimeSeries):
        return float(len(given.values))
    series = _as_array(given)
    times = sorted({at for one in series for at in one.values})
    return TimeSeries(values={at: float(sum(at in one.values for one in series)) for at in times})


def _first(values: list[Value], _: Scope) -> Value:
    return _end_of(values[0], 0)


def _last(values: list[Value], _: Scope) -> Value:
    return _end_of(values[0], -1)


def _end_of(value: Value, place: int) -> TimeSeries:
    series = _as_array(value)
    return series[place] if series else TimeSeries(values={})


def _slice(values: list[Value], _: Scope) -> Value:
    start, *end = (int(_number(value)) for value in values[1:])
    return _as_array(values[0])[start : end[0] if end else None]


def _remove_empty(values: list[Value], _: Scope) -> Value:
    return [one for one in _as_array(values[0]) if one.values]


def _if(values: list[Value], _: Scope) -> Value:
    """Where the condition has no value, neither has the result; a true one without its value gives 0, a false one nothing."""
    condition, then = values[0], values[1]
    otherwise = values[2] if len(values) > 2 else None  # noqa: PLR2004 the third of three
    if isinstance(condition, list) or isinstance(then, list) or isinstance(otherwise, list):
        raise MathError("IF takes no array of time series")
    if isinstance(condition, float):
        return _branch(condition, then, otherwise)
    found = {}
    for at, test in condition.values.items():
        chosen = _at(then, at) if test else _present(otherwise, at)
        if chosen is not None:
            found[at] = chosen
    return _like(*_series_in(then, condition), values=found)


def _branch(condition: float, then: float | TimeSeries, otherwise: float | TimeSeries | None) -> Value:
    if condition:
        return then
    return TimeSeries(values={}) if otherwise is None else otherwise


def _present(side: float | TimeSeries | None, at: datetime) -> float | None:
    return side.values.get(at) if isinstance(side, TimeSeries) else side


def _filled(arguments: tuple[Expression, ...], scope: Scope) -> Value:
    if len(arguments) != 2:  # noqa: PLR2004 what and with what
        raise MathError(f"FILL takes 2 arguments, not {len(arguments)}")
    given, filler = evaluate(arguments[0], scope), arguments[1]
    match filler:
        case Name("REPEAT"):
            return _each(given, lambda series: _like(series, values=_repeated(series.values, scope.grid)))
        case Name("LINEAR"):
            return _each(given, lambda series: _like(series, values=_interpolated(series.values, scope.grid)))
        case _:
            value = evaluate(filler, scope)
            if isinstance(value, list):
                raise MathError("FILL fills with a number, a time series, REPEAT or LINEAR")
            return _each(given, lambda series: _like(series, values=_filled_with(series.values, value, scope.grid)))


def _filled_with(values: Series, filler: float | TimeSeries, grid: Iterable[datetime]) -> Series:
    found = {}
    for at in grid:
        value = values[at] if at in values else _present(filler, at)
        if value is not None:
            found[at] = value
    return found


def _repeated(values: Series, grid: Iterable[datetime]) -> Series:
    found = {}
    last = None
    for at in grid:
        last = values.get(at, last)
        if last is not None:
            found[at] = last
    return found


def _interpolated(values: Series, grid: Iterable[datetime]) -> Series:
    """Straight lines between neighbours; before the first and after the last there is nothing to go by."""
    known = sorted(values.items())
    found = dict(values)
    for (start, low), (end, high) in pairwise(known):
        for at in grid:
            if start < at < end:
                found[at] = low + (high - low) * ((at - start) / (end - start))
    return dict(sorted(found.items()))


def _sorted(arguments: tuple[Expression, ...], scope: Scope) -> Value:
    match arguments:
        case (array, Name("AVG" | "MIN" | "MAX" | "SUM" as by), Name("ASC" | "DESC" as order), *limit) if len(limit) <= 1:
            series = _as_array(evaluate(array, scope))
            _, reduce = FUNCTIONS[by]
            series = sorted(series, key=lambda one: _number(reduce([one], scope)), reverse=order == "DESC")
            return series[: int(_number(evaluate(limit[0], scope)))] if limit else series
        case _:
            raise MathError("SORT takes an array, one of AVG, MIN, MAX and SUM, ASC or DESC, and perhaps a number")


ONE: Final = range(1, 2)
Answer = Callable[[list[Value], Scope], Value]

FUNCTIONS: Final[Mapping[str, tuple[range, Answer]]] = {
    "ABS": (ONE, _per_value(abs)),
    "AVG": (ONE, _reducer(_mean, missing_as_zero=True)),
    "CEIL": (ONE, _per_value(lambda value: float(math.ceil(value)))),
    "DATAPOINT_COUNT": (ONE, _datapoint_count),
    "DATE": (ONE, _calendar(lambda at: float(at.day))),
    "DAY": (ONE, _calendar(lambda at: float(at.isoweekday()))),
    "DIFF": (ONE, _stepwise(lambda new, old, _: new - old)),
    "DIFF_TIME": (ONE, _stepwise(lambda _new, _old, seconds: seconds)),
    "EPOCH": (ONE, _calendar(lambda at: (at - EPOCH).total_seconds())),
    "FIRST": (ONE, _first),
    "FLOOR": (ONE, _per_value(lambda value: float(math.floor(value)))),
    "HOUR": (ONE, _calendar(lambda at: float(at.hour))),
    "IF": (range(2, 4), _if),
    "LAST": (ONE, _last),
    "LOG": (ONE, _per_value(_logarithm(math.log))),
    "LOG10": (ONE, _per_value(_logarithm(math.log10))),
    "MAX": (ONE, _reducer(max)),
    "METRIC_COUNT": (ONE, lambda values, _: float(len(_as_array(values[0])))),
    "MIN": (ONE, _reducer(min)),
    "MINUTE": (ONE, _calendar(lambda at: float(at.minute))),
    "MONTH": (ONE, _calendar(lambda at: float(at.month))),
    "PERIOD": (ONE, _period),
    "RATE": (ONE, _stepwise(lambda new, old, seconds: (new - old) / seconds)),
    "REMOVE_EMPTY": (ONE, _remove_empty),
    "RUNNING_SUM": (ONE, _running_sum),
    "SLICE": (range(2, 4), _slice),
    "STDDEV": (ONE, _reducer(_deviation)),
    "SUM": (ONE, _reducer(math.fsum)),
    "TIME_SERIES": (ONE, _time_series),
    "YEAR": (ONE, _calendar(lambda at: float(at.year))),
}
UNEVALUATED: Final[Mapping[str, Callable[[tuple[Expression, ...], Scope], Value]]] = {
    "FILL": _filled,
    "METRICS": _metrics,
    "SEARCH": _search,
    "SORT": _sorted,
}
"""Functions whose arguments are not all values, but words."""
FUNCTION_NAMES: Final = frozenset(FUNCTIONS) | frozenset(UNEVALUATED)
"""Functions that ninelives evaluates."""
