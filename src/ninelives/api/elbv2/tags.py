"""Tags of ELB's resources, its account limits, and its TLS policies."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ninelives.api.call import Call, Operations
from ninelives.api.elbv2.wire import page, read_tags, write_pairs
from ninelives.model.elbv2 import Listener, LoadBalancer, Rule, TargetGroup
from ninelives.model.errors import ApiError
from ninelives.model.ssl_policies import POLICIES, SslPolicy
from ninelives.region import elbv2_listeners, elbv2_load_balancers, elbv2_rule_checks, elbv2_target_groups
from ninelives.region.elbv2_attributes import checked_tags
from ninelives.region.region import Region

Answer = dict[str, Any]
Tagged = LoadBalancer | TargetGroup | Listener | Rule

LIMITS: Mapping[str, int] = {
    "application-load-balancers": elbv2_load_balancers.LOAD_BALANCERS_MAX,
    "target-groups": elbv2_target_groups.TARGET_GROUPS_MAX,
    "targets-per-application-load-balancer": elbv2_target_groups.TARGETS_MAX,
    "listeners-per-application-load-balancer": elbv2_listeners.LISTENERS_MAX,
    "rules-per-application-load-balancer": elbv2_listeners.RULES_MAX,
    "target-groups-per-action-on-application-load-balancer": elbv2_rule_checks.GROUPS_MAX,
    "certificates-per-application-load-balancer": elbv2_listeners.CERTIFICATES_MAX,
    "condition-values-per-alb-rule": elbv2_rule_checks.VALUES_MAX,
    "condition-wildcards-per-alb-rule": elbv2_rule_checks.WILDCARDS_MAX,
}
"""Source: ELB user guide, "Quotas for your Application Load Balancers"."""


def operations(region: Region) -> Operations:
    def add(call: Call) -> Answer:
        given = read_tags(call.parameters["Tags"])
        _put(region, [_with_tags(one, checked_tags(one.tags, given)) for one in _tagged(region, call)])
        return {}

    def remove(call: Call) -> Answer:
        gone = set(call.parameters["TagKeys"])
        left = [
            _with_tags(one, {key: value for key, value in one.tags.items() if key not in gone})
            for one in _tagged(region, call)
        ]
        _put(region, left)
        return {}

    def describe(call: Call) -> Answer:
        tagged = _tagged(region, call)
        return {"TagDescriptions": [{"ResourceArn": one.arn, "Tags": write_pairs(one.tags)} for one in tagged]}

    def limits(_: Call) -> Answer:
        return {"Limits": [{"Name": name, "Max": str(most)} for name, most in LIMITS.items()]}

    def policies(call: Call) -> Answer:
        asked = call.parameters.get("Names") or list(POLICIES)
        for name in asked:
            if name not in POLICIES:
                raise ApiError("SSLPolicyNotFound", f"SSL policy '{name}' not found")
        items, marker = page([_policy(POLICIES[name]) for name in dict.fromkeys(asked)], call.parameters)
        return {"SslPolicies": items, "NextMarker": marker}

    return {
        "AddTags": add,
        "RemoveTags": remove,
        "DescribeTags": describe,
        "DescribeAccountLimits": limits,
        "DescribeSSLPolicies": policies,
    }


def _policy(policy: SslPolicy) -> Answer:
    return {
        "Name": policy.name,
        "SslProtocols": list(policy.protocols),
        "Ciphers": [{"Name": name, "Priority": number} for number, name in enumerate(policy.ciphers, start=1)],
        "SupportedLoadBalancerTypes": ["application", "network"],
    }


def _tagged(region: Region, call: Call) -> list[Tagged]:
    return [_find(region, arn) for arn in call.parameters["ResourceArns"]]


def _find(region: Region, arn: str) -> Tagged:
    if ":targetgroup/" in arn:
        return elbv2_target_groups.find(region, arn)
    if ":listener/" in arn:
        return elbv2_listeners.find(region, arn)
    if ":listener-rule/" in arn:
        return elbv2_listeners.find_rule(region, arn)
    return elbv2_load_balancers.find(region, arn)


def _with_tags(one: Tagged, tags: Mapping[str, str]) -> Tagged:
    return replace(one, tags=tags)


def _put(region: Region, records: list[Tagged]) -> None:
    with region.state.transaction() as changes:
        changes.put(*records)
