"""Green only when all of it is green."""

import json

import pytest

from ninelives.deploy.verdict import Outcome
from ninelives.rehearsal.judgement import MIXED_VERSIONS, NO_PROOF, REQUESTS_LOST, judge_rehearsal
from ninelives.rehearsal.proof import Marks, prove
from ninelives.rehearsal.report import proof_as_json
from ninelives.rehearsal.sample import Kind, Sample

KINDS = (Kind(name="kept", rate=10),)
MARKS = Marks(started_at=0.0, release_started_at=10.0, release_ended_at=20.0, ended_at=30.0)


def answered(due: float, version: str, error: str | None = None) -> Sample:
    status = None if error else 200
    return Sample(
        kind="kept", intended_at=due, lag=0.0, latency=0.01, status=status, version=version, error=error, reused=False
    )


GOOD = [answered(5, "1.0.0"), answered(15, "1.0.0"), answered(16, "2.0.1"), answered(25, "2.0.1")]
LOST = answered(15, "", "reset")
OLD_AFTER = answered(26, "1.0.0")


@pytest.mark.parametrize(
    ("samples", "outcome", "verdict", "reason"),
    [
        (GOOD, Outcome.SUCCEEDED, "succeeded", "4 requests, none lost"),
        ([*GOOD, LOST], Outcome.SUCCEEDED, REQUESTS_LOST, "1 of 5 requests lost: 1 reset (kept, during)"),
        ([*GOOD, LOST], Outcome.ROLLED_BACK, REQUESTS_LOST, "the release: rolled_back, told"),
        ([*GOOD, OLD_AFTER], Outcome.SUCCEEDED, MIXED_VERSIONS, "1 by 1.0.0"),
        (GOOD[:3], Outcome.SUCCEEDED, NO_PROOF, "nothing is proven"),
        ([], Outcome.SUCCEEDED, NO_PROOF, "nothing is proven"),
        *((GOOD, outcome, str(outcome), "told") for outcome in Outcome if outcome is not Outcome.SUCCEEDED),
    ],
)
def test_a_verdict_is_green_only_when_all_of_it_is(samples: list[Sample], outcome: Outcome, verdict: str, reason: str) -> None:
    judgement = judge_rehearsal(outcome, "told", prove(samples, KINDS, MARKS), "2.0.1")

    assert verdict == judgement.verdict
    assert reason in judgement.reason
    assert judgement.succeeded is (verdict == "succeeded")


def test_the_report_bears_what_scripts_read() -> None:
    report = json.loads(json.dumps(proof_as_json(prove([*GOOD, LOST], KINDS, MARKS))))

    assert (5, 1) == (report["requests"]["sent"], report["requests"]["lost"])
    assert {"1.0.0": 2, "2.0.1": 2} == report["requests"]["by_version"]
    assert {"before": 10.0, "during": 10.0, "after": 10.0} == {
        phase: latency["p99"] for phase, latency in report["latency_ms"].items()
    }
    assert 10000.0 == report["worst_gap_ms"]
    assert [("reset", "during", 1, 15.0)] == [
        (losses["error"], losses["phase"], losses["count"], losses["first_s"]) for losses in report["losses"]
    ]


def test_a_phase_without_an_answer_has_no_latency() -> None:
    report = proof_as_json(prove([], KINDS, MARKS))

    assert {"count": 0, "p50": None, "p99": None, "max": None} == report["latency_ms"]["during"]
