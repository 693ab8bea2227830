"""What the region takes of logs: how many events a second, with how much memory, within which bound on disk.

*PutLogEvents*: batches of 1,000 events of 120 bytes from one client through boto3, one after the other.

*A task*: a host process writes 10,000 lines of 120 bytes a second for a minute to a region whose logs may take 64 MB, and that
is asked a FilterLogEvents and a DescribeLogGroups every tenth of a second meanwhile. *Behind* is how old the newest event is
that can be read; *gap* is what is missing between the oldest and the newest number that are kept.
"""

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.peers import Emulator, free_port
from benchmarks.tables import table

BATCHES = 100
EVENTS = 1_000
MESSAGE = "GET /cats/tom 200 " + "x" * 102
PER_SECOND = 10_000
SECONDS = 60
LIMIT_MB = 64
SEEN_EVERY = 15
WRITER = f"""
import sys, time
begin = time.monotonic()
number = 0
while number < {PER_SECOND * SECONDS}:
    due = int((time.monotonic() - begin) * {PER_SECOND})
    sys.stdout.write("".join(f"{{one:09}} {{'x' * 110}}\\n" for one in range(number, due)))
    sys.stdout.flush()
    number = due
    time.sleep(0.01)
time.sleep(600)
"""
PAUSE = threading.Event()


def region(folder: Path) -> Any:
    from ninelives.cli.background import start_region
    from ninelives.cli.settings import RegionSettings

    settings = RegionSettings(state_directory=folder, port=free_port(), runtime="host", log_bytes_max=LIMIT_MB * 1024 * 1024)
    return start_region(settings)


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def cpu_seconds(pid: int) -> float:
    """Of the control process alone."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def disk_mib(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.glob("logs.sqlite*")) / 1024**2


def put(logs: Any) -> tuple[float, float]:
    """Events a second, and the median milliseconds of a call."""
    logs.create_log_group(logGroupName="put")
    logs.create_log_stream(logGroupName="put", logStreamName="s")
    took = []
    for _ in range(BATCHES):
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": MESSAGE}] * EVENTS
        begin = time.perf_counter()
        logs.put_log_events(logGroupName="put", logStreamName="s", logEvents=events)
        took.append(time.perf_counter() - begin)
    return BATCHES * EVENTS / sum(took), statistics.median(took) * 1000


def start_writer(endpoint: Emulator, image: str) -> None:
    ecs = endpoint.client("ecs")
    ecs.create_cluster(clusterName="bench")
    options = {
        "awslogs-group": "written",
        "awslogs-region": "eu-west-1",
        "awslogs-stream-prefix": "b",
        "awslogs-create-group": "true",
    }
    ecs.register_task_definition(
        family="writer",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        executionRoleArn="arn:aws:iam::123456789012:role/r",
        containerDefinitions=[
            {
                "name": "web",
                "image": image,
                "command": [sys.executable, "-c", WRITER],
                "stopTimeout": 2,
                "logConfiguration": {"logDriver": "awslogs", "options": options},
            }
        ],
    )
    ecs.run_task(
        cluster="bench",
        taskDefinition="writer",
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    )


def newest(logs: Any) -> tuple[int, float]:
    """The number of the newest line that can be read, and how many seconds ago it was written; -1 before the first."""
    try:
        found = logs.filter_log_events(logGroupName="written", startFromHead=False, limit=1)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return -1, 0.0
    if not found:
        return -1, 0.0
    return int(found[0]["message"].split()[0]), time.time() - found[0]["timestamp"] / 1000


def watched(logs: Any, pid: int, folder: Path) -> Iterator[list[str]]:
    while newest(logs)[0] < 0:
        PAUSE.wait(0.05)
    begin, cpu_before, filtered, described, worst = time.monotonic(), cpu_seconds(pid), [], [], 0.0
    for until in range(SEEN_EVERY, SECONDS + 1, SEEN_EVERY):
        while time.monotonic() - begin < until:
            before = time.perf_counter()
            seen, behind = newest(logs)
            filtered.append(time.perf_counter() - before)
            worst = max(worst, behind)
            before = time.perf_counter()
            logs.describe_log_groups()
            described.append(time.perf_counter() - before)
            PAUSE.wait(0.1)
        cpu = (cpu_seconds(pid) - cpu_before) / until
        yield [
            f"{until} s", f"{seen:,}", f"{resident_mib(pid):.0f}", f"{disk_mib(folder):.1f}", f"{100 * cpu:.0f} %",
            f"{1000 * statistics.median(filtered):.1f}", f"{1000 * statistics.median(described):.1f}", f"{worst:.1f}",
        ]  # fmt: skip


def gap(logs: Any) -> str:
    """Of the numbers between the oldest and the newest line that are kept, how many are missing."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="written")
    numbers = [int(event["message"].split()[0]) for page in pages for event in page["events"]]
    missing = numbers[-1] - numbers[0] + 1 - len(set(numbers))
    double = len(numbers) - len(set(numbers))
    return f"{len(numbers):,} lines are kept, the newest; {missing} of them are missing, {double} double"


def main() -> None:
    sys.path.append(str(Path(__file__).parents[1] / "tests" / "contracts"))
    from small_images import docker_root, small_registry

    from ninelives.cli.background import stop_region

    with tempfile.TemporaryDirectory(prefix="ninelives-bench-") as name, small_registry() as images:
        folder = Path(name)
        running = region(folder)
        endpoint = Emulator("ninelives", running.endpoint, running.pid, 0)
        try:
            logs = endpoint.client("logs")
            rate, median = put(logs)
            print(table(["PutLogEvents", "events/s", "ms a call, p50"], [["1,000 events", f"{rate:,.0f}", f"{median:.1f}"]]))
            print()
            logs.delete_log_group(logGroupName="put")
            start_writer(endpoint, images.add("writer", "1", [docker_root()], {"Env": ["PATH=/bin"]}))
            head = [
                "a task",
                "lines read",
                "memory MiB",
                "disk MiB",
                "CPU",
                "Filter ms p50",
                "Describe ms p50",
                "behind at worst s",
            ]
            print(table(head, list(watched(logs, running.pid, folder))))
            print(f"\n{gap(logs)}")
        finally:
            stop_region(folder)


if __name__ == "__main__":
    main()
