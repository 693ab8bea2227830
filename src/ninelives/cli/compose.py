"""Wires the real parts of a region together; the only place that knows them all."""

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ninelives.api.call import Operations
from ninelives.api.wire import ASGIApp
from ninelives.cli.background import remember
from ninelives.cli.errors import UserError
from ninelives.cli.identity import RandomIds, SystemClock
from ninelives.cli.settings import HOST, STATE_ENTRIES, RegionSettings, RunningRegion, process_start, write_json
from ninelives.model.arns import Place
from ninelives.model.ecs import LastStatus
from ninelives.model.events import DEFAULT_BUS, Happening
from ninelives.model.timing import Timing
from ninelives.region.loop import Loop
from ninelives.region.outbox import Outbox
from ninelives.region.ports import DataPlane, HookFunctions, InputSource, TaskRuntime
from ninelives.region.region import Region
from ninelives.region.state import State
from ninelives.region.tasks import launch_of
from ninelives.store import SqliteStore

if TYPE_CHECKING:
    from ninelives.api.authorization.guard import Guard
    from ninelives.api.elbv2 import KeptCertificates
    from ninelives.api.in_process import InProcess
    from ninelives.api.moto_bridge import MotoBridge
    from ninelives.autoscaling import AutoScaling
    from ninelives.cli.enforcement import Enforcement
    from ninelives.deploy.aws import Aws
    from ninelives.eventbridge import EventBridge
    from ninelives.registry import LifecycleRuns
    from ninelives.stacks import Engine
    from ninelives.telemetry import CloudWatch

log = logging.getLogger(__name__)

STOP_WAIT_SECONDS = 35.0
"""How long ``down`` lets tasks end by themselves: a little above ECS's default stop timeout."""


HOST_PROCESSES_LACK = "they are not isolated, and only programs of this machine run"


class RegionLocked(UserError):
    """Another control process has this state folder."""


def place_of(settings: RegionSettings) -> Place:
    return Place(region=settings.region, account=settings.account)


def choose_runtime(wanted: str) -> tuple[str, str]:
    """Which runtime it will be, and why, in a sentence. Raises ``UserError`` when Docker is asked for and does not answer."""
    from ninelives.runtime import DockerRuntime

    if wanted == "host":
        return "host", f"host processes, as asked for: {HOST_PROCESSES_LACK}."
    problem = DockerRuntime.probe()
    if problem is None:
        return "docker", "Docker containers."
    if wanted == "docker":
        raise UserError(f"--runtime docker: {problem}", hint="Without Docker: `--runtime host`.")
    return "host", f"host processes: {HOST_PROCESSES_LACK}. Why not in containers: {problem}"


def make_runtime(settings: RegionSettings, inputs: InputSource | None = None) -> TaskRuntime:
    """The runtime that ``settings.runtime`` names (``docker`` or ``host``, no longer ``auto``).

    Without ``inputs`` it can stop tasks, and start none that needs a secret.
    """
    from ninelives.runtime import DockerRuntime, HostRuntime

    directory = settings.state_directory / "tasks"
    if settings.runtime == "docker":
        return DockerRuntime(instance=settings.instance, region=settings.region, directory=directory, inputs=inputs)
    return HostRuntime(instance=settings.instance, region=settings.region, directory=directory, inputs=inputs)


def make_data_plane(settings: RegionSettings) -> DataPlane:
    from ninelives.dataplane import EnvoyDataPlane

    return EnvoyDataPlane(state_directory=settings.state_directory / "envoy", socket_directory=settings.socket_directory)


def state_directory_of(settings: RegionSettings) -> Path:
    """The region's state folder, made if need be. Raises ``UserError`` where nothing can be written."""
    directory = settings.state_directory
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UserError(
            f"{directory}: cannot be used as state folder ({error.strerror}).", hint="Name another with --state."
        ) from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise UserError(f"{directory}: cannot be written to.", hint="Name another state folder with --state.")
    return directory


@contextlib.contextmanager
def locked(settings: RegionSettings) -> Iterator[None]:
    """Hold the state folder: one control process at a time."""
    with (state_directory_of(settings) / "region.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RegionLocked(
                f"{settings.state_directory}: another region runs from this state folder.",
                hint="Use it (`ninelives env`), stop it (`ninelives down`), or name another with --state.",
            ) from None
        yield


def is_locked(settings: RegionSettings) -> bool:
    """Whether a control process has the state folder at this moment: it starts, runs or ends."""
    try:
        with (settings.state_directory / "region.lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextlib.asynccontextmanager
async def running_region(  # noqa: PLR0915 - the one place that knows all parts
    settings: RegionSettings, *, ready: Callable[[], None]
) -> AsyncIterator[Loop]:
    """A region that answers at ``settings.endpoint``; on leaving, its control plane lets go and tasks and proxy run on."""
    from ninelives.api import ecr, ecs
    from ninelives.api import logs as cloudwatch_logs
    from ninelives.api.door import create_app
    from ninelives.api.in_process import InProcess
    from ninelives.api.metrics_page import MetricsPage
    from ninelives.api.moto_bridge import MotoBridge
    from ninelives.api.time_scale import telling_time_scale
    from ninelives.cli.agent_endpoint import AgentEndpoint
    from ninelives.cli.enforcement import enforcement_of
    from ninelives.cli.leftovers import Leftovers
    from ninelives.hooks import LocalFunctions, read_stand_ins
    from ninelives.registry import LifecycleRuns, Registry, registry_app
    from ninelives.telemetry import (
        AccessLogs,
        ActionKind,
        AwslogsDriver,
        CloudWatch,
        CloudWatchLogs,
        DerivedMetrics,
        Exposition,
        Measuring,
        Subscriptions,
        Totals,
        invocation,
        on_the_loop,
        state_change,
    )

    directory = settings.state_directory
    place = place_of(settings)
    timing = Timing(time_scale=settings.time_scale)
    clock = SystemClock()
    store = SqliteStore(directory / "region.sqlite")
    data_plane = make_data_plane(settings)
    if settings.runtime == "docker":
        # Here, before threads do it: moto's imports `requests` as well, and the later of two threads may see half of it.
        import docker  # noqa: F401
    logs = CloudWatchLogs(directory / "logs.sqlite", place=place, now=clock.now, bytes_max=settings.log_bytes_max)
    await logs.write(lambda store: cloudwatch_logs.take_over(directory / "moto", place, store))
    moto = MotoBridge(place=place, directory=directory / "moto")
    moto.start()
    operations: dict[str, Operations] = {}
    before_moto: dict[str, Operations] = {}
    own_call = InProcess(operations=operations, before_moto=before_moto, moto=moto.call, place=place)
    cloud_watch = CloudWatch(directory / "cloudwatch.sqlite", place=place, now=clock.now, timing=timing, call=moto.call)
    metrics = cloud_watch.metrics
    derived = DerivedMetrics(on_the_loop(metrics, asyncio.get_running_loop()), minute=metrics.minute)
    logs.observe(derived.heard, tick=derived.tell_defaults)
    region = Region(
        place=place,
        state=State(store),
        clock=clock,
        ids=RandomIds(),
        data_plane=data_plane,
        timing=timing,
        alarms=cloud_watch.alarms,
    )
    region.registry = f"{HOST}:{settings.port}"
    registry = Registry(directory / "registry", account=settings.account, now=region.now)
    lifecycle = LifecycleRuns(registry, scaled=timing.scaled)
    enforced = enforcement_of(settings, region, moto, registry, own_call)
    agent = AgentEndpoint(settings, region, enforced.roles.agents_call if enforced else moto.call)
    runtime = make_runtime(settings, ecs.ServiceInputs(own_call, agent.variables, enforced.roles if enforced else None))
    log_sink = AwslogsDriver(logs)
    functions = LocalFunctions(read_stand_ins(settings.functions))
    subscriptions = Subscriptions(logs, functions.invoke, has_function=functions.knows)
    outbox, event_bridge = _event_bridge(region, moto, own_call, functions)
    cloud_watch.actions.carry_out(
        ActionKind("lambda", "function:"),
        lambda firing: functions.invoke(firing.arn, invocation(firing.alarm, firing.before, place)),
    )
    cloud_watch.alarms.watch(lambda alarm, before: outbox.take([("default", state_change(alarm, before))]))
    registry.watch(lambda action: _tell(outbox, ecr.image_action(action)))
    leftovers = Leftovers(settings)
    registry.watch(leftovers.told)
    registry.watch_files(leftovers.files_removed)
    served = await _operations(
        settings, region, moto, lifecycle=lifecycle, cloud_watch=cloud_watch, outbox=outbox, enforced=enforced
    )
    operations |= {**served[0], "logs": cloudwatch_logs.operations(logs, subscriptions)}
    before_moto |= served[1]
    guard = enforced.guard if enforced else None
    in_process = InProcess(operations=operations, before_moto=before_moto, moto=moto.call, place=place, guard=guard)
    stacks = _cloud_formation(settings, region, moto, in_process, guard, operations)
    totals = Totals()
    exposition = Exposition(region, runtime, cloud_watch, totals)
    scaling = _auto_scaling(settings, region, cloud_watch, in_process, outbox, operations)
    app = create_app(
        operations=operations,
        before_moto=before_moto,
        moto=moto,
        registry=registry_app(registry, enforced.gate if enforced else None),
        place=place,
        guard=guard,
        metrics=MetricsPage(exposition.write, count=totals.count_call, guard=guard),
    )
    # Both before the proxy starts: it tells at once of the requests that ended while nobody listened.
    observing = (
        Measuring(region, runtime, cloud_watch.metrics, totals),
        AccessLogs(region, directory / "access-logs", moto.call),
    )
    loop = Loop(
        region,
        runtime=runtime,
        log_sink=log_sink,
        hook_functions=functions,
        stepped=lambda took: totals.steps.add([took.total_seconds()]),
    )
    try:
        endpoint = _with_console(telling_time_scale(app, settings.time_scale), settings)
        async with _serving(endpoint, settings.port), agent.serving(endpoint, runtime.statistics):
            await loop.start()
            stacks.start()
            chores = {
                "region loop": loop.run(),
                "EventBridge": event_bridge.run(),
                "CloudWatch": cloud_watch.run(),
                "CloudWatch Logs": logs.run(),
                "log subscriptions": subscriptions.run(),
                "auto scaling": scaling.run(),
                "measuring": observing[0].run(),
                "event loop lag": exposition.run(),
                "access logs": observing[1].run(),
                "lifecycle policies": lifecycle.run(),
            }
            running = [asyncio.create_task(chore, name=name) for name, chore in chores.items()]
            ready()
            try:
                yield loop
            finally:
                for chore in running:
                    chore.cancel()
                await asyncio.gather(*running, return_exceptions=True)
                await stacks.close()
                await loop.close()
                await log_sink.close()  # first: what it has written, the runtime's cursors tell
                await runtime.close()
                await data_plane.close()
    finally:
        await logs.close()
        await cloud_watch.close()
        scaling.close()
        await moto.close()
        registry.close()
        leftovers.close()
        stacks.state.close()
        store.close()


def _cloud_formation(
    settings: RegionSettings,
    region: Region,
    moto: "MotoBridge",
    call: "InProcess",
    guard: "Guard | None",
    operations: dict[str, Operations],
) -> "Engine":
    """The engine of stacks, with its operations among those that the region serves."""
    from ninelives.api import cloudformation
    from ninelives.api.authorization.stack_actors import StackActors
    from ninelives.stacks import Catalogue, Engine, StackStore
    from ninelives.stacks.types import TYPES

    actors = StackActors(guard, call) if guard else None
    stacks = Engine(
        StackStore(settings.state_directory / "stacks.sqlite"),
        place=region.place,
        now=region.now,
        ids=RandomIds(),
        call=call,
        catalogue=Catalogue(TYPES),
        lasting=moto.saved,
        call_for=actors.call_for if actors else None,
    )
    operations["cloudformation"] = cloudformation.operations(stacks, actors)
    return stacks


def _auto_scaling(
    settings: RegionSettings,
    region: Region,
    cloud_watch: "CloudWatch",
    call: "InProcess",
    outbox: "Outbox",
    operations: dict[str, Operations],
) -> "AutoScaling":
    """Application Auto Scaling, which alarms of CloudWatch call, with its operations among those that the region serves."""
    from ninelives.api import applicationautoscaling
    from ninelives.autoscaling import AutoScaling, Neighbours, open_scaling
    from ninelives.telemetry import ActionKind

    scaling = AutoScaling(
        open_scaling(settings.state_directory / "scaling.sqlite"),
        place=region.place,
        now=region.now,
        timing=region.timing,
        new_id=RandomIds().uuid,
        neighbours=Neighbours(call=call, alarms=cloud_watch.alarms, tell=lambda happening: _tell(outbox, happening)),
    )
    policies = ActionKind("autoscaling", "scalingPolicy:")
    cloud_watch.actions.carry_out(policies, lambda firing: scaling.breached(firing.arn), repeats=True)
    operations["application-autoscaling"] = applicationautoscaling.operations(scaling)
    return scaling


def _with_console(app: ASGIApp, settings: RegionSettings) -> ASGIApp:
    """The endpoint with its console; without where IAM is enforced: it would be a way around it (decision 73)."""
    from ninelives.console.mount import with_console

    def make() -> ASGIApp:
        from secrets import token_urlsafe

        from ninelives.console.app import Console
        from ninelives.console.app import Place as Where
        from ninelives.console.gate import Gate
        from ninelives.console.reading import Reader
        from ninelives.deploy.aws import connect
        from ninelives.deploy.clock import WallClock

        def reach() -> "Aws":
            return connect(is_local=True, region=settings.region, variables={"AWS_ENDPOINT_URL": settings.endpoint})

        where = Where(kind="region", region=settings.region, endpoint=settings.endpoint)
        return Console(Reader(reach, WallClock()), Gate(token=token_urlsafe(24)), where).app()

    return app if settings.enforce_iam else with_console(app, make)


async def _operations(
    settings: RegionSettings,
    region: Region,
    moto: "MotoBridge",
    *,
    lifecycle: "LifecycleRuns",
    cloud_watch: "CloudWatch",
    outbox: Outbox,
    enforced: "Enforcement | None",
) -> tuple[dict[str, Operations], dict[str, Operations]]:
    """What the region answers itself, by service; and what it answers before moto does, which has the rest of that service."""
    from ninelives.api import cloudwatch, ecr, ecs, elbv2, events
    from ninelives.api.authorization import simulation

    operations: dict[str, Operations] = {
        "ecs": ecs.operations(region),
        "elbv2": elbv2.operations(
            region,
            elbv2.Ec2Network(moto.call),
            await _certificates(moto, region),
            elbv2.S3LogBuckets(moto.call, region.place),
        ),
        "cloudwatch": cloudwatch.operations(cloud_watch),
        "ecr": ecr.operations(
            lifecycle.registry,
            place=region.place,
            endpoint=f"{HOST}:{settings.port}",
            now=region.now,
            password=enforced.registry_password if enforced else None,
            policy_changed=lifecycle.look_again,
        ),
        **({"sts": enforced.sts} if enforced else {}),
    }
    before_moto: dict[str, Operations] = {
        "events": events.operations(outbox, moto.call),
        "iam": simulation.operations(enforced.guard.records if enforced else moto.account_records),
    }
    return operations, before_moto


def _tell(outbox: Outbox, happening: Happening) -> None:
    """Tell EventBridge's own bus of something."""
    outbox.take([(DEFAULT_BUS, happening)])


async def _certificates(moto: "MotoBridge", region: Region) -> "KeptCertificates":
    """Those that ACM and IAM keep; the ones that listeners use are known from now on, as they are."""
    from ninelives.api.elbv2 import CERTIFICATE_SERVICES, KeptCertificates

    kept = KeptCertificates(moto.key_pair)
    moto.subscribe(CERTIFICATE_SERVICES, lambda: kept.renew(region))
    await kept.renew(region)
    return kept


def _event_bridge(
    region: Region, moto: "MotoBridge", call: "InProcess", functions: HookFunctions
) -> tuple[Outbox, "EventBridge"]:
    """What tells of all that the region does, and what brings it to the targets of rules."""
    from ninelives.api import ecs
    from ninelives.eventbridge import EventBridge, Rules, Targets

    outbox = Outbox(region, is_heard=lambda: moto.has_records_of("events"))
    outbox.tell_of_transitions(ecs.state_changes)
    targets = Targets(
        call,
        may_leave_this_machine=os.environ.get("NINELIVES_HTTP_TARGETS") == "anywhere",
        functions=functions,
        archive=moto.archive_event,
    )
    rules = Rules(moto.call, changes=lambda: moto.changes("events"))
    return outbox, EventBridge(outbox, rules, targets, place=region.place, now=region.now)


@contextlib.asynccontextmanager
async def _serving(app: ASGIApp, port: int) -> AsyncIterator[None]:
    """The endpoint answers inside the block. Raises ``UserError`` when the port is taken, before anything else starts."""
    from ninelives.api.server import PortTaken, serve

    stop = asyncio.Event()
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving: asyncio.Task[None] = asyncio.create_task(
        serve(app, HOST, port, stop=stop, listening=listening.set_result), name="endpoint"
    )
    waited: set[asyncio.Future[Any]] = {serving, listening}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    if not listening.done():
        try:
            await serving
        except PortTaken as error:
            raise UserError(str(error), hint="`ninelives up --port` chooses another.") from None
    try:
        yield
    finally:
        stop.set()
        await serving


async def serve_until_told(settings: RegionSettings, *, announce: Callable[[str], None]) -> None:
    """Run a region until SIGINT (stop everything) or SIGTERM (let go: tasks and proxy run on for the next control process)."""
    told: asyncio.Queue[signal.Signals] = asyncio.Queue()
    event_loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        event_loop.add_signal_handler(number, told.put_nowait, number)

    def say(*, is_ending: bool) -> None:
        started = process_start(os.getpid())
        assert started is not None
        running = RunningRegion(
            pid=os.getpid(),
            endpoint=settings.endpoint,
            region=settings.region,
            account=settings.account,
            runtime=settings.runtime,
            started=started,
            enforces_iam=settings.enforce_iam,
            is_ending=is_ending,
        )
        write_json(settings.state_directory / "region.json", asdict(running))

    def ready() -> None:
        say(is_ending=False)
        announce(settings.endpoint)

    from ninelives.database import DatabaseFromTheFuture
    from ninelives.dataplane import EnvoyFailed
    from ninelives.runtime.engine import EngineAway

    with locked(settings):
        remember(settings)
        try:
            async with running_region(settings, ready=ready):
                number = await told.get()
                with contextlib.suppress(FileNotFoundError):  # the folder may have vanished
                    say(is_ending=True)
                log.info("%s: %s", number.name, "stopping everything" if number is signal.SIGINT else "letting go")
        except (EnvoyFailed, DatabaseFromTheFuture) as error:
            raise UserError(str(error), hint=f"The region's log: {settings.log_file}") from error
        except EngineAway as error:
            raise _tasks_out_of_reach(error) from error
        if number is signal.SIGINT:
            await _stop_everything(settings)


async def _stop_everything(settings: RegionSettings) -> None:
    """``stop_what_is_left``, and what a state folder that has vanished does not tell of."""
    from ninelives.cli.strays import end_containers, end_processes

    if (settings.state_directory / "region.json").exists():
        await stop_what_is_left(settings)
        return
    log.error("%s has vanished; what runs is ended all the same", settings.state_directory)
    end_processes(settings.state_directory)
    if settings.runtime == "docker":
        await end_containers(settings)
    shutil.rmtree(settings.socket_directory, ignore_errors=True)


async def stop_what_is_left(settings: RegionSettings) -> None:
    """End the tasks and the proxy of a region whose control plane is gone; tasks get their stop signal and their time.

    Raises ``UserError`` where Docker has the tasks and does not answer; then nothing was ended.
    """
    from ninelives.runtime.agent_network import close_agent_network
    from ninelives.runtime.engine import EngineAway

    store = SqliteStore(settings.state_directory / "region.sqlite")
    runtime = make_runtime(settings)
    data_plane = make_data_plane(settings)
    state = State(store)
    region = Region(
        place=place_of(settings), state=state, clock=SystemClock(), ids=RandomIds(), data_plane=data_plane, timing=Timing()
    )
    launches = [launch_of(region, task) for task in state.tasks.values() if task.last_status is not LastStatus.STOPPED]
    ended: dict[str, asyncio.Event] = {launch.task.arn: asyncio.Event() for launch in launches}

    def observed(observation: object) -> None:
        from ninelives.model.observation import TaskObservation

        assert isinstance(observation, TaskObservation)
        containers = observation.containers
        if observation.is_removed or (containers and all(one.last_status == "STOPPED" for one in containers)):
            event = ended.get(observation.task_arn)
            if event is not None:
                event.set()

    runtime.subscribe(observed, lambda _, stored: stored())
    try:
        await runtime.adopt(launches)
    except EngineAway as error:
        raise _tasks_out_of_reach(error) from error
    for launch in launches:
        await runtime.stop(launch)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_WAIT_SECONDS):
            await asyncio.gather(*(event.wait() for event in ended.values()))
    await runtime.adopt([])
    await runtime.close()
    if settings.runtime == "docker":
        await asyncio.to_thread(close_agent_network)
    await data_plane.stop(graceful=False)
    store.close()
    (settings.state_directory / "region.json").unlink(missing_ok=True)
    shutil.rmtree(settings.socket_directory, ignore_errors=True)


def _tasks_out_of_reach(error: Exception) -> UserError:
    return UserError(str(error), hint="This region's tasks are Docker's: start Docker, then try again.")


def delete_state(directory: Path) -> list[str]:
    """Forget a region: its records, images and logs. What is not the region's stays, and is told, with its folder."""
    for pattern in STATE_ENTRIES:
        for entry in directory.glob(pattern):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
    left = sorted(entry.name for entry in directory.iterdir())
    if not left:
        directory.rmdir()
    return left
