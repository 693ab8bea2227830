"""What a rehearsed release comes to: the release's own verdict and the requests' proof, in one word and one sentence. Pure."""

from dataclasses import dataclass

from ninelives.deploy.verdict import Outcome
from ninelives.rehearsal.proof import Proof

REQUESTS_LOST = "requests_lost"
NO_PROOF = "no_proof"
MIXED_VERSIONS = "mixed_versions"

LAG_WORTH_TELLING_MS = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """``verdict`` is ``succeeded``, ``requests_lost``, ``no_proof``, ``mixed_versions`` or the release's own outcome."""

    verdict: str
    reason: str

    @property
    def succeeded(self) -> bool:
        return self.verdict == Outcome.SUCCEEDED


def judge_rehearsal(outcome: Outcome, told: str, proof: Proof, version: str) -> Judgement:
    """Green only if the release succeeded, nothing was lost, and ``version`` alone answers at the end.

    ``told`` is what the release said of its outcome. A lost request outweighs all else: it cannot be taken back.
    """
    if proof.lost:
        ended = "" if outcome is Outcome.SUCCEEDED else f"; the release: {outcome}, {told}"
        return Judgement(verdict=REQUESTS_LOST, reason=f"{lost_words(proof)}{ended}")
    if outcome is not Outcome.SUCCEEDED:
        return Judgement(verdict=outcome, reason=told)
    if not proof.answered_after:
        return Judgement(verdict=NO_PROOF, reason="no request was answered after the release: nothing is proven")
    if not proof.ends_with(version):
        others = ", ".join(f"{count} by {name}" for name, count in proof.answered_after.items() if name != version)
        return Judgement(verdict=MIXED_VERSIONS, reason=f"after the release answers still came from elsewhere: {others}")
    return Judgement(
        verdict=Outcome.SUCCEEDED,
        reason=f"{proof.sent} requests, none lost; every answer after the release came from {version}",
    )


def lost_words(proof: Proof) -> str:
    """How many requests were lost, and the most frequent causes."""
    shares = ", ".join(f"{losses.count} {losses.error} ({losses.kind}, {losses.phase})" for losses in proof.losses[:3])
    more = ", …" if len(proof.losses) > 3 else ""  # noqa: PLR2004 (as many as a line holds)
    return f"{proof.lost} of {proof.sent} requests lost: {shares}{more}"
