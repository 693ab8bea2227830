"""A request as a line of ALB's access log. Pure.

Source: ELB user guide, "Access logs for your Application Load Balancer" (access log entries); a client that left before it was
answered is a 460 ("Troubleshoot your Application Load Balancers").
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ninelives.model.elbv2 import Certificate
from ninelives.routing.tls import chosen_certificate

Entry = Mapping[str, Any]

FROM_TARGET: Final = ("via_upstream", "upstream_reset_after_response_started")
"""How ``response_code_details`` begins where a target has answered, or began to."""
CLIENT_LEFT: Final = 460
ESCAPED: Final = re.compile(r'["\\]|[^\x20-\x7e]')
LONGEST: Final = 8192
"""Bytes of a user agent that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedListener:
    """What a line says of the listener beside the request."""

    load_balancer: str
    """``app/NAME/ID``"""
    address: str
    protocol: str
    port: int
    certificates: Sequence[Certificate] = ()


def log_line(entry: Entry, listener: LoggedListener) -> str:
    """The line, without its end; ``entry`` as ``routing.access_log.FIELDS`` has it."""
    code = entry["elb_status_code"] or CLIENT_LEFT
    answered = str(entry["response_code_details"] or "").startswith(FROM_TARGET)
    target = entry["target"] or "-"
    target_code = str(entry["elb_status_code"] or "-") if answered else "-"
    encrypted = listener.protocol == "HTTPS"
    server_name = entry["server_name"] or ""
    certificate = chosen_certificate(server_name, listener.certificates) if encrypted else None
    return " ".join(
        [
            _type(entry, encrypted=encrypted),
            entry["time"],
            listener.load_balancer,
            entry["client"] or "-",
            target,
            *_times(entry, answered=answered),
            str(code),
            target_code,
            str(entry["received_bytes"] or 0),
            str(entry["sent_bytes"] or 0),
            _quoted(_request(entry, listener)),
            _quoted((entry["user_agent"] or "-")[:LONGEST]),
            entry["tls_cipher"] or "-",
            entry["tls_version"] or "-",
            entry["target_group_arn"] or "-",
            _quoted(entry["trace_id"] or "-"),
            _quoted(server_name or "-"),
            _quoted(certificate.arn if certificate else "-"),
            entry["matched_rule_priority"] or "-",
            entry["request_creation_time"],
            _quoted(entry["actions_executed"] or "-"),
            _quoted(_redirect(entry)),
            _quoted("-"),  # error_reason: of Lambda functions, authentication and WAF
            _quoted(target),
            _quoted(target_code),
            _quoted("-"),
            _quoted("-"),  # classification and its reason: ambiguous requests are refused
            _connection(entry),
            *(_quoted(text) for text in _transformed(entry)),
        ]
    )


def _type(entry: Entry, *, encrypted: bool) -> str:
    if entry["elb_status_code"] == 101:  # noqa: PLR2004 the handshake of a websocket
        return "wss" if encrypted else "ws"
    if entry["protocol"] == "HTTP/2":
        return "grpcs" if str(entry["content_type"] or "").startswith("application/grpc") else "h2"
    return "https" if encrypted else "http"


def _times(entry: Entry, *, answered: bool) -> list[str]:
    """Seconds until the request was sent, until the answer began, until it was passed on; -1 where it did not come to that."""
    times = [entry[f"{part}_processing_us"] for part in ("request", "target", "response")]
    return [f"{us / 1e6:.3f}" if answered and us is not None and us >= 0 else "-1" for us in times]


def _request(entry: Entry, listener: LoggedListener) -> str:
    host = str(entry.get("original_host") or entry["host"] or listener.address).rpartition("]")[2] or listener.address
    url = f"{listener.protocol.lower()}://{host.partition(':')[0]}:{listener.port}"
    if not entry["method"]:
        return f"- {url}- -"
    version = "HTTP/2.0" if entry["protocol"] == "HTTP/2" else entry["protocol"]
    return f"{entry['method']} {url}{entry.get('original_path') or entry['path']} {version}"


def _transformed(entry: Entry) -> tuple[str, str, str]:
    """What a rule has made of the host and of the URL, and that it did; nothing where no rule rewrote them."""
    host = str(entry["host"]) if entry.get("original_host") else "-"
    url = str(entry["path"]) if entry.get("original_path") else "-"
    return host, url, "-" if host == url == "-" else "TransformSuccess"


def _redirect(entry: Entry) -> str:
    """Where the load balancer has sent the client; a target's own redirects are not told."""
    return (entry["redirect_url"] or "-") if entry["actions_executed"] == "redirect" else "-"


def _connection(entry: Entry) -> str:
    """One for all requests of a client's connection."""
    known = f"{entry['listener']} {entry['client']} {entry['connection']}"
    return f"TID_{hashlib.sha256(known.encode()).hexdigest()[:32]}"


def _quoted(text: str) -> str:
    return '"' + ESCAPED.sub(_escape, text) + '"'


def _escape(found: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape"))
