"""Whether memory grows and grows between two starts of a service: a line through the middle of what was measured. Pure.

The slope is the median of the slopes between all pairs of points (Theil and Sen): a few outliers do not move it. Growth is
suspicious where nearly all pairs rise and the line has climbed by more than a tenth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Final

from ninelives.insight.usage import Minute, Usage, runs

POINTS: Final = 60
"""How many medians of neighbouring minutes a run is brought down to."""
POINTS_MIN: Final = 12
SHORTEST: Final = timedelta(hours=6)
"""A shorter run is warming up."""
RISING_MIN: Final = 0.85
"""Of the pairs of points, that rise."""
CLIMB_MIN: Final = 0.10
"""Of the memory at the run's beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Memory that grew. All in the region's time."""

    mib_a_day: float
    over: timedelta
    last: float
    """MiB at the end."""

    def lasts_until(self, memory_mib: int) -> timedelta | None:
        """How long until ``memory_mib`` are used up, from the end on; None where they are."""
        left = memory_mib - self.last
        return timedelta(days=left / self.mib_a_day) if left > 0 else None


def find_leak(usage: Usage) -> Leak | None:
    """The steepest suspicious growth between two starts; None where there is none."""
    found = [leak for run in runs(usage.minutes, starting=False) if (leak := _growth(run, usage.span)) is not None]
    return max(found, key=lambda leak: leak.mib_a_day, default=None)


def _growth(run: Sequence[Minute], span: timedelta) -> Leak | None:
    points = _points(run)
    if len(run) * span < SHORTEST or len(points) < POINTS_MIN:
        return None
    slopes = [(later - earlier) / (there - here) for here, earlier in points for there, later in points if there > here]
    slope = median(slopes)
    rising = sum(one > 0 for one in slopes) / len(slopes)
    begin = median(memory for _, memory in points[:3])
    if slope <= 0 or rising < RISING_MIN or slope * len(run) < CLIMB_MIN * begin:
        return None
    return Leak(mib_a_day=slope * (timedelta(days=1) / span), over=len(run) * span, last=points[-1][1])


def _points(run: Sequence[Minute]) -> list[tuple[float, float]]:
    """Minute and memory, each the middle of its neighbours."""
    size = max(1, len(run) // POINTS)
    starts = range(0, len(run) - size + 1, size)
    return [(start + size / 2, median(one.memory for one in run[start : start + size])) for start in starts]
