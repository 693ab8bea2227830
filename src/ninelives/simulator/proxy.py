"""The proxy: routes in force, health checks and requests in flight, which go on whether a control plane lives or not."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ninelives.model.elbv2 import TargetHealth, TargetHealthState, TargetKey
from ninelives.routing import EnvoySnapshot, HealthRule
from ninelives.routing.clusters import address_of
from ninelives.simulator.event_loop import SimulatedLoop
from ninelives.simulator.machine import Machine
from ninelives.simulator.options import Fault, Options, stream

INITIAL = TargetHealth(
    state=TargetHealthState.INITIAL, reason="Elb.InitialHealthChecking", description="Initial health checks in progress"
)
HEALTHY = TargetHealth(state=TargetHealthState.HEALTHY)
UNHEALTHY = TargetHealth(
    state=TargetHealthState.UNHEALTHY,
    reason="Target.ResponseCodeMismatch",
    description="Health checks failed with these codes: [503]",
)
GONE = TargetHealth(state=TargetHealthState.UNHEALTHY, reason="Target.FailedHealthChecks", description="Health checks failed")
"""Nothing answers at its address."""


@dataclass(slots=True)
class ProxyTarget:
    """A target as the proxy has it."""

    key: TargetKey
    address: str
    cluster: str
    rule: HealthRule
    health: TargetHealth = INITIAL
    is_draining: bool = False
    is_held: bool = False
    """A control plane has seen it unhealthy: only a control plane lets it serve again, once it has passed enough checks."""
    busy_until: float = 0
    """When its last request in flight ends."""
    lies: int = 1
    """Readings in a row that may miss a request which is on its way."""
    check: asyncio.TimerHandle | None = None
    """The verdict that is under way."""

    @property
    def serves(self) -> bool:
        """Whether it gets requests: it is admitted and not draining. (Failing open is not counted on.)"""
        return self.health is HEALTHY and not self.is_draining


class Proxy:
    """``news`` hears when the health of a target has changed, ``moved`` when traffic may flow otherwise than before,
    ``cut`` of a target that it was told to forget while a request to it is in flight.
    """

    def __init__(self, loop: SimulatedLoop, machine: Machine, options: Options) -> None:
        self._loop = loop
        self._machine = machine
        self._options = options
        self._random = stream(options.seed, "proxy")
        self.snapshot = EnvoySnapshot()
        self.targets: dict[TargetKey, ProxyTarget] = {}
        self.news: Callable[[], None] = lambda: None
        self.moved: Callable[[], None] = lambda: None
        self.cut: Callable[[ProxyTarget], None] = lambda _target: None
        self.is_minded: Callable[[], bool] = lambda: True
        """Whether a control plane lives: without one no target that is new is admitted."""
        machine.answering = self._answering

    # What a control plane does.

    def bring(self, snapshot: EnvoySnapshot) -> None:
        """Take routes into force."""
        draining = {
            (cluster, address)
            for cluster, assignment in snapshot.endpoints.items()
            for address, status in _endpoints(assignment)
            if status == "DRAINING"
        }
        self.snapshot = snapshot
        for key in [key for key in self.targets if key not in snapshot.targets]:
            gone = self.targets.pop(key)
            self._forget(gone)
            if self.is_busy(gone):
                self.cut(gone)
        for key, (cluster, address) in snapshot.targets.items():
            rule = snapshot.health_rules[cluster]
            target = self.targets.get(key)
            if target is None:
                target = self.targets[key] = ProxyTarget(key, address, cluster, rule)
                self._plan_check(target)
            target.rule = rule
            drains = (cluster, address) in draining
            if drains and not target.is_draining:
                self._begin_drain(target)
            target.is_draining = drains
        self.moved()

    def mind(self) -> None:
        """A control plane has come: it admits what has passed its checks meanwhile, and what is unhealthy once it has passed
        enough of them from now on.
        """
        for target in self.targets.values():
            target.is_held = target.health.state is TargetHealthState.UNHEALTHY
            if target.is_held or (target.check is None and target.health is INITIAL):
                self._plan_check(target)

    def read_in_flight(self, key: TargetKey) -> int:
        """A reading of the requests at a target; one in a row may miss a request that is between two threads."""
        target = self.targets.get(key)
        if target is None or not self.is_busy(target):
            return 0
        if target.lies and self._random.random() < 0.2:  # noqa: PLR2004 - a likelihood
            target.lies -= 1
            return 0
        target.lies = 1
        return 1

    # What befalls it.

    def restart(self) -> None:
        """It dies and comes up with the same routes: connections are gone, and every target has yet to pass a check."""
        for target in self.targets.values():
            target.health, target.busy_until, target.is_held = INITIAL, 0, False
            self._plan_check(target)
        self.moved()
        self.news()

    def end(self) -> None:
        """It is told to end: nothing is served or known any more."""
        self.bring(EnvoySnapshot())

    # Looking at it.

    def is_busy(self, target: ProxyTarget) -> bool:
        return self._loop.time() < target.busy_until

    def serving(self, cluster: str) -> list[ProxyTarget]:
        return [target for target in self.targets.values() if target.cluster == cluster and target.serves]

    def shares(self) -> Iterator[tuple[str, Mapping[str, int]]]:
        """Each listener in force, with the weight of each cluster above 0 that its default rule gives it."""
        for listener, configuration in self.snapshot.routes.items():
            yield listener, _weights(configuration["virtual_hosts"][0]["routes"][-1])

    # Inside.

    def _begin_drain(self, target: ProxyTarget) -> None:
        if not target.serves or self._machine.at(target.address) is None:
            return
        longest = 1.0
        if self._options.has(Fault.DRAINS_ARE_SLOW):
            longest = self._random.choice((0.3, 0.3, 1.0, 3.0, 3600.0))
        target.busy_until = max(target.busy_until, self._loop.time() + self._random.uniform(0, longest))

    def _forget(self, target: ProxyTarget) -> None:
        if target.check is not None:
            target.check.cancel()

    def _answering(self, address: str) -> None:
        """What answers at an address has changed its mind, or is gone."""
        is_gone = self._machine.at(address) is None
        for target in self.targets.values():
            if target.address == address:
                if is_gone:
                    target.busy_until = 0  # Its connections went with it.
                self._plan_check(target)
        self.moved()

    def _plan_check(self, target: ProxyTarget) -> None:
        """When the checks will have come to another verdict, if what answers there stays as it is."""
        self._forget(target)
        task = self._machine.at(target.address)
        verdict = GONE if task is None else HEALTHY if task.answers else UNHEALTHY
        if target.health is verdict:
            return
        answers = verdict is HEALTHY
        checks = target.rule.unhealthy_threshold if not answers else target.rule.healthy_threshold
        if answers and not self._counts_successes(target):
            checks = 1
        wait = (checks - 1 + self._random.random()) * target.rule.interval.total_seconds()
        target.check = self._loop.call_later(wait, self._judge, target, verdict, context=self._loop.world)

    def _counts_successes(self, target: ProxyTarget) -> bool:
        """One is enough for a target that is new; and for one that turned unhealthy while nobody minded it, as long as that
        lasts.
        """
        return target.health is not INITIAL and (target.is_held or self.is_minded())

    def _judge(self, target: ProxyTarget, verdict: TargetHealth) -> None:
        target.check = None
        is_minded = self.is_minded()
        if verdict is HEALTHY and not is_minded and (target.health is INITIAL or target.is_held):
            return
        target.health = verdict
        target.is_held = verdict is not HEALTHY and (is_minded or target.is_held)
        self.moved()
        self.news()


def _endpoints(assignment: Any) -> Iterator[tuple[str, str]]:
    for locality in assignment["endpoints"]:
        for endpoint in locality["lb_endpoints"]:
            yield address_of(endpoint), endpoint["health_status"]


def _weights(route: Any) -> Mapping[str, int]:
    action = route.get("route", {})
    if "cluster" in action:
        return {action["cluster"]: 1}
    return {one["name"]: one["weight"] for one in action.get("weighted_clusters", {}).get("clusters", ()) if one["weight"] > 0}
