"""What was measured, played again on another size and count: how busy it would have been. Pure.

With bounds, the count follows the load as target tracking does: out when three minutes in a row are above the target, after
the time that a start takes; in, a few tasks at a time, when fifteen minutes in a row are a tenth below it.
Source: Application Auto Scaling user guide, "Target tracking scaling policies"; the alarms that it makes.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ninelives.insight.sizing import lost_with_a_zone
from ninelives.insight.usage import Minute, Spread, Usage, percentile, spread
from ninelives.model.fargate import TaskSize

OUT_AFTER: Final = 3
IN_AFTER: Final = 15
IN_BELOW: Final = 0.9
IN_SHARE: Final = 10
"""Scaling in takes away one task of so many at once, and one at least: AWS says "gradually" and no number."""
REST: Final = 5
"""Minutes of cooldown after a change, before scaling in."""
START_MINUTES: Final = 2
"""From the decision to scale out until the new tasks serve."""
BUSY: Final = (80, 90, 100)
"""Percent of CPU beyond which minutes are counted."""
TARGET_MIN, TARGET_MAX, TARGET_STEP = 20, 75, 5
QUIET_PERCENT: Final = 5
RESERVE: Final = 2.0
"""Times the highest load that was ever seen, that the most tasks carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Between which counts a service scales, and how busy (percent of CPU) its tasks are kept."""

    least: int
    most: int
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How it would have been. Percentages are those of the busiest task's CPU, in the minutes in which none started."""

    cpu: Spread
    minutes_above: dict[int, int]
    """Minutes above 80, 90 and 100 %."""
    minutes: int
    mean_tasks: float
    most_tasks: int


def replay(usage: Usage, size: TaskSize, counts: int | Bounds) -> Replayed:
    """Play what was measured on tasks of ``size``."""
    steady = usage.steady or usage.minutes
    tasks = [counts] * len(steady) if isinstance(counts, int) else list(_followed(steady, size, counts))
    busy = [100 * _busiest(one, count) / size.cpu for one, count in zip(steady, tasks, strict=True)]
    return Replayed(
        cpu=spread(busy),
        minutes_above={limit: sum(one > limit for one in busy) for limit in BUSY},
        minutes=len(busy),
        mean_tasks=sum(tasks) / len(tasks) if tasks else 0.0,
        most_tasks=max(tasks, default=0),
    )


def _busiest(minute: Minute, count: int) -> float:
    """CPU units of the busiest task, had there been so many; as uneven as it was."""
    return minute.busiest * minute.tasks / max(1, count)


def _followed(minutes: Sequence[Minute], size: TaskSize, bounds: Bounds) -> Iterator[int]:
    """How many tasks serve in each minute."""
    count, coming = bounds.least, 0
    serves_at = rests_until = 0
    percents: deque[float] = deque(maxlen=IN_AFTER)
    for at, minute in enumerate(minutes):
        if coming and at >= serves_at:
            count, coming, rests_until = coming, 0, at + REST
        yield count
        percents.append(100 * minute.cpu / max(1, count) / size.cpu)
        lately = list(percents)
        if len(lately) >= OUT_AFTER and min(lately[-OUT_AFTER:]) > bounds.target:
            wanted = min(bounds.most, math.ceil(count * lately[-1] / bounds.target))
            if wanted > max(count, coming):
                coming, serves_at = wanted, serves_at if coming else at + START_MINUTES
        elif not coming and at >= rests_until and len(lately) == IN_AFTER and max(lately) < IN_BELOW * bounds.target:
            wanted = max(bounds.least, math.ceil(count * max(lately) / bounds.target))
            fewer = max(wanted, count - max(1, count // IN_SHARE))
            if fewer < count:
                count, rests_until = fewer, at + REST


def bounds_for(usage: Usage, size: TaskSize, zones: int) -> Bounds:
    """Bounds and target such that a lost zone, and a rise while new tasks start, are outlived."""
    steady = usage.steady or usage.minutes
    quiet = percentile((one.cpu for one in steady), QUIET_PERCENT)
    highest = max((one.cpu for one in steady), default=0.0)
    peak = max(2, math.ceil(highest / size.cpu))
    left = (peak - lost_with_a_zone(peak, zones)) / peak
    target = _rounded(min(100 * left, 100 / (1 + steepest_rise(steady))))
    least = max(2, math.ceil(100 * quiet / size.cpu / target))
    most = max(least + 1, math.ceil(RESERVE * 100 * highest / size.cpu / target))
    return Bounds(least=least, most=most, target=target)


def _rounded(percent: float) -> int:
    """Down to a multiple of five, within what is of use.

    >>> _rounded(66.7), _rounded(99), _rounded(3)
    (65, 75, 20)
    """
    return int(min(TARGET_MAX, max(TARGET_MIN, percent // TARGET_STEP * TARGET_STEP)))


def steepest_rise(minutes: Sequence[Minute]) -> float:
    """How much CPU grows in the minutes that scaling out takes, as a share of what it was; but for one time in a thousand.

    Only rises to more than the middle count: from nearly nothing to little is no burden.
    """
    lag = OUT_AFTER + START_MINUTES
    middle = percentile((one.cpu for one in minutes), 50)
    if not middle:
        return 0.0
    pairs = zip(minutes, minutes[lag:], strict=False)
    rises = [later.cpu / max(middle, earlier.cpu) - 1 for earlier, later in pairs if later.cpu > middle]
    return max(0.0, percentile(rises, 99.9))
