"""The runtimes that keep the contract: host processes everywhere, Docker where an engine answers."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "dataplane"))
from runtime_bench import Bench
from small_images import SERVER, SmallRegistry, archive, docker_root, make_docker_image, small_registry

from ninelives.runtime import DockerRuntime


@pytest.fixture(scope="session")
def registry() -> Iterator[SmallRegistry]:
    with small_registry() as one:
        yield one


@pytest.fixture(scope="session")
def docker_image() -> Iterator[str]:
    problem = DockerRuntime.probe()
    if problem is not None:
        pytest.skip(problem)
    image = make_docker_image()
    yield image
    subprocess.run(["docker", "rmi", "-f", image], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def host_bench(tmp_path: Path, registry: SmallRegistry) -> Bench:
    image = registry.add("small", "1", [archive({"app/server.py": SERVER})], {"WorkingDir": "/app", "Cmd": ["sh"]})
    return Bench(
        kind="host",
        image=image,
        registry=registry.host,
        serve=(sys.executable, "server.py"),
        directory=str(tmp_path / "tasks"),
        instance=uuid.uuid4().hex[:12],
    )


@pytest.fixture
def docker_bench(tmp_path: Path, docker_image: str, registry: SmallRegistry) -> Bench:
    registry.add("small", "1", [docker_root()], {"Env": ["PATH=/bin"]})
    return Bench(
        kind="docker",
        image=docker_image,
        registry=registry.host,
        serve=("httpd", "-f", "-p", "8080", "-h", "/www"),
        directory=str(tmp_path / "tasks"),
        instance=uuid.uuid4().hex[:12],
    )


@pytest.fixture(params=["host", pytest.param("docker", marks=pytest.mark.docker)])
def bench(request: pytest.FixtureRequest) -> Bench:
    found: Bench = request.getfixturevalue(f"{request.param}_bench")
    return found
