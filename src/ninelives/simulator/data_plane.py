"""The simulated ``DataPlane``: what one control plane does with the proxy, and what it knows of it."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random
from typing import Any

from ninelives.model.elbv2 import NOT_IN_USE, REGISTERING, TargetHealth, TargetKey
from ninelives.region.ports import ConnectionCounts, PublishRejected
from ninelives.routing import EnvoySnapshot
from ninelives.simulator.event_loop import Process, SimulatedLoop
from ninelives.simulator.faults import Fates, SimulatedFault
from ninelives.simulator.options import Fault
from ninelives.simulator.proxy import Proxy

PASSING_ON_SECONDS = 0.2
"""How long news of a target's health is under way, at most."""


class RoutesRefused(SimulatedFault, PublishRejected):
    """The proxy's refusal of a publication."""


class SimulatedDataPlane:
    def __init__(self, loop: SimulatedLoop, proxy: Proxy, process: Process, fates: Fates, random: Random) -> None:
        self._loop = loop
        self._proxy = proxy
        self._process = process
        self._fates = fates
        self._random = random
        self._snapshot = EnvoySnapshot()
        self._shown: dict[TargetKey, TargetHealth] = {}
        self._changed: Callable[[], None] = lambda: None
        self._is_told = False

    def prepare(self, snapshot: EnvoySnapshot) -> None:
        self._follow(snapshot)

    async def start(self) -> bool:
        """Adopt the proxy; what it sees of targets may become known a moment later."""
        self._fates.action(self._process, "before the proxy is adopted")
        is_taken = not self._fates.happens(Fault.PROXY_REFUSES, 0.15)
        if is_taken:
            self._proxy.bring(self._snapshot)
        self._proxy.mind()
        await asyncio.sleep(self._random.choice((0.0, 0.05, 0.5)))
        self._fates.action(self._process, "after the proxy is adopted")
        self._loop.call_later(self._random.choice((0.0, 0.0, 2.0)), self._look, context=self._process.context)
        return is_taken

    async def publish(self, snapshot: EnvoySnapshot) -> None:
        self._fates.action(self._process, "before a publication")
        before = self._snapshot, self._shown
        self._follow(snapshot)
        if self._fates.happens(Fault.PROXY_IS_SLOW, 0.3):
            await asyncio.sleep(self._random.uniform(0.01, 3))
        if self._fates.happens(Fault.PROXY_REFUSES, 0.15):
            self._snapshot, self._shown = before
            self._look()
            raise RoutesRefused("the proxy did not take the routes")
        self._proxy.bring(snapshot)
        self._fates.action(self._process, "after a publication")
        self._look()

    def subscribe(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def subscribe_requests(self, observed: Callable[[Sequence[Mapping[str, Any]]], None]) -> None:
        """Requests of a simulated world are not written down."""

    def target_health(self, key: TargetKey) -> TargetHealth | None:
        return self._shown.get(key)

    async def requests_in_flight(self, keys: Collection[TargetKey]) -> Mapping[TargetKey, int]:
        self._fates.action(self._process, "before a reading")
        if self._fates.happens(Fault.PROXY_IS_SLOW, 0.1):
            await asyncio.sleep(self._random.uniform(0.01, 1))
        self._fates.refuse(Fault.PROXY_REFUSES, 0.05, "the proxy's admin interface does not answer")
        return {key: self._proxy.read_in_flight(key) for key in keys}

    async def connections(self) -> Mapping[str, ConnectionCounts]:
        """Nobody connects to a simulated proxy."""
        return {}

    def pick_address(self, taken: Collection[str]) -> str:
        return next(address for number in range(2, 255) if (address := f"127.0.0.{number}") not in taken)

    def pick_port(self, address: str, port: int) -> int | None:  # noqa: ARG002 - the port's
        return port

    async def stop(self, *, graceful: bool) -> None:  # noqa: ARG002 - the port's
        """Connections of a simulated world end at once."""
        self._proxy.end()

    async def close(self) -> None:
        """There is nothing to let go of."""

    # What the proxy tells.

    def news(self) -> None:
        """The health of a target has changed in the proxy: known here a moment later."""
        if not self._is_told:
            self._is_told = True
            delay = self._random.uniform(0, PASSING_ON_SECONDS)
            self._loop.call_later(delay, self._look, context=self._process.context)

    # Inside.

    def _follow(self, snapshot: EnvoySnapshot) -> None:
        self._snapshot = snapshot
        self._shown = {
            **{key: self._shown.get(key, REGISTERING) for key in snapshot.targets},
            **dict.fromkeys(snapshot.unused, NOT_IN_USE),
        }

    def _look(self) -> None:
        self._is_told = False
        seen = {key: self._proxy.targets[key].health for key in self._snapshot.targets if key in self._proxy.targets}
        if any(self._shown.get(key) != health for key, health in seen.items()):
            self._shown.update(seen)
            self._changed()
