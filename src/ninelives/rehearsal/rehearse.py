"""A release under load: some seconds before, the release, some seconds after; then the proof."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Generic, TypeVar

from ninelives.deploy.clock import Clock
from ninelives.rehearsal.load_process import LoadProcess
from ninelives.rehearsal.proof import Marks, Phase, Proof, prove
from ninelives.rehearsal.sample import Kind, Sample, Target
from ninelives.rehearsal.tally import Collector, Tally

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is sent where, and how long before and after the release."""

    target: Target
    kinds: Sequence[Kind]
    before_seconds: float
    after_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed(Generic[Result]):
    """What came of it. ``load_started_at`` is second 0 of the proof, by the wall's clock."""

    released: Result
    proof: Proof
    marks: Marks
    load_started_at: datetime
    release_started_at: datetime
    kinds: tuple[Kind, ...] = ()
    samples: tuple[Sample, ...] = field(default=(), repr=False)


def rehearse(
    script: Script,
    release: Callable[[], Result],
    *,
    folder: Path,
    clock: Clock,
    entered: Callable[[Phase, Tally], None] = lambda _phase, _tally: None,
) -> Rehearsed[Result]:
    """Run ``release`` under load and count every request; ``entered`` is told each phase as it begins.

    Whatever ``release`` raises ends the load and is raised on. Raises ``LoadFailed``. ``folder`` takes the samples.
    """
    with LoadProcess(script.target, script.kinds, folder) as load:
        started_at = load.start()
        load_started_at = clock.now() + timedelta(seconds=started_at - time.monotonic())
        tally = Tally(started_at)
        collector = Collector(load, tally)
        collector.start()
        try:
            entered(Phase.BEFORE, tally)
            clock.wait(script.before_seconds)
            release_started_at, at = time.monotonic(), clock.now()
            entered(Phase.DURING, tally)
            released = release()
            release_ended_at = time.monotonic()
            entered(Phase.AFTER, tally)
            clock.wait(script.after_seconds)
            ended_at = time.monotonic()
            samples = collector.end()
        finally:
            collector.stop()
    marks = Marks(
        started_at=started_at,
        release_started_at=release_started_at,
        release_ended_at=release_ended_at,
        ended_at=ended_at,
    )
    return Rehearsed(
        released=released,
        proof=prove(samples, script.kinds, marks),
        marks=marks,
        load_started_at=load_started_at,
        release_started_at=at,
        kinds=tuple(script.kinds),
        samples=tuple(samples),
    )
