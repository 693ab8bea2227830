"""One container's process on the host, known by the files of its supervisor: started, signalled, adopted, seen to end."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

from ninelives.model.ecs import HealthStatus
from ninelives.model.observation import ContainerObservation
from ninelives.runtime import shim
from ninelives.runtime.engine import cannot_start, utc_now
from ninelives.runtime.host_command import HostCommand
from ninelives.runtime.host_usage import read_processes, usage_of_trees
from ninelives.runtime.start_failures import not_started
from ninelives.runtime.task_memory import OUT_OF_MEMORY

KILLED = 128 + signal.SIGKILL
FILES_OF_A_RUN = ("started.json", "exited.json")
PRIVATE = 0o600
NANOS_PER_MICROSECOND = 1000


class HealthFile(TypedDict):
    """A health check in ``run.json``: the command as the host runs it, durations in seconds."""

    argv: list[str]
    interval: float
    timeout: float
    retries: int
    start_period: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile:
    """What the supervisor is told, and what a later control plane must know: the content of ``run.json``."""

    program: str
    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    stop_signal: int
    memory_bytes: int | None
    digest: str | None
    health: "HealthFile | None"
    limits: "tuple[tuple[str, int, int], ...]" = ()
    """Name, soft and hard limit, as ``ulimits`` of the definition has them."""
    private_names: tuple[str, ...] = ()
    """Variables that the supervisor is told besides, and that are written nowhere."""

    @classmethod
    def of(
        cls,
        command: HostCommand,
        program: str,
        *,
        memory_bytes: int | None,
        digest: str | None,
        health: "HealthFile | None",
        limits: "tuple[tuple[str, int, int], ...]",
    ) -> "RunFile":
        return cls(
            program=program,
            argv=command.argv,
            env=dict(command.environment),
            cwd=str(command.working_directory),
            stop_signal=command.stop_signal,
            memory_bytes=memory_bytes,
            digest=digest,
            health=health,
            limits=limits,
            private_names=tuple(command.private_environment),
        )


class HostProcess:
    """A container's directory and what runs from it. ``ended`` is called on the loop when its supervisor has ended."""

    def __init__(self, directory: Path, name: str, ended: Callable[["HostProcess"], None]) -> None:
        self.directory = directory
        self.name = name
        self.runtime_id: str | None = None
        self._ended = ended
        self._private: Mapping[str, str] | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._pidfd: int | None = None

    # Files.

    def run_file(self) -> RunFile | None:
        content = _read_json(self.directory / "run.json")
        return None if content is None else RunFile(**content)

    def command(self, run: RunFile) -> HostCommand:
        """What ``run`` is. The private variables are those of its start: a later control plane asks the process."""
        if self._private is None:
            self._private = self._private_environment(run)
        return HostCommand(
            argv=tuple(run.argv),
            environment=run.env,
            private_environment=self._private,
            working_directory=Path(run.cwd),
            stop_signal=run.stop_signal,
        )

    def _private_environment(self, run: RunFile) -> Mapping[str, str]:
        started = _read_json(self.directory / "started.json")
        if started is None or not run.private_names:
            return {}
        try:
            pairs = Path(f"/proc/{started['pid']}/environ").read_bytes().split(b"\0")
        except OSError:
            return {}  # it has ended
        environment = dict(os.fsdecode(pair).partition("=")[::2] for pair in pairs if pair)
        return {name: environment[name] for name in run.private_names if name in environment}

    def observation(self) -> ContainerObservation:
        """The container as its files show it. It blocks for a moment."""
        started, exited = (_read_json(self.directory / name) for name in FILES_OF_A_RUN)
        run = self.run_file()
        seen = ContainerObservation(
            name=self.name,
            last_status="PENDING" if started is None else "RUNNING",
            runtime_id=f"{started['pid']}-{started['start']}" if started else None,
            image_digest=run.digest if run else None,
            started_at=_instant(started["at"]) if started else None,
            health_status=self.health_status(),
        )
        if exited is not None:
            return _stopped(seen, exited["exit_code"], OUT_OF_MEMORY if exited["out_of_memory"] else None, exited["at"])
        if started is not None and not self.is_supervised():
            exited = _read_json(self.directory / "exited.json")  # it may have ended while we asked
            if exited is None:
                return _stopped(seen, KILLED, "The supervisor of the host process was killed.", None)
            return self.observation()
        return seen

    def supervisor_pid(self) -> int | None:
        """The supervisor, whose descendants are all that runs of the container; None where none lives."""
        started = _read_json(self.directory / "started.json")
        return int(started["shim_pid"]) if started is not None and self.is_supervised() else None

    def process_pid(self) -> int | None:
        """The container's first process; None where none lives."""
        started = _read_json(self.directory / "started.json")
        return int(started["pid"]) if started is not None and self.is_supervised() else None

    def health_status(self) -> HealthStatus:
        """What the health checks said last; kept over a restart of the control plane."""
        content = _read_json(self.directory / "health.json")
        return HealthStatus.UNKNOWN if content is None else HealthStatus(content["status"])

    def note_health(self, status: HealthStatus) -> None:
        _write_json(self.directory / "health.json", {"status": status})

    def statistics(self) -> dict[str, Any] | None:
        """What the process and its descendants use, in Docker's members; None where it does not run. It blocks."""
        pid, run = self.supervisor_pid(), self.run_file()
        used = {} if pid is None else usage_of_trees({self.name: [pid]}, read_processes())
        if run is None or self.name not in used:
            return None
        usage = used[self.name]
        limit = {} if run.memory_bytes is None else {"limit": run.memory_bytes}
        return {
            "read": utc_now().isoformat().replace("+00:00", "Z"),
            "name": self.name,
            "cpu_stats": {
                "cpu_usage": {"total_usage": usage.cpu // timedelta(microseconds=1) * NANOS_PER_MICROSECOND},
                "online_cpus": os.cpu_count(),
            },
            "memory_stats": {"usage": usage.memory_bytes, **limit},
        }

    def is_supervised(self) -> bool:
        """Whether a supervisor lives: it holds the lock."""
        try:
            with (self.directory / "lock").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    # Start and adopt.

    def spawn(self, run: RunFile, private: Mapping[str, str]) -> None:
        """Start the supervisor and wait for its word. It blocks some 20 ms; raises ``StartFailed``.

        Where one runs already, or has run, nothing is started. ``private`` variables are told, not written.
        """
        self._private = private
        _write_json(self.directory / "run.json", {name: getattr(run, name) for name in RunFile.__slots__})
        with (self.directory / "supervisor.log").open("wb") as errors:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", shim.__file__, str(self.directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                cwd="/",
                env={},
            )
        assert self._supervisor.stdin is not None, "it is a pipe"
        with contextlib.suppress(BrokenPipeError), self._supervisor.stdin as told:  # one that does not start it never reads
            told.write(json.dumps(dict(private)).encode())
        assert self._supervisor.stdout is not None, "it is a pipe"
        with self._supervisor.stdout as said:
            word, _, detail = said.readline().decode().strip().partition(" ")
        if word == "failed":
            self._supervisor.wait()
            raise not_started(f"exec: {json.dumps(run.argv[0])}: {os.strerror(int(detail)).lower()}")
        if word not in {"started", "again"}:
            self._supervisor.wait()
            errors_said = (self.directory / "supervisor.log").read_text(errors="replace").strip()
            raise cannot_start(f"the supervisor of {run.argv[0]} did not start: {errors_said[-500:]}")

    def forget_run(self) -> None:
        """Let the container be run once more: what tells of its last run goes."""
        for name in ("health.json", *FILES_OF_A_RUN):
            (self.directory / name).unlink(missing_ok=True)

    def watch(self) -> None:
        """Have ``ended`` called once the supervisor has ended; at once (soon) if it has."""
        started = _read_json(self.directory / "started.json")
        loop = asyncio.get_running_loop()
        if started is not None:
            self._pidfd = _open_pidfd(started["shim_pid"], started["shim_start"])
        if self._pidfd is None:
            loop.call_soon(self._has_ended)
        else:
            loop.add_reader(self._pidfd, self._has_ended)

    def close(self) -> None:
        """Watch no more."""
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def _has_ended(self) -> None:
        self.close()
        if self._supervisor is not None:
            self._supervisor.wait()
        self._ended(self)

    # Signals.

    def signal(self, number: int) -> None:
        """Send a signal to the container's first process, if it lives."""
        started = _read_json(self.directory / "started.json")
        if started is not None:
            _signal(started["pid"], started["start"], number)

    def kill_supervisor(self) -> None:
        """For a supervisor that does not end by itself; its process dies with it."""
        started = _read_json(self.directory / "started.json")
        if started is not None:
            _signal(started["shim_pid"], started["shim_start"], signal.SIGKILL)


def _stopped(seen: ContainerObservation, code: int, reason: str | None, at: float | None) -> ContainerObservation:
    return ContainerObservation(
        name=seen.name,
        last_status="STOPPED",
        runtime_id=seen.runtime_id,
        image_digest=seen.image_digest,
        exit_code=code,
        reason=reason,
        health_status=HealthStatus.UNKNOWN,
        started_at=seen.started_at,
        finished_at=None if at is None else _instant(at),
    )


def _signal(pid: int, start: str, number: int) -> None:
    """To this process and no other that has got its number since."""
    pidfd = _open_pidfd(pid, start)
    if pidfd is None:
        return
    try:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, number)
    finally:
        os.close(pidfd)


def _open_pidfd(pid: int, start: str) -> int | None:
    """A handle on the process that started at ``start``; None if it is gone."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        if shim.start_of(pid) == start:
            return pidfd
    except OSError:
        pass  # it has gone in between
    os.close(pidfd)
    return None


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return content


def _write_json(path: Path, content: dict[str, Any]) -> None:
    """Aside and renamed; for our eyes only, because an environment holds secrets."""
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, PRIVATE), "w", encoding="utf-8") as file:
        json.dump(content, file)
    draft.replace(path)


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
