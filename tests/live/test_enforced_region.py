"""A region that enforces IAM: a release by a role of least privilege, tasks that may do only what their roles may."""

import json
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from live_region import RegionUnderTest, eventually, started
from oidc_provider import TokenServer, token_server

from ninelives.cli import access_keys

pytestmark = pytest.mark.live

ACCOUNT = "123456789012"
HERE = f"eu-west-1:{ACCOUNT}"
GITHUB = "https://token.actions.githubusercontent.com"
SUBJECT = "repo:acme/behaves:ref:refs/heads/main"
FILE = """
service: behaves
cluster: live
image: {build: ., args: {VERSION: "{version}"}}
port: 8080
health: {path: /health, interval: 5s, timeout: 2s, grace_period: 30s}
deploy: {strategy: blue-green, bake: 0s}
drain: {deregistration_delay: 5s, stop_timeout: 5s}
load_balancer: {port: 8080, test_listener: {port: 8081}}
bootstrap:
  github: {repository: acme/behaves, branches: [main]}
"""


@pytest.fixture(scope="module")
def tokens() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


@pytest.fixture(scope="module")
def region(tokens: TokenServer) -> Iterator[RegionUnderTest]:
    stands_in = {GITHUB: tokens.issuer}
    with started("host", time_scale=10, enforce_iam=True, identity_providers=stands_in) as running:
        (running.project / "ninelives.yml").write_text(FILE, encoding="utf-8")
        yield running


@pytest.fixture(scope="module")
def deployer(region: RegionUnderTest) -> str:
    """The ARN of the role that `ninelives bootstrap` makes for GitHub."""
    done = region.command("bootstrap", "--json", "--yes")
    assert 0 == done.returncode, done.stderr
    arn: str = json.loads(done.stdout)["deploy_role_arn"]
    return arn


@pytest.fixture(scope="module")
def session(region: RegionUnderTest, deployer: str, tokens: TokenServer) -> dict[str, str]:
    """The deployer's credentials, for a token of GitHub's as a push to main has it."""
    sts = boto3.client(
        "sts", endpoint_url=region.running.endpoint, region_name="eu-west-1", config=Config(signature_version=UNSIGNED)
    )
    answer = sts.assume_role_with_web_identity(
        RoleArn=deployer, RoleSessionName="run-1", WebIdentityToken=tokens.token(iss=GITHUB, sub=SUBJECT)
    )
    return {name: str(value) for name, value in answer["Credentials"].items()}


@pytest.fixture(scope="module")
def released(region: RegionUnderTest, session: dict[str, str]) -> RegionUnderTest:
    """The region, with a version released by the deployer."""
    code, said = deploy(region, "1", session)
    assert 0 == code, said
    return region


def deploy(region: RegionUnderTest, version: str, session: Mapping[str, str]) -> tuple[int, str]:
    """The exit code of a release by the deployer, and all that it said."""
    done = region.command("deploy", version, "--builder", "host", "--json", credentials=session)
    return done.returncode, done.stdout + done.stderr


def test_there_is_no_console_that_would_be_a_way_around_iam(region: RegionUnderTest) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{region.running.endpoint}/_ninelives/console/", timeout=10)

    assert 403 == refused.value.code
    refused.value.close()


def test_a_token_of_githubs_releases_what_the_deploy_role_may_and_no_more(
    released: RegionUnderTest, deployer: str, session: dict[str, str]
) -> None:
    iam, name = released.client("iam"), deployer.rpartition("/")[2]
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]

    unable = {**document, "Statement": [one for one in document["Statement"] if one["Sid"] != "Release"]}
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(unable))
    code, said = deploy(released, "2", session)
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))

    assert 1 == code
    assert "is not authorized to perform: ecs:" in said
    assert "1" == released.get()


def test_the_aws_cli_is_told_who_it_is_and_what_it_may_not(
    region: RegionUnderTest, deployer: str, session: dict[str, str]
) -> None:
    def aws(*arguments: str, **variables: str) -> tuple[int, str]:
        command = [str(Path(sys.executable).parent / "aws"), *arguments]
        environment = {**region.environment, **variables, "AWS_PAGER": ""}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    variables = {
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }
    who = aws("sts", "get-caller-identity", "--query", "Arn", "--output", "text", **variables)
    refused = aws("ecs", "delete-service", "--cluster", "live", "--service", "behaves", "--force", **variables)
    forged = aws("ecs", "list-clusters", AWS_SECRET_ACCESS_KEY="wrong")

    name = deployer.rpartition("/")[2]
    assert (0, f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/run-1") == (who[0], who[1].strip())
    assert "(AccessDeniedException)" in refused[1]
    assert "because no identity-based policy allows the ecs:DeleteService action" in refused[1]
    assert "(InvalidSignatureException)" in forged[1]


def a_task(region: RegionUnderTest, name: str, *allowed: dict[str, Any], trusts: str = "ecs-tasks", **container: Any) -> str:
    """Why a task whose execution role has this policy stops, or the word ``running``."""
    iam, ecs = region.client("iam"), region.client("ecs")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": f"{trusts}.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{HERE}:*"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    if allowed:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(allowed)})
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
    known = ecs.describe_task_definition(taskDefinition="behaves")["taskDefinition"]
    image = known["containerDefinitions"][0]["image"]
    definition = ecs.register_task_definition(
        family=name,
        executionRoleArn=role,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "app", "image": image, "essential": True, **container}],
    )["taskDefinition"]["taskDefinitionArn"]
    network = region.service()["networkConfiguration"]
    task = ecs.run_task(cluster="live", taskDefinition=definition, launchType="FARGATE", networkConfiguration=network)
    arn = task["tasks"][0]["taskArn"]

    def ended() -> str | None:
        found = ecs.describe_tasks(cluster="live", tasks=[arn])["tasks"][0]
        if found["lastStatus"] == "RUNNING":
            ecs.stop_task(cluster="live", task=arn)
            return "running"
        return found["stoppedReason"] if found["lastStatus"] == "STOPPED" else None

    told: str = eventually(ended, what="the task's end")
    return told


ENTER = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
READ = {"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": f"arn:aws:ecr:{HERE}:*"}
PULL: list[dict[str, Any]] = [ENTER, READ]


def test_a_task_pulls_only_what_its_execution_role_may(released: RegionUnderTest) -> None:
    assert "running" == a_task(released, "pulls", *PULL)

    reason = a_task(released, "logs-in-not")
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth: ")
    assert "is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy" in reason

    reason = a_task(released, "pulls-not", ENTER)
    assert reason.startswith("CannotPullContainerError: ")
    assert reason.endswith("403 Forbidden")

    reason = a_task(released, "not-assumed", *PULL, trusts="lambda")
    assert "ECS was unable to assume the role" in reason


def test_a_task_reads_only_the_secrets_that_its_execution_role_may(released: RegionUnderTest) -> None:
    secret = released.client("secretsmanager").create_secret(Name="key", SecretString="hidden")["ARN"]
    secrets = [{"name": "API_KEY", "valueFrom": secret}]
    read: dict[str, Any] = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}

    assert "running" == a_task(released, "reads", *PULL, read, secrets=secrets)

    reason = a_task(released, "reads-not", *PULL, secrets=secrets)
    assert reason.startswith("ResourceInitializationError: ")
    assert f"is not authorized to perform: secretsmanager:GetSecretValue on resource: {secret}" in reason


def test_the_keys_are_for_nobody_else_to_read(region: RegionUnderTest) -> None:
    directory = region.settings.state_directory
    assert region.keys is not None

    assert 0o600 == stat.S_IMODE((directory / access_keys.FILE).stat().st_mode)
    for name in ("region.log", "access.jsonl", "region.json", "settings.json"):
        said = (directory / name).read_text()
        assert region.keys.secret not in said
        assert region.keys.seal not in said
