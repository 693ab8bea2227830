"""What a load shows of a release: pure arithmetic over samples and the instants that part them.

A request is lost unless a complete 2xx answer came. It belongs to the phase in which it was *due*; an answer belongs to the
second in which it *ended*. Latencies and gaps are those of good answers of kinds that ask the service for no time.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TypeVar

from ninelives.rehearsal.sample import Kind, Sample

Key = TypeVar("Key", bound=Hashable)

UNKNOWN_VERSION = "unknown"
"""Of a good answer that bears none."""


class Phase(StrEnum):
    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Instants on the samples' clock: the load's own, and the release's within it."""

    started_at: float
    release_started_at: float
    release_ended_at: float
    ended_at: float

    def __post_init__(self) -> None:
        order = (self.started_at, self.release_started_at, self.release_ended_at, self.ended_at)
        if list(order) != sorted(order):
            raise ValueError(f"marks are out of order: {order}")

    def phase(self, instant: float) -> Phase:
        """The phase of an instant; each mark begins the next one."""
        if instant < self.release_started_at:
            return Phase.BEFORE
        return Phase.DURING if instant < self.release_ended_at else Phase.AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Of ``count`` good answers, in milliseconds; None where there was none."""

    count: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KindResult:
    sent: int
    lost: int
    latency: Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Lost requests of one cause, kind and phase."""

    error: str
    kind: str
    phase: Phase
    count: int
    on_reused_connection: int
    first_s: float
    """Seconds from the start of the load to when the first of them was due."""
    last_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """What ended in one second of the load."""

    second: int
    versions: Mapping[str, int]
    """Good answers by version."""
    lost: int
    worst_ms: float
    """Longest latency among good answers of kinds that ask for no time; 0 without any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    sent: int
    lost: int
    by_version: Mapping[str, int]
    by_kind: Mapping[str, KindResult]
    losses: tuple[Losses, ...]
    worst_gap_ms: float
    worst_gap_at_s: float
    """When it began, in seconds from the start of the load."""
    latency: Mapping[Phase, Latency]
    seconds: tuple[Second, ...]
    answered_after: Mapping[str, int]
    """Good answers by version to requests that were due after the release."""
    generator_lag_ms: float
    """The longest that a request had to wait for the generator itself."""

    @property
    def nothing_lost(self) -> bool:
        """Whether there was a load, and every request of it was answered."""
        return self.sent > 0 and self.lost == 0

    def ends_with(self, version: str) -> bool:
        """Whether requests were due after the release, and each good answer to them came from ``version``."""
        return set(self.answered_after) == {version}


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of ``values`` that at least ``percent`` of them do not exceed (nearest rank). Raises ``ValueError``.

    >>> percentile([15, 20, 35, 40, 50], 30), percentile([15, 20, 35, 40, 50], 100), percentile([7], 50)
    (20, 50, 7)
    """
    if not values:
        raise ValueError("no values")
    if not 0 < percent <= 100:  # noqa: PLR2004 (per cent)
        raise ValueError(f"expected more than 0 and at most 100 percent, found {percent}")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def prove(samples: Iterable[Sample], kinds: Sequence[Kind], marks: Marks) -> Proof:
    """The proof of a release."""
    samples = sorted(samples, key=lambda sample: sample.ended_at)
    good = [sample for sample in samples if not sample.is_lost]
    prompt_kinds = {kind.name for kind in kinds if kind.takes_seconds == 0}
    prompt = [sample for sample in good if sample.kind in prompt_kinds]
    gap, gap_from = worst_gap([sample.ended_at for sample in prompt], marks.started_at, marks.ended_at)
    by_phase = _grouped(prompt, lambda sample: marks.phase(sample.intended_at))
    return Proof(
        sent=len(samples),
        lost=len(samples) - len(good),
        by_version=_versions(good),
        by_kind={kind.name: _kind_result([sample for sample in samples if sample.kind == kind.name]) for kind in kinds},
        losses=_losses(samples, marks),
        worst_gap_ms=gap * 1000,
        worst_gap_at_s=gap_from - marks.started_at,
        latency={phase: _latency(by_phase.get(phase, [])) for phase in Phase},
        seconds=_seconds(samples, prompt_kinds, marks.started_at),
        answered_after=_versions(sample for sample in good if marks.phase(sample.intended_at) is Phase.AFTER),
        generator_lag_ms=max((sample.lag for sample in samples), default=0.0) * 1000,
    )


def worst_gap(answered_at: Sequence[float], started_at: float, ended_at: float) -> tuple[float, float]:
    """The longest time without a good answer, and when it began; start and end of the load bound it like answers.

    >>> worst_gap([1.0, 1.5, 4.0], 0.75, 4.25)
    (2.5, 1.5)
    >>> worst_gap([], 0.0, 60.0)
    (60.0, 0.0)
    """
    within = [started_at, *(instant for instant in sorted(answered_at) if started_at < instant < ended_at), ended_at]
    return max(((later - earlier, earlier) for earlier, later in pairwise(within)), key=lambda gap: gap[0])


def _grouped(samples: Iterable[Sample], key: Callable[[Sample], Key]) -> dict[Key, list[Sample]]:
    groups: defaultdict[Key, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[key(sample)].append(sample)
    return dict(groups)


def _versions(good: Iterable[Sample]) -> dict[str, int]:
    return dict(sorted(Counter(sample.version or UNKNOWN_VERSION for sample in good).items()))


def _latency(good: Sequence[Sample]) -> Latency:
    milliseconds = [sample.latency * 1000 for sample in good]
    if not milliseconds:
        return Latency(count=0, p50_ms=None, p99_ms=None, max_ms=None)
    return Latency(
        count=len(milliseconds),
        p50_ms=percentile(milliseconds, 50),
        p99_ms=percentile(milliseconds, 99),
        max_ms=max(milliseconds),
    )


def _kind_result(samples: Sequence[Sample]) -> KindResult:
    good = [sample for sample in samples if not sample.is_lost]
    return KindResult(sent=len(samples), lost=len(samples) - len(good), latency=_latency(good))


def _losses(samples: Iterable[Sample], marks: Marks) -> tuple[Losses, ...]:
    """Lost requests by cause; the most frequent first."""
    lost = [sample for sample in samples if sample.is_lost]
    groups = _grouped(lost, lambda sample: (sample.error or "", sample.kind, marks.phase(sample.intended_at)))
    found = [
        Losses(
            error=error,
            kind=kind,
            phase=phase,
            count=len(group),
            on_reused_connection=sum(sample.reused for sample in group),
            first_s=min(sample.intended_at for sample in group) - marks.started_at,
            last_s=max(sample.intended_at for sample in group) - marks.started_at,
        )
        for (error, kind, phase), group in groups.items()
    ]
    return tuple(sorted(found, key=lambda losses: (-losses.count, losses.error, losses.kind, losses.first_s)))


def _seconds(samples: Sequence[Sample], prompt_kinds: set[str], started_at: float) -> tuple[Second, ...]:
    """Every second of the load, those without an answer too."""
    groups = _grouped(samples, lambda sample: max(0, math.floor(sample.ended_at - started_at)))
    return tuple(_second(number, groups.get(number, []), prompt_kinds) for number in range(max(groups, default=-1) + 1))


def _second(number: int, samples: Sequence[Sample], prompt_kinds: set[str]) -> Second:
    good = [sample for sample in samples if not sample.is_lost]
    return Second(
        second=number,
        versions=_versions(good),
        lost=len(samples) - len(good),
        worst_ms=max((sample.latency * 1000 for sample in good if sample.kind in prompt_kinds), default=0.0),
    )
