"""What a task runtime reports: the whole of what it sees of a task, each time that anything of it changes.

Observations are levels, not edges: losing one or seeing one twice changes nothing, and adopting a task after a restart of
the control plane is the same message as any other.
"""

from dataclasses import dataclass
from datetime import datetime

from ninelives.model.ecs import HealthStatus, TaskAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerObservation:
    """A container as the runtime sees it now. ``reason`` is in ECS's words (``OutOfMemoryError: …``), where there is one."""

    name: str
    last_status: str
    """PENDING, RUNNING or STOPPED."""
    runtime_id: str | None = None
    image_digest: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    health_status: HealthStatus = HealthStatus.UNKNOWN
    started_at: datetime | None = None
    finished_at: datetime | None = None
    restart_count: int = 0
    """How often its restart policy has started it again; one that is to be restarted is not reported as stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskObservation:
    """A task as the runtime sees it now.

    ``is_started``: every container has been started, those that wait for others included (as ECS has it before RUNNING), and
    the task has its address; none if its only container had ended by then.
    ``failure``: why it could not be started, with ECS's error name in front (``CannotPullContainerError: …``); such a task
    will not start any more. ``is_removed``: nothing of it is left in the runtime.
    """

    task_arn: str
    containers: tuple[ContainerObservation, ...] = ()
    address: TaskAddress | None = None
    is_started: bool = False
    is_removed: bool = False
    failure: str | None = None
    pull_started_at: datetime | None = None
    pull_stopped_at: datetime | None = None
