"""Whose fault a lost request is: the application's own, where what is known of its tasks says so; else nobody's yet. Pure.

An application loses requests by itself when it answers 5xx, ends while it serves, drops what is in flight when it is told to
end, fails its health checks so that ECS takes its tasks away, or closes idle connections before the load balancer does: what
is on its way then meets a closed connection. What none of these explains stays unattributed, and is the platform's to answer
for.
Source: ELB user guide, "Troubleshoot your Application Load Balancers" (HTTP 502, 503, 504).
"""

import signal
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ninelives.deploy.observation import TaskSeen
from ninelives.model.images import read_reference
from ninelives.rehearsal.sample import Sample

NOTICED_WITHIN = timedelta(seconds=3)
"""How long after a task's end a load balancer may still send to it, until checks notice. If there is nobody else to send to,
what is lost until its version answers well again belongs to the end as well.
"""
NOTED_WITHIN = timedelta(seconds=2)
"""How much later than it was ECS may note an end."""
SERVER_ERROR, BAD_GATEWAY, UNAVAILABLE = 500, 502, 503
TOLD_ENDS = (None, 0, 128 + signal.SIGTERM, 128 + signal.SIGKILL)
"""Exit codes of containers that were told to end."""
NEVER = datetime.min.replace(tzinfo=UTC)
AT_ONCE = timedelta(seconds=1)
SLACK = timedelta(seconds=0.5)
"""Between what ECS decides and what a load balancer does."""


class Fault(StrEnum):
    """What an application does that loses requests. Values are the codes in JSON."""

    ANSWERS_5XX = "answers_5xx"
    ENDS_WHILE_SERVING = "ends_while_serving"
    DROPS_IN_FLIGHT = "drops_requests_in_flight"
    CLOSES_IDLE = "closes_idle_connections"
    FAILS_CHECKS = "fails_health_checks"


SENTENCES = {
    Fault.ANSWERS_5XX: "the application answers requests with 5xx",
    Fault.ENDS_WHILE_SERVING: "the application ends while it serves",
    Fault.DROPS_IN_FLIGHT: "the application drops requests in flight on SIGTERM",
    Fault.FAILS_CHECKS: "the application fails its health checks, and none was there while its tasks were replaced for it",
    Fault.CLOSES_IDLE: "the application closes idle connections before the load balancer's idle timeout",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How long an application kept an idle connection, and how long the load balancer does. ``seconds`` is None where it was
    kept for as long as was waited.
    """

    seconds: float | None
    idle_timeout_seconds: float

    @property
    def is_too_short(self) -> bool:
        return self.seconds is not None and self.seconds < self.idle_timeout_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Lost requests by fault, and those that no fault of the application explains."""

    by_fault: dict[Fault, int]
    unattributed: tuple[Sample, ...]

    @property
    def told(self) -> list[str]:
        """A sentence for each fault, the most frequent first.

        >>> Attribution(by_fault={Fault.ANSWERS_5XX: 3}, unattributed=()).told
        ['3 lost: the application answers requests with 5xx']
        """
        found = [f"{count} lost: {SENTENCES[fault]}" for fault, count in Counter(self.by_fault).most_common()]
        return [
            *found,
            *([f"{len(self.unattributed)} lost: no fault of the application is known"] if self.unattributed else []),
        ]


def attribute(
    samples: Sequence[Sample], tasks: Sequence[TaskSeen], keeping: Keeping | None, *, epoch: datetime, delay: timedelta
) -> Attribution:
    """Attribute each lost request. ``epoch`` is the wall-clock time at zero of the samples' clock, ``delay`` the
    deregistration delay.
    """
    answered = sorted(epoch + timedelta(seconds=one.intended_at) for one in samples if not one.is_lost)
    ends = [_felt(task, tasks, samples, epoch) for task in tasks if _ended_by_itself(task)]
    replacements = [_gap(task, answered, delay) for task in tasks if "failed ELB health checks" in task.stopped_reason]
    faults: Counter[Fault] = Counter()
    unattributed: list[Sample] = []
    for sample in samples:
        if not sample.is_lost:
            continue
        began, ended = (epoch + timedelta(seconds=at) for at in (sample.intended_at, sample.ended_at))
        fault: Fault | None = None
        # A list of cases, first match wins: from what the answer itself says to what is inferred.
        if sample.version is not None and sample.status is not None and sample.status >= SERVER_ERROR:
            fault = Fault.ANSWERS_5XX  # a load balancer's own answer bears no version
        elif any(first <= ended and began <= last for first, last in ends):
            fault = Fault.ENDS_WHILE_SERVING
        elif any(_drops(task, began, ended, delay) for task in tasks):
            fault = Fault.DROPS_IN_FLIGHT
        elif sample.status == UNAVAILABLE and any(first <= ended and began <= last for first, last in replacements):
            fault = Fault.FAILS_CHECKS
        elif keeping is not None and keeping.is_too_short and sample.status == BAD_GATEWAY:
            fault = Fault.CLOSES_IDLE
        if fault is None:
            unattributed.append(sample)
        else:
            faults[fault] += 1
    return Attribution(by_fault=dict(faults), unattributed=tuple(unattributed))


def _ended_by_itself(task: TaskSeen) -> bool:
    """Whether a task ended of its own fault: without being told to (one that is drained has been chosen to stop, and has not
    been told yet), or otherwise than one that was told does.
    """
    ended, told = task.execution_stopped_at, task.stopping_at
    return (
        task.stop_code == "EssentialContainerExited"
        or any("OutOfMemory" in one.reason or one.exit_code not in TOLD_ENDS for one in task.containers)
        or (ended is not None and told is not None and ended < told)
    )


def _felt(task: TaskSeen, tasks: Sequence[TaskSeen], samples: Sequence[Sample], epoch: datetime) -> tuple[datetime, datetime]:
    """From when to when the end of a task that ended by itself is felt: until its version answers well again; if it never
    does, until the last of its tasks is gone.
    """
    gone = _gone_at(task)
    if gone is None:
        return NEVER, NEVER
    alike = [end for one in tasks if one.started_by == task.started_by and (end := _gone_at(one)) is not None]
    version = read_reference(task.containers[0].image).tag if task.containers else None
    answered = (
        epoch + timedelta(seconds=one.intended_at)
        for one in samples
        if not one.is_lost and (one.version == version or not version)
    )
    again = min((instant for instant in answered if instant > gone), default=max(alike))
    return gone - NOTED_WITHIN, max(again, gone + NOTICED_WITHIN)


def _gap(task: TaskSeen, answered: Sequence[datetime], delay: timedelta) -> tuple[datetime, datetime]:
    """From when a task that failed its checks got no more requests, at the earliest, to the next good answer."""
    told = task.stopping_at
    if told is None:
        return NEVER, NEVER
    again = next((instant for instant in answered[bisect_right(answered, told) :]), told)
    return told - delay - SLACK, again


def _drops(task: TaskSeen, began: datetime, ended: datetime, delay: timedelta) -> bool:
    """Whether a request was in flight at a task that was told to end, and was lost as the task ended.

    ECS tells a task only when its load balancer has sent it nothing new for the delay: what began later went elsewhere, or
    should have, which is not the application's fault. StopTask does not wait.
    """
    drained = {"ServiceSchedulerInitiated": delay, "UserInitiated": timedelta(0)}.get(task.stop_code)
    gone = _gone_at(task)
    if drained is None or gone is None or task.stopping_at is None:
        return False
    return began <= task.stopping_at - drained + SLACK and abs(ended - gone) <= AT_ONCE


def _gone_at(task: TaskSeen) -> datetime | None:
    """When its containers had ended; ECS notes that of a task that ended by itself as its stopping."""
    return task.execution_stopped_at or task.stopping_at or task.stopped_at
