"""Every strategy under load on both runtimes: nothing is lost, forward, back, and with kill -9 between."""

import os
import signal
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from live_region import RegionUnderTest, eventually, runtimes, skip_without_docker, started
from strategies import CONFIGURATIONS, ShiftingService, loaded, lost, make

from ninelives.cli.background import start_region
from ninelives.cli.settings import process_start

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

TIME_SCALE = 10
"""A minute of bake is six seconds."""


@pytest.fixture(scope="module", params=runtimes())
def services(request: pytest.FixtureRequest) -> Iterator[Mapping[str, ShiftingService]]:
    """A service for each strategy, steady at version "blue"."""
    skip_without_docker(request.param)
    with started(request.param, time_scale=TIME_SCALE) as region:
        assert 0 == region.deploy("good-1")[0]
        made = {name: make(region, name, "blue", configuration) for name, configuration in CONFIGURATIONS.items()}
        for service in made.values():
            assert service.until("SUCCESSFUL", "ROLLBACK_FAILED")["status"] == "SUCCESSFUL"
        yield made


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        body: str = response.read().decode().strip()
        return body


def kill_control_plane(region: RegionUnderTest) -> None:
    os.kill(region.running.pid, signal.SIGKILL)
    eventually(lambda: process_start(region.running.pid) != region.running.started, what="the end of the control process")
    region.running = start_region(region.settings)


def test_every_strategy_releases_without_losing_a_request_even_when_the_control_plane_dies(
    services: Mapping[str, ShiftingService], tmp_path: Path
) -> None:
    region = services["rolling"].region
    with loaded(services, tmp_path) as loads:
        for service in services.values():
            service.update("green")
        eventually(lambda: services["canary"].deployment().get("lifecycleStage") == "PRODUCTION_TRAFFIC_SHIFT", what="a shift")
        kill_control_plane(region)
        for service in services.values():
            assert service.until("SUCCESSFUL", "ROLLBACK_SUCCESSFUL", within=120)["status"] == "SUCCESSFUL", service.name
        samples = {name: load.stop() for name, load in loads.items()}

    for name, service in services.items():
        assert [] == lost(samples[name]), name
        assert {"blue", "green"} == {sample.version for sample in samples[name]}, name
        assert {"green"} == {get(service.url) for _ in range(4)}, name
        assert len(service.describe()["deployments"]) == 1
        if name != "rolling":
            assert service.shares(0) == service.shares(1)
            assert {get(service.test_url)} == {"green"}


def test_a_release_that_is_stopped_in_its_shift_goes_back_without_losing_a_request(
    services: Mapping[str, ShiftingService], tmp_path: Path
) -> None:
    shifting = {name: service for name, service in services.items() if name != "rolling"}
    before = {name: get(service.url) for name, service in shifting.items()}
    ids = {name: service.describe()["deployments"][0]["id"] for name, service in shifting.items()}
    ecs = services["rolling"].region.client("ecs")

    with loaded(shifting, tmp_path) as loads:
        arns = {name: service.update("red") for name, service in shifting.items()}

        def all_are_stopped() -> bool:
            """Each as soon as it serves the new version, whichever is first."""
            for name in [name for name in arns if _serves(shifting[name], "red")]:
                ecs.stop_service_deployment(serviceDeploymentArn=arns.pop(name), stopType="ROLLBACK")
            return not arns

        eventually(all_are_stopped, within=60, what="the new version of each")
        for service in shifting.values():
            service.until("ROLLBACK_SUCCESSFUL", within=60)
        samples = {name: load.stop() for name, load in loads.items()}

    for name, service in shifting.items():
        assert [] == lost(samples[name]), name
        assert {before[name]} == {get(service.url) for _ in range(4)}, name
        (deployment,) = service.describe()["deployments"]
        assert deployment["id"] == ids[name]


def _serves(service: ShiftingService, version: str) -> bool:
    return version in {get(service.url) for _ in range(10)}


def test_the_order_of_events_is_that_of_ecs(services: Mapping[str, ShiftingService]) -> None:
    """Of the rolling release that the first test made."""
    events = [one["message"] for one in reversed(services["rolling"].describe()["events"])]
    words: Any = (
        "has started",
        " registered ",  # one by one, or together
        "has stopped",
        "deregistered",
        "has begun draining",
        "deployment completed",
    )
    begin = next(index for index, text in enumerate(events) if "has reached a steady state" in text) + 1

    found = [next(index for index, text in enumerate(events) if index >= begin and word in text) for word in words]

    assert found == sorted(found)
