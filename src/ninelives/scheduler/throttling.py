"""When the next task may be started after others failed.

What ran and crashed is started again at the scheduler's own pace, for ever; what never reached RUNNING is tried less and
less often. Source: ECS developer guide, "Service scheduler concepts" (start throttle) and "Amazon ECS service throttle logic".
"""

from datetime import datetime, timedelta

from ninelives.model.ecs import Deployment
from ninelives.model.timing import Timing


def start_gap(start_failures: int, exits: int, desired_count: int, timing: Timing) -> timedelta:
    """The least time between two starts, after so many failures in a row.

    A first failure is answered at once. From the second on a tick lies between starts, and twice as much for each further
    round of ``desired_count`` tasks that never reached RUNNING, up to 27 min.
    ECS's own steps are not documented; real ones seen were about 2 and 6 min.

    >>> [start_gap(failures, 0, 1, Timing()).seconds for failures in (0, 1, 2, 3, 4, 20)]
    [0, 0, 10, 20, 40, 1620]
    >>> [start_gap(failures, 0, 4, Timing()).seconds for failures in (4, 8, 9)]
    [10, 10, 20]
    >>> [start_gap(0, exits, 1, Timing()).seconds for exits in (1, 2, 50)]
    [0, 10, 10]
    """
    if start_failures <= 1 and exits <= 1:
        return timedelta()
    rounds = -(-start_failures // max(1, desired_count))
    doublings = min(max(0, rounds - 2), 20)
    return min(timing.tick * (1 << doublings), timing.throttle_cap)


def next_start_at(deployment: Deployment, desired_count: int, timing: Timing) -> datetime | None:
    """The earliest time for another start of this deployment's tasks; None: at once."""
    if deployment.last_start_at is None:
        return None
    gap = start_gap(deployment.start_failures, deployment.exits, desired_count, timing)
    return deployment.last_start_at + gap if gap else None


def is_throttled(deployment: Deployment, desired_count: int, timing: Timing) -> bool:
    """Whether the gap has begun to grow, so that the service's user should know."""
    return start_gap(deployment.start_failures, 0, desired_count, timing) > timing.tick
