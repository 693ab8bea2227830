"""The calls that a release makes, against moto as a second opinion on ECS, ELB, ECR, IAM and EC2."""

from typing import Any

import pytest
from release_world import TEXT, World

from ninelives.deploy.clock import WallClock
from ninelives.deploy.errors import BuildFailed, DeployError, MissingPieces, NotFound, PushFailed
from ninelives.deploy.options import Options
from ninelives.deploy.release import deploy
from ninelives.deploy.reports import Act
from ninelives.deploy.rollback import roll_back
from ninelives.deploy.verdict import Outcome
from ninelives.deploy.waiting import wait_for_running


def test_a_first_release_makes_what_is_missing_and_one_service(world: World) -> None:
    release = world.deploy("1.0.0")

    assert release.verdict is not None
    assert Outcome.SUCCEEDED == release.verdict.outcome
    [(call, request)] = world.ecs.calls
    assert ("CreateService", 2, "Staging-Cluster", 60) == (
        call,
        request["desiredCount"],
        request["cluster"],
        request["healthCheckGracePeriodSeconds"],
    )
    assert {
        "strategy": "ROLLING",
        "minimumHealthyPercent": 100,
        "maximumPercent": 200,
        "deploymentCircuitBreaker": {
            "enable": True,
            "rollback": True,
            "thresholdConfiguration": {"type": "COUNT", "value": 2},
        },
    } == request["deploymentConfiguration"]
    made = "\n".join(world.said(Act.MADE))
    for piece in (
        "cluster Staging-Cluster",
        "log group /ecs/cats",
        "IAM role",
        "security group",
        "load balancer cats",
        "listener",
    ):
        assert piece in made


def test_the_task_definition_says_what_the_file_says(world: World) -> None:
    world.deploy("1.0.0")

    definition = world.definition()
    [container] = definition["taskDefinition"]["containerDefinitions"]
    assert container["image"].endswith("/cats:1.0.0")
    assert [{"name": "PORT", "value": "4567"}, {"name": "RACK_ENV", "value": "production"}] == container["environment"]
    assert (9, "awslogs", "/ecs/cats") == (
        container["stopTimeout"],
        container["logConfiguration"]["logDriver"],
        container["logConfiguration"]["options"]["awslogs-group"],
    )
    tags = {tag["key"]: tag["value"] for tag in definition["tags"]}
    assert "1.0.0" == tags["ninelives:version"]
    assert tags["ninelives:digest"].startswith("sha256:")


def test_the_target_group_has_the_files_health_check_and_delay(world: World) -> None:
    world.deploy("1.0.0")
    world.deploy("2.0.1", TEXT.replace("interval: 7s", "interval: 9s").replace("12s", "13s"))

    elb = world.clients["elbv2"]
    [group] = elb.describe_target_groups(Names=["cats"])["TargetGroups"]
    attributes = elb.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])["Attributes"]
    assert ("ip", "/health", 9) == (group["TargetType"], group["HealthCheckPath"], group["HealthCheckIntervalSeconds"])
    assert "13" == {one["Key"]: one["Value"] for one in attributes}["deregistration_delay.timeout_seconds"]
    assert 2 == len(world.said(Act.CHANGED))


def test_a_second_release_is_one_update_that_leaves_the_count_alone(world: World) -> None:
    world.deploy("1.0.0")

    release = world.deploy("2.0.1")

    call, request = world.ecs.calls[-1]
    assert ("UpdateService", 2) == (call, len(world.ecs.calls))
    assert not {"desiredCount", "networkConfiguration", "loadBalancers", "forceNewDeployment"} & set(request)
    assert ("1.0.0", "2.0.1", True) == (
        release.started.asked.from_version,
        release.started.asked.version,
        release.started.is_new_deployment,
    )
    assert "http://" in str(release.started.asked.url)
    assert str(release.started.asked.url).endswith(":8080")


def test_a_plain_count_that_differs_is_sent_and_a_scaled_one_never(world: World) -> None:
    world.deploy("1.0.0")
    world.deploy("2.0.1", TEXT.replace("count: 2", "count: 3"))

    assert 3 == world.ecs.calls[-1][1]["desiredCount"]

    world.deploy("2.0.1", TEXT.replace("count: 2", "count: {min: 5, max: 9}"))

    assert "desiredCount" not in world.ecs.calls[-1][1]


def test_the_same_release_twice_registers_nothing_and_says_that_nothing_changed(world: World) -> None:
    world.deploy("1.0.0")
    before = world.definition()["taskDefinition"]["revision"]

    release = world.deploy("1.0.0")

    assert before == world.definition()["taskDefinition"]["revision"]
    assert not release.started.is_new_deployment
    assert any("nothing changed" in text for text in world.said(Act.NOTE))

    forced = world.deploy("1.0.0", force=True)

    assert forced.started.is_new_deployment


@pytest.mark.parametrize("other_was_quicker", [True, False])
def test_two_releases_of_a_version_at_once_share_the_image_that_came_first(
    world: World, monkeypatch: pytest.MonkeyPatch, other_was_quicker: bool
) -> None:
    (world.folder / "Dockerfile").write_text('FROM ruby\nCMD ["cats"]\n')

    def push(*_: object) -> None:
        if other_was_quicker:
            world.has_image("3.0.0")
        raise PushFailed("The registry refused the manifest of cats:3.0.0: the tag is immutable.")

    monkeypatch.setattr("ninelives.deploy.image._push_host_image", push)

    if other_was_quicker:
        release = world.deploy("3.0.0")

        assert release.started.asked.digest is not None
        assert any("another release has just pushed" in text for text in world.said(Act.FOUND))
    else:
        with pytest.raises(PushFailed, match="immutable"):
            world.deploy("3.0.0")


def test_waiting_for_what_has_ended_gives_its_verdict_and_not_its_history_as_news(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy("1.0.0")
    plain = world.ecs.describe_services

    def with_an_event(**request: Any) -> Any:
        answer = plain(**request)
        event = {"id": "e1", "createdAt": WallClock().now(), "message": "(service cats) has reached a steady state."}
        answer["services"][0]["events"] = [event]
        return answer

    monkeypatch.setattr(world.ecs, "describe_services", with_an_event)
    world.seen.clear()

    release = wait_for_running(world.session(), Options())

    assert release.has_succeeded
    assert [()] == [progress.new_events for progress in world.seen]


def test_rollback_takes_the_last_proven_version_and_a_named_one(world: World) -> None:
    world.deploy("1.0.0")
    world.deploy("2.0.1")

    back = roll_back(world.session(), None, Options())

    assert ("2.0.1", "1.0.0") == (back.started.asked.from_version, back.started.asked.version)
    forth = roll_back(world.session(), "2.0.1", Options())
    assert "2.0.1" == forth.started.asked.version
    with pytest.raises(NotFound, match=r"(?s)3\.0\.0 was never proven good.*Proven versions: 1\.0\.0"):
        roll_back(world.session(), "3.0.0", Options())


def test_a_version_whose_image_is_gone_is_no_way_back(world: World) -> None:
    world.deploy("1.0.0")
    world.deploy("2.0.1")
    world.clients["ecr"].batch_delete_image(repositoryName="cats", imageIds=[{"imageTag": "1.0.0"}])

    with pytest.raises(NotFound, match="no earlier version"):
        roll_back(world.session(), None, Options())

    assert any("its image is no longer in the repository" in text for text in world.said(Act.NOTE))


def test_elsewhere_nothing_is_made_and_every_missing_piece_is_named(world: World) -> None:
    with pytest.raises(MissingPieces) as told:
        deploy(world.session(environment="staging"), "1.0.0", Options())

    assert {
        "cluster Staging-Cluster",
        "log group /ecs/cats (kept 30 days)",
        "IAM role ecsTaskExecutionRole",
        "load balancer cats",
        "target group cats (health: /health)",
        "listener on port 8080",
    } == set(told.value.pieces)
    assert [] == world.clients["elbv2"].describe_load_balancers()["LoadBalancers"]


@pytest.mark.parametrize(
    ("text", "version", "kind", "words"),
    [
        (TEXT, "latest", DeployError, "names no version"),
        (TEXT, "a b", DeployError, "cannot name a version"),
        (TEXT, "3.0.0", BuildFailed, "there is no Dockerfile"),
        (TEXT.replace("build: .", "build: 'versions/{version}'"), "3.0.0", BuildFailed, "there is no folder"),
        (TEXT.replace("build: .", "build: broken"), "3.0.0", BuildFailed, "COPY nowhere: no such file"),
        (TEXT.replace("build: .", "build: silent"), "3.0.0", BuildFailed, "neither CMD nor ENTRYPOINT"),
    ],
)
def test_what_cannot_be_released_stops_before_anything_is_made(
    world: World, text: str, version: str, kind: type[DeployError], words: str
) -> None:
    for folder, dockerfile in {"broken": "FROM scratch\nCOPY nowhere /\n", "silent": "FROM scratch\n"}.items():
        (world.folder / folder).mkdir()
        (world.folder / folder / "Dockerfile").write_text(dockerfile)

    with pytest.raises(kind, match=words):
        world.deploy(version, text)

    assert [] == world.ecs.list_clusters()["clusterArns"]
    assert [] == world.ecs.calls


def test_what_another_release_makes_meanwhile_is_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two first releases at once: each looks before the other has made the role, the log group and the target group."""
    made: list[str] = []

    def made_first(service: str, operation: str) -> None:
        """The other release makes the piece just before this one does."""
        client = world.clients[service]
        create = getattr(client, operation)

        def after_the_other(**request: object) -> object:
            if operation not in made:
                made.append(operation)
                create(**request)
            return create(**request)

        monkeypatch.setattr(client, operation, after_the_other)

    made_first("iam", "create_role")
    made_first("logs", "create_log_group")
    made_first("elbv2", "create_target_group")

    release = world.deploy("1.0.0")

    assert release.verdict is not None
    assert Outcome.SUCCEEDED is release.verdict.outcome
    assert {"create_role", "create_log_group", "create_target_group"} == set(made)
