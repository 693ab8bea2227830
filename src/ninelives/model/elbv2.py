"""ELB's nouns: frozen records in the API's own words.

Source of every name: botocore ``elbv2`` 2015-12-01.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """An Application Load Balancer; ``address`` is the loopback address that its listeners bind, and its DNS name."""

    arn: str
    name: str
    dns_name: str
    address: str
    scheme: str
    vpc_id: str
    zones: tuple[tuple[str, str], ...]
    """Pairs of zone name and subnet id."""
    security_groups: tuple[str, ...]
    created_at: datetime
    ip_address_type: str = "ipv4"
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHealthCheck:
    """How a target group asks its targets for their health; ALB's defaults for ip targets."""

    enabled: bool = True
    protocol: str = "HTTP"
    port: str = "traffic-port"
    path: str = "/"
    interval: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(seconds=5)
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    matcher: str = "200"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    arn: str
    name: str
    protocol: str
    port: int
    vpc_id: str
    target_type: str
    protocol_version: str
    health_check: TargetHealthCheck
    created_at: datetime
    attributes: Mapping[str, str] = field(default_factory=dict)
    """All attributes of the group with their values, e.g. ``deregistration_delay.timeout_seconds``."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.arn

    @property
    def deregistration_delay(self) -> timedelta:
        """How long a draining target may finish its requests; 300 s unless set."""
        return timedelta(seconds=float(self.attributes.get("deregistration_delay.timeout_seconds", "300")))


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedTargetGroup:
    arn: str
    weight: int
    """0 to 999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    target_groups: tuple[WeightedTargetGroup, ...]
    stickiness_seconds: int | None = None
    """Duration of target group stickiness, or None where it is off."""
    by_arn: bool = True
    """Whether the request gave the scalar ``TargetGroupArn`` (shown again only then)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedResponse:
    status_code: int
    content_type: str = "text/plain"
    message_body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Parts as given; placeholders (``#{host}`` …) are kept as they are."""

    status_code: int
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"


Action = Forward | FixedResponse | Redirect


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtClaim:
    """A claim that a token must have. ``format`` is ``single-string``, ``string-array`` or ``space-separated-values``."""

    name: str
    format: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtValidation:
    """Which tokens a rule asks of its requests before it does anything else."""

    jwks_endpoint: str
    issuer: str
    additional_claims: tuple[JwtClaim, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """The actions of a rule as a request gives them: what is asked of requests, and where they go."""

    routing: Action
    jwt_validation: JwtValidation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A rule condition; ``values`` in the API's order. ``name`` is the header's for ``http-header``.

    For ``query-string`` each value is ``KEY=VALUE``, or ``VALUE`` alone. ``regex_values`` match anywhere in what they are
    compared with, unless they are anchored.
    """

    field: str
    values: tuple[str, ...]
    name: str | None = None
    regex_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener. Its default action is that of its default rule."""

    arn: str
    load_balancer_arn: str
    port: int
    bound_port: int
    """The port really bound: ``port``, or another where the operating system refuses a privileged one."""
    protocol: str
    ssl_policy: str | None = None
    certificate_arns: tuple[str, ...] = ()
    """Of an HTTPS listener: the default certificate, then the others."""
    mutual_authentication: str = "off"
    """``off``, or ``passthrough``: a client's certificate is asked for and handed on, whoever has signed it."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A server certificate with its key, as ACM or IAM has it. Held in memory only: it is no record of ours."""

    arn: str
    chain: str
    """PEM: the certificate, then those that lead to its issuer."""
    private_key: str = field(repr=False)
    """PEM."""
    names: tuple[str, ...] = ()
    """DNS names that it stands for, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """How a rule rewrites requests. ``type`` is ``host-header-rewrite`` or ``url-rewrite``."""

    type: str
    regex: str
    replace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A listener rule; the default rule has no priority and no conditions, and comes last."""

    arn: str
    listener_arn: str
    priority: int | None
    conditions: tuple[Condition, ...]
    action: Action
    transforms: tuple[Transform, ...] = ()
    """At most one of each type."""
    jwt_validation: JwtValidation | None = None
    """Asked of requests before ``action``."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.arn

    @property
    def is_default(self) -> bool:
        return self.priority is None


class TargetKey(NamedTuple):
    """What makes a target one: its group, its id (an IP address) and its port."""

    target_group_arn: str
    id: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A registered target; a draining one stays until its last request has ended or the delay is over."""

    target_group_arn: str
    id: str
    port: int
    registered_at: datetime
    availability_zone: str | None = None
    draining_since: datetime | None = None

    @property
    def target_key(self) -> TargetKey:
        return TargetKey(self.target_group_arn, self.id, self.port)

    @property
    def key(self) -> str:
        return f"{self.target_group_arn}#{self.id}#{self.port}"


class TargetHealthState(StrEnum):
    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNUSED = "unused"
    DRAINING = "draining"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHealth:
    """Source: ``elbv2`` ``TargetHealth``. A healthy target has neither reason nor description."""

    state: TargetHealthState
    reason: str | None = None
    description: str | None = None


# What ELB says in more than one place of a target that is registered and gets no traffic.
# Source: ``elbv2`` ``TargetHealth.Reason``.
REGISTERING = TargetHealth(
    state=TargetHealthState.INITIAL, reason="Elb.RegistrationInProgress", description="Target registration is in progress"
)
NOT_IN_USE = TargetHealth(
    state=TargetHealthState.UNUSED,
    reason="Target.NotInUse",
    description="Target group is not configured to receive traffic from the load balancer",
)
DRAINING = TargetHealth(
    state=TargetHealthState.DRAINING,
    reason="Target.DeregistrationInProgress",
    description="Target deregistration is in progress",
)
