"""The supervisor of a host process, run for real."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ninelives.region.ports import LogLine
from ninelives.runtime import host_engine, host_logs, log_feed, shim
from ninelives.runtime.engine import StartFailed
from ninelives.runtime.host_command import TASK_VARIABLE
from ninelives.runtime.host_logs import HostLogs
from ninelives.runtime.host_process import HostProcess, RunFile
from ninelives.runtime.log_cursors import LogCursors
from ninelives.runtime.log_feed import WAITING_LINES_MAX, LogFeed

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def run_file(directory: Path, script: str, environment: dict[str, str] = ENVIRONMENT, program: str = "/bin/sh") -> RunFile:
    return RunFile(
        program=program,
        argv=("sh", "-c", script),
        env=environment,
        cwd=str(directory),
        stop_signal=signal.SIGTERM,
        memory_bytes=None,
        digest=None,
        health=None,
    )


def run(directory: Path, script: str, *, until: str = "") -> HostProcess:
    """Run ``script`` under a supervisor, until that ends; with ``until`` only until it has written that."""
    process = HostProcess(directory, "web", lambda _: None)
    process.spawn(run_file(directory, script), {})

    async def main() -> None:
        ended = asyncio.Event()
        process._ended = lambda _: ended.set()
        process.watch()
        while not ended.is_set() and not (until and until in log_of(directory)):  # noqa: ASYNC110  # a file has no event
            await asyncio.sleep(0.01)
        process.close()

    asyncio.run(main())
    return process


def log_of(directory: Path) -> str:
    path = directory / "log"
    return path.read_text() if path.exists() else ""


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 9", 9), ("kill -9 $$", 137), ("kill -15 $$", 143)])
def test_the_code_of_every_end_is_noted(script: str, code: int, tmp_path: Path) -> None:
    seen = run(tmp_path, script).observation()

    assert (seen.last_status, seen.exit_code, seen.reason) == ("STOPPED", code, None)


def test_what_a_process_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    escape = f"{sys.executable} -c 'import os,time; os.setsid(); print(os.getpid(), flush=True); time.sleep(60)' &"
    run(tmp_path, f"{escape} sleep 60 & echo $!; until [ 0$(grep -cs ' [0-9][0-9]*$' log) -ge 2 ]; do sleep 0.02; done")
    said = [line.split()[1] for line in log_of(tmp_path).splitlines()]
    pids = [int(word) for word in said if word.isdecimal()]  # a shell may say how its children ended

    assert len(pids) == 2
    assert not any(is_alive(pid) for pid in pids)


def test_a_process_whose_supervisor_is_killed_dies_and_is_reported(tmp_path: Path) -> None:
    process = run(tmp_path, "echo ready; sleep 60", until="ready")
    started = json.loads((tmp_path / "started.json").read_text())
    process.kill_supervisor()
    assert process._supervisor is not None
    process._supervisor.wait()
    seen = process.observation()

    assert (seen.last_status, seen.exit_code) == ("STOPPED", 137)
    assert "supervisor" in (seen.reason or "")
    while is_alive(started["pid"]):
        os.sched_yield()


def test_a_second_supervisor_runs_nothing(tmp_path: Path) -> None:
    process = run(tmp_path, "echo once; sleep 60", until="once")
    process.spawn(run_file(tmp_path, "echo twice"), {})
    process.signal(signal.SIGKILL)
    process.kill_supervisor()

    assert "twice" not in log_of(tmp_path)


def test_a_signal_reaches_no_process_that_has_got_the_number_since(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        content = {"pid": other.pid, "start": "1", "shim_pid": other.pid, "shim_start": "1", "at": 0.0}
        (tmp_path / "started.json").write_text(json.dumps(content))
        process = HostProcess(tmp_path, "web", lambda _: None)
        process.signal(signal.SIGKILL)
        process.kill_supervisor()

        assert other.poll() is None
        other.kill()


def test_a_program_of_another_kind_is_a_failure_with_the_system_s_words(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF for another machine")
    program.chmod(0o755)

    with pytest.raises(StartFailed, match="exec format error"):
        HostProcess(tmp_path, "web", lambda _: None).spawn(run_file(tmp_path, "", program=str(program)), {})


def test_ignored_signals_are_not_handed_down(tmp_path: Path) -> None:
    run(tmp_path, "grep SigIgn /proc/self/status")

    # The C library keeps signals 32 and 33 for itself; the others start anew.
    assert int(log_of(tmp_path).split()[-1], 16) & (2**31 - 1) == 0


def test_marked_processes_are_found_wherever_they_are() -> None:
    with subprocess.Popen(
        ["sleep", "60"], env=ENVIRONMENT | {TASK_VARIABLE: "arn:of/a-test"}, start_new_session=True
    ) as stray:
        environ = Path(f"/proc/{stray.pid}/environ")
        while not environ.read_bytes():
            os.sched_yield()  # a new program is known before its environment is
        host_engine.kill_marked("arn:of/another-test")
        assert stray.poll() is None
        host_engine.kill_marked("arn:of/a-test")

        assert stray.wait() == -signal.SIGKILL


def test_logs_are_bounded_and_followed_over_their_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shim, "LOG_BYTES_MAX", 4096)
    monkeypatch.setattr(host_logs, "POLL_SECONDS", 0.01)
    monkeypatch.chdir(tmp_path)

    async def main() -> list[str]:
        messages: list[str] = []
        cursors: list[str] = []
        news = asyncio.Event()

        def logged(lines: Sequence[LogLine], stored: Callable[[], None]) -> None:
            messages.extend(line.message for line in lines)
            stored()
            news.set()

        async def until_said(message: str) -> None:
            while message not in messages[-1:]:
                news.clear()
                await news.wait()

        feed = LogFeed(asyncio.get_running_loop(), logged)
        logs = HostLogs(feed)
        logs.follow(tmp_path, task_arn="arn", container_name="web", cursor=None, delivered=cursors.append)
        log = shim.Log()
        for number in range(0, 3000, 100):
            log.write([str(one).encode() for one in range(number, number + 100)])
            await until_said(str(number + 99))
        logs.end(tmp_path)
        await logs.ended(tmp_path)
        logs.follow(tmp_path, task_arn="arn", container_name="web", cursor=cursors[-1], delivered=lambda _: None)
        log.write([b"later"])
        await until_said("later")
        logs.close()
        feed.close()
        return messages

    messages = asyncio.run(main())

    assert messages == [*map(str, range(3000)), "later"]
    assert sum((tmp_path / name).stat().st_size for name in ("log", "log.1")) <= 2 * 4096


def test_a_reader_that_is_too_fast_waits_and_loses_nothing() -> None:
    line = LogLine(task_arn="arn", container_name="web", timestamp=datetime(2026, 1, 1, tzinfo=UTC), message="x")

    async def main() -> tuple[int, int]:
        taken = 0
        most = 0
        loop = asyncio.get_running_loop()

        def logged(lines: Sequence[LogLine], stored: Callable[[], None]) -> None:
            nonlocal taken
            taken += len(lines)
            loop.call_soon(stored)

        feed = LogFeed(loop, logged)
        reader = threading.Thread(target=lambda: [feed.put([line] * 100, lambda: None) for _ in range(500)])
        reader.start()
        while taken < 50_000:
            most = max(most, feed._count)
            await asyncio.sleep(0)
        reader.join()
        feed.close()
        assert not feed.put([line], lambda: None)
        return taken, most

    taken, most = asyncio.run(main())

    assert taken == 50_000
    assert most < WAITING_LINES_MAX + 100


def test_long_lines_wait_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty thousand lines of a quarter of a megabyte would be five gigabytes."""
    monkeypatch.setattr(log_feed, "WAITING_LINES_MAX", 1_000)
    line = LogLine(task_arn="arn", container_name="web", timestamp=datetime(2026, 1, 1, tzinfo=UTC), message="x" * 250_000)

    async def main() -> None:
        stored: list[Callable[[], None]] = []
        news = asyncio.Event()
        taken = 0

        def logged(_: Sequence[LogLine], safe: Callable[[], None]) -> None:
            stored.append(safe)
            news.set()

        def read() -> None:
            nonlocal taken
            for _ in range(10):
                taken += feed.put([line], lambda: None)

        async def until_stored(count: int) -> None:
            while len(stored) < count:
                news.clear()
                await news.wait()

        feed = LogFeed(asyncio.get_running_loop(), logged)
        reader = threading.Thread(target=read)
        reader.start()
        for number in range(10):
            await until_stored(number + 1)
            assert taken <= number + 5
            stored[number]()
        reader.join()
        assert taken == 10

    asyncio.run(main())


def test_cursors_are_kept_over_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        cursors = LogCursors(tmp_path / "deep" / "cursors.json")
        cursors.advance("web", "1:2")
        cursors.advance("gone", "3:4")
        cursors.forget("gone")
        cursors.close()
        later = LogCursors(tmp_path / "deep" / "cursors.json")

        assert (later["web"], later["gone"]) == ("1:2", None)

    asyncio.run(main())


def test_a_deleted_folder_is_not_brought_back_by_its_cursors(tmp_path: Path) -> None:
    folder = tmp_path / "state"

    async def main() -> None:
        cursors = LogCursors(folder / "cursors.json")
        cursors.advance("web", "1:2")
        folder.rmdir()
        cursors.close()

    asyncio.run(main())

    assert not folder.exists()
