"""What the scheduler is told and what it answers: a snapshot of one service, and a plan.

A plan is a list of decisions in the order in which they are to be recorded and told. It changes records only; acting on the
world follows from the records (a task that is PROVISIONING is to be started, one that is STOPPING to be stopped, …), so that
a crash between any two steps loses nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ninelives.model.cloudwatch import AlarmFacts
from ninelives.model.ecs import (
    Deployment,
    Service,
    ServiceDeployment,
    ServiceRevision,
    Task,
    TaskDefinition,
)
from ninelives.model.elbv2 import Rule, Target, TargetHealth, TargetKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSnapshot:
    """All that is known of one service at one moment."""

    service: Service
    deployments: tuple[Deployment, ...]
    """PRIMARY and ACTIVE ones, newest first."""
    service_deployments: tuple[ServiceDeployment, ...]
    """Those that have not ended, newest first."""
    revisions: Mapping[str, ServiceRevision]
    """By ARN; at least those of the deployments and tasks."""
    task_definitions: Mapping[str, TaskDefinition]
    """By ARN; at least those of the tasks."""
    tasks: tuple[Task, ...]
    """All that are not STOPPED, oldest first."""
    targets: Mapping[TargetKey, Target]
    """Registered and draining targets of the service's target groups."""
    target_health: Mapping[TargetKey, TargetHealth]
    missing_target_groups: frozenset[str] = frozenset()
    """ARNs of the service's target groups that somebody has deleted."""
    rules: Mapping[str, Rule] = field(default_factory=dict)
    """Listener rules that the service's load balancers name, by ARN, as recorded; those that are gone are not among them."""
    rules_in_force: Mapping[str, Rule] = field(default_factory=dict)
    """The same rules as the data plane has taken them: traffic flows by these."""
    alarms: Mapping[str, AlarmFacts] = field(default_factory=dict)
    """The alarms that guard the deployments under way, by name; those that do not exist are not among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTasks:
    """Start ``count`` tasks of a revision. Whoever records it mints their ids and tells the event
    (``scheduler.events.started``), with the addition for tasks that replace unhealthy ones.
    """

    revision_arn: str
    count: int
    replacing_unhealthy: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Record the new state of something that exists, or a new target."""

    record: Task | Target | Deployment | ServiceDeployment | Service | ServiceRevision | Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Add a service event."""

    message: str


Decision = StartTasks | Put | Tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Decisions in order, and when to look again if nothing happens before (None: only when something happens)."""

    decisions: tuple[Decision, ...] = field(default=())
    wake_at: datetime | None = None
