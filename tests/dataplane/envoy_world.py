"""A data plane under test: ELB records that a test changes, backends that a test commands, and clients that retry nothing."""

import asyncio
import contextlib
import inspect
import shutil
import ssl
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ninelives.dataplane import EnvoyDataPlane
from ninelives.model.elbv2 import (
    Action,
    Certificate,
    Condition,
    Forward,
    JwtValidation,
    Listener,
    LoadBalancer,
    Rule,
    Target,
    TargetGroup,
    TargetHealthCheck,
    TargetHealthState,
    TargetKey,
    Transform,
    WeightedTargetGroup,
)
from ninelives.model.timing import Timing
from ninelives.routing import EnvoySnapshot, resolve

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ELB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"


def group_arn(name: str) -> str:
    return f"{ELB}:targetgroup/{name}/6d0ecf831eec9f09"


def forward(*weights: tuple[str, int]) -> Forward:
    return Forward(target_groups=tuple(WeightedTargetGroup(arn=group_arn(name), weight=weight) for name, weight in weights))


QUICK = TargetHealthCheck(
    path="/health", interval=timedelta(seconds=0.2), timeout=timedelta(seconds=0.5), healthy_threshold=2, unhealthy_threshold=2
)


@dataclass
class Records:
    """One load balancer with its records; mutable, for tests."""

    address: str = "127.0.0.1"
    port: int = 80
    """The one that is bound."""
    listener_port: int | None = None
    """The listener's, where it is not its protocol's own."""
    groups: dict[str, TargetGroup] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    targets: dict[TargetKey, Target] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    listener_attributes: dict[str, str] = field(default_factory=dict)
    certificates: list[Certificate] = field(default_factory=list)
    """With any, the listener speaks HTTPS."""
    ssl_policy: str | None = None
    mutual_authentication: str = "off"

    @property
    def balancer(self) -> LoadBalancer:
        return LoadBalancer(
            arn=f"{ELB}:loadbalancer/app/web/50dc6c495c0c9188",
            name="web",
            dns_name=self.address,
            address=self.address,
            scheme="internet-facing",
            vpc_id="vpc-1",
            zones=(),
            security_groups=(),
            created_at=NOW,
            attributes=self.attributes,
        )

    @property
    def listener(self) -> Listener:
        return Listener(
            arn=f"{ELB}:listener/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2",
            load_balancer_arn=self.balancer.arn,
            port=self.listener_port or (443 if self.certificates else 80),
            bound_port=self.port,
            protocol="HTTPS" if self.certificates else "HTTP",
            ssl_policy=self.ssl_policy,
            mutual_authentication=self.mutual_authentication,
            certificate_arns=tuple(one.arn for one in self.certificates),
            attributes=self.listener_attributes,
        )

    def group(
        self,
        name: str,
        check: TargetHealthCheck = QUICK,
        *,
        attributes: Mapping[str, str] | None = None,
        version: str = "HTTP1",
        protocol: str = "HTTP",
    ) -> None:
        self.groups[name] = TargetGroup(
            arn=group_arn(name),
            name=name,
            protocol=protocol,
            port=80,
            vpc_id="vpc-1",
            target_type="ip",
            protocol_version=version,
            health_check=check,
            created_at=NOW,
            attributes=attributes or {},
        )

    def rule(
        self,
        action: Action,
        *conditions: Condition,
        priority: int | None = None,
        transforms: tuple[Transform, ...] = (),
        validation: JwtValidation | None = None,
    ) -> None:
        self.rules.append(
            Rule(
                arn=f"{ELB}:listener-rule/{len(self.rules)}",
                listener_arn=self.listener.arn,
                priority=priority,
                conditions=conditions,
                action=action,
                transforms=transforms,
                jwt_validation=validation,
            )
        )

    def register(self, name: str, port: int, address: str = "127.0.0.1") -> TargetKey:
        target = Target(target_group_arn=group_arn(name), id=address, port=port, registered_at=NOW)
        self.targets[target.target_key] = target
        return target.target_key

    def drain(self, key: TargetKey) -> None:
        self.targets[key] = replace(self.targets[key], draining_since=NOW)

    def deregister(self, key: TargetKey) -> None:
        del self.targets[key]

    def snapshot(self, timing: Timing | None = None) -> EnvoySnapshot:
        return resolve(
            load_balancers=[self.balancer],
            listeners=[self.listener],
            rules=self.rules,
            target_groups=self.groups.values(),
            targets=self.targets.values(),
            timing=timing or Timing(),
            certificates={one.arn: one for one in self.certificates},
        )


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str
    cookies: list[str] = field(default_factory=list)
    """Each Set-Cookie."""


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """One response with a content length. Raises ``asyncio.IncompleteReadError`` when the connection ends before."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status_line, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    cookies = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("set-cookie:")]
    return Answer(int(status_line.split()[1]), headers, body.decode(), cookies)


async def request(url: tuple[str, int], path: str = "/", *, method: str = "GET", **headers: str) -> Answer:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection(*url)
    try:
        writer.write(request_head(path, method=method, **headers))
        async with asyncio.timeout(10):
            return await read_answer(reader)
    finally:
        writer.close()


def request_head(path: str, *, method: str = "GET", **headers: str) -> bytes:
    named = {"host": "web.test", **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


class Backend:
    """A small HTTP server: its name at every path, its health as commanded, ``/slow`` after ``slow_seconds``.

    Counts what it was asked for.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.health = 200
        self.hangs = False
        self.slow_seconds = 1.0
        self.released = asyncio.Event()
        """Ends the requests to ``/held``."""
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.last_head = ""
        self.answers: dict[str, bytes] = {}
        """Raw answers by path, after which the connection is closed."""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._connections):
                writer.transport.abort()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if " " not in head:
            raise ConnectionError("not HTTP/1")
        path = head.split()[1].partition("?")[0]
        self.asked[path] += 1
        status = 200
        if path == "/health":
            if self.hangs:
                await asyncio.sleep(60)
            status = self.health
        else:
            self.last_head = head
        if "upgrade: websocket" in head.lower():
            await self._upgrade(reader, writer)
        if path in self.answers:
            writer.write(self.answers[path])
            await writer.drain()
            raise ConnectionError
        if path == "/slow":
            await asyncio.sleep(self.slow_seconds)
        if path == "/held":
            await self.released.wait()
        body = self.name.encode()
        self.answered[path] += 1
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    async def _upgrade(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Echo lines after a websocket's handshake (its framing does not matter here)."""
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
        while line := await reader.readline():
            writer.write(self.name.encode() + b":" + line)
        raise ConnectionError


async def until(condition: Callable[[], object], *, within: float = 10.0, what: str = "the condition") -> None:
    """Returns once ``condition`` (which may be a coroutine function) answers something true."""
    try:
        async with asyncio.timeout(within):
            while True:
                answer = condition()
                if await answer if inspect.isawaitable(answer) else answer:
                    return
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{what} did not come true within {within:g} s") from None


class World:
    """Records, a data plane that serves them, and backends."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.records = Records()
        self.plane = self.new_plane()
        self.backends: list[Backend] = []
        self.changes = 0

    def new_plane(self) -> EnvoyDataPlane:
        return EnvoyDataPlane(state_directory=self.directory / "envoy", socket_directory=self.directory / "s")

    @property
    def url(self) -> tuple[str, int]:
        return self.records.address, self.records.port

    async def start(self) -> None:
        self.records.address = self.plane.pick_address(())
        self.records.port = self.plane.pick_port(self.records.address, 80) or 0
        assert self.records.port
        self.plane.prepare(EnvoySnapshot())
        self.plane.subscribe(self.changed)
        await self.plane.start()

    def changed(self) -> None:
        self.changes += 1

    async def restart_plane(self) -> None:
        """The control plane dies; the next one adopts Envoy."""
        await self.plane.close()
        self.plane = self.new_plane()
        self.plane.prepare(self.records.snapshot())
        self.plane.subscribe(self.changed)
        await self.plane.start()

    async def publish(self) -> None:
        await self.plane.publish(self.records.snapshot())

    async def backend(self, name: str, tls: ssl.SSLContext | None = None) -> Backend:
        backend = Backend(name)
        await backend.start(tls=tls)
        self.backends.append(backend)
        return backend

    def state(self, key: TargetKey) -> TargetHealthState | None:
        found = self.plane.target_health(key)
        return None if found is None else found.state

    def reason(self, key: TargetKey) -> str | None:
        found = self.plane.target_health(key)
        return None if found is None else found.reason

    async def until_state(self, key: TargetKey, state: TargetHealthState, *, within: float = 10.0) -> None:
        await until(lambda: self.state(key) is state, within=within, what=f"{key.port} {state} (now {self.state(key)})")

    async def serve(self, *names: str, group: str = "web") -> list[TargetKey]:
        """Backends in a group behind the default rule, published and healthy."""
        if group not in self.records.groups:
            self.records.group(group)
        if not self.records.rules:
            self.records.rule(forward((group, 1)))
        keys = [self.records.register(group, (await self.backend(name)).port) for name in names]
        await self.publish()
        for key in keys:
            await self.until_state(key, TargetHealthState.HEALTHY)
        return keys

    async def get(self, path: str = "/", **headers: str) -> Answer:
        return await request(self.url, path, **headers)

    async def in_flight(self, key: TargetKey) -> int:
        return (await self.plane.requests_in_flight([key]))[key]


@contextlib.asynccontextmanager
async def world() -> AsyncIterator[World]:
    directory = Path(tempfile.mkdtemp(prefix="nl-dp-"))
    found = World(directory)
    try:
        await found.start()
        yield found
    finally:
        await found.plane.stop(graceful=False)
        for backend in found.backends:
            await backend.stop()
        shutil.rmtree(directory, ignore_errors=True)


def in_world(test: Callable[[World], Awaitable[None]]) -> None:
    """Run ``test`` with a world of its own."""

    async def run() -> None:
        async with world() as one:
            await test(one)

    asyncio.run(run())
