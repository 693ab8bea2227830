"""A load that rises and falls, on both runtimes: the service follows it, through a release, and nothing is lost."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from live_region import RegionUnderTest, eventually, runtimes, skip_without_docker, started
from strategies import lost

from ninelives.rehearsal.load_process import LoadProcess
from ninelives.rehearsal.sample import Target, mixed_traffic

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

TIME_SCALE = 30
"""A minute of alarms and cooldowns is two seconds."""
SCALING = """
count: {min: 1, max: 4}
scaling:
  requests_per_task: 40   # in two seconds: 20 a second
  cooldown: {out: 1m, in: 1m}
"""
LOW, PEAK = 4, 46
"""Requests a second, all the time and beside it while it is high: together 100 in two seconds, which is three tasks."""


@pytest.fixture(scope="module", params=runtimes())
def region(request: pytest.FixtureRequest) -> Iterator[RegionUnderTest]:
    skip_without_docker(request.param)
    with started(request.param, time_scale=TIME_SCALE) as region:
        file = region.project / "ninelives.yml"
        file.write_text(file.read_text().replace("count: 2\n", SCALING))
        exit_code, result = region.deploy("good-1")
        assert exit_code == 0, result
        yield region


@contextmanager
def load_of(region: RegionUnderTest, rate: float, folder: Path) -> Iterator[LoadProcess]:
    host, port = region.url().removeprefix("http://").split(":")
    folder.mkdir()
    with LoadProcess(Target(host=host, port=int(port)), mixed_traffic(rate), folder) as load:
        load.start()
        yield load


def desired(region: RegionUnderTest) -> int:
    return int(region.service()["desiredCount"])


def test_the_service_follows_the_load_through_a_release_and_loses_no_request(region: RegionUnderTest, tmp_path: Path) -> None:
    with ExitStack() as stack:
        always = stack.enter_context(load_of(region, LOW, tmp_path / "always"))
        peak = stack.enter_context(load_of(region, PEAK, tmp_path / "peak"))
        eventually(lambda: region.service()["runningCount"] >= 3, within=60, what="the growth")
        grown = desired(region)
        exit_code, result = region.deploy("good-2")
        after_release = desired(region)
        of_the_peak = peak.stop()
        eventually(lambda: region.service()["runningCount"] == 1, within=110, what="the shrinking")
        samples = of_the_peak + always.stop()

    assert exit_code == 0, result
    assert after_release >= 3, f"the release has reset a count of {grown}"
    assert [] == lost(samples)
    assert {"good-1", "good-2"} == {sample.version for sample in samples}
    status = json.loads(region.command("status", "--json").stdout)["scaling"]
    assert (status["min"], status["max"], status["policies"][0]["target"]) == (1, 4, 40.0)
    activities = region.client("application-autoscaling").describe_scaling_activities(ServiceNamespace="ecs")
    told = [one["Description"] for one in activities["ScalingActivities"]]
    assert "Setting desired count to 1." in told
    assert any("-AlarmHigh-" in one["Cause"] for one in activities["ScalingActivities"])
    assert any("-AlarmLow-" in one["Cause"] for one in activities["ScalingActivities"])


def test_the_count_is_set_by_hand_within_its_bounds(region: RegionUnderTest) -> None:
    suspended = region.command("scale", "--suspend", "all", "--json")
    done = region.command("scale", "2", "--wait")
    refused = region.command("scale", "9")
    again = region.command("deploy", "good-2", "--json")

    assert json.loads(suspended.stdout)["scaling"]["suspended"] == ["in", "out", "scheduled"]
    assert done.returncode == 0, done.stderr
    assert "2 of 2 running" in done.stdout
    assert refused.returncode == 1
    assert "A count of 9 is outside the bounds, 1 to 4" in refused.stderr
    assert again.returncode == 0
    assert desired(region) == 2
