"""Elastic Load Balancing v2. Source: ``elbv2`` 2015-12-01."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ninelives.model.errors import ApiError
from ninelives.stacks.declared import Declared, Members, Named, Setting, Step, ask, described, tag_list, tagging, take
from ninelives.stacks.resource_type import Request, ResourceFailed, is_not_found

NAME: Final = Named(name="Name", limit=32)


TAGS: Final = tagging("elbv2:AddTags", "elbv2:RemoveTags", lambda it: {"ResourceArns": [it.physical_id]})


def _attributes(kind: str) -> Setting:
    """Attributes by key; what a template no longer names stays as it is, as in CloudFormation."""
    name = f"{kind}Attributes"

    def parameters(it: Request) -> Mapping[str, Any]:
        return {f"{kind}Arn": it.physical_id, "Attributes": it.properties.get(name, [])}

    return Setting(name, Step(f"elbv2:Modify{kind}Attributes", parameters))


async def _live_attributes(it: Request, kind: str) -> list[Mapping[str, str]]:
    """Those that the template names, as they are."""
    answer = await ask(it, f"elbv2:Describe{kind}Attributes", {f"{kind}Arn": it.physical_id})
    named = {one["Key"] for one in it.properties.get(f"{kind}Attributes", ())}
    return [one for one in answer["Attributes"] if one["Key"] in named]


def _arn(it: Request, name: str) -> Mapping[str, Any]:
    return {name: it.physical_id}


def full_name(arn: str) -> str:
    """What CloudWatch's dimensions name.

    >>> full_name("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/front/0123456789abcdef")
    'app/front/0123456789abcdef'
    >>> full_name("arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/cats/0123456789abcdef")
    'targetgroup/cats/0123456789abcdef'
    """
    return arn.split(":", 5)[5].removeprefix("loadbalancer/")


def _found_by_name(operation: str, path: str, key: str) -> Callable[[Request], Awaitable[str | None]]:
    async def find(it: Request) -> str | None:
        found = await described(Step(operation, lambda it: {"Names": [NAME(it)]}), path)(it)
        return str(found[key]) if found and found[key] not in it.others else None

    return find


async def _load_balancer(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    zones = found.get("AvailabilityZones", ())
    return {
        "Name": found["LoadBalancerName"],
        "LoadBalancerFullName": full_name(it.physical_id),
        "CanonicalHostedZoneID": found.get("CanonicalHostedZoneId"),
        "Subnets": [zone["SubnetId"] for zone in zones],
        "LoadBalancerAttributes": await _live_attributes(it, "LoadBalancer"),
    }


async def _is_active(it: Request) -> bool:
    found = (await ask(it, "elbv2:DescribeLoadBalancers", {"LoadBalancerArns": [it.physical_id]}))["LoadBalancers"][0]
    if found["State"]["Code"] == "failed":
        reason = f"The load balancer failed: {found['State'].get('Reason', 'no reason is told')}."
        raise ResourceFailed(reason, code="NotStabilized")
    return bool(found["State"]["Code"] == "active")


LOAD_BALANCER: Final = Declared(
    name="AWS::ElasticLoadBalancingV2::LoadBalancer",
    find_by=_found_by_name("elbv2:DescribeLoadBalancers", "LoadBalancers", "LoadBalancerArn"),
    takes="Name Scheme Type",
    create_by=Step(
        "elbv2:CreateLoadBalancer",
        lambda it: {
            "Name": NAME(it),
            "Tags": tag_list(it),
            **take("Subnets SubnetMappings SecurityGroups Scheme Type IpAddressType Ipv4IpamPoolId")(it),
        },
    ),
    identified_by="LoadBalancers.LoadBalancerArn",
    parts=(
        Setting(
            "SecurityGroups",
            Step("elbv2:SetSecurityGroups", lambda it: {**_arn(it, "LoadBalancerArn"), **take("SecurityGroups")(it)}),
            is_made=True,
        ),
        Setting(
            "Subnets SubnetMappings",
            Step("elbv2:SetSubnets", lambda it: {**_arn(it, "LoadBalancerArn"), **take("Subnets SubnetMappings")(it)}),
            is_made=True,
        ),
        Setting(
            "IpAddressType",
            Step(
                "elbv2:SetIpAddressType",
                lambda it: {**_arn(it, "LoadBalancerArn"), "IpAddressType": it.properties.get("IpAddressType", "ipv4")},
            ),
            is_made=True,
        ),
        _attributes("LoadBalancer"),
        TAGS,
    ),
    read_by=described(
        Step("elbv2:DescribeLoadBalancers", lambda it: {"LoadBalancerArns": [it.physical_id]}), "LoadBalancers", _load_balancer
    ),
    delete_by=(Step("elbv2:DeleteLoadBalancer", lambda it: _arn(it, "LoadBalancerArn")),),
    stable_by=_is_active,
)

HEALTH_CHECK: Final = (
    "HealthCheckEnabled HealthCheckIntervalSeconds HealthCheckPath HealthCheckPort HealthCheckProtocol "
    "HealthCheckTimeoutSeconds HealthyThresholdCount UnhealthyThresholdCount Matcher"
)


async def _add_target(it: Request, target: Mapping[str, Any]) -> None:
    await ask(it, "elbv2:RegisterTargets", {"TargetGroupArn": it.physical_id, "Targets": [target]})


async def _remove_target(it: Request, target: Mapping[str, Any]) -> None:
    await ask(it, "elbv2:DeregisterTargets", {"TargetGroupArn": it.physical_id, "Targets": [target]})


async def _target_group(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    health = (await ask(it, "elbv2:DescribeTargetHealth", {"TargetGroupArn": it.physical_id}))["TargetHealthDescriptions"]
    staying = [one for one in health if one["TargetHealth"]["State"] != "draining"]
    return {
        "Name": found["TargetGroupName"],
        "TargetGroupFullName": full_name(it.physical_id),
        "TargetGroupAttributes": await _live_attributes(it, "TargetGroup"),
        "Targets": [one["Target"] for one in staying] if "Targets" in it.properties else None,
    }


TARGET_GROUP: Final = Declared(
    name="AWS::ElasticLoadBalancingV2::TargetGroup",
    find_by=_found_by_name("elbv2:DescribeTargetGroups", "TargetGroups", "TargetGroupArn"),
    takes="Name Protocol ProtocolVersion Port VpcId TargetType IpAddressType TargetControlPort",
    create_by=Step(
        "elbv2:CreateTargetGroup",
        lambda it: {
            "Name": NAME(it),
            "Tags": tag_list(it),
            **take(f"Protocol ProtocolVersion Port VpcId TargetType IpAddressType TargetControlPort {HEALTH_CHECK}")(it),
        },
    ),
    identified_by="TargetGroups.TargetGroupArn",
    parts=(
        Setting(
            HEALTH_CHECK,
            Step("elbv2:ModifyTargetGroup", lambda it: {**_arn(it, "TargetGroupArn"), **take(HEALTH_CHECK)(it)}),
            is_made=True,
        ),
        _attributes("TargetGroup"),
        Members("Targets", _add_target, _remove_target),
        TAGS,
    ),
    read_by=described(
        Step("elbv2:DescribeTargetGroups", lambda it: {"TargetGroupArns": [it.physical_id]}), "TargetGroups", _target_group
    ),
    delete_by=(Step("elbv2:DeleteTargetGroup", lambda it: _arn(it, "TargetGroupArn")),),
)

LISTENER_MEMBERS: Final = "Port Protocol DefaultActions Certificates SslPolicy AlpnPolicy MutualAuthentication"


async def _listener(it: Request, _: Mapping[str, Any]) -> Mapping[str, Any]:
    named = "ListenerAttributes" in it.properties
    return {"ListenerAttributes": await _live_attributes(it, "Listener") if named else None}


async def _find_listener(it: Request) -> str | None:
    for one in (await ask(it, "elbv2:DescribeListeners", take("LoadBalancerArn")(it)))["Listeners"]:
        if one.get("Port") == it.properties.get("Port") and one["ListenerArn"] not in it.others:
            return str(one["ListenerArn"])
    return None


LISTENER: Final = Declared(
    name="AWS::ElasticLoadBalancingV2::Listener",
    find_by=_find_listener,
    takes=f"LoadBalancerArn {LISTENER_MEMBERS}",
    create_by=Step(
        "elbv2:CreateListener", lambda it: {**take(f"LoadBalancerArn {LISTENER_MEMBERS}")(it), "Tags": tag_list(it)}
    ),
    identified_by="Listeners.ListenerArn",
    parts=(_attributes("Listener"), TAGS),
    update_by=Step("elbv2:ModifyListener", lambda it: {**_arn(it, "ListenerArn"), **take(LISTENER_MEMBERS)(it)}),
    read_by=described(Step("elbv2:DescribeListeners", lambda it: {"ListenerArns": [it.physical_id]}), "Listeners", _listener),
    delete_by=(Step("elbv2:DeleteListener", lambda it: _arn(it, "ListenerArn")),),
)


def _priority(it: Request) -> Mapping[str, Any]:
    return {"RulePriorities": [{"RuleArn": it.physical_id, "Priority": it.properties["Priority"]}]}


async def _rule(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    priority = found["Priority"]
    return {
        "Priority": int(priority) if priority.isdecimal() else None,
        "ListenerArn": it.physical_id.replace(":listener-rule/", ":listener/").rpartition("/")[0],
    }


async def _find_rule(it: Request) -> str | None:
    for one in (await ask(it, "elbv2:DescribeRules", take("ListenerArn")(it)))["Rules"]:
        if one["Priority"] == str(it.properties["Priority"]) and one["RuleArn"] not in it.others:
            return str(one["RuleArn"])
    return None


LISTENER_RULE: Final = Declared(
    name="AWS::ElasticLoadBalancingV2::ListenerRule",
    find_by=_find_rule,
    takes="ListenerArn Conditions Actions Transforms",
    create_by=Step(
        "elbv2:CreateRule",
        lambda it: {**take("ListenerArn Priority Conditions Actions Transforms")(it), "Tags": tag_list(it)},
    ),
    identified_by="Rules.RuleArn",
    parts=(Setting("Priority", Step("elbv2:SetRulePriorities", _priority), is_made=True), TAGS),
    update_by=Step("elbv2:ModifyRule", lambda it: {**_arn(it, "RuleArn"), **take("Conditions Actions Transforms")(it)}),
    read_by=described(Step("elbv2:DescribeRules", lambda it: {"RuleArns": [it.physical_id]}), "Rules", _rule),
    delete_by=(Step("elbv2:DeleteRule", lambda it: _arn(it, "RuleArn")),),
)


async def _add_certificate(it: Request, certificate: Mapping[str, Any]) -> None:
    parameters = {"ListenerArn": it.properties["ListenerArn"], "Certificates": [certificate]}
    await ask(it, "elbv2:AddListenerCertificates", parameters)


async def _remove_certificate(it: Request, certificate: Mapping[str, Any]) -> None:
    parameters = {"ListenerArn": it.properties["ListenerArn"], "Certificates": [certificate]}
    await ask(it, "elbv2:RemoveListenerCertificates", parameters)


async def _certificates(it: Request) -> Mapping[str, Any] | None:
    wanted = {one["CertificateArn"] for one in it.properties["Certificates"]}
    try:
        listed = (await ask(it, "elbv2:DescribeListenerCertificates", take("ListenerArn")(it)))["Certificates"]
    except ApiError as error:
        if is_not_found(error):
            return None
        raise
    kept = [{"CertificateArn": one["CertificateArn"]} for one in listed if one["CertificateArn"] in wanted]
    live = {"Id": it.physical_id, "ListenerArn": it.properties["ListenerArn"], "Certificates": kept}
    return live if kept else None


LISTENER_CERTIFICATE: Final = Declared(
    name="AWS::ElasticLoadBalancingV2::ListenerCertificate",
    takes="ListenerArn",
    create_by=Step("elbv2:AddListenerCertificates", take("ListenerArn Certificates")),
    identified_by=lambda it, _: it.name(),
    parts=(Members("Certificates", _add_certificate, _remove_certificate, is_made=True, is_unmade=True),),
    read_by=_certificates,
)

TYPES: Final = (LOAD_BALANCER, TARGET_GROUP, LISTENER, LISTENER_RULE, LISTENER_CERTIFICATE)
