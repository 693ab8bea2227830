"""Answers to queries over the metric store: statistics by period, and metric math over them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from ninelives.model.metrics import MetricDataQuery, MetricStat
from ninelives.monitoring import (
    Distribution,
    Search,
    TimeSeries,
    answer_queries,
    by_period,
    found_by,
    period_start,
    periods_between,
    read_statistic,
    series_of,
)
from ninelives.telemetry.metric_store import KEPT, LISTED, MetricStore

HOUR: Final = timedelta(hours=1)
PERIODS_BY_AGE: Final = (
    (timedelta(days=63), HOUR),
    (timedelta(days=15), timedelta(minutes=5)),
    (HOUR * 3, timedelta(minutes=1)),
)
"""From which age on a period must be a multiple of that, or nothing is told. Source: ``cloudwatch`` ``MetricStat.Period``."""


def distributions(
    store: MetricStore, stat: MetricStat, start: datetime, end: datetime, *, period: timedelta | None = None
) -> Mapping[datetime, Distribution]:
    """What fell into each period of ``[start, end)``; ``period`` is that of the clock, where it is not the one asked for."""
    period = period or stat.period
    samples = store.read(stat.metric, period_start(start, period), end, unit=stat.unit)
    return by_period(((sample.start, sample.distribution) for sample in samples), period)


def oldest_told(period: timedelta, now: datetime) -> datetime:
    """From when on data is told by periods of this length: what is older is kept by longer ones only.

    >>> now = datetime(2026, 11, 27, 12)
    >>> [(now - oldest_told(timedelta(seconds=seconds), now)).days for seconds in (60, 300, 3600)]
    [15, 63, 455]
    """
    fine = [age for age, least in PERIODS_BY_AGE if period % least]
    return now - min(fine, default=KEPT)


def answer(
    store: MetricStore,
    queries: Sequence[MetricDataQuery],
    start: datetime,
    end: datetime,
    *,
    time_scale: float = 1.0,
    now: datetime | None = None,
) -> dict[str, list[TimeSeries]]:
    """The series of each query that returns data, by id. Raises ``QueriesInvalid``.

    Periods are the clock's where ``time_scale`` is 1; else each is that much shorter than asked for. With ``now`` nothing is
    told of what is too old for a period. The labels are those of the metrics by themselves.
    """

    def series(stat: MetricStat, label: str) -> TimeSeries:
        begin = start if now is None else max(start, oldest_told(stat.period, now))
        whole = distributions(store, stat, begin, end, period=stat.period / time_scale)
        values = series_of(whole, read_statistic(stat.stat))
        return TimeSeries(values=values, label=label, period=stat.period, is_metric=True, stat=stat)

    def fetch(query: MetricDataQuery) -> TimeSeries:
        assert query.stat is not None
        return series(query.stat, label_of(query.stat, [one.stat for one in queries if one.stat is not None]))

    def search(wanted: Search, statistic: str, period: timedelta) -> list[TimeSeries]:
        found = found_by(wanted, store.metrics(since=end - LISTED))
        stats = [MetricStat(metric=metric, period=period, stat=statistic) for metric in found]
        return [series(stat, label_of(stat, stats)) for stat in stats]

    def grid_of(period: timedelta) -> Sequence[datetime]:
        return periods_between(start, end, period / time_scale)

    return answer_queries(queries, fetch, grid_of=grid_of, time_scale=time_scale, search=search)


def label_of(stat: MetricStat, stats: Sequence[MetricStat]) -> str:
    """What a metric is called by itself: its name, with what tells it from the others that are asked for."""
    if len(stats) <= 1:
        return stat.metric.name
    if len({one.metric for one in stats}) == 1:
        return f"{stat.metric.name} {stat.stat}"
    names, places = {one.metric.name for one in stats}, {one.metric.dimensions for one in stats}
    place = " ".join(value for _, value in stat.metric.dimensions)
    if len(places) == 1:
        return stat.metric.name
    return place or stat.metric.name if len(names) == 1 else f"{place} {stat.metric.name}".strip()
