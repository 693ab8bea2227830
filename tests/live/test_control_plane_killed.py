"""The control plane may die at any moment: traffic flows on, and the deployment goes on where it was."""

import os
import signal
from pathlib import Path

import pytest
from live_region import RegionUnderTest, eventually

from ninelives.cli.background import start_region
from ninelives.cli.settings import process_start
from ninelives.rehearsal.load_process import LoadProcess
from ninelives.rehearsal.sample import Target, mixed_traffic

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


def kill(region: RegionUnderTest) -> None:
    os.kill(region.running.pid, signal.SIGKILL)
    eventually(lambda: process_start(region.running.pid) != region.running.started, what="the end of the control process")


@pytest.fixture(scope="module")
def serving(region: RegionUnderTest) -> RegionUnderTest:
    assert 0 == region.deploy("good-1")[0]
    return region


def test_a_killed_control_plane_loses_nothing_and_takes_its_tasks_back(serving: RegionUnderTest) -> None:
    region, before = serving, serving.get()
    tasks = set(region.client("ecs").list_tasks(cluster="live")["taskArns"])
    url = region.url()

    kill(region)
    assert before == _get(url)
    region.running = start_region(region.settings)

    assert before == _get(url)
    assert tasks == set(region.client("ecs").list_tasks(cluster="live")["taskArns"])
    assert (2, 0) == (region.service()["runningCount"], region.service()["pendingCount"])
    assert 0 == region.deploy("good-2")[0]
    assert "good-2" == _get(url)


def test_a_deployment_whose_control_plane_is_killed_goes_on_and_loses_no_request(
    serving: RegionUnderTest, tmp_path: Path
) -> None:
    region, before = serving, serving.get()
    host, port = region.url().removeprefix("http://").split(":")

    with LoadProcess(Target(host=host, port=int(port)), mixed_traffic(60), tmp_path) as load:
        load.start()
        assert 0 == region.command("deploy", "slow-boot-1", "--no-wait").returncode
        kill(region)
        region.running = start_region(region.settings)
        eventually(lambda: is_rolled_out(region, "slow-boot-1"), within=60, what="the end of the deployment")
        samples = load.stop()

    assert [] == [sample for sample in samples if sample.is_lost]
    assert {before, "slow-boot-1"} == {sample.version for sample in samples}
    assert "slow-boot-1" == region.get()


def is_rolled_out(region: RegionUnderTest, version: str) -> bool:
    """One deployment, completed, and none but its version answers any more."""
    (primary, *others) = region.service()["deployments"]
    return not others and primary["rolloutState"] == "COMPLETED" and {version} == {region.get() for _ in range(6)}


def _get(url: str) -> str:
    import urllib.request

    with urllib.request.urlopen(url, timeout=10) as response:
        body: str = response.read().decode().strip()
        return body
