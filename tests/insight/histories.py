"""Histories of services, made up: what was used in each minute."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from ninelives.insight.rightsizing import Facts, Standing
from ninelives.insight.usage import Minute, Usage
from ninelives.model.fargate import TaskSize

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
DAY = 24 * 60
SMALL = TaskSize(cpu=256, memory=512)
BIG = TaskSize(cpu=1024, memory=4096)

Shape = Callable[[int], float]
"""A figure for each minute, counted from the beginning."""


def flat(value: float) -> Shape:
    return lambda _: value


USUAL_MEMORY = flat(200)


def history(
    minutes: int,
    *,
    cpu: Shape,
    memory: Shape = USUAL_MEMORY,
    tasks: int = 2,
    size: TaskSize = BIG,
    skew: float = 1.0,
    starts: Iterable[int] = (),
) -> Usage:
    """A service whose tasks used ``cpu`` units together."""
    starting = frozenset(starts)
    return Usage(
        minutes=tuple(
            Minute(
                at=MONDAY + timedelta(minutes=minute),
                tasks=tasks,
                cpu=cpu(minute),
                busiest=skew * cpu(minute) / tasks,
                memory=memory(minute),
                size=size,
                is_start=minute in starting,
            )
            for minute in range(minutes)
        )
    )


def facts(usage: Usage, *, count: int | None = None, zones: int = 2, size: TaskSize | None = None) -> Facts:
    standing = Standing(
        size=usage.minutes[-1].size if size is None else size,
        count=usage.minutes[-1].tasks if count is None else count,
        zones=zones,
    )
    return Facts(usage=usage, standing=standing)
