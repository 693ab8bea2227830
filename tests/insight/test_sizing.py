"""The size is the cheapest that fits: tables at the edges, and laws against trying every pair and count."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from histories import BIG, DAY, SMALL, flat, history
from hypothesis import given, settings
from hypothesis import strategies as st

from ninelives.deploy.prices import prices_of
from ninelives.insight.sizing import Assumptions, Choice, Demand, Evidence, cheapest, demand_of, lost_with_a_zone, refusals
from ninelives.insight.usage import Usage, percentile
from ninelives.model.fargate import TaskSize, fargate_sizes

PRICES = prices_of("eu-west-1")
USUAL = Assumptions()


def price(size: TaskSize) -> float:
    return PRICES.task_hour(size)


def demand(load: float, memory: float, **more: Any) -> Demand:
    known = Demand(load=load, skew=1.0, memory=memory, tasks=4, least_tasks=2, zones=2)
    return replace(known, **more)


@pytest.mark.parametrize(
    ("wanted", "size", "tasks"),
    [
        (demand(10, 100), (256, 512), 2),
        (demand(256, 100), (256, 512), 2),  # a zone lost: one task carries all of it, at 100 %
        (demand(257, 100), (256, 512), 4),  # … and now two of four must
        (demand(600, 100), (512, 1024), 4),
        (demand(10, 409.6), (256, 512), 2),  # 25 % on top come to 512
        (demand(10, 410), (256, 1024), 2),
        (demand(10, 100, least_memory=513), (256, 1024), 2),
        (demand(10, 1700), (512, 3072), 2),  # 256 units have no more than 2048 MiB
        (demand(10, 100, least_cpu=512), (512, 1024), 2),
        (demand(10, 100, start_cpu=500), (512, 1024), 2),
        (demand(10, 98_304), (16384, 122_880), 2),
        (demand(100_000, 100), (16384, 32768), 14),  # more than the four that ran; half of them carry it
    ],
)
def test_the_cheapest_that_fits(wanted: Demand, size: tuple[int, int], tasks: int) -> None:
    assert Choice(size=TaskSize(cpu=size[0], memory=size[1]), tasks=tasks) == cheapest(wanted, USUAL, price)


def test_more_memory_than_fargate_has_is_said() -> None:
    assert cheapest(demand(10, 100_000), USUAL, price) is None


def test_what_is_refused_says_why() -> None:
    told = list(refusals(SMALL, 1, demand(300, 500, least_memory=600, least_cpu=512), USUAL))

    assert [
        "fewer than 2 tasks",
        "CPU: less than 30 % of headroom",
        "CPU: was at its limit",
        "memory: less than 25 % of headroom",
        "memory: was not enough, or grows",
    ] == told


def every_choice(tasks: int) -> Iterator[Choice]:
    return (Choice(size=size, tasks=count) for size, count in product(fargate_sizes(), range(1, tasks + 1)))


demands = st.builds(
    Demand,
    load=st.floats(0, 60_000),
    skew=st.floats(1, 3),
    memory=st.floats(1, 90_000),
    tasks=st.integers(2, 12),
    least_tasks=st.integers(1, 2),
    zones=st.integers(1, 3),
    least_memory=st.sampled_from([0, 513, 4097]),
    least_cpu=st.sampled_from([0, 512, 4096]),
    start_cpu=st.floats(0, 2000),
)
assumptions = st.builds(
    Assumptions, cpu_headroom=st.floats(0, 200), memory_headroom=st.floats(0, 30), percentile=st.floats(50, 100)
)


@given(demands, assumptions)
@settings(deadline=None)
def test_nothing_that_fits_costs_less(wanted: Demand, assumed: Assumptions) -> None:
    """Every pair and every count, tried."""
    fitting = [one for one in every_choice(wanted.tasks) if not any(refusals(one.size, one.tasks, wanted, assumed))]

    found = cheapest(wanted, assumed, price)

    if fitting:
        assert found is not None
        assert min(one.tasks * price(one.size) for one in fitting) == pytest.approx(found.tasks * price(found.size))


@given(demands, assumptions)
@settings(deadline=None)
def test_what_is_proposed_is_a_fargate_size_with_what_was_needed_and_the_headroom(
    wanted: Demand, assumed: Assumptions
) -> None:
    found = cheapest(wanted, assumed, price)

    assert found is not None
    assert found.size.is_fargate
    assert found.size.memory >= wanted.memory * (1 + assumed.memory_headroom / 100)
    assert found.size.cpu * found.tasks >= wanted.load * (1 + assumed.cpu_headroom / 100)
    assert found.tasks >= wanted.least_tasks


@given(demands, assumptions, st.floats(1, 2), st.floats(1, 1.2))
@settings(deadline=None)
def test_who_uses_more_never_pays_less(wanted: Demand, assumed: Assumptions, load: float, memory: float) -> None:
    more = replace(wanted, load=load * wanted.load, memory=memory * wanted.memory)

    before, after = cheapest(wanted, assumed, price), cheapest(more, assumed, price)

    if before is not None and after is not None:
        assert before.tasks * price(before.size) <= after.tasks * price(after.size) + 1e-9


@given(demands, assumptions)
@settings(deadline=None)
def test_what_is_applied_is_not_changed_again(wanted: Demand, assumed: Assumptions) -> None:
    """The next look finds the service with as many tasks as were proposed."""
    found = cheapest(wanted, assumed, price)
    assert found is not None

    assert found == cheapest(replace(wanted, tasks=found.tasks), assumed, price)


@pytest.mark.parametrize(("tasks", "zones"), [(1, 1), (2, 2), (3, 2), (7, 3)])
def test_a_zone_takes_its_share(tasks: int, zones: int) -> None:
    of_each_zone = [len(range(zone, tasks, zones)) for zone in range(zones)]

    assert lost_with_a_zone(tasks, zones) == (max(of_each_zone) if zones > 1 else 1)


@given(st.lists(st.integers(0, 100), min_size=1), st.integers(0, 100))
def test_a_percentile_is_the_least_value_with_that_share_at_or_below_it(values: list[int], percent: int) -> None:
    found = percentile(values, percent)

    assert found in values
    assert 100 * sum(one <= found for one in values) >= percent * len(values)
    assert all(100 * sum(one <= less for one in values) < percent * len(values) for less in values if less < found)


def needs(usage: Usage, evidence: Evidence | None = None) -> Demand:
    return demand_of(usage, evidence or Evidence(), USUAL, zones=2, start_within=timedelta(seconds=60))


def test_the_cpu_of_starts_does_not_drive_the_size_but_is_seen() -> None:
    burst = history(DAY, cpu=lambda minute: 1800 if minute < 5 else 100, starts=range(5))

    found = needs(burst)

    assert 100 == found.load
    assert (900 - 50) * 60 * 5 == found.start_work
    assert BIG.cpu == found.start_cpu  # it would take 4250 to end in its grace of a minute: what works now is enough


def test_the_memory_of_starts_counts() -> None:
    assert 3000 == needs(history(DAY, cpu=flat(1), memory=lambda at: 3000 if at < 5 else 200, starts=range(5))).memory


def test_a_busier_task_than_the_others_is_what_the_size_must_carry() -> None:
    assert 1.5 == pytest.approx(needs(history(DAY, cpu=flat(400), skew=1.5)).skew)


def test_cpu_at_its_limit_asks_for_the_next_size_and_no_fewer_tasks() -> None:
    found = needs(history(DAY, cpu=flat(4 * 256), tasks=4, size=SMALL))

    assert (512, 4) == (found.least_cpu, found.least_tasks)


def test_a_few_minutes_at_the_limit_are_not_taken_for_want() -> None:
    few = history(DAY, cpu=lambda minute: 512 if minute < 10 else 50, size=SMALL)

    assert 0 == needs(few).least_cpu


def test_memory_that_was_not_enough_is_not_proposed_again() -> None:
    assert 513 == needs(history(DAY, cpu=flat(1), size=SMALL), Evidence(kills=2, killed_at=512)).least_memory
    assert 513 == needs(history(DAY, cpu=flat(1), size=SMALL, memory=flat(511))).least_memory


def test_memory_that_grows_and_grows_is_not_shrunk() -> None:
    leaking = history(2 * DAY, cpu=flat(1), memory=lambda minute: 300 + minute / 10)

    assert BIG.memory == needs(leaking).least_memory
