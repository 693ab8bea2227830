"""The attributes of load balancers, target groups and listeners: their keys, defaults and allowed values.

Source: botocore ``elbv2`` 2015-12-01, ``LoadBalancerAttribute.Key``, ``TargetGroupAttribute.Key``, ``ListenerAttribute.Key``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ninelives.model.errors import ApiError

Allowed = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute: its default, and which values are taken."""

    default: str
    allowed: Allowed
    is_live: bool = False
    """Whether the data plane acts on it; a recorded one must keep its default's effect or be refused elsewhere."""


def _one_of(*values: str) -> Allowed:
    return lambda value: value in values


def _between(low: int, high: int, *others: str) -> Allowed:
    return lambda value: value in others or (value.isdecimal() and low <= int(value) <= high)


def _anything(_: str) -> bool:
    return True


_boolean = _one_of("true", "false")


def _attributes(rows: Mapping[str, tuple[str, Allowed]], *, live: frozenset[str] = frozenset()) -> Mapping[str, Attribute]:
    return {key: Attribute(default=default, allowed=allowed, is_live=key in live) for key, (default, allowed) in rows.items()}


LOAD_BALANCER: Final = _attributes(
    {
        "access_logs.s3.bucket": ("", _anything),
        "access_logs.s3.enabled": ("false", _boolean),
        "access_logs.s3.prefix": ("", _anything),
        "client_keep_alive.seconds": ("3600", _between(60, 604800)),
        "connection_logs.s3.bucket": ("", _anything),
        "connection_logs.s3.enabled": ("false", _boolean),
        "connection_logs.s3.prefix": ("", _anything),
        "deletion_protection.enabled": ("false", _boolean),
        "health_check_logs.s3.bucket": ("", _anything),
        "health_check_logs.s3.enabled": ("false", _boolean),
        "health_check_logs.s3.prefix": ("", _anything),
        "idle_timeout.timeout_seconds": ("60", _between(1, 4000)),
        "ipv6.deny_all_igw_traffic": ("false", _boolean),
        "load_balancing.cross_zone.enabled": ("true", _one_of("true")),
        "routing.http.desync_mitigation_mode": ("defensive", _one_of("monitor", "defensive", "strictest")),
        "routing.http.drop_invalid_header_fields.enabled": ("false", _boolean),
        "routing.http.preserve_host_header.enabled": ("false", _boolean),
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": ("false", _boolean),
        "routing.http.xff_client_port.enabled": ("false", _boolean),
        "routing.http.xff_header_processing.mode": ("append", _one_of("append", "preserve", "remove")),
        "routing.http2.enabled": ("true", _boolean),
        "waf.fail_open.enabled": ("false", _boolean),
        "zonal_shift.config.enabled": ("false", _boolean),
    },
    live=frozenset({"deletion_protection.enabled"}),
)

TARGET_GROUP: Final = _attributes(
    {
        "deregistration_delay.timeout_seconds": ("300", _between(0, 3600)),
        "load_balancing.algorithm.anomaly_mitigation": ("off", _one_of("on", "off")),
        "load_balancing.algorithm.type": (
            "round_robin",
            _one_of("round_robin", "least_outstanding_requests", "weighted_random"),
        ),
        "load_balancing.cross_zone.enabled": (
            "use_load_balancer_configuration",
            _one_of("true", "false", "use_load_balancer_configuration"),
        ),
        "slow_start.duration_seconds": ("0", _between(30, 900, "0")),
        "stickiness.app_cookie.cookie_name": ("", lambda value: not value.startswith("AWSALB")),
        "stickiness.app_cookie.duration_seconds": ("86400", _between(1, 604800)),
        "stickiness.enabled": ("false", _boolean),
        "stickiness.lb_cookie.duration_seconds": ("86400", _between(1, 604800)),
        "stickiness.type": ("lb_cookie", _one_of("lb_cookie", "app_cookie")),
        "target_group_health.dns_failover.minimum_healthy_targets.count": ("1", _between(1, 10**6, "off")),
        "target_group_health.dns_failover.minimum_healthy_targets.percentage": ("off", _between(1, 100, "off")),
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": ("1", _between(1, 10**6)),
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": ("off", _between(1, 100, "off")),
    },
    live=frozenset({"deregistration_delay.timeout_seconds"}),
)

LISTENER: Final = _attributes(
    {
        f"routing.http.{name}": (default, allowed)
        for name, default, allowed in [
            *((f"request.x_amzn_mtls_clientcert{part}.header_name", "", _anything)
              for part in ("", "_issuer", "_leaf", "_serial_number", "_subject", "_validity")),
            ("request.x_amzn_tls_cipher_suite.header_name", "", _anything),
            ("request.x_amzn_tls_version.header_name", "", _anything),
            *((f"response.{header}.header_value", "", _anything)
              for header in (
                  "access_control_allow_credentials", "access_control_allow_headers", "access_control_allow_methods",
                  "access_control_allow_origin", "access_control_expose_headers", "access_control_max_age",
                  "content_security_policy", "strict_transport_security", "x_content_type_options", "x_frame_options",
              )),
            ("response.server.enabled", "true", _boolean),
        ]
    }
)  # fmt: skip


def with_defaults(table: Mapping[str, Attribute], given: Mapping[str, str]) -> dict[str, str]:
    """Every attribute with its value, in order of their keys."""
    return {key: given.get(key, attribute.default) for key, attribute in table.items()}


def checked(table: Mapping[str, Attribute], noun: str, given: Mapping[str, str]) -> Mapping[str, str]:
    """``given``, once every key and value is taken. Raises ``ValidationError``."""
    for key, value in given.items():
        attribute = table.get(key)
        if attribute is None:
            raise ApiError("ValidationError", f"{noun} attribute key '{key}' is not recognized")
        if not attribute.allowed(value):
            raise ApiError("ValidationError", f"{noun} attribute value '{value}' is not valid for key '{key}'")
    return given


TAGS_MAX: Final = 50
TAG_KEY_MAX: Final = 128
TAG_VALUE_MAX: Final = 256


def checked_tags(before: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """``given`` laid over ``before``. Raises ``ValidationError``, ``TooManyTags``. Source: ELB user guide, "Tags"."""
    for key, value in given.items():
        if not 1 <= len(key) <= TAG_KEY_MAX or len(value) > TAG_VALUE_MAX or key.lower().startswith("aws:"):
            raise ApiError("ValidationError", f"Tag '{key}' is not valid: keys beginning with aws: are reserved")
    tags = {**before, **given}
    if len(tags) > TAGS_MAX:
        raise ApiError("TooManyTags", f"A resource can have at most '{TAGS_MAX}' tags")
    return tags


NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")
"""Names of load balancers and target groups: letters, digits, hyphens, none at an end, at most 32 characters."""


def check_name(noun: str, name: str) -> None:
    """Refuse a name of a load balancer or target group that ELB would refuse. Raises ``ValidationError``."""
    if len(name) > 32:  # noqa: PLR2004 (the rule of NAME, said in ELB's words)
        raise ApiError("ValidationError", f"{noun} name '{name}' cannot be longer than '32' characters")
    if not NAME.fullmatch(name):
        raise ApiError(
            "ValidationError",
            f"{noun} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-),"
            " and must not begin or end with a hyphen",
        )
    if noun == "Load balancer" and name.startswith("internal-"):
        raise ApiError("ValidationError", f"{noun} name '{name}' must not begin with 'internal-'")
