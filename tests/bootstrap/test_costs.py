"""Costs are counted from what the stacks will hold, at the region's prices where these are known."""

from pathlib import Path

import pytest

from ninelives.bootstrap.costs import Costs, costs_of
from ninelives.bootstrap.stacks import Surroundings, wanted_stacks
from ninelives.deploy.reading import Definition, parse_service_file


def costs(region: str = "us-east-1", text: str = "", image: str = ".") -> Costs:
    file = parse_service_file(f"{{service: cats, image: {image}, port: 80{text}}}")
    definition = Definition(path=Path("ninelives.yml"), environment="local", file=file)
    return costs_of(wanted_stacks(definition, Surroundings(account="123456789012", region=region)), file, region)


def monthly(found: Costs, what: str) -> float | None:
    return next((line.monthly for line in found.lines if line.what.startswith(what)), None)


def test_what_is_paid_by_the_hour_is_summed_over_730_hours() -> None:
    found = costs()

    assert round(2 * 730 * (0.25 * 0.04048 + 0.5 * 0.004445), 2) == monthly(found, "Fargate")
    assert 16.43 == pytest.approx(monthly(found, "load balancer"), abs=0.01)
    assert 32.85 == pytest.approx(monthly(found, "NAT"), abs=0.01)
    assert round(3 * 730 * 0.005, 2) == monthly(found, "public IPv4")  # two of the load balancer, one of NAT
    assert 0.8 == pytest.approx(monthly(found, "alarm metric"))
    assert found.monthly == pytest.approx(sum(line.monthly for line in found.lines if line.monthly is not None))


def test_without_nat_the_tasks_addresses_are_paid_for_instead() -> None:
    found = costs(text=", bootstrap: {network: {nat: none}}")

    assert monthly(found, "NAT") is None
    assert round((2 + 2) * 730 * 0.005, 2) == monthly(found, "public IPv4")


def test_nat_in_every_zone_costs_one_each() -> None:
    assert 3 * 32.85 == pytest.approx(
        monthly(costs(text=", bootstrap: {network: {zones: 3, nat: per-zone}}"), "NAT"), abs=0.03
    )


def test_arm_is_cheaper() -> None:
    arm, x86 = (monthly(costs(image=f"{{build: ., platform: linux/{one}}}"), "Fargate") for one in ("arm64", "amd64"))

    assert arm == pytest.approx(0.8 * x86, rel=0.01)  # type: ignore[operator]  # there is a line for tasks


def test_a_region_without_prices_is_told_with_the_nearest_ones() -> None:
    found = costs(region="ap-southeast-6")

    assert ("ap-southeast-1", False) == (found.priced_in, found.is_of_region)
    assert costs(region="ap-southeast-1").monthly == found.monthly
