"""What a task runtime needs of the thing that runs its containers: Docker, or the host itself.

``TaskRun`` holds the life of a task (order, conditions, stop sequence); an engine only knows single containers.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from ninelives.model.ecs import ContainerDefinition, TaskAddress
from ninelives.model.observation import ContainerObservation
from ninelives.region.ports import InputsMissing, RegistryLogin, TaskInputs, TaskLaunch, TaskUsage
from ninelives.runtime.log_feed import LogFeed

Seen = Callable[[str, ContainerObservation], None]
"""Takes a task's ARN and what is now seen of one of its containers; called on the loop."""


def utc_now() -> datetime:
    """The time of what happens to containers; the region's own clock decides, this one only notes."""
    return datetime.fromtimestamp(time.time(), UTC)


class StartFailed(Exception):
    """A task cannot be started. ``error`` is ECS's name of it, ``cause`` says why in plain words."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause

    def __str__(self) -> str:
        return f"{self.error}: {self.cause}"


class EngineAway(Exception):
    """The engine does not answer at the moment, which is no fault of any task; the text is a sentence that says why."""


def cannot_pull(cause: str) -> StartFailed:
    return StartFailed("CannotPullContainerError", cause)


def cannot_create(cause: str) -> StartFailed:
    return StartFailed("CannotCreateContainerError", cause)


def cannot_start(cause: str) -> StartFailed:
    return StartFailed("CannotStartContainerError", cause)


def cannot_initialize(cause: str) -> StartFailed:
    return StartFailed("ResourceInitializationError", cause)


class NoInputs:
    """The ``InputSource`` of a runtime that has none: it only stops tasks, or runs those that need nothing."""

    async def inputs(self, launch: TaskLaunch) -> TaskInputs:
        if any(one.secrets or one.environment_files or one.repository_credentials for one in launch.definition.containers):
            raise InputsMissing("ResourceInitializationError: this runtime has no source of secrets and environment files.")
        return TaskInputs()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTask:
    """What an engine still has of a task, after a restart of the control plane."""

    containers: Mapping[str, ContainerObservation]
    address: TaskAddress | None = None


class ContainerEngine(Protocol):
    """Runs single containers of tasks. Every call may be repeated and then changes nothing more; each raises ``EngineAway``
    where the engine does not answer.
    """

    @property
    def name(self) -> str: ...

    async def open(self, seen: Seen, feed: LogFeed) -> None:
        """Begin to watch; called once, on the loop."""

    async def find(self, task_arns: frozenset[str]) -> Mapping[str, FoundTask]:
        """All tasks of this instance by ARN; those among ``task_arns`` are watched from now on, their logs followed."""

    async def pull(self, reference: str, login: RegistryLogin | None) -> str | None:
        """Fetch an image. Answers its manifest's digest, None for one without. Raises ``StartFailed``."""

    async def prepare(self, launch: TaskLaunch, *, reaches_agent: bool) -> None:
        """Make what the task's containers share: network, directory, ports. Raises ``StartFailed``."""

    async def start(
        self, launch: TaskLaunch, container: ContainerDefinition, digest: str | None, variables: Mapping[str, str]
    ) -> ContainerObservation:
        """Create and start a container whose image is there. Raises ``StartFailed``.

        ``variables`` come to those of its definition and may be secret.
        """

    async def restart(
        self, launch: TaskLaunch, container: ContainerDefinition, variables: Mapping[str, str]
    ) -> ContainerObservation:
        """Start a container that has ended once more, in place: what it wrote is still there. Raises ``StartFailed``."""

    async def address(self, launch: TaskLaunch) -> TaskAddress | None:
        """Where the started task answers; None if it has ended already."""

    async def statistics(self, task_arn: str) -> Mapping[str, Mapping[str, Any]]:
        """See ``TaskRuntime.statistics``."""

    async def send_stop_signal(self, task_arn: str, container_name: str) -> None:
        """The stop signal of the container's image to its first process; nothing, if that has ended."""

    async def kill(self, task_arn: str, container_name: str) -> None:
        """SIGKILL to the container's processes; nothing, if they have ended."""

    async def usage(self, task_arns: Collection[str]) -> Mapping[str, TaskUsage]:
        """What those tasks have used of which something runs."""

    async def memory(self, task_arn: str) -> Mapping[str, int]:
        """By container name, the bytes that what runs of a task uses now."""

    async def remove(self, task_arn: str) -> None:
        """Kill and remove all that is left of the task."""

    async def close(self) -> None:
        """Let go without stopping any task."""
