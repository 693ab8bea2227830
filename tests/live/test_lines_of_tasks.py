"""What tasks write is read by boto3; events of several lines are whole; metrics are made."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from live_region import RegionUnderTest, eventually

from ninelives.cli.background import start_region

sys.path.append(str(Path(__file__).parents[1] / "contracts"))
from small_images import SmallRegistry, docker_root, small_registry

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

GROUP = "/told"
EMBEDDED = json.dumps(
    {
        "_aws": {
            "Timestamp": 0,
            "CloudWatchMetrics": [
                {"Namespace": "Cats", "Dimensions": [["path"]], "Metrics": [{"Name": "latency", "Unit": "Milliseconds"}]}
            ],
        },
        "path": "/cats",
        "latency": [10, 20, 60],
    }
)
SCRIPT = f"""
echo '{EMBEDDED}' | sed "s/\\"Timestamp\\": 0/\\"Timestamp\\": $(date +%s)000/"
echo 'INFO begins'
echo '  and goes on'
echo 'ERROR status=503'
head -c 40000 /dev/zero | tr '\\0' x; echo
echo 'INFO done'
sleep 300
"""
LOGS = {
    "logDriver": "awslogs",
    "options": {
        "awslogs-group": GROUP,
        "awslogs-region": "eu-west-1",
        "awslogs-stream-prefix": "told",
        "awslogs-create-group": "true",
        "awslogs-multiline-pattern": "^(INFO|ERROR|{)",
        "mode": "non-blocking",
        "max-buffer-size": "4m",
    },
}


@pytest.fixture(scope="module")
def images() -> Iterator[SmallRegistry]:
    with small_registry() as one:
        yield one


@pytest.fixture(scope="module")
def written(region: RegionUnderTest, images: SmallRegistry) -> list[dict[str, Any]]:
    """The events of a task that has written all it has to say."""
    logs = region.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    transformation = {"metricName": "Errors", "metricNamespace": "Cats", "metricValue": "1", "defaultValue": 0}
    logs.put_metric_filter(
        logGroupName=GROUP, filterName="errors", filterPattern="ERROR", metricTransformations=[transformation]
    )
    ecs = region.client("ecs")
    ecs.create_cluster(clusterName="told")
    ecs.register_task_definition(
        family="told",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        executionRoleArn="arn:aws:iam::123456789012:role/cats",
        containerDefinitions=[
            {
                "name": "web",
                "image": images.add("told", "1", [docker_root()], {"Env": ["PATH=/bin"]}),
                "command": ["sh", "-c", SCRIPT],
                "stopTimeout": 2,
                "logConfiguration": LOGS,
            }
        ],
    )
    ecs.run_task(
        cluster="told",
        taskDefinition="told",
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    )

    def events() -> list[dict[str, Any]]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP)
        found = [event for page in pages for event in page["events"]]
        return found if found and found[-1]["message"] == "INFO done\n" else []

    told: list[dict[str, Any]] = eventually(events, what="the last line")
    return told


def test_lines_are_merged_to_events_and_long_ones_are_whole(written: list[dict[str, Any]]) -> None:
    messages = [event["message"] for event in written]

    assert messages[1:] == ["INFO begins\n  and goes on\n", f"ERROR status=503\n{'x' * 40_000}\n", "INFO done\n"]
    assert written[0]["logStreamName"].startswith("told/web/")


def test_metrics_are_made_of_events_and_of_what_filters_match(region: RegionUnderTest, written: list[dict[str, Any]]) -> None:
    dimensions = [{"Name": "path", "Value": "/cats"}]
    now = datetime.now(UTC)  # noqa: TID251 as clients ask

    def query(name: str, stat: str, dimensions: list[dict[str, str]]) -> dict[str, Any]:
        metric = {"Namespace": "Cats", "MetricName": name, "Dimensions": dimensions}
        return {"Id": name.lower(), "MetricStat": {"Metric": metric, "Period": 3600, "Stat": stat}}

    def asked() -> dict[str, float]:
        answer = region.client("cloudwatch").get_metric_data(
            StartTime=now - timedelta(hours=2),
            EndTime=now + timedelta(hours=1),
            MetricDataQueries=[query("latency", "Average", dimensions), query("Errors", "Sum", [])],
        )
        found = {one["Id"]: sum(one["Values"]) for one in answer["MetricDataResults"] if one["Values"]}
        return found if len(found) == 2 else {}

    assert written
    assert eventually(asked, what="both metrics") == {"latency": 30.0, "errors": 1.0}


def test_they_are_all_there_when_the_control_plane_was_killed(region: RegionUnderTest, written: list[dict[str, Any]]) -> None:
    """Last in this module: it restarts the control plane. What was written in its last second may come twice."""
    os.kill(region.running.pid, signal.SIGKILL)
    eventually(lambda: not region.running.is_alive, what="the end of the control plane")
    region.running = start_region(region.settings)
    pages = region.client("logs").get_paginator("filter_log_events").paginate(logGroupName=GROUP)

    assert {event["message"] for page in pages for event in page["events"]} == {event["message"] for event in written}
