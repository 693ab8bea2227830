"""What ECS tells EventBridge over whole lives of services: every event that there can be, with its detail and in its order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from ecs_world import NOW, PLACE, World, fargate
from test_ecs_and_the_loop import LivingWorld

from ninelives.api.ecs import state_changes
from ninelives.model.ecs import (
    Deployment,
    DesiredStatus,
    HookExecution,
    HookStatus,
    HookTargetType,
    LastStatus,
    LifecycleHook,
    LifecycleStage,
    RolloutState,
    ServiceDeployment,
    ServiceDeploymentStatus,
    Task,
)
from ninelives.model.events import BusEvent
from ninelives.region.outbox import Outbox
from ninelives.scheduler import events

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


def listened(world: World) -> Outbox:
    box = Outbox(world.region, is_heard=lambda: True)
    box.tell_of_transitions(state_changes)
    return box


def names(box: Outbox, kind: str) -> list[str]:
    return [event.detail["eventName"] for event in box.waiting() if event.detail_type == kind]


def broken(world: World) -> None:
    definition = fargate()
    definition["containerDefinitions"][0]["image"] = "broken:1"
    world.call("RegisterTaskDefinition", **definition)


@pytest.fixture
def world() -> Any:
    world = LivingWorld()
    yield world
    world.close()


def test_a_task_is_told_at_each_version_as_describe_tasks_gives_it(world: LivingWorld) -> None:
    box = listened(world)
    world.with_service(desiredCount=1)
    world.live(minutes=2)
    (arn,) = world.call("ListTasks", cluster="c", serviceName="s")["taskArns"]
    (described,) = world.call("DescribeTasks", cluster="c", tasks=[arn])["tasks"]
    world.call("StopTask", cluster="c", task=arn, reason="by hand")
    world.live(minutes=1)

    of_task = [event for event in box.waiting() if event.detail_type == "ECS Task State Change" and event.resources == (arn,)]

    statuses = [event.detail["lastStatus"] for event in of_task]
    assert [LastStatus(one) for one in statuses] == sorted(map(LastStatus, statuses), key=list(LastStatus).index)
    assert (statuses[0], statuses[-1]) == ("PROVISIONING", "STOPPED")
    assert "RUNNING" in statuses
    versions = [event.detail["version"] for event in of_task]
    assert versions == sorted(set(versions))
    running = next(event for event in of_task if event.detail["version"] == described["version"]).detail
    assert running["createdAt"] == described["createdAt"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    times = {name for name, value in described.items() if hasattr(value, "isoformat")}
    same = {name: value for name, value in described.items() if name not in times | {"attachments", "tags"}}
    assert {name: running[name] for name in same} == same
    assert {one["type"] for one in running["attachments"]} == {"eni"}
    assert running["updatedAt"].endswith("Z")
    last = of_task[-1].detail
    assert (last["stopCode"], last["stoppedReason"]) == ("UserInitiated", "by hand")


def test_a_deployment_that_works_is_told_from_its_begin_to_the_steady_state(world: LivingWorld) -> None:
    box = listened(world)
    world.with_service()
    world.live(minutes=2)
    before = len(box.waiting())
    world.call("RegisterTaskDefinition", **fargate())
    service = world.call("UpdateService", cluster="c", service="s", taskDefinition="cats:2")["service"]
    world.live(minutes=3)

    release = [one for one in box.waiting()[before:] if one.detail_type != "ECS Task State Change"]

    assert list(dict.fromkeys(one.detail["eventName"] for one in release)) == [
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "TASKS_STOPPED",
        "SERVICE_DEPLOYMENT_COMPLETED",
        "SERVICE_STEADY_STATE",
    ]
    number = service["deployments"][0]["id"]
    begun = release[0]
    assert begun.source == "aws.ecs"
    assert begun.resources == (PLACE.service("c", "s"),)
    assert begun.detail == {
        "eventType": "INFO",
        "eventName": "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "deploymentId": number,
        "updatedAt": begun.detail["updatedAt"],
        "reason": f"ECS deployment {number} in progress.",
    }
    steady = release[-1]
    assert (steady.detail_type, steady.resources) == ("ECS Service Action", (PLACE.service("c", "s"),))
    assert steady.detail == {
        "eventType": "INFO",
        "eventName": "SERVICE_STEADY_STATE",
        "clusterArn": PLACE.cluster("c"),
        "createdAt": steady.detail["createdAt"],
    }


def test_a_deployment_that_is_rolled_back_is_told_as_failed_and_the_old_one_as_in_progress(world: LivingWorld) -> None:
    box = listened(world)
    old = world.with_service(deploymentConfiguration=BREAKER)["deployments"][0]["id"]
    world.live(minutes=2)
    before = len(box.waiting())
    broken(world)
    new = world.call("UpdateService", cluster="c", service="s", taskDefinition="cats:2")["service"]["deployments"][0]["id"]
    world.live(minutes=12)

    told = [
        (one.detail["eventType"], one.detail["eventName"].removeprefix("SERVICE_DEPLOYMENT_"), one.detail["deploymentId"])
        for one in box.waiting()[before:]
        if one.detail_type == "ECS Deployment State Change"
    ]
    reasons = [one.detail["reason"] for one in box.waiting()[before:] if one.detail_type == "ECS Deployment State Change"]

    assert told == [
        ("INFO", "IN_PROGRESS", new),
        ("ERROR", "FAILED", new),
        ("INFO", "IN_PROGRESS", old),
        ("INFO", "COMPLETED", old),
    ]
    assert reasons[1:3] == [
        "ECS deployment circuit breaker: tasks failed to start.",
        f"ECS deployment circuit breaker: rolling back to deploymentId {old}.",
    ]


def test_a_first_deployment_with_nothing_to_go_back_to_is_told_as_a_failed_rollback(world: LivingWorld) -> None:
    box = listened(world)
    world.call("CreateCluster", clusterName="c")
    broken(world)
    world.create(deploymentConfiguration=BREAKER)
    world.live(minutes=12)

    last = [one for one in box.waiting() if one.detail_type == "ECS Deployment State Change"][-2:]

    assert {one.detail["eventName"] for one in last} == {"SERVICE_DEPLOYMENT_FAILED", "SERVICE_DEPLOYMENT_ROLLBACK_FAILED"}
    failed = next(one for one in last if one.detail["eventName"] == "SERVICE_DEPLOYMENT_ROLLBACK_FAILED")
    assert failed.detail["reason"] == "No rollback candidate was found to run the rollback."
    assert failed.detail["deploymentId"] == last[0].detail["deploymentId"]


@pytest.mark.parametrize(
    ("message", "level", "name", "reason"),
    [
        (events.steady("s"), "INFO", "SERVICE_STEADY_STATE", None),
        (events.stopped_running("s", ["0f"]), "INFO", "TASKS_STOPPED", None),
        (events.unable_to_start_consistently("s"), "WARN", "SERVICE_TASK_START_IMPAIRED", None),
        (
            events.unable_to_place("s", "CannotPullContainerError: no such image."),
            "ERROR",
            "SERVICE_TASK_PLACEMENT_FAILURE",
            "CannotPullContainerError: no such image",
        ),
    ],
)
def test_service_events_that_are_actions_are_told(message: str, level: str, name: str, reason: str | None) -> None:
    world = World()
    world.with_service()
    box = listened(world)

    with world.region.state.transaction() as changes:
        world.region.tell(changes, PLACE.service("c", "s"), [message])

    (event,) = box.waiting()
    assert (event.detail["eventType"], event.detail["eventName"], event.detail.get("reason")) == (level, name, reason)


@pytest.mark.parametrize(
    "message",
    [
        events.started("s", ["0f"]),
        events.registered("s", 1, "tg"),
        events.completed("s", "ecs-svc/1"),
        events.failed("s", "ecs-svc/1", "tasks failed to start"),
        events.stopped_pending("s", 1),
        events.draining("s", 1),
    ],
)
def test_other_service_events_are_told_to_nobody(message: str) -> None:
    world = World()
    world.with_service()
    box = listened(world)

    with world.region.state.transaction() as changes:
        world.region.tell(changes, PLACE.service("c", "s"), [message])

    assert box.waiting() == []


@pytest.mark.parametrize(("action", "ending"), [("CONTINUE", "HOOK_SUCCEEDED"), ("ROLLBACK", "HOOK_FAILED")])
def test_a_pause_is_told_when_it_waits_and_when_it_is_answered(world: LivingWorld, action: str, ending: str) -> None:
    world.with_service(deploymentConfiguration={"strategy": "BLUE_GREEN"})
    world.live(minutes=4)
    box = listened(world)
    pause = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    world.call("RegisterTaskDefinition", **fargate())
    arn = world.call(
        "UpdateService",
        cluster="c",
        service="s",
        taskDefinition="cats:2",
        deploymentConfiguration={"lifecycleHooks": [pause]},
    )["service"]["currentServiceDeployment"]
    world.live(minutes=4)
    (waiting,) = [one for one in box.waiting() if one.detail_type == "ECS Hook State Change"]

    world.call("ContinueServiceDeployment", serviceDeploymentArn=arn, hookId=waiting.detail["hookId"], action=action)
    world.live(minutes=4)

    assert names(box, "ECS Hook State Change") == ["HOOK_AWAITING_ACTION", ending]
    assert (waiting.detail["lifecycleStage"], waiting.detail["serviceDeploymentArn"]) == ("POST_SCALE_UP", arn)
    ended = "SERVICE_DEPLOYMENT_COMPLETED" if action == "CONTINUE" else "SERVICE_DEPLOYMENT_FAILED"
    assert ended in names(box, "ECS Deployment State Change")


def hook(status: HookStatus, kind: HookTargetType = HookTargetType.PAUSE) -> HookExecution:
    stage = LifecycleStage.POST_TEST_TRAFFIC_SHIFT
    return HookExecution(
        hook_id="ecs-pause-1",
        execution_id="e",
        hook=LifecycleHook(stages=(stage,), target_type=kind),
        stage=stage,
        step=0,
        status=status,
        began_at=NOW,
        expires_at=NOW + timedelta(hours=24),
    )


@pytest.mark.parametrize("status", list(HookStatus))
def test_a_hook_is_told_whenever_its_status_changes(status: HookStatus) -> None:
    world = World()
    world.with_service()
    box = listened(world)
    (one,) = world.region.state.service_deployments.values()

    world.put(replace(one, hooks=(hook(status),)))
    world.put(replace(one, hooks=(hook(status),), failure_count=1))

    (event,) = box.waiting()
    assert (event.detail_type, event.resources) == ("ECS Hook State Change", (one.arn,))
    assert event.detail == {
        "eventType": "ERROR" if status in {HookStatus.FAILED, HookStatus.TIMED_OUT} else "INFO",
        "eventName": f"HOOK_{status}",
        "hookId": "ecs-pause-1",
        "hookType": "PAUSE",
        "expiresAt": "2026-11-24T12:00:00.000Z",
        "lifecycleStage": "POST_TEST_TRAFFIC_SHIFT",
        "clusterArn": PLACE.cluster("c"),
        "serviceArn": PLACE.service("c", "s"),
        "serviceDeploymentArn": one.arn,
        "updatedAt": event.detail["updatedAt"],
    }


def test_what_is_not_shown_is_not_told() -> None:
    world = World()
    deployment_id = world.with_service()["deployments"][0]["id"]
    (task,) = world.tasks_of(deployment_id, LastStatus.RUNNING)
    box = listened(world)
    (deployment,) = world.region.state.of_service(Deployment, PLACE.service("c", "s"))
    (act,) = world.region.state.of_service(ServiceDeployment, PLACE.service("c", "s"))

    world.put(
        replace(task, healthy_since=NOW),
        replace(deployment, failed_tasks=2),
        replace(act, status=ServiceDeploymentStatus.IN_PROGRESS),
    )
    with world.region.state.transaction() as changes:
        changes.delete(task)

    assert box.waiting() == []


def test_each_transition_that_is_told_is_one_of_records_alone() -> None:
    world = World()
    deployment_id = world.with_service()["deployments"][0]["id"]
    (task,) = world.tasks_of(deployment_id, LastStatus.RUNNING)
    (deployment,) = world.region.state.of_service(Deployment, PLACE.service("c", "s"))
    box = listened(world)

    world.put(
        replace(task, desired_status=DesiredStatus.STOPPED, version=task.version + 1),
        replace(deployment, rollout_state=RolloutState.FAILED, rollout_state_reason="why"),
    )

    told: list[BusEvent] = box.waiting()
    assert [one.detail_type for one in told] == ["ECS Task State Change", "ECS Deployment State Change"]
    assert isinstance(world.region.state.tasks[task.arn], Task)
    assert told[0].detail["desiredStatus"] == "STOPPED"
