"""The simulator's runtime keeps the contract of ``TaskRuntime`` too: the same promises, in simulated time.

Left out are those that only a real machine can keep: what a shell writes and a network answers, registries, and containers
that wait for one another (the simulator's tasks have none).
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
import test_task_runtime as contract
from runtime_bench import Bench, Watched, as_seen

from ninelives.model.ecs import ContainerDefinition, LastStatus
from ninelives.region.ports import InputSource, TaskLaunch, TaskRuntime
from ninelives.simulator.applications import Application
from ninelives.simulator.event_loop import Process, SimulatedLoop
from ninelives.simulator.faults import Fates
from ninelives.simulator.identity import SimulatedClock
from ninelives.simulator.machine import Machine
from ninelives.simulator.options import draw
from ninelives.simulator.runtime import SimulatedRuntime

BEHAVES = {
    contract.FOR_EVER: Application(first_words="ready", boot=0.1),
    contract.PATIENT: Application(first_words="ready", last_words="asked", stop_code=7),
    contract.DEAF: Application(first_words="ready", stop=None),
    "echo ready; exec sleep 60": Application(first_words="ready"),
    "exit 3": Application(life=0.1, exit_code=3),
}
OPTIONS = replace(draw(0), faults=frozenset(), shares_an_address=False)
MISSING = "CannotPullContainerError: failed to resolve ref {image}: connection refused"
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedBench(Bench):
    """A machine in simulated time; each runtime of it is that of another control plane."""

    loop: SimulatedLoop
    machine: Machine

    def runtime(self, inputs: InputSource | None = None) -> TaskRuntime:
        assert inputs is None, "a simulated container has no variables"
        fates = Fates(OPTIONS, Random(0), lambda _where: None)
        clock = SimulatedClock(self.loop)
        runtime = SimulatedRuntime(self.loop, clock, self.machine, Process("control plane"), fates, Random(0))
        self.machine.changed, self.machine.wrote = runtime.changed, runtime.wrote
        return runtime

    def container(self, script: str, **members: Any) -> ContainerDefinition:
        made = ContainerDefinition(**({"name": "web", "image": f"image:{len(self.machine.applications)}"} | members))
        self.machine.applications[made.image] = self._application(script, made)
        return made

    @staticmethod
    def _application(script: str, made: ContainerDefinition) -> Application:
        if "127.0.0.1:1/" in made.image:
            return Application(pull_failure=MISSING.format(image=made.image))
        if "/dev/zero" in script:
            return Application(life=0.1, exit_code=137, exit_reason=OUT_OF_MEMORY)
        application = BEHAVES[script]
        is_ill = made.health_check is not None and "exit 1" in made.health_check.command
        return replace(application, becomes_ready=not is_ill)

    def run(self, job: Coroutine[Any, Any, Any]) -> Any:
        task = self.loop.create_task(job)
        while not task.done():
            assert self.loop.run_instant(until=3600), "nothing happens any more"
        return task.result()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> SimulatedBench:
    loop = SimulatedLoop()
    machine = Machine(loop, SimulatedClock(loop), OPTIONS)
    bench = SimulatedBench(
        kind="simulated", image="script", registry="", serve=(), directory="", instance="", loop=loop, machine=machine
    )
    monkeypatch.setattr(asyncio, "run", bench.run)
    return bench


@pytest.mark.parametrize(
    "promise",
    [
        contract.test_the_exit_code_is_reported,
        contract.test_a_process_that_heeds_the_stop_signal_ends_with_its_own_code,
        contract.test_a_process_without_a_handler_dies_of_the_stop_signal,
        contract.test_a_process_that_ignores_the_stop_signal_is_killed_after_its_timeout,
        contract.test_a_task_that_is_started_twice_runs_once,
        contract.test_remove_leaves_nothing_even_of_a_running_task,
        contract.test_a_stop_in_the_middle_of_a_start_leaves_the_task_stopped,
        contract.test_a_task_that_is_not_known_is_stopped_and_removed_at_once,
        contract.test_a_missing_image_is_a_failure_that_names_it,
        contract.test_a_check_that_passes_makes_a_container_healthy_and_one_that_fails_unhealthy,
        contract.test_too_much_memory_ends_a_container_with_its_reason,
        contract.test_a_task_whose_address_was_not_told_before_the_end_is_adopted_with_it,
    ],
    ids=lambda promise: promise.__name__.removeprefix("test_"),
)
def test_the_simulated_runtime_keeps_the_promise_that(promise: Callable[[Bench], None], bench: SimulatedBench) -> None:
    promise(bench)


def test_two_tasks_have_addresses_of_their_own(bench: SimulatedBench) -> None:
    async def main() -> None:
        launches = [bench.launch(bench.container(contract.FOR_EVER)) for _ in range(2)]
        one = Watched(bench.runtime())
        first, second = [(await one.start(launch)).address for launch in launches]

        assert first is not None
        assert second is not None
        assert first != second

    bench.run(main())


def test_tasks_outlive_a_killed_control_plane_and_are_adopted_and_strangers_are_removed(bench: SimulatedBench) -> None:
    async def main() -> None:
        known, stranger = [bench.launch(bench.container(contract.FOR_EVER)) for _ in range(2)]
        gone = as_seen(bench.launch(bench.container(contract.FOR_EVER)), LastStatus.RUNNING)
        first = Watched(bench.runtime())
        for launch in (known, stranger):
            await first.start(launch)
        later = Watched(bench.runtime())
        adopted: list[TaskLaunch] = [as_seen(known, LastStatus.RUNNING), gone]
        await later.runtime.adopt(adopted)

        assert later.seen(known).is_started
        assert later.container(known).last_status == "RUNNING"
        assert later.seen(gone).is_removed
        assert set(bench.machine.tasks) == {known.task.arn}

    bench.run(main())
