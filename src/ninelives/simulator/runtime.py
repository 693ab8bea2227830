"""The simulated ``TaskRuntime``: what one control plane does with the machine, and what it sees of it.

It keeps the contract of ``region.ports.TaskRuntime`` as the real ones do (``tests/contracts``). Pulls, kills after the stop
timeout and removals are its process's work, and end with it.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from ninelives.model.ecs import DesiredStatus, LastStatus
from ninelives.model.observation import ContainerObservation, TaskObservation
from ninelives.region.ports import Logged, LogLine, TaskLaunch, TaskUsage
from ninelives.simulator.event_loop import Process, SimulatedLoop
from ninelives.simulator.faults import Fates
from ninelives.simulator.identity import SimulatedClock
from ninelives.simulator.machine import Machine
from ninelives.simulator.options import Fault

SUMS_UP = 0.5
"""How likely two levels that follow one another are told as one."""
Asked = Callable[[str, TaskLaunch], None]
"""Hears what the region asks of a task, when the runtime has taken it: ``start``, ``stop``."""


class SimulatedRuntime:
    name = "simulated"

    def __init__(
        self,
        loop: SimulatedLoop,
        clock: SimulatedClock,
        machine: Machine,
        process: Process,
        fates: Fates,
        random: Random,
        asked: Asked = lambda _what, _launch: None,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._machine = machine
        self._process = process
        self._fates = fates
        self._random = random
        self._asked = asked
        self._runs: dict[str, _Run] = {}
        self._observed: Callable[[TaskObservation], None] | None = None
        self._logged: Logged = lambda _lines, _stored: None

    def subscribe(self, observed: Callable[[TaskObservation], None], logged: Logged) -> None:
        assert self._observed is None, "subscribe is called once"
        self._observed = observed
        self._logged = logged

    async def adopt(self, tasks: Collection[TaskLaunch]) -> None:
        await self._taken("adopt")
        launches = {launch.task.arn: launch for launch in tasks}
        for arn, launch in launches.items():
            if arn in self._runs:
                continue
            if arn in self._machine.tasks:
                self._run(launch).resume()
            elif _was_being_started(launch):
                self._run(launch).start()
            else:
                self.report(TaskObservation(task_arn=arn, is_removed=True))
        for arn in [arn for arn in self._machine.tasks if arn not in launches]:
            self._runs.pop(arn, None)
            self._machine.remove(arn)

    async def start(self, launch: TaskLaunch) -> None:
        await self._taken("start")
        self._asked("start", launch)
        if launch.task.arn not in self._runs:
            self._run(launch).start()
        self._fates.action(self._process, "after a start")

    async def stop(self, launch: TaskLaunch) -> None:
        await self._taken("stop")
        self._asked("stop", launch)
        run = self._runs.get(launch.task.arn)
        if run is not None:
            run.stop()
        else:
            self.report(TaskObservation(task_arn=launch.task.arn, is_removed=True))
        self._fates.action(self._process, "after a stop")

    async def remove(self, task_arn: str) -> None:
        await self._taken("remove")
        run = self._runs.get(task_arn)
        if run is not None:
            run.remove()
        else:
            self._machine.remove(task_arn)
            self.report(TaskObservation(task_arn=task_arn, is_removed=True))
        self._fates.action(self._process, "after a removal")

    async def usage(self, task_arns: Collection[str]) -> Mapping[str, TaskUsage]:  # noqa: ARG002 - the port's
        """Simulated containers use nothing."""
        return {}

    async def statistics(self, task_arn: str) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002 - nothing is used here
        return {}

    async def close(self) -> None:
        self._runs.clear()

    # What the machine tells.

    def changed(self, task_arn: str) -> None:
        run = self._runs.get(task_arn)
        if run is not None:
            self._process.within(run.seen)

    def wrote(self, task_arn: str, container_name: str, message: str) -> None:
        line = LogLine(task_arn=task_arn, container_name=container_name, timestamp=self._clock.now(), message=message)
        self._process.within(lambda: self._logged([line], lambda: None))

    # Inside.

    def _run(self, launch: TaskLaunch) -> "_Run":
        run = self._runs[launch.task.arn] = _Run(launch, self, self._machine)
        return run

    def report(self, observation: TaskObservation) -> None:
        if observation.is_removed:
            self._runs.pop(observation.task_arn, None)
        assert self._observed is not None, "subscribe comes first"
        self._observed(observation)

    async def _taken(self, what: str) -> None:
        """A request is under way to the engine: it may take its time, fail, or be the last thing that the process did."""
        self._fates.action(self._process, f"before a {what}")
        if self._fates.happens(Fault.RUNTIME_IS_SLOW, 0.3):
            await asyncio.sleep(self._random.uniform(0.01, 2))
        if what != "adopt":
            self._fates.refuse(Fault.RUNTIME_FAILS, 0.1, "the engine does not answer")

    def later(self, delay: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(delay, act, context=self._process.context)

    def take(self, least: float, most: float) -> float:
        return self._random.uniform(least, most)

    @property
    def clock(self) -> SimulatedClock:
        return self._clock


class _Run:
    """The life of one task as this control plane leads it."""

    def __init__(self, launch: TaskLaunch, runtime: SimulatedRuntime, machine: Machine) -> None:
        self._launch = launch
        self._runtime = runtime
        self._machine = machine
        self._step: asyncio.TimerHandle | None = None
        """The next step up; called off by a stop or a removal."""
        self._is_stopping = False
        self._is_being_removed = False
        self._level = TaskObservation(
            task_arn=launch.task.arn,
            containers=tuple(
                ContainerObservation(name=one.name, last_status="PENDING") for one in launch.definition.containers
            ),
        )

    def start(self) -> None:
        self._step = self._runtime.later(0.01, self._pull)

    def resume(self) -> None:
        task = self._launch.task
        self._look()
        self._level = replace(
            self._level,
            address=self._machine.tasks[task.arn].address,
            pull_started_at=task.pull_started_at,
            pull_stopped_at=task.pull_stopped_at,
            is_started=True,
        )
        self._tell()

    def seen(self) -> None:
        if not self._is_being_removed and self._level.task_arn in self._machine.tasks:
            self._look()
            self._tell()
        elif not self._is_being_removed and self._level.is_started:
            self._end_pending()

    def stop(self) -> None:
        if self._is_stopping or self._is_being_removed:
            return
        self._is_stopping = True
        self._call_off()
        if self._level.task_arn in self._machine.tasks:
            timeout = max(one.stop_timeout for one in self._launch.definition.containers)
            self._machine.signal(self._level.task_arn)
            self._runtime.later(timeout.total_seconds(), lambda: self._machine.kill(self._level.task_arn))
        else:
            self._runtime.later(0.01, self._end_pending)

    def remove(self) -> None:
        if not self._is_being_removed:
            self._is_being_removed = True
            self._call_off()
            self._runtime.later(self._runtime.take(0.05, 0.5), self._removed)

    # Steps.

    def _pull(self) -> None:
        self._become(pull_started_at=self._level.pull_started_at or self._runtime.clock.now())
        takes = self._machine.application_of(self._launch).pull
        self._step = self._runtime.later(self._runtime.take(0.5, 1) * takes, self._pulled)

    def _pulled(self) -> None:
        application = self._machine.application_of(self._launch)
        if application.pull_failure is not None and not (application.luck and self._runtime.take(0, 1) < application.luck):
            self._step = None
            self._become(failure=application.pull_failure)
            return
        self._level = replace(self._level, pull_stopped_at=self._runtime.clock.now())
        if self._runtime.take(0, 1) < SUMS_UP:
            self._up()
            return
        self._tell()
        self._step = self._runtime.later(self._runtime.take(0.05, 0.3), self._up)

    def _up(self) -> None:
        self._machine.start(self._launch)
        self._look()
        if self._runtime.take(0, 1) < SUMS_UP:
            self._started()
            return
        self._tell()
        self._step = self._runtime.later(self._runtime.take(0.01, 0.2), self._started)

    def _started(self) -> None:
        self._step = None
        task = self._machine.tasks.get(self._level.task_arn)
        if task is not None:
            self._become(is_started=True, address=task.address)

    def _end_pending(self) -> None:
        ended = tuple(
            replace(one, last_status="STOPPED") if one.last_status != "STOPPED" else one for one in self._level.containers
        )
        self._become(containers=ended)

    def _removed(self) -> None:
        self._machine.remove(self._level.task_arn)
        self._runtime.report(replace(self._level, is_removed=True))

    def _call_off(self) -> None:
        if self._step is not None:
            self._step.cancel()
            self._step = None

    def _look(self) -> None:
        task = self._machine.tasks[self._level.task_arn]
        runtime_id = f"runtime-{self._launch.task.id}"
        self._level = replace(
            self._level, containers=tuple(task.containers[one.name].observed(runtime_id) for one in self._level.containers)
        )

    def _become(self, **members: object) -> None:
        self._level = replace(self._level, **members)  # type: ignore[arg-type] # members of an observation
        self._tell()

    def _tell(self) -> None:
        self._runtime.report(self._level)


def _was_being_started(launch: TaskLaunch) -> bool:
    """Whether an earlier control plane died while it pulled the task's images: nothing is there yet, and nothing is lost.

    One in PROVISIONING is not among them: the region has still to ask for it. One of which a container was seen has lost it.
    """
    task = launch.task
    was_seen = task.is_started or any(one.last_status != "PENDING" for one in task.containers)
    is_on_its_way = task.last_status in {LastStatus.PENDING, LastStatus.ACTIVATING}
    return task.desired_status is DesiredStatus.RUNNING and is_on_its_way and not was_seen
