"""boto3 against the door: what released clients do with the answers, and what is left after a restart."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from ecs_world import NETWORK, PLACE, World, create_request, fargate
from running_door import OpenDoor
from test_ecs_services import complete

from ninelives.model.ecs import LastStatus
from ninelives.store import SqliteStore

ANSWERS_ONLY = (
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy",
)  # fmt: skip


def client_of(world: World, open_door: OpenDoor) -> Any:
    return open_door({"ecs": world.operations}).client("ecs")


def wait(client: Any, waiter: str, **parameters: Any) -> None:
    """Look once: a waiter that does not end at its first look has not what it waits for."""
    client.get_waiter(waiter).wait(**parameters, WaiterConfig={"Delay": 1, "MaxAttempts": 1})


def test_the_github_actions_flow_describe_register_update_describe(open_door: OpenDoor) -> None:
    world = World()
    client = client_of(world, open_door)
    client.create_cluster(clusterName="c")
    client.register_task_definition(**fargate())
    created = client.create_service(**create_request())["service"]
    world.tasks_of(created["deployments"][0]["id"], LastStatus.RUNNING, LastStatus.RUNNING)
    complete(world)
    wait(client, "services_stable", cluster="c", services=["s"])

    shown = client.describe_task_definition(taskDefinition="cats")["taskDefinition"]
    request = {name: value for name, value in shown.items() if name not in ANSWERS_ONLY}
    request["containerDefinitions"][0]["image"] = "cats:2.0.1"
    arn = client.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]
    updated = client.update_service(
        cluster="c", service="s", taskDefinition=arn, forceNewDeployment=False, propagateTags="NONE", volumeConfigurations=[]
    )["service"]

    before = {one["id"] for one in created["deployments"]}
    primary = next(one for one in updated["deployments"] if one["status"] == "PRIMARY")
    assert primary["id"] not in before
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        wait(client, "services_stable", cluster="c", services=["s"])
    world.tasks_of(primary["id"], LastStatus.RUNNING, LastStatus.RUNNING)
    described = client.describe_services(cluster="c", services=["s"])["services"][0]
    assert {one["id"]: one["runningCount"] for one in described["deployments"]} == {
        primary["id"]: 2,
        **dict.fromkeys(before, 2),
    }


def test_waiters_end_on_services_that_are_missing_or_drain(open_door: OpenDoor) -> None:
    world = World()
    world.with_service()
    client = client_of(world, open_door)

    with pytest.raises(WaiterError, match="MISSING"):
        wait(client, "services_stable", cluster="c", services=["t"])
    client.delete_service(cluster="c", service="s", force=True)
    with pytest.raises(WaiterError, match="DRAINING"):
        wait(client, "services_stable", cluster="c", services=["s"])


def test_a_refusal_is_an_exception_of_the_clients_own(open_door: OpenDoor) -> None:
    client = client_of(World(), open_door)

    with pytest.raises(client.exceptions.ClusterNotFoundException) as caught:
        client.describe_services(services=["s"])
    assert caught.value.response["Error"] == {"Code": "ClusterNotFoundException", "Message": "Cluster not found."}
    with pytest.raises(ClientError) as refused:
        client.list_clusters(maxResults=1000)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"


def test_paginators_walk_all_pages(open_door: OpenDoor) -> None:
    world = World()
    world.with_service()
    for number in range(24):
        world.create(serviceName=f"s{number:02}", desiredCount=0)
    client = client_of(world, open_door)

    pages = list(client.get_paginator("list_services").paginate(cluster="c"))

    assert [len(page["serviceArns"]) for page in pages] == [10, 10, 5]


def test_times_come_back_as_they_were(open_door: OpenDoor) -> None:
    world = World()
    created_at = world.with_service()["createdAt"]

    (service,) = client_of(world, open_door).describe_services(cluster="c", services=["s"])["services"]

    assert service["createdAt"] == created_at


def test_after_a_restart_every_answer_is_the_same(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "region.db")
    world = World(store)
    group = world.target_group()
    world.with_service(
        loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": 4567}],
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        tags=[{"key": "a", "value": "b"}],
        clientToken="token",
    )
    world.call("RegisterTaskDefinition", **fargate())
    deployment_id = world.call("UpdateService", cluster="c", service="s", taskDefinition="cats")["service"]["deployments"][0][
        "id"
    ]
    (task,) = world.tasks_of(deployment_id, LastStatus.RUNNING)
    world.call("DeregisterTaskDefinition", taskDefinition="cats:1")
    world.call("DeleteTaskDefinitions", taskDefinitions=["cats:1"])
    world.call("PutAccountSetting", name="containerInsights", value="enabled")
    questions: list[tuple[str, dict[str, Any]]] = [
        ("DescribeClusters", {"clusters": ["c"], "include": ["TAGS", "SETTINGS"]}),
        ("DescribeServices", {"cluster": "c", "services": ["s"], "include": ["TAGS"]}),
        ("DescribeTasks", {"cluster": "c", "tasks": [task.id]}),
        ("DescribeTaskDefinition", {"taskDefinition": "cats:1"}),
        ("DescribeTaskDefinition", {"taskDefinition": "cats:2"}),
        ("ListServiceDeployments", {"cluster": "c", "service": "s"}),
        ("DescribeServiceRevisions", {"serviceRevisionArns": [task.revision_arn]}),
        ("ListAccountSettings", {}),
    ]
    before = [world.call(operation, **parameters) for operation, parameters in questions]
    store.close()

    again = World(SqliteStore(tmp_path / "region.db"))

    assert [again.call(operation, **parameters) for operation, parameters in questions] == before
    assert again.region.state.services[PLACE.service("c", "s")] == world.region.state.services[PLACE.service("c", "s")]


@pytest.mark.parametrize("own_first", [True, False])
def test_a_principal_s_own_setting_counts_before_the_account_s(own_first: bool) -> None:
    world, cat = World(), f"arn:aws:iam::{PLACE.account}:user/cat"
    puts: list[dict[str, str]] = [{"value": "enabled", "principalArn": cat}, {"value": "disabled"}]
    for put in puts if own_first else reversed(puts):
        world.call("PutAccountSetting", name="containerInsights", **put)

    shown = world.call("ListAccountSettings", name="containerInsights", principalArn=cat, effectiveSettings=True)

    assert [one["value"] for one in shown["settings"]] == ["enabled"]


def test_a_conflict_names_the_tasks_that_the_earlier_request_ran(open_door: OpenDoor) -> None:
    world = World()
    client = client_of(world, open_door)
    client.create_cluster(clusterName="c")
    client.register_task_definition(**fargate())
    run = {"cluster": "c", "taskDefinition": "cats", "launchType": "FARGATE", "networkConfiguration": NETWORK}
    (task,) = client.run_task(**run, clientToken="token")["tasks"]

    with pytest.raises(client.exceptions.ConflictException) as caught:
        client.run_task(**run, clientToken="token", count=2)

    assert caught.value.response["resourceIds"] == [task["taskArn"]]
