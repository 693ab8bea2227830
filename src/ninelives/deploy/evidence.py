"""Gathers, while a release goes on, what would explain its failure: dead tasks and their targets are forgotten soon."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ninelives.deploy.aws import Aws
from ninelives.deploy.diagnosis import Evidence, Expectation, listens_at
from ninelives.deploy.observation import (
    AlarmSeen,
    EventSeen,
    Observation,
    TargetSeen,
    TaskSeen,
    number_of,
    read_alarm,
)
from ninelives.deploy.service_file import ServiceFile

TASKS_READ = 3
LINES_READ = 20


class Gathering:
    """Takes observations; answers with evidence."""

    def __init__(self, revision: str, known_events: frozenset[str]) -> None:
        self.revision = revision
        self._known_events = known_events
        self._tasks: dict[str, TaskSeen] = {}
        self._others: dict[str, TaskSeen] = {}
        """Of other revisions, and stopped since the release began."""
        self._began_at: datetime | None = None
        self._alarms: tuple[str, ...] = ()
        self._unhealthy: dict[tuple[str, int], TargetSeen] = {}
        self._addresses: set[str] = set()
        self._events: dict[str, EventSeen] = {}

    def take(self, seen: Observation) -> None:
        ours = seen.service_deployment
        if ours is not None:
            self._began_at = ours.created_at or self._began_at
            self._alarms = ours.triggered_alarms or self._alarms
        for task in seen.tasks:
            if number_of(task.started_by) == self.revision:
                self._tasks[task.arn] = task
            elif task.is_gone and self._is_since_the_beginning(task.stopping_at):
                self._others[task.arn] = task
        for target in seen.targets:
            self._addresses.add(target.address)
            if target.state == "unhealthy":
                self._unhealthy[target.address, target.port] = target
        if seen.service is not None:
            self._events |= {event.id: event for event in seen.service.events if event.id not in self._known_events}

    @property
    def stopped(self) -> list[TaskSeen]:
        """Those that are to end, and say why, belong to them: a verdict does not wait for their ends. Newest first."""
        ended = [task for task in self._tasks.values() if task.is_gone or task.stop_code]
        return sorted(ended, key=lambda task: task.created_at.timestamp() if task.created_at else 0.0, reverse=True)

    def _is_since_the_beginning(self, instant: datetime | None) -> bool:
        return instant is not None and (self._began_at is None or instant >= self._began_at)

    @property
    def replaced(self) -> list[TaskSeen]:
        """Stopped tasks of other revisions, newest first."""
        return sorted(
            self._others.values(), key=lambda task: task.created_at.timestamp() if task.created_at else 0.0, reverse=True
        )

    @property
    def has_stopped_tasks(self) -> bool:
        return bool(self.stopped or self._others)

    @property
    def running(self) -> list[TaskSeen]:
        return [task for task in self._tasks.values() if not (task.is_gone or task.stop_code)]

    def evidence(self, aws: Aws, file: ServiceFile) -> Evidence:
        """All of it, with the last lines of the tasks that tell most."""
        telling = [*self.stopped[:TASKS_READ], *self.running[:TASKS_READ]]
        wrote = {task.id: last_lines(aws, file, task) for task in telling}
        return Evidence(
            stopped=tuple(self.stopped),
            log_lines={task: tuple(text for _, text in lines) for task, lines in wrote.items()},
            listened_at={task: at for task, lines in wrote.items() for at, text in lines if listens_at((text,))},
            unhealthy=tuple(self._unhealthy.values()),
            addresses=frozenset(self._addresses),
            events=tuple(sorted(self._events.values(), key=lambda event: event.created_at, reverse=True)),
            still_running=len(self.running),
            wrote_at={task: lines[-1][0] for task, lines in wrote.items() if lines},
            replaced=tuple(self.replaced),
            commands=commands_of(aws, [task for task in self.replaced if task.was_killed]),
            alarms=went_off(aws, self._alarms),
        )


def commands_of(aws: Aws, tasks: Sequence[TaskSeen]) -> dict[str, tuple[str, ...]]:
    """What the task definitions of ``tasks`` say to run, by ARN; empty for one that leaves it to the image."""
    from botocore.exceptions import BotoCoreError, ClientError

    found: dict[str, tuple[str, ...]] = {}
    for arn in {task.task_definition for task in tasks if task.task_definition}:
        try:
            definition = aws.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        except (BotoCoreError, ClientError):
            continue  # evidence is a bonus
        first = definition["containerDefinitions"][0]
        found[arn] = (*(first.get("entryPoint") or ()), *(first.get("command") or ()))
    return found


def went_off(aws: Aws, names: Sequence[str]) -> tuple[AlarmSeen, ...]:
    """Alarms as CloudWatch tells of them now; with their names only where it does not."""
    from botocore.exceptions import BotoCoreError, ClientError

    if not names:
        return ()
    try:
        answer = aws.cloudwatch.describe_alarms(AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    except (BotoCoreError, ClientError):
        answer = {}
    known = {
        one["AlarmName"]: read_alarm(one) for one in (*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ()))
    }
    return tuple(known.get(name) or AlarmSeen(name=name) for name in names)


def last_lines(aws: Aws, file: ServiceFile, task: TaskSeen) -> tuple[tuple[datetime, str], ...]:
    """What a task wrote last and when, oldest first; empty when it wrote nothing.

    Also when its log cannot be read: evidence is a bonus.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    stream = f"{file.service}/{file.service}/{task.id}"
    try:
        answer = aws.logs.get_log_events(
            logGroupName=file.log_group, logStreamName=stream, limit=LINES_READ, startFromHead=False
        )
    except (BotoCoreError, ClientError):
        return ()
    events: Sequence[dict[str, Any]] = answer["events"]
    return tuple((datetime.fromtimestamp(event["timestamp"] / 1000, tz=UTC), str(event["message"])) for event in events)


def expectation(file: ServiceFile) -> Expectation:
    """What the service file says of a healthy task."""
    return Expectation(
        port=file.port,
        health_path=file.health.path,
        grace_period=file.health.grace_period,
        memory_mib=file.memory,
        health_timeout=file.health.timeout,
        stop_timeout=file.drain.stop_timeout,
        recovery=file.health.interval * file.health.healthy_threshold,
        command=file.command,
        log_group=file.log_group,
    )
