"""A delta ADS server for one Envoy, over a unix socket.

It holds the wanted resources and follows what Envoy has taken of each. Both are levels: after a broken stream Envoy tells what
it holds, gets only what differs, and whoever waits for a resource to be in force goes on waiting for the same thing.

Two rules beside the protocol (both met in measurements of Envoy 1.40):
- A cluster that Envoy does not have yet gets an empty assignment first and its endpoints right after. Otherwise Envoy keeps it
  back until every endpoint has been checked, or its check has timed out, and with it the listeners of a starting Envoy.
- A cluster that changes gets its endpoints again, or Envoy waits 15 s for them.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from envoy.service.discovery.v3 import discovery_pb2

from ninelives.dataplane.resources import KINDS, Kind, Resource, no_endpoints

log = logging.getLogger(__name__)

Name = tuple[Kind, str]

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
WILDCARD = "*"
WILDCARD_KINDS = frozenset({Kind.CLUSTER, Kind.LISTENER})
UNLIMITED = -1


class Refused(Exception):
    """Envoy refused a resource; the text is its own."""


class NotAnswered(Exception):
    """Envoy did not take a resource in time."""


class AdsServer:
    """Serves Envoy; ``set``, ``remove`` and ``push`` say what it is to have, ``in_force`` waits until it has it."""

    def __init__(self) -> None:
        self.resources: dict[Kind, dict[str, Resource]] = {kind: {} for kind in Kind}
        self.refusals: dict[Name, tuple[str, str]] = {}
        """Version and Envoy's reason, of each resource whose wanted version Envoy has refused."""
        self._streams: list[_Stream] = []
        self._waiting: set[asyncio.Future[None]] = set()
        self._server: Any = None

    async def listen(self, socket_path: Path) -> None:
        """Accept Envoy at ``socket_path``."""
        options = [("grpc.max_receive_message_length", UNLIMITED), ("grpc.max_send_message_length", UNLIMITED)]
        self._server = grpc.aio.server(options=options)
        handler = grpc.stream_stream_rpc_method_handler(
            self._delta_aggregated_resources,
            request_deserializer=discovery_pb2.DeltaDiscoveryRequest.FromString,
            response_serializer=discovery_pb2.DeltaDiscoveryResponse.SerializeToString,
        )
        methods = {"DeltaAggregatedResources": handler}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
        self._server.add_insecure_port(f"unix:{socket_path}")
        await self._server.start()

    async def close(self) -> None:
        """Let go of Envoy, which keeps what it has."""
        for stream in self._streams:
            stream.finish()
        if self._server is not None:
            await self._server.stop(grace=None)

    def set(self, kind: Kind, resources: Mapping[str, Resource]) -> list[str]:
        """Want these contents; answers the names whose content is new."""
        changed = [
            name
            for name, resource in resources.items()
            if (known := self.resources[kind].get(name)) is None or known.version != resource.version
        ]
        for name in changed:
            self.refusals.pop((kind, name), None)
        self.resources[kind].update(resources)
        return changed

    def remove(self, kind: Kind, names: Iterable[str]) -> None:
        """Want these no more."""
        for name in names:
            self.resources[kind].pop(name, None)
            self.refusals.pop((kind, name), None)

    def push(self, kind: Kind, names: Iterable[str]) -> None:
        """Send these to Envoy as they are wanted now."""
        names = list(names)
        for stream in self._streams:
            stream.send(kind, names)

    async def in_force(
        self, names: AbstractSet[Name], *, watched: AbstractSet[Name] = frozenset(), within_seconds: float
    ) -> None:
        """Returns once Envoy has taken each of ``names``.

        Raises ``Refused`` when it refuses one of them or of ``watched``, ``NotAnswered`` after ``within_seconds``.
        """
        try:
            async with asyncio.timeout(within_seconds):
                while not self._is_in_force(names, watched):
                    await self._turn()
        except TimeoutError:
            missing = sorted(name for kind, name in names if not self._has(kind, name))
            state = "is not connected" if not self._streams else "has not answered"
            raise NotAnswered(f"Envoy {state} after {within_seconds:g} s; waiting for: {', '.join(missing)}") from None

    async def connected(self) -> None:
        """Returns once Envoy has opened a stream."""
        while not self._streams:
            await self._turn()

    def turned(self) -> None:
        """Something that a waiter may wait for has changed."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def _turn(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        await future

    def _is_in_force(self, names: AbstractSet[Name], watched: AbstractSet[Name]) -> bool:
        for one in names | watched:
            if one in self.refusals:
                raise Refused(self.refusals[one][1])
        return bool(self._streams) and all(self._has(kind, name) for kind, name in names)

    def _has(self, kind: Kind, name: str) -> bool:
        wanted = self.resources[kind].get(name)
        held = self._streams[-1].held[kind].get(name) if self._streams else None
        return held == (None if wanted is None else wanted.version)

    async def _delta_aggregated_resources(self, requests: AsyncIterator[Any], _: Any) -> AsyncIterator[Any]:
        stream = _Stream(self)
        self._streams.append(stream)
        reader = asyncio.create_task(stream.read(requests), name="ads reader")
        self.turned()
        try:
            while (response := await stream.responses.get()) is not None:
                yield response
        finally:
            self._streams.remove(stream)
            reader.cancel()
            self.turned()


class _Stream:
    """One connection of Envoy: what it has subscribed to and what it holds, by version."""

    def __init__(self, server: AdsServer) -> None:
        self._server = server
        self.responses: asyncio.Queue[Any] = asyncio.Queue()
        self.held: dict[Kind, dict[str, str]] = defaultdict(dict)
        self._subscribed: dict[Kind, set[str]] = defaultdict(set)
        self._started: set[Kind] = set()
        self._sent: dict[str, tuple[Kind, dict[str, str | None]]] = {}
        self._count = 0

    async def read(self, requests: AsyncIterator[Any]) -> None:
        try:
            async for request in requests:
                kind = KINDS.get(request.type_url)
                if kind is not None:
                    self._answered(request)
                    self._subscribe(kind, request)
                    self._server.turned()
        finally:
            self.finish()

    def finish(self) -> None:
        self.responses.put_nowait(None)

    def _answered(self, request: Any) -> None:
        """Take note of an ACK or NACK, and send what has changed since."""
        kind, versions = self._sent.pop(request.response_nonce, (None, {}))
        if kind is None:
            return
        if request.HasField("error_detail"):
            reason = request.error_detail.message
            log.error("Envoy refused %s: %s", ", ".join(versions), reason)
            for name, version in versions.items():
                wanted = self._server.resources[kind].get(name)
                if wanted is not None and wanted.version == version:
                    self._server.refusals[kind, name] = (version, reason)
            return
        for name, version in versions.items():
            if version is None:
                self.held[kind].pop(name, None)
            else:
                self.held[kind][name] = version
        self.send(kind, [name for name, version in versions.items() if self._differs(kind, name, version)])

    def _differs(self, kind: Kind, name: str, version: str | None) -> bool:
        """Whether Envoy is to get ``name`` again: only after a first, empty assignment, unless it is on its way already."""
        wanted = self._server.resources[kind].get(name)
        underway = any(known is kind and name in versions for known, versions in self._sent.values())
        return wanted is not None and version is not None and version != wanted.version and not underway

    def _subscribe(self, kind: Kind, request: Any) -> None:
        names = set(request.resource_names_subscribe)
        gone: set[str] = set()
        if kind not in self._started:
            self._started.add(kind)
            self.held[kind] = dict(request.initial_resource_versions)
            if kind in WILDCARD_KINDS:
                names |= {WILDCARD}
            gone = self.held[kind].keys() - self._server.resources[kind].keys()
        if WILDCARD in names:
            names = (names - {WILDCARD}) | self._server.resources[kind].keys() | gone
        self._subscribed[kind] |= names
        for name in request.resource_names_unsubscribe:
            self._subscribed[kind].discard(name)
            self.held[kind].pop(name, None)
        fresh = [name for name in sorted(names) if name not in request.initial_resource_versions]
        stale = [name for name in sorted(names & set(request.initial_resource_versions)) if not self._is_current(kind, name)]
        if fresh or stale or (kind in WILDCARD_KINDS and not request.response_nonce):
            # Even an empty answer is one: a starting Envoy waits for it.
            self.send(kind, fresh + stale, even_if_empty=True)

    def _is_current(self, kind: Kind, name: str) -> bool:
        wanted = self._server.resources[kind].get(name)
        return wanted is not None and self.held[kind].get(name) == wanted.version

    def send(self, kind: Kind, names: Iterable[str], *, even_if_empty: bool = False) -> None:
        """Send resources as they are wanted now; those that are not wanted are sent as removed."""
        subscribed = [name for name in names if kind in WILDCARD_KINDS or name in self._subscribed[kind]]
        if kind not in self._started or not (subscribed or even_if_empty):
            return
        self._count += 1
        response = discovery_pb2.DeltaDiscoveryResponse(type_url=kind, nonce=str(self._count))
        versions: dict[str, str | None] = {}
        for name in subscribed:
            resource = self._server.resources[kind].get(name)
            if resource is None:
                response.removed_resources.append(name)
                versions[name] = None
                continue
            if kind is Kind.ENDPOINTS and name not in self.held[kind]:
                resource = no_endpoints(name)
            response.resources.add(name=name, version=resource.version, resource=resource.packed)
            versions[name] = resource.version
        self._sent[response.nonce] = (kind, versions)
        self.responses.put_nowait(response)
