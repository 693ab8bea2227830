"""Load balancers on the wire."""

from typing import Any

from ninelives.api.call import Call, Operations
from ninelives.api.elbv2.access_logs import LogBuckets
from ninelives.api.elbv2.network import Network
from ninelives.api.elbv2.wire import page, read_pairs, read_tags, write_pairs
from ninelives.model.elbv2 import LoadBalancer
from ninelives.model.errors import ApiError
from ninelives.region import elbv2_load_balancers as intents
from ninelives.region.elbv2_attributes import LOAD_BALANCER, with_defaults
from ninelives.region.region import Region

Answer = dict[str, Any]


def operations(region: Region, network: Network, buckets: LogBuckets) -> Operations:
    async def subnets(call: Call) -> list[intents.Subnet]:
        wanted = call.parameters.get("Subnets") or [one["SubnetId"] for one in call.parameters.get("SubnetMappings") or ()]
        if not wanted:
            raise ApiError("ValidationError", "At least two subnets in two different Availability Zones must be specified")
        return await network.subnets(wanted)

    async def create(call: Call) -> Answer:
        given = call.parameters
        if given.get("Type", "application") != "application":
            raise ApiError(
                "InvalidConfigurationRequest",
                f"ninelives does not do load balancers of type '{given['Type']}' yet; it does application",
            )
        made = intents.create(
            region,
            name=given["Name"],
            subnets=await subnets(call),
            security_groups=given.get("SecurityGroups") or (),
            scheme=given.get("Scheme", "internet-facing"),
            ip_address_type=given.get("IpAddressType", "ipv4"),
            tags=read_tags(given.get("Tags")),
        )
        return {"LoadBalancers": [shown(made)]}

    def describe(call: Call) -> Answer:
        arns, names = call.parameters.get("LoadBalancerArns"), call.parameters.get("Names")
        if arns:
            found = [intents.find(region, arn) for arn in arns]
        elif names:
            found = [_by_name(region, name) for name in names]
        else:
            found = list(region.state.load_balancers.values())
        items, marker = page(found, call.parameters)
        return {"LoadBalancers": [shown(one) for one in items], "NextMarker": marker}

    def delete(call: Call) -> Answer:
        intents.delete(region, call.parameters["LoadBalancerArn"])
        return {}

    def describe_attributes(call: Call) -> Answer:
        return _attributes(intents.find(region, call.parameters["LoadBalancerArn"]))

    async def modify_attributes(call: Call) -> Answer:
        given = read_pairs(call.parameters["Attributes"])
        arn = call.parameters["LoadBalancerArn"]
        attributes = intents.checked_attributes(region, arn, given)
        if attributes.get("access_logs.s3.enabled") == "true" and any(key.startswith("access_logs.") for key in given):
            await buckets.check(intents.find(region, arn), attributes)
        return _attributes(intents.modify_attributes(region, arn, given))

    async def set_subnets(call: Call) -> Answer:
        changed = intents.set_subnets(region, call.parameters["LoadBalancerArn"], await subnets(call))
        return {"AvailabilityZones": _zones(changed), "IpAddressType": changed.ip_address_type}

    def set_security_groups(call: Call) -> Answer:
        groups = call.parameters["SecurityGroups"]
        changed = intents.set_security_groups(region, call.parameters["LoadBalancerArn"], groups)
        return {"SecurityGroupIds": list(changed.security_groups)}

    def set_ip_address_type(call: Call) -> Answer:
        wanted = call.parameters["IpAddressType"]
        changed = intents.set_ip_address_type(region, call.parameters["LoadBalancerArn"], wanted)
        return {"IpAddressType": changed.ip_address_type}

    return {
        "CreateLoadBalancer": create,
        "DescribeLoadBalancers": describe,
        "DeleteLoadBalancer": delete,
        "DescribeLoadBalancerAttributes": describe_attributes,
        "ModifyLoadBalancerAttributes": modify_attributes,
        "SetSubnets": set_subnets,
        "SetSecurityGroups": set_security_groups,
        "SetIpAddressType": set_ip_address_type,
    }


def _by_name(region: Region, name: str) -> LoadBalancer:
    found = intents.find_by_name(region, name)
    if found is None:
        raise ApiError("LoadBalancerNotFound", f"Load balancers '[{name}]' not found")
    return found


def _attributes(balancer: LoadBalancer) -> Answer:
    return {"Attributes": write_pairs(with_defaults(LOAD_BALANCER, balancer.attributes))}


def _zones(balancer: LoadBalancer) -> list[Answer]:
    return [{"ZoneName": zone, "SubnetId": subnet, "LoadBalancerAddresses": []} for zone, subnet in balancer.zones]


def shown(balancer: LoadBalancer) -> Answer:
    """A load balancer as DescribeLoadBalancers shows it. It is active from its first moment."""
    return {
        "LoadBalancerArn": balancer.arn,
        "DNSName": balancer.dns_name,
        "CanonicalHostedZoneId": "Z32O12XQLNTSW2",
        "CreatedTime": balancer.created_at,
        "LoadBalancerName": balancer.name,
        "Scheme": balancer.scheme,
        "VpcId": balancer.vpc_id,
        "State": {"Code": "active"},
        "Type": "application",
        "AvailabilityZones": _zones(balancer),
        "SecurityGroups": list(balancer.security_groups),
        "IpAddressType": balancer.ip_address_type,
    }
