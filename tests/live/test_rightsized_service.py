"""A service whose appetite is known is measured, right-sized, deployed anew, and then fits."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from live_region import RegionUnderTest, eventually, runtimes, skip_without_docker, started

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

TIME_SCALE = 60
"""A minute is a second."""
CPU_UNITS, MEMORY_MIB = 60, 200
"""What each task takes, and what Puma takes besides."""
MEASURED = "12m"
LOOK = ("rightsize", "--json", "--min-data", MEASURED, "--warm-up", "4s")


@pytest.fixture(scope="module", params=runtimes())
def region(request: pytest.FixtureRequest) -> Iterator[RegionUnderTest]:
    skip_without_docker(request.param)
    with started(request.param, time_scale=TIME_SCALE) as region:
        file = region.project / "ninelives.yml"
        # Health checks in a region's time would be most of the work; the figures are to be the application's own.
        text = file.read_text().replace("interval: 5s", "interval: 120s").replace("timeout: 2s", "timeout: 60s")
        file.write_text(text.replace("cpu: 256", "cpu: 2048  # nobody remembers why").replace("memory: 512", "memory: 8192"))
        yield region


def looked_at(region: RegionUnderTest) -> dict[str, Any]:
    """The advice, as soon as enough is measured."""

    def advice() -> dict[str, Any] | None:
        told: dict[str, Any] = json.loads(region.command(*LOOK).stdout)
        return None if told["result"] == "too_little_data" else told

    found: dict[str, Any] = eventually(advice, within=90, what="enough data")
    return found


def measured(region: RegionUnderTest) -> float:
    """CPU of the tasks that run, in percent of what they have, in the region's last minute; 0 of nothing."""
    now = datetime.now(UTC)  # noqa: TID251 - of the region's clock
    found = region.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ECS", MetricName="CPUUtilization", Statistics=["Average"], Period=1,
        Dimensions=[{"Name": "ClusterName", "Value": "live"}, {"Name": "ServiceName", "Value": "behaves"}],
        StartTime=now - timedelta(seconds=10), EndTime=now,
    )["Datapoints"]  # fmt: skip
    newest = max(found, key=lambda one: one["Timestamp"], default={"Average": 0.0})
    average: float = newest["Average"]
    return average


def test_a_known_appetite_gives_the_size_that_fits_it(region: RegionUnderTest) -> None:
    version = f"burns-{CPU_UNITS}-{MEMORY_MIB}"
    code, result = region.deploy(version)
    assert (0, "succeeded") == (code, result["verdict"])

    too_early = region.command("rightsize", "--min-data", "30d")
    assert 1 == too_early.returncode
    assert "advice takes 720h" in too_early.stderr

    first = looked_at(region)

    assert ("changes", 2048, 8192, 2) == (first["result"], first["now"]["cpu"], first["now"]["memory"], first["now"]["count"])
    assert (256, 512, 2) == (first["proposed"]["cpu"], first["proposed"]["memory"], first["proposed"]["count"])
    # Both tasks together, and no more than half as much again for what Puma does besides.
    assert 2 * CPU_UNITS * 0.8 <= first["measured"]["cpu"]["p50"] <= 2 * CPU_UNITS * 1.5
    assert MEMORY_MIB <= first["measured"]["memory"]["maximum"] <= MEMORY_MIB + 120
    assert first["monthly_saving"] > 0

    applied = region.command("rightsize", "--apply", "--yes", *LOOK[2:])

    assert 0 == applied.returncode, applied.stderr
    assert "+cpu: 256  # nobody remembers why" in applied.stdout
    assert 2048 == int(region.client("ecs").describe_task_definition(taskDefinition="behaves")["taskDefinition"]["cpu"])

    code, result = region.deploy(version)
    assert (0, "succeeded") == (code, result["verdict"])
    eventually(lambda: 0.8 * CPU_UNITS <= measured(region) * 256 / 100 <= 2 * CPU_UNITS, what="the CPU that was foretold")
    second = looked_at(region)
    assert "unchanged" == second["result"]
    assert 0 == second["monthly_saving"]
