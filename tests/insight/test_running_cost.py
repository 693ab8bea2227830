"""What runs is priced as it runs: by its own size, processor and region."""

import pytest
from measured_account import Account, four_days

from ninelives.deploy.aws import Aws
from ninelives.deploy.observation import see_service
from ninelives.deploy.prices import HOURS_A_MONTH, prices_of
from ninelives.insight.running_cost import RunningCost, running_cost
from ninelives.model.fargate import TaskSize


def cost(region: str = "eu-west-1", **definition: object) -> RunningCost:
    account = Account(four_days(days=0))
    account.definition = definition
    aws = Aws(account.client, region=region, is_local=False)
    service = see_service(aws, "cats", "cats")
    assert service is not None
    found = running_cost(aws, service)
    assert found is not None
    return found


def test_a_month_is_730_hours_of_each_running_task() -> None:
    found = cost()

    assert 2 * HOURS_A_MONTH * prices_of("eu-west-1").task_hour(TaskSize(cpu=1024, memory=4096)) == pytest.approx(
        found.monthly, abs=0.01
    )
    assert "$85.06 a month for 2 x 1024 CPU units and 4096 MiB (list prices of" in found.text


def test_graviton_and_unverified_prices_are_told() -> None:
    found = cost("us-east-1", runtimePlatform={"cpuArchitecture": "ARM64"})

    assert "on Graviton (list prices of 2026-11 for us-east-1, unverified)" in found.text
    assert (False, True) == (found.as_json()["is_verified"], found.as_json()["prices_are_of_region"])
