"""Starts the region and its peers, each as its users would, on a free loopback port; stops what it started."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

MINISTACK = "ministack[full]==1.5.33"
"""``full`` brings the Docker client, without which it starts no tasks."""

MOTO = "moto[server]==5.2.5"


@dataclass(frozen=True)
class Emulator:
    name: str
    endpoint: str
    pid: int
    started_s: float
    """From the start of the command to the first answered ListClusters; for ninelives with Envoy up."""

    def client(self, service: str) -> Any:
        session: Any = boto3.Session()
        return session.client(
            service,
            endpoint_url=self.endpoint,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def memory_mib(self) -> float:
        """Resident memory of the control process, in MiB; neither Envoy nor tasks and their supervisors."""
        return _resident_mib(self.pid)

    def proxy_mib(self) -> float:
        """Resident memory of the load balancer where it is a process of its own (Envoy), in MiB; else 0."""
        return sum(_resident_mib(pid) for pid in self.proxy_pids())

    def proxy_pids(self) -> list[int]:
        """The load balancer, where it is a process of its own; else none."""
        return [pid for pid in _descendants(self.pid) if _name(pid) == "envoy"]


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:  # it ended meanwhile
        return ""


def _descendants(pid: int) -> list[int]:
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return children + [one for child in children for one in _descendants(child)]


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time that these processes and what they have started have used so far."""
    together = {one for pid in pids for one in (pid, *_descendants(pid))}
    return sum(_cpu_ticks(pid) for pid in together) / os.sysconf("SC_CLK_TCK")


def _cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:  # it ended meanwhile
        return 0
    return int(fields[11]) + int(fields[12])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(probe: Any, started: float) -> float:
    """Seconds until the first answer. ``probe`` is made beforehand: boto3's own start is not the emulator's."""
    while True:
        try:
            probe.list_clusters()
        except Exception:
            if time.monotonic() - started > 60:
                raise
            time.sleep(0.01)
        else:
            return time.monotonic() - started


@contextlib.contextmanager
def ninelives(runtime: str = "host", *, time_scale: float = 1.0) -> Iterator[Emulator]:
    from ninelives.cli.background import start_region, stop_region
    from ninelives.cli.settings import RegionSettings

    with tempfile.TemporaryDirectory(prefix="ninelives-bench-") as folder:
        settings = RegionSettings(state_directory=Path(folder), port=free_port(), runtime=runtime, time_scale=time_scale)
        probe = Emulator("", settings.endpoint, 0, 0).client("ecs")
        started = time.monotonic()
        running = start_region(settings)
        try:
            yield Emulator("ninelives", running.endpoint, running.pid, _wait(probe, started))
        finally:
            stop_region(Path(folder))


@contextlib.contextmanager
def _server(name: str, command: list[str], port: int, environment: dict[str, str]) -> Iterator[Emulator]:
    with tempfile.TemporaryDirectory(prefix="ninelives-bench-") as folder:
        endpoint = f"http://127.0.0.1:{port}"
        probe = Emulator("", endpoint, 0, 0).client("ecs")
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment, "TMPDIR": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            yield Emulator(name, endpoint, process.pid, _wait(probe, started))
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _tool(package: str) -> Path:
    """A peer in a virtual environment of its own (its pins fight ours), kept between runs."""
    name = package.split("=")[0].split("[")[0]
    folder = Path.home() / ".cache" / "ninelives-bench" / name
    if not (folder / "bin" / "python").exists():
        print(f"installing {package} …", file=sys.stderr)
        subprocess.run(["uv", "venv", "-q", str(folder)], check=True)
        subprocess.run(["uv", "pip", "install", "-q", "--python", str(folder / "bin" / "python"), package], check=True)
    return folder / "bin"


def ministack() -> contextlib.AbstractContextManager[Emulator]:
    port = free_port()
    environment = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "MINISTACK_REGION": "eu-west-1"}
    return _server("ministack", [str(_tool(MINISTACK) / "ministack")], port, environment)


def moto() -> contextlib.AbstractContextManager[Emulator]:
    port = free_port()
    return _server("moto", [str(_tool(MOTO) / "moto_server"), "-p", str(port)], port, {})
