"""The laws of safety: what must hold at every commit, at every call to the world and at every instant.

Each law is a sentence; a world that breaks one says it, with what it saw.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    DesiredStatus,
    LastStatus,
    RolloutState,
    Service,
    ServiceDeployment,
    ServiceDeploymentStatus,
    ServiceEvent,
    ServiceRevision,
    ServiceStatus,
    StopCode,
    Task,
    TaskDefinition,
)
from ninelives.model.elbv2 import Target, TargetGroup, TargetHealth, TargetKey
from ninelives.model.timing import Timing
from ninelives.region.ports import Record, TaskLaunch
from ninelives.region.region import EVENTS_KEPT
from ninelives.scheduler import is_healthy, live_ceiling, running_floor
from ninelives.scheduler.health import registrations
from ninelives.scheduler.lifecycle import target_keys
from ninelives.simulator.disk import Disk, Name
from ninelives.simulator.options import HARMLESS, Options
from ninelives.simulator.proxy import Proxy, ProxyTarget

Status = ServiceDeploymentStatus
FOLLOWS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.IN_PROGRESS, Status.STOP_REQUESTED, Status.ROLLBACK_REQUESTED, Status.STOPPED}),
    Status.IN_PROGRESS: frozenset(
        {Status.SUCCESSFUL, Status.STOP_REQUESTED, Status.ROLLBACK_REQUESTED, Status.ROLLBACK_IN_PROGRESS, Status.STOPPED}
    ),
    Status.STOP_REQUESTED: frozenset({Status.STOPPED}),
    Status.ROLLBACK_REQUESTED: frozenset(
        {Status.ROLLBACK_IN_PROGRESS, Status.SUCCESSFUL, Status.STOPPED, Status.STOP_REQUESTED}
    ),
    Status.ROLLBACK_IN_PROGRESS: frozenset({Status.ROLLBACK_SUCCESSFUL, Status.ROLLBACK_FAILED, Status.STOP_REQUESTED}),
}
"""Source: ECS developer guide, "View service history using Amazon ECS service deployments" (states). That a rollback, asked
for or under way, is stopped by a newer deployment is ours.
"""


def may_follow(before: Status, after: Status) -> bool:
    """Whether a service deployment may come from one status to another, over others in between."""
    reached, ahead = {before}, [before]
    while ahead:
        for status in FOLLOWS.get(ahead.pop(), frozenset()):
            if status not in reached:
                reached.add(status)
                ahead.append(status)
    return after in reached


ALLOWED = {(before, after) for before in Status for after in Status if may_follow(before, after)}


class Laws:
    """Looks at a world; ``violated`` is told of what must not be."""

    def __init__(
        self,
        options: Options,
        disk: Disk,
        proxy: Proxy,
        now: Callable[[], datetime],
        target_health: Callable[[TargetKey], TargetHealth | None],
        violated: Callable[[str], None],
    ) -> None:
        self._options = options
        self._disk = disk
        self._proxy = proxy
        self._now = now
        self._target_health = target_health
        self._violated = violated
        self._timing = Timing(time_scale=options.time_scale)
        self._asked: set[tuple[int, str, str]] = set()
        self._draining_since: dict[str, datetime] = {}
        self._last_good: dict[str, str] = {}
        """The revision of each service that was last proven, by service ARN."""
        self._served: dict[str, bool] = {}
        self.is_calm = options.faults <= HARMLESS
        """Whether nothing befalls the world by which a request may be lost."""
        disk.written = self._written

    # Looking at records.

    def _of(self, kind: type[Any], service_arn: str) -> list[Any]:
        return [one for one in self._disk.tables[kind].values() if one.service_arn == service_arn]

    def _services(self) -> list[Service]:
        return list(self._disk.tables[Service].values())

    def _passes_checks(self, task: Task) -> bool:
        """Whether a task counts as healthy by all that its control plane is told at this moment."""
        definition = self._disk.tables[TaskDefinition].get(task.task_definition_arn)
        revision: ServiceRevision | None = self._disk.tables[ServiceRevision].get(task.revision_arn or "")
        if definition is None or revision is None:
            return False
        keys = target_keys(task, load_balancers_of(revision))
        targets = {key: target for key in keys if (target := self._target(key)) is not None}
        health = {key: known for key in targets if (known := self._target_health(key)) is not None}
        registered = registrations(task, load_balancers_of(revision), targets, health)
        return is_healthy(task, definition, registered, self._now(), self._timing)

    def _target(self, key: TargetKey) -> Target | None:
        found: Target | None = self._disk.tables[Target].get("#".join(map(str, key)))
        return found

    # At every commit.

    def _written(self, before: Mapping[Name, Record | None], after: Mapping[Name, Record | None]) -> None:
        touched: dict[str, None] = {}
        for name, record in after.items():
            self._record(before[name], record)
            owner = record.arn if isinstance(record, Service) else getattr(record, "service_arn", None)
            if owner is not None:
                touched[owner] = None
        for arn in touched:
            service = self._disk.tables[Service].get(arn)
            if service is not None:
                self._service(service, before, after)

    def _record(self, was: Any, record: Record | None) -> None:
        match record:
            case Task():
                self._task(was, record)
            case ServiceDeployment():
                self._service_deployment(was, record)
            case Deployment():
                self._deployment(was, record)
            case Target() if record.draining_since is not None:
                self._draining_since[record.key] = record.draining_since
            case _:
                pass

    def _task(self, was: Task | None, task: Task) -> None:
        if was is None:
            return
        if was.last_status is not task.last_status and not was.last_status.may_become(task.last_status):
            self._violated(f"task {task.id} went back from {was.last_status} to {task.last_status}")
        if was.desired_status is DesiredStatus.STOPPED and task.desired_status is DesiredStatus.RUNNING:
            self._violated(f"task {task.id} that was to stop is to run again")
        if task.version < was.version:
            self._violated(f"task {task.id}: its version fell from {was.version} to {task.version}")
        if was.stop_code is not None and (was.stop_code, was.stopped_reason) != (task.stop_code, task.stopped_reason):
            self._violated(
                f"task {task.id}: the cause of its end was overwritten: {was.stopped_reason}, {task.stopped_reason}"
            )
        if was.failure_counted and not task.failure_counted:
            self._violated(f"task {task.id}: its failure may be counted twice")
        if was.revision_arn != task.revision_arn or was.service_arn != task.service_arn:
            self._violated(f"task {task.id} has changed its owner")

    def _service_deployment(self, was: ServiceDeployment | None, one: ServiceDeployment) -> None:
        name = one.arn.rsplit("/", 1)[1]
        if was is None:
            if one.status is not Status.PENDING:
                self._violated(f"service deployment {name} began as {one.status}")
            return
        if (was.status, one.status) not in ALLOWED:
            self._violated(f"service deployment {name} went from {was.status} to {one.status}")
        if one.status.is_terminal != (one.finished_at is not None):
            self._violated(f"service deployment {name} is {one.status} and finished at {one.finished_at}")
        if was.status.is_terminal and one.finished_at != was.finished_at:
            self._violated(f"service deployment {name} finished twice")
        if one.status is not was.status:
            self._verdict(one)

    def _verdict(self, one: ServiceDeployment) -> None:
        """What a service deployment says of itself is so."""
        if one.status is Status.SUCCESSFUL:
            self._is_in_place(one, one.target_revision_arn)
            self._last_good[one.service_arn] = one.target_revision_arn
        if one.status is Status.ROLLBACK_SUCCESSFUL:
            restored = one.rollback.service_revision_arn if one.rollback is not None else None
            good = self._last_good.get(one.service_arn)
            if restored is None or restored != good:
                self._violated(f"{one.status}, but to {restored}, and the last good revision is {good}")
                return
            self._is_in_place(one, restored)

    def _is_in_place(self, one: ServiceDeployment, revision_arn: str) -> None:
        """A verdict that says so is true: all desired tasks of the revision run, are healthy and serve; no other one runs."""
        service: Service = self._disk.tables[Service][one.service_arn]
        tasks = self._of(Task, service.arn)
        running = [task for task in tasks if not LastStatus.RUNNING.may_become(task.last_status)]
        healthy = [
            task for task in running if task.revision_arn == revision_arn and task.is_live and self._passes_checks(task)
        ]
        if not len(healthy) == len(running) == service.desired_count:
            self._violated(
                f"{one.status}, but of {service.desired_count} tasks {len(healthy)} of its revision are healthy,"
                f" and {len(running)} run"
            )
        primary = next(
            (
                d
                for d in self._of(Deployment, service.arn)
                if d.status is DeploymentStatus.PRIMARY and d.revision_arn == revision_arn
            ),
            None,
        )
        if primary is None or primary.rollout_state is not RolloutState.COMPLETED:
            self._violated(f"{one.status}, but the PRIMARY deployment of that revision is not COMPLETED: {primary}")
        revision: ServiceRevision = self._disk.tables[ServiceRevision][revision_arn]
        if service.task_definition_arn != revision.task_definition_arn:
            self._violated(f"{one.status}, but the service names {service.task_definition_arn}")

    def _deployment(self, was: Deployment | None, one: Deployment) -> None:
        if was is None:
            return
        if was.status is DeploymentStatus.INACTIVE and one.status is not DeploymentStatus.INACTIVE:
            self._violated(f"deployment {one.id} was INACTIVE and is {one.status} again")
        if was.rollout_state is RolloutState.FAILED and one.rollout_state is not RolloutState.FAILED:
            self._violated(f"deployment {one.id} was FAILED and is {one.rollout_state}")

    def _service(self, service: Service, before: Mapping[Name, Record | None], after: Mapping[Name, Record | None]) -> None:
        tasks: list[Task] = self._of(Task, service.arn)
        live = [task for task in tasks if task.is_live]
        self._ceiling(service, live, before, after)
        self._floor(service, live, before, after)
        self._counts(service, before, after)
        if service.status is ServiceStatus.INACTIVE:
            if any(task.last_status is not LastStatus.STOPPED for task in tasks):
                self._violated(f"service {service.name} is INACTIVE and has tasks")
            return
        deployments = [one for one in self._of(Deployment, service.arn) if one.status is not DeploymentStatus.INACTIVE]
        primaries = [one for one in deployments if one.status is DeploymentStatus.PRIMARY]
        if len(primaries) != 1:
            self._violated(f"service {service.name} has {len(primaries)} PRIMARY deployments")
        open_ones = [one for one in self._of(ServiceDeployment, service.arn) if not one.status.is_terminal]
        going_on = [one for one in open_ones if one.status is not Status.STOP_REQUESTED]
        if len(going_on) > 1:
            self._violated(f"service {service.name} has {len(going_on)} service deployments under way")
        if going_on and primaries and service.status is ServiceStatus.ACTIVE:
            self._in_step(going_on[0], primaries[0])
        events = len(self._of(ServiceEvent, service.arn))
        if events > EVENTS_KEPT:
            self._violated(f"service {service.name} has {events} events")

    def _in_step(self, one: ServiceDeployment, primary: Deployment) -> None:
        """``deployments[]`` shows what the service deployment does."""
        wanted = one.target_revision_arn if one.rollback is None else one.rollback.service_revision_arn
        if primary.revision_arn != wanted:
            self._violated(f"a service deployment brings {wanted}, and PRIMARY is {primary.revision_arn}")
        if primary.rollout_state is not RolloutState.IN_PROGRESS:
            self._violated(f"a service deployment is {one.status}, and PRIMARY is {primary.rollout_state}")

    def _ceiling(
        self, service: Service, live: list[Task], before: Mapping[Name, Record | None], after: Mapping[Name, Record | None]
    ) -> None:
        born = sum(
            isinstance(record, Task) and record.service_arn == service.arn and before[name] is None
            for name, record in after.items()
        )
        if not born:
            return
        ceiling = live_ceiling(service.desired_count, service.deployment_configuration.maximum_percent)
        if len(live) > ceiling:
            self._violated(f"service {service.name} has {len(live)} live tasks; the ceiling is {ceiling}")

    def _floor(
        self, service: Service, live: list[Task], before: Mapping[Name, Record | None], after: Mapping[Name, Record | None]
    ) -> None:
        """The scheduler, by its own decision, never stops a healthy task that the floor needs."""
        if service.status is not ServiceStatus.ACTIVE:
            return
        given_up = [
            was
            for name, task in after.items()
            if isinstance(task, Task)
            and task.service_arn == service.arn
            and not task.is_live
            and isinstance(was := before[name], Task)
            and was.is_live
            and (task.stopped_reason or "").startswith("Scaling activity")
            and self._passes_checks(was)
        ]
        if not given_up:
            return
        floor = running_floor(service.desired_count, service.deployment_configuration.minimum_healthy_percent)
        healthy = sum(map(self._passes_checks, live))
        if healthy < floor:
            self._violated(f"{len(given_up)} healthy tasks were stopped, {healthy} are left of {floor}")

    def _counts(self, service: Service, before: Mapping[Name, Record | None], after: Mapping[Name, Record | None]) -> None:
        """No failure is counted twice: counts grow by no more than the tasks whose failure is noted."""
        noted = Counter(
            task.revision_arn
            for name, task in after.items()
            if isinstance(task, Task) and task.service_arn == service.arn and task.failure_counted
            if not (isinstance(was := before[name], Task) and was.failure_counted)
        )
        for name, one in after.items():
            if not isinstance(one, Deployment) or one.service_arn != service.arn:
                continue
            earlier = before[name]
            grown = one.failed_tasks - (earlier.failed_tasks if isinstance(earlier, Deployment) else 0)
            if grown > noted[one.revision_arn]:
                self._violated(f"deployment {one.id}: {grown} failures from {noted[one.revision_arn]} tasks")

    # At every call to the world.

    def asked(self, life: int, what: str, launch: TaskLaunch) -> None:
        """A control plane, in its ``life``, asked the runtime for something, and the runtime took it."""
        once = (life, what, launch.task.arn)
        if once in self._asked:
            self._violated(f"task {launch.task.id}: the runtime was asked twice to {what} it")
        self._asked.add(once)
        if what == "stop":
            for target in self._targets_of(launch.task):
                if self._proxy.is_busy(target) and not self._is_excused(launch.task, target):
                    self._violated(f"task {launch.task.id} is signalled while a request to {target.address} is in flight")

    def _targets_of(self, task: Task) -> Iterator[ProxyTarget]:
        revision: ServiceRevision | None = self._disk.tables[ServiceRevision].get(task.revision_arn or "")
        if revision is not None:
            for key in target_keys(task, load_balancers_of(revision)):
                found = self._proxy.targets.get(key)
                if found is not None:
                    yield found

    def _is_excused(self, task: Task, target: ProxyTarget) -> bool:
        """A user's stop does not wait for a drain, and a task that has ended cannot; the delay ends any drain."""
        has_ended = any(one.last_status == "STOPPED" for one in task.containers)
        return task.stop_code is StopCode.USER_INITIATED or has_ended or self._delay_is_over(target)

    def _delay_is_over(self, target: ProxyTarget) -> bool:
        since = self._draining_since.get("#".join(map(str, target.key)))
        group: TargetGroup | None = self._disk.tables[TargetGroup].get(target.key.target_group_arn)
        delay = group.deregistration_delay if group is not None else timedelta()
        return since is not None and self._now() - since >= delay

    def cut(self, target: ProxyTarget) -> None:
        """The proxy was told to forget a target at which requests are in flight."""
        if not self._delay_is_over(target):
            self._violated(f"target {target.address} was removed while a request is in flight")

    # At every instant.

    def look(self, answers: Callable[[ProxyTarget], bool], *, are_well: bool) -> None:
        """In a calm world traffic is always served, once it was: whatever is deployed, and however often the control plane
        dies. ``are_well``: no application that served has failed by itself.
        """
        if not (self.is_calm and are_well):
            return
        for route, shares in self._proxy.shares():
            served = bool(shares) and all(any(map(answers, self._proxy.serving(cluster))) for cluster in shares)
            if self._served.get(route) and not served and not self._may_be_empty(shares):
                self._violated(f"nobody serves {route}: {dict(shares)}")
            self._served[route] = served

    def _may_be_empty(self, shares: Mapping[str, int]) -> bool:
        """Whether a service behind these clusters need not have a healthy task: none is wanted, or none was proven yet."""
        for service in self._services():
            configuration = service.deployment_configuration
            floor = running_floor(service.desired_count, configuration.minimum_healthy_percent)
            groups = {one.target_group_arn.rsplit(":targetgroup/", 1)[-1] for one in service.load_balancers}
            is_wanted = floor > 0 and service.status is ServiceStatus.ACTIVE and service.arn in self._last_good
            if groups & shares.keys() and not is_wanted:
                return True
        return False


def load_balancers_of(revision: ServiceRevision) -> Any:
    return revision.load_balancers
