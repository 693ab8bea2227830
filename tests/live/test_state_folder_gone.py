"""A region whose state folder was deleted under it can still be ended, with all that it runs."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from live_region import RegionUnderTest, eventually, runtimes, skip_without_docker, started

from ninelives.cli.background import stop_region
from ninelives.cli.strays import control_processes, proxies, supervisors

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

WAYS = ("down", "SIGINT", "down after a kill")
AT_ONCE = {"host": 3, "docker": 1}
"""Regions beside each other: an engine builds and starts one thing at a time, so that nothing is won there."""


def left_of(region: RegionUnderTest) -> list[object]:
    folder = region.settings.state_directory
    left: list[object] = [*control_processes(folder), *proxies(folder), *supervisors(folder)]
    if region.runtime == "docker":
        label = f"label=ninelives.instance={region.settings.instance}"
        left += subprocess.run(["docker", "ps", "-aq", "--filter", label], capture_output=True, check=True).stdout.split()
    return left


def end(runtime: str, how: str) -> tuple[list[object], bool]:
    """What runs on, and whether the state folder is back, once a region without one was ended."""
    with started(runtime) as region:
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
        return left_of(region), folder.exists()


@pytest.fixture(scope="module", params=runtimes())
def ended(request: pytest.FixtureRequest) -> Iterator[Mapping[str, "Future[tuple[list[object], bool]]"]]:
    """Regions that are ended in every way, some beside each other."""
    skip_without_docker(request.param)
    with ThreadPoolExecutor(AT_ONCE[request.param]) as pool:
        yield {how: pool.submit(end, request.param, how) for how in WAYS}


@pytest.mark.parametrize("how", WAYS)
def test_nothing_is_left(ended: Mapping[str, "Future[tuple[list[object], bool]]"], how: str) -> None:
    assert ([], False) == ended[how].result(timeout=200)
