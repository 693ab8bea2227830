"""A load's samples as the traffic of a release's record: stretches of time with answers by version and latencies. Pure.

A stretch is as long as it must be for ``BINS_MAX`` of them to hold the whole load; nothing is left out or smoothed.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from ninelives.deploy.release_record import Bin, LossRecord, Quantiles, Traffic
from ninelives.rehearsal.proof import UNKNOWN_VERSION, Marks, Phase, Proof, percentile
from ninelives.rehearsal.sample import Kind, Sample

BINS_MAX = 240
LENGTHS = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds of a stretch."""


def measured_traffic(
    samples: Sequence[Sample],
    kinds: Sequence[Kind],
    marks: Marks,
    proof: Proof,
    *,
    load_started_at: datetime,
    attributed: Sequence[str] = (),
) -> Traffic:
    """What a load showed, by the wall's clock."""
    prompt = {kind.name for kind in kinds if kind.takes_seconds == 0}
    length = bin_length(marks.ended_at - marks.started_at)
    stretches: defaultdict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        stretches[max(0, math.floor((sample.ended_at - marks.started_at) / length))].append(sample)

    def wall(seconds: float) -> datetime:
        return load_started_at + timedelta(seconds=seconds)

    good = [sample for sample in samples if not sample.is_lost and sample.kind in prompt]
    return Traffic(
        source="probe",
        began_at=load_started_at,
        ended_at=wall(marks.ended_at - marks.started_at),
        bin_s=length,
        total=proof.sent,
        lost=proof.lost,
        answers=dict(proof.by_version),
        phases={
            str(phase): quantiles([one.latency for one in good if marks.phase(one.intended_at) is phase]) for phase in Phase
        },
        bins=tuple(
            _bin(stretches.get(number, ()), prompt, wall(number * length)) for number in range(max(stretches, default=-1) + 1)
        ),
        losses=tuple(
            LossRecord(
                error=one.error,
                kind=one.kind,
                phase=str(one.phase),
                count=one.count,
                first_at=wall(one.first_s),
                last_at=wall(one.last_s),
            )
            for one in proof.losses
        ),
        attributed=tuple(attributed),
        worst_gap_ms=round(proof.worst_gap_ms, 3),
        rate=sum(kind.rate for kind in kinds),
    )


def bin_length(seconds: float) -> float:
    """How long a stretch is.

    >>> bin_length(30), bin_length(300), bin_length(3600)
    (0.5, 2.0, 15.0)
    """
    return next((one for one in LENGTHS if seconds / one <= BINS_MAX), seconds / BINS_MAX)


def _bin(samples: Sequence[Sample], prompt: set[str], at: datetime) -> Bin:
    good = [sample for sample in samples if not sample.is_lost]
    return Bin(
        at=at,
        answers=dict(sorted(Counter(one.version or UNKNOWN_VERSION for one in good).items())),
        lost=len(samples) - len(good),
        latency=quantiles([one.latency for one in good if one.kind in prompt]),
    )


def quantiles(seconds: Sequence[float]) -> Quantiles:
    """Of latencies, in milliseconds.

    >>> quantiles([0.001, 0.003]).p50
    1.0
    """
    if not seconds:
        return Quantiles(count=0)
    milliseconds = sorted(1000 * one for one in seconds)
    p50, p90, p99 = (round(percentile(milliseconds, percent), 3) for percent in (50, 90, 99))
    return Quantiles(count=len(milliseconds), p50=p50, p90=p90, p99=p99, max=round(milliseconds[-1], 3))
