"""Each template is made, changed and deleted on the region's own CloudFormation, as service files ask for it, step by step.

After each step what EC2, ELB, IAM and the others say of themselves is what the file says, and nothing has drifted; what a
change has not touched is the same as before; after the last one nothing is left.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from stack_region import StackRegion
from type_bench import PLACE

from ninelives.bootstrap.stacks import Surroundings, WantedStack, wanted_stacks
from ninelives.bootstrap.template import Kind
from ninelives.deploy.reading import Definition, parse_service_file

Sight = Callable[[StackRegion], Mapping[str, Any]]
NEW_VPC = "network: {nat: none}"
POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
TOPIC = PLACE.arn("sns", "cats")
KEY = PLACE.arn("kms", "key/11111111-2222-3333-4444-555555555555")
OTHER_IMAGES = "image: {repository: 999999999999.dkr.ecr.us-east-1.amazonaws.com/a/b}"
HOOK = "{stages: [PRE_SCALE_UP], function: check}"
PROVIDER = f"arn:aws:iam::{PLACE.account}:oidc-provider/token.actions.githubusercontent.com"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A service file, what bringing the stacks to it changes, and what there is then."""

    asks: str = ""
    """Under ``bootstrap``; ``<certificates[0]>`` and the like are in the account before."""
    rest: str = ""
    """The file's other parts."""
    image: str = "image: ."
    tags: Mapping[str, str] = field(default_factory=dict)
    """Of the stacks, beside those that bootstrap gives them."""
    has_provider: bool = False
    """Whether GitHub is an identity provider there before."""
    speaks_tls: bool = False
    """Whether S3 is spoken to by encrypted connections."""
    changes: str
    """Kinds of stacks that are made or changed."""
    shows: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Life:
    """Stacks from the first to the last step."""

    of: Kind
    stands_on: tuple[Kind, ...] = ()
    sees: Sight
    steps: tuple[Step, ...]


@pytest.fixture
def region(tmp_path: Path) -> Iterator[StackRegion]:
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    with asyncio.Runner() as runner:
        made = StackRegion(runner, tmp_path)
        yield made
        made.close()
    BackendDict.reset()


def stacks_of(region: StackRegion, step: Step) -> tuple[WantedStack, ...]:
    asks = re.sub(r"<(\w+)(?:\[(\d)\])?>", lambda found: there_before(region, *found.groups()), step.asks)
    text = f"service: cats\ncluster: pets\nport: 4567\n{step.image}\n{step.rest}\nbootstrap: {{{asks}}}\n"
    definition = Definition(path=Path("ninelives.yml"), environment="local", file=parse_service_file(text))
    provider = PROVIDER if step.has_provider else None
    around = Surroundings(account=PLACE.account, region=PLACE.region, provider_arn=provider, speaks_tls=step.speaks_tls)
    return wanted_stacks(definition, around)


def there_before(region: StackRegion, name: str, index: str | None) -> str:
    found = getattr(region, name)
    return str(found if index is None else found[int(index)])


# What there is, told by the services.


def network_sight(region: StackRegion) -> Mapping[str, Any]:
    outputs = region.outputs()["pets-network"]
    ours = [{"Name": "vpc-id", "Values": [outputs["VpcId"]]}]
    subnets = region.call("ec2", "DescribeSubnets", Filters=ours)["Subnets"]
    names = {one["SubnetId"]: name_of(one) for one in subnets}
    live = [{"Name": "state", "Values": ["available", "pending"]}]
    gateways = region.call("ec2", "DescribeNatGateways", Filter=live)["NatGateways"]
    nats = {one["NatGatewayId"]: name_of(one) for one in gateways}
    tables = region.call("ec2", "DescribeRouteTables", Filters=ours)["RouteTables"]
    routes = {
        names[link["SubnetId"]]: nats.get(route.get("NatGatewayId", ""), route.get("GatewayId", "")[:3])
        for table in tables
        for link in table["Associations"]
        for route in table["Routes"]
        if link.get("SubnetId") in names and route.get("DestinationCidrBlock") == "0.0.0.0/0"
    }
    endpoints = region.call("ec2", "DescribeVpcEndpoints", Filters=ours)["VpcEndpoints"]
    return {
        "zones": len({one["AvailabilityZone"] for one in subnets}),
        "routes": routes,
        "nats": sorted(nats.values()),
        "addresses": len(region.call("ec2", "DescribeAddresses")["Addresses"]),
        "routes to S3": sorted(len(one["RouteTableIds"]) for one in endpoints if one["State"].lower() == "available"),
        "tasks in": [names[subnet] for subnet in outputs["TaskSubnets"].split(",")],
        "public addresses": outputs["AssignPublicIp"],
    }


def name_of(one: Mapping[str, Any]) -> str:
    return next((str(tag["Value"]).removeprefix("pets-") for tag in one.get("Tags", ()) if tag["Key"] == "Name"), "")


def cluster_sight(region: StackRegion) -> Mapping[str, Any]:
    [cluster] = region.call("ecs", "DescribeClusters", clusters=["pets"], include=["SETTINGS"])["clusters"]
    return {"status": cluster["status"], "insights": cluster["settings"][0]["value"]}


def provider_sight(region: StackRegion) -> Mapping[str, Any]:
    found = region.call("iam", "GetOpenIDConnectProvider", OpenIDConnectProviderArn=PROVIDER)
    tags = {one["Key"]: one["Value"] for one in found["Tags"]}
    own = {name: value for name, value in tags.items() if ":" not in name}
    return {"url": found["Url"], "clients": found["ClientIDList"], "tags": own}


def github_sight(region: StackRegion) -> Mapping[str, Any]:
    role = region.call("iam", "GetRole", RoleName="cats-deploy-eu-west-1")["Role"]
    [trust] = document(role["AssumeRolePolicyDocument"])["Statement"]
    statements = policy_of(region, "cats-deploy-eu-west-1", "deploy")
    subjects = trust["Condition"]["StringLike"]["token.actions.githubusercontent.com:sub"]
    return {
        "provider": trust["Principal"]["Federated"],
        "subjects": [subjects] if isinstance(subjects, str) else subjects,
        "hours": role["MaxSessionDuration"] / 3600,
        "may": {name for name in statements if name in {"PushImages", "FindSecrets"}},
        "passes to ECS": len(as_list(statements["PassServiceRoles"]["Resource"])),
    }


def policy_of(region: StackRegion, role: str, policy: str) -> dict[str, Any]:
    """Statements by their ids."""
    found = region.call("iam", "GetRolePolicy", RoleName=role, PolicyName=policy)["PolicyDocument"]
    return {one["Sid"]: one for one in document(found)["Statement"]}


def document(found: Any) -> Any:
    return json.loads(unquote(found)) if isinstance(found, str) else found


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def service_sight(region: StackRegion) -> Mapping[str, Any]:
    there, outputs = region.physical_ids("cats-service"), region.outputs()["cats-service"]
    return {
        **front_sight(region, there),
        **access_log_sight(region, there),
        **alarm_sight(region),
        **role_sight(region, there),
        "log days": region.call("logs", "DescribeLogGroups")["logGroups"][0]["retentionInDays"],
        "images kept": images_kept(region),
        "tasks in": len(outputs["TaskSubnets"].split(",")),
        "public addresses": outputs["AssignPublicIp"],
    }


def front_sight(region: StackRegion, there: Mapping[str, str]) -> Mapping[str, Any]:
    balancer = there["LoadBalancer"]
    listeners = region.call("elbv2", "DescribeListeners", LoadBalancerArn=balancer)["Listeners"]
    rules = region.call("elbv2", "DescribeRules", ListenerArn=there["Listener"])["Rules"]
    headers = [one["HttpHeaderConfig"] for rule in rules for one in rule["Conditions"] if one["Field"] == "http-header"]
    [described] = region.call("elbv2", "DescribeLoadBalancers", LoadBalancerArns=[balancer])["LoadBalancers"]
    groups = region.call("elbv2", "DescribeTargetGroups")["TargetGroups"]
    [group] = region.call("ec2", "DescribeSecurityGroups", GroupIds=[there["LoadBalancerSecurityGroup"]])["SecurityGroups"]
    return {
        "listeners": {one["Port"]: (one["Protocol"], one["DefaultActions"][0]["Type"]) for one in listeners},
        "certificates": {certificate_of(region, one) for one in listeners if one["Protocol"] == "HTTPS"},
        "headers": [(one["HttpHeaderName"], one["Values"]) for one in headers],
        "balancer in": len(described["AvailabilityZones"]),
        "health": {(one["HealthCheckPath"], one["HealthCheckIntervalSeconds"], one["Matcher"]["HttpCode"]) for one in groups},
        "open": {one["FromPort"]: one["IpRanges"][0]["CidrIp"] for one in group["IpPermissions"]},
    }


def certificate_of(region: StackRegion, listener: Mapping[str, Any]) -> int:
    return region.certificates.index(listener["Certificates"][0]["CertificateArn"])


def access_log_sight(region: StackRegion, there: Mapping[str, str]) -> Mapping[str, Any]:
    found = region.call("elbv2", "DescribeLoadBalancerAttributes", LoadBalancerArn=there["LoadBalancer"])["Attributes"]
    attributes = {one["Key"]: one["Value"] for one in found}
    rules = region.call("s3", "GetBucketLifecycleConfiguration", Bucket=there["AccessLogs"])["Rules"]
    policy = document(region.call("s3", "GetBucketPolicy", Bucket=there["AccessLogs"])["Policy"])
    return {
        "access logs": attributes["access_logs.s3.enabled"],
        "access log bucket": attributes["access_logs.s3.bucket"] == there["AccessLogs"],
        "access log days": rules[0]["Expiration"]["Days"],
        "bucket policy": [one["Sid"] for one in policy["Statement"]],
    }


def alarm_sight(region: StackRegion) -> Mapping[str, Any]:
    alarms = {
        one["AlarmName"].removeprefix("cats-"): one for one in region.call("cloudwatch", "DescribeAlarms")["MetricAlarms"]
    }
    body = json.loads(region.call("cloudwatch", "GetDashboard", DashboardName="cats-eu-west-1")["DashboardBody"])
    return {
        "alarms": {name: one["Threshold"] for name, one in alarms.items()},
        "latency of": alarms["latency"].get("Statistic") or alarms["latency"].get("ExtendedStatistic"),
        "5xx periods": alarms["5xx"]["EvaluationPeriods"],
        "tells": {tuple(one["AlarmActions"]) for one in alarms.values()},
        "dashboard shows": len(body["widgets"][0]["properties"]["alarms"]),
    }


def role_sight(region: StackRegion, there: Mapping[str, str]) -> Mapping[str, Any]:
    """Which roles are ours, and what the statements of theirs that come and go let them do."""
    ours = {name: there[name] for name in ("ExecutionRole", "TaskRole", "InfrastructureRole", "HooksRole") if name in there}
    seen: dict[str, Any] = {"roles": set(ours)}
    if "ExecutionRole" in ours:
        seen["starts with"] = set(policy_of(region, ours["ExecutionRole"], "start-tasks"))
    if "InfrastructureRole" in ours:
        statements = policy_of(region, ours["InfrastructureRole"], "shift-traffic")
        seen["shifts"] = {
            next(name for name, physical_id in there.items() if physical_id == arn)
            for one in ("ShiftRules", "ShiftListeners")
            for arn in as_list(statements[one]["Resource"])
        }
    if "TaskRole" in ours:
        attached = region.call("iam", "ListAttachedRolePolicies", RoleName=ours["TaskRole"])["AttachedPolicies"]
        seen["task policies"] = len(attached)
    return seen


def images_kept(region: StackRegion) -> int | None:
    """None where there is no repository."""
    if not region.call("ecr", "DescribeRepositories")["repositories"]:
        return None
    text = region.call("ecr", "GetLifecyclePolicy", repositoryName="cats")["lifecyclePolicyText"]
    return int(json.loads(text)["rules"][1]["selection"]["countNumber"])


PUBLIC_2 = {"public-a": "igw", "public-b": "igw"}
PUBLIC_3 = {**PUBLIC_2, "public-c": "igw"}
PLAIN, SECURE, REDIRECT = ("HTTP", "fixed-response"), ("HTTPS", "fixed-response"), ("HTTP", "redirect")
ALL_ROLES = {"ExecutionRole", "TaskRole", "InfrastructureRole"}
ALARMS = {"5xx": 1.0, "latency": 2.0, "unhealthy": 0.0, "cpu": 85.0, "memory": 85.0}

LIVES = {
    "network": Life(
        of=Kind.NETWORK,
        sees=network_sight,
        steps=(
            Step(
                asks="network: {zones: 2, nat: single}",
                changes="network",
                shows={
                    "zones": 2,
                    "routes": {**PUBLIC_2, "private-a": "a", "private-b": "a"},
                    "nats": ["a"],
                    "addresses": 1,
                    "routes to S3": [1, 2],
                    "tasks in": ["private-a", "private-b"],
                    "public addresses": "DISABLED",
                },
            ),
            Step(
                asks="network: {zones: 3, nat: per-zone}",
                changes="network",
                shows={
                    "zones": 3,
                    "routes": {**PUBLIC_3, "private-a": "a", "private-b": "b", "private-c": "c"},
                    "nats": ["a", "b", "c"],
                    "addresses": 3,
                    "routes to S3": [1, 1, 2],
                    "tasks in": ["private-a", "private-b", "private-c"],
                },
            ),
            Step(
                asks="network: {zones: 3, nat: single}",
                changes="network",
                shows={
                    "routes": {**PUBLIC_3, "private-a": "a", "private-b": "a", "private-c": "a"},
                    "nats": ["a"],
                    "addresses": 1,
                },
            ),
            Step(
                asks="network: {zones: 3, nat: none}",
                changes="network",
                shows={
                    "routes": PUBLIC_3,
                    "nats": [],
                    "addresses": 0,
                    "routes to S3": [1],
                    "tasks in": ["public-a", "public-b", "public-c"],
                    "public addresses": "ENABLED",
                },
            ),
            Step(
                asks="network: {zones: 2, nat: per-zone}",
                changes="network",
                shows={
                    "zones": 2,
                    "routes": {**PUBLIC_2, "private-a": "a", "private-b": "b"},
                    "addresses": 2,
                    "routes to S3": [1, 2],
                },
            ),
        ),
    ),
    "cluster": Life(
        of=Kind.CLUSTER,
        sees=cluster_sight,
        steps=(
            Step(changes="cluster", shows={"status": "ACTIVE", "insights": "enabled"}),
            Step(asks="container_insights: enhanced", changes="cluster", shows={"insights": "enhanced"}),
            Step(asks="container_insights: disabled", changes="cluster", shows={"insights": "disabled"}),
        ),
    ),
    "provider": Life(  # it has no parameters: what changes are the tags of its stack
        of=Kind.GITHUB_PROVIDER,
        sees=provider_sight,
        steps=(
            Step(
                asks="github: {repository: acme/cats, branches: [main]}",
                changes="github-provider",
                shows={"url": "token.actions.githubusercontent.com", "clients": ["sts.amazonaws.com"], "tags": {}},
            ),
            Step(
                asks="github: {repository: acme/cats, branches: [main]}",
                tags={"team": "cats"},
                changes="github-provider",
                shows={"clients": ["sts.amazonaws.com"], "tags": {"team": "cats"}},
            ),
            Step(
                asks="github: {repository: acme/cats, branches: [main]}",
                tags={"owner": "dogs"},
                changes="github-provider",
                shows={"tags": {"owner": "dogs"}},
            ),
        ),
    ),
    "github": Life(
        of=Kind.GITHUB,
        stands_on=(Kind.NETWORK, Kind.CLUSTER, Kind.SERVICE, Kind.GITHUB_PROVIDER),
        sees=github_sight,
        steps=(
            Step(
                asks=f"{NEW_VPC}, github: {{repository: acme/cats, branches: [main]}}",
                changes="network cluster service github-provider github",
                shows={
                    "provider": PROVIDER,
                    "subjects": ["repo:acme/cats:ref:refs/heads/main"],
                    "hours": 1,
                    "may": {"PushImages"},
                    "passes to ECS": 1,
                },
            ),
            Step(
                asks=f"{NEW_VPC}, github: {{repository: acme/cats, owner_id: 1, repository_id: 2, environments: [live]}}",
                changes="github",
                shows={"subjects": ["repo:acme/cats:environment:live", "repo:acme@1/cats@2:environment:live"]},
            ),
            Step(
                asks=f"{NEW_VPC}, github: {{repository: acme/cats, tags: ['v*']}}",
                rest=f"secrets: {{A: 'secretsmanager:a'}}\ndeploy: {{strategy: blue-green, bake: 1h, hooks: [{HOOK}]}}",
                changes="service github",
                shows={
                    "subjects": ["repo:acme/cats:ref:refs/tags/v*"],
                    "hours": 2,
                    "passes to ECS": 2,
                    "may": {"PushImages", "FindSecrets"},
                },
            ),
            Step(
                asks=f"{NEW_VPC}, github: {{repository: acme/cats, tags: ['v*']}}",
                image=OTHER_IMAGES,
                has_provider=True,
                changes="service github",
                shows={"provider": PROVIDER, "hours": 1, "may": set(), "passes to ECS": 1},
            ),
        ),
    ),
    "service": Life(
        of=Kind.SERVICE,
        stands_on=(Kind.NETWORK, Kind.CLUSTER),
        sees=service_sight,
        steps=(
            Step(
                asks=NEW_VPC,
                rest="health: {path: /up}\nload_balancer: {port: 80}",
                changes="network cluster service",
                shows={
                    "listeners": {80: PLAIN},
                    "headers": [],
                    "balancer in": 2,
                    "health": {("/up", 5, "200")},
                    "open": {80: "0.0.0.0/0"},
                    "access logs": "true",
                    "access log bucket": True,
                    "access log days": 90,
                    "alarms": ALARMS,
                    "latency of": "p99",
                    "5xx periods": 3,
                    "tells": {()},
                    "dashboard shows": 5,
                    "roles": ALL_ROLES,
                    "shifts": {"ProductionRule", "Listener"},
                    "task policies": 0,
                    "starts with": {"WriteLogs", "EnterRegistry", "PullImages"},
                    "log days": 30,
                    "images kept": 100,
                },
            ),
            Step(
                asks=f"{NEW_VPC}, test_from: 10.0.0.0/8, public_from: 203.0.113.0/24",
                rest="health: {path: /health, interval: 20s, matcher: 200-299}\n"
                "load_balancer: {port: 80, test_listener: {port: 8081}}",
                changes="service",
                shows={
                    "listeners": {80: PLAIN, 8081: PLAIN},
                    "health": {("/health", 20, "200-299")},
                    "open": {80: "203.0.113.0/24", 8081: "10.0.0.0/8"},
                    "shifts": {"ProductionRule", "Listener", "TestPortRule", "TestListener"},
                },
            ),
            Step(
                asks=f"{NEW_VPC}, certificate: '<certificates[0]>'",
                rest="load_balancer: {port: 443, test_listener: {port: 8443}}",
                changes="service",
                shows={
                    "listeners": {80: REDIRECT, 443: SECURE, 8443: SECURE},
                    "certificates": {0},
                    "open": {80: "0.0.0.0/0", 443: "0.0.0.0/0", 8443: "0.0.0.0/0"},
                },
            ),
            Step(
                asks=f"""{NEW_VPC}, certificate: '<certificates[1]>', task_policies: ['<managed_policy>'],
                    secret_keys: ['{KEY}'], keep: {{access_logs: 0s, logs: 60d, images: 50}},
                    alarms: {{5xx: {{above: 2.5%, evaluation_periods: 5}}, latency: {{average: 1500ms}}, cpu: 50%, memory: 60%,
                             notify: ['{TOPIC}']}}""",
                rest="load_balancer: {port: 443, test_listener: {header: X-Test}}\n"
                "secrets: {A: 'secretsmanager:a', B: 'ssm:/b'}",
                changes="service",
                shows={
                    "listeners": {80: REDIRECT, 443: SECURE},
                    "certificates": {1},
                    "headers": [("X-Test", ["true"])],
                    "shifts": {"ProductionRule", "Listener", "TestHeaderRule"},
                    "access logs": "false",
                    "access log days": 1,
                    "alarms": {**ALARMS, "5xx": 2.5, "latency": 1.5, "cpu": 50.0, "memory": 60.0},
                    "latency of": "Average",
                    "5xx periods": 5,
                    "tells": {(TOPIC,)},
                    "task policies": 1,
                    "starts with": {
                        "WriteLogs",
                        "EnterRegistry",
                        "PullImages",
                        "ReadParameters",
                        "ReadSecrets",
                        "DecryptSecrets",
                    },
                    "log days": 60,
                    "images kept": 50,
                },
            ),
            Step(
                asks="network: {zones: 3, nat: per-zone}, keep: {access_logs: 7d}",
                rest=f"load_balancer: {{port: 8080}}\ndeploy: {{strategy: blue-green, hooks: [{HOOK}]}}",
                image="image: {repository: docker.io/b}",
                changes="network service",
                shows={
                    "listeners": {8080: PLAIN},
                    "headers": [],
                    "balancer in": 3,
                    "tasks in": 3,
                    "public addresses": "DISABLED",
                    "access logs": "true",
                    "access log days": 7,
                    "alarms": ALARMS,
                    "latency of": "p99",
                    "tells": {()},
                    "roles": {*ALL_ROLES, "HooksRole"},
                    "shifts": {"ProductionRule", "Listener"},
                    "task policies": 0,
                    "starts with": {"WriteLogs"},
                    "images kept": None,
                },
            ),
            Step(
                asks="network: {zones: 3, nat: none}",
                rest="load_balancer: {port: 80}\nroles: {execution: e, task: t, infrastructure: i, hooks: h}",
                changes="network service",
                shows={"listeners": {80: PLAIN}, "public addresses": "ENABLED", "roles": set(), "images kept": 100},
            ),
            Step(
                asks="network: {zones: 3, nat: none}",
                rest="load_balancer: {port: 80}",
                changes="service",
                shows={"roles": ALL_ROLES, "shifts": {"ProductionRule", "Listener"}},
            ),
        ),
    ),
    "service in a VPC that was there": Life(
        of=Kind.SERVICE,
        stands_on=(Kind.CLUSTER,),
        sees=service_sight,
        steps=(
            Step(
                asks="network: {vpc: <vpc>, public_subnets: [<subnets[0]>, <subnets[1]>]}",
                rest="load_balancer: {port: 80, test_listener: {header: X-Test}}",
                changes="cluster service",
                shows={
                    "listeners": {80: PLAIN},
                    "headers": [("X-Test", ["true"])],
                    "balancer in": 2,
                    "open": {80: "0.0.0.0/0"},
                    "tasks in": 2,
                    "public addresses": "ENABLED",
                    "bucket policy": ["LoadBalancerWrites"],
                },
            ),
            Step(
                speaks_tls=True,
                asks="network: {vpc: <vpc>, public_subnets: [<subnets[0]>, <subnets[1]>], private_subnets: [<subnets[1]>]}",
                rest="load_balancer: {port: 8080, test_listener: {header: X-Blue, value: green}}",
                changes="service",
                shows={
                    "listeners": {8080: PLAIN},
                    "headers": [("X-Blue", ["green"])],
                    "open": {8080: "0.0.0.0/0"},
                    "tasks in": 1,
                    "public addresses": "DISABLED",
                    "bucket policy": ["LoadBalancerWrites", "OnlyEncryptedConnections"],
                },
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", LIVES)
def test_a_template_is_made_changed_and_deleted(region: StackRegion, name: str) -> None:
    life = LIVES[name]
    for step in life.steps:
        stacks_of(region, step)  # makes what was there before
    before = region.all_there_is()
    for step in life.steps:
        bring_to(region, life, step)
    for stack in reversed(stacks_of(region, life.steps[0])):
        if stack.name in region.stacks:
            region.remove(stack.name)
    assert {} == region.stacks
    assert before == region.all_there_is()


def bring_to(region: StackRegion, life: Life, step: Step) -> None:
    changed = []
    for stack in stacks_of(region, step):
        if stack.kind not in {life.of, *life.stands_on}:
            continue
        wanted = replace(stack.with_outputs(region.outputs()), belongs_to={**stack.belongs_to, **step.tags})
        old = region.physical_ids(stack.name) if stack.name in region.stacks else {}
        if region.bring(wanted):
            changed.append(stack.kind)
        there = region.physical_ids(stack.name)
        assert there.keys() == {one.logical_id for one in wanted.resources}
        assert set() == {one for one in old.keys() & there.keys() if old[one] != there[one]}, "these were replaced"
        assert [] == region.drifted(stack.name)
    assert changed == step.changes.split()
    seen = life.sees(region)
    assert {name: seen[name] for name in step.shows} == step.shows


def test_a_change_that_cannot_be_is_taken_back_whole(region: StackRegion) -> None:
    """Port 80 is the redirect's until all else is changed: from HTTPS back to HTTP on port 80 it goes by another port."""
    network = "network: {vpc: <vpc>, public_subnets: [<subnets[0]>, <subnets[1]>]}"
    secure = Step(asks=f"{network}, certificate: '<certificates[0]>'", rest="load_balancer: {port: 443}", changes="", shows={})
    plain = Step(asks=f"{network}, keep: {{logs: 7d}}", rest="load_balancer: {port: 80}", changes="", shows={})
    [made] = (one for one in stacks_of(region, secure) if one.kind is Kind.SERVICE)
    [changed] = (one for one in stacks_of(region, plain) if one.kind is Kind.SERVICE)
    region.bring(made)
    there, before = region.physical_ids(made.name), service_sight(region)

    region.bring(changed, ends="UPDATE_ROLLBACK_COMPLETE")

    assert any("A listener already exists" in reason for _, reason in region.reasons(made.name))
    assert before == service_sight(region)
    assert there == region.physical_ids(made.name)
    assert [] == region.drifted(made.name)


def test_every_template_has_a_life_with_changes() -> None:
    assert {life.of for life in LIVES.values() if len(life.steps) > 1} == set(Kind)
