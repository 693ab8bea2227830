"""Auto scaling's decisions, one by one."""

import pytest
from scaling_world import breached, decided, done, high, low, stepping, target, tracking

from ninelives.model.scaling import NotScaled
from ninelives.scheduler.scaling import Decision, PolicyFacts, Scale, Stay


def to(decision: Decision) -> int | None:
    return decision.capacity if isinstance(decision, Scale) else None


def why(decision: Decision) -> NotScaled | None:
    return decision.reason.code if isinstance(decision, Stay) else None


@pytest.mark.parametrize(("metric", "expected"), [(61, 5), (90, 6), (120, 8), (1000, 10)])
def test_target_tracking_scales_out_in_proportion_up_to_the_maximum(metric: float, expected: int) -> None:
    assert to(decided(high(tracking(), metric))) == expected


def test_scale_out_starts_from_the_tasks_that_run() -> None:
    assert to(decided(high(tracking(), 120), desired=6, running=4)) == 8


def test_scale_in_is_gradual() -> None:
    assert to(decided(low(tracking(), 6))) == 3


def test_scale_in_that_would_bring_the_metric_over_its_target_is_not_done() -> None:
    assert why(decided(low(tracking(), 50), desired=2)) is NotScaled.ANTICIPATED_FLAPPING


def test_the_policy_that_gives_most_decides() -> None:
    found = decided(high(tracking("cpu"), 90), high(tracking("memory"), 120))

    assert isinstance(found, Scale)
    assert found.policy.name == "memory"


def test_one_policy_that_does_not_agree_holds_scale_in() -> None:
    assert decided(low(tracking("cpu"), 6), PolicyFacts(policy=tracking("memory"))) is None
    assert to(decided(low(tracking("cpu"), 6), low(tracking("memory"), 40))) == 3
    assert to(decided(low(tracking("cpu"), 6), low(tracking("memory"), 50))) is None


def test_a_policy_that_never_scales_in_need_not_agree() -> None:
    other = PolicyFacts(policy=tracking("memory", disable_scale_in=True))

    assert to(decided(low(tracking("cpu"), 6), other)) == 3
    assert decided(low(tracking("cpu", disable_scale_in=True), 6)) is None


def test_a_scale_out_of_one_policy_goes_before_a_scale_in_of_another() -> None:
    assert to(decided(low(tracking("cpu"), 6), high(tracking("memory"), 90))) == 6


def test_without_data_nothing_happens() -> None:
    assert decided(PolicyFacts(policy=tracking())) is None


def test_a_deployment_holds_scale_in_and_lets_scale_out_through() -> None:
    assert why(decided(low(tracking(), 6), is_deploying=True)) is NotScaled.TARGET_SERVICE_UNSCALABLE
    assert to(decided(high(tracking(), 90), is_deploying=True)) == 6


def test_a_scale_out_below_the_tasks_that_a_deployment_runs_is_one_still() -> None:
    """Ten tasks of two revisions run where four are desired, and six is the most."""
    found = decided(high(tracking(), 90), of=target(most=6), running=10, is_deploying=True)

    assert to(found) == 6
    assert isinstance(found, Scale)
    assert found.base < found.capacity, "or its cooldown, its end and its event are those of a scale-in"


def test_during_the_cooldown_of_a_scale_out_only_a_larger_one_goes_on_and_the_tasks_added_count() -> None:
    policy = stepping((0, 10, 2), (10, None, 3))
    just_now = [done(policy, 4, 6, minutes_ago=1)]

    assert decided(breached(policy, 75, 70), desired=6, activities=just_now) is None
    assert to(decided(breached(policy, 85, 70), desired=6, activities=just_now)) == 7
    assert to(decided(breached(policy, 75, 70), desired=6, activities=[done(policy, 4, 6, minutes_ago=5)])) == 8


def test_the_cooldown_of_a_scale_in_blocks_the_next_and_no_scale_out() -> None:
    just_now = [done(tracking(), 5, 4, minutes_ago=1)]

    assert decided(low(tracking(), 6), activities=just_now) is None
    assert to(decided(high(tracking(), 90), activities=just_now)) == 6
    assert to(decided(low(tracking(), 6), activities=[done(tracking(), 5, 4, minutes_ago=5)])) == 3


def test_a_scale_out_ends_the_cooldown_of_the_scale_in_before_it() -> None:
    activities = [done(tracking(), 5, 4, minutes_ago=4), done(tracking(), 4, 5, minutes_ago=1)]

    assert to(decided(low(tracking(), 6), desired=5, activities=activities)) == 4


def test_what_is_suspended_does_not_take_place() -> None:
    assert decided(low(tracking(), 6), of=target(dynamic_in=True)) is None
    assert to(decided(high(tracking(), 90), of=target(dynamic_in=True))) == 6
    assert decided(high(tracking(), 90), of=target(dynamic_out=True)) is None
    assert to(decided(low(tracking(), 6), of=target(dynamic_out=True))) == 3


def test_a_count_out_of_bounds_is_brought_back_by_scaling_in_its_direction() -> None:
    assert to(decided(high(tracking(), 61), of=target(3, 10), desired=1)) == 3
    assert why(decided(low(tracking(), 6), of=target(3, 10), desired=1)) is NotScaled.AT_MIN
    assert to(decided(low(tracking(), 6), of=target(1, 10), desired=20)) == 10
    assert why(decided(high(tracking(), 90), of=target(1, 10), desired=20)) is NotScaled.AT_MAX


@pytest.mark.parametrize(("metric", "expected"), [(70, 5), (79.9, 5), (80, 6), (95, 8), (69, None)])
def test_a_step_is_chosen_by_how_far_the_threshold_is_breached(metric: float, expected: int | None) -> None:
    policy = stepping((0, 10, 1), (10, 20, 2), (20, None, 4))

    assert to(decided(breached(policy, metric, 70))) == expected


@pytest.mark.parametrize(("metric", "expected"), [(30, 3), (20.1, 3), (20, 1), (19, 1)])
def test_steps_below_a_threshold_take_in_their_upper_end(metric: float, expected: int) -> None:
    policy = stepping((-10, 0, -1), (None, -10, -3))

    assert to(decided(breached(policy, metric, 30))) == expected


def test_a_percentage_and_its_least_magnitude() -> None:
    assert to(decided(breached(stepping((0, None, 25), kind="PercentChangeInCapacity"), 80, 70))) == 5
    assert to(decided(breached(stepping((0, None, 25), kind="PercentChangeInCapacity", least=2), 80, 70))) == 6


def test_an_exact_capacity_goes_either_way() -> None:
    assert to(decided(breached(stepping((0, None, 7), kind="ExactCapacity"), 80, 70))) == 7
    assert to(decided(breached(stepping((None, 0, 2), kind="ExactCapacity"), 20, 30))) == 2


def test_what_was_not_done_is_told_with_its_bound() -> None:
    found = decided(high(tracking(), 90), of=target(1, 4))

    assert isinstance(found, Stay)
    assert (found.reason.code, found.reason.max_capacity) == (NotScaled.AT_MAX, 4)
    assert found.cause == "monitor alarm high in state ALARM triggered policy cpu"
