"""What has been counted since the control plane began: totals that only grow, for those who ask for rates themselves."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

RESPONSE_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
STEP_SECONDS: Final = (0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
OPERATIONS_MAX: Final = 500
"""Pairs of service and operation that are counted apart; others count as ``other``: names come from whoever calls."""
OTHER: Final = "other"


class Histogram:
    """How many values there were up to each bound, and their sum.

    >>> seen = Histogram((0.1, 1.0))
    >>> seen.add([0.1, 0.5, 7.0])
    >>> seen.buckets(), seen.total
    ([('0.1', 1), ('1.0', 2), ('+Inf', 3)], 7.6)
    """

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, values: Iterable[float]) -> None:
        for value in values:
            self._counts[bisect_left(self._bounds, value)] += 1
            self.total += value

    def buckets(self) -> list[tuple[str, int]]:
        """Pairs of bound and number of values that are not above it."""
        return list(zip([*map(str, self._bounds), "+Inf"], accumulate(self._counts), strict=True))


@dataclass(slots=True)
class RequestTotals:
    """Requests to one target group (or to none) of one load balancer."""

    counts: Counter[str] = field(default_factory=Counter)
    """By CloudWatch's name of what was counted."""
    response_times: Histogram = field(default_factory=lambda: Histogram(RESPONSE_SECONDS))
    processed_bytes: float = 0.0


@dataclass(slots=True)
class CallTotals:
    """Calls of one operation of one service."""

    by_status: Counter[int] = field(default_factory=Counter)
    durations: Histogram = field(default_factory=lambda: Histogram(RESPONSE_SECONDS))


class Totals:
    """All that is counted of one region."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str | None], RequestTotals] = defaultdict(RequestTotals)
        """By load balancer and target group, as CloudWatch's dimensions name them."""
        self.calls: dict[tuple[str, str], CallTotals] = {}
        self.steps = Histogram(STEP_SECONDS)
        """Of the region's loop, in seconds."""
        self.lag = Histogram(STEP_SECONDS)
        """How much later than asked for the event loop woke up, in seconds."""

    def count_call(self, service: str, operation: str, status: int, seconds: float) -> None:
        """Count an answered API call."""
        key = service, operation
        if key not in self.calls and len(self.calls) >= OPERATIONS_MAX:
            key = OTHER, OTHER
        totals = self.calls.setdefault(key, CallTotals())
        totals.by_status[status] += 1
        totals.durations.add([seconds])

    def forget_requests(self, *, but_of: Collection[str], and_to: Collection[str]) -> None:
        """Load balancers and target groups that are gone are not told of for ever: all but these go."""
        for balancer, group in list(self.requests):
            if balancer not in but_of or (group is not None and group not in and_to):
                del self.requests[balancer, group]

    def requests_by_place(self) -> Iterator[tuple[tuple[str, str], RequestTotals]]:
        for (balancer, group), totals in sorted(self.requests.items(), key=lambda one: (one[0][0], one[0][1] or "")):
            yield (balancer, group or ""), totals
