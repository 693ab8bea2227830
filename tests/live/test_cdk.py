"""AWS CDK's own command line, unmodified: bootstrap, deploy, diff, another deploy, destroy; the service serves in between."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_region import RegionUnderTest, started

from ninelives.deploy.build_context import read_context
from ninelives.deploy.distribution import push, repository_of
from ninelives.deploy.dockerfile import interpret
from ninelives.deploy.host_image import make_host_image

ROOT = Path(__file__).parents[2]
CDK = ROOT / ".cdk" / "node_modules" / ".bin" / "cdk"
ASSEMBLIES = Path(__file__).parent / "cdk"

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not CDK.exists(), reason="no AWS CDK: `scripts/setup tests` installs it where npm is"),
]

SERVER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = os.environ["VERSION"].encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def region() -> Iterator[RegionUnderTest]:
    with started("host") as region:
        region.client("ecr").create_repository(repositoryName="cats")
        for version in ("1.0.0", "2.0.1"):
            push_image(region, version)
        yield region


def push_image(region: RegionUnderTest, version: str) -> None:
    ecr = region.client("ecr")
    uri = ecr.describe_repositories(repositoryNames=["cats"])["repositories"][0]["repositoryUri"]
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    with tempfile.TemporaryDirectory(prefix="ninelives-image-") as folder:
        context = Path(folder) / "context"
        context.mkdir()
        (context / "server.py").write_text(SERVER)
        dockerfile = (
            f'FROM python\nENV VERSION={version}\nWORKDIR /app\nCOPY server.py ./\nCMD ["{sys.executable}", "server.py"]\n'
        )
        image = make_host_image(interpret(dockerfile, read_context(context), {}), Path(folder), version=version)
        push(image, repository_of(uri, f"Basic {token}"), version)


def cdk(region: RegionUnderTest, *arguments: str) -> str:
    """What a command says; it has to end well. Nothing of it is kept on this machine, and it asks nobody else."""
    quiet = {"CDK_DISABLE_VERSION_CHECK": "1", "CDK_DISABLE_CLI_TELEMETRY": "1", "CI": "true", "FORCE_COLOR": "0"}
    done = subprocess.run(
        [str(CDK), "--no-notices", *arguments],
        cwd=region.project,
        env={**region.environment, **quiet, "HOME": str(region.project)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def deploy(region: RegionUnderTest, assembly: str) -> None:
    cdk(region, "deploy", "Cats", "--app", str(ASSEMBLIES / assembly), "--require-approval", "never")


def test_cdk_deploys_a_service_that_serves_changes_it_and_takes_all_of_it_away(region: RegionUnderTest) -> None:
    cdk(region, "bootstrap", f"aws://{region.settings.account}/{region.settings.region}")
    left = what_there_is(region)

    deploy(region, "first")
    assert region.get() == "1.0.0"
    assert service(region) == (2, 2)
    cdk(region, "drift", "Cats", "--fail", "--app", str(ASSEMBLIES / "first"))

    told = cdk(region, "diff", "Cats", "--app", str(ASSEMBLIES / "second"))
    assert "AWS::ECS::TaskDefinition Service/TaskDef ServiceTaskDef1922A00F replace" in told
    assert "[-] 2" in told
    assert "[+] 3" in told
    deploy(region, "second")
    assert region.get() == "2.0.1"
    assert service(region) == (3, 3)

    cdk(region, "destroy", "Cats", "--force", "--app", str(ASSEMBLIES / "second"))
    assert what_there_is(region) == left


def service(region: RegionUnderTest) -> tuple[int, int]:
    """How many tasks the service wants, and how many run."""
    ecs = region.client("ecs")
    (cluster,) = ecs.list_clusters()["clusterArns"]
    (arn,) = ecs.list_services(cluster=cluster)["serviceArns"]
    found = ecs.describe_services(cluster=cluster, services=[arn])["services"][0]
    return found["desiredCount"], found["runningCount"]


def what_there_is(region: RegionUnderTest) -> dict[str, int]:
    """How many of each kind there are; not log groups, which CDK means to leave."""
    ec2, elbv2, ecs, iam = (region.client(name) for name in ("ec2", "elbv2", "ecs", "iam"))
    return {
        "addresses": len(ec2.describe_addresses()["Addresses"]),
        "clusters": len(ecs.list_clusters()["clusterArns"]),
        "gateways": len(ec2.describe_internet_gateways()["InternetGateways"]),
        "load balancers": len(elbv2.describe_load_balancers()["LoadBalancers"]),
        "roles": len(iam.list_roles()["Roles"]),
        "route tables": len(ec2.describe_route_tables()["RouteTables"]),
        "security groups": len(ec2.describe_security_groups()["SecurityGroups"]),
        "subnets": len(ec2.describe_subnets()["Subnets"]),
        "target groups": len(elbv2.describe_target_groups()["TargetGroups"]),
        "task definitions": len(ecs.list_task_definitions()["taskDefinitionArns"]),
        "VPCs": len(ec2.describe_vpcs()["Vpcs"]),
    }
