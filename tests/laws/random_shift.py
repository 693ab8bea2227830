"""Random deployments that shift traffic, changes of strategy, hooks and alarms: what the laws of a shift are held against."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from hypothesis import strategies as st
from random_service import BEHAVIOURS
from service_world import FUNCTION, GOOD, PRODUCTION, TEST, Setting, World, rule, seconds

from ninelives.model.cloudwatch import StateValue
from ninelives.model.ecs import (
    CanaryConfiguration,
    CircuitBreaker,
    DeploymentAlarms,
    DeploymentConfiguration,
    DeploymentStatus,
    HookStatus,
    HookTargetType,
    HookTimeoutAction,
    LastStatus,
    LifecycleHook,
    LifecycleStage,
    LinearConfiguration,
    RolloutState,
    ServiceDeployment,
    ServiceDeploymentStatus,
    Strategy,
    Task,
)
from ninelives.model.elbv2 import Forward, Rule, TargetKey
from ninelives.scheduler import running_floor
from ninelives.scheduler.plan import Plan, Put

S, D = LifecycleStage, ServiceDeploymentStatus
FAULTS_LAST = 800.0
PAUSES = (
    S.RECONCILE_SERVICE,
    S.PRE_SCALE_UP,
    S.POST_SCALE_UP,
    S.PRE_PRODUCTION_TRAFFIC_SHIFT,
    S.POST_PRODUCTION_TRAFFIC_SHIFT,
)
CALLS = (*PAUSES, S.TEST_TRAFFIC_SHIFT, S.POST_TEST_TRAFFIC_SHIFT, S.PRODUCTION_TRAFFIC_SHIFT)
BY_PLAN = {
    D.PENDING: set(D) - {D.PENDING},
    D.IN_PROGRESS: {D.SUCCESSFUL, D.ROLLBACK_IN_PROGRESS, D.STOPPED, D.ROLLBACK_FAILED, D.ROLLBACK_SUCCESSFUL},
    D.STOP_REQUESTED: {D.STOPPED},
    D.ROLLBACK_REQUESTED: {D.ROLLBACK_IN_PROGRESS, D.SUCCESSFUL, D.STOPPED, D.ROLLBACK_FAILED, D.ROLLBACK_SUCCESSFUL},
    D.ROLLBACK_IN_PROGRESS: {D.ROLLBACK_SUCCESSFUL, D.ROLLBACK_FAILED, D.STOPPED},
}
"""How a plan may move a service deployment, over several states at once too. Where there is nothing to go back to, a rollback
has failed as it begins; a newer deployment stops a rollback.
"""


def random_configuration(random: Random) -> DeploymentConfiguration:
    strategy = random.choice(list(Strategy))
    hooks = []
    if random.random() < 0.3:
        hooks.append(LifecycleHook(target_arn=FUNCTION, stages=tuple(random.sample(CALLS, 3)), timeout=seconds(300)))
    if random.random() < 0.3:
        action = random.choice(list(HookTimeoutAction))
        stages = tuple(random.sample(PAUSES, 2))
        hooks.append(
            LifecycleHook(target_type=HookTargetType.PAUSE, stages=stages, timeout=seconds(200), timeout_action=action)
        )
    minimum, maximum = random.choice(((100, 200), (50, 200), (0, 100), (0, 200)))
    return DeploymentConfiguration(
        strategy=strategy,
        minimum_healthy_percent=minimum,
        maximum_percent=maximum,
        bake_time=seconds(random.choice((0, 30, 90))),
        circuit_breaker=CircuitBreaker(enable=random.random() < 0.8, rollback=random.random() < 0.8),
        alarms=DeploymentAlarms(names=("5xx",), enable=random.random() < 0.6, rollback=random.random() < 0.7),
        lifecycle_hooks=tuple(hooks),
        canary=CanaryConfiguration(percent=10, bake_time=seconds(60)) if strategy is Strategy.CANARY else None,
        linear=LinearConfiguration(step_percent=40, step_bake_time=seconds(20)) if strategy is Strategy.LINEAR else None,
    )


@st.composite
def settings_of_shifts(draw: st.DrawFn) -> Setting:
    return Setting(
        desired_count=draw(st.integers(0, 4)),
        shifts=True,
        grace_period=seconds(draw(st.sampled_from((0, 30)))),
        drain=draw(st.sampled_from((0, 2, 40))),
        stop=draw(st.sampled_from((0, 5))),
        publishing=draw(st.sampled_from((0.05, 2))),
    )


@dataclass
class ShiftLaws:
    """What must hold of every plan; ``held`` is called with each, and asserts."""

    statuses: dict[str, ServiceDeploymentStatus] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    by_hand: bool = False
    """Whether somebody changes the production rule by hand: where traffic goes is not the scheduler's alone then."""

    def held(self, world: World, plan: Plan, before: Mapping[str, Task]) -> None:
        assert len([one for one in world.deployments.values() if one.status is DeploymentStatus.PRIMARY]) == 1
        if not self.by_hand:
            self._weights(world)
        self._served(world, before)
        for decision in plan.decisions:
            if isinstance(decision, Put) and isinstance(decision.record, ServiceDeployment):
                self._verdict(world, decision.record)

    def asked(self, world: World) -> None:
        """Take in what users did since the last plan."""
        self.statuses = {arn: one.status for arn, one in world.service_deployments.items()}
        self.rules = dict(world.rules)

    def _weights(self, world: World) -> None:
        """Production traffic is never given to a group without a proven task while the other one has healthy ones."""
        was, now = _weights(self.rules.get(PRODUCTION)), _weights(world.rules[PRODUCTION])
        self.rules = dict(world.rules)
        for group, weight in now.items():
            if world.service.desired_count and weight * sum(was.values()) > was.get(group, 0) * sum(now.values()):
                others = [task for other in now if other != group for task in _healthy_in(world, other)]
                proven = [task for task in _in(world, group) if task.was_healthy]
                assert proven or not others, f"{weight} of production traffic goes to {group}, where nothing is up"

    @staticmethod
    def _served(world: World, before: Mapping[str, Task]) -> None:
        """Healthy tasks to which production traffic goes are given up only as far as the floor can do without them; the
        side that has no traffic only while the other one is up, or on the way back.
        """
        configuration, desired = world.service.deployment_configuration, world.service.desired_count
        floor = running_floor(desired, configuration.minimum_healthy_percent)
        given_up = [
            task
            for task in before.values()
            if task.is_live
            and task.healthy_since
            and world.passes_checks(task)
            and (world.tasks[task.arn].stopped_reason or "").startswith("Scaling")
        ]
        weights = [_weights(one[PRODUCTION]) for one in (world.rules, world.rules_in_force)]
        served = {group for one in weights for group, weight in one.items() if weight > 0}
        for task in given_up:
            for group in served & {key.target_group_arn for key in _keys(world, task)}:
                assert len(_healthy_in(world, group)) >= floor, f"{task.id} was stopped, {group} is left below {floor}"
        acts = world.open_service_deployments
        if given_up and acts and acts[0].rollback is None and acts[0].lifecycle_stage is S.CLEAN_UP and floor:
            assert any(_healthy_in(world, group) for group in served), "the old side goes while the new one is down"

    def _verdict(self, world: World, record: ServiceDeployment) -> None:
        was = self.statuses.get(record.arn, D.PENDING)
        assert record.status is was or record.status in BY_PLAN.get(was, set()), f"{was} to {record.status}"
        self.statuses[record.arn] = record.status
        if record.status in {D.SUCCESSFUL, D.ROLLBACK_SUCCESSFUL}:
            shifts = record.deployment_configuration.strategy.shifts_traffic
            is_so = is_given_all(world) or not shifts if self.by_hand else is_in_place(world, with_test=shifts)
            assert is_so, f"{record.status} is told, but it is not"
            target = record.rollback.service_revision_arn if record.rollback else record.target_revision_arn
            assert world.primary.revision_arn == target


def is_in_place(world: World, *, with_test: bool = False) -> bool:
    """Whether exactly the desired tasks of the PRIMARY deployment run, are healthy, and get all traffic."""
    tasks = [task for task in world.healthy if task.revision_arn == world.primary.revision_arn]
    if not len(tasks) == len(world.live) == world.service.desired_count:
        return False
    groups = {key.target_group_arn for task in tasks for key in _keys(world, task)}
    return all(world.share(group, arn) == 100 for group in groups for arn in (PRODUCTION, TEST)[: 1 + with_test])


def is_given_all(world: World) -> bool:
    """Whether the production rule, as it is recorded now, gives all traffic to the PRIMARY deployment's tasks."""
    mine = {key.target_group_arn for task in world.live_of(world.primary) for key in _keys(world, task)}
    return all(group in mine for group, weight in _weights(world.rules[PRODUCTION]).items() if weight and mine)


def _weights(rule: Rule | None) -> dict[str, int]:
    if rule is None:
        return {}
    assert isinstance(rule.action, Forward)
    return {one.arn: one.weight for one in rule.action.target_groups}


def _keys(world: World, task: Task) -> list[TargetKey]:
    return [key for key in world.targets if key.id == world.simulated[task.arn].address] if task.arn in world.simulated else []


def _in(world: World, group: str) -> list[Task]:
    """Live tasks that are registered in a target group."""
    live = [task for task in world.live if task.last_status is LastStatus.RUNNING]
    registered = {key.id for key, one in world.targets.items() if key.target_group_arn == group and not one.draining_since}
    return [task for task in live if world.simulated[task.arn].address in registered]


def _healthy_in(world: World, group: str) -> list[Task]:
    return [task for task in _in(world, group) if task.healthy_since is not None]


def live_through(world: World, laws: ShiftLaws, random: Random) -> None:
    """A first deployment, then random events for a while; faults stop at the end, and pauses are answered."""
    world.frailty = random.choice((0, 0, 0.05, 0.2))
    world.hook_answer = lambda _: random.choice((SUCCEEDED, SUCCEEDED, SUCCEEDED, *ANSWERS))
    world.set_alarm("5xx", random.choice((StateValue.OK, StateValue.OK, StateValue.ALARM)))
    world.configure(random_configuration(random))
    world.deploy(random.choice((GOOD, GOOD, GOOD, *BEHAVIOURS)))
    world.run(random.choice((5, 100, 400)))
    until = world.now + seconds(FAULTS_LAST)
    while world.now < until:
        if laws.by_hand and random.random() < 0.15:
            blue = random.choice((0, 1, 50, 100))
            world.rules[PRODUCTION] = rule(PRODUCTION, blue=blue, green=100 - blue)
        else:
            _something_happens(world, random)
        laws.asked(world)
        world.run(random.expovariate(1 / random.choice((2, 40, 150))))
    world.frailty = 0
    world.hook_answer = lambda _: SUCCEEDED
    world.set_alarm("5xx", StateValue.OK)
    world.heal()


SUCCEEDED: Mapping[str, object] = {"hookStatus": "SUCCEEDED"}
ANSWERS: tuple[object, ...] = (
    {"hookStatus": "FAILED"},
    {"hookStatus": "IN_PROGRESS", "callBackDelay": 20},
    None,
    ValueError("refused"),
)


def _something_happens(world: World, random: Random) -> None:
    if random.random() < 0.6:
        _somebody_acts(world, random)
    else:
        _something_fails(world, random)


def _somebody_acts(world: World, random: Random) -> None:
    match random.randrange(8):
        case 0 | 1:
            world.deploy(random.choice((GOOD, GOOD, *BEHAVIOURS)))
        case 2 | 3:
            world.configure(random_configuration(random))
            world.deploy(random.choice((GOOD, GOOD, *BEHAVIOURS)))
        case 4:
            world.request_rollback()
        case 5:
            world.continue_hook(random.choice((HookStatus.SUCCEEDED, HookStatus.SUCCEEDED, HookStatus.FAILED)))
        case 6:
            world.scale(random.randrange(5))
        case 7 if world.live:
            task = random.choice(world.live)
            world.tasks[task.arn] = replace(task, protected_until=world.now + seconds(random.choice((60, 400))))
        case _:
            pass


def _something_fails(world: World, random: Random) -> None:
    running = [task for task in world.live if task.last_status is LastStatus.RUNNING]
    match random.randrange(6):
        case 0 | 1 if running:
            world.kill(random.choice(running))
        case 2 if running:
            revision = random.choice(running).revision_arn
            for task in running:
                if task.revision_arn == revision:
                    world.kill(task)
        case 3 if running:
            world.sicken(random.choice(running))
        case 4 if world.is_controlled:
            world.lose_control_plane(random.uniform(0, 20))
        case 5:
            world.set_alarm("5xx", random.choice(list(StateValue)))
        case _:
            pass


def has_ended(world: World) -> bool:
    """Whether nothing is under way any more."""
    if world.open_service_deployments:
        return False
    return world.primary.rollout_state is RolloutState.FAILED or is_in_place(world)
