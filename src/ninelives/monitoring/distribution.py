"""What is kept of the values of a data point: their statistic set, and how often each value came.

Few values are kept as they are. Many are put on a grid on which neighbours differ by a hundredth, so that a percentile is off
by half a percent at the most and a data point never grows beyond a few kilobytes (``docs/decisions/0019``).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

EXACT_MAX: Final = 150
"""Different values that are kept exactly: as many as one datum of PutMetricData may carry."""
GROWTH: Final = math.log(1.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Values and their counts, summed up; counts may be fractions, as PutMetricData's."""

    sample_count: float
    sum: float
    minimum: float
    maximum: float
    values: Mapping[float, float] | None
    """Count by value; None where only a statistic set was reported: then there are no percentiles."""

    @property
    def average(self) -> float:
        return self.sum / self.sample_count


def of_values(values: Sequence[float], counts: Sequence[float] | None = None) -> Distribution | None:
    """The distribution of ``values``, each ``counts`` times (once); None where there are none.

    >>> of_values([3.0, 1.0, 1.0]).values
    {3.0: 1.0, 1.0: 2.0}
    """
    found: dict[float, float] = {}
    for value, count in zip(values, counts or [1.0] * len(values), strict=True):
        if count > 0:
            found[value] = found.get(value, 0.0) + count
    return _of_counts(found) if found else None


def _of_counts(found: Mapping[float, float]) -> Distribution:
    low, high = min(found), max(found)
    return Distribution(
        sample_count=sum(found.values()),
        sum=math.fsum(value * count for value, count in found.items()),
        minimum=low,
        maximum=high,
        values=_coarsened(found, low, high),
    )


def of_statistics(*, sample_count: float, total: float, minimum: float, maximum: float) -> Distribution:
    """The distribution that a statistic set tells of. Values are known only where it leaves no doubt.

    Source: "Percentiles", CloudWatch user guide ("the SampleCount of the statistic set is 1", "Min and Max are equal").
    """
    known = {minimum: sample_count} if minimum == maximum or sample_count == 1 else None
    return Distribution(sample_count=sample_count, sum=total, minimum=minimum, maximum=maximum, values=known)


def merged(parts: Iterable[Distribution]) -> Distribution | None:
    """All of ``parts`` together; None of none."""
    given = list(parts)
    if len(given) <= 1:
        return given[0] if given else None
    low, high = min(one.minimum for one in given), max(one.maximum for one in given)
    return Distribution(
        sample_count=sum(one.sample_count for one in given),
        sum=math.fsum(one.sum for one in given),
        minimum=low,
        maximum=high,
        values=_merged_values(given, low, high),
    )


def _merged_values(parts: Sequence[Distribution], low: float, high: float) -> Mapping[float, float] | None:
    counts: dict[float, float] = {}
    for one in parts:
        if one.values is None:
            return None
        for value, count in one.values.items():
            counts[value] = counts.get(value, 0.0) + count
    return _coarsened(counts, low, high)


def _coarsened(counts: Mapping[float, float], low: float, high: float) -> Mapping[float, float]:
    if len(counts) <= EXACT_MAX:
        return counts
    coarse: dict[float, float] = {}
    for value, count in counts.items():
        place = min(max(on_grid(value), low), high)
        coarse[place] = coarse.get(place, 0.0) + count
    return coarse


def on_grid(value: float) -> float:
    """The nearest power of 1.01, with the sign of ``value``; 0 stays 0. What is on the grid stays where it is.

    >>> on_grid(0.0), round(on_grid(-250.0), 2), on_grid(on_grid(7.0)) == on_grid(7.0)
    (0.0, -250.24, True)
    """
    if value == 0:
        return 0.0
    return math.copysign(math.exp(round(math.log(abs(value)) / GROWTH) * GROWTH), value)
