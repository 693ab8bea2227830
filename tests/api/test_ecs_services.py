"""Services: what is refused, what starts a deployment, and what clients see at each moment."""

from typing import Any

import jmespath  # type: ignore[import-untyped]  # it has no stubs
import pytest
from ecs_world import NETWORK, PLACE, World, container, create_request, fargate

from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    LastStatus,
    RolloutState,
    ServiceDeployment,
    ServiceDeploymentStatus,
    ServiceStatus,
)

INVALID = "InvalidParameterException"
NO_NETWORK = {name: value for name, value in create_request().items() if name != "networkConfiguration"}


def behind(arn: str, **members: Any) -> list[dict[str, Any]]:
    return [{"targetGroupArn": arn, "containerName": "web", "containerPort": 4567} | members]


GROUP = PLACE.target_group("cats", "0123456789abcdef")
LONELY = PLACE.target_group("lonely", "0123456789abcdef")
INSTANCES = PLACE.target_group("instances", "0123456789abcdef")
NOT_BEHIND = f"The target group with targetGroupArn {LONELY} does not have an associated load balancer."
NO_GRACE = "Health check grace period is only valid for services configured to use load balancers"
BLOCKED = "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments"

CREATE_REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found."),
    ({"cluster": "gone"}, "ClusterNotFoundException", "The referenced cluster was inactive."),
    ({"taskDefinition": "dogs"}, "ClientException", "TaskDefinition not found."),
    ({"taskDefinition": "cats:2"}, "ClientException", "TaskDefinition is inactive"),
    ({"taskDefinition": "bridge"}, INVALID, "Task definition does not support launch_type FARGATE."),
    ({"desiredCount": -1}, INVALID, "desiredCount must be at least 0"),
    ({"serviceName": "two words"}, INVALID, "Service name should match regex: [a-zA-Z0-9_-]{1,255}"),
    (
        {"loadBalancers": behind(LONELY)},
        INVALID,
        NOT_BEHIND,
    ),
    (
        {"loadBalancers": behind(INSTANCES)},
        INVALID,
        (
            f"The provided target group {INSTANCES} has target type instance, which is incompatible with the awsvpc network "
            "mode specified in the task definition."
        ),
    ),
    (
        {"loadBalancers": behind(GROUP, containerName="db")},
        INVALID,
        "The container db does not exist in the task definition.",
    ),
    (
        {"loadBalancers": behind(GROUP, containerPort=80)},
        INVALID,
        "The container web did not have a container port 80 defined.",
    ),
    (
        {"loadBalancers": behind(GROUP, loadBalancerName="classic")},
        INVALID,
        "loadBalancerName and targetGroupArn cannot both be specified. Specify one of them and try again.",
    ),
    (
        {"loadBalancers": [{"loadBalancerName": "classic", "containerName": "web", "containerPort": 4567}]},
        INVALID,
        "Classic Load Balancers are not supported with Fargate.",
    ),
    (
        {"healthCheckGracePeriodSeconds": 60},
        INVALID,
        NO_GRACE,
    ),
    (
        {"networkConfiguration": {}},
        INVALID,
        "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    ),
    (
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
        INVALID,
        "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
    ),
    (
        {"launchType": "EC2", "platformVersion": "LATEST"},
        INVALID,
        "The platform version must be null when specifying an EC2 launch type.",
    ),
    (
        {"deploymentConfiguration": {"minimumHealthyPercent": 101}},
        INVALID,
        "minimumHealthyPercent must be at most 100",
    ),
    ({"deploymentConfiguration": {"maximumPercent": 99}}, INVALID, "maximumPercent must be at least 100"),
    (
        {"deploymentConfiguration": {"maximumPercent": 100}},
        INVALID,
        BLOCKED,
    ),
    (
        {"schedulingStrategy": "DAEMON", "desiredCount": 0},
        INVALID,
        "The daemon scheduling strategy does not support a desired count for services.",
    ),
    (
        {"deploymentController": {"type": "EXTERNAL"}},
        INVALID,
        "TaskDefinition must be blank",
    ),
    (
        {
            "deploymentController": {"type": "CODE_DEPLOY"},
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        },
        INVALID,
        "Deployment circuit breaker feature is only supported with ECS deployment controller",
    ),
    (
        {
            "deploymentController": {"type": "CODE_DEPLOY"},
            "deploymentConfiguration": {"alarms": {"alarmNames": ["a"], "enable": True, "rollback": True}},
        },
        INVALID,
        "Alarm based rollback feature is only supported with ECS deployment controller",
    ),
    ({"placementStrategy": [{"type": "random"}] * 6}, INVALID, "Maximum number of strategies is 5"),
    (
        {"placementStrategy": [{"type": "random"}]},
        INVALID,
        "Placement strategies are not supported with FARGATE launch type.",
    ),
    (
        {"volumeConfigurations": [{"name": "v", "managedEBSVolume": {"roleArn": "arn"}}]},
        INVALID,
        "The volume name 'v' in your request does not have a matching volume in your Task Definition",
    ),
    (
        {"platformVersion": "0.9"},
        "PlatformUnknownException",
        "The specified platform version 0.9 does not exist. Valid: LATEST, 1.4.0, 1.3.0.",
    ),
]


def a_world() -> World:
    """A world with one cluster that is gone, definitions that are unfit, and three target groups."""
    world = World()
    for name in ("c", "gone"):
        world.call("CreateCluster", clusterName=name)
    world.call("DeleteCluster", cluster="gone")
    for _ in range(2):
        world.call("RegisterTaskDefinition", **fargate())
    world.call("DeregisterTaskDefinition", taskDefinition="cats:2")
    world.call("RegisterTaskDefinition", family="bridge", containerDefinitions=[container(memory=64)])
    world.target_group()
    world.target_group("lonely", behind_a_listener=False)
    world.target_group("instances", target_type="instance")
    return world


@pytest.mark.parametrize(
    ("members", "code", "message"), CREATE_REFUSED, ids=[message[:60] for _, _, message in CREATE_REFUSED]
)
def test_a_service_that_ecs_refuses_is_refused_in_its_words(members: dict[str, Any], code: str, message: str) -> None:
    assert a_world().refusal("CreateService", **create_request(**members)) == (code, message)


@pytest.mark.parametrize(
    "members",
    [
        {"launchType": "EC2"},
        {"launchType": "EXTERNAL"},
        {"serviceRegistries": [{"registryArn": "arn"}]},
        {"serviceConnectConfiguration": {"enabled": True}},
    ],
)
def test_what_the_region_would_not_do_is_refused_and_not_taken_silently(members: dict[str, Any]) -> None:
    code, message = a_world().refusal("CreateService", **create_request(**members))

    assert code == "UnsupportedFeatureException"
    assert "not supported" in message or "on Fargate only" in message


def test_a_service_without_launch_type_runs_by_its_clusters_default_strategy_or_not_at_all() -> None:
    world = a_world()
    request = {name: value for name, value in create_request().items() if name != "launchType"}
    code, _ = world.refusal("CreateService", **request)
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    world.call(
        "PutClusterCapacityProviders",
        cluster="c",
        capacityProviders=["FARGATE_SPOT"],
        defaultCapacityProviderStrategy=strategy,
    )

    service = world.call("CreateService", **request)["service"]

    assert code == "UnsupportedFeatureException"
    assert service["capacityProviderStrategy"] == strategy
    assert "launchType" not in service
    on_demand = create_request(serviceName="other", capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}])
    del on_demand["launchType"]
    assert "not associated with the cluster" in world.refusal("CreateService", **on_demand)[1]


def test_a_new_service_shows_ecs_defaults_and_its_first_deployment() -> None:
    world = World()

    service = world.with_service()

    assert service["deploymentConfiguration"] == {
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "deploymentCircuitBreaker": {
            "enable": False,
            "rollback": False,
            "resetOnHealthyTask": True,
            "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 50},
        },
        "alarms": {"alarmNames": [], "enable": False, "rollback": False},
    }
    assert service["schedulingStrategy"] == "REPLICA"
    assert service["deploymentController"] == {"type": "ECS"}
    assert service["networkConfiguration"] == {
        "awsvpcConfiguration": {
            "subnets": ["subnet-a", "subnet-b"],
            "securityGroups": [],
            "assignPublicIp": "DISABLED",
        }
    }
    assert (service["status"], service["desiredCount"], service["runningCount"], service["events"]) == ("ACTIVE", 2, 0, [])
    assert (service["platformVersion"], service["platformFamily"]) == ("LATEST", "Linux")
    (deployment,) = service["deployments"]
    number = deployment["id"].removeprefix("ecs-svc/")
    assert (deployment["status"], deployment["rolloutState"]) == ("PRIMARY", "IN_PROGRESS")
    assert deployment["rolloutStateReason"] == f"ECS deployment ecs-svc/{number} in progress."
    assert (deployment["desiredCount"], deployment["failedTasks"]) == (2, 0)
    assert deployment["platformVersion"] == "1.4.0"
    (revision,) = service["currentServiceRevisions"]
    assert revision["arn"] == PLACE.service_revision("c", "s", number)
    (service_deployment,) = world.region.state.service_deployments.values()
    assert service["currentServiceDeployment"] == service_deployment.arn
    assert service_deployment.status is ServiceDeploymentStatus.PENDING
    assert world.region.bell.is_set()


def test_a_service_cannot_be_created_twice_but_a_repeated_request_is_answered() -> None:
    world = World()
    world.with_service(clientToken="token")

    again = world.create(clientToken="token")

    assert again == world.service() | {"tags": []}
    not_idempotent = (INVALID, "Creation of service was not idempotent.")
    assert world.refusal("CreateService", **create_request()) == not_idempotent
    assert world.refusal("CreateService", **create_request(clientToken="token", desiredCount=3)) == not_idempotent


def test_a_new_definition_is_deployed_and_the_same_answer_shows_primary_and_active() -> None:
    """Otherwise a waiter that looks at once would call the service stable."""
    world = World()
    first = world.with_service()["deployments"][0]["id"]
    world.tasks_of(first, LastStatus.RUNNING, LastStatus.RUNNING)
    complete(world)
    assert is_stable(world.call("DescribeServices", cluster="c", services=["s"]))
    world.call("RegisterTaskDefinition", **fargate())

    service = world.call("UpdateService", cluster="c", service="s", taskDefinition="cats:2")["service"]

    primary, active = service["deployments"]
    assert (primary["status"], primary["rolloutState"], primary["runningCount"]) == ("PRIMARY", "IN_PROGRESS", 0)
    assert (active["status"], active["rolloutState"], active["runningCount"]) == ("ACTIVE", "COMPLETED", 2)
    assert active["id"] == first
    assert service["taskDefinition"] == primary["taskDefinition"] == PLACE.task_definition("cats", 2)
    assert (service["runningCount"], service["desiredCount"]) == (2, 2)
    assert not is_stable(world.call("DescribeServices", cluster="c", services=["s"]))


def complete(world: World) -> None:
    """What the scheduler does when a deployment is done."""
    from dataclasses import replace

    state = world.region.state
    for deployment in list(state.deployments.values()):
        if deployment.status is DeploymentStatus.PRIMARY:
            world.put(replace(deployment, rollout_state=RolloutState.COMPLETED))
        else:
            world.put(replace(deployment, status=DeploymentStatus.INACTIVE))
    for one in list(state.service_deployments.values()):
        world.put(replace(one, status=ServiceDeploymentStatus.SUCCESSFUL))


def is_stable(answer: dict[str, Any]) -> bool:
    """The success acceptor of botocore's ``services_stable`` waiter."""
    expression = "length(services[?!(length(deployments) == `1` && runningCount == desiredCount)]) == `0`"
    stable: bool = jmespath.search(expression, answer)
    return stable


def test_the_waiters_expressions_are_botocores_own() -> None:
    import botocore.session

    model = botocore.session.Session().get_waiter_model("ecs")
    stable = model.get_waiter("ServicesStable").acceptors
    inactive = model.get_waiter("ServicesInactive").acceptors

    assert "length(services[?!(length(deployments) == `1` && runningCount == desiredCount)]) == `0`" in [
        one.argument for one in stable
    ]
    assert {one.argument for one in inactive} == {"failures[].reason", "services[].status"}


STARTS_A_DEPLOYMENT: list[tuple[dict[str, Any], bool]] = [
    ({"taskDefinition": "cats:2"}, True),
    ({"taskDefinition": "cats:1"}, False),
    ({"taskDefinition": PLACE.task_definition("cats", 1)}, False),
    ({"forceNewDeployment": True}, True),
    ({"forceNewDeployment": False}, False),
    ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-b"]}}}, True),
    ({"networkConfiguration": NETWORK}, False),
    ({"platformVersion": "1.4.0"}, True),
    ({"platformVersion": "LATEST"}, False),
    ({"loadBalancers": behind(GROUP)}, True),
    ({"loadBalancers": []}, False),
    ({"desiredCount": 5}, False),
    ({"deploymentConfiguration": {"minimumHealthyPercent": 50}}, False),
    ({"enableExecuteCommand": True}, False),
    ({"enableECSManagedTags": True}, False),
    ({"propagateTags": "SERVICE"}, False),
    ({"availabilityZoneRebalancing": "DISABLED"}, False),
    ({"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]}, False),
    ({"volumeConfigurations": []}, False),
    ({"serviceRegistries": []}, False),
    ({"placementConstraints": [], "placementStrategy": []}, False),
    ({"deploymentController": {"type": "ECS"}}, False),
    ({"deploymentConfiguration": {"bakeTimeInMinutes": 5}}, False),
    ({"deploymentConfiguration": {"alarms": {"alarmNames": ["a"], "enable": True, "rollback": True}}}, False),
    ({"deploymentConfiguration": {"lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"]}]}}, False),
    ({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}, False),
    ({}, False),
]


@pytest.mark.parametrize(
    ("percents", "shown"), [({}, "ENABLED"), ({"minimumHealthyPercent": 0, "maximumPercent": 100}, "DISABLED")]
)
def test_a_service_is_rebalanced_over_zones_by_default_where_it_has_the_room(percents: dict[str, int], shown: str) -> None:
    service = World().with_service(deploymentConfiguration=percents)

    assert service["availabilityZoneRebalancing"] == shown


@pytest.mark.parametrize(("change", "starts"), STARTS_A_DEPLOYMENT, ids=[str(change) for change, _ in STARTS_A_DEPLOYMENT])
def test_only_what_tasks_are_made_of_starts_a_deployment(change: dict[str, Any], starts: bool) -> None:
    world = World()
    world.target_group()
    world.with_service()
    world.call("RegisterTaskDefinition", **fargate())
    world.call("PutClusterCapacityProviders", cluster="c", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[])
    complete(world)

    service = world.call("UpdateService", cluster="c", service="s", **change)["service"]

    assert len(service["deployments"]) == (2 if starts else 1)
    assert len(world.region.state.of_service(ServiceDeployment, service["serviceArn"])) == (2 if starts else 1)


def test_a_grace_period_starts_no_deployment_and_holds_at_once() -> None:
    world = World()
    world.with_service(loadBalancers=behind(world.target_group()))
    complete(world)

    service = world.call("UpdateService", cluster="c", service="s", healthCheckGracePeriodSeconds=90)["service"]

    assert (len(service["deployments"]), service["healthCheckGracePeriodSeconds"]) == (1, 90)


def test_a_forced_deployment_takes_the_strategy_that_was_set_before() -> None:
    world = World()
    world.with_service()
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    world.call(
        "PutClusterCapacityProviders", cluster="c", capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    world.call("UpdateService", cluster="c", service="s", capacityProviderStrategy=strategy)

    primary, active = world.call("UpdateService", cluster="c", service="s", forceNewDeployment=True)["service"]["deployments"]

    assert (primary["capacityProviderStrategy"], "launchType" in primary) == (strategy, False)
    assert active["launchType"] == "FARGATE"


def test_what_an_update_leaves_out_stays_as_it_was() -> None:
    world = World()
    group = world.target_group()
    breaker = {
        "enable": True,
        "rollback": True,
        "resetOnHealthyTask": False,
        "thresholdConfiguration": {"type": "COUNT", "value": 7},
    }
    world.with_service(
        loadBalancers=behind(group),
        healthCheckGracePeriodSeconds=60,
        deploymentConfiguration={"maximumPercent": 150, "deploymentCircuitBreaker": breaker},
    )

    changed = {"minimumHealthyPercent": 50, "deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    world.call("UpdateService", cluster="c", service="s", deploymentConfiguration=changed)

    service = world.service()
    configuration = service["deploymentConfiguration"]
    assert (configuration["minimumHealthyPercent"], configuration["maximumPercent"]) == (50, 150)
    assert configuration["deploymentCircuitBreaker"] == breaker | {"rollback": False}
    assert (service["healthCheckGracePeriodSeconds"], service["desiredCount"]) == (60, 2)
    assert service["loadBalancers"] == behind(group)


UPDATE_REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"service": "t"}, "ServiceNotFoundException", "Service not found."),
    ({"service": "old"}, "ServiceNotActiveException", "Service was not ACTIVE."),
    ({"taskDefinition": "dogs"}, "ClientException", "TaskDefinition not found."),
    ({"taskDefinition": "cats:2"}, "ClientException", "TaskDefinition is inactive"),
    ({"taskDefinition": "portless"}, INVALID, "The container web did not have a container port 4567 defined."),
    ({"deploymentConfiguration": {"maximumPercent": 100}}, INVALID, BLOCKED),
    ({"desiredCount": 7, "loadBalancers": behind(LONELY)}, INVALID, NOT_BEHIND),
    ({"loadBalancers": [], "healthCheckGracePeriodSeconds": 9}, INVALID, NO_GRACE),
]


@pytest.mark.parametrize(("change", "code", "message"), UPDATE_REFUSED, ids=[message[:60] for _, _, message in UPDATE_REFUSED])
def test_an_update_that_ecs_refuses_changes_nothing(change: dict[str, Any], code: str, message: str) -> None:
    world = a_world()
    world.create(serviceName="old", desiredCount=0)
    world.call("DeleteService", cluster="c", service="old")
    world.create(loadBalancers=behind(GROUP))
    world.call("RegisterTaskDefinition", **fargate(family="portless", containerDefinitions=[container(portMappings=[])]))

    assert world.refusal("UpdateService", **({"cluster": "c", "service": "s"} | change)) == (code, message)


def test_a_deployment_during_another_asks_that_one_to_stop() -> None:
    world = World()
    world.with_service()
    world.call("RegisterTaskDefinition", **fargate())

    world.call("UpdateService", cluster="c", service="s", taskDefinition="cats:2")
    service = world.call("UpdateService", cluster="c", service="s", forceNewDeployment=True)["service"]

    third, second, first = service["deployments"]
    assert [one["status"] for one in (third, second, first)] == ["PRIMARY", "ACTIVE", "ACTIVE"]
    assert [one["rolloutState"] for one in (second, first)] == ["IN_PROGRESS", "IN_PROGRESS"]
    listed = world.call("ListServiceDeployments", cluster="c", service="s")["serviceDeployments"]
    assert [one["status"] for one in listed] == ["PENDING", "STOP_REQUESTED", "STOP_REQUESTED"]
    assert listed[0]["serviceDeploymentArn"] == service["currentServiceDeployment"]
    (described,) = world.call("DescribeServiceDeployments", serviceDeploymentArns=[service["currentServiceDeployment"]])[
        "serviceDeployments"
    ]
    assert [one["arn"].rpartition("/")[2] for one in described["sourceServiceRevisions"]] == [
        one["id"].removeprefix("ecs-svc/") for one in (second, first)
    ]


def test_counts_follow_from_tasks_and_leave_out_those_that_stop() -> None:
    world = World()
    deployment_id = world.with_service(desiredCount=3)["deployments"][0]["id"]
    running, *_ = world.tasks_of(
        deployment_id,
        LastStatus.RUNNING,
        LastStatus.RUNNING,
        LastStatus.PROVISIONING,
        LastStatus.PENDING,
        LastStatus.ACTIVATING,
        LastStatus.DEACTIVATING,
        LastStatus.STOPPED,
    )
    world.call("StopTask", cluster="c", task=running.arn)

    service = world.service()

    assert (service["runningCount"], service["pendingCount"]) == (1, 3)
    (deployment,) = service["deployments"]
    assert (deployment["runningCount"], deployment["pendingCount"], deployment["desiredCount"]) == (1, 3, 3)
    cluster = world.call("DescribeClusters", clusters=["c"], include=["STATISTICS"])["clusters"][0]
    assert (cluster["runningTasksCount"], cluster["pendingTasksCount"], cluster["activeServicesCount"]) == (1, 3, 1)
    assert {"name": "runningFargateTasksCount", "value": "1"} in cluster["statistics"]


def test_services_are_found_by_name_and_arn_and_the_missing_ones_are_told() -> None:
    world = World()
    arn = world.with_service(tags=[{"key": "a", "value": "b"}])["serviceArn"]

    answer = world.call("DescribeServices", cluster=PLACE.cluster("c"), services=["s", arn, "t"], include=["TAGS"])

    assert [one["serviceArn"] for one in answer["services"]] == [arn, arn]
    assert answer["services"][0]["tags"] == [{"key": "a", "value": "b"}]
    assert answer["failures"] == [{"arn": PLACE.service("c", "t"), "reason": "MISSING"}]
    assert world.refusal("DescribeServices", services=["s"]) == ("ClusterNotFoundException", "Cluster not found.")
    assert world.refusal("DescribeServices", cluster="c", services=["s"] * 11)[0] == INVALID


def test_services_are_listed_ten_at_once_without_inactive_ones() -> None:
    world = World()
    world.with_service()
    for number in range(11):
        world.create(serviceName=f"s{number:02}", desiredCount=0)
    inactive(world, "s05")

    first = world.call("ListServices", cluster="c")
    second = world.call("ListServices", cluster="c", nextToken=first["nextToken"])

    names = [arn.rpartition("/")[2] for arn in first["serviceArns"] + second["serviceArns"]]
    assert len(first["serviceArns"]) == 10
    assert names == ["s", *(f"s{number:02}" for number in range(11) if number != 5)]


def inactive(world: World, name: str) -> None:
    """What the scheduler does with a deleted service whose tasks have stopped."""
    from dataclasses import replace

    world.call("DeleteService", cluster="c", service=name, force=True)
    service = world.region.state.services[PLACE.service("c", name)]
    world.put(replace(service, status=ServiceStatus.INACTIVE))


def test_events_are_shown_newest_first() -> None:
    world = World()
    arn = world.with_service()["serviceArn"]
    with world.region.state.transaction() as changes:
        world.region.tell(changes, arn, [f"(service s) event {number}." for number in range(105)])

    events = world.service()["events"]

    assert len(events) == 100
    assert [events[0]["message"], events[-1]["message"]] == ["(service s) event 104.", "(service s) event 5."]


def test_a_service_with_tasks_is_deleted_by_force_only_and_then_drains() -> None:
    world = World()
    world.with_service()
    assert world.refusal("DeleteService", cluster="c", service="s") == (
        INVALID,
        "The service cannot be stopped while it is scaled above 0.",
    )

    service = world.call("DeleteService", cluster="c", service="s", force=True)["service"]

    assert (service["status"], service["desiredCount"]) == ("DRAINING", 0)
    assert world.call("DeleteService", cluster="c", service="s")["service"]["status"] == "DRAINING"
    assert world.refusal("CreateService", **create_request()) == (
        INVALID,
        "Unable to Start a service that is still Draining.",
    )
    assert world.refusal("DeleteCluster", cluster="c")[0] == "ClusterContainsServicesException"


def test_the_name_of_an_inactive_service_is_used_afresh() -> None:
    world = World()
    arn = world.with_service()["serviceArn"]
    with world.region.state.transaction() as changes:
        world.region.tell(changes, arn, ["(service s) has reached a steady state."])
    inactive(world, "s")
    assert world.service()["status"] == "INACTIVE"
    assert world.call("ListServices", cluster="c")["serviceArns"] == []
    assert world.refusal("DeleteService", cluster="c", service="s") == ("ServiceNotFoundException", "Service not found.")

    service = world.create(desiredCount=1)

    assert (service["status"], service["events"], len(service["deployments"])) == ("ACTIVE", [], 1)
    assert len(world.call("ListServiceDeployments", cluster="c", service="s")["serviceDeployments"]) == 1
    state = world.region.state
    assert len(state.of_service(Deployment, arn)) == 1
    assert [one.desired_count for one in state.services.values()] == [1]


def test_a_revision_of_a_deleted_service_stays_while_a_task_still_runs_by_it() -> None:
    world = World()
    deployment_id = world.with_service()["deployments"][0]["id"]
    (task,) = world.tasks_of(deployment_id, LastStatus.STOPPING)
    inactive(world, "s")

    world.create()

    assert task.revision_arn in world.region.state.revisions


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"firelensConfiguration": {"type": "fluentbit"}}, "firelensConfiguration"),
        ({"logConfiguration": {"logDriver": "splunk"}}, "splunk"),
        ({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]}, "efsVolumeConfiguration"),
    ],
)
def test_a_definition_that_no_runtime_carries_out_is_registered_but_not_run(members: dict[str, Any], what: str) -> None:
    world = a_world()
    role = "arn:aws:iam::111122223333:role/execution"
    volumes = members.pop("volumes", [])
    asking = fargate(family="asks", containerDefinitions=[container(**members)], executionRoleArn=role, volumes=volumes)
    world.call("RegisterTaskDefinition", **asking)

    code, message = world.refusal("CreateService", **create_request(taskDefinition="asks"))

    assert code == "UnsupportedFeatureException"
    assert what in message
