"""Random settings, random luck: what the laws of the scheduler are held against."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from hypothesis import strategies as st
from service_world import (
    CRASHES,
    GOOD,
    GROUP,
    NEVER_READY,
    NEVER_STARTS,
    SLOW,
    Behaviour,
    Setting,
    World,
    seconds,
)

from ninelives.model.ecs import (
    CircuitBreaker,
    Deployment,
    DeploymentConfiguration,
    LastStatus,
    RolloutState,
    StopCode,
    Task,
)
from ninelives.scheduler import live_ceiling, running_floor
from ninelives.scheduler.plan import Plan, Put

BOUNDS = ((100, 200), (50, 200), (0, 100), (100, 150), (50, 100), (66, 133), (100, 125), (0, 200), (50, 150))
"""Pairs of minimumHealthyPercent and maximumPercent; some of them lock small services."""
BEHAVIOURS = (
    GOOD,
    SLOW,
    CRASHES,
    NEVER_STARTS,
    NEVER_READY,
    Behaviour(life=20),
    replace(CRASHES, luck=0.5),
    replace(NEVER_READY, luck=0.5),
    replace(NEVER_STARTS, luck=0.5),
)
FAULTS_LAST = 400.0
"""Seconds in which things happen; then faults stop."""


@st.composite
def settings_of_services(draw: st.DrawFn) -> Setting:
    minimum, maximum = draw(st.sampled_from(BOUNDS))
    breaker = CircuitBreaker(
        enable=draw(st.booleans()), rollback=draw(st.booleans()), reset_on_healthy_task=draw(st.booleans())
    )
    return Setting(
        desired_count=draw(st.integers(0, 5)),
        configuration=DeploymentConfiguration(
            minimum_healthy_percent=minimum,
            maximum_percent=maximum,
            circuit_breaker=breaker,
            bake_time=seconds(draw(st.sampled_from((0, 0, 30)))),
        ),
        target_groups=draw(st.sampled_from(((), (GROUP,), (GROUP, f"{GROUP}-2")))),
        has_health_check=draw(st.booleans()),
        grace_period=seconds(draw(st.sampled_from((0, 30, 60)))),
        drain=draw(st.sampled_from((0, 2, 40))),
        stop=draw(st.sampled_from((0, 5, 30))),
    )


@dataclass
class Laws:
    """What must hold of every plan; ``held`` is called with each, and asserts."""

    told_failures: set[str] = field(default_factory=set)
    failures: dict[str, int] = field(default_factory=dict)

    def held(self, world: World, plan: Plan, before: Mapping[str, Task]) -> None:
        self._capacity(world, before)
        self._roads(world, before)
        self._traffic(world)
        self._failures_once(world, plan, before)

    @staticmethod
    def _capacity(world: World, before: Mapping[str, Task]) -> None:
        configuration, desired = world.service.deployment_configuration, world.service.desired_count
        if len(world.live) > len([task for task in before.values() if task.is_live]):
            ceiling = live_ceiling(desired, configuration.maximum_percent)
            assert len(world.live) <= ceiling, f"{len(world.live)} live tasks, the ceiling is {ceiling}"
        given_up = [
            task
            for task in before.values()
            if task.is_live and world.passes_checks(task) and _was_scaled_in(world.tasks[task.arn])
        ]
        if given_up:
            floor = running_floor(desired, configuration.minimum_healthy_percent)
            assert len(world.healthy) >= floor, f"{len(given_up)} healthy tasks stopped, {len(world.healthy)} left of {floor}"

    @staticmethod
    def _roads(world: World, before: Mapping[str, Task]) -> None:
        for arn, was in before.items():
            now = world.tasks[arn]
            assert now.last_status is was.last_status or was.last_status.may_become(now.last_status)
            assert now.version >= was.version
            assert not (was.stop_code is not None and was.stop_code is not now.stop_code), "a cause was overwritten"
            if now.last_status is LastStatus.STOPPING and was.last_status is not now.last_status:
                excused = now.stop_code is StopCode.USER_INITIATED or world.simulated[arn].exited_at is not None
                address = world.simulated[arn].address
                assert excused or not [key for key in world.targets if key.id == address], "a signal before the drain is over"

    @staticmethod
    def _traffic(world: World) -> None:
        by_address = {one.address: world.tasks[arn] for arn, one in world.simulated.items()}
        for key, target in world.targets.items():
            task = by_address[key.id]
            if target.draining_since is None:
                assert world.simulated[task.arn].started_at is not None, "registered before it was started"
                assert task.last_status is LastStatus.RUNNING, f"a target of a task that is {task.last_status}"

    def _failures_once(self, world: World, plan: Plan, before: Mapping[str, Task]) -> None:
        counted = {
            arn
            for arn, task in world.tasks.items()
            if task.failure_counted and arn in before and not before[arn].failure_counted
        }
        assert not counted & self.told_failures, "a task was counted twice"
        self.told_failures |= counted
        deployments = [d.record for d in plan.decisions if isinstance(d, Put) and isinstance(d.record, Deployment)]
        more = sum(max(0, one.failed_tasks - self.failures.get(one.id, 0)) for one in deployments)
        assert more <= len(counted), f"{more} failures from {len(counted)} tasks"
        self.failures |= {one.id: one.failed_tasks for one in deployments}


def _was_scaled_in(task: Task) -> bool:
    return not task.is_live and (task.stopped_reason or "").startswith("Scaling activity")


def live_through(world: World, random: Random) -> None:
    """A first deployment, then random events for a while; faults stop at the end."""
    world.frailty = random.choice((0, 0, 0.05, 0.3))
    world.deploy(random.choice((GOOD, GOOD, SLOW, *BEHAVIOURS)))
    world.run(random.choice((0, 5, 100)))
    world.deploy(random.choice(BEHAVIOURS))
    until = world.now + seconds(FAULTS_LAST)
    while world.now < until:
        world.run(random.expovariate(1 / 30))
        _something_happens(world, random)
        world.settle()
        if world.is_controlled:
            _within_the_ceiling(world)
    world.frailty = 0
    world.heal()


def _within_the_ceiling(world: World) -> None:
    """Protected tasks aside, no more tasks are live than may be, though the desired count was just lowered."""
    protected = [task for task in world.live if task.protected_until is not None and task.protected_until > world.now]
    maximum = world.service.deployment_configuration.maximum_percent
    assert protected or len(world.live) <= live_ceiling(world.service.desired_count, maximum)


def _something_happens(world: World, random: Random) -> None:
    running = [task for task in world.live if task.last_status is LastStatus.RUNNING]
    match random.randrange(10):
        case 0 | 1 if running:
            world.kill(random.choice(running))
        case 2 if world.live:
            world.stop_task(random.choice(world.live))
        case 3 if running:
            world.sicken(random.choice(running))
        case 4:
            world.scale(random.randrange(6))
        case 5:
            world.deploy(random.choice(BEHAVIOURS))
        case 6:
            world.request_rollback()
        case 7 if world.is_controlled:
            world.lose_control_plane(random.uniform(0, 20))
        case 8 if world.live:
            task = random.choice(world.live)
            world.tasks[task.arn] = replace(task, protected_until=world.now + seconds(60))
        case _:
            pass


def has_ended(world: World) -> bool:
    """Whether nothing is under way any more."""
    primary = world.primary
    if world.open_service_deployments:
        return False
    if primary.rollout_state is RolloutState.COMPLETED:
        return len(world.healthy) == len(world.live) == world.service.desired_count
    return primary.rollout_state is RolloutState.FAILED
