"""Containers by Docker's engine. The SDK blocks, so it runs in a few threads; one more follows the engine's events."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ninelives.model.ecs import ContainerDefinition, TaskAddress
from ninelives.model.images import read_reference
from ninelives.model.observation import ContainerObservation
from ninelives.region.ports import ContainerUsage, NetworkUsage, RegistryLogin, TaskLaunch, TaskUsage
from ninelives.runtime import agent_network
from ninelives.runtime.docker_events import DockerEvents
from ninelives.runtime.docker_facts import (
    create_failure,
    ip_of,
    observation_of,
    reached,
    start_failure,
)
from ninelives.runtime.docker_images import PULL_THREADS, DockerImages
from ninelives.runtime.docker_logs import DockerLog, LoggedContainer
from ninelives.runtime.docker_probe import socket_path
from ninelives.runtime.docker_settings import (
    CONTAINER_NAME,
    INSTANCE,
    PAUSE,
    TASK_ARN,
    DockerHost,
    container_name,
    create_body,
    pause_body,
)
from ninelives.runtime.docker_usage import network_of, together, usage_of
from ninelives.runtime.engine import EngineAway, FoundTask, Seen, cannot_initialize
from ninelives.runtime.log_cursors import LogCursors
from ninelives.runtime.log_feed import LogFeed

if TYPE_CHECKING:
    from docker import APIClient

log = logging.getLogger(__name__)
T = TypeVar("T")
Key = tuple[str, str]
"""A container: its task's ARN and its name."""

THREADS = 12
TIMEOUT_SECONDS = 120
LOG_DRAIN_SECONDS = 3.0
"""How long a removal waits for the last lines of a container's log."""
BRIDGE = "bridge"
VANISHED_EXIT_CODE = 137
NOT_FOUND, CONFLICT = 404, 409


@dataclass(slots=True)
class _Running:
    """What the engine remembers of a container."""

    id: str
    stop_signal: str
    last: ContainerObservation
    log: DockerLog | None = None


class DockerEngine:
    """Containers of one instance: those with its label, and no others."""

    name = "docker"

    def __init__(self, *, instance: str, region: str, directory: Path | None) -> None:
        self._instance = instance
        self._region = region
        self._cursors = LogCursors(None if directory is None else directory / "log-cursors.json")
        self._containers: dict[Key, _Running] = {}
        self._keys: dict[str, Key] = {}
        """Key by container id."""
        self._pauses: dict[str, str] = {}
        """Id of the container that holds the network, by task ARN, where a task has one."""
        self._reach_agent: set[str] = set()
        """Tasks whose variables name the agent's address."""
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="docker")
        self._jobs: set[asyncio.Task[None]] = set()
        self._is_open = False

    async def open(self, seen: Seen, feed: LogFeed) -> None:
        self._seen = seen
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        path = socket_path()
        assert path is not None, "probe says why an engine elsewhere cannot be used"
        self._socket_path = path
        self._client = await self._do(_connect)
        info = await self._do(self._client.info)
        self._images = DockerImages(self._client, str(info["Architecture"]))
        self._host = DockerHost(instance=self._instance, region=self._region, cpu_count=int(info["NCPU"]))
        self._events = DockerEvents(
            self._client,
            label=f"{INSTANCE}={self._instance}",
            happened=self._happened,
            resumed=self._look_at_all,
        )
        self._is_open = True

    async def close(self) -> None:
        for job in self._jobs:
            job.cancel()
        if self._is_open:
            self._events.close()
            self._images.close()
        for container in self._containers.values():
            if container.log is not None:
                container.log.close()
        self._cursors.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _do(self, operation: Callable[[], T]) -> T:
        """Do it in a thread. Raises ``EngineAway`` where Docker does not answer."""
        return await self._loop.run_in_executor(self._threads, reached, operation)

    # Find.

    async def find(self, task_arns: frozenset[str]) -> Mapping[str, FoundTask]:
        found: dict[str, list[tuple[Mapping[str, Any], ContainerObservation]]] = {}
        for inspected in await self._do(self._inspect_all):
            task_arn = inspected["Config"]["Labels"][TASK_ARN]
            one = observation_of(inspected)
            found.setdefault(task_arn, []).append((inspected, one))
            if task_arn in task_arns:
                self._know(task_arn, one, inspected)
        self._cursors.keep_only(self._keys)
        for task_arn in await self._do(self._volume_owners):
            if task_arn not in task_arns:
                found.setdefault(task_arn, [])
        return {task_arn: _found_task(containers) for task_arn, containers in found.items()}

    def _volume_owners(self) -> set[str]:
        """Tasks that have volumes, perhaps nothing else any more."""
        found = self._client.volumes(filters={"label": f"{INSTANCE}={self._instance}"})
        return {one["Labels"][TASK_ARN] for one in found.get("Volumes") or []}

    def _inspect_all(self, task_arn: str | None = None) -> list[Mapping[str, Any]]:
        from docker.errors import NotFound

        labels = [f"{INSTANCE}={self._instance}"] + ([] if task_arn is None else [f"{TASK_ARN}={task_arn}"])
        inspected = []
        for one in self._client.containers(all=True, filters={"label": labels}):
            try:
                inspected.append(self._client.inspect_container(one["Id"]))
            except NotFound:
                continue  # removed in between
        return inspected

    def _know(self, task_arn: str, one: ContainerObservation, inspected: Mapping[str, Any]) -> None:
        """Remember a container, and follow its log once it has been started."""
        container_id, key = str(inspected["Id"]), (task_arn, one.name)
        if one.name == PAUSE:
            self._pauses[task_arn] = container_id
            return
        known = self._containers.get(key)
        if known is None or known.id != container_id:
            known = _Running(id=container_id, stop_signal=inspected["Config"].get("StopSignal") or "SIGTERM", last=one)
            self._containers[key] = known
            self._keys[container_id] = key
        known.last = one
        if known.log is None and one.last_status != "PENDING":
            known.log = DockerLog(
                self._client,
                self._socket_path,
                self._feed,
                container=LoggedContainer(
                    id=container_id, task_arn=task_arn, name=one.name, has_terminal=bool(inspected["Config"].get("Tty"))
                ),
                since=self._cursors[container_id],
                delivered=lambda instant: self._cursors.advance(container_id, instant),
            )

    async def pull(self, reference: str, login: RegistryLogin | None) -> str | None:
        return await self._images.pull(reference, login)

    # Start.

    async def prepare(self, launch: TaskLaunch, *, reaches_agent: bool) -> None:
        if reaches_agent:
            self._reach_agent.add(launch.task.arn)
        if len(launch.definition.containers) > 1:
            self._pauses[launch.task.arn] = await self._do(lambda: self._start_pause(launch))

    def _start_pause(self, launch: TaskLaunch) -> str:
        from docker.errors import APIError

        try:
            body = pause_body(self._host, launch, self._images.pause())
            container_id = self._create(body, container_name(launch, PAUSE))
            self._join_agent(launch, container_id)
            agent_network.start(self._client, container_id)
        except APIError as error:
            raise cannot_initialize(f"the task's network cannot be made: {error}") from error
        return container_id

    async def start(
        self, launch: TaskLaunch, container: ContainerDefinition, digest: str | None, variables: Mapping[str, str]
    ) -> ContainerObservation:
        inspected = await self._do(lambda: self._create_and_start(launch, container, digest, variables))
        one = observation_of(inspected)
        self._know(launch.task.arn, one, inspected)
        return one

    async def restart(
        self,
        launch: TaskLaunch,
        container: ContainerDefinition,
        variables: Mapping[str, str],  # noqa: ARG002 - Docker has kept them
    ) -> ContainerObservation:
        """Docker starts the container that is there; its variables stay those of its first start."""
        running = self._containers[launch.task.arn, container.name]
        if running.log is not None:
            # The lines of the run before come first. One who reads on for longer finds the next run's lines behind them.
            with suppress(TimeoutError):
                async with asyncio.timeout(LOG_DRAIN_SECONDS):
                    await running.log.ended.wait()
        if running.log is not None and running.log.ended.is_set():
            running.log = None
        inspected = await self._do(lambda: self._start(running.id, container))
        one = observation_of(inspected)
        self._know(launch.task.arn, one, inspected)
        return one

    def _create_and_start(
        self, launch: TaskLaunch, container: ContainerDefinition, digest: str | None, variables: Mapping[str, str]
    ) -> Mapping[str, Any]:
        from docker.errors import APIError

        reference = launch.images.get(container.name, container.image)
        image = read_reference(reference)
        pause = self._pauses.get(launch.task.arn)
        body = create_body(
            self._host,
            launch,
            container,
            image=f"{image.name}@{digest}" if digest and image.registry else reference,
            digest=digest,
            network=BRIDGE if pause is None else f"container:{pause}",
            variables=variables,
        )
        try:
            container_id = self._create(body, container_name(launch, container.name))
        except APIError as error:
            raise create_failure(container.name, error.explanation or str(error)) from error
        self._keys[container_id] = (launch.task.arn, container.name)
        if pause is None:
            self._join_agent(launch, container_id)
        return self._start(container_id, container)

    def _join_agent(self, launch: TaskLaunch, container_id: str) -> None:
        """Let the container that holds the task's network reach the agent. A task runs without, rather than not at all."""
        from docker.errors import APIError

        if launch.task.arn not in self._reach_agent:
            return
        try:
            agent_network.join(self._client, container_id)
        except APIError as error:
            log.warning("task %s does not reach its metadata endpoint: %s", launch.task.id, error.explanation or error)

    def _start(self, container_id: str, container: ContainerDefinition) -> Mapping[str, Any]:
        from docker.errors import APIError

        try:
            agent_network.start(self._client, container_id)
        except APIError as error:
            raise start_failure(container.name, error.explanation or str(error)) from error
        inspected: Mapping[str, Any] = self._client.inspect_container(container_id)
        return inspected

    def _create(self, body: dict[str, Any], name: str) -> str:
        """Create a container, or answer the one that an earlier call created."""
        from docker.errors import APIError

        try:
            created = self._client.create_container_from_config(body, name)  # type: ignore[no-untyped-call]  # types-docker
            return str(created["Id"])
        except APIError as error:
            if error.status_code != CONFLICT:
                raise
            return str(self._client.inspect_container(name)["Id"])

    async def address(self, launch: TaskLaunch) -> TaskAddress | None:
        task_arn = launch.task.arn
        holder = self._pauses.get(task_arn)
        if holder is None:
            running = self._containers.get((task_arn, launch.definition.containers[0].name))
            holder = running.id if running is not None else None
        if holder is None:
            return None
        ip = ip_of(await self._do(lambda: self._client.inspect_container(holder)))
        ports = sorted({port for one in launch.definition.containers for port in one.container_ports})
        return None if ip is None else TaskAddress(ip=ip, ports=tuple((port, port) for port in ports))

    async def statistics(self, task_arn: str) -> Mapping[str, Mapping[str, Any]]:
        """It takes a second or two: Docker looks twice, so that shares can be told."""
        running = {
            name: one.id
            for (arn, name), one in self._containers.items()
            if arn == task_arn and one.last.last_status == "RUNNING"
        }
        found = await asyncio.gather(*(self._do(partial(self._statistics, one)) for one in running.values()))
        return {name: one for name, one in zip(running, found, strict=True) if one is not None}

    def _statistics(self, container_id: str) -> Mapping[str, Any] | None:
        from docker.errors import APIError

        try:
            statistics: Mapping[str, Any] = self._client.stats(container_id, stream=False)
        except APIError:
            return None  # it has gone
        return statistics

    # Stop.

    async def send_stop_signal(self, task_arn: str, container_name: str) -> None:
        running = self._containers.get((task_arn, container_name))
        if running is not None:
            await self._signal(running, running.stop_signal)

    async def kill(self, task_arn: str, container_name: str) -> None:
        running = self._containers.get((task_arn, container_name))
        if running is not None:
            await self._signal(running, "SIGKILL")

    async def _signal(self, running: _Running, signal: str) -> None:
        from docker.errors import APIError

        try:
            await self._do(lambda: self._client.kill(running.id, signal))
        except APIError as error:
            if error.status_code not in {NOT_FOUND, CONFLICT}:
                raise
            await self._look_at(running.id)  # it has ended already; perhaps the event was missed

    async def usage(self, task_arns: Collection[str]) -> Mapping[str, TaskUsage]:
        wanted = set(task_arns)
        asked = [
            (arn, name, one.id)
            for (arn, name), one in self._containers.items()
            if arn in wanted and one.last.last_status == "RUNNING"
        ]
        asked += [(arn, PAUSE, self._pauses[arn]) for arn in {arn for arn, _, _ in asked} if arn in self._pauses]
        answers = await asyncio.gather(*(self._do(partial(self._stats, container_id)) for *_, container_id in asked))
        containers: dict[str, dict[str, ContainerUsage]] = defaultdict(dict)
        networks: dict[str, NetworkUsage] = {}
        for (arn, name, _), stats in zip(asked, answers, strict=True):
            if name != PAUSE and (used := usage_of(stats)) is not None:
                containers[arn][name] = used
            if (network := network_of(stats)) is not None:
                networks[arn] = together(networks.get(arn), network)
        return {arn: TaskUsage.of(used, networks.get(arn)) for arn, used in containers.items()}

    async def memory(self, task_arn: str) -> Mapping[str, int]:
        running = {
            name: one.id
            for (arn, name), one in self._containers.items()
            if arn == task_arn and one.last.last_status == "RUNNING"
        }
        answers = await asyncio.gather(*(self._do(partial(self._stats, container_id)) for container_id in running.values()))
        used = {name: usage_of(stats) for name, stats in zip(running, answers, strict=True)}
        return {name: one.memory_bytes for name, one in used.items() if one is not None}

    def _stats(self, container_id: str) -> Mapping[str, Any]:
        """Docker's figures of a container as they are now; none of one that has gone."""
        from docker.errors import NotFound

        try:
            stats: Mapping[str, Any] = self._client.stats(container_id, stream=False, one_shot=True)
        except NotFound:
            return {}  # removed in between
        return stats

    async def remove(self, task_arn: str) -> None:
        logs = [one.log for (arn, _), one in self._containers.items() if arn == task_arn and one.log is not None]
        kept = await self._do(lambda: self._remove_started(task_arn))
        drained = [asyncio.ensure_future(one.ended.wait()) for one in logs]
        if drained:
            _, late = await asyncio.wait(drained, timeout=LOG_DRAIN_SECONDS)
            for waiting in late:
                waiting.cancel()
        for one in logs:
            one.close()
        await self._do(lambda: self._remove_all(kept))
        await self._do(lambda: self._remove_volumes(task_arn))
        for key in [key for key in self._containers if key[0] == task_arn]:
            container = self._containers.pop(key)
            self._keys.pop(container.id, None)
            self._cursors.forget(container.id)
        self._pauses.pop(task_arn, None)
        self._reach_agent.discard(task_arn)

    def _remove_started(self, task_arn: str) -> list[str]:
        """Kill what runs of a task. Answers all its containers, the one that holds the network last."""
        from docker.errors import APIError

        inspected = self._inspect_all(task_arn)
        inspected.sort(key=lambda one: one["Config"]["Labels"][CONTAINER_NAME] == PAUSE)
        for one in inspected:
            if one["State"]["Running"]:
                try:
                    self._client.kill(one["Id"], "SIGKILL")
                except APIError as error:
                    if error.status_code not in {NOT_FOUND, CONFLICT}:
                        raise
        return [str(one["Id"]) for one in inspected]

    def _remove_all(self, container_ids: Iterable[str]) -> None:
        from docker.errors import APIError

        for container_id in container_ids:
            try:
                self._client.remove_container(container_id, v=True, force=True)
            except APIError as error:
                if error.status_code not in {NOT_FOUND, CONFLICT}:
                    raise

    def _remove_volumes(self, task_arn: str) -> None:
        from docker.errors import APIError

        found = self._client.volumes(filters={"label": [f"{INSTANCE}={self._instance}", f"{TASK_ARN}={task_arn}"]})
        for volume in found.get("Volumes") or []:
            try:
                self._client.remove_volume(volume["Name"])
            except APIError as error:
                if error.status_code != NOT_FOUND:
                    raise

    # Events.

    def _happened(self, container_id: str, action: str, attributes: Mapping[str, str]) -> None:
        """An event of a container of ours; called on the loop."""
        key = self._keys.get(container_id)
        if key is None:
            return
        if action == "destroy":
            running = self._containers.get(key)
            if running is not None:
                code = int(attributes.get("exitCode", VANISHED_EXIT_CODE))
                self._tell(key, replace(running.last, last_status="STOPPED", exit_code=running.last.exit_code or code))
        else:
            self._spawn(self._look_at(container_id))

    def _look_at_all(self) -> None:
        for container_id in list(self._keys):
            self._spawn(self._look_at(container_id))

    async def _look_at(self, container_id: str) -> None:
        """Report what the engine says of a container; one that is gone has ended, by force."""
        from docker.errors import APIError, NotFound

        key = self._keys.get(container_id)
        if key is None:
            return
        try:
            one = observation_of(await self._do(lambda: self._client.inspect_container(container_id)))
        except (APIError, EngineAway) as error:
            if not isinstance(error, NotFound):
                log.warning("container %s cannot be looked at (%s); it is looked at when Docker answers again", key[1], error)
                return
            running = self._containers.get(key)
            if running is None:
                return
            one = replace(running.last, last_status="STOPPED", exit_code=VANISHED_EXIT_CODE)
        if one.last_status != "PENDING":
            self._tell(key, one)

    def _tell(self, key: Key, one: ContainerObservation) -> None:
        running = self._containers.get(key)
        if running is not None:
            running.last = one
        self._seen(key[0], one)

    def _spawn(self, job: Any) -> None:
        task = self._loop.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)


def _connect() -> "APIClient":
    from docker import APIClient
    from docker.utils import kwargs_from_env

    return APIClient(**kwargs_from_env(), version="auto", timeout=TIMEOUT_SECONDS, max_pool_size=THREADS + PULL_THREADS)


def _found_task(containers: list[tuple[Mapping[str, Any], ContainerObservation]]) -> FoundTask:
    return FoundTask(containers={one.name: one for _, one in containers if one.name != PAUSE})
