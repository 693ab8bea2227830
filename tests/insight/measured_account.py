"""A service with four days of figures in the region's own CloudWatch store, and the few calls that are made of its account."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

from botocore.exceptions import ClientError

from ninelives.api.cloudwatch.metric_data import get_metric_data
from ninelives.model.fargate import TaskSize
from ninelives.model.metrics import Metric
from ninelives.model.timing import Timing
from ninelives.monitoring import of_values
from ninelives.telemetry import MetricStore, open_metrics

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
DAYS = 4
DEPLOYED = NOW - 2 * DAY
PLACE = {"ClusterName": "cats", "ServiceName": "cats"}
BALANCER = {"LoadBalancer": "app/cats/1", "TargetGroup": "targetgroup/cats/2"}
ELB = "arn:aws:elasticloadbalancing:eu-west-1:1"
FILE = "{service: cats, image: ., port: 80, cpu: 1024, memory: 4096, count: COUNT, region: eu-west-1}"
OLD, NEW = TaskSize(cpu=512, memory=1024), TaskSize(cpu=1024, memory=4096)
ONE = {"manifests": [{"platform": {"os": "linux", "architecture": one}} for one in ("amd64", "arm64", "unknown")]}


def put(store: MetricStore, name: str, values: list[float], at: datetime, *, namespace: str = "AWS/ECS", **place: str) -> None:
    distribution = of_values(values)
    assert distribution is not None
    store.put(Metric.of(namespace, name, place or PLACE), distribution, at=at)


def four_days(days: int = DAYS) -> MetricStore:
    """Four days of two tasks with a daily wave; on the third a larger size, whose start takes all CPU for two minutes."""
    store = MetricStore(open_metrics(None), timing=Timing())
    for minute in range(days * 24 * 60):
        at = NOW - DAYS * DAY + minute * MINUTE
        size = OLD if at < DEPLOYED else NEW
        units = 120 - 60 * math.cos(2 * math.pi * (at.hour * 60 + at.minute) / 1440)
        if DEPLOYED <= at < DEPLOYED + 2 * MINUTE:
            units = NEW.cpu
        put(store, "CPUUtilization", [100 * 0.9 * units / size.cpu, 100 * 1.1 * units / size.cpu], at)
        put(store, "MemoryUtilization", [100 * 300 / size.memory, 100 * 310 / size.memory], at)
        put(store, "RequestCount", [20 * units], at, namespace="AWS/ApplicationELB", **BALANCER)
        if minute % 10 == 0:
            put(store, "TargetResponseTime", [0.01, 0.02, 0.3], at, namespace="AWS/ApplicationELB", **BALANCER)
    store.flush()
    return store


class Account:
    """A service that was deployed twice. ``stopped`` are tasks that ended; ``refused`` are services that say no."""

    def __init__(self, store: MetricStore) -> None:
        self.store, self.stopped, self.refused = store, list[dict[str, Any]](), set[str]()
        self.definition: dict[str, Any] = {}
        self.manifest: dict[str, Any] = ONE
        self.desired = 2

    def client(self, name: str) -> Any:
        client: Any = getattr(self, f"_{name.replace('-', '_')}")()
        return client

    def _refusable(self, name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            if name in self.refused:
                refusal: Any = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
                raise ClientError(refusal, name)
            return answer(**request)

        return call

    def _cloudwatch(self) -> Any:
        region = Mock(metrics=self.store, now=lambda: NOW, timing=Timing())
        return Mock(get_metric_data=lambda **request: get_metric_data(region, Mock(parameters=request)))

    def _ecs(self) -> Any:
        service = {
            "status": "ACTIVE",
            "desiredCount": self.desired,
            "runningCount": self.desired,
            "taskDefinition": "new",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "b", "c"]}},
            "loadBalancers": [{"targetGroupArn": f"{ELB}:targetgroup/cats/2"}],
        }
        deployments = [
            {"serviceDeploymentArn": f"d/{name}", "targetServiceRevisionArn": name, "status": "SUCCESSFUL",
             "createdAt": at, "finishedAt": at + 3 * MINUTE}
            for name, at in (("new", DEPLOYED), ("old", NOW - 30 * DAY))
        ]  # fmt: skip
        stopped = {one["taskArn"]: one for one in self.stopped}
        return Mock(
            describe_services=lambda **_: {"services": [service]},
            list_service_deployments=lambda **_: {"serviceDeployments": deployments},
            describe_service_revisions=lambda **_: {
                "serviceRevisions": [{"serviceRevisionArn": one, "taskDefinition": one} for one in ("old", "new")]
            },
            describe_task_definition=self._task_definition,
            list_tasks=lambda **asked: {"taskArns": [*stopped] if asked["desiredStatus"] == "STOPPED" else []},
            describe_tasks=lambda **_: {"tasks": [*stopped.values()]},
        )

    def _task_definition(self, **asked: Any) -> Any:
        size = OLD if asked["taskDefinition"] == "old" else NEW
        image = {"containerDefinitions": [{"image": "1.dkr.ecr.eu-west-1.amazonaws.com/cats:2.0.1@sha256:aa"}]}
        sizes = {"cpu": str(size.cpu), "memory": str(size.memory)}
        return {"taskDefinition": {"taskDefinitionArn": asked["taskDefinition"], **sizes, **image, **self.definition}}

    def _ec2(self) -> Any:
        zones = {"Subnets": [{"AvailabilityZone": f"eu-west-1{one}"} for one in "aab"]}
        return Mock(describe_subnets=self._refusable("ec2", lambda **_: zones))

    def _elbv2(self) -> Any:
        group = {"TargetGroupArn": f"{ELB}:targetgroup/cats/2", "LoadBalancerArns": [f"{ELB}:loadbalancer/app/cats/1"]}
        return Mock(describe_target_groups=self._refusable("elbv2", lambda **_: {"TargetGroups": [group]}))

    def _ecr(self) -> Any:
        answer = {"images": [{"imageManifest": json.dumps(self.manifest)}]}
        return Mock(batch_get_image=self._refusable("ecr", lambda **_: answer))

    def _application_autoscaling(self) -> Any:
        metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
        tracking = {"TargetValue": 60.0, "PredefinedMetricSpecification": metric}
        policies = {"ScalingPolicies": [{"TargetTrackingScalingPolicyConfiguration": tracking}]}
        return Mock(describe_scaling_policies=self._refusable("scaling", lambda **_: policies))
