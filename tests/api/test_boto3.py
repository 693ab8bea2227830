"""boto3: every operation of ECS, ELBv2, CloudWatch, scaling and EventBridge that the region serves, one after the other, each
with a part of its answer that shows what it did.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import botocore
import jmespath  # type: ignore[import-untyped]  # it has no stubs
import pytest
from botocore.exceptions import ClientError
from ecs_world import NETWORK, PLACE, container
from test_aws_cli import CERTIFICATE, EVENT, PATTERN, Got, Region

NO_TASK_SETS = "only supports task set management"
SERVICE = PLACE.service("c", "s")


class Ask(NamedTuple):
    operation: str
    parameters: dict[str, Any] | Callable[[Got], dict[str, Any]]
    shows: str = ""
    """A JMESPath of the answer; for one that is refused, what the error says."""
    value: Any = None
    keep: str = ""
    """Keep what ``shows`` finds under this name, whatever it is."""
    is_refused: bool = False


def of(**members: str) -> Callable[[Got], dict[str, Any]]:
    """Parameters that were kept, by their names."""
    return lambda got: {member: got[name] for member, name in members.items()}


def to_group(got: Got) -> list[dict[str, str]]:
    return [{"Type": "forward", "TargetGroupArn": got["group"]}]


def at_path(path: str) -> list[dict[str, Any]]:
    return [{"Field": "path-pattern", "Values": [path]}]


ELB = [
    Ask(
        "CreateLoadBalancer",
        {"Name": "front", "Subnets": ["subnet-a", "subnet-b"], "SecurityGroups": ["sg-1"]},
        "LoadBalancers[0].LoadBalancerArn",
        keep="balancer",
    ),
    Ask(
        "CreateTargetGroup",
        {"Name": "cats", "Protocol": "HTTP", "Port": 4567, "VpcId": "vpc-1", "TargetType": "ip"},
        "TargetGroups[0].TargetGroupArn",
        keep="group",
    ),
    Ask(
        "CreateListener",
        lambda got: {
            "LoadBalancerArn": got["balancer"],
            "Protocol": "HTTP",
            "Port": 8080,
            "DefaultActions": to_group(got),
        },
        "Listeners[0].ListenerArn",
        keep="listener",
    ),
    Ask(
        "CreateRule",
        lambda got: {
            "ListenerArn": got["listener"],
            "Priority": 5,
            "Conditions": at_path("/api/*"),
            "Actions": to_group(got),
        },
        "Rules[0].RuleArn",
        keep="rule",
    ),
    Ask("RegisterTargets", lambda got: {"TargetGroupArn": got["group"], "Targets": [{"Id": "10.0.0.1", "Port": 4567}]}),
    Ask("DescribeTargetHealth", of(TargetGroupArn="group"), "TargetHealthDescriptions[].Target.Id", ["10.0.0.1"]),
    Ask("DeregisterTargets", lambda got: {"TargetGroupArn": got["group"], "Targets": [{"Id": "10.0.0.1"}]}),
    Ask("DescribeLoadBalancers", {"Names": ["front"]}, "LoadBalancers[].Scheme", ["internet-facing"]),
    Ask("DescribeTargetGroups", of(LoadBalancerArn="balancer"), "TargetGroups[].TargetGroupName", ["cats"]),
    Ask("DescribeListeners", of(LoadBalancerArn="balancer"), "Listeners[].Port", [8080]),
    Ask("DescribeRules", of(ListenerArn="listener"), "Rules[].Priority", ["5", "default"]),
    Ask("AddTags", lambda got: {"ResourceArns": [got["balancer"]], "Tags": [{"Key": "team", "Value": "cats"}]}),
    Ask("DescribeTags", lambda got: {"ResourceArns": [got["balancer"]]}, "TagDescriptions[].Tags[].Value", ["cats"]),
    Ask("RemoveTags", lambda got: {"ResourceArns": [got["balancer"]], "TagKeys": ["team"]}),
    Ask(
        "ModifyLoadBalancerAttributes",
        lambda got: {
            "LoadBalancerArn": got["balancer"],
            "Attributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "30"}],
        },
    ),
    Ask(
        "DescribeLoadBalancerAttributes",
        of(LoadBalancerArn="balancer"),
        "Attributes[?Key=='idle_timeout.timeout_seconds'].Value",
        ["30"],
    ),
    Ask(
        "ModifyTargetGroupAttributes",
        lambda got: {
            "TargetGroupArn": got["group"],
            "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}],
        },
    ),
    Ask(
        "DescribeTargetGroupAttributes",
        of(TargetGroupArn="group"),
        "Attributes[?Key=='deregistration_delay.timeout_seconds'].Value",
        ["5"],
    ),
    Ask(
        "ModifyListenerAttributes",
        lambda got: {
            "ListenerArn": got["listener"],
            "Attributes": [{"Key": "routing.http.response.server.enabled", "Value": "false"}],
        },
    ),
    Ask(
        "DescribeListenerAttributes",
        of(ListenerArn="listener"),
        "Attributes[?Key=='routing.http.response.server.enabled'].Value",
        ["false"],
    ),
    Ask(
        "ModifyTargetGroup",
        lambda got: {"TargetGroupArn": got["group"], "HealthCheckPath": "/up"},
        "TargetGroups[].HealthCheckPath",
        ["/up"],
    ),
    Ask("ModifyListener", lambda got: {"ListenerArn": got["listener"], "Port": 8081}, "Listeners[].Port", [8081]),
    Ask(
        "ModifyRule",
        lambda got: {"RuleArn": got["rule"], "Conditions": at_path("/v2/*")},
        "Rules[].Conditions[].Values[]",
        ["/v2/*"],
    ),
    Ask(
        "SetRulePriorities",
        lambda got: {"RulePriorities": [{"RuleArn": got["rule"], "Priority": 9}]},
        "Rules[].Priority",
        ["9"],
    ),
    Ask(
        "SetSecurityGroups",
        lambda got: {"LoadBalancerArn": got["balancer"], "SecurityGroups": ["sg-2"]},
        "SecurityGroupIds",
        ["sg-2"],
    ),
    Ask(
        "SetSubnets",
        lambda got: {"LoadBalancerArn": got["balancer"], "Subnets": ["subnet-a", "subnet-b"]},
        "AvailabilityZones[].SubnetId",
        ["subnet-a", "subnet-b"],
    ),
    Ask(
        "SetIpAddressType", lambda got: {"LoadBalancerArn": got["balancer"], "IpAddressType": "ipv4"}, "IpAddressType", "ipv4"
    ),
    Ask(
        "CreateListener",
        lambda got: {
            "LoadBalancerArn": got["balancer"],
            "Protocol": "HTTPS",
            "Port": 8443,
            "Certificates": [{"CertificateArn": f"{CERTIFICATE}1"}],
            "DefaultActions": to_group(got),
        },
        "Listeners[0].ListenerArn",
        keep="tls",
    ),
    Ask(
        "AddListenerCertificates",
        lambda got: {"ListenerArn": got["tls"], "Certificates": [{"CertificateArn": f"{CERTIFICATE}2"}]},
    ),
    Ask(
        "DescribeListenerCertificates",
        of(ListenerArn="tls"),
        "Certificates[].CertificateArn | sort(@)",
        [f"{CERTIFICATE}1", f"{CERTIFICATE}2"],
    ),
    Ask(
        "RemoveListenerCertificates",
        lambda got: {"ListenerArn": got["tls"], "Certificates": [{"CertificateArn": f"{CERTIFICATE}2"}]},
    ),
    Ask("DescribeAccountLimits", {}, "Limits[?Name=='target-groups'].Name", ["target-groups"]),
    Ask("DescribeSSLPolicies", {"Names": ["ELBSecurityPolicy-2016-08"]}, "SslPolicies[].Name", ["ELBSecurityPolicy-2016-08"]),
]

PROVIDER = {"capacityProvider": "FARGATE", "weight": 1, "base": 1}
INSIGHTS = "containerInsights"
DEFINITION = {
    "family": "cats",
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [container()],
}
ECS = [
    Ask("CreateCluster", {"clusterName": "c"}, "cluster.status", "ACTIVE"),
    Ask(
        "UpdateCluster",
        {"cluster": "c", "settings": [{"name": INSIGHTS, "value": "enhanced"}]},
        "cluster.settings[].value",
        ["enhanced"],
    ),
    Ask(
        "UpdateClusterSettings",
        {"cluster": "c", "settings": [{"name": INSIGHTS, "value": "disabled"}]},
        "cluster.settings[].value",
        ["disabled"],
    ),
    Ask(
        "PutClusterCapacityProviders",
        {"cluster": "c", "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": [PROVIDER]},
        "cluster.capacityProviders",
        ["FARGATE"],
    ),
    Ask("DescribeClusters", {"clusters": ["c"]}, "clusters[].defaultCapacityProviderStrategy[]", [PROVIDER]),
    Ask("ListClusters", {}, "clusterArns", [PLACE.cluster("c")]),
    Ask("DescribeCapacityProviders", {"capacityProviders": ["FARGATE"]}, "capacityProviders[].status", ["ACTIVE"]),
    Ask("RegisterTaskDefinition", DEFINITION, "taskDefinition.revision", 1),
    Ask("RegisterTaskDefinition", DEFINITION, "taskDefinition.revision", 2),
    Ask("DescribeTaskDefinition", {"taskDefinition": "cats"}, "taskDefinition.revision", 2),
    Ask("ListTaskDefinitions", {"familyPrefix": "cats", "sort": "DESC"}, "length(taskDefinitionArns)", 2),
    Ask("ListTaskDefinitionFamilies", {"familyPrefix": "ca"}, "families", ["cats"]),
    Ask(
        "CreateService",
        lambda got: {
            "cluster": "c",
            "serviceName": "s",
            "taskDefinition": "cats:1",
            "desiredCount": 1,
            "launchType": "FARGATE",
            "networkConfiguration": NETWORK,
            "loadBalancers": [{"targetGroupArn": got["group"], "containerName": "web", "containerPort": 4567}],
        },
        "service.deployments[].status",
        ["PRIMARY"],
    ),
    Ask(
        "UpdateService",
        {"cluster": "c", "service": "s", "taskDefinition": "cats:2"},
        "service.deployments[0].id",
        keep="deployment",
    ),
    Ask("DescribeServices", {"cluster": "c", "services": ["s"]}, "services[].deployments[].status", ["PRIMARY", "ACTIVE"]),
    Ask("ListServices", {"cluster": "c"}, "serviceArns", [SERVICE]),
    Ask(
        "ListServiceDeployments",
        {"cluster": "c", "service": "s", "status": ["PENDING"]},
        "serviceDeployments[0].serviceDeploymentArn",
        keep="act",
    ),
    Ask(
        "DescribeServiceDeployments",
        lambda got: {"serviceDeploymentArns": [got["act"]]},
        "serviceDeployments[0].targetServiceRevision.arn",
        keep="revision",
    ),
    Ask(
        "DescribeServiceRevisions",
        lambda got: {"serviceRevisionArns": [got["revision"]]},
        "serviceRevisions[].taskDefinition",
        [PLACE.task_definition("cats", 2)],
    ),
    Ask(
        "ContinueServiceDeployment",
        lambda got: {"serviceDeploymentArn": got["act"], "hookId": "ecs-pause-1"},
        "Provided hookId is either completed",
        is_refused=True,
    ),
    Ask("StopServiceDeployment", of(serviceDeploymentArn="act"), "serviceDeploymentArn", keep="stopped"),
    Ask(
        "RunTask",
        {"cluster": "c", "taskDefinition": "cats", "launchType": "FARGATE", "networkConfiguration": NETWORK},
        "tasks[0].taskArn",
        keep="task",
    ),
    Ask(
        "StartTask",
        {"cluster": "c", "taskDefinition": "cats", "containerInstances": ["i"]},
        "failures[].reason",
        ["MISSING"],
    ),
    Ask("DescribeTasks", lambda got: {"cluster": "c", "tasks": [got["task"]]}, "tasks[].lastStatus", ["PROVISIONING"]),
    Ask("ListTasks", {"cluster": "c", "family": "cats"}, "length(taskArns)", 2),
    Ask(
        "UpdateTaskProtection",
        lambda got: {"cluster": "c", "tasks": [got["service_task"]], "protectionEnabled": True, "expiresInMinutes": 60},
        "protectedTasks[].protectionEnabled",
        [True],
    ),
    Ask(
        "GetTaskProtection",
        lambda got: {"cluster": "c", "tasks": [got["service_task"]]},
        "protectedTasks[].protectionEnabled",
        [True],
    ),
    Ask("StopTask", lambda got: {"cluster": "c", "task": got["task"], "reason": "enough"}, "task.stoppedReason", "enough"),
    Ask("TagResource", {"resourceArn": SERVICE, "tags": [{"key": "team", "value": "cats"}]}),
    Ask("ListTagsForResource", {"resourceArn": SERVICE}, "tags[].value", ["cats"]),
    Ask("UntagResource", {"resourceArn": SERVICE, "tagKeys": ["team"]}),
    Ask("PutAccountSetting", {"name": INSIGHTS, "value": "enabled"}, "setting.value", "enabled"),
    Ask("PutAccountSettingDefault", {"name": INSIGHTS, "value": "enhanced"}, "setting.value", "enhanced"),
    Ask("ListAccountSettings", {"name": INSIGHTS, "effectiveSettings": True}, "settings[].value", ["enhanced"]),
    Ask("DeleteAccountSetting", {"name": INSIGHTS}, "setting.name", INSIGHTS),
    Ask("ListContainerInstances", {"cluster": "c"}, "containerInstanceArns", []),
    Ask("DescribeContainerInstances", {"cluster": "c", "containerInstances": ["i"]}, "failures[].reason", ["MISSING"]),
    *(
        Ask(operation, {"cluster": "c", "service": "s"} | parameters, NO_TASK_SETS, is_refused=True)
        for operation, parameters in (
            ("CreateTaskSet", {"taskDefinition": "cats"}),
            ("DescribeTaskSets", {}),
            ("UpdateTaskSet", {"taskSet": "ecs-svc/1", "scale": {"value": 50.0, "unit": "PERCENT"}}),
            ("UpdateServicePrimaryTaskSet", {"primaryTaskSet": "ecs-svc/1"}),
            ("DeleteTaskSet", {"taskSet": "ecs-svc/1"}),
        )
    ),
]

ENDED = [
    Ask("DeleteService", {"cluster": "c", "service": "s", "force": True}, "service.status", "DRAINING"),
    Ask("DeregisterTaskDefinition", {"taskDefinition": "cats:1"}, "taskDefinition.status", "INACTIVE"),
    Ask("DeleteTaskDefinitions", {"taskDefinitions": ["cats:1"]}, "taskDefinitions[].status", ["DELETE_IN_PROGRESS"]),
    Ask("DeleteCluster", {"cluster": "c"}, "cannot be deleted while Services are active", is_refused=True),
]

ENDING = [
    Ask("DeleteRule", of(RuleArn="rule")),
    Ask("DeleteListener", of(ListenerArn="listener")),
    Ask("DeleteListener", of(ListenerArn="tls")),
    Ask("DeleteTargetGroup", of(TargetGroupArn="group")),
    Ask("DeleteLoadBalancer", of(LoadBalancerArn="balancer")),
]

ECS_ONLY = {"ServiceNamespace": "ecs"}
WEB = {**ECS_ONLY, "ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount"}
TRACKED = {"TargetValue": 60.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}
NIGHT = datetime(2026, 11, 27, tzinfo=UTC)

SCALING = [
    Ask("RegisterScalableTarget", {**WEB, "MinCapacity": 1, "MaxCapacity": 4}, "ScalableTargetARN", keep="target"),
    Ask("DescribeScalableTargets", ECS_ONLY, "ScalableTargets[].MaxCapacity", [4]),
    Ask(
        "PutScalingPolicy",
        {
            **WEB,
            "PolicyName": "cpu",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": TRACKED,
        },
        "length(Alarms)",
        2,
    ),
    Ask("DescribeScalingPolicies", ECS_ONLY, "ScalingPolicies[].TargetTrackingScalingPolicyConfiguration.TargetValue", [60.0]),
    Ask(
        "PutScheduledAction",
        {
            **WEB,
            "ScheduledActionName": "night",
            "Schedule": "cron(0 22 * * ? *)",
            "Timezone": "Europe/Berlin",
            "ScalableTargetAction": {"MinCapacity": 1},
        },
    ),
    Ask("DescribeScheduledActions", ECS_ONLY, "ScheduledActions[].ScalableTargetAction", [{"MinCapacity": 1}]),
    Ask("DescribeScalingActivities", {**ECS_ONLY, "IncludeNotScaledActivities": True}, "ScalingActivities", []),
    Ask("TagResource", lambda got: {"ResourceARN": got["target"], "Tags": {"team": "cats"}}),
    Ask("ListTagsForResource", of(ResourceARN="target"), "Tags", {"team": "cats"}),
    Ask("UntagResource", lambda got: {"ResourceARN": got["target"], "TagKeys": ["team"]}),
    Ask(
        "GetPredictiveScalingForecast",
        {**WEB, "PolicyName": "cpu", "StartTime": NIGHT, "EndTime": NIGHT},
        "predictive scaling is not implemented",
        is_refused=True,
    ),
    Ask("DeleteScheduledAction", {**WEB, "ScheduledActionName": "night"}),
    Ask("DeleteScalingPolicy", {**WEB, "PolicyName": "cpu"}),
    Ask("DeregisterScalableTarget", WEB),
    Ask("DescribeScalableTargets", ECS_ONLY, "ScalableTargets", []),
]
"""While the service is there."""

METRIC = {"Namespace": "Cats", "MetricName": "Errors"}


def lately(**parameters: Any) -> Callable[[Got], dict[str, Any]]:
    """Parameters with the hours around now."""
    hour = timedelta(hours=1)
    now = datetime.now(UTC)  # noqa: TID251 - the region is asked by the real clock
    return lambda _: parameters | {"StartTime": now - hour, "EndTime": now + hour}


WATCHING = [
    Ask("PutMetricData", {"Namespace": "Cats", "MetricData": [{"MetricName": "Errors", "Value": 3.0}]}),
    Ask("ListMetrics", {"Namespace": "Cats"}, "Metrics[].MetricName", ["Errors"]),
    Ask("GetMetricStatistics", lately(**METRIC, Period=3600, Statistics=["Sum"]), "Datapoints[].Sum", [3.0]),
    Ask(
        "GetMetricData",
        lately(MetricDataQueries=[{"Id": "errors", "MetricStat": {"Metric": METRIC, "Period": 3600, "Stat": "Sum"}}]),
        "MetricDataResults[].Values[]",
        [3.0],
    ),
    Ask(
        "PutMetricAlarm",
        {
            **METRIC,
            "AlarmName": "errors",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    ),
    Ask("PutCompositeAlarm", {"AlarmName": "any", "AlarmRule": 'ALARM("errors")'}),
    Ask("DescribeAlarms", {"AlarmNames": ["errors"]}, "MetricAlarms[0].AlarmArn", keep="alarm"),
    Ask("DescribeAlarmsForMetric", METRIC, "MetricAlarms[].AlarmName", ["errors"]),
    Ask("SetAlarmState", {"AlarmName": "errors", "StateValue": "ALARM", "StateReason": "test"}),
    Ask("DescribeAlarms", {"StateValue": "ALARM"}, "MetricAlarms[].AlarmName", ["errors"]),
    Ask(
        "DescribeAlarmHistory",
        {"AlarmName": "errors", "HistoryItemType": "StateUpdate"},
        "AlarmHistoryItems[].HistorySummary",
        ["Alarm updated from INSUFFICIENT_DATA to ALARM"],
    ),
    Ask("DisableAlarmActions", {"AlarmNames": ["errors"]}),
    Ask("DescribeAlarms", {"AlarmNames": ["errors"]}, "MetricAlarms[].ActionsEnabled", [False]),
    Ask("EnableAlarmActions", {"AlarmNames": ["errors"]}),
    Ask("DescribeAlarms", {"AlarmNames": ["errors"]}, "MetricAlarms[].ActionsEnabled", [True]),
    Ask("TagResource", lambda got: {"ResourceARN": got["alarm"], "Tags": [{"Key": "team", "Value": "cats"}]}),
    Ask("ListTagsForResource", of(ResourceARN="alarm"), "Tags[].Value", ["cats"]),
    Ask("UntagResource", lambda got: {"ResourceARN": got["alarm"], "TagKeys": ["team"]}),
    Ask("PutDashboard", {"DashboardName": "cats", "DashboardBody": '{"widgets":[]}'}),
    Ask("GetDashboard", {"DashboardName": "cats"}, "DashboardBody", '{"widgets":[]}'),
    Ask("ListDashboards", {}, "DashboardEntries[].DashboardName", ["cats"]),
    Ask("DeleteDashboards", {"DashboardNames": ["cats"]}),
    Ask("DeleteAlarms", {"AlarmNames": ["errors", "any"]}),
    Ask("DescribeAlarms", {}, "MetricAlarms", []),
]

RULES = [
    Ask("PutRule", {"Name": "releases", "EventPattern": PATTERN}, "ends_with(RuleArn, 'rule/releases')", True),
    Ask(
        "PutTargets",
        {"Rule": "releases", "Targets": [{"Id": "queue", "Arn": "arn:aws:sqs:eu-west-1:111122223333:releases"}]},
        "FailedEntryCount",
        0,
    ),
    Ask("DescribeRule", {"Name": "releases"}, "EventPattern", PATTERN),
    Ask("ListRules", {"NamePrefix": "rel"}, "Rules[].State", ["ENABLED"]),
    Ask("ListTargetsByRule", {"Rule": "releases"}, "Targets[].Id", ["queue"]),
    Ask("TestEventPattern", {"EventPattern": PATTERN, "Event": EVENT}, "Result", True),
    Ask(
        "PutEvents",
        {"Entries": [{"Source": "cats", "DetailType": "released", "Detail": '{"version":"2.0.1"}'}]},
        "FailedEntryCount",
        0,
    ),
    Ask("RemoveTargets", {"Rule": "releases", "Ids": ["queue"]}, "FailedEntryCount", 0),
    Ask("DeleteRule", {"Name": "releases"}),
]


UNTAGGED = (
    '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1},'
    '"action":{"type":"expire"}}]}'
)
LIFECYCLES = [
    Ask("CreateRepository", {"repositoryName": "cats"}, "repository.repositoryName", "cats"),
    Ask("PutLifecyclePolicy", {"repositoryName": "cats", "lifecyclePolicyText": UNTAGGED}, "lifecyclePolicyText", UNTAGGED),
    Ask("GetLifecyclePolicy", {"repositoryName": "cats"}, "lifecyclePolicyText", UNTAGGED),
    Ask("StartLifecyclePolicyPreview", {"repositoryName": "cats"}, "repositoryName", "cats"),
    Ask("GetLifecyclePolicyPreview", {"repositoryName": "cats"}, "previewResults", []),
    Ask("DeleteLifecyclePolicy", {"repositoryName": "cats"}, "lifecyclePolicyText", UNTAGGED),
]


@pytest.fixture
def region() -> Iterator[Region]:
    made = Region()
    yield made
    made.close()


def test_every_operation_does_its_work_for_boto3(region: Region) -> None:
    got: Got = {}
    reached = set()
    for service, asked in (
        ("events", RULES),
        ("elbv2", ELB),
        ("ecs", ECS),
        ("application-autoscaling", SCALING),
        ("ecs", ENDED),
        ("elbv2", ENDING),
        ("cloudwatch", WATCHING),
        ("ecr", LIFECYCLES),
    ):
        client = region.door.client(service)
        for ask in asked:
            reached.add(f"{service}:{ask.operation}")
            _asked(client, ask, got)
            if ask.keep == "deployment":
                got["service_task"] = region.run_tasks(got["deployment"])

    assert region.served == reached, "an operation that is served is asked for here"
    assert [event.detail for event in region.outbox.waiting()] == [{"version": "2.0.1"}]


def _asked(client: Any, ask: Ask, got: Got) -> None:
    parameters = ask.parameters(got) if callable(ask.parameters) else ask.parameters
    method = getattr(client, botocore.xform_name(ask.operation))
    if ask.is_refused:
        with pytest.raises(ClientError, match=ask.shows):
            method(**parameters)
        return
    answer = method(**parameters)
    found = jmespath.search(ask.shows, answer) if ask.shows else None
    if ask.keep:
        assert found, (ask, answer)
        got[ask.keep] = found
    else:
        assert found == ask.value, (ask, answer)
