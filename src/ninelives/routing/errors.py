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
    405: "Not Allowed",
    408: "Request Time-out",
    463: "",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}
"""Where ALB's words differ from the registered ones."""

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
    that are too large (Envoy: 431). The first filter that matches wins; configured answers keep their bodies.
    """
    mappers = [
        {"filter": _cel("response.code_details == 'direct_response'")},
        _mapper(_all_of(_flags(["UF"]), _cel("response.code_details.contains('connection_timeout')")), 504),
        _mapper(_flags(CONNECTION_FAILED), 502),
        _mapper(_status(503), 503),
        _mapper(_status(504), 504),
        _mapper(_status(408), 408),
        _mapper(_status(400), 400),
        _mapper(_status(431), 400),
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
