"""What the contract of ``TaskRuntime`` needs: launches to make, a runtime to watch, and one that will be killed."""

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from ninelives.model.ecs import ContainerDefinition, DesiredStatus, LastStatus, Task, TaskDefinition
from ninelives.model.observation import ContainerObservation, TaskObservation
from ninelives.region.ports import InputsMissing, InputSource, LogLine, TaskInputs, TaskLaunch, TaskRuntime
from ninelives.runtime import DockerRuntime, HostRuntime

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = "arn:aws:ecs:eu-west-1:123456789012"
WITHIN_SECONDS = 30.0
PORT = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A kind of runtime, with an image that has a shell, and the command by which that image serves ``meow`` at its port."""

    kind: str
    image: str
    registry: str
    """Host of a registry that has the repository ``small`` with an image of the same content, tagged ``1``."""
    serve: tuple[str, ...]
    directory: str
    instance: str

    def runtime(self, inputs: InputSource | None = None) -> TaskRuntime:
        if self.kind == "docker":
            return DockerRuntime(instance=self.instance, region="eu-west-1", directory=Path(self.directory), inputs=inputs)
        return HostRuntime(instance=self.instance, region="eu-west-1", directory=Path(self.directory), inputs=inputs)

    def container(self, script: str, **members: object) -> ContainerDefinition:
        """A container that runs ``script`` in a shell."""
        members = {"name": "web", "image": self.image, "command": ("sh", "-c", script)} | members
        return ContainerDefinition(**members)  # type: ignore[arg-type]  # a test's shorthand

    def launch(self, *containers: ContainerDefinition, task_id: str | None = None, memory_mib: int = 256) -> TaskLaunch:
        """A launch of a new task; with ``task_id`` always of the same one."""
        definition = TaskDefinition(
            arn=f"{PLACE}:task-definition/contract:1",
            family="contract",
            revision=1,
            status="ACTIVE",
            containers=containers,
            cpu_units=1024,
            memory_mib=memory_mib,
            network_mode="awsvpc",
            registered_at=LONG_AGO,
        )
        task = Task(
            arn=f"{PLACE}:task/Staging-Cluster/{task_id or uuid.uuid4().hex}",
            cluster_arn=f"{PLACE}:cluster/Staging-Cluster",
            task_definition_arn=definition.arn,
            group="family:contract",
            last_status=LastStatus.PROVISIONING,
            desired_status=DesiredStatus.RUNNING,
            created_at=LONG_AGO,
            containers=(),
        )
        images = {one.name: one.image for one in containers}
        return TaskLaunch(task=task, definition=definition, service_name=None, images=images)


class Watched:
    """A runtime and all that it has reported."""

    def __init__(self, runtime: TaskRuntime) -> None:
        self.runtime = runtime
        self.history: list[TaskObservation] = []
        self.lines: list[LogLine] = []
        self._news = asyncio.Event()
        runtime.subscribe(self._observed, self._logged)

    def _observed(self, observation: TaskObservation) -> None:
        self.history.append(observation)
        self._news.set()

    def _logged(self, lines: Sequence[LogLine], stored: Callable[[], None]) -> None:
        self.lines += lines
        stored()
        self._news.set()

    async def until(self, is_so: Callable[[], bool], within: float = WITHIN_SECONDS) -> None:
        """Wait for reports until ``is_so``."""

        async def wait() -> None:
            while not is_so():
                self._news.clear()
                await self._news.wait()

        try:
            async with asyncio.timeout(within):
                await wait()
        except TimeoutError:
            raise AssertionError(
                f"not within {within} s; last reports: {self.history[-3:]}; lines {self.lines[-3:]}"
            ) from None

    def seen(self, launch: TaskLaunch) -> TaskObservation:
        """The last report of a task; an empty one before the first."""
        mine = [one for one in self.history if one.task_arn == launch.task.arn]
        return mine[-1] if mine else TaskObservation(task_arn=launch.task.arn)

    def container(self, launch: TaskLaunch, name: str = "web") -> ContainerObservation:
        found = [one for one in self.seen(launch).containers if one.name == name]
        return found[0] if found else ContainerObservation(name=name, last_status="PENDING")

    def messages(self, launch: TaskLaunch, name: str = "web") -> list[str]:
        mine = [one for one in self.lines if (one.task_arn, one.container_name) == (launch.task.arn, name)]
        return [one.message for one in mine]

    async def start(self, launch: TaskLaunch) -> TaskObservation:
        """Start a task and wait until it has started or failed to."""
        await self.runtime.start(launch)
        await self.until(lambda: self.seen(launch).is_started or self.seen(launch).failure is not None)
        return self.seen(launch)

    async def until_stopped(self, launch: TaskLaunch, name: str = "web") -> ContainerObservation:
        await self.until(lambda: self.container(launch, name).last_status == "STOPPED")
        return self.container(launch, name)

    async def until_said(self, launch: TaskLaunch, message: str, name: str = "web") -> None:
        await self.until(lambda: message in self.messages(launch, name))

    async def remove(self, launch: TaskLaunch) -> None:
        await self.runtime.remove(launch.task.arn)
        await self.until(lambda: self.seen(launch).is_removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The ``InputSource`` that gives these variables to every container, or none for a reason."""

    environment: Mapping[str, str] = field(default_factory=dict)
    missing: str | None = None

    async def inputs(self, launch: TaskLaunch) -> TaskInputs:
        if self.missing is not None:
            raise InputsMissing(self.missing)
        return TaskInputs(environment={one.name: self.environment for one in launch.definition.containers})


@asynccontextmanager
async def watched(
    bench: Bench, adopting: Iterable[TaskLaunch] = (), inputs: InputSource | None = None
) -> AsyncIterator[Watched]:
    """A runtime of ``bench``; on leaving, everything of its instance is removed."""
    one = Watched(bench.runtime(inputs))
    try:
        await one.runtime.adopt(list(adopting))
        yield one
    finally:
        await one.runtime.adopt([])
        await one.runtime.close()


def as_seen(launch: TaskLaunch, last_status: LastStatus) -> TaskLaunch:
    """The launch as a later control plane has it in its records."""
    return replace(launch, task=replace(launch.task, last_status=last_status))


# A control plane that will be killed, as a process of its own: `python runtime_bench.py BENCH TASK_ID SCRIPT …`.


async def doomed(bench: Bench, scripts: dict[str, str]) -> None:
    """Start a task for each script, say so, pass on what they write, and never end."""
    one = Watched(bench.runtime())
    await one.runtime.adopt([])
    for task_id, script in scripts.items():
        await one.start(bench.launch(bench.container(script), task_id=task_id))
    sys.stdout.write("ready\n")
    passed_on = 0
    while True:
        await one.until(lambda known=passed_on: len(one.lines) > known, within=3600)  # type: ignore[misc]  # a lambda with a default
        sys.stdout.writelines(f"{line.message}\n" for line in one.lines[passed_on:])
        sys.stdout.flush()
        passed_on = len(one.lines)


def doomed_command(bench: Bench, scripts: dict[str, str]) -> list[str]:
    return [sys.executable, __file__, json.dumps(asdict(bench)), json.dumps(scripts)]


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(doomed(Bench(**(given | {"serve": tuple(given["serve"])})), json.loads(sys.argv[2])))
