"""Both stickinesses of ALB: of a rule to a target group, of a target group to a target.

Source: ELB user guide for Application Load Balancers, "Sticky sessions for your Application Load Balancer"; how a rule sticks
to a group that has weight 0, or no target left: https://repost.aws/questions/QUugYm4uzWSI2af5mnmMjlZQ.

ALB encrypts its cookies; ours say the same in hexadecimal digits or by a digest. Where the target of a cookie is not
registered or not able to serve, Envoy chooses another one, and the answer brings a cookie for that.
"""

import hashlib
from typing import Any, Final

from ninelives.model.elbv2 import TargetGroup
from ninelives.routing.scripts import HOST_HEADER, SESSION_HEADER

Json = dict[str, Any]

SESSION: Final = "envoy.filters.http.stateful_session"
TYPE: Final = "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3"
GROUP_COOKIE: Final = "AWSALBTG"


def session_filter() -> Json:
    """Sends a request to the target that the script names; only where a route asks for it."""
    return {"name": SESSION, "disabled": True, "typed_config": {"@type": f"{TYPE}.StatefulSession"}}


def is_sticky(group: TargetGroup) -> bool:
    return group.attributes.get("stickiness.enabled") == "true"


def session_context(group: TargetGroup) -> Json:
    """What the script must know of the group's stickiness; nothing where it is off."""
    if not is_sticky(group):
        return {}
    attributes = group.attributes
    context: Json = {"group": token(group.arn)}
    if attributes.get("stickiness.type", "lb_cookie") == "app_cookie":
        return context | {
            "application_cookie": attributes.get("stickiness.app_cookie.cookie_name", ""),
            "seconds": int(attributes.get("stickiness.app_cookie.duration_seconds", "86400")),
        }
    return context | {"seconds": int(attributes.get("stickiness.lb_cookie.duration_seconds", "86400"))}


def session_per_route() -> Json:
    header = {"@type": "type.googleapis.com/envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState"}
    state = {"name": "envoy.http.stateful_session.header", "typed_config": header | {"name": SESSION_HEADER}}
    return {SESSION: {"@type": f"{TYPE}.StatefulSessionPerRoute", "stateful_session": {"session_state": state}}}


def answering_host() -> Json:
    return {"header": {"key": HOST_HEADER, "value": "%UPSTREAM_HOST%"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def group_cookies(arn: str, seconds: int) -> list[Json]:
    """The cookies that keep a client at a target group; the client forgets them after ``seconds`` without an answer.

    ALB keeps the duration inside the cookie, which itself expires after seven days; Envoy can write no date to come.
    """
    cookie = f"{GROUP_COOKIE}{{}}={token(arn)}; Max-Age={seconds}; Path=/"
    return [
        {"header": {"key": "set-cookie", "value": value}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
        for value in (cookie.format(""), cookie.format("CORS") + "; SameSite=None; Secure")
    ]


def with_group_cookie(match: Json, arn: str) -> Json:
    """``match``, only for requests that bear the cookie of a target group."""
    regex = rf"(?:.*;\s*)?{GROUP_COOKIE}(?:CORS)?={token(arn)}(?:\s*;.*)?"
    return match | {
        "headers": [*match.get("headers", ()), {"name": "cookie", "string_match": {"safe_regex": {"regex": regex}}}]
    }


def token(arn: str) -> str:
    """Stands for a target group in cookies."""
    return hashlib.sha256(arn.encode()).hexdigest()[:32]
