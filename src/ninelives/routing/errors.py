"""The answers that ALB makes itself when no target answers: their status, page and ``Server`` header.

Source: ELB user guide, "Troubleshoot your Application Load Balancers" (HTTP 4xx and 5xx that the load balancer generates).
"""

from http import HTTPStatus
from typing import Any

Json = dict[str, Any]

SERVER: Json = {
    "headers_to_add": [
        {"header": {"key": "Server", "value": "awselb/2.0"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
    ]
}

REASONS = {
    401: "Authorization Required",
    405: "Not Allowed",
    408: "Request Time-out",
    414: "Request-URI Too Large",
    463: "",
    562: "",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}
"""Where ALB's words differ from the registered ones."""

OWN_ANSWERS = {
    400: (
        "live",
        "headers above 64 KB, Cookie or Authorization above 16 KB; what is malformed or ambiguous; no Host; CONNECT",
    ),
    401: ("live", "no valid token where a rule validates tokens; authentication actions are refused"),
    403: ("not here", "there is no WAF"),
    405: ("live", "TRACE"),
    408: ("live", "the request's body is silent for the idle timeout"),
    413: ("not here", "bodies for Lambda functions, which are no targets here"),
    414: ("live", "a URL above 16 KB; above 64 KB it counts as headers, so 400"),
    460: ("live", "in access logs and metrics: the client has left"),
    463: ("live", "more than 30 addresses in X-Forwarded-For"),
    464: ("live", "the target group does not speak the request's protocol"),
    500: ("live", "a rule's transform fails"),
    501: ("live", "a Transfer-Encoding other than chunked; identity, which ALB takes, is one"),
    502: ("live", "the connection to the target fails or breaks, or its answer is malformed"),
    503: ("live", "no target, or no weight above 0"),
    504: ("live", "no connection within 10 s, or silence for the idle timeout"),
    505: ("not done", "Envoy tells no other versions apart: HTTP/x.y is served as 1.0, HTTP/2 in clear is a 400"),
    507: ("not done", "the limit of a redirect's URL is not documented"),
    561: ("refused", "answers of authentication actions, which are refused"),
    562: ("live", "the keys of tokens cannot be fetched within 5 s; their size and number are not looked at"),
}
"""What becomes here of each error that ALB makes itself, and for which requests. The reference is made of it."""

CONNECTION_FAILED = ["UF", "UC", "LR", "UR", "UPE"]
"""Envoy's response flags: connection failure, termination, resets, and a protocol error of the target."""


def error_page(status: int) -> str:
    """The HTML that ALB sends with an error of its own."""
    reason = REASONS[status] if status in REASONS else HTTPStatus(status).phrase
    title = f"{status} {reason}".rstrip()
    lines = ["<html>", f"<head><title>{title}</title></head>", "<body>", f"<center><h1>{title}</h1></center>", "</body>"]
    return "\r\n".join([*lines, "</html>", ""])


def local_reply_config(*, shows_server: bool) -> Json:
    """Envoy's own answers as ALB's: 502 for a failed connection (Envoy: 503), 504 for a connect timeout, 400 for headers
    that are too large (Envoy: 431) and for requests without a path (Envoy: 404). The first filter that matches wins;
    configured answers keep their bodies.
    """
    mappers = [
        {"filter": _cel("response.code_details == 'direct_response'")},
        _mapper(_all_of(_flags(["UF"]), _cel("response.code_details.contains('connection_timeout')")), 504),
        _mapper(_flags(CONNECTION_FAILED), 502),
        _mapper(_status(503), 503),
        _mapper(_status(504), 504),
        _mapper(_status(408), 408),
        _mapper(_cel("response.code_details.contains('Jwks_remote_fetch')"), 562),
        *(_mapper(_status(status), status) for status in (401, 414, 500, 501)),
        # CONNECT and OPTIONS *, which no route takes, and headers that are too large.
        *(_mapper(_status(status), 400) for status in (400, 404, 431)),
        {"filter": _status(200, "GE")},
    ]
    return {"mappers": [mapper | (SERVER if shows_server else {}) for mapper in mappers]}


def _mapper(condition: Json, status: int) -> Json:
    return {
        "filter": condition,
        "status_code": status,
        "body_format_override": {
            "text_format_source": {"inline_string": error_page(status)},
            "content_type": "text/html",
        },
    }


def _all_of(*conditions: Json) -> Json:
    return {"and_filter": {"filters": list(conditions)}}


def _flags(flags: list[str]) -> Json:
    return {"response_flag_filter": {"flags": flags}}


def _status(status: int, comparison: str = "EQ") -> Json:
    value = {"default_value": status, "runtime_key": "ninelives.unused"}
    return {"status_code_filter": {"comparison": {"op": comparison, "value": value}}}


def _cel(expression: str) -> Json:
    return {
        "extension_filter": {
            "name": "cel",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                "expression": expression,
            },
        }
    }
