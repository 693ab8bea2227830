"""What ELB asks EC2: where subnets are."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from ninelives.model.errors import ApiError
from ninelives.region.elbv2_load_balancers import Subnet


class Network(Protocol):
    async def subnets(self, subnet_ids: Sequence[str]) -> list[Subnet]:
        """The subnets of those ids, in that order. Raises ``SubnetNotFound``."""


class Ec2Network:
    """The region's own EC2, asked in process."""

    def __init__(self, call: Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]) -> None:
        self._call = call

    async def subnets(self, subnet_ids: Sequence[str]) -> list[Subnet]:
        try:
            answer = await self._call("ec2", "DescribeSubnets", {"SubnetIds": list(subnet_ids)})
        except ApiError as error:
            if error.code.startswith("InvalidSubnet"):
                raise ApiError("SubnetNotFound", error.message) from None
            raise
        found = {one["SubnetId"]: one for one in answer["Subnets"]}
        return [
            Subnet(id=one, zone=found[one]["AvailabilityZone"], vpc_id=found[one]["VpcId"])
            for one in dict.fromkeys(subnet_ids)
        ]
