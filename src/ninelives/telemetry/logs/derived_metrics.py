"""Metrics that come of log events: those of metric filters, those embedded in events, and what arrives in each group.

Source: CloudWatch Logs user guide, "Creating metrics from log events using filters", "Monitoring usage with CloudWatch
metrics" (AWS/Logs).
"""

import asyncio
import contextlib
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from ninelives.model.logs import EVENT_OVERHEAD, LogEvent, MetricFilter, MetricTransformation
from ninelives.model.metrics import Metric
from ninelives.monitoring import Distribution, of_values
from ninelives.monitoring.embedded_metrics import EmbeddedInvalid, embedded_metrics
from ninelives.monitoring.filter_patterns import Pattern, PatternInvalid, read_pattern
from ninelives.telemetry.logs.intake import NEWEST_MS, OLDEST_MS
from ninelives.telemetry.logs.store import Arrived, LogStore
from ninelives.telemetry.metric_store import MetricStore

log = logging.getLogger(__name__)

NAMESPACE: Final = "AWS/Logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPoint:
    """Values of a metric, as ``MetricStore.put`` takes them."""

    metric: Metric
    distribution: Distribution
    at: datetime
    unit: str
    by_the_second: bool = False


def on_the_loop(metrics: MetricStore, loop: asyncio.AbstractEventLoop) -> Callable[[Sequence[DataPoint]], None]:
    """What hands data points to ``metrics``, which belong to the region's loop."""

    def put(points: Sequence[DataPoint]) -> None:
        for one in points:
            metrics.put(one.metric, one.distribution, at=one.at, unit=one.unit, by_the_second=one.by_the_second)

    def hand_over(points: Sequence[DataPoint]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the region ends
            loop.call_soon_threadsafe(put, points)

    return hand_over


class _Bucket(NamedTuple):
    """Values of one event each, put together where nothing that is told differs."""

    metric: Metric
    unit: str
    second: int
    by_the_second: bool


@dataclass(slots=True)
class _Minute:
    """What a filter with a default value has seen in the minute that began then."""

    start_ms: int
    filter: MetricFilter
    has_matched: bool = False


class DerivedMetrics:
    """Hears of log events on the thread that writes them, and hands data points to ``put``."""

    def __init__(self, put: Callable[[Sequence[DataPoint]], None], *, minute: timedelta) -> None:
        self._put = put
        self._minute_ms = max(1, round(minute.total_seconds() * 1000))
        self._minutes: dict[str, _Minute] = {}

    def heard(self, store: LogStore, arrived: Arrived) -> None:
        """Make data points of events that were written just now."""
        values: defaultdict[_Bucket, list[float]] = defaultdict(list)
        events = arrived.events
        self._count_embedded(arrived, values)
        if arrived.group.metric_filters:
            for one in store.records(MetricFilter, group=arrived.group.name):
                self._apply(one, events, values)
        in_group = {"LogGroupName": arrived.group.name}
        second = events[0].ingested_ms // 1000
        sizes = [float(len(one.message.encode()) + EVENT_OVERHEAD) for one in events]
        values[_Bucket(Metric.of(NAMESPACE, "IncomingBytes", in_group), "Bytes", second, False)] = [sum(sizes)]
        values[_Bucket(Metric.of(NAMESPACE, "IncomingLogEvents", in_group), "None", second, False)] = [float(len(events))]
        self._put(list(_points(values)))

    def _count_embedded(self, arrived: Arrived, values: defaultdict[_Bucket, list[float]]) -> None:
        for event in arrived.events:
            try:
                found = embedded_metrics(event.message)
            except EmbeddedInvalid as error:
                log.debug("log group %s: an embedded metric is not valid: %s", arrived.group.name, error)
                in_group = Metric.of(NAMESPACE, "EMFValidationErrors", {"LogGroupName": arrived.group.name})
                values[_Bucket(in_group, "None", event.ingested_ms // 1000, False)].append(1.0)
                continue
            for one in found:
                if event.ingested_ms - OLDEST_MS <= one.at_ms <= event.ingested_ms + NEWEST_MS:
                    values[_Bucket(one.metric, one.unit, one.at_ms // 1000, one.by_the_second)] += one.values

    def _apply(
        self, metric_filter: MetricFilter, events: Sequence[LogEvent], values: defaultdict[_Bucket, list[float]]
    ) -> None:
        pattern = _pattern(metric_filter.pattern)
        if pattern is None:
            return
        matching = [event for event in events if pattern.matches(event.message)]
        made = metric_filter.transformation
        for event in matching:
            value, metric = _value(made, pattern, event.message), _metric(made, pattern, event.message)
            if value is not None and metric is not None:
                values[_Bucket(metric, made.unit, event.at_ms // 1000, False)].append(value)
        if made.default is not None:
            self._seen(metric_filter, events[-1].ingested_ms, has_matched=bool(matching))

    def _seen(self, metric_filter: MetricFilter, now_ms: int, *, has_matched: bool) -> None:
        """Remember that events came, for the default value of a minute in which none matches."""
        start_ms = now_ms - now_ms % self._minute_ms
        known = self._minutes.get(metric_filter.key)
        if known is None or known.start_ms != start_ms:
            self.tell_defaults(now_ms)
            known = self._minutes[metric_filter.key] = _Minute(start_ms, metric_filter)
        known.has_matched |= has_matched

    def tell_defaults(self, now_ms: int) -> None:
        """Of minutes that are over and had events, none of which a filter matched: its default value."""
        over = [one for one in self._minutes.values() if one.start_ms + self._minute_ms <= now_ms]
        values: defaultdict[_Bucket, list[float]] = defaultdict(list)
        for one in over:
            del self._minutes[one.filter.key]
            made = one.filter.transformation
            if not one.has_matched and made.default is not None:
                values[_Bucket(Metric.of(made.namespace, made.name), made.unit, one.start_ms // 1000, False)] = [made.default]
        if values:
            self._put(list(_points(values)))


def _points(values: defaultdict[_Bucket, list[float]]) -> Iterator[DataPoint]:
    for bucket, some in values.items():
        distribution = of_values(some)
        if distribution is not None:
            at = datetime.fromtimestamp(bucket.second, UTC)
            yield DataPoint(
                metric=bucket.metric, distribution=distribution, at=at, unit=bucket.unit, by_the_second=bucket.by_the_second
            )


def _value(made: MetricTransformation, pattern: Pattern, message: str) -> float | None:
    """None where the event has no number there: nothing is reported of it."""
    text = pattern.value(message, made.value) if made.value.startswith("$") else made.value
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _metric(made: MetricTransformation, pattern: Pattern, message: str) -> Metric | None:
    """None where the event has nothing for one of the dimensions."""
    found = {name: pattern.value(message, reference) for name, reference in made.dimensions.items()}
    known = {name: value for name, value in found.items() if value}
    return Metric.of(made.namespace, made.name, known) if len(known) == len(found) else None


@lru_cache(maxsize=512)
def _pattern(text: str) -> Pattern | None:
    try:
        return read_pattern(text)
    except PatternInvalid:
        return None
