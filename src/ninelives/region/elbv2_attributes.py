"""The attributes of load balancers, target groups and listeners: their keys, defaults and allowed values.

Source: botocore ``elbv2`` 2015-12-01, ``LoadBalancerAttribute.Key``, ``TargetGroupAttribute.Key``, ``ListenerAttribute.Key``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ninelives.model.errors import ApiError

Allowed = Callable[[str], bool]


class Effect(StrEnum):
    """What an attribute does here."""

    LIVE = "live"
    """The region acts on it as ALB does."""
    RECORDED = "recorded"
    """It is taken, shown again, and changes nothing: there is nothing here for it to change."""
    REFUSED = "refused"
    """Values other than its default are refused: they would promise what is not done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute: its default, which values are taken, and what it does. ``remark`` says what differs from ALB."""

    default: str
    allowed: Allowed
    effect: Effect = Effect.LIVE
    remark: str = ""


def _one_of(*values: str) -> Allowed:
    return lambda value: value in values


def _between(low: int, high: int, *others: str) -> Allowed:
    return lambda value: value in others or (value.isdecimal() and low <= int(value) <= high)


def _anything(_: str) -> bool:
    return True


def _is_header_name(value: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9-]{0,40}", value) is not None


def _is_header_value(value: str) -> bool:
    return len(value) <= 1024 and all(" " <= character <= "~" for character in value)  # noqa: PLR2004


_boolean = _one_of("true", "false")


LIVE, RECORDED, REFUSED = Effect


def _attributes(rows: Mapping[str, tuple[Any, ...]]) -> Mapping[str, Attribute]:
    """Rows are default, allowed values and, where they are not live or differ from ALB, effect and remark."""
    return {key: _attribute(*row) for key, row in rows.items()}


def _attribute(default: str, allowed: Allowed, effect: Effect = LIVE, remark: str = "") -> Attribute:
    return Attribute(default=default, allowed=allowed, effect=effect, remark=remark)


LOAD_BALANCER: Final = _attributes(
    {
        "access_logs.s3.bucket": ("", _anything, LIVE, "its policy is looked at when logs are switched on"),
        "access_logs.s3.enabled": ("false", _boolean),
        "access_logs.s3.prefix": ("", _anything),
        "client_keep_alive.seconds": ("3600", _between(60, 604800), LIVE, "a change begins with new connections"),
        "connection_logs.s3.bucket": ("", _anything, RECORDED),
        "connection_logs.s3.enabled": ("false", _boolean, REFUSED),
        "connection_logs.s3.prefix": ("", _anything, RECORDED),
        "deletion_protection.enabled": ("false", _boolean),
        "health_check_logs.s3.bucket": ("", _anything, RECORDED),
        "health_check_logs.s3.enabled": ("false", _boolean, REFUSED),
        "health_check_logs.s3.prefix": ("", _anything, RECORDED),
        "idle_timeout.timeout_seconds": ("60", _between(1, 4000)),
        "ipv6.deny_all_igw_traffic": ("false", _boolean, RECORDED),
        "load_balancing.cross_zone.enabled": ("true", _one_of("true"), RECORDED, "one machine is one zone"),
        "routing.http.desync_mitigation_mode": (
            "defensive",
            _one_of("monitor", "defensive", "strictest"),
            RECORDED,
            "ambiguous requests are always refused",
        ),
        "routing.http.drop_invalid_header_fields.enabled": ("false", _boolean),
        "routing.http.preserve_host_header.enabled": ("false", _boolean),
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": ("false", _boolean),
        "routing.http.xff_client_port.enabled": ("false", _boolean),
        "routing.http.xff_header_processing.mode": ("append", _one_of("append", "preserve", "remove")),
        "routing.http2.enabled": ("true", _boolean),
        "waf.fail_open.enabled": ("false", _boolean, RECORDED),
        "zonal_shift.config.enabled": ("false", _boolean, RECORDED),
    }
)

_COUNT: Final = "target_group_health.{}.minimum_healthy_targets.count"
_PERCENTAGE: Final = "target_group_health.{}.minimum_healthy_targets.percentage"

TARGET_GROUP: Final = _attributes(
    {
        "deregistration_delay.timeout_seconds": ("300", _between(0, 3600)),
        "load_balancing.algorithm.anomaly_mitigation": ("off", _one_of("on", "off"), RECORDED),
        "load_balancing.algorithm.type": (
            "round_robin",
            _one_of("round_robin", "least_outstanding_requests", "weighted_random"),
            LIVE,
            "each of the proxy's two workers goes round by itself; random weights are equal",
        ),
        "load_balancing.cross_zone.enabled": (
            "use_load_balancer_configuration",
            _one_of("true", "false", "use_load_balancer_configuration"),
            RECORDED,
            "one machine is one zone",
        ),
        "slow_start.duration_seconds": ("0", _between(30, 900, "0"), LIVE, "real time, whatever the time scale"),
        "stickiness.app_cookie.cookie_name": ("", lambda value: not value.startswith("AWSALB")),
        "stickiness.app_cookie.duration_seconds": ("86400", _between(1, 604800)),
        "stickiness.enabled": ("false", _boolean),
        "stickiness.lb_cookie.duration_seconds": ("86400", _between(1, 604800)),
        "stickiness.type": ("lb_cookie", _one_of("lb_cookie", "app_cookie")),
        _COUNT.format("dns_failover"): ("1", _between(1, 10**6, "off"), RECORDED),
        _PERCENTAGE.format("dns_failover"): ("off", _between(1, 100, "off"), RECORDED),
        _COUNT.format("unhealthy_state_routing"): ("1", _between(1, 10**6), LIVE, "exact up to 100 targets"),
        _PERCENTAGE.format("unhealthy_state_routing"): ("off", _between(1, 100, "off")),
    }
)

_CERTIFICATE_PARTS: Final = ("_issuer", "_leaf", "_serial_number", "_subject", "_validity")
RESPONSE_HEADERS: Final = (
    "access_control_allow_credentials",
    "access_control_allow_headers",
    "access_control_allow_methods",
    "access_control_allow_origin",
    "access_control_expose_headers",
    "access_control_max_age",
    "content_security_policy",
    "strict_transport_security",
    "x_content_type_options",
    "x_frame_options",
)
"""Headers of answers that a listener can set, as its attributes name them."""

LISTENER: Final = _attributes(
    {
        **{
            f"routing.http.request.x_amzn_mtls_clientcert{part}.header_name": ("", _anything, REFUSED, "of mode verify")
            for part in _CERTIFICATE_PARTS
        },
        "routing.http.request.x_amzn_mtls_clientcert.header_name": ("", _is_header_name),
        "routing.http.request.x_amzn_tls_cipher_suite.header_name": ("", _is_header_name),
        "routing.http.request.x_amzn_tls_version.header_name": ("", _is_header_name),
        **{f"routing.http.response.{header}.header_value": ("", _is_header_value) for header in RESPONSE_HEADERS},
        "routing.http.response.server.enabled": ("true", _boolean),
    }
)


def with_defaults(table: Mapping[str, Attribute], given: Mapping[str, str]) -> dict[str, str]:
    """Every attribute with its value, in order of their keys."""
    return {key: given.get(key, attribute.default) for key, attribute in table.items()}


def checked(table: Mapping[str, Attribute], noun: str, given: Mapping[str, str]) -> Mapping[str, str]:
    """``given``, once every key and value is taken. Raises ``ValidationError``, ``InvalidConfigurationRequest``."""
    for key, value in given.items():
        attribute = table.get(key)
        if attribute is None:
            raise ApiError("ValidationError", f"{noun} attribute key '{key}' is not recognized")
        if not attribute.allowed(value):
            raise ApiError("ValidationError", f"{noun} attribute value '{value}' is not valid for key '{key}'")
        if attribute.effect is Effect.REFUSED and value != attribute.default:
            raise ApiError(
                "InvalidConfigurationRequest", f"ninelives does not do {noun.lower()} attribute '{key}' = '{value}'"
            )
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
