"""What the contract of ``DataPlane`` needs: applications that obey, a proxy before them, and control planes that die.

``EnvoyScene`` has real ones, ``SimulatedScene`` those of the simulator.
"""

import asyncio
import shutil
import socket
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from envoy_world import QUICK, Backend, Records, forward, request, until
from runtime_bench import Bench

from ninelives.dataplane import EnvoyDataPlane
from ninelives.model.elbv2 import TargetHealth, TargetHealthState, TargetKey
from ninelives.region.ports import DataPlane
from ninelives.routing import EnvoySnapshot
from ninelives.simulator.applications import Application
from ninelives.simulator.data_plane import SimulatedDataPlane
from ninelives.simulator.event_loop import Process, SimulatedLoop
from ninelives.simulator.faults import Fates
from ninelives.simulator.identity import SimulatedClock
from ninelives.simulator.machine import Machine
from ninelives.simulator.options import Fault, draw
from ninelives.simulator.proxy import Proxy

T = TypeVar("T")
CHECK = replace(QUICK, healthy_threshold=2, unhealthy_threshold=2, interval=timedelta(seconds=0.2))


@dataclass(frozen=True, slots=True)
class Place:
    """Where an application listens."""

    address: str
    port: int


class Scene(ABC):
    """A proxy, the records that it serves, and whoever minds it. ``woken`` counts how often its news came."""

    plane: DataPlane

    def __init__(self) -> None:
        self.records = Records()
        self.woken = 0

    # What is different.

    @abstractmethod
    def run(self, job: Coroutine[Any, Any, T]) -> T:
        """Until it has ended."""

    @abstractmethod
    def new_plane(self) -> DataPlane: ...

    @abstractmethod
    async def application(self, *, answers: bool = True) -> Place:
        """A new one; its health checks pass or not."""

    @abstractmethod
    async def answer(self, place: Place, *, well: bool) -> None:
        """Its health checks pass or fail from now on."""

    @abstractmethod
    async def end(self, place: Place) -> None:
        """Nothing listens there any more."""

    @abstractmethod
    async def reached(self) -> set[Place]:
        """Whom new requests reach, of many."""

    @abstractmethod
    async def hold(self, place: Place) -> None:
        """A request is in flight at the one place that is served, until ``release``."""

    @abstractmethod
    async def release(self, place: Place) -> None: ...

    @abstractmethod
    async def let_go(self) -> None:
        """The control plane dies."""

    @abstractmethod
    def refusing(self, snapshot: EnvoySnapshot) -> "Any":
        """A context in which the proxy refuses ``snapshot`` as it is given there."""

    # What is alike.

    async def begin(self) -> None:
        """The first control plane; nothing is served."""
        self.plane = self.new_plane()
        self.records.address = self.plane.pick_address(())
        self.records.port = self.plane.pick_port(self.records.address, 80) or 0
        await self._start(EnvoySnapshot())

    async def clear(self) -> None:
        """For the next test: no records, and nothing served."""
        self.records = Records(address=self.records.address, port=self.records.port)
        await self.plane.publish(EnvoySnapshot())
        self.woken = 0

    async def come_back(self) -> bool:
        """The next control plane, with the records as they are; whether they are in force at once."""
        self.plane = self.new_plane()
        return await self._start(self.records.snapshot())

    async def _start(self, snapshot: EnvoySnapshot) -> bool:
        self.plane.prepare(snapshot)
        self.plane.subscribe(self._wake)
        return await self.plane.start()

    def _wake(self) -> None:
        self.woken += 1

    async def publish(self) -> None:
        await self.plane.publish(self.records.snapshot())

    def groups(self, **weights: int) -> None:
        """Target groups behind the listener's default rule."""
        for name in weights:
            self.records.group(name, CHECK)
        self.weigh(**weights)

    def weigh(self, **weights: int) -> None:
        self.records.rules.clear()
        self.records.rule(forward(*weights.items()))

    def register(self, group: str, place: Place) -> TargetKey:
        return self.records.register(group, place.port, place.address)

    async def serving(self, group: str) -> tuple[Place, TargetKey]:
        """A new application that is healthy in a group."""
        place = await self.application()
        key = self.register(group, place)
        await self.publish()
        await self.until(key, TargetHealthState.HEALTHY)
        return place, key

    def health(self, key: TargetKey) -> TargetHealth | None:
        return self.plane.target_health(key)

    def state(self, key: TargetKey) -> TargetHealthState | None:
        found = self.health(key)
        return None if found is None else found.state

    async def until(self, key: TargetKey, state: TargetHealthState) -> None:
        await until(lambda: self.state(key) is state, what=f"{key.port} {state} (now {self.state(key)})")

    async def in_flight(self, key: TargetKey) -> int:
        return (await self.plane.requests_in_flight([key]))[key]


class EnvoyScene(Scene):
    """One Envoy for all tests of a module."""

    REQUESTS = 24

    def __init__(self) -> None:
        super().__init__()
        self._directory = Path(tempfile.mkdtemp(prefix="nl-dp-"))
        self._runner = asyncio.Runner()
        self._backends: dict[Place, Backend] = {}
        self._held: dict[Place, asyncio.Task[Any]] = {}

    def run(self, job: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(job)

    def new_plane(self) -> DataPlane:
        return EnvoyDataPlane(state_directory=self._directory / "envoy", socket_directory=self._directory / "s")

    async def application(self, *, answers: bool = True) -> Place:
        backend = Backend("")
        backend.health = 200 if answers else 503
        await backend.start()
        backend.name = str(backend.port)
        place = Place("127.0.0.1", backend.port)
        self._backends[place] = backend
        return place

    async def answer(self, place: Place, *, well: bool) -> None:
        self._backends[place].health = 200 if well else 503

    async def end(self, place: Place) -> None:
        await self._backends[place].stop()

    async def reached(self) -> set[Place]:
        try:
            answers = [await request((self.records.address, self.records.port)) for _ in range(self.REQUESTS)]
        except OSError:
            return set()
        return {Place("127.0.0.1", int(one.body)) for one in answers if one.status == 200}

    async def hold(self, place: Place) -> None:
        backend = self._backends[place]
        self._held[place] = asyncio.create_task(request((self.records.address, self.records.port), "/held"))
        await until(lambda: backend.asked["/held"], what="a request in flight")

    async def release(self, place: Place) -> None:
        self._backends[place].released.set()
        assert (await self._held.pop(place)).status == 200

    async def let_go(self) -> None:
        await self.plane.close()

    @contextmanager
    def refusing(self, snapshot: EnvoySnapshot) -> Iterator[EnvoySnapshot]:
        """It has one more listener, on a port that another program has."""
        (name, listener), (_, routes) = *snapshot.listeners.items(), *snapshot.routes.items()
        with socket.socket() as thief:
            thief.bind((self.records.address, 0))
            thief.listen()
            where = {"socket_address": {"address": self.records.address, "port_value": thief.getsockname()[1]}}
            taken = listener | {"name": f"{name}-2", "address": where}
            yield replace(
                snapshot,
                listeners={**snapshot.listeners, f"{name}-2": taken},
                routes={**snapshot.routes, f"{name}-2": routes | {"name": f"{name}-2"}},
            )

    async def clear(self) -> None:
        await super().clear()
        for backend in self._backends.values():
            await backend.stop()
        self._backends.clear()

    def close(self) -> None:
        self.run(self.plane.stop(graceful=False))
        self._runner.close()
        shutil.rmtree(self._directory, ignore_errors=True)


class SimulatedScene(Scene):
    """In simulated time, without faults of the world."""

    def __init__(self) -> None:
        super().__init__()
        self._options = replace(draw(0), faults=frozenset({Fault.PROXY_REFUSES}), shares_an_address=False)
        self._loop = SimulatedLoop()
        self._machine = Machine(self._loop, SimulatedClock(self._loop), self._options)
        self._proxy = Proxy(self._loop, self._machine, self._options)
        self._process: Process | None = None
        self._luck = Random(0)
        self._fates = Fates(self._options, self._luck, lambda _where: None)
        self._tasks: dict[Place, str] = {}
        self._bench = Bench(kind="simulated", image="app", registry="", serve=(), directory="", instance="")
        self._machine.applications["app"] = Application(becomes_ready=False)
        self._proxy.is_minded = lambda: self._process is not None

    def run(self, job: Coroutine[Any, Any, T]) -> T:
        task = self._loop.create_task(job)
        while not task.done():
            assert self._loop.run_instant(until=1e9), "nothing happens any more"
        return task.result()

    def new_plane(self) -> DataPlane:
        self._process = Process("control plane")
        plane = SimulatedDataPlane(self._loop, self._proxy, self._process, self._fates, Random(0))
        self._proxy.news = plane.news
        return plane

    async def application(self, *, answers: bool = True) -> Place:
        task = self._machine.start(self._bench.launch(self._bench.container("")))
        if answers:
            self._machine.become_ready(task)
        place = Place(task.address.ip, task.address.ports[0][1])
        self._tasks[place] = task.arn
        return place

    async def answer(self, place: Place, *, well: bool) -> None:
        task = self._machine.tasks[self._tasks[place]]
        self._machine.become_ready(task)
        self._machine.sicken(task, is_sick=not well)

    async def end(self, place: Place) -> None:
        self._machine.remove(self._tasks[place])

    async def reached(self) -> set[Place]:
        return {
            Place(one.key.id, one.key.port)
            for _, shares in self._proxy.shares()
            for cluster in shares
            for one in self._proxy.serving(cluster)
        }

    async def hold(self, place: Place) -> None:
        self._busy(place, until=float("inf"))

    async def release(self, place: Place) -> None:
        self._busy(place, until=0)

    def _busy(self, place: Place, *, until: float) -> None:
        for target in self._proxy.targets.values():
            if (target.key.id, target.key.port) == (place.address, place.port):
                target.busy_until = until

    async def let_go(self) -> None:
        assert self._process is not None
        self._process.die()
        self._process = None
        self._proxy.news = lambda: None

    @contextmanager
    def refusing(self, snapshot: EnvoySnapshot) -> Iterator[EnvoySnapshot]:
        self._luck.seed(1)  # below every likelihood
        assert self._luck.random() < 0.15
        self._luck.seed(1)
        self._fates.are_on = True
        yield snapshot
        self._fates.are_on = False
