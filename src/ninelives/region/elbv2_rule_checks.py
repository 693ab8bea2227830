"""What ALB refuses of a rule's conditions and action, before anything is recorded.

What passes here the data plane can carry out. Source: ELB user guide for Application Load Balancers, "Condition types for
listener rules", "Action types for listener rules", "Quotas"; botocore ``elbv2`` 2015-12-01, ``RuleCondition``, ``Action``.
"""

import ipaddress
import math
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Final, assert_never
from urllib.parse import urlsplit

from ninelives.model.elbv2 import (
    Action,
    Actions,
    Condition,
    FixedResponse,
    Forward,
    JwtClaim,
    JwtValidation,
    LoadBalancer,
    Redirect,
    Transform,
)
from ninelives.model.errors import ApiError
from ninelives.region import elbv2_target_groups
from ninelives.region.region import Region

VALUES_MAX: Final = 5
"""Condition values of a rule, all conditions together."""
WILDCARDS_MAX: Final = 6
"""Wildcards of a rule, all conditions together."""
GROUPS_MAX: Final = 5
WEIGHTS: Final = range(1000)
STICKINESS_SECONDS: Final = range(1, 604_801)
CLAIMS_MAX: Final = 10
"""Additional claims of a token, and values of one."""
CLAIM_MAX: Final = 256
"""Characters of an issuer, an endpoint, a claim's value."""
CLAIMS_BY_DEFAULT: Final = ("exp", "iss", "nbf", "iat")
CLAIM_FORMATS: Final = ("single-string", "string-array", "space-separated-values")

_ONCE: Final = ("path-pattern", "host-header", "http-request-method", "source-ip")
_ALLOWED: Final = {
    "path-pattern": re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&*?]{1,128}"),
    "host-header": re.compile(r"[A-Za-z0-9\-.*?]{1,128}"),
    "http-header": re.compile(r"[\x20-\x7e]{1,128}"),
    "http-request-method": re.compile(r"[A-Z_-]{1,40}"),
    "query-string": re.compile(r"[\x21-\x7e]{1,128}"),
    "source-ip": re.compile(r"[0-9a-fA-F.:]+/\d{1,3}"),
}
REGEX_MAX: Final = 128
TRANSFORMS: Final = ("host-header-rewrite", "url-rewrite")
TRANSFORM_MAX: Final = 1024
GROUPS_OF_REGEX_MAX: Final = 7
"""A replacement of RE2 names at most nine; two are ours."""
_NOT_IN_RE2: Final = re.compile(
    r"\\[^dDwWsSbBntrfv\W_]"  # escapes that it does not know, back-references among them
    r"|\(\?(?!:)"  # groups that are more than groups
    r"|[*+?}]\+"  # possessive quantifiers
)
_COUNTED: Final = re.compile(r"\{(\d*),?(\d*)\}")
_TIMES_MAX: Final = 1000
"""How often RE2 repeats at most, repetitions within repetitions multiplied; here all of an expression are."""
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,40}")
_WILDCARD = re.compile(r"(?<!\\)[*?]")

CONTENT_TYPES: Final = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")


def check_conditions(conditions: Sequence[Condition]) -> None:
    """Raises ``ValidationError``."""
    if not conditions:
        raise _invalid("A condition must be specified")
    for field, count in Counter(one.field for one in conditions).items():
        if count > 1 and field in _ONCE:
            raise _invalid(f"Only one condition of field '{field}' can be specified")
    for condition in conditions:
        _check_condition(condition)
    if sum(len(one.values) + len(one.regex_values) for one in conditions) > VALUES_MAX:
        raise _invalid(f"A rule can have at most '{VALUES_MAX}' condition values")
    with_wildcards = [one for one in conditions if one.field not in {"http-request-method", "source-ip"}]
    if sum(len(_WILDCARD.findall(value)) for one in with_wildcards for value in one.values) > WILDCARDS_MAX:
        raise _invalid(f"A rule can have at most '{WILDCARDS_MAX}' wildcards")


def _check_condition(condition: Condition) -> None:
    field = condition.field
    if condition.values and condition.regex_values:
        raise _invalid(f"Values and RegexValues cannot both be specified for field '{field}'")
    if not condition.values and not condition.regex_values:
        raise _invalid(f"A condition value must be specified for field '{field}'")
    for value in condition.regex_values:
        _check_regex(value)
    if field == "http-header":
        name = condition.name or ""
        if not _HEADER_NAME.fullmatch(name) or name.lower() == "host":
            raise _invalid(f"The header name '{name}' is not valid; for the host header use a host-header condition")
    for value in condition.values:
        if not _ALLOWED[field].fullmatch(value) or (field == "host-header" and "." not in value):
            raise _invalid(f"Condition value '{value}' is not valid for field '{field}'")
        if field == "source-ip":
            _check_network(value)


def check_transforms(transforms: Sequence[Transform], *, is_default: bool = False) -> None:
    """Raises ``ValidationError``. Source: ELB user guide, "Transforms for listener rules"."""
    if transforms and is_default:
        raise _invalid("A transform cannot be specified for a default rule")
    for type_, count in Counter(one.type for one in transforms).items():
        if type_ not in TRANSFORMS:
            raise _invalid(f"The transform type '{type_}' must be one of {list(TRANSFORMS)}")
        if count > 1:
            raise _invalid(f"Only one transform of type '{type_}' can be specified")
    for one in transforms:
        _check_regex(one.regex, most=TRANSFORM_MAX)
        groups = re.compile(one.regex).groups
        named = [int(number) for number in re.findall(r"\$(\d)", one.replace)]
        if groups > GROUPS_OF_REGEX_MAX or any(not 1 <= number <= groups for number in named):
            raise _invalid(
                f"The replacement '{one.replace}' must name groups of the expression '{one.regex}',"
                f" which may have at most {GROUPS_OF_REGEX_MAX}"
            )
        if len(one.replace) > TRANSFORM_MAX or not one.replace.isascii() or not one.replace.isprintable():
            raise _invalid(f"The replacement '{one.replace}' must be at most {TRANSFORM_MAX} printable characters")


def _check_regex(value: str, *, most: int = REGEX_MAX) -> None:
    """What passes here the proxy's RE2 takes too. Source: https://github.com/google/re2/wiki/Syntax."""
    refused = _invalid(f"The regular expression '{value}' is not valid, or uses what is not supported")
    if not 1 <= len(value) <= most or not value.isascii() or not value.isprintable() or _NOT_IN_RE2.search(value):
        raise refused
    counts = [max(int(one or 0) for one in found) for found in _COUNTED.findall(value)]
    if math.prod(max(1, count) for count in counts) > _TIMES_MAX:
        raise refused
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # a class within a class, which RE2 knows
            re.compile(value)
    except (re.error, OverflowError, RecursionError):
        raise refused from None


def _check_network(value: str) -> None:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise _invalid(f"Condition value '{value}' is not a CIDR block") from None


def check_actions(region: Region, actions: Actions, balancer: LoadBalancer, protocol: str) -> None:
    """Refuse actions that ``balancer`` cannot carry out at a listener of ``protocol``.

    Raises what the check of each raises.
    """
    if actions.jwt_validation is not None:
        check_validation(actions.jwt_validation, protocol)
    _check_routing(region, actions.routing, balancer, protocol)


def check_validation(validation: JwtValidation, protocol: str) -> None:
    """Raises ``InvalidLoadBalancerAction`` at a listener without TLS, ``ValidationError``.

    Source: ``elbv2`` ``JwtValidationActionConfig``, ``JwtValidationActionAdditionalClaim``.
    """
    if protocol != "HTTPS":
        raise ApiError(
            "InvalidLoadBalancerAction",
            f"Actions of type 'jwt-validation' are only supported on HTTPS listeners, not {protocol}",
        )
    endpoint, issuer = validation.jwks_endpoint, validation.issuer
    if not _is_https_url(endpoint):
        raise _invalid(f"The JWKS endpoint '{endpoint}' must be a full URL with the protocol https, of at most 256 characters")
    if not 1 <= len(issuer) <= CLAIM_MAX:
        raise _invalid(f"The issuer '{issuer}' must have from 1 to {CLAIM_MAX} characters")
    if len(validation.additional_claims) > CLAIMS_MAX:
        raise _invalid(f"At most {CLAIMS_MAX} additional claims can be specified")
    for claim in validation.additional_claims:
        _check_claim(claim)


def _is_https_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        has_host = bool(url.hostname) and url.port != 0
    except ValueError:
        return False
    return url.scheme == "https" and has_host and text.isascii() and text.isprintable() and len(text) <= CLAIM_MAX


def _check_claim(claim: JwtClaim) -> None:
    if not claim.name or claim.name in CLAIMS_BY_DEFAULT:
        raise _invalid(
            f"The claim '{claim.name}' cannot be specified; {', '.join(CLAIMS_BY_DEFAULT)} are validated by default"
        )
    if claim.format not in CLAIM_FORMATS:
        raise _invalid(f"The format '{claim.format}' of claim '{claim.name}' must be one of {list(CLAIM_FORMATS)}")
    if not 1 <= len(claim.values) <= CLAIMS_MAX or any(not 1 <= len(value) <= CLAIM_MAX for value in claim.values):
        raise _invalid(f"Claim '{claim.name}' must have from 1 to {CLAIMS_MAX} values of from 1 to {CLAIM_MAX} characters")
    if claim.format == "space-separated-values" and any(" " in value for value in claim.values):
        raise _invalid(f"The values of claim '{claim.name}' cannot include spaces")


def _check_routing(region: Region, action: Action, balancer: LoadBalancer, protocol: str) -> None:
    """Refuse an action that ``balancer`` cannot carry out at a listener of ``protocol``.

    Raises ``TargetGroupNotFound``, ``TargetGroupAssociationLimit``, ``InvalidLoadBalancerAction``,
    ``InvalidConfigurationRequest``, ``ValidationError``.
    """
    match action:
        case Forward():
            _check_forward(region, action, balancer)
            check_protocol_versions(region, action, protocol)
        case FixedResponse():
            if action.content_type not in CONTENT_TYPES:
                raise _invalid(f"The fixed response content type '{action.content_type}' must be one of {list(CONTENT_TYPES)}")
        case Redirect():
            _check_redirect(action)
        case _:
            assert_never(action)


def _check_forward(region: Region, forward: Forward, balancer: LoadBalancer) -> None:
    if forward.stickiness_seconds is not None and forward.stickiness_seconds not in STICKINESS_SECONDS:
        raise _invalid(
            f"The target group stickiness duration '{forward.stickiness_seconds}' must be between '1' and '604800' seconds"
        )
    if not 1 <= len(forward.target_groups) <= GROUPS_MAX:
        raise _invalid(f"A forward action must have between '1' and '{GROUPS_MAX}' target groups")
    arns = [one.arn for one in forward.target_groups]
    if len(set(arns)) < len(arns):
        raise ApiError("InvalidLoadBalancerAction", "A target group can be specified only once in a forward action")
    for weighted in forward.target_groups:
        group = elbv2_target_groups.find(region, weighted.arn)
        if weighted.weight not in WEIGHTS:
            raise _invalid(f"The weight '{weighted.weight}' must be between '0' and '{WEIGHTS[-1]}'")
        if group.vpc_id != balancer.vpc_id:
            message = f"Target group '{group.arn}' is in VPC '{group.vpc_id}', the load balancer in '{balancer.vpc_id}'"
            raise ApiError("InvalidConfigurationRequest", message)
        if set(elbv2_target_groups.load_balancers_of(region, group.arn)) - {balancer.arn}:
            message = f"The following target groups cannot be associated with more than one load balancer: {group.arn}"
            raise ApiError("TargetGroupAssociationLimit", message)
    if len(arns) > 1 and forward.stickiness_seconds is None and any(_is_sticky(region, arn) for arn in arns):
        raise ApiError(
            "InvalidConfigurationRequest",
            "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups",
        )


def check_protocol_versions(region: Region, action: Action, protocol: str) -> None:
    """HTTP/2 and gRPC reach targets from HTTPS listeners only. Raises ``InvalidLoadBalancerAction``."""
    if protocol == "HTTPS" or not isinstance(action, Forward):
        return
    for one in action.target_groups:
        version = elbv2_target_groups.find(region, one.arn).protocol_version
        if version != "HTTP1":
            raise ApiError(
                "InvalidLoadBalancerAction",
                f"Listener protocol '{protocol}' is not supported with a target group with the protocol-version '{version}'",
            )


def _is_sticky(region: Region, arn: str) -> bool:
    return elbv2_target_groups.find(region, arn).attributes.get("stickiness.enabled") == "true"


def _check_redirect(redirect: Redirect) -> None:
    unchanged = Redirect(status_code=redirect.status_code, query=redirect.query)
    if redirect == unchanged:
        raise ApiError("InvalidLoadBalancerAction", "The redirect must change at least one of protocol, host, port or path")
    if redirect.protocol not in {"HTTP", "HTTPS", "#{protocol}"}:
        raise _invalid(f"The redirect protocol '{redirect.protocol}' must be HTTP, HTTPS or #{{protocol}}")
    if redirect.port != "#{port}" and not (redirect.port.isdecimal() and 1 <= int(redirect.port) <= 65535):  # noqa: PLR2004
        raise _invalid(f"The redirect port '{redirect.port}' must be from 1 to 65535 or #{{port}}")
    if not redirect.path.startswith("/"):
        raise _invalid(f"The redirect path '{redirect.path}' must begin with a '/'")
    if any(not part.isprintable() for part in (redirect.host, redirect.path, redirect.query)):
        raise _invalid("The redirect must not contain control characters")


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)
