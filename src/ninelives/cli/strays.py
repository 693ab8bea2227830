"""What a region runs, as the machine itself tells it: for a region whose state folder has vanished with all its records.

Processes are told by what cannot vanish: a control process by the folder that it was given, Envoy by the folder that it stands
in, the supervisors of host tasks by the container's folder that they were given; containers by their label.
"""

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ninelives.cli.settings import RegionSettings, process_start

log = logging.getLogger(__name__)

TASK_SECONDS = 30.0
"""How long tasks may take to end after SIGTERM: ECS's default stop timeout."""
KILLED_SECONDS = 5.0
"""How long anything may take to be gone after SIGKILL, and Envoy after SIGTERM."""
CONTROL_SECONDS = 60.0
POLL_SECONDS = 0.05
VANISHED = " (deleted)"
"""What Linux appends to the path of a folder that is no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process by pid and start time: a pid alone may be another's by now."""

    pid: int
    started: str

    @property
    def is_alive(self) -> bool:
        return process_start(self.pid) == self.started

    def send(self, number: signal.Signals) -> None:
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def control_processes(state_directory: Path) -> list[Process]:
    """Control processes that were started in the background for a state folder."""

    def is_one(argv: list[str], _: str) -> bool:
        if not {"ninelives.cli.main", "up", "--foreground"} <= set(argv) or "--state" not in argv[:-1]:
            return False
        return Path(argv[argv.index("--state") + 1]) in {state_directory, state_directory.resolve()}

    return list(_processes(is_one))


def proxies(state_directory: Path) -> list[Process]:
    """The Envoys of a region."""
    place = str(state_directory.resolve() / "envoy")
    return list(_processes(lambda argv, stands_in: stands_in == place and Path(argv[0]).name == "envoy"))


def supervisors(state_directory: Path) -> list[Process]:
    """The supervisors of a region's host tasks."""
    above = state_directory.resolve() / "tasks"
    return list(_processes(lambda argv, _: Path(argv[-2]).name == "shim.py" and above in Path(argv[-1]).parents))


def _processes(is_one: Callable[[list[str], str], bool]) -> Iterator[Process]:
    """Processes of this user's whose arguments and working folder fit."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            argv = os.fsdecode((entry / "cmdline").read_bytes()).split("\0")[:-1]
            stands_in = str((entry / "cwd").readlink()).removesuffix(VANISHED)
        except OSError:
            continue  # it has gone, or is another user's
        started = process_start(int(entry.name))
        if len(argv) > 1 and started is not None and is_one(argv, stands_in):
            yield Process(pid=int(entry.name), started=started)


def end_control_processes(state_directory: Path) -> bool:
    """Tell a folder's control processes to end with what they run; whether there were any."""
    found = control_processes(state_directory)
    _end(found, signal.SIGINT, CONTROL_SECONDS)
    return bool(found)


def end_processes(state_directory: Path) -> bool:
    """End a region's host tasks, then its proxy; whether there were any. Tasks get SIGTERM and half a minute."""
    watching, envoys = supervisors(state_directory), proxies(state_directory)
    tasks = [child for one in watching for child in _children(one)]
    for task in tasks:
        task.send(signal.SIGTERM)
    if not _gone(watching, TASK_SECONDS):
        for task in tasks:
            task.send(signal.SIGKILL)  # its supervisor then ends what it has left behind, and itself
        if not _gone(watching, KILLED_SECONDS):
            _end(watching, signal.SIGKILL, KILLED_SECONDS)
    _end(envoys, signal.SIGTERM, KILLED_SECONDS)
    return bool(watching or envoys)


async def end_containers(settings: RegionSettings) -> None:
    """Remove every container of a region; nothing where Docker does not answer."""
    from ninelives.runtime import DockerRuntime
    from ninelives.runtime.agent_network import close_agent_network
    from ninelives.runtime.engine import EngineAway

    if DockerRuntime.probe() is not None:
        return
    runtime = DockerRuntime(instance=settings.instance, region=settings.region, directory=None)
    runtime.subscribe(lambda _: None, lambda _, stored: stored())
    try:
        await runtime.adopt([])
    except EngineAway as error:
        log.warning("containers of this region may be left: %s", error)
    finally:
        await runtime.close()
    await asyncio.to_thread(close_agent_network)


def _end(processes: Iterable[Process], first: signal.Signals, seconds: float) -> None:
    """A signal, and SIGKILL to whoever is still there some seconds later."""
    left = list(processes)
    for number in (first, signal.SIGKILL):
        for one in left:
            one.send(number)
        if _gone(left, seconds):
            return


def _gone(processes: Iterable[Process], seconds: float) -> bool:
    """Whether all have gone within some seconds. They are no children of ours: they can only be looked at again."""
    left, deadline = list(processes), time.monotonic() + seconds
    while left := [one for one in left if one.is_alive]:
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(POLL_SECONDS)
    return True


def _children(process: Process) -> list[Process]:
    try:
        told = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    found = ((int(child), process_start(int(child))) for child in told)
    return [Process(pid=pid, started=started) for pid, started in found if started is not None]
