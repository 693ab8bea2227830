"""The demo itself, on each runtime: nothing lost, proven in JSON, and nothing left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ninelives.cli.cats import LOCAL_BASE_IMAGE
from ninelives.insight.release_page import read_page
from ninelives.runtime import DockerRuntime

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
CATS = Path(__file__).parents[2] / "examples" / "cats"


def skip_where_it_cannot_run(runtime: str) -> None:
    if runtime == "host":
        if shutil.which("puma") is None:
            pytest.skip("no Ruby with Sinatra and Puma")
        return
    problem = DockerRuntime.probe()
    if problem:
        pytest.skip(problem)
    if subprocess.run(["docker", "image", "inspect", LOCAL_BASE_IMAGE], capture_output=True, check=False).returncode:
        pytest.skip(f"no image {LOCAL_BASE_IMAGE}: `make base-image` makes it")


def demo(runtime: str, folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """The demo in a process group of its own, its files below ``folder``."""
    return subprocess.Popen(
        [sys.executable, "-m", "ninelives.cli.main", "demo", "--runtime", runtime, "--json", *arguments],
        cwd=CATS,
        env={**os.environ, "TMPDIR": str(folder), "XDG_STATE_HOME": str(state_of(folder))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def state_of(folder: Path) -> Path:
    """Where reports go, beside ``folder``."""
    return folder.with_name(f"{folder.name}-state")


def processes_in(folder: Path) -> list[str]:
    """Processes that work in ``folder`` or were started with a path in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            what = process.joinpath("cwd").readlink().as_posix() + " " + process.joinpath("cmdline").read_text()
        except OSError:
            continue
        if str(folder) in what:
            found.append(what.replace("\0", " "))
    return found


@pytest.mark.parametrize("runtime", ["host", pytest.param("docker", marks=pytest.mark.docker)])
def test_the_demo_loses_nothing_and_leaves_nothing(runtime: str, tmp_path: Path) -> None:
    skip_where_it_cannot_run(runtime)
    with demo(runtime, tmp_path) as running:
        output, said = running.communicate()

    assert running.returncode == 0, said
    proof: dict[str, Any] = json.loads(output)
    assert ("succeeded", runtime, 0) == (proof["verdict"], proof["runtime"], proof["requests"]["lost"])
    assert set(proof["requests"]["by_version"]) == {"1.0.0", "2.0.1"}
    assert set(proof["requests"]["answered_after"]) == {"2.0.1"}
    assert proof["requests"]["sent"] >= 200 * proof["marks_s"]["ended"]
    assert all(proof["latency_ms"][phase]["p99"] > 0 for phase in ("before", "during", "after"))
    assert any("has started 2 tasks" in moment["text"] for moment in proof["timeline"])
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []
    told = read_page(Path(proof["report"]).read_text(encoding="utf-8"))
    assert state_of(tmp_path) in Path(proof["report"]).parents
    assert told.traffic is not None
    assert (told.verdict, told.traffic.total, told.traffic.lost) == ("succeeded", proof["requests"]["sent"], 0)
    assert told.traffic.answers == proof["requests"]["by_version"]
    lives = [(one.side, one.healthy_at is not None, one.has_failed) for one in told.timeline.tasks]
    assert sorted(lives) == [("new", True, False)] * 2 + [("old", True, False)] * 2
    assert all(one.ended_at is not None for one in told.timeline.tasks if one.side == "old")
    assert told.change.digest != told.change.digest_before


@pytest.mark.parametrize("until", ["region eu-west-1 answers", "deployed: 1.0.0 to 2.0.1"])
def test_an_interrupted_demo_cleans_up(until: str, tmp_path: Path) -> None:
    skip_where_it_cannot_run("host")
    with demo("host", tmp_path, "--time-scale", "10") as running:
        assert running.stderr is not None
        assert any(until in line for line in running.stderr), f"never said: {until}"
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate()

    assert (130, "") == (running.returncode, output)
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []
