"""Brings a snapshot into force in an order in which no request finds a gap: make before break.

Clusters and endpoints come before the routes that name them, routes before new listeners; what is not wanted any more goes
in the reverse order: endpoints that lose their requests while routes change too do so after the routes have. Only what has
changed is sent.

Envoy's main thread hands each change to the worker threads in the order in which it has taken them; so what it has
acknowledged first no worker sees last.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ninelives.dataplane.ads import AdsServer, Name, NotAnswered, Refused
from ninelives.dataplane.resources import Kind, MalformedResource, Resource, packed
from ninelives.region.ports import PublishRejected
from ninelives.routing import EnvoySnapshot, endpoint_addresses

ANSWER_SECONDS = 10.0
RESTORE_SECONDS = 2.0
ACCEPT_SECONDS = 1.0
THREADS_SECONDS = 0.003
"""Envoy acknowledges in its main thread; its worker threads hear of the change at the next turn of their event loops."""

Contents = Mapping[str, Any]
NOTHING: Contents = {"endpoints": []}


class Publication:
    """What Envoy is to have, and the ADS server that gives it. One change at a time."""

    def __init__(self, snapshot: EnvoySnapshot) -> None:
        self._ads = AdsServer()
        self._snapshot = snapshot
        for kind, contents in _by_kind(snapshot).items():
            self._ads.set(kind, _packed(contents))

    async def listen(self, socket_path: Path) -> None:
        await self._ads.listen(socket_path)

    async def connected(self) -> None:
        await self._ads.connected()

    async def close(self) -> None:
        await self._ads.close()

    async def all_in_force(self, *, within_seconds: float) -> None:
        """Returns once Envoy has everything. Raises ``PublishRejected``."""
        names = {(kind, name) for kind, contents in _by_kind(self._snapshot).items() for name in contents}
        await self._wait(names, within_seconds=within_seconds)

    async def bring(self, snapshot: EnvoySnapshot) -> None:
        """Bring ``snapshot`` into force. Raises ``PublishRejected``; part of it may then be in force (see ``restore``)."""
        before = self._snapshot
        try:
            fresh = {
                kind: _packed(_changed(_by_kind(before)[kind], contents)) for kind, contents in _by_kind(snapshot).items()
            }
        except MalformedResource as error:
            raise PublishRejected(str(error)) from error
        self._snapshot = snapshot
        kept = _kept_until_routed(before, snapshot) if fresh[Kind.ROUTES] else {}
        fresh[Kind.ENDPOINTS] |= _packed(kept)
        await self._make(fresh)
        await self._shrink({cluster: snapshot.endpoints[cluster] for cluster in kept})
        self._break(before, snapshot)
        if _loses_endpoints(before, snapshot):
            await asyncio.sleep(THREADS_SECONDS)

    async def restore(self, snapshot: EnvoySnapshot) -> None:
        """Want ``snapshot`` again after a refusal; what Envoy says to it is only logged."""
        now = self._snapshot
        self._snapshot = snapshot
        names: set[Name] = set()
        for kind, contents in _by_kind(snapshot).items():
            back = _packed(_changed(_by_kind(now)[kind], contents))
            self._ads.set(kind, back)
            self._ads.push(kind, back)
            names |= {(kind, name) for name in back}
        if Kind.CLUSTER in {kind for kind, _ in names}:
            self._ads.push(Kind.ENDPOINTS, snapshot.endpoints)
        self._break(now, snapshot)
        try:
            await self._wait(names, within_seconds=RESTORE_SECONDS)
        except PublishRejected:
            return

    async def bring_endpoints(self, endpoints: Contents) -> None:
        """Replace the endpoints of some clusters. Should Envoy not be there, it gets them when it comes back."""
        self._snapshot = _with_endpoints(self._snapshot, endpoints)
        names = self._ads.set(Kind.ENDPOINTS, _packed(endpoints))
        self._ads.push(Kind.ENDPOINTS, names)
        try:
            await self._wait({(Kind.ENDPOINTS, name) for name in names}, within_seconds=RESTORE_SECONDS)
        except PublishRejected:
            return

    async def _make(self, fresh: Mapping[Kind, Mapping[str, Resource]]) -> None:
        """Additions and changes. Clusters are not waited for: Envoy withholds the answer while one warms up, and has taken
        a cluster when it takes its endpoints.
        """
        clusters = self._ads.set(Kind.CLUSTER, fresh[Kind.CLUSTER])
        # A cluster that finds its hosts by itself has no endpoints of ours.
        endpoints = {
            *self._ads.set(Kind.ENDPOINTS, fresh[Kind.ENDPOINTS]),
            *self._ads.resources[Kind.ENDPOINTS].keys() & clusters,
        }
        self._ads.push(Kind.CLUSTER, clusters)
        self._ads.push(Kind.ENDPOINTS, sorted(endpoints))
        await self._wait(_names(Kind.ENDPOINTS, endpoints), watched=_names(Kind.CLUSTER, clusters))
        known = {kind: set(self._ads.resources[kind]) for kind in (Kind.SECRET, Kind.LISTENER)}
        extensions = self._ads.set(Kind.EXTENSION, fresh[Kind.EXTENSION])
        self._ads.push(Kind.EXTENSION, extensions)
        await self._wait(_names(Kind.EXTENSION, extensions) if known[Kind.LISTENER] else set())
        for kind in (Kind.SECRET, Kind.ROUTES):
            self._ads.push(kind, self._ads.set(kind, fresh[kind]))
        # What belongs to a listener that is not there yet is fetched with it.
        routes = _names(Kind.ROUTES, fresh[Kind.ROUTES].keys() & known[Kind.LISTENER])
        await self._wait(routes | _names(Kind.SECRET, fresh[Kind.SECRET].keys() & known[Kind.SECRET]))
        listeners = self._ads.set(Kind.LISTENER, fresh[Kind.LISTENER])
        self._ads.push(Kind.LISTENER, listeners)
        # A new listener accepts connections a moment after it has its routes.
        await self._wait(_names(Kind.LISTENER, listeners) | _names(Kind.ROUTES, listeners))
        for name in listeners:
            await _accepting(self._snapshot.listeners[name])

    async def _shrink(self, assignments: Contents) -> None:
        """Take away the endpoints that were kept until the routes had changed."""
        endpoints = self._ads.set(Kind.ENDPOINTS, _packed(assignments))
        self._ads.push(Kind.ENDPOINTS, endpoints)
        await self._wait(_names(Kind.ENDPOINTS, endpoints))

    def _break(self, before: EnvoySnapshot, after: EnvoySnapshot) -> None:
        """What is gone. Nothing depends on Envoy's answer to it."""
        gone = {kind: before_kind.keys() - _by_kind(after)[kind].keys() for kind, before_kind in _by_kind(before).items()}
        for kind in (Kind.LISTENER, Kind.ROUTES, Kind.CLUSTER, Kind.ENDPOINTS, Kind.SECRET, Kind.EXTENSION):
            self._ads.remove(kind, gone[kind])
            if kind in {Kind.LISTENER, Kind.CLUSTER}:
                self._ads.push(kind, sorted(gone[kind]))

    async def _wait(
        self, names: set[Name], *, watched: set[Name] | None = None, within_seconds: float = ANSWER_SECONDS
    ) -> None:
        if not names and not watched:
            return
        try:
            await self._ads.in_force(names, watched=watched or set(), within_seconds=within_seconds)
        except (Refused, NotAnswered) as error:
            raise PublishRejected(str(error)) from error


async def _accepting(listener: Any) -> None:
    """Returns once a listener accepts connections, or after a second (then Envoy's log knows more)."""
    where = listener["address"]["socket_address"]
    host = "127.0.0.1" if where["address"] == "0.0.0.0" else where["address"]  # noqa: S104 - any address includes ours
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ACCEPT_SECONDS):
            while True:
                try:
                    _, writer = await asyncio.open_connection(host, where["port_value"])
                except OSError:
                    await asyncio.sleep(THREADS_SECONDS)
                else:
                    writer.close()
                    return


def _by_kind(snapshot: EnvoySnapshot) -> dict[Kind, Contents]:
    return {
        Kind.CLUSTER: snapshot.clusters,
        Kind.ENDPOINTS: snapshot.endpoints,
        Kind.EXTENSION: snapshot.extensions,
        Kind.LISTENER: snapshot.listeners,
        Kind.ROUTES: snapshot.routes,
        Kind.SECRET: snapshot.secrets,
    }


def _changed(before: Contents, after: Contents) -> Contents:
    return {name: content for name, content in after.items() if before.get(name) != content}


def _packed(contents: Contents) -> dict[str, Resource]:
    return {name: packed(content) for name, content in contents.items()}


def _names(kind: Kind, names: Iterable[str]) -> set[Name]:
    return {(kind, name) for name in names}


def _with_endpoints(snapshot: EnvoySnapshot, endpoints: Contents) -> EnvoySnapshot:
    return replace(snapshot, endpoints={**snapshot.endpoints, **endpoints})


def _loses_endpoints(before: EnvoySnapshot, after: EnvoySnapshot) -> bool:
    """Whether an endpoint that may get requests in ``before`` may get none in ``after``."""
    return any(
        not _serving(assignment).keys() <= _serving(after.endpoints.get(cluster, NOTHING)).keys()
        for cluster, assignment in before.endpoints.items()
        if assignment != after.endpoints.get(cluster)
    )


def _kept_until_routed(before: EnvoySnapshot, after: EnvoySnapshot) -> Contents:
    """The endpoints of clusters in which some lose their requests: all of ``after``, and these still as they were.

    A weight that moves to another target group in the same snapshot is then in force before the group that it leaves is empty.
    """
    return {
        cluster: kept
        for cluster, assignment in after.endpoints.items()
        if (kept := _with_lost(before.endpoints.get(cluster, NOTHING), assignment)) != assignment
    }


def _with_lost(before: Any, after: Any) -> Any:
    lost = _serving(before).keys() - _serving(after).keys()
    if not lost:
        return after
    endpoints = {**_endpoints(after), **{address: _serving(before)[address] for address in lost}}
    return after | {"endpoints": [{"lb_endpoints": [endpoints[address] for address in sorted(endpoints)]}]}


def _serving(assignment: Any) -> dict[str, Any]:
    """The endpoints that may get requests, by address."""
    return {address: one for address, one in _endpoints(assignment).items() if one["health_status"] != "DRAINING"}


def _endpoints(assignment: Any) -> dict[str, Any]:
    found = [one for locality in assignment["endpoints"] for one in locality["lb_endpoints"]]
    return dict(zip(endpoint_addresses(assignment), found, strict=True))
