"""Load balancers: made, changed, deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ninelives.model.elbv2 import LoadBalancer
from ninelives.model.errors import ApiError
from ninelives.region.elbv2_attributes import LOAD_BALANCER, check_name, checked, checked_tags
from ninelives.region.region import Region

ZONES_MIN = 2
LOAD_BALANCERS_MAX = 50
"""Source: ELB user guide, "Quotas for your Application Load Balancers"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    id: str
    zone: str
    vpc_id: str


def find(region: Region, arn: str) -> LoadBalancer:
    """The load balancer of that ARN. Raises ``LoadBalancerNotFound``."""
    found = region.state.load_balancers.get(arn)
    if found is None:
        raise ApiError("LoadBalancerNotFound", f"Load balancer '{arn}' not found")
    return found


def find_by_name(region: Region, name: str) -> LoadBalancer | None:
    return next((one for one in region.state.load_balancers.values() if one.name == name), None)


def create(
    region: Region,
    *,
    name: str,
    subnets: Sequence[Subnet],
    security_groups: Sequence[str],
    scheme: str,
    ip_address_type: str,
    tags: Mapping[str, str],
) -> LoadBalancer:
    """A new load balancer with a loopback address of its own; the same request again answers the one that exists.

    Raises ``ValidationError``, ``InvalidConfigurationRequest``, ``DuplicateLoadBalancerName``, ``TooManyLoadBalancers``.
    """
    check_name("Load balancer", name)
    zones = _zones(subnets)
    existing = find_by_name(region, name)
    if existing is not None:
        same = (existing.scheme, sorted(existing.zones), existing.tags) == (scheme, sorted(zones), dict(tags))
        if same:
            return existing
        raise ApiError(
            "DuplicateLoadBalancerName",
            f"A load balancer with the same name '{name}' exists, but with different settings",
        )
    if len(region.state.load_balancers) >= LOAD_BALANCERS_MAX:
        raise ApiError("TooManyLoadBalancers", f"The maximum number of load balancers has been reached: {LOAD_BALANCERS_MAX}")
    tags = checked_tags({}, tags)
    taken = {one.address for one in region.state.load_balancers.values()}
    address = region.data_plane.pick_address(taken)
    made = LoadBalancer(
        arn=region.place.load_balancer(name, region.ids.load_balancer_id()),
        name=name,
        dns_name=address,
        address=address,
        scheme=scheme,
        vpc_id=subnets[0].vpc_id,
        zones=zones,
        security_groups=tuple(security_groups),
        created_at=region.now(),
        ip_address_type=ip_address_type,
        tags=tags,
    )
    _put(region, made)
    return made


def _zones(subnets: Sequence[Subnet]) -> tuple[tuple[str, str], ...]:
    zones = tuple((subnet.zone, subnet.id) for subnet in subnets)
    if len({zone for zone, _ in zones}) < len(zones):
        raise ApiError(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    if len(zones) < ZONES_MIN:
        raise ApiError("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise ApiError("InvalidConfigurationRequest", "All subnets must belong to the same VPC")
    return zones


def set_subnets(region: Region, arn: str, subnets: Sequence[Subnet]) -> LoadBalancer:
    return _changed(region, replace(find(region, arn), zones=_zones(subnets)))


def set_security_groups(region: Region, arn: str, security_groups: Sequence[str]) -> LoadBalancer:
    return _changed(region, replace(find(region, arn), security_groups=tuple(security_groups)))


def set_ip_address_type(region: Region, arn: str, ip_address_type: str) -> LoadBalancer:
    return _changed(region, replace(find(region, arn), ip_address_type=ip_address_type))


def checked_attributes(region: Region, arn: str, given: Mapping[str, str]) -> dict[str, str]:
    """The load balancer's attributes with ``given``, once these are taken.

    Raises ``ValidationError``, ``InvalidConfigurationRequest``.
    """
    attributes = {**find(region, arn).attributes, **checked(LOAD_BALANCER, "Load balancer", given)}
    if attributes.get("access_logs.s3.enabled") == "true":
        if not attributes.get("access_logs.s3.bucket"):
            raise ApiError("ValidationError", "An S3 bucket must be specified for access logs")
        if "AWSLogs" in attributes.get("access_logs.s3.prefix", ""):
            raise ApiError("ValidationError", "The prefix of access logs must not contain 'AWSLogs'")
    return attributes


def modify_attributes(region: Region, arn: str, given: Mapping[str, str]) -> LoadBalancer:
    """Change attributes. Raises what ``checked_attributes`` raises, before anything changes."""
    return _changed(region, replace(find(region, arn), attributes=checked_attributes(region, arn, given)))


def delete(region: Region, arn: str) -> None:
    """Delete a load balancer with its listeners and rules; one that is not there is none the less a success.

    Raises ``OperationNotPermitted`` while deletion protection is on.
    """
    state = region.state
    balancer = state.load_balancers.get(arn)
    if balancer is None:
        return
    if balancer.attributes.get("deletion_protection.enabled") == "true":
        raise ApiError(
            "OperationNotPermitted", f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        )
    listeners = [one for one in state.listeners.values() if one.load_balancer_arn == arn]
    listener_arns = {one.arn for one in listeners}
    with state.transaction() as changes:
        changes.delete(balancer, *listeners)
        changes.delete(*(rule for rule in state.rules.values() if rule.listener_arn in listener_arns))
    region.wake()


def _changed(region: Region, balancer: LoadBalancer) -> LoadBalancer:
    _put(region, balancer)
    return balancer


def _put(region: Region, balancer: LoadBalancer) -> None:
    with region.state.transaction() as changes:
        changes.put(balancer)
    region.wake()
