"""The calls that a release makes, against moto as a second opinion on ECS, ELB, ECR, IAM and EC2."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.clock import WallClock
from ninelives.deploy.errors import BuildFailed, DeployError, MissingPieces, NotFound, NotSupported, PushFailed
from ninelives.deploy.follow import Progress
from ninelives.deploy.host_image import MANIFEST_TYPE
from ninelives.deploy.options import Builder, Options
from ninelives.deploy.reading import Definition, parse_service_file
from ninelives.deploy.release import Release, Report, Session, deploy
from ninelives.deploy.reports import Act, Step
from ninelives.deploy.rollback import roll_back
from ninelives.deploy.verdict import Outcome
from ninelives.deploy.waiting import wait_for_running

REGION = "eu-west-1"
SESSION = boto3.Session(region_name=REGION)
"""One for all tests: it reads botocore's models once."""
TEXT = """
service: cats
cluster: Staging-Cluster
image: {build: .}
port: 4567
count: 2
health: {path: /health, interval: 7s}
drain: {deregistration_delay: 12s, stop_timeout: 9s}
load_balancer: {port: 8080}
variables: {RACK_ENV: production}
deploy: {rollback: {failures: 2}}
environments: {staging: {}}
"""


class ServiceDeployments:
    """ECS as moto has it, and the records of service deployments, which moto has not: every change of task definition
    is one, and succeeds at once.
    """

    def __init__(self, ecs: Any) -> None:
        self.ecs = ecs
        self.made: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ecs, name)

    def create_service(self, **request: Any) -> Any:
        self.calls.append(("CreateService", request))
        return self._with_number(self.ecs.create_service(**request), request)

    def update_service(self, **request: Any) -> Any:
        self.calls.append(("UpdateService", request))
        members = {name: value for name, value in request.items() if name != "deploymentConfiguration"}
        return self._with_number(self.ecs.update_service(**members), request)

    def describe_services(self, **request: Any) -> Any:
        answer = self.ecs.describe_services(**request)
        for service in answer["services"]:
            self._number(service)
        return answer

    def list_service_deployments(self, **_: Any) -> Any:
        return {"serviceDeployments": [{**one, "targetServiceRevisionArn": one["revision"]} for one in reversed(self.made)]}

    def describe_service_deployments(self, serviceDeploymentArns: list[str]) -> Any:  # noqa: N803 (boto3's spelling)
        found = [one for one in self.made if one["serviceDeploymentArn"] in serviceDeploymentArns]
        return {"serviceDeployments": [{**one, "targetServiceRevision": {"arn": one["revision"]}} for one in found]}

    def describe_service_revisions(self, serviceRevisionArns: list[str]) -> Any:  # noqa: N803 (boto3's spelling)
        found = [one for one in self.made if one["revision"] in serviceRevisionArns]
        return {
            "serviceRevisions": [{"serviceRevisionArn": one["revision"], "taskDefinition": one["definition"]} for one in found]
        }

    def _with_number(self, answer: Any, request: Mapping[str, Any]) -> Any:
        definition = request["taskDefinition"]
        if not self.made or self.made[-1]["definition"] != definition or request.get("forceNewDeployment"):
            number = str(len(self.made) + 1)
            when = WallClock().now()
            self.made.append(
                {
                    "serviceDeploymentArn": f"arn:aws:ecs:{REGION}:1:service-deployment/c/cats/sd-{number}",
                    "revision": f"arn:aws:ecs:{REGION}:1:service-revision/c/cats/{number}",
                    "definition": definition,
                    "status": "SUCCESSFUL",
                    "createdAt": when,
                    "finishedAt": when,
                }
            )
        self._number(answer["service"])
        return answer

    def _number(self, service: dict[str, Any]) -> None:
        """One PRIMARY deployment, that of the last service deployment."""
        last = self.made[-1]
        service["deployments"] = [
            {
                "id": f"ecs-svc/{last['revision'].rsplit('/', 1)[-1]}",
                "status": "PRIMARY",
                "rolloutState": "COMPLETED",
                "taskDefinition": last["definition"],
            }
        ]


class World:
    """An account, the tool's session in it, and what the tool said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clients: dict[str, Any] = {
            name: SESSION.client(name, region_name=REGION) for name in ("ecr", "elbv2", "ec2", "iam", "logs")
        }
        self.ecs = ServiceDeployments(SESSION.client("ecs", region_name=REGION))
        self.steps: list[Step] = []
        self.seen: list[Progress] = []

    def client(self, name: str) -> Any:
        if name == "ecs":
            return self.ecs
        return self.clients.get(name) or SESSION.client(name, region_name=REGION)  # type: ignore[call-overload]  # any service

    def session(self, text: str = TEXT, environment: str = "local") -> Session:
        definition = Definition(
            path=self.folder / "ninelives.yml", environment=environment, file=parse_service_file(text, environment)
        )
        aws = Aws(self.client, region=REGION, is_local=environment == "local")
        return Session(aws=aws, definition=definition, clock=WallClock(), listener=self._heard)

    def _heard(self, report: Report) -> None:
        if isinstance(report, Step):
            self.steps.append(report)
        else:
            self.seen.append(report)

    def said(self, act: Act) -> list[str]:
        return [step.text for step in self.steps if step.act is act]

    def has_image(self, version: str) -> None:
        """Put an image under a tag, as if it had been pushed."""
        try:
            self.clients["ecr"].create_repository(repositoryName="cats")
        except Exception as error:
            if error_code(error) != "RepositoryAlreadyExistsException":
                raise
        manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "annotations": {"version": version}, "layers": []}
        )
        self.clients["ecr"].put_image(repositoryName="cats", imageManifest=manifest, imageTag=version)

    def deploy(self, version: str, text: str = TEXT, *, force: bool = False) -> Release:
        return deploy(self.session(text), version, Options(builder=Builder.HOST, timeout=timedelta(seconds=20), force=force))

    def definition(self) -> dict[str, Any]:
        """The newest task definition, as ECS describes it."""
        found: dict[str, Any] = self.ecs.describe_task_definition(taskDefinition="cats", include=["TAGS"])
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        world = World(tmp_path)
        world.has_image("1.0.0")
        world.has_image("2.0.1")
        yield world


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
        (TEXT.replace("{rollback", "{strategy: canary, rollback"), "1.0.0", NotSupported, "canary is not built yet"),
        (TEXT.replace("failures: 2", "alarms: [a]"), "1.0.0", NotSupported, "does not watch alarms yet"),
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
