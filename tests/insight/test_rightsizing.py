"""The advice: refused on too little data, the same when asked again, money only saved where it says so, each other way's
obstacle named."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from histories import BIG, DAY, SMALL, facts, flat, history
from hypothesis import given, settings
from hypothesis import strategies as st

from ninelives.deploy.prices import HOURS_A_MONTH, prices_of
from ninelives.insight.replay import Bounds
from ninelives.insight.rightsizing import Advice, Facts, Images, NothingFits, Option, TooLittle, advise
from ninelives.insight.sizing import Assumptions, Evidence
from ninelives.model.fargate import TaskSize

PRICES = prices_of("eu-west-1")
USUAL = Assumptions()
LONG_ENOUGH = 3 * DAY
ARM = Images(architectures=frozenset({"amd64", "arm64"}))


def advice(given: Facts, assumptions: Assumptions = USUAL) -> Advice:
    found = advise(given, assumptions, PRICES)
    assert isinstance(found, Advice)
    return found


def option(given: Advice, name: str) -> Option:
    return next(one for one in given.others if one.name == name)


def test_too_little_data_is_refused_with_what_was_found_and_what_is_needed() -> None:
    assert TooLittle(hours=24.0, needed=72.0) == advise(facts(history(DAY, cpu=flat(10))), USUAL, PRICES)


def test_no_data_at_all_is_too_little() -> None:
    empty = facts(history(1, cpu=flat(1)))

    assert TooLittle(hours=0.0, needed=72.0) == advise(replace(empty, usage=history(0, cpu=flat(1))), USUAL, PRICES)


def test_memory_beyond_fargate_is_said() -> None:
    largest = history(LONG_ENOUGH, cpu=flat(1), memory=flat(110_000), size=TaskSize(cpu=16384, memory=122_880))

    assert NothingFits(memory=110_000) == advise(facts(largest), USUAL, PRICES)


def test_an_idle_service_shrinks_and_the_saving_is_the_difference_of_the_months() -> None:
    found = advice(facts(history(LONG_ENOUGH, cpu=flat(100), memory=flat(300), tasks=2)))

    assert (SMALL, 2) == (found.proposed.size, found.proposed.count)
    assert found.saving == pytest.approx(2 * HOURS_A_MONTH * (PRICES.task_hour(BIG) - PRICES.task_hour(SMALL)), abs=0.02)
    assert 100 * 50 / 256 == found.proposed.replayed.cpu.p99
    assert found.proposed.risk == "With one of 2 zones lost, the busiest task is at 39 % of CPU at p99."


def test_a_service_that_falls_short_is_told_so_and_costs_more() -> None:
    found = advice(facts(history(LONG_ENOUGH, cpu=flat(500), tasks=2, size=SMALL)))

    assert "Falls short" in found.now.risk
    assert found.saving < 0
    assert any("at its limit" in one for one in found.warnings)


@given(
    st.lists(st.floats(0, 8000), min_size=10, max_size=40),
    st.floats(50, 7000),
    st.integers(1, 6),
    st.sampled_from([SMALL, BIG, TaskSize(cpu=2048, memory=8192)]),
    st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_asked_again_after_it_was_applied_it_proposes_nothing(
    loads: list[float], memory: float, tasks: int, size: TaskSize, scales: bool
) -> None:
    usage = history(len(loads), cpu=loads.__getitem__, memory=flat(memory), tasks=tasks, size=size)
    standing = facts(usage)
    if scales:
        standing = replace(standing, standing=replace(standing.standing, count=Bounds(least=1, most=9, target=60)))
    hasty = Assumptions(minimum=timedelta(0))
    first = advice(standing, hasty)

    applied = replace(standing.standing, size=first.proposed.size, count=first.proposed.count)
    second = advice(replace(standing, standing=applied), hasty)

    assert (second.now.size, second.now.count) == (second.proposed.size, second.proposed.count)
    assert 0 == second.saving


@given(
    st.lists(st.floats(0, 3000), min_size=10, max_size=40),
    st.floats(50, 3500),
    st.integers(1, 6),
    st.sampled_from([SMALL, BIG, TaskSize(cpu=2048, memory=8192)]),
)
@settings(deadline=None, max_examples=60)
def test_what_carries_the_load_already_is_never_made_dearer(
    loads: list[float], memory: float, tasks: int, size: TaskSize
) -> None:
    found = advice(
        facts(history(len(loads), cpu=loads.__getitem__, memory=flat(memory), tasks=tasks, size=size)),
        Assumptions(minimum=timedelta(0)),
    )

    if found.now.risk == "Carries all that was measured.":
        assert found.saving >= 0
    else:
        assert found.now.risk.startswith("Falls short: ")


def test_graviton_is_a_fifth_cheaper_where_the_image_has_it() -> None:
    idle = facts(history(LONG_ENOUGH, cpu=flat(100)))

    without = option(advice(idle), "graviton")
    having = option(advice(replace(idle, standing=replace(idle.standing, images=ARM))), "graviton")

    assert without.obstacle == "the image has no manifests, and none for arm64: build it for linux/arm64 too"
    assert having.obstacle is None
    assert having.monthly[0] < 0.81 * advice(idle).proposed.monthly[0]


@pytest.mark.parametrize(
    ("tasks", "leave", "load", "obstacle"),
    [
        (2, 60, 1500, "with 2 tasks there is nothing to spare"),
        (6, 121, 1500, "a task takes 121 s to leave, and Spot gives 120 s"),
        (6, 60, 1500, None),
    ],
)
def test_spot_is_for_those_who_can_spare_tasks_and_leave_in_time(
    tasks: int, leave: int, load: float, obstacle: str | None
) -> None:
    usual = facts(history(LONG_ENOUGH, cpu=lambda at: load if at % 60 == 0 else load / 4, tasks=tasks, size=SMALL))
    found = advice(replace(usual, standing=replace(usual.standing, leave=timedelta(seconds=leave), zones=1)))

    spot = option(found, "spot")

    assert obstacle == spot.obstacle
    if obstacle is None:
        low, high = spot.monthly
        assert low < high < found.proposed.monthly[0]
        assert spot.on_demand is not None
        assert 1 <= spot.on_demand < tasks


def test_a_daily_wave_is_offered_scaling_and_a_flat_load_is_not() -> None:
    wave = history(LONG_ENOUGH, cpu=lambda at: 700 - 650 * math.cos(2 * math.pi * at / DAY), tasks=8, size=SMALL)

    found = advice(facts(wave, zones=3))

    assert option(found, "scaled").monthly[0] < found.proposed.monthly[0]
    assert not [one for one in advice(facts(history(LONG_ENOUGH, cpu=flat(100)))).others if one.name == "scaled"]


def test_a_scaling_service_is_given_bounds_and_a_target() -> None:
    wave = facts(
        history(LONG_ENOUGH, cpu=lambda at: 700 - 650 * math.cos(2 * math.pi * at / DAY), tasks=8, size=SMALL), zones=3
    )

    found = advice(replace(wave, standing=replace(wave.standing, count=Bounds(least=4, most=8, target=70))))

    assert isinstance(found.proposed.count, Bounds)
    assert found.proposed.count.least < 4


def test_a_kill_for_want_of_memory_is_told_and_answered() -> None:
    killed = replace(facts(history(LONG_ENOUGH, cpu=flat(10), size=SMALL)), evidence=Evidence(kills=3, killed_at=512))

    found = advice(killed)

    assert 1024 == found.proposed.size.memory
    assert any("3 tasks were killed for want of memory at 512 MiB" in one for one in found.warnings)


def test_a_leak_is_told_and_its_memory_kept() -> None:
    found = advice(facts(history(LONG_ENOUGH, cpu=flat(10), memory=lambda at: 300 + at / 20)))

    assert BIG.memory == found.proposed.size.memory
    assert any("looks like a leak" in one for one in found.warnings)


def test_a_slower_start_is_told() -> None:
    starting = history(LONG_ENOUGH, cpu=lambda at: 150 if at < 2 else 50, starts=range(2))

    assert "a start takes at least 23 s of its CPU, where it took 6 s" in advice(facts(starting)).warnings


def test_a_start_that_would_outlast_its_grace_keeps_its_cpu() -> None:
    starting = history(LONG_ENOUGH, cpu=lambda at: 600 if at < 2 else 50, starts=range(2))

    assert BIG.cpu == advice(facts(starting)).proposed.size.cpu


def test_less_than_a_week_is_told() -> None:
    assert any("less than a week" in one for one in advice(facts(history(4 * DAY, cpu=flat(10)))).warnings)


def test_a_service_that_never_stands_still_is_told_so() -> None:
    restless = history(LONG_ENOUGH, cpu=flat(10), starts=[at for at in range(LONG_ENOUGH) if at % 3])

    assert any("does not stand still" in one for one in advice(facts(restless)).warnings)
