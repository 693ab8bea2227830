"""EC2's network: VPCs, subnets, gateways, routes, addresses, endpoints. Source: ``ec2`` 2016-11-15."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from ninelives.stacks.declared import Declared, Parameters, Read, Setting, Step, Tagging, ask, described, take
from ninelives.stacks.resource_type import Request, ResourceFailed
from ninelives.stacks.spelling import document, document_text

NETWORK: Final = "tasks and the load balancer have this machine's network: nothing is routed or filtered"
IPAM: Final = "addresses come from CidrBlock; this region has no IPAM"
IPV6: Final = "targets of this region have IPv4 addresses only"
GONE: Final = ("deleted", "deleting")
DESTINATIONS: Final = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


def tagged(kind: str, parameters: Parameters) -> Parameters:
    """``parameters``, and the resource's tags as ``Create…`` operations of EC2 take them."""

    def answered(it: Request) -> Mapping[str, Any]:
        tags = [{"Key": key, "Value": value} for key, value in it.all_tags().items()]
        return {**parameters(it), "TagSpecifications": [{"ResourceType": kind, "Tags": tags}] if tags else None}

    return answered


async def add_tags(it: Request, tags: Mapping[str, str]) -> None:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    await ask(it, "ec2:CreateTags", {"Resources": [resource_of(it)], "Tags": pairs})


async def remove_tags(it: Request, keys: list[str]) -> None:
    await ask(it, "ec2:DeleteTags", {"Resources": [resource_of(it)], "Tags": [{"Key": key} for key in keys]})


def resource_of(it: Request) -> str:
    """What EC2 calls the resource: its physical id, but for an address, which is known by its allocation."""
    return str(it.attributes.get("AllocationId") or it.physical_id)


TAGS: Final = Tagging(add_tags, remove_tags)


def filtered(operation: str, path: str, **filters: str) -> Read:
    """The first of what ``operation`` describes where all filters hold: ``a__b_c`` is ``a.b-c``, ``{id}`` the physical id."""

    def parameters(it: Request) -> Mapping[str, Any]:
        wanted = {name.replace("__", ".").replace("_", "-"): value for name, value in filters.items()}
        return {"Filters": [{"Name": name, "Values": [value.format(id=it.physical_id)]} for name, value in wanted.items()]}

    return described(Step(operation, parameters), path)


def found_by_tags(operation: str, path: str, key: str) -> Callable[[Request], Awaitable[str | None]]:
    """What an interrupted creation has made, by the tags that CloudFormation adds."""

    async def find(it: Request) -> str | None:
        names = ("aws:cloudformation:stack-id", "aws:cloudformation:logical-id")
        filters = [{"Name": f"tag:{name}", "Values": [it.tags[name]]} for name in names if name in it.tags]
        if not filters:
            return None
        found = (await ask(it, operation, {"Filters": filters})).get(path, ())
        ids = [str(one[key]) for one in found if one.get("State") not in GONE and str(one[key]) not in it.others]
        return ids[0] if ids else None

    return find


def found_as(physical_id: Callable[[Request], str], read: Read) -> Callable[[Request], Awaitable[str | None]]:
    """What an interrupted creation has made, where its physical id is known beforehand."""

    async def find(it: Request) -> str | None:
        wanted = replace(it, physical_id=physical_id(it))
        return wanted.physical_id if await read(wanted) is not None else None

    return find


async def _vpc(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    async def attribute(name: str, member: str) -> Any:
        answer = await ask(it, "ec2:DescribeVpcAttribute", {"VpcId": it.physical_id, "Attribute": name})
        return answer[member]["Value"]

    group = await filtered("ec2:DescribeSecurityGroups", "SecurityGroups", vpc_id="{id}", group_name="default")(it)
    acl = await filtered("ec2:DescribeNetworkAcls", "NetworkAcls", vpc_id="{id}", default="true")(it)
    return {
        "CidrBlockAssociations": [one["AssociationId"] for one in found.get("CidrBlockAssociationSet", ())],
        "Ipv6CidrBlocks": [one["Ipv6CidrBlock"] for one in found.get("Ipv6CidrBlockAssociationSet", ())],
        "DefaultSecurityGroup": (group or {}).get("GroupId"),
        "DefaultNetworkAcl": (acl or {}).get("NetworkAclId"),
        "EnableDnsSupport": await attribute("enableDnsSupport", "EnableDnsSupport"),
        "EnableDnsHostnames": await attribute("enableDnsHostnames", "EnableDnsHostnames"),
    }


def _switch(operation: str, key: str, name: str, *, default: bool) -> Setting:
    """A property that is true or false, and is set alone."""

    def parameters(it: Request) -> Mapping[str, Any]:
        return {key: it.physical_id, name: {"Value": it.properties.get(name, default)}}

    return Setting(name, Step(operation, parameters))


VPC: Final = Declared(
    name="AWS::EC2::VPC",
    inert=NETWORK,
    find_by=found_by_tags("ec2:DescribeVpcs", "Vpcs", "VpcId"),
    takes="CidrBlock InstanceTenancy",
    create_by=Step("ec2:CreateVpc", tagged("vpc", take("CidrBlock InstanceTenancy"))),
    identified_by="Vpc.VpcId",
    parts=(
        _switch("ec2:ModifyVpcAttribute", "VpcId", "EnableDnsSupport", default=True),
        _switch("ec2:ModifyVpcAttribute", "VpcId", "EnableDnsHostnames", default=False),
        TAGS,
    ),
    update_by=Step("ec2:ModifyVpcTenancy", lambda it: {"VpcId": it.physical_id, "InstanceTenancy": "default"}),
    read_by=described(Step("ec2:DescribeVpcs", lambda it: {"VpcIds": [it.physical_id]}), "Vpcs", _vpc),
    delete_by=(Step("ec2:DeleteVpc", lambda it: {"VpcId": it.physical_id}),),
    refused={
        "Ipv4IpamPoolId": IPAM,
        "Ipv4NetmaskLength": IPAM,
        "VpcEncryptionControl": "traffic stays on this machine and is not encrypted",
    },
)


async def _subnet(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    acl = await filtered("ec2:DescribeNetworkAcls", "NetworkAcls", association__subnet_id="{id}")(it)
    of_it = [one for one in (acl or {}).get("Associations", ()) if one["SubnetId"] == it.physical_id]
    return {
        "Ipv6CidrBlocks": [one["Ipv6CidrBlock"] for one in found.get("Ipv6CidrBlockAssociationSet", ())],
        "NetworkAclAssociationId": of_it[0]["NetworkAclAssociationId"] if of_it else None,
    }


SUBNET: Final = Declared(
    name="AWS::EC2::Subnet",
    inert=NETWORK,
    find_by=found_by_tags("ec2:DescribeSubnets", "Subnets", "SubnetId"),
    takes="VpcId CidrBlock AvailabilityZone AvailabilityZoneId Ipv6CidrBlock",
    create_by=Step(
        "ec2:CreateSubnet", tagged("subnet", take("VpcId CidrBlock AvailabilityZone AvailabilityZoneId Ipv6CidrBlock"))
    ),
    identified_by="Subnet.SubnetId",
    parts=(
        _switch("ec2:ModifySubnetAttribute", "SubnetId", "MapPublicIpOnLaunch", default=False),
        _switch("ec2:ModifySubnetAttribute", "SubnetId", "AssignIpv6AddressOnCreation", default=False),
        TAGS,
    ),
    read_by=described(Step("ec2:DescribeSubnets", lambda it: {"SubnetIds": [it.physical_id]}), "Subnets", _subnet),
    delete_by=(Step("ec2:DeleteSubnet", lambda it: {"SubnetId": it.physical_id}),),
    refused={
        "Ipv4IpamPoolId": IPAM,
        "Ipv4NetmaskLength": IPAM,
        "Ipv6IpamPoolId": IPAM,
        "Ipv6NetmaskLength": IPAM,
        "Ipv6Native": IPV6,
        "EnableDns64": IPV6,
        "OutpostArn": "there are no Outposts here",
        "EnableLniAtDeviceIndex": "there are no Outposts here",
    },
)

INTERNET_GATEWAY: Final = Declared(
    name="AWS::EC2::InternetGateway",
    inert=NETWORK,
    find_by=found_by_tags("ec2:DescribeInternetGateways", "InternetGateways", "InternetGatewayId"),
    create_by=Step("ec2:CreateInternetGateway", tagged("internet-gateway", lambda _: {})),
    identified_by="InternetGateway.InternetGatewayId",
    parts=(TAGS,),
    read_by=described(
        Step("ec2:DescribeInternetGateways", lambda it: {"InternetGatewayIds": [it.physical_id]}), "InternetGateways"
    ),
    delete_by=(Step("ec2:DeleteInternetGateway", lambda it: {"InternetGatewayId": it.physical_id}),),
)


def _attachment(gateway: str, vpc: str) -> Mapping[str, Any]:
    return {"InternetGatewayId": gateway, "VpcId": vpc}


class _Attached:
    """The gateway of an attachment, which may be exchanged."""

    names = ("InternetGatewayId",)

    async def make(self, it: Request) -> None:
        pass

    async def change(self, it: Request) -> None:
        vpc = it.properties["VpcId"]
        await ask(it, "ec2:DetachInternetGateway", _attachment(it.previous["InternetGatewayId"], vpc))
        await ask(it, "ec2:AttachInternetGateway", _attachment(it.properties["InternetGatewayId"], vpc))

    async def unmake(self, it: Request) -> None:
        pass


async def _gateway_attachment(it: Request) -> Mapping[str, Any] | None:
    vpc = it.physical_id.partition("|")[2]
    filters = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    found = (await ask(it, "ec2:DescribeInternetGateways", {"Filters": filters}))["InternetGateways"]
    if not found:
        return None
    return {"VpcId": vpc, "InternetGatewayId": found[0]["InternetGatewayId"], "AttachmentType": "IGW"}


GATEWAY_ATTACHMENT: Final = Declared(
    name="AWS::EC2::VPCGatewayAttachment",
    inert=NETWORK,
    find_by=found_as(lambda it: f"IGW|{it.properties['VpcId']}", _gateway_attachment),
    takes="VpcId",
    create_by=Step("ec2:AttachInternetGateway", take("InternetGatewayId VpcId")),
    identified_by=lambda it, _: f"IGW|{it.properties['VpcId']}",
    parts=(_Attached(),),
    read_by=_gateway_attachment,
    delete_by=(Step("ec2:DetachInternetGateway", take("InternetGatewayId VpcId")),),
    refused={"VpnGatewayId": "there are no VPN gateways here"},
)

ROUTE_TABLE: Final = Declared(
    name="AWS::EC2::RouteTable",
    inert=NETWORK,
    find_by=found_by_tags("ec2:DescribeRouteTables", "RouteTables", "RouteTableId"),
    takes="VpcId",
    create_by=Step("ec2:CreateRouteTable", tagged("route-table", take("VpcId"))),
    identified_by="RouteTable.RouteTableId",
    parts=(TAGS,),
    read_by=described(Step("ec2:DescribeRouteTables", lambda it: {"RouteTableIds": [it.physical_id]}), "RouteTables"),
    delete_by=(Step("ec2:DeleteRouteTable", lambda it: {"RouteTableId": it.physical_id}),),
)

ROUTE_TARGETS: Final = (
    "EgressOnlyInternetGatewayId GatewayId InstanceId NatGatewayId NetworkInterfaceId TransitGatewayId VpcEndpointId "
    "VpcPeeringConnectionId"
)


def _destination(it: Request) -> str:
    found = next((str(it.properties[name]) for name in DESTINATIONS if name in it.properties), None)
    if found is None:
        raise ResourceFailed(f"A route needs one of {', '.join(DESTINATIONS)}.", code="InvalidRequest")
    return found


async def _route(it: Request) -> Mapping[str, Any] | None:
    table, _, destination = it.physical_id.partition("|")
    step = Step("ec2:DescribeRouteTables", lambda _: {"RouteTableIds": [table]})
    found = await described(step, "RouteTables")(it)
    for route in (found or {}).get("Routes", ()):
        if destination in (route.get(name) for name in DESTINATIONS):
            return {**route, "RouteTableId": table, "CidrBlock": destination}
    return None


ROUTE: Final = Declared(
    name="AWS::EC2::Route",
    inert=NETWORK,
    find_by=found_as(lambda it: f"{it.properties['RouteTableId']}|{_destination(it)}", _route),
    takes=f"RouteTableId {' '.join(DESTINATIONS)} {ROUTE_TARGETS}",
    create_by=Step("ec2:CreateRoute", take(f"RouteTableId {' '.join(DESTINATIONS)} {ROUTE_TARGETS}")),
    identified_by=lambda it, _: f"{it.properties['RouteTableId']}|{_destination(it)}",
    update_by=Step("ec2:ReplaceRoute", take(f"RouteTableId {' '.join(DESTINATIONS)} {ROUTE_TARGETS}")),
    read_by=_route,
    delete_by=(Step("ec2:DeleteRoute", take(f"RouteTableId {' '.join(DESTINATIONS)}")),),
    refused=dict.fromkeys(
        ("CarrierGatewayId", "CoreNetworkArn", "LocalGatewayId", "OdbNetworkArn"), "there is nothing of this kind here"
    ),
)


async def _association(it: Request) -> Mapping[str, Any] | None:
    read = filtered("ec2:DescribeRouteTables", "RouteTables", association__route_table_association_id="{id}")
    table = await read(it)
    for one in (table or {}).get("Associations", ()):
        if one["RouteTableAssociationId"] == it.physical_id:
            return {"Id": it.physical_id, "RouteTableId": one["RouteTableId"], "SubnetId": one["SubnetId"]}
    return None


async def _find_association(it: Request) -> str | None:
    parameters = {"RouteTableIds": [it.properties["RouteTableId"]]}
    for table in (await ask(it, "ec2:DescribeRouteTables", parameters)).get("RouteTables", ()):
        for one in table.get("Associations", ()):
            if one.get("SubnetId") == it.properties["SubnetId"]:
                return str(one["RouteTableAssociationId"])
    return None


SUBNET_ROUTE_TABLE_ASSOCIATION: Final = Declared(
    name="AWS::EC2::SubnetRouteTableAssociation",
    inert=NETWORK,
    find_by=_find_association,
    takes="RouteTableId SubnetId",
    create_by=Step("ec2:AssociateRouteTable", take("RouteTableId SubnetId")),
    identified_by="AssociationId",
    read_by=_association,
    delete_by=(Step("ec2:DisassociateRouteTable", lambda it: {"AssociationId": it.physical_id}),),
)

EIP: Final = Declared(
    name="AWS::EC2::EIP",
    inert=NETWORK,
    find_by=found_by_tags("ec2:DescribeAddresses", "Addresses", "PublicIp"),
    takes="Domain NetworkBorderGroup Address",
    create_by=Step(
        "ec2:AllocateAddress",
        tagged("elastic-ip", lambda it: {"Domain": "vpc", **take("Domain NetworkBorderGroup Address")(it)}),
    ),
    identified_by="PublicIp",
    parts=(TAGS,),
    read_by=described(Step("ec2:DescribeAddresses", lambda it: {"PublicIps": [it.physical_id]}), "Addresses"),
    delete_by=(Step("ec2:ReleaseAddress", lambda it: {"AllocationId": it.attributes["AllocationId"]}),),
    refused={
        "InstanceId": "this region has no EC2 instances",
        "IpamPoolId": IPAM,
        "PublicIpv4Pool": IPAM,
        "TransferAddress": "there is no other account to transfer from",
    },
)


def _nat_gateway(state: str) -> Any:
    async def is_in_state(it: Request) -> bool:
        answer = await ask(it, "ec2:DescribeNatGateways", {"NatGatewayIds": [it.physical_id]})
        found = answer.get("NatGateways", ())
        if found and found[0]["State"] == "failed":
            reason = f"NatGateway {it.physical_id} is in state failed and hence failed to stabilize."
            raise ResourceFailed(reason, code="NotStabilized")
        return (not found and state == "deleted") or (bool(found) and found[0]["State"] == state)

    return is_in_state


async def _nat(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    del it
    address: Mapping[str, Any] = next(iter(found.get("NatGatewayAddresses", ())), {})
    return {
        "AllocationId": address.get("AllocationId"),
        "EniId": address.get("NetworkInterfaceId"),
        "PrivateIpAddress": address.get("PrivateIp"),
    }


async def _let_go(it: Request) -> None:
    """The address is free again once the gateway is gone; moto, which keeps both, forgets that."""
    allocation = it.properties.get("AllocationId")
    if allocation is None:
        return
    found = (await ask(it, "ec2:DescribeAddresses", {"AllocationIds": [allocation]})).get("Addresses", ())
    for address in found:
        if "AssociationId" in address:
            await ask(it, "ec2:DisassociateAddress", {"AssociationId": address["AssociationId"]})


async def _find_nat_gateway(it: Request) -> str | None:
    """NAT gateways are filtered by another word than all else."""
    filters = [{"Name": "subnet-id", "Values": [it.properties.get("SubnetId", "")]}]
    for one in (await ask(it, "ec2:DescribeNatGateways", {"Filter": filters})).get("NatGateways", ()):
        tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", ())}
        is_ours = it.tags.items() <= tags.items() and "aws:cloudformation:logical-id" in it.tags
        if is_ours and one["State"] not in GONE and one["NatGatewayId"] not in it.others:
            return str(one["NatGatewayId"])
    return None


NAT_GATEWAY: Final = Declared(
    name="AWS::EC2::NatGateway",
    inert=NETWORK,
    find_by=_find_nat_gateway,
    takes="SubnetId AllocationId ConnectivityType",
    create_by=Step("ec2:CreateNatGateway", tagged("natgateway", take("SubnetId AllocationId ConnectivityType"))),
    identified_by="NatGateway.NatGatewayId",
    parts=(TAGS,),
    read_by=described(
        Step("ec2:DescribeNatGateways", lambda it: {"NatGatewayIds": [it.physical_id]}),
        "NatGateways",
        _nat,
        where=lambda _, one: one["State"] != "deleted",
    ),
    delete_by=(Step("ec2:DeleteNatGateway", lambda it: {"NatGatewayId": it.physical_id}), _let_go),
    stable_by=_nat_gateway("available"),
    gone_by=_nat_gateway("deleted"),
)


def _endpoint(it: Request) -> Mapping[str, Any]:
    parameters = take(
        "VpcId ServiceName VpcEndpointType RouteTableIds SubnetIds SecurityGroupIds PrivateDnsEnabled IpAddressType"
    )
    policy = document_text(it.properties.get("PolicyDocument"))
    return {"VpcEndpointType": "Gateway", **parameters(it), "PolicyDocument": policy}


def _endpoint_changes(it: Request) -> Mapping[str, Any]:
    if "RouteTableIds" in it.changed:
        reason = "This region cannot give an endpoint other route tables: moto, which keeps it, would leave the routes behind."
        raise ResourceFailed(reason, code="NotUpdatable")
    changes: dict[str, Any] = {"VpcEndpointId": it.physical_id}
    for name in ("SubnetIds", "SecurityGroupIds"):
        before, after = it.previous.get(name, ()), it.properties.get(name, ())
        changes[f"Add{name}"] = [one for one in after if one not in before] or None
        changes[f"Remove{name}"] = [one for one in before if one not in after] or None
    if "PolicyDocument" in it.changed:
        policy = document_text(it.properties.get("PolicyDocument"))
        changes |= {"PolicyDocument": policy} if policy else {"ResetPolicy": True}
    if "PrivateDnsEnabled" in it.changed:
        changes["PrivateDnsEnabled"] = it.properties.get("PrivateDnsEnabled", False)
    return changes


async def _endpoint_read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    created = found.get("CreationTimestamp")
    return {
        "Id": it.physical_id,
        "PolicyDocument": document(found.get("PolicyDocument")),
        "SecurityGroupIds": [one["GroupId"] for one in found.get("Groups", ())],
        "DnsEntries": [f"{one.get('HostedZoneId', '')}:{one['DnsName']}" for one in found.get("DnsEntries", ())],
        "CreationTimestamp": created if created is None or isinstance(created, str) else created.isoformat(),
    }


VPC_ENDPOINT: Final = Declared(
    name="AWS::EC2::VPCEndpoint",
    inert=NETWORK,
    find_by=found_by_tags("ec2:DescribeVpcEndpoints", "VpcEndpoints", "VpcEndpointId"),
    takes=(
        "VpcId ServiceName VpcEndpointType RouteTableIds SubnetIds SecurityGroupIds PrivateDnsEnabled IpAddressType "
        "PolicyDocument"
    ),
    create_by=Step("ec2:CreateVpcEndpoint", tagged("vpc-endpoint", _endpoint)),
    identified_by="VpcEndpoint.VpcEndpointId",
    parts=(TAGS,),
    update_by=Step("ec2:ModifyVpcEndpoint", _endpoint_changes),
    read_by=described(
        Step("ec2:DescribeVpcEndpoints", lambda it: {"VpcEndpointIds": [it.physical_id]}),
        "VpcEndpoints",
        _endpoint_read,
        where=lambda _, one: one["State"] != "deleted",
    ),
    delete_by=(Step("ec2:DeleteVpcEndpoints", lambda it: {"VpcEndpointIds": [it.physical_id]}),),
)

TYPES: Final = (
    VPC,
    SUBNET,
    INTERNET_GATEWAY,
    GATEWAY_ATTACHMENT,
    ROUTE_TABLE,
    ROUTE,
    SUBNET_ROUTE_TABLE_ASSOCIATION,
    EIP,
    NAT_GATEWAY,
    VPC_ENDPOINT,
)
