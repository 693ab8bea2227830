"""What a request asks for: one or more actions, each on one or more resources, with their condition keys.

Beside the operation's own action these are the ones that AWS checks with it: ``iam:PassRole`` for every role that is handed
to a service, and the service's tagging action for what is made with tags.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ninelives.api.authorization.actions import action_of, copied_from, prefix_of
from ninelives.api.authorization.context import as_context, request_keys, resource_keys, tags_of
from ninelives.api.authorization.facts import Facts
from ninelives.api.authorization.passing import passed_roles
from ninelives.api.authorization.reference import Action, ServiceReference, reference_of
from ninelives.api.authorization.resources import EVERYTHING, arns_in, candidates
from ninelives.model.arns import Place

Parameters = Mapping[str, Any]

TAGGING: Final = {
    "application-autoscaling": "TagResource",
    "cloudformation": "TagResource",
    "cloudwatch": "TagResource",
    "ec2": "CreateTags",
    "ecr": "TagResource",
    "ecs": "TagResource",
    "elasticloadbalancing": "AddTags",
    "events": "TagResource",
    "logs": "TagResource",
    "secretsmanager": "TagResource",
    "servicediscovery": "TagResource",
    "sns": "TagResource",
    "sqs": "TagQueue",
    "ssm": "AddTagsToResource",
}
"""Actions that are asked for beside one that makes something with tags."""

OTHER_TAGGING: Final = {
    "AssumeRole": "TagSession",
    "CreateRole": "TagRole",
    "CreateUser": "TagUser",
    "CreatePolicy": "TagPolicy",
    "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
    "CreateInstanceProfile": "TagInstanceProfile",
    "UploadServerCertificate": "TagServerCertificate",
}

MAKING: Final = ("Create", "Put", "Register", "Run", "Allocate", "Copy", "Import", "Upload", "Start", "Assume")
"""How the names of operations begin that make what they tag."""

ON_EVERYTHING: Final = frozenset({"ecs:ListTasks"})
"""Actions that AWS checks on ``*`` though the reference gives them a resource type."""

CREATE_ACTION: Final = frozenset({"ec2", "ecs", "elasticloadbalancing"})
"""Services that tell their tagging action, in a key, which operation it goes with."""

SCALING: Final = "application-autoscaling"
CALLER: Final = "application-autoscaling.amazonaws.com"

LATER_PARTS: Final = {
    "CreateListener": (":loadbalancer/", ":listener/"),
    "CreateRule": (":listener/", ":listener-rule/"),
}
"""What is tagged where it hangs on what is checked: a listener on its load balancer, a rule on its listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One action on one resource. ``context`` has the keys that this request gives."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def asks(service: str, operation: str, parameters: Parameters, place: Place, facts: Facts) -> list[Ask]:
    """All that must be allowed for an operation, its own action first. ``service`` is botocore's name or the signing name."""
    prefix = prefix_of(service)
    name = action_of(service, operation, parameters)
    reference = reference_of(prefix)
    if reference is None:
        return [Ask(action=name, resource=EVERYTHING)]
    action = reference.actions.get(name.partition(":")[2]) or Action(name=operation, level="")
    found = list(_kinds(reference, operation, parameters, place, facts))
    resources = _resources(reference, action, found, place)
    keys = list(request_keys(prefix, operation, parameters, place, facts))
    own = [_ask(reference, action, resource, keys, facts) for resource in resources]
    tagging = _tagging(reference, operation, parameters, own, facts)
    source = copied_from(prefix, parameters)
    read = [Ask(action="s3:GetObject", resource=source)] if source is not None else []
    beside = [*tagging, *_passing(service, operation, parameters, place, facts), *_of_scaling(name, parameters, place)]
    return [*own, *read, *beside]


def _kinds(
    reference: ServiceReference, operation: str, parameters: Parameters, place: Place, facts: Facts
) -> Iterator[tuple[str, str]]:
    yield from candidates(reference.prefix, operation, parameters, place, facts)
    if reference.prefix in {"logs", "secretsmanager"}:
        return  # their ARNs in requests are not yet those that are checked
    for arn in arns_in(parameters):
        kind = reference.kind_of(arn)
        if kind is not None:
            yield kind, arn


def _resources(reference: ServiceReference, action: Action, found: list[tuple[str, str]], place: Place) -> list[str]:
    """The resources that an action is checked on, each once."""
    types = action.resource_types
    if not types or f"{reference.prefix}:{action.name}" in ON_EVERYTHING:
        return [EVERYTHING]
    fitting = [(kind, arn) for kind, arn in found if kind in types]
    named = {kind for kind, _ in fitting}
    if reference.prefix == "ec2":  # EC2 checks all of an action's required resources, new ones by their type
        fitting += [(kind, reference.any_of(kind, place)) for kind in action.required if kind not in named]
    elif not fitting and action.required:
        fitting = [(action.required[0], reference.any_of(action.required[0], place))]
    return list(dict.fromkeys(arn for _, arn in fitting)) or [EVERYTHING]


def _ask(reference: ServiceReference, action: Action, resource: str, keys: list[tuple[str, Any]], facts: Facts) -> Ask:
    known = [*keys, *resource_keys(resource, reference.prefix, facts)]
    context = as_context([(key, value) for key, value in known if action.has_key(key)])
    return Ask(action=f"{reference.prefix}:{action.name}", resource=resource, context=context)


def _tagging(
    reference: ServiceReference, operation: str, parameters: Parameters, own: list[Ask], facts: Facts
) -> Iterator[Ask]:
    """The tagging action, where something is made with tags."""
    tags = tags_of(parameters)
    name = OTHER_TAGGING.get(operation) or TAGGING.get(reference.prefix)
    if not tags or name is None or name == operation or not operation.startswith(MAKING):
        return
    action = reference.actions[name]
    keys = [*((f"aws:RequestTag/{key}", value) for key, value in tags.items()), ("aws:TagKeys", list(tags))]
    if reference.prefix in CREATE_ACTION:
        keys.append((f"{reference.prefix}:CreateAction", operation))
    for ask in own:
        resource = ask.resource
        if operation in LATER_PARTS:
            resource = resource.replace(*LATER_PARTS[operation], 1) + "/*"
        kind = reference.kind_of(resource)
        if reference.prefix == "ec2" and (kind is None or not resource.endswith("/*")):
            continue  # what is there already is not what is tagged
        yield _ask(reference, action, resource, keys, facts)


def _of_scaling(action: str, parameters: Parameters, place: Place) -> Iterator[Ask]:
    """What Application Auto Scaling does with the permissions of whoever asks it to.

    Source: its user guide, "Permissions validation for API calls on target resources"; ECS developer guide, "IAM permissions
    required for Amazon ECS service auto scaling"; the alarms' names and the key are those of AWS's managed policies.
    """
    prefix, _, operation = action.partition(":")
    resource = str(parameters.get("ResourceId", ""))
    if prefix != SCALING or not resource.startswith("service/"):
        return
    context = as_context([("aws:CalledViaLast", CALLER), ("aws:CalledViaFirst", CALLER), ("aws:CalledVia", CALLER)])
    if operation == "RegisterScalableTarget":
        for name in ("DescribeServices", "UpdateService"):
            yield Ask(action=f"ecs:{name}", resource=place.arn("ecs", resource), context=context)
    alarms = place.arn("cloudwatch", f"alarm:TargetTracking-{resource}-*")
    if operation == "PutScalingPolicy" and parameters.get("TargetTrackingScalingPolicyConfiguration"):
        yield Ask(action="cloudwatch:PutMetricAlarm", resource=alarms, context=context)
    if operation in {"DeleteScalingPolicy", "DeregisterScalableTarget"}:
        yield Ask(action="cloudwatch:DeleteAlarms", resource=alarms, context=context)


def _passing(service: str, operation: str, parameters: Parameters, place: Place, facts: Facts) -> Iterator[Ask]:
    for role, to in passed_roles(service, operation, parameters, place, facts):
        context = as_context([("iam:PassedToService", to), *resource_keys(role, "iam", facts)])
        yield Ask(action="iam:PassRole", resource=role, context=context)
