"""Where tasks reach the region's agent: loopback for host processes, for containers ECS's own address on a Docker network."""

import asyncio
import contextlib
import json
import logging
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ninelives.api.agent import Agent, Call, Statistics, agent_app
from ninelives.api.wire import ASGIApp
from ninelives.cli.settings import HOST, RegionSettings
from ninelives.region.ports import TaskLaunch
from ninelives.region.region import Region

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.0/8"
KEY_BYTES = 32
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class AgentPlace:
    """The agent's port and the key of the ids in its paths: containers that run on have been told both."""

    key: bytes
    port: int

    @classmethod
    def of(cls, directory: Path) -> "AgentPlace":
        """That of a state folder; a new one (port 0) where there is none."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            content = json.loads((directory / "agent.json").read_bytes())
            return cls(bytes.fromhex(content["key"]), int(content["port"]))
        return cls(secrets.token_bytes(KEY_BYTES), 0)

    def keep(self, directory: Path) -> None:
        draft = directory / "agent.draft"
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, PRIVATE), "w", encoding="utf-8") as file:
            json.dump({"key": self.key.hex(), "port": self.port}, file)
        draft.replace(directory / "agent.json")


class AgentEndpoint:
    """The agent of a region, and its own server."""

    def __init__(self, settings: RegionSettings, region: Region, call: Call) -> None:
        self._settings = settings
        self._place = AgentPlace.of(settings.state_directory)
        self._agent = Agent(region, key=self._place.key, call=call)

    def variables(self, launch: TaskLaunch, container_name: str) -> Mapping[str, str]:
        """What a container is told of the agent: nothing before it listens."""
        return self._agent.variables(launch, container_name)

    @contextlib.asynccontextmanager
    async def serving(self, aws: ASGIApp, statistics: Statistics) -> AsyncIterator[None]:
        """The agent answers inside the block. Where it cannot listen, tasks run without it, and the log says why.

        Containers find the AWS API behind the agent too; host processes reach the region's endpoint itself.
        """
        self._agent.statistics = statistics
        if self._settings.runtime == "docker":
            from ninelives.runtime.agent_network import SUBNET, open_agent_network

            host = await asyncio.to_thread(open_agent_network)
            app = agent_app(self._agent, network=SUBNET, aws=aws)
        else:
            host, app = HOST, agent_app(self._agent, network=LOOPBACK, aws=None)
        stop = asyncio.Event()
        serving = None if host is None else await self._listening(app, host, stop)
        try:
            yield
        finally:
            stop.set()
            if serving is not None:
                await serving

    async def _listening(self, app: ASGIApp, host: str, stop: asyncio.Event) -> asyncio.Task[None] | None:
        """The server, once it listens at the agent's earlier port or at a free one; None where it cannot."""
        from ninelives.api.server import serve

        for port in dict.fromkeys((self._place.port, 0)):
            bound: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            serving = asyncio.create_task(serve(app, host, port, stop=stop, listening=bound.set_result), name="agent")
            waited: set[asyncio.Future[Any]] = {serving, bound}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if bound.done():
                self._listens_at(host, bound.result())
                return serving
            reason = serving.exception()
            log.warning("the tasks' metadata endpoint cannot listen at %s, port %d: %s", host, port, reason)
        return None

    def _listens_at(self, host: str, port: int) -> None:
        AgentPlace(self._place.key, port).keep(self._settings.state_directory)
        self._agent.url = f"http://{host}:{port}"
        self._agent.aws_url = self._agent.url if self._settings.runtime == "docker" else self._settings.endpoint
