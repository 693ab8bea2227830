"""The generated workflow carried out: act runs it against an embedded region, with stand-ins for the published actions.

The first user's way, twice: by the flavour with this tool, and by the one with AWS's actions alone. The region's tasks are
Docker's containers, built and pushed by the workflow itself.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from act_run import ActRun, Runner, program
from live_region import BASE_IMAGE, RegionUnderTest, free_port, skip_without_docker, started
from oidc_provider import token_server
from policy_proof import needless, requests_of
from token_server import TokenRequests, serving_tokens

from ninelives.access.necessity import parts, without
from ninelives.bootstrap.github_trust import ISSUER
from ninelives.cli.background import stop_region
from ninelives.cli.docker_images import forget_images
from ninelives.cli.proving import steady_traffic
from ninelives.deploy.clock import WallClock
from ninelives.deploy.release_record import ReleaseRecord
from ninelives.insight.release_page import read_page
from ninelives.rehearsal.proof import Proof
from ninelives.rehearsal.rehearse import Script, rehearse
from ninelives.rehearsal.sample import Target

pytestmark = [pytest.mark.live, pytest.mark.docker, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
GITHUB = f"https://{ISSUER}"
GITHUB_NAME = "acme/shop"
OURS = f"acme/ninelives@{'ab' * 20}"
DEPLOY_ROLE = "cats-deploy-eu-west-1"
DEFAULT, WITH_AWS_ACTIONS = ".github/workflows/deploy.yml", ".github/workflows/aws.yml"
TIME_SCALE = 12
BAD = """\
# frozen_string_literal: true

# 3.0.0 does not find its database.
module Release
  VERSION = "3.0.0"
  CONTENT_TYPE = "text/plain"

  def self.boot = abort("no database at db.internal")
end
"""


@dataclass
class Pipeline:
    """A repository on GitHub, a runner, and the region in AWS's place."""

    region: RegionUnderTest
    repository: Path
    runner: Runner

    def push_branch(self, branch: str, workflow: str = DEFAULT) -> ActRun:
        self._git("checkout", "-q", branch)
        return self._deploy(workflow, "push", {"ref": f"refs/heads/{branch}"})

    def push_tag(self, tag: str, workflow: str = DEFAULT) -> ActRun:
        self._git("checkout", "-q", "--detach", tag)
        return self._deploy(workflow, "push", {"ref": f"refs/tags/{tag}"})

    def by_hand(self, version: str, workflow: str = DEFAULT) -> ActRun:
        self._git("checkout", "-q", "main")
        return self._deploy(workflow, "workflow_dispatch", {"ref": "refs/heads/main", "inputs": {"version": version}})

    def pull_request(self, runner: Runner) -> ActRun:
        self._git("checkout", "-q", "main")
        payload = {"pull_request": {"base": {"sha": "0" * 40}, "head": {"sha": "1" * 40}}, "action": "opened"}
        return runner.run(DEFAULT, "rehearse", "pull_request", payload, github_name=GITHUB_NAME)

    def under_load(self, release: Callable[[], ActRun]) -> tuple[ActRun, Proof]:
        """A run, and what a load of our own on the service says of it."""
        address = urlsplit(self.region.url())
        target = Target(host=str(address.hostname), port=address.port or 80)
        script = Script(target=target, kinds=steady_traffic(60, "/"), before_seconds=0.5, after_seconds=1)
        with tempfile.TemporaryDirectory() as folder:
            rehearsed = rehearse(script, release, folder=Path(folder), clock=WallClock())
        return rehearsed.released, rehearsed.proof

    def report(self) -> ReleaseRecord:
        """The record in the report that the last run kept."""
        page = self.runner.home / "artifacts" / "cats-release.html"
        return read_page(page.read_text(encoding="utf-8"))

    def version(self) -> str:
        """The version that answers."""
        found = re.search(r"\d+\.\d+\.\d+", self.region.get("/version"))
        assert found
        return found[0]

    def _deploy(self, workflow: str, event: str, payload: dict[str, Any]) -> ActRun:
        try:
            return self.runner.run(workflow, "deploy", event, payload, github_name=GITHUB_NAME)
        finally:
            self._git("checkout", "-q", "main")

    def _git(self, *arguments: str) -> None:
        git(self.repository, *arguments)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, check=True)


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    skip_without_docker("docker")
    with (
        token_server() as provider,
        serving_tokens(partial(provider.token, iss=GITHUB)) as tokens,
        started("docker", time_scale=TIME_SCALE, enforce_iam=True, identity_providers={GITHUB: provider.issuer}) as region,
    ):
        folder = Path(tempfile.mkdtemp(prefix="ninelives-act-"))
        try:
            yield prepared(region, tokens, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def prepared(region: RegionUnderTest, tokens: TokenRequests, folder: Path) -> Pipeline:
    """What must be there before the first release: the repository, what the service stands on, the role."""
    repository = folder / "shop"
    cats = repository / "examples" / "cats"
    shutil.copytree(ROOT / "examples" / "cats", cats)
    (cats / "versions" / "3.0.0").mkdir()
    (cats / "versions" / "3.0.0" / "release.rb").write_text(BAD)
    path = cats / "ninelives.yml"
    file = yaml.safe_load(path.read_text())
    file["image"]["args"]["BASE_IMAGE"] = BASE_IMAGE
    file["variables"]["BOOT_SECONDS"] = "1"
    file["bootstrap"] = {
        "github": {"repository": GITHUB_NAME, "environments": ["staging"]},
    }
    path.write_text(yaml.safe_dump(file))
    git_repository(repository, region)
    ninelives(region, cats, "bootstrap", "--env", "staging", "--yes")
    runner = Runner(
        repository=repository,
        home=folder / "home",
        token_url=tokens.url,
        token_bearer=tokens.bearer,
        secrets={"ROLE_TO_ASSUME": region.client("iam").get_role(RoleName=DEPLOY_ROLE)["Role"]["Arn"]},
        variables={
            "AWS_ENDPOINT_URL": region.running.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "STAND_IN_TIME_SCALE": str(TIME_SCALE * 3),
        },
        actions={OURS: installed(folder)},
    )
    return Pipeline(region=region, repository=repository, runner=runner)


def git_repository(repository: Path, region: RegionUnderTest) -> None:
    """Main with its tags, a release branch, and a remote; the workflows written by the command itself."""
    git(repository, "init", "-q", "-b", "main")
    git(repository, "remote", "add", "origin", f"https://github.com/{GITHUB_NAME}.git")
    config = ["--config", "examples/cats/ninelives.yml", "--main", "main"]
    written = [
        ninelives(region, repository, "workflow", *config, "--action", OURS, "--rehearse", "1.0.0..2.0.1"),
        ninelives(region, repository, "workflow", *config, "--flavour", "aws-actions", "--print"),
    ]
    (repository / WITH_AWS_ACTIONS).write_text(written[1])
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "Cats")
    git(repository, "branch", "v1.0.0")
    for tag in ("v2.0.1", "v3.0.0"):
        git(repository, "tag", tag)
    for name in ("main", "v1.0.0"):  # as a checkout of all history leaves them
        git(repository, "update-ref", f"refs/remotes/origin/{name}", name)


def ninelives(region: RegionUnderTest, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ninelives.cli.main", *arguments],
        cwd=folder,
        env={**region.environment, "NINELIVES_ENV": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def installed(folder: Path) -> Path:
    """An action in the place of ours, for runs in which the tool is on the PATH already."""
    place = folder / "installed"
    place.mkdir()
    (place / "action.yml").write_text(
        json.dumps(
            {
                "name": "installed",
                "description": "the tool is here",
                "runs": {"using": "composite", "steps": [{"shell": "bash", "run": "ninelives --version"}]},
            }
        )
    )
    return place


def test_a_push_to_the_release_branch_makes_the_first_release(pipeline: Pipeline) -> None:
    run = pipeline.push_branch("v1.0.0")

    assert run.succeeded, run.said
    assert "1.0.0" == pipeline.version()
    assert "Not proven: the service is new" in run.said


def test_a_tag_on_main_releases_under_load_and_nothing_is_lost(pipeline: Pipeline) -> None:
    run, proof = pipeline.under_load(lambda: pipeline.push_tag("v2.0.1"))

    assert run.succeeded, run.said
    assert proof.nothing_lost, proof.losses
    assert proof.ends_with("2.0.1")
    assert re.search(r"Proof: \d+ requests, none lost", run.said)
    told = pipeline.report()
    assert (told.version, told.from_version, told.verdict) == ("2.0.1", "1.0.0", "succeeded")
    assert told.traffic is not None
    assert (told.traffic.source, told.traffic.lost) == ("probe", 0)
    assert told.change.digest_before != told.change.digest


def test_a_bad_version_rolls_back_and_the_run_is_red_with_its_cause(pipeline: Pipeline) -> None:
    run = pipeline.push_tag("v3.0.0")

    assert not run.succeeded
    assert {"Build and push": "success", "Release, and count every request": "failure"}.items() <= run.steps().items()
    assert "exit status 4" in run.said, run.said
    assert re.search(r"cats 3.0.0 rolled back.*no database at db.internal", run.said)
    assert re.search(r"Proof: \d+ requests, none lost", run.said)
    assert "2.0.1" == pipeline.version()
    told = pipeline.report()
    assert (told.version, told.verdict) == ("3.0.0", "rolled_back")
    assert "no database at db.internal" in (told.cause or "")
    assert any(one.has_failed for one in told.timeline.tasks)


def test_an_earlier_version_by_hand_is_the_rollback_and_is_not_built_again(pipeline: Pipeline) -> None:
    run = pipeline.by_hand("1.0.0")

    assert run.succeeded, run.said
    assert "1.0.0" == pipeline.version()
    assert "Build and push" not in run.steps()


def test_the_flavour_of_aws_releases_under_load_and_nothing_is_lost(pipeline: Pipeline) -> None:
    run, proof = pipeline.under_load(lambda: pipeline.push_tag("v2.0.1", WITH_AWS_ACTIONS))

    assert run.succeeded, run.said
    assert proof.nothing_lost, proof.losses
    assert proof.ends_with("2.0.1")
    assert "verified" in run.said
    image = running_image(pipeline)
    assert re.search(r"/cats@sha256:[0-9a-f]{64}$", image), image
    assert "cats 2.0.1" in pipeline.region.command("status", "--config", str(service_file(pipeline))).stdout


def test_the_flavour_of_aws_is_red_when_ecs_rolls_back(pipeline: Pipeline) -> None:
    run = pipeline.push_tag("v3.0.0", WITH_AWS_ACTIONS)

    assert not run.succeeded
    assert "likely rolled back by the deployment circuit breaker" in run.said, run.said
    assert "2.0.1" == pipeline.version()


def test_the_flavour_of_aws_rolls_back_by_hand(pipeline: Pipeline) -> None:
    run = pipeline.by_hand("1.0.0", WITH_AWS_ACTIONS)

    assert run.succeeded, run.said
    assert "1.0.0" == pipeline.version()


def test_a_version_that_is_nowhere_is_red_before_anything_is_changed(pipeline: Pipeline) -> None:
    before = running_image(pipeline)
    run = pipeline.by_hand("9.9.9", WITH_AWS_ACTIONS)

    assert not run.succeeded
    assert "There is no image 9.9.9, no tag v9.9.9 and no branch v9.9.9." in run.said
    assert before == running_image(pipeline)


def test_another_environment_does_not_get_the_role(pipeline: Pipeline) -> None:
    """What the trust policy says of the token, by a run whose job names another environment."""
    text = (pipeline.repository / WITH_AWS_ACTIONS).read_text()
    elsewhere = ".github/workflows/elsewhere.yml"
    (pipeline.repository / elsewhere).write_text(text.replace("      name: staging\n", "      name: production\n"))

    run = pipeline.by_hand("1.0.0", elsewhere)

    assert not run.succeeded
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in run.said


def test_a_job_that_may_not_ask_for_a_token_gets_none(pipeline: Pipeline) -> None:
    text = (pipeline.repository / WITH_AWS_ACTIONS).read_text()
    tokenless = ".github/workflows/tokenless.yml"
    (pipeline.repository / tokenless).write_text(re.sub(r"\n +id-token: write[^\n]*", "", text))

    run = pipeline.by_hand("1.0.0", tokenless)

    assert not run.succeeded
    assert "Did you mean to set the `id-token` permission?" in run.said


OF_OTHER_RELEASES = {
    "PassServiceRoles": "that shift traffic: tests/live/test_enforced_region.py",
    "cloudwatch:DescribeAlarmHistory of LookAround": "with alarms that roll back",
    "cloudwatch:DescribeAlarms of LookAround": "with alarms that roll back",
    "ecr:BatchGetImage of PushImages": "by buildx",
    "ecr:GetDownloadUrlForLayer of PushImages": "by buildx",
    "ecs:ContinueServiceDeployment of Release": "with a pause",
    "ecs:StopServiceDeployment of Release": "that are taken back",
    "logs:FilterLogEvents of ReadLogs": "whose logs are asked for",
}
"""What the runs above do not ask for, and which releases do."""


def test_each_other_part_of_the_deploy_roles_policy_is_needed_by_these_runs(pipeline: Pipeline) -> None:
    """The requests that the runs made as the role, judged again without each part of its policy in turn."""
    requests = requests_of(pipeline.region, pipeline.runner.secrets["ROLE_TO_ASSUME"])
    document = deploy_policy(pipeline)

    assert set(OF_OTHER_RELEASES) == {str(part) for part in needless(document, requests)}


def test_without_a_statement_the_run_is_red_and_says_what_it_lacks(pipeline: Pipeline) -> None:
    iam, document = pipeline.region.client("iam"), deploy_policy(pipeline)
    (passing,) = (part for part in parts(document) if str(part) == "PassTaskRoles")
    iam.put_role_policy(RoleName=DEPLOY_ROLE, PolicyName="deploy", PolicyDocument=json.dumps(without(document, passing)))
    before = running_image(pipeline)

    run = pipeline.by_hand("2.0.1", WITH_AWS_ACTIONS)

    assert not run.succeeded
    assert "is not authorized to perform: iam:PassRole" in run.said, run.said
    assert before == running_image(pipeline)


def deploy_policy(pipeline: Pipeline) -> Any:
    return pipeline.region.client("iam").get_role_policy(RoleName=DEPLOY_ROLE, PolicyName="deploy")["PolicyDocument"]


def running_image(pipeline: Pipeline) -> str:
    ecs = pipeline.region.client("ecs")
    (service,) = ecs.describe_services(cluster="Staging-Cluster", services=["cats"])["services"]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    return str(definition["containerDefinitions"][0]["image"])


def service_file(pipeline: Pipeline) -> Path:
    return pipeline.repository / "examples" / "cats" / "ninelives.yml"


def test_a_pull_request_is_released_over_the_old_version_on_a_region_of_its_own_and_the_tool_sets_itself_up(
    pipeline: Pipeline,
) -> None:
    """Our own ``action.yml``, from a copy of what its repository holds."""
    folder = pipeline.runner.home.parent
    settings = replace(pipeline.region.settings, state_directory=folder / "state", port=free_port())
    runner = replace(
        pipeline.runner,
        actions={OURS: own_repository(folder)},
        variables={
            "AWS_ENDPOINT_URL": settings.endpoint,
            "NINELIVES_PORT": str(settings.port),
            "NINELIVES_STATE": str(settings.state_directory),
            "NINELIVES_TIME_SCALE": str(TIME_SCALE),
            "UV_CACHE_DIR": uv("cache", "dir"),
        },
    )
    try:
        run = pipeline.pull_request(runner)
    finally:
        stop_region(settings.state_directory)
        forget_images(f"127.0.0.1:{settings.port}")

    assert run.succeeded, run.said
    assert {"Start an embedded region", "Build 2.0.1 and release it over 1.0.0, under load"} <= set(run.steps())
    assert re.search(r"Proof: \d+ requests, none lost", run.said)
    assert "1.0.0" == pipeline.version()  # nobody asked AWS


def own_repository(folder: Path) -> Path:
    """What this tool's repository holds of itself."""
    place = folder / "own"
    place.mkdir()
    for name in ("action.yml", "pyproject.toml", "uv.lock", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place)
    shutil.copytree(ROOT / "src", place / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return place


def uv(*arguments: str) -> str:
    done = subprocess.run([program("uv"), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
