"""Looks at the region now and then, and puts what it sees into the metrics."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from ninelives.monitoring import period_start
from ninelives.region.measurements import (
    cluster_facts,
    known_target_groups,
    listener_rules,
    target_group_facts,
    zones_of_load_balancers,
)
from ninelives.region.ports import TaskRuntime
from ninelives.region.region import Region
from ninelives.telemetry.load_balancer_metrics import Entry, LoadBalancerMetrics
from ninelives.telemetry.metric_store import MetricStore
from ninelives.telemetry.service_metrics import ServiceMetrics
from ninelives.telemetry.totals import Totals

log = logging.getLogger(__name__)

SHORTEST_STEP: Final = timedelta(seconds=0.25)
WRITTEN_EVERY: Final = timedelta(seconds=1)
"""What was counted in less of the clock's time is lost with a control plane that is killed."""


class Measuring:
    """Measures one region: requests as they end, targets at each tick, all else at the end of each minute of its time."""

    def __init__(self, region: Region, runtime: TaskRuntime, store: MetricStore, totals: Totals | None = None) -> None:
        self._totals = totals or Totals()
        self._region = region
        self._runtime = runtime
        self._store = store
        self._services = ServiceMetrics(store)
        self._load_balancers = LoadBalancerMetrics(
            store,
            target_groups=lambda: target_group_facts(region),
            zones=lambda: zones_of_load_balancers(region),
            rules=lambda: listener_rules(region),
            totals=self._totals,
        )
        self._step = max(SHORTEST_STEP, region.timing.tick)
        self._minute = period_start(region.now(), store.minute)
        self._written_at = region.now()
        region.data_plane.subscribe_requests(self._observe)

    def _observe(self, entries: Sequence[Entry]) -> None:
        """Count requests; what was counted is on disk within a second or so, for they are told of once."""
        self._load_balancers.observe(entries)
        now = self._region.now()
        if now - self._written_at >= WRITTEN_EVERY:
            self._store.flush()
            self._written_at = now

    async def run(self) -> None:
        """Measure for ever."""
        while True:
            await self.measure()
            now = self._region.now()
            await asyncio.sleep((period_start(now, self._step) + self._step - now).total_seconds())

    async def measure(self) -> None:
        """Look at what is there now; and, where a minute has ended, at what it has brought."""
        now = self._region.now()
        minute = period_start(now, self._store.minute)
        if minute != self._minute:
            ended, self._minute = minute - self._store.minute, minute
            await self._tried("what tasks use", self._tell_of_services(ended))
            await self._tried("connections", self._tell_of_connections(ended))
        await self._tried("targets", self._tell_of_targets(now))

    async def _tried(self, what: str, measurement: Coroutine[Any, Any, None]) -> None:
        """What cannot be measured now holds up nothing else; it is tried again the next time."""
        try:
            await measurement
        except Exception as error:
            log.warning("%s could not be measured: %s", what, error, exc_info=not isinstance(error, OSError))

    async def _tell_of_services(self, minute: datetime) -> None:
        facts = cluster_facts(self._region)
        tasks = [task for one in facts for task in (*one.standalone, *(task for each in one.services for task in each.tasks))]
        usage = await self._runtime.usage([task.arn for task in tasks])
        self._services.sample(minute, self._region.now(), facts, usage)

    async def _tell_of_connections(self, minute: datetime) -> None:
        known = known_target_groups(self._region)
        self._totals.forget_requests(but_of=zones_of_load_balancers(self._region), and_to=known)
        self._load_balancers.sample_connections(minute, await self._region.data_plane.connections())

    async def _tell_of_targets(self, now: datetime) -> None:
        self._load_balancers.sample_targets(now)
        self._store.flush()
