"""Parts that several of ELBv2's operations read or write: attributes, tags, actions, conditions, pages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from ninelives.model.elbv2 import (
    Action,
    Actions,
    Condition,
    FixedResponse,
    Forward,
    JwtClaim,
    JwtValidation,
    Redirect,
    Rule,
    Transform,
    WeightedTargetGroup,
)
from ninelives.model.errors import ApiError

Parameters = Mapping[str, Any]


def read_tags(pairs: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Tags as a mapping. Raises ``DuplicateTagKeys``."""
    found = list(pairs or ())
    tags = read_pairs(found)
    if len(tags) < len(found):
        raise ApiError("DuplicateTagKeys", "A tag key was specified more than once")
    return tags


def read_pairs(pairs: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """A list of ``Key`` and ``Value`` as a mapping."""
    return {pair["Key"]: pair.get("Value", "") for pair in pairs or ()}


def write_pairs(pairs: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def page(items: Sequence[Any], parameters: Parameters, *, size: int = 400) -> tuple[Sequence[Any], str | None]:
    """The page that ``Marker`` and ``PageSize`` ask for, and the marker of the next one. Raises ``ValidationError``."""
    marker = parameters.get("Marker") or "0"
    if not marker.isdecimal():
        raise ApiError("ValidationError", f"Invalid marker '{marker}'")
    start, end = int(marker), int(marker) + int(parameters.get("PageSize") or size)
    return items[start:end], str(end) if end < len(items) else None


VALIDATES = "jwt-validation"
TYPES = ("forward", "fixed-response", "redirect", VALIDATES)


def read_actions(actions: Sequence[Parameters]) -> Actions:
    """The actions of a rule: one that routes, and before it ``jwt-validation`` or nothing.

    Raises ``ValidationError`` and, for what is not there, ``InvalidLoadBalancerAction``.
    """
    ordered = sorted(actions, key=lambda one: int(one.get("Order") or 0))
    if len(ordered) > 1 and (
        not all(one.get("Order") for one in ordered) or len({one["Order"] for one in ordered}) < len(ordered)
    ):
        raise ApiError("ValidationError", "Each of several actions must have an order of its own")
    for one in ordered:
        if one.get("Type") not in TYPES:
            known = ", ".join(TYPES)
            raise ApiError(
                "InvalidLoadBalancerAction", f"ninelives does not do action type '{one.get('Type')}'; it does {known}"
            )
    validating = [one for one in ordered if one.get("Type") == VALIDATES]
    if len(ordered) - len(validating) != 1 or len(validating) > 1 or ordered[-1].get("Type") == VALIDATES:
        kinds = ", ".join(one["Type"] for one in ordered)
        message = f"A rule has one action that routes, its last, and at most one '{VALIDATES}' before it; found {kinds}"
        raise ApiError("InvalidLoadBalancerAction", message)
    return Actions(routing=_read_routing(ordered[-1]), jwt_validation=_read_validation(validating[0]) if validating else None)


def _read_routing(action: Parameters) -> Action:
    match action.get("Type"):
        case "forward":
            return _read_forward(action)
        case "fixed-response":
            return _read_fixed_response(action.get("FixedResponseConfig") or {})
        case _:
            return _read_redirect(action.get("RedirectConfig") or {})


def _read_validation(action: Parameters) -> JwtValidation:
    given = action.get("JwtValidationConfig")
    if not given:
        raise ApiError("ValidationError", f"A JwtValidationConfig must be specified for an action of type '{VALIDATES}'")
    claims = [
        JwtClaim(name=one["Name"], format=one["Format"], values=tuple(one["Values"]))
        for one in given.get("AdditionalClaims") or ()
    ]
    return JwtValidation(jwks_endpoint=given["JwksEndpoint"], issuer=given["Issuer"], additional_claims=tuple(claims))


def _read_forward(action: Parameters) -> Forward:
    configuration = action.get("ForwardConfig") or {}
    groups = configuration.get("TargetGroups") or []
    scalar = action.get("TargetGroupArn")
    if not groups and scalar is None:
        raise ApiError("ValidationError", "A target group ARN must be specified")
    if groups and scalar is not None and [scalar] != [one.get("TargetGroupArn") for one in groups]:
        raise ApiError("ValidationError", "TargetGroupArn and ForwardConfig name different target groups")
    stickiness = configuration.get("TargetGroupStickinessConfig") or {}
    if stickiness.get("Enabled") and stickiness.get("DurationSeconds") is None:
        raise ApiError("ValidationError", "A target group stickiness duration must be specified")
    if not groups:
        return Forward(target_groups=(WeightedTargetGroup(arn=scalar or "", weight=1),))
    return Forward(
        target_groups=tuple(WeightedTargetGroup(arn=one["TargetGroupArn"], weight=one.get("Weight", 1)) for one in groups),
        stickiness_seconds=stickiness["DurationSeconds"] if stickiness.get("Enabled") else None,
        by_arn=len(groups) == 1,
    )


def _read_fixed_response(configuration: Parameters) -> FixedResponse:
    status = str(configuration.get("StatusCode", ""))
    if not (status.isdecimal() and 200 <= int(status) <= 599 and not 300 <= int(status) <= 399):  # noqa: PLR2004
        raise ApiError("ValidationError", f"The fixed response status code '{status}' must match 2XX, 4XX or 5XX")
    body = configuration.get("MessageBody", "")
    if len(body) > 1024:  # noqa: PLR2004
        raise ApiError("ValidationError", "The fixed response message body can have at most 1024 characters")
    return FixedResponse(
        status_code=int(status), content_type=configuration.get("ContentType", "text/plain"), message_body=body
    )


def _read_redirect(configuration: Parameters) -> Redirect:
    code = str(configuration.get("StatusCode", ""))
    if code not in {"HTTP_301", "HTTP_302"}:
        raise ApiError("ValidationError", f"The redirect status code '{code}' must be HTTP_301 or HTTP_302")
    return Redirect(
        status_code=int(code[-3:]),
        **{name: configuration[given] for name, given in _REDIRECT.items() if configuration.get(given) is not None},
    )


_REDIRECT = {"protocol": "Protocol", "host": "Host", "port": "Port", "path": "Path", "query": "Query"}


def write_actions(rule: Rule) -> list[dict[str, Any]]:
    """The actions of a rule as Describe shows them, with their order where there are several."""
    if rule.jwt_validation is None:
        return [_write_routing(rule.action)]
    shown = [_write_validation(rule.jwt_validation), _write_routing(rule.action)]
    return [one | {"Order": order} for order, one in enumerate(shown, 1)]


def _write_validation(validation: JwtValidation) -> dict[str, Any]:
    claims = [{"Format": one.format, "Name": one.name, "Values": list(one.values)} for one in validation.additional_claims]
    configuration: dict[str, Any] = {"JwksEndpoint": validation.jwks_endpoint, "Issuer": validation.issuer}
    if claims:
        configuration["AdditionalClaims"] = claims
    return {"Type": VALIDATES, "JwtValidationConfig": configuration}


def _write_routing(action: Action) -> dict[str, Any]:
    """The scalar ``TargetGroupArn`` only where there is one group."""
    match action:
        case Forward():
            shown: dict[str, Any] = {
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": [{"TargetGroupArn": one.arn, "Weight": one.weight} for one in action.target_groups],
                    "TargetGroupStickinessConfig": _write_stickiness(action.stickiness_seconds),
                },
            }
            if action.by_arn:
                shown["TargetGroupArn"] = action.target_groups[0].arn
            return shown
        case FixedResponse():
            configuration = {
                "StatusCode": str(action.status_code),
                "ContentType": action.content_type,
                "MessageBody": action.message_body,
            }
            return {"Type": "fixed-response", "FixedResponseConfig": configuration}
        case Redirect():
            parts = {given: getattr(action, name) for name, given in _REDIRECT.items()}
            return {"Type": "redirect", "RedirectConfig": parts | {"StatusCode": f"HTTP_{action.status_code}"}}
        case _:
            assert_never(action)


def _write_stickiness(seconds: int | None) -> dict[str, Any]:
    return {"Enabled": False} if seconds is None else {"Enabled": True, "DurationSeconds": seconds}


WITH_REGEX = ("path-pattern", "host-header", "http-header")

_CONFIGURATIONS = {
    "path-pattern": "PathPatternConfig",
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}


def read_condition(condition: Parameters) -> Condition:
    """A rule condition, in its old form (``Values``) or its new one (``…Config``). Raises ``ValidationError``."""
    field = condition.get("Field") or next((one for one, name in _CONFIGURATIONS.items() if condition.get(name)), "")
    if field not in _CONFIGURATIONS:
        raise ApiError("ValidationError", f"Condition field '{field}' must be one of '[{', '.join(_CONFIGURATIONS)}]'")
    configuration = condition.get(_CONFIGURATIONS[field]) or {}
    values = configuration.get("Values") or condition.get("Values") or []
    name = configuration.get("HttpHeaderName")
    if field == "http-header" and not name:
        raise ApiError("ValidationError", "An HTTP header name must be specified for condition field 'http-header'")
    if field == "query-string":
        values = [_read_pair(one) for one in values]
    expressions = configuration.get("RegexValues") or condition.get("RegexValues") or ()
    if expressions and field not in WITH_REGEX:
        raise ApiError("ValidationError", f"Regular expressions cannot be specified for condition field '{field}'")
    return Condition(field=field, values=tuple(values), name=name, regex_values=tuple(expressions))


def read_transform(transform: Parameters) -> Transform:
    """A rule transform. Raises ``ValidationError``."""
    type_ = transform.get("Type", "")
    rewrites = (transform.get(_TRANSFORMS.get(type_, "")) or {}).get("Rewrites") or ()
    if type_ in _TRANSFORMS and len(rewrites) != 1:
        raise ApiError("ValidationError", f"Exactly one rewrite must be specified for a transform of type '{type_}'")
    rewrite = rewrites[0] if rewrites else {}
    return Transform(type=type_, regex=rewrite.get("Regex", ""), replace=rewrite.get("Replace", ""))


def write_transform(transform: Transform) -> dict[str, Any]:
    rewrites = [{"Regex": transform.regex, "Replace": transform.replace}]
    return {"Type": transform.type, _TRANSFORMS[transform.type]: {"Rewrites": rewrites}}


_TRANSFORMS = {"host-header-rewrite": "HostHeaderRewriteConfig", "url-rewrite": "UrlRewriteConfig"}


def _write_regex(condition: Condition) -> dict[str, Any]:
    configuration: dict[str, Any] = {"RegexValues": list(condition.regex_values)}
    if condition.name is not None:
        configuration["HttpHeaderName"] = condition.name
    return {"Field": condition.field, _CONFIGURATIONS[condition.field]: configuration}


def _read_pair(pair: Mapping[str, str]) -> str:
    key, value = pair.get("Key"), pair.get("Value")
    if value is None:
        raise ApiError("ValidationError", "A query string value must be specified")
    if "=" in (key or value):
        where = "key" if key else "value without a key"
        raise ApiError("ValidationError", f"ninelives does not do query string conditions with '=' in a {where} yet")
    return f"{key}={value}" if key else value


def write_condition(condition: Condition) -> dict[str, Any]:
    values: list[Any] = list(condition.values)
    if condition.field == "query-string":
        parts = [value.partition("=") for value in condition.values]
        values = [{"Key": key, "Value": value} if equals else {"Value": key} for key, equals, value in parts]
    if condition.regex_values:
        return _write_regex(condition)
    configuration: dict[str, Any] = {"Values": values}
    if condition.name is not None:
        configuration["HttpHeaderName"] = condition.name
    shown: dict[str, Any] = {"Field": condition.field, _CONFIGURATIONS[condition.field]: configuration}
    if condition.field in {"path-pattern", "host-header"}:
        shown["Values"] = values
    return shown
