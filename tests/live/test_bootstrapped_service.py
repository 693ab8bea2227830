"""What `ninelives bootstrap` prepares serves; a change of the file changes just that; in the end nothing is left."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from live_region import RegionUnderTest, eventually, started

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

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
  network: {nat: none}
  github: {repository: acme/behaves, branches: [main]}
"""


@pytest.fixture(scope="module")
def region() -> Iterator[RegionUnderTest]:
    with started("host", time_scale=10) as region:
        (region.project / "ninelives.yml").write_text(FILE, encoding="utf-8")
        yield region


def bootstrap(region: RegionUnderTest, *options: str) -> Any:
    done = region.command("bootstrap", "--json", *options)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def counts(region: RegionUnderTest) -> dict[str, int]:
    """How many of each thing that costs or lingers there are."""
    ec2, elbv2, iam = (region.client(name) for name in ("ec2", "elbv2", "iam"))
    return {
        "VPCs": len(ec2.describe_vpcs()["Vpcs"]),
        "subnets": len(ec2.describe_subnets()["Subnets"]),
        "NAT gateways": len([one for one in ec2.describe_nat_gateways()["NatGateways"] if one["State"] != "deleted"]),
        "addresses": len(ec2.describe_addresses()["Addresses"]),
        "security groups": len(ec2.describe_security_groups()["SecurityGroups"]),
        "load balancers": len(elbv2.describe_load_balancers()["LoadBalancers"]),
        "target groups": len(elbv2.describe_target_groups()["TargetGroups"]),
        "roles": len(iam.list_roles()["Roles"]),
        "identity providers": len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]),
        "repositories": len(region.client("ecr").describe_repositories()["repositories"]),
        "log groups": len(region.client("logs").describe_log_groups()["logGroups"]),
        "buckets": len(region.client("s3").list_buckets()["Buckets"]),
        "alarms": len(region.client("cloudwatch").describe_alarms()["MetricAlarms"]),
        "clusters": len(region.client("ecs").list_clusters()["clusterArns"]),
        "task definitions": len(region.client("ecs").list_task_definitions()["taskDefinitionArns"]),
        "stacks": len(region.client("cloudformation").describe_stacks()["Stacks"]),
    }


def test_a_service_lives_on_what_bootstrap_made_and_nothing_is_left_of_it(region: RegionUnderTest) -> None:
    before = counts(region)

    made = bootstrap(region, "--yes")
    assert "changed" == made["result"]
    assert made["deploy_role_arn"].endswith(":role/behaves-deploy-eu-west-1")
    assert "unchanged" == bootstrap(region, "--yes")["result"]

    for version in ("1.0.0", "2.0.1"):
        code, release = region.deploy(version, "--builder", "host")
        assert (0, "succeeded") == (code, release["verdict"])
        assert version == region.get()
    service = region.service()
    outputs = next(stack["outputs"] for stack in made["stacks"] if stack["name"] == "behaves-service")
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    assert (outputs["TaskSubnets"].split(","), "ENABLED") == (network["subnets"], network["assignPublicIp"])

    file = region.project / "ninelives.yml"
    file.write_text(FILE.replace("interval: 5s", "interval: 6s"), encoding="utf-8")
    changed = bootstrap(region, "--yes")
    assert {"TargetGroup", "AlternateTargetGroup"} == {
        change["resource"] for stack in changed["stacks"] for change in stack["changes"]
    }
    assert "2.0.1" == region.get()  # the traffic has stayed where the release left it

    file.write_text(file.read_text().replace("nat: none", "nat: single, zones: 3"), encoding="utf-8")
    grown = next(stack for stack in bootstrap(region, "--yes")["stacks"] if stack["name"] == "behaves-service")
    assert 3 == len(grown["outputs"]["TaskSubnets"].split(","))
    assert "2.0.1" == region.get()
    code, release = region.deploy("2.0.1", "--builder", "host")
    assert (0, "succeeded") == (code, release["verdict"])
    network = region.service()["networkConfiguration"]["awsvpcConfiguration"]
    assert (grown["outputs"]["TaskSubnets"].split(","), "DISABLED") == (network["subnets"], network["assignPublicIp"])

    assert [] == bootstrap(region, "--drift")["drifted"]
    group = outputs["TargetGroupArn"]
    region.client("elbv2").modify_target_group(TargetGroupArn=group, HealthCheckPath="/elsewhere")
    [drifted] = bootstrap(region, "--drift")["drifted"]
    assert ("TargetGroup", ["/HealthCheckPath"]) == (drifted["resource"], [one["property"] for one in drifted["differences"]])

    def access_logs() -> list[str]:
        return region.command("logs", "--access", "--json", "--path", "/").stdout.splitlines()

    lines = eventually(access_logs, within=60, what="the access logs")
    assert {200} == {json.loads(line)["elb_status_code"] for line in lines}

    gone = bootstrap(region, "--destroy", "--yes")
    assert ("destroyed", [], []) == (gone["result"], gone["left"], gone["kept"])
    assert before == counts(region)
