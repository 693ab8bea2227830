"""A proof as JSON: what scripts read. Names are frozen; new ones may come. Milliseconds and seconds to three decimals."""

from collections.abc import Mapping
from typing import Any

from ninelives.rehearsal.proof import Latency, Proof


def proof_as_json(proof: Proof) -> dict[str, Any]:
    """The members ``requests``, ``losses``, ``latency_ms``, ``worst_gap_ms`` … of a report."""
    return {
        "requests": {
            "sent": proof.sent,
            "lost": proof.lost,
            "by_version": dict(proof.by_version),
            "by_kind": {
                name: {"sent": kind.sent, "lost": kind.lost, "latency_ms": latency_as_json(kind.latency)}
                for name, kind in proof.by_kind.items()
            },
            "answered_after": dict(proof.answered_after),
        },
        "losses": [
            {
                "error": losses.error,
                "kind": losses.kind,
                "phase": str(losses.phase),
                "count": losses.count,
                "on_reused_connection": losses.on_reused_connection,
                "first_s": rounded(losses.first_s),
                "last_s": rounded(losses.last_s),
            }
            for losses in proof.losses
        ],
        "latency_ms": {str(phase): latency_as_json(latency) for phase, latency in proof.latency.items()},
        "worst_gap_ms": rounded(proof.worst_gap_ms),
        "worst_gap_at_s": rounded(proof.worst_gap_at_s),
        "generator_lag_ms": rounded(proof.generator_lag_ms),
        "seconds": [
            {
                "second": second.second,
                "versions": dict(second.versions),
                "lost": second.lost,
                "worst_ms": rounded(second.worst_ms),
            }
            for second in proof.seconds
        ],
    }


def latency_as_json(latency: Latency) -> Mapping[str, float | int | None]:
    return {
        "count": latency.count,
        "p50": rounded(latency.p50_ms),
        "p99": rounded(latency.p99_ms),
        "max": rounded(latency.max_ms),
    }


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
