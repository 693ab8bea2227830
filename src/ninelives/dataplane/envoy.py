"""``EnvoyDataPlane``: the region's ``DataPlane`` on one Envoy process.

Envoy runs on when the control plane dies, and the next one adopts it. While a control plane lives, an Envoy that dies is
started again at once.
"""

import asyncio
import hashlib
import logging
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ninelives.dataplane import loopback
from ninelives.dataplane.access_log import AccessLog, Entry
from ninelives.dataplane.admin import Admin, AdminUnavailable
from ninelives.dataplane.connection_stats import CONNECTION_STATS, connection_counts
from ninelives.dataplane.health_monitor import HealthMonitor
from ninelives.dataplane.process import SOCKET_PATH_MAX, EnvoyFailed, EnvoyProcess, Places, find, last_words, recorded, spawn
from ninelives.dataplane.sockets import connections_to
from ninelives.model.elbv2 import TargetHealth, TargetKey
from ninelives.region.ports import ConnectionCounts, PublishRejected
from ninelives.routing import ACCESS_LOG, HEALTH_LOG, Admission, EnvoySnapshot, admitted

if TYPE_CHECKING:
    from ninelives.dataplane.publication import Publication

log = logging.getLogger(__name__)

START_SECONDS = 10.0
LISTEN_SECONDS = 2.0
"""How long ``start`` waits for listeners that were there before; they come up by themselves."""
DRAIN_SECONDS = 30.0
IDLE_SECONDS = 2.0
"""How long a graceful stop waits for connections on which nothing happens."""
WATCH_SECONDS = 0.1
TELL_REQUESTS_SECONDS = 0.5
"""How long ended requests may wait until they are told."""
RESTART_PAUSES = (0.0, 0.2, 1.0, 5.0)
"""Seconds before each further start of an Envoy that dies again within a minute."""
STEADY_SECONDS = 60.0


class EnvoyDataPlane:
    """Source of every promise: ``region.ports.DataPlane``.

    ``state_directory`` holds Envoy's files (bootstrap, pid file, logs); ``socket_directory`` its unix sockets (by default a
    short path below the temporary directory).
    """

    def __init__(self, *, state_directory: Path, socket_directory: Path | None = None) -> None:
        self._places = Places(
            state_directory=state_directory.absolute(),
            socket_directory=socket_directory or _short_directory(state_directory),
        )
        self._admin = Admin(self._places.admin_socket)
        self._monitor = HealthMonitor(
            log_file=self._places.state_directory / HEALTH_LOG, admin=self._admin, readmit=self._readmit
        )
        self._access_log = AccessLog(self._places.state_directory / ACCESS_LOG, self._admin)
        self._observers: list[Callable[[Sequence[Entry]], None]] = []
        self._snapshot = EnvoySnapshot()
        self._publishing = asyncio.Lock()
        self._publication: Publication | None = None
        self._process: EnvoyProcess | None = None
        self._chores: list[asyncio.Task[None]] = []
        self._last_totals: dict[TargetKey, int] = {}
        self._recounted: set[TargetKey] = set()
        """Targets whose cluster has changed, or may have: Envoy counts their requests from 0 again and shows no older ones."""

    def prepare(self, snapshot: EnvoySnapshot) -> None:
        """Set what is served to a proxy that connects, before ``start``."""
        self._snapshot = snapshot
        self._monitor.follow(snapshot)

    async def start(self) -> bool:
        """Start Envoy, or adopt the one that runs; whether it has taken what was prepared. Raises ``EnvoyFailed``.

        Envoy boots while we import what speaks to it.
        """
        self._places.make()
        process = await find(self._places)
        if process is None:
            # What an earlier Envoy told is not of this one's targets, though they may have the same addresses.
            (self._places.state_directory / HEALTH_LOG).unlink(missing_ok=True)
            process = spawn(self._places)
        else:
            log.info("adopted Envoy (pid %d)", process.pid)
            self._monitor.adopt(await self._admin.hosts())
            self._recounted = set(self._snapshot.targets)
        self._process = process
        from ninelives.dataplane.publication import Publication

        self._publication = Publication(self._admitted(self._snapshot))
        await self._publication.listen(self._places.ads_socket)
        await self._connected(process, self._publication)
        is_in_force = True
        try:
            await self._publication.all_in_force(within_seconds=LISTEN_SECONDS)
        except PublishRejected as error:
            log.warning("the proxy did not take what it is to serve: %s", error)
            is_in_force = False
        self._monitor.started(self._snapshot)
        self._chores = [
            asyncio.create_task(self._monitor.run(), name="target health"),
            asyncio.create_task(self._watch(process), name="envoy watch"),
            asyncio.create_task(self._tell_requests(), name="requests"),
        ]
        return is_in_force

    async def _connected(self, process: EnvoyProcess, publication: "Publication") -> None:
        connected = asyncio.create_task(publication.connected())
        ended = asyncio.create_task(process.ended())
        try:
            await asyncio.wait({connected, ended}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not connected.done():
                state = "ended" if ended.done() else f"did not connect within {START_SECONDS:g} s"
                await publication.close()
                raise EnvoyFailed(f"Envoy {state}. Its log ({self._places.log_file}) ends with:\n{last_words(self._places)}")
        finally:
            for waiting in (connected, ended):
                waiting.cancel()
            await asyncio.gather(connected, ended, return_exceptions=True)

    async def publish(self, snapshot: EnvoySnapshot) -> None:
        """Bring ``snapshot`` into force; returns once Envoy has taken it. Raises ``PublishRejected``."""
        assert self._publication is not None, "publish before start"
        async with self._publishing:
            previous = self._snapshot
            self._monitor.follow(snapshot)
            changed = {name for name, known in previous.clusters.items() if snapshot.clusters.get(name) != known}
            self._recounted |= {key for key, (cluster, _) in previous.targets.items() if cluster in changed}
            self._recounted &= snapshot.targets.keys()
            try:
                await self._publication.bring(self._admitted(snapshot))
            except PublishRejected:
                self._monitor.follow(previous)
                await self._publication.restore(self._admitted(previous))
                self._monitor.published(previous)
                raise
            self._snapshot = snapshot
            self._monitor.published(snapshot)

    def _admitted(self, snapshot: EnvoySnapshot) -> EnvoySnapshot:
        """``snapshot`` with what the health of each endpoint lets it have."""
        endpoints = {
            cluster: admitted(assignment, self._monitor.admissions(cluster))
            for cluster, assignment in snapshot.endpoints.items()
        }
        return replace(snapshot, endpoints=endpoints)

    async def _readmit(self, changed: Mapping[str, Mapping[str, Admission]]) -> None:
        assert self._publication is not None
        async with self._publishing:
            endpoints = {
                cluster: admitted(self._snapshot.endpoints[cluster], admissions)
                for cluster, admissions in changed.items()
                if cluster in self._snapshot.endpoints
            }
            await self._publication.bring_endpoints(endpoints)

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Called on the loop whenever an answer of ``target_health`` has changed."""
        self._monitor.subscribe(changed)

    def subscribe_requests(self, observed: Callable[[Sequence[Entry]], None]) -> None:
        """Called on the loop with the requests that have ended; each is told once."""
        self._observers.append(observed)

    async def _tell_requests(self) -> None:
        while True:
            try:
                entries = await self._access_log.read()
                for observed in self._observers if entries else ():
                    observed(entries)
            except Exception:
                log.exception("requests that have ended could not be told")
                entries = ()
            await asyncio.sleep(0 if entries else TELL_REQUESTS_SECONDS)

    def target_health(self, key: TargetKey) -> TargetHealth | None:
        """Health as Envoy sees it; None for a target that was not published. Draining is the region's to know."""
        return self._monitor.shown(key)

    async def requests_in_flight(self, keys: Collection[TargetKey]) -> Mapping[TargetKey, int]:
        """Requests and upgraded connections now at each target, and requests that wait for a connection to it.

        Where there are none now, those that came and went since the last reading: a worker thread that has not heard yet that
        a target drains still sends it some. 0 for a target that Envoy does not know.

        Of a cluster that was changed (its health check, say) Envoy shows no longer the requests that began before, but their
        connections stay open until they end, and no idle ones beside them: the system's connections to the target that Envoy
        does not show are such requests.
        """
        places = {key: self._snapshot.targets[key] for key in keys if key in self._snapshot.targets}
        if not places:
            return dict.fromkeys(keys, 0)
        try:
            hosts = await self._admin.hosts({cluster for cluster, _ in places.values()})
        except AdminUnavailable:
            if self._process is not None and self._process.is_alive:
                raise
            hosts = {}
        opened = await self._connections_to({address for key, (_, address) in places.items() if key in self._recounted})
        found = dict.fromkeys(keys, 0)
        for key, place in places.items():
            status = hosts.get(place)
            if status is not None:
                unseen = max(0, opened[place[1]] - status.connections)
                passed = max(0, status.total - self._last_totals.get(key, status.total))
                found[key] = status.active + unseen or passed
                self._last_totals[key] = status.total
        for key in self._last_totals.keys() - self._snapshot.targets.keys():
            del self._last_totals[key]
        return found

    async def connections(self) -> Mapping[str, ConnectionCounts]:
        """Connections of listeners and target groups, by name. Raises ``AdminUnavailable``."""
        return connection_counts(await self._admin.gauges(CONNECTION_STATS))

    @staticmethod
    async def _connections_to(addresses: Collection[str]) -> Counter[str]:
        return await asyncio.to_thread(connections_to, addresses) if addresses else Counter()

    def pick_address(self, taken: Collection[str]) -> str:
        """A loopback address that is not among ``taken``, and that another region is not likely to have."""
        return loopback.pick_address(str(self._places.state_directory), taken)

    def pick_port(self, address: str, port: int) -> int | None:
        """The port to bind for a listener on ``port``: itself, 8000 more where it is kept from us, None where it is taken."""
        return loopback.pick_port(address, port)

    async def stop(self, *, graceful: bool) -> None:
        """End Envoy, also one that an earlier control plane left; ``graceful`` lets connections finish first, for at most
        half a minute.
        """
        await self._let_go_of_chores()
        process = self._process or recorded(self._places)
        if process is not None and process.is_alive:
            if graceful:
                await self._drain()
            await process.end()
        self._places.pid_file.unlink(missing_ok=True)
        await self._close_publication()

    async def _drain(self) -> None:
        """Every answer asks its client to close the connection; wait until all have, or only idle ones are left."""
        try:
            await self._admin.post("/drain_listeners?graceful&skip_exit")
            busy_at = time.monotonic()
            deadline = busy_at + DRAIN_SECONDS
            while (now := time.monotonic()) < deadline:
                gauges = await self._admin.gauges(r"^http\..*\.downstream_(cx|rq)_active$")
                active = {what: _sum(gauges, what) for what in ("cx", "rq")}
                if active["rq"] > 0:
                    busy_at = now
                if active["cx"] == 0 or now - busy_at > IDLE_SECONDS:
                    return
                await asyncio.sleep(WATCH_SECONDS)
        except AdminUnavailable as error:
            log.warning("Envoy cannot be drained: %s", error)

    async def close(self) -> None:
        """Let go of Envoy without ending it."""
        await self._let_go_of_chores()
        await self._close_publication()

    async def _let_go_of_chores(self) -> None:
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        self._chores = []

    async def _close_publication(self) -> None:
        if self._publication is not None:
            await self._publication.close()
            self._publication = None

    async def _watch(self, process: EnvoyProcess) -> None:
        """Start Envoy again whenever it ends; with pauses when it does so again and again."""
        pauses = iter(RESTART_PAUSES)
        while True:
            started_at = time.monotonic()
            await process.ended()
            if time.monotonic() - started_at > STEADY_SECONDS:
                pauses = iter(RESTART_PAUSES)
            pause = next(pauses, RESTART_PAUSES[-1])
            log.error("Envoy (pid %d) has ended by itself; it is started again. %s", process.pid, last_words(self._places))
            await asyncio.sleep(pause)
            try:
                process = self._process = spawn(self._places)
            except (EnvoyFailed, OSError):
                log.exception("Envoy could not be started again")


def _sum(gauges: Mapping[str, int], what: str) -> int:
    """Of the listeners: Envoy's admin interface counts its own connections too."""
    return sum(
        value
        for name, value in gauges.items()
        if name.endswith(f".downstream_{what}_active") and not name.startswith("http.admin.")
    )


def _short_directory(state_directory: Path) -> Path:
    """A directory of our own for sockets, short enough for their paths; the same for the same state directory."""
    mark = hashlib.sha256(str(state_directory.absolute()).encode()).hexdigest()[:12]
    found = Path(tempfile.gettempdir()) / f"ninelives-{os.getuid()}-{mark}"
    return found if len(os.fsencode(found)) < SOCKET_PATH_MAX - len("/admin.sock") else Path("/tmp") / found.name  # noqa: S108
