"""A world of one service around the real ``reconcile``, ``observe`` and ``advance``: records, a clock, a runtime, a balancer.

Time passes only by ``run``; what will happen stands in a queue. The region's part is played as the loop plays it: plans are
applied whole, the runtime is asked for what each task's status wants, observations become records by ``observe``.
"""

import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

from ninelives.model.cloudwatch import AlarmFacts, StateValue
from ninelives.model.ecs import (
    AdvancedConfiguration,
    Container,
    ContainerDefinition,
    Deployment,
    DeploymentConfiguration,
    DeploymentStatus,
    DesiredStatus,
    HealthCheck,
    HealthStatus,
    HookExecution,
    HookStatus,
    LastStatus,
    RolloutState,
    Service,
    ServiceDeployment,
    ServiceDeploymentStatus,
    ServiceLoadBalancer,
    ServiceRevision,
    ServiceStatus,
    StopCode,
    Task,
    TaskAddress,
    TaskDefinition,
)
from ninelives.model.elbv2 import Forward, Rule, Target, TargetHealth, TargetHealthState, TargetKey, WeightedTargetGroup
from ninelives.model.observation import ContainerObservation, TaskObservation
from ninelives.model.timing import Timing
from ninelives.scheduler import events, hooks, is_healthy, observe, reconcile
from ninelives.scheduler.health import registrations
from ninelives.scheduler.plan import Plan, Put, ServiceSnapshot, StartTasks, Tell

START = datetime(2026, 1, 1, tzinfo=UTC)
ARN = "arn:aws:ecs:eu-west-1:123456789012"
SERVICE = f"{ARN}:service/Staging-Cluster/cats"
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/cats/0f"
GREEN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/green/1f"
THIRD = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/third/2f"
RULE = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/cats/0f/1a"
PRODUCTION, TEST = f"{RULE}/production", f"{RULE}/test"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:check"
PORT = 4567
PASSES_MAX = 12
"""Passes after which a plan must be empty."""


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


@dataclass(frozen=True)
class Behaviour:
    """How tasks of a revision behave. Times in seconds: pull, boot (to the first good check), life (to a crash)."""

    pull: float = 1
    boot: float = 3
    life: float | None = None
    failure: str | None = None
    exit_code: int = 1
    becomes_ready: bool = True
    luck: float = 0
    """The part of the tasks that behave well all the same."""


GOOD = Behaviour()
SLOW = Behaviour(boot=6)
CRASHES = Behaviour(life=1)
NEVER_STARTS = Behaviour(failure="CannotPullContainerError: pull image manifest: not found")
NEVER_READY = Behaviour(becomes_ready=False)


@dataclass
class Simulated:
    """A task as the runtime and the application know it."""

    behaviour: Behaviour
    address: str
    started_at: datetime | None = None
    ready_at: datetime | None = None
    exited_at: datetime | None = None
    exit_code: int | None = None
    failure: str | None = None
    is_removed: bool = False
    is_stopping: bool = False
    is_sick: bool = False


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the service is like. ``unhealthy_after``: seconds of failing checks after which a target or container is so."""

    desired_count: int = 2
    configuration: DeploymentConfiguration = field(default_factory=DeploymentConfiguration)
    target_groups: tuple[str, ...] = (GROUP,)
    has_health_check: bool = False
    grace_period: timedelta = timedelta()
    drain: float = 2
    stop: float = 1
    unhealthy_after: float = 10
    shifts: bool = False
    """Whether the load balancer has two target groups and rules between which traffic can be shifted."""
    publishing: float = 0.05
    """Until a rule is in force."""

    @property
    def load_balancers(self) -> tuple[ServiceLoadBalancer, ...]:
        advanced = AdvancedConfiguration(
            alternate_target_group_arn=GREEN,
            production_listener_rule=PRODUCTION,
            test_listener_rule=TEST,
            role_arn="arn:aws:iam::123456789012:role/shift",
        )
        return tuple(
            ServiceLoadBalancer(
                target_group_arn=group,
                container_name="app",
                container_port=PORT,
                advanced=advanced if self.shifts else None,
            )
            for group in self.target_groups
        )


def rule(arn: str, **shares: int) -> Rule:
    """A rule that forwards to blue, green or a group that is nobody's by their weights."""
    groups = {"blue": GROUP, "green": GREEN, "third": THIRD}
    forward = Forward(target_groups=tuple(WeightedTargetGroup(arn=groups[name], weight=one) for name, one in shares.items()))
    return Rule(arn=arn, listener_arn="listener", priority=None, conditions=(), action=forward)


class World:
    """One service; ``deploy`` first. ``watch`` is called with the records before and after each plan."""

    def __init__(self, setting: Setting, *, seed: int = 0, timing: Timing | None = None) -> None:
        self.setting = setting
        self.random = Random(seed)
        self.timing = timing or Timing()
        self.now = START
        self.told: list[tuple[datetime, str]] = []
        self.deployments: dict[str, Deployment] = {}
        self.service_deployments: dict[str, ServiceDeployment] = {}
        self.revisions: dict[str, ServiceRevision] = {}
        self.definitions: dict[str, TaskDefinition] = {}
        self.tasks: dict[str, Task] = {}
        self.targets: dict[TargetKey, Target] = {}
        self.simulated: dict[str, Simulated] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.is_controlled = True
        """Whether the control plane lives."""
        self.unknown: set[TargetKey] = set()
        """Targets of which the control plane has not heard yet since it came back."""
        self.frailty = 0.0
        """How likely the control plane dies after recording a plan, before it decides or does anything else."""
        self.watch: Callable[[World, Plan, Mapping[str, Task]], None] = lambda _world, _plan, _before: None
        self._asked: dict[str, LastStatus] = {}
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count(1)
        self._wake_at: datetime | None = None
        self.service = Service(
            arn=SERVICE,
            name="cats",
            cluster_arn=f"{ARN}:cluster/Staging-Cluster",
            status=ServiceStatus.ACTIVE,
            desired_count=setting.desired_count,
            task_definition_arn="",
            deployment_configuration=setting.configuration,
            health_check_grace_period=setting.grace_period,
            created_at=self.now,
            load_balancers=setting.load_balancers,
        )
        self.rules: dict[str, Rule] = {}
        if setting.shifts:
            self.rules = {PRODUCTION: rule(PRODUCTION, blue=1), TEST: rule(TEST, green=1)}
        self.rules_in_force = dict(self.rules)
        self.shares: list[tuple[datetime, int]] = []
        """Each change of green's share of production traffic that came into force, in percent."""
        self.alarms: dict[str, AlarmFacts] = {}
        self.hook_answer: Callable[[HookExecution], object] = lambda _: {"hookStatus": "SUCCEEDED"}
        """What Lambda hooks answer; an exception is a call that fails, None no answer at all."""
        self.hook_calls: list[HookExecution] = []
        self._publishing = False

    # What a user does.

    def deploy(self, behaviour: Behaviour = GOOD) -> Deployment:
        """UpdateService with a new task definition whose tasks behave as told."""
        number = f"{len(self.revisions) + 1}"
        definition = self._definition(int(number))
        self.service = replace(self.service, task_definition_arn=definition.arn)
        revision = ServiceRevision(
            arn=f"{ARN}:service-revision/Staging-Cluster/cats/{number}",
            number=number,
            service_arn=SERVICE,
            task_definition_arn=definition.arn,
            load_balancers=self.service.load_balancers,
            created_at=self.now,
        )
        for one in self.deployments.values():
            if one.status is DeploymentStatus.PRIMARY:
                self.deployments[one.id] = replace(one, status=DeploymentStatus.ACTIVE)
        for act in self.service_deployments.values():
            if not act.status.is_terminal:
                self.service_deployments[act.arn] = replace(act, status=ServiceDeploymentStatus.STOP_REQUESTED)
        self.revisions[revision.arn] = revision
        self.definitions[definition.arn] = definition
        self.behaviours[revision.arn] = behaviour
        deployment = Deployment(
            id=revision.deployment_id,
            service_arn=SERVICE,
            revision_arn=revision.arn,
            status=DeploymentStatus.PRIMARY,
            rollout_state=RolloutState.IN_PROGRESS,
            rollout_state_reason=f"ECS deployment {revision.deployment_id} in progress.",
            created_at=self.now,
            updated_at=self.now,
        )
        self.deployments[deployment.id] = deployment
        act = ServiceDeployment(
            arn=f"{ARN}:service-deployment/Staging-Cluster/cats/{number}",
            service_arn=SERVICE,
            cluster_arn=self.service.cluster_arn,
            target_revision_arn=revision.arn,
            source_revision_arns=tuple(
                one.revision_arn for one in self.deployments.values() if one.status is DeploymentStatus.ACTIVE
            ),
            status=ServiceDeploymentStatus.PENDING,
            created_at=self.now,
            updated_at=self.now,
            deployment_configuration=self.service.deployment_configuration,
        )
        self.service_deployments[act.arn] = act
        return deployment

    def set_alarm(self, name: str, state: StateValue, *, span: float = 60) -> None:
        self.alarms[name] = AlarmFacts(name=name, state=state, span=seconds(span))

    def continue_hook(self, status: HookStatus = HookStatus.SUCCEEDED) -> None:
        """ContinueServiceDeployment for the hook that waits."""
        for act in self.open_service_deployments[:1]:
            answered = tuple(
                replace(hook, status=status) if hook.status is HookStatus.AWAITING_ACTION else hook for hook in act.hooks
            )
            self.service_deployments[act.arn] = replace(act, hooks=answered)

    def configure(self, configuration: DeploymentConfiguration) -> None:
        """UpdateService with another deployment configuration."""
        self.service = replace(self.service, deployment_configuration=configuration)

    def share(self, group: str = GREEN, rule_arn: str = PRODUCTION) -> float:
        """The part of traffic in percent that a rule, as it is in force, gives a group."""
        action = self.rules_in_force[rule_arn].action
        assert isinstance(action, Forward)
        total = sum(one.weight for one in action.target_groups)
        return 100 * sum(one.weight for one in action.target_groups if one.arn == group) / total

    def scale(self, desired_count: int) -> None:
        self.service = replace(self.service, desired_count=desired_count)

    def request_rollback(self) -> None:
        """StopServiceDeployment of the newest one, where it may be stopped."""
        for act in self.open_service_deployments[:1]:
            if act.status in {ServiceDeploymentStatus.PENDING, ServiceDeploymentStatus.IN_PROGRESS}:
                self.service_deployments[act.arn] = replace(act, status=ServiceDeploymentStatus.ROLLBACK_REQUESTED)

    def stop_task(self, task: Task) -> None:
        """StopTask."""
        self.tasks[task.arn] = replace(
            task,
            desired_status=DesiredStatus.STOPPED,
            stop_code=StopCode.USER_INITIATED,
            stopped_reason="Task stopped by user",
            version=task.version + 1,
        )

    def delete_service(self) -> None:
        self.service = replace(self.service, status=ServiceStatus.DRAINING, desired_count=0)

    # What befalls it.

    def kill(self, task: Task, exit_code: int = 137) -> None:
        """The task's container dies."""
        self._exit(task.arn, exit_code)

    def sicken(self, task: Task, *, is_sick: bool = True) -> None:
        """The application's health checks fail from now on (or pass again)."""
        self.simulated[task.arn].is_sick = is_sick
        self.simulated[task.arn].ready_at = self.now
        self._later(self.setting.unhealthy_after, lambda: self._report(task.arn))

    def heal(self) -> None:
        """Faults stop: tasks that start from now on behave well, and those that run become well."""
        self.behaviours = dict.fromkeys(self.behaviours, GOOD)
        for arn, one in self.simulated.items():
            one.behaviour = replace(one.behaviour, life=None, becomes_ready=True)
            one.is_sick = False
            if one.started_at is not None and one.exited_at is None:
                one.ready_at = one.ready_at or self.now
                self._report(arn)

    def lose_control_plane(self, lasts: float) -> None:
        """The control plane dies and comes back: only the records are left, and each target's health is known later."""
        self.is_controlled = False
        self._asked.clear()
        self._later(lasts, self._come_back)

    def _come_back(self) -> None:
        self.is_controlled = True
        self.unknown = set(self.targets)
        for arn in self.simulated:
            if self.tasks[arn].last_status is not LastStatus.STOPPED:
                self._report(arn)
        for key in self.targets:
            self._later(self.random.uniform(0.5, 1.5), lambda key=key: self.unknown.discard(key))  # type: ignore[misc] # mypy knows no lambda with a default

    # Looking at it.

    @property
    def primary(self) -> Deployment:
        return next(one for one in self.deployments.values() if one.status is DeploymentStatus.PRIMARY)

    def rollout_state(self) -> RolloutState:
        """That of the PRIMARY deployment, as it is now."""
        return self.primary.rollout_state

    @property
    def open_service_deployments(self) -> list[ServiceDeployment]:
        acts = [act for act in self.service_deployments.values() if not act.status.is_terminal]
        return sorted(acts, key=lambda act: int(act.arn.rsplit("/", 1)[1]), reverse=True)

    @property
    def live(self) -> list[Task]:
        return [task for task in self.tasks.values() if task.is_live]

    @property
    def healthy(self) -> list[Task]:
        return [task for task in self.live if task.healthy_since is not None]

    def live_of(self, deployment: Deployment) -> list[Task]:
        return [task for task in self.live if task.revision_arn == deployment.revision_arn]

    def service_deployment_of(self, deployment: Deployment) -> ServiceDeployment:
        return next(one for one in self.service_deployments.values() if one.target_revision_arn == deployment.revision_arn)

    def passes_checks(self, task: Task) -> bool:
        """Whether a task is healthy by all that is known of it at this moment."""
        health = {key: known for key in self.targets if (known := self.target_health(key)) is not None}
        revision = self.revisions[task.revision_arn or ""]
        registered = registrations(task, revision.resolved_load_balancers, self.targets, health)
        definition = self.definitions[task.task_definition_arn]
        return is_healthy(task, definition, registered, self.now, self.timing)

    @property
    def messages(self) -> list[str]:
        return [message for _, message in self.told]

    def transcript(self) -> list[str]:
        """Service events with the service's name left out, and the target group's ARN and task ids made short."""
        return [
            message.removeprefix("(service cats) ").replace(GROUP, "TG").replace("0" * 31, "") for message in self.messages
        ]

    def snapshot(self) -> ServiceSnapshot:
        current = [one for one in self.deployments.values() if one.status is not DeploymentStatus.INACTIVE]
        current.sort(key=lambda one: (one.status is DeploymentStatus.PRIMARY, one.created_at, int(one.id[8:])), reverse=True)
        return ServiceSnapshot(
            service=self.service,
            deployments=tuple(current),
            service_deployments=tuple(self.open_service_deployments),
            revisions=self.revisions,
            task_definitions=self.definitions,
            tasks=tuple(task for task in self.tasks.values() if task.last_status is not LastStatus.STOPPED),
            targets=dict(self.targets),
            target_health={key: health for key in self.targets if (health := self.target_health(key)) is not None},
            rules=dict(self.rules),
            rules_in_force=dict(self.rules_in_force),
            alarms=dict(self.alarms),
        )

    def target_health(self, key: TargetKey) -> TargetHealth | None:
        """As the load balancer sees it; None where the control plane does not know (yet)."""
        if key in self.unknown:
            return None
        target = self.targets[key]
        if target.draining_since is not None:
            return TargetHealth(state=TargetHealthState.DRAINING)
        owner = next((one for one in reversed(self.simulated.values()) if one.address == key.id), None)
        assert owner is not None
        if self._is_ready(owner):
            return TargetHealth(state=TargetHealthState.HEALTHY)
        since = max(target.registered_at, owner.ready_at or target.registered_at)
        if self.now >= since + seconds(self.setting.unhealthy_after):
            description = "Health checks failed with these codes: [503]"
            return TargetHealth(state=TargetHealthState.UNHEALTHY, description=description)
        return TargetHealth(state=TargetHealthState.INITIAL)

    # Time.

    def run(self, lasts: float) -> None:
        """Let ``lasts`` seconds pass. Only what happens, and the time that a plan named, makes the region look again."""
        until = self.now + seconds(lasts)
        self.settle()
        while self.step(until):
            pass
        self.now = until

    def run_until(self, condition: Callable[[], bool], *, at_most: float = 3600) -> None:
        """Let time pass until ``condition`` holds."""
        until = self.now + seconds(at_most)
        self.settle()
        while not condition():
            assert self.step(until), f"it did not come about within {at_most} s; told: {self.transcript()[-10:]}"

    def step(self, until: datetime) -> bool:
        """Go to the next thing that happens, if it does so before ``until``."""
        at = self._next()
        if at is None or at > until:
            return False
        self.now = max(self.now, at)
        while self._queue and self._queue[0][0] <= self.now:
            heapq.heappop(self._queue)[2]()
        self.settle()
        return True

    def settle(self) -> None:
        """Reconcile until nothing is left to decide, then act, as the loop does."""
        if not self.is_controlled:
            return
        for _ in range(PASSES_MAX):
            plan = reconcile(self.snapshot(), self.now, self.timing)
            if not plan.decisions:
                self._wake_at = plan.wake_at
                assert plan.wake_at is None or plan.wake_at > self.now
                self._publish()
                self._call_hooks()
                self._act()
                return
            self.apply(plan)
            if self.random.random() < self.frailty:
                self.lose_control_plane(self.random.uniform(0, 5))
                return
        message = f"not settled after {PASSES_MAX} passes; told: {self.transcript()[-10:]}"
        raise AssertionError(message)

    def apply(self, plan: Plan) -> None:
        """Record a plan whole."""
        before = dict(self.tasks)
        for decision in plan.decisions:
            match decision:
                case Tell(message=message):
                    self.told.append((self.now, message))
                case StartTasks():
                    tasks = [self._new_task(decision.revision_arn) for _ in range(decision.count)]
                    ids = [task.id for task in tasks]
                    self.told.append((self.now, events.started("cats", ids, decision.replacing_unhealthy)))
                case Put(record=record):
                    self._put(record)
        self.watch(self, plan, before)

    def _publish(self) -> None:
        if self.rules != self.rules_in_force and not self._publishing:
            self._publishing = True
            self._later(self.setting.publishing, lambda rules=dict(self.rules): self._in_force(rules))  # type: ignore[misc] # mypy knows no lambda with a default

    def _in_force(self, rules: dict[str, Rule]) -> None:
        self._publishing = False
        before = self.rules_in_force.get(PRODUCTION)
        self.rules_in_force = rules
        if PRODUCTION in rules and rules[PRODUCTION] != before:
            self.shares.append((self.now, round(self.share())))

    def _call_hooks(self) -> None:
        for act in self.open_service_deployments:
            for execution in act.hooks:
                if hooks.is_due(execution, self.now):
                    self._call_hook(act, execution)

    def _call_hook(self, act: ServiceDeployment, execution: HookExecution) -> None:
        """A call takes a tenth of a second; one without an answer is not made again."""
        self.hook_calls.append(execution)
        calling = tuple(replace(one, due_at=None) if one is execution else one for one in act.hooks)
        self.service_deployments[act.arn] = replace(act, hooks=calling)
        answer = self.hook_answer(execution)
        if answer is not None:
            self._later(0.1, lambda: self._hook_answered(act.arn, execution.hook_id, answer))

    def _hook_answered(self, arn: str, hook_id: str, answer: object) -> None:
        act = self.service_deployments[arn]
        if act.status.is_terminal:
            return

        def after(one: HookExecution) -> HookExecution:
            if isinstance(answer, Exception):
                return hooks.unreachable(one, str(answer))
            return hooks.answered(one, answer, self.now, self.timing)

        is_open = HookStatus.IN_PROGRESS
        answered = tuple(after(one) if one.hook_id == hook_id and one.status is is_open else one for one in act.hooks)
        self.service_deployments[arn] = replace(act, hooks=answered)
        for one in answered:
            if one.due_at is not None and one.due_at > self.now:
                self._later((one.due_at - self.now).total_seconds(), lambda: None)

    def _next(self) -> datetime | None:
        times = [self._queue[0][0]] if self._queue else []
        if self.is_controlled and self._wake_at is not None:
            times.append(self._wake_at)
        return min(times, default=None)

    def _later(self, delay: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + seconds(delay), next(self._numbers), happens))

    def _put(self, record: object) -> None:
        match record:
            case Task():
                self.tasks[record.arn] = record
            case Target():
                self.targets[record.target_key] = record
                if record.draining_since is not None:
                    self._later(self.random.uniform(0, self.setting.drain), lambda: self._drained(record))
                else:
                    self._later(self.setting.unhealthy_after, lambda: None)
            case Deployment():
                self.deployments[record.id] = record
            case ServiceDeployment():
                self.service_deployments[record.arn] = record
            case Service():
                self.service = record
            case ServiceRevision():
                self.revisions[record.arn] = record
            case Rule():
                self.rules[record.arn] = record
            case _:
                raise AssertionError(record)

    def _drained(self, target: Target) -> None:
        if self.targets.get(target.target_key) == target:
            del self.targets[target.target_key]

    # The runtime.

    def _act(self) -> None:
        for task in list(self.tasks.values()):
            if self._asked.get(task.arn) is task.last_status:
                continue
            self._asked[task.arn] = task.last_status
            one = self.simulated.get(task.arn)
            match task.last_status, task.desired_status:
                case LastStatus.PROVISIONING, DesiredStatus.RUNNING if one is None:
                    self._start(task)
                case LastStatus.STOPPING, _ if one is not None and not one.is_stopping:
                    one.is_stopping = True
                    self._later(self.random.uniform(0, self.setting.stop), lambda arn=task.arn: self._exit(arn, 143))  # type: ignore[misc] # mypy knows no lambda with a default
                case LastStatus.DEPROVISIONING, _:
                    self._later(0.1, lambda arn=task.arn: self._remove(arn))  # type: ignore[misc] # as above
                case _:
                    pass

    def _start(self, task: Task) -> None:
        behaviour = self.behaviours[task.revision_arn or ""]
        if self.random.random() < behaviour.luck:
            behaviour = GOOD
        self.simulated[task.arn] = Simulated(behaviour=behaviour, address=f"10.0.0.{int(task.id, 16)}")
        self._report(task.arn)
        self._later(self.random.uniform(0.5, 1) * behaviour.pull, lambda: self._up(task.arn))

    def _up(self, arn: str) -> None:
        one = self.simulated[arn]
        if one.is_removed:
            return
        if one.behaviour.failure is not None:
            one.failure = one.behaviour.failure
        else:
            one.started_at = self.now
            if one.behaviour.life is not None:
                self._later(one.behaviour.life, lambda: self._crash(arn))
            if one.behaviour.becomes_ready:
                self._later(one.behaviour.boot, lambda: self._ready(arn))
            else:
                self._later(self.setting.unhealthy_after, lambda: self._report(arn))
        self._report(arn)

    def _ready(self, arn: str) -> None:
        self.simulated[arn].ready_at = self.now
        self._report(arn)

    def _crash(self, arn: str) -> None:
        if self.simulated[arn].behaviour.life is not None:
            self._exit(arn, self.simulated[arn].behaviour.exit_code)

    def _exit(self, arn: str, exit_code: int) -> None:
        one = self.simulated[arn]
        if one.started_at is not None and one.exited_at is None:
            one.exited_at, one.exit_code = self.now, exit_code
            self._report(arn)

    def _remove(self, arn: str) -> None:
        one = self.simulated.setdefault(arn, Simulated(behaviour=GOOD, address="none"))
        one.is_removed = True
        one.exited_at = one.exited_at or self.now
        self._report(arn)

    def _is_ready(self, one: Simulated) -> bool:
        return one.exited_at is None and one.ready_at is not None and not one.is_sick

    def _report(self, arn: str) -> None:
        if not self.is_controlled:
            return
        one, task = self.simulated[arn], self.tasks[arn]
        status = "PENDING" if one.started_at is None else "RUNNING" if one.exited_at is None else "STOPPED"
        failing_since = None if one.started_at is None else max(one.started_at, one.ready_at or one.started_at)
        health = HealthStatus.UNKNOWN
        if self._is_ready(one):
            health = HealthStatus.HEALTHY
        elif failing_since is not None and self.now >= failing_since + seconds(self.setting.unhealthy_after):
            health = HealthStatus.UNHEALTHY
        observation = TaskObservation(
            task_arn=arn,
            containers=(
                ContainerObservation(
                    name="app",
                    last_status=status,
                    runtime_id=f"runtime-{task.id}",
                    exit_code=one.exit_code,
                    health_status=health if self.setting.has_health_check else HealthStatus.UNKNOWN,
                    started_at=one.started_at,
                    finished_at=one.exited_at,
                ),
            ),
            address=TaskAddress(ip=one.address) if one.started_at is not None else None,
            is_started=one.started_at is not None,
            is_removed=one.is_removed,
            failure=one.failure,
        )
        self.tasks[arn] = observe(task, observation, self.definitions[task.task_definition_arn], self.now)

    # Records that the region mints.

    def _definition(self, revision: int) -> TaskDefinition:
        check = HealthCheck(command=("CMD", "true")) if self.setting.has_health_check else None
        return TaskDefinition(
            arn=f"{ARN}:task-definition/cats:{revision}",
            family="cats",
            revision=revision,
            status="ACTIVE",
            containers=(
                ContainerDefinition(name="app", image=f"cats:{revision}", container_ports=(PORT,), health_check=check),
            ),
            cpu_units=256,
            memory_mib=512,
            network_mode="awsvpc",
            registered_at=self.now,
        )

    def _new_task(self, revision_arn: str) -> Task:
        task_id = f"{len(self.tasks) + 1:032x}"
        revision = self.revisions[revision_arn]
        task = Task(
            arn=f"{ARN}:task/Staging-Cluster/{task_id}",
            cluster_arn=self.service.cluster_arn,
            task_definition_arn=revision.task_definition_arn,
            group="service:cats",
            last_status=LastStatus.PROVISIONING,
            desired_status=DesiredStatus.RUNNING,
            created_at=self.now,
            containers=(Container(arn=f"{ARN}:container/{task_id}", name="app", image="cats"),),
            started_by=revision.deployment_id,
            service_arn=SERVICE,
            revision_arn=revision_arn,
        )
        self.tasks[task.arn] = task
        return task
