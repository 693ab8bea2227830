"""What it costs that every request is counted: on the traffic, on the control process, in memory and on disk.

*On the traffic*: wrk with one thread and 32 connections through ninelives' Envoy to an nginx that answers 200 with two bytes,
on a region as it is, and on one that was kept from writing and reading the log of requests that all metrics of load balancers
come from. Both are up for the whole run and are asked in turn, ROUNDS times; ratios are those of each round, medians of them
quoted.

*An hour at 1,000 requests a second*: 3,600,000 lines as Envoy writes them go through a log file that is read, rotated and
counted as in the region, with a clock that runs as fast as they can be taken; two target groups with two tasks each, a
minute's figures of tasks each minute, five alarms, compaction. Nothing else is in the process, so that its memory is theirs.
"""

import asyncio
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.peers import Emulator, cpu_seconds, free_port, ninelives
from benchmarks.proxy import SECONDS, balanced, daemon, nginx_configuration, wrk
from benchmarks.tables import table

ROUNDS = 7
PER_SECOND = 1_000
MINUTES = 60
SEEN_AT = (1, 5, 15, 30, 45, 60)
"""Minutes at which the hour is looked at."""
BATCH = timedelta(seconds=0.5)
BEGIN = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
BALANCER = "app/bench/50dc6c495c0c9188"
GROUPS = ("targetgroup/blue/6d0ecf831eec9f09", "targetgroup/green/73e2d6bc24d8a067")

WITHOUT = """
from ninelives.routing import listeners
as_it_is = listeners._http
def without_log(balancer, listener):
    found = as_it_is(balancer, listener)
    found["typed_config"]["access_log"] = []
    return found
listeners._http = without_log
"""
"""What keeps a region from writing the log, as Python's ``sitecustomize``."""


@contextlib.contextmanager
def without_log() -> Iterator[Emulator]:
    with tempfile.TemporaryDirectory(prefix="ninelives-bench-") as folder:
        Path(folder, "sitecustomize.py").write_text(WITHOUT, encoding="utf-8")
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = folder
        try:
            with ninelives() as region:
                yield region
        finally:
            os.environ.pop("PYTHONPATH")
            if before is not None:
                os.environ["PYTHONPATH"] = before


def traffic() -> None:
    rounds = int(os.environ.get("ROUNDS", ROUNDS))
    figures: dict[str, list[tuple[float, float, float]]] = {"with telemetry": [], "without": []}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ninelives-bench-")))
        target = free_port()
        stack.enter_context(daemon(["nginx", "-c", str(nginx_configuration(folder, target, "", workers=1))], target))
        regions = {"with telemetry": stack.enter_context(ninelives()), "without": stack.enter_context(without_log())}
        urls = {name: balanced(region, target) for name, region in regions.items()}
        for number in range(rounds):
            names = list(urls) if number % 2 else list(reversed(urls))
            for name in names:
                before = own_cpu(regions[name])
                rate, p99 = wrk(urls[name])
                time.sleep(1.5)  # what was logged last is read by now
                cpu = (own_cpu(regions[name]) - before) / (rate * SECONDS) * 1e6
                figures[name].append((rate, p99, cpu))
                print(json.dumps({"name": name, "requests/s, p99 ms, CPU µs": figures[name][-1]}), file=sys.stderr, flush=True)
    print(f"Rounds: {rounds} of {SECONDS} s, in turn.\n")
    rows: list[list[object]] = []
    for name, measured in figures.items():
        pairs = list(zip(measured, figures["without"], strict=True))
        rate_ratio = statistics.median(one[0] / without[0] for one, without in pairs)
        p99_ratio = statistics.median(one[1] / without[1] for one, without in pairs)
        rate, p99, cpu = (statistics.median(column) for column in zip(*measured, strict=True))
        rows.append([name, f"{rate_ratio:.3f}", f"{p99_ratio:.2f}", f"{rate:,.0f}", f"{p99:.1f}", f"{cpu:.1f}"])
    head = ["", "requests/s ÷ without", "p99 ÷ without", "requests/s", "p99 ms", "control process: CPU µs a request"]
    print(table(head, rows))


def own_cpu(region: Emulator) -> float:
    """Processor time of the control process, without Envoy."""
    return cpu_seconds([region.pid]) - cpu_seconds(region.proxy_pids())


# An hour.


def line_of(rng: random.Random, at: str, group: str) -> dict[str, Any]:
    """A request as Envoy's log has it: most are quick, some are slow, one in a hundred fails."""
    status = rng.choices((200, 404, 500), (97, 2, 1))[0]
    return {
        "listener": f"{BALANCER}/f2f7dc8efc522ab2",
        "time": at,
        "request_creation_time": at,
        "client": "127.0.0.1:51234",
        "target": f"127.0.0.1:{rng.choice((8080, 8081))}",
        "request_processing_us": rng.randrange(50, 300),
        "target_processing_us": int(rng.lognormvariate(8.5, 1.0)),
        "response_processing_us": rng.randrange(20, 90),
        "elb_status_code": status,
        "response_code_details": "via_upstream",
        "received_bytes": 240,
        "sent_bytes": rng.randrange(200, 4000),
        "method": "GET",
        "host": "bench.example",
        "path": "/cats?page=7",
        "original_path": None,
        "protocol": "HTTP/1.1",
        "content_type": None,
        "user_agent": "wrk/4.2",
        "tls_cipher": None,
        "tls_version": None,
        "server_name": None,
        "target_group_arn": f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:{group}",
        "trace_id": "Root=1-67891233-abcdef012345678912345678",
        "matched_rule_priority": 0,
        "actions_executed": "forward",
        "redirect_url": None,
        "connection": 7,
    }


class Log:
    """The log as Envoy writes it; reopened when it is told to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab")

    def write(self, lines: bytes) -> None:
        self._file.write(lines)
        self._file.flush()

    async def post(self, _: str) -> None:
        self._file.close()
        self._file = self._path.open("ab")


async def an_hour() -> None:
    """Take an hour's requests, and tell what there is of the process at some of its minutes, a line of JSON each."""
    from ninelives.dataplane.access_log import AccessLog
    from ninelives.model.arns import Place
    from ninelives.model.timing import Timing
    from ninelives.region.measurements import ClusterFacts, Insights, RunningTask, ServiceFacts, TargetGroupFacts
    from ninelives.region.ports import ContainerUsage, TaskUsage
    from ninelives.telemetry import CloudWatch
    from ninelives.telemetry.load_balancer_metrics import LoadBalancerMetrics
    from ninelives.telemetry.service_metrics import ServiceMetrics

    async def nothing(*_: Any) -> Mapping[str, Any]:
        return {}

    now = BEGIN
    place = Place(region="eu-west-1", account="123456789012")
    groups = [
        TargetGroupFacts(load_balancer=BALANCER, target_group=group, registered=2, healthy={"a": 2}, unhealthy={})
        for group in GROUPS
    ]
    tasks = tuple(RunningTask(arn=f"arn:task/c/{number}", family="f", cpu_units=256, memory_mib=512) for number in range(4))
    service = ServiceFacts(cluster="c", service="s", desired=4, running=4, pending=0, deployments=1, tasks=tasks)
    cluster = ClusterFacts(cluster="c", insights=Insights.ENHANCED, services=(service,))
    with tempfile.TemporaryDirectory(prefix="ninelives-bench-") as name:
        folder = Path(name)
        database, log = folder / "cloudwatch.sqlite", Log(folder / "requests.log")
        watch = CloudWatch(database, place=place, now=lambda: now, timing=Timing(), call=nothing)
        requests = LoadBalancerMetrics(watch.metrics, target_groups=lambda: groups, zones=lambda: {BALANCER: "a"})
        services = ServiceMetrics(watch.metrics)
        put_alarms(watch, now)
        reader = AccessLog(folder / "requests.log", log)  # type: ignore[arg-type]
        templates = templates_of(random.Random(7))
        began = time.process_time()
        writing = 0.0
        for minute in range(1, MINUTES + 1):
            for batch in range(int(timedelta(minutes=1) / BATCH)):
                now = BEGIN + timedelta(minutes=minute - 1) + batch * BATCH
                wrote = time.process_time()
                log.write(lines_at(templates, now, batch))
                writing += time.process_time() - wrote
                while entries := await reader.read():
                    requests.observe(entries)
                if batch % 2 == 0:  # every second, as the region does
                    watch.metrics.flush()
                if batch % 20 == 0:  # and every 10
                    requests.sample_targets(now)
                    watch.alarms.evaluate()
            now = BEGIN + timedelta(minutes=minute)
            usage = {
                one.arn: TaskUsage.of({"web": ContainerUsage(cpu=timedelta(seconds=9 * minute), memory_bytes=90 << 20)})
                for one in tasks
            }
            services.sample(now - timedelta(minutes=1), now, [cluster], usage)
            watch.metrics.compact(now)
            if minute in SEEN_AT:
                seen = {
                    "minute": minute,
                    "resident_mib": resident_mib(),
                    "database_kib": size_of(folder, "cloudwatch.sqlite*") / 1024,
                    "log_kib": size_of(folder, "requests.log*") / 1024,
                    "cpu_seconds": time.process_time() - began - writing,
                }
                print(json.dumps(seen), flush=True)
        await watch.close()


def put_alarms(watch: Any, now: datetime) -> None:
    from ninelives.model.alarms import ComparisonOperator, MetricAlarm
    from ninelives.model.metrics import Metric, MetricStat

    for number, (name, stat) in enumerate(
        [("HTTPCode_Target_5XX_Count", "Sum"), *[("TargetResponseTime", stat) for stat in ("p50", "p90", "p99", "Average")]]
    ):
        watched = MetricStat(
            metric=Metric.of("AWS/ApplicationELB", name, {"LoadBalancer": BALANCER}), period=timedelta(minutes=1), stat=stat
        )
        watch.alarms.put(
            MetricAlarm(
                name=f"alarm-{number}",
                arn=watch.alarm_arn(f"alarm-{number}"),
                watched=watched,
                comparison_operator=ComparisonOperator.GREATER_THAN,
                threshold=1e9,
                evaluation_periods=3,
                state=watch.alarms.unchecked(),
                configured_at=now,
            )
        )


def templates_of(rng: random.Random) -> Sequence[bytes]:
    """Twenty batches' worth of lines; the time is put in later."""
    count = 20 * round(PER_SECOND * BATCH.total_seconds())
    return [json.dumps(line_of(rng, "@", GROUPS[number % 2])).encode() + b"\n" for number in range(count)]


def lines_at(templates: Sequence[bytes], at: datetime, batch: int) -> bytes:
    count = round(PER_SECOND * BATCH.total_seconds())
    start = batch % 20 * count
    return b"".join(templates[start : start + count]).replace(b'"@"', f'"{at:%Y-%m-%dT%H:%M:%S.%fZ}"'.encode())


def resident_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def size_of(folder: Path, pattern: str) -> int:
    return sum(file.stat().st_size for file in folder.glob(pattern))


def hour() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks.telemetry", "hour"], capture_output=True, text=True, check=True)
    print(done.stdout, file=sys.stderr)
    rows = []
    for seen in map(json.loads, done.stdout.splitlines()):
        share = seen["cpu_seconds"] / (seen["minute"] * 60)
        rows.append(
            [
                seen["minute"],
                f"{seen['minute'] * 60 * PER_SECOND:,}",
                f"{seen['resident_mib']:.1f}",
                f"{seen['database_kib']:,.0f}",
                f"{seen['log_kib']:,.0f}",
                f"{100 * share:.1f} %",
            ]
        )
    head = ["after minutes", "requests", "memory MiB", "metrics and alarms KiB", "log of requests KiB", "of one core"]
    print(table(head, rows))


def main() -> None:
    traffic()
    print()
    hour()


if __name__ == "__main__":
    if sys.argv[1:] == ["hour"]:
        asyncio.run(an_hour())
    else:
        main()
