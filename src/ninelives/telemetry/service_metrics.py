"""AWS/ECS and ECS/ContainerInsights: what services' tasks use of what they have reserved, and how many there are.

Source: "Amazon ECS service utilization metrics", ECS developer guide; "Amazon ECS Container Insights metrics", CloudWatch user
guide.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ninelives.model.metrics import Metric
from ninelives.monitoring import of_values
from ninelives.region.measurements import RunningTask, ServiceFacts
from ninelives.region.ports import TaskUsage
from ninelives.telemetry.metric_store import MetricStore
from ninelives.telemetry.told import Told

ECS: Final = "AWS/ECS"
INSIGHTS: Final = "ECS/ContainerInsights"
CPU_UNITS: Final = 1024
"""Of one vCPU."""
MIB: Final = 1024 * 1024

SERVICE: Final = (("ClusterName", "ServiceName"),)
CLUSTER: Final = (("ClusterName",),)

UTILIZATION: Final[Mapping[str, Told]] = {
    "CPUUtilization": Told("CPU time of each task by what its definition reserves; may be above 100", SERVICE, "Percent"),
    "MemoryUtilization": Told("memory of each task at the minute's end, by what its definition reserves", SERVICE, "Percent"),
}
"""Of AWS/ECS. A value for each task: SampleCount is the number of tasks."""

TOLD: Final[Mapping[str, Told]] = {
    "CpuReserved": Told("CPU units that the running tasks reserve", SERVICE + CLUSTER, "None"),
    "CpuUtilized": Told("CPU units that they use", SERVICE + CLUSTER, "None"),
    "DeploymentCount": Told("the service's deployments", SERVICE),
    "DesiredTaskCount": Told("the service's desired count", SERVICE),
    "MemoryReserved": Told("MiB that the running tasks reserve", SERVICE + CLUSTER, "Megabytes"),
    "MemoryUtilized": Told("MiB that they use", SERVICE + CLUSTER, "Megabytes"),
    "PendingTaskCount": Told("tasks on their way to RUNNING", SERVICE),
    "RunningTaskCount": Told("tasks in RUNNING", SERVICE),
    "ServiceCount": Told("services of the cluster", CLUSTER),
    "TaskCount": Told("tasks of services in RUNNING", CLUSTER),
}
"""Of ECS/ContainerInsights, for clusters in which it is switched on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """A task over one minute."""

    task: RunningTask
    cpu_units: float
    memory_mib: float


class ServiceMetrics:
    """Puts what services use into the store, a data point for each task and minute: SampleCount is their number."""

    def __init__(self, store: MetricStore) -> None:
        self._store = store
        self._used: dict[str, tuple[datetime, TaskUsage]] = {}
        """When each task was looked at last, and what it had used by then."""

    def sample(
        self, minute: datetime, now: datetime, services: Sequence[ServiceFacts], usage: Mapping[str, TaskUsage]
    ) -> None:
        """Take what tasks have used by ``now``, for the minute that has just ended. A new task is told of in the next one."""
        of_cluster: dict[str, list[_Measured]] = defaultdict(list)
        for service in services:
            measured = list(self._measured(service, now, usage))
            self._put_utilization(minute, service, measured)
            if service.has_insights:
                self._put_insights(minute, service, measured)
                of_cluster[service.cluster] += measured
        for cluster, measured in of_cluster.items():
            facts = [service for service in services if service.cluster == cluster]
            place = {"ClusterName": cluster}
            self._put(minute, INSIGHTS, "ServiceCount", place, [len(facts)])
            self._put(minute, INSIGHTS, "TaskCount", place, [sum(one.running for one in facts)])
            self._put_used(minute, place, measured)
        self._used = {arn: (now, one) for arn, one in usage.items()}

    def _measured(self, service: ServiceFacts, now: datetime, usage: Mapping[str, TaskUsage]) -> Iterator[_Measured]:
        for task in service.tasks:
            known, before = usage.get(task.arn), self._used.get(task.arn)
            if known is None or before is None:
                continue
            looked_at, used = before
            elapsed = (now - looked_at).total_seconds()
            cpu = (known.cpu - used.cpu).total_seconds()
            if elapsed > 0 and cpu >= 0:  # less than before: a container was started again
                yield _Measured(task=task, cpu_units=CPU_UNITS * cpu / elapsed, memory_mib=known.memory_bytes / MIB)

    def _put_utilization(self, minute: datetime, service: ServiceFacts, measured: Sequence[_Measured]) -> None:
        place = {"ClusterName": service.cluster, "ServiceName": service.service}
        cpu = [100 * one.cpu_units / one.task.cpu_units for one in measured if one.task.cpu_units]
        memory = [100 * one.memory_mib / one.task.memory_mib for one in measured if one.task.memory_mib]
        self._put(minute, ECS, "CPUUtilization", place, cpu, unit="Percent")
        self._put(minute, ECS, "MemoryUtilization", place, memory, unit="Percent")

    def _put_insights(self, minute: datetime, service: ServiceFacts, measured: Sequence[_Measured]) -> None:
        place = {"ClusterName": service.cluster, "ServiceName": service.service}
        counts = {
            "DesiredTaskCount": service.desired,
            "RunningTaskCount": service.running,
            "PendingTaskCount": service.pending,
            "DeploymentCount": service.deployments,
        }
        for name, count in counts.items():
            self._put(minute, INSIGHTS, name, place, [count])
        self._put_used(minute, place, measured)

    def _put_used(self, minute: datetime, place: Mapping[str, str], measured: Sequence[_Measured]) -> None:
        if not measured:
            return
        totals = {
            "CpuUtilized": sum(one.cpu_units for one in measured),
            "CpuReserved": sum(one.task.cpu_units for one in measured),
            "MemoryUtilized": sum(one.memory_mib for one in measured),
            "MemoryReserved": sum(one.task.memory_mib for one in measured),
        }
        for name, total in totals.items():
            self._put(minute, INSIGHTS, name, place, [total], unit=TOLD[name].unit)

    def _put(
        self,
        minute: datetime,
        namespace: str,
        name: str,
        place: Mapping[str, str],
        values: Sequence[float],
        *,
        unit: str = "Count",
    ) -> None:
        distribution = of_values([float(value) for value in values])
        if distribution is not None:
            self._store.put(Metric.of(namespace, name, place), distribution, at=minute, unit=unit)
