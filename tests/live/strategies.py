"""Services that shift traffic, made through the AWS API as a user's own tool would make them."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live_region import RegionUnderTest, eventually

from ninelives.rehearsal.load_process import LoadProcess
from ninelives.rehearsal.sample import Sample, Target, mixed_traffic

ROLE = "arn:aws:iam::000000000000:role/shift"
HEALTH = {"HealthCheckPath": "/health", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2}
BREAKER = {"enable": True, "rollback": True}
CONFIGURATIONS: Mapping[str, Mapping[str, Any]] = {
    "blue-green": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1},
    "canary": {
        "strategy": "CANARY",
        "bakeTimeInMinutes": 0,
        "canaryConfiguration": {"canaryPercent": 20.0, "canaryBakeTimeInMinutes": 1},
    },
    "linear": {
        "strategy": "LINEAR",
        "bakeTimeInMinutes": 0,
        "linearConfiguration": {"stepPercent": 34.0, "stepBakeTimeInMinutes": 1},
    },
    "rolling": {"strategy": "ROLLING"},
}


@dataclass(frozen=True)
class ShiftingService:
    """A service behind a load balancer of its own, with a production and a test listener."""

    region: RegionUnderTest
    name: str
    url: str
    test_url: str
    groups: tuple[str, str]
    rules: tuple[str, str]
    """Of production and test traffic."""

    def describe(self) -> dict[str, Any]:
        return self.region.service(self.name)

    def deployment(self) -> dict[str, Any]:
        """The newest service deployment."""
        ecs = self.region.client("ecs")
        arn = ecs.list_service_deployments(cluster="live", service=self.name)["serviceDeployments"][0]["serviceDeploymentArn"]
        found: dict[str, Any] = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
        return found

    def update(self, version: str, **members: Any) -> str:
        """Release a version; the ARN of its service deployment."""
        definition = register(self.region, self.name, version)
        service = self.region.client("ecs").update_service(
            cluster="live", service=self.name, taskDefinition=definition, **members
        )["service"]
        arn: str = service["currentServiceDeployment"]
        return arn

    def until(self, *statuses: str, within: float = 60) -> dict[str, Any]:
        """The newest service deployment, once it has one of these statuses."""

        def found() -> dict[str, Any] | None:
            one = self.deployment()
            return one if one["status"] in statuses else None

        answer: dict[str, Any] = eventually(found, within=within, what=f"{self.name}: {' or '.join(statuses)}")
        return answer

    def shares(self, rule: int = 0) -> dict[str, int]:
        """The weight of each target group in the production rule (0) or the test rule (1)."""
        described = self.region.client("elbv2").describe_rules(RuleArns=[self.rules[rule]])["Rules"][0]
        groups = described["Actions"][0]["ForwardConfig"]["TargetGroups"]
        return {one["TargetGroupArn"]: one["Weight"] for one in groups}


def register(region: RegionUnderTest, family: str, version: str, **members: Any) -> str:
    """A task definition with the image of the service that `ninelives deploy` has made, told another version."""
    ecs = region.client("ecs")
    known = ecs.describe_task_definition(taskDefinition=region.service()["taskDefinition"])["taskDefinition"]
    (container,) = known["containerDefinitions"]
    environment = [one for one in container["environment"] if one["name"] != "VERSION"]
    container = {**container, "environment": [*environment, {"name": "VERSION", "value": version}], **members}
    definition = ecs.register_task_definition(
        family=family,
        cpu="256",
        memory="512",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        executionRoleArn=known["executionRoleArn"],
        containerDefinitions=[container],
    )
    arn: str = definition["taskDefinition"]["taskDefinitionArn"]
    return arn


def make(region: RegionUnderTest, name: str, version: str, configuration: Mapping[str, Any]) -> ShiftingService:
    """A new service, its first deployment under way."""
    elbv2, ecs = region.client("elbv2"), region.client("ecs")
    network = region.service()["networkConfiguration"]
    subnets = network["awsvpcConfiguration"]["subnets"]
    vpc = region.client("ec2").describe_subnets(SubnetIds=subnets[:1])["Subnets"][0]["VpcId"]
    balancer = elbv2.create_load_balancer(Name=name, Subnets=subnets)["LoadBalancers"][0]
    groups = []
    for color in ("blue", "green"):
        group = elbv2.create_target_group(
            Name=f"{name}-{color}", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip", **HEALTH
        )["TargetGroups"][0]["TargetGroupArn"]
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "10"}
        elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])
        groups.append(group)
    rules = []
    for port, group in zip((8080, 8081), groups, strict=True):
        forward = [{"Type": "forward", "TargetGroupArn": group}]
        listener = elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=port, DefaultActions=forward
        )["Listeners"][0]["ListenerArn"]
        rules.append(elbv2.describe_rules(ListenerArn=listener)["Rules"][0]["RuleArn"])
    ecs.create_service(
        cluster="live",
        serviceName=name,
        taskDefinition=register(region, name, version),
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration=network,
        healthCheckGracePeriodSeconds=30,
        deploymentConfiguration={"deploymentCircuitBreaker": BREAKER, **configuration},
        loadBalancers=[
            {
                "targetGroupArn": groups[0],
                "containerName": "behaves",
                "containerPort": 8080,
                "advancedConfiguration": {
                    "alternateTargetGroupArn": groups[1],
                    "productionListenerRule": rules[0],
                    "testListenerRule": rules[1],
                    "roleArn": ROLE,
                },
            }
        ],
    )
    where = balancer["DNSName"]
    return ShiftingService(
        region=region,
        name=name,
        url=f"http://{where}:8080",
        test_url=f"http://{where}:8081",
        groups=(groups[0], groups[1]),
        rules=(rules[0], rules[1]),
    )


@contextmanager
def loaded(services: Mapping[str, ShiftingService], folder: Path, *, rate: float = 40) -> Iterator[dict[str, LoadProcess]]:
    """Each service under a load of its own."""
    with ExitStack() as stack:
        loads = {}
        for name, service in services.items():
            host, port = service.url.removeprefix("http://").split(":")
            (folder / name).mkdir()
            target = Target(host=host, port=int(port))
            loads[name] = stack.enter_context(LoadProcess(target, mixed_traffic(rate), folder / name))
        for load in loads.values():
            load.start()
        yield loads


def lost(samples: list[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.is_lost]
