"""What services' tasks use of what they have reserved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ninelives.model.metrics import Metric
from ninelives.model.timing import Timing
from ninelives.monitoring import Distribution, merged
from ninelives.region.measurements import ClusterFacts, Insights, RunningContainer, RunningTask, ServiceFacts
from ninelives.region.ports import ContainerUsage, NetworkUsage, TaskUsage
from ninelives.telemetry import MetricStore, open_metrics
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
)
PLAIN = ClusterFacts(cluster="Staging-Cluster", insights=Insights.DISABLED, services=(FACTS,))
WITH_INSIGHTS = replace(PLAIN, insights=Insights.ENABLED)


class World:
    def __init__(self) -> None:
        self.store = MetricStore(open_metrics(None), timing=Timing())
        self.metrics = ServiceMetrics(self.store)

    def sample(self, at: datetime, facts: ClusterFacts = PLAIN, **used: tuple[float, float]) -> None:
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
    bare = replace(FACTS, tasks=(RunningTask(arn="a", family="cats", cpu_units=0, memory_mib=0),))
    facts = replace(PLAIN, services=(bare,))
    world.sample(AT, facts, a=(10, 100))
    world.sample(AT + MINUTE, facts, a=(20, 100))

    assert world.of(ECS, "CPUUtilization") is None


def test_container_insights_are_told_where_the_cluster_has_them(world: World) -> None:
    world.sample(AT, a=(0, 100), b=(0, 100))
    world.sample(AT + MINUTE, a=(15, 100), b=(15, 100))
    assert world.of(INSIGHTS, "RunningTaskCount") is None
    world.sample(AT + 2 * MINUTE, WITH_INSIGHTS, a=(30, 100), b=(30, 100))
    cluster = {"ClusterName": "Staging-Cluster"}
    counts = {
        name: world.of(INSIGHTS, name)
        for name in ("DesiredTaskCount", "RunningTaskCount", "PendingTaskCount", "DeploymentCount")
    }
    used = {
        name: world.of(INSIGHTS, name, cluster) for name in ("CpuUtilized", "CpuReserved", "MemoryUtilized", "MemoryReserved")
    }

    assert [one.sum for one in counts.values() if one] == [3, 2, 1, 1]
    assert [(one.sum, one.sample_count) for one in used.values() if one] == [(512, 2), (512, 2), (200, 2), (1024, 2)]
    assert world.of(INSIGHTS, "TaskCpuUtilization") is None, "only with enhanced observability"
    assert {name: one.sum for name in ("TaskCount", "ServiceCount") if (one := world.of(INSIGHTS, name, cluster))} == {
        "TaskCount": 2, "ServiceCount": 1
    }  # fmt: skip


def test_what_has_no_running_tasks_is_not_told_of(world: World) -> None:
    idle = replace(WITH_INSIGHTS, services=(replace(FACTS, running=0, tasks=()),))
    world.sample(AT, idle)
    world.sample(AT + MINUTE, idle)

    assert world.store.metrics(since=AT) == []


ARN = "arn:aws:ecs:eu-west-1:111122223333:task/Staging-Cluster/0123"
WEB = RunningContainer(name="web", cpu_units=128, memory_mib=256, restart_count=0, is_unhealthy=True)
SIDE = RunningContainer(name="side")


def of_two(web: float, side: float, *, moved: int) -> dict[str, TaskUsage]:
    """Seconds of CPU of two containers, and bytes that were read, written, received and sent."""
    containers = {
        "web": ContainerUsage(cpu=timedelta(seconds=web), memory_bytes=64 * MIB, read_bytes=moved, written_bytes=2 * moved),
        "side": ContainerUsage(cpu=timedelta(seconds=side), memory_bytes=32 * MIB),
    }
    return {ARN: TaskUsage.of(containers, NetworkUsage(received_bytes=60 * moved, sent_bytes=120 * moved))}


def test_enhanced_observability_tells_of_each_task_and_container(world: World) -> None:
    task = RunningTask(arn=ARN, family="cats", cpu_units=256, memory_mib=512, containers=(WEB, SIDE))
    restarted = replace(task, containers=(replace(WEB, restart_count=3, is_unhealthy=False), SIDE))
    for number, one in enumerate((task, restarted)):
        facts = replace(PLAIN, insights=Insights.ENHANCED, services=(replace(FACTS, tasks=(one,)),))
        at = AT + number * MINUTE
        world.metrics.sample(at, at, [facts], of_two(3 * number, 6 * number, moved=1000 * number))
    place = {**SERVICE, "TaskId": "0123"}
    web, side = {**place, "ContainerName": "web"}, {**SERVICE, "ContainerName": "side"}

    def value(name: str, place: dict[str, str]) -> float | None:
        found = world.of(INSIGHTS, name, place)
        return None if found is None else found.sum

    assert value("TaskCpuUtilization", place) == pytest.approx(100 * 9 / 60 * 1024 / 256)
    assert value("TaskMemoryUtilization", place) == 100 * 96 / 512
    assert value("CpuUtilized", {"ClusterName": "Staging-Cluster", "TaskDefinitionFamily": "cats"}) == pytest.approx(153.6)
    assert (value("NetworkRxBytes", place), value("NetworkTxBytes", place)) == (1000, 2000)
    assert (value("StorageReadBytes", place), value("StorageWriteBytes", place)) == (1000, 2000)
    assert (value("ContainerCpuUtilized", web), value("ContainerCpuUtilization", web)) == (51.2, 40)
    assert value("ContainerMemoryUtilization", web) == 25
    assert value("ContainerMemoryUtilization", side) == 100 * 32 / 512, "of its task's, where it has no limit of its own"
    assert (value("ContainerStorageWriteBytes", web), value("ContainerCpuReserved", side)) == (2000, 0)
    assert (value("RestartCount", web), value("RestartCount", side)) == (3, None)
    assert (value("UnHealthyContainerHealthStatus", web), value("UnHealthyContainerHealthStatus", side)) == (0, None)


def test_tasks_of_no_service_count_for_their_cluster_and_family(world: World) -> None:
    task = RunningTask(arn=ARN, family="migration", cpu_units=256, memory_mib=512)
    facts = replace(WITH_INSIGHTS, services=(), standalone=(task,))
    for number in range(2):
        at = AT + number * MINUTE
        world.metrics.sample(at, at, [facts], of_two(3 * number, 0, moved=0))
    family = {"ClusterName": "Staging-Cluster", "TaskDefinitionFamily": "migration"}
    used, count = (
        world.of(INSIGHTS, "CpuUtilized", family),
        world.of(INSIGHTS, "TaskCount", {"ClusterName": "Staging-Cluster"}),
    )

    assert used is not None
    assert count is not None
    assert (used.sum, count.average) == (51.2, 1)
