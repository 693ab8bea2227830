"""Circuit breaker, rollback, throttle and replacement, as transcripts and records."""

from dataclasses import replace
from itertools import pairwise

import pytest
from service_world import CRASHES, GOOD, NEVER_READY, NEVER_STARTS, SLOW, Behaviour, Setting, World, seconds

from ninelives.model.ecs import (
    CircuitBreaker,
    DeploymentConfiguration,
    DeploymentStatus,
    LastStatus,
    RolloutState,
    ServiceDeploymentStatus,
    StopCode,
    ThresholdConfiguration,
    ThresholdType,
)
from ninelives.scheduler import events

BREAKER = CircuitBreaker(enable=True, rollback=True)
EVEN = Behaviour(pull=0, boot=3)


def with_breaker(breaker: CircuitBreaker = BREAKER, *, desired: int = 1, **setting: object) -> Setting:
    configuration = DeploymentConfiguration(circuit_breaker=breaker)
    return replace(Setting(desired_count=desired, configuration=configuration), **setting)  # type: ignore[arg-type] # by name


def steady_world(setting: Setting | None = None) -> World:
    world = World(setting or with_breaker())
    world.deploy(EVEN)
    world.run(100)
    world.told.clear()
    return world


def starts(world: World) -> list[float]:
    """When tasks were started, in seconds since the first of them."""
    times = [at for at, message in world.told if "has started" in message]
    return [(at - times[0]).total_seconds() for at in times]


def test_the_third_failure_trips_the_breaker_and_the_old_deployment_comes_back_under_its_id() -> None:
    world = steady_world()
    first = world.primary

    failed = world.deploy(NEVER_READY)
    world.run(120)

    expected = [
        "has stopped 1 running tasks: (task 4).",
        "(deployment ecs-svc/2) deployment failed: tasks failed to start.",
        "rolling back to deployment ecs-svc/1.",
        "deregistered 1 targets in (target-group TG)",
        "has begun draining connections on 1 tasks.",
        "(deployment ecs-svc/1) deployment completed.",
        "has reached a steady state.",
    ]
    assert expected == world.transcript()[-7:]
    assert first.id == world.primary.id
    assert first.revision_arn == world.primary.revision_arn
    assert "ECS deployment ecs-svc/1 completed." == world.primary.rollout_state_reason
    assert world.service.task_definition_arn.endswith("cats:1")
    gone = world.deployments[failed.id]
    assert (DeploymentStatus.INACTIVE, RolloutState.FAILED, 3) == (gone.status, gone.rollout_state, gone.failed_tasks)
    assert "ECS deployment circuit breaker: tasks failed to start." == gone.rollout_state_reason
    act = world.service_deployment_of(failed)
    assert ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL is act.status
    assert "Service deployment rolled back because the circuit breaker threshold was exceeded." == act.status_reason
    assert ("TRIGGERED", 3, 3) == (act.circuit_breaker_status, act.failure_count, act.failure_threshold)
    assert act.rollback is not None
    assert first.revision_arn == act.rollback.service_revision_arn


def test_while_a_rollback_restores_tasks_the_old_deployment_is_in_progress_under_its_own_reason() -> None:
    breaker_and_gap = DeploymentConfiguration(minimum_healthy_percent=0, maximum_percent=100, circuit_breaker=BREAKER)
    world = steady_world(Setting(desired_count=1, configuration=breaker_and_gap))
    failed = world.deploy(CRASHES)

    world.run_until(lambda: world.primary.id == "ecs-svc/1")

    assert RolloutState.IN_PROGRESS == world.rollout_state()
    expected = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."
    assert expected == world.primary.rollout_state_reason
    assert (DeploymentStatus.ACTIVE, RolloutState.FAILED) == (
        world.deployments[failed.id].status,
        world.deployments[failed.id].rollout_state,
    )
    assert ServiceDeploymentStatus.ROLLBACK_IN_PROGRESS is world.service_deployment_of(failed).status
    world.run(60)
    assert ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL is world.service_deployment_of(failed).status
    assert 1 == len(world.healthy)


def test_a_restored_deployment_begins_with_a_clean_count() -> None:
    world = World(with_breaker(replace(BREAKER, reset_on_healthy_task=False)))
    world.deploy(EVEN)
    world.run(1)
    world.kill(world.live[0])
    world.run(60)
    assert 1 == world.primary.failed_tasks

    world.deploy(NEVER_STARTS)
    world.run(120)

    assert ("ecs-svc/1", 0) == (world.primary.id, world.primary.failed_tasks)


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (CRASHES, "Essential container in task exited: container app exited with code 1 (task "),
        (NEVER_STARTS, "CannotPullContainerError: pull image manifest: not found (task "),
        (NEVER_READY, "Task failed ELB health checks in (target-group "),
    ],
)
def test_the_cause_of_the_last_failure_is_kept_in_a_sentence(behaviour: Behaviour, cause: str) -> None:
    world = steady_world()
    failed = world.deploy(behaviour)

    world.run(120)

    assert RolloutState.FAILED is world.deployments[failed.id].rollout_state
    assert (world.deployments[failed.id].last_failure_reason or "").startswith(cause)


def test_a_target_that_fails_is_quoted_with_elbs_description() -> None:
    world = steady_world()
    failed = world.deploy(NEVER_READY)
    world.run(12)

    assert "Health checks failed with these codes: [503]" in (world.deployments[failed.id].last_failure_reason or "")
    reason = "Health checks failed with these codes: [503]"
    expected = f"(task 2) (port 4567) is unhealthy in (target-group TG) due to (reason {reason})."
    assert expected in world.transcript()
    stopped = next(task for task in world.tasks.values() if task.stop_code is StopCode.SERVICE_SCHEDULER_INITIATED)
    assert (stopped.stopped_reason or "").startswith("Task failed ELB health checks in (target-group arn:")


def test_without_rollback_the_failed_deployment_stays_primary_starts_nothing_and_old_tasks_serve_on() -> None:
    world = steady_world(with_breaker(CircuitBreaker(enable=True)))
    failed = world.deploy(NEVER_STARTS)
    world.run(60)
    started = len(world.tasks)

    world.run(3600)

    assert failed.id == world.primary.id
    assert RolloutState.FAILED == world.rollout_state()
    assert started == len(world.tasks)
    assert 1 == len(world.healthy)
    act = world.service_deployment_of(failed)
    assert ServiceDeploymentStatus.STOPPED is act.status
    assert act.stopped_at is not None
    listed = [one.id for one in world.deployments.values() if one.status is not DeploymentStatus.INACTIVE]
    assert ["ecs-svc/1", "ecs-svc/2"] == listed, "a waiter for one deployment must not be satisfied"

    world.kill(world.healthy[0])
    world.run(60)
    assert ["ecs-svc/1"] == [task.started_by for task in world.healthy], "the revision that serves is kept up"

    world.deploy(GOOD)
    world.run(60)
    assert RolloutState.COMPLETED == world.rollout_state()
    assert 1 == len(world.live)


def test_a_first_deployment_that_fails_has_nothing_to_go_back_to() -> None:
    world = World(with_breaker())
    first = world.deploy(CRASHES)

    world.run(600)

    act = world.service_deployment_of(first)
    assert ServiceDeploymentStatus.ROLLBACK_FAILED is act.status
    assert "No rollback candidate was found to run the rollback." == act.status_reason
    assert events.rollback_failed("cats", first.id) in world.messages
    assert RolloutState.FAILED == world.rollout_state()
    assert not world.live


def test_a_deployment_that_fails_while_the_rollback_before_it_is_under_way_has_no_candidate() -> None:
    world = steady_world(
        Setting(
            desired_count=1,
            configuration=DeploymentConfiguration(minimum_healthy_percent=0, maximum_percent=100, circuit_breaker=BREAKER),
        )
    )
    world.behaviours = {arn: Behaviour(boot=300) for arn in world.behaviours}
    second = world.deploy(CRASHES)
    world.run_until(lambda: world.primary.id == "ecs-svc/1")
    third = world.deploy(CRASHES)

    world.run(120)

    assert third.id == world.primary.id
    assert RolloutState.FAILED == world.rollout_state()
    assert ServiceDeploymentStatus.STOPPED is world.service_deployment_of(second).status
    assert ServiceDeploymentStatus.ROLLBACK_FAILED is world.service_deployment_of(third).status
    started = [task for task in world.tasks.values() if task.revision_arn == third.revision_arn]
    world.run(600)
    assert len(started) == len([task for task in world.tasks.values() if task.revision_arn == third.revision_arn])


def test_a_good_deployment_in_the_middle_of_a_rollback_goes_through() -> None:
    world = steady_world()
    world.deploy(NEVER_STARTS)
    world.run_until(lambda: any("rolling back" in message for message in world.messages))
    third = world.deploy(SLOW)

    world.run(60)

    assert third.id == world.primary.id
    assert ServiceDeploymentStatus.SUCCESSFUL is world.service_deployment_of(third).status
    assert 1 == len(world.live)


def test_a_rollback_that_fails_too_says_so_and_goes_on_trying() -> None:
    configuration = DeploymentConfiguration(minimum_healthy_percent=0, maximum_percent=100, circuit_breaker=BREAKER)
    world = steady_world(Setting(desired_count=1, configuration=configuration))
    world.behaviours = dict.fromkeys(world.behaviours, CRASHES)
    second = world.deploy(CRASHES)

    world.run(300)
    act = world.service_deployment_of(second)
    assert ServiceDeploymentStatus.ROLLBACK_FAILED is act.status
    assert "ecs-svc/1" == world.primary.id

    world.heal()
    world.run(60)
    assert 1 == len(world.healthy)
    assert RolloutState.COMPLETED == world.rollout_state()


def test_a_rollback_that_a_user_asks_for_needs_no_breaker() -> None:
    world = steady_world(Setting(desired_count=2))
    second = world.deploy(Behaviour(pull=100))
    world.run(5)

    world.request_rollback()
    world.run(30)

    assert "ecs-svc/1" == world.primary.id
    assert "stopped 2 pending tasks." in world.transcript()
    assert not [message for message in world.messages if "deployment failed" in message]
    assert ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL is world.service_deployment_of(second).status
    assert 2 == len(world.live)


def test_a_rollback_keeps_the_desired_count_of_now() -> None:
    world = steady_world()
    world.deploy(NEVER_STARTS)
    world.run(5)
    world.scale(3)

    world.run(300)

    assert "ecs-svc/1" == world.primary.id
    assert 3 == len(world.live_of(world.primary)) == world.service.desired_count


def test_the_threshold_follows_the_desired_count() -> None:
    world = steady_world(with_breaker(desired=6))
    second = world.deploy(Behaviour(pull=1000))
    world.settle()
    assert 3 == world.service_deployment_of(second).failure_threshold

    world.scale(10)
    world.settle()

    assert 5 == world.service_deployment_of(second).failure_threshold


@pytest.mark.parametrize(("is_reset", "failures", "primary"), [(True, 1, "ecs-svc/2"), (False, 2, "ecs-svc/1")])
def test_a_healthy_task_resets_the_count_unless_asked_otherwise(is_reset: bool, failures: int, primary: str) -> None:
    threshold = ThresholdConfiguration(type=ThresholdType.COUNT, value=2)
    world = steady_world(with_breaker(replace(BREAKER, reset_on_healthy_task=is_reset, threshold=threshold), desired=2))
    second = world.deploy(EVEN)
    world.run(1)
    world.kill(world.live_of(second)[0])
    world.run(2.5)
    assert 1 == len([task for task in world.live_of(second) if task in world.healthy])

    world.kill(next(task for task in world.live_of(second) if not task.was_healthy))
    world.settle()

    assert failures == world.deployments[second.id].failed_tasks
    assert primary == world.primary.id


def test_tasks_that_never_run_are_tried_less_and_less_often_and_the_service_says_so() -> None:
    world = steady_world(Setting(desired_count=1))
    world.deploy(NEVER_STARTS)

    world.run(200)

    gaps = [later - earlier for earlier, later in pairwise(starts(world))]
    assert gaps[0] < 2
    assert [10, 20, 40, 80] == [round(gap) for gap in gaps[1:]]
    assert 1 == world.messages.count(events.unable_to_start_consistently("cats"))
    assert 1 == len([message for message in world.messages if "unable to place a task" in message])


def test_tasks_that_crash_after_running_are_started_once_a_tick_for_ever() -> None:
    world = steady_world(Setting(desired_count=1))
    world.deploy(CRASHES)

    world.run(200)

    gaps = [later - earlier for earlier, later in pairwise(starts(world))]
    assert gaps[0] < 3
    assert {10} == {round(gap) for gap in gaps[1:]}
    assert events.unable_to_start_consistently("cats") not in world.messages


def test_a_new_deployment_is_not_held_back_by_the_failures_before_it() -> None:
    world = steady_world(Setting(desired_count=1))
    world.deploy(NEVER_STARTS)
    world.run(500)
    world.told.clear()

    world.deploy(GOOD)
    world.run(10)

    assert RolloutState.COMPLETED == world.rollout_state()


def test_an_unhealthy_task_is_replaced_before_it_is_stopped() -> None:
    world = steady_world(Setting(desired_count=1))

    world.sicken(world.live[0])
    world.run(60)

    expected = [
        "has started 1 tasks: (task 2). Amazon ECS replaced 1 tasks due to an unhealthy status.",
        "registered 1 targets in (target-group TG)",
        "(task 1) (port 4567) is unhealthy in (target-group TG) due to (reason Health checks failed with these codes: [503]).",
        "has stopped 1 running tasks: (task 1).",
        "deregistered 1 targets in (target-group TG)",
        "has begun draining connections on 1 tasks.",
        "has reached a steady state.",
    ]
    assert expected == world.transcript()


def test_where_the_ceiling_leaves_no_room_unhealthy_tasks_are_stopped_one_at_a_time() -> None:
    configuration = DeploymentConfiguration(minimum_healthy_percent=50, maximum_percent=100)
    world = steady_world(Setting(desired_count=2, configuration=configuration))

    for task in world.live:
        world.sicken(task)
    world.run(10)
    assert 1 == len([message for message in world.messages if "has stopped 1 running tasks" in message])
    assert 2 == len(world.live)

    world.run(60)
    assert 2 == len(world.healthy)


def test_a_failing_container_check_is_told_and_replaced() -> None:
    world = steady_world(Setting(desired_count=1, target_groups=(), has_health_check=True))

    world.sicken(world.live[0])
    world.run(60)

    assert "(task 1) failed container health checks." in world.transcript()
    stopped = next(task for task in world.tasks.values() if task.stopped_at is not None)
    assert "Task failed container health checks" == stopped.stopped_reason


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_task_that_is_killed_or_stopped_by_hand_is_replaced_at_once(end: str) -> None:
    world = steady_world(Setting(desired_count=1))

    for _ in range(3):
        world.told.clear()
        if end == "kill":
            world.kill(world.live[0])
        else:
            world.stop_task(world.live[0])
        at = world.now
        world.run(20)
        assert [at] == [when for when, message in world.told if "has started" in message]
        assert 1 == len(world.healthy)
    assert 0 == world.primary.failed_tasks


def test_a_task_that_a_user_stops_is_signalled_without_waiting_for_its_drain() -> None:
    world = steady_world(Setting(desired_count=1, drain=300))
    task = world.live[0]

    world.stop_task(task)
    world.settle()

    assert LastStatus.STOPPING is world.tasks[task.arn].last_status
    assert {True} == {target.draining_since is not None for target in world.targets.values()}


@pytest.mark.parametrize("has_check", [False, True])
def test_failing_checks_are_ignored_in_the_grace_period_but_a_crash_is_not(has_check: bool) -> None:
    world = steady_world(Setting(desired_count=1, has_health_check=has_check, grace_period=seconds(60)))
    world.deploy(NEVER_READY)

    world.run(58)
    assert 2 == len(world.tasks)

    world.run(12)
    assert 3 == len(world.tasks)
    world.kill(next(task for task in world.live if not task.was_healthy))
    world.run(11)
    assert 4 == len(world.tasks)


def test_a_slow_boot_inside_the_grace_period_is_a_success() -> None:
    world = steady_world(with_breaker(grace_period=seconds(60)))
    world.deploy(Behaviour(boot=50))

    world.run(70)

    assert RolloutState.COMPLETED == world.rollout_state()
    assert 2 == len(world.tasks)


def test_a_completed_deployment_that_fails_later_never_rolls_back() -> None:
    world = steady_world()
    world.deploy(GOOD)
    world.run(60)
    world.behaviours = dict.fromkeys(world.behaviours, CRASHES)

    world.kill(world.live[0])
    world.run(300)

    assert "ecs-svc/2" == world.primary.id
    assert RolloutState.COMPLETED == world.rollout_state()
    assert 0 == world.primary.failed_tasks


def test_a_target_deregistered_behind_the_services_back_gets_its_task_replaced() -> None:
    world = steady_world(Setting(desired_count=1))
    world.targets.clear()

    world.run(30)

    assert any(message.endswith("due to TARGET IS NOT FOUND") for message in world.messages)
    assert 1 == len(world.healthy)


def test_of_several_deployments_that_were_completed_the_last_one_comes_back_whichever_was_made_last() -> None:
    world = steady_world()
    first = world.primary
    second = world.deploy(SLOW)
    world.run(1)
    # As reconciling leaves it: the older deployment was proven after the newer one.
    made_before = replace(
        world.deployments[second.id],
        created_at=first.created_at - seconds(60),
        rollout_state=RolloutState.COMPLETED,
        completed_at=world.now,
    )
    world.deployments[second.id] = made_before
    world.deploy(SLOW)
    world.run(1)
    world.request_rollback()
    world.run(1)

    assert world.primary.id == second.id
