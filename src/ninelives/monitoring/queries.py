"""The queries of GetMetricData and of an alarm: what each depends on, in which order, and what is wrong with them.

Source: ``cloudwatch`` ``MetricDataQuery``; "Using metric math", CloudWatch user guide.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from ninelives.model.metrics import MetricDataQuery
from ninelives.monitoring.expressions import Expression, MathError, calls_in, functions_in, names_in, read_expression
from ninelives.monitoring.metric_math import (
    FUNCTION_NAMES,
    FindSeries,
    Scope,
    TimeSeries,
    Value,
    evaluate,
    read_search_call,
    search_period,
    why_unknown,
)
from ninelives.monitoring.statistics import StatisticUnknown, read_statistic

ID: Final = re.compile(r"[a-z][a-zA-Z0-9_]*")
WORDS: Final = frozenset({"REPEAT", "LINEAR", "AVG", "MIN", "MAX", "SUM", "ASC", "DESC"})
"""Names in an expression that are no ids."""

Fetch = Callable[[MetricDataQuery], TimeSeries]
"""Answers the series of a query that asks for a metric."""


class QueriesInvalid(Exception):
    """Queries that CloudWatch refuses; the text says which and why."""


def check_queries(queries: Sequence[MetricDataQuery]) -> None:
    """Refuse what cannot be answered. Raises ``QueriesInvalid``."""
    ids = [query.id for query in queries]
    for id_ in ids:
        if not ID.fullmatch(id_):
            raise QueriesInvalid(
                f"The value {id_} for parameter Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
            )
        if ids.count(id_) > 1:
            raise QueriesInvalid(f"The values for parameter id in MetricDataQueries must be unique: {id_}.")
    for query in queries:
        _check_one(query)
    for query in in_order(queries):
        if query.expression is not None:
            _expression_of(query, ids)


def _check_one(query: MetricDataQuery) -> None:
    if (query.stat is None) == (query.expression is None):
        raise QueriesInvalid(
            f"The parameters MetricDataQueries.member.{query.id}.MetricStat and Expression are mutually exclusive "
            "and you have to specify one of them."
        )
    if query.stat is not None:
        try:
            read_statistic(query.stat.stat)
        except StatisticUnknown as error:
            raise QueriesInvalid(str(error)) from error


def _expression_of(query: MetricDataQuery, ids: Sequence[str]) -> Expression:
    assert query.expression is not None
    try:
        expression = read_expression(query.expression)
        _check_names(expression, ids)
    except MathError as error:
        raise QueriesInvalid(f"Error in expression '{query.id}': {error}.") from error
    return expression


def _check_names(expression: Expression, ids: Sequence[str]) -> None:
    for name in names_in(expression):
        if name not in ids and name not in WORDS:
            raise MathError(f"'{name}' is not the Id of a metric or expression of this request")
    for call in calls_in(expression):
        if call.function not in FUNCTION_NAMES:
            raise MathError(why_unknown(call.function))
        if call.function == "SEARCH":
            read_search_call(call.arguments)


def in_order(queries: Sequence[MetricDataQuery]) -> list[MetricDataQuery]:
    """Queries so that each comes after those it uses. Raises ``QueriesInvalid`` for a circle."""
    by_id = {query.id: query for query in queries}
    done: dict[str, MetricDataQuery] = {}

    def visit(query: MetricDataQuery, above: tuple[str, ...]) -> None:
        if query.id in above:
            raise QueriesInvalid(f"Circular dependency of expressions: {' -> '.join([*above, query.id])}.")
        for used in _uses(query, by_id):
            visit(by_id[used], (*above, query.id))
        done.setdefault(query.id, query)

    for query in queries:
        visit(query, ())
    return list(done.values())


def _uses(query: MetricDataQuery, by_id: Mapping[str, MetricDataQuery]) -> Iterator[str]:
    if query.expression is None:
        return
    try:
        expression = read_expression(query.expression)
    except MathError as error:
        raise QueriesInvalid(f"Error in expression '{query.id}': {error}.") from error
    yield from (name for name in dict.fromkeys(names_in(expression)) if name in by_id)
    if "METRICS" in functions_in(expression):
        yield from (id_ for id_, one in by_id.items() if one.stat is not None)


def period_of(query: MetricDataQuery, queries: Sequence[MetricDataQuery]) -> timedelta:
    """The period of a query; that of an expression is its own, else the longest of the metrics it uses."""
    if query.stat is not None:
        return query.stat.period
    if query.period is not None:
        return query.period
    by_id = {one.id: one for one in queries}
    used = [period_of(by_id[used], queries) for used in _uses(query, by_id)]
    return max([*used, *search_periods(query)], default=timedelta(minutes=1))


def search_periods(query: MetricDataQuery) -> list[timedelta]:
    """The periods of the searches in a query's expression."""
    calls = calls_in(read_expression(query.expression)) if query.expression is not None else ()
    return [search_period(call.arguments) for call in calls if call.function == "SEARCH"]


def answer_queries(
    queries: Sequence[MetricDataQuery],
    fetch: Fetch,
    *,
    grid_of: Callable[[timedelta], Sequence[datetime]],
    time_scale: float = 1.0,
    search: FindSeries = lambda *_: [],
) -> dict[str, list[TimeSeries]]:
    """The series of each query that returns data, by id. ``grid_of`` gives the periods of the range for a period as it was
    asked for, ``search`` what SEARCH finds. Raises ``QueriesInvalid``.
    """
    check_queries(queries)
    found: dict[str, Value] = {}
    metrics = tuple(query.id for query in queries if query.stat is not None)
    for query in in_order(queries):
        if query.expression is None:
            found[query.id] = fetch(query)
            continue
        scope = Scope(
            queries=found,
            grid=grid_of(period_of(query, queries)),
            time_scale=time_scale,
            metrics=metrics,
            search=search,
        )
        found[query.id] = _evaluated(query, _expression_of(query, [one.id for one in queries]), scope)
    return {query.id: _series(query, found[query.id]) for query in queries if query.return_data}


def _evaluated(query: MetricDataQuery, expression: Expression, scope: Scope) -> Value:
    try:
        return evaluate(expression, scope)
    except MathError as error:
        raise QueriesInvalid(f"Error in expression '{query.id}': {error}.") from error


def _series(query: MetricDataQuery, value: Value) -> list[TimeSeries]:
    if isinstance(value, float):
        raise QueriesInvalid(
            f"Error in expression '{query.id}': The expression returns a number where a time series is due; "
            "TIME_SERIES makes one of it."
        )
    return value if isinstance(value, list) else [value]
