"""Which Envoy resources the records of ELB amount to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ninelives.model.elbv2 import Listener, LoadBalancer, Rule, Target, TargetGroup, TargetKey
from ninelives.model.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoySnapshot:
    """Envoy's resources in proto-JSON shape (with ``@type``), by kind and name."""

    clusters: Mapping[str, Any] = field(default_factory=dict)
    endpoints: Mapping[str, Any] = field(default_factory=dict)
    listeners: Mapping[str, Any] = field(default_factory=dict)
    routes: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[TargetKey, tuple[str, str]] = field(default_factory=dict)
    """Where each registered target is found: cluster name and ``ip:port``."""


def resolve(
    *,
    load_balancers: Iterable[LoadBalancer],
    listeners: Iterable[Listener],
    rules: Iterable[Rule],
    target_groups: Iterable[TargetGroup],
    targets: Iterable[Target],
    timing: Timing,
) -> EnvoySnapshot:
    """Resources for every load balancer; only what refers to something that exists."""
    raise NotImplementedError
