"""An ELB listener as an Envoy listener and its route configuration.

Envoy cuts long streams when a listener changes; so all that can change stands in the route configuration, and the listener
depends on nothing but its name, address and the choices made when the region starts.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from ninelives.model.elbv2 import Listener, LoadBalancer, Rule
from ninelives.routing.access_log import access_log
from ninelives.routing.actions import routes
from ninelives.routing.clusters import TYPE, preserved_header_case
from ninelives.routing.conditions import SOURCE_ADDRESS
from ninelives.routing.errors import local_reply_config

Json = dict[str, Any]

CLIENT = "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"
DEFAULT_RULE_LAST = 1_000_000
"""Sorts the default rule behind every priority (1 to 50000)."""


def listener_name(listener_arn: str) -> str:
    """Name and ids, e.g. ``app/cats/50dc6c495c0c9188/f2f7dc8efc522ab2``."""
    return listener_arn.rsplit(":listener/", maxsplit=1)[-1]


def envoy_listener(balancer: LoadBalancer, listener: Listener) -> Json:
    """The listener at its address; its routes come by RDS under the same name."""
    name = listener_name(listener.arn)
    return {
        "@type": f"{TYPE}.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": balancer.address, "port_value": listener.bound_port}},
        "filter_chains": [{"filters": [_source_address(), _http(name)]}],
    }


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


def _http(name: str) -> Json:
    return {
        "name": "http",
        "typed_config": {
            "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": name,
            "codec_type": "HTTP1",
            "rds": {"route_config_name": name, "config_source": {"resource_api_version": "V3", "ads": {}}},
            # The peer is the client. X-Forwarded-For is added by the routes: Envoy would write this machine's own address
            # for a client on loopback.
            "use_remote_address": True,
            "skip_xff_append": True,
            "generate_request_id": False,
            "server_header_transformation": "PASS_THROUGH",
            "max_request_headers_kb": 64,
            "common_http_protocol_options": {
                "idle_timeout": "60s",
                "max_headers_count": 1000,
                "max_connection_duration": "3600s",
            },
            "http1_safe_max_connection_duration": True,
            "stream_idle_timeout": "60s",
            "http_protocol_options": {
                "accept_http_10": True,
                "default_host_for_http_10": "alb",
                "header_key_format": preserved_header_case(),
            },
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "http_filters": [_router()],
            "local_reply_config": local_reply_config(),
            "access_log": [access_log(name)],
        },
    }


def _router() -> Json:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True},
    }


def route_configuration(
    balancer: LoadBalancer, listener: Listener, rules: Iterable[Rule], envoy_clusters: Mapping[str, str]
) -> Json:
    """The rules in order of priority, the default rule last; the first that matches wins."""
    ordered = sorted(rules, key=lambda rule: DEFAULT_RULE_LAST if rule.priority is None else rule.priority)
    idle_timeout = timedelta(seconds=int(balancer.attributes.get("idle_timeout.timeout_seconds", "60")))
    return {
        "@type": f"{TYPE}.config.route.v3.RouteConfiguration",
        "name": listener_name(listener.arn),
        **_forwarded_headers(balancer.attributes.get("routing.http.xff_header_processing.mode", "append")),
        "virtual_hosts": [
            {
                "name": "alb",
                "domains": ["*"],
                "routes": [route for rule in ordered for route in routes(rule, envoy_clusters, idle_timeout)],
            }
        ],
    }


def _forwarded_headers(mode: str) -> Json:
    """X-Forwarded-For as the load balancer's attribute says; X-Forwarded-Proto is Envoy's own work.

    X-Forwarded-Port is the port that the client really used.
    """
    port = {"key": "X-Forwarded-Port", "value": "%DOWNSTREAM_LOCAL_PORT%"}
    added = [{"header": port, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]
    removed = ["x-envoy-external-address"]
    if mode == "append":
        client = {"key": "X-Forwarded-For", "value": CLIENT}
        added.append({"header": client, "append_action": "APPEND_IF_EXISTS_OR_ADD"})
    if mode == "remove":
        removed.append("x-forwarded-for")
    return {"request_headers_to_add": added, "request_headers_to_remove": removed}
