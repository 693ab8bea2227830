"""A region's processes are found without its state folder, and nobody else's are."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ninelives.cli.background import stop_region
from ninelives.cli.main import run
from ninelives.cli.strays import control_processes, end_processes, proxies, supervisors
from ninelives.runtime import shim

WAITS = "import signal; signal.signal(signal.SIGINT, lambda *_: exit()); print('ready', flush=True); signal.pause()"


@contextmanager
def running(command: list[str], folder: Path, *, executable: str | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(command, cwd=folder, executable=executable, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def control_command(state: Path) -> list[str]:
    return [sys.executable, "-c", WAITS, "ninelives.cli.main", "up", "--foreground", "--state", str(state), "--port", "1"]


def supervised(state: Path, name: str) -> list[str]:
    """A supervisor with a task of its own."""
    folder = state / "tasks" / "tasks" / name / "app"
    folder.mkdir(parents=True)
    run_file: dict[str, object] = {
        "program": "/bin/sleep",
        "argv": ["sleep", "60"],
        "env": {},
        "cwd": "/",
        "memory_bytes": None,
    }
    (folder / "run.json").write_text(json.dumps(run_file))
    return [sys.executable, "-I", "-S", shim.__file__, str(folder)]


def await_log(state: Path) -> None:
    waiting, log = threading.Event(), state / "tasks" / "tasks" / "a" / "app" / "log"
    deadline = time.monotonic() + 10
    while not log.exists() and time.monotonic() < deadline:
        waiting.wait(0.01)
    assert log.exists()


def said(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def test_tasks_and_proxy_end_though_their_folder_is_gone_and_anothers_stay(tmp_path: Path) -> None:
    ours, others = tmp_path / "ours", tmp_path / "ours-too"
    with (
        running(supervised(ours, "a"), ours) as task,
        running(supervised(others, "a"), others) as other_task,
        running(["envoy", "60"], ours / "envoy", executable="/bin/sleep") as envoy,
        running(["envoy", "60"], others / "envoy", executable="/bin/sleep") as other_envoy,
        running(["sleep", "60"], ours / "envoy") as bystander,
    ):
        assert ["started", "started"] == [said(task), said(other_task)]
        await_log(ours)  # what a supervisor opens last; without its folder before that it ends by itself
        shutil.rmtree(ours)
        assert [task.pid] == [one.pid for one in supervisors(ours)]
        assert [envoy.pid] == [one.pid for one in proxies(ours)]

        assert end_processes(ours)

        assert None not in {task.wait(10), envoy.wait(10)}
        assert [None] * 3 == [other_task.poll(), other_envoy.poll(), bystander.poll()]
        assert not end_processes(ours)


def test_down_finds_the_control_process_of_a_folder_that_has_vanished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")  # nothing to look for there
    state = tmp_path / "state"
    with (
        running(control_command(state), tmp_path) as control,
        running(control_command(tmp_path / "state-2"), tmp_path) as other,
    ):
        assert ["ready", "ready"] == [said(control), said(other)]
        assert [control.pid] == [one.pid for one in control_processes(state)]

        assert 0 == run(["down", "--state", str(state)])

        assert control.wait(10) == 0
        assert other.poll() is None
    told = capsys.readouterr().err
    assert "has vanished" in told
    assert "Records stay" not in told
    assert not state.exists()


def test_where_nothing_ran_nothing_was_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")

    assert not stop_region(tmp_path / "state")
