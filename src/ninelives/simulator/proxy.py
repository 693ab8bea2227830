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


@dataclass(slots=True)
class ProxyTarget:
    """A target as the proxy has it."""

    key: TargetKey
    address: str
    cluster: str
    rule: HealthRule
    health: TargetHealth = INITIAL
    is_draining: bool = False
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

    def adopt(self, snapshot: EnvoySnapshot) -> None:
        """Serve what a new control plane has prepared; it admits what has passed its checks meanwhile."""
        self.bring(snapshot)
        for target in self.targets.values():
            if target.check is None and target.health is INITIAL:
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
            target.health, target.busy_until = INITIAL, 0
            self._plan_check(target)
        self.moved()
        self.news()

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
        target.busy_until = self._loop.time() + self._random.uniform(0, longest)

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
        answers = task is not None and task.answers
        verdict = HEALTHY if answers else UNHEALTHY
        if target.health is verdict:
            return
        checks = target.rule.unhealthy_threshold if not answers else target.rule.healthy_threshold
        if answers and target.health is INITIAL:
            checks = 1
        wait = (checks - 1 + self._random.random()) * target.rule.interval.total_seconds()
        target.check = self._loop.call_later(wait, self._judge, target, verdict, context=self._loop.world)

    def _judge(self, target: ProxyTarget, verdict: TargetHealth) -> None:
        target.check = None
        if target.health is INITIAL and verdict is HEALTHY and not self.is_minded():
            return
        target.health = verdict
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
