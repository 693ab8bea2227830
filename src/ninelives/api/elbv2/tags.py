"""Tags of ELB's resources, and its account limits."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ninelives.api.call import Call, Operations
from ninelives.api.elbv2.wire import read_pairs, write_pairs
from ninelives.model.elbv2 import Listener, LoadBalancer, Rule, TargetGroup
from ninelives.region import elbv2_listeners, elbv2_load_balancers, elbv2_target_groups
from ninelives.region.region import Region

Answer = dict[str, Any]
Tagged = LoadBalancer | TargetGroup | Listener | Rule

LIMITS: Mapping[str, int] = {
    "application-load-balancers": 50,
    "target-groups": 3000,
    "targets-per-application-load-balancer": 1000,
    "listeners-per-application-load-balancer": 50,
    "rules-per-application-load-balancer": 100,
    "target-groups-per-action-on-application-load-balancer": 5,
    "condition-values-per-alb-rule": 5,
}
"""Source: ELB user guide, "Quotas for your Application Load Balancers"."""


def operations(region: Region) -> Operations:
    def add(call: Call) -> Answer:
        given = read_pairs(call.parameters["Tags"])
        _put(region, [_with_tags(one, {**one.tags, **given}) for one in _tagged(region, call)])
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

    return {"AddTags": add, "RemoveTags": remove, "DescribeTags": describe, "DescribeAccountLimits": limits}


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
