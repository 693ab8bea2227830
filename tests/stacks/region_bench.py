"""Resource types on a whole region in memory: all own services, the real loop, tasks and a proxy that do as they are told."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from ecs_world import CountingIds, MemoryStore, StillClock
from obedient_region import ObedientRuntime, SilentDataPlane
from type_bench import PLACE, Bench

from ninelives.api import applicationautoscaling, cloudwatch, ecr, ecs, elbv2
from ninelives.api.in_process import InProcess
from ninelives.autoscaling import AutoScaling, Neighbours, open_scaling
from ninelives.model.elbv2 import TargetHealth, TargetHealthState
from ninelives.model.timing import Timing
from ninelives.region.loop import Loop
from ninelives.region.region import Region
from ninelives.region.state import State
from ninelives.registry import Registry
from ninelives.stacks import Request
from ninelives.telemetry import CloudWatch

STEPS_MAX = 400


class HealthyPlane(SilentDataPlane):
    """A proxy that serves nobody and finds every target healthy."""

    def pick_address(self, taken: Collection[str]) -> str:
        return f"127.0.1.{len(taken) + 1}"

    def pick_port(self, _address: str, port: int) -> int | None:
        return port

    def target_health(self, _key: object) -> Any:
        return TargetHealth(state=TargetHealthState.HEALTHY)


class RegionBench(Bench):
    def __init__(self, runner: asyncio.Runner, directory: Path) -> None:
        super().__init__(runner)
        self.clock = StillClock()
        plane: Any = HealthyPlane()
        no_log_sink: Any = None
        self.region = Region(
            place=PLACE, state=State(MemoryStore()), clock=self.clock, ids=CountingIds(), data_plane=plane, timing=Timing()
        )
        self._watch = CloudWatch(None, place=PLACE, now=self.clock.now, timing=Timing(), call=self.moto.call)
        self._registry = Registry(directory, account=PLACE.account, now=self.clock.now)
        self._loop = Loop(self.region, runtime=ObedientRuntime(), log_sink=no_log_sink)
        self.operations |= {
            "ecs": ecs.operations(self.region),
            "elbv2": elbv2.operations(
                self.region,
                elbv2.Ec2Network(self.moto.call),
                elbv2.KeptCertificates(self.moto.key_pair),
                elbv2.S3LogBuckets(self.moto.call, PLACE),
            ),
            "cloudwatch": cloudwatch.operations(self._watch),
            "ecr": ecr.operations(self._registry, place=PLACE, endpoint="127.0.0.1:5000", now=self.clock.now),
        }
        in_process = InProcess(operations=self.operations, before_moto={}, moto=self.moto.call, place=PLACE)
        self._scaling = AutoScaling(
            open_scaling(None),
            place=PLACE,
            now=self.clock.now,
            timing=Timing(),
            new_id=self.region.ids.uuid,
            neighbours=Neighbours(call=in_process, alarms=self._watch.alarms, tell=lambda _: None),
        )
        self.operations["application-autoscaling"] = applicationautoscaling.operations(self._scaling)
        runner.run(self._loop.start())

    async def settled(self, is_done: Callable[[], Awaitable[bool]]) -> None:
        for _ in range(STEPS_MAX):
            if await is_done():
                return
            await self._loop.step()
            self.clock.time += timedelta(seconds=5)
        raise AssertionError("it has not come about")

    def close(self) -> None:
        self._runner.run(self._watch.close())
        self._scaling.close()
        self._runner.run(self.logs.close())
        self._runner.run(self.moto.close())
        self._registry.close()

    # What resources stand on: made once, by the types themselves.

    def _one(self, type_name: str, logical_id: str, **properties: Any) -> Request:
        return self.create(f"AWS::{type_name}", logical_id, **properties)

    @cached_property
    def vpc(self) -> str:
        return self._one("EC2::VPC", "Vpc", CidrBlock="10.0.0.0/16").physical_id

    @cached_property
    def subnets(self) -> list[str]:
        zones = ("eu-west-1a", "eu-west-1b")
        made = [
            self._one("EC2::Subnet", f"Subnet{n}", VpcId=self.vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone)
            for n, zone in enumerate(zones)
        ]
        return [one.physical_id for one in made]

    @cached_property
    def spare_vpc(self) -> str:
        return self._one("EC2::VPC", "SpareVpc", CidrBlock="10.1.0.0/16").physical_id

    @cached_property
    def lone_vpcs(self) -> list[str]:
        """A namespace needs a VPC of its own: moto has one for each."""
        return [self._one("EC2::VPC", f"LoneVpc{n}", CidrBlock=f"10.{n}.0.0/16").physical_id for n in range(20, 24)]

    @cached_property
    def spare_gateways(self) -> list[str]:
        """Internet gateways that are not attached."""
        return [self._one("EC2::InternetGateway", f"SpareGateway{n}").physical_id for n in range(2)]

    @cached_property
    def nat_gateway(self) -> str:
        allocation = self._one("EC2::EIP", "NatAddress").attributes["AllocationId"]
        return self._one("EC2::NatGateway", "Nat", SubnetId=self.subnets[0], AllocationId=allocation).physical_id

    @cached_property
    def managed_policy(self) -> str:
        return self._one("IAM::ManagedPolicy", "Managed", PolicyDocument=allowing("logs:*")).physical_id

    @cached_property
    def alarm(self) -> str:
        return self._one(
            "CloudWatch::Alarm",
            "Watched",
            Namespace="Cats",
            MetricName="Meows",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        ).physical_id

    @cached_property
    def gateway(self) -> str:
        """An internet gateway that is attached."""
        gateway = self._one("EC2::InternetGateway", "Gateway").physical_id
        self._one("EC2::VPCGatewayAttachment", "Attached", VpcId=self.vpc, InternetGatewayId=gateway)
        return gateway

    @cached_property
    def route_tables(self) -> list[str]:
        return [self._one("EC2::RouteTable", f"Table{n}", VpcId=self.vpc).physical_id for n in range(2)]

    @cached_property
    def address(self) -> str:
        """An allocation's id."""
        return str(self._one("EC2::EIP", "Address").attributes["AllocationId"])

    @cached_property
    def groups(self) -> list[str]:
        """Security groups."""
        properties = {"GroupDescription": "shared", "VpcId": self.vpc}
        return [self._one("EC2::SecurityGroup", f"Group{n}", **properties).physical_id for n in range(2)]

    @cached_property
    def load_balancer(self) -> str:
        return self._one("ElasticLoadBalancingV2::LoadBalancer", "Front", Subnets=self.subnets).physical_id

    @cached_property
    def target_groups(self) -> list[str]:
        properties = {"Protocol": "HTTP", "Port": 80, "VpcId": self.vpc, "TargetType": "ip"}
        made = [self._one("ElasticLoadBalancingV2::TargetGroup", f"Target{n}", **properties) for n in range(2)]
        return [one.physical_id for one in made]

    @cached_property
    def listener(self) -> str:
        return self._one(
            "ElasticLoadBalancingV2::Listener",
            "Http",
            LoadBalancerArn=self.load_balancer,
            Port=8080,
            Protocol="HTTP",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.target_groups[0]}],
        ).physical_id

    @cached_property
    def certificates(self) -> list[str]:
        names = ("cats.example.com", "dogs.example.com")
        made = [self._one("CertificateManager::Certificate", f"Cert{n}", DomainName=name) for n, name in enumerate(names)]
        return [one.physical_id for one in made]

    @cached_property
    def https_listener(self) -> str:
        return self._one(
            "ElasticLoadBalancingV2::Listener",
            "Https",
            LoadBalancerArn=self.load_balancer,
            Port=8443,
            Protocol="HTTPS",
            Certificates=[{"CertificateArn": self.certificates[0]}],
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.target_groups[0]}],
        ).physical_id

    @cached_property
    def cluster(self) -> str:
        return self._one("ECS::Cluster", "Cluster").physical_id

    @cached_property
    def task_definitions(self) -> list[str]:
        made = [self._one("ECS::TaskDefinition", f"Task{n}", **task_definition(f"cats:{n}")) for n in range(2)]
        return [one.physical_id for one in made]

    @cached_property
    def roles(self) -> list[str]:
        trust = trust_policy("ecs-tasks.amazonaws.com")
        return [self._one("IAM::Role", f"Role{n}", AssumeRolePolicyDocument=trust).physical_id for n in range(2)]

    @cached_property
    def log_group(self) -> str:
        return self._one("Logs::LogGroup", "Lines").physical_id

    @cached_property
    def buckets(self) -> list[str]:
        return [self._one("S3::Bucket", f"Bucket{n}").physical_id for n in range(2)]

    @cached_property
    def topics(self) -> list[str]:
        return [self._one("SNS::Topic", f"Topic{n}").physical_id for n in range(2)]

    @cached_property
    def queues(self) -> list[Request]:
        return [self._one("SQS::Queue", f"Queue{n}") for n in range(2)]

    @cached_property
    def keys(self) -> list[str]:
        return [self._one("KMS::Key", f"Key{n}").physical_id for n in range(2)]

    @cached_property
    def namespaces(self) -> list[str]:
        names = ("cats.local", "dogs.local")
        made = [
            self._one("ServiceDiscovery::PrivateDnsNamespace", f"Names{n}", Name=name, Vpc=self.lone_vpcs[n])
            for n, name in enumerate(names)
        ]
        return [one.physical_id for one in made]

    @cached_property
    def service(self) -> str:
        return self._one(
            "ECS::Service",
            "Scaled",
            Cluster=self.cluster,
            TaskDefinition=self.task_definitions[0],
            LaunchType="FARGATE",
            NetworkConfiguration={"AwsvpcConfiguration": {"Subnets": self.subnets}},
        ).physical_id

    @cached_property
    def scalable(self) -> dict[str, str]:
        """What Application Auto Scaling calls the service's count."""
        resource = self.service.split(":", 5)[5]
        return {"ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": "ecs:service:DesiredCount"}

    @cached_property
    def scalable_target(self) -> str:
        properties = {**self.scalable, "MinCapacity": 1, "MaxCapacity": 4}
        return self._one("ApplicationAutoScaling::ScalableTarget", "Range", **properties).physical_id

    def inventory(self, wanted: str) -> dict[str, list[str]]:
        """All that a service has, by the operation that tells of it."""
        telling = [one for one in TELLING if one[0] == wanted]
        return {f"{operation} {rest}": sorted(self._listed(wanted, operation, *rest)) for _, operation, *rest in telling}

    def _listed(self, service: str, operation: str, path: str, given: Mapping[str, Any] | None = None) -> Iterator[str]:
        answer = self.call(service, operation, **(given or {}))
        yield from (repr(_timeless(one)) for one in answer.get(path) or () if not _is_deleted(one))


MOVING = ("Date", "Time", "AvailableIpAddressCount")
"""Parts of the names of members that move by themselves; moto never gives a subnet's addresses back."""

TELLING: tuple[Any, ...] = (
    ("ec2", "DescribeVpcs", "Vpcs"),
    ("ec2", "DescribeSubnets", "Subnets"),
    ("ec2", "DescribeInternetGateways", "InternetGateways"),
    ("ec2", "DescribeRouteTables", "RouteTables"),
    ("ec2", "DescribeAddresses", "Addresses"),
    ("ec2", "DescribeSecurityGroups", "SecurityGroups"),
    ("ec2", "DescribeVpcEndpoints", "VpcEndpoints"),
    ("ec2", "DescribeNatGateways", "NatGateways", {"Filter": [{"Name": "state", "Values": ["available", "pending"]}]}),
    ("elbv2", "DescribeLoadBalancers", "LoadBalancers"),
    ("elbv2", "DescribeTargetGroups", "TargetGroups"),
    ("ecs", "ListClusters", "clusterArns"),
    ("ecs", "ListTaskDefinitions", "taskDefinitionArns"),
    ("ecr", "DescribeRepositories", "repositories"),
    ("iam", "ListRoles", "Roles"),
    ("iam", "ListPolicies", "Policies", {"Scope": "Local"}),
    ("iam", "ListInstanceProfiles", "InstanceProfiles"),
    ("iam", "ListOpenIDConnectProviders", "OpenIDConnectProviderList"),
    ("logs", "DescribeLogGroups", "logGroups"),
    ("logs", "DescribeMetricFilters", "metricFilters"),
    ("cloudwatch", "DescribeAlarms", "MetricAlarms"),
    ("cloudwatch", "DescribeAlarms", "CompositeAlarms", {"AlarmTypes": ["CompositeAlarm"]}),
    ("cloudwatch", "ListDashboards", "DashboardEntries"),
    ("s3", "ListBuckets", "Buckets"),
    ("sns", "ListTopics", "Topics"),
    ("sns", "ListSubscriptions", "Subscriptions"),
    ("sqs", "ListQueues", "QueueUrls"),
    ("ssm", "DescribeParameters", "Parameters"),
    ("secretsmanager", "ListSecrets", "SecretList"),
    ("kms", "ListAliases", "Aliases"),
    ("events", "ListRules", "Rules"),
    ("application-autoscaling", "DescribeScalableTargets", "ScalableTargets", {"ServiceNamespace": "ecs"}),
    ("application-autoscaling", "DescribeScalingPolicies", "ScalingPolicies", {"ServiceNamespace": "ecs"}),
    ("application-autoscaling", "DescribeScheduledActions", "ScheduledActions", {"ServiceNamespace": "ecs"}),
    ("servicediscovery", "ListNamespaces", "Namespaces"),
    ("servicediscovery", "ListServices", "Services"),
    ("acm", "ListCertificates", "CertificateSummaryList"),
)
"""Operations that tell what there is, with the member that has it. Not EC2's tags: moto keeps those of what is gone."""


def _is_deleted(one: Any) -> bool:
    return isinstance(one, Mapping) and one.get("State") == "deleted"


def _timeless(value: Any) -> Any:
    """Without what moves by itself."""
    if isinstance(value, Mapping):
        kept = (name for name in sorted(value) if not any(word in name for word in MOVING))
        return {name: _timeless(value[name]) for name in kept}
    if isinstance(value, list | tuple):
        return sorted((_timeless(one) for one in value), key=repr)
    return value


def task_definition(image: str) -> dict[str, Any]:
    return {
        "Family": "cats",
        "Cpu": "256",
        "Memory": "512",
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "ContainerDefinitions": [
            {
                "Name": "web",
                "Image": image,
                "PortMappings": [{"ContainerPort": 4567, "Protocol": "tcp"}],
            }
        ],
    }


def trust_policy(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allowing(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}]}
