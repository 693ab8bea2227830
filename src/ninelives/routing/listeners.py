"""An ELB listener as an Envoy listener and its route configuration.

Envoy lets old connections go when a listener changes: its socket stays, each connection is asked to close with its next
answer, and a stream that goes on is cut after a day (``dataplane.process``). So what changes in a deployment stands in the
route configuration. The listener depends only on its own record and on attributes of the load balancer that belong to
connections: Envoy has no place for those below its filter chains.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from ninelives.model.elbv2 import Listener, LoadBalancer, Rule, TargetGroup
from ninelives.routing import tokens
from ninelives.routing.access_log import access_log
from ninelives.routing.actions import Surroundings, refusals, routes, seconds
from ninelives.routing.clusters import TYPE, preserved_header_case
from ninelives.routing.conditions import SOURCE_ADDRESS
from ninelives.routing.errors import local_reply_config
from ninelives.routing.headers import CLIENT, certificate_header, changed_headers, host_rewrite, shows_server, strips_port
from ninelives.routing.scripts import lua_filter
from ninelives.routing.stickiness import session_filter
from ninelives.routing.tls import listener_socket, takes_http2
from ninelives.routing.transforms import mutation_filter

Json = dict[str, Any]

DEFAULT_RULE_LAST = 1_000_000
"""Sorts the default rule behind every priority (1 to 50000)."""


def listener_name(listener_arn: str) -> str:
    """Name and ids, e.g. ``app/cats/50dc6c495c0c9188/f2f7dc8efc522ab2``."""
    return listener_arn.rsplit(":listener/", maxsplit=1)[-1]


def envoy_listener(balancer: LoadBalancer, listener: Listener) -> Json:
    """The listener at its address; its routes come by RDS under the same name."""
    return {
        "@type": f"{TYPE}.config.listener.v3.Listener",
        "name": listener_name(listener.arn),
        # Its counters are found by its name, as those of its requests.
        "stat_prefix": listener_name(listener.arn),
        "address": {"socket_address": {"address": balancer.address, "port_value": listener.bound_port}},
        "filter_chains": [{"filters": [_source_address(), _http(balancer, listener)], **_socket(balancer, listener)}],
    }


def _socket(balancer: LoadBalancer, listener: Listener) -> Json:
    if listener.protocol != "HTTPS":
        return {}
    return {"transport_socket": listener_socket(listener_name(listener.arn), balancer, listener)}


def _source_address() -> Json:
    """Lets ``source-ip`` conditions see the peer's address."""
    return {
        "name": "source_address",
        "typed_config": {
            "@type": f"{TYPE}.extensions.filters.network.set_filter_state.v3.Config",
            "on_new_connection": [
                {
                    "object_key": SOURCE_ADDRESS,
                    "factory_key": "envoy.network.ip",
                    "format_string": {"text_format_source": {"inline_string": CLIENT}},
                }
            ],
        },
    }


def _http(balancer: LoadBalancer, listener: Listener) -> Json:
    name = listener_name(listener.arn)
    idle_timeout = seconds(idle_timeout_of(balancer))
    return {
        "name": "http",
        "typed_config": {
            "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": name,
            # On a plain port ALB speaks HTTP/1 alone.
            "codec_type": "AUTO" if listener.protocol == "HTTPS" else "HTTP1",
            "rds": {"route_config_name": name, "config_source": {"resource_api_version": "V3", "ads": {}}},
            # The peer is the client. X-Forwarded-For is added by the routes: Envoy would write this machine's own address
            # for a client on loopback.
            "use_remote_address": True,
            "skip_xff_append": True,
            "generate_request_id": False,
            "server_header_transformation": "PASS_THROUGH",
            "strip_any_host_port": strips_port(balancer, listener),
            "max_request_headers_kb": 64,
            "common_http_protocol_options": {
                "idle_timeout": idle_timeout,
                "max_headers_count": 1000,
                "max_connection_duration": f"{balancer.attributes.get('client_keep_alive.seconds', '3600')}s",
            },
            "http1_safe_max_connection_duration": True,
            "stream_idle_timeout": idle_timeout,
            "http_protocol_options": {
                "accept_http_10": True,
                "default_host_for_http_10": "alb",
                "header_key_format": preserved_header_case(),
            },
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "http_filters": [mutation_filter(), lua_filter(), *tokens.filters(), session_filter(), _router()],
            "local_reply_config": local_reply_config(shows_server=shows_server(listener)),
            "access_log": [access_log(name)],
        },
    }


def idle_timeout_of(balancer: LoadBalancer) -> timedelta:
    return timedelta(seconds=int(balancer.attributes.get("idle_timeout.timeout_seconds", "60")))


def _router() -> Json:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True},
    }


def route_configuration(
    balancer: LoadBalancer, listener: Listener, rules: Iterable[Rule], groups: Mapping[str, TargetGroup]
) -> Json:
    """The rules in order of priority, the default rule last; the first that matches wins. ``groups`` are those in use."""
    ordered = sorted(rules, key=lambda rule: DEFAULT_RULE_LAST if rule.priority is None else rule.priority)
    around = Surroundings(
        groups=groups,
        idle_timeout=idle_timeout_of(balancer),
        rewrites=host_rewrite(balancer, listener),
        takes_http2=takes_http2(balancer, listener),
        certificate_header=certificate_header(listener),
        drops_invalid_headers=balancer.attributes.get("routing.http.drop_invalid_header_fields.enabled") == "true",
    )
    return {
        "@type": f"{TYPE}.config.route.v3.RouteConfiguration",
        "name": listener_name(listener.arn),
        **changed_headers(balancer, listener),
        "virtual_hosts": [
            {
                "name": "alb",
                "domains": ["*"],
                "routes": [*refusals(), *(route for rule in ordered for route in routes(rule, around))],
            }
        ],
    }
