"""What services' tasks use of what they have reserved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ninelives.model.metrics import Metric
from ninelives.model.timing import Timing
from ninelives.monitoring import Distribution, merged
from ninelives.region.measurements import RunningTask, ServiceFacts
from ninelives.region.ports import TaskUsage
from ninelives.telemetry import MetricStore, open_database
from ninelives.telemetry.service_metrics import ECS, INSIGHTS, ServiceMetrics

AT = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MIB = 1024 * 1024
SERVICE = {"ClusterName": "Staging-Cluster", "ServiceName": "cats"}
FACTS = ServiceFacts(
    cluster="Staging-Cluster",
    service="cats",
    desired=3,
    running=2,
    pending=1,
    deployments=1,
    tasks=tuple(RunningTask(arn=arn, family="cats", cpu_units=256, memory_mib=512) for arn in ("a", "b")),
    has_insights=False,
)


class World:
    def __init__(self) -> None:
        self.store = MetricStore(open_database(None), timing=Timing())
        self.metrics = ServiceMetrics(self.store)

    def sample(self, at: datetime, facts: ServiceFacts = FACTS, **used: tuple[float, float]) -> None:
        """Seconds of CPU and MiB by task."""
        usage = {arn: TaskUsage(cpu=timedelta(seconds=cpu), memory_bytes=round(mib * MIB)) for arn, (cpu, mib) in used.items()}
        self.metrics.sample(at, at, [facts], usage)

    def of(self, namespace: str, name: str, place: dict[str, str] | None = None) -> Distribution | None:
        samples = self.store.read(Metric.of(namespace, name, place or SERVICE), AT, AT + timedelta(hours=1))
        return merged(sample.distribution for sample in samples)


@pytest.fixture
def world() -> World:
    return World()


def test_utilization_is_a_share_of_what_is_reserved_a_value_for_each_task(world: World) -> None:
    world.sample(AT, a=(10, 100), b=(10, 100))
    assert world.of(ECS, "CPUUtilization") is None, "nothing to compare with"
    world.sample(AT + MINUTE, a=(17.5, 128), b=(40, 256))
    cpu, memory = world.of(ECS, "CPUUtilization"), world.of(ECS, "MemoryUtilization")

    assert cpu is not None
    assert memory is not None
    assert (cpu.sample_count, cpu.minimum, cpu.maximum) == (2, 50, 200)
    assert (memory.minimum, memory.maximum) == (25, 50)


def test_a_task_that_was_started_again_is_told_of_from_the_next_minute_on(world: World) -> None:
    world.sample(AT, a=(10, 100), b=(10, 100))
    world.sample(AT + MINUTE, a=(1, 128), b=(25, 128))
    cpu = world.of(ECS, "CPUUtilization")
    assert cpu is not None
    assert (cpu.sample_count, cpu.maximum) == (1, 100)


def test_tasks_without_sizes_have_no_utilization(world: World) -> None:
    facts = replace(FACTS, tasks=(RunningTask(arn="a", family="cats", cpu_units=0, memory_mib=0),))
    world.sample(AT, facts, a=(10, 100))
    world.sample(AT + MINUTE, facts, a=(20, 100))

    assert world.of(ECS, "CPUUtilization") is None


def test_container_insights_are_told_where_the_cluster_has_them(world: World) -> None:
    world.sample(AT, a=(0, 100), b=(0, 100))
    world.sample(AT + MINUTE, a=(15, 100), b=(15, 100))
    assert world.of(INSIGHTS, "RunningTaskCount") is None
    world.sample(AT + 2 * MINUTE, replace(FACTS, has_insights=True), a=(30, 100), b=(30, 100))
    cluster = {"ClusterName": "Staging-Cluster"}
    counts = {
        name: world.of(INSIGHTS, name)
        for name in ("DesiredTaskCount", "RunningTaskCount", "PendingTaskCount", "DeploymentCount")
    }
    used = {
        name: world.of(INSIGHTS, name, cluster) for name in ("CpuUtilized", "CpuReserved", "MemoryUtilized", "MemoryReserved")
    }

    assert [one.sum for one in counts.values() if one] == [3, 2, 1, 1]
    assert [one.sum for one in used.values() if one] == [512, 512, 200, 1024]
    assert {name: one.sum for name in ("TaskCount", "ServiceCount") if (one := world.of(INSIGHTS, name, cluster))} == {
        "TaskCount": 2, "ServiceCount": 1
    }  # fmt: skip
