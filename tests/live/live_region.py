"""A whole region under test: control process, Envoy, tasks; on both runtimes, in a state folder of its own."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest

from ninelives.api.authorization.credentials import RegionKeys
from ninelives.cli.background import start_region, stop_region
from ninelives.cli.docker_images import forget_images
from ninelives.cli.env import ACCESS_KEY, environment, root_keys
from ninelives.cli.settings import REGION, RegionSettings, RunningRegion
from ninelives.runtime import DockerRuntime

APP = Path(__file__).parent / "app"
BASE_IMAGE = "ninelives-cats-base:bookworm"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(condition: Callable[[], Any], *, within: float = 30.0, what: str = "the condition") -> Any:
    """The first true answer of ``condition``; asks again every tenth of a second."""
    waiting = threading.Event()
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        waiting.wait(0.1)
    return pytest.fail(f"{what} did not come true within {within:.0f} s")


@cache
def a_session() -> Any:
    """One for all tests: making one reads botocore's data anew."""
    return boto3.Session(region_name=REGION, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=ACCESS_KEY)


@dataclass
class RegionUnderTest:
    settings: RegionSettings
    running: RunningRegion
    project: Path

    @property
    def runtime(self) -> str:
        return self.running.runtime

    @property
    def environment(self) -> dict[str, str]:
        own = {"NO_COLOR": "1", "PYTHONWARNINGS": "default", "XDG_STATE_HOME": str(self.project.parent / "kept")}
        return {**os.environ, **environment(self.running, self.keys), **own}

    @cached_property
    def keys(self) -> RegionKeys | None:
        """The root keys, where IAM is enforced."""
        return root_keys(self.running, self.settings.state_directory)

    def client(self, service: str, credentials: Mapping[str, str] | None = None) -> Any:
        """A client with keys as STS answers them; without, with those of the region's environment."""
        known = credentials or (
            {"AccessKeyId": self.keys.access_key, "SecretAccessKey": self.keys.secret} if self.keys is not None else {}
        )
        return a_session().client(
            service,
            endpoint_url=self.running.endpoint,
            aws_access_key_id=known.get("AccessKeyId"),
            aws_secret_access_key=known.get("SecretAccessKey"),
            aws_session_token=known.get("SessionToken"),
        )

    def command(
        self, *arguments: str, within: float = 110.0, credentials: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``ninelives …`` in the project's folder."""
        return subprocess.run(
            [sys.executable, "-m", "ninelives.cli.main", *arguments],
            cwd=self.project,
            env={**self.environment, **as_variables(credentials or {})},
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )

    def deploy(self, version: str, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Deploy a version; exit code and the JSON result."""
        done = self.command("deploy", version, "--json", *arguments)
        assert done.stdout.strip(), f"no result; stderr:\n{done.stderr}"
        return done.returncode, json.loads(done.stdout)

    def service(self, name: str = "behaves", cluster: str = "live") -> dict[str, Any]:
        found: dict[str, Any] = self.client("ecs").describe_services(cluster=cluster, services=[name])["services"][0]
        return found

    def url(self) -> str:
        balancers = self.client("elbv2").describe_load_balancers()["LoadBalancers"]
        listeners = self.client("elbv2").describe_listeners(LoadBalancerArn=balancers[0]["LoadBalancerArn"])["Listeners"]
        return f"http://{balancers[0]['DNSName']}:{listeners[0]['Port']}"

    def get(self, path: str = "/") -> str:
        with urllib.request.urlopen(self.url() + path, timeout=10) as response:
            body: str = response.read().decode().strip()
            return body


def as_variables(credentials: Mapping[str, str]) -> dict[str, str]:
    """Keys as STS answers them, as variables of the environment."""
    names = {
        "AccessKeyId": "AWS_ACCESS_KEY_ID",
        "SecretAccessKey": "AWS_SECRET_ACCESS_KEY",
        "SessionToken": "AWS_SESSION_TOKEN",
    }
    return {variable: credentials[name] for name, variable in names.items() if name in credentials}


def start(runtime: str, folder: Path, time_scale: float, functions: Mapping[str, str] | None, **more: Any) -> RegionUnderTest:
    settings = RegionSettings(
        state_directory=folder / "state",
        port=free_port(),
        runtime=runtime,
        time_scale=time_scale,
        functions=functions or {},
        **more,
    )
    project = folder / "app"
    shutil.copytree(APP, project)
    if runtime == "docker":
        file = project / "ninelives.yml"
        file.write_text(file.read_text().replace('{version}"}', f'{{version}}", BASE_IMAGE: "{BASE_IMAGE}"}}'))
    return RegionUnderTest(settings=settings, running=start_region(settings), project=project)


@contextlib.contextmanager
def started(
    runtime: str, *, time_scale: float = 5, functions: Mapping[str, str] | None = None, **more: Any
) -> Iterator[RegionUnderTest]:
    """A region that runs until the block ends; ``more`` are further settings of it."""
    folder = Path(tempfile.mkdtemp(prefix="ninelives-test-"))
    region = None
    try:
        region = start(runtime, folder, time_scale, functions, **more)
        yield region
    finally:
        stop_region(folder / "state")
        if region is not None and os.environ.get("NINELIVES_KEEP_LOGS"):
            shutil.copy(region.settings.log_file, f"/tmp/ninelives-test-{runtime}.log")
        if region is not None and region.runtime == "docker":
            forget_images(region.running.endpoint.removeprefix("http://"))
        shutil.rmtree(folder, ignore_errors=True)


def runtimes() -> list[Any]:
    return [pytest.param("host"), pytest.param("docker", marks=pytest.mark.docker)]


def why_unusable(runtime: str) -> str | None:
    """Why a runtime cannot be used on this machine; None where it can."""
    return DockerRuntime.probe() if runtime == "docker" else None


def skip_without_docker(runtime: str) -> None:
    if runtime != "docker":
        return
    problem = why_unusable(runtime)
    if problem:
        pytest.skip(problem)
    images = subprocess.run(["docker", "image", "inspect", BASE_IMAGE], capture_output=True, check=False)
    if images.returncode != 0:
        pytest.skip(f"no image {BASE_IMAGE}: `make base-image` makes it")
