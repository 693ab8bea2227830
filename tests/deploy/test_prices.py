"""The table of prices is whole: every region has every figure, and every figure says where it comes from."""

import pytest

from ninelives.deploy.prices import price_table, prices_of
from ninelives.model.fargate import TaskSize

REGIONS = sorted(price_table()["regions"])


def test_every_region_has_every_figure_and_the_table_a_date() -> None:
    table = price_table()

    assert table["as_of"]
    assert 1 == len({frozenset(prices) for prices in table["regions"].values()})


@pytest.mark.parametrize("region", REGIONS)
def test_every_figure_says_where_it_comes_from(region: str) -> None:
    prices = prices_of(region)

    assert all(prices.source_of(name).what and prices.source_of(name).date for name in prices.figures)


@pytest.mark.parametrize("region", REGIONS)
def test_arm_is_a_fifth_cheaper_everywhere(region: str) -> None:
    size = TaskSize(cpu=1024, memory=2048)

    assert 0.8 == pytest.approx(prices_of(region).task_hour(size, arm=True) / prices_of(region).task_hour(size), abs=0.002)


def test_the_longest_group_names_the_source() -> None:
    prices = prices_of("us-east-1")

    assert prices.fargate_source().is_verified
    assert not prices.fargate_source(arm=True).is_verified


def test_aws_own_example_comes_out() -> None:
    """Fargate's page: 0.000011244 a vCPU second in us-east-1, 0.000001235 a GB second."""
    hour = prices_of("us-east-1").task_hour(TaskSize(cpu=256, memory=512))

    assert 3600 * (0.25 * 0.000011244 + 0.5 * 0.000001235) == pytest.approx(hour, rel=0.001)
