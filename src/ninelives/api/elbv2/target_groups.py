"""Target groups, targets and their health on the wire."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ninelives.api.call import Call, Operations
from ninelives.api.elbv2.wire import page, read_pairs, read_tags, write_pairs
from ninelives.model.elbv2 import TargetGroup, TargetHealthCheck
from ninelives.model.errors import ApiError
from ninelives.region import elbv2_target_groups as intents
from ninelives.region.elbv2_attributes import TARGET_GROUP, with_defaults
from ninelives.region.region import Region

Answer = dict[str, Any]


def operations(region: Region) -> Operations:
    def create(call: Call) -> Answer:
        given = call.parameters
        for member in ("Protocol", "Port", "VpcId"):
            if not given.get(member) and given.get("TargetType", "instance") != "lambda":
                raise ApiError("ValidationError", f"A {_SPOKEN[member]} must be specified")
        version = given.get("ProtocolVersion", "HTTP1")
        group = TargetGroup(
            arn=region.place.target_group(given["Name"], region.ids.load_balancer_id()),
            name=given["Name"],
            protocol=given.get("Protocol", "HTTP"),
            port=given.get("Port", 80),
            vpc_id=given.get("VpcId", ""),
            target_type=given.get("TargetType", "instance"),
            protocol_version=version,
            health_check=_read_health_check(given, _default_health_check(given.get("Protocol", "HTTP"), version), version),
            created_at=region.now(),
            tags=read_tags(given.get("Tags")),
        )
        return {"TargetGroups": [shown(region, intents.create(region, group))]}

    def describe(call: Call) -> Answer:
        given = call.parameters
        if given.get("TargetGroupArns"):
            found = [intents.find(region, arn) for arn in given["TargetGroupArns"]]
        elif given.get("Names"):
            found = [_by_name(region, name) for name in given["Names"]]
        elif given.get("LoadBalancerArn"):
            wanted = given["LoadBalancerArn"]
            if wanted not in region.state.load_balancers:
                raise ApiError("LoadBalancerNotFound", f"Load balancer '{wanted}' not found")
            found = [
                one for one in region.state.target_groups.values() if wanted in intents.load_balancers_of(region, one.arn)
            ]
        else:
            found = list(region.state.target_groups.values())
        items, marker = page(found, given)
        return {"TargetGroups": [shown(region, one) for one in items], "NextMarker": marker}

    def modify(call: Call) -> Answer:
        group = intents.find(region, call.parameters["TargetGroupArn"])
        health_check = _read_health_check(call.parameters, group.health_check, group.protocol_version)
        return {"TargetGroups": [shown(region, intents.modify_health_check(region, group.arn, health_check))]}

    def delete(call: Call) -> Answer:
        intents.delete(region, call.parameters["TargetGroupArn"])
        return {}

    def describe_attributes(call: Call) -> Answer:
        return _attributes(intents.find(region, call.parameters["TargetGroupArn"]))

    def modify_attributes(call: Call) -> Answer:
        given = read_pairs(call.parameters["Attributes"])
        return _attributes(intents.modify_attributes(region, call.parameters["TargetGroupArn"], given))

    def register(call: Call) -> Answer:
        targets = [_read_target(one) for one in call.parameters["Targets"]]
        intents.register(region, call.parameters["TargetGroupArn"], targets)
        return {}

    def deregister(call: Call) -> Answer:
        targets = [_read_target(one) for one in call.parameters["Targets"]]
        intents.deregister(region, call.parameters["TargetGroupArn"], targets)
        return {}

    def health(call: Call) -> Answer:
        group = intents.find(region, call.parameters["TargetGroupArn"])
        wanted = [_read_target(one) for one in call.parameters.get("Targets") or ()]
        return {
            "TargetHealthDescriptions": [
                {
                    "Target": {"Id": key.id, "Port": key.port, "AvailabilityZone": zone},
                    "HealthCheckPort": str(key.port) if group.health_check.port == "traffic-port" else group.health_check.port,
                    "TargetHealth": {"State": one.state, "Reason": one.reason, "Description": one.description},
                }
                for key, zone, one in intents.health(region, group.arn, wanted)
            ]
        }

    return {
        "CreateTargetGroup": create,
        "DescribeTargetGroups": describe,
        "ModifyTargetGroup": modify,
        "DeleteTargetGroup": delete,
        "DescribeTargetGroupAttributes": describe_attributes,
        "ModifyTargetGroupAttributes": modify_attributes,
        "RegisterTargets": register,
        "DeregisterTargets": deregister,
        "DescribeTargetHealth": health,
    }


_SPOKEN = {"Protocol": "protocol", "Port": "port", "VpcId": "VPC ID"}


def _default_health_check(protocol: str, version: str) -> TargetHealthCheck:
    """Source: ``elbv2`` ``CreateTargetGroup``: ``HealthCheckPath``, ``Matcher``."""
    if version == "GRPC":
        return TargetHealthCheck(protocol=protocol, path="/AWS.ALB/healthcheck", matcher="12")
    return TargetHealthCheck(protocol=protocol)


def _by_name(region: Region, name: str) -> TargetGroup:
    found = intents.find_by_name(region, name)
    if found is None:
        raise ApiError("TargetGroupNotFound", "One or more target groups not found")
    return found


def _read_target(target: Mapping[str, Any]) -> intents.TargetDescription:
    return intents.TargetDescription(
        id=target["Id"], port=target.get("Port"), availability_zone=target.get("AvailabilityZone")
    )


def _read_health_check(given: Mapping[str, Any], before: TargetHealthCheck, version: str) -> TargetHealthCheck:
    """``before`` with the members that the request gives."""
    matcher = given.get("Matcher") or {}
    wanted, other = ("GrpcCode", "HttpCode") if version == "GRPC" else ("HttpCode", "GrpcCode")
    if matcher.get(other):
        raise ApiError("ValidationError", f"The matcher of a target group with protocol version '{version}' is {wanted}")
    changed: dict[str, Any] = {
        "enabled": given.get("HealthCheckEnabled"),
        "protocol": given.get("HealthCheckProtocol"),
        "port": given.get("HealthCheckPort"),
        "path": given.get("HealthCheckPath"),
        "interval": _seconds(given.get("HealthCheckIntervalSeconds")),
        "timeout": _seconds(given.get("HealthCheckTimeoutSeconds")),
        "healthy_threshold": given.get("HealthyThresholdCount"),
        "unhealthy_threshold": given.get("UnhealthyThresholdCount"),
        "matcher": matcher.get(wanted),
    }
    return replace(before, **{name: value for name, value in changed.items() if value is not None})


def _seconds(value: int | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


def _attributes(group: TargetGroup) -> Answer:
    return {"Attributes": write_pairs(with_defaults(TARGET_GROUP, group.attributes))}


def shown(region: Region, group: TargetGroup) -> Answer:
    """A target group as DescribeTargetGroups shows it."""
    check = group.health_check
    return {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": group.protocol,
        "Port": group.port,
        "VpcId": group.vpc_id,
        "HealthCheckProtocol": check.protocol,
        "HealthCheckPort": check.port,
        "HealthCheckEnabled": check.enabled,
        "HealthCheckIntervalSeconds": round(check.interval.total_seconds()),
        "HealthCheckTimeoutSeconds": round(check.timeout.total_seconds()),
        "HealthyThresholdCount": check.healthy_threshold,
        "UnhealthyThresholdCount": check.unhealthy_threshold,
        "HealthCheckPath": check.path,
        "Matcher": {"GrpcCode" if group.protocol_version == "GRPC" else "HttpCode": check.matcher},
        "LoadBalancerArns": intents.load_balancers_of(region, group.arn),
        "TargetType": group.target_type,
        "ProtocolVersion": group.protocol_version,
        "IpAddressType": "ipv4",
    }
