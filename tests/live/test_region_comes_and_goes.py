"""`up` right after the control process was told to let go, and `down` in the middle of a release."""

import os
import signal
import subprocess
import sys

import pytest
from live_region import RegionUnderTest, eventually

from ninelives.cli.background import start_region, stop_region
from ninelives.cli.settings import read_running

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


def test_up_right_after_sigterm_brings_the_region_back_with_its_tasks(region: RegionUnderTest) -> None:
    assert 0 == region.deploy("good-1")[0]
    tasks = set(region.client("ecs").list_tasks(cluster="live")["taskArns"])

    os.kill(region.running.pid, signal.SIGTERM)
    command = [sys.executable, "-m", "ninelives.cli.main", "up", "--state", str(region.settings.state_directory)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr

    running = read_running(region.settings.state_directory)
    assert running is not None
    assert running.is_alive, said
    assert running.pid != region.running.pid
    region.running = running
    assert tasks == set(region.client("ecs").list_tasks(cluster="live")["taskArns"])
    assert "good-1" == region.get()


def test_a_release_that_down_interrupts_is_finished_after_up(region: RegionUnderTest) -> None:
    """Four tasks in their boot go down with the region: as failures they would be more than the circuit breaker allows."""
    file = region.project / "ninelives.yml"
    file.write_text(file.read_text().replace("count: 2", "count: 4"))
    assert 0 == region.deploy("good-1")[0]
    assert 0 == region.command("deploy", "slow-boot-1", "--no-wait").returncode
    eventually(lambda: len(region.service()["deployments"]) == 2 and running_count(region) == 8, what="eight tasks")

    stop_region(region.settings.state_directory)
    region.running = start_region(region.settings)
    eventually(lambda: len(region.service()["deployments"]) == 1, within=60, what="the end of the deployment")

    (deployment,) = region.service()["deployments"]
    assert ("COMPLETED", 0) == (deployment["rolloutState"], deployment["failedTasks"])
    assert {"slow-boot-1"} == {region.get() for _ in range(8)}


def running_count(region: RegionUnderTest) -> int:
    count: int = region.service()["runningCount"]
    return count
