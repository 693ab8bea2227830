"""What the monitor of target health tells, and whom it wakes; no Envoy."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ninelives.dataplane.admin import AdminUnavailable
from ninelives.dataplane.health_monitor import HealthMonitor
from ninelives.model.elbv2 import TargetHealthState, TargetKey
from ninelives.routing import Admission, EnvoySnapshot, HealthRule

KEY = TargetKey("cats", "127.0.0.1", 4567)
RULE = HealthRule(healthy_threshold=2, unhealthy_threshold=2, interval=timedelta(seconds=5), timeout=timedelta(seconds=2))
EMPTY = EnvoySnapshot(clusters={"cats": {}}, health_rules={"cats": RULE})
WITH_TARGET = replace(EMPTY, targets={KEY: ("cats", "127.0.0.1:4567")})


class NoAdmin:
    """An Envoy whose own view is not to be had: only its log tells."""

    async def hosts(self) -> None:
        raise AdminUnavailable("not here")


def passes(log: Path) -> None:
    """Envoy's first check of the target passes."""
    line = {
        "cluster_name": "cats",
        "host": {"socket_address": {"address": "127.0.0.1", "port_value": 4567}},
        "add_healthy_event": {"first_check": True},
    }
    with log.open("a") as file:
        file.write(json.dumps(line) + "\n")


def test_a_check_that_passes_while_its_target_is_being_published_is_shown_after_its_admission_and_wakes_whoever_waits(
    tmp_path: Path,
) -> None:
    log = tmp_path / "health.log"
    log.touch()
    told: list[str] = []

    async def readmit(changed: Mapping[str, Mapping[str, Admission]]) -> None:
        told.append(f"admitted {changed['cats']['127.0.0.1:4567'].name}")

    monitor = HealthMonitor(log_file=log, admin=NoAdmin(), readmit=readmit)  # type: ignore[arg-type] # as much of one as it asks
    monitor.subscribe(lambda: told.append("woken"))

    async def scene() -> None:
        monitor.started(EMPTY)
        monitor.follow(WITH_TARGET)  # the publication begins …
        passes(log)
        await monitor.step()
        monitor.published(WITH_TARGET)  # … and ends
        await monitor.step()

    asyncio.run(scene())

    assert told == ["admitted SERVING", "woken"]
    health = monitor.shown(KEY)
    assert health is not None
    assert health.state is TargetHealthState.HEALTHY
