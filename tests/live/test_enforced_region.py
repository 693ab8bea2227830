"""A region that enforces IAM: a release by a role of least privilege, tasks that may do only what their roles may."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from live_region import RegionUnderTest, eventually, started
from policy_proof import needless, requests_of

from ninelives.cli.access_keys import FILE

pytestmark = pytest.mark.live

ACCOUNT = "123456789012"
HERE = f"eu-west-1:{ACCOUNT}"
REPOSITORY = f"arn:aws:ecr:{HERE}:repository/behaves"
EXECUTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecsTaskExecutionRole"


@pytest.fixture(scope="module")
def region() -> Iterator[RegionUnderTest]:
    with started("host", time_scale=10, enforce_iam=True) as running:
        yield running


def statement(sid: str, action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource, **more}


DEPLOYS: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        statement(
            "Look",
            [
                "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition",
                "ecs:ListTasks", "elasticloadbalancing:Describe*", "logs:DescribeLogGroups",
            ],
        ),
        statement(
            "Push",
            [
                "ecr:BatchCheckLayerAvailability", "ecr:CompleteLayerUpload", "ecr:DescribeImages", "ecr:DescribeRepositories",
                "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
            ],
            REPOSITORY,
        ),
        statement(
            "Register", ["ecs:RegisterTaskDefinition", "ecs:TagResource"], f"arn:aws:ecs:{HERE}:task-definition/behaves:*"
        ),
        statement(
            "Pass",
            ["iam:GetRole", "iam:PassRole"],
            EXECUTION_ROLE,
            Condition={"StringEqualsIfExists": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
        statement(
            "Release",
            ["ecs:DescribeServices", "ecs:ListServiceDeployments", "ecs:UpdateService"],
            f"arn:aws:ecs:{HERE}:service/live/behaves",
        ),
        statement(
            "Follow",
            ["ecs:DescribeClusters", "ecs:DescribeServiceDeployments", "ecs:DescribeTasks"],
            "*",
            Condition={"ArnEqualsIfExists": {"ecs:cluster": f"arn:aws:ecs:{HERE}:cluster/live"}},
        ),
        statement("Tell", "logs:GetLogEvents", f"arn:aws:logs:{HERE}:log-group:/ecs/behaves:*"),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def deployer(region: RegionUnderTest) -> str:
    """The ARN of a role that may release what root has deployed, and a user ``ci`` who may assume it."""
    code, result = region.deploy("1")
    assert (0, "succeeded") == (code, result["verdict"])
    iam = region.client("iam")
    iam.create_user(UserName="ci")
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ci"},
            "Action": "sts:AssumeRole",
        },
    }
    arn: str = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    put(region, DEPLOYS)
    return arn


def put(region: RegionUnderTest, document: Mapping[str, Any]) -> None:
    region.client("iam").put_role_policy(RoleName="deployer", PolicyName="deploy", PolicyDocument=json.dumps(document))


@pytest.fixture(scope="module")
def session(region: RegionUnderTest, deployer: str) -> dict[str, str]:
    """Credentials of the deployer."""
    keys = region.client("iam").create_access_key(UserName="ci")["AccessKey"]
    answer = region.client("sts", keys).assume_role(RoleArn=deployer, RoleSessionName="run-1")
    return {name: str(value) for name, value in answer["Credentials"].items()}


def deploy(region: RegionUnderTest, version: str, session: Mapping[str, str]) -> tuple[int, str]:
    """The exit code of a release by the deployer, and all that it said."""
    done = region.command("deploy", version, "--json", credentials=session)
    return done.returncode, done.stdout + done.stderr


def test_a_role_releases_with_a_policy_of_which_each_part_is_needed(
    region: RegionUnderTest, deployer: str, session: dict[str, str]
) -> None:
    code, said = deploy(region, "2", session)
    assert 0 == code, said

    assert [] == [str(part) for part in needless(DEPLOYS, requests_of(region, deployer))]

    unable = {**DEPLOYS, "Statement": [one for one in DEPLOYS["Statement"] if one["Sid"] != "Release"]}
    put(region, unable)
    code, said = deploy(region, "3", session)
    put(region, DEPLOYS)

    assert 1 == code
    assert "is not authorized to perform: ecs:" in said
    assert region.service()["taskDefinition"].endswith(":2")


def test_the_aws_cli_is_told_who_it_is_and_what_it_may_not(region: RegionUnderTest, session: dict[str, str]) -> None:
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

    assert (0, f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/run-1") == (who[0], who[1].strip())
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


PULL: list[dict[str, Any]] = [
    {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
    {"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": REPOSITORY},
]


@pytest.mark.usefixtures("deployer")
def test_a_task_pulls_only_what_its_execution_role_may(region: RegionUnderTest) -> None:
    assert "running" == a_task(region, "pulls", *PULL)

    reason = a_task(region, "logs-in-not")
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth: ")
    assert "is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy" in reason

    reason = a_task(region, "pulls-not", PULL[0])
    assert reason.startswith("CannotPullContainerError: ")
    assert reason.endswith("403 Forbidden")

    reason = a_task(region, "not-assumed", *PULL, trusts="lambda")
    assert "ECS was unable to assume the role" in reason


@pytest.mark.usefixtures("deployer")
def test_a_task_reads_only_the_secrets_that_its_execution_role_may(region: RegionUnderTest) -> None:
    secret = region.client("secretsmanager").create_secret(Name="key", SecretString="hidden")["ARN"]
    secrets = [{"name": "API_KEY", "valueFrom": secret}]
    read: dict[str, Any] = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}

    assert "running" == a_task(region, "reads", *PULL, read, secrets=secrets)

    reason = a_task(region, "reads-not", *PULL, secrets=secrets)
    assert reason.startswith("ResourceInitializationError: ")
    assert f"is not authorized to perform: secretsmanager:GetSecretValue on resource: {secret}" in reason


def test_the_keys_are_for_nobody_else_to_read(region: RegionUnderTest) -> None:
    directory = region.settings.state_directory
    assert region.keys is not None

    assert 0o600 == stat.S_IMODE((directory / FILE).stat().st_mode)
    for name in ("region.log", "access.jsonl", "region.json", "settings.json"):
        said = (directory / name).read_text()
        assert region.keys.secret not in said
        assert region.keys.seal not in said
