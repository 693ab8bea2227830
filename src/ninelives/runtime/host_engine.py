"""Containers as processes of the host, each under a supervisor of its own that outlives the control plane."""

import asyncio
import json
import logging
import os
import shutil
import signal
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from ninelives.model.arns import last_part
from ninelives.model.ecs import ContainerDefinition, HealthCheck, HealthStatus, TaskAddress, TaskDefinition
from ninelives.model.observation import ContainerObservation
from ninelives.region.ports import ContainerUsage, RegistryLogin, TaskLaunch, TaskUsage
from ninelives.runtime.engine import FoundTask, Seen, cannot_initialize, utc_now
from ninelives.runtime.environment import MIB
from ninelives.runtime.host_command import (
    LOOPBACK,
    TASK_VARIABLE,
    find_program,
    host_command,
    host_health_check,
    inherited_environment,
    not_enforced,
)
from ninelives.runtime.host_health import HealthCount, watch_health
from ninelives.runtime.host_images import HostImage, HostImages
from ninelives.runtime.host_logs import HostLogs
from ninelives.runtime.host_ports import HostPorts, NoFreePort
from ninelives.runtime.host_process import HealthFile, HostProcess, RunFile
from ninelives.runtime.host_usage import SharedTable, memory_of_trees, read_processes, usage_of_trees
from ninelives.runtime.host_volumes import link_volume, mounts_of
from ninelives.runtime.log_cursors import LogCursors
from ninelives.runtime.log_feed import LogFeed

log = logging.getLogger(__name__)
T = TypeVar("T")

THREADS = 8
ENDED_WITHIN_SECONDS = 5.0
"""How long a removal waits for a supervisor after SIGKILL to its process, before it is killed itself."""
LOG_DRAIN_SECONDS = 3.0
SAME_TABLE = timedelta(seconds=0.25)
"""How old the table of processes may be for the watches of memory: so many tasks share a look at it."""


@dataclass(slots=True)
class _HostTask:
    """A task's directory, ports and processes."""

    directory: Path
    ports: dict[int, int]
    """The host's port by container port."""
    processes: dict[str, HostProcess] = field(default_factory=dict)
    health: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    last: dict[str, ContainerObservation] = field(default_factory=dict)


class HostEngine:
    """Processes of one instance: those below its directory, and no others."""

    name = "host"

    def __init__(self, *, instance: str, region: str, directory: Path) -> None:
        self._instance = instance
        self._region = region
        self._directory = directory.resolve()
        self._ports = HostPorts(instance)
        self._images = HostImages(self._directory / "layers")
        self._cursors = LogCursors(self._directory / "log-cursors.json")
        self._tasks: dict[str, _HostTask] = {}
        self._told: set[str] = set()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="host")
        self._logs: HostLogs | None = None

    async def open(self, seen: Seen, feed: LogFeed) -> None:
        self._seen = seen
        self._loop = asyncio.get_running_loop()
        self._processes = SharedTable(lambda: self._do(read_processes))
        (self._directory / "tasks").mkdir(parents=True, exist_ok=True, mode=0o700)
        self._images.open()
        self._logs = HostLogs(feed)

    async def close(self) -> None:
        for task in self._tasks.values():
            for process in task.processes.values():
                process.close()
            for health in task.health.values():
                health.cancel()
        if self._logs is not None:
            self._logs.close()
        self._cursors.close()
        self._images.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _do(self, operation: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._threads, operation)

    # Find.

    async def find(self, task_arns: frozenset[str]) -> Mapping[str, FoundTask]:
        found: dict[str, FoundTask] = {}
        for directory in sorted((self._directory / "tasks").iterdir()):
            try:
                content = json.loads((directory / "task.json").read_bytes())
            except (FileNotFoundError, NotADirectoryError, ValueError):
                await self._do(lambda directory=directory: shutil.rmtree(directory, ignore_errors=True))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                continue
            arn = content["arn"]
            ports = {int(port): host_port for port, host_port in content["ports"].items()}
            task = self._tasks.setdefault(arn, _HostTask(directory=directory, ports=ports))
            self._ports.keep(ports.values())
            containers = {}
            for name in content["containers"]:
                process = task.processes.get(name) or self._process(arn, task, name)
                containers[name] = process.observation()
                if arn in task_arns:
                    self._adopt(arn, task, process, containers[name])
            found[arn] = FoundTask(containers=containers, address=_address(ports))
        self._cursors.keep_only([f"{task.directory.name}/{name}" for task in self._tasks.values() for name in task.processes])
        return found

    def _adopt(self, task_arn: str, task: _HostTask, process: HostProcess, one: ContainerObservation) -> None:
        if process.name in task.last or one.last_status == "PENDING":
            return
        task.last[process.name] = one
        self._follow_log(task_arn, task, process)
        if one.last_status == "RUNNING":
            process.watch()
            self._watch_health(task_arn, task, process)
        elif self._logs is not None:
            self._logs.end(process.directory)

    # Pull and prepare.

    async def pull(self, reference: str, login: RegistryLogin | None) -> str | None:
        return (await self._images.pull(reference, login)).digest

    async def prepare(self, launch: TaskLaunch, *, reaches_agent: bool) -> None:  # noqa: ARG002 - loopback reaches it
        """The task's directory and ports; those of an earlier call stay."""
        if launch.task.arn in self._tasks:
            return
        self._tell_what_is_left_out(launch.definition)
        directory = self._directory / "tasks" / last_part(launch.task.arn)
        containers = launch.definition.containers
        try:
            ports = {port: self._ports.take() for port in sorted({port for one in containers for port in one.container_ports})}
            await self._do(lambda: _make_task(directory, launch, ports))
        except NoFreePort as error:
            raise cannot_initialize(str(error)) from error
        except OSError as error:
            raise cannot_initialize(f"the task's directory {directory} cannot be made: {error}.") from error
        self._tasks[launch.task.arn] = _HostTask(directory=directory, ports=ports)

    def _tell_what_is_left_out(self, definition: TaskDefinition) -> None:
        """Once for each definition: nothing that it asks for is left out silently."""
        left_out = {member for one in definition.containers for member in not_enforced(one)}
        if left_out and definition.arn not in self._told:
            self._told.add(definition.arn)
            log.warning("%s: host processes do not carry out %s", last_part(definition.arn), ", ".join(sorted(left_out)))

    # Start.

    async def start(
        self, launch: TaskLaunch, container: ContainerDefinition, digest: str | None, variables: Mapping[str, str]
    ) -> ContainerObservation:
        task = self._tasks[launch.task.arn]
        known = task.last.get(container.name)
        if known is not None:
            return known
        process = task.processes.get(container.name) or self._process(launch.task.arn, task, container.name)
        assert digest is not None, "an image on the host comes from a registry"
        image = self._images.pulled(digest)
        return self._began(
            launch.task.arn,
            task,
            process,
            await self._do(lambda: self._start(launch, task, process, container, image, variables)),
        )

    async def restart(
        self, launch: TaskLaunch, container: ContainerDefinition, variables: Mapping[str, str]
    ) -> ContainerObservation:
        """A new process in the directory of the one that has ended; its log goes on."""
        task = self._tasks[launch.task.arn]
        process = task.processes[container.name]
        run = process.run_file()
        assert run is not None, "it has run before"
        assert self._logs is not None, "open comes first"
        await self._logs.ended(process.directory)

        def again() -> ContainerObservation:
            process.forget_run()
            process.spawn(run, {name: value for name, value in variables.items() if name in run.private_names})
            return process.observation()

        return self._began(launch.task.arn, task, process, await self._do(again))

    def _began(self, task_arn: str, task: _HostTask, process: HostProcess, one: ContainerObservation) -> ContainerObservation:
        """Watch a process that was started just now."""
        task.last[process.name] = one
        self._follow_log(task_arn, task, process)
        process.watch()
        self._watch_health(task_arn, task, process)
        return one

    def _start(  # the one place where image, definition, ports and the task's directory meet
        self,
        launch: TaskLaunch,
        task: _HostTask,
        process: HostProcess,
        container: ContainerDefinition,
        image: HostImage,
        variables: Mapping[str, str],
    ) -> ContainerObservation:
        """Unpack and run; it blocks. Raises ``StartFailed``."""
        root = process.directory / "root"
        command = host_command(
            container,
            image.config,
            root=root,
            ports=task.ports,
            task_arn=launch.task.arn,
            region=self._region,
            inherited=inherited_environment(),
            variables=variables,
        )
        memory_mib = container.memory_mib or launch.definition.memory_mib
        try:
            if not process.is_supervised():
                self._images.unpack(image, root)
                for path, volume in mounts_of(launch.definition, container):
                    link_volume(root, path, task.directory / "volumes" / volume)
                command.working_directory.mkdir(parents=True, exist_ok=True)
            process.spawn(
                RunFile.of(
                    command,
                    find_program(command, root),
                    memory_bytes=memory_mib * MIB if memory_mib else None,
                    digest=image.digest,
                    health=_health_file(container.health_check, task.ports),
                    limits=tuple((one.name, one.soft_limit, one.hard_limit) for one in container.ulimits),
                ),
                variables,
            )
        except OSError as error:
            raise cannot_initialize(f"container {container.name!r} cannot be made in {process.directory}: {error}.") from error
        return process.observation()

    async def address(self, launch: TaskLaunch) -> TaskAddress | None:
        return _address(self._tasks[launch.task.arn].ports)

    def _process(self, task_arn: str, task: _HostTask, name: str) -> HostProcess:
        directory = task.directory / name
        directory.mkdir(exist_ok=True, mode=0o700)

        def ended(process: HostProcess) -> None:
            if self._logs is not None:
                self._logs.end(process.directory)
            health = task.health.pop(name, None)
            if health is not None:
                health.cancel()
            self._tell(task_arn, task, process.observation())

        task.processes[name] = HostProcess(directory, name, ended)
        return task.processes[name]

    def _tell(self, task_arn: str, task: _HostTask, one: ContainerObservation) -> None:
        task.last[one.name] = one
        self._seen(task_arn, one)

    def _follow_log(self, task_arn: str, task: _HostTask, process: HostProcess) -> None:
        assert self._logs is not None, "open comes first"
        key = f"{task.directory.name}/{process.name}"
        self._logs.follow(
            process.directory,
            task_arn=task_arn,
            container_name=process.name,
            cursor=self._cursors[key],
            delivered=lambda cursor: self._cursors.advance(key, cursor),
        )

    # Health.

    def _watch_health(self, task_arn: str, task: _HostTask, process: HostProcess) -> None:
        """Check from now on, beginning with what was last known."""
        run = process.run_file()
        one = task.last[process.name]
        if run is None or run.health is None or one.last_status != "RUNNING":
            return
        started_at = one.started_at or utc_now()

        def changed(status: HealthStatus) -> None:
            process.note_health(status)
            self._tell(task_arn, task, replace(task.last[process.name], health_status=status))

        job = watch_health(
            _read_health(run.health),
            run.health["argv"],
            process.command(run),
            count=HealthCount(status=one.health_status, has_started=one.health_status is HealthStatus.HEALTHY),
            elapsed=lambda: utc_now() - started_at,
            changed=changed,
        )
        task.health[process.name] = self._loop.create_task(job, name=f"health of {process.name}")

    async def statistics(self, task_arn: str) -> Mapping[str, Mapping[str, Any]]:
        task = self._tasks.get(task_arn)
        if task is None:
            return {}
        processes = list(task.processes.values())
        found = await asyncio.gather(*(self._do(one.statistics) for one in processes))
        return {one.name: statistics for one, statistics in zip(processes, found, strict=True) if statistics is not None}

    # Stop and remove.

    async def send_stop_signal(self, task_arn: str, container_name: str) -> None:
        process = self._running(task_arn, container_name)
        if process is not None:
            run = process.run_file()
            process.signal(run.stop_signal if run is not None else signal.SIGTERM)

    async def kill(self, task_arn: str, container_name: str) -> None:
        process = self._running(task_arn, container_name)
        if process is not None:
            process.signal(signal.SIGKILL)

    def _running(self, task_arn: str, container_name: str) -> HostProcess | None:
        task = self._tasks.get(task_arn)
        return None if task is None else task.processes.get(container_name)

    async def usage(self, task_arns: Collection[str]) -> Mapping[str, TaskUsage]:
        roots = {
            (arn, process.name): [pid]
            for arn in task_arns
            if (task := self._tasks.get(arn)) is not None
            for process in task.processes.values()
            if (pid := process.supervisor_pid()) is not None
        }
        table = await self._processes.table(oldest=timedelta())
        used = await self._do(lambda: usage_of_trees(roots, table))
        of_task: dict[str, dict[str, ContainerUsage]] = defaultdict(dict)
        for (arn, name), one in used.items():
            of_task[arn][name] = one
        return {arn: TaskUsage.of(containers) for arn, containers in of_task.items()}

    async def memory(self, task_arn: str) -> Mapping[str, int]:
        task = self._tasks.get(task_arn)
        processes = {} if task is None else task.processes
        roots = {name: [pid] for name, one in processes.items() if (pid := one.process_pid()) is not None}
        if not roots:
            return {}
        table = await self._processes.table(oldest=SAME_TABLE)
        return await self._do(lambda: memory_of_trees(roots, table))

    async def remove(self, task_arn: str) -> None:
        task = self._tasks.get(task_arn)
        if task is None:
            return
        for health in task.health.values():
            health.cancel()
        await asyncio.gather(*(self._end(process) for process in task.processes.values()))
        await self._do(lambda: kill_marked(task_arn))
        await self._do(lambda: shutil.rmtree(task.directory))
        for name in task.processes:
            self._cursors.forget(f"{task.directory.name}/{name}")
        self._ports.give_back(task.ports.values())
        self._tasks.pop(task_arn, None)

    async def _end(self, process: HostProcess) -> None:
        """End the process and its supervisor, and let the last lines of its log be read."""
        assert self._logs is not None, "open comes first"
        process.signal(signal.SIGKILL)
        for _ in range(int(ENDED_WITHIN_SECONDS / 0.02)):
            if not process.is_supervised():
                break
            await asyncio.sleep(0.02)
        else:
            process.kill_supervisor()
        process.close()
        self._logs.end(process.directory)
        try:
            async with asyncio.timeout(LOG_DRAIN_SECONDS):
                await self._logs.ended(process.directory)
        except TimeoutError:
            log.warning("the last lines of %s were not read in time", process.directory)


def _health_file(check: HealthCheck | None, ports: Mapping[int, int]) -> HealthFile | None:
    if check is None:
        return None
    return HealthFile(
        argv=list(host_health_check(check, ports)),
        interval=check.interval.total_seconds(),
        timeout=check.timeout.total_seconds(),
        retries=check.retries,
        start_period=check.start_period.total_seconds(),
    )


def _read_health(content: HealthFile) -> HealthCheck:
    return HealthCheck(
        command=("CMD", *content["argv"]),
        interval=timedelta(seconds=content["interval"]),
        timeout=timedelta(seconds=content["timeout"]),
        retries=content["retries"],
        start_period=timedelta(seconds=content["start_period"]),
    )


def _address(ports: Mapping[int, int]) -> TaskAddress:
    return TaskAddress(ip=LOOPBACK, ports=tuple(sorted(ports.items())))


def _make_task(directory: Path, launch: TaskLaunch, ports: Mapping[int, int]) -> None:
    directory.mkdir(exist_ok=True, mode=0o700)  # without its parents: a state folder that was deleted is not to come back
    content = {
        "arn": launch.task.arn,
        "ports": ports,
        "containers": [one.name for one in launch.definition.containers],
    }
    draft = directory / "task.draft"
    draft.write_text(json.dumps(content))
    draft.replace(directory / "task.json")


def kill_marked(task_arn: str) -> None:
    """SIGKILL to every process that bears the task's mark in its environment: what has slipped from its supervisor."""
    mark = f"{TASK_VARIABLE}={task_arn}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            continue  # it has gone, or is another user's
