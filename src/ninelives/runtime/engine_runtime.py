"""The ``TaskRuntime`` port over a container engine: knows the tasks, hands each what is asked and seen of it."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ninelives.model.arns import last_part
from ninelives.model.ecs import DesiredStatus, LastStatus
from ninelives.model.observation import ContainerObservation, TaskObservation
from ninelives.region.ports import InputSource, Logged, TaskLaunch, TaskUsage
from ninelives.runtime.engine import ContainerEngine, EngineAway, NoInputs, utc_now
from ninelives.runtime.log_feed import LogFeed
from ninelives.runtime.task_run import TaskRun

log = logging.getLogger(__name__)

REMOVALS_AT_ONCE = 8
"""How many strangers are removed at a time."""


class EngineRuntime:
    """Runs tasks on an engine. All coroutines on one loop; see ``region.ports.TaskRuntime`` for what each promises."""

    def __init__(self, engine: ContainerEngine, inputs: InputSource | None = None) -> None:
        self._engine = engine
        self._inputs = inputs or NoInputs()
        self._runs: dict[str, TaskRun] = {}
        self._observed: Callable[[TaskObservation], None] | None = None
        self._logged: Logged | None = None
        self._feed: LogFeed | None = None
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        return self._engine.name

    def subscribe(self, observed: Callable[[TaskObservation], None], logged: Logged) -> None:
        assert self._observed is None, "subscribe is called once"
        self._observed = observed
        self._logged = logged

    async def adopt(self, tasks: Collection[TaskLaunch]) -> None:
        await self._open()
        launches = {launch.task.arn: launch for launch in tasks}
        found = await self._engine.find(frozenset(launches))
        for arn, launch in launches.items():
            if arn in self._runs:
                continue
            if arn in found:
                self._run(launch).resume(found[arn])
            elif _was_being_started(launch):
                self._run(launch).start()
            else:
                self._report(TaskObservation(task_arn=arn, is_removed=True))
        await self._remove_strangers(found.keys() - launches.keys())

    async def start(self, launch: TaskLaunch) -> None:
        await self._open()
        if launch.task.arn not in self._runs:
            self._run(launch).start()

    async def stop(self, launch: TaskLaunch) -> None:
        run = self._runs.get(launch.task.arn)
        if run is not None:
            run.stop()
        else:
            self._report(TaskObservation(task_arn=launch.task.arn, is_removed=True))

    async def remove(self, task_arn: str) -> None:
        run = self._runs.get(task_arn)
        if run is not None:
            run.remove()
        else:
            await self._open()
            await self._engine.remove(task_arn)
            self._report(TaskObservation(task_arn=task_arn, is_removed=True))

    async def usage(self, task_arns: Collection[str]) -> Mapping[str, TaskUsage]:
        known = [arn for arn in task_arns if arn in self._runs]
        try:
            return await self._engine.usage(known) if known else {}
        except EngineAway:
            return {}

    async def statistics(self, task_arn: str) -> Mapping[str, Mapping[str, Any]]:
        return await self._engine.statistics(task_arn) if task_arn in self._runs else {}

    async def close(self) -> None:
        if self._feed is not None:
            self._feed.close()
        await asyncio.gather(*(run.close() for run in self._runs.values()))
        await self._engine.close()

    # Inside.

    async def _open(self) -> None:
        async with self._opening:
            if self._feed is None:
                assert self._logged is not None, "subscribe comes first"
                self._feed = LogFeed(asyncio.get_running_loop(), self._logged)
                await self._engine.open(self._seen, self._feed)

    def _run(self, launch: TaskLaunch) -> TaskRun:
        run = TaskRun(launch, self._engine, self._inputs, self._report, utc_now)
        self._runs[launch.task.arn] = run
        return run

    def _seen(self, task_arn: str, container: ContainerObservation) -> None:
        run = self._runs.get(task_arn)
        if run is not None:
            run.seen(container)

    def _report(self, observation: TaskObservation) -> None:
        if observation.is_removed:
            self._runs.pop(observation.task_arn, None)
        assert self._observed is not None, "subscribe comes first"
        try:
            self._observed(observation)
        except Exception:
            log.exception("task %s: what was seen of it could not be taken in", last_part(observation.task_arn))

    async def _remove_strangers(self, task_arns: Collection[str]) -> None:
        """Remove tasks of this instance that the region does not know, those it was told of in an earlier call included."""
        at_once = asyncio.Semaphore(REMOVALS_AT_ONCE)

        async def remove(task_arn: str) -> None:
            run = self._runs.pop(task_arn, None)
            async with at_once:
                if run is not None:
                    await run.close()
                await self._engine.remove(task_arn)

        await asyncio.gather(*(remove(arn) for arn in task_arns))


def _was_being_started(launch: TaskLaunch) -> bool:
    """Whether an earlier control plane died while it pulled the task's images: nothing is there yet, and nothing is lost.

    One in PROVISIONING is not among them: the region has still to ask for it. One of which a container was seen has lost it.
    """
    task = launch.task
    was_seen = task.is_started or any(one.last_status != "PENDING" for one in task.containers)
    is_on_its_way = task.last_status in {LastStatus.PENDING, LastStatus.ACTIVATING}
    return task.desired_status is DesiredStatus.RUNNING and is_on_its_way and not was_seen
