"""A release's timeline: ECS's service events and the tasks' times, in order, on the load's clock. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ninelives.deploy.observation import EventSeen, TaskSeen, number_of

ID_SHOWN = 8
LONG_ID = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{24}\b")
ARN_NAME = re.compile(r"arn:[^ )]*?:(?:targetgroup|loadbalancer/app)/([^/ )]+)/[^ ,)]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    at_s: float
    """Seconds from the start of the load; negative before it."""
    text: str


def timeline(
    events: Sequence[EventSeen],
    tasks: Iterable[TaskSeen],
    versions: Mapping[str, str],
    *,
    load_started_at: datetime,
    since: datetime,
) -> tuple[Moment, ...]:
    """What happened from ``since`` on; ``events`` come newest first, as ECS gives them.

    ``versions`` names the version of a deployment's number (``number_of``).
    """
    told = [(event.created_at, shortened(event.message)) for event in reversed(events)]
    for task in tasks:
        name = f"task {task.id[:ID_SHOWN]} ({versions.get(number_of(task.started_by), 'another version')})"
        told += [
            (instant, f"{name} {what}")
            for instant, what in ((task.started_at, "runs"), (task.stopped_at, _ended(task)))
            if instant is not None
        ]
    return tuple(
        Moment(at_s=(instant - load_started_at).total_seconds(), text=text)
        for instant, text in sorted(told, key=lambda one: one[0])
        if instant >= since
    )


def _ended(task: TaskSeen) -> str:
    codes = sorted({container.exit_code for container in task.containers if container.exit_code is not None})
    return f"ended with {', '.join(map(str, codes))}" if codes else "ended"


def shortened(message: str) -> str:
    """A service event with task ids cut to eight digits and target groups by name.

    >>> shortened("(service cats) has started 1 tasks: (task 0123456789abcdef0123456789abcdef).")
    '(service cats) has started 1 tasks: (task 01234567).'
    """
    return LONG_ID.sub(r"\1", ARN_NAME.sub(r"\1", message))
