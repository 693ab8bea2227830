"""The life of a task over an engine that is only told what to do."""
# ruff: noqa: ARG002  # the fake has the port's signatures

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.model.containers import RestartPolicy, VolumeFrom
from ninelives.model.ecs import (
    Container,
    ContainerDefinition,
    DesiredStatus,
    HealthStatus,
    LastStatus,
    Task,
    TaskAddress,
    TaskDefinition,
)
from ninelives.model.observation import ContainerObservation, TaskObservation
from ninelives.region.ports import InputSource, RegistryLogin, TaskInputs, TaskLaunch, TaskUsage
from ninelives.runtime import task_run
from ninelives.runtime.engine import EngineAway, FoundTask, NoInputs, Seen, StartFailed, cannot_pull, cannot_start
from ninelives.runtime.engine_runtime import EngineRuntime
from ninelives.runtime.log_feed import LogFeed
from ninelives.runtime.task_memory import is_to_be_watched
from ninelives.runtime.task_run import TaskRun

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ARN = "arn:aws:ecs:eu-west-1:123456789012:task/c/0f"


@dataclass
class FakeEngine:
    """Notes what it is asked, and does it at once unless told otherwise."""

    name: str = "fake"
    asked: list[str] = field(default_factory=list)
    failures: dict[str, StartFailed | EngineAway] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)
    """Raised by the next operations."""
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    """What each container was told besides its definition."""
    uses: dict[str, int] = field(default_factory=dict)
    """Bytes of memory by container."""
    run: TaskRun | None = None
    heeds_signals: bool = True

    async def open(self, seen: Seen, feed: LogFeed) -> None: ...

    async def find(self, task_arns: frozenset[str]) -> Mapping[str, FoundTask]:
        return {}

    async def pull(self, reference: str, login: RegistryLogin | None) -> str | None:
        self._ask(f"pull {reference}")
        return f"digest of {reference}"

    async def prepare(self, launch: TaskLaunch, *, reaches_agent: bool) -> None:
        self._ask("prepare")

    async def start(
        self, launch: TaskLaunch, container: ContainerDefinition, digest: str | None, variables: Mapping[str, str]
    ) -> ContainerObservation:
        self._ask(f"start {container.name}")
        self.variables[container.name] = dict(variables)
        return ContainerObservation(
            name=container.name, last_status="RUNNING", image_digest=digest, runtime_id="first", started_at=NOW
        )

    async def restart(
        self, launch: TaskLaunch, container: ContainerDefinition, variables: Mapping[str, str]
    ) -> ContainerObservation:
        self._ask(f"restart {container.name}")
        self.variables[container.name] = dict(variables)
        return ContainerObservation(
            name=container.name, last_status="RUNNING", runtime_id="again", started_at=NOW + timedelta(hours=1)
        )

    async def statistics(self, task_arn: str) -> Mapping[str, Mapping[str, Any]]:
        return {}

    async def address(self, launch: TaskLaunch) -> TaskAddress | None:
        return TaskAddress(ip="10.0.0.1")

    async def send_stop_signal(self, task_arn: str, container_name: str) -> None:
        self._ask(f"signal {container_name}")
        if self.heeds_signals:
            self.end(container_name, 143)

    async def kill(self, task_arn: str, container_name: str) -> None:
        self._ask(f"kill {container_name}")
        self.end(container_name, 137)

    async def memory(self, task_arn: str) -> Mapping[str, int]:
        return self.uses

    async def usage(self, task_arns: Collection[str]) -> Mapping[str, TaskUsage]:
        return {}

    async def remove(self, task_arn: str) -> None:
        self._ask("remove")

    async def close(self) -> None: ...

    def end(self, container_name: str, code: int) -> None:
        assert self.run is not None
        self.run.seen(ContainerObservation(name=container_name, last_status="STOPPED", exit_code=code))

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.errors:
            raise self.errors.pop()
        if what in self.failures:
            raise self.failures[what]


def container(name: str, *depends_on: tuple[str, str]) -> ContainerDefinition:
    return ContainerDefinition(name=name, image=f"image-of-{name}", depends_on=depends_on, stop_timeout=timedelta())


def launch_of(*containers: ContainerDefinition) -> TaskLaunch:
    definition = TaskDefinition(
        arn="arn:aws:ecs:eu-west-1:123456789012:task-definition/f:1",
        family="f",
        revision=1,
        status="ACTIVE",
        containers=containers,
        cpu_units=256,
        memory_mib=512,
        network_mode="awsvpc",
        registered_at=NOW,
    )
    task = Task(
        arn=ARN,
        cluster_arn="arn:aws:ecs:eu-west-1:123456789012:cluster/c",
        task_definition_arn=definition.arn,
        group="family:f",
        last_status=LastStatus.PROVISIONING,
        desired_status=DesiredStatus.RUNNING,
        created_at=NOW,
        containers=(),
    )
    return TaskLaunch(task=task, definition=definition, service_name=None, images={one.name: one.image for one in containers})


class Told:
    """A task run and its reports."""

    def __init__(self, engine: FakeEngine, launch: TaskLaunch, inputs: InputSource | None = None) -> None:
        self.reports: list[TaskObservation] = []
        self._news = asyncio.Event()
        self.run = TaskRun(launch, engine, inputs or NoInputs(), self._report, lambda: NOW)
        engine.run = self.run

    def _report(self, observation: TaskObservation) -> None:
        self.reports.append(observation)
        self._news.set()

    async def until(self, is_so: Callable[[TaskObservation], bool]) -> TaskObservation:
        async with asyncio.timeout(5):
            while not self.reports or not is_so(self.reports[-1]):
                self._news.clear()
                await self._news.wait()
        return self.reports[-1]

    async def until_stopped(self) -> TaskObservation:
        return await self.until(lambda one: all(each.last_status == "STOPPED" for each in one.containers))


def is_started(observation: TaskObservation) -> bool:
    return observation.is_started


def test_a_task_is_started_once_every_container_has_been() -> None:
    async def main() -> None:
        engine = FakeEngine()
        told = Told(engine, launch_of(container("web"), container("proxy", ("web", "START"))))
        told.run.start()
        last = await told.until(is_started)

        assert engine.asked == ["pull image-of-proxy", "pull image-of-web", "prepare", "start web", "start proxy"]
        assert last.address == TaskAddress(ip="10.0.0.1")
        assert [one.image_digest for one in last.containers] == ["digest of image-of-web", "digest of image-of-proxy"]
        assert not any(report.is_started for report in told.reports[:-1])

    asyncio.run(main())


def test_a_container_waits_until_the_one_before_is_healthy() -> None:
    async def main() -> None:
        engine = FakeEngine()
        told = Told(engine, launch_of(container("db"), container("web", ("db", "HEALTHY"))))
        told.run.start()
        await told.until(lambda one: one.containers[0].last_status == "RUNNING")
        assert "start web" not in engine.asked
        told.run.seen(ContainerObservation(name="db", last_status="RUNNING", health_status=HealthStatus.UNHEALTHY))
        told.run.seen(ContainerObservation(name="db", last_status="RUNNING", health_status=HealthStatus.HEALTHY))
        await told.until(is_started)

        assert engine.asked[-1] == "start web"

    asyncio.run(main())


def test_a_failure_to_pull_starts_nothing() -> None:
    async def main() -> None:
        engine = FakeEngine(failures={"pull image-of-web": cannot_pull("there is none.")})
        told = Told(engine, launch_of(container("web")))
        told.run.start()
        last = await told.until(lambda one: one.failure is not None)

        assert last.failure == last.containers[0].reason == "CannotPullContainerError: there is none."
        assert engine.asked == ["pull image-of-web"]

    asyncio.run(main())


def test_a_container_that_never_began_is_not_reported_as_one_that_ended() -> None:
    async def main() -> None:
        engine = FakeEngine(failures={"start web": cannot_start("no such command.")})
        told = Told(engine, launch_of(container("web")))
        told.run.start()
        await told.until(lambda one: one.failure is not None)

        assert all(one.failure is not None for one in told.reports if one.containers[0].last_status == "STOPPED")

    asyncio.run(main())


def test_an_engine_that_breaks_is_a_failure_too() -> None:
    async def main() -> None:
        engine = FakeEngine(errors=[OSError("no space left")])
        told = Told(engine, launch_of(container("web")))
        told.run.start()
        last = await told.until(lambda one: one.failure is not None)

        assert last.failure == "ResourceInitializationError: the fake runtime failed: no space left"

    asyncio.run(main())


def test_containers_stop_after_those_that_depend_on_them() -> None:
    async def main() -> None:
        engine = FakeEngine()
        told = Told(
            engine, launch_of(container("db"), container("web", ("db", "START")), container("proxy", ("web", "START")))
        )
        told.run.start()
        await told.until(is_started)
        engine.asked.clear()
        told.run.stop()
        told.run.stop()
        await told.until_stopped()

        assert engine.asked == ["signal proxy", "signal web", "signal db"]

    asyncio.run(main())


def test_a_deaf_container_is_killed_after_its_stop_timeout() -> None:
    async def main() -> None:
        engine = FakeEngine(heeds_signals=False)
        told = Told(engine, launch_of(container("web")))
        told.run.start()
        await told.until(is_started)
        told.run.stop()
        last = await told.until_stopped()

        assert engine.asked[-2:] == ["signal web", "kill web"]
        assert last.containers[0].exit_code == 137

    asyncio.run(main())


def test_what_must_end_is_asked_for_until_the_engine_does_it() -> None:
    async def main() -> None:
        engine = FakeEngine()
        told = Told(engine, launch_of(container("web")))
        told.run.start()
        await told.until(is_started)
        engine.errors = [OSError("Docker is away"), OSError("Docker is away")]
        told.run.remove()
        await told.until(lambda one: one.is_removed)

        assert engine.asked[-3:] == ["remove", "remove", "remove"]

    seconds, task_run.RETRY_SECONDS = task_run.RETRY_SECONDS, 0.0
    try:
        asyncio.run(main())
    finally:
        task_run.RETRY_SECONDS = seconds


def test_an_adopted_task_starts_only_what_had_not_been_started() -> None:
    async def main() -> None:
        engine = FakeEngine()
        told = Told(engine, launch_of(container("db"), container("web", ("db", "START"))))
        told.run.resume(FoundTask(containers={"db": ContainerObservation(name="db", last_status="RUNNING")}))
        await told.until(is_started)

        assert [one for one in engine.asked if one.startswith("start")] == ["start web"]

    asyncio.run(main())


def test_an_adopted_task_that_is_to_stop_starts_nothing_more() -> None:
    async def main() -> None:
        engine = FakeEngine()
        launch = launch_of(container("db"), container("web", ("db", "START")))
        launch = replace(launch, task=replace(launch.task, desired_status=DesiredStatus.STOPPED))
        told = Told(engine, launch)
        told.run.resume(FoundTask(containers={"db": ContainerObservation(name="db", last_status="STOPPED", exit_code=0)}))

        assert [one.last_status for one in told.reports[-1].containers] == ["STOPPED", "STOPPED"]
        assert engine.asked == []

    asyncio.run(main())


@pytest.mark.parametrize(("seen", "asked"), [("PENDING", "pull image-of-web"), ("RUNNING", None)])
def test_a_task_of_which_nothing_is_left_is_started_again_only_if_nothing_was_seen_of_it(seen: str, asked: str | None) -> None:
    async def main() -> list[str]:
        engine = FakeEngine()
        runtime = EngineRuntime(engine)
        reports: list[TaskObservation] = []
        runtime.subscribe(reports.append, lambda _lines, _stored: None)
        launch = launch_of(container("web"))
        containers = (Container(arn="c", name="web", image="image-of-web", last_status=seen),)
        task = replace(launch.task, last_status=LastStatus.ACTIVATING, containers=containers)
        await runtime.adopt([replace(launch, task=task)])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [one.is_removed for one in reports[:1]] == [asked is None]
        await runtime.close()
        return engine.asked

    assert ([asked] if asked else []) == asyncio.run(main())[:1]


@given(statuses=st.lists(st.sampled_from(["RUNNING", "STOPPED"]), max_size=8))
def test_a_container_that_has_stopped_never_runs_again(statuses: list[str]) -> None:
    async def main() -> None:
        told = Told(FakeEngine(), launch_of(container("web")))
        for code, status in enumerate(statuses):
            told.run.seen(ContainerObservation(name="web", last_status=status, exit_code=code))
        seen = [report.containers[0].last_status for report in told.reports]

        assert seen == sorted(seen)  # RUNNING, then STOPPED
        assert seen.count("STOPPED") <= 1

    asyncio.run(main())


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_run, "RETRY_SECONDS", 0.0)


@pytest.mark.usefixtures("_at_once")
def test_an_engine_that_is_away_for_a_while_is_waited_for() -> None:
    async def main() -> None:
        engine = FakeEngine(errors=[EngineAway("Docker does not answer.")] * 5)
        told = Told(engine, launch_of(container("web")))
        told.run.start()
        last = await told.until(is_started)

        assert last.failure is None
        assert engine.asked == ["pull image-of-web"] * 6 + ["prepare", "start web"]

    asyncio.run(main())


@pytest.mark.usefixtures("_at_once")
def test_an_engine_that_stays_away_fails_the_task_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_run, "ENGINE_AWAY_SECONDS", 0.05)

    async def main() -> None:
        engine = FakeEngine(errors=[EngineAway("Docker does not answer.")] * 1_000_000)
        told = Told(engine, launch_of(container("web")))
        told.run.start()
        last = await told.until(lambda one: one.failure is not None)

        assert last.failure == "ResourceInitializationError: Docker does not answer."

    asyncio.run(main())


def test_a_task_that_is_to_end_does_not_wait_for_an_engine_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_run, "RETRY_SECONDS", 0.01)

    async def main() -> None:
        engine = FakeEngine(errors=[EngineAway("Docker does not answer.")] * 1_000_000)
        told = Told(engine, launch_of(container("web")))
        told.run.start()
        await told.until(lambda one: one.pull_started_at is not None)
        told.run.stop()
        await told.until_stopped()

    asyncio.run(main())


@pytest.mark.usefixtures("_at_once")
def test_a_removal_that_is_asked_again_tells_the_reason_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        engine = FakeEngine()
        told = Told(engine, launch_of(container("web")))
        told.run.start()
        await told.until(is_started)
        engine.errors = [EngineAway("Docker does not answer.")] * 50
        told.run.remove()
        await told.until(lambda one: one.is_removed)

    asyncio.run(main())

    said = [record for record in caplog.records if "asked again" in record.message]
    assert ["Docker does not answer." in one.message and one.exc_info is None for one in said] == [True]


def ended(code: int, *, after: timedelta = timedelta(hours=1), began: datetime = NOW) -> ContainerObservation:
    return ContainerObservation(name="web", last_status="STOPPED", exit_code=code, started_at=began, finished_at=began + after)


def restarted(policy: RestartPolicy | None = RestartPolicy()) -> ContainerDefinition:  # noqa: B008  # it is frozen
    return replace(container("web"), restart_policy=policy)


def test_a_container_that_ran_long_enough_is_restarted_and_never_seen_as_stopped() -> None:
    async def main() -> None:
        engine = FakeEngine()
        told = Told(engine, launch_of(restarted()))
        told.run.start()
        await told.until(is_started)
        told.run.seen(ended(1))
        told.run.seen(ended(1))
        last = await told.until(lambda one: one.containers[0].restart_count == 1)
        told.run.seen(ended(1))  # of the first run, looked at late

        assert engine.asked.count("restart web") == 1
        assert last.containers[0].runtime_id == "again"
        assert all(report.containers[0].last_status != "STOPPED" for report in told.reports)

    asyncio.run(main())


def test_a_container_that_ends_again_while_it_is_restarted_is_seen_to_end() -> None:
    async def main() -> None:
        engine = FakeEngine()
        told = Told(engine, launch_of(restarted()))
        told.run.start()
        await told.until(is_started)
        told.run.seen(ended(1))
        again = ended(2, after=timedelta(seconds=1), began=NOW + timedelta(hours=1))
        told.run.seen(again)  # before the restart has come to its end
        last = await told.until_stopped()

        assert (last.containers[0].exit_code, last.containers[0].restart_count) == (2, 1)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("policy", "observation"),
    [
        (None, ended(1)),
        (RestartPolicy(), ended(1, after=timedelta(seconds=299))),
        (RestartPolicy(ignored_exit_codes=frozenset({0})), ended(0)),
    ],
)
def test_a_container_is_not_restarted(policy: RestartPolicy | None, observation: ContainerObservation) -> None:
    async def main() -> None:
        engine = FakeEngine()
        told = Told(engine, launch_of(restarted(policy)))
        told.run.start()
        await told.until(is_started)
        told.run.seen(observation)

        assert told.reports[-1].containers[0].last_status == "STOPPED"
        assert "restart web" not in engine.asked

    asyncio.run(main())


def test_a_container_that_is_to_stop_is_not_restarted() -> None:
    async def main() -> None:
        engine = FakeEngine(heeds_signals=False)
        told = Told(engine, launch_of(replace(restarted(), stop_timeout=timedelta(hours=1))))
        told.run.start()
        await told.until(is_started)
        told.run.stop()
        told.run.seen(ended(143))
        await told.until_stopped()

        assert "restart web" not in engine.asked

    asyncio.run(main())


def test_a_restart_that_fails_is_the_end_of_the_container_with_the_reason() -> None:
    async def main() -> None:
        engine = FakeEngine(failures={"restart web": cannot_start("its program has gone.")})
        told = Told(engine, launch_of(restarted()))
        told.run.start()
        await told.until(is_started)
        told.run.seen(ended(1))
        last = await told.until_stopped()

        assert last.containers[0].exit_code == 1
        assert last.containers[0].reason == "CannotStartContainerError: its program has gone."

    asyncio.run(main())


class Inputs:
    """Gives a variable and a login to each container, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def inputs(self, launch: TaskLaunch) -> TaskInputs:
        self.asked += 1
        names = [one.name for one in launch.definition.containers]
        return TaskInputs(
            environment={name: {"FOR": name} for name in names},
            logins={name: RegistryLogin(username=name, password="catnip") for name in names},
        )


def test_each_container_gets_its_own_inputs_also_when_it_is_restarted() -> None:
    async def main() -> None:
        engine, inputs = FakeEngine(), Inputs()
        told = Told(engine, launch_of(restarted(), container("db")), inputs)
        told.run.start()
        await told.until(is_started)
        assert engine.variables == {"web": {"FOR": "web"}, "db": {"FOR": "db"}}
        engine.variables.clear()
        told.run.seen(ended(1))
        await told.until(lambda one: one.containers[0].restart_count == 1)

        assert engine.variables == {"web": {"FOR": "web"}}
        assert inputs.asked == 1

    asyncio.run(main())


def test_a_container_waits_for_the_one_whose_volumes_it_mounts() -> None:
    async def main() -> None:
        engine = FakeEngine()
        web = replace(container("web"), volumes_from=(VolumeFrom(source_container="db"),))
        told = Told(engine, launch_of(web, container("db")))
        told.run.start()
        await told.until(is_started)

        assert engine.asked[-2:] == ["start db", "start web"]

    asyncio.run(main())


def test_a_container_that_could_not_be_killed_for_memory_ends_later_with_no_such_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for pause in ("WATCH_MEMORY_SECONDS", "WATCH_MEMORY_CLOSELY_SECONDS"):
        monkeypatch.setattr(task_run, pause, 0)

    async def main() -> None:
        engine = FakeEngine(uses={"web": 400 << 20, "side": 113 << 20}, failures={"kill web": EngineAway("Docker is away.")})
        told = Told(engine, launch_of(container("web"), container("side")))
        told.run.start()
        await told.until(is_started)
        for _ in range(10):
            await asyncio.sleep(0)
        assert "kill web" in engine.asked
        engine.uses = {}
        await asyncio.sleep(0)
        engine.end("web", 1)
        last = await told.until(lambda report: report.containers[0].last_status == "STOPPED")

        assert last.containers[0].reason is None
        await told.run.close()

    asyncio.run(main())


def test_of_containers_that_use_more_memory_than_their_task_has_the_largest_is_killed_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for pause in ("WATCH_MEMORY_SECONDS", "WATCH_MEMORY_CLOSELY_SECONDS"):
        monkeypatch.setattr(task_run, pause, 0)

    async def main() -> None:
        engine = FakeEngine(uses={"web": 400 << 20, "side": 112 << 20})
        told = Told(engine, launch_of(container("web"), container("side")))
        told.run.start()
        await told.until(is_started)
        for _ in range(10):
            await asyncio.sleep(0)
        assert "kill web" not in engine.asked, "exactly what it has"

        engine.uses = {"web": 400 << 20, "side": 113 << 20}
        await told.until(lambda report: report.containers[0].last_status == "STOPPED")
        engine.uses = {"side": 113 << 20}
        for _ in range(10):
            await asyncio.sleep(0)

        assert told.reports[-1].containers[0].reason == "OutOfMemoryError: Container killed due to memory usage"
        assert told.reports[-1].containers[1].last_status == "RUNNING"
        await told.run.close()

    asyncio.run(main())


@pytest.mark.parametrize("own_limits", [(256, 256), (512,)], ids=["within the task's", "of one container"])
def test_containers_that_their_own_limits_bound_are_not_watched(own_limits: tuple[int, ...]) -> None:
    containers = [replace(container(f"c{number}"), memory_mib=limit) for number, limit in enumerate(own_limits)]

    assert not is_to_be_watched(launch_of(*containers).definition)
