"""A running count of a load, second by second, for whoever watches; the proof counts for itself at the end."""

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ninelives.rehearsal.load_process import LoadFailed, LoadProcess
from ninelives.rehearsal.proof import UNKNOWN_VERSION
from ninelives.rehearsal.sample import Sample

READ_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How a load stands. ``seconds`` holds, by version, the good answers of each whole second so far."""

    answered: int
    lost: int
    errors: Mapping[str, int]
    seconds: Mapping[str, tuple[int, ...]]
    lost_seconds: tuple[int, ...]

    @property
    def now(self) -> dict[str, int]:
        """Good answers by version in the last whole second; versions that gave none are left out."""
        return {version: counts[-1] for version, counts in self.seconds.items() if counts and counts[-1]}


class Tally:
    """Counts samples as they come; read from any thread."""

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._lock = threading.Lock()
        self._good: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._lost: Counter[int] = Counter()
        self._errors: Counter[str] = Counter()
        self._answered = 0

    def add(self, samples: Iterable[Sample]) -> None:
        with self._lock:
            for sample in samples:
                second = max(0, math.floor(sample.ended_at - self._started_at))
                if sample.error is None:
                    self._answered += 1
                    self._good[sample.version or UNKNOWN_VERSION][second] += 1
                else:
                    self._errors[sample.error] += 1
                    self._lost[second] += 1

    def count(self, now: float) -> Count:
        """The count at ``now`` (monotonic); the second under way is left out."""
        whole = range(max(0, math.floor(now - self._started_at)))
        with self._lock:
            return Count(
                answered=self._answered,
                lost=self._lost.total(),
                errors=dict(self._errors),
                seconds={version: tuple(counts[one] for one in whole) for version, counts in sorted(self._good.items())},
                lost_seconds=tuple(self._lost[one] for one in whole),
            )


class Collector:
    """Reads a load's samples in a thread of its own, keeps them, and counts them."""

    def __init__(self, load: LoadProcess, tally: Tally) -> None:
        self._load = load
        self._tally = tally
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._collect, name="samples", daemon=True)
        self.samples: list[Sample] = []

    def start(self) -> None:
        self._thread.start()

    def _collect(self) -> None:
        while not self._done.wait(READ_SECONDS):
            try:
                self._keep(self._load.read())
            except LoadFailed:
                return  # stopping the load says it

    def _keep(self, samples: list[Sample]) -> None:
        self.samples += samples
        self._tally.add(samples)

    def end(self) -> list[Sample]:
        """Stop reading along, end the load, and give all its samples. Raises ``LoadFailed``."""
        self.stop()
        self._keep(self._load.stop())
        return self.samples

    def stop(self) -> None:
        """Stop reading along."""
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()
