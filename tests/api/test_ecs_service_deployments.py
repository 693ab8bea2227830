"""Service deployments and revisions: what is told of them, and how a user stops one."""

from dataclasses import replace
from datetime import timedelta

import pytest
from ecs_world import NOW, PLACE, World, fargate

from ninelives.model.ecs import LastStatus, LifecycleStage, Rollback, ServiceDeployment, ServiceDeploymentStatus


def the_deployment(world: World) -> ServiceDeployment:
    (one,) = world.region.state.service_deployments.values()
    return one


@pytest.mark.parametrize("status", list(ServiceDeploymentStatus))
def test_a_deployment_can_be_stopped_until_it_has_ended(status: ServiceDeploymentStatus) -> None:
    world = World()
    world.with_service()
    one = replace(the_deployment(world), status=status)
    world.put(one)

    if status.is_terminal:
        assert world.refusal("StopServiceDeployment", serviceDeploymentArn=one.arn) == (
            "ConflictException",
            f"The service deployment cannot be stopped because it is in the terminal state {status}.",
        )
        return
    answer = world.call("StopServiceDeployment", serviceDeploymentArn=one.arn, stopType="ROLLBACK")

    is_taken = status in {ServiceDeploymentStatus.PENDING, ServiceDeploymentStatus.IN_PROGRESS}
    assert answer == {"serviceDeploymentArn": one.arn}
    assert the_deployment(world).status is (ServiceDeploymentStatus.ROLLBACK_REQUESTED if is_taken else status)


def test_only_a_deployment_that_exists_can_be_stopped_and_only_by_rollback() -> None:
    world = World()
    world.with_service()
    arn = the_deployment(world).arn

    assert world.refusal("StopServiceDeployment", serviceDeploymentArn=arn + "x") == (
        "ServiceDeploymentNotFoundException",
        "The service deployment does not exist.",
    )
    assert world.refusal("StopServiceDeployment", serviceDeploymentArn=arn, stopType="ABORT")[0] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("status", "hook", "message"),
    [
        (
            ServiceDeploymentStatus.SUCCESSFUL,
            "ecs-pause-1",
            "Continuing a service deployment is not allowed for service deployment in terminal states.",
        ),
        (
            ServiceDeploymentStatus.IN_PROGRESS,
            "pause",
            "Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}",
        ),
        (
            ServiceDeploymentStatus.IN_PROGRESS,
            "ecs-pause-1",
            "Provided hookId is either completed, unavailable, or not associated with the given Resource ARN",
        ),
    ],
)
def test_no_deployment_waits_for_a_hook(status: ServiceDeploymentStatus, hook: str, message: str) -> None:
    world = World()
    world.with_service()
    one = replace(the_deployment(world), status=status)
    world.put(one)

    refused = world.refusal("ContinueServiceDeployment", serviceDeploymentArn=one.arn, hookId=hook)

    assert refused == ("InvalidParameterException", message)


def test_a_deployment_is_described_with_its_revisions_breaker_and_rollback() -> None:
    world = World()
    breaker = {"enable": True, "rollback": True}
    first = world.with_service(deploymentConfiguration={"deploymentCircuitBreaker": breaker})["deployments"][0]["id"]
    world.tasks_of(first, LastStatus.RUNNING, LastStatus.RUNNING)
    world.call("RegisterTaskDefinition", **fargate())
    service = world.call("UpdateService", cluster="c", service="s", taskDefinition="cats")["service"]
    arn = service["currentServiceDeployment"]
    source = PLACE.service_revision("c", "s", first.removeprefix("ecs-svc/"))
    world.put(
        replace(
            world.region.state.service_deployments[arn],
            status=ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL,
            status_reason="Service deployment rolled back because the circuit breaker threshold was exceeded.",
            circuit_breaker_status="TRIGGERED",
            failure_count=3,
            failure_threshold=3,
            lifecycle_stage=LifecycleStage.CLEAN_UP,
            rollback=Rollback(reason="…", started_at=NOW, service_revision_arn=source),
        )
    )

    answer = world.call("DescribeServiceDeployments", serviceDeploymentArns=[arn, arn + "x"])

    (described,) = answer["serviceDeployments"]
    assert described["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert described["rollback"] == {"reason": "…", "startedAt": NOW, "serviceRevisionArn": source}
    assert described["sourceServiceRevisions"] == [
        {"arn": source, "requestedTaskCount": 2, "runningTaskCount": 2, "pendingTaskCount": 0}
    ]
    assert described["targetServiceRevision"]["requestedTaskCount"] == 2
    assert described["targetServiceRevision"]["runningTaskCount"] == 0
    assert described["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"] is True
    assert answer["failures"] == [{"arn": arn + "x", "reason": "MISSING"}]


def test_a_revision_tells_what_it_froze() -> None:
    world = World()
    group = world.target_group()
    balanced = [{"targetGroupArn": group, "containerName": "web", "containerPort": 4567}]
    arn = world.with_service(loadBalancers=balanced)["currentServiceRevisions"][0]["arn"]
    revision = world.region.state.revisions[arn]
    world.put(replace(revision, container_images=(("web", "cats:1.0.0", "sha256:0f"),)))

    (described,) = world.call("DescribeServiceRevisions", serviceRevisionArns=[arn])["serviceRevisions"]

    assert described["taskDefinition"] == PLACE.task_definition("cats", 1)
    assert described["loadBalancers"] == balanced
    assert described["containerImages"] == [{"containerName": "web", "image": "cats:1.0.0", "imageDigest": "sha256:0f"}]
    assert (described["launchType"], described["platformVersion"]) == ("FARGATE", "1.4.0")


def test_deployments_are_listed_newest_first_by_status_and_time_in_pages() -> None:
    world = World()
    world.with_service()
    for _ in range(3):
        world.call("UpdateService", cluster="c", service="s", forceNewDeployment=True)

    def listed(**filters: object) -> list[str]:
        answer = world.call("ListServiceDeployments", cluster="c", service="s", **filters)
        return [one["serviceDeploymentArn"] for one in answer["serviceDeployments"]]

    everything = listed()
    first = world.call("ListServiceDeployments", cluster="c", service="s", maxResults=3)
    second = world.call("ListServiceDeployments", cluster="c", service="s", maxResults=3, nextToken=first["nextToken"])
    oldest = world.region.state.service_deployments[everything[-1]]

    assert len(everything) == 4
    assert [one["serviceDeploymentArn"] for one in first["serviceDeployments"] + second["serviceDeployments"]] == everything
    assert listed(status=["PENDING"]) == everything[:1]
    assert listed(createdAt={"after": oldest.created_at}) == everything[:-1]
    assert listed(createdAt={"before": oldest.created_at + timedelta(milliseconds=1)}) == everything[-1:]
    assert world.refusal("ListServiceDeployments", cluster="c", service="t")[0] == "ServiceNotFoundException"
