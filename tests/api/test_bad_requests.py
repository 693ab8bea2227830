"""Every bad request to ECS gets ECS's exception and words, through boto3, and changes nothing.

A row each for what ECS is known to refuse in services, deployments, strategies, hooks, service deployments, task sets and
tags. ``ECS`` says that the text is the real service's, ``BEGINS`` that only its beginning is certain, and ``OURS`` that no
text of ECS is known (then the exception is asserted, and that there is a text).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from ecs_world import NETWORK, PLACE, World, container, create_request, fargate
from running_door import RunningDoor
from test_ecs_services import BLOCKED, INVALID, NO_GRACE, a_world

from ninelives.model.arns import listener_arn, rule_arn
from ninelives.model.ecs import ServiceDeploymentStatus, ServiceStatus
from ninelives.model.elbv2 import Forward, Rule, WeightedTargetGroup


class Row(NamedTuple):
    operation: str
    parameters: Mapping[str, Any]
    code: str
    message: str
    certainty: str = "ECS"


def arn_of(group: str) -> str:
    return PLACE.target_group(group, "0123456789abcdef")


BLUE, GREEN, LONELY, INSTANCES = (arn_of(name) for name in ("cats", "green", "lonely", "instances"))
LISTENER = listener_arn(PLACE.load_balancer("front", "0123456789abcdef"), "1")
ONE_GROUP, BOTH_GROUPS, TEST_RULE = (rule_arn(LISTENER, name) for name in ("one", "both", "test"))
NETWORK_LISTENER = LISTENER.replace("listener/app/", "listener/net/")
ROLE = "arn:aws:iam::111122223333:role/ecs-elb"


def create(**members: Any) -> dict[str, Any]:
    return create_request(serviceName="new") | members


def update(**members: Any) -> dict[str, Any]:
    return {"cluster": "c", "service": "s", **members}


def behind(group: str = BLUE, **members: Any) -> dict[str, Any]:
    return {"targetGroupArn": group, "containerName": "web", "containerPort": 4567} | members


def advanced(**members: Any) -> dict[str, Any]:
    return {"alternateTargetGroupArn": GREEN, "productionListenerRule": BOTH_GROUPS, "roleArn": ROLE} | members


def shifting(*load_balancers: Mapping[str, Any], **configuration: Any) -> dict[str, Any]:
    """A request for a blue/green service behind these load balancers."""
    return create(loadBalancers=list(load_balancers), deploymentConfiguration={"strategy": "BLUE_GREEN"} | configuration)


def configured(**configuration: Any) -> dict[str, Any]:
    return create(deploymentConfiguration=configuration)


def without(request: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name not in names}


def hooked(**members: Any) -> dict[str, Any]:
    lambda_hook = {"hookTargetArn": "arn:aws:lambda:eu-west-1:111122223333:function:f", "roleArn": ROLE}
    hook = {"lifecycleStages": ["POST_SCALE_UP"]} | (lambda_hook if members.get("targetType") != "PAUSE" else {}) | members
    return configured(lifecycleHooks=[hook])


NO_ALB = (
    "For Application LoadBalancer, testListenerRule is required when productionListenerRule is not associated with both "
    "targetGroup and alternateTargetGroup"
)
NOT_BEHIND = f"The target group with targetGroupArn {LONELY} does not have an associated load balancer."
BY_INSTANCE = (
    f"The provided target group {INSTANCES} has target type instance, which is incompatible with the awsvpc network mode "
    "specified in the task definition."
)
STRICTLY = "All loadBalancers must be strictly either ELBv1 (defining loadBalancerName) or ELBv2 (defining targetGroupArn)"
NEEDED = "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy"
TASK_SETS = "Amazon ECS only supports task set management on services configured to use external deployment controllers."
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
ALARMS = {"alarms": {"alarmNames": ["a"], "enable": True, "rollback": True}}
CLASSIC = {"loadBalancerName": "classic", "containerName": "web", "containerPort": 4567}

CLUSTERS = [
    Row(operation, parameters | {"cluster": cluster}, "ClusterNotFoundException", message, certainty)
    for operation, parameters in [
        ("CreateService", create()),
        ("UpdateService", update()),
        ("DeleteService", {"service": "s"}),
        ("DescribeServices", {"services": ["s"]}),
        ("ListServices", {}),
        ("ListServiceDeployments", {"service": "s"}),
        ("RunTask", {"taskDefinition": "cats"}),
        ("StopTask", {"task": "t"}),
        ("DescribeTasks", {"tasks": ["t"]}),
        ("ListTasks", {}),
        ("GetTaskProtection", {}),
        ("UpdateTaskProtection", {"tasks": ["t"], "protectionEnabled": True}),
        ("UpdateCluster", {}),
        ("DeleteCluster", {}),
        ("PutClusterCapacityProviders", {"capacityProviders": [], "defaultCapacityProviderStrategy": []}),
        ("CreateTaskSet", {"service": "s", "taskDefinition": "cats"}),
    ]
    for cluster, message, certainty in [
        ("nowhere", "Cluster not found", "BEGINS"),
        ("gone", "The referenced cluster was inactive.", "ECS"),
    ]
]

OF_TAGS: dict[str, dict[str, Any]] = {"TagResource": {"tags": []}, "UntagResource": {"tagKeys": []}, "ListTagsForResource": {}}
SERVICES = [
    *(
        Row(
            operation,
            {"resourceArn": PLACE.cluster("gone")} | parameters,
            INVALID,
            "The specified cluster is inactive. Specify an active cluster and try again.",
        )
        for operation, parameters in OF_TAGS.items()
    ),
    Row("UpdateService", update(service="t"), "ServiceNotFoundException", "Service not found."),
    Row("DeleteService", update(service="t"), "ServiceNotFoundException", "Service not found."),
    Row("UpdateService", update(service="draining"), "ServiceNotActiveException", "Service was not ACTIVE."),
    Row("UpdateService", update(service="inactive"), "ServiceNotActiveException", "Service was not ACTIVE."),
    Row("CreateService", create(serviceName="s"), INVALID, "Creation of service was not idempotent."),
    Row("CreateService", create(serviceName="draining"), INVALID, "Unable to Start a service that is still Draining."),
    Row("DeleteService", update(), INVALID, "The service cannot be stopped while it is scaled above 0."),
    Row("CreateService", create(taskDefinition="dogs"), "ClientException", "TaskDefinition not found."),
    Row("UpdateService", update(taskDefinition="dogs"), "ClientException", "TaskDefinition not found."),
    Row("UpdateService", update(taskDefinition="cats:99"), "ClientException", "TaskDefinition not found."),
    Row("UpdateService", update(taskDefinition="cats:2"), "ClientException", "TaskDefinition is inactive"),
    Row("CreateService", create(taskDefinition="cats:2"), "ClientException", "TaskDefinition is inactive"),
    Row("CreateService", create(desiredCount=-1), INVALID, "", "OURS"),
    Row("UpdateService", update(desiredCount=-1), INVALID, "", "OURS"),
    Row("CreateService", without(create(), "desiredCount"), INVALID, "", "OURS"),
    Row("CreateService", without(create(), "taskDefinition"), INVALID, "", "OURS"),
    Row("CreateService", create(serviceName="two words"), INVALID, "", "OURS"),
    Row("CreateService", create(loadBalancers=[behind(LONELY)]), INVALID, NOT_BEHIND),
    Row("UpdateService", update(loadBalancers=[behind(LONELY)]), INVALID, NOT_BEHIND),
    Row("CreateService", create(loadBalancers=[behind(INSTANCES)]), INVALID, BY_INSTANCE),
    Row("UpdateService", update(loadBalancers=[behind(INSTANCES)]), INVALID, BY_INSTANCE),
    Row(
        "CreateService",
        create(loadBalancers=[behind(containerName="db")]),
        INVALID,
        "The container db does not exist in the task definition.",
    ),
    Row(
        "UpdateService",
        update(loadBalancers=[behind(containerName="db")]),
        INVALID,
        "The container db does not exist in the task definition.",
    ),
    Row(
        "UpdateService",
        update(service="balanced", taskDefinition="worker"),
        INVALID,
        "The container web did not have a container port 4567 defined.",
    ),
    Row(
        "CreateService",
        create(loadBalancers=[behind(containerPort=80)]),
        INVALID,
        "The container web did not have a container port 80 defined.",
    ),
    Row(
        "UpdateService",
        update(loadBalancers=[behind(containerPort=80)]),
        INVALID,
        "The container web did not have a container port 80 defined.",
    ),
    Row("CreateService", create(loadBalancers=[behind(arn_of("nowhere"))]), INVALID, "", "OURS"),
    Row("CreateService", create(loadBalancers=[behind()] * 6), INVALID, "", "OURS"),
    Row("CreateService", create(loadBalancers=[behind()] * 2), INVALID, "", "OURS"),
    Row("CreateService", create(healthCheckGracePeriodSeconds=60), INVALID, NO_GRACE, "BEGINS"),
    Row("UpdateService", update(healthCheckGracePeriodSeconds=60), INVALID, NO_GRACE, "BEGINS"),
    Row(
        "CreateService",
        without(create(), "networkConfiguration"),
        INVALID,
        "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    ),
    Row(
        "CreateService",
        create(taskDefinition="bridge", launchType="EC2"),
        INVALID,
        "Network Configuration is not valid for the given networkMode of this task definition.",
    ),
    Row("CreateService", create(networkConfiguration={"awsvpcConfiguration": {"subnets": []}}), INVALID, "", "OURS"),
    Row(
        "CreateService",
        create(capacityProviderStrategy=[{"capacityProvider": "FARGATE"}]),
        INVALID,
        "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
    ),
    Row(
        "CreateService",
        create(launchType="EC2", platformVersion="LATEST"),
        INVALID,
        "The platform version must be null when specifying an EC2 launch type.",
    ),
    Row("CreateService", create(platformVersion="0.9"), "PlatformUnknownException", "", "OURS"),
    Row(
        "CreateService",
        create(loadBalancers=[behind(loadBalancerName="classic")]),
        INVALID,
        "loadBalancerName and targetGroupArn cannot both be specified",
        "BEGINS",
    ),
    Row(
        "CreateService",
        create(loadBalancers=[CLASSIC]),
        INVALID,
        "Classic Load Balancers are not supported with Fargate",
        "BEGINS",
    ),
    Row(
        "CreateService",
        create(placementStrategy=[{"type": "random"}] * 6),
        INVALID,
        "Maximum number of strategies is 5",
        "BEGINS",
    ),
    Row(
        "CreateService",
        create(volumeConfigurations=[{"name": "v", "managedEBSVolume": {"roleArn": ROLE}}]),
        INVALID,
        "The volume name 'v' in your request does not have a matching volume in your Task Definition",
        "BEGINS",
    ),
    Row(
        "UpdateService",
        update(volumeConfigurations=[{"name": "v", "managedEBSVolume": {"roleArn": ROLE}}]),
        INVALID,
        "The volume name 'v' in your request does not have a matching volume in your Task Definition",
        "BEGINS",
    ),
]

SCHEDULING = [
    Row(
        "CreateService",
        create(schedulingStrategy="DAEMON", desiredCount=0),
        INVALID,
        "The daemon scheduling strategy does not support a desired count for services",
        "BEGINS",
    ),
    Row(
        "CreateService",
        without(create(schedulingStrategy="DAEMON", deploymentConfiguration={"maximumPercent": 101}), "desiredCount"),
        INVALID,
        "The daemon scheduling strategy does not support values above 100 for maximumPercent",
        "BEGINS",
    ),
    Row(
        "CreateService",
        without(create(schedulingStrategy="DAEMON", availabilityZoneRebalancing="ENABLED"), "desiredCount"),
        INVALID,
        "Availability Zone Rebalancing does not support DAEMON services",
        "BEGINS",
    ),
    *(
        Row(
            operation,
            request
            | {"availabilityZoneRebalancing": "ENABLED"}
            | {"deploymentConfiguration": {"minimumHealthyPercent": 50, "maximumPercent": 100}},
            INVALID,
            "",
            "OURS",
        )
        for operation, request in [("CreateService", create()), ("UpdateService", update())]
    ),
    Row(
        "CreateService",
        create(deploymentController={"type": "CODE_DEPLOY"}),
        INVALID,
        "When the deployment controller is CODE_DEPLOY",
        "OURS",
    ),
    Row("CreateService", create(deploymentController={"type": "EXTERNAL"}), INVALID, "TaskDefinition must be blank", "BEGINS"),
    Row(
        "CreateService",
        without(create(deploymentController={"type": "EXTERNAL"}, loadBalancers=[behind()]), "taskDefinition"),
        INVALID,
        "LoadBalancers must be empty or null",
        "BEGINS",
    ),
    *(
        Row(
            operation,
            request | {"deploymentController": {"type": controller}, "deploymentConfiguration": configuration},
            INVALID,
            text,
            "BEGINS",
        )
        for operation, request in [("CreateService", create(loadBalancers=[behind()])), ("UpdateService", update())]
        for controller in ("CODE_DEPLOY", "EXTERNAL")
        for configuration, text in [
            (BREAKER, "Deployment circuit breaker feature is only supported with ECS deployment controller"),
            (ALARMS, "Alarm based rollback feature is only supported with ECS deployment controller"),
        ]
    ),
]

CONFIGURATIONS = [
    Row(operation, request | {"deploymentConfiguration": configuration}, INVALID, message, certainty)
    for operation, request in [("CreateService", create()), ("UpdateService", update())]
    for configuration, message, certainty in [
        ({"minimumHealthyPercent": 101}, "minimumHealthyPercent must be at most 100", "BEGINS"),
        ({"minimumHealthyPercent": -1}, "", "OURS"),
        ({"maximumPercent": 99}, "maximumPercent must be at least 100", "BEGINS"),
        ({"minimumHealthyPercent": 100, "maximumPercent": 100}, BLOCKED, "BEGINS"),
        ({"bakeTimeInMinutes": -1}, "", "OURS"),
        (
            {
                "deploymentCircuitBreaker": {
                    "enable": True,
                    "rollback": True,
                    "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 101},
                }
            },
            "",
            "OURS",
        ),
        (
            {
                "deploymentCircuitBreaker": {
                    "enable": True,
                    "rollback": True,
                    "thresholdConfiguration": {"type": "COUNT", "value": 0},
                }
            },
            "",
            "OURS",
        ),
        ({"alarms": {"alarmNames": [], "enable": True, "rollback": True}}, "", "OURS"),
        ({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0.0}}, "", "OURS"),
        ({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 5.55}}, "", "OURS"),
        ({"strategy": "CANARY", "canaryConfiguration": {"canaryBakeTimeInMinutes": 1441}}, "", "OURS"),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2.9}}, "", "OURS"),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 100.1}}, "", "OURS"),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepBakeTimeInMinutes": -1}}, "", "OURS"),
        ({"minimumHealthyPercent": 50, "earlySuccessCriteria": {"enable": True, "healthyPercent": 49}}, "", "OURS"),
        ({"strategy": "BLUE_GREEN", "earlySuccessCriteria": {"enable": True}}, "", "OURS"),
    ]
]

STRATEGIES = [
    Row("CreateService", shifting(behind()), INVALID, NEEDED),
    Row("UpdateService", update(service="balanced", deploymentConfiguration={"strategy": "BLUE_GREEN"}), INVALID, NEEDED),
    Row(
        "CreateService",
        shifting(behind(advancedConfiguration=advanced()), behind(arn_of("other"))),
        INVALID,
        "Either all or none of the provided loadBalancers must have advancedConfiguration defined",
    ),
    Row(
        "CreateService",
        shifting(CLASSIC | {"advancedConfiguration": advanced()}),
        INVALID,
        "advancedConfiguration field is not allowed with ELBv1 loadBalancers",
    ),
    Row("CreateService", create(loadBalancers=[CLASSIC, behind()]), INVALID, STRICTLY),
    Row(
        "CreateService",
        shifting(behind(advancedConfiguration=advanced(productionListenerRule=LISTENER))),
        INVALID,
        f"productionListenerRule has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {LISTENER}",
    ),
    *(
        Row(
            "CreateService",
            shifting(behind(advancedConfiguration=advanced(**{member: NETWORK_LISTENER}))),
            "UnsupportedFeatureException",
            f"{member} names a listener of a Network Load Balancer",
            "BEGINS",
        )
        for member in ("productionListenerRule", "testListenerRule")
    ),
    Row(
        "CreateService",
        shifting(behind(advancedConfiguration=advanced(testListenerRule="rule"))),
        INVALID,
        "testListenerRule has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: rule",
    ),
    Row(
        "CreateService",
        shifting(behind(advancedConfiguration=advanced(testListenerRule=BOTH_GROUPS))),
        INVALID,
        f"The following rules cannot be used as both production and test listener rules: {BOTH_GROUPS}",
    ),
    Row("CreateService", shifting(behind(advancedConfiguration=advanced(productionListenerRule=ONE_GROUP))), INVALID, NO_ALB),
    Row(
        "CreateService",
        shifting(behind(advancedConfiguration=advanced(alternateTargetGroupArn=BLUE, testListenerRule=TEST_RULE))),
        INVALID,
        f"Duplicate targetGroupArn found: {BLUE}",
    ),
    Row(
        "CreateService",
        shifting(
            behind(advancedConfiguration=advanced(testListenerRule=TEST_RULE)),
            behind(GREEN, advancedConfiguration=advanced(alternateTargetGroupArn=arn_of("other"), testListenerRule=TEST_RULE)),
        ),
        INVALID,
        f"Duplicate targetGroupArn found: {GREEN}",
    ),
    Row(
        "CreateService",
        shifting(behind(advancedConfiguration=without(advanced(), "alternateTargetGroupArn"))),
        INVALID,
        "",
        "OURS",
    ),
    Row("CreateService", shifting(behind(advancedConfiguration=without(advanced(), "roleArn"))), INVALID, "", "OURS"),
    Row(
        "CreateService",
        shifting(behind(advancedConfiguration=advanced(alternateTargetGroupArn=arn_of("nowhere")))),
        INVALID,
        "",
        "OURS",
    ),
]

HOOKS = [
    Row(
        "CreateService",
        hooked(targetType="CARRIER_PIGEON"),
        INVALID,
        "Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE",
    ),
    Row(
        "CreateService",
        hooked(targetType="PAUSE", lifecycleStages=["TEST_TRAFFIC_SHIFT"]),
        INVALID,
        "Invalid lifecycle stage provided for Pause Hook",
    ),
    Row(
        "CreateService",
        hooked(targetType="PAUSE", lifecycleStages=["PRODUCTION_TRAFFIC_SHIFT"]),
        INVALID,
        "Invalid lifecycle stage provided for Pause Hook",
    ),
    Row("CreateService", hooked(targetType="PAUSE", hookTargetArn="arn"), INVALID, "", "OURS"),
    Row("CreateService", hooked(lifecycleStages=[]), INVALID, "", "OURS"),
    Row("CreateService", hooked(hookTargetArn=""), INVALID, "", "OURS"),
    Row("CreateService", hooked(roleArn=""), INVALID, "", "OURS"),
    Row("CreateService", hooked(timeoutConfiguration={"timeoutInMinutes": 0}), INVALID, "", "OURS"),
    Row("CreateService", hooked(timeoutConfiguration={"timeoutInMinutes": 20161}), INVALID, "", "OURS"),
    Row(
        "CreateService",
        configured(lifecycleHooks=[{"targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"]}] * 11),
        INVALID,
        "",
        "OURS",
    ),
]

RUNNING = PLACE.service_deployment("c", "s", "running")
ENDED = PLACE.service_deployment("c", "s", "ended")
SERVICE_DEPLOYMENTS = [
    Row(
        "StopServiceDeployment",
        {"serviceDeploymentArn": RUNNING + "x"},
        "ServiceDeploymentNotFoundException",
        "The service deployment does not exist.",
    ),
    Row("StopServiceDeployment", {"serviceDeploymentArn": ENDED}, "ConflictException", "", "OURS"),
    Row("StopServiceDeployment", {"serviceDeploymentArn": RUNNING, "stopType": "ABORT"}, INVALID, "", "OURS"),
    Row(
        "ContinueServiceDeployment",
        {"serviceDeploymentArn": RUNNING + "x", "hookId": "ecs-pause-1"},
        "ServiceDeploymentNotFoundException",
        "The service deployment does not exist.",
    ),
    Row(
        "ContinueServiceDeployment",
        {"serviceDeploymentArn": ENDED, "hookId": "ecs-pause-1"},
        INVALID,
        "Continuing a service deployment is not allowed for service deployment in terminal states.",
    ),
    Row(
        "ContinueServiceDeployment",
        {"serviceDeploymentArn": RUNNING, "hookId": "pause"},
        INVALID,
        "Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}",
    ),
    Row(
        "ContinueServiceDeployment",
        {"serviceDeploymentArn": RUNNING, "hookId": "ecs-pause-1"},
        INVALID,
        "Provided hookId is either completed, unavailable, or not associated with the given Resource ARN",
    ),
    Row("DescribeServiceDeployments", {"serviceDeploymentArns": [RUNNING] * 21}, INVALID, "", "OURS"),
    Row("DescribeServiceDeployments", {"serviceDeploymentArns": []}, INVALID, "", "OURS"),
    Row("DescribeServiceRevisions", {"serviceRevisionArns": ["r"] * 21}, INVALID, "", "OURS"),
    Row("ListServiceDeployments", {"cluster": "c", "service": "t"}, "ServiceNotFoundException", "Service not found."),
    Row("ListServiceDeployments", {"cluster": "c", "service": "s", "maxResults": 101}, INVALID, "", "OURS"),
    Row("ListServiceDeployments", {"cluster": "c", "service": "s", "nextToken": "?"}, INVALID, "", "OURS"),
]

OF_TASK_SETS: dict[str, dict[str, Any]] = {
    "CreateTaskSet": {"taskDefinition": "cats"},
    "DeleteTaskSet": {"taskSet": "ecs-svc/1"},
    "DescribeTaskSets": {"taskSets": ["ecs-svc/1"]},
    "UpdateServicePrimaryTaskSet": {"primaryTaskSet": "ecs-svc/1"},
    "UpdateTaskSet": {"taskSet": "ecs-svc/1", "scale": {"value": 50.0, "unit": "PERCENT"}},
}
SETS = [
    Row(operation, {"cluster": "c", "service": service, **parameters}, code, message)
    for operation, parameters in OF_TASK_SETS.items()
    for service, code, message in [
        ("s", INVALID, TASK_SETS),
        ("t", "ServiceNotFoundException", "Service not found."),
        ("draining", "ServiceNotActiveException", "Service was not ACTIVE."),
    ]
]

LIMITS = [
    Row("PutAccountSetting", {"name": "containerInsights", "value": "on"}, INVALID, "", "OURS"),
    Row("PutAccountSettingDefault", {"name": "fargateTaskRetirementWaitPeriod", "value": "8"}, INVALID, "", "OURS"),
    Row("PutAccountSetting", {"name": "serviceLongArnFormat", "value": "disabled"}, INVALID, "", "OURS"),
    Row("DescribeServices", {"cluster": "c", "services": ["s"] * 11}, INVALID, "", "OURS"),
    Row("DescribeServices", {"cluster": "c", "services": []}, INVALID, "", "OURS"),
    Row("DescribeTasks", {"cluster": "c", "tasks": ["t"] * 101}, INVALID, "", "OURS"),
    Row("ListServices", {"cluster": "c", "maxResults": 101}, INVALID, "", "OURS"),
    Row(
        "UpdateTaskProtection",
        {"cluster": "c", "tasks": ["t"], "protectionEnabled": True, "expiresInMinutes": 2881},
        INVALID,
        "",
        "OURS",
    ),
    Row("UpdateTaskProtection", {"cluster": "c", "tasks": [], "protectionEnabled": True}, INVALID, "", "OURS"),
    Row("TagResource", {"resourceArn": PLACE.service("c", "s"), "tags": [{"key": "aws:x", "value": ""}]}, INVALID, "", "OURS"),
]

ROWS = [
    *CLUSTERS,
    *SERVICES,
    *SCHEDULING,
    *CONFIGURATIONS,
    *STRATEGIES,
    *HOOKS,
    *SERVICE_DEPLOYMENTS,
    *SETS,
    *LIMITS,
]


@dataclass(frozen=True)
class Bench:
    world: World
    client: Any


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """boto3 before a region with all that the rows need; no request of this module changes it."""
    world = prepared()
    door = RunningDoor({"ecs": world.operations})
    unchecked = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    yield Bench(world, door.client("ecs", config=unchecked))
    door.stop()


def prepared() -> World:
    world = a_world()
    for name in ("green", "other"):
        world.target_group(name)
    for arn, groups in ((ONE_GROUP, [BLUE]), (BOTH_GROUPS, [BLUE, GREEN]), (TEST_RULE, [GREEN])):
        weighted = tuple(WeightedTargetGroup(arn=group, weight=1) for group in groups)
        action = Forward(target_groups=weighted)
        world.put(Rule(arn=arn, listener_arn=LISTENER, priority=7, conditions=(), action=action))
    world.call("RegisterTaskDefinition", **fargate(family="worker", containerDefinitions=[container(portMappings=[])]))
    world.create()
    world.create(serviceName="balanced", loadBalancers=[behind()])
    for name, status in (("draining", ServiceStatus.DRAINING), ("inactive", ServiceStatus.INACTIVE)):
        world.create(serviceName=name)
        world.put(replace(world.region.state.services[PLACE.service("c", name)], status=status))
    (act,) = [one for one in world.region.state.service_deployments.values() if one.service_arn == PLACE.service("c", "s")]
    for arn, reached in ((RUNNING, ServiceDeploymentStatus.IN_PROGRESS), (ENDED, ServiceDeploymentStatus.SUCCESSFUL)):
        world.put(replace(act, arn=arn, status=reached))
    return world


def named(row: Row) -> str:
    return f"{row.operation}: {row.message[:50] or row.code}"


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_bad_request_gets_ecs_exception_and_words_and_changes_nothing(bench: Bench, row: Row) -> None:
    before = bench.world.records()
    method = getattr(bench.client, _method(bench.client, row.operation))

    with pytest.raises(ClientError) as caught:
        method(**row.parameters)

    error = caught.value.response["Error"]
    assert row.code == error["Code"], error["Message"]
    assert isinstance(caught.value, getattr(bench.client.exceptions, row.code))
    if row.certainty == "ECS":
        assert row.message == error["Message"]
    else:
        assert error["Message"].startswith(row.message)
    assert error["Message"].strip()
    assert 400 == caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert before == bench.world.records()


def _method(client: Any, operation: str) -> str:
    """How boto3 calls an operation."""
    return next(str(name) for name, api in client.meta.method_to_api_mapping.items() if api == operation)


def test_what_is_missing_is_told_as_a_failure_and_is_no_exception(bench: Bench) -> None:
    client = bench.client

    answers = [
        client.describe_clusters(clusters=["nowhere"]),
        client.describe_services(cluster="c", services=["t"]),
        client.describe_tasks(cluster="c", tasks=["0f"]),
        client.describe_service_deployments(serviceDeploymentArns=[RUNNING + "x"]),
        client.describe_service_revisions(serviceRevisionArns=[PLACE.service_revision("c", "s", "1")]),
    ]

    assert [[one["reason"] for one in answer["failures"]] for answer in answers] == [["MISSING"]] * 5


def test_the_same_request_without_its_mistake_is_taken() -> None:
    """Else a row might be refused for what it is not about."""
    both = advanced(testListenerRule=TEST_RULE)
    good = [
        create(),
        create(loadBalancers=[behind()]),
        create(loadBalancers=[behind()], healthCheckGracePeriodSeconds=60),
        configured(minimumHealthyPercent=100, maximumPercent=101),
        configured(minimumHealthyPercent=50, earlySuccessCriteria={"enable": True, "healthyPercent": 50}),
        configured(strategy="CANARY", canaryConfiguration={"canaryPercent": 0.1, "canaryBakeTimeInMinutes": 1440}),
        configured(strategy="LINEAR", linearConfiguration={"stepPercent": 3.0, "stepBakeTimeInMinutes": 0}),
        shifting(behind(advancedConfiguration=advanced())),
        shifting(behind(advancedConfiguration=both | {"productionListenerRule": ONE_GROUP})),
        hooked(targetType="PAUSE"),
        hooked(timeoutConfiguration={"timeoutInMinutes": 20160}),
        configured(**ALARMS),
        configured(**BREAKER),
    ]
    for request in good:
        service = prepared().call("CreateService", **request)["service"]
        assert service["status"] == "ACTIVE"
        assert service["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == NETWORK["awsvpcConfiguration"]["subnets"]
