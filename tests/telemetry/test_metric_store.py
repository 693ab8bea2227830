"""Data points are kept, put together as they grow older, and bounded in number."""

import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ninelives.database import DatabaseFromTheFuture
from ninelives.model.metrics import Metric
from ninelives.model.timing import Timing
from ninelives.monitoring import Distribution, merged, of_statistics, of_values
from ninelives.telemetry import MetricStore, metric_store, open_metrics

AT = datetime(2026, 11, 27, 3, 0, 5, tzinfo=UTC)
METRIC = Metric.of("Cats", "Latency", {"Service": "cats"})
DAY = timedelta(days=1)


def a_store(path: Path | None = None, *, time_scale: float = 1.0) -> MetricStore:
    return MetricStore(open_metrics(path), timing=Timing(time_scale=time_scale))


@pytest.fixture
def store() -> MetricStore:
    return a_store()


def of(*values: float) -> Distribution:
    made = of_values(values)
    assert made is not None
    return made


def all_of(store: MetricStore, metric: Metric = METRIC) -> Distribution | None:
    return merged(sample.distribution for sample in store.read(metric, AT - 1000 * DAY, AT + DAY))


def starts(store: MetricStore) -> list[datetime]:
    return [sample.start for sample in store.read(METRIC, AT - 1000 * DAY, AT + DAY)]


def test_what_was_put_is_read_again_values_and_all(tmp_path: Path) -> None:
    path = tmp_path / "cloudwatch.sqlite"
    store = a_store(path)
    store.put(METRIC, of(1.0, 2.5), at=AT, unit="Seconds")
    store.put(METRIC, of_statistics(sample_count=2, total=10, minimum=4, maximum=6), at=AT + DAY / 2, unit="Seconds")
    store.flush()
    found = [(one.start, one.unit, one.distribution) for one in a_store(path).read(METRIC, AT - DAY, AT + DAY)]

    assert found == [
        (AT.replace(second=0), "Seconds", of(1.0, 2.5)),
        (
            AT.replace(hour=15, second=0),
            "Seconds",
            of_statistics(sample_count=2, total=10, minimum=4, maximum=6),
        ),
    ]
    assert path.stat().st_mode & 0o077 == 0


def test_a_minute_is_one_data_point_however_often_it_is_added_to(store: MetricStore) -> None:
    for second in range(0, 60, 7):
        store.put(METRIC, of(1.0), at=AT.replace(second=second))
        store.flush()

    assert starts(store) == [AT.replace(second=0)]
    assert (found := all_of(store)) is not None
    assert found.sum == 9


def test_units_are_kept_apart(store: MetricStore) -> None:
    store.put(METRIC, of(1.0), at=AT, unit="Seconds")
    store.put(METRIC, of(1.0), at=AT, unit="Milliseconds")

    assert [one.unit for one in store.read(METRIC, AT - DAY, AT + DAY)] == ["Milliseconds", "Seconds"]
    assert len(list(store.read(METRIC, AT - DAY, AT + DAY, unit="Seconds"))) == 1


def test_seconds_and_minutes_are_the_region_s() -> None:
    store = a_store(time_scale=60)
    store.put(METRIC, of(1.0), at=AT + timedelta(seconds=0.7))

    assert starts(store) == [AT]


@pytest.mark.parametrize(
    ("age", "width"),
    [
        (timedelta(hours=2), timedelta(seconds=1)),
        (timedelta(hours=4), timedelta(minutes=1)),
        (timedelta(days=16), timedelta(minutes=5)),
        (timedelta(days=64), timedelta(hours=1)),
    ],
)
def test_data_grows_coarser_with_age(store: MetricStore, age: timedelta, width: timedelta) -> None:
    first = AT.replace(minute=0, second=0) - age
    for number in range(0, 3600, 400):
        store.put(METRIC, of(float(number)), at=first + timedelta(seconds=number), by_the_second=True)
    before = all_of(store)
    while store.compact(AT + timedelta(hours=1)):
        pass
    expected = {first + (timedelta(seconds=number) // width) * width for number in range(0, 3600, 400)}

    assert starts(store) == sorted(expected)
    assert all_of(store) == before


def test_what_is_too_old_is_forgotten_and_its_metric_with_it(store: MetricStore) -> None:
    store.put(METRIC, of(1.0), at=AT - 500 * DAY)
    store.put(Metric("Cats", "Other"), of(1.0), at=AT)
    assert len(store.metrics(since=AT - 1000 * DAY)) == 2
    store.compact(AT)

    assert store.metrics(since=AT - 1000 * DAY) == [Metric("Cats", "Other")]
    assert all_of(store) is None


def test_metrics_without_new_data_are_not_listed_but_still_read(store: MetricStore) -> None:
    store.put(METRIC, of(1.0), at=AT - 20 * DAY)
    store.compact(AT)

    assert store.metrics(since=AT - metric_store.LISTED) == []
    assert all_of(store) == of(1.0)


def test_too_many_metrics_are_dropped_and_the_log_says_so(
    store: MetricStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metric_store, "METRICS_MAX", 3)
    with caplog.at_level(logging.WARNING):
        for number in range(5):
            store.put(Metric("Cats", f"m{number}"), of(1.0), at=AT)
    store.put(Metric("Cats", "m0"), of(1.0), at=AT)

    assert [metric.name for metric in store.metrics(since=AT - DAY)] == ["m0", "m1", "m2"]
    assert "keeps 3 metrics at the most" in caplog.text
    assert (found := all_of(store, Metric("Cats", "m0"))) is not None
    assert found.sum == 2


def test_too_many_data_points_go_the_oldest_first(
    store: MetricStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metric_store, "SAMPLES_MAX", 10)
    for number in range(15):
        store.put(METRIC, of(float(number)), at=AT - timedelta(minutes=15 - number))
    with caplog.at_level(logging.WARNING):
        store.compact(AT)

    assert len(starts(store)) == 10
    assert (found := all_of(store)) is not None
    assert found.minimum == 5
    assert "the oldest 5 data points were forgotten" in caplog.text


def test_the_file_has_a_size_that_it_does_not_outgrow_and_survives_with_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each data point has 150 values, as many as are kept exactly: 2.4 KB."""
    limit, path = 400_000, tmp_path / "cloudwatch.sqlite"
    monkeypatch.setattr(metric_store, "BYTES_MAX", limit)
    store = a_store(path)
    sizes = []
    for number in range(600):
        at = AT + timedelta(minutes=number)
        store.put(METRIC, of(*(number + value / 1000 for value in range(150))), at=at)
        if number % 10 == 0:
            store.compact(at)
            sizes.append(path.stat().st_size)
    store.flush()

    assert max(sizes) < 1.2 * limit
    last = AT.replace(second=0) + timedelta(minutes=599)
    kept = list(a_store(path).read(METRIC, AT, last + timedelta(minutes=1)))
    assert kept[-1].start == last
    assert limit / 3 / 2400 < len(kept) < 600, "the newest are kept, and as many of them as fit"


def test_what_waits_to_be_written_is_bounded(store: MetricStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_store, "PENDING_MAX", 10)
    writes: list[str] = []
    store._database.set_trace_callback(writes.append)
    for number in range(100):
        store.put(Metric("Cats", f"m{number}"), of(1.0), at=AT)

    assert sum(one.startswith("BEGIN") for one in writes) == 10


def test_metrics_that_nothing_is_heard_of_make_room_for_new_ones(
    store: MetricStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Tasks come and go for ever, and each brings metrics of its own."""
    monkeypatch.setattr(metric_store, "METRICS_MAX", 20)
    always = Metric("Cats", "always")
    with caplog.at_level(logging.WARNING):
        for number in range(200):
            at = AT + timedelta(minutes=10 * number)
            store.put(always, of(1.0), at=at)
            store.put(Metric("Cats", f"task-{number}"), of(1.0), at=at)
    known = {metric.name for metric in store.metrics(since=AT - DAY)}

    assert len(known) <= 20
    assert {"always", "task-199", "task-190"} <= known
    assert (found := merged(one.distribution for one in store.read(always, AT - DAY, AT + 30 * DAY))) is not None
    assert found.sum == 200
    assert caplog.text == "", "nothing new was dropped"


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cloudwatch.sqlite"
    database = open_metrics(path)
    database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(DatabaseFromTheFuture, match="newer ninelives"):
        open_metrics(path)


@settings(max_examples=40, deadline=None)
@given(
    data=st.lists(st.tuples(st.integers(0, 30 * 24 * 3600), st.floats(0, 1000)), min_size=1, max_size=40),
    every=st.integers(1, 10),
)
def test_nothing_is_lost_on_the_way_through_the_tiers(data: list[tuple[int, float]], every: int) -> None:
    store = a_store()
    now = AT
    for number, (seconds, value) in enumerate(data):
        store.put(METRIC, of(value), at=AT - timedelta(seconds=seconds), by_the_second=number % 2 == 0)
        if number % every == 0:
            now += timedelta(days=1)
            store.compact(now)
    while store.compact(now):
        pass
    found = all_of(store)

    assert found is not None
    assert found.sample_count == len(data)
    assert found.sum == pytest.approx(sum(value for _, value in data))
    assert found.maximum == max(value for _, value in data)


class Failing(sqlite3.Connection):
    """A database on a disk that is full for as long as ``is_full``."""

    is_full = False

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        if self.is_full:
            raise sqlite3.OperationalError("database or disk is full")
        return super().executemany(*arguments)


def test_what_a_full_disk_does_not_take_is_written_later_and_to_the_right_metric(tmp_path: Path) -> None:
    path, other = tmp_path / "cloudwatch.sqlite", Metric.of("Cats", "Purrs")
    open_metrics(path).close()
    database = sqlite3.connect(path, isolation_level=None, factory=Failing)
    store = MetricStore(database, timing=Timing())
    database.is_full = True
    store.put(METRIC, of(1.0), at=AT)
    with pytest.raises(sqlite3.OperationalError):
        store.flush()
    database.is_full = False
    store.put(other, of(7.0), at=AT)
    store.put(METRIC, of(2.0), at=AT)
    store.flush()
    database.close()

    again = a_store(path)
    assert (all_of(again), all_of(again, other)) == (of(1.0, 2.0), of(7.0))


def test_a_name_that_is_no_text_costs_no_other_metric(store: MetricStore) -> None:
    for odd in (Metric.of("Cats\ud800", "m"), Metric.of("Cats", "\ud800"), Metric.of("Cats", "m", {"a": "\ud800"})):
        store.put(odd, of(1.0), at=AT)
    store.put(METRIC, of(1.0), at=AT)

    assert store.metrics(since=AT - DAY) == [METRIC]
