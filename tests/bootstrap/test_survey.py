"""What would stand in the way is found before anything is done, and said with its mend."""

import subprocess
from typing import Any

import boto3
import pytest
from bootstrap_account import FILE, Account
from fake_cloudformation import REGION, refusal

EXISTING = FILE.replace("bootstrap:\n", "bootstrap:\n  network: {vpc: VPC, public_subnets: [SUBNETS]}\n")


def refused(account: Account, *options: str) -> str:
    """What is said of a run that does nothing."""
    code, _, err = account.bootstrap("--yes", *options)
    assert 1 == code
    assert [] == account.stacks.executed
    assert "CreateChangeSet" not in account.stacks.calls
    return str(err)


def test_the_credentials_of_another_account_are_refused(account: Account) -> None:
    account.write(FILE.replace("123456789012", "999999999999"))

    told = refused(account)

    assert "The credentials are those of account 123456789012" in told
    assert "ninelives.yml:10: bootstrap.account expects 999999999999." in told


def test_another_region_than_the_files_is_refused(account: Account) -> None:
    told = refused(account, "--region", "us-east-1")

    assert "The region is us-east-1; " in told
    assert "environments.staging.region expects eu-west-1." in told


def test_a_certificate_of_another_region_is_refused(account: Account) -> None:
    text = FILE.replace("bootstrap:\n", "bootstrap:\n  certificate: arn:aws:acm:us-east-1:123456789012:certificate/a\n")
    account.write(text.replace("load_balancer: {", "load_balancer: {port: 443, "))

    told = refused(account)

    assert "is a certificate of us-east-1; a load balancer in eu-west-1 takes those of its own region." in told


def test_names_that_are_taken_are_all_told(account: Account) -> None:
    boto3.client("ecr", REGION).create_repository(repositoryName="cats")
    boto3.client("logs", REGION).create_log_group(logGroupName="/ecs/cats")
    boto3.client("logs", REGION).create_log_group(logGroupName="/ecs/cats-and-dogs")
    role = {"RoleName": "cats-deploy-eu-west-1", "AssumeRolePolicyDocument": "{}"}
    boto3.client("iam", REGION).create_role(**role)  # type: ignore[arg-type]

    told = refused(account)

    assert (
        "no stack of ninelives made them:\n"
        "  - ECR repository cats\n"
        "  - log group /ecs/cats\n"
        "  - IAM role cats-deploy-eu-west-1\n"
    ) in told


def test_a_cluster_and_an_identity_provider_that_are_there_are_used_as_they_are(account: Account) -> None:
    boto3.client("ecs", REGION).create_cluster(clusterName="Staging-Cluster")
    made = boto3.client("iam", REGION).create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"]
    )

    told = account.told("--yes")

    assert ["Staging-Cluster-network", "cats-service", "cats-github"] == [stack["name"] for stack in told["stacks"]]
    assert made["OpenIDConnectProviderArn"] == account.stacks.stacks["cats-github"].parameters["ProviderArn"]


def test_an_identity_provider_for_another_audience_is_of_no_use(account: Account) -> None:
    boto3.client("iam", REGION).create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["somebody"]
    )

    told = refused(account)

    assert "not for sts.amazonaws.com (somebody only)" in told
    assert "aws iam add-client-id-to-open-id-connect-provider" in told


def test_an_existing_network_is_used_and_its_subnets_are_looked_at(account: Account) -> None:
    ec2 = boto3.client("ec2", REGION)
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    one, two, three = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("aab")
    )
    stranger = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][0]["SubnetId"]
    known = EXISTING.replace("VPC", vpc)

    account.write(known.replace("SUBNETS", f"{one}, {two}"))
    assert "all of them are in eu-west-1a; a load balancer needs two zones." in refused(account)
    account.write(known.replace("SUBNETS", f"{one}, {stranger}"))
    assert f"{stranger} is not of {vpc}." in refused(account)
    account.write(known.replace("SUBNETS", f"{one}, subnet-0123456789abcdef0"))
    assert "bootstrap.network.public_subnets: " in refused(account)

    account.write(known.replace("SUBNETS", f"{one}, {three}"))
    told = account.told("--yes")
    parameters = account.stacks.stacks["cats-service"].parameters
    assert "Staging-Cluster-network" not in [stack["name"] for stack in told["stacks"]]
    assert (vpc, f"{one},{three}", f"{one},{three}", "ENABLED") == tuple(
        parameters[name] for name in ("VpcId", "PublicSubnets", "TaskSubnets", "AssignPublicIp")
    )


def test_a_region_with_fewer_zones_than_are_asked_for_is_told(account: Account) -> None:
    account.region = "us-west-1"
    account.write(FILE.replace("{region: eu-west-1}", "{}").replace("bootstrap:\n", "bootstrap:\n  network: {zones: 3}\n"))
    account.clients["ec2"] = boto3.client("ec2", "us-west-1")

    assert "The account has 2 availability zones in us-west-1" in refused(account)


@pytest.mark.parametrize(
    ("code", "message", "mend"),
    [
        (
            "AccessDenied",
            "User: arn:aws:iam::1:user/a is not authorized to perform: cloudformation:DescribeStacks on resource: x",
            "Allow cloudformation:DescribeStacks to the credentials.",
        ),
        ("ExpiredToken", "The security token included in the request is expired", "Renew the credentials"),
    ],
)
def test_refused_and_expired_credentials_are_told_with_the_mend(
    account: Account, monkeypatch: pytest.MonkeyPatch, code: str, message: str, mend: str
) -> None:
    def refuse(**_: Any) -> None:
        raise refusal(code, message, "DescribeStacks")

    monkeypatch.setattr(account.stacks, "describe_stacks", refuse)

    told = refused(account)

    assert message in told
    assert mend in told


WORKFLOW = """
on:
  push: {branches: [BRANCH], tags: ["v*"]}
jobs:
  test:
    runs-on: ubuntu-24.04
    steps: [{run: make test}]
  deploy:
    runs-on: ubuntu-24.04
    ENVIRONMENT
    steps:
      - uses: aws-actions/configure-aws-credentials@v6
        with: {role-to-assume: "${{ secrets.ROLE_TO_ASSUME }}", aws-region: eu-west-1}
"""


def checkout(account: Account, workflow: str, remote: str = "git@github.com:acme/cats.git") -> None:
    for command in (["init", "-q"], ["remote", "add", "origin", remote]):
        subprocess.run(["git", *command], cwd=account.folder, check=True)
    folder = account.folder / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "deploy.yml").write_text(workflow, encoding="utf-8")


def test_a_workflow_that_would_not_get_the_role_is_told_before_the_role_is_made(account: Account) -> None:
    checkout(account, WORKFLOW.replace("BRANCH", "mian").replace("ENVIRONMENT", "timeout-minutes: 5"))

    told = refused(account)

    assert ".github/workflows/deploy.yml: job deploy: its token says 'repo:acme/cats:ref:refs/heads/mian'" in told
    assert "did you mean 'main'?" in told
    assert "'repo:acme/cats:ref:refs/tags/v*'" in told
    assert "add 'v*' to `bootstrap.github.tags`" in told
    assert "changed" == account.told("--yes", "--skip-trust-check")["result"]


def test_a_job_with_an_environment_must_be_trusted_by_it(account: Account) -> None:
    checkout(account, WORKFLOW.replace("BRANCH", "main").replace("ENVIRONMENT", "environment: {name: production}"))

    assert "add 'production' to `bootstrap.github.environments`" in refused(account)


def test_a_workflow_that_is_trusted_is_let_be(account: Account) -> None:
    checkout(account, WORKFLOW.replace("BRANCH", "main").replace("ENVIRONMENT", "timeout-minutes: 5"))
    account.write(FILE.replace("branches: [main]", 'branches: [main], tags: ["v*"]'))

    assert "changed" == account.told("--yes")["result"]


def test_a_checkout_of_another_repository_is_told(account: Account) -> None:
    checkout(account, "on: push", remote="https://github.com/acme/dogs")

    told = refused(account)

    assert "bootstrap.github.repository: the role would trust acme/cats, and this checkout is of acme/dogs" in told
