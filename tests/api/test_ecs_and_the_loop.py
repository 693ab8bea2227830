"""What intents record is what loop and scheduler go on with: whole lives of services on a still clock, through the API."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from ecs_world import NETWORK, PLACE, World, fargate
from obedient_region import ObedientRuntime, SilentDataPlane

from ninelives.model.ecs import LastStatus, ServiceDeploymentStatus
from ninelives.region.loop import Loop


class LivingWorld(World):
    """A world whose loop runs when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        data_plane: Any = SilentDataPlane()
        no_log_sink: Any = None
        self.region.data_plane = data_plane
        self._loop = Loop(self.region, runtime=ObedientRuntime(), log_sink=no_log_sink)
        self._steps = asyncio.Runner()
        self._steps.run(self._loop.start())

    def live(self, **wait: float) -> None:
        """Let that much time go by, in steps of some seconds."""
        until = self.clock.time + timedelta(**wait)
        while self.clock.time < until:
            self._steps.run(self._loop.step())
            self.clock.time += timedelta(seconds=2)

    def close(self) -> None:
        self._steps.close()


@pytest.fixture
def world() -> Any:
    world = LivingWorld()
    yield world
    world.close()


def test_a_service_becomes_steady_is_released_and_deleted(world: LivingWorld) -> None:
    world.with_service()
    world.live(minutes=2)
    steady = world.service()
    world.call("RegisterTaskDefinition", **fargate())
    world.call("UpdateService", cluster="c", service="s", taskDefinition="cats:2")
    world.live(minutes=3)
    released = world.service()
    world.call("DeleteService", cluster="c", service="s", force=True)
    world.live(minutes=1)

    assert (steady["runningCount"], [one["rolloutState"] for one in steady["deployments"]]) == (2, ["COMPLETED"])
    assert steady["events"][0]["message"] == "(service s) has reached a steady state."
    (deployment,) = released["deployments"]
    assert deployment["rolloutStateReason"] == f"ECS deployment {deployment['id']} completed."
    assert released["taskDefinition"] == PLACE.task_definition("cats", 2)
    statuses = [one["status"] for one in world.call("ListServiceDeployments", cluster="c", service="s")["serviceDeployments"]]
    assert statuses == ["SUCCESSFUL", "SUCCESSFUL"]
    gone = world.service()
    assert (gone["status"], gone["runningCount"], gone["deployments"]) == ("INACTIVE", 0, [])
    assert world.call("ListTasks", cluster="c")["taskArns"] == []
    assert world.create()["status"] == "ACTIVE"


def test_a_release_during_another_leaves_only_the_newest(world: LivingWorld) -> None:
    world.with_service()
    world.live(minutes=2)
    for _ in range(2):
        world.call("UpdateService", cluster="c", service="s", forceNewDeployment=True)
        world.live(seconds=10)
    world.live(minutes=4)

    listed = world.call("ListServiceDeployments", cluster="c", service="s")["serviceDeployments"]

    assert [one["status"] for one in listed] == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]
    assert len(world.service()["deployments"]) == 1


def test_a_release_that_a_user_stops_goes_back(world: LivingWorld) -> None:
    first = world.with_service()["deployments"][0]["id"]
    world.live(minutes=2)
    world.call("RegisterTaskDefinition", **fargate())
    arn = world.call("UpdateService", cluster="c", service="s", taskDefinition="cats")["service"]["currentServiceDeployment"]
    world.live(seconds=10)

    world.call("StopServiceDeployment", serviceDeploymentArn=arn)
    world.live(minutes=3)

    assert world.region.state.service_deployments[arn].status is ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL
    (deployment,) = world.service()["deployments"]
    assert (deployment["id"], deployment["taskDefinition"]) == (first, PLACE.task_definition("cats", 1))
    (described,) = world.call("DescribeServiceDeployments", serviceDeploymentArns=[arn])["serviceDeployments"]
    assert described["rollback"]["serviceRevisionArn"].endswith(first.removeprefix("ecs-svc/"))


def test_a_release_that_crashes_trips_the_breaker_and_the_api_says_so(world: LivingWorld) -> None:
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    world.with_service(deploymentConfiguration=breaker, desiredCount=1)
    world.live(minutes=2)
    broken = fargate()
    broken["containerDefinitions"][0]["image"] = "cats:broken"
    world.call("RegisterTaskDefinition", **broken)
    updated = world.call("UpdateService", cluster="c", service="s", taskDefinition="cats:2")["service"]
    world.live(minutes=15)

    (described,) = world.call("DescribeServiceDeployments", serviceDeploymentArns=[updated["currentServiceDeployment"]])[
        "serviceDeployments"
    ]

    assert described["status"] == "ROLLBACK_SUCCESSFUL"
    assert described["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert updated["deployments"][0]["id"] not in {one["id"] for one in world.service()["deployments"]}
    assert world.service()["taskDefinition"] == PLACE.task_definition("cats", 1)


def test_a_task_that_is_run_and_stopped_ends_with_its_reason_and_exit_code(world: LivingWorld) -> None:
    world.call("CreateCluster", clusterName="c")
    world.call("RegisterTaskDefinition", **fargate())
    (run,) = world.call("RunTask", cluster="c", taskDefinition="cats", launchType="FARGATE", networkConfiguration=NETWORK)[
        "tasks"
    ]
    world.live(minutes=1)
    (running,) = world.call("DescribeTasks", cluster="c", tasks=[run["taskArn"]])["tasks"]
    world.call("StopTask", cluster="c", task=run["taskArn"], reason="enough")
    world.live(minutes=1)
    (stopped,) = world.call("DescribeTasks", cluster="c", tasks=[run["taskArn"]])["tasks"]

    assert (running["lastStatus"], "startedAt" in running) == ("RUNNING", True)
    assert stopped["lastStatus"] == LastStatus.STOPPED
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "enough")
    assert stopped["containers"][0]["exitCode"] == 143
    assert {"stoppingAt", "executionStoppedAt", "stoppedAt"} <= stopped.keys()
    assert stopped["attachments"][0]["status"] == "DELETED"


def test_a_task_that_is_stopped_is_replaced_by_its_service(world: LivingWorld) -> None:
    world.with_service()
    world.live(minutes=2)
    first, second = world.call("ListTasks", cluster="c", serviceName="s")["taskArns"]

    world.call("StopTask", cluster="c", task=first)
    world.live(minutes=2)

    arns = world.call("ListTasks", cluster="c", serviceName="s")["taskArns"]
    assert len(arns) == 2
    assert (first in arns, second in arns) == (False, True)
    assert len(world.service()["deployments"]) == 1
