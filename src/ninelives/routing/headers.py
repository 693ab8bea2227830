"""The headers that a load balancer adds to requests and answers, or takes away, as its attributes and its listener's say.

Source: ELB user guide for Application Load Balancers, "HTTP headers and Application Load Balancers", "HTTP header
modification". X-Forwarded-Proto is Envoy's own work, X-Amzn-Trace-Id the script's.
"""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.model.elbv2 import Listener, LoadBalancer
from ninelives.routing.scripts import SESSION_HEADER

Json = dict[str, Any]

CLIENT: Final = "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"
CLIENT_AND_PORT: Final = "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%"
DEFAULT_PORTS: Final = {"HTTP": 80, "HTTPS": 443}
TLS_HEADERS: Final = {"version": "%DOWNSTREAM_TLS_VERSION%", "cipher_suite": "%DOWNSTREAM_TLS_CIPHER%"}
RESPONSE_PREFIX: Final = "routing.http.response."


def changed_headers(balancer: LoadBalancer, listener: Listener) -> Json:
    """Members of a route configuration."""
    added = [_set("X-Forwarded-Port", "%DOWNSTREAM_LOCAL_PORT%")]
    removed = ["x-envoy-external-address", SESSION_HEADER]
    mode = balancer.attributes.get("routing.http.xff_header_processing.mode", "append")
    if mode == "append":
        with_port = _is_on(balancer.attributes, "routing.http.xff_client_port.enabled")
        client = {"key": "X-Forwarded-For", "value": CLIENT_AND_PORT if with_port else CLIENT}
        added.append({"header": client, "append_action": "APPEND_IF_EXISTS_OR_ADD"})
    if mode == "remove":
        removed.append("x-forwarded-for")
    if listener.protocol == "HTTPS" and _is_on(
        balancer.attributes, "routing.http.x_amzn_tls_version_and_cipher_suite.enabled"
    ):
        added += [_set(_tls_header(listener, part), value) for part, value in TLS_HEADERS.items()]
    answers = [
        _set(key.removeprefix(RESPONSE_PREFIX).removesuffix(".header_value").replace("_", "-"), value.replace("%", "%%"))
        for key, value in sorted(listener.attributes.items())
        if key.startswith(RESPONSE_PREFIX) and key.endswith(".header_value") and value
    ]
    found: Json = {"request_headers_to_add": added, "request_headers_to_remove": removed}
    if answers:
        found["response_headers_to_add"] = answers
    if not shows_server(listener):
        found["response_headers_to_remove"] = ["server"]
    return found


def shows_server(listener: Listener) -> bool:
    return listener.attributes.get(f"{RESPONSE_PREFIX}server.enabled", "true") == "true"


def _tls_header(listener: Listener, part: str) -> str:
    return (
        listener.attributes.get(f"routing.http.request.x_amzn_tls_{part}.header_name")
        or f"x-amzn-tls-{part.replace('_', '-')}"
    )


def certificate_header(listener: Listener) -> str | None:
    """The header in which targets get a client's certificates; None where clients are asked for none."""
    if listener.mutual_authentication != "passthrough":
        return None
    return listener.attributes.get("routing.http.request.x_amzn_mtls_clientcert.header_name") or "x-amzn-mtls-clientcert"


def strips_port(balancer: LoadBalancer, listener: Listener) -> bool:
    """Whether the port in a Host header does not count: a listener has but one.

    Where the operating system has kept the listener's port from us, clients name the other one, and the header stays as it is.
    """
    is_preserved = _is_on(balancer.attributes, "routing.http.preserve_host_header.enabled")
    return not is_preserved and listener.port == listener.bound_port


def host_rewrite(balancer: LoadBalancer, listener: Listener) -> Json:
    """Members of a route's action: targets see the listener's port in the Host header, unless it is the protocol's own."""
    if not strips_port(balancer, listener) or listener.port == DEFAULT_PORTS[listener.protocol]:
        return {}
    return {"host_rewrite": f"%REQ(:AUTHORITY)%:{listener.port}"}


def _is_on(attributes: Mapping[str, str], key: str) -> bool:
    return attributes.get(key) == "true"


def _set(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
