"""Which Envoy resources the records of ELB amount to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ninelives.model.elbv2 import Certificate, Forward, Listener, LoadBalancer, Rule, Target, TargetGroup, TargetKey
from ninelives.model.timing import Timing
from ninelives.routing import tokens
from ninelives.routing.clusters import HealthRule, assignment, cluster, cluster_name, health_rule
from ninelives.routing.listeners import envoy_listener, listener_name, route_configuration
from ninelives.routing.tls import secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoySnapshot:
    """Envoy's resources in proto-JSON shape (with ``@type``), by kind and name."""

    clusters: Mapping[str, Any] = field(default_factory=dict)
    endpoints: Mapping[str, Any] = field(default_factory=dict)
    listeners: Mapping[str, Any] = field(default_factory=dict)
    routes: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """Configurations of filters that listeners share."""
    targets: Mapping[TargetKey, tuple[str, str]] = field(default_factory=dict)
    """Where each registered target is found: cluster name and ``ip:port``."""
    unused: frozenset[TargetKey] = frozenset()
    """Registered targets of groups that no listener uses; Envoy does not know them."""
    health_rules: Mapping[str, HealthRule] = field(default_factory=dict)
    """When a target counts as healthy, by cluster name."""


def resolve(
    *,
    load_balancers: Iterable[LoadBalancer],
    listeners: Iterable[Listener],
    rules: Iterable[Rule],
    target_groups: Iterable[TargetGroup],
    targets: Iterable[Target],
    timing: Timing,
    certificates: Mapping[str, Certificate] | None = None,
) -> EnvoySnapshot:
    """Resources for every load balancer; only what refers to something that exists.

    A target group is in use when a rule of a served listener forwards to it, at whatever weight.
    ``certificates`` by ARN. Not served: an HTTPS listener whose default certificate is not among them.
    """
    balancers = {balancer.arn: balancer for balancer in load_balancers}
    known = [one for one in listeners if one.load_balancer_arn in balancers]
    slots = {one.arn: secrets(listener_name(one.arn), one, certificates or {}) for one in known if one.protocol == "HTTPS"}
    served = [one for one in known if one.arn not in slots or slots[one.arn]]
    rules_by_listener: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        rules_by_listener[rule.listener_arn].append(rule)
    named = {arn for listener in served for rule in rules_by_listener[listener.arn] for arn in _groups_of(rule)}

    validations = [
        rule.jwt_validation for one in served for rule in rules_by_listener[one.arn] if rule.jwt_validation is not None
    ]

    groups = {group.arn: group for group in target_groups}
    in_use = {arn: group for arn, group in groups.items() if arn in named}
    envoy_clusters = {arn: cluster_name(arn) for arn in in_use}
    targets_by_group: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        targets_by_group[target.target_group_arn].append(target)

    return EnvoySnapshot(
        clusters={
            envoy_clusters[arn]: cluster(group, timing, registered=_serving(targets_by_group[arn]))
            for arn, group in in_use.items()
        }
        | tokens.key_servers(validations),
        extensions={tokens.NAME: tokens.configuration(validations)} if served else {},
        endpoints={envoy_clusters[arn]: assignment(group, targets_by_group[arn]) for arn, group in in_use.items()},
        listeners={listener_name(one.arn): envoy_listener(balancers[one.load_balancer_arn], one) for one in served},
        routes={
            listener_name(one.arn): route_configuration(
                balancers[one.load_balancer_arn], one, rules_by_listener[one.arn], in_use
            )
            for one in served
        },
        secrets={name: secret for found in slots.values() for name, secret in found.items()},
        targets={
            target.target_key: (envoy_clusters[arn], f"{target.id}:{target.port}")
            for arn in in_use
            for target in targets_by_group[arn]
        },
        unused=frozenset(target.target_key for arn in groups.keys() - in_use.keys() for target in targets_by_group[arn]),
        health_rules={envoy_clusters[arn]: health_rule(group, timing) for arn, group in in_use.items()},
    )


def _groups_of(rule: Rule) -> list[str]:
    return [group.arn for group in rule.action.target_groups] if isinstance(rule.action, Forward) else []


def _serving(targets: Iterable[Target]) -> int:
    return sum(target.draining_since is None for target in targets)
