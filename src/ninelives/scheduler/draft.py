"""A plan in the making: a working copy of the snapshot, and the decisions that led to it.

Each rule reads the copy, so that it builds on the decisions before it in the same pass.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    DesiredStatus,
    LastStatus,
    Service,
    ServiceDeployment,
    ServiceLoadBalancer,
    ServiceRevision,
    StopCode,
    Task,
    TaskDefinition,
)
from ninelives.model.elbv2 import Rule, Target, TargetKey
from ninelives.model.timing import Timing
from ninelives.scheduler import events
from ninelives.scheduler.capacity import live_ceiling, running_floor
from ninelives.scheduler.health import FailedCheck
from ninelives.scheduler.plan import Decision, Plan, Put, ServiceSnapshot, StartTasks, Tell
from ninelives.scheduler.standing import Standing, standing_of

LAUNCHES_PER_MINUTE = 500
"""Tasks of one service. Source: ECS developer guide, "AWS Fargate service quotas", "Service scheduler concepts"."""

_Record = Task | Target | Deployment | ServiceDeployment | Service | ServiceRevision | Rule


class Draft:
    """One pass over one service. ``failing`` holds the checks that live tasks fail, their grace period over."""

    def __init__(self, snapshot: ServiceSnapshot, now: datetime, timing: Timing) -> None:
        self.snapshot = snapshot
        self.now = now
        self.timing = timing
        self.service: Service = snapshot.service
        self.tasks = {task.arn: task for task in snapshot.tasks}
        self.targets: dict[TargetKey, Target] = dict(snapshot.targets)
        self.revisions: dict[str, ServiceRevision] = dict(snapshot.revisions)
        self.rules: dict[str, Rule] = dict(snapshot.rules)
        self.failing: dict[str, FailedCheck] = {}
        self.started: dict[str, int] = {}
        """Tasks that this pass starts, by revision; they have no records yet."""
        self._resolved: dict[str, tuple[ServiceLoadBalancer, ...]] = {}
        self._deployments = {one.revision_arn: one for one in snapshot.deployments}
        self._service_deployments = {one.arn: one for one in snapshot.service_deployments}
        records: list[_Record] = [snapshot.service, *snapshot.deployments, *snapshot.service_deployments, *snapshot.tasks]
        records += [*snapshot.targets.values(), *snapshot.revisions.values(), *snapshot.rules.values()]
        self._originals = {(type(one), one.key): one for one in records}
        self._decisions: list[StartTasks | Tell] = []
        self._puts: dict[tuple[type, str], Put] = {}
        self._wake_ats: list[datetime] = []
        self._live: list[Task] | None = None
        self._primary: Deployment | None = None
        """Both as they were last read; None once a decision has changed them."""

    # Reading.

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def deployments(self) -> list[Deployment]:
        """PRIMARY and ACTIVE ones, newest first."""
        return [one for one in self._deployments.values() if one.status is not DeploymentStatus.INACTIVE]

    @property
    def primary(self) -> Deployment:
        if self._primary is None:
            self._primary = next(one for one in self.deployments if one.status is DeploymentStatus.PRIMARY)
        return self._primary

    @property
    def service_deployments(self) -> list[ServiceDeployment]:
        """Those that have not ended, newest first."""
        return [one for one in self._service_deployments.values() if not one.status.is_terminal]

    @property
    def service_deployment(self) -> ServiceDeployment | None:
        """The one that is under way, if any."""
        return next(iter(self.service_deployments), None)

    @property
    def floor(self) -> int:
        configuration = self.service.deployment_configuration
        return running_floor(self.service.desired_count, configuration.minimum_healthy_percent)

    @property
    def ceiling(self) -> int:
        configuration = self.service.deployment_configuration
        return live_ceiling(self.service.desired_count, configuration.maximum_percent)

    @property
    def live(self) -> Sequence[Task]:
        """Tasks in PROVISIONING to RUNNING that are meant to run, oldest first; without those that this pass starts."""
        if self._live is None:
            self._live = [task for task in self.tasks.values() if task.is_live]
        return self._live

    def live_of(self, deployment: Deployment) -> list[Task]:
        """Those of ``live`` that belong to a deployment's revision."""
        return [task for task in self.live if task.revision_arn == deployment.revision_arn]

    def standing_of(self, deployment: Deployment) -> Standing:
        """How the live tasks of a deployment's revision stand."""
        return standing_of(self.live_of(deployment), self.failing)

    @property
    def counted(self) -> list[Task]:
        """Tasks in PROVISIONING to RUNNING, meant to run or not: ``runningCount`` and ``pendingCount`` in one."""
        return [task for task in self.tasks.values() if not LastStatus.RUNNING.may_become(task.last_status)]

    @property
    def live_count(self) -> int:
        return len(self.live) + sum(self.started.values())

    def deployment_of(self, task: Task) -> Deployment | None:
        """The deployment that a task belongs to, if it is still there."""
        return self._deployments.get(task.revision_arn or "")

    def definition_of(self, task: Task) -> TaskDefinition:
        return self.snapshot.task_definitions[task.task_definition_arn]

    def load_balancers_of(self, task: Task) -> tuple[ServiceLoadBalancer, ...]:
        arn = task.revision_arn or ""
        if arn not in self.revisions:
            return self.service.load_balancers
        if arn not in self._resolved:  # Once for all tasks of the revision.
            self._resolved[arn] = self.revisions[arn].resolved_load_balancers
        return self._resolved[arn]

    def reachable_load_balancers_of(self, task: Task) -> list[ServiceLoadBalancer]:
        """Without those whose target group is gone: nothing can be registered there."""
        gone = self.snapshot.missing_target_groups
        return [one for one in self.load_balancers_of(task) if one.target_group_arn not in gone]

    def is_protected(self, task: Task) -> bool:
        return task.protected_until is not None and task.protected_until > self.now

    # Deciding.

    def put_task(self, task: Task) -> None:
        self.tasks[task.arn] = task
        self._live = None
        self._put(task)

    def put_target(self, target: Target) -> None:
        self.targets[target.target_key] = target
        self._put(target)

    def put_deployment(self, deployment: Deployment) -> None:
        self._deployments[deployment.revision_arn] = deployment
        self._primary = None
        self._put(deployment)

    def put_service_deployment(self, service_deployment: ServiceDeployment) -> None:
        self._service_deployments[service_deployment.arn] = service_deployment
        self._put(service_deployment)

    def put_revision(self, revision: ServiceRevision) -> None:
        self.revisions[revision.arn] = revision
        self._resolved.pop(revision.arn, None)
        self._put(revision)

    def put_rule(self, rule: Rule) -> None:
        self.rules[rule.arn] = rule
        self._put(rule)

    def put_service(self, service: Service) -> None:
        self.service = service
        self._put(service)

    def _put(self, record: _Record) -> None:
        self._puts[type(record), record.key] = Put(record=record)

    def tell(self, message: str) -> None:
        self._decisions.append(Tell(message=message))

    def tell_problem(self, deployment: Deployment, message: str) -> None:
        """Tell a problem unless it was told not long ago."""
        told = {text: at for text, at in deployment.told_problems if at + self.timing.event_suppression > self.now}
        if message in told:
            return
        told[message] = self.now
        self.put_deployment(replace(deployment, told_problems=tuple(told.items())))
        self.tell(message)

    def start(self, deployment: Deployment, count: int, *, replacing_unhealthy: int = 0) -> None:
        """Start tasks of a deployment's revision, as many as the launch rate allows now."""
        count = min(count, self._launches_left(count))
        if count <= 0:
            return
        revision_arn = deployment.revision_arn
        self.started[revision_arn] = self.started.get(revision_arn, 0) + count
        self.put_deployment(replace(deployment, last_start_at=self.now))
        self._decisions.append(
            StartTasks(revision_arn=revision_arn, count=count, replacing_unhealthy=min(count, replacing_unhealthy))
        )

    def _launches_left(self, wanted: int) -> int:
        """How many tasks may be started now, looked at only as far as ``wanted`` asks for it."""
        left = LAUNCHES_PER_MINUTE - sum(self.started.values())
        if wanted <= left - len(self.tasks):
            return left
        minute = self.timing.scaled(timedelta(minutes=1))
        recent = [task.created_at for task in self.tasks.values() if task.created_at + minute > self.now]
        if wanted > left - len(recent):
            self.wake(min(recent, default=self.now) + minute)
        return left - len(recent)

    def stop(self, tasks: Iterable[Task], reason: Callable[[Task], str] | str) -> None:
        """Decide that live tasks are to stop, and tell so."""
        stopped = list(tasks)
        for task in stopped:
            assert task.is_live, task
            self.put_task(
                replace(
                    task,
                    desired_status=DesiredStatus.STOPPED,
                    stop_code=StopCode.SERVICE_SCHEDULER_INITIATED,
                    stopped_reason=reason if isinstance(reason, str) else reason(task),
                    healthy_since=None,
                    version=task.version + 1,
                )
            )
        running = [task for task in stopped if task.last_status is LastStatus.RUNNING]
        if running:
            self.tell(events.stopped_running(self.name, [task.id for task in running]))
        if len(running) < len(stopped):
            self.tell(events.stopped_pending(self.name, len(stopped) - len(running)))

    def scale_in(self, tasks: Sequence[Task]) -> None:
        """Stop tasks that are not needed any more, for the PRIMARY deployment's sake; protected ones stay."""
        initiator = self.primary
        held = [task for task in tasks if self.is_protected(task)]
        self.stop(
            [task for task in tasks if not self.is_protected(task)],
            f"Scaling activity initiated by (deployment {initiator.id})",
        )
        for revision_arn in {task.revision_arn: None for task in held}:
            group = [task for task in held if task.revision_arn == revision_arn]
            deployment = self.deployment_of(group[0]) or initiator
            self.tell_problem(self.primary, events.protected(self.name, deployment.id, len(group)))
        for task in held:
            self.wake(task.protected_until)

    def wake(self, at: datetime | None) -> None:
        """Look again at ``at``, which lies ahead, if nothing happens before."""
        if at is not None and at > self.now:
            self._wake_ats.append(at)

    def plan(self) -> Plan:
        """The decisions of this pass; records that end as they were are not among them."""
        puts: list[Decision] = [put for key, put in self._puts.items() if self._originals.get(key) != put.record]
        return Plan(decisions=(*puts, *self._decisions), wake_at=min(self._wake_ats, default=None))
