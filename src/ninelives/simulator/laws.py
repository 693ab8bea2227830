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
    HookStatus,
    HookTimeoutAction,
    LastStatus,
    LifecycleStage,
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
from ninelives.model.elbv2 import Forward, Rule, Target, TargetGroup, TargetHealth, TargetHealthState, TargetKey
from ninelives.model.timing import Timing
from ninelives.region.ports import Record, TaskLaunch
from ninelives.region.region import EVENTS_KEPT
from ninelives.routing.clusters import cluster_name
from ninelives.routing.listeners import listener_name
from ninelives.scheduler import is_healthy, live_ceiling, running_floor
from ninelives.scheduler.capacity import early_success_count
from ninelives.scheduler.health import registrations
from ninelives.scheduler.hooks import OPEN
from ninelives.scheduler.lifecycle import target_keys
from ninelives.scheduler.stages import steps_of
from ninelives.scheduler.traffic import WHOLE
from ninelives.simulator.disk import Disk, Name
from ninelives.simulator.names import short
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


STEPS = (LifecycleStage.PRE_PRODUCTION_TRAFFIC_SHIFT, LifecycleStage.PRODUCTION_TRAFFIC_SHIFT)
"""Stages that come again with each step of a shift."""
TEST = "/9"
"""Marks listeners of test traffic: their ports begin with a 9."""
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
        self._good: dict[str, tuple[str, ...]] = {}
        """The revisions of each service that were proven, the last one last, by service ARN."""
        self._proven: frozenset[str] = frozenset()
        """The services whose last revision that is COMPLETED was so with tasks."""
        self._served: dict[str, bool] = {}
        self._may_be_left: dict[str, bool] = {}
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
            case Rule():
                self._rule(was, record)
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
        self._stages(was, one)
        self._hooks(was, one)
        if one.rollback is not None and was.rollback is None:
            self._way_back(one, one.rollback.service_revision_arn)
        if one.status is not was.status:
            self._verdict(one)

    def _verdict(self, one: ServiceDeployment) -> None:
        """What a service deployment says of itself is so."""
        if one.status is Status.SUCCESSFUL:
            self._is_in_place(one, one.target_revision_arn)
        if one.status is Status.ROLLBACK_SUCCESSFUL:
            assert one.rollback is not None
            self._is_in_place(one, one.rollback.service_revision_arn)

    def _way_back(self, one: ServiceDeployment, restored: str) -> None:
        """A rollback goes to the revision that was proven last."""
        good = self._good.get(one.service_arn, ())[-1:]
        if good != (restored,):
            self._violated(f"a rollback goes to {short(restored)}, and {short(*good or ['nothing'])} was proven last")

    def _is_in_place(self, one: ServiceDeployment, revision_arn: str) -> None:
        """A verdict that says so is true: all desired tasks of the revision run, are healthy and serve; no other one runs."""
        service: Service = self._disk.tables[Service][one.service_arn]
        tasks = self._of(Task, service.arn)
        running = [task for task in tasks if not LastStatus.RUNNING.may_become(task.last_status)]
        healthy = [
            task for task in running if task.revision_arn == revision_arn and task.is_live and self._passes_checks(task)
        ]
        criteria = one.deployment_configuration.early_success
        early = early_success_count(service.desired_count, criteria) if one.rollback is None else None
        is_rolled_out = len(healthy) == len(running) == service.desired_count if early is None else len(healthy) >= early
        if not is_rolled_out:
            self._violated(
                f"{one.status}, but of {service.desired_count} tasks {len(healthy)} of its revision are healthy,"
                f" and {len(running)} run"
            )
        deployments: list[Deployment] = self._of(Deployment, service.arn)
        mine = [one for one in deployments if one.revision_arn == revision_arn]
        primary = next((one for one in mine if one.status is DeploymentStatus.PRIMARY), None)
        if primary is None or primary.rollout_state is not RolloutState.COMPLETED:
            self._violated(f"{one.status}, but the PRIMARY deployment of that revision is not COMPLETED: {primary}")
        revision: ServiceRevision = self._disk.tables[ServiceRevision][revision_arn]
        if service.task_definition_arn != revision.task_definition_arn:
            self._violated(f"{one.status}, but the service names {service.task_definition_arn}")
        self._has_the_traffic(one, revision)
        self._hooks_agree(one)

    def _has_the_traffic(self, one: ServiceDeployment, revision: ServiceRevision) -> None:
        """What is in force gives all production and test traffic to the groups of the revision."""
        for given, resolved in zip(revision.load_balancers, revision.resolved_load_balancers, strict=True):
            if given.advanced is None:
                continue
            shifts = one.deployment_configuration.strategy.shifts_traffic
            for rule in (given.advanced.production_listener_rule, given.advanced.test_listener_rule if shifts else None):
                weights = self._in_force(rule)
                if rule is not None and weights.keys() != {cluster_name(resolved.target_group_arn)}:
                    self._violated(f"{one.status}, but {short(rule)} sends traffic to {dict(weights)}")

    def _in_force(self, rule: str | None) -> Mapping[str, int]:
        """The weights above 0 by which the proxy divides the traffic of a default rule."""
        listener = "" if rule is None else listener_of(rule)
        return next((shares for route, shares in self._proxy.shares() if route == listener), {})

    def _hooks_agree(self, one: ServiceDeployment) -> None:
        """No deployment succeeds over a hook that failed, or that has not ended."""
        if one.status is not Status.SUCCESSFUL:
            return
        for hook in one.hooks:
            passed = hook.status is HookStatus.SUCCEEDED or (
                hook.status is HookStatus.TIMED_OUT and hook.hook.timeout_action is HookTimeoutAction.CONTINUE
            )
            if not passed:
                self._violated(f"SUCCESSFUL, but a hook of {hook.stage} is {hook.status}")
        if one.triggered_alarms:
            self._violated(f"SUCCESSFUL, but alarms went off: {one.triggered_alarms}")

    def _stages(self, was: ServiceDeployment, one: ServiceDeployment) -> None:
        """Stages go forward, and back in a rollback only once; production traffic grows by the strategy's steps."""
        if one.rollback is not None:
            # It may have begun in the clean-up of the way forward: then it has yet to shift the traffic back.
            is_back = was.rollback is not None and not was.production_traffic_percent and not was.test_traffic_percent
            if is_back and was.lifecycle_stage is LifecycleStage.CLEAN_UP is not one.lifecycle_stage:
                self._violated(f"the rollback left CLEAN_UP for {one.lifecycle_stage}")
            return
        if was.lifecycle_stage is not None and _place(one) < _place(was):
            self._violated(f"a stage went back from {was.lifecycle_stage} {was.step} to {one.lifecycle_stage} {one.step}")
        before, after = was.production_traffic_percent or 0.0, one.production_traffic_percent or 0.0
        if after < before:
            self._violated(f"production traffic fell from {before} to {after} %")
        if after != before and after not in {*steps_of(one.deployment_configuration), WHOLE}:
            self._violated(f"{one.deployment_configuration.strategy} gave {after} % of production traffic")
        if one.status.is_terminal or was.lifecycle_stage in {None, one.lifecycle_stage}:
            return
        for hook in one.hooks:
            if hook.stage is was.lifecycle_stage and hook.step == was.step and hook.status in OPEN:
                self._violated(f"{was.lifecycle_stage} was left while a hook of it is {hook.status}")

    def _hooks(self, was: ServiceDeployment, one: ServiceDeployment) -> None:
        """A hook that has ended stays as it ended, and none is forgotten."""
        after = {hook.hook_id: hook for hook in one.hooks}
        for hook in was.hooks:
            now = after.get(hook.hook_id)
            if now is None:
                self._violated(f"a hook of {hook.stage} was forgotten")
            elif hook.status not in OPEN and now.status is not hook.status:
                self._violated(f"a hook of {hook.stage} that was {hook.status} is {now.status}")
            elif now.calls < hook.calls:
                self._violated(f"a hook of {hook.stage} was called {hook.calls} times, then {now.calls}")

    def _rule(self, was: Rule | None, rule: Rule) -> None:
        """Weights are not moved to a group in which nobody is healthy while somebody is in those that had them."""
        before, after = groups_of(was), groups_of(rule)
        if was is None or before == after or TEST in rule.arn:
            return
        if before and all(map(self._has_healthy, before)):
            for group in after - before:
                if not self._has_healthy(group) and self._is_wanted(group):
                    self._violated(f"traffic goes to {group.split('/')[1]}, where nobody is healthy")

    def _has_healthy(self, group: str) -> bool:
        targets: list[Target] = [one for one in self._disk.tables[Target].values() if one.target_group_arn == group]
        return any(
            target.draining_since is None
            and (health := self._target_health(target.target_key)) is not None
            and health.state is TargetHealthState.HEALTHY
            for target in targets
        )

    def _is_wanted(self, group: str) -> bool:
        return any(
            service.desired_count > 0 and service.status is ServiceStatus.ACTIVE
            for service in self._services()
            if any(group in one.target_group_arns for one in service.load_balancers)
        )

    def _deployment(self, was: Deployment | None, one: Deployment) -> None:
        if was is None:
            return
        if was.status is DeploymentStatus.INACTIVE and one.status is not DeploymentStatus.INACTIVE:
            self._violated(f"deployment {one.id} was INACTIVE and is {one.status} again")
        if was.rollout_state is not one.rollout_state is RolloutState.COMPLETED:
            self._good[one.service_arn] = (*self._others_good(one), one.revision_arn)
            wants_tasks = any(service.arn == one.service_arn and service.desired_count > 0 for service in self._services())
            self._proven = self._proven | {one.service_arn} if wants_tasks else self._proven - {one.service_arn}
        if was.status is DeploymentStatus.PRIMARY is not one.status and one.rollout_state is not RolloutState.COMPLETED:
            self._good[one.service_arn] = self._others_good(one)  # Its restoration was overtaken: it has to be proven anew.
        if was.rollout_state is RolloutState.FAILED and one.rollout_state is not RolloutState.FAILED:
            self._violated(f"deployment {one.id} was FAILED and is {one.rollout_state}")

    def _others_good(self, deployment: Deployment) -> tuple[str, ...]:
        return tuple(arn for arn in self._good.get(deployment.service_arn, ()) if arn != deployment.revision_arn)

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
        """No more tasks are started than may be live: of the service, or of each revision where traffic may be shifted."""
        born = {
            record.revision_arn
            for name, record in after.items()
            if isinstance(record, Task) and record.service_arn == service.arn and before[name] is None
        }
        ceiling = live_ceiling(service.desired_count, service.deployment_configuration.maximum_percent)
        counted = [task for task in live if not self._options.is_shifting or task.revision_arn in born]
        most = ceiling * (len(born) if self._options.is_shifting else 1)
        if born and len(counted) > most:
            self._violated(f"service {service.name} has {len(counted)} live tasks; the ceiling is {most}")

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
        left = [task for task in live if self._passes_checks(task)]
        for group in {group for task in given_up for group in self._groups_with_traffic(task)}:
            healthy = sum(group in self._groups_with_traffic(task) for task in left)
            if healthy < floor:
                self._violated(f"{len(given_up)} healthy tasks were stopped, {healthy} are left of {floor} in {group}")

    def _groups_with_traffic(self, task: Task) -> list[str]:
        """Where production traffic finds a task: in groups that have weight in force. Without a load balancer, or where no
        traffic is shifted, it is the service as a whole.
        """
        revision: ServiceRevision | None = self._disk.tables[ServiceRevision].get(task.revision_arn or "")
        pairs = [] if revision is None else [one for one in load_balancers_of(revision) if one.advanced is not None]
        if not pairs:
            return [] if self._options.is_shifting and self._options.target_groups else ["the service"]
        groups = ((one.advanced.production_listener_rule, cluster_name(one.target_group_arn)) for one in pairs)
        return [group for rule, group in groups if group in self._in_force(rule)]

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
        """A user's stop does not wait for a drain, and a task that has ended cannot; the delay ends any drain. A task that was
        never a target has nothing to drain: requests at its address are those of the dead one that had it before.
        """
        has_ended = any(one.last_status == "STOPPED" for one in task.containers)
        was_target = task.started_at is not None
        return task.stop_code is StopCode.USER_INITIATED or has_ended or not was_target or self._delay_is_over(target)

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
            if TEST in route:
                continue
            served = bool(shares) and all(any(map(answers, self._proxy.serving(cluster))) for cluster in shares)
            may_be_empty = self._may_be_empty(shares)
            # A floor that is raised in this instant cannot keep what was stopped before it.
            is_excused = may_be_empty or self._may_be_left.get(route, False)
            if self._served.get(route) and not served and not is_excused:
                self._violated(f"nobody serves {route}: {dict(shares)}")
            self._served[route], self._may_be_left[route] = served, may_be_empty

    def _may_be_empty(self, shares: Mapping[str, int]) -> bool:
        """Whether a service behind these clusters need not have a healthy task: none is wanted, or none was proven yet."""
        for service in self._services():
            configuration = service.deployment_configuration
            floor = running_floor(service.desired_count, configuration.minimum_healthy_percent)
            groups = {cluster_name(arn) for one in service.load_balancers for arn in one.target_group_arns}
            is_wanted = floor > 0 and service.status is ServiceStatus.ACTIVE and service.arn in self._proven
            if groups & shares.keys() and not is_wanted:
                return True
        return False


def _place(one: ServiceDeployment) -> tuple[int, int, int]:
    """How far a service deployment is: its stage, and in the steps of a shift the step before the stage."""
    order = list(LifecycleStage)
    assert one.lifecycle_stage is not None
    if one.lifecycle_stage in STEPS:
        return order.index(STEPS[0]), one.step, order.index(one.lifecycle_stage)
    return order.index(one.lifecycle_stage), 0, 0


def groups_of(rule: Rule | None) -> set[str]:
    """The target groups that a rule gives any weight."""
    if rule is None or not isinstance(rule.action, Forward):
        return set()
    return {one.arn for one in rule.action.target_groups if one.weight > 0}


def listener_of(rule: str) -> str:
    """What the proxy calls a listener, by the ARN of its default rule."""
    return listener_name(rule.replace(":listener-rule/", ":listener/").rsplit("/", 1)[0])


def load_balancers_of(revision: ServiceRevision) -> Any:
    return revision.resolved_load_balancers
