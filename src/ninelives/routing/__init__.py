"""Load balancers, listeners, rules, target groups and targets, resolved to one consistent Envoy snapshot. Pure."""

from ninelives.routing.access_log import ACCESS_LOG
from ninelives.routing.access_log_lines import LoggedListener, log_line
from ninelives.routing.clusters import HEALTH_LOG, Admission, HealthRule, admitted, endpoint_addresses, panic_percent
from ninelives.routing.listeners import listener_name
from ninelives.routing.snapshot import EnvoySnapshot, resolve

__all__ = [
    "ACCESS_LOG",
    "HEALTH_LOG",
    "Admission",
    "EnvoySnapshot",
    "HealthRule",
    "LoggedListener",
    "admitted",
    "endpoint_addresses",
    "listener_name",
    "log_line",
    "panic_percent",
    "resolve",
]
