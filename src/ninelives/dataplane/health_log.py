"""Envoy's log of health check events, read as it grows."""

import json
import os
from pathlib import Path
from typing import Any

from ninelives.dataplane.health import Check, HealthEvent

TRIM_ABOVE = 1 << 20
"""Bytes after which a log that has been read is emptied."""


class HealthLog:
    """Reads from the beginning on; each event once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def read(self) -> list[HealthEvent]:
        """The events since the last call."""
        try:
            size = self._path.stat().st_size
        except OSError:
            return []
        if size < self._offset:
            self._offset, self._rest = 0, b""
        if size == self._offset:
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            found = file.read()
        self._offset += len(found)
        *lines, self._rest = (self._rest + found).split(b"\n")
        self._trim()
        return [event for line in lines if (event := _event(line)) is not None]

    def _trim(self) -> None:
        """Envoy appends, so it goes on at the beginning. What it wrote since we read is lost; health is also looked at."""
        if self._offset > TRIM_ABOVE and not self._rest:
            os.truncate(self._path, 0)
            self._offset = 0


def _event(line: bytes) -> HealthEvent | None:
    try:
        found: dict[str, Any] = json.loads(line)
        host = found["host"]["socket_address"]
        cluster, address = found["cluster_name"], f"{host['address']}:{host['port_value']}"
    except (ValueError, KeyError, TypeError):
        return None
    if "add_healthy_event" in found:
        return HealthEvent(
            cluster=cluster, address=address, check=Check.PASSED, first=found["add_healthy_event"].get("first_check", False)
        )
    for member, check in (("health_check_failure_event", Check.FAILED), ("eject_unhealthy_event", Check.EJECTED)):
        if member in found:
            told = found[member]
            return HealthEvent(
                cluster=cluster,
                address=address,
                check=check,
                first=told.get("first_check", False),
                failure_type=told.get("failure_type"),
                status_code=told.get("http_status_code", 0),
            )
    return None
