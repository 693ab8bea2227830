"""Each resource type is made, changed in place, replaced and removed on a region, and leaves nothing behind."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from region_bench import RegionBench, allowing, task_definition, trust_policy

from ninelives.stacks.drift import _differences
from ninelives.stacks.resource_type import Replacement, Request
from ninelives.stacks.schemas import schema_of
from ninelives.stacks.types import TYPES

Properties = Callable[[RegionBench], Mapping[str, Any]]
ARN = "arn:aws:{}:eu-west-1:111122223333:{}"
TAGS = [{"Key": "team", "Value": "cats"}]
OTHER_TAGS = [{"Key": "team", "Value": "dogs"}]


@dataclass(frozen=True, kw_only=True)
class Life:
    """``made``, then ``changed`` in place, then ``replaced`` by a new resource; None where a type knows no such change."""

    made: Properties
    changed: Properties | None = None
    replaced: Properties | None = None
    ref: str
    """What ``Ref`` answers, as a regular expression."""
    shows: Mapping[str, str] | None = None
    """What ``Fn::GetAtt`` answers, as regular expressions."""
    silent: str = ""
    """Properties that the API never shows again."""


def also(base: Mapping[str, Any], **more: Any) -> Mapping[str, Any]:
    return {**base, **more}


def rule(**more: Any) -> Mapping[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **more}


def forward(arn: str) -> list[Mapping[str, Any]]:
    return [{"Type": "forward", "TargetGroupArn": arn}]


def service(region: RegionBench, **more: Any) -> Mapping[str, Any]:
    return {
        "Cluster": region.cluster,
        "TaskDefinition": region.task_definitions[0],
        "DesiredCount": 1,
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": region.subnets, "AssignPublicIp": "DISABLED"}},
        "DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}},
        **more,
    }


def alarm(**more: Any) -> Mapping[str, Any]:
    return {
        "Namespace": "Cats",
        "MetricName": "Meows",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        **more,
    }


def tracking(percent: int) -> Mapping[str, Any]:
    metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    return {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": percent, "PredefinedMetricSpecification": metric}}


EC2 = {
    "VPC": Life(
        made=lambda _: {"CidrBlock": "10.9.0.0/16", "EnableDnsHostnames": True, "Tags": TAGS},
        changed=lambda _: {"CidrBlock": "10.9.0.0/16", "EnableDnsHostnames": False, "Tags": OTHER_TAGS},
        replaced=lambda _: {"CidrBlock": "10.8.0.0/16"},
        ref=r"vpc-\w+",
        shows={"CidrBlock": "10.9.0.0/16", "DefaultSecurityGroup": r"sg-\w+", "DefaultNetworkAcl": r"acl-\w+"},
    ),
    "Subnet": Life(
        made=lambda it: {"VpcId": it.vpc, "CidrBlock": "10.0.50.0/24", "MapPublicIpOnLaunch": True, "Tags": TAGS},
        changed=lambda it: {"VpcId": it.vpc, "CidrBlock": "10.0.50.0/24", "MapPublicIpOnLaunch": False},
        replaced=lambda it: {"VpcId": it.vpc, "CidrBlock": "10.0.51.0/24"},
        ref=r"subnet-\w+",
        shows={"AvailabilityZone": r"eu-west-1\w", "NetworkAclAssociationId": r"aclassoc-\w+"},
    ),
    "InternetGateway": Life(made=lambda _: {"Tags": TAGS}, changed=lambda _: {"Tags": OTHER_TAGS}, ref=r"igw-\w+"),
    "VPCGatewayAttachment": Life(
        made=lambda it: {"VpcId": it.spare_vpc, "InternetGatewayId": it.spare_gateways[0]},
        changed=lambda it: {"VpcId": it.spare_vpc, "InternetGatewayId": it.spare_gateways[1]},
        ref=r"IGW\|vpc-\w+",
        shows={"AttachmentType": "IGW"},
    ),
    "RouteTable": Life(
        made=lambda it: {"VpcId": it.vpc, "Tags": TAGS},
        changed=lambda it: {"VpcId": it.vpc},
        replaced=lambda it: {"VpcId": it.spare_vpc},
        ref=r"rtb-\w+",
    ),
    "Route": Life(
        made=lambda it: {"RouteTableId": it.route_tables[0], "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": it.gateway},
        changed=lambda it: {
            "RouteTableId": it.route_tables[0],
            "DestinationCidrBlock": "0.0.0.0/0",
            "NatGatewayId": it.nat_gateway,
        },
        replaced=lambda it: {"RouteTableId": it.route_tables[0], "DestinationCidrBlock": "1.0.0.0/8", "GatewayId": it.gateway},
        ref=r"rtb-\w+\|0.0.0.0/0",
        shows={"CidrBlock": "0.0.0.0/0"},
    ),
    "SubnetRouteTableAssociation": Life(
        made=lambda it: {"RouteTableId": it.route_tables[0], "SubnetId": it.subnets[0]},
        replaced=lambda it: {"RouteTableId": it.route_tables[1], "SubnetId": it.subnets[1]},
        ref=r"rtbassoc-\w+",
    ),
    "EIP": Life(
        made=lambda _: {"Domain": "vpc", "Tags": TAGS},
        changed=lambda _: {"Domain": "vpc", "Tags": OTHER_TAGS},
        ref=r"[\d.]+",
        shows={"AllocationId": r"eipalloc-\w+", "PublicIp": r"[\d.]+"},
    ),
    "NatGateway": Life(
        made=lambda it: {"SubnetId": it.subnets[0], "AllocationId": it.address, "Tags": TAGS},
        changed=lambda it: {"SubnetId": it.subnets[0], "AllocationId": it.address, "Tags": OTHER_TAGS},
        replaced=lambda it: {"SubnetId": it.subnets[1], "ConnectivityType": "private"},
        ref=r"nat-\w+",
    ),
    "SecurityGroup": Life(
        made=lambda it: {
            "GroupDescription": "web",
            "VpcId": it.vpc,
            "SecurityGroupIngress": [rule(CidrIp="0.0.0.0/0", Description="all"), rule(FromPort=443, CidrIp="10.0.0.0/8")],
            "SecurityGroupEgress": [rule(CidrIp="10.0.0.0/16")],
        },
        changed=lambda it: {
            "GroupDescription": "web",
            "VpcId": it.vpc,
            "SecurityGroupIngress": [rule(SourceSecurityGroupId=it.groups[0])],
        },
        replaced=lambda it: {"GroupDescription": "other", "VpcId": it.vpc},
        ref=r"sg-\w+",
        shows={"GroupId": r"sg-\w+", "VpcId": r"vpc-\w+"},
    ),
    "SecurityGroupIngress": Life(
        made=lambda it: rule(GroupId=it.groups[0], CidrIp="10.1.0.0/16", Description="one"),
        changed=lambda it: rule(GroupId=it.groups[0], CidrIp="10.1.0.0/16", Description="two"),
        replaced=lambda it: rule(GroupId=it.groups[0], SourceSecurityGroupId=it.groups[1]),
        ref=r"sgr-\w+",
    ),
    "SecurityGroupEgress": Life(
        made=lambda it: rule(GroupId=it.groups[0], CidrIp="10.1.0.0/16"),
        changed=lambda it: rule(GroupId=it.groups[0], CidrIp="10.1.0.0/16", Description="two"),
        replaced=lambda it: rule(GroupId=it.groups[0], DestinationSecurityGroupId=it.groups[1]),
        ref=r"sgr-\w+",
    ),
    "VPCEndpoint": Life(
        made=lambda it: {
            "VpcId": it.vpc,
            "ServiceName": "com.amazonaws.eu-west-1.s3",
            "VpcEndpointType": "Gateway",
            "RouteTableIds": it.route_tables[:1],
        },
        changed=lambda it: {
            "VpcId": it.vpc,
            "ServiceName": "com.amazonaws.eu-west-1.s3",
            "VpcEndpointType": "Gateway",
            "RouteTableIds": it.route_tables[:1],
            "PolicyDocument": allowing("s3:GetObject"),
        },
        replaced=lambda it: {"VpcId": it.vpc, "ServiceName": "com.amazonaws.eu-west-1.dynamodb"},
        ref=r"vpce-\w+",
    ),
}

LOAD_BALANCING = {
    "LoadBalancer": Life(
        made=lambda it: {
            "Subnets": it.subnets,
            "SecurityGroups": it.groups[:1],
            "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "30"}],
            "Tags": TAGS,
        },
        changed=lambda it: {
            "Subnets": it.subnets,
            "SecurityGroups": it.groups[1:],
            "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "90"}],
        },
        replaced=lambda it: {"Subnets": it.subnets, "Scheme": "internal"},
        ref=ARN.format("elasticloadbalancing", r"loadbalancer/app/cats-It-1A2B3C4D5E6F/\w+"),
        shows={"LoadBalancerFullName": r"app/cats-It-1A2B3C4D5E6F/\w+", "DNSName": ".+", "CanonicalHostedZoneID": r"Z\w+"},
    ),
    "TargetGroup": Life(
        made=lambda it: {
            "Protocol": "HTTP",
            "Port": 80,
            "VpcId": it.vpc,
            "TargetType": "ip",
            "HealthCheckPath": "/health",
            "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
            "Targets": [{"Id": "10.0.0.10", "Port": 80}],
        },
        changed=lambda it: {
            "Protocol": "HTTP",
            "Port": 80,
            "VpcId": it.vpc,
            "TargetType": "ip",
            "HealthCheckPath": "/",
            "HealthCheckIntervalSeconds": 10,
            "Matcher": {"HttpCode": "200-299"},
            "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}],
            "Targets": [{"Id": "10.0.0.11", "Port": 80}],
            "Tags": TAGS,
        },
        replaced=lambda it: {"Protocol": "HTTP", "Port": 81, "VpcId": it.vpc, "TargetType": "ip"},
        ref=ARN.format("elasticloadbalancing", r"targetgroup/cats-It-1A2B3C4D5E6F/\w+"),
        shows={"TargetGroupFullName": r"targetgroup/cats-It-1A2B3C4D5E6F/\w+", "TargetGroupName": "cats-It-1A2B3C4D5E6F"},
    ),
    "Listener": Life(
        made=lambda it: {
            "LoadBalancerArn": it.load_balancer,
            "Port": 9000,
            "Protocol": "HTTP",
            "DefaultActions": forward(it.target_groups[0]),
        },
        changed=lambda it: {
            "LoadBalancerArn": it.load_balancer,
            "Port": 9001,
            "Protocol": "HTTP",
            "DefaultActions": [
                {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain"}}
            ],
            "Tags": TAGS,
        },
        ref=ARN.format("elasticloadbalancing", r"listener/app/cats-Front-1A2B3C4D5E6F/\w+/\w+"),
        shows={"ListenerArn": ".*:listener/app/.*"},
    ),
    "ListenerRule": Life(
        made=lambda it: {
            "ListenerArn": it.listener,
            "Priority": 10,
            "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"]}}],
            "Actions": forward(it.target_groups[0]),
        },
        changed=lambda it: {
            "ListenerArn": it.listener,
            "Priority": 11,
            "Conditions": [{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x-cat", "Values": ["yes"]}}],
            "Actions": forward(it.target_groups[1]),
        },
        replaced=lambda it: {
            "ListenerArn": it.https_listener,
            "Priority": 10,
            "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["cats.example.com"]}}],
            "Actions": forward(it.target_groups[0]),
        },
        ref=ARN.format("elasticloadbalancing", r"listener-rule/app/cats-Front-1A2B3C4D5E6F/\w+/\w+/\w+"),
        shows={"RuleArn": ".*:listener-rule/app/.*"},
    ),
    "ListenerCertificate": Life(
        made=lambda it: {"ListenerArn": it.https_listener, "Certificates": [{"CertificateArn": it.certificates[1]}]},
        ref="cats-It-1A2B3C4D5E6F",
    ),
}

ECS = {
    "Cluster": Life(
        made=lambda _: {
            "ClusterName": "cats",
            "ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}],
            "CapacityProviders": ["FARGATE"],
            "Tags": TAGS,
        },
        changed=lambda _: {
            "ClusterName": "cats",
            "ClusterSettings": [{"Name": "containerInsights", "Value": "disabled"}],
            "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
            "DefaultCapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}],
        },
        replaced=lambda _: {"ClusterName": "dogs"},
        ref="cats",
        shows={"Arn": ARN.format("ecs", "cluster/cats")},
    ),
    "ClusterCapacityProviderAssociations": Life(
        made=lambda it: {
            "Cluster": it.cluster,
            "CapacityProviders": ["FARGATE"],
            "DefaultCapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 1}],
        },
        changed=lambda it: {
            "Cluster": it.cluster,
            "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
            "DefaultCapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 2}],
        },
        ref="cats-Cluster-1A2B3C4D5E6F",
    ),
    "TaskDefinition": Life(
        made=lambda _: also(task_definition("cats:7"), Family="lives", Tags=TAGS),
        changed=lambda _: also(task_definition("cats:7"), Family="lives", Tags=OTHER_TAGS),
        replaced=lambda _: also(task_definition("cats:8"), Family="lives"),
        ref=ARN.format("ecs", r"task-definition/lives:1"),
        shows={"TaskDefinitionArn": ".*:task-definition/lives:1"},
    ),
    "Service": Life(
        made=lambda it: service(it, ServiceName="cats", Tags=TAGS),
        changed=lambda it: service(it, ServiceName="cats", DesiredCount=2, TaskDefinition=it.task_definitions[1]),
        replaced=lambda it: service(it, ServiceName="dogs"),
        ref=ARN.format("ecs", r"service/cats-Cluster-1A2B3C4D5E6F/cats"),
        shows={"Name": "cats", "ServiceArn": ".*:service/.*/cats"},
    ),
}

IAM = {
    "Role": Life(
        made=lambda it: {
            "AssumeRolePolicyDocument": trust_policy("ecs-tasks.amazonaws.com"),
            "ManagedPolicyArns": [it.managed_policy],
            "Policies": [{"PolicyName": "logs", "PolicyDocument": allowing("logs:*")}],
            "Tags": TAGS,
        },
        changed=lambda _: {
            "AssumeRolePolicyDocument": trust_policy("ecs.amazonaws.com"),
            "Description": "of cats",
            "MaxSessionDuration": 7200,
            "Policies": [{"PolicyName": "logs", "PolicyDocument": allowing("logs:PutLogEvents")}],
        },
        replaced=lambda _: {"AssumeRolePolicyDocument": trust_policy("ecs.amazonaws.com"), "Path": "/cats/"},
        ref="cats-It-1A2B3C4D5E6F",
        shows={"Arn": "arn:aws:iam::111122223333:role/cats-It-1A2B3C4D5E6F", "RoleId": "AROA.*"},
    ),
    "Policy": Life(
        made=lambda it: {"PolicyName": "p", "PolicyDocument": allowing("s3:*"), "Roles": it.roles[:1]},
        changed=lambda it: {"PolicyName": "q", "PolicyDocument": allowing("s3:Get*"), "Roles": it.roles[1:]},
        ref="cats-It-1A2B3C4D5E6F",
    ),
    "RolePolicy": Life(
        made=lambda it: {"PolicyName": "p", "RoleName": it.roles[0], "PolicyDocument": allowing("s3:*")},
        changed=lambda it: {"PolicyName": "p", "RoleName": it.roles[0], "PolicyDocument": allowing("s3:Get*")},
        replaced=lambda it: {"PolicyName": "p", "RoleName": it.roles[1], "PolicyDocument": allowing("s3:Get*")},
        ref=r"p\|cats-Role0-1A2B3C4D5E6F",
    ),
    "ManagedPolicy": Life(
        made=lambda it: {"PolicyDocument": allowing("s3:*"), "Roles": it.roles[:1], "Description": "s3"},
        changed=lambda it: {"PolicyDocument": allowing("s3:Get*"), "Roles": it.roles[1:], "Description": "s3"},
        replaced=lambda _: {"PolicyDocument": allowing("s3:Get*"), "Description": "other"},
        ref="arn:aws:iam::111122223333:policy/cats-It-1A2B3C4D5E6F",
        shows={"PolicyArn": "arn:aws:iam::.*", "PolicyId": r"\w+", "DefaultVersionId": "v1"},
    ),
    "OIDCProvider": Life(
        made=lambda _: {
            "Url": "https://token.actions.githubusercontent.com",
            "ClientIdList": ["sts.amazonaws.com"],
            "ThumbprintList": ["a" * 40],
        },
        changed=lambda _: {
            "Url": "https://token.actions.githubusercontent.com",
            "ClientIdList": ["sts.amazonaws.com", "cats"],
            "ThumbprintList": ["b" * 40],
            "Tags": TAGS,
        },
        replaced=lambda _: {"Url": "https://oidc.example.com", "ThumbprintList": ["b" * 40]},
        ref="arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com",
        shows={"Arn": "arn:aws:iam::111122223333:oidc-provider/.*"},
    ),
    "ServiceLinkedRole": Life(
        made=lambda _: {"AWSServiceName": "ecs.amazonaws.com", "Description": "one"},
        changed=lambda _: {"AWSServiceName": "ecs.amazonaws.com", "Description": "two"},
        replaced=lambda _: {"AWSServiceName": "elasticloadbalancing.amazonaws.com"},
        ref="AWSServiceRoleFor(?i:ecs)",
        silent="AWSServiceName",
    ),
    "InstanceProfile": Life(
        made=lambda it: {"Roles": it.roles[:1]},
        changed=lambda it: {"Roles": it.roles[1:]},
        replaced=lambda it: {"Roles": it.roles[1:], "Path": "/cats/"},
        ref="cats-It-1A2B3C4D5E6F",
        shows={"Arn": "arn:aws:iam::111122223333:instance-profile/cats-It-1A2B3C4D5E6F"},
    ),
}

LIFECYCLE = (
    '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan",'
    ' "countNumber": 5}, "action": {"type": "expire"}}]}'
)

OTHERS = {
    "ECR::Repository": Life(
        made=lambda _: {
            "RepositoryName": "cats",
            "ImageTagMutability": "IMMUTABLE",
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "LifecyclePolicy": {"LifecyclePolicyText": LIFECYCLE},
            "Tags": TAGS,
        },
        changed=lambda _: {
            "RepositoryName": "cats",
            "ImageTagMutability": "MUTABLE",
            "RepositoryPolicyText": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
            },
        },
        replaced=lambda _: {"RepositoryName": "dogs"},
        ref="cats",
        shows={"Arn": ARN.format("ecr", "repository/cats"), "RepositoryUri": ".*/cats"},
    ),
    "Logs::LogGroup": Life(
        made=lambda _: {"LogGroupName": "/cats", "RetentionInDays": 7, "Tags": TAGS},
        changed=lambda _: {"LogGroupName": "/cats", "Tags": OTHER_TAGS},
        replaced=lambda _: {"LogGroupName": "/dogs"},
        ref="/cats",
        shows={"Arn": ARN.format("logs", r"log-group:/cats:\*")},
    ),
    "Logs::LogStream": Life(
        made=lambda it: {"LogGroupName": it.log_group, "LogStreamName": "one"},
        replaced=lambda it: {"LogGroupName": it.log_group, "LogStreamName": "two"},
        ref="one",
    ),
    "Logs::MetricFilter": Life(
        made=lambda it: {
            "LogGroupName": it.log_group,
            "FilterPattern": "ERROR",
            "MetricTransformations": [{"MetricName": "Errors", "MetricNamespace": "Cats", "MetricValue": "1"}],
        },
        changed=lambda it: {
            "LogGroupName": it.log_group,
            "FilterPattern": "FATAL",
            "MetricTransformations": [{"MetricName": "Errors", "MetricNamespace": "Cats", "MetricValue": "2"}],
        },
        replaced=lambda it: {
            "LogGroupName": it.log_group,
            "FilterName": "named",
            "FilterPattern": "FATAL",
            "MetricTransformations": [{"MetricName": "Errors", "MetricNamespace": "Cats", "MetricValue": "2"}],
        },
        ref="cats-It-1A2B3C4D5E6F",
    ),
    "CloudWatch::Alarm": Life(
        made=lambda _: alarm(AlarmName="meows", Tags=TAGS),
        changed=lambda _: alarm(AlarmName="meows", Threshold=2, AlarmDescription="loud"),
        replaced=lambda _: alarm(AlarmName="barks"),
        ref="meows",
        shows={"Arn": ARN.format("cloudwatch", "alarm:meows")},
    ),
    "CloudWatch::CompositeAlarm": Life(
        made=lambda it: {"AlarmName": "both", "AlarmRule": f"ALARM({it.alarm})"},
        changed=lambda it: {"AlarmName": "both", "AlarmRule": f"NOT ALARM({it.alarm})", "Tags": TAGS},
        replaced=lambda it: {"AlarmName": "two", "AlarmRule": f"ALARM({it.alarm})"},
        ref="both",
        shows={"Arn": ARN.format("cloudwatch", "alarm:both")},
    ),
    "CloudWatch::Dashboard": Life(
        made=lambda _: {"DashboardName": "cats", "DashboardBody": '{"widgets": []}'},
        changed=lambda _: {"DashboardName": "cats", "DashboardBody": '{"widgets": [], "start": "-PT1H"}'},
        replaced=lambda _: {"DashboardName": "dogs", "DashboardBody": '{"widgets": []}'},
        ref="cats",
    ),
    "S3::Bucket": Life(
        made=lambda _: {
            "BucketName": "cats-pictures",
            "AccessControl": "Private",
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
            },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "VersioningConfiguration": {"Status": "Enabled"},
            "LifecycleConfiguration": {
                "Rules": [
                    {"Id": "old", "Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 30}},
                    {"Id": "parts", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
                    {"Id": "logs", "Status": "Enabled", "Prefix": "logs/", "ExpirationInDays": 7},
                ]
            },
            "Tags": TAGS,
        },
        changed=lambda _: {
            "BucketName": "cats-pictures",
            "VersioningConfiguration": {"Status": "Suspended"},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
            "Tags": OTHER_TAGS,
        },
        replaced=lambda _: {"BucketName": "dogs-pictures"},
        ref="cats-pictures",
        shows={
            "Arn": "arn:aws:s3:::cats-pictures",
            "DomainName": "cats-pictures.s3.amazonaws.com",
            "RegionalDomainName": "cats-pictures.s3.eu-west-1.amazonaws.com",
        },
        silent="AccessControl LifecycleConfiguration OwnershipControls",
    ),
    "S3::BucketPolicy": Life(
        made=lambda it: {"Bucket": it.buckets[0], "PolicyDocument": allowing("s3:GetObject")},
        changed=lambda it: {"Bucket": it.buckets[0], "PolicyDocument": allowing("s3:PutObject")},
        replaced=lambda it: {"Bucket": it.buckets[1], "PolicyDocument": allowing("s3:PutObject")},
        ref="cats-bucket0-1a2b3c4d5e6f",
    ),
    "SNS::Topic": Life(
        made=lambda it: {
            "TopicName": "meows",
            "DisplayName": "cats",
            "Subscription": [{"Protocol": "sqs", "Endpoint": it.queues[0].attributes["Arn"]}],
            "Tags": TAGS,
        },
        changed=lambda it: {
            "TopicName": "meows",
            "DisplayName": "dogs",
            "Subscription": [{"Protocol": "sqs", "Endpoint": it.queues[1].attributes["Arn"]}],
        },
        replaced=lambda _: {"TopicName": "barks"},
        ref=ARN.format("sns", "meows"),
        shows={"TopicArn": ARN.format("sns", "meows"), "TopicName": "meows"},
    ),
    "SNS::Subscription": Life(
        made=lambda it: {"TopicArn": it.topics[0], "Protocol": "sqs", "Endpoint": it.queues[0].attributes["Arn"]},
        changed=lambda it: {
            "TopicArn": it.topics[0],
            "Protocol": "sqs",
            "Endpoint": it.queues[0].attributes["Arn"],
            "RawMessageDelivery": True,
        },
        replaced=lambda it: {"TopicArn": it.topics[1], "Protocol": "sqs", "Endpoint": it.queues[0].attributes["Arn"]},
        ref=ARN.format("sns", r"cats-Topic0-1A2B3C4D5E6F:[\w-]+"),
        shows={"Arn": ".*:sns:.*"},
    ),
    "SNS::TopicPolicy": Life(
        made=lambda it: {"Topics": it.topics[:1], "PolicyDocument": allowing("sns:Publish")},
        changed=lambda it: {"Topics": it.topics[1:], "PolicyDocument": allowing("sns:Subscribe")},
        ref="cats-It-1A2B3C4D5E6F",
    ),
    "SQS::Queue": Life(
        made=lambda _: {"QueueName": "meows", "VisibilityTimeout": 60, "Tags": TAGS},
        changed=lambda _: {"QueueName": "meows", "DelaySeconds": 5, "Tags": OTHER_TAGS},
        replaced=lambda _: {"QueueName": "barks.fifo", "FifoQueue": True},
        ref=r"https?://.*/111122223333/meows",
        shows={"Arn": ARN.format("sqs", "meows"), "QueueName": "meows", "QueueUrl": ".*/meows"},
    ),
    "SQS::QueuePolicy": Life(
        made=lambda it: {"Queues": [it.queues[0].physical_id], "PolicyDocument": allowing("sqs:SendMessage")},
        changed=lambda it: {"Queues": [it.queues[1].physical_id], "PolicyDocument": allowing("sqs:ReceiveMessage")},
        ref="cats-It-1A2B3C4D5E6F",
    ),
    "SSM::Parameter": Life(
        made=lambda _: {"Name": "/cats/name", "Type": "String", "Value": "Tom", "Tags": {"team": "cats"}},
        changed=lambda _: {"Name": "/cats/name", "Type": "String", "Value": "Felix", "Description": "another"},
        replaced=lambda _: {"Name": "/dogs/name", "Type": "String", "Value": "Rex"},
        ref="/cats/name",
        shows={"Type": "String", "Value": "Tom"},
        silent="Description",
    ),
    "SecretsManager::Secret": Life(
        made=lambda _: {"Name": "cats/key", "SecretString": "meow", "Tags": TAGS},
        changed=lambda _: {
            "Name": "cats/key",
            "Description": "of cats",
            "GenerateSecretString": {"SecretStringTemplate": '{"user": "tom"}', "GenerateStringKey": "password"},
        },
        replaced=lambda _: {"Name": "dogs/key"},
        ref=ARN.format("secretsmanager", r"secret:cats/key-\w+"),
        shows={"Id": ".*:secret:cats/key-.*"},
        silent="SecretString GenerateSecretString",
    ),
    "KMS::Key": Life(
        made=lambda _: {"KeyPolicy": allowing("kms:*"), "EnableKeyRotation": True, "Tags": TAGS},
        changed=lambda _: {"KeyPolicy": allowing("kms:Describe*"), "Description": "cats", "Enabled": False},
        ref=r"[\w-]{36}",
        shows={"Arn": ARN.format("kms", r"key/[\w-]{36}"), "KeyId": r"[\w-]{36}"},
    ),
    "KMS::Alias": Life(
        made=lambda it: {"AliasName": "alias/cats", "TargetKeyId": it.keys[0]},
        changed=lambda it: {"AliasName": "alias/cats", "TargetKeyId": it.keys[1]},
        replaced=lambda it: {"AliasName": "alias/dogs", "TargetKeyId": it.keys[1]},
        ref="alias/cats",
    ),
    "Events::Rule": Life(
        made=lambda it: {
            "Name": "meows",
            "EventPattern": {"source": ["aws.ecs"]},
            "State": "ENABLED",
            "Targets": [{"Id": "q", "Arn": it.queues[0].attributes["Arn"]}],
        },
        changed=lambda it: {
            "Name": "meows",
            "EventPattern": {"source": ["cats"]},
            "State": "DISABLED",
            "Targets": [{"Id": "q", "Arn": it.queues[1].attributes["Arn"]}],
        },
        replaced=lambda _: {"Name": "barks", "ScheduleExpression": "rate(5 minutes)"},
        ref="meows",
        shows={"Arn": ARN.format("events", "rule/meows")},
    ),
    "ApplicationAutoScaling::ScalableTarget": Life(
        made=lambda it: {**it.scalable, "MinCapacity": 1, "MaxCapacity": 4},
        changed=lambda it: {
            **it.scalable,
            "MinCapacity": 2,
            "MaxCapacity": 8,
            "ScheduledActions": [
                {"ScheduledActionName": "night", "Schedule": "rate(1 day)", "ScalableTargetAction": {"MinCapacity": 1}}
            ],
        },
        ref=r"service/cats-Cluster-1A2B3C4D5E6F/.+\|ecs:service:DesiredCount\|ecs",
        silent="ScheduledActions",
    ),
    "ApplicationAutoScaling::ScalingPolicy": Life(
        made=lambda it: {
            "PolicyName": "cpu",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": it.scalable_target,
            **tracking(50),
        },
        changed=lambda it: {
            "PolicyName": "cpu",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": it.scalable_target,
            **tracking(60),
        },
        replaced=lambda it: {
            "PolicyName": "other",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": it.scalable_target,
            **tracking(60),
        },
        ref=ARN.format("autoscaling", r"scalingPolicy:[\w-]+:resource/ecs/service/.+:policyName/cpu"),
        shows={"Arn": ".*:policyName/cpu"},
    ),
    "ServiceDiscovery::PrivateDnsNamespace": Life(
        made=lambda it: {"Name": "birds.local", "Vpc": it.lone_vpcs[2], "Tags": TAGS},
        changed=lambda it: {"Name": "birds.local", "Vpc": it.lone_vpcs[2], "Description": "of birds"},
        replaced=lambda it: {"Name": "fish.local", "Vpc": it.lone_vpcs[3]},
        ref=r"ns-\w+",
        shows={"Arn": ARN.format("servicediscovery", r"namespace/ns-\w+"), "Id": r"ns-\w+"},
    ),
    "ServiceDiscovery::Service": Life(
        made=lambda it: {
            "Name": "web",
            "NamespaceId": it.namespaces[0],
            "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 10}]},
        },
        changed=lambda it: {
            "Name": "web",
            "NamespaceId": it.namespaces[0],
            "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 20}]},
            "Description": "of cats",
        },
        replaced=lambda it: {"Name": "web", "NamespaceId": it.namespaces[1]},
        ref=r"srv-\w+",
        shows={"Arn": ARN.format("servicediscovery", r"service/srv-\w+"), "Id": r"srv-\w+"},
    ),
    "CertificateManager::Certificate": Life(
        made=lambda _: {"DomainName": "birds.example.com", "ValidationMethod": "DNS", "Tags": TAGS},
        changed=lambda _: {"DomainName": "birds.example.com", "ValidationMethod": "DNS", "Tags": OTHER_TAGS},
        replaced=lambda _: {"DomainName": "fish.example.com", "SubjectAlternativeNames": ["www.fish.example.com"]},
        ref=ARN.format("acm", r"certificate/[\w-]+"),
    ),
    "CDK::Metadata": Life(
        made=lambda _: {"Analytics": "v2:deflate64:one"},
        changed=lambda _: {"Analytics": "v2:deflate64:two"},
        ref="cats-It-1A2B3C4D5E6F",
    ),
}

GROUPS: Mapping[str, Mapping[str, Life]] = {
    "AWS::EC2::": EC2,
    "AWS::ElasticLoadBalancingV2::": LOAD_BALANCING,
    "AWS::ECS::": ECS,
    "AWS::IAM::": IAM,
    "AWS::": OTHERS,
}
LIVES = {f"{prefix}{name}": life for prefix, lives in GROUPS.items() for name, life in lives.items()}

SERVICES = {
    "ApplicationAutoScaling": "application-autoscaling",
    "CertificateManager": "acm",
    "ElasticLoadBalancingV2": "elbv2",
}
"""botocore's names of services that are not the type's own."""

MADE_AGAIN = {
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CDK::Metadata",
    "AWS::CertificateManager::Certificate",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::ListenerCertificate",
    "AWS::IAM::Policy",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::ServiceLinkedRole",
    "AWS::KMS::Key",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::ServiceDiscovery::PrivateDnsNamespace",
    "AWS::ServiceDiscovery::Service",
}
"""Types whose interrupted creation is begun again: put anew without harm, or known to the service by its token.

A task definition gets a revision more, a key is left behind; a namespace, a Cloud Map service and a service-linked role that
are there already fail the stack, which is rolled back.
"""

NOTHING_REAL = {"AWS::CDK::Metadata"}
"""Types that make nothing: a note in the template is all there is."""


@pytest.mark.parametrize("type_name", sorted(LIVES))
def test_a_resource_is_made_changed_replaced_and_removed(region: RegionBench, type_name: str) -> None:
    life = LIVES[type_name]
    wanted = [dict(properties(region)) for properties in (life.made, life.changed, life.replaced) if properties]
    service_name = SERVICES.get(type_name.split("::")[1], type_name.split("::")[1].lower())
    before = region.inventory(service_name)

    made = region.create(type_name, **wanted[0])
    assert re.fullmatch(life.ref, made.physical_id), made.physical_id
    for name, pattern in (life.shows or {}).items():
        assert re.fullmatch(pattern, str(made.attributes[name])), (name, made.attributes[name])
    assert made.attributes.keys() <= schema_of(type_name).attribute_names
    assert_live(region, type_name, made, life.silent)
    found = region.find(type_name, replace(made, physical_id="", attributes={}))
    assert found == (None if type_name in MADE_AGAIN else made.physical_id)

    if life.changed is not None:
        changed = dict(life.changed(region))
        assert not _replacing(type_name, wanted[0], changed), "this is no change in place"
        physical_id = made.physical_id
        made = region.update(type_name, made, **changed)
        assert made.physical_id == physical_id
        assert_live(region, type_name, made, life.silent)

    if life.replaced is not None:
        other = dict(life.replaced(region))
        assert _replacing(type_name, made.properties, other), "this is a change in place"
        if schema_of(type_name).is_deleted_first:
            region.delete(type_name, made)
        old, made = made, region.create(type_name, suffix="6F5E4D3C2B1A", **other)
        assert made.physical_id != old.physical_id
        assert_live(region, type_name, made, life.silent)
        if not schema_of(type_name).is_deleted_first:
            region.delete(type_name, old)
            assert region.read(type_name, old) is None

    region.delete(type_name, made)
    if type_name not in NOTHING_REAL:
        assert region.read(type_name, made) is None
    assert before == region.inventory(service_name)


def assert_live(region: RegionBench, type_name: str, made: Request, silent: str) -> None:
    """What is live is what was asked for: nothing has drifted, and all is told but what the API never shows again."""
    live = region.read(type_name, made)
    assert live is not None
    unread = schema_of(type_name).write_only | {"Tags"}
    asked = {name: value for name, value in made.properties.items() if name not in unread}
    assert asked.keys() - live.keys() == set(silent.split()) & asked.keys()
    told = {name: value for name, value in made.properties.items() if name in live}
    assert [] == list(_differences(told, {name: live[name] for name in told}, ""))


def _replacing(type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    told = {name: TYPES[type_name].replacement(name, before, after) for name in changed}
    schema = schema_of(type_name)
    return any((told[name] or schema.replacement(name)) is Replacement.TRUE for name in changed)


def test_every_type_has_a_life() -> None:
    elsewhere = ["AWS::CloudFormation::Stack", "AWS::CloudFormation::WaitConditionHandle"]  # tests/api/test_cloudformation.py

    assert sorted(TYPES) == sorted([*LIVES, *elsewhere])
