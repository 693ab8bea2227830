"""From days of what the region's own CloudWatch keeps, and from ECS, ECR and EC2, to what is advised upon."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from ninelives.api.cloudwatch.metric_data import get_metric_data
from ninelives.deploy.aws import Aws
from ninelives.deploy.prices import prices_of
from ninelives.deploy.reading import Definition, parse_service_file
from ninelives.insight.reading_usage import Change, rhythm_of, size_at
from ninelives.insight.reading_usage import read_facts as facts_of
from ninelives.insight.replay import Bounds
from ninelives.insight.rightsizing import Advice, Facts, advise
from ninelives.insight.sizing import Assumptions
from ninelives.model.fargate import TaskSize
from ninelives.model.metrics import Metric
from ninelives.model.timing import Timing
from ninelives.monitoring import of_values
from ninelives.telemetry import MetricStore, open_database

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


@pytest.fixture(scope="module")
def store() -> MetricStore:
    """Four days of two tasks with a daily wave; on the third a larger size, whose start takes all CPU for two minutes."""
    store = MetricStore(open_database(None), timing=Timing())
    for minute in range(DAYS * 24 * 60):
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
        return Mock(get_metric_data=lambda **request: get_metric_data(Mock(metrics=self.store), Mock(parameters=request)))

    def _ecs(self) -> Any:
        service = {
            "status": "ACTIVE",
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


@pytest.fixture
def account(store: MetricStore) -> Account:
    return Account(store)


def read(account: Account, count: str = "2", window: timedelta = DAY / 12) -> Facts:
    """By default of two hours, for those who ask about something else."""
    file = parse_service_file(FILE.replace("COUNT", count))
    definition = Definition(path=Path("ninelives.yml"), environment="staging", file=file)
    return facts_of(Aws(account.client, region="eu-west-1", is_local=False), definition, Assumptions(window=window), NOW)


@pytest.fixture(scope="module")
def whole(store: MetricStore) -> Facts:
    """Of all four days, and ten before them."""
    return read(Account(store), window=14 * DAY)


def test_percentages_become_units_of_the_size_that_ran_then(whole: Facts) -> None:
    usage = whole.usage
    noon = {one.at: one for one in usage.minutes if (one.at.hour, one.at.minute) == (12, 0)}

    first, last = min(noon), max(noon)

    assert (OLD, NEW) == (noon[first].size, noon[last].size)
    for at in (first, last):
        assert 2 * 180 == pytest.approx(noon[at].cpu)
        assert 1.1 * 180 == pytest.approx(noon[at].busiest)
        assert 310 == pytest.approx(noon[at].memory)
        assert 2 == noon[at].tasks


def test_nothing_is_said_of_minutes_in_which_two_sizes_ran(whole: Facts) -> None:
    usage = whole.usage

    assert not [one for one in usage.minutes if DEPLOYED <= one.at < DEPLOYED + 3 * MINUTE]
    assert DAYS * 24 == pytest.approx(usage.hours, abs=0.2)


def test_what_surrounds_the_service_is_read(whole: Facts) -> None:
    found = whole

    assert 2 == found.standing.zones
    assert {"amd64", "arm64"} == found.standing.images.architectures
    assert timedelta(seconds=60) == found.standing.leave
    assert found.traffic.requests is not None
    assert 20 * 180 == pytest.approx(found.traffic.requests.p99, rel=0.001)
    assert 0.1 == pytest.approx(found.traffic.cpu_a_request)
    assert (0.02, 0.3) == pytest.approx((found.traffic.response_p50, found.traffic.response_p99), rel=0.01)
    assert () == found.notes


def test_the_target_of_scaling_is_that_of_its_policy(account: Account) -> None:
    assert Bounds(least=2, most=8, target=60) == read(account, "{min: 2, max: 8}").standing.count


@pytest.mark.parametrize("name", ["ec2", "ecr", "elbv2", "scaling"])
def test_what_may_not_be_read_is_told_and_the_rest_goes_on(account: Account, name: str) -> None:
    account.refused = {name}

    found = read(account, "{min: 2, max: 8}")

    assert 1 == len(found.notes)
    assert found.notes[0].startswith("AccessDeniedException: ")
    assert found.usage.minutes


def test_an_image_of_one_architecture_has_that(account: Account) -> None:
    account.manifest = {"layers": []}

    assert {"amd64"} == read(account).standing.images.architectures


def test_a_kill_for_want_of_memory_is_found_with_the_memory_that_was_not_enough(account: Account) -> None:
    account.stopped = [
        {"taskArn": f"t/{name}", "taskDefinitionArn": name, "lastStatus": "STOPPED", "desiredStatus": "STOPPED",
         "containers": [{"name": "cats", "image": "cats", "exitCode": 137, "reason": reason}]}
        for name, reason in (("old", "OutOfMemoryError: Container killed due to memory usage"), ("new", ""))
    ]  # fmt: skip

    found = read(account).evidence

    assert (1, OLD.memory) == (found.kills, found.killed_at)


def test_four_days_come_to_the_smallest_size(whole: Facts) -> None:
    found = advise(whole, Assumptions(), prices_of("eu-west-1"))

    assert isinstance(found, Advice)
    assert (TaskSize(cpu=512, memory=1024), 2) == (found.proposed.size, found.proposed.count)
    assert 12 == (found.busiest or (0, 0))[1]


def test_five_minutes_count_as_five_where_minutes_are_no_longer_kept(account: Account) -> None:
    usage = read(account, window=20 * DAY).usage

    assert DAYS * 24 == pytest.approx(usage.hours, abs=0.5)
    assert {2} == {one.tasks for one in usage.minutes}


@pytest.mark.parametrize(
    ("scale", "period", "points"), [(1, 60, 1), (60, 1, 1), (12, 5, 1), (5, 60, 5), (30, 10, 5), (6, 10, 1)]
)
def test_a_period_holds_whole_minutes_of_a_regions_time(scale: float, period: int, points: float) -> None:
    found = rhythm_of(scale, 14 * DAY)

    assert (period, points) == (found.period, found.points)


def test_before_the_first_change_the_size_was_the_first_ones() -> None:
    changes = [Change(at=NOW, until=NOW, size=OLD), Change(at=NOW + DAY, until=NOW + DAY + MINUTE, size=NEW)]

    found = [size_at(changes, NOW + one) for one in (-DAY, timedelta(0), DAY, DAY + MINUTE)]

    assert [OLD, OLD, None, NEW] == found
