"""Answers to queries over the metric store: statistics by period, and metric math over them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from ninelives.model.metrics import MetricDataQuery, MetricStat
from ninelives.monitoring import (
    Distribution,
    TimeSeries,
    answer_queries,
    by_period,
    period_start,
    periods_between,
    read_statistic,
    series_of,
)
from ninelives.telemetry.metric_store import MetricStore

LABELS: Final = {"SampleCount", "Average", "Sum", "Minimum", "Maximum"}


def distributions(
    store: MetricStore, stat: MetricStat, start: datetime, end: datetime, *, period: timedelta | None = None
) -> Mapping[datetime, Distribution]:
    """What fell into each period of ``[start, end)``; ``period`` is that of the clock, where it is not the one asked for."""
    period = period or stat.period
    samples = store.read(stat.metric, period_start(start, period), end, unit=stat.unit)
    return by_period(((sample.start, sample.distribution) for sample in samples), period)


def answer(
    store: MetricStore,
    queries: Sequence[MetricDataQuery],
    start: datetime,
    end: datetime,
    *,
    time_scale: float = 1.0,
) -> dict[str, list[TimeSeries]]:
    """The series of each query that returns data, by id. Raises ``QueriesInvalid``.

    Periods are the clock's where ``time_scale`` is 1; else each is that much shorter than asked for.
    """

    def fetch(query: MetricDataQuery) -> TimeSeries:
        stat = query.stat
        assert stat is not None
        whole = distributions(store, stat, start, end, period=stat.period / time_scale)
        values = series_of(whole, read_statistic(stat.stat))
        label = query.label or label_of(stat, queries)
        return TimeSeries(values=values, label=label, period=stat.period, is_metric=True)

    def grid_of(period: timedelta) -> Sequence[datetime]:
        return periods_between(start, end, period / time_scale)

    return answer_queries(queries, fetch, grid_of=grid_of, time_scale=time_scale)


def label_of(stat: MetricStat, queries: Sequence[MetricDataQuery]) -> str:
    """A metric's label where none was given: its name, with what tells it from the request's other metrics."""
    others = [query.stat for query in queries if query.stat is not None]
    if all(one.metric == stat.metric for one in others) and len(others) > 1:
        return f"{stat.metric.name} {stat.stat}"
    if len(others) > 1 and len({one.metric.name for one in others}) == 1:
        return " ".join(value for _, value in stat.metric.dimensions) or stat.metric.name
    return stat.metric.name
