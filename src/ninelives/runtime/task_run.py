"""The life of one task on any engine: pull, start in order of dependence, stop in reverse, remove; and what is seen of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from ninelives.model.arns import last_part
from ninelives.model.ecs import ContainerDefinition, DesiredStatus, HealthStatus
from ninelives.model.observation import ContainerObservation, TaskObservation
from ninelives.region.ports import InputsMissing, InputSource, RegistryLogin, TaskInputs, TaskLaunch
from ninelives.runtime.dependencies import (
    Condition,
    condition_of,
    dependents_of,
    start_conditions,
    start_timeout_of,
    why_impossible,
)
from ninelives.runtime.engine import ContainerEngine, EngineAway, FoundTask, StartFailed, cannot_initialize
from ninelives.runtime.restarts import may_restart
from ninelives.runtime.task_memory import OUT_OF_MEMORY, is_half_full, is_to_be_watched, to_be_killed

log = logging.getLogger(__name__)
T = TypeVar("T")

RETRY_SECONDS = 1.0
"""When a stop or a removal that the engine refused is tried again."""
ENGINE_AWAY_SECONDS = 30.0
"""How long a task that starts waits for an engine that does not answer: a daemon's restart is no failure of the task."""
WATCH_MEMORY_SECONDS, WATCH_MEMORY_CLOSELY_SECONDS = 2.0, 0.5
"""How often the memory of a task of several containers is looked at, and how often once it uses half of what it has."""
KILLED_WITHIN_SECONDS = 5.0
"""A container that lives on after SIGKILL is killed again after this time."""


class TaskRun:
    """A task in the runtime. Everything here runs on the loop; ``report`` takes each new level of what is seen."""

    def __init__(
        self,
        launch: TaskLaunch,
        engine: ContainerEngine,
        inputs: InputSource,
        report: Callable[[TaskObservation], None],
        now: Callable[[], datetime],
    ) -> None:
        self._launch = launch
        self._engine = engine
        self._source = inputs
        self._inputs: TaskInputs | None = None
        self._report = report
        self._now = now
        self._level = TaskObservation(
            task_arn=launch.task.arn,
            containers=tuple(
                ContainerObservation(name=one.name, last_status="PENDING") for one in launch.definition.containers
            ),
        )
        self._recorded = {one.name: one for one in launch.task.containers}
        self._restarting: dict[str, ContainerObservation | None] = {}
        """Containers that are being started again, with what was seen of each meanwhile."""
        self._out_of_memory: set[str] = set()
        """Containers that were killed because the task used more memory than it has."""
        self._changed = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._bringing_up: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._removing: asyncio.Task[None] | None = None
        self._operations: set[asyncio.Future[None]] = set()

    # What is asked of it.

    def start(self) -> None:
        self._bringing_up = self._spawn(self._bring_up(), "start")

    def resume(self, found: FoundTask) -> None:
        """Go on with a task that an earlier control plane left: report it, and start what it had not started.

        One whose containers all run may have been left before anyone knew its address: bringing it up finds that out.
        """
        task = self._launch.task
        self._level = replace(
            self._level,
            containers=tuple(self._as_found(found.containers.get(one.name, one)) for one in self._level.containers),
            address=found.address or task.address,
            pull_started_at=task.pull_started_at,
            pull_stopped_at=task.pull_stopped_at,
        )
        pending = [one for one in self._level.containers if one.last_status == "PENDING"]
        if not pending and (self._level.address is not None or task.desired_status is DesiredStatus.STOPPED):
            self._level = replace(self._level, is_started=True)
            self._watch()
        elif task.desired_status is DesiredStatus.RUNNING:
            self.start()
        else:
            self._give_up_pending()
        self._report(self._level)
        for one in found.containers.values():
            if one.last_status == "STOPPED" and self._container(one.name).last_status == "RUNNING":
                self._restart(one)

    def _as_found(self, one: ContainerObservation) -> ContainerObservation:
        """A container as an engine still has it; one that ended unseen and is to be restarted counts as running."""
        recorded = self._recorded.get(one.name)
        if recorded is None:
            return one
        ended_unseen = one.last_status == "STOPPED" and recorded.last_status == "RUNNING"
        if ended_unseen and self._launch.task.desired_status is DesiredStatus.RUNNING and self._may_restart(one):
            one = replace(one, last_status="RUNNING", exit_code=None, finished_at=None)
        return replace(one, restart_count=recorded.restart_count)

    def stop(self) -> None:
        if self._stopping is None and self._removing is None:
            self._stopping = self._spawn(self._stop(), "stop")

    def remove(self) -> None:
        if self._removing is None:
            self._removing = self._spawn(self._remove(), "remove")

    async def close(self) -> None:
        """Do nothing more; the containers stay as they are."""
        perhaps = (self._watching, self._bringing_up, self._stopping, self._removing, *self._operations)
        jobs = [job for job in perhaps if job is not None]
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    def seen(self, container: ContainerObservation) -> None:
        """Take what the engine sees of a container. One that has stopped never runs again."""
        if self._removing is not None:
            return
        known = self._container(container.name)
        if known.last_status == "STOPPED" or _is_of_an_earlier_run(container, known):
            return
        if container.last_status == "STOPPED" and container.name in self._out_of_memory:
            self._out_of_memory.discard(container.name)
            container = replace(container, reason=container.reason or OUT_OF_MEMORY)
        if container.name in self._restarting:
            self._restarting[container.name] = container
        elif container.last_status == "STOPPED" and self._may_restart(container):
            self._restart(container)
        else:
            self._keep(container)

    def _keep(self, container: ContainerObservation) -> None:
        known = self._container(container.name)
        kept = replace(
            container,
            runtime_id=container.runtime_id or known.runtime_id,
            image_digest=container.image_digest or known.image_digest,
            started_at=container.started_at or known.started_at,
            restart_count=max(container.restart_count, known.restart_count),
        )
        if kept != known:
            self._become(containers=tuple(kept if one is known else one for one in self._level.containers))

    # Restarts.

    def _may_restart(self, ended: ContainerObservation) -> bool:
        if self._stopping is not None or self._removing is not None:
            return False
        return may_restart(self._definition(ended.name).restart_policy, ended)

    def _restart(self, ended: ContainerObservation) -> None:
        """Start a container again where it is. Until it runs, the task shows it as it was before it ended."""
        self._restarting[ended.name] = None
        self._operation(self._started_again(ended))

    async def _started_again(self, ended: ContainerObservation) -> None:
        name = ended.name
        container, restart_count = self._definition(name), self._container(name).restart_count + 1
        log.info("task %s: container %s exited with %s; it is restarted", self._launch.task.id, name, ended.exit_code)
        try:
            inputs = await self._resolved()
            variables = inputs.environment.get(name, {})
            again = await self._once_there(lambda: self._engine.restart(self._launch, container, variables))
            self._keep(replace(again, restart_count=restart_count))
        except StartFailed as failure:
            self._keep(replace(ended, reason=str(failure)))
        except Exception as error:
            log.exception("task %s: container %s could not be restarted", self._launch.task.id, name)
            self._keep(replace(ended, reason=f"CannotStartContainerError: {error}"))
        finally:
            meanwhile = self._restarting.pop(name)
        if meanwhile is not None:
            self.seen(meanwhile)

    # Up.

    async def _bring_up(self) -> None:
        definition = self._launch.definition
        try:
            inputs = await self._resolved()
            digests = await self._pull(inputs)
            await self._once_there(lambda: self._engine.prepare(self._launch, reaches_agent=inputs.reaches_agent))
            pending = [one for one in definition.containers if self._container(one.name).last_status == "PENDING"]
            await _all_or_first_failure(
                [self._start(one, digests[one.name], inputs.environment.get(one.name, {})) for one in pending]
            )
            address = await self._once_there(lambda: self._engine.address(self._launch))
        except StartFailed as failure:
            log.info("task %s: %s", self._launch.task.id, failure)
            self._become(failure=self._level.failure or str(failure))
        except Exception as error:
            log.exception("task %s: the engine failed", self._launch.task.id)
            self._become(failure=f"ResourceInitializationError: the {self._engine.name} runtime failed: {error}")
        else:
            self._become(is_started=True, address=address or self._level.address)
            self._watch()

    async def _resolved(self) -> TaskInputs:
        """The task's inputs, asked for once. Raises ``StartFailed``."""
        if self._inputs is None:
            try:
                self._inputs = await self._source.inputs(self._launch)
            except InputsMissing as missing:
                error, _, cause = str(missing).partition(": ")
                raise StartFailed(error, cause) from missing
        return self._inputs

    async def _pull(self, inputs: TaskInputs) -> dict[str, str | None]:
        """Digest by container name. A resumed task asks again, which costs little: the image is there."""
        if self._level.pull_started_at is None:
            self._become(pull_started_at=self._now())
        images = {one.name: self._launch.images.get(one.name, one.image) for one in self._launch.definition.containers}
        references = {image: inputs.logins.get(name) for name, image in sorted(images.items(), key=lambda one: one[1])}
        pulled = await _all_or_first_failure(
            [
                self._pull_one(image, login, frozenset(name for name, other in images.items() if other == image))
                for image, login in references.items()
            ]
        )
        digests = dict(zip(references, pulled, strict=True))
        self._become(
            pull_stopped_at=self._level.pull_stopped_at or self._now(),
            containers=tuple(
                replace(one, image_digest=one.image_digest or digests[images[one.name]]) for one in self._level.containers
            ),
        )
        return {name: digests[image] for name, image in images.items()}

    async def _pull_one(self, reference: str, login: RegistryLogin | None, names: frozenset[str]) -> str | None:
        """The image's digest, for the containers of these ``names``; a failure is their reason too."""
        try:
            return await self._once_there(lambda: self._engine.pull(reference, login))
        except StartFailed as failure:
            self._become(
                containers=tuple(
                    replace(one, reason=str(failure)) if one.name in names else one for one in self._level.containers
                )
            )
            raise

    async def _start(self, container: ContainerDefinition, digest: str | None, variables: Mapping[str, str]) -> None:
        """Start a container once all its conditions are met; an operation that has begun ends, whatever happens."""
        await asyncio.gather(*(self._until_met(container, name, wanted) for name, wanted in start_conditions(container)))
        await asyncio.shield(self._operation(self._operate(container, digest, variables)))

    def _operation(self, job: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
        """Begin what ends before the task is stopped or removed."""
        operation = asyncio.ensure_future(job)
        self._operations.add(operation)
        operation.add_done_callback(self._operations.discard)
        return operation

    async def _operate(self, container: ContainerDefinition, digest: str | None, variables: Mapping[str, str]) -> None:
        try:
            self.seen(await self._once_there(lambda: self._engine.start(self._launch, container, digest, variables)))
        except StartFailed as failure:
            # Failure and state in one report: the container did not end, it never began.
            self._become(
                failure=self._level.failure or str(failure),
                containers=tuple(
                    replace(one, last_status="STOPPED", reason=str(failure)) if one.name == container.name else one
                    for one in self._level.containers
                ),
            )
            raise

    async def _until_met(self, container: ContainerDefinition, name: str, wanted: str) -> None:
        def is_decided() -> bool:
            return condition_of(wanted, self._container(name)) is not Condition.PENDING

        dependency = self._definition(name)
        timeout = start_timeout_of(self._launch.definition, dependency)
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                await self._until(is_decided)
        except TimeoutError:
            raise StartFailed(
                "TaskDependencyError",
                f"container {container.name!r} waited {timeout.total_seconds():.0f} s for {name!r} to be {wanted}.",
            ) from None
        if condition_of(wanted, self._container(name)) is Condition.IMPOSSIBLE:
            raise StartFailed("TaskDependencyError", why_impossible(container.name, wanted, self._container(name)))

    async def _once_there(self, operation: Callable[[], Awaitable[T]]) -> T:
        """What the engine answers; one that is away is waited for. Raises ``StartFailed`` when that takes too long, or at
        once for a task that is to end.
        """
        clock = asyncio.get_running_loop().time
        until = None
        while True:
            try:
                return await operation()
            except EngineAway as away:
                if until is None:
                    log.warning("task %s: %s It is waited for.", self._launch.task.id, away)
                    until = clock() + ENGINE_AWAY_SECONDS
                if clock() >= until or self._stopping is not None or self._removing is not None:
                    raise cannot_initialize(str(away)) from away
            await asyncio.sleep(RETRY_SECONDS)

    # Memory.

    def _watch(self) -> None:
        if is_to_be_watched(self._launch.definition):
            self._watching = self._spawn(self._watch_memory(), "watch memory of")

    async def _watch_memory(self) -> None:
        """Whenever all containers together use more memory than the task has, kill the largest."""
        arn, definition = self._launch.task.arn, self._launch.definition
        pause = WATCH_MEMORY_CLOSELY_SECONDS
        while not all(one.last_status == "STOPPED" for one in self._level.containers):
            await asyncio.sleep(pause)
            try:
                used = await self._engine.memory(arn)
                pause = WATCH_MEMORY_CLOSELY_SECONDS if is_half_full(definition, used) else WATCH_MEMORY_SECONDS
                name = to_be_killed(definition, used)
                if name is not None:
                    log.info("task %s uses more memory than it has; container %s is killed", self._launch.task.id, name)
                    await self._kill_for_memory(name)
            except EngineAway:
                continue  # whoever waits for it says so
            except Exception:
                log.exception("task %s: its memory could not be looked at; it is looked at again", self._launch.task.id)

    async def _kill_for_memory(self, name: str) -> None:
        """Kill a container, whose end is then told with its reason; where that fails, a later end has one of its own."""
        self._out_of_memory.add(name)
        try:
            await self._engine.kill(self._launch.task.arn, name)
        except BaseException:
            self._out_of_memory.discard(name)
            raise

    # Down.

    async def _stop(self) -> None:
        await self._end_bringing_up()
        self._give_up_pending()
        dependents = dependents_of(self._launch.definition)
        await asyncio.gather(*(self._stop_container(one, dependents[one.name]) for one in self._launch.definition.containers))

    async def _stop_container(self, container: ContainerDefinition, dependents: frozenset[str]) -> None:
        arn, name = self._launch.task.arn, container.name
        await self._until(lambda: all(self._has_stopped(other) for other in dependents))
        if not self._has_stopped(name):
            await self._persist(lambda: self._engine.send_stop_signal(arn, name))
            await self._until_stopped(name, container.stop_timeout.total_seconds())
        while not self._has_stopped(name):
            await self._persist(lambda: self._engine.kill(arn, name))
            await self._until_stopped(name, KILLED_WITHIN_SECONDS)

    async def _remove(self) -> None:
        for job in (self._stopping, self._watching):
            if job is not None:
                job.cancel()
        await self._end_bringing_up()
        arn = self._launch.task.arn
        await self._persist(lambda: self._engine.remove(arn))
        self._give_up_pending()
        self._become(
            is_removed=True,
            containers=tuple(
                replace(one, last_status="STOPPED", health_status=HealthStatus.UNKNOWN) for one in self._level.containers
            ),
        )

    async def _end_bringing_up(self) -> None:
        """Start nothing more, and let what is being started at this moment get there, so that it can be ended."""
        if self._bringing_up is not None:
            self._bringing_up.cancel()
            await asyncio.gather(self._bringing_up, return_exceptions=True)
        await asyncio.gather(*self._operations, return_exceptions=True)

    def _give_up_pending(self) -> None:
        """A container that was not started by now never will be."""
        self._become(
            containers=tuple(
                replace(one, last_status="STOPPED") if one.last_status == "PENDING" else one for one in self._level.containers
            )
        )

    # The level and its bell.

    def _definition(self, name: str) -> ContainerDefinition:
        return next(one for one in self._launch.definition.containers if one.name == name)

    def _container(self, name: str) -> ContainerObservation:
        return next(one for one in self._level.containers if one.name == name)

    def _has_stopped(self, name: str) -> bool:
        return self._container(name).last_status == "STOPPED"

    def _become(self, **members: Any) -> None:
        level = replace(self._level, **members)
        if level == self._level:
            return
        self._level = level
        self._changed.set()
        self._changed = asyncio.Event()
        self._report(level)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            await self._changed.wait()

    async def _until_stopped(self, name: str, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._until(lambda: self._has_stopped(name))

    async def _persist(self, operation: Callable[[], Awaitable[None]]) -> None:
        """Repeat ``operation`` until the engine does it: what must end may not be given up. Each new reason is told once."""
        told = ""
        while True:
            try:
                await operation()
            except Exception as error:
                if told != (told := repr(error)):
                    trace = None if isinstance(error, EngineAway) else error
                    log.error("task %s: %s It is asked again.", self._launch.task.id, error, exc_info=trace)  # noqa: TRY400
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def _spawn(self, job: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(job, name=f"{what} task {last_part(self._launch.task.arn)}")


def _is_of_an_earlier_run(container: ContainerObservation, known: ContainerObservation) -> bool:
    """Whether a container was looked at before it was restarted."""
    return container.started_at is not None and known.started_at is not None and container.started_at < known.started_at


async def _all_or_first_failure(jobs: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    """The answers in order; the first failure ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
