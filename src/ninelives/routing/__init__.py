"""Load balancers, listeners, rules, target groups and targets, resolved to one consistent Envoy snapshot. Pure."""

from ninelives.routing.snapshot import EnvoySnapshot, resolve

__all__ = ["EnvoySnapshot", "resolve"]
