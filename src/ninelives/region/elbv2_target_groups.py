"""Target groups and their targets: made, changed, registered, drained, asked for their health."""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ninelives.model.elbv2 import (
    Forward,
    Target,
    TargetGroup,
    TargetHealth,
    TargetHealthCheck,
    TargetHealthState,
    TargetKey,
)
from ninelives.model.errors import ApiError
from ninelives.region.elbv2_attributes import TARGET_GROUP, check_name, checked, checked_tags, with_defaults
from ninelives.region.region import Region

TARGET_GROUPS_MAX = 3000
TARGETS_MAX = 1000
"""Of a target group. Source: ELB user guide, "Quotas for your Application Load Balancers"."""

NOT_REGISTERED = TargetHealth(
    state=TargetHealthState.UNUSED,
    reason="Target.NotRegistered",
    description="Target is not registered to the target group",
)


def find(region: Region, arn: str) -> TargetGroup:
    """The target group of that ARN. Raises ``TargetGroupNotFound``."""
    found = region.state.target_groups.get(arn)
    if found is None:
        raise ApiError("TargetGroupNotFound", f"Target groups '{arn}' not found")
    return found


def find_by_name(region: Region, name: str) -> TargetGroup | None:
    return next((one for one in region.state.target_groups.values() if one.name == name), None)


def load_balancers_of(region: Region, arn: str) -> list[str]:
    """ARNs of the load balancers whose listeners forward to the group."""
    state = region.state
    found = {
        state.listeners[rule.listener_arn].load_balancer_arn: None
        for rule in state.rules.values()
        if isinstance(rule.action, Forward) and any(one.arn == arn for one in rule.action.target_groups)
    }
    return list(found)


def create(region: Region, group: TargetGroup) -> TargetGroup:
    """Record a new target group. The same request again answers the one that exists.

    Raises ``ValidationError``, ``DuplicateTargetGroupName``, ``TooManyTargetGroups``.
    """
    check_name("Target group", group.name)
    _check_ports(group)
    check_health_check(group.health_check, group)
    existing = find_by_name(region, group.name)
    if existing is not None:
        same = replace(group, arn=existing.arn, created_at=existing.created_at, attributes=existing.attributes)
        if same == existing:
            return existing
        raise ApiError(
            "DuplicateTargetGroupName",
            f"A target group with the same name '{group.name}' exists, but with different settings",
        )
    if len(region.state.target_groups) >= TARGET_GROUPS_MAX:
        raise ApiError("TooManyTargetGroups", f"The maximum number of target groups has been reached: {TARGET_GROUPS_MAX}")
    checked_tags({}, group.tags)
    return _put(region, group)


def modify_health_check(region: Region, arn: str, health_check: TargetHealthCheck) -> TargetGroup:
    group = find(region, arn)
    check_health_check(health_check, group)
    return _put(region, replace(group, health_check=health_check))


def modify_attributes(region: Region, arn: str, given: Mapping[str, str]) -> TargetGroup:
    """Change attributes. Raises ``ValidationError``, ``InvalidConfigurationRequest``."""
    group = find(region, arn)
    checked(TARGET_GROUP, "Target group", given)
    attributes = {**group.attributes, **given}
    _check_together(with_defaults(TARGET_GROUP, attributes))
    if given.get("stickiness.enabled") == "true":
        _check_rules_are_sticky(region, arn)
    return _put(region, replace(group, attributes=attributes))


def _check_together(attributes: Mapping[str, str]) -> None:
    """Refuse attributes that exclude each other.

    Source: ELB user guide, "Edit target group attributes": slow start is for round robin alone, anomaly mitigation for
    weighted random alone; an application cookie has a name.
    """
    algorithm = attributes["load_balancing.algorithm.type"]
    if attributes["slow_start.duration_seconds"] != "0" and algorithm != "round_robin":
        raise ApiError(
            "InvalidConfigurationRequest", f"Slow start cannot be enabled with the load balancing algorithm '{algorithm}'"
        )
    if attributes["load_balancing.algorithm.anomaly_mitigation"] == "on" and algorithm != "weighted_random":
        raise ApiError(
            "InvalidConfigurationRequest",
            "Anomaly mitigation can only be enabled with the load balancing algorithm 'weighted_random'",
        )
    with_application_cookie = attributes["stickiness.enabled"] == "true" and attributes["stickiness.type"] == "app_cookie"
    if with_application_cookie and not attributes["stickiness.app_cookie.cookie_name"]:
        raise ApiError(
            "InvalidConfigurationRequest",
            "The attribute 'stickiness.app_cookie.cookie_name' is required for app_cookie stickiness",
        )


def _check_rules_are_sticky(region: Region, arn: str) -> None:
    for rule in region.state.rules.values():
        action = rule.action
        if not isinstance(action, Forward) or len(action.target_groups) == 1 or action.stickiness_seconds is not None:
            continue
        if any(one.arn == arn for one in action.target_groups):
            raise ApiError(
                "InvalidConfigurationRequest",
                f"This target group appears behind a rule with group stickiness disabled ({rule.arn})."
                " You must enable group stickiness before enabling target stickiness",
            )


def delete(region: Region, arn: str) -> None:
    """Delete a target group; one that is not there is none the less a success. Raises ``ResourceInUse``."""
    state = region.state
    group = state.target_groups.get(arn)
    if group is None:
        return
    if load_balancers_of(region, arn):
        raise ApiError("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")
    with state.transaction() as changes:
        changes.delete(group, *(target for target in state.targets.values() if target.target_group_arn == arn))
    region.wake()


def _put(region: Region, group: TargetGroup) -> TargetGroup:
    with region.state.transaction() as changes:
        changes.put(group)
    region.wake()
    return group


def _check_ports(group: TargetGroup) -> None:
    if group.target_type not in {"ip", "instance"}:
        raise ApiError(
            "InvalidConfigurationRequest",
            f"ninelives does not do target type '{group.target_type}' yet; it does ip and instance",
        )
    if group.protocol not in {"HTTP", "HTTPS"}:
        raise ApiError(
            "InvalidConfigurationRequest", f"ninelives does not do protocol '{group.protocol}' yet; it does HTTP and HTTPS"
        )
    if group.protocol_version not in {"HTTP1", "HTTP2", "GRPC"}:
        raise ApiError("ValidationError", f"Protocol version '{group.protocol_version}' must be HTTP1, HTTP2 or GRPC")
    if not 1 <= group.port <= 65535:  # noqa: PLR2004
        raise ApiError("ValidationError", f"Port '{group.port}' must be between 1 and 65535")


def check_health_check(check: TargetHealthCheck, group: TargetGroup) -> None:
    """Refuse a health check that ALB would refuse. Source: ELB user guide, "Health checks for ALB target groups"."""
    _check_what_is_asked(check, group)
    rows = [
        ("Health check interval", check.interval, timedelta(seconds=5), timedelta(seconds=300)),
        ("Health check timeout", check.timeout, timedelta(seconds=2), timedelta(seconds=120)),
    ]
    for what, value, low, high in rows:
        if not low <= value <= high:
            seconds = [str(round(one.total_seconds())) for one in (value, low, high)]
            raise ApiError(
                "ValidationError", f"{what} '{seconds[0]}' must be between '{seconds[1]}' and '{seconds[2]}' seconds"
            )
    if check.timeout >= check.interval:
        raise ApiError("ValidationError", "Health check interval must be greater than the timeout.")
    for what, count in (("Healthy", check.healthy_threshold), ("Unhealthy", check.unhealthy_threshold)):
        if not 2 <= count <= 10:  # noqa: PLR2004
            raise ApiError("ValidationError", f"{what} threshold count '{count}' must be between '2' and '10'")
    if not check.path.startswith("/") or len(check.path) > 1024:  # noqa: PLR2004
        raise ApiError(
            "ValidationError", f"Health check path '{check.path}' must begin with a '/' and have at most 1024 characters"
        )
    if check.port != "traffic-port" and not (check.port.isdecimal() and 1 <= int(check.port) <= 65535):  # noqa: PLR2004
        raise ApiError("ValidationError", f"Health check port '{check.port}' must be 'traffic-port' or in the range 1-65535")


def _check_what_is_asked(check: TargetHealthCheck, group: TargetGroup) -> None:
    if not check.enabled:
        raise ApiError(
            "ValidationError", "Health check enabled must be true for target groups with target type 'ip' or 'instance'"
        )
    if check.protocol not in {"HTTP", "HTTPS"}:
        raise ApiError("ValidationError", f"Health check protocol '{check.protocol}' must be HTTP or HTTPS")
    if group.protocol_version == "GRPC":
        _check_grpc_matcher(check.matcher)
    else:
        _check_matcher(check.matcher)


def _check_grpc_matcher(matcher: str) -> None:
    for part in matcher.split(","):
        found = re.fullmatch(r"\s*(\d{1,2})(?:-(\d{1,2}))?\s*", part)
        if found is None or int(found[1]) > int(found[2] or found[1]):
            raise ApiError("ValidationError", f"Health check matcher gRPC code '{matcher}' must be within '0-99' inclusive")


def _check_matcher(matcher: str) -> None:
    for part in matcher.split(","):
        found = re.fullmatch(r"\s*(\d{3})(?:-(\d{3}))?\s*", part)
        if found is None or not 200 <= int(found[1]) <= int(found[2] or found[1]) <= 499:  # noqa: PLR2004
            raise ApiError("ValidationError", f"Health check matcher HTTP code '{matcher}' must be within '200-499' inclusive")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDescription:
    """A target as a request names it. Source: ``elbv2`` ``TargetDescription``."""

    id: str
    port: int | None = None
    availability_zone: str | None = None

    def key(self, group: TargetGroup) -> TargetKey:
        return TargetKey(group.arn, self.id, self.port if self.port is not None else group.port)


def register(region: Region, arn: str, targets: Sequence[TargetDescription]) -> None:
    """Register targets; a draining one is taken back. Raises ``ValidationError``, ``InvalidTarget``, ``TooManyTargets``."""
    group = find(region, arn)
    for target in targets:
        _check_target(group, target)
    there = {one.target_key for one in region.state.targets.values() if one.target_group_arn == arn}
    if len(there | {target.key(group) for target in targets}) > TARGETS_MAX:
        raise ApiError("TooManyTargets", f"The maximum number of targets has been reached: {TARGETS_MAX}")
    with region.state.transaction() as changes:
        for target in targets:
            key = target.key(group)
            existing = region.state.targets.get("#".join(map(str, key)))
            if existing is None or existing.draining_since is not None:
                changes.put(
                    Target(
                        target_group_arn=arn,
                        id=key.id,
                        port=key.port,
                        registered_at=region.now(),
                        availability_zone=target.availability_zone,
                    )
                )
    region.wake()


def _check_target(group: TargetGroup, target: TargetDescription) -> None:
    """Addresses need not lie in the VPC, as on AWS: here tasks have addresses of this machine's own networks."""
    if group.target_type == "instance":
        raise ApiError("InvalidTarget", f"The following targets are not in a running state: '{target.id}'")
    try:
        address = ipaddress.IPv4Address(target.id)
    except ValueError:
        raise ApiError("ValidationError", f"The IP address '{target.id}' is not a valid IPv4 address") from None
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        raise ApiError("ValidationError", f"The IP address '{target.id}' cannot be a target")
    if target.port is not None and not 1 <= target.port <= 65535:  # noqa: PLR2004
        raise ApiError("ValidationError", f"Port '{target.port}' must be between 1 and 65535")


def deregister(region: Region, arn: str, targets: Sequence[TargetDescription]) -> None:
    """Let targets drain; those that are not registered are passed over. Source: ``elbv2`` ``DeregisterTargets``."""
    group = find(region, arn)
    registered = [_registered(region, group, target) for target in targets]
    with region.state.transaction() as changes:
        for one in {target.key: target for found in registered for target in found}.values():
            if one.draining_since is None:
                changes.put(replace(one, draining_since=region.now()))
    region.wake()


def _registered(region: Region, group: TargetGroup, wanted: TargetDescription) -> list[Target]:
    """The registered targets that a description names: without a port, all of that id."""
    return [
        target
        for target in region.state.targets.values()
        if target.target_group_arn == group.arn and target.id == wanted.id and wanted.port in {None, target.port}
    ]


def health(region: Region, arn: str, wanted: Iterable[TargetDescription]) -> list[tuple[TargetKey, str | None, TargetHealth]]:
    """Health of the wanted targets, or of all: key, Availability Zone, health."""
    group = find(region, arn)
    wanted = list(wanted)
    registered = {one.target_key: one for one in region.state.targets.values() if one.target_group_arn == arn}
    keys = [one.key(group) for one in wanted] or list(registered)
    return [
        (key, registered[key].availability_zone if key in registered else None, region.target_health(key) or NOT_REGISTERED)
        for key in keys
    ]
