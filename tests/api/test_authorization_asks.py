"""What each request asks for: actions, resources, condition keys; AWS's Service Authorization Reference as tables."""

from collections.abc import Mapping
from typing import Any
from unittest.mock import Mock

import pytest

from ninelives.api import cloudformation, cloudwatch, ecr, ecs, elbv2
from ninelives.api.authorization.actions import FREE, action_of, prefix_of
from ninelives.api.authorization.asks import asks
from ninelives.api.authorization.facts import KnownDefinition, NothingKnown
from ninelives.api.authorization.reference import known_prefixes, reference_of
from ninelives.model.arns import Place

PLACE = Place(region="eu-west-1", account="123456789012")
OF_ELB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:"
ECS = "arn:aws:ecs:eu-west-1:123456789012:"
ROLE = "arn:aws:iam::123456789012:role/task"


class Known(NothingKnown):
    """A region with a task definition, a role with a path, a secret and a service with tags."""

    def tags(self, arn: str) -> Mapping[str, str] | None:
        return {"team": "red"} if arn == f"{ECS}service/c/cats" else None

    def iam_arn(self, kind: str, name: str) -> str | None:
        return f"arn:aws:iam::123456789012:{kind}/with/path/{name}" if name == "deep" else None

    def secret_arn(self, name: str) -> str | None:
        return "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf" if name == "key" else None

    def task_definition(self, reference: str) -> KnownDefinition | None:
        if not reference.startswith("cats"):
            return None
        return KnownDefinition(arn=f"{ECS}task-definition/cats:3", task_role=ROLE, execution_role=f"{ROLE}-execution")


def short(arn: str) -> str:
    """An ARN without what all of them share."""
    return arn.removeprefix("arn:aws:").replace("eu-west-1:123456789012", "…").replace("123456789012", "…")


TABLE: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("ecs", "UpdateService", {"cluster": "c", "service": "cats"}, ["ecs:UpdateService ecs:…:service/c/cats"]),
    (
        "ecs",
        "DescribeServices",
        {"services": ["a", f"{ECS}service/c/b"]},
        ["ecs:DescribeServices ecs:…:service/default/a", "ecs:DescribeServices ecs:…:service/c/b"],
    ),
    (
        "ecs",
        "StopServiceDeployment",
        {"serviceDeploymentArn": f"{ECS}service-deployment/c/cats/x1"},
        ["ecs:StopServiceDeployment ecs:…:service/c/cats", "ecs:StopServiceDeployment ecs:…:service-deployment/c/cats/x1"],
    ),
    ("ecs", "ListTasks", {"cluster": "c"}, ["ecs:ListTasks *"]),
    ("ecs", "DescribeTaskDefinition", {"taskDefinition": "cats"}, ["ecs:DescribeTaskDefinition *"]),
    ("ecs", "DescribeClusters", {}, ["ecs:DescribeClusters ecs:…:cluster/default"]),
    (
        "ecs",
        "RegisterTaskDefinition",
        {"family": "cats", "taskRoleArn": ROLE, "executionRoleArn": "deep", "tags": [{"key": "k", "value": "v"}]},
        [
            "ecs:RegisterTaskDefinition ecs:…:task-definition/cats:*",
            "ecs:TagResource ecs:…:task-definition/cats:*",
            "iam:PassRole iam::…:role/task",
            "iam:PassRole iam::…:role/with/path/deep",
        ],
    ),
    (
        "ecs",
        "RunTask",
        {"taskDefinition": "cats"},
        [
            "ecs:RunTask ecs:…:task-definition/cats:3",
            "iam:PassRole iam::…:role/task",
            "iam:PassRole iam::…:role/task-execution",
        ],
    ),
    (
        "ecs",
        "RunTask",
        {"taskDefinition": "cats", "overrides": {"taskRoleArn": f"{ROLE}-other"}},
        [
            "ecs:RunTask ecs:…:task-definition/cats:3",
            "iam:PassRole iam::…:role/task-other",
            "iam:PassRole iam::…:role/task-execution",
        ],
    ),
    (
        "ecs",
        "UpdateService",
        {"cluster": "c", "service": "s", "deploymentConfiguration": {"lifecycleHooks": [{"roleArn": ROLE}]}},
        ["ecs:UpdateService ecs:…:service/c/s", "iam:PassRole iam::…:role/task"],
    ),
    (
        "elbv2",
        "DescribeLoadBalancers",
        {"LoadBalancerArns": [f"{OF_ELB}loadbalancer/app/n/1"]},
        ["elasticloadbalancing:DescribeLoadBalancers *"],
    ),
    (
        "elbv2",
        "CreateListener",
        {"LoadBalancerArn": f"{OF_ELB}loadbalancer/app/n/1", "Tags": [{"Key": "k", "Value": "v"}]},
        [
            "elasticloadbalancing:CreateListener elasticloadbalancing:…:loadbalancer/app/n/1",
            "elasticloadbalancing:AddTags elasticloadbalancing:…:listener/app/n/1/*",
        ],
    ),
    (
        "elbv2",
        "CreateLoadBalancer",
        {"Name": "n"},
        ["elasticloadbalancing:CreateLoadBalancer elasticloadbalancing:…:loadbalancer/app/n/*"],
    ),
    (
        "elbv2",
        "RegisterTargets",
        {"TargetGroupArn": f"{OF_ELB}targetgroup/t/1"},
        ["elasticloadbalancing:RegisterTargets elasticloadbalancing:…:targetgroup/t/1"],
    ),
    ("ecr", "GetAuthorizationToken", {}, ["ecr:GetAuthorizationToken *"]),
    ("ecr", "PutImage", {"repositoryName": "team/cats"}, ["ecr:PutImage ecr:…:repository/team/cats"]),
    ("ecr", "DescribeRepositories", {}, ["ecr:DescribeRepositories ecr:…:repository/*"]),
    (
        "iam",
        "AttachRolePolicy",
        {"RoleName": "deep", "PolicyArn": "arn:aws:iam::aws:policy/P"},
        ["iam:AttachRolePolicy iam::…:role/with/path/deep"],
    ),
    ("iam", "CreateRole", {"RoleName": "r", "Path": "/p/"}, ["iam:CreateRole iam::…:role/p/r"]),
    (
        "iam",
        "CreateOpenIDConnectProvider",
        {"Url": "https://token.example"},
        ["iam:CreateOpenIDConnectProvider iam::…:oidc-provider/token.example"],
    ),
    (
        "logs",
        "PutLogEvents",
        {"logGroupName": "/g", "logStreamName": "s/1"},
        ["logs:PutLogEvents logs:…:log-group:/g:log-stream:s/1"],
    ),
    ("logs", "FilterLogEvents", {"logGroupName": "/g"}, ["logs:FilterLogEvents logs:…:log-group:/g:log-stream:"]),
    (
        "logs",
        "FilterLogEvents",
        {"logGroupIdentifier": "arn:aws:logs:eu-west-1:123456789012:log-group:/g:*"},
        ["logs:FilterLogEvents logs:…:log-group:/g:log-stream:"],
    ),
    ("logs", "CreateLogGroup", {"logGroupName": "/g"}, ["logs:CreateLogGroup logs:…:log-group:/g:log-stream:"]),
    (
        "logs",
        "ListTagsForResource",
        {"resourceArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/g"},
        ["logs:ListTagsForResource logs:…:log-group:/g"],
    ),
    ("monitoring", "PutMetricAlarm", {"AlarmName": "5xx"}, ["cloudwatch:PutMetricAlarm cloudwatch:…:alarm:5xx"]),
    ("cloudwatch", "PutDashboard", {"DashboardName": "d"}, ["cloudwatch:PutDashboard cloudwatch::…:dashboard/d"]),
    ("s3", "GetObject", {"Bucket": "b", "Key": "k/x"}, ["s3:GetObject s3:::b/k/x"]),
    ("s3", "HeadBucket", {"Bucket": "b"}, ["s3:ListBucket s3:::b"]),
    ("s3", "ListBuckets", {}, ["s3:ListAllMyBuckets *"]),
    ("s3", "CopyObject", {"Bucket": "b", "Key": "k", "CopySource": "a/x"}, ["s3:PutObject s3:::b/k", "s3:GetObject s3:::a/x"]),
    (
        "cloudformation",
        "CreateChangeSet",
        {"StackName": "st", "RoleARN": ROLE},
        ["cloudformation:CreateChangeSet cloudformation:…:stack/st/*", "iam:PassRole iam::…:role/task"],
    ),
    ("cloudformation", "DescribeStacks", {}, ["cloudformation:DescribeStacks *"]),
    (
        "ssm",
        "GetParameters",
        {"Names": ["/a/b", "c:3"]},
        ["ssm:GetParameters ssm:…:parameter/a/b", "ssm:GetParameters ssm:…:parameter/c"],
    ),
    (
        "secretsmanager",
        "GetSecretValue",
        {"SecretId": "key"},
        ["secretsmanager:GetSecretValue secretsmanager:…:secret:key-AbCdEf"],
    ),
    ("secretsmanager", "GetSecretValue", {"SecretId": "gone"}, ["secretsmanager:GetSecretValue gone"]),
    (
        "ec2",
        "CreateSubnet",
        {"VpcId": "vpc-0123456789abcdef0", "TagSpecification": [{"Tag": [{"Key": "k", "Value": "v"}]}]},
        [
            "ec2:CreateSubnet ec2:…:vpc/vpc-0123456789abcdef0",
            "ec2:CreateSubnet ec2:…:subnet/*",
            "ec2:CreateTags ec2:…:subnet/*",
        ],
    ),
    ("ec2", "DescribeVpcs", {}, ["ec2:DescribeVpcs *"]),
    (
        "application-autoscaling",
        "RegisterScalableTarget",
        {"ServiceNamespace": "ecs"},
        ["application-autoscaling:RegisterScalableTarget application-autoscaling:…:scalable-target/*"],
    ),
    (
        "application-autoscaling",
        "RegisterScalableTarget",
        {"ServiceNamespace": "ecs", "ResourceId": "service/c/s"},
        [
            "application-autoscaling:RegisterScalableTarget application-autoscaling:…:scalable-target/*",
            "ecs:DescribeServices ecs:…:service/c/s",
            "ecs:UpdateService ecs:…:service/c/s",
        ],
    ),
    (
        "application-autoscaling",
        "PutScalingPolicy",
        {"ResourceId": "service/c/s", "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 50}},
        [
            "application-autoscaling:PutScalingPolicy application-autoscaling:…:scalable-target/*",
            "cloudwatch:PutMetricAlarm cloudwatch:…:alarm:TargetTracking-service/c/s-*",
        ],
    ),
    (
        "application-autoscaling",
        "DeregisterScalableTarget",
        {"ResourceId": "service/c/s"},
        [
            "application-autoscaling:DeregisterScalableTarget application-autoscaling:…:scalable-target/*",
            "cloudwatch:DeleteAlarms cloudwatch:…:alarm:TargetTracking-service/c/s-*",
        ],
    ),
    ("events", "PutRule", {"Name": "r"}, ["events:PutRule events:…:rule/r"]),
    (
        "events",
        "PutTargets",
        {"Rule": "r", "EventBusName": "b", "Targets": [{"RoleArn": ROLE}]},
        ["events:PutTargets events:…:rule/b/r", "iam:PassRole iam::…:role/task"],
    ),
    ("sns", "Publish", {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:t"}, ["sns:Publish sns:…:t"]),
    ("sqs", "SendMessageBatch", {"QueueUrl": "http://x/1/q"}, ["sqs:SendMessage sqs:…:q"]),
    (
        "sts",
        "AssumeRole",
        {"RoleArn": ROLE, "Tags": [{"Key": "k", "Value": "v"}]},
        ["sts:AssumeRole iam::…:role/task", "sts:TagSession iam::…:role/task"],
    ),
    ("dynamodb", "PutItem", {"TableName": "t"}, ["dynamodb:PutItem *"]),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "expected"), TABLE)
def test_an_operation_asks_for(service: str, operation: str, parameters: dict[str, Any], expected: list[str]) -> None:
    found = [f"{ask.action} {short(ask.resource)}" for ask in asks(service, operation, parameters, PLACE, Known())]

    assert expected == found


def context_of(service: str, operation: str, /, **parameters: Any) -> Mapping[str, tuple[str, ...]]:
    return asks(service, operation, parameters, PLACE, Known())[0].context


def test_keys_are_those_that_the_action_has() -> None:
    keys = context_of("ecs", "UpdateService", cluster="c", service="cats", taskDefinition="cats", enableExecuteCommand=True)

    assert (f"{ECS}cluster/c",) == keys["ecs:cluster"]
    assert (f"{ECS}task-definition/cats:3",) == keys["ecs:task-definition"]
    assert ("true",) == keys["ecs:enable-execute-command"]
    assert ("red",) == keys["aws:resourcetag/team"]
    assert "ecs:privileged" not in keys


def test_the_cluster_of_a_deployment_is_its_own() -> None:
    keys = context_of("ecs", "DescribeServiceDeployments", serviceDeploymentArns=[f"{ECS}service-deployment/c/cats/1"])

    assert (f"{ECS}cluster/c",) == keys["ecs:cluster"]
    assert (f"{ECS}service/c/cats",) == keys["ecs:service"]


def test_tags_of_a_request_are_keys() -> None:
    keys = context_of(
        "ecr", "CreateRepository", repositoryName="r", tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    )

    assert (("1",), ("2",), ("a", "b")) == (keys["aws:requesttag/a"], keys["aws:requesttag/b"], keys["aws:tagkeys"])


def test_a_role_is_passed_to_a_service_that_is_a_key() -> None:
    found = asks("ecs", "RegisterTaskDefinition", {"family": "f", "taskRoleArn": ROLE}, PLACE, Known())

    assert {"iam:passedtoservice": ("ecs-tasks.amazonaws.com",)} == found[-1].context


def test_tagging_tells_with_which_operation_it_goes() -> None:
    found = asks("ecs", "CreateCluster", {"clusterName": "c", "tags": [{"key": "k", "value": "v"}]}, PLACE, Known())

    assert ("CreateCluster",) == found[-1].context["ecs:createaction"]


def test_every_operation_that_the_region_answers_itself_has_its_action() -> None:
    anything = Mock()
    served = {
        "ecs": ecs.operations(anything),
        "elbv2": elbv2.operations(anything, anything),
        "cloudwatch": cloudwatch.operations(anything),
        "cloudformation": cloudformation.operations(anything),
        "ecr": ecr.operations(anything, place=PLACE, endpoint="x", now=anything),
    }
    unknown = []
    for service, operations in served.items():
        reference = reference_of(prefix_of(service))
        assert reference is not None
        names = [action_of(service, operation, {}) for operation in operations]
        unknown += [name for name in names if name.partition(":")[2] not in reference.actions and name not in FREE]

    assert [] == unknown


def test_the_reference_has_every_service_that_is_modelled() -> None:
    assert {"ecs", "ecr", "elasticloadbalancing", "iam", "sts", "s3", "logs", "cloudformation"} <= set(known_prefixes())
