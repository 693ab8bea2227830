"""AWS/ECS and ECS/ContainerInsights: what tasks and their containers use of what they have reserved, and how many there are.

Source: "Amazon ECS service utilization metrics", ECS developer guide; "Amazon ECS Container Insights metrics" and "… with
enhanced observability metrics", CloudWatch user guide.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ninelives.model.arns import last_part
from ninelives.model.metrics import Metric
from ninelives.monitoring import of_values
from ninelives.region.measurements import ClusterFacts, Insights, RunningContainer, RunningTask, ServiceFacts
from ninelives.region.ports import ContainerUsage, TaskUsage
from ninelives.telemetry.metric_store import MetricStore
from ninelives.telemetry.told import Combinations, Told

ECS: Final = "AWS/ECS"
INSIGHTS: Final = "ECS/ContainerInsights"
CPU_UNITS: Final = 1024
"""Of one vCPU."""
MIB: Final = 1024 * 1024
RATE: Final = "Bytes/Second"

CLUSTER: Final = (("ClusterName",),)
SERVICE: Final = (("ClusterName", "ServiceName"),)
GROUPS: Final[Combinations] = (*CLUSTER, *SERVICE, ("ClusterName", "TaskDefinitionFamily"))
TASKS: Final[Combinations] = (
    *GROUPS,
    ("ClusterName", "ServiceName", "TaskId"),
    ("ClusterName", "TaskDefinitionFamily", "TaskId"),
)
"""Those with TaskId only with enhanced observability."""
CONTAINERS: Final[Combinations] = (
    *GROUPS,
    ("ClusterName", "ContainerName", "ServiceName"),
    ("ClusterName", "ContainerName", "TaskDefinitionFamily"),
    ("ClusterName", "ContainerName", "ServiceName", "TaskId"),
    ("ClusterName", "ContainerName", "TaskDefinitionFamily", "TaskId"),
)

UTILIZATION: Final[Mapping[str, Told]] = {
    "CPUUtilization": Told("CPU time of each task by what its definition reserves; may be above 100", SERVICE, "Percent"),
    "MemoryUtilization": Told("memory of each task at the minute's end, by what its definition reserves", SERVICE, "Percent"),
}
"""Of AWS/ECS. A value for each task: SampleCount is the number of tasks."""

TOLD: Final[Mapping[str, Told]] = {
    "CpuReserved": Told("CPU units that each task reserves", TASKS, "None"),
    "CpuUtilized": Told("CPU units that it uses", TASKS, "None"),
    "DeploymentCount": Told("the service's deployments", SERVICE),
    "DesiredTaskCount": Told("the service's desired count", SERVICE),
    "MemoryReserved": Told("MiB that each task reserves", TASKS, "Megabytes"),
    "MemoryUtilized": Told("MiB that it uses", TASKS, "Megabytes"),
    "NetworkRxBytes": Told("bytes that each task receives a second; not of host processes", TASKS, RATE),
    "NetworkTxBytes": Told("bytes that it sends a second; not of host processes", TASKS, RATE),
    "PendingTaskCount": Told("tasks on their way to RUNNING", SERVICE),
    "RestartCount": Told("restarts of each container that has a restart policy, in the minute", CONTAINERS),
    "RunningTaskCount": Told("tasks in RUNNING", SERVICE),
    "ServiceCount": Told("services of the cluster", CLUSTER),
    "StorageReadBytes": Told("bytes that each task reads from block devices in the minute", TASKS, "Bytes"),
    "StorageWriteBytes": Told("bytes that it writes to them", TASKS, "Bytes"),
    "TaskCount": Told("tasks in RUNNING", CLUSTER),
}
"""Of ECS/ContainerInsights, for clusters in which it is switched on. What a task uses is a value for each task."""

ENHANCED: Final[Mapping[str, Told]] = {
    "ContainerCpuReserved": Told("CPU units that each container reserves; 0 where it shares the task's", CONTAINERS, "None"),
    "ContainerCpuUtilization": Told("CPU time of each container by what it reserves, or else its task", CONTAINERS, "Percent"),
    "ContainerCpuUtilized": Told("CPU units that it uses", CONTAINERS, "None"),
    "ContainerMemoryReserved": Told("MiB that each container may use; 0 where it shares the task's", CONTAINERS, "Megabytes"),
    "ContainerMemoryUtilization": Told("memory of each container by what it may use, or else its task", CONTAINERS, "Percent"),
    "ContainerMemoryUtilized": Told("MiB that it uses", CONTAINERS, "Megabytes"),
    "ContainerStorageReadBytes": Told("bytes that each container reads from block devices in the minute", CONTAINERS, "Bytes"),
    "ContainerStorageWriteBytes": Told("bytes that it writes to them", CONTAINERS, "Bytes"),
    "TaskCpuUtilization": Told("CPU time of each task by what its definition reserves", TASKS, "Percent"),
    "TaskMemoryUtilization": Told("memory of each task by what its definition reserves", TASKS, "Percent"),
    "UnHealthyContainerHealthStatus": Told(
        "1 for each container that is UNHEALTHY, 0 for one that is HEALTHY, by its health check", CONTAINERS
    ),
}
"""Of ECS/ContainerInsights besides, for clusters with enhanced observability."""

NOT_MEASURED: Final[Mapping[str, str]] = {
    "ContainerInstanceCount": "there are no container instances",
    "ContainerNetworkRxBytes": "the containers of a task share its network",
    "ContainerNetworkTxBytes": "the containers of a task share its network",
    "EBSFilesystemSize": "there are no EBS volumes",
    "EBSFilesystemUtilized": "there are no EBS volumes",
    "EphemeralStorageReserved": "it bounds nothing here",
    "EphemeralStorageUtilized": "all files of a container would have to be looked at each minute",
    "TaskEphemeralStorageUtilization": "all files of a container would have to be looked at each minute",
    "TaskSetCount": "there are no task sets",
}
"""What CloudWatch tells in ECS/ContainerInsights and the region does not, and why."""

WHOLE: Final = {**TOLD, **ENHANCED}
Values = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """A task over one minute."""

    task: RunningTask
    elapsed: timedelta
    before: TaskUsage
    now: TaskUsage

    def cpu_units(self, before: ContainerUsage | TaskUsage, now: ContainerUsage | TaskUsage) -> float:
        return CPU_UNITS * ((now.cpu - before.cpu) / self.elapsed)


class ServiceMetrics:
    """Puts what tasks use into the store, a data point for each task and minute: SampleCount is their number."""

    def __init__(self, store: MetricStore) -> None:
        self._store = store
        self._looked_at: datetime | None = None
        self._used: Mapping[str, TaskUsage] = {}
        """What each task had used when it was looked at last."""
        self._restarts: dict[tuple[str, str], int] = {}
        """By task and container, how often each had been restarted by then."""

    def sample(
        self, minute: datetime, now: datetime, clusters: Sequence[ClusterFacts], usage: Mapping[str, TaskUsage]
    ) -> None:
        """Take what tasks have used by ``now``, for the minute that has just ended. A new task is told of in the next one."""
        for cluster in clusters:
            for service in cluster.services:
                measured = list(self._measured(service.tasks, now, usage))
                self._put_utilization(minute, service, measured)
                if cluster.insights is not Insights.DISABLED:
                    self._put_insights(minute, cluster, service.service, measured)
            if cluster.insights is not Insights.DISABLED:
                self._put_insights(minute, cluster, None, list(self._measured(cluster.standalone, now, usage)))
                self._put_counts(minute, cluster)
        self._looked_at, self._used = now, usage
        self._restarts = dict(_restarts(clusters))

    def _measured(self, tasks: Sequence[RunningTask], now: datetime, usage: Mapping[str, TaskUsage]) -> Iterator[_Measured]:
        for task in tasks:
            known, before = usage.get(task.arn), self._used.get(task.arn)
            if known is None or before is None or self._looked_at is None or now <= self._looked_at:
                continue
            if known.cpu >= before.cpu:  # less than before: a container was started again
                yield _Measured(task=task, elapsed=now - self._looked_at, before=before, now=known)

    def _put_utilization(self, minute: datetime, service: ServiceFacts, measured: Sequence[_Measured]) -> None:
        place = {"ClusterName": service.cluster, "ServiceName": service.service}
        values = [_shares_of(one) for one in measured]
        for name, told in UTILIZATION.items():
            self._put(minute, Metric.of(ECS, name, place), [one[name] for one in values if name in one], told.unit)

    def _put_insights(
        self, minute: datetime, cluster: ClusterFacts, service: str | None, measured: Sequence[_Measured]
    ) -> None:
        is_enhanced = cluster.insights is Insights.ENHANCED
        for one in measured:
            place = {"ClusterName": cluster.cluster, "TaskDefinitionFamily": one.task.family}
            if service is not None:
                place["ServiceName"] = service
            if is_enhanced:
                place["TaskId"] = last_part(one.task.arn)
            self._tell(minute, place, _of_task(one) | (_enhanced_of_task(one) if is_enhanced else {}))
            for container in one.task.containers:
                placed = {**place, "ContainerName": container.name} if is_enhanced else place
                self._tell(minute, placed, self._restarts_of(one.task, container))
                if is_enhanced:
                    self._tell(minute, placed, _of_container(one, container))

    def _restarts_of(self, task: RunningTask, container: RunningContainer) -> Values:
        if container.restart_count is None:
            return {}
        return {"RestartCount": container.restart_count - self._restarts.get((task.arn, container.name), 0)}

    def _put_counts(self, minute: datetime, cluster: ClusterFacts) -> None:
        """Of what has running tasks; nothing is told of the rest."""
        services = [one for one in cluster.services if one.running]
        for service in services:
            counts = {
                "DesiredTaskCount": service.desired,
                "RunningTaskCount": service.running,
                "PendingTaskCount": service.pending,
                "DeploymentCount": service.deployments,
            }
            self._tell(minute, {"ClusterName": cluster.cluster, "ServiceName": service.service}, counts)
        running = sum(one.running for one in services) + len(cluster.standalone)
        if running:
            counts = {"ServiceCount": len(cluster.services), "TaskCount": running}
            self._tell(minute, {"ClusterName": cluster.cluster}, counts)

    def _tell(self, minute: datetime, place: Mapping[str, str], values: Values) -> None:
        """Each value under every combination of dimensions that its metric has, and for which ``place`` has values."""
        for name, value in values.items():
            told = WHOLE[name]
            for dimensions in told.dimensions:
                if all(one in place for one in dimensions):
                    metric = Metric.of(INSIGHTS, name, {one: place[one] for one in dimensions})
                    self._put(minute, metric, [value], told.unit)

    def _put(self, minute: datetime, metric: Metric, values: Sequence[float], unit: str) -> None:
        distribution = of_values([float(value) for value in values])
        if distribution is not None:
            self._store.put(metric, distribution, at=minute, unit=unit)


def _restarts(clusters: Sequence[ClusterFacts]) -> Iterator[tuple[tuple[str, str], int]]:
    for cluster in clusters:
        for task in (*(task for service in cluster.services for task in service.tasks), *cluster.standalone):
            for container in task.containers:
                yield (task.arn, container.name), container.restart_count or 0


def _shares_of(one: _Measured) -> Values:
    """CPU and memory of a task in percent of what it reserves; of what has no size nothing can be said."""
    found = {}
    if one.task.cpu_units:
        found["CPUUtilization"] = 100 * one.cpu_units(one.before, one.now) / one.task.cpu_units
    if one.task.memory_mib:
        found["MemoryUtilization"] = 100 * one.now.memory_bytes / MIB / one.task.memory_mib
    return found


def _of_task(one: _Measured) -> dict[str, float]:
    found = {
        "CpuUtilized": one.cpu_units(one.before, one.now),
        "CpuReserved": one.task.cpu_units,
        "MemoryUtilized": one.now.memory_bytes / MIB,
        "MemoryReserved": one.task.memory_mib,
        "StorageReadBytes": sum(_read(before, now) for before, now in _pairs(one)),
        "StorageWriteBytes": sum(_written(before, now) for before, now in _pairs(one)),
    }
    if one.now.network is not None and one.before.network is not None:
        seconds = one.elapsed.total_seconds()
        found["NetworkRxBytes"] = max(0, one.now.network.received_bytes - one.before.network.received_bytes) / seconds
        found["NetworkTxBytes"] = max(0, one.now.network.sent_bytes - one.before.network.sent_bytes) / seconds
    return found


def _enhanced_of_task(one: _Measured) -> dict[str, float]:
    shares = _shares_of(one)
    names = {"CPUUtilization": "TaskCpuUtilization", "MemoryUtilization": "TaskMemoryUtilization"}
    return {names[name]: share for name, share in shares.items()}


def _of_container(one: _Measured, container: RunningContainer) -> Values:
    found: dict[str, float] = {}
    if container.is_unhealthy is not None:
        found["UnHealthyContainerHealthStatus"] = float(container.is_unhealthy)
    before, now = one.before.containers.get(container.name), one.now.containers.get(container.name)
    if before is None or now is None or now.cpu < before.cpu:
        return found
    cpu_units, memory_mib = one.cpu_units(before, now), now.memory_bytes / MIB
    found |= {
        "ContainerCpuUtilized": cpu_units,
        "ContainerCpuReserved": container.cpu_units,
        "ContainerMemoryUtilized": memory_mib,
        "ContainerMemoryReserved": container.memory_mib,
        "ContainerStorageReadBytes": _read(before, now),
        "ContainerStorageWriteBytes": _written(before, now),
    }
    if cpu_limit := container.cpu_units or one.task.cpu_units:
        found["ContainerCpuUtilization"] = 100 * cpu_units / cpu_limit
    if memory_limit := container.memory_mib or one.task.memory_mib:
        found["ContainerMemoryUtilization"] = 100 * memory_mib / memory_limit
    return found


def _pairs(one: _Measured) -> Iterator[tuple[ContainerUsage, ContainerUsage]]:
    """What each container that ran at both looks had used."""
    for name, now in one.now.containers.items():
        if name in one.before.containers:
            yield one.before.containers[name], now


def _read(before: ContainerUsage, now: ContainerUsage) -> int:
    return max(0, now.read_bytes - before.read_bytes)


def _written(before: ContainerUsage, now: ContainerUsage) -> int:
    return max(0, now.written_bytes - before.written_bytes)
