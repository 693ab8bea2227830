"""The control plane may die at any moment: traffic flows on, and the deployment goes on where it was."""

import os
import signal

import pytest
from live_region import RegionUnderTest, eventually

from ninelives.cli.background import start_region
from ninelives.cli.settings import process_start

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


def kill(region: RegionUnderTest) -> None:
    os.kill(region.running.pid, signal.SIGKILL)
    eventually(lambda: process_start(region.running.pid) != region.running.started, what="the end of the control process")


def test_a_killed_control_plane_loses_nothing_and_takes_its_tasks_back(fresh_region: RegionUnderTest) -> None:
    region = fresh_region
    assert 0 == region.deploy("good-1")[0]
    tasks = set(region.client("ecs").list_tasks(cluster="live")["taskArns"])
    url = region.url()

    kill(region)
    assert "good-1" == _get(url)
    region.running = start_region(region.settings)

    assert "good-1" == _get(url)
    assert tasks == set(region.client("ecs").list_tasks(cluster="live")["taskArns"])
    assert (2, 0) == (region.service()["runningCount"], region.service()["pendingCount"])
    assert 0 == region.deploy("good-2")[0]
    assert "good-2" == _get(url)


def test_a_deployment_goes_on_after_its_control_plane_was_killed(fresh_region: RegionUnderTest) -> None:
    region = fresh_region
    assert 0 == region.deploy("good-1")[0]
    assert 0 == region.command("deploy", "slow-boot-1", "--no-wait").returncode

    kill(region)
    region.running = start_region(region.settings)

    def done() -> bool:
        service = region.service()
        return len(service["deployments"]) == 1 and service["deployments"][0]["rolloutState"] == "COMPLETED"

    eventually(done, within=60, what="the end of the deployment")
    eventually(lambda: region.get() == "slow-boot-1", what="the new version")


def _get(url: str) -> str:
    import urllib.request

    with urllib.request.urlopen(url, timeout=10) as response:
        body: str = response.read().decode().strip()
        return body
