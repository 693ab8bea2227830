"""Listeners and rules on the wire."""

from collections.abc import Mapping
from typing import Any

from ninelives.api.call import Call, Operations
from ninelives.api.elbv2.certificates import Certificates, arns_of
from ninelives.api.elbv2.wire import (
    page,
    read_actions,
    read_condition,
    read_pairs,
    read_tags,
    read_transform,
    write_actions,
    write_condition,
    write_pairs,
    write_transform,
)
from ninelives.model.elbv2 import Listener, Rule
from ninelives.model.errors import ApiError
from ninelives.region import elbv2_listeners as intents
from ninelives.region.elbv2_attributes import LISTENER, with_defaults
from ninelives.region.region import Region

Answer = dict[str, Any]


def operations(region: Region, certificates: Certificates) -> Operations:
    return {**_listeners(region, certificates), **_rules(region)}


def _listeners(region: Region, certificates: Certificates) -> Operations:
    async def read_tls(given: Mapping[str, Any]) -> intents.Tls:
        found = await certificates.find(arns_of(given.get("Certificates")))
        return intents.Tls(
            policy=given.get("SslPolicy"),
            certificates=tuple(found),
            mutual_authentication=(given.get("MutualAuthentication") or {}).get("Mode"),
        )

    async def create(call: Call) -> Answer:
        given = call.parameters
        for member in ("Protocol", "Port"):
            if not given.get(member):
                raise ApiError("ValidationError", f"A listener {member.lower()} must be specified")
        made = intents.create(
            region,
            given["LoadBalancerArn"],
            protocol=given["Protocol"],
            port=given["Port"],
            actions=read_actions(given["DefaultActions"]),
            tags=read_tags(given.get("Tags")),
            tls=await read_tls(given),
        )
        return {"Listeners": [shown(region, made)]}

    def describe(call: Call) -> Answer:
        given = call.parameters
        if given.get("ListenerArns"):
            found = [intents.find(region, arn) for arn in given["ListenerArns"]]
        elif given.get("LoadBalancerArn"):
            found = intents.of_load_balancer(region, given["LoadBalancerArn"])
        else:
            raise ApiError("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
        items, marker = page(found, given)
        return {"Listeners": [shown(region, one) for one in items], "NextMarker": marker}

    async def modify(call: Call) -> Answer:
        given = call.parameters
        changed = intents.modify(
            region,
            given["ListenerArn"],
            tls=await read_tls(given),
            protocol=given.get("Protocol"),
            port=given.get("Port"),
            actions=read_actions(given["DefaultActions"]) if given.get("DefaultActions") else None,
        )
        return {"Listeners": [shown(region, changed)]}

    def delete(call: Call) -> Answer:
        intents.delete(region, call.parameters["ListenerArn"])
        return {}

    def describe_attributes(call: Call) -> Answer:
        return _attributes(intents.find(region, call.parameters["ListenerArn"]))

    def modify_attributes(call: Call) -> Answer:
        given = read_pairs(call.parameters["Attributes"])
        return _attributes(intents.modify_attributes(region, call.parameters["ListenerArn"], given))

    return {
        "CreateListener": create,
        "DescribeListeners": describe,
        "ModifyListener": modify,
        "DeleteListener": delete,
        "DescribeListenerAttributes": describe_attributes,
        "ModifyListenerAttributes": modify_attributes,
    }


def _rules(region: Region) -> Operations:
    def create(call: Call) -> Answer:
        given = call.parameters
        made = intents.create_rule(
            region,
            given["ListenerArn"],
            priority=given["Priority"],
            conditions=[read_condition(one) for one in given["Conditions"]],
            actions=read_actions(given["Actions"]),
            tags=read_tags(given.get("Tags")),
            transforms=[read_transform(one) for one in given.get("Transforms") or ()],
        )
        return {"Rules": [shown_rule(made)]}

    def describe(call: Call) -> Answer:
        given = call.parameters
        if given.get("RuleArns"):
            found = [intents.find_rule(region, arn) for arn in given["RuleArns"]]
        elif given.get("ListenerArn"):
            found = intents.rules_of(region, given["ListenerArn"])
        else:
            raise ApiError("ValidationError", "You must specify either listener rule ARNs or a listener ARN")
        items, marker = page(found, given)
        return {"Rules": [shown_rule(one) for one in items], "NextMarker": marker}

    def modify(call: Call) -> Answer:
        given = call.parameters
        transforms = [read_transform(one) for one in given.get("Transforms") or ()]
        if transforms and given.get("ResetTransforms"):
            raise ApiError("ValidationError", "Transforms and ResetTransforms cannot both be specified")
        changed = intents.modify_rule(
            region,
            given["RuleArn"],
            conditions=[read_condition(one) for one in given["Conditions"]] if given.get("Conditions") else None,
            actions=read_actions(given["Actions"]) if given.get("Actions") else None,
            transforms=transforms if transforms or given.get("ResetTransforms") else None,
        )
        return {"Rules": [shown_rule(changed)]}

    def delete(call: Call) -> Answer:
        intents.delete_rule(region, call.parameters["RuleArn"])
        return {}

    def set_priorities(call: Call) -> Answer:
        wanted = {one["RuleArn"]: one["Priority"] for one in call.parameters["RulePriorities"]}
        return {"Rules": [shown_rule(one) for one in intents.set_priorities(region, wanted)]}

    return {
        "CreateRule": create,
        "DescribeRules": describe,
        "ModifyRule": modify,
        "DeleteRule": delete,
        "SetRulePriorities": set_priorities,
    }


def _attributes(listener: Listener) -> Answer:
    return {"Attributes": write_pairs(with_defaults(LISTENER, listener.attributes))}


def _tls(listener: Listener) -> Answer:
    if listener.protocol != "HTTPS":
        return {}
    return {
        "Certificates": [{"CertificateArn": arn} for arn in listener.certificate_arns[:1]],
        "SslPolicy": listener.ssl_policy,
        "MutualAuthentication": {"Mode": listener.mutual_authentication},
    }


def shown(region: Region, listener: Listener) -> Answer:
    return {
        **_tls(listener),
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer_arn,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "DefaultActions": write_actions(intents.default_rule(region, listener.arn)),
    }


def shown_rule(rule: Rule) -> Answer:
    return {
        "RuleArn": rule.arn,
        "Priority": "default" if rule.priority is None else str(rule.priority),
        "Conditions": [write_condition(one) for one in rule.conditions],
        "Actions": write_actions(rule),
        "Transforms": [write_transform(one) for one in rule.transforms],
        "IsDefault": rule.is_default,
    }
