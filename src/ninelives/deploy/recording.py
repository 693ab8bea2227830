"""Keeps of a release's reports what its record needs: stages, the lives of tasks, traffic, events."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ninelives.deploy.follow import Progress, Stage
from ninelives.deploy.observation import Observation, ServiceDeploymentSeen, TargetSeen, TaskSeen, number_of
from ninelives.deploy.release_record import (
    EventRecord,
    HookRecord,
    ShareRecord,
    StageRecord,
    StepRecord,
    TaskRecord,
)
from ninelives.deploy.reports import Step

TOLD_ENDS = (0, 143, 137)
"""How a container ends that was told to: by itself, by SIGTERM, by SIGKILL."""
TASKS_TOLD = 300
TOLD_CODES = frozenset({"ServiceSchedulerInitiated", "UserInitiated", "SpotInterruption", ""})


@dataclass(slots=True)
class _TaskLife:
    seen: TaskSeen
    healthy_at: datetime | None = None
    draining_at: datetime | None = None


@dataclass(slots=True)
class Recording:
    """A listener: takes reports, and tells the record's parts at any time."""

    steps: list[StepRecord] = field(default_factory=list)
    events: dict[str, EventRecord] = field(default_factory=dict)
    shares: list[ShareRecord] = field(default_factory=list)
    deployment: ServiceDeploymentSeen | None = None
    last: Observation | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None
    _stages: list[tuple[str, datetime]] = field(default_factory=list)
    _lives: dict[str, _TaskLife] = field(default_factory=dict)

    def __call__(self, report: Step | Progress) -> None:
        self.began_at = self.began_at or report.at
        self.ended_at = report.at
        if isinstance(report, Step):
            self.steps.append(StepRecord(at=report.at, act=report.act, text=report.text))
            return
        for event in report.new_events:
            self.events[event.id] = EventRecord(at=event.created_at, message=event.message)
        if report.seen is None:
            return
        self.last = report.seen
        if not self._stages or self._stages[-1][0] != report.stage:
            self._stages.append((report.stage, report.at))
        self._take_deployment(report)
        targets: defaultdict[str, list[TargetSeen]] = defaultdict(list)
        for target in report.seen.targets:
            targets[target.address].append(target)
        for task in report.seen.tasks:
            self._take_task(task, targets.get(task.address, ()), report.seen.at)

    def _take_deployment(self, report: Progress) -> None:
        ours = report.deployment
        if ours is None:
            return
        self.deployment = ours
        if not ours.plan.shifts_traffic or ours.production_percent is None:
            return
        percent = ours.production_percent if not ours.status.startswith("ROLLBACK") else 0.0
        if not self.shares or self.shares[-1].percent != percent:
            self.shares.append(ShareRecord(at=report.at, percent=percent))

    def _take_task(self, task: TaskSeen, targets: Sequence[TargetSeen], now: datetime) -> None:
        """``targets`` are those at its address."""
        life = self._lives.setdefault(task.arn, _TaskLife(task))
        life.seen = task
        states = {target.state for target in targets if task.is_at(target)}
        if "healthy" in states and life.healthy_at is None:
            life.healthy_at = now
        if "draining" in states and life.draining_at is None:
            life.draining_at = now

    def stages(self) -> tuple[StageRecord, ...]:
        """One after the other; the last one ends with the last report."""
        ends = [at for _, at in self._stages[1:]] + [self.ended_at]
        return tuple(
            StageRecord(name=name, began_at=at, ended_at=end)
            for (name, at), end in zip(self._stages, ends, strict=False)
            if end is not None and name != Stage.DONE
        )

    def tasks(self, revision: str | None, source: str | None, versions: Mapping[str, str]) -> tuple[TaskRecord, ...]:
        """In the order in which they were made. ``versions``: by a deployment's number."""
        lives = sorted(self._lives.values(), key=lambda one: one.seen.created_at.timestamp() if one.seen.created_at else 0.0)
        return tuple(_task_record(one, revision, source, versions) for one in lives if self._concerns(one.seen))

    def told_tasks(self, revision: str | None, source: str | None, versions: Mapping[str, str]) -> tuple[TaskRecord, ...]:
        """As many of them as a page bears: the first failed ones, and others."""
        tasks = self.tasks(revision, source, versions)
        if len(tasks) <= TASKS_TOLD:
            return tasks
        failed = [one for one in tasks if one.has_failed][: TASKS_TOLD // 2]
        others = [one for one in tasks if not one.has_failed][: TASKS_TOLD - len(failed)]
        chosen = {one.id for one in (*failed, *others)}
        return tuple(one for one in tasks if one.id in chosen)

    def tasks_seen(self) -> tuple[TaskSeen, ...]:
        """As each was last seen."""
        return tuple(one.seen for one in self._lives.values())

    def _concerns(self, task: TaskSeen) -> bool:
        """Those that had ended before the release began belong to another."""
        ended = task.execution_stopped_at or task.stopped_at
        return ended is None or self.began_at is None or ended >= self.began_at

    def hooks(self) -> Iterator[HookRecord]:
        for hook in self.deployment.hooks if self.deployment is not None else ():
            yield HookRecord(name=hook.name, status=hook.status)


def _task_record(life: _TaskLife, revision: str | None, source: str | None, versions: Mapping[str, str]) -> TaskRecord:
    task, number = life.seen, number_of(life.seen.started_by)
    codes = sorted({one.exit_code for one in task.containers if one.exit_code is not None})
    is_over = task.is_gone or task.stopped_at is not None
    was_told = task.stop_code in TOLD_CODES and all(code in TOLD_ENDS for code in codes)
    failed_checks = "failed" in task.stopped_reason and "health checks" in task.stopped_reason
    ended = [task.stopped_reason, f"exit code {', '.join(map(str, codes))}" if codes else ""]
    return TaskRecord(
        id=task.id,
        side="new" if number == revision else "old" if number == source or source is None else "other",
        version=versions.get(number, "another version"),
        created_at=task.created_at,
        started_at=task.started_at,
        healthy_at=life.healthy_at,
        draining_at=life.draining_at,
        stopping_at=task.stopping_at,
        ended_at=(task.execution_stopped_at or task.stopped_at) if is_over else None,
        has_failed=is_over and (not was_told or failed_checks),
        end="; ".join(filter(None, ended)) if is_over or task.stop_code else "",
    )
