"""The road of one task: what observations make of its record, and which steps it takes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.model.ecs import (
    Container,
    ContainerDefinition,
    DesiredStatus,
    HealthCheck,
    HealthStatus,
    LastStatus,
    ServiceLoadBalancer,
    StopCode,
    Task,
    TaskAddress,
    TaskDefinition,
)
from ninelives.model.elbv2 import Target, TargetKey
from ninelives.model.observation import ContainerObservation, TaskObservation
from ninelives.scheduler import advance, observe

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
CHECK = HealthCheck(command=("CMD", "true"))
APP = ContainerDefinition(name="app", image="cats:1", health_check=CHECK)
WEB = ServiceLoadBalancer(target_group_arn="tg", container_name="app", container_port=80)
ADDRESS = TaskAddress(ip="10.0.0.1", ports=((80, 8080),))


def definition(*containers: ContainerDefinition) -> TaskDefinition:
    return TaskDefinition(
        arn="arn:aws:ecs:r:a:task-definition/cats:1",
        family="cats",
        revision=1,
        status="ACTIVE",
        containers=containers or (APP,),
        cpu_units=256,
        memory_mib=512,
        network_mode="awsvpc",
        registered_at=NOW,
    )


def task(
    status: LastStatus = LastStatus.PROVISIONING, *, container: str = "PENDING", names: tuple[str, ...] = ("app",)
) -> Task:
    return Task(
        arn="arn:aws:ecs:r:a:task/c/0f",
        cluster_arn="c",
        task_definition_arn="arn:aws:ecs:r:a:task-definition/cats:1",
        group="service:cats",
        last_status=status,
        desired_status=DesiredStatus.RUNNING,
        created_at=NOW,
        containers=tuple(Container(arn=name, name=name, image="cats", last_status=container) for name in names),
    )


def to_stop(status: LastStatus, code: StopCode, *, container: str = "RUNNING") -> Task:
    stopping = replace(
        task(status, container=container), desired_status=DesiredStatus.STOPPED, stop_code=code, address=ADDRESS
    )
    return replace(stopping, is_started=True, started_at=NOW)


def seen(status: str = "RUNNING", name: str = "app", **fields: object) -> ContainerObservation:
    return replace(ContainerObservation(name=name, last_status=status), **fields)  # type: ignore[arg-type] # by name


def observed(*containers: ContainerObservation, **fields: object) -> TaskObservation:
    return replace(TaskObservation(task_arn=task().arn, containers=containers), **fields)  # type: ignore[arg-type] # by name


TARGET = Target(target_group_arn="tg", id="10.0.0.1", port=8080, registered_at=NOW)
REGISTERED = {TARGET.target_key: TARGET}
DRAINING = {TARGET.target_key: replace(TARGET, draining_since=NOW)}


def test_a_task_is_pending_once_heard_of_and_activating_once_it_pulls() -> None:
    heard = observe(task(), observed(seen("PENDING")), definition(), NOW)
    pulling = observe(heard, observed(seen("PENDING"), pull_started_at=NOW), definition(), NOW)

    assert LastStatus.PENDING is heard.last_status
    assert (LastStatus.ACTIVATING, NOW) == (pulling.last_status, pulling.pull_started_at)
    assert (1, 2, 3) == (task().version, heard.version, pulling.version)


def test_seeing_the_same_again_changes_nothing_and_gives_the_same_record() -> None:
    observation = observed(seen(), address=ADDRESS, is_started=True, pull_started_at=NOW)
    once = observe(task(), observation, definition(), NOW)

    assert observe(once, observation, definition(), LATER) is once


def test_observing_never_brings_a_task_to_running_but_advancing_does_and_registers_it() -> None:
    up = observe(task(), observed(seen(), address=ADDRESS, is_started=True), definition(), NOW)
    assert LastStatus.ACTIVATING is up.last_status

    target, running = [put.record for put in advance(up, definition(), (WEB,), {}, LATER)]

    assert Target(target_group_arn="tg", id="10.0.0.1", port=8080, registered_at=LATER) == target
    assert isinstance(running, Task)
    assert (LastStatus.RUNNING, LATER, up.version + 1) == (running.last_status, running.started_at, running.version)


def test_a_task_behind_a_load_balancer_does_not_run_before_it_has_an_address() -> None:
    up = observe(task(), observed(seen(), is_started=True), definition(), NOW)

    assert [] == advance(up, definition(), (WEB,), {}, NOW)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (HealthStatus.HEALTHY, HealthStatus.HEALTHY, HealthStatus.HEALTHY),
        (HealthStatus.HEALTHY, HealthStatus.UNKNOWN, HealthStatus.UNKNOWN),
        (HealthStatus.UNHEALTHY, HealthStatus.UNKNOWN, HealthStatus.UNHEALTHY),
    ],
)
def test_a_tasks_health_is_that_of_its_essential_containers_with_a_check(
    first: HealthStatus, second: HealthStatus, expected: HealthStatus
) -> None:
    containers = (APP, replace(APP, name="two"), replace(APP, name="no-check", health_check=None))
    sidecar = replace(APP, name="side", essential=False)
    names = ("app", "two", "no-check", "side")
    states = (
        seen(health_status=first),
        seen(name="two", health_status=second),
        seen(name="side", health_status=HealthStatus.UNHEALTHY),
    )

    result = observe(task(names=names), observed(*states), definition(*containers, sidecar), NOW)

    assert expected is result.health_status


def test_a_restart_in_place_is_noted_and_shows_in_no_version() -> None:
    running = observe(task(), observed(seen(started_at=NOW), is_started=True), definition(), NOW)

    again = observe(running, observed(seen(started_at=LATER, restart_count=1), is_started=True), definition(), LATER)

    assert (LATER, 1) == (again.containers[0].started_at, again.containers[0].restart_count)
    assert (running.version, DesiredStatus.RUNNING) == (again.version, again.desired_status)


def test_a_failure_to_start_stops_the_task_with_the_runtimes_words() -> None:
    failed = observe(task(), observed(failure="CannotPullContainerError: no"), definition(), NOW)

    assert (DesiredStatus.STOPPED, StopCode.TASK_FAILED_TO_START) == (failed.desired_status, failed.stop_code)
    assert "CannotPullContainerError: no" == failed.stopped_reason


def test_the_exit_of_an_essential_container_ends_the_task_and_that_of_another_does_not() -> None:
    both = definition(APP, replace(APP, name="side", essential=False))
    running = task(LastStatus.RUNNING, container="RUNNING", names=("app", "side"))

    side = observe(running, observed(seen(), seen("STOPPED", "side", exit_code=0)), both, NOW)
    app = observe(running, observed(seen("STOPPED", exit_code=3, finished_at=LATER), seen(name="side")), both, LATER)

    assert DesiredStatus.RUNNING is side.desired_status
    assert (DesiredStatus.STOPPED, StopCode.ESSENTIAL_CONTAINER_EXITED) == (app.desired_status, app.stop_code)
    assert ("Essential container in task exited", LATER) == (app.stopped_reason, app.execution_stopped_at)
    assert 3 == app.containers[0].exit_code


def test_an_exit_after_a_stop_keeps_the_stops_own_reason() -> None:
    stopping = to_stop(LastStatus.STOPPING, StopCode.SERVICE_SCHEDULER_INITIATED)

    exited = observe(stopping, observed(seen("STOPPED", exit_code=143)), definition(), NOW)

    assert StopCode.SERVICE_SCHEDULER_INITIATED is exited.stop_code


def test_a_container_that_exited_before_anyone_looked_did_run() -> None:
    exited = observe(task(), observed(seen("STOPPED", exit_code=1, started_at=NOW, finished_at=LATER)), definition(), LATER)

    assert NOW == exited.started_at
    assert StopCode.ESSENTIAL_CONTAINER_EXITED is exited.stop_code


def test_a_running_task_drains_before_it_is_stopped() -> None:
    running = to_stop(LastStatus.RUNNING, StopCode.SERVICE_SCHEDULER_INITIATED)

    target, deactivating = [put.record for put in advance(running, definition(), (WEB,), REGISTERED, LATER)]

    assert replace(TARGET, draining_since=LATER) == target
    assert isinstance(deactivating, Task)
    assert LastStatus.DEACTIVATING is deactivating.last_status
    assert [] == advance(deactivating, definition(), (WEB,), DRAINING, LATER)
    (stopping,) = [put.record for put in advance(deactivating, definition(), (WEB,), {}, LATER)]
    assert isinstance(stopping, Task)
    assert (LastStatus.STOPPING, LATER) == (stopping.last_status, stopping.stopping_at)


def test_a_users_stop_does_not_wait_for_the_drain_it_begins() -> None:
    running = to_stop(LastStatus.RUNNING, StopCode.USER_INITIATED)

    target, stopping = [put.record for put in advance(running, definition(), (WEB,), REGISTERED, LATER)]

    assert replace(TARGET, draining_since=LATER) == target
    assert isinstance(stopping, Task)
    assert LastStatus.STOPPING is stopping.last_status


def test_a_task_that_exits_while_it_drains_waits_no_longer() -> None:
    draining = to_stop(LastStatus.DEACTIVATING, StopCode.SERVICE_SCHEDULER_INITIATED, container="STOPPED")

    (record,) = [put.record for put in advance(draining, definition(), (WEB,), DRAINING, LATER)]

    assert isinstance(record, Task)
    assert LastStatus.DEPROVISIONING is record.last_status


def test_a_task_is_stopped_only_once_the_runtime_has_nothing_left_of_it() -> None:
    ended = replace(to_stop(LastStatus.STOPPING, StopCode.USER_INITIATED, container="STOPPED"), execution_stopped_at=NOW)
    (removing,) = [put.record for put in advance(ended, definition(), (), {}, LATER)]
    assert isinstance(removing, Task)
    assert (LastStatus.DEPROVISIONING, NOW) == (removing.last_status, removing.execution_stopped_at)
    assert [] == advance(removing, definition(), (), {}, LATER)

    removed = observe(removing, observed(is_removed=True), definition(), LATER)
    (stopped,) = [put.record for put in advance(removed, definition(), (), {}, LATER)]

    assert isinstance(stopped, Task)
    assert (LastStatus.STOPPED, LATER) == (stopped.last_status, stopped.stopped_at)
    assert stopped is observe(stopped, observed(seen()), definition(), LATER)


@pytest.mark.parametrize("status", [LastStatus.PROVISIONING, LastStatus.PENDING, LastStatus.ACTIVATING])
def test_a_task_that_never_ran_is_removed_without_a_signal(status: LastStatus) -> None:
    unwanted = replace(task(status), desired_status=DesiredStatus.STOPPED, stop_code=StopCode.USER_INITIATED)

    (record,) = [put.record for put in advance(unwanted, definition(), (WEB,), {}, LATER)]

    assert isinstance(record, Task)
    assert LastStatus.DEPROVISIONING is record.last_status


def test_a_task_with_a_container_up_is_signalled_even_if_it_never_ran_as_a_whole() -> None:
    half = replace(to_stop(LastStatus.ACTIVATING, StopCode.TASK_FAILED_TO_START), started_at=None)

    (record,) = [put.record for put in advance(half, definition(), (WEB,), {}, LATER)]

    assert isinstance(record, Task)
    assert LastStatus.STOPPING is record.last_status


@pytest.mark.parametrize(
    ("started_at", "code"), [(NOW, StopCode.ESSENTIAL_CONTAINER_EXITED), (None, StopCode.TASK_FAILED_TO_START)]
)
def test_a_task_that_the_runtime_lost_comes_to_its_end(started_at: datetime | None, code: StopCode) -> None:
    status = LastStatus.RUNNING if started_at else LastStatus.PENDING
    known = replace(task(status, container="RUNNING" if started_at else "PENDING"), started_at=started_at)

    lost = observe(known, TaskObservation(task_arn=known.arn, is_removed=True), definition(), LATER)
    (record,) = [put.record for put in advance(lost, definition(), (), {}, LATER)]

    assert code is lost.stop_code
    assert isinstance(record, Task)
    assert LastStatus.STOPPED is record.last_status


observations = st.builds(
    lambda status, code, health, flags, failure: observed(
        seen(status, exit_code=code, health_status=health, started_at=NOW if status != "PENDING" else None),
        is_started=flags[0],
        is_removed=flags[1],
        address=ADDRESS if flags[0] else None,
        failure=failure,
    ),
    st.sampled_from(["PENDING", "RUNNING", "STOPPED"]),
    st.sampled_from([None, 0, 137]),
    st.sampled_from(HealthStatus),
    st.tuples(st.booleans(), st.booleans()),
    st.sampled_from([None, None, None, "CannotStartContainerError: no"]),
)


@given(story=st.lists(st.one_of(observations, st.just("advance"), st.just("drained")), max_size=25))
def test_no_story_takes_a_task_back(story: list[TaskObservation | str]) -> None:
    one = task()
    targets: dict[TargetKey, Target] = {}
    for step in story:
        before = one
        if step == "drained":
            targets = {key: target for key, target in targets.items() if target.draining_since is None}
        elif step == "advance":
            for put in advance(one, definition(), (WEB,), targets, NOW):
                if isinstance(put.record, Target):
                    targets[put.record.target_key] = put.record
                else:
                    assert isinstance(put.record, Task)
                    one = put.record
        else:
            assert isinstance(step, TaskObservation)
            one = observe(one, step, definition(), NOW)
        assert one.last_status is before.last_status or before.last_status.may_become(one.last_status)
        assert one.version >= before.version
        assert not (before.desired_status is DesiredStatus.STOPPED and one.desired_status is DesiredStatus.RUNNING)
