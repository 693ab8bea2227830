"""Rule actions as Envoy routes: forward, fixed-response, redirect."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, assert_never

from ninelives.model.elbv2 import Action, FixedResponse, Forward, Redirect, Rule, TargetGroup, Transform
from ninelives.routing import tokens
from ninelives.routing.clusters import ADMITTED, cluster_name
from ninelives.routing.conditions import ANY_PATH, route_match, with_query
from ninelives.routing.errors import error_page
from ninelives.routing.scripts import configured
from ninelives.routing.stickiness import answering_host, group_cookies, session_context, session_per_route, with_group_cookie
from ninelives.routing.transforms import host_rewrite, url_per_route, with_match

Json = dict[str, Any]

ACTION_NAMES: Mapping[type[Action], str] = {Forward: "forward", FixedResponse: "fixed-response", Redirect: "redirect"}
PLACEHOLDER = re.compile(r"#\{(protocol|host|port|path|query)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a rule's routes depend on beside the rule: the target groups that Envoy has, and the load balancer's settings."""

    groups: Mapping[str, TargetGroup]
    idle_timeout: timedelta
    rewrites: Json = field(default_factory=dict)
    """Members of every forwarding action."""
    rewrites_host: bool = False
    """Whether a rule's transform is among them."""
    url: Transform | None = None
    drops_invalid_headers: bool = False
    takes_http2: bool = False
    certificate_header: str | None = None
    """Where targets get the certificates of clients."""


def routes(rule: Rule, around: Surroundings) -> list[Json]:
    """The Envoy routes of a rule, in order."""
    match = route_match(rule.conditions)
    told = {"priority": "0" if rule.priority is None else str(rule.priority), "actions": ACTION_NAMES[type(rule.action)]}
    metadata = {"filter_metadata": {"ninelives": told}}
    found = [route | {"metadata": metadata} for route in _routes(rule, match, around)]
    if rule.jwt_validation is None:
        return found
    validating = tokens.per_route(rule.jwt_validation)
    return [one | {"typed_per_filter_config": one.get("typed_per_filter_config", {}) | validating} for one in found]


def _routes(rule: Rule, match: Json, around: Surroundings) -> list[Json]:
    match rule.action:
        case Forward() as forward:
            return [
                route
                for found, surroundings in _rewritings(rule.transforms, match, around)
                for route in _forwards(forward, found, surroundings)
            ]
        case FixedResponse() as answer:
            return [{"match": match} | _fixed_response(answer)]
        case Redirect() as redirect if "#{query}" in redirect.query:
            # Without a query string the question mark must not be there; Envoy's formatter has no "if".
            return [
                {"match": with_query(match)} | _redirect(redirect, query="%QUERY_PARAMS(ORIG)%"),
                {"match": match} | _redirect(redirect, query=""),
            ]
        case Redirect() as redirect:
            return [{"match": match} | _redirect(redirect, query="")]
        case _ as never:
            assert_never(never)


def _rewritings(transforms: Sequence[Transform], match: Json, around: Surroundings) -> Iterator[tuple[Json, Surroundings]]:
    """A match and its surroundings for each combination of transforms that find something, those with the most first."""
    if not transforms:
        yield match, around
        return
    transform, *others = transforms
    if transform.type == "host-header-rewrite":
        rewriting = replace(around, rewrites=host_rewrite(transform), rewrites_host=True)
    else:
        rewriting = replace(around, url=transform)
    yield from _rewritings(others, with_match(match, transform), rewriting)
    yield from _rewritings(others, match, around)


def _forwards(forward: Forward, match: Json, around: Surroundings) -> list[Json]:
    """With target group stickiness, a route for each group first: for those who bear its cookie, at whatever weight."""
    known = [one for one in forward.target_groups if one.arn in around.groups]
    seconds = forward.stickiness_seconds
    found = []
    if around.takes_http2 and known and all(around.groups[one.arn].protocol_version == "HTTP1" for one in known):
        found.append({"match": match | {"grpc": {}}} | _answer(464, ""))
    if seconds is not None:
        found += [
            {"match": with_group_cookie(match, one.arn)} | _forward({one.arn: 1}, seconds, around)
            for one in {one.arn: one for one in known}.values()
        ]
    weights: dict[str, int] = {}
    for one in known:
        if one.weight > 0:
            weights[one.arn] = weights.get(one.arn, 0) + one.weight
    return [*found, {"match": match} | _forward(weights, seconds, around)]


def _forward(weights: Mapping[str, int], stickiness_seconds: int | None, around: Surroundings) -> Json:
    """Shares in proportion to the weights; without any it answers 503, as ALB does.

    One target group gets everything whatever its weight above 0. Retries nothing: neither does ALB once a request was sent.
    Envoy's own limit of 15 s for a whole request is off; ALB knows only the idle timeout.
    """
    if not weights:
        return _answer(503, error_page(503))
    action: Json = {
        "timeout": "0s",
        "idle_timeout": seconds(around.idle_timeout),
        "metadata_match": ADMITTED,
        **around.rewrites,
    }
    shares = {arn: _share(around.groups[arn], stickiness_seconds, around) for arn in weights}
    if len(shares) == 1:
        [(arn, share)] = shares.items()
        return {"route": action | {"cluster": cluster_name(arn)}} | share
    clusters = [{"name": cluster_name(arn), "weight": weights[arn]} | share for arn, share in shares.items()]
    return {"route": action | {"weighted_clusters": {"clusters": clusters}}}


def _share(group: TargetGroup, stickiness_seconds: int | None, around: Surroundings) -> Json:
    """What requests to a target group get beside the group: its cookies, and what the script is to do."""
    headers = [] if stickiness_seconds is None else group_cookies(group.arn, stickiness_seconds)
    context = session_context(group)
    filters: Json = {}
    if context:
        headers.append(answering_host())
        filters |= session_per_route()
    if around.drops_invalid_headers:
        context["drop_invalid"] = True
    if group.protocol_version != "HTTP1":
        context["protocol_version"] = group.protocol_version
    if around.certificate_header is not None:
        context["certificate_header"] = around.certificate_header.lower()
    if around.rewrites_host:
        context["rewrites_host"] = True
    if around.url is not None:
        context["rewrites_url"] = True
        filters |= url_per_route(around.url)
    filters |= configured(context)
    share: Json = {"response_headers_to_add": headers} if headers else {}
    return share | ({"typed_per_filter_config": filters} if filters else {})


def refusals() -> list[Json]:
    """What ALB refuses before any rule is looked at: the method TRACE, and more than thirty addresses in X-Forwarded-For.

    Source: ELB user guide, "Troubleshoot your Application Load Balancers" (HTTP 405, HTTP 463).
    """
    addresses = {"safe_regex": {"regex": "(?:[^,]*,){30}.*"}}
    refused = {
        405: {"name": ":method", "string_match": {"exact": "TRACE"}},
        463: {"name": "x-forwarded-for", "string_match": addresses},
    }
    return [
        {"match": ANY_PATH | {"headers": [header]}, "metadata": {"filter_metadata": {"ninelives": {"actions": "-"}}}}
        | _answer(status, error_page(status))
        for status, header in refused.items()
    ]


def _answer(status: int, page: str) -> Json:
    """One of the load balancer's own errors."""
    if not page:
        return {"direct_response": {"status": status}}
    return {"direct_response": {"status": status, "body": {"inline_string": page}}} | _content_type("text/html")


def _fixed_response(answer: FixedResponse) -> Json:
    direct: Json = {"status": answer.status_code}
    if not answer.message_body:
        return {"direct_response": direct}
    return {"direct_response": direct | {"body": {"inline_string": answer.message_body}}} | _content_type(answer.content_type)


def _redirect(redirect: Redirect, *, query: str) -> Json:
    """``protocol://host:port/path?query``, always with the port, as ALB writes it.

    Source: ``elbv2`` ``RedirectActionConfig``.
    """
    values = {
        "protocol": "%REQ(:SCHEME)%",
        "host": r"%CEL(re.extract(request.host,'^([^:]*)','\\1'))%",
        "port": "%DOWNSTREAM_LOCAL_PORT%",
        "path": r"%CEL(re.extract(request.url_path,'^/(.*)$','\\1'))%",
        "query": query,
    }
    parts = {name: _filled(getattr(redirect, name), values) for name in ("host", "port", "path", "query")}
    protocol = _filled(redirect.protocol if "#" in redirect.protocol else redirect.protocol.lower(), values)
    location = f"{protocol}://{parts['host']}:{parts['port']}{parts['path']}"
    if parts["query"]:
        location += f"?{parts['query']}"
    return {"direct_response": {"status": redirect.status_code}} | _response_headers([("location", location)])


def _filled(part: str, values: Mapping[str, str]) -> str:
    """A part with its placeholders as Envoy format strings; a literal percent sign is doubled."""
    pieces: Sequence[str] = PLACEHOLDER.split(part)
    return "".join(values[piece] if index % 2 else _literal(piece) for index, piece in enumerate(pieces))


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def _content_type(value: str) -> Json:
    return _response_headers([("content-type", _literal(value))])


def _response_headers(headers: Sequence[tuple[str, str]]) -> Json:
    return {
        "response_headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"} for key, value in headers
        ]
    }


def seconds(duration: timedelta) -> str:
    """A duration in proto-JSON: seconds with at most nine decimals.

    >>> seconds(timedelta(milliseconds=200)), seconds(timedelta(minutes=1))
    ('0.2s', '60s')
    """
    return f"{duration.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"
