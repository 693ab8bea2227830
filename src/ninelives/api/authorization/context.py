"""The condition keys of a request: what its parameters say, in the keys that the action has.

Keys that hold for every request (``aws:PrincipalArn``, ``aws:SourceIp``, …) are the caller's and the door's (``caller.py``).
Source: Service Authorization Reference, "Condition keys for …".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from ninelives.api.authorization.facts import Facts
from ninelives.api.authorization.resources import OF_A_SERVICE, arns_in
from ninelives.model.arns import Place, last_part

Parameters = Mapping[str, Any]
Pairs = Iterable[tuple[str, Any]]
"""Keys with a value, several values, or None where there is none."""


def request_keys(prefix: str, operation: str, parameters: Parameters, place: Place, facts: Facts) -> Iterator[tuple[str, Any]]:
    """The keys that the parameters give, as AWS spells them."""
    tags = tags_of(parameters)
    yield from ((f"aws:RequestTag/{key}", value) for key, value in tags.items())
    tag_keys = [*tags, *parameters.get("tagKeys", ()), *parameters.get("TagKeys", ())]
    yield "aws:TagKeys", tag_keys or None
    read = _READERS.get(prefix)
    if read is not None:
        yield from read(operation, parameters, place, facts)


def resource_keys(arn: str, prefix: str, facts: Facts) -> Iterator[tuple[str, Any]]:
    """The keys of one resource: its tags, under the name that all services share and under the service's own."""
    for key, value in (facts.tags(arn) or {}).items():
        yield f"aws:ResourceTag/{key}", value
        yield f"{prefix}:ResourceTag/{key}", value


def as_context(pairs: Pairs) -> dict[str, tuple[str, ...]]:
    """Keys in lower case with their values as texts; keys without a value are left out.

    >>> as_context([("ecs:enable-execute-command", True), ("aws:TagKeys", ["a", "b"]), ("x:y", None)])
    {'ecs:enable-execute-command': ('true',), 'aws:tagkeys': ('a', 'b')}
    """
    context = {}
    for key, value in pairs:
        if value is not None:
            values = value if isinstance(value, list | tuple) else [value]
            context[key.lower()] = tuple(_text(one) for one in values)
    return context


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def tags_of(parameters: Parameters) -> dict[str, str]:
    """The tags that a request gives to what it makes or tags.

    >>> tags_of({"Tags": [{"Key": "team", "Value": "red"}]}), tags_of({"tags": {"team": "red"}})
    ({'team': 'red'}, {'team': 'red'})
    """
    given = parameters.get("tags") or parameters.get("Tags") or parameters.get("Tag") or []
    for specification in parameters.get("TagSpecifications") or parameters.get("TagSpecification") or ():
        given = [*given, *(specification.get("Tags") or specification.get("Tag") or ())]
    if isinstance(given, Mapping):
        return {str(key): str(value) for key, value in given.items()}
    pairs = [(one.get("key", one.get("Key")), one.get("value", one.get("Value", ""))) for one in given]
    return {str(key): str(value) for key, value in pairs if key is not None}


def _ecs(operation: str, parameters: Parameters, place: Place, facts: Facts) -> Iterator[tuple[str, Any]]:
    cluster = last_part(parameters.get("cluster") or "default")
    network = parameters.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    reference = parameters.get("taskDefinition")
    found = facts.task_definition(reference) if isinstance(reference, str) else None
    yield "ecs:cluster", place.cluster(cluster)
    yield "ecs:task-definition", found.arn if found else reference
    unsaid = None if operation == "UpdateService" else False  # what an update leaves out stays as it is
    yield "ecs:enable-execute-command", parameters.get("enableExecuteCommand", unsaid)
    yield "ecs:enable-ecs-managed-tags", parameters.get("enableECSManagedTags", unsaid)
    yield "ecs:enable-service-connect", parameters.get("serviceConnectConfiguration", {}).get("enabled", unsaid)
    yield "ecs:enable-ebs-volumes", any("managedEBSVolume" in one for one in parameters.get("volumeConfigurations") or ())
    yield "ecs:propagate-tags", parameters.get("propagateTags")
    yield "ecs:auto-assign-public-ip", network.get("assignPublicIp", "DISABLED") == "ENABLED" if network else None
    yield "ecs:subnet", network.get("subnets")
    providers = [one.get("capacityProvider") for one in parameters.get("capacityProviderStrategy") or ()]
    yield "ecs:capacity-provider", [place.arn("ecs", f"capacity-provider/{name}") for name in providers if name] or None
    yield "ecs:account-setting", parameters.get("name")
    yield "ecs:task-cpu", parameters.get("cpu")
    yield "ecs:task-memory", parameters.get("memory")
    containers = parameters.get("containerDefinitions") or ()
    if operation == "RegisterTaskDefinition":
        yield "ecs:privileged", "enabled" if any(one.get("privileged") for one in containers) else "disabled"
        yield "ecs:compute-compatibility", parameters.get("requiresCompatibilities") or ["EC2"]
    for arn in arns_in([parameters.get(name) for name in OF_A_SERVICE]):
        parts: list[str] = [*arn.split(":", 5)[-1].split("/"), "", ""]
        yield "ecs:cluster", place.cluster(parts[1])
        yield "ecs:service", place.service(parts[1], parts[2])


def _elb(_: str, parameters: Parameters, __: Place, ___: Facts) -> Iterator[tuple[str, Any]]:
    yield "elasticloadbalancing:Scheme", parameters.get("Scheme")
    yield "elasticloadbalancing:Subnet", parameters.get("Subnets")
    yield "elasticloadbalancing:SecurityGroup", parameters.get("SecurityGroups")
    yield "elasticloadbalancing:ListenerProtocol", parameters.get("Protocol")
    yield "elasticloadbalancing:SecurityPolicy", parameters.get("SslPolicy")


def _iam(_: str, parameters: Parameters, __: Place, ___: Facts) -> Iterator[tuple[str, Any]]:
    yield "iam:PolicyARN", parameters.get("PolicyArn")
    yield "iam:PermissionsBoundary", parameters.get("PermissionsBoundary")
    yield "iam:AWSServiceName", parameters.get("AWSServiceName")


def _sts(_: str, parameters: Parameters, __: Place, ___: Facts) -> Iterator[tuple[str, Any]]:
    yield "sts:ExternalId", parameters.get("ExternalId")
    yield "sts:RoleSessionName", parameters.get("RoleSessionName")
    yield "sts:SourceIdentity", parameters.get("SourceIdentity")
    yield "sts:TransitiveTagKeys", parameters.get("TransitiveTagKeys")


def _s3(_: str, parameters: Parameters, __: Place, ___: Facts) -> Iterator[tuple[str, Any]]:
    yield "s3:prefix", parameters.get("Prefix")
    yield "s3:delimiter", parameters.get("Delimiter")
    yield "s3:max-keys", parameters.get("MaxKeys")
    yield "s3:x-amz-acl", parameters.get("ACL")
    yield "s3:x-amz-storage-class", parameters.get("StorageClass")
    yield "s3:x-amz-server-side-encryption", parameters.get("ServerSideEncryption")
    yield "s3:VersionId", parameters.get("VersionId")
    yield "s3:LocationConstraint", parameters.get("CreateBucketConfiguration", {}).get("LocationConstraint")


def _cloudformation(_: str, parameters: Parameters, __: Place, ___: Facts) -> Iterator[tuple[str, Any]]:
    yield "cloudformation:RoleArn", parameters.get("RoleARN")
    yield "cloudformation:TemplateUrl", parameters.get("TemplateURL")
    yield "cloudformation:ChangeSetName", parameters.get("ChangeSetName")
    yield "cloudformation:StackPolicyUrl", parameters.get("StackPolicyURL")
    yield "cloudformation:ResourceTypes", parameters.get("ResourceTypes")


def _cloudwatch(_: str, parameters: Parameters, __: Place, ___: Facts) -> Iterator[tuple[str, Any]]:
    yield "cloudwatch:namespace", parameters.get("Namespace")
    yield "cloudwatch:AlarmActions", parameters.get("AlarmActions")


def _scaling(_: str, parameters: Parameters, __: Place, ___: Facts) -> Iterator[tuple[str, Any]]:
    yield "application-autoscaling:service-namespace", parameters.get("ServiceNamespace")
    yield "application-autoscaling:scalable-dimension", parameters.get("ScalableDimension")


def _events(_: str, parameters: Parameters, place: Place, __: Facts) -> Iterator[tuple[str, Any]]:
    entries = parameters.get("Entries") or ()
    yield "events:source", [one["Source"] for one in entries if one.get("Source")] or None
    yield "events:detail-type", [one["DetailType"] for one in entries if one.get("DetailType")] or None
    yield "events:TargetArn", [one["Arn"] for one in parameters.get("Targets") or () if one.get("Arn")] or None
    yield "events:creatorAccount", place.account


def _ec2(_: str, ___: Parameters, place: Place, __: Facts) -> Iterator[tuple[str, Any]]:
    yield "ec2:Region", place.region


def _ssm(_: str, parameters: Parameters, __: Place, ___: Facts) -> Iterator[tuple[str, Any]]:
    yield "ssm:Recursive", parameters.get("Recursive")
    yield "ssm:Overwrite", parameters.get("Overwrite")


def _secretsmanager(_: str, parameters: Parameters, __: Place, ___: Facts) -> Iterator[tuple[str, Any]]:
    yield "secretsmanager:SecretId", parameters.get("SecretId")
    yield "secretsmanager:Name", parameters.get("Name")
    yield "secretsmanager:VersionStage", parameters.get("VersionStage")
    yield "secretsmanager:ForceDeleteWithoutRecovery", parameters.get("ForceDeleteWithoutRecovery")


def _sns(_: str, parameters: Parameters, __: Place, ___: Facts) -> Iterator[tuple[str, Any]]:
    yield "sns:Protocol", parameters.get("Protocol")
    yield "sns:Endpoint", parameters.get("Endpoint")


_READERS: Final[Mapping[str, Callable[[str, Parameters, Place, Facts], Iterator[tuple[str, Any]]]]] = {
    "application-autoscaling": _scaling,
    "cloudformation": _cloudformation,
    "cloudwatch": _cloudwatch,
    "ec2": _ec2,
    "ecs": _ecs,
    "elasticloadbalancing": _elb,
    "events": _events,
    "iam": _iam,
    "s3": _s3,
    "secretsmanager": _secretsmanager,
    "sns": _sns,
    "ssm": _ssm,
    "sts": _sts,
}
