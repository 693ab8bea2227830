"""The supervisor of one container on the host: starts its process, keeps its output, notes how it ended.

It is run as a program of its own (``python -I -S shim.py DIRECTORY``) and imports little, so that it starts in some 15 ms; it
outlives the control plane. In DIRECTORY it reads ``run.json`` and writes, aside and renamed, ``started.json`` and
``exited.json``; it holds the lock on ``lock`` as long as it lives. On its standard input it gets the variables that are to be
written nowhere, as a JSON object. On its standard output it says one line: ``started``, or ``failed ERRNO``, or ``again`` when
another has run the container already.
"""

# pathlib, contextlib and typing would double the time that a start takes.
# ruff: noqa: PTH104, PTH110, PTH123, PTH208, SIM105

import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
READ_BYTES = 65536
LINE_BYTES_MAX = 256 * 1024
LOG_BYTES_MAX = 10 * 1024 * 1024
"""Of one log file; there are two, so a container's log takes twice this on disk at most."""
WATCH_SECONDS = 0.5
"""How often memory is looked at, where there is a limit."""
LAST_OUTPUT_SECONDS = 1.0
LOCK_ATTEMPTS, LOCK_AGAIN_SECONDS = 20, 0.01
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def main(directory: str) -> None:
    os.chdir(directory)
    lock = os.open("lock", os.O_CREAT | os.O_RDWR, 0o600)
    if not takes(lock):
        say("again")
        return
    if os.path.exists("started.json") or os.path.exists("exited.json"):
        say("again")
        return
    with open("run.json", encoding="utf-8") as file:
        run = json.load(file)
    run["env"].update(json.loads(sys.stdin.buffer.read() or b"{}"))
    supervise(run)


def takes(lock: int) -> bool:
    """Whether the lock becomes ours. Who only looks whether a supervisor lives holds it for a moment, so we wait a little."""
    for _ in range(LOCK_ATTEMPTS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            select.select([], [], [], LOCK_AGAIN_SECONDS)
        else:
            return True
    return False


def say(line: str) -> None:
    """Answer who started us, if it still listens, and let go of the pipe."""
    try:
        os.write(1, line.encode() + b"\n")
    except OSError:
        pass  # it has died; the files tell the next one
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)


def supervise(run: "dict[str, Any]") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # whatever the process leaves behind becomes our child
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    output, output_write = os.pipe2(os.O_CLOEXEC)
    failure, failure_write = os.pipe2(os.O_CLOEXEC)

    pid = os.fork()
    if pid == 0:
        become(run, libc, output_write, failure_write)
    os.close(output_write)
    os.close(failure_write)
    errno = os.read(failure, 64)
    if errno:
        os.waitpid(pid, 0)
        say("failed " + errno.decode())
        return
    write_json(
        "started.json",
        {"pid": pid, "start": start_of(pid), "shim_pid": os.getpid(), "shim_start": start_of(os.getpid()), "at": time.time()},
    )
    say("started")
    log = Log()
    status, out_of_memory = watch(pid, output, wake_read, log, run.get("memory_bytes"))
    finished_at = time.time()
    end_what_is_left()
    drain(output, log)
    code = os.waitstatus_to_exitcode(status)
    write_json(
        "exited.json",
        {"exit_code": 128 - code if code < 0 else code, "out_of_memory": out_of_memory, "at": finished_at},
    )


def become(run: "dict[str, Any]", libc: ctypes.CDLL, output: int, failure: int) -> None:
    """In the child: be the container's process, or say why not."""
    try:
        signal.set_wakeup_fd(-1)
        os.setsid()
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # nobody runs unsupervised
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)  # what is ignored here would be ignored there too
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.umask(0o022)
        for name, soft, hard in run.get("limits", ()):
            limit(name, soft, hard)
        os.chdir(run["cwd"])
        os.execve(run["program"], run["argv"], run["env"])  # noqa: S606  # that is its job
    except OSError as error:
        os.write(failure, str(error.errno).encode())
    finally:
        os._exit(127)


def limit(name: str, soft: int, hard: int) -> None:
    """Set a limit of this process; where it may not be raised, it becomes what is allowed."""
    number = getattr(resource, "RLIMIT_" + name.upper(), None)
    if number is None:
        return
    allowed = resource.getrlimit(number)[1]
    wanted = [resource.RLIM_INFINITY if one < 0 else one for one in (soft, hard)]
    try:
        resource.setrlimit(number, (wanted[0], wanted[1]))
    except (OSError, ValueError):
        most = [one if allowed == resource.RLIM_INFINITY or 0 <= one <= allowed else allowed for one in wanted]
        resource.setrlimit(number, (most[0], most[1]))


def watch(pid: int, output: int, wake: int, log: "Log", memory_bytes: int | None) -> tuple[int, bool]:
    """Keep the output until the process ends. Answers its wait status and whether it was ended for its memory."""
    out_of_memory = False
    readable = [output, wake]
    look_at = time.monotonic() + WATCH_SECONDS
    while True:
        timeout = max(0.0, look_at - time.monotonic()) if memory_bytes else None
        ready = select.select(readable, [], [], timeout)[0]
        if output in ready and not log.take(output):
            readable = [wake]  # it closed its output and runs on
        if wake in ready:
            os.read(wake, READ_BYTES)
            status = reap(pid)
            if status is not None:
                return status, out_of_memory
        if memory_bytes and time.monotonic() >= look_at:
            look_at = time.monotonic() + WATCH_SECONDS
            if not out_of_memory and resident_bytes(pid) > memory_bytes:
                out_of_memory = True
                os.kill(pid, signal.SIGKILL)


def reap(pid: int) -> int | None:
    """Take leave of every child that has ended. Answers the wait status of ``pid`` if it is among them."""
    found = None
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if ended == 0:
            return found
        if ended == pid:
            found = status


def end_what_is_left() -> None:
    """SIGKILL to what the process left behind; the children of those that die become ours, until there are none."""
    while True:
        for child in children_of(os.getpid()):
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def drain(output: int, log: "Log") -> None:
    until = time.monotonic() + LAST_OUTPUT_SECONDS
    while select.select([output], [], [], max(0.0, until - time.monotonic()))[0]:
        if not log.take(output):
            break
    log.close()


def children_of(pid: int) -> list[int]:
    children = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                children += [int(child) for child in file.read().split()]
    except OSError:
        pass  # it ended in between
    return children


def resident_bytes(pid: int) -> int:
    """Memory of a process and its descendants: what is resident and not a file's."""
    total = 0
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            fields = file.read().split()
        total = (int(fields[1]) - int(fields[2])) * PAGE_BYTES
    except OSError:
        return 0
    return total + sum(resident_bytes(child) for child in children_of(pid))


def start_of(pid: int) -> str:
    """When a process started, in clock ticks since boot: with its pid, what tells it from any other."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[19]


def write_json(name: str, content: "dict[str, Any]") -> None:
    with open(name + ".draft", "w", encoding="utf-8") as file:
        json.dump(content, file)
    os.rename(name + ".draft", name)


class Log:
    """Lines with the time of their arrival (seconds since 1970) in front, in ``log``; the file before is ``log.1``."""

    def __init__(self) -> None:
        self.rest = b""
        self.open()

    def open(self) -> None:
        self.file = os.open("log", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self.file).st_size

    def take(self, output: int) -> bool:
        """Read once. False at the end of the output."""
        data = os.read(output, READ_BYTES)
        if not data:
            return False
        *lines, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) >= LINE_BYTES_MAX:
            lines.append(self.rest)
            self.rest = b""
        self.write(lines)
        return True

    def write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        stamp = f"{time.time():.6f} ".encode()
        data = b"".join(stamp + line + b"\n" for line in lines)
        if self.size and self.size + len(data) > LOG_BYTES_MAX:
            os.close(self.file)
            os.rename("log", "log.1")
            self.open()
        try:
            while data:
                written = os.write(self.file, data)
                self.size += written
                data = data[written:]
        except OSError:
            pass  # the disk is full: the service matters more than its log

    def close(self) -> None:
        if self.rest:
            self.write([self.rest])
        os.close(self.file)


if __name__ == "__main__":
    main(sys.argv[1])
