"""What the stacks cost a month, before anybody agrees to it; and what the tasks will cost that run on them.

Fixed is what is paid by the hour or month whether it is used or not. What is paid by use has its price, and no sum: only the
user knows the traffic. Data transfer to the internet and between zones is not included. Pure but for the table of prices.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ninelives.bootstrap.stacks import WantedStack
from ninelives.deploy.prices import HOURS_A_MONTH, Prices, prices_of
from ninelives.deploy.service_file import ServiceFile
from ninelives.model.fargate import TaskSize

ALARM_METRICS = {"ErrorRateAlarm": 3, "UnhealthyAlarm": 2}
"""Metrics that an alarm looks at, where it is more than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """A kind of thing that is paid for. ``monthly`` is None for what is paid by use."""

    what: str
    price: str
    count: int = 1
    monthly: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """All of it, for a region."""

    region: str
    as_of: str
    priced_in: str
    """The region whose prices these are: the nearest that the table has."""
    lines: tuple[CostLine, ...]

    @property
    def is_of_region(self) -> bool:
        return self.priced_in == self.region

    @property
    def monthly(self) -> float:
        """What is paid whether anybody comes or not."""
        return sum(line.monthly for line in self.lines if line.monthly is not None)


def costs_of(stacks: Sequence[WantedStack], file: ServiceFile, region: str) -> Costs:
    """What is paid for in a month."""
    prices = prices_of(region)
    counted = Counter(resource.type for stack in stacks for resource in stack.resources)
    alarms = [one.logical_id for stack in stacks for one in stack.resources if one.type == "AWS::CloudWatch::Alarm"]
    zones = file.bootstrap.network.zones if file.bootstrap.network.vpc is None else len(file.bootstrap.network.public_subnets)
    has_public_tasks = (
        file.bootstrap.network.nat == "none"
        if file.bootstrap.network.vpc is None
        else not file.bootstrap.network.private_subnets
    )
    addresses = counted["AWS::EC2::EIP"] + zones + (file.first_count if has_public_tasks else 0)
    return Costs(
        region=region,
        as_of=prices.as_of,
        priced_in=prices.priced_in,
        lines=(
            *_tasks(file, prices),
            _hourly("load balancer", 1, prices["load_balancer_hour"]),
            *([_hourly("NAT gateway", counts, prices["nat_hour"])] if (counts := counted["AWS::EC2::NatGateway"]) else []),
            _hourly("public IPv4 address", addresses, prices["public_ipv4_hour"]),
            _monthly("alarm metric", sum(ALARM_METRICS.get(one, 1) for one in alarms), prices["alarm_metric_month"]),
            *_by_use(file, prices, counted),
        ),
    )


def _tasks(file: ServiceFile, prices: Prices) -> Iterator[CostLine]:
    size = TaskSize(cpu=file.cpu, memory=file.memory)
    hour = prices.task_hour(size, arm=file.image.platform == "linux/arm64")
    yield _hourly(f"Fargate task ({file.cpu} CPU units, {file.memory} MiB), once deployed", file.first_count, hour)


def _by_use(file: ServiceFile, prices: Prices, counted: Mapping[str, int]) -> Iterator[CostLine]:
    yield CostLine(what="load balancer traffic", price=f"${prices['lcu_hour']:g} an LCU-hour")
    if counted["AWS::EC2::NatGateway"]:
        yield CostLine(what="through NAT (images come from S3, beside it)", price=f"${prices['nat_gb']:g} a GB")
    yield CostLine(what="dashboard, beyond an account's first three", price=f"${prices['dashboard_month']:.2f} a month")
    yield CostLine(what="logs, taken in", price=f"${prices['logs_gb']:g} a GB")
    if file.bootstrap.container_insights != "disabled":
        yield CostLine(what="Container Insights", price=f"${prices['insights_metric_month']:g} a metric and month")
    if counted["AWS::ECR::Repository"]:
        yield CostLine(what="images, kept", price=f"${prices['ecr_gb_month']:g} a GB and month")
    if counted["AWS::S3::Bucket"]:
        yield CostLine(what="access logs, kept", price=f"${prices['s3_gb_month']:g} a GB and month")


def _hourly(what: str, count: int, price: float) -> CostLine:
    return CostLine(what=what, count=count, price=f"${price:.4g} an hour", monthly=round(count * price * HOURS_A_MONTH, 2))


def _monthly(what: str, count: int, price: float) -> CostLine:
    return CostLine(what=what, count=count, price=f"${price:.2f} a month", monthly=round(count * price, 2))
