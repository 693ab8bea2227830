"""Containers reach the agent at ECS's own address, and nothing else by that way."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from runtime_bench import Bench, watched

from ninelives.region.ports import TaskInputs, TaskLaunch
from ninelives.runtime.agent_network import ADDRESS, close_agent_network, open_agent_network


@dataclass(frozen=True, slots=True)
class Told:
    """Tells each container where the agent is."""

    url: str

    async def inputs(self, launch: TaskLaunch) -> TaskInputs:
        told = {one.name: {"ECS_CONTAINER_METADATA_URI_V4": self.url} for one in launch.definition.containers}
        return TaskInputs(environment=told, reaches_agent=True)


@pytest.fixture
def agent(docker_bench: Bench) -> Iterator[tuple[str, list[str]]]:  # noqa: ARG001 - it skips where no Docker is
    """The URL of a listener at the agent's address, and who has asked it."""
    callers: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            callers.append(str(self.client_address[0]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"agent\n")

        def log_message(self, *_: Any) -> None: ...

    address = open_agent_network()
    assert address == ADDRESS
    server = ThreadingHTTPServer((address, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://{address}:{server.server_address[1]}", callers
    server.shutdown()
    server.server_close()
    thread.join()
    close_agent_network()


@pytest.mark.docker
@pytest.mark.parametrize("beside", [(), ("side",)], ids=["alone", "with another container"])
def test_a_container_reaches_the_agent_and_its_task_s_address_stays_that_of_the_bridge(
    docker_bench: Bench, agent: tuple[str, list[str]], beside: tuple[str, ...]
) -> None:
    url, callers = agent

    async def main() -> None:
        async with watched(docker_bench, inputs=Told(url)) as one:
            script = 'busybox wget -qO- "$ECS_CONTAINER_METADATA_URI_V4/"; sleep 60'
            others = [docker_bench.container("sleep 60", name=name) for name in beside]
            launch = docker_bench.launch(docker_bench.container(script), *others)
            started = await one.start(launch)
            await one.until_said(launch, "agent")
            assert started.address is not None
            statistics = (await one.runtime.statistics(launch.task.arn))["web"]

            assert not started.address.ip.startswith("169.254.")
            assert callers[0].startswith("169.254.170.")
            assert statistics["cpu_stats"]["cpu_usage"]["total_usage"] > 0
            assert statistics["memory_stats"]["usage"] > 0

    asyncio.run(main())


@pytest.mark.docker
@pytest.mark.parametrize("beside", [(), ("side",)], ids=["alone", "with another container"])
def test_a_container_reaches_the_agent_though_another_region_has_removed_the_network_when_it_ended(
    docker_bench: Bench, agent: tuple[str, list[str]], beside: tuple[str, ...]
) -> None:
    url, _ = agent

    async def main() -> None:
        async with watched(docker_bench, inputs=Told(url)) as one:
            script = 'busybox wget -qO- "$ECS_CONTAINER_METADATA_URI_V4/"; sleep 60'
            others = [docker_bench.container("sleep 60", name=name) for name in beside]
            launch = docker_bench.launch(docker_bench.container(script), *others)
            await asyncio.to_thread(close_agent_network)
            await one.start(launch)
            await one.until_said(launch, "agent")

    asyncio.run(main())


def test_a_host_process_s_use_is_known_while_it_runs(host_bench: Bench) -> None:
    async def main() -> None:
        async with watched(host_bench) as one:
            busy = "n=0; while test $n -lt 20000; do n=$((n+1)); done; echo done; sleep 60"
            launch = host_bench.launch(host_bench.container(busy))
            await one.start(launch)
            await one.until_said(launch, "done")
            statistics = (await one.runtime.statistics(launch.task.arn))["web"]
            await one.runtime.stop(launch)
            await one.until_stopped(launch)

            assert statistics["cpu_stats"]["cpu_usage"]["total_usage"] > 0
            assert 0 < statistics["memory_stats"]["usage"] < statistics["memory_stats"]["limit"]
            assert await one.runtime.statistics(launch.task.arn) == {}

    asyncio.run(main())
