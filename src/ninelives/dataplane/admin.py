"""Envoy's admin interface over its unix socket."""

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import h11

TIMEOUT_SECONDS = 5.0
CHUNK = 1 << 16
OK = 200


class AdminUnavailable(Exception):
    """Envoy's admin socket does not answer, or not as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """An endpoint as Envoy sees it now."""

    failed: bool
    """Its checks fail, or it has not been checked yet."""
    pending: bool
    """It has not been checked yet."""
    timed_out: bool
    eds_status: str
    """What the control plane said of it: ``HEALTHY``, ``UNHEALTHY``, ``DRAINING``."""
    active: int
    """Requests and upgraded connections now at it, and requests that wait for a connection to it."""
    total: int
    """Requests sent to it so far."""
    connections: int = 0
    """Open ones, in use and idle."""


class Admin:
    """Asks one Envoy. Each request is a connection of its own; about a millisecond."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path

    async def get(self, target: str) -> bytes:
        """The body of a GET. Raises ``AdminUnavailable``."""
        return await self._request("GET", target)

    async def post(self, target: str) -> bytes:
        """The body of the answer to a POST. Raises ``AdminUnavailable``."""
        return await self._request("POST", target)

    async def hosts(self, clusters: Iterable[str] | None = None) -> dict[tuple[str, str], HostStatus]:
        """Endpoints by cluster name and ``ip:port``; of ``clusters`` only, or of all. Linear in their number."""
        target = "/clusters?format=json"
        if clusters is not None:
            target += "&filter=" + quote("^(" + "|".join(re.escape(name) for name in clusters) + ")$", safe="")
        found = json.loads(await self.get(target))
        return {
            (cluster["name"], _address(host)): _status(host)
            for cluster in found.get("cluster_statuses", ())
            for host in cluster.get("host_statuses", ())
            if "socket_address" in host["address"]
        }

    async def gauges(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose names match a regular expression."""
        found = json.loads(await self.get(f"/stats?format=json&filter={quote(pattern, safe='')}"))
        return {one["name"]: one["value"] for one in found["stats"] if "name" in one}

    async def _request(self, method: str, target: str) -> bytes:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._exchange(method, target)
        except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
            raise AdminUnavailable(f"{method} {target}: {error!r}") from error

    async def _exchange(self, method: str, target: str) -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(self._socket_path))
        try:
            connection = h11.Connection(h11.CLIENT)
            headers = [("host", "admin"), ("connection", "close"), ("content-length", "0")]
            writer.write(connection.send(h11.Request(method=method, target=target, headers=headers)) or b"")
            writer.write(connection.send(h11.EndOfMessage()) or b"")
            body = bytearray()
            while True:
                match connection.next_event():
                    case h11.NEED_DATA:
                        connection.receive_data(await reader.read(CHUNK))
                    case h11.Response(status_code=status) if status != OK:
                        raise AdminUnavailable(f"{method} {target}: HTTP {status}")
                    case h11.Data(data=data):
                        body += data
                    case h11.EndOfMessage() | h11.ConnectionClosed():
                        return bytes(body)
                    case _:
                        continue
        finally:
            writer.close()


def _address(host: dict[str, Any]) -> str:
    address = host["address"]["socket_address"]
    return f"{address['address']}:{address['port_value']}"


def _status(host: dict[str, Any]) -> HostStatus:
    health = host["health_status"]
    stats = {one["name"]: int(one.get("value", 0)) for one in host["stats"]}
    return HostStatus(
        failed=health.get("failed_active_health_check", False),
        pending=health.get("pending_active_hc", False),
        timed_out=health.get("active_hc_timeout", False),
        eds_status=health.get("eds_health_status", "UNKNOWN"),
        active=stats.get("rq_active", 0) + stats.get("rq_pending_active", 0),
        total=stats.get("rq_total", 0),
        connections=stats.get("cx_active", 0),
    )
