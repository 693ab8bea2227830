"""Rolling deployments as transcripts of service events, and the bounds at every plan."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from service_world import GOOD, GROUP, NEVER_READY, SLOW, START, Behaviour, Setting, World, seconds

from ninelives.model.ecs import (
    DeploymentConfiguration,
    DeploymentStatus,
    DesiredStatus,
    LastStatus,
    RolloutState,
    ServiceDeploymentStatus,
    ServiceStatus,
    StopCode,
    Task,
)
from ninelives.model.elbv2 import Target
from ninelives.model.timing import Timing
from ninelives.scheduler import events, live_ceiling, reconcile, running_floor
from ninelives.scheduler.plan import Plan, Put, StartTasks

EVEN = Behaviour(pull=0, boot=3)
"""All tasks at once, so that events come together."""


def bounds(minimum: int, maximum: int) -> DeploymentConfiguration:
    return DeploymentConfiguration(minimum_healthy_percent=minimum, maximum_percent=maximum)


def steady_world(setting: Setting | None = None) -> World:
    """A world whose first deployment is done, its events forgotten."""
    world = World(setting or Setting())
    world.deploy(EVEN)
    world.run_until(lambda: world.rollout_state() is RolloutState.COMPLETED)
    world.run(60)
    world.told.clear()
    return world


def test_events_of_a_rolling_deployment_come_in_ecs_order_with_its_full_stops() -> None:
    world = steady_world(Setting(desired_count=1))

    world.deploy(SLOW)
    world.run(60)

    expected = [
        "has started 1 tasks: (task 2).",
        "registered 1 targets in (target-group TG)",
        "has stopped 1 running tasks: (task 1).",
        "deregistered 1 targets in (target-group TG)",
        "has begun draining connections on 1 tasks.",
        "(deployment ecs-svc/2) deployment completed.",
        "has reached a steady state.",
    ]
    assert expected == world.transcript()


def test_tasks_that_come_up_together_are_told_together() -> None:
    world = steady_world(Setting(desired_count=3))

    world.deploy(EVEN)
    world.run(60)

    assert "has started 3 tasks: (task 4) (task 5) (task 6)." == world.transcript()[0]
    assert "registered 3 targets in (target-group TG)" == world.transcript()[1]
    assert "has stopped 3 running tasks: (task 1) (task 2) (task 3)." == world.transcript()[2]
    assert "has begun draining connections on 3 tasks." == world.transcript()[4]


def test_a_completed_deployment_says_so_everywhere() -> None:
    world = steady_world()
    deployment = world.deploy(SLOW)
    world.settle()
    assert world.service_deployment_of(deployment).status is ServiceDeploymentStatus.IN_PROGRESS
    assert world.service_deployment_of(deployment).lifecycle_stage == "SCALE_UP"

    world.run(60)

    ended = world.service_deployment_of(deployment)
    assert (ServiceDeploymentStatus.SUCCESSFUL, "CLEAN_UP") == (ended.status, ended.lifecycle_stage)
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert "ECS deployment ecs-svc/2 completed." == world.primary.rollout_state_reason
    statuses = {one.id: one.status for one in world.deployments.values()}
    assert {"ecs-svc/1": DeploymentStatus.INACTIVE, "ecs-svc/2": DeploymentStatus.PRIMARY} == statuses


@pytest.mark.parametrize("desired", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("percent", [(100, 200), (50, 200), (0, 100), (100, 150), (50, 100), (66, 133), (100, 125), (0, 150)])
def test_floor_and_ceiling_hold_at_every_plan_and_a_deadlock_is_told_once(desired: int, percent: tuple[int, int]) -> None:
    floor, ceiling = running_floor(desired, percent[0]), live_ceiling(desired, percent[1])
    world = steady_world(Setting(desired_count=desired, configuration=bounds(*percent)))

    def check(world: World, _plan: Plan, _before: Mapping[str, Task]) -> None:
        assert len(world.live) <= ceiling
        assert len(world.healthy) >= floor

    world.watch = check
    deployment = world.deploy(SLOW)
    tasks = set(world.tasks)
    world.run(600)

    if floor == ceiling:
        assert [events.deadlocked("cats")] == world.messages
        assert tasks == set(world.tasks)
    else:
        assert world.deployments[deployment.id].rollout_state is RolloutState.COMPLETED
        assert desired == len(world.healthy) == len(world.live_of(deployment))


def test_a_deadlock_is_told_again_only_after_six_hours() -> None:
    world = steady_world(Setting(desired_count=1, configuration=bounds(50, 100)))
    world.deploy()

    world.run(5 * 3600)
    world.kill(world.live[0])
    world.run(60)
    assert 1 == world.messages.count(events.deadlocked("cats"))
    assert RolloutState.COMPLETED == world.rollout_state(), "a lost old task makes room for the first new one"


def test_a_deadlock_is_told_though_the_task_that_stays_is_protected() -> None:
    world = steady_world(Setting(desired_count=1, configuration=bounds(50, 100)))
    world.tasks = {arn: replace(task, protected_until=world.now + seconds(60)) for arn, task in world.tasks.items()}
    world.deploy()

    world.settle()

    assert [events.deadlocked("cats")] == world.messages


def test_old_tasks_go_one_by_one_as_new_ones_become_healthy() -> None:
    world = steady_world(Setting(desired_count=2))
    world.deploy(Behaviour(pull=10, boot=1))

    world.run_until(lambda: any("stopped" in message for message in world.messages))

    assert "has stopped 1 running tasks: (task 2)." in world.transcript()


def test_the_waiter_for_stability_is_not_satisfied_between_update_and_completion() -> None:
    world = steady_world()
    world.deploy(SLOW)

    listed = [one for one in world.deployments.values() if one.status is not DeploymentStatus.INACTIVE]

    assert [DeploymentStatus.ACTIVE, DeploymentStatus.PRIMARY] == [one.status for one in listed]


def test_a_deployment_completes_while_the_old_task_still_drains() -> None:
    world = steady_world(Setting(desired_count=1, drain=0))
    world.setting = replace(world.setting, drain=300)
    world.deploy(EVEN)

    world.run_until(lambda: world.rollout_state() is RolloutState.COMPLETED, at_most=20)

    assert LastStatus.DEACTIVATING in {task.last_status for task in world.tasks.values()}


def test_without_load_balancer_and_check_a_task_counts_forty_seconds_after_it_runs() -> None:
    world = World(Setting(desired_count=1, target_groups=()))
    world.deploy(EVEN)

    world.run(39)
    assert RolloutState.IN_PROGRESS == world.rollout_state()

    world.run(2)
    assert RolloutState.COMPLETED == world.rollout_state()


def test_the_forty_seconds_shrink_with_the_time_scale() -> None:
    world = World(Setting(desired_count=1, target_groups=()), timing=Timing(time_scale=10))
    world.deploy(EVEN)

    world.run(5)

    assert RolloutState.COMPLETED == world.rollout_state()


@pytest.mark.parametrize("groups", [(GROUP,), (GROUP, f"{GROUP}-2")])
@pytest.mark.parametrize("has_check", [False, True])
def test_a_task_that_is_not_ready_never_costs_an_old_one(groups: tuple[str, ...], has_check: bool) -> None:
    world = steady_world(Setting(target_groups=groups, has_health_check=has_check, grace_period=seconds(120)))
    world.deploy(NEVER_READY)

    world.run(100)

    assert not [message for message in world.messages if "stopped" in message]
    assert 2 == len(world.healthy)


def test_a_bake_time_keeps_the_deployment_in_progress_until_it_is_over() -> None:
    world = steady_world(Setting(configuration=DeploymentConfiguration(bake_time=seconds(120))))
    deployment = world.deploy(EVEN)

    world.run(100)
    assert "BAKE_TIME" == world.service_deployment_of(deployment).lifecycle_stage
    assert RolloutState.IN_PROGRESS == world.rollout_state()

    world.run(40)
    assert RolloutState.COMPLETED == world.rollout_state()


def test_a_new_deployment_supersedes_the_one_under_way_and_stops_its_pending_tasks() -> None:
    world = steady_world()
    second = world.deploy(Behaviour(pull=100))
    world.run(10)
    third = world.deploy(SLOW)

    world.settle()
    superseded = world.service_deployment_of(second)
    assert ServiceDeploymentStatus.STOPPED is superseded.status
    assert superseded.stopped_at is not None
    assert ServiceDeploymentStatus.IN_PROGRESS is world.service_deployment_of(third).status
    assert "stopped 2 pending tasks." in world.transcript()

    world.run(60)
    assert third.id == world.primary.id
    assert RolloutState.COMPLETED == world.rollout_state()
    assert {LastStatus.STOPPED} == {
        task.last_status for task in world.tasks.values() if task.revision_arn == second.revision_arn
    }


def test_pending_tasks_of_a_superseded_deployment_go_even_where_nothing_else_runs() -> None:
    world = World(Setting())
    world.deploy(Behaviour(pull=100))
    world.run(5)
    third = world.deploy(GOOD)

    world.settle()

    assert "stopped 2 pending tasks." in world.transcript()
    assert {third.revision_arn} == {task.revision_arn for task in world.live}


def test_several_revisions_share_one_budget_until_the_newest_is_up() -> None:
    world = steady_world(Setting(desired_count=3))
    world.deploy(replace(NEVER_READY, luck=0.5))
    world.setting = replace(world.setting, grace_period=seconds(600))
    world.service = replace(world.service, health_check_grace_period=seconds(600))
    world.run(20)
    world.deploy(SLOW)
    world.run(2)

    active = [one for one in world.deployments.values() if one.status is DeploymentStatus.ACTIVE]
    assert 2 == len(active)
    assert len(world.live) <= 6

    world.run(60)
    assert RolloutState.COMPLETED == world.rollout_state()
    assert 3 == len(world.live) == len(world.live_of(world.primary))


def test_scaling_out_in_the_middle_grows_both_revisions_and_starts_no_deployment() -> None:
    world = steady_world()
    world.deploy(Behaviour(pull=60))
    world.run(5)

    world.scale(4)
    world.run(5)

    old, new = world.deployments["ecs-svc/1"], world.deployments["ecs-svc/2"]
    assert (4, 4) == (len(world.live_of(old)), len(world.live_of(new)))
    world.run(200)
    assert 4 == len(world.live_of(new)) == len(world.live)
    assert 2 == len(world.deployments)


def test_scaling_in_in_the_middle_keeps_within_the_new_ceiling() -> None:
    world = steady_world(Setting(desired_count=4))
    world.deploy(Behaviour(pull=60))
    world.run(5)

    world.scale(1)
    world.settle()

    assert 2 == len(world.live)
    assert 1 == len(world.healthy)


def test_scaling_in_where_nothing_may_be_extra_gives_up_new_tasks_that_are_not_healthy_yet() -> None:
    world = steady_world(Setting(desired_count=4, configuration=bounds(50, 100)))
    world.deploy(Behaviour(pull=60))
    world.run(5)
    assert (2, 4) == (len(world.healthy), len(world.live))

    world.scale(1)
    world.settle()

    assert [world.healthy[0].arn] == [task.arn for task in world.live]


@pytest.mark.parametrize("desired", [0, 1, 5])
def test_a_service_scales_to_what_is_desired_and_is_steady_again(desired: int) -> None:
    world = steady_world()

    world.scale(desired)
    world.run(60)

    assert desired == len(world.healthy) == len(world.live)
    assert "has reached a steady state." == world.transcript()[-1]
    assert 1 == world.messages.count(events.steady("cats"))


def test_nothing_desired_is_deployed_at_once() -> None:
    world = World(Setting(desired_count=0))
    world.deploy()

    world.settle()

    assert ["(deployment ecs-svc/1) deployment completed.", "has reached a steady state."] == world.transcript()


def test_a_steady_state_is_told_again_after_six_hours_and_not_before() -> None:
    world = steady_world()

    world.run(5.9 * 3600)
    assert not world.messages

    world.run(0.2 * 3600)
    assert [events.steady("cats")] == world.messages


def test_a_control_plane_that_comes_back_tells_no_steady_state_and_starts_nothing() -> None:
    world = steady_world()
    tasks = set(world.tasks)

    world.lose_control_plane(5)
    world.run(60)

    assert not world.messages
    assert tasks == set(world.tasks)


def test_a_control_plane_that_comes_back_in_the_middle_takes_no_task_for_lost() -> None:
    world = steady_world()
    world.deploy(Behaviour(pull=30, boot=1))
    world.run_until(lambda: any("stopped" in message for message in world.messages))

    world.lose_control_plane(1)
    world.run(100)

    assert 4 == len(world.tasks)
    assert RolloutState.COMPLETED == world.rollout_state()


def test_an_address_that_went_to_a_new_task_is_not_taken_from_it_when_the_old_one_is_found_dead() -> None:
    world = steady_world()
    old, new = sorted(world.live, key=lambda task: task.id)
    assert old.address is not None
    world.tasks[new.arn] = replace(new, address=old.address, created_at=new.created_at + seconds(1))
    world.targets = {key: target for key, target in world.targets.items() if key.id == old.address.ip}
    world.simulated[new.arn].address = old.address.ip

    world.kill(old)
    world.run(1)

    (target,) = [target for key, target in world.targets.items() if key.id == old.address.ip]
    assert target.draining_since is None


def test_a_target_is_not_forgotten_because_its_address_went_to_a_task_that_ended_before_it_ran() -> None:
    world = steady_world()
    old, brief = sorted(world.live, key=lambda task: task.id)
    assert old.address is not None
    world.targets = {key: target for key, target in world.targets.items() if key.id == old.address.ip}
    ended = {"desired_status": DesiredStatus.STOPPED, "stop_code": StopCode.ESSENTIAL_CONTAINER_EXITED}
    exited = tuple(replace(one, last_status="STOPPED") for one in old.containers)
    world.tasks[old.arn] = replace(old, containers=exited, **ended)  # type: ignore[arg-type] # by name
    world.tasks[brief.arn] = replace(
        brief,
        last_status=LastStatus.ACTIVATING,
        created_at=brief.created_at + seconds(1),
        address=old.address,
        containers=exited,
        **ended,  # type: ignore[arg-type] # by name
    )

    plan = reconcile(world.snapshot(), world.now, world.timing)

    targets = [one.record for one in plan.decisions if isinstance(one, Put) and isinstance(one.record, Target)]
    assert [(old.address.ip, world.now)] == [(one.id, one.draining_since) for one in targets]


def test_protected_tasks_hold_a_deployment_until_their_protection_ends() -> None:
    world = steady_world()
    protected = world.live[0]
    world.tasks[protected.arn] = replace(protected, protected_until=world.now + seconds(300))
    world.deploy(EVEN)

    world.run(100)
    assert RolloutState.IN_PROGRESS == world.rollout_state()
    assert DesiredStatus.RUNNING is world.tasks[protected.arn].desired_status
    assert [events.protected("cats", "ecs-svc/1", 1)] == [one for one in world.messages if "protection" in one]

    world.run(250)
    assert RolloutState.COMPLETED == world.rollout_state()


def test_an_old_task_that_dies_in_a_deployment_is_replaced_within_its_revision() -> None:
    world = steady_world()
    world.deploy(Behaviour(pull=100))
    world.run(5)

    world.kill(world.live_of(world.deployments["ecs-svc/1"])[0])
    world.run(20)

    assert 2 == len([task for task in world.live_of(world.deployments["ecs-svc/1"]) if task in world.healthy])


def test_a_deleted_service_stops_all_its_tasks_then_is_inactive() -> None:
    world = steady_world()
    world.deploy(Behaviour(pull=100))
    world.run(5)

    world.delete_service()
    world.run(60)

    assert ServiceStatus.INACTIVE is world.service.status
    assert {LastStatus.STOPPED} == {task.last_status for task in world.tasks.values()}
    assert not world.open_service_deployments
    assert {DeploymentStatus.INACTIVE} == {one.status for one in world.deployments.values()}
    assert not reconcile(world.snapshot(), world.now, world.timing).decisions


def test_a_task_that_a_deployment_stops_names_it_as_the_reason() -> None:
    world = steady_world(Setting(desired_count=1))
    world.deploy(GOOD)
    world.run(60)

    stopped = next(task for task in world.tasks.values() if task.stopped_at is not None)
    expected = (StopCode.SERVICE_SCHEDULER_INITIATED, "Scaling activity initiated by (deployment ecs-svc/2)")
    assert expected == (stopped.stop_code, stopped.stopped_reason)


def test_an_unhealthy_task_in_the_bake_time_is_replaced_by_one_of_its_own_revision_only() -> None:
    """The old revision was scaled to nothing on purpose: it has lost no task that the floor would ask for."""
    world = steady_world(Setting(desired_count=1, configuration=DeploymentConfiguration(bake_time=seconds(600))))
    world.deploy(SLOW)
    world.run(60)
    (task,) = world.live_of(world.primary)
    assert world.service_deployment_of(world.primary).lifecycle_stage == "BAKE_TIME"
    world.told.clear()

    world.sicken(task)
    world.run(60)

    started = [message for message in world.transcript() if message.startswith("has started")]
    assert ["has started 1 tasks: (task 3). Amazon ECS replaced 1 tasks due to an unhealthy status."] == started
    assert 1 == len(world.live) == len(world.live_of(world.primary))


def test_no_more_than_five_hundred_tasks_of_a_service_are_started_in_a_minute() -> None:
    world = World(Setting(desired_count=1_100))
    world.deploy()
    started: list[tuple[float, int]] = []

    for second in (0, 0, 59, 60, 60, 90, 120, 180):
        world.now = START + seconds(second)
        plan = reconcile(world.snapshot(), world.now, world.timing)
        started += [(second, one.count) for one in plan.decisions if isinstance(one, StartTasks)]
        world.apply(plan)

    assert started == [(0, 500), (60, 500), (120, 100)]


def test_the_launch_rate_is_policy_and_is_scaled() -> None:
    world = World(Setting(desired_count=600), timing=Timing(time_scale=60))
    world.deploy()
    world.apply(reconcile(world.snapshot(), world.now, world.timing))

    assert reconcile(world.snapshot(), world.now, world.timing).wake_at == START + seconds(1)
