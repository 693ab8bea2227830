"""What fails, or happens at the wrong moment, stops nothing else: one service, one task, one target, one proxy at a time."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from ecs_world import NOW, PLACE, World

from ninelives import scheduler
from ninelives.model.arns import listener_arn
from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    DesiredStatus,
    LastStatus,
    RolloutState,
    ServiceDeployment,
    ServiceDeploymentStatus,
    ServiceStatus,
    StopCode,
    TaskAddress,
)
from ninelives.model.elbv2 import Listener, LoadBalancer, TargetHealth, TargetHealthState, TargetKey
from ninelives.model.observation import ContainerObservation, TaskObservation
from ninelives.region import elbv2_target_groups
from ninelives.region.draining import QUIET_READINGS
from ninelives.region.elbv2_target_groups import TargetDescription
from ninelives.region.loop import Loop
from ninelives.region.ports import Logged, PublishRejected, TaskLaunch, TaskUsage
from ninelives.region.tasks import launch_of

HEALTHY = TargetHealth(state=TargetHealthState.HEALTHY)


class Runtime:
    """Starts and stops tasks at once, each at an address of its own; ``fails`` raises for what it is asked."""

    name = "fake"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.fails: Callable[[str, str], bool] = lambda _what, _arn: False
        self.gone: set[str] = set()
        self.before_report: Callable[[], None] = lambda: None
        self.addresses: dict[str, TaskAddress] = {}

    def subscribe(self, observed: Callable[[TaskObservation], None], logged: Logged) -> None:  # noqa: ARG002
        self._observed = observed

    async def adopt(self, tasks: Collection[TaskLaunch]) -> None:
        for launch in tasks:
            if launch.task.arn in self.gone:
                self._observed(TaskObservation(task_arn=launch.task.arn, is_removed=True))

    async def start(self, launch: TaskLaunch) -> None:
        self._take("start", launch.task.arn)
        address = TaskAddress(ip=f"10.0.0.{len(self.addresses) + 1}")
        self.addresses.setdefault(launch.task.arn, address)
        self._report(launch, "RUNNING")

    async def stop(self, launch: TaskLaunch) -> None:
        self._take("stop", launch.task.arn)
        self._report(launch, "STOPPED", exit_code=143)

    async def remove(self, task_arn: str) -> None:
        self._take("remove", task_arn)
        self._observed(TaskObservation(task_arn=task_arn, is_removed=True))

    async def usage(self, task_arns: Collection[str]) -> Mapping[str, TaskUsage]:  # noqa: ARG002
        return {}

    async def statistics(self, task_arn: str) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002 - the port's
        return {}

    async def close(self) -> None: ...

    def _take(self, what: str, arn: str) -> None:
        self.asked.append((what, arn))
        if self.fails(what, arn):
            raise OSError(what)

    def _report(self, launch: TaskLaunch, status: str, exit_code: int | None = None) -> None:
        containers = tuple(
            ContainerObservation(name=one.name, last_status=status, exit_code=exit_code)
            for one in launch.definition.containers
        )
        address = self.addresses.get(launch.task.arn)
        self.before_report()
        self.before_report = lambda: None
        self._observed(TaskObservation(task_arn=launch.task.arn, containers=containers, address=address, is_started=True))


class DataPlane:
    """Every registered target is healthy; ``while_reading`` happens while requests in flight are being read."""

    def __init__(self) -> None:
        self.while_reading: Callable[[], None] = lambda: None
        self.in_flight = 0
        self.rejections = 0
        self.published: list[Any] = []
        self.is_deaf = False

    def prepare(self, snapshot: object) -> None: ...

    def subscribe(self, changed: object) -> None: ...

    async def start(self) -> bool:
        return True

    async def publish(self, snapshot: object) -> None:
        self.published.append(snapshot)
        if self.rejections:
            self.rejections -= 1
            raise PublishRejected("not now")

    def target_health(self, _key: TargetKey) -> TargetHealth:
        return HEALTHY

    async def requests_in_flight(self, keys: Collection[TargetKey]) -> Mapping[TargetKey, int]:
        await asyncio.sleep(0)
        self.while_reading()
        if self.is_deaf:
            raise OSError("the proxy's admin interface does not answer")
        return dict.fromkeys(keys, self.in_flight)


class LoopWorld(World):
    """A world whose loop steps when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.runtime, self.data_plane = Runtime(), DataPlane()
        as_port: Any = self.data_plane
        self.region.data_plane = as_port
        self._runner = asyncio.Runner()
        self.loop = self.new_control_plane()

    def new_control_plane(self) -> Loop:
        no_log_sink: Any = None
        self.loop = Loop(self.region, runtime=self.runtime, log_sink=no_log_sink)
        self.run(self.loop.start())
        return self.loop

    def run(self, job: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(job)

    def step(self) -> Any:
        return self.run(self.loop.step())

    def live(self, **wait: float) -> None:
        until = self.clock.time + timedelta(**wait)
        while self.clock.time < until:
            self.step()
            self.clock.time += timedelta(seconds=2)

    def close(self) -> None:
        self._runner.close()

    def with_balanced_service(self, **members: Any) -> str:
        """Service ``s`` behind target group ``cats``; answers the group's ARN."""
        group = self.target_group()
        load_balancers = [{"targetGroupArn": group, "containerName": "web", "containerPort": 4567}]
        self.with_service(loadBalancers=load_balancers, **members)
        return group

    def without_listeners(self) -> None:
        """Take every rule away, as DeleteListener does."""
        with self.region.state.transaction() as changes:
            changes.delete(*self.region.state.rules.values())
        self.region.wake()

    def launch(self, arn: str) -> TaskLaunch:
        return launch_of(self.region, self.region.state.tasks[arn])

    def deployments(self) -> list[Deployment]:
        return self.region.state.of_service(Deployment, PLACE.service("c", "s"))

    def statuses(self) -> list[ServiceDeploymentStatus]:
        return [one.status for one in self.region.state.of_service(ServiceDeployment, PLACE.service("c", "s"))]

    def messages(self, service: str = "s") -> list[str]:
        return [event["message"] for event in self.service(service)["events"]]


@pytest.fixture
def world() -> Any:
    world = LoopWorld()
    yield world
    world.close()


def test_a_target_that_is_taken_back_while_its_requests_are_counted_stays(world: LoopWorld) -> None:
    group = world.target_group()
    target = TargetDescription(id="10.0.0.1", port=80)
    elbv2_target_groups.register(world.region, group, [target])
    elbv2_target_groups.deregister(world.region, group, [target])
    world.step()
    readings = []

    def take_back() -> None:
        readings.append(1)
        if len(readings) == QUIET_READINGS:
            elbv2_target_groups.register(world.region, group, [target])

    world.data_plane.while_reading = take_back

    world.live(seconds=10)

    (kept,) = world.region.state.targets.values()
    assert kept.draining_since is None


def test_a_proxy_that_cannot_be_asked_for_requests_in_flight_holds_nothing_else_up(world: LoopWorld) -> None:
    group = world.with_balanced_service()
    elbv2_target_groups.register(world.region, group, [TargetDescription(id="10.9.9.9", port=80)])
    elbv2_target_groups.deregister(world.region, group, [TargetDescription(id="10.9.9.9", port=80)])
    world.data_plane.is_deaf = True

    world.live(minutes=1)

    assert 2 == world.service()["runningCount"]
    world.live(minutes=6)
    assert TargetKey(group, "10.9.9.9", 80) not in {one.target_key for one in world.region.state.targets.values()}


def test_one_service_that_cannot_be_decided_does_not_hold_up_the_others(
    world: LoopWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reconcile(snapshot: Any, *rest: Any) -> Any:
        if snapshot.service.name == "s":
            raise AssertionError("a bug")
        return scheduler.reconcile(snapshot, *rest)

    monkeypatch.setattr("ninelives.region.loop.reconcile", reconcile)
    world.with_service()
    world.create(serviceName="other")

    wake_at = world.step()
    world.live(minutes=1)

    assert 2 == world.service("other")["runningCount"]
    assert wake_at is not None


def test_routes_that_the_proxy_refuses_are_offered_again_without_a_bell(world: LoopWorld) -> None:
    world.step()
    world.data_plane.rejections = 1
    balancer_arn = PLACE.load_balancer("front", "0123456789abcdef")
    group = world.target_group()
    put_front(world, balancer_arn)
    elbv2_target_groups.register(world.region, group, [TargetDescription(id="10.0.0.1", port=80)])

    before = world.clock.time
    wake_at = world.step()
    assert wake_at is not None
    assert wake_at - before < timedelta(seconds=30)
    world.clock.time = wake_at
    world.step()

    assert 2 == len(world.data_plane.published)


def put_front(world: World, balancer_arn: str) -> None:
    world.put(
        LoadBalancer(
            arn=balancer_arn,
            name="front",
            dns_name="front",
            address="127.0.0.9",
            scheme="internet-facing",
            vpc_id="vpc-1",
            zones=(),
            security_groups=(),
            created_at=NOW,
        ),
        Listener(
            arn=listener_arn(balancer_arn, "1"), load_balancer_arn=balancer_arn, port=80, bound_port=8080, protocol="HTTP"
        ),
    )


def test_a_runtime_that_fails_is_asked_less_and_less_often_and_at_last_does_it(world: LoopWorld) -> None:
    world.runtime.fails = lambda what, _: what == "start"
    world.with_service(desiredCount=1)

    for _ in range(200):
        world.region.wake()
        world.step()
    tries = len(world.runtime.asked)
    world.runtime.fails = lambda _what, _arn: False
    world.live(minutes=2)

    assert 2 <= tries <= 40  # 200 steps of several seconds each by this clock
    assert 1 == world.service()["runningCount"]


def test_a_failed_start_that_took_place_all_the_same_is_not_looked_at_for_ever(world: LoopWorld) -> None:
    def half_started(what: str, arn: str) -> bool:
        world.runtime._observed(TaskObservation(task_arn=arn, pull_started_at=NOW))
        return what == "start"

    world.runtime.fails = half_started
    world.with_service(desiredCount=1)
    world.step()

    wake_ats = [world.step() for _ in range(3)]

    assert all(at is None or at > world.clock.time for at in wake_ats), wake_ats


def test_a_clock_that_is_set_back_does_not_let_the_superseded_deployment_win(world: LoopWorld) -> None:
    world.with_service()
    world.live(minutes=2)
    world.call("UpdateService", cluster="c", service="s", forceNewDeployment=True)
    world.step()
    world.clock.time -= timedelta(hours=1)
    newest = world.call("UpdateService", cluster="c", service="s", forceNewDeployment=True)["service"]

    world.live(minutes=70)

    assert [ServiceDeploymentStatus.SUCCESSFUL, ServiceDeploymentStatus.STOPPED, ServiceDeploymentStatus.SUCCESSFUL] == (
        world.statuses()
    )
    assert newest["currentServiceDeployment"] == world.service()["currentServiceDeployment"]


def test_a_drain_goes_on_when_the_clock_is_set_back(world: LoopWorld) -> None:
    group = world.target_group()
    target = TargetDescription(id="10.0.0.1", port=80)
    elbv2_target_groups.register(world.region, group, [target])
    world.data_plane.in_flight = 1
    elbv2_target_groups.deregister(world.region, group, [target])
    world.live(seconds=20)
    world.clock.time -= timedelta(hours=1)
    world.data_plane.in_flight = 0

    world.live(seconds=20)

    assert {} == world.region.state.targets


def test_tasks_that_went_with_their_region_are_no_failures_of_their_deployment(world: LoopWorld) -> None:
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    world.with_service(desiredCount=4, deploymentConfiguration=breaker)
    world.step()
    world.step()
    tasks = list(world.region.state.tasks.values())
    assert {LastStatus.RUNNING} == {task.last_status for task in tasks}
    assert not any(task.was_healthy for task in tasks)
    world.runtime.gone = {task.arn for task in tasks}

    world.new_control_plane()
    world.live(minutes=3)

    stopped = [world.region.state.tasks[task.arn] for task in tasks]
    assert {(LastStatus.STOPPED, StopCode.TERMINATION_NOTICE)} == {(task.last_status, task.stop_code) for task in stopped}
    (deployment,) = world.deployments()
    assert (RolloutState.COMPLETED, 0) == (deployment.rollout_state, deployment.failed_tasks)
    assert 4 == world.service()["runningCount"]


def test_a_task_that_was_to_stop_and_went_with_its_region_keeps_its_reason(world: LoopWorld) -> None:
    world.with_service(desiredCount=1)
    world.step()
    (task,) = world.region.state.tasks.values()
    world.put(replace(task, desired_status=DesiredStatus.STOPPED, stop_code=StopCode.USER_INITIATED, stopped_reason="mine"))
    world.runtime.gone = {task.arn}

    world.new_control_plane()
    world.live(minutes=1)

    assert (StopCode.USER_INITIATED, "mine") == (
        world.region.state.tasks[task.arn].stop_code,
        world.region.state.tasks[task.arn].stopped_reason,
    )


def test_a_service_whose_target_group_is_deleted_keeps_its_tasks_and_says_so_once(world: LoopWorld) -> None:
    group = world.with_balanced_service()
    world.live(minutes=2)
    tasks = set(world.region.state.tasks)
    world.without_listeners()
    elbv2_target_groups.delete(world.region, group)

    world.live(minutes=10)
    world.run(world.runtime.stop(world.launch(min(tasks))))
    world.live(minutes=10)

    (lost,) = [task.arn for task in world.region.state.tasks.values() if task.last_status is LastStatus.STOPPED]
    assert lost == min(tasks)
    assert 2 == world.service()["runningCount"]
    assert {} == world.region.state.targets
    assert 1 == sum("TARGET GROUP IS NOT FOUND" in message for message in world.messages())


def test_a_service_whose_listener_is_deleted_keeps_its_tasks(world: LoopWorld) -> None:
    world.with_balanced_service()
    world.live(minutes=2)
    tasks = set(world.region.state.tasks)
    world.without_listeners()

    world.live(minutes=10)

    assert tasks == set(world.region.state.tasks)
    assert 2 == world.service()["runningCount"]


def test_what_deployments_leave_behind_goes_in_time(world: LoopWorld) -> None:
    world.with_service()
    world.live(minutes=2)
    for _ in range(3):
        world.call("UpdateService", cluster="c", service="s", forceNewDeployment=True)
        world.live(minutes=3)
    assert 4 == len(world.deployments())

    world.clock.time += timedelta(hours=2)
    world.live(minutes=2)
    assert [DeploymentStatus.PRIMARY] == [one.status for one in world.deployments()]
    described = world.call("ListServiceDeployments", cluster="c", service="s")["serviceDeployments"]
    revisions = [one["targetServiceRevisionArn"] for one in described]
    assert 4 == len(world.call("DescribeServiceRevisions", serviceRevisionArns=revisions)["serviceRevisions"])

    world.clock.time += timedelta(days=91)
    world.live(minutes=2)
    (kept,) = world.region.state.service_deployments.values()
    assert ServiceDeploymentStatus.SUCCESSFUL is kept.status
    assert {kept.target_revision_arn, *kept.source_revision_arns} == set(world.region.state.revisions)


def test_a_deleted_service_is_shown_inactive_for_a_while_and_then_goes(world: LoopWorld) -> None:
    world.with_service()
    world.create(serviceName="other")
    world.live(minutes=2)
    world.call("DeleteService", cluster="c", service="s", force=True)
    world.live(minutes=30)
    assert str(ServiceStatus.INACTIVE) == world.service()["status"]

    world.clock.time += timedelta(hours=1)
    world.live(minutes=2)

    answer = world.call("DescribeServices", cluster="c", services=["s", "other"])
    assert ["MISSING"] == [one["reason"] for one in answer["failures"]]
    assert 2 == answer["services"][0]["runningCount"]
    owners = {one.service_arn for one in world.records() if hasattr(one, "service_arn")}
    assert {PLACE.service("c", "other")} == owners


def test_what_was_seen_of_a_task_is_not_lost_when_it_cannot_be_recorded_at_once(world: LoopWorld) -> None:
    world.with_service(desiredCount=1)
    store: Any = world.region.state._store
    commits: Any = store.commit
    world.runtime.before_report = lambda: setattr(store, "commit", out_of_space)

    def out_of_space(*_: Any) -> None:
        store.commit = commits
        raise OSError("no space left on device")

    world.live(minutes=2)

    assert (1, 0) == (world.service()["runningCount"], world.service()["pendingCount"])
