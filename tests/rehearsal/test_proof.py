"""The arithmetic of the proof: tables for what it says, laws for what always holds."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.rehearsal.proof import UNKNOWN_VERSION, Marks, Phase, percentile, prove, worst_gap
from ninelives.rehearsal.sample import Kind, Sample

KINDS = (Kind(name="kept", rate=10, connections=2), Kind(name="slow", rate=1, takes_seconds=2.0))
MARKS = Marks(started_at=100.0, release_started_at=110.0, release_ended_at=120.0, ended_at=130.0)


def sample(
    due: float, *, latency: float = 0.01, version: str | None = "1.0.0", error: str | None = None, kind: str = "kept",
    lag: float = 0.0, reused: bool = False,
) -> Sample:  # fmt: skip
    status = 200 if error is None else None
    return Sample(kind=kind, intended_at=due, lag=lag, latency=latency, status=status, version=version if status else None,
                  error=error, reused=reused)  # fmt: skip


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([1.0], 1, 1.0),
        ([1.0], 100, 1.0),
        ([1.0, 2.0], 50, 1.0),
        ([1.0, 2.0], 50.1, 2.0),
        ([4.0, 3.0, 2.0, 1.0], 75, 3.0),
        ([float(n) for n in range(1, 101)], 99, 99.0),
        ([float(n) for n in range(1, 102)], 99, 100.0),
    ],
)
def test_percentiles_are_nearest_rank(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 100.5)])
def test_a_percentile_of_nothing_is_refused(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match=r"no values|percent"):
        percentile(values, percent)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 100))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values: list[float], percent: float) -> None:
    found = percentile(values, percent)

    assert found in values
    assert sum(value <= found for value in values) >= math.ceil(len(values) * percent / 100)
    assert sum(value < found for value in values) < math.ceil(len(values) * percent / 100)


@given(st.lists(st.floats(0, 60)), st.floats(60, 61))
def test_the_worst_gap_is_at_least_the_mean_and_at_most_the_whole(answered_at: list[float], end: float) -> None:
    gap, began = worst_gap(answered_at, 0.0, end)

    assert end / (len(answered_at) + 1) <= gap + 1e-9
    assert gap <= end
    assert not [instant for instant in answered_at if began < instant < began + gap and not math.isclose(instant, began + gap)]


@given(st.lists(st.floats(0, 60)), st.floats(0, 60))
def test_one_more_answer_never_widens_the_worst_gap(answered_at: list[float], another: float) -> None:
    assert worst_gap([*answered_at, another], 0.0, 61.0)[0] <= worst_gap(answered_at, 0.0, 61.0)[0]


def test_a_request_belongs_to_the_phase_in_which_it_was_due() -> None:
    proof = prove([sample(109.9, latency=5.0), sample(110.0, latency=2.0), sample(120.0, latency=1.0)], KINDS, MARKS)

    assert {phase: proof.latency[phase].p50_ms for phase in Phase} == pytest.approx(
        {Phase.BEFORE: 5000.0, Phase.DURING: 2000.0, Phase.AFTER: 1000.0}
    )


def test_losses_are_told_apart_by_cause_kind_and_phase() -> None:
    samples = [
        sample(105.0, error="reset", reused=True),
        sample(111.0, error="status_503"),
        sample(112.0, error="status_503", kind="slow"),
        sample(113.0, error="status_503"),
        sample(125.0),
    ]

    losses = prove(samples, KINDS, MARKS).losses

    assert [
        ("status_503", "kept", Phase.DURING, 2, 0, 11.0, 13.0),
        ("reset", "kept", Phase.BEFORE, 1, 1, 5.0, 5.0),
        ("status_503", "slow", Phase.DURING, 1, 0, 12.0, 12.0),
    ] == [(one.error, one.kind, one.phase, one.count, one.on_reused_connection, one.first_s, one.last_s) for one in losses]


def test_slow_requests_do_not_blur_latencies_and_gaps() -> None:
    samples = [sample(105.0), sample(106.0, latency=2.1, kind="slow"), sample(111.0, kind="kept")]

    proof = prove(samples, KINDS, MARKS)

    assert proof.latency[Phase.BEFORE].max_ms == pytest.approx(10.0)
    assert proof.by_kind["slow"].latency.p50_ms == pytest.approx(2100.0)
    assert (proof.worst_gap_ms, proof.worst_gap_at_s) == pytest.approx((18990.0, 11.01))


def test_an_outage_at_the_end_is_a_gap() -> None:
    samples = [sample(100.0 + n) for n in range(20)] + [sample(120.0 + n, error="refused") for n in range(10)]

    assert prove(samples, KINDS, MARKS).worst_gap_ms == pytest.approx(10990.0)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (["2.0.1", "2.0.1"], True),
        (["2.0.1", "1.0.0"], False),
        ([], False),
        ([None], False),
    ],
)
def test_the_end_is_of_the_new_version_only_if_every_answer_is(after: list[str | None], expected: bool) -> None:
    samples = [sample(105.0)] + [sample(121.0 + n, version=version) for n, version in enumerate(after)]

    assert prove(samples, KINDS, MARKS).ends_with("2.0.1") is expected


def test_no_load_proves_nothing() -> None:
    proof = prove([], KINDS, MARKS)

    assert not proof.nothing_lost
    assert proof.worst_gap_ms == pytest.approx(30_000)
    assert proof.latency[Phase.DURING].p50_ms is None


def test_the_seconds_show_versions_losses_and_silence() -> None:
    samples = [
        sample(100.2),
        sample(100.4, version="2.0.1", latency=0.3),
        sample(102.0, error="timeout", latency=0.5),
        sample(102.1, version=None),
    ]

    seconds = prove(samples, KINDS, MARKS).seconds

    assert [
        (0, {"1.0.0": 1, "2.0.1": 1}, 0, 300.0),
        (1, {}, 0, 0.0),
        (2, {UNKNOWN_VERSION: 1}, 1, 10.0),
    ] == [(one.second, dict(one.versions), one.lost, round(one.worst_ms, 6)) for one in seconds]


def test_marks_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="out of order"):
        Marks(started_at=1.0, release_started_at=0.0, release_ended_at=2.0, ended_at=3.0)


samples_of_a_load = st.lists(
    st.builds(
        sample,
        st.floats(100, 130),
        latency=st.floats(0, 10),
        version=st.sampled_from(["1.0.0", "2.0.1", None]),
        error=st.sampled_from([None, None, "reset", "status_503"]),
        kind=st.sampled_from(["kept", "slow"]),
        lag=st.floats(0, 1),
        reused=st.booleans(),
    )
)


@given(samples_of_a_load)
def test_every_request_is_counted_once_in_each_account(samples: list[Sample]) -> None:
    proof = prove(samples, KINDS, MARKS)
    lost = sum(one.is_lost for one in samples)

    assert (len(samples), lost) == (proof.sent, proof.lost)
    assert sum(proof.by_version.values()) == len(samples) - lost
    assert Counter(one.kind for one in samples) == Counter({name: kind.sent for name, kind in proof.by_kind.items()})
    assert sum(kind.lost for kind in proof.by_kind.values()) == lost
    assert sum(one.count for one in proof.losses) == lost
    assert sum(one.lost for one in proof.seconds) == lost
    assert sum(sum(one.versions.values()) for one in proof.seconds) == len(samples) - lost
    prompt = [one for one in samples if one.kind == "kept" and not one.is_lost]
    assert sum(latency.count for latency in proof.latency.values()) == len(prompt)


@given(samples_of_a_load, st.randoms())
def test_the_order_of_samples_does_not_matter(samples: list[Sample], random: object) -> None:
    shuffled = list(samples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' seeded random.Random

    assert prove(samples, KINDS, MARKS) == prove(shuffled, KINDS, MARKS)
