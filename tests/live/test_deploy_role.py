"""The deploy role that `ninelives bootstrap` makes: with it all of a pipeline works, and each part of its policy is needed."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from live_region import RegionUnderTest, started
from policy_proof import needless, requests_of

pytestmark = pytest.mark.live

ACCOUNT = "123456789012"
DOCKERS = ["ecr:BatchGetImage of PushImages", "ecr:GetDownloadUrlForLayer of PushImages"]
"""What Docker asks for when it pushes, and a host image does not."""
FILE = """
service: behaves
cluster: live
image: {build: ., args: {VERSION: "{version}"}}
port: 8080
count: {min: 1, max: 2}
scaling: {cpu: 60%, schedules: [{name: night, at: "rate(1 day)", max: 2}]}
health: {path: /health, interval: 5s, timeout: 2s, grace_period: 30s}
deploy:
  strategy: blue-green
  bake: 0s
  hooks: [{stages: [POST_SCALE_UP], pause: true}]
  rollback: {alarms: [5xx: {above: 50%}]}
drain: {deregistration_delay: 5s, stop_timeout: 5s}
load_balancer: {port: 8080}
secrets: {API_KEY: "secretsmanager:behaves/key"}
bootstrap:
  container_insights: disabled
  github: {repository: acme/behaves, branches: [main]}
"""
COUNT = FILE[FILE.index("count:") : FILE.index("health:")]
OTHER_SCALING = "count: {min: 2, max: 3}\nscaling: {requests_per_task: 1000}\n"
REPORTS = ["cloudwatch:DescribeAlarmHistory of LookAround"]
"""What a report of a release with alarms reads."""
ON_AWS = ["LinkScaling"]
"""What RegisterScalableTarget asks for once in an account of AWS, and this region does not: it needs no linked role."""
HOOKS = "  hooks: [{stages: [POST_SCALE_UP], pause: true}]\n"


@pytest.fixture(scope="module")
def region() -> Iterator[RegionUnderTest]:
    with started("host", time_scale=10, enforce_iam=True) as region:
        (region.project / "ninelives.yml").write_text(FILE, encoding="utf-8")
        region.client("secretsmanager").create_secret(Name="behaves/key", SecretString="hidden")
        yield region


def deployer(region: RegionUnderTest) -> tuple[str, dict[str, Any], dict[str, str]]:
    """The deploy role's ARN, its policy, and credentials of it: a user of the test's may take it beside GitHub."""
    done = region.command("bootstrap", "--yes", "--json")
    assert 0 == done.returncode, done.stderr
    arn: str = json.loads(done.stdout)["deploy_role_arn"]
    name, iam = arn.rpartition("/")[2], region.client("iam")
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    iam.create_user(UserName="ci")
    user = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ci"}, "Action": "sts:AssumeRole"}
    trust["Statement"].append(user)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    keys = iam.create_access_key(UserName="ci")["AccessKey"]
    answer = region.client("sts", keys).assume_role(RoleArn=arn, RoleSessionName="run-1")
    policy: dict[str, Any] = iam.get_role_policy(RoleName=name, PolicyName="deploy")["PolicyDocument"]
    return arn, policy, {key: str(value) for key, value in answer["Credentials"].items()}


def test_a_pipeline_works_with_the_deploy_role_and_needs_each_part_of_it(region: RegionUnderTest) -> None:
    role, policy, session = deployer(region)

    def run(code: int, *arguments: str, credentials: Mapping[str, str] = session) -> str:
        done = region.command(*arguments, credentials=credentials)
        assert code == done.returncode, done.stdout + done.stderr
        return done.stdout

    run(8, "deploy", "1.0.0", "--builder", "host")
    run(0, "promote")
    file = region.project / "ninelives.yml"
    without_pause = FILE.replace(HOOKS, "").replace("bake: 0s", "bake: 10m")
    file.write_text(without_pause.replace(COUNT, OTHER_SCALING), encoding="utf-8")
    run(0, "deploy", "2.0.1", "--builder", "host", "--no-wait")
    run(0, "abort")
    for verb in ("status", "history", "logs"):
        run(0, verb)
    file.write_text(without_pause.replace(COUNT, "count: 2\n"), encoding="utf-8")
    run(0, "deploy", "1.0.0", "--builder", "host", "--no-wait")

    assert DOCKERS + REPORTS + ON_AWS == [str(part) for part in needless(policy, requests_of(region, role))]
