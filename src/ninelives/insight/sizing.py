"""The cheapest Fargate size and count that would have carried what was measured, with headroom, a zone lost. Pure.

``refusals`` says why a size and a count will not do; ``cheapest`` takes what costs least of all that is not refused.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from ninelives.insight.leaks import find_leak
from ninelives.insight.usage import Usage, percentile, runs
from ninelives.model.fargate import FARGATE_CPU, FARGATE_MEMORY, TaskSize, fargate_sizes

AT_LIMIT_PERCENT: Final = 1.0
"""Of the minutes, that CPU may be at its limit before what was measured is no longer taken for what was needed."""
MEMORY_AT_LIMIT: Final = 0.98
TASKS_MAX: Final = 5_000
"""Of a service. Source: "Amazon ECS service quotas"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What a proposal rests on; each can be said otherwise. Headroom is percent on top of what was needed."""

    window: timedelta = timedelta(days=14)
    percentile: float = 99.0
    """Of the minutes, whose CPU must be carried."""
    cpu_headroom: float = 30.0
    memory_headroom: float = 25.0
    minimum: timedelta = timedelta(hours=72)
    """Of data, below which nothing is proposed."""
    warm_up: timedelta = timedelta(minutes=2)
    """How long after its start a task is not taken for serving."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What else was seen: kills for want of memory."""

    kills: int = 0
    killed_at: int = 0
    """The largest memory, in MiB, that was not enough; 0 where no task was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a service needs."""

    load: float
    """CPU units of all tasks together, at the percentile."""
    skew: float
    """What the busiest task used of the mean of all."""
    memory: float
    """MiB of the largest task, ever."""
    tasks: int
    """As many as ran: the most that are proposed, as long as any size will do with them."""
    least_tasks: int = 1
    zones: int = 1
    least_memory: int = 0
    """MiB that a task was seen to need, or may come to need."""
    least_cpu: int = 0
    """CPU units below which nothing is known to suffice."""
    start_work: float = 0.0
    """What a start takes beyond serving, in CPU units times seconds."""
    start_cpu: float = 0.0
    """CPU units with which a start ends within its grace period, as far as it does so now."""

    def busiest_of(self, tasks: float) -> float:
        """CPU units of the busiest of so many tasks."""
        return self.load * self.skew / tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A size, and how many tasks of it."""

    size: TaskSize
    tasks: int


def demand_of(usage: Usage, evidence: Evidence, assumptions: Assumptions, *, zones: int, start_within: timedelta) -> Demand:
    """What the service needs, from what it used."""
    steady = usage.steady or usage.minutes
    load = percentile((one.cpu for one in steady), assumptions.percentile)
    busiest = percentile((one.busiest * one.tasks for one in steady), assumptions.percentile)
    tasks = max(1, usage.most_tasks)
    work = _start_work(usage)
    at_limit = sum(one.is_at_limit for one in steady) > AT_LIMIT_PERCENT / 100 * len(steady)
    return Demand(
        load=load,
        skew=max(1.0, busiest / load) if load else 1.0,
        memory=max((one.memory for one in usage.minutes), default=0.0),
        tasks=tasks,
        least_tasks=tasks if at_limit else min(2, tasks),
        zones=zones,
        least_memory=_least_memory(usage, evidence),
        least_cpu=_next_cpu(max(one.size.cpu for one in steady if one.is_at_limit)) if at_limit else 0,
        start_work=work,
        start_cpu=min(work / start_within.total_seconds(), usage.minutes[-1].size.cpu)
        if start_within and usage.minutes
        else 0,
    )


def _least_memory(usage: Usage, evidence: Evidence) -> int:
    """Above what was not enough; not below what a leak has now."""
    full = [one.size.memory for one in usage.minutes if one.memory >= MEMORY_AT_LIMIT * one.size.memory]
    not_enough = max([evidence.killed_at, *full])
    leaking = usage.minutes[-1].size.memory if usage.minutes and find_leak(usage) is not None else 0
    return max(not_enough + 1 if not_enough else 0, leaking)


def _next_cpu(cpu: int) -> int:
    """The next larger size's; the largest has none.

    >>> _next_cpu(256), _next_cpu(16384)
    (512, 16384)
    """
    return next((one for one in FARGATE_CPU if one > cpu), FARGATE_CPU[-1])


def _start_work(usage: Usage) -> float:
    """The most that any start took beyond what serving takes in the middle."""
    usual = percentile((one.busiest for one in usage.steady), 50)
    seconds = usage.clock.total_seconds()
    starts = runs(usage.minutes, starting=True)
    return max((sum(max(0.0, one.busiest - usual) * seconds for one in start) for start in starts), default=0.0)


def refusals(size: TaskSize, tasks: int, demand: Demand, assumptions: Assumptions) -> Iterator[str]:
    """Why so many tasks of this size will not do; nothing where they will."""
    if tasks < demand.least_tasks:
        yield f"fewer than {demand.least_tasks} tasks"
    if demand.busiest_of(tasks) * (1 + assumptions.cpu_headroom / 100) > size.cpu:
        yield f"CPU: less than {assumptions.cpu_headroom:g} % of headroom"
    if tasks > 1 and demand.busiest_of(tasks - lost_with_a_zone(tasks, demand.zones)) > size.cpu:
        yield "CPU: not enough when a zone is lost"
    if size.cpu < demand.least_cpu:
        yield "CPU: was at its limit"
    if size.cpu < demand.start_cpu:
        yield "CPU: a start would outlast its grace period"
    if demand.memory * (1 + assumptions.memory_headroom / 100) > size.memory:
        yield f"memory: less than {assumptions.memory_headroom:g} % of headroom"
    if size.memory < demand.least_memory:
        yield "memory: was not enough, or grows"


def lost_with_a_zone(tasks: int, zones: int) -> int:
    """How many of several tasks, spread over zones, are lost with the fullest; where there is but one zone, one task.

    >>> lost_with_a_zone(4, 2), lost_with_a_zone(5, 3), lost_with_a_zone(2, 3), lost_with_a_zone(3, 1)
    (2, 2, 1, 1)
    """
    return -(-tasks // zones) if zones > 1 else 1


def cheapest(demand: Demand, assumptions: Assumptions, price: Callable[[TaskSize], float]) -> Choice | None:
    """The size and count that cost least; of equals the most tasks. None where Fargate has no task with so much memory.

    No more tasks than ran, as long as any size will do with them: smaller tasks would always look cheaper, and nobody has seen
    the service run with many of them.
    """
    choices = [one for size in fargate_sizes() if (one := _fewest(size, demand, assumptions, demand.tasks)) is not None]
    if not choices:
        largest = (TaskSize(cpu=FARGATE_CPU[-1], memory=memory) for memory in FARGATE_MEMORY[FARGATE_CPU[-1]])
        choices = [one for size in largest if (one := _fewest(size, demand, assumptions, TASKS_MAX)) is not None]
    return min(choices, key=lambda one: (round(one.tasks * price(one.size), 9), -one.tasks, one.size), default=None)


def _fewest(size: TaskSize, demand: Demand, assumptions: Assumptions, most: int) -> Choice | None:
    """As few tasks of a size as will do."""
    if size.memory < demand.memory or size.cpu < demand.least_cpu:
        return None
    whole = demand.busiest_of(1) / size.cpu
    least = max(demand.least_tasks, 1, math.ceil(whole * (1 + assumptions.cpu_headroom / 100)))
    enough = max(least, 2 * math.ceil(whole) + 2)
    """Half of the tasks are lost with a zone, at the most: what refuses so many refuses more."""
    counts = range(least, min(most, enough) + 1)
    fewest = next((count for count in counts if not any(refusals(size, count, demand, assumptions))), None)
    return None if fewest is None else Choice(size=size, tasks=fewest)
