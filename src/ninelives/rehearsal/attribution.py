"""Whose fault a lost request is: the application's own, where what is known of its tasks says so; else nobody's yet. Pure.

An application loses requests by itself when it answers 5xx, ends while it serves, drops what is in flight when it is told to
end, or closes idle connections before the load balancer does: what is on its way then meets a closed connection. What none of
these explains stays unattributed, and is the platform's to answer for.
Source: ELB user guide, "Troubleshoot your Application Load Balancers" (HTTP 502, 503, 504).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ninelives.deploy.observation import TaskSeen
from ninelives.rehearsal.sample import Sample

NOTICED_WITHIN = timedelta(seconds=3)
"""How long after a task's end a load balancer may still send to it, or have none to send to: until checks notice, or another
task has taken its place, which belongs to the end as well."""
AT_ONCE = timedelta(seconds=1)
SLACK = timedelta(seconds=0.5)
"""Between what ECS decides and what a load balancer does."""
QUICKLY = timedelta(seconds=0.5)
"""How soon a request that meets a closed connection is lost; one that was in flight when its task ended has waited for it."""


class Fault(StrEnum):
    """What an application does that loses requests. Values are the codes in JSON."""

    ANSWERS_5XX = "answers_5xx"
    ENDS_WHILE_SERVING = "ends_while_serving"
    DROPS_IN_FLIGHT = "drops_requests_in_flight"
    CLOSES_IDLE = "closes_idle_connections"


SENTENCES = {
    Fault.ANSWERS_5XX: "the application answers requests with 5xx",
    Fault.ENDS_WHILE_SERVING: "the application ends while it serves",
    Fault.DROPS_IN_FLIGHT: "the application drops requests in flight on SIGTERM",
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
    faults: Counter[Fault] = Counter()
    unattributed: list[Sample] = []
    for sample in samples:
        if not sample.is_lost:
            continue
        fault = _fault_of(sample, tasks, keeping, epoch, delay)
        if fault is None:
            unattributed.append(sample)
        else:
            faults[fault] += 1
    return Attribution(by_fault=dict(faults), unattributed=tuple(unattributed))


def _fault_of(
    sample: Sample, tasks: Sequence[TaskSeen], keeping: Keeping | None, epoch: datetime, delay: timedelta
) -> Fault | None:
    """A list of cases, first match wins: from what the answer itself says to what is inferred."""
    if sample.version is not None and sample.status is not None and sample.status >= 500:  # noqa: PLR2004 (server errors)
        return Fault.ANSWERS_5XX  # a load balancer's own answer bears no version
    began, ended = epoch + timedelta(seconds=sample.intended_at), epoch + timedelta(seconds=sample.ended_at)
    if any(_ends_by_itself(task) and _is_felt(task, began, ended, tasks) for task in tasks):
        return Fault.ENDS_WHILE_SERVING
    hangs_up_early = keeping is not None and keeping.is_too_short and sample.status == 502  # noqa: PLR2004 (bad gateway)
    if hangs_up_early and sample.latency < QUICKLY.total_seconds():
        return Fault.CLOSES_IDLE
    if any(_drops(task, began, ended, delay) for task in tasks):
        return Fault.DROPS_IN_FLIGHT
    return None


def _ends_by_itself(task: TaskSeen) -> bool:
    return task.stop_code == "EssentialContainerExited"


def _is_felt(task: TaskSeen, began: datetime, ended: datetime, tasks: Sequence[TaskSeen]) -> bool:
    """Whether a request was under way between a task's end and the time when another had taken its place."""
    gone = _gone_at(task)
    if gone is None:
        return False
    nexts = [one.started_at for one in tasks if one.started_at is not None and one.started_at > gone]
    until = (min(nexts) if nexts else gone) + NOTICED_WITHIN
    return ended >= gone - AT_ONCE and began <= until


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
