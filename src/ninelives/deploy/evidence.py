"""Gathers, while a release goes on, what would explain its failure: dead tasks and their targets are forgotten soon."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ninelives.deploy.aws import Aws
from ninelives.deploy.diagnosis import Evidence, Expectation, listens_at
from ninelives.deploy.observation import EventSeen, Observation, TargetSeen, TaskSeen, number_of
from ninelives.deploy.service_file import ServiceFile

TASKS_READ = 3
LINES_READ = 20


class Gathering:
    """Takes observations; answers with evidence."""

    def __init__(self, revision: str, known_events: frozenset[str]) -> None:
        self.revision = revision
        self._known_events = known_events
        self._tasks: dict[str, TaskSeen] = {}
        self._unhealthy: dict[tuple[str, int], TargetSeen] = {}
        self._addresses: set[str] = set()
        self._events: dict[str, EventSeen] = {}

    def take(self, seen: Observation) -> None:
        for task in seen.tasks:
            if number_of(task.started_by) == self.revision:
                self._tasks[task.arn] = task
        for target in seen.targets:
            self._addresses.add(target.address)
            if target.state == "unhealthy":
                self._unhealthy[target.address, target.port] = target
        if seen.service is not None:
            self._events |= {event.id: event for event in seen.service.events if event.id not in self._known_events}

    @property
    def stopped(self) -> list[TaskSeen]:
        """Newest first."""
        gone = [task for task in self._tasks.values() if task.is_gone]
        return sorted(gone, key=lambda task: task.created_at.timestamp() if task.created_at else 0.0, reverse=True)

    @property
    def running(self) -> list[TaskSeen]:
        return [task for task in self._tasks.values() if not task.is_gone]

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
        )


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
        recovery=file.health.interval * file.health.healthy_threshold,
        command=file.command,
        log_group=file.log_group,
    )
