"""A region whose state folder was deleted under it can still be ended, with all that it runs."""

import os
import shutil
import signal
import subprocess

import pytest
from live_region import RegionUnderTest, eventually

from ninelives.cli.background import stop_region
from ninelives.cli.strays import control_processes, proxies, supervisors

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


def left_of(region: RegionUnderTest) -> list[object]:
    folder = region.settings.state_directory
    left: list[object] = [*control_processes(folder), *proxies(folder), *supervisors(folder)]
    if region.runtime == "docker":
        label = f"label=ninelives.instance={region.settings.instance}"
        left += subprocess.run(["docker", "ps", "-aq", "--filter", label], capture_output=True, check=True).stdout.split()
    return left


@pytest.mark.parametrize("how", ["down", "SIGINT", "down after a kill"])
def test_nothing_is_left(fresh_region: RegionUnderTest, how: str) -> None:
    region = fresh_region
    folder = region.settings.state_directory
    assert 0 == region.deploy("good-1")[0]
    assert len(left_of(region)) >= 4  # the control process, Envoy, two tasks

    shutil.rmtree(folder)
    if how == "down after a kill":
        os.kill(region.running.pid, signal.SIGKILL)
        eventually(lambda: not control_processes(folder), what="the end of the control process")
    if how == "SIGINT":
        os.kill(region.running.pid, signal.SIGINT)
        eventually(lambda: not control_processes(folder), within=60, what="the end of the control process")
    else:
        assert stop_region(folder)

    assert [] == left_of(region)
    assert not folder.exists()
