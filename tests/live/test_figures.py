"""The region's figures against those of somebody else: the load generator's own counts and clocks, the kernel's accounts."""

import asyncio
import os
import signal
import sqlite3
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from live_region import RegionUnderTest, eventually, runtimes, skip_without_docker, started
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from ninelives.cli.background import start_region
from ninelives.monitoring.statistics import percentile
from ninelives.rehearsal.load import send_load
from ninelives.rehearsal.sample import Kind, Sample, Target

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

TIME_SCALE = 30
MINUTE = timedelta(seconds=2)
"""As long as the region's minute is by the clock."""
LONG = timedelta(seconds=10)
"""A period of the clock that CloudWatch takes: all that is sent falls into one."""
LOAD_SECONDS = 6
FAST, SLOW = 0.03, 0.25
"""How long the application sleeps before it answers, in seconds."""
GRID = 1.005
"""A percentile of many values is within half a percent (decision 19)."""
CORES = {"host": 1.0, "docker": 0.3}
"""What one busy thread may have of the machine: a container has the quarter that its task reserves, in slices."""
LATE = timedelta(seconds=0.2)
"""How late a busy machine may look at a minute's end: use is told by the time that has passed, and we count in minutes."""
TICK = 0.02
"""Seconds: the kernel's accounts of two processes are in hundredths."""


@pytest.fixture(scope="module", params=runtimes())
def region(request: pytest.FixtureRequest) -> Iterator[RegionUnderTest]:
    skip_without_docker(request.param)
    with started(request.param, time_scale=TIME_SCALE) as region:
        exit_code, result = region.deploy("1.0.0")
        assert exit_code == 0, result
        settings = [{"name": "containerInsights", "value": "enhanced"}]
        region.client("ecs").update_cluster_settings(cluster="live", settings=settings)
        yield region


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 the region's own clock


# Requests.


@dataclass(frozen=True)
class Sent:
    """What the generator saw, and when it began."""

    begun: datetime
    samples: tuple[Sample, ...]


async def sent(url: str) -> Sent:
    """Load for some seconds, from the beginning of a period on."""
    begins = now() + LONG - (now() - datetime(1970, 1, 1, tzinfo=UTC)) % LONG
    await asyncio.sleep((begins - now()).total_seconds())
    place, samples, stop = urlsplit(url), list[Sample](), asyncio.Event()
    kinds = [
        Kind(name="fast", rate=40, connections=8, path=f"/slow?seconds={FAST}"),
        Kind(name="slow", rate=6, connections=8, path=f"/slow?seconds={SLOW}"),
        Kind(name="missing", rate=4, connections=0, path="/status?code=404"),
        Kind(name="broken", rate=3, connections=0, path="/status?code=500"),
    ]
    asyncio.get_running_loop().call_later(LOAD_SECONDS, stop.set)
    target = Target(host=str(place.hostname), port=place.port or 80)
    await send_load(target, kinds, start_at=asyncio.get_running_loop().time(), record=samples.append, stop=stop)
    return Sent(begun=begins, samples=tuple(samples))


def test_requests_and_response_times_are_those_that_the_generator_saw(region: RegionUnderTest) -> None:
    before = scraped(region)
    load = asyncio.run(sent(region.url()))
    answered = Counter(sample.status or 0 for sample in load.samples)
    assert set(answered) == {200, 404, 500}, answered

    eventually(lambda: told(region, load, "RequestCount", "Sum") >= len(load.samples), what="the requests' metrics")
    counts = {code: told(region, load, f"HTTPCode_Target_{code // 100}XX_Count", "Sum") for code in answered}
    assert (told(region, load, "RequestCount", "Sum"), counts) == (len(load.samples), answered)
    assert told(region, load, "TargetResponseTime", "SampleCount") == len(load.samples)

    # The target's time is a part of what the client waited for, request by request, and the application sleeps in it.
    waited = Counter(sample.latency for sample in load.samples)
    slept = {"fast": FAST, "slow": SLOW}
    least = Counter(slept.get(sample.kind, 0.0) for sample in load.samples)
    for percent in (10, 25, 50, 75, 90, 95, 99):
        value = told(region, load, "TargetResponseTime", f"p{percent}")
        low, high = percentile(least, percent), percentile(waited, percent)
        assert low / GRID <= value <= high * GRID, f"p{percent}: {value} is not within {low} and {high}"

    after = scraped(region)
    answers = {code: after.total("ninelives_load_balancer_answers_total", code=code, answered_by="target")
               - before.total("ninelives_load_balancer_answers_total", code=code, answered_by="target")
               for code in ("2xx", "4xx", "5xx")}  # fmt: skip
    assert answers == {"2xx": answered[200], "4xx": answered[404], "5xx": answered[500]}
    name = "ninelives_target_response_seconds_bucket"
    up_to = {bound: after.total(name, le=bound) - before.total(name, le=bound) for bound in ("0.025", "0.1", "+Inf")}
    assert up_to["+Inf"] == len(load.samples)
    assert up_to["0.025"] <= answered[404] + answered[500], "none of those that sleep is that quick"
    assert up_to["0.1"] <= len(load.samples) - sum(sample.kind == "slow" for sample in load.samples)


def told(region: RegionUnderTest, load: Sent, name: str, statistic: str) -> float:
    """What CloudWatch tells of the load's period; 0 where it tells nothing."""
    (balancer,) = region.client("elbv2").describe_load_balancers()["LoadBalancers"]
    dimension = {"Name": "LoadBalancer", "Value": balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]}
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": [dimension]}
    stat = {"Metric": metric, "Period": round(LONG.total_seconds()), "Stat": statistic}
    answer = region.client("cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": "m", "MetricStat": stat}], StartTime=load.begun, EndTime=load.begun + LONG
    )
    values = answer["MetricDataResults"][0]["Values"]
    return float(values[0]) if values else 0.0


# What Prometheus gets.


class Scrape:
    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        return sum(
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def scraped(region: RegionUnderTest) -> Scrape:
    with urllib.request.urlopen(f"{region.running.endpoint}/_ninelives/metrics", timeout=10) as response:
        assert response.headers["content-type"].startswith("text/plain; version=")
        return Scrape(response.read().decode())


# CPU and memory.


class Accounts(Protocol):
    """What the kernel says that the service's containers have used."""

    def cpu_seconds(self) -> float: ...

    def memory_mib(self) -> float: ...


class ProcessAccounts:
    """Of the containers' first processes and all below them, by ``runtimeId`` (``PID-…``) of DescribeTasks."""

    def __init__(self, runtime_ids: list[str]) -> None:
        self._pids = [int(one.partition("-")[0]) for one in runtime_ids]

    def _all(self) -> Iterator[Path]:
        waiting = list(self._pids)
        while waiting:
            pid = waiting.pop()
            yield Path(f"/proc/{pid}")
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += map(int, children.read_text().split())

    def cpu_seconds(self) -> float:
        ticks = [(one / "stat").read_text().rpartition(")")[2].split()[11:15] for one in self._all()]
        return sum(int(part) for parts in ticks for part in parts) / 100

    def memory_mib(self) -> float:
        """What is resident and no file's, by ``status`` (we read ``statm``)."""
        lines = [line.split() for one in self._all() for line in (one / "status").read_text().splitlines()]
        return sum(int(words[1]) for words in lines if words and words[0] == "RssAnon:") / 1024


def pairs_in(file: Path) -> dict[str, str]:
    """Names and values, a pair a line."""
    parted = (line.partition(" ") for line in file.read_text().splitlines())
    return {name: value for name, _, value in parted}


class ControlGroupAccounts:
    """Of Docker's containers, by their control groups, of version 1 or 2."""

    def __init__(self, runtime_ids: list[str]) -> None:
        self._ids = runtime_ids

    def _file(self, container: str, *names: str) -> Path:
        root = Path("/sys/fs/cgroup")
        folders = [
            *root.glob(f"*/docker/{container}"),
            *root.glob(f"docker/{container}"),
            *root.glob(f"**/docker-{container}.scope"),
        ]
        return next(folder / name for folder in folders for name in names if (folder / name).exists())

    def cpu_seconds(self) -> float:
        return sum(map(self._cpu_seconds, self._ids))

    def _cpu_seconds(self, container: str) -> float:
        file = self._file(container, "cpuacct.usage", "cpu.stat")
        if file.name == "cpuacct.usage":
            return int(file.read_text()) / 1e9
        return int(pairs_in(file)["usage_usec"]) / 1e6

    def memory_mib(self) -> float:
        """What is used without files that have not been needed for a while."""
        total = 0
        for one in self._ids:
            used = self._file(one, "memory.usage_in_bytes", "memory.current")
            told = pairs_in(used.parent / "memory.stat")
            total += int(used.read_text()) - int(told.get("total_inactive_file", told["inactive_file"]))
        return total / 1024 / 1024


def accounts(region: RegionUnderTest) -> Accounts:
    ecs = region.client("ecs")
    arns = ecs.list_tasks(cluster="live", serviceName="behaves")["taskArns"]
    tasks = ecs.describe_tasks(cluster="live", tasks=arns)["tasks"]
    runtime_ids = [container["runtimeId"] for task in tasks for container in task["containers"]]
    assert len(runtime_ids) == 2
    return ProcessAccounts(runtime_ids) if region.runtime == "host" else ControlGroupAccounts(runtime_ids)


@contextmanager
def burning(region: RegionUnderTest) -> Iterator[None]:
    """One request at a time that spends CPU time."""
    stop, url = threading.Event(), f"{region.url()}/burn?seconds=0.2"

    def burn() -> None:
        while not stop.is_set():
            urllib.request.urlopen(url, timeout=20).close()

    thread = threading.Thread(target=burn)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def of_service(region: RegionUnderTest, name: str, start: datetime) -> Mapping[datetime, float]:
    """The total over all tasks in each of the region's minutes that begins at ``start`` or later."""
    place = [{"Name": "ClusterName", "Value": "live"}, {"Name": "ServiceName", "Value": "behaves"}]
    points: list[dict[str, Any]] = region.client("cloudwatch").get_metric_statistics(
        Namespace="ECS/ContainerInsights", MetricName=name, Dimensions=place, Period=1,
        StartTime=start, EndTime=start + timedelta(minutes=4), Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    return {point["Timestamp"]: point["Sum"] for point in points if point["Timestamp"] >= start}


def test_cpu_time_is_what_the_kernel_accounts_for(region: RegionUnderTest) -> None:
    kernel = accounts(region)
    with burning(region):
        begun, before = now(), kernel.cpu_seconds()
        scrapes = []
        for _ in range(3):
            least = kernel.cpu_seconds()
            seconds = scraped(region).total("ninelives_container_cpu_seconds_total", service="behaves")
            scrapes.append((least, seconds, kernel.cpu_seconds()))
        eventually(lambda: len(of_service(region, "CpuUtilized", begun)) >= 6, what="six minutes of the region")
        units = of_service(region, "CpuUtilized", begun)
        spent, passed = kernel.cpu_seconds() - before, now() - begun

    for least, seconds, most in scrapes:
        # A supervisor's own start is the host task's, too: some hundredths of a second.
        assert least - TICK <= seconds <= most + TICK + 2 * (0.2 if region.runtime == "host" else 0.0)
    counted = sum(units.values()) / 1024 * MINUTE.total_seconds()
    # The minutes lie within what we have watched, and what of that they leave out is no more than one busy thread's time.
    left_out = (passed - len(units) * MINUTE).total_seconds()
    assert left_out >= 0
    assert spent > 0.1 * passed.total_seconds(), "it burns"
    uneven = MINUTE / (MINUTE - LATE)
    assert (spent - left_out * CORES[region.runtime]) / uneven - TICK <= counted <= spent * uneven + TICK


def test_memory_is_what_the_kernel_accounts_for(region: RegionUnderTest) -> None:
    kernel = accounts(region)
    begun, before = now(), kernel.memory_mib()
    eventually(lambda: len(of_service(region, "MemoryUtilized", begun)) >= 2, what="two minutes of the region")
    points, after = of_service(region, "MemoryUtilized", begun), kernel.memory_mib()
    low, high = min(before, after), max(before, after)

    assert before > 20, "two Ruby processes"
    for value in points.values():
        assert low * 0.97 <= value <= high * 1.03, (before, points, after)
    scraped_mib = scraped(region).total("ninelives_container_memory_bytes", service="behaves") / 1024 / 1024
    assert low * 0.97 <= scraped_mib <= high * 1.03


# What else is told.


def test_single_tasks_and_containers_are_told_of(region: RegionUnderTest) -> None:
    client = region.client("cloudwatch")

    def names(*dimensions: str) -> set[str]:
        wanted = {"ClusterName", "ServiceName", *dimensions}
        pages = client.get_paginator("list_metrics").paginate(Namespace="ECS/ContainerInsights")
        return {
            metric["MetricName"]
            for page in pages
            for metric in page["Metrics"]
            if {one["Name"] for one in metric["Dimensions"]} == wanted
        }

    eventually(lambda: "ContainerCpuUtilization" in names("TaskId", "ContainerName"), what="metrics of containers")
    assert {"TaskCpuUtilization", "MemoryUtilized", "StorageWriteBytes"} <= names("TaskId")
    assert ("NetworkRxBytes" in names("TaskId")) == (region.runtime == "docker"), "host processes share the machine's network"


def test_the_regions_own_figures_are_there(region: RegionUnderTest) -> None:
    region.client("ecs").list_clusters()
    figures = scraped(region)
    wanted = {"Accept": "application/openmetrics-text; version=1.0.0"}
    asked = urllib.request.Request(f"{region.running.endpoint}/_ninelives/metrics", headers=wanted)
    with urllib.request.urlopen(asked, timeout=10) as response:
        other = {family.name for family in open_metrics(response.read().decode())}  # type: ignore[no-untyped-call]

    assert {"ninelives", "ninelives_tasks", "ninelives_api_calls"} <= other
    assert figures.total("ninelives_tasks", service="behaves", last_status="RUNNING") == 2
    assert figures.total("ninelives_service_desired_tasks", service="behaves") == 2
    assert figures.total("ninelives_targets", health="healthy") == 2
    assert figures.total("ninelives_time_scale") == TIME_SCALE
    assert figures.total("ninelives_api_calls_total", service="ecs", operation="ListClusters", status="200") >= 1
    assert figures.total("ninelives_api_call_seconds_count", service="ecs", operation="ListClusters") >= 1
    assert figures.total("ninelives_loop_step_seconds_count") > 0
    assert figures.total("ninelives_event_loop_lag_seconds_count") > 0
    assert figures.total("process_resident_memory_bytes") > 20 << 20


def test_what_was_counted_outlives_a_killed_control_plane_and_what_came_meanwhile_is_counted(region: RegionUnderTest) -> None:
    url = region.url()

    def ask(times: int) -> None:
        for _ in range(times):
            urllib.request.urlopen(f"{url}/", timeout=10).close()

    begun = now()
    ask(20)
    eventually(lambda: counted(region, begun) == 20, what="the first requests' metrics")
    stored = region.settings.state_directory / "cloudwatch.sqlite"
    eventually(lambda: requests_in(stored, begun) == 20, what="the first requests' metrics on disk")
    os.kill(region.running.pid, signal.SIGKILL)
    ask(30)
    region.running = start_region(region.settings)

    eventually(lambda: counted(region, begun) == 50, what="all requests' metrics")


def counted(region: RegionUnderTest, begun: datetime) -> float:
    """Requests since a moment, by the region's minutes."""
    (balancer,) = region.client("elbv2").describe_load_balancers()["LoadBalancers"]
    place = [{"Name": "LoadBalancer", "Value": balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]}]
    points = region.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ApplicationELB", MetricName="RequestCount", Dimensions=place, Period=1,
        StartTime=begun - MINUTE, EndTime=begun + timedelta(minutes=4), Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    return float(sum(point["Sum"] for point in points))


def requests_in(database: Path, begun: datetime) -> float:
    """The same as it stands in the file."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        (total,) = connection.execute(
            "SELECT COALESCE(SUM(total), 0) FROM sample JOIN metric ON metric.id = sample.metric"
            " WHERE name = 'RequestCount' AND start_us >= ? AND json_array_length(dimensions) = 1",
            (round((begun - MINUTE).timestamp() * 1_000_000),),
        ).fetchone()
    finally:
        connection.close()
    return float(total)
