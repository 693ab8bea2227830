"""A load's samples as the traffic of a record: nothing is left out, whatever the length of a bin."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.rehearsal.proof import Marks, prove
from ninelives.rehearsal.sample import Kind, Sample
from ninelives.rehearsal.traffic import BINS_MAX, bin_length, measured_traffic

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KINDS = (Kind(name="fresh", rate=10), Kind(name="slow", rate=1, takes_seconds=2))


def sample(due: float, latency: float = 0.01, *, kind: str = "fresh", version: str = "1", error: str | None = None) -> Sample:
    return Sample(
        kind=kind, intended_at=100 + due, lag=0, latency=latency, status=200, version=version, error=error, reused=False
    )


def marks(end: float = 60) -> Marks:
    return Marks(started_at=100, release_started_at=100 + end / 4, release_ended_at=100 + end / 2, ended_at=100 + end)


instants = st.floats(0, 59, allow_nan=False)


@given(st.lists(st.tuples(instants, st.floats(0.001, 5), st.sampled_from("12"), st.booleans()), min_size=1))
def test_every_request_is_in_one_bin(drawn: list[tuple[float, float, str, bool]]) -> None:
    samples = [sample(due, took, version=version, error="reset" if lost else None) for due, took, version, lost in drawn]
    proof = prove(samples, KINDS, marks())

    told = measured_traffic(samples, KINDS, marks(), proof, load_started_at=NOON)

    assert told.total == len(samples) == sum(sum(one.answers.values()) + one.lost for one in told.bins)
    assert told.lost == proof.lost == sum(one.lost for one in told.bins)
    assert sum(one.count for one in told.phases.values()) == sum(one.latency.count for one in told.bins)
    assert all(
        one.latency.p50 is None or one.latency.p50 <= (one.latency.p90 or 0) <= (one.latency.p99 or 0) for one in told.bins
    )


def test_kinds_that_ask_for_time_are_left_out_of_the_latencies_only() -> None:
    samples = [sample(1), sample(1, 2.0, kind="slow")]

    told = measured_traffic(samples, KINDS, marks(), prove(samples, KINDS, marks()), load_started_at=NOON)

    assert told.total == 2
    assert sum(one.latency.count for one in told.bins) == 1


@pytest.mark.parametrize("seconds", [1, 60, 119, 600, 3600, 86400, 10_000_000])
def test_an_hour_and_a_day_fit_into_as_many_bins(seconds: int) -> None:
    assert seconds / bin_length(seconds) <= BINS_MAX
