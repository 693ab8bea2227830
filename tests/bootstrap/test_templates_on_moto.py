"""A second opinion on the templates: moto makes, changes and deletes what it can of them; what it cannot is named here.

moto decides no condition in a list and imports nothing through `Fn::If`: it gets the templates resolved.
The region's own engine carries them as they are (`test_templates_on_the_region.py`).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from moto import mock_aws
from resolved_template import Resolved
from test_templates import FRONTS, IMAGES, MORE, NETWORKS, REST, stacks_of

from ninelives.bootstrap.stacks import WantedStack
from ninelives.bootstrap.template import Kind

NOT_MOTOS: Mapping[Kind, set[str]] = {
    Kind.NETWORK: set(),
    Kind.CLUSTER: set(),
    Kind.SERVICE: {"AWS::CloudWatch::Alarm", "AWS::S3::BucketPolicy"},
    Kind.GITHUB_PROVIDER: {"AWS::IAM::OIDCProvider"},
    Kind.GITHUB: set(),
}
"""Types that moto's CloudFormation has not."""
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        yield boto3.client("cloudformation", region_name="eu-west-1")


def stacks() -> dict[Kind, WantedStack]:
    return {stack.kind: stack for stack in stacks_of(IMAGES[0], NETWORKS[1], FRONTS[1], REST[0], MORE[0])}


def bound(value: Any, imports: Mapping[str, str]) -> Any:
    """A resolved template without imports and without what only they need."""
    if isinstance(value, list):
        return [bound(one, imports) for one in value]
    if not isinstance(value, dict):
        return value
    if "Fn::ImportValue" in value:
        return imports[value["Fn::ImportValue"]]
    return {key: bound(one, imports) for key, one in value.items()}


def for_moto(stack: WantedStack, imports: Mapping[str, str], **changes: str) -> tuple[str, set[str]]:
    """The template that moto gets, and the types that it holds."""
    resources = bound(Resolved(stack.kind, {**stack.parameters, **changes}).resources, imports)
    gone = {name for name, one in resources.items() if one["Type"] in NOT_MOTOS[stack.kind]}
    if gone:
        gone |= {"Dashboard"} & set(resources)  # it refers to alarms
    kept = {name: one for name, one in resources.items() if name not in gone}
    if "LoadBalancer" in kept:
        attributes = kept["LoadBalancer"]["Properties"]["LoadBalancerAttributes"]
        kept["LoadBalancer"]["Properties"]["LoadBalancerAttributes"] = [
            one for one in attributes if isinstance(one["Value"], str)
        ]
    return json.dumps({"Resources": kept}), {one["Type"] for one in kept.values()}


def made(cloudformation: Any, name: str) -> dict[str, tuple[str, str]]:
    found = cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
    return {one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"]) for one in found}


def test_moto_lacks_just_these_types() -> None:
    from moto.cloudformation.parsing import resource_class_from_type

    for stack in stacks().values():
        assert NOT_MOTOS[stack.kind] == {one.type for one in stack.resources if resource_class_from_type(one.type) is None}


def test_moto_makes_changes_and_deletes_the_templates(cloudformation: Any) -> None:
    ours, ec2 = stacks(), boto3.client("ec2", "eu-west-1")

    network, _ = for_moto(ours[Kind.NETWORK], {})
    cloudformation.create_stack(StackName="network", TemplateBody=network)
    there = made(cloudformation, "network")
    assert len(ours[Kind.NETWORK].resources) == len(there)
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [there["Vpc"][1]]}])["Subnets"]
    assert 6 == len({one["CidrBlock"] for one in subnets})
    assert 3 == len({one["AvailabilityZone"] for one in subnets})

    public = ",".join(there[f"PublicSubnet{zone}"][1] for zone in "ABC")
    prefix = ours[Kind.SERVICE].parameters["NetworkStack"]
    imports = {f"{prefix}-VpcId": there["Vpc"][1]}
    cluster, _ = for_moto(ours[Kind.CLUSTER], {})
    cloudformation.create_stack(StackName="cluster", TemplateBody=cluster)
    service, _ = for_moto(ours[Kind.SERVICE], imports, PublicSubnets=public)
    cloudformation.create_stack(StackName="service", TemplateBody=service, Capabilities=["CAPABILITY_IAM"])
    elbv2 = boto3.client("elbv2", "eu-west-1")
    [balancer] = elbv2.describe_load_balancers(Names=["cats"])["LoadBalancers"]
    assert public.split(",") == [zone["SubnetId"] for zone in balancer["AvailabilityZones"]]
    assert {80, 8081} == {
        one["Port"] for one in elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    }

    changed, _ = for_moto(ours[Kind.NETWORK], {}, Nat="single")  # moto takes a change of a property, and does nothing about it
    cloudformation.update_stack(StackName="network", TemplateBody=changed)
    assert {"NatA"} == {
        name for name, (type_, _) in made(cloudformation, "network").items() if type_ == "AWS::EC2::NatGateway"
    }

    stack = ours[Kind.GITHUB]
    iam: Any = boto3.client("iam", "eu-west-1")
    github, _ = for_moto(stack, {f"{stack.parameters['ProviderStack']}-ProviderArn": PROVIDER})
    cloudformation.create_stack(StackName="github", TemplateBody=github, Capabilities=["CAPABILITY_NAMED_IAM"])
    trust = iam.get_role(RoleName="cats-deploy-eu-west-1")["Role"]["AssumeRolePolicyDocument"]
    assert PROVIDER == trust["Statement"][0]["Principal"]["Federated"]

    changed, _ = for_moto(ours[Kind.SERVICE], imports, PublicSubnets=public, TestHeader="X-Test")
    cloudformation.update_stack(StackName="service", TemplateBody=changed, Capabilities=["CAPABILITY_IAM"])
    _, rule = made(cloudformation, "service")["TestHeaderRule"]
    assert "X-Test" == elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Conditions"][0]["HttpHeaderConfig"]["HttpHeaderName"]

    changed, _ = for_moto(ours[Kind.CLUSTER], {}, ContainerInsights="enhanced")
    cloudformation.update_stack(StackName="cluster", TemplateBody=changed)
    changed, _ = for_moto(stack, {f"{stack.parameters['ProviderStack']}-ProviderArn": PROVIDER}, SessionSeconds="7200")
    cloudformation.update_stack(StackName="github", TemplateBody=changed, Capabilities=["CAPABILITY_NAMED_IAM"])

    for name in ("github", "service", "cluster"):  # not the network: moto refuses to delete the VPC
        cloudformation.delete_stack(StackName=name)
    assert ["network"] == [one["StackName"] for one in cloudformation.describe_stacks()["Stacks"]]
    assert [] == elbv2.describe_load_balancers()["LoadBalancers"]
    assert [] == iam.list_roles()["Roles"]
