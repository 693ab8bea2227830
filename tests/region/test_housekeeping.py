"""What ECS keeps is kept for as long, and what only that needed goes with it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from ecs_world import PLACE, World

from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    LastStatus,
    ServiceDeployment,
    ServiceDeploymentStatus,
    ServiceRevision,
    ServiceStatus,
)
from ninelives.region import housekeeping

SERVICE = PLACE.service("c", "s")
DAY = timedelta(days=1)


def tend(world: World, after: timedelta) -> None:
    """Let that much time go by, and forget what may be forgotten."""
    world.clock.time += after
    with world.region.state.transaction() as changes:
        changes.delete(*housekeeping.outdated(world.region.state, world.region.now(), world.region.timing))


def end_all(world: World, status: ServiceDeploymentStatus = ServiceDeploymentStatus.SUCCESSFUL) -> None:
    """As if every service deployment had ended now, and only the newest deployment were left."""
    state = world.region.state
    for act in state.of_service(ServiceDeployment, SERVICE):
        if not act.status.is_terminal:
            world.put(replace(act, status=status, updated_at=world.region.now()))
    for one in state.of_service(Deployment, SERVICE):
        if one.status is DeploymentStatus.ACTIVE:
            world.put(replace(one, status=DeploymentStatus.INACTIVE, updated_at=world.region.now()))


def listed(world: World) -> list[str]:
    answer = world.call("ListServiceDeployments", cluster="c", service="s")
    return [one["serviceDeploymentArn"] for one in answer["serviceDeployments"]]


def release(world: World) -> str:
    arn: str = world.call("UpdateService", cluster="c", service="s", forceNewDeployment=True)["service"][
        "currentServiceDeployment"
    ]
    end_all(world)
    return arn


def test_service_deployments_are_history_for_ninety_days() -> None:
    world = World()
    world.with_service()
    end_all(world)
    first = listed(world)
    second = release(world)
    tend(world, 60 * DAY)
    third = release(world)

    tend(world, 29 * DAY)
    assert listed(world) == [third, second, *first]
    tend(world, 2 * DAY)

    assert listed(world) == [third]
    (failure, _) = world.call("DescribeServiceDeployments", serviceDeploymentArns=[second, *first])["failures"]
    assert failure == {"arn": second, "reason": "MISSING"}
    gone = world.call("DescribeServiceRevisions", serviceRevisionArns=[PLACE.service_revision("c", "s", "1")])
    assert len(gone["failures"]) == 1


def test_the_newest_service_deployment_stays_however_old_it_is() -> None:
    world = World()
    world.with_service()
    end_all(world)

    tend(world, 400 * DAY)

    assert listed(world) == [world.service()["currentServiceDeployment"]]
    assert len(world.region.state.revisions) == 1


@pytest.mark.parametrize("status", [one for one in ServiceDeploymentStatus if not one.is_terminal])
def test_a_service_deployment_that_goes_on_is_no_history(status: ServiceDeploymentStatus) -> None:
    world = World()
    world.with_service()
    (act,) = world.region.state.service_deployments.values()
    end_all(world)
    world.put(replace(act, status=status))
    newest = release(world)
    world.put(replace(act, status=status))

    tend(world, 400 * DAY)

    assert listed(world) == [newest, act.arn]


def test_a_revision_stays_as_long_as_anything_names_it() -> None:
    world = World()
    deployment_id = world.with_service()["deployments"][0]["id"]
    (task,) = world.tasks_of(deployment_id, LastStatus.RUNNING)
    end_all(world)
    release(world)
    release(world)
    first = PLACE.service_revision("c", "s", deployment_id.removeprefix("ecs-svc/"))

    tend(world, 91 * DAY)
    assert first in world.region.state.revisions
    world.put(replace(task, last_status=LastStatus.STOPPED, stopped_at=world.region.now()))
    tend(world, 2 * DAY)
    tend(world, DAY)

    assert first not in world.region.state.revisions


def test_stopped_tasks_are_shown_for_an_hour() -> None:
    world = World()
    deployment_id = world.with_service()["deployments"][0]["id"]
    (task,) = world.tasks_of(deployment_id, LastStatus.RUNNING)
    world.put(replace(task, last_status=LastStatus.STOPPED, stopped_at=world.region.now()))

    tend(world, timedelta(minutes=59))
    assert len(world.call("DescribeTasks", cluster="c", tasks=[task.id])["tasks"]) == 1
    tend(world, timedelta(minutes=2))

    assert world.call("DescribeTasks", cluster="c", tasks=[task.id])["failures"][0]["reason"] == "MISSING"


def test_an_inactive_service_takes_all_that_belonged_to_it_along() -> None:
    world = World()
    world.with_service()
    end_all(world)
    for one in world.region.state.of_service(Deployment, SERVICE):
        world.put(replace(one, status=DeploymentStatus.INACTIVE, updated_at=world.region.now()))
    world.put(replace(world.region.state.services[SERVICE], status=ServiceStatus.INACTIVE))

    tend(world, timedelta(minutes=30))
    assert world.service()["status"] == "INACTIVE"
    assert world.call("ListServices", cluster="c")["serviceArns"] == []
    tend(world, timedelta(hours=1))

    assert world.call("DescribeServices", cluster="c", services=["s"])["failures"][0]["reason"] == "MISSING"
    state = world.region.state
    assert [state.of_service(kind, SERVICE) for kind in (Deployment, ServiceDeployment, ServiceRevision)] == [[], [], []]
