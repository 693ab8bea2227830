"""Health checks of gRPC target groups: ALB calls a method and compares the ``grpc-status`` of the answer; Envoy's own checks
see the HTTP status, or speak gRPC's health protocol.

So Envoy checks these targets by way of itself: the check goes to a listener on a unix socket, which calls the target that the
host header names, and answers with the gRPC status as an HTTP status, ``FIRST_STATUS`` upwards. Health stays what Envoy sees,
and goes on without a control plane.

Source: ELB user guide, "Health checks for Application Load Balancer target groups" (``Matcher``, ``GrpcCode``: 0 to 99).
"""

from typing import Any, Final

from ninelives.routing.tls import target_socket

Json = dict[str, Any]

TYPE: Final = "type.googleapis.com/envoy"
SOCKET: Final = "checks.sock"
"""In the directory in which Envoy runs."""
FIRST_STATUS: Final = 200
NO_STATUS: Final = 503
"""The target did not answer, or not with a gRPC status."""
EMPTY_MESSAGE: Final = "0000000000"
"""A gRPC message without content, in hexadecimal digits."""
STAT_PREFIX: Final = "checks"
TARGET_HEADER: Final = "x-envoy-original-dst-host"
OWN_HEADER: Final = "x-ninelives-own"
"""Marks an answer of Envoy itself, which is a gRPC status too."""
TLS_HEADER: Final = "x-ninelives-tls"

_SCRIPT: Final = f"""\
local function grpc_status(handle, headers)
  if headers:get(":status") ~= "200" or headers:get("{OWN_HEADER}") then return nil end
  local status = headers:get("grpc-status")
  if status == nil then
    handle:body()
    local trailers = handle:trailers()
    status = trailers and trailers:get("grpc-status")
  end
  return status and status:match("^%d%d?$")
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local status = grpc_status(handle, headers)
  headers:replace(":status", status and tostring({FIRST_STATUS} + status) or "{NO_STATUS}")
end
"""


def code_of(status: int) -> int | None:
    """The gRPC status that an answer of the listener stands for; None where the target's answer had none.

    >>> code_of(212), code_of(503)
    (12, None)
    """
    return status - FIRST_STATUS if FIRST_STATUS <= status < NO_STATUS else None


def address() -> Json:
    """Where checks go, as an address of Envoy."""
    return {"pipe": {"path": SOCKET}}


def listener() -> Json:
    """The listener on the socket: everything is sent on to the target that the host header names."""
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True},
    }
    script = {
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": f"{TYPE}.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": _SCRIPT},
        },
    }
    with_tls = {"prefix": "/", "headers": [{"name": TLS_HEADER, "present_match": True}]}
    routes = [
        {
            "match": match,
            "route": {"cluster": name, "timeout": "0s"},
            "request_headers_to_add": [{"header": {"key": TARGET_HEADER, "value": "%REQ(:AUTHORITY)%"}}],
            "request_headers_to_remove": [TLS_HEADER],
        }
        for match, name in ((with_tls, "checked_tls"), ({"prefix": "/"}, "checked"))
    ]
    at_least_100 = {"comparison": {"op": "GE", "value": {"default_value": 100, "runtime_key": "ninelives.unused"}}}
    own = {
        "filter": {"status_code_filter": at_least_100},
        "headers_to_add": [{"header": {"key": OWN_HEADER, "value": "yes"}}],
    }
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": STAT_PREFIX,
        "codec_type": "HTTP2",
        "generate_request_id": False,
        "skip_xff_append": True,
        "route_config": {"name": "checks", "virtual_hosts": [{"name": "checks", "domains": ["*"], "routes": routes}]},
        "http_filters": [script, router],
        "local_reply_config": {"mappers": [own]},
    }
    return {
        "name": "checks",
        "address": {"pipe": {"path": SOCKET, "mode": 0o600}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def clusters() -> list[Json]:
    """The targets as the listener reaches them, in clear and by TLS; a connection for each check, as ALB."""
    return [_cluster("checked"), _cluster("checked_tls") | {"transport_socket": target_socket("GRPC")}]


def _cluster(name: str) -> Json:
    return {
        "name": name,
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "original_dst_lb_config": {"use_http_header": True},
        "connect_timeout": "10s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"max_requests_per_connection": 1},
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
    }
