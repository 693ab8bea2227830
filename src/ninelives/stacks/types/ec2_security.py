"""EC2's security groups and their rules. Source: ``ec2`` 2016-11-15."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared, Members, Named, Setting, Step, ask, described
from ninelives.stacks.resource_type import Request
from ninelives.stacks.types.ec2 import NETWORK, TAGS, found_by_tags, tagged

ALL_OUT: Final = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
"""What a new group lets out."""

WAYS: Final = {"Ingress": "Source", "Egress": "Destination"}
"""How a rule's other end is called in each direction."""


def permission(rule: Mapping[str, Any], way: str) -> Mapping[str, Any]:
    """A rule as ``AuthorizeSecurityGroup…`` takes it."""
    end, described_as = WAYS[way], {"Description": rule.get("Description")}
    found: dict[str, Any] = {name: rule.get(name) for name in ("IpProtocol", "FromPort", "ToPort")}
    found["IpProtocol"] = str(found["IpProtocol"])
    if "CidrIp" in rule:
        found["IpRanges"] = [{"CidrIp": rule["CidrIp"], **described_as}]
    if "CidrIpv6" in rule:
        found["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **described_as}]
    if f"{end}PrefixListId" in rule:
        found["PrefixListIds"] = [{"PrefixListId": rule[f"{end}PrefixListId"], **described_as}]
    group = {
        "GroupId": rule.get(f"{end}SecurityGroupId"),
        "GroupName": rule.get(f"{end}SecurityGroupName"),
        "UserId": rule.get(f"{end}SecurityGroupOwnerId"),
    }
    if group["GroupId"] or group["GroupName"]:
        found["UserIdGroupPairs"] = [{**group, **described_as}]
    return found


def rules(permissions: Any, way: str) -> list[Mapping[str, Any]]:
    """What ``DescribeSecurityGroups`` has of one direction, as the rules of a template."""
    found: list[Mapping[str, Any]] = []
    for one in permissions:
        ports = {name: one.get(name) for name in ("IpProtocol", "FromPort", "ToPort")}
        found += [{**ports, **end} for end in _ends(one, WAYS[way])]
    return found


def _ends(one: Mapping[str, Any], end: str) -> Iterator[Mapping[str, Any]]:
    for key, name in (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")):
        for found in one.get(key, ()):
            yield {name: found[name], "Description": found.get("Description")}
    for pair in one.get("UserIdGroupPairs", ()):
        yield {f"{end}SecurityGroupId": pair.get("GroupId"), "Description": pair.get("Description")}


def inline(way: str) -> Members:
    """The rules that stand in the group itself."""

    async def add(it: Request, rule: Mapping[str, Any]) -> None:
        parameters = {"GroupId": it.physical_id, "IpPermissions": [permission(rule, way)]}
        await ask(it, f"ec2:AuthorizeSecurityGroup{way}", parameters)

    async def remove(it: Request, rule: Mapping[str, Any]) -> None:
        parameters = {"GroupId": it.physical_id, "IpPermissions": [permission(rule, way)]}
        await ask(it, f"ec2:RevokeSecurityGroup{way}", parameters)

    return Members(f"SecurityGroup{way}", add, remove)


class _Egress(Members):
    """Rules of one's own take the place of the one that lets everything out."""

    __slots__ = ()

    async def make(self, request: Request) -> None:
        if request.properties.get(self.name):
            await self._revoke_all_out(request)
            await super().make(request)

    async def change(self, request: Request) -> None:
        had, has = bool(request.previous.get(self.name)), bool(request.properties.get(self.name))
        if has and not had:
            await self._revoke_all_out(request)
        await super().change(request)
        if had and not has:
            parameters = {"GroupId": request.physical_id, "IpPermissions": [ALL_OUT]}
            await ask(request, "ec2:AuthorizeSecurityGroupEgress", parameters)

    async def _revoke_all_out(self, request: Request) -> None:
        await ask(request, "ec2:RevokeSecurityGroupEgress", {"GroupId": request.physical_id, "IpPermissions": [ALL_OUT]})


async def _group(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "Id": it.physical_id,
        "GroupDescription": found.get("Description"),
        "SecurityGroupIngress": rules(found.get("IpPermissions", ()), "Ingress"),
        "SecurityGroupEgress": rules(found.get("IpPermissionsEgress", ()), "Egress"),
    }


GROUP_NAME: Final = Named(name="GroupName")
_EGRESS: Final = inline("Egress")

SECURITY_GROUP: Final = Declared(
    name="AWS::EC2::SecurityGroup",
    inert=NETWORK,
    find_by=found_by_tags("ec2:DescribeSecurityGroups", "SecurityGroups", "GroupId"),
    takes="GroupDescription GroupName VpcId",
    create_by=Step(
        "ec2:CreateSecurityGroup",
        tagged(
            "security-group",
            lambda it: {
                "GroupName": GROUP_NAME(it),
                "Description": it.properties["GroupDescription"],
                "VpcId": it.properties.get("VpcId"),
            },
        ),
    ),
    identified_by="GroupId",
    parts=(inline("Ingress"), _Egress(_EGRESS.name, _EGRESS.add, _EGRESS.remove), TAGS),
    read_by=described(Step("ec2:DescribeSecurityGroups", lambda it: {"GroupIds": [it.physical_id]}), "SecurityGroups", _group),
    delete_by=(Step("ec2:DeleteSecurityGroup", lambda it: {"GroupId": it.physical_id}),),
)


def rule_type(way: str) -> Declared:
    """A rule that stands beside its group."""
    end = WAYS[way]

    def one(it: Request) -> Mapping[str, Any]:
        group = {name: it.properties[name] for name in ("GroupId", "GroupName") if name in it.properties}
        return {**group, "IpPermissions": [permission(it.properties, way)]}

    async def read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            "Id": it.physical_id,
            "CidrIp": found.get("CidrIpv4"),
            f"{end}SecurityGroupId": found.get("ReferencedGroupInfo", {}).get("GroupId"),
            f"{end}PrefixListId": found.get("PrefixListId"),
        }

    async def find(it: Request) -> str | None:
        filters = [{"Name": "group-id", "Values": [it.properties["GroupId"]]}] if "GroupId" in it.properties else []
        asked = {name: it.properties.get(name) for name in ("IpProtocol", "FromPort", "ToPort")}
        for rule in (await ask(it, "ec2:DescribeSecurityGroupRules", {"Filters": filters})).get("SecurityGroupRules", ()):
            is_same_way = rule["IsEgress"] == (way == "Egress")
            live = {**rule, **(await read(it, rule))}
            ends = ("CidrIp", "CidrIpv6", f"{end}SecurityGroupId", f"{end}PrefixListId")
            is_same_end = all(live.get(name) == it.properties.get(name) for name in ends)
            if is_same_way and is_same_end and all(rule.get(name) == value for name, value in asked.items()):
                return str(rule["SecurityGroupRuleId"])
        return None

    names = f"IpProtocol FromPort ToPort CidrIp CidrIpv6 GroupId {end}SecurityGroupId {end}PrefixListId"
    more = " GroupName SourceSecurityGroupName SourceSecurityGroupOwnerId" if way == "Ingress" else ""
    return Declared(
        name=f"AWS::EC2::SecurityGroup{way}",
        inert=NETWORK,
        find_by=find,
        takes=f"{names}{more}",
        create_by=Step(f"ec2:AuthorizeSecurityGroup{way}", one),
        identified_by="SecurityGroupRules.SecurityGroupRuleId",
        parts=(Setting("Description", Step(f"ec2:UpdateSecurityGroupRuleDescriptions{way}", one), is_made=True),),
        read_by=described(
            Step("ec2:DescribeSecurityGroupRules", lambda it: {"SecurityGroupRuleIds": [it.physical_id]}),
            "SecurityGroupRules",
            read,
            where=lambda it, rule: rule["SecurityGroupRuleId"] == it.physical_id,
        ),
        delete_by=(Step(f"ec2:RevokeSecurityGroup{way}", one),),
    )


TYPES: Final = (SECURITY_GROUP, rule_type("Ingress"), rule_type("Egress"))
