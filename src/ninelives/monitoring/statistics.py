"""Statistics of a data point: the five of old, percentiles, and the trimmed ones.

Source: "CloudWatch statistics definitions", CloudWatch user guide. A percentile is the smallest value that is not below that
share of all values; CloudWatch does not say how it interpolates.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ninelives.monitoring.distribution import Distribution


class StatisticUnknown(Exception):
    """A statistic that CloudWatch does not have; ``text`` is what was asked for."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"The value {self.text} for parameter Stat is not supported."


@dataclass(frozen=True, slots=True)
class Simple:
    name: str


@dataclass(frozen=True, slots=True)
class Percentile:
    percent: float


@dataclass(frozen=True, slots=True)
class Trimmed:
    """``kind`` is TM, TC, TS, WM or PR; bounds are percentages or values, None where the side is open."""

    kind: str
    low: float | None
    high: float | None
    in_percent: bool


Statistic = Simple | Percentile | Trimmed

SIMPLE: Final[Mapping[str, Callable[[Distribution], float]]] = {
    "SampleCount": lambda one: one.sample_count,
    "Sum": lambda one: one.sum,
    "Average": lambda one: one.average,
    "Minimum": lambda one: one.minimum,
    "Maximum": lambda one: one.maximum,
}

NUMBER = r"\d+(?:\.\d{1,10})?"
PERCENTILE = re.compile(rf"[pP]({NUMBER})")
SHORT = re.compile(rf"(tm|tc|ts|wm)({NUMBER})")
RANGE = re.compile(rf"(TM|TC|TS|WM|PR)\((?:({NUMBER})(%?))?:(?:({NUMBER})(%?))?\)")
INTERQUARTILE_MEAN = Trimmed("TM", 25.0, 75.0, in_percent=True)


def read_statistic(text: str) -> Statistic:
    """A statistic by its name. Raises ``StatisticUnknown``.

    >>> read_statistic("Sum"), read_statistic("p99.9"), read_statistic("tm90")
    (Simple(name='Sum'), Percentile(percent=99.9), Trimmed(kind='TM', low=None, high=90.0, in_percent=True))
    """
    if text in SIMPLE:
        return Simple(text)
    if text == "IQM":
        return INTERQUARTILE_MEAN
    if (found := PERCENTILE.fullmatch(text)) is not None:
        return Percentile(_percentage(found[1], text))
    if (found := SHORT.fullmatch(text)) is not None:
        return Trimmed(found[1].upper(), None, _percentage(found[2], text), in_percent=True)
    if (found := RANGE.fullmatch(text)) is not None:
        return _read_range(found, text)
    raise StatisticUnknown(text)


def _read_range(found: re.Match[str], text: str) -> Trimmed:
    kind, low, low_sign, high, high_sign = found.groups()
    signs = {sign for number, sign in ((low, low_sign), (high, high_sign)) if number is not None}
    if len(signs) != 1 or (kind == "PR" and signs == {"%"}):  # of two kinds, or no bound at all
        raise StatisticUnknown(text)
    bounds = [None if number is None else float(number) for number in (low, high)]
    if signs == {"%"}:
        bounds = [None if number is None else _percentage(str(number), text) for number in bounds]
    return Trimmed(kind, bounds[0], bounds[1], in_percent=signs == {"%"})


def _percentage(number: str, text: str) -> float:
    percent = float(number)
    if percent > 100:  # noqa: PLR2004 percent
        raise StatisticUnknown(text)
    return percent


def statistic_of(distribution: Distribution, statistic: Statistic) -> float | None:
    """The statistic's value; None where the values are not known (a statistic set), or none is left after trimming."""
    match statistic:
        case Simple(name):
            return SIMPLE[name](distribution)
        case Percentile(percent):
            return None if distribution.values is None else percentile(distribution.values, percent)
        case Trimmed():
            return None if distribution.values is None else _trimmed(distribution.values, statistic)


def percentile(values: Mapping[float, float], percent: float) -> float:
    """The smallest value with at least ``percent`` of all values at or below it.

    >>> percentile({1.0: 98, 5.0: 2}, 98), percentile({1.0: 98, 5.0: 2}, 99), percentile({1.0: 1}, 0)
    (1.0, 5.0, 1.0)
    """
    rank = sum(values.values()) * percent / 100
    passed = 0.0
    value = min(values)
    for value in sorted(values):
        passed += values[value]
        if passed >= rank * (1 - 1e-12):  # sums of fractions are not exact
            break
    return value


def _trimmed(values: Mapping[float, float], wanted: Trimmed) -> float | None:
    kept = dict(_within_ranks(values, wanted) if wanted.in_percent else _within_values(values, wanted))
    count, total = sum(kept.values()), sum(value * weight for value, weight in kept.items())
    match wanted.kind:
        case "TC":
            return count
        case "TS":
            return total
        case "PR":
            return 100 * count / sum(values.values())
        case "WM" if kept:
            low, high = min(kept), max(kept)
            return sum(min(max(value, low), high) * weight for value, weight in values.items()) / sum(values.values())
        case _:
            return total / count if count else None


def _within_ranks(values: Mapping[float, float], wanted: Trimmed) -> Iterator[tuple[float, float]]:
    """Values between two percentages of all, those on a border with the part that is inside."""
    everything = sum(values.values())
    low = everything * (wanted.low or 0.0) / 100
    high = everything * (100.0 if wanted.high is None else wanted.high) / 100
    passed = 0.0
    for value in sorted(values):
        inside = min(high, passed + values[value]) - max(low, passed)
        passed += values[value]
        if inside > 0:
            yield value, inside


def _within_values(values: Mapping[float, float], wanted: Trimmed) -> Iterator[tuple[float, float]]:
    """Values above the low bound and up to the high one."""
    for value, weight in values.items():
        if (wanted.low is None or value > wanted.low) and (wanted.high is None or value <= wanted.high):
            yield value, weight


def few_samples(statistic: Statistic, sample_count: float) -> bool:
    """Whether a percentile of so few samples says nothing: fewer than ten beyond it are to be expected.

    Source: "Percentile-based CloudWatch alarms and low data samples", CloudWatch user guide.

    >>> few_samples(Percentile(99), 999), few_samples(Percentile(99), 1000), few_samples(Percentile(20), 49)
    (True, False, True)
    """
    if not isinstance(statistic, Percentile):
        return False
    share = statistic.percent / 100
    beyond = min(share, 1 - share)
    return round(sample_count * beyond, 9) < 10  # noqa: PLR2004 the guide's number
