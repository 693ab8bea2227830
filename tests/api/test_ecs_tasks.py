"""Tasks: run, shown, listed, stopped and protected."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import jmespath  # type: ignore[import-untyped]  # it has no stubs
import pytest
from ecs_world import NETWORK, NOW, PLACE, World, container, fargate

from ninelives.model.ecs import DesiredStatus, LastStatus, Task, TaskAddress
from ninelives.model.timing import Timing
from ninelives.region.tasks import launch_of

INVALID = "InvalidParameterException"


def run_request(**members: Any) -> dict[str, Any]:
    return {
        "cluster": "c",
        "taskDefinition": "cats",
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
    } | members


def a_world() -> World:
    world = World()
    world.call("CreateCluster", clusterName="c")
    for _ in range(2):
        world.call("RegisterTaskDefinition", **fargate())
    world.call("DeregisterTaskDefinition", taskDefinition="cats:2")
    return world


def run(world: World, **members: Any) -> dict[str, Any]:
    (task,) = world.call("RunTask", **run_request(**members))["tasks"]
    return dict(task)


def the_task(world: World) -> Task:
    (task,) = world.region.state.tasks.values()
    return task


RUN_REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"cluster": "d"}, "ClusterNotFoundException", "Cluster not found."),
    ({"taskDefinition": "dogs"}, "ClientException", "TaskDefinition not found."),
    ({"taskDefinition": "cats:2"}, INVALID, "TaskDefinition is inactive"),
    ({"count": 0}, INVALID, "count must be between 1 and 10"),
    ({"count": 11}, INVALID, "count must be between 1 and 10"),
    ({"group": "service:s"}, INVALID, "A group that starts with 'service:' belongs to a service."),
    (
        {"networkConfiguration": {}},
        INVALID,
        "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    ),
    (
        {"overrides": {"containerOverrides": [{"name": "db"}]}},
        INVALID,
        "Override for container named db is not a container in the TaskDefinition.",
    ),
    (
        {"overrides": {"containerOverrides": [{"name": "web", "command": ["x" * 8192]}]}},
        INVALID,
        "Container Overrides length must be at most 8192",
    ),
    (
        {"overrides": {"ephemeralStorage": {"sizeInGiB": 20}}},
        INVALID,
        "EphemeralStorage size should be at least 21",
    ),
    ({"overrides": {"memory": "3 GB"}}, "ClientException", "No Fargate configuration exists for given values."),
    (
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
        INVALID,
        "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
    ),
]


@pytest.mark.parametrize(("members", "code", "message"), RUN_REFUSED, ids=[message[:50] for _, _, message in RUN_REFUSED])
def test_a_run_that_ecs_refuses_starts_nothing(members: dict[str, Any], code: str, message: str) -> None:
    assert a_world().refusal("RunTask", **run_request(**members)) == (code, message)


def test_tasks_run_on_fargate_only() -> None:
    world, nowhere = a_world(), {name: one for name, one in run_request().items() if name != "launchType"}

    for request in (run_request(launchType="EC2"), nowhere):
        code, message = world.refusal("RunTask", **request)
        assert code == INVALID
        assert message.startswith("No Container Instances were found in your cluster.")
        assert "launchType FARGATE" in message
    assert world.refusal("RunTask", **run_request(launchType="EXTERNAL"))[0] == "UnsupportedFeatureException"
    world.call(
        "PutClusterCapacityProviders",
        cluster="c",
        capacityProviders=["FARGATE"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE"}],
    )
    assert world.call("RunTask", **nowhere)["tasks"][0]["capacityProviderName"] == "FARGATE"


def test_start_task_finds_no_container_instance() -> None:
    world = a_world()
    arn = "arn:aws:ecs:eu-west-1:111122223333:container-instance/c/0f"

    answer = world.call("StartTask", cluster="c", taskDefinition="cats", containerInstances=["0f", arn])

    assert answer == {"tasks": [], "failures": [{"arn": arn, "reason": "MISSING"}] * 2}
    assert world.region.state.tasks == {}
    for members, code, message in (
        ({"cluster": "d"}, "ClusterNotFoundException", "Cluster not found."),
        ({"taskDefinition": "dogs"}, "ClientException", "TaskDefinition not found."),
        ({"taskDefinition": "cats:2"}, INVALID, "TaskDefinition is inactive"),
        ({"containerInstances": []}, INVALID, "Container instances cannot be empty."),
    ):
        request: dict[str, Any] = {"cluster": "c", "taskDefinition": "cats", "containerInstances": ["0f"]} | members
        assert world.refusal("StartTask", **request) == (code, message)


def test_overrides_may_not_take_the_place_of_a_secret() -> None:
    world = a_world()
    secret = container(secrets=[{"name": "KEY", "valueFrom": "/key"}])
    role = "arn:aws:iam::111122223333:role/exec"
    world.call("RegisterTaskDefinition", **fargate(containerDefinitions=[secret], executionRoleArn=role))
    override = {"name": "web", "environment": [{"name": "KEY", "value": "plain"}]}

    code, message = world.refusal("RunTask", **run_request(overrides={"containerOverrides": [override]}))

    assert code == "ClientException"
    assert message.startswith("The secret name must be unique and not shared with any new or existing environment variables")


def test_a_task_that_is_run_begins_in_provisioning() -> None:
    world = a_world()

    task = run(world, startedBy="me", tags=[{"key": "a", "value": "b"}])

    assert (task["lastStatus"], task["desiredStatus"], task["healthStatus"]) == ("PROVISIONING", "RUNNING", "UNKNOWN")
    assert (task["group"], task["startedBy"], task["launchType"]) == ("family:cats", "me", "FARGATE")
    assert (task["cpu"], task["memory"], task["platformVersion"]) == ("256", "512", "1.4.0")
    assert task["taskDefinitionArn"] == PLACE.task_definition("cats", 1)
    assert task["tags"] == [{"key": "a", "value": "b"}]
    assert [one["name"] for one in task["containers"]] == ["web"]
    assert task["overrides"] == {"containerOverrides": [{"name": "web"}], "inferenceAcceleratorOverrides": []}
    (attachment,) = task["attachments"]
    assert (attachment["type"], attachment["status"]) == ("ElasticNetworkInterface", "PRECREATED")
    assert world.region.bell.is_set()


def test_ten_tasks_are_run_at_once_each_with_its_own_id() -> None:
    tasks = a_world().call("RunTask", **run_request(count=10))["tasks"]

    assert len({task["taskArn"] for task in tasks}) == 10


def test_a_client_token_runs_its_tasks_once() -> None:
    world = a_world()

    first = world.call("RunTask", **run_request(count=2, clientToken="token"))
    again = world.call("RunTask", **run_request(count=2, clientToken="token"))

    assert again == first
    assert len(world.region.state.tasks) == 2
    assert world.refusal("RunTask", **run_request(count=3, clientToken="token"))[0] == "ConflictException"


def test_overrides_show_in_the_task() -> None:
    override = {"name": "web", "command": ["rake"], "cpu": 128, "environment": [{"name": "A", "value": "1"}]}

    task = run(a_world(), overrides={"containerOverrides": [override], "cpu": "0.5 vCPU", "memory": "1 GB"})

    assert (task["cpu"], task["memory"], task["containers"][0]["cpu"]) == ("512", "1024", "128")
    assert task["overrides"]["containerOverrides"] == [override]


def test_a_running_task_shows_its_address_and_its_containers() -> None:
    world = a_world()
    run(world)
    task = the_task(world)
    web = replace(task.containers[0], last_status="RUNNING", runtime_id="0f3d", image_digest="sha256:0f", exit_code=None)
    world.put(
        replace(
            task,
            last_status=LastStatus.RUNNING,
            address=TaskAddress(ip="172.17.0.2"),
            containers=(web,),
            started_at=NOW,
        )
    )

    (shown,) = world.call("DescribeTasks", cluster="c", tasks=[task.id])["tasks"]

    details = {one["name"]: one["value"] for one in shown["attachments"][0]["details"]}
    assert details["privateIPv4Address"] == "172.17.0.2"
    assert details["subnetId"] in {"subnet-a", "subnet-b"}
    assert details["privateDnsName"] == "ip-172-17-0-2.eu-west-1.compute.internal"
    (web_shown,) = shown["containers"]
    assert web_shown["networkInterfaces"][0]["privateIpv4Address"] == "172.17.0.2"
    assert web_shown["networkInterfaces"][0]["attachmentId"] == shown["attachments"][0]["id"]
    assert (web_shown["runtimeId"], web_shown["imageDigest"], web_shown["networkBindings"]) == ("0f3d", "sha256:0f", [])
    assert (shown["connectivity"], shown["startedAt"]) == ("CONNECTED", NOW)


def test_a_port_that_answers_elsewhere_is_shown_as_a_binding() -> None:
    world = a_world()
    run(world)
    world.put(replace(the_task(world), address=TaskAddress(ip="127.0.0.1", ports=((4567, 31001),))))

    (shown,) = world.call("DescribeTasks", cluster="c", tasks=[the_task(world).arn])["tasks"]

    assert shown["containers"][0]["networkBindings"] == [
        {"bindIP": "127.0.0.1", "containerPort": 4567, "hostPort": 31001, "protocol": "tcp"}
    ]


def test_a_task_of_a_service_wears_what_its_service_propagates() -> None:
    world = World()
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    world.call("CreateCluster", clusterName="c", capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=strategy)
    world.call("RegisterTaskDefinition", **fargate())
    service = world.call(
        "CreateService",
        cluster="c",
        serviceName="s",
        taskDefinition="cats",
        desiredCount=1,
        networkConfiguration=NETWORK,
        propagateTags="SERVICE",
        enableExecuteCommand=True,
        tags=[{"key": "a", "value": "b"}],
    )["service"]
    (task,) = world.tasks_of(service["deployments"][0]["id"], LastStatus.RUNNING)

    (shown,) = world.call("DescribeTasks", cluster="c", tasks=[task.id], include=["TAGS"])["tasks"]

    assert shown["tags"] == [{"key": "a", "value": "b"}]
    assert (shown["enableExecuteCommand"], shown["capacityProviderName"]) == (True, "FARGATE_SPOT")


def test_tasks_that_are_missing_are_told() -> None:
    answer = a_world().call("DescribeTasks", cluster="c", tasks=["0f"])

    assert answer == {"tasks": [], "failures": [{"arn": PLACE.task("c", "0f"), "reason": "MISSING"}]}


@pytest.mark.parametrize(("reason", "told"), [("enough", "enough"), (None, "Task stopped by user")])
def test_a_stopped_task_is_to_stop_for_the_reason_that_was_given(reason: str | None, told: str) -> None:
    world = a_world()
    run(world)
    given = {} if reason is None else {"reason": reason}

    task = world.call("StopTask", cluster="c", task=the_task(world).id, **given)["task"]

    assert (task["desiredStatus"], task["stopCode"], task["stoppedReason"]) == ("STOPPED", "UserInitiated", told)
    world.call("StopTask", cluster="c", task=task["taskArn"], reason="again")
    assert the_task(world).stopped_reason == told


def test_a_running_task_that_is_stopped_is_deactivating_in_the_answer() -> None:
    world = a_world()
    starting = run(world)["taskArn"]
    running = run(world)["taskArn"]
    world.put(replace(world.region.state.tasks[running], last_status=LastStatus.RUNNING))

    answers = [world.call("StopTask", cluster="c", task=arn)["task"] for arn in (starting, running)]

    assert [one["lastStatus"] for one in answers] == ["PROVISIONING", "DEACTIVATING"]


def test_a_task_that_is_not_there_cannot_be_stopped() -> None:
    refused = a_world().refusal("StopTask", cluster="c", task="0f")

    assert refused == (INVALID, "The referenced task was not found.")


def test_tasks_are_listed_by_every_filter() -> None:
    world = World()
    deployment_id = world.with_service()["deployments"][0]["id"]
    served, stopping = world.tasks_of(deployment_id, LastStatus.RUNNING, LastStatus.DEACTIVATING)
    world.put(replace(stopping, desired_status=DesiredStatus.STOPPED))
    world.call("RegisterTaskDefinition", **fargate(family="dogs", containerDefinitions=[container()]))
    alone = run(world, taskDefinition="dogs", startedBy="me")["taskArn"]

    def listed(**filters: Any) -> list[str]:
        arns: list[str] = world.call("ListTasks", cluster="c", **filters)["taskArns"]
        return arns

    assert listed() == [served.arn, alone]
    assert listed(serviceName="s") == [served.arn]
    assert listed(serviceName="s", desiredStatus="STOPPED") == [stopping.arn]
    assert listed(desiredStatus="PENDING") == []
    assert listed(family="dogs") == [alone]
    assert listed(startedBy=deployment_id) == [served.arn]
    assert listed(launchType="EC2") == []
    assert world.refusal("ListTasks", cluster="c", serviceName="t")[0] == "ServiceNotFoundException"
    first = world.call("ListTasks", cluster="c", maxResults=1)
    second = world.call("ListTasks", cluster="c", maxResults=1, nextToken=first["nextToken"])
    assert first["taskArns"] + second["taskArns"] == [served.arn, alone]
    assert "nextToken" not in second


def test_only_tasks_of_a_service_can_be_protected_and_only_for_a_time() -> None:
    world = World()
    deployment_id = world.with_service()["deployments"][0]["id"]
    (served,) = world.tasks_of(deployment_id, LastStatus.RUNNING)
    alone = run(world)["taskArn"]

    answer = world.call(
        "UpdateTaskProtection", cluster="c", tasks=[served.id, alone, "0f"], protectionEnabled=True, expiresInMinutes=10
    )

    (protected,) = answer["protectedTasks"]
    assert (protected["taskArn"], protected["protectionEnabled"]) == (served.arn, True)
    assert [(one["arn"], one["reason"]) for one in answer["failures"]] == [
        (alone, "TASK_NOT_VALID"),
        (PLACE.task("c", "0f"), "MISSING"),
    ]
    assert world.region.state.tasks[served.arn].protected_until == protected["expirationDate"]
    world.clock.time += timedelta(minutes=11)
    shown = world.call("GetTaskProtection", cluster="c", tasks=[served.id])["protectedTasks"]
    assert shown == [{"taskArn": served.arn, "protectionEnabled": False}]
    too_long = {"cluster": "c", "tasks": [served.id], "protectionEnabled": True, "expiresInMinutes": 2881}
    assert world.refusal("UpdateTaskProtection", **too_long)[0] == INVALID
    world.call("UpdateTaskProtection", cluster="c", tasks=[served.id], protectionEnabled=False)
    assert world.region.state.tasks[served.arn].protected_until is None


def test_a_service_with_more_protected_tasks_than_it_wants_gets_no_more() -> None:
    """Until one's protection ends or is taken away, or more tasks are wanted. Taking protection away always works."""
    world = World()
    deployment_id = world.with_service()["deployments"][0]["id"]
    tasks = world.tasks_of(deployment_id, *[LastStatus.RUNNING] * 4)

    def protect(*wanted: Task, **members: Any) -> tuple[int, list[str]]:
        asked = {"cluster": "c", "tasks": [task.id for task in wanted], "protectionEnabled": True} | members
        answer = world.call("UpdateTaskProtection", **asked)
        return len(answer["protectedTasks"]), [one["reason"] for one in answer["failures"]]

    world.call("UpdateService", cluster="c", service="s", desiredCount=2)
    assert protect(*tasks[:3]) == (3, [])
    blocked = protect(tasks[0], tasks[3])
    assert blocked == (0, ["DEPLOYMENT_BLOCKED"] * 2)
    assert world.region.state.tasks[tasks[3].arn].protected_until is None
    world.call("UpdateService", cluster="c", service="s", desiredCount=3)
    assert protect(tasks[3]) == (1, [])
    assert protect(tasks[2]) == (0, ["DEPLOYMENT_BLOCKED"])
    assert protect(tasks[0], protectionEnabled=False) == (1, [])
    assert protect(tasks[2], expiresInMinutes=1) == (1, [])
    world.clock.time += timedelta(minutes=2)
    assert protect(tasks[0]) == (1, [])


def test_the_waiters_expressions_hold_on_what_is_described() -> None:
    world = a_world()
    run(world)
    task = the_task(world)

    def statuses() -> list[str]:
        found: list[str] = jmespath.search("tasks[].lastStatus", world.call("DescribeTasks", cluster="c", tasks=[task.id]))
        return found

    assert statuses() == ["PROVISIONING"]
    world.put(replace(task, last_status=LastStatus.STOPPED))
    assert statuses() == ["STOPPED"]


def test_a_restart_attempt_period_is_policy_and_is_scaled_a_stop_timeout_is_not() -> None:
    world = World()
    world.region.timing = Timing(time_scale=60)
    world.call("CreateCluster", clusterName="c")
    web = container(restartPolicy={"enabled": True, "restartAttemptPeriod": 120}, stopTimeout=60)
    world.call("RegisterTaskDefinition", **fargate(containerDefinitions=[web]))
    run(world)

    (launched,) = launch_of(world.region, the_task(world)).definition.containers

    assert launched.restart_policy is not None
    assert launched.restart_policy.restart_attempt_period == timedelta(seconds=2)
    assert launched.stop_timeout == timedelta(seconds=60)


def test_only_images_that_are_to_be_consistent_are_pinned() -> None:
    world = World()
    world.call("CreateCluster", clusterName="c")
    image = "127.0.0.1:4566/cats:1"
    names = {"pinned": "enabled", "moving": "disabled"}
    containers = [
        container(name=name, image=image, portMappings=[], versionConsistency=wanted) for name, wanted in names.items()
    ]
    world.call("RegisterTaskDefinition", **fargate(containerDefinitions=containers))
    deployment_id = world.create()["deployments"][0]["id"]
    (task,) = world.tasks_of(deployment_id, LastStatus.PROVISIONING)
    (revision,) = world.region.state.revisions.values()
    world.put(replace(revision, container_images=tuple((name, image, "sha256:0f") for name in names)))

    images = launch_of(world.region, task).images

    assert images == {"pinned": "127.0.0.1:4566/cats@sha256:0f", "moving": image}


def test_an_image_that_is_named_as_on_ecr_is_the_one_of_this_region() -> None:
    world = World()
    world.call("CreateCluster", clusterName="c")
    hosts = {
        "ours": f"{PLACE.account}.dkr.ecr.{PLACE.region}.amazonaws.com",
        "theirs": "999999999999.dkr.ecr.eu-west-1.amazonaws.com",
    }
    containers = [container(name=name, image=f"{host}/cats:1", portMappings=[]) for name, host in hosts.items()]
    world.call("RegisterTaskDefinition", **fargate(containerDefinitions=containers, executionRoleArn="arn:aws:iam::1:role/r"))
    deployment_id = world.create()["deployments"][0]["id"]
    (task,) = world.tasks_of(deployment_id, LastStatus.PROVISIONING)
    world.region.registry = "127.0.0.1:4566"

    images = launch_of(world.region, task).images

    assert images == {"ours": "127.0.0.1:4566/cats:1", "theirs": f"{hosts['theirs']}/cats:1"}
