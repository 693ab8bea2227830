"""Which resources a request is about: ARNs, made of the names in its parameters.

Source of the ARNs: Service Authorization Reference, "Resource types defined by …".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from ninelives.api.authorization.facts import Facts
from ninelives.model.arns import Place, last_part
from ninelives.model.logs import group_named_by

Parameters = Mapping[str, Any]
Candidate = tuple[str, str]
"""A resource type as the reference calls it, and an ARN."""
Resolve = Callable[[str, Parameters, Place, Facts], Iterable[Candidate]]

EVERYTHING: Final = "*"

OF_A_SERVICE: Final = ("serviceDeploymentArn", "serviceDeploymentArns", "serviceRevisionArns")
"""Parameters of ECS that name parts of a service."""

EC2_KINDS: Final = {
    "acl": "network-acl", "cagw": "carrier-gateway", "dopt": "dhcp-options", "eigw": "egress-only-internet-gateway",
    "eipalloc": "elastic-ip", "eni": "network-interface", "fl": "vpc-flow-log", "i": "instance", "igw": "internet-gateway",
    "lt": "launch-template", "nat": "natgateway", "pl": "prefix-list", "rtb": "route-table", "sg": "security-group",
    "sgr": "security-group-rule", "subnet": "subnet", "vol": "volume", "vpc": "vpc", "vpce": "vpc-endpoint",
}  # fmt: skip
"""Resource types of EC2 by how their ids begin."""

EC2_ID: Final = re.compile(r"([a-z]+)-[0-9a-f]{8,17}")

LOG_TAGGING: Final = frozenset({"TagResource", "UntagResource", "ListTagsForResource", "TagLogGroup", "UntagLogGroup"})
"""Operations of CloudWatch Logs that mean a log group itself; all others mean it with its streams (``…:log-stream:``)."""


def candidates(prefix: str, operation: str, parameters: Parameters, place: Place, facts: Facts) -> Iterator[Candidate]:
    """The resources that the parameters name, ARNs that stand in them apart."""
    resolve = _RESOLVERS.get(prefix)
    if resolve is not None:
        yield from resolve(operation, parameters, place, facts)


def arns_in(value: Any) -> Iterator[str]:
    """Every ARN in a request, wherever it stands."""
    if isinstance(value, str):
        if value.startswith("arn:"):
            yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from arns_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from arns_in(one)


def _named(parameters: Parameters, *names: str) -> Iterator[str]:
    """The texts of some parameters, of lists too; ARNs are left to ``arns_in``."""
    for name in names:
        value = parameters.get(name)
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, str) and one and not one.startswith("arn:"):
                yield one


def _ecs(operation: str, parameters: Parameters, place: Place, facts: Facts) -> Iterator[Candidate]:
    cluster = last_part(parameters.get("cluster") or parameters.get("clusterName") or "default")
    clusters = [last_part(one) for one in parameters.get("clusters") or ()] or [cluster]
    yield from (("cluster", place.cluster(name)) for name in clusters)
    for name in _named(parameters, "service", "services", "serviceName"):
        yield "service", place.service(cluster, name)
    for name in _named(parameters, "task", "tasks"):
        yield "task", place.task(cluster, name)
    for name in _named(parameters, "capacityProvider", "name"):
        yield "capacity-provider", place.arn("ecs", f"capacity-provider/{name}")
    if operation == "RegisterTaskDefinition":
        yield "task-definition", place.arn("ecs", f"task-definition/{parameters['family']}:*")
    for reference in [*_named(parameters, "taskDefinition", "taskDefinitions")]:
        found = facts.task_definition(reference)
        named = reference if ":" in reference else f"{reference}:*"
        yield "task-definition", found.arn if found else place.arn("ecs", f"task-definition/{named}")
    for arn in arns_in([parameters.get(name) for name in OF_A_SERVICE]):
        kind, of_cluster, service, *_ = [*arn.split(":", 5)[-1].split("/"), "", ""]
        if kind in {"service-deployment", "service-revision"}:
            yield "service", place.service(of_cluster, service)


def _elb(operation: str, parameters: Parameters, place: Place, _: Facts) -> Iterator[Candidate]:
    name = parameters.get("Name")
    if operation == "CreateLoadBalancer":
        kind = {"network": "net", "gateway": "gwy"}.get(parameters.get("Type", ""), "app")
        yield f"loadbalancer/{kind}", place.arn("elasticloadbalancing", f"loadbalancer/{kind}/{name}/*")
    if operation == "CreateTargetGroup":
        yield "targetgroup", place.arn("elasticloadbalancing", f"targetgroup/{name}/*")


def _ecr(_: str, parameters: Parameters, place: Place, __: Facts) -> Iterator[Candidate]:
    for name in _named(parameters, "repositoryName", "repositoryNames"):
        yield "repository", place.arn("ecr", f"repository/{name}")


def _iam(operation: str, parameters: Parameters, place: Place, facts: Facts) -> Iterator[Candidate]:
    start = f"arn:{place.partition}:iam::{place.account}:"
    path = parameters.get("Path", "/") if operation.startswith("Create") else "/"
    kinds = {"RoleName": "role", "UserName": "user", "GroupName": "group", "InstanceProfileName": "instance-profile"}
    for parameter, kind in kinds.items():
        for name in _named(parameters, parameter):
            yield kind, facts.iam_arn(kind, name) or f"{start}{kind}{path}{name}"
    for name in _named(parameters, "PolicyName"):
        yield "policy", f"{start}policy{path}{name}"
    for name in _named(parameters, "ServerCertificateName"):
        yield "server-certificate", f"{start}server-certificate{path}{name}"
    for url in _named(parameters, "Url"):
        yield "oidc-provider", f"{start}oidc-provider/{url.split('://', 1)[-1].rstrip('/')}"
    for service in _named(parameters, "AWSServiceName"):
        yield "role", f"{start}role/aws-service-role/{service}/*"


def _logs(operation: str, parameters: Parameters, place: Place, _: Facts) -> Iterator[Candidate]:
    names = [*_named(parameters, "logGroupName", "logGroupNames", "logGroupIdentifier", "logGroupIdentifiers")]
    names += [group_named_by(arn) for arn in arns_in(parameters) if ":log-group:" in arn]
    streams = [*_named(parameters, "logStreamName", "logStreamNames")]
    for name in names:
        group = place.arn("logs", f"log-group:{name}")
        yield "log-group", group if operation in LOG_TAGGING else f"{group}:log-stream:"
        for stream in streams or [""]:
            yield "log-stream", f"{group}:log-stream:{stream}"


def _cloudwatch(_: str, parameters: Parameters, place: Place, __: Facts) -> Iterator[Candidate]:
    for name in _named(parameters, "AlarmName", "AlarmNames"):
        yield "alarm", place.arn("cloudwatch", f"alarm:{name}")
    for name in _named(parameters, "DashboardName", "DashboardNames"):
        yield "dashboard", f"arn:{place.partition}:cloudwatch::{place.account}:dashboard/{name}"


def _s3(operation: str, parameters: Parameters, place: Place, _: Facts) -> Iterator[Candidate]:
    bucket = parameters.get("Bucket")
    if not bucket:
        return
    arn = f"arn:{place.partition}:s3:::{bucket}"
    yield "bucket", arn
    keys = [parameters["Key"]] if parameters.get("Key") else []
    if operation == "DeleteObjects":
        keys = [one.get("Key", "") for one in parameters.get("Delete", {}).get("Objects", ())]
    yield from (("object", f"{arn}/{key}") for key in keys)


def _cloudformation(_: str, parameters: Parameters, place: Place, __: Facts) -> Iterator[Candidate]:
    for name in _named(parameters, "StackName"):
        yield "stack", place.arn("cloudformation", f"stack/{name}/*")


def _ssm(_: str, parameters: Parameters, place: Place, __: Facts) -> Iterator[Candidate]:
    of_tags = ("ResourceId",) if parameters.get("ResourceType") == "Parameter" else ()
    for name in _named(parameters, "Name", "Names", "Path", *of_tags):
        yield "parameter", place.arn("ssm", f"parameter/{name.lstrip('/').partition(':')[0]}")


def _secretsmanager(operation: str, parameters: Parameters, place: Place, facts: Facts) -> Iterator[Candidate]:
    for name in _named(parameters, "SecretId", "SecretIdList"):
        yield "Secret", facts.secret_arn(name) or name
    if operation == "CreateSecret":
        yield "Secret", place.arn("secretsmanager", f"secret:{parameters.get('Name')}-??????")
    for arn in arns_in(parameters.get("SecretId")):
        yield "Secret", facts.secret_arn(arn) or arn


def _events(_: str, parameters: Parameters, place: Place, __: Facts) -> Iterator[Candidate]:
    bus = last_part(parameters.get("EventBusName") or "default")
    for name in _named(parameters, "Rule", "Name"):
        if bus == "default":
            yield "rule-on-default-event-bus", place.arn("events", f"rule/{name}")
        else:
            yield "rule-on-custom-event-bus", place.arn("events", f"rule/{bus}/{name}")
    for name in _named(parameters, "Name"):
        yield from ((kind, place.arn("events", f"{kind}/{name}")) for kind in ("event-bus", "connection", "api-destination"))
    for name in _named(parameters, "ArchiveName"):
        yield "archive", place.arn("events", f"archive/{name}")
    entries = parameters.get("Entries") or ()
    buses = {last_part(one.get("EventBusName") or "default") for one in entries} or {bus}
    yield from (("event-bus", place.arn("events", f"event-bus/{name}")) for name in sorted(buses))


def _sns(_: str, parameters: Parameters, place: Place, __: Facts) -> Iterator[Candidate]:
    yield from (("topic", place.arn("sns", name)) for name in _named(parameters, "Name"))


def _sqs(_: str, parameters: Parameters, place: Place, __: Facts) -> Iterator[Candidate]:
    for name in _named(parameters, "QueueName", "QueueUrl"):
        yield "queue", place.arn("sqs", last_part(name))


def _ec2(_: str, parameters: Parameters, place: Place, __: Facts) -> Iterator[Candidate]:
    for text in _texts(parameters):
        found = EC2_ID.fullmatch(text)
        if found is not None and found[1] in EC2_KINDS:
            kind = EC2_KINDS[found[1]]
            yield kind, place.arn("ec2", f"{kind}/{text}")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _lambda(_: str, parameters: Parameters, place: Place, __: Facts) -> Iterator[Candidate]:
    for name in _named(parameters, "FunctionName"):
        yield "function", place.arn("lambda", f"function:{name.partition(':')[0]}")


_RESOLVERS: Final[Mapping[str, Resolve]] = {
    "cloudformation": _cloudformation,
    "cloudwatch": _cloudwatch,
    "ec2": _ec2,
    "ecr": _ecr,
    "ecs": _ecs,
    "elasticloadbalancing": _elb,
    "events": _events,
    "iam": _iam,
    "lambda": _lambda,
    "logs": _logs,
    "s3": _s3,
    "secretsmanager": _secretsmanager,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
}
