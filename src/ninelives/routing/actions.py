"""Rule actions as Envoy routes: forward, fixed-response, redirect."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, assert_never

from ninelives.model.elbv2 import Action, FixedResponse, Forward, Redirect, Rule
from ninelives.routing.clusters import ADMITTED
from ninelives.routing.conditions import route_match, with_query
from ninelives.routing.errors import error_page

Json = dict[str, Any]

ACTION_NAMES: Mapping[type[Action], str] = {Forward: "forward", FixedResponse: "fixed-response", Redirect: "redirect"}
PLACEHOLDER = re.compile(r"#\{(protocol|host|port|path|query)\}")


def routes(rule: Rule, envoy_clusters: Mapping[str, str], idle_timeout: timedelta) -> list[Json]:
    """The Envoy routes of a rule, in order. ``envoy_clusters`` names the cluster of each target group ARN there is."""
    match = route_match(rule.conditions)
    told = {"priority": "0" if rule.priority is None else str(rule.priority), "actions": ACTION_NAMES[type(rule.action)]}
    metadata = {"filter_metadata": {"ninelives": told}}
    return [route | {"metadata": metadata} for route in _routes(rule, match, envoy_clusters, idle_timeout)]


def _routes(rule: Rule, match: Json, envoy_clusters: Mapping[str, str], idle_timeout: timedelta) -> list[Json]:
    match rule.action:
        case Forward() as forward:
            return [{"match": match} | _forward(forward, envoy_clusters, idle_timeout)]
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


def _forward(forward: Forward, envoy_clusters: Mapping[str, str], idle_timeout: timedelta) -> Json:
    """Shares in proportion to the weights; a sum of 0 answers 503, as ALB does.

    One target group gets everything whatever its weight above 0. Retries nothing: neither does ALB once a request was sent.
    Envoy's own limit of 15 s for a whole request is off; ALB knows only the idle timeout.
    """
    weights: dict[str, int] = {}
    for group in forward.target_groups:
        if group.weight > 0 and group.arn in envoy_clusters:
            name = envoy_clusters[group.arn]
            weights[name] = weights.get(name, 0) + group.weight
    if not weights:
        return {"direct_response": {"status": 503, "body": {"inline_string": error_page(503)}}} | _content_type("text/html")
    action: Json = {"timeout": "0s", "idle_timeout": seconds(idle_timeout), "metadata_match": ADMITTED}
    if len(weights) == 1:
        return {"route": action | {"cluster": next(iter(weights))}}
    shares = [{"name": name, "weight": weight} for name, weight in weights.items()]
    return {"route": action | {"weighted_clusters": {"clusters": shares}}}


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
