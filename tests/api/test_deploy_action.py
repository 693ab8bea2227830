"""What deploy tools do with the API: botocore's waiters, and the flow of aws-actions/amazon-ecs-deploy-task-definition.

The action's calls in its order (version 2.6): describe, update, wait for stability, and describe again when the PRIMARY
deployment has changed. Its errors are told in its own words.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError
from ecs_world import NETWORK, PLACE, fargate
from running_door import OpenDoor
from test_ecs_and_the_loop import LivingWorld

BREAKER = {"enable": True, "rollback": True}
POLLS_MAX = 60


@pytest.fixture
def world() -> Iterator[LivingWorld]:
    world = LivingWorld()
    yield world
    world.close()


@pytest.fixture
def client(world: LivingWorld, open_door: OpenDoor) -> Any:
    return open_door({"ecs": world.operations}).client("ecs")


def wait(client: Any, world: LivingWorld, waiter: str, **parameters: Any) -> int:
    """Poll as botocore's waiter does, fifteen seconds of the region apart; answers how many polls it took."""
    for poll in range(1, POLLS_MAX):
        try:
            client.get_waiter(waiter).wait(**parameters, WaiterConfig={"Delay": 1, "MaxAttempts": 1})
        except WaiterError as error:
            if "Max attempts exceeded" not in str(error):
                raise
            world.live(seconds=15)
        else:
            return poll
    raise AssertionError(f"{waiter} did not come true in {POLLS_MAX} polls")


class ActionFailed(Exception):
    """The action's step is red; the text is the action's."""


def run_action(client: Any, world: LivingWorld, definition_arn: str) -> None:
    described = client.describe_services(services=["s"], cluster="c")
    if described["failures"]:
        raise ActionFailed(f"{described['failures'][0]['arn']} is {described['failures'][0]['reason']}")
    (service,) = described["services"]
    if service["status"] != "ACTIVE":
        raise ActionFailed(f"Service is {service['status']}")
    controller = service.get("deploymentController", {}).get("type", "ECS")
    if controller != "ECS":
        raise ActionFailed(f"Unsupported deployment controller: {controller}")
    before = primary(service)
    updated = client.update_service(
        cluster="c",
        service="s",
        taskDefinition=definition_arn,
        forceNewDeployment=False,
        enableECSManagedTags=False,
        propagateTags="NONE",
        volumeConfigurations=[],
    )["service"]
    after = primary(updated)
    wait(client, world, "services_stable", services=["s"], cluster="c")
    if after == before:
        return
    (settled,) = client.describe_services(services=["s"], cluster="c")["services"]
    found = next((one for one in settled["deployments"] if one["id"] == after), None)
    if found is None:
        raise ActionFailed(
            f"Deployment {after} not found after stabilization. "
            "The deployment was likely rolled back by the deployment circuit breaker."
        )
    if found["rolloutState"] == "FAILED":
        raise ActionFailed(f"Deployment {after} FAILED: {found['rolloutStateReason']}")


def primary(service: dict[str, Any]) -> str:
    return str(next(one["id"] for one in service["deployments"] if one["status"] == "PRIMARY"))


def registered(client: Any, image: str) -> str:
    definition = fargate()
    definition["containerDefinitions"][0]["image"] = image
    return str(client.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"])


def test_a_good_release_is_green(client: Any, world: LivingWorld) -> None:
    world.with_service()
    world.live(minutes=2)

    run_action(client, world, registered(client, "cats:2"))

    assert [one["rolloutState"] for one in world.service()["deployments"]] == ["COMPLETED"]


def test_a_release_of_what_runs_already_is_green_and_no_deployment(client: Any, world: LivingWorld) -> None:
    before = world.with_service()["deployments"][0]["id"]
    world.live(minutes=2)

    run_action(client, world, PLACE.task_definition("cats", 1))

    assert [one["id"] for one in world.service()["deployments"]] == [before]


def test_a_release_that_is_rolled_back_is_not_found_after_stabilization(client: Any, world: LivingWorld) -> None:
    world.with_service(deploymentConfiguration={"deploymentCircuitBreaker": BREAKER})
    world.live(minutes=2)

    with pytest.raises(ActionFailed, match="not found after stabilization") as caught:
        run_action(client, world, registered(client, "broken:1"))

    rolled_back = str(caught.value).split()[1]
    (act, _) = client.list_service_deployments(cluster="c", service="s")["serviceDeployments"]
    assert (act["status"], act["targetServiceRevisionArn"].rsplit("/")[-1]) == (
        "ROLLBACK_SUCCESSFUL",
        rolled_back.removeprefix("ecs-svc/"),
    )
    assert world.service()["taskDefinition"] == PLACE.task_definition("cats", 1)


def test_a_release_that_fails_without_rollback_never_becomes_stable_while_old_tasks_stand_in(
    client: Any, world: LivingWorld
) -> None:
    world.with_service(deploymentConfiguration={"deploymentCircuitBreaker": BREAKER | {"rollback": False}})
    world.live(minutes=2)
    broken = registered(client, "broken:1")

    with pytest.raises(AssertionError, match="services_stable did not come true"):
        run_action(client, world, broken)

    deployments = world.service()["deployments"]
    assert [(one["status"], one["rolloutState"]) for one in deployments] == [("PRIMARY", "FAILED"), ("ACTIVE", "COMPLETED")]
    assert deployments[0]["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."


def test_a_first_release_that_fails_is_told_as_failed(client: Any, world: LivingWorld) -> None:
    """One deployment and no task wanted: stable to the waiter, and only the second look sees the failure."""
    world.call("CreateCluster", clusterName="c")
    broken = registered(client, "broken:1")
    world.create(deploymentConfiguration={"deploymentCircuitBreaker": BREAKER})
    world.live(minutes=15)
    service = world.service()

    assert (service["deployments"][0]["rolloutState"], service["runningCount"]) == ("FAILED", 0)
    world.call("UpdateService", cluster="c", service="s", desiredCount=0)
    assert wait(client, world, "services_stable", services=["s"], cluster="c") == 1
    assert service["taskDefinition"] == broken


@pytest.mark.parametrize(
    ("name", "message"),
    [("s", "Service is DRAINING"), ("t", "is MISSING")],
)
def test_a_service_that_is_not_there_is_red_before_anything_is_changed(
    client: Any, world: LivingWorld, name: str, message: str
) -> None:
    world.with_service(serviceName="s" if name == "s" else "other")
    world.live(minutes=2)
    if name == "s":
        world.call("DeleteService", cluster="c", service="s", force=True)
    before = world.records()

    with pytest.raises(ActionFailed, match=message):
        run_action(client, world, PLACE.task_definition("cats", 1))

    assert before == world.records()


def test_the_stable_waiter_is_not_fooled_right_after_an_update(client: Any, world: LivingWorld) -> None:
    world.with_service()
    world.live(minutes=2)
    assert wait(client, world, "services_stable", services=["s"], cluster="c") == 1

    client.update_service(cluster="c", service="s", taskDefinition=registered(client, "cats:2"))

    assert wait(client, world, "services_stable", services=["s"], cluster="c") > 1


def test_the_waiters_of_tasks_and_of_a_service_that_goes_come_true(client: Any, world: LivingWorld) -> None:
    world.with_service(desiredCount=0)
    world.live(minutes=1)
    assert wait(client, world, "services_stable", services=["s"], cluster="c") == 1
    run = {"cluster": "c", "taskDefinition": "cats", "launchType": "FARGATE", "networkConfiguration": NETWORK}
    arn = client.run_task(**run)["tasks"][0]["taskArn"]

    wait(client, world, "tasks_running", cluster="c", tasks=[arn])
    client.stop_task(cluster="c", task=arn)
    wait(client, world, "tasks_stopped", cluster="c", tasks=[arn])
    with pytest.raises(WaiterError, match="STOPPED"):
        wait(client, world, "tasks_running", cluster="c", tasks=[arn])
    with pytest.raises(WaiterError, match="MISSING"):
        wait(client, world, "tasks_running", cluster="c", tasks=["0f"])
    client.delete_service(cluster="c", service="s")
    wait(client, world, "services_inactive", services=["s"], cluster="c")
    with pytest.raises(WaiterError, match="INACTIVE"):
        wait(client, world, "services_stable", services=["s"], cluster="c")
    with pytest.raises(WaiterError, match="MISSING"):
        wait(client, world, "services_inactive", services=["t"], cluster="c")
