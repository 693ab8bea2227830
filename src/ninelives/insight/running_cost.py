"""What the tasks of a service that run now cost a month, if it went on so: Fargate's CPU and memory at list prices."""

from dataclasses import dataclass
from typing import Any

from ninelives.deploy.aws import Aws
from ninelives.deploy.observation import ServiceSeen
from ninelives.deploy.prices import HOURS_A_MONTH, Prices, prices_of
from ninelives.deploy.service_call import describe_task_definition
from ninelives.model.fargate import TaskSize


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningCost:
    """US dollars, without tax and discounts; load balancer, NAT and logs are not in it."""

    tasks: int
    size: TaskSize
    is_arm: bool
    prices: Prices

    @property
    def monthly(self) -> float:
        return round(self.tasks * self.prices.task_hour(self.size, arm=self.is_arm) * HOURS_A_MONTH, 2)

    @property
    def text(self) -> str:
        """In a line."""
        arm = " on Graviton" if self.is_arm else ""
        verified = "" if self.prices.fargate_source(arm=self.is_arm).is_verified else ", unverified"
        return (
            f"${self.monthly:,.2f} a month for {self.tasks} x {self.size.cpu} CPU units and {self.size.memory} MiB{arm} "
            f"(list prices of {self.prices.as_of} for {self.prices.priced_in}{verified})"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "currency": "USD",
            "monthly": self.monthly,
            "tasks": self.tasks,
            "cpu": self.size.cpu,
            "memory": self.size.memory,
            "architecture": "ARM64" if self.is_arm else "X86_64",
            "as_of": self.prices.as_of,
            "priced_in": self.prices.priced_in,
            "prices_are_of_region": self.prices.is_of_region,
            "is_verified": self.prices.fargate_source(arm=self.is_arm).is_verified,
        }


def running_cost(aws: Aws, service: ServiceSeen) -> RunningCost | None:
    """Of the tasks that run, as large as the newest task definition says; None where that is gone."""
    found = describe_task_definition(aws, service.task_definition)
    if found is None or "cpu" not in found[0]:
        return None
    definition = found[0]
    return RunningCost(
        tasks=service.running_count,
        size=TaskSize(cpu=int(definition["cpu"]), memory=int(definition["memory"])),
        is_arm=(definition.get("runtimePlatform") or {}).get("cpuArchitecture") == "ARM64",
        prices=prices_of(aws.region),
    )
