"""Deployments that shift traffic: stages, weights, hooks, alarms, and the way back from each stage."""

from dataclasses import replace
from datetime import timedelta

import pytest
from service_world import (
    CRASHES,
    FUNCTION,
    GOOD,
    GREEN,
    GROUP,
    NEVER_READY,
    PRODUCTION,
    SLOW,
    TEST,
    THIRD,
    Behaviour,
    Setting,
    World,
    rule,
    seconds,
)

from ninelives.model.cloudwatch import StateValue
from ninelives.model.ecs import (
    CanaryConfiguration,
    CircuitBreaker,
    Deployment,
    DeploymentAlarms,
    DeploymentConfiguration,
    DeploymentStatus,
    HookExecution,
    HookStatus,
    HookTargetType,
    HookTimeoutAction,
    LifecycleHook,
    LifecycleStage,
    LinearConfiguration,
    RolloutState,
    ServiceDeploymentStatus,
    Strategy,
)
from ninelives.scheduler import events

S = LifecycleStage
BREAKER = CircuitBreaker(enable=True, rollback=True)
BLUE_GREEN = DeploymentConfiguration(strategy=Strategy.BLUE_GREEN, circuit_breaker=BREAKER, bake_time=seconds(60))
CANARY = DeploymentConfiguration(
    strategy=Strategy.CANARY,
    circuit_breaker=BREAKER,
    bake_time=seconds(60),
    canary=CanaryConfiguration(percent=5.0, bake_time=timedelta(minutes=10)),
)
LINEAR = DeploymentConfiguration(
    strategy=Strategy.LINEAR,
    circuit_breaker=BREAKER,
    bake_time=seconds(60),
    linear=LinearConfiguration(step_percent=40.0, step_bake_time=timedelta(minutes=6)),
)


def steady_world(configuration: DeploymentConfiguration = BLUE_GREEN, **setting: object) -> World:
    """A service whose first revision has all traffic. As on ECS it is in the alternate group, green."""
    world = World(Setting(configuration=configuration, shifts=True, **setting))  # type: ignore[arg-type] # of Setting
    world.deploy()
    world.run_until(lambda: world.rollout_state() is RolloutState.COMPLETED)
    world.run(60)
    world.told.clear()
    world.shares.clear()
    return world


def status(world: World) -> ServiceDeploymentStatus:
    return list(world.service_deployments.values())[-1].status


def stage(world: World) -> LifecycleStage | None:
    return list(world.service_deployments.values())[-1].lifecycle_stage


def until_stage(world: World, wanted: LifecycleStage) -> None:
    world.run_until(lambda: stage(world) is wanted)


def protect(world: World, *, lasts: float) -> None:
    """UpdateTaskProtection of one task of the revision that serves: its deployment's clean-up has to wait."""
    task = world.live[0]
    world.tasks[task.arn] = replace(task, protected_until=world.now + seconds(lasts))


def until_done(world: World) -> None:
    world.run_until(lambda: status(world).is_terminal, at_most=90_000)


def with_hooks(configuration: DeploymentConfiguration, *hooks: LifecycleHook) -> DeploymentConfiguration:
    return replace(configuration, lifecycle_hooks=hooks)


def test_the_first_deployment_lands_in_the_alternate_group_and_gets_all_traffic_at_once() -> None:
    world = World(Setting(configuration=CANARY, shifts=True))
    world.deploy()

    world.run_until(lambda: world.rollout_state() is RolloutState.COMPLETED)

    assert [share for _, share in world.shares] == [100]
    assert world.share(GROUP, TEST) == 0
    assert world.now - world.shares[0][0] < seconds(70)
    assert {key.target_group_arn for key in world.targets} == {GREEN}


def test_the_second_deployment_lands_in_the_other_group_and_the_pair_is_never_swapped() -> None:
    world = steady_world()
    pair = world.service.load_balancers

    world.deploy()
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL
    assert world.share(GROUP) == world.share(GROUP, TEST) == 100
    assert world.service.load_balancers == pair


def test_both_revisions_are_at_full_size_until_the_bake_time_is_over() -> None:
    world = steady_world()
    old = world.live
    new = world.deploy()

    until_stage(world, S.BAKE_TIME)
    began = world.now

    assert len(world.live_of(new)) == len(old) == 2
    assert all(world.tasks[task.arn].is_live for task in old)
    assert [one.rollout_state for one in world.deployments.values() if one.status is DeploymentStatus.ACTIVE] == [
        RolloutState.COMPLETED
    ]
    until_stage(world, S.CLEAN_UP)
    assert world.now - began == seconds(60)
    until_done(world)
    assert world.live == world.live_of(new)


def test_a_canary_gets_its_part_first_and_the_rest_after_its_bake_time() -> None:
    world = steady_world(CANARY)

    world.deploy()
    until_done(world)

    (first_at, first), (then_at, then) = world.shares
    assert (first, then) == (95, 0)  # green's, which is the old revision here
    assert timedelta(minutes=10) <= then_at - first_at < timedelta(minutes=10, seconds=1)


def test_linear_steps_follow_each_other_and_the_last_one_is_not_followed_by_a_step_bake() -> None:
    world = steady_world(LINEAR)

    world.deploy()
    until_stage(world, S.BAKE_TIME)

    assert [share for _, share in world.shares] == [60, 20, 0]
    gaps = [after - before for (before, _), (after, _) in zip(world.shares, world.shares[1:], strict=False)]
    assert all(timedelta(minutes=6) <= gap < timedelta(minutes=6, seconds=1) for gap in gaps)
    assert world.now - world.shares[-1][0] < seconds(1)


def test_test_traffic_is_shifted_before_production_traffic() -> None:
    world = paused_world(BLUE_GREEN, stages=(S.POST_TEST_TRAFFIC_SHIFT,))

    assert world.share(GROUP, TEST) == 100
    assert world.share(GROUP, PRODUCTION) == 0


ALL_HOOKS = LifecycleHook(
    target_arn=FUNCTION,
    stages=(
        S.PRE_SCALE_UP,
        S.POST_SCALE_UP,
        S.TEST_TRAFFIC_SHIFT,
        S.POST_TEST_TRAFFIC_SHIFT,
        S.PRE_PRODUCTION_TRAFFIC_SHIFT,
        S.PRODUCTION_TRAFFIC_SHIFT,
        S.POST_PRODUCTION_TRAFFIC_SHIFT,
    ),
)


def test_hooks_are_called_in_the_order_of_the_stages_and_for_every_step() -> None:
    world = steady_world(with_hooks(LINEAR, ALL_HOOKS))
    world.hook_calls.clear()

    world.deploy()
    until_done(world)

    steps = [S.PRE_PRODUCTION_TRAFFIC_SHIFT, S.PRODUCTION_TRAFFIC_SHIFT] * 3
    assert [call.stage for call in world.hook_calls] == [*ALL_HOOKS.stages[:4], *steps, S.POST_PRODUCTION_TRAFFIC_SHIFT]
    assert len({call.hook_id for call in world.hook_calls}) == len(world.hook_calls)
    weights = [call.payload["executionDetails"]["productionTrafficWeights"] for call in world.hook_calls]
    target = world.primary.revision_arn
    assert [one.get(target) for one in weights if one] == [40.0, 80.0, 100.0]


@pytest.mark.parametrize("wanted", ALL_HOOKS.stages)
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"hookStatus": "FAILED"}, f"Lifecycle hook target {FUNCTION} returned FAILED status."),
        ({}, f"ECS was unable to parse the response from {FUNCTION} due to: HookStatus must not be null."),
        (ValueError("connection refused"), f"ECS was unable to invoke hook target {FUNCTION} due to connection refused"),
    ],
)
def test_a_hook_that_fails_rolls_back_from_every_stage(wanted: LifecycleStage, answer: object, told: str) -> None:
    world = steady_world(with_hooks(CANARY, ALL_HOOKS))
    old = world.live

    def answering(call: HookExecution) -> object:
        return answer if call.stage is wanted else {"hookStatus": "SUCCEEDED"}

    world.hook_answer = answering
    failed = world.deploy()
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    reason = f"Service deployment rolled back because {wanted} lifecycle hook(s) failed. {told}"
    assert list(world.service_deployments.values())[-1].status_reason == reason
    assert f"(deployment {failed.id}) deployment failed: {reason}" in world.transcript()
    assert world.share(GREEN) == world.share(GREEN, TEST) == 100
    assert world.live == old
    assert world.primary.id == "ecs-svc/1"


def test_a_hook_in_progress_is_called_again_after_the_delay_that_it_asks_for() -> None:
    world = steady_world(with_hooks(BLUE_GREEN, LifecycleHook(target_arn=FUNCTION, stages=(S.POST_SCALE_UP,))))
    world.hook_calls.clear()
    at: list[float] = []
    began = world.now

    def answering(_: HookExecution) -> object:
        at.append((world.now - began).total_seconds())
        answers = {1: {"hookStatus": "IN_PROGRESS"}, 2: {"hookStatus": "IN_PROGRESS", "callBackDelay": 5}}
        return answers.get(len(at), {"hookStatus": "SUCCEEDED"})

    world.hook_answer = answering
    world.deploy()
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL
    assert [round(one - at[0], 1) for one in at] == [0, 30.1, 35.2]
    assert len({call.execution_id for call in world.hook_calls}) == 1


@pytest.mark.parametrize(("action", "ends"), [("CONTINUE", "SUCCESSFUL"), ("ROLLBACK", "ROLLBACK_SUCCESSFUL")])
def test_a_hook_without_an_answer_times_out(action: str, ends: str) -> None:
    hook = LifecycleHook(
        target_arn=FUNCTION,
        stages=(S.POST_SCALE_UP,),
        timeout=timedelta(minutes=5),
        timeout_action=HookTimeoutAction(action),
    )
    world = steady_world(with_hooks(BLUE_GREEN, hook))
    world.hook_answer = lambda _: None

    world.deploy()
    until_done(world)

    assert status(world) == ends
    assert list(world.service_deployments.values())[-1].hooks[-1].status is HookStatus.TIMED_OUT


def test_a_rollback_ends_though_one_of_its_hooks_fails_and_another_never_answers() -> None:
    hooks = [
        LifecycleHook(target_arn=arn, stages=(S.PRODUCTION_TRAFFIC_SHIFT,), timeout=timedelta(minutes=5))
        for arn in (FUNCTION, f"{FUNCTION}-silent")
    ]
    world = steady_world(with_hooks(BLUE_GREEN, *hooks))

    def answering(call: HookExecution) -> object:
        if not call.is_rollback:
            return {"hookStatus": "SUCCEEDED"}
        return {"hookStatus": "FAILED"} if call.hook.target_arn == FUNCTION else None

    world.hook_answer = answering
    world.deploy()
    until_stage(world, S.BAKE_TIME)
    world.request_rollback()
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL


def paused_world(configuration: DeploymentConfiguration, **pause: object) -> World:
    """The second deployment of a service, waiting at a PAUSE hook."""
    world = steady_world(configuration)
    hook = LifecycleHook(target_type=HookTargetType.PAUSE, **pause)  # type: ignore[arg-type] # of LifecycleHook
    world.configure(with_hooks(configuration, hook))
    world.deploy()
    world.run_until(
        lambda: any(one.status is HookStatus.AWAITING_ACTION for act in world.open_service_deployments for one in act.hooks)
    )
    return world


@pytest.mark.parametrize("strategy", [BLUE_GREEN, DeploymentConfiguration(circuit_breaker=BREAKER)])
@pytest.mark.parametrize("at", [S.PRE_SCALE_UP, S.POST_SCALE_UP, S.POST_PRODUCTION_TRAFFIC_SHIFT])
@pytest.mark.parametrize(
    ("answer", "ends"), [(HookStatus.SUCCEEDED, "SUCCESSFUL"), (HookStatus.FAILED, "ROLLBACK_SUCCESSFUL")]
)
def test_a_pause_waits_for_its_answer(
    strategy: DeploymentConfiguration, at: LifecycleStage, answer: HookStatus, ends: str
) -> None:
    world = paused_world(strategy, stages=(at,))
    world.run(3600)
    assert stage(world) is at
    if at is S.PRE_SCALE_UP:
        assert not world.live_of(world.primary)

    world.continue_hook(answer)
    until_done(world)

    assert status(world) == ends


def test_a_pause_that_nobody_answers_times_out() -> None:
    world = paused_world(BLUE_GREEN, stages=(S.POST_SCALE_UP,), timeout=timedelta(minutes=10))

    until_done(world)

    assert status(world) is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    reason = "Service deployment rolled back because POST_SCALE_UP pause hook timed out."
    assert list(world.service_deployments.values())[-1].status_reason == reason


@pytest.mark.parametrize("configuration", [BLUE_GREEN, CANARY, LINEAR])
@pytest.mark.parametrize("bad", [CRASHES, NEVER_READY])
def test_a_revision_that_does_not_come_up_gets_no_traffic_and_is_rolled_back(
    configuration: DeploymentConfiguration, bad: object
) -> None:
    world = steady_world(configuration)
    old = world.live

    world.deploy(bad)  # type: ignore[arg-type] # a Behaviour
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert world.shares == []
    assert world.live == old
    assert world.transcript()[-2:] == ["(deployment ecs-svc/1) deployment completed.", "has reached a steady state."]


@pytest.mark.parametrize("wanted", [S.SCALE_UP, S.PRODUCTION_TRAFFIC_SHIFT, S.BAKE_TIME, S.CLEAN_UP])
def test_stop_service_deployment_rolls_back_from_every_stage(wanted: LifecycleStage) -> None:
    world = steady_world(CANARY, desired_count=3)
    protect(world, lasts=7200)

    world.deploy()
    until_stage(world, wanted)
    world.request_rollback()
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert world.share(GREEN) == world.share(GREEN, TEST) == 100
    assert world.primary.id == "ecs-svc/1"
    assert len(world.live_of(world.primary)) == 3
    assert world.live == world.live_of(world.primary)


def test_an_alarm_in_the_bake_time_takes_the_traffic_back_at_once() -> None:
    world = steady_world(replace(BLUE_GREEN, alarms=DeploymentAlarms(names=("5xx", "old"), enable=True, rollback=True)))
    world.set_alarm("5xx", StateValue.OK)
    world.set_alarm("old", StateValue.ALARM)
    world.deploy()
    until_stage(world, S.BAKE_TIME)

    world.set_alarm("5xx", StateValue.ALARM)
    before = world.now
    until_done(world)

    act = list(world.service_deployments.values())[-1]
    assert act.status is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert (act.alarm_status, act.triggered_alarms, act.ignored_alarms) == ("TRIGGERED", ("5xx",), ("old",))
    assert world.shares[-1][1] == 100
    assert world.shares[-1][0] - before < seconds(1)
    assert "(deployment ecs-svc/2) deployment failed: alarm detected." in world.transcript()


def test_without_rollback_an_alarm_leaves_tasks_and_traffic_as_they_are() -> None:
    world = steady_world(replace(BLUE_GREEN, alarms=DeploymentAlarms(names=("5xx",), enable=True)))
    world.set_alarm("5xx", StateValue.OK)
    new = world.deploy()
    until_stage(world, S.BAKE_TIME)

    world.set_alarm("5xx", StateValue.ALARM)
    world.run(3600)

    assert status(world) is ServiceDeploymentStatus.STOPPED
    assert world.primary.rollout_state is RolloutState.FAILED
    assert world.share(GROUP) == 100
    assert len(world.live_of(new)) == 2
    assert len(world.live) == 4
    world.deploy()
    until_done(world)
    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL
    assert len(world.live) == 2


@pytest.mark.parametrize("strategy", [Strategy.ROLLING, Strategy.BLUE_GREEN])
def test_a_deployment_is_watched_by_the_alarms_that_it_began_with(strategy: Strategy) -> None:
    """Whatever UpdateService makes of the service's alarms meanwhile: they are those of the next deployment."""
    alarms = DeploymentAlarms(names=("5xx",), enable=True, rollback=True)
    configuration = DeploymentConfiguration(strategy=strategy, alarms=alarms)
    world = steady_world(configuration)
    world.set_alarm("5xx", StateValue.OK, span=120)
    world.set_alarm("later", StateValue.OK, span=3600)
    world.deploy()
    until_stage(world, S.SCALE_UP)
    world.configure(replace(configuration, alarms=DeploymentAlarms(names=("later",), enable=True)))

    until_stage(world, S.BAKE_TIME)
    baking_since = world.now
    world.set_alarm("later", StateValue.ALARM)
    until_stage(world, S.CLEAN_UP)

    assert world.now - baking_since == seconds(120), "as long as its own alarm takes to see a fault"
    until_done(world)
    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL
    world.deploy()
    world.settle()
    assert list(world.service_deployments.values())[-1].ignored_alarms == ("later",)


def test_an_alarm_rolls_back_though_the_service_has_given_its_alarms_up_meanwhile() -> None:
    configuration = replace(BLUE_GREEN, alarms=DeploymentAlarms(names=("5xx",), enable=True, rollback=True))
    world = steady_world(configuration)
    world.deploy()
    until_stage(world, S.BAKE_TIME)
    world.configure(BLUE_GREEN)

    world.set_alarm("5xx", StateValue.ALARM)
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL


@pytest.mark.parametrize("configuration", [BLUE_GREEN, CANARY, LINEAR])
@pytest.mark.parametrize("shares", [{"blue": 100, "green": 0}, {"blue": 1, "green": 99}])
def test_traffic_that_somebody_gave_back_by_hand_in_the_bake_takes_the_deployment_back(
    configuration: DeploymentConfiguration, shares: dict[str, int]
) -> None:
    """The old revision cannot be cleaned up while it has traffic: it is told at once, and not after 24 hours."""
    world = steady_world(configuration)
    world.deploy()
    until_stage(world, S.BAKE_TIME)

    by_hand = {"blue": shares["green"], "green": shares["blue"]}  # The first revision is in the alternate group, green.
    world.rules[PRODUCTION] = rule(PRODUCTION, **by_hand)
    world.run(configuration.bake_time.total_seconds() - 1 if configuration.bake_time else 0)
    assert stage(world) is S.BAKE_TIME, "there is time to mend it"
    until_done(world)

    act = list(world.service_deployments.values())[-1]
    assert act.status is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert act.status_reason == (
        "Service deployment rolled back because of invalid networking configuration. Production listener rule is forwarding "
        f"traffic to unexpected target group {GREEN}. Expected {GROUP}"
    )
    assert act.finished_at is not None
    assert act.lifecycle_stage_at is not None
    assert world.share() == 100
    assert len(world.live_of(world.primary)) == 2
    assert (act.finished_at - act.created_at) < timedelta(hours=1)


def test_a_production_rule_that_somebody_deleted_in_the_bake_takes_the_deployment_back() -> None:
    """Where its traffic goes now nobody knows: perhaps to the old revision, by the listener's default rule."""
    world = steady_world()
    world.deploy()
    until_stage(world, S.BAKE_TIME)

    del world.rules[PRODUCTION]
    until_done(world)

    act = list(world.service_deployments.values())[-1]
    assert act.status is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert (act.status_reason or "").endswith("invalid networking configuration. One or more rules not found")
    assert world.primary.id == "ecs-svc/1"
    assert len(world.live_of(world.primary)) == len(world.live) == 2


def test_a_deployment_that_shifts_traffic_has_thirty_days_its_pauses_included() -> None:
    stages = (S.PRE_SCALE_UP, S.POST_SCALE_UP, S.POST_TEST_TRAFFIC_SHIFT)
    world = paused_world(BLUE_GREEN, stages=stages, timeout=timedelta(days=14), timeout_action=HookTimeoutAction.CONTINUE)
    began = world.now

    world.run_until(lambda: status(world).is_terminal, at_most=timedelta(days=40).total_seconds())

    act = list(world.service_deployments.values())[-1]
    assert act.status is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert act.status_reason == "Service deployment rolled back because it did not complete within 30 days."
    assert timedelta(days=30) <= world.now - began < timedelta(days=30, minutes=1)


@pytest.mark.parametrize("waits_in", [S.CLEAN_UP, S.RECONCILE_SERVICE])
def test_a_protected_task_that_holds_a_stage_up_is_told(waits_in: LifecycleStage) -> None:
    world = steady_world()
    protect(world, lasts=3600)
    world.deploy()
    until_stage(world, S.CLEAN_UP)
    if waits_in is S.RECONCILE_SERVICE:
        world.deploy()
        world.told.clear()

    world.run(60)

    assert stage(world) is waits_in
    assert world.messages.count(events.protected("cats", "ecs-svc/1", 1)) == 1
    until_done(world)
    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL


@pytest.mark.parametrize("wanted", [S.SCALE_UP, S.PRODUCTION_TRAFFIC_SHIFT, S.BAKE_TIME, S.CLEAN_UP])
@pytest.mark.parametrize("configuration", [BLUE_GREEN, CANARY, LINEAR, DeploymentConfiguration(circuit_breaker=BREAKER)])
def test_a_newer_deployment_takes_over_at_every_stage(wanted: LifecycleStage, configuration: DeploymentConfiguration) -> None:
    world = steady_world(CANARY)
    protect(world, lasts=3600)
    world.deploy()
    until_stage(world, wanted)

    world.configure(configuration)
    newest = world.deploy()
    until_done(world)
    world.run(60)

    assert [act.status for act in world.service_deployments.values()] == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]
    assert world.live == world.live_of(newest)
    assert len(world.live) == 2
    (group,) = {key.target_group_arn for key in world.targets}
    assert world.share(group) == world.share(group, TEST) == 100


def test_a_deployment_that_takes_over_and_fails_goes_back_to_the_revision_with_the_traffic() -> None:
    world = steady_world(CANARY)
    second = world.deploy()
    until_stage(world, S.BAKE_TIME)

    world.deploy(CRASHES)
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert world.primary.id == second.id
    assert world.live == world.live_of(world.primary)


@pytest.mark.parametrize(
    ("production", "test", "told"),
    [
        (
            rule(PRODUCTION, blue=50, green=50),
            rule(TEST, green=1),
            "should have exactly one target group serving traffic but found 2",
        ),
        (rule(PRODUCTION, blue=1), rule(TEST, blue=1), "is not associated with either productionListenerRule or"),
        (None, rule(TEST, green=1), "One or more rules not found"),
        (
            rule(PRODUCTION, third=1),
            rule(TEST, third=1),
            "Both targetGroup and alternateTargetGroup must be associated with the productionListenerRule or test",
        ),
        (
            rule(PRODUCTION, third=1),
            rule(TEST, blue=1, green=0),
            f"Production listener rule is forwarding traffic to unexpected target group {THIRD}. Expected {GROUP} or {GREEN}",
        ),
    ],
)
def test_rules_that_do_not_fit_roll_back_with_the_reason(production: object, test: object, told: str) -> None:
    world = steady_world()
    for arn, one in ((PRODUCTION, production), (TEST, test)):
        world.rules.pop(arn)
        if one is not None:
            world.rules[arn] = one  # type: ignore[assignment] # a Rule
    world.rules_in_force = dict(world.rules)

    world.deploy()
    until_done(world)

    act = list(world.service_deployments.values())[-1]
    assert act.status is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert (act.status_reason or "").startswith("Service deployment rolled back because of invalid networking configuration. ")
    assert told in (act.status_reason or "")


def test_the_first_deployment_with_a_failing_hook_has_nothing_to_go_back_to() -> None:
    hook = LifecycleHook(target_arn=FUNCTION, stages=(S.POST_SCALE_UP,))
    world = World(Setting(configuration=with_hooks(BLUE_GREEN, hook), shifts=True))
    world.hook_answer = lambda _: {"hookStatus": "FAILED"}

    world.deploy()
    until_done(world)

    act = list(world.service_deployments.values())[-1]
    assert (act.status, act.status_reason) == (
        ServiceDeploymentStatus.ROLLBACK_FAILED,
        "No rollback candidate was found to run the rollback.",
    )
    assert any("POST_SCALE_UP lifecycle hook(s) failed." in message for message in world.messages)


def test_lost_tasks_of_both_revisions_are_replaced_within_them() -> None:
    world = steady_world()
    new = world.deploy()
    until_stage(world, S.BAKE_TIME)

    old_task = next(task for task in world.live if task.revision_arn != new.revision_arn)
    world.kill(old_task)
    world.kill(world.live_of(new)[0])
    world.run(20)

    assert stage(world) is S.BAKE_TIME
    assert len(world.live_of(new)) == 2
    assert len(world.live) == 4


def test_scaling_during_a_shift_scales_both_revisions() -> None:
    world = steady_world()
    new = world.deploy()
    until_stage(world, S.BAKE_TIME)

    world.scale(4)
    world.run(20)

    assert len(world.live_of(new)) == 4
    assert len(world.live) == 8
    until_done(world)
    assert len(world.live) == 4


def test_nothing_is_shifted_while_the_control_plane_is_away_and_all_goes_on_when_it_is_back() -> None:
    world = steady_world(CANARY)
    world.deploy()
    until_stage(world, S.PRODUCTION_TRAFFIC_SHIFT)
    world.lose_control_plane(1200)

    until_done(world)

    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL
    assert [share for _, share in world.shares][-1] == 0


def test_a_good_service_needs_no_load_balancer_for_blue_green() -> None:
    world = World(Setting(configuration=BLUE_GREEN, target_groups=()))
    world.deploy(GOOD)
    until_done(world)
    world.deploy(GOOD)
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL
    assert len(world.live) == 2


def failed_first_world(configuration: DeploymentConfiguration = BLUE_GREEN, *, at: LifecycleStage) -> World:
    """A service whose first deployment failed by its hook in a stage: nothing was there to go back to."""
    hook = LifecycleHook(target_arn=FUNCTION, stages=(at,))
    world = World(Setting(configuration=with_hooks(configuration, hook), shifts=True))
    world.hook_answer = lambda _: {"hookStatus": "FAILED"}
    world.deploy()
    until_done(world)
    world.run(60)
    world.configure(configuration)
    world.told.clear()
    world.shares.clear()
    return world


def test_a_first_deployment_that_failed_is_not_started_again_by_the_next_one() -> None:
    world = World(Setting(configuration=BLUE_GREEN, shifts=True))
    failed = world.deploy(CRASHES)
    until_done(world)
    world.run(60)
    before = set(world.tasks)

    world.deploy(GOOD)
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL
    assert not [task for arn, task in world.tasks.items() if arn not in before and task.revision_arn == failed.revision_arn]


def test_where_no_production_traffic_is_served_yet_the_first_good_revision_gets_all_of_it_at_once() -> None:
    world = failed_first_world(CANARY, at=S.POST_SCALE_UP)

    world.deploy()
    until_done(world)

    assert [share for _, share in world.shares] == [100]


def test_after_a_first_deployment_that_failed_a_rolling_one_ends() -> None:
    world = failed_first_world(at=S.POST_SCALE_UP)

    world.configure(DeploymentConfiguration())
    newest = world.deploy()
    until_done(world)
    world.run(10)

    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL
    assert world.live == world.live_of(newest)
    assert {key.target_group_arn for key in world.targets} == {GROUP}


def test_a_service_that_gives_up_its_pair_for_the_group_without_the_traffic_is_told_so() -> None:
    world = steady_world()
    old = world.live

    world.configure(DeploymentConfiguration())
    world.service = replace(
        world.service, load_balancers=tuple(replace(one, advanced=None) for one in world.service.load_balancers)
    )
    world.deploy()
    until_done(world)

    act = list(world.service_deployments.values())[-1]
    assert act.status is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    assert f"forwarding traffic to unexpected target group {GREEN}. Expected {GROUP}" in (act.status_reason or "")
    assert world.live == old


def test_reconciling_leaves_traffic_with_the_revision_that_serves_though_it_failed() -> None:
    world = failed_first_world(at=S.POST_PRODUCTION_TRAFFIC_SHIFT)
    world.deploy(SLOW)
    world.run(2)  # Its tasks boot; they are in the other group.

    newest = world.deploy()
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL
    assert [share for _, share in world.shares] == [0]
    assert world.shares[0][0] - world.service_deployment_of(newest).created_at > seconds(3)
    assert world.live == world.live_of(newest)


def deploy_until_pause(world: World) -> Deployment:
    """A deployment that waits, its tasks up, before any traffic is shifted; later ones do not wait."""
    configuration = world.service.deployment_configuration
    world.configure(with_hooks(configuration, LifecycleHook(target_type=HookTargetType.PAUSE, stages=(S.POST_SCALE_UP,))))
    deployment = world.deploy()
    until_stage(world, S.POST_SCALE_UP)
    world.configure(configuration)
    return deployment


def test_a_release_that_came_up_in_part_does_not_hold_up_the_one_that_mends_it() -> None:
    world = failed_first_world(at=S.POST_PRODUCTION_TRAFFIC_SHIFT)
    second = deploy_until_pause(world)
    world.behaviours[second.revision_arn] = NEVER_READY
    world.kill(world.live_of(second)[0])
    world.settle()

    world.deploy()
    world.run(60)

    assert stage(world) not in {S.RECONCILE_SERVICE, S.PRE_SCALE_UP}


def test_failed_revisions_that_share_a_target_group_do_not_hold_up_the_next_one() -> None:
    world = failed_first_world(at=S.POST_SCALE_UP)
    world.stop_task(world.live[0])
    deploy_until_pause(world)
    world.request_rollback()
    until_done(world)
    assert status(world) is ServiceDeploymentStatus.ROLLBACK_FAILED
    world.run(60)

    world.deploy()
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL


def test_a_lost_task_of_the_revision_with_the_traffic_is_replaced_while_the_service_is_reconciled() -> None:
    world = steady_world()
    protect(world, lasts=3600)
    second = world.deploy()
    until_stage(world, S.CLEAN_UP)
    world.deploy()
    world.settle()
    assert stage(world) is S.RECONCILE_SERVICE

    world.kill(world.live_of(second)[0])
    world.run(20)

    assert stage(world) is S.RECONCILE_SERVICE
    assert len(world.live_of(second)) == 2


def test_a_canary_gets_its_part_only_though_the_health_of_the_source_is_not_known_again_yet() -> None:
    world = paused_world(CANARY, stages=(S.PRE_PRODUCTION_TRAFFIC_SHIFT,))
    new = {world.simulated[task.arn].address for task in world.live_of(world.primary)}
    world.unknown = {key for key in world.targets if key.id not in new}
    world.settle()

    world.continue_hook()
    world.run(5)

    assert world.share() == 95


def test_a_deployment_during_a_rollback_leaves_the_traffic_where_tasks_serve() -> None:
    world = steady_world()
    protect(world, lasts=600)
    world.deploy()
    until_stage(world, S.CLEAN_UP)
    world.run(5)
    world.request_rollback()
    world.settle()
    (last,) = [task for task in world.live_of(world.primary) if task.healthy_since]
    world.kill(last)
    world.settle()
    assert world.share(GROUP) == 100

    world.deploy()
    world.run(2)

    assert world.share(GROUP) == 100


def test_traffic_that_an_interrupted_deployment_without_tasks_has_left_divided_is_put_right_first() -> None:
    world = steady_world(CANARY)
    second = world.deploy()
    until_stage(world, S.PRODUCTION_TRAFFIC_SHIFT)
    world.run(1)
    assert world.share() == 95
    for task in world.live_of(second):
        world.stop_task(task)

    world.deploy()
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL


def test_after_a_failure_without_rollback_the_old_revision_comes_back_though_all_its_tasks_die_at_once() -> None:
    alarms = DeploymentAlarms(names=("5xx",), enable=True)
    world = paused_world(replace(BLUE_GREEN, alarms=alarms), stages=(S.POST_SCALE_UP,))
    world.set_alarm("5xx", StateValue.ALARM)
    world.settle()
    assert status(world) is ServiceDeploymentStatus.STOPPED
    first = world.deployments["ecs-svc/1"]

    for task in world.live_of(first):
        world.kill(task)
    world.run(60)

    assert len(world.live_of(first)) == 2


def test_the_old_revision_stays_as_long_as_the_new_one_is_down_when_its_bake_time_is_over() -> None:
    world = steady_world()
    old = world.live
    new = world.deploy()
    until_stage(world, S.BAKE_TIME)
    world.run(58)

    for task in world.live_of(new):
        world.sicken(task)
    world.run(13)

    assert stage(world) is S.CLEAN_UP
    assert all(world.tasks[task.arn].is_live for task in old)
    world.heal()
    until_done(world)
    assert world.live == world.live_of(world.primary)


def test_a_first_deployment_that_failed_in_its_shift_does_not_lock_the_service() -> None:
    world = World(Setting(configuration=CANARY, shifts=True))
    world.deploy()
    world.run_until(lambda: stage(world) is S.BAKE_TIME)
    world.rules[PRODUCTION] = rule(PRODUCTION, blue=5, green=95)
    world.request_rollback()
    world.run(10)
    assert ServiceDeploymentStatus.ROLLBACK_FAILED is status(world)

    world.deploy()
    world.run(3600)

    assert ServiceDeploymentStatus.SUCCESSFUL is status(world)


def test_a_rolling_deployment_lets_go_of_what_a_failed_shift_has_left_in_the_idle_group() -> None:
    world = World(Setting(configuration=BLUE_GREEN, shifts=True))
    world.deploy(NEVER_READY)
    world.run_until(lambda: world.rollout_state() is RolloutState.FAILED, at_most=7200)
    world.configure(DeploymentConfiguration())

    world.deploy(GOOD)
    world.run(600)

    assert ServiceDeploymentStatus.SUCCESSFUL is status(world)
    assert len(world.live) == len(world.live_of(world.primary))


def test_a_rolling_deployment_that_is_held_back_starts_no_tasks_of_a_first_one_that_was_never_proven() -> None:
    pause = LifecycleHook(stages=(S.PRE_SCALE_UP,), target_type=HookTargetType.PAUSE)
    world = World(Setting(configuration=DeploymentConfiguration()))
    world.deploy(Behaviour(pull=100))
    world.run(5)
    world.configure(DeploymentConfiguration(lifecycle_hooks=(pause,)))

    world.deploy(GOOD)
    world.run(60)

    assert 2 == len(world.tasks)
    assert S.PRE_SCALE_UP is stage(world)


def test_weights_that_nobody_serves_do_not_hold_up_the_deployment_that_mends_it() -> None:
    """A first deployment that failed in the middle of its shift, and whose tasks are gone."""
    world = World(Setting(configuration=CANARY, shifts=True))
    world.deploy(CRASHES)
    until_done(world)
    world.rules[PRODUCTION] = rule(PRODUCTION, blue=5, green=95)
    world.rules_in_force = dict(world.rules)
    assert not world.live

    world.deploy()
    until_done(world)

    assert status(world) is ServiceDeploymentStatus.SUCCESSFUL
    assert world.share(GROUP) == 100


def test_two_deployments_that_failed_before_any_traffic_do_not_hold_up_the_third() -> None:
    world = World(Setting(configuration=BLUE_GREEN, shifts=True))
    for _ in range(2):
        world.deploy(NEVER_READY)
        world.run_until(lambda: world.rollout_state() is RolloutState.FAILED, at_most=7200)

    world.deploy(GOOD)
    world.run(3600)

    assert ServiceDeploymentStatus.SUCCESSFUL is status(world)


def test_what_serves_all_traffic_is_kept_up_though_its_deployment_has_failed_for_good() -> None:
    world = steady_world(replace(BLUE_GREEN, alarms=DeploymentAlarms(names=("5xx",), enable=True)))
    world.set_alarm("5xx", StateValue.OK)
    new = world.deploy()
    until_stage(world, S.BAKE_TIME)
    world.set_alarm("5xx", StateValue.ALARM)
    world.run(5)

    for task in world.live_of(new):
        world.kill(task)
    world.run(60)

    assert world.primary.rollout_state is RolloutState.FAILED
    assert world.share(GROUP) == 100
    assert len([task for task in world.healthy if task.revision_arn == new.revision_arn]) == 2


def test_a_step_is_not_baked_on_when_nothing_serves_the_rest_of_the_traffic() -> None:
    world = steady_world(CANARY)
    new = world.deploy()
    until_stage(world, S.PRODUCTION_TRAFFIC_SHIFT)
    world.run(2)
    world.behaviours = {arn: GOOD if arn == new.revision_arn else NEVER_READY for arn in world.behaviours}

    for task in world.live:
        if task.revision_arn != new.revision_arn:
            world.kill(task)
    world.run(30)

    assert world.share(GROUP) == 100


def test_after_a_failure_for_good_what_is_left_of_a_deployment_before_the_source_makes_way_for_it() -> None:
    world = World(Setting(configuration=CANARY, shifts=True))
    world.deploy(NEVER_READY)
    world.run(2)
    world.deploy(NEVER_READY)
    world.run(2)
    world.deploy()
    world.run(1)
    world.request_rollback()
    world.behaviours = dict.fromkeys(world.behaviours, GOOD)
    world.run(600)

    assert ServiceDeploymentStatus.ROLLBACK_FAILED is status(world)
    assert len(world.healthy) == len(world.live) == 2


def test_nothing_is_stopped_that_may_have_traffic_while_nobody_knows_which_rules_are_in_force() -> None:
    world = steady_world()
    new = world.deploy()
    until_stage(world, S.BAKE_TIME)
    world.setting = replace(world.setting, publishing=600)
    world.rules_in_force = {}  # The control plane came back, and the proxy does not take routes yet.
    world.request_rollback()
    world.run(60)
    assert len(world.live_of(new)) == 2

    world.run(900)
    assert not world.live_of(new)
    assert status(world) is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
