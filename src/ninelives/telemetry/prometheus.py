"""The region's figures as Prometheus and OpenMetrics write them: counters since the control plane began, gauges of now.

Source: "Exposition formats" and "Metric and label naming", Prometheus documentation; OpenMetrics 1.0.
"""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ninelives import __version__
from ninelives.model.arns import last_part
from ninelives.model.ecs import LastStatus
from ninelives.region.measurements import (
    ClusterFacts,
    RunningTask,
    TargetGroupFacts,
    cluster_facts,
    known_target_groups,
    target_group_facts,
    zones_of_load_balancers,
)
from ninelives.region.ports import ConnectionCounts, TaskRuntime, TaskUsage
from ninelives.region.region import Region
from ninelives.telemetry.cloudwatch import CloudWatch
from ninelives.telemetry.totals import Histogram, Totals

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

log = logging.getLogger(__name__)

CODE: Final = re.compile(r"HTTPCode_(?P<by>Target|ELB)_(?P<code>\dXX)_Count")
ANSWERED_BY: Final = {"Target": "target", "ELB": "load_balancer"}
LAG_EVERY_SECONDS: Final = 0.5

TASK: Final = ("cluster", "service", "family", "task")
CONTAINER: Final = (*TASK, "container")
PLACE: Final = ("load_balancer", "target_group")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What is seen of the region at one moment."""

    clusters: Sequence[ClusterFacts]
    tasks: Mapping[tuple[str, str, str], int]
    """By cluster, service ("" for none) and last status."""
    usage: Mapping[str, TaskUsage]
    target_groups: Sequence[TargetGroupFacts]
    connections: Mapping[str, ConnectionCounts]


class Exposition:
    """Writes what is known of a region now. The library that does it is loaded when somebody asks."""

    def __init__(self, region: Region, runtime: TaskRuntime, cloud_watch: CloudWatch, totals: Totals) -> None:
        self._region = region
        self._runtime = runtime
        self._cloud_watch = cloud_watch
        self._totals = totals

    async def run(self) -> None:
        """Measure for ever how late the event loop is."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + LAG_EVERY_SECONDS
            await asyncio.sleep(LAG_EVERY_SECONDS)
            self._totals.lag.add([max(0.0, clock() - due)])

    async def write(self, accept: str) -> tuple[bytes, str]:
        """All figures, and their content type: OpenMetrics where ``accept`` asks for it, else Prometheus' text."""
        from prometheus_client import CollectorRegistry, ProcessCollector
        from prometheus_client.exposition import choose_encoder

        facts = await self._facts()
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Collector(lambda: self._families(facts)))
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    async def _facts(self) -> _Facts:
        region = self._region
        clusters = cluster_facts(region)
        usage = await self._runtime.usage([task.arn for _, _, task in _running(clusters)])
        try:
            connections = await region.data_plane.connections()
        except OSError as error:
            log.warning("connections could not be measured: %s", error)
            connections = {}
        self._totals.forget_requests(but_of=zones_of_load_balancers(region), and_to=known_target_groups(region))
        tasks = Counter(
            (last_part(task.cluster_arn), last_part(task.service_arn) if task.service_arn else "", str(task.last_status))
            for task in region.state.tasks.values()
            if task.last_status is not LastStatus.STOPPED
        )
        return _Facts(
            clusters=clusters,
            tasks=tasks,
            usage=usage,
            target_groups=target_group_facts(region),
            connections=connections,
        )

    def _families(self, facts: _Facts) -> Iterator["Metric"]:
        yield from self._of_region()
        yield from _of_services(facts)
        yield from _of_tasks(facts)
        yield from _of_requests(self._totals)
        yield from _of_targets(facts)
        yield from _of_calls(self._totals)

    def _of_region(self) -> Iterator["Metric"]:
        from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

        place = self._region.place
        yield InfoMetricFamily(
            "ninelives", "The region.", {"version": __version__, "region": place.region, "account": place.account}
        )
        scale = self._region.timing.time_scale
        yield GaugeMetricFamily("ninelives_time_scale", "How many seconds of the region's time pass in one.", scale)
        alarms = GaugeMetricFamily("ninelives_alarms", "CloudWatch alarms by state.", labels=["state"])
        for state, count in sorted(Counter(str(one.state.value) for one in self._cloud_watch.alarms.all()).items()):
            alarms.add_metric([state], count)
        yield alarms
        yield _histogram("ninelives_loop_step_seconds", "How long steps of the region's loop take.", self._totals.steps)
        yield _histogram("ninelives_event_loop_lag_seconds", "How late the event loop wakes up.", self._totals.lag)


class _Collector:
    """What prometheus_client asks for families."""

    def __init__(self, families: Callable[[], Iterator["Metric"]]) -> None:
        self.collect = families


def _running(clusters: Sequence[ClusterFacts]) -> Iterator[tuple[str, str, RunningTask]]:
    """Cluster, service ("" for none) and task of each that runs."""
    for cluster in clusters:
        for service in cluster.services:
            for task in service.tasks:
                yield cluster.cluster, service.service, task
        for task in cluster.standalone:
            yield cluster.cluster, "", task


def _histogram(name: str, what: str, seen: Histogram) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    return HistogramMetricFamily(name, what, buckets=seen.buckets(), sum_value=seen.total)


def _of_services(facts: _Facts) -> Iterator["Metric"]:
    from prometheus_client.core import GaugeMetricFamily

    labels = ["cluster", "service"]
    desired = GaugeMetricFamily("ninelives_service_desired_tasks", "Desired count of services.", labels=labels)
    deployments = GaugeMetricFamily("ninelives_service_deployments", "Deployments of services.", labels=labels)
    for cluster in facts.clusters:
        for one in cluster.services:
            desired.add_metric([cluster.cluster, one.service], one.desired)
            deployments.add_metric([cluster.cluster, one.service], one.deployments)
    tasks = GaugeMetricFamily("ninelives_tasks", "Tasks that have not stopped.", labels=[*labels, "last_status"])
    for place, count in sorted(facts.tasks.items()):
        tasks.add_metric(place, count)
    yield from (desired, deployments, tasks)


def _of_tasks(facts: _Facts) -> Iterator["Metric"]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    cpu = CounterMetricFamily("ninelives_container_cpu_seconds", "CPU time of running containers.", labels=CONTAINER)
    memory = GaugeMetricFamily("ninelives_container_memory_bytes", "Memory without caches of files.", labels=CONTAINER)
    read = CounterMetricFamily("ninelives_container_read_bytes", "Read from block devices.", labels=CONTAINER)
    written = CounterMetricFamily("ninelives_container_written_bytes", "Written to block devices.", labels=CONTAINER)
    received = CounterMetricFamily("ninelives_task_network_received_bytes", "Received by tasks.", labels=TASK)
    sent = CounterMetricFamily("ninelives_task_network_sent_bytes", "Sent by tasks.", labels=TASK)
    for cluster, service, task in _running(facts.clusters):
        used = facts.usage.get(task.arn)
        if used is None:
            continue
        place = [cluster, service, task.family, last_part(task.arn)]
        for name, one in sorted(used.containers.items()):
            cpu.add_metric([*place, name], one.cpu.total_seconds())
            memory.add_metric([*place, name], one.memory_bytes)
            read.add_metric([*place, name], one.read_bytes)
            written.add_metric([*place, name], one.written_bytes)
        if used.network is not None:
            received.add_metric(place, used.network.received_bytes)
            sent.add_metric(place, used.network.sent_bytes)
    yield from (cpu, memory, read, written, received, sent)


def _of_requests(totals: Totals) -> Iterator["Metric"]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    answers = CounterMetricFamily(
        "ninelives_load_balancer_answers", "Answers, by who gave them.", labels=[*PLACE, "answered_by", "code"]
    )
    requests = CounterMetricFamily("ninelives_load_balancer_requests", "Requests for which a target was chosen.", labels=PLACE)
    processed = CounterMetricFamily("ninelives_load_balancer_processed_bytes", "Of requests and answers.", labels=PLACE)
    times = HistogramMetricFamily(
        "ninelives_target_response_seconds", "From a request's last step to its target until its answer.", labels=PLACE
    )
    for place, one in totals.requests_by_place():
        for name, count in sorted(one.counts.items()):
            if (found := CODE.fullmatch(name)) is not None:
                answers.add_metric([*place, ANSWERED_BY[found["by"]], found["code"].lower()], count)
        requests.add_metric(place, one.counts["RequestCount"])
        processed.add_metric(place, one.processed_bytes)
        times.add_metric(place, one.response_times.buckets(), one.response_times.total)
    yield from (answers, requests, processed, times)


def _of_targets(facts: _Facts) -> Iterator["Metric"]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    targets = GaugeMetricFamily("ninelives_targets", "Targets that do not drain, by health.", labels=[*PLACE, "health"])
    for group in facts.target_groups:
        place = [group.load_balancer, group.target_group]
        targets.add_metric([*place, "healthy"], sum(group.healthy.values()))
        targets.add_metric([*place, "unhealthy"], sum(group.unhealthy.values()))
    of = ["of"]
    active = GaugeMetricFamily("ninelives_connections", "Open connections of listeners, and to target groups.", labels=of)
    opened = CounterMetricFamily("ninelives_connections_opened", "Connections since the proxy began.", labels=of)
    failed = CounterMetricFamily("ninelives_connections_failed", "Refused or not answered by targets.", labels=of)
    for name, counts in sorted(facts.connections.items()):
        active.add_metric([name], counts.active)
        opened.add_metric([name], counts.opened)
        failed.add_metric([name], counts.failed)
    yield from (targets, active, opened, failed)


def _of_calls(totals: Totals) -> Iterator["Metric"]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    labels = ["service", "operation"]
    calls = CounterMetricFamily("ninelives_api_calls", "Answered API calls.", labels=[*labels, "status"])
    durations = HistogramMetricFamily("ninelives_api_call_seconds", "How long API calls take to be answered.", labels=labels)
    for place, one in sorted(totals.calls.items()):
        for status, count in sorted(one.by_status.items()):
            calls.add_metric([*place, str(status)], count)
        durations.add_metric(place, one.durations.buckets(), one.durations.total)
    yield from (calls, durations)
