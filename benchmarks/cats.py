"""Cats on any emulator, through the AWS API only: the same calls for the region and for its peers."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import Emulator

SOURCES = Path(__file__).parents[1] / "examples" / "cats"
BASE_IMAGE = "ninelives-cats-base:bookworm"
OLD, NEW = "1.0.0", "2.0.1"
PORT = 4567
COUNT = 2
BOOT_SECONDS = 2
"""What 2.0.1 takes to start: fixed here, so that rounds and emulators can be compared."""

INTERVAL_SECONDS = 5
GRACE_SECONDS = 60
GRACE_SECONDS_WHEN_BAD = 10
"""A release that never listens is not waited for longer: the benchmark's time, not the service's."""

NEVER_LISTENS = ["ruby", "-e", "sleep"]


@dataclass(frozen=True)
class Cats:
    """A service with a load balancer in front of it."""

    emulator: Emulator
    cluster: str
    target_group_arn: str
    listener_port: int
    dns_name: str
    images: dict[str, str]
    ecs: Any = field(repr=False)
    elb: Any = field(repr=False)

    def describe(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ecs.describe_services(cluster=self.cluster, services=["cats"])["services"][0]
        return found

    def targets(self) -> dict[tuple[str, int], str]:
        """State by address, as DescribeTargetHealth tells it."""
        answer = self.elb.describe_target_health(TargetGroupArn=self.target_group_arn)["TargetHealthDescriptions"]
        return {(one["Target"]["Id"], one["Target"]["Port"]): one["TargetHealth"]["State"] for one in answer}

    def tasks(self) -> list[dict[str, Any]]:
        """Running tasks, and stopped ones as far as they are remembered."""
        arns: list[str] = []
        for status in ("RUNNING", "STOPPED"):
            arns += self.ecs.list_tasks(cluster=self.cluster, serviceName="cats", desiredStatus=status)["taskArns"]
        found: list[dict[str, Any]] = self.ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"] if arns else []
        return found

    def release(self) -> str:
        """Hand 2.0.1 to ECS, as any deployment tool does; the task definition's ARN."""
        arn = register(self.ecs, self.images[NEW])
        self.ecs.update_service(cluster=self.cluster, service="cats", taskDefinition=arn)
        return arn

    def release_what_never_listens(self) -> str:
        """Hand an image to ECS whose command never binds its port; the task definition's ARN."""
        arn = register(self.ecs, self.images[NEW], NEVER_LISTENS)
        self.ecs.update_service(
            cluster=self.cluster,
            service="cats",
            taskDefinition=arn,
            healthCheckGracePeriodSeconds=GRACE_SECONDS_WHEN_BAD,
        )
        return arn

    def remove(self) -> None:
        self.ecs.update_service(cluster=self.cluster, service="cats", desiredCount=0)
        self.ecs.delete_service(cluster=self.cluster, service="cats", force=True)


def register(ecs: Any, image: str, command: list[str] | None = None) -> str:
    container: dict[str, Any] = {
        "name": "cats",
        "image": image,
        "essential": True,
        "portMappings": [{"containerPort": PORT, "protocol": "tcp"}],
        "environment": [{"name": "APP_ENV", "value": "production"}, {"name": "BOOT_SECONDS", "value": str(BOOT_SECONDS)}],
        "stopTimeout": 30,
    }
    made = ecs.register_task_definition(
        family="cats",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[container if command is None else {**container, "command": command}],
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


def lay(emulator: Emulator, images: dict[str, str], *, cluster: str, listener_port: int) -> Cats:
    """Cats 1.0.0 behind a load balancer: two tasks, rolling, 100 % to 200 %, circuit breaker with rollback."""
    ec2, elb, ecs = (emulator.client(name) for name in ("ec2", "elbv2", "ecs"))
    subnets, security_group, vpc = network(ec2)
    balancer = elb.create_load_balancer(Name="cats", Subnets=subnets, SecurityGroups=[security_group])["LoadBalancers"][0]
    group = elb.create_target_group(
        Name="cats",
        Protocol="HTTP",
        Port=PORT,
        VpcId=vpc,
        TargetType="ip",
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=INTERVAL_SECONDS,
        HealthCheckTimeoutSeconds=2,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]
    arn = group["TargetGroupArn"]
    elb.modify_target_group_attributes(
        TargetGroupArn=arn, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
    )
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=listener_port,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )
    ecs.create_cluster(clusterName=cluster)
    ecs.create_service(
        cluster=cluster,
        serviceName="cats",
        taskDefinition=register(ecs, images[OLD]),
        desiredCount=COUNT,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [security_group]}},
        loadBalancers=[{"targetGroupArn": arn, "containerName": "cats", "containerPort": PORT}],
        healthCheckGracePeriodSeconds=GRACE_SECONDS,
        deploymentConfiguration={
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        },
    )
    return Cats(
        emulator=emulator,
        cluster=cluster,
        target_group_arn=arn,
        listener_port=listener_port,
        dns_name=balancer["DNSName"],
        images=images,
        ecs=ecs,
        elb=elb,
    )


def network(ec2: Any) -> tuple[list[str], str, str]:
    """Two subnets, a security group and the VPC: the account's own default ones."""
    vpc = next(one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"] if one.get("IsDefault"))
    own = [{"Name": "vpc-id", "Values": [vpc]}]
    subnets = [one["SubnetId"] for one in ec2.describe_subnets(Filters=own)["Subnets"]][:2]
    return subnets, ec2.describe_security_groups(Filters=own)["SecurityGroups"][0]["GroupId"], vpc


def stable(cats: Cats, within: float = 60.0) -> None:
    """Wait until the service has what it should have, and its load balancer too."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        service = cats.describe()
        healthy = [state for state in cats.targets().values() if state != "draining"] == ["healthy"] * COUNT
        if healthy and len(service["deployments"]) == 1 and service["runningCount"] == COUNT:
            return
        time.sleep(0.2)
    raise TimeoutError(f"{cats.emulator.name}: Cats did not become stable in {within:.0f} s: {cats.describe()['events'][:3]}")


def docker_images() -> dict[str, str]:
    """Both versions in Docker's engine, on the base image that is on this machine."""
    if subprocess.run(["docker", "image", "inspect", BASE_IMAGE], capture_output=True, check=False).returncode:
        sys.exit(f"no image {BASE_IMAGE}: `make base-image` makes it")
    images = {version: f"ninelives-bench/cats:{version}" for version in (OLD, NEW)}
    for version, image in images.items():
        arguments = [f"--build-arg=BASE_IMAGE={BASE_IMAGE}", f"--build-arg=VERSION={version}"]
        subprocess.run(["docker", "build", "-q", *arguments, "-t", image, str(SOURCES)], check=True, capture_output=True)
    return images


def host_images(emulator: Emulator) -> dict[str, str]:
    """Both versions as host images in the region's own registry, made and pushed by the tool."""
    from ninelives.deploy.aws import connect
    from ninelives.deploy.image import built_image, push_image
    from ninelives.deploy.options import Builder
    from ninelives.deploy.reading import read_service_file

    def tell(*_: object, **__: object) -> None:
        return None

    definition = read_service_file(SOURCES / "ninelives.yml")
    aws = connect(is_local=True, region="eu-west-1", variables={"AWS_ENDPOINT_URL": emulator.endpoint})
    uri = aws.ecr.create_repository(repositoryName="cats")["repository"]["repositoryUri"]
    images = {}
    for version in (OLD, NEW):
        with built_image(aws, definition, version, Builder.HOST, tell) as built:
            images[version] = push_image(aws, definition, version, uri, built, tell).reference
    return images
