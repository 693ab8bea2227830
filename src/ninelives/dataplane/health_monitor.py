"""Follows the health of all targets of the published snapshot."""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

from ninelives.dataplane.admin import Admin, AdminUnavailable, HostStatus
from ninelives.dataplane.health import Standing, admissions
from ninelives.dataplane.health_log import HealthLog
from ninelives.model.elbv2 import NOT_IN_USE, REGISTERING, TargetHealth, TargetKey
from ninelives.routing import Admission, EnvoySnapshot

log = logging.getLogger(__name__)

READ_UNSETTLED_SECONDS = 0.025
READ_SETTLED_SECONDS = 0.2
LOOK_UNSETTLED_SECONDS = 0.5
LOOK_SETTLED_SECONDS = 2.0

Readmit = Callable[[Mapping[str, Mapping[str, Admission]]], Awaitable[None]]


class HealthMonitor:
    """Reads Envoy's health log some times a second, and looks at Envoy's own view from time to time in case it missed some.

    A change is shown only after the endpoint's admission is in force: a target that is shown as healthy gets requests.
    """

    def __init__(self, *, log_file: Path, admin: Admin, readmit: Readmit) -> None:
        self._log = HealthLog(log_file)
        self._admin = admin
        self._readmit = readmit
        self._standings: dict[str, dict[str, Standing]] = defaultdict(dict)
        self._shown: dict[TargetKey, TargetHealth] = {}
        self._snapshot = EnvoySnapshot()
        self._changed: Callable[[], None] = lambda: None
        self._nudged = asyncio.Event()
        self._looked_at = 0.0

    def subscribe(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def shown(self, key: TargetKey) -> TargetHealth | None:
        """A target's health; None for one that was not published."""
        return self._shown.get(key)

    def follow(self, snapshot: EnvoySnapshot) -> None:
        """Know the targets of a snapshot that is about to be published, too; the others are forgotten once it is in force."""
        for cluster, address in set(snapshot.targets.values()):
            rule = snapshot.health_rules[cluster]
            standing = self._standings[cluster].get(address)
            if standing is None:
                self._standings[cluster][address] = Standing(rule)
            else:
                standing.follow(rule)
        self._shown = {
            **self._shown,
            **{key: self._shown.get(key, REGISTERING) for key in snapshot.targets},
            **dict.fromkeys(snapshot.unused, NOT_IN_USE),
        }

    def started(self, snapshot: EnvoySnapshot) -> None:
        """The first snapshot is in force, with the admissions of all that is known by now: nobody waits for it yet."""
        self._in_force(snapshot)
        self._show()
        self._nudged.set()

    def published(self, snapshot: EnvoySnapshot) -> None:
        """The snapshot last followed is in force.

        What is known of its targets by now is shown by the step that this asks for: only then are their admissions in force,
        and whoever waits is told of it.
        """
        self._in_force(snapshot)
        self._nudged.set()

    def _in_force(self, snapshot: EnvoySnapshot) -> None:
        """Forget all targets but those of ``snapshot``."""
        self._snapshot = snapshot
        wanted = set(snapshot.targets.values())
        for cluster, address in list(self._each()):
            if (cluster, address) not in wanted:
                del self._standings[cluster][address]
        known = snapshot.targets.keys() | snapshot.unused
        self._shown = {key: health for key, health in self._shown.items() if key in known}

    def admissions(self, cluster: str) -> dict[str, Admission]:
        """What each endpoint of a cluster may get, by address."""
        return admissions(self._standings.get(cluster, {}))

    def adopt(self, hosts: Mapping[tuple[str, str], HostStatus]) -> None:
        """Take over from an Envoy that runs: its log tells the reasons, its view has the last word."""
        self._take_in_events()
        self._look_at(hosts, at_once=True)

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                # Not asyncio.wait_for, which in Python 3.11 forgets that it was cancelled when the event comes just then.
                async with asyncio.timeout(self._pause()):
                    await self._nudged.wait()
            self._nudged.clear()
            try:
                await self.step()
            except Exception:
                log.exception("health of targets could not be followed; tried again")

    async def step(self) -> None:
        """Take in what is new, bring admissions into force, then show it."""
        now = time.monotonic()
        before = {cluster: self.admissions(cluster) for cluster in self._standings}
        self._take_in_events()
        if now - self._looked_at >= (LOOK_SETTLED_SECONDS if self._is_settled() else LOOK_UNSETTLED_SECONDS):
            self._looked_at = now
            with contextlib.suppress(AdminUnavailable):
                self._look_at(await self._admin.hosts())
        for standing in self._every():
            standing.elapsed(time.monotonic())
        changed = {
            cluster: now_admitted
            for cluster in self._standings
            if (now_admitted := self.admissions(cluster)) != before.get(cluster)
        }
        if changed:
            await self._readmit(changed)
        if self._show():
            self._changed()

    def _take_in_events(self) -> None:
        now = time.monotonic()
        for event in self._log.read():
            standing = self._standings.get(event.cluster, {}).get(event.address)
            if standing is not None:
                standing.told(event, now)

    def _look_at(self, hosts: Mapping[tuple[str, str], HostStatus], *, at_once: bool = False) -> None:
        now = time.monotonic()
        for cluster, address in self._each():
            status = hosts.get((cluster, address))
            if status is not None:
                self._standings[cluster][address].seen(status, now, at_once=at_once)

    def _show(self) -> bool:
        """Whether an answer has changed."""
        shown = {
            key: self._standings[cluster][address].health
            for key, (cluster, address) in self._snapshot.targets.items()
            if address in self._standings.get(cluster, {})
        }
        has_changed = any(self._shown.get(key) != health for key, health in shown.items())
        self._shown.update((key, health) for key, health in shown.items() if key in self._shown)
        return has_changed

    def _each(self) -> Iterator[tuple[str, str]]:
        return ((cluster, address) for cluster, standings in self._standings.items() for address in standings)

    def _every(self) -> Iterator[Standing]:
        return (standing for standings in self._standings.values() for standing in standings.values())

    def _is_settled(self) -> bool:
        return all(standing.is_settled for standing in self._every())

    def _pause(self) -> float:
        return READ_SETTLED_SECONDS if self._is_settled() else READ_UNSETTLED_SECONDS
