"""Looks at the region now and then, and puts what it sees into the metrics."""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Final

from ninelives.monitoring import period_start
from ninelives.region.measurements import service_facts, target_group_facts, zones_of_load_balancers
from ninelives.region.ports import TaskRuntime
from ninelives.region.region import Region
from ninelives.telemetry.load_balancer_metrics import LoadBalancerMetrics
from ninelives.telemetry.metric_store import MetricStore
from ninelives.telemetry.service_metrics import ServiceMetrics

log = logging.getLogger(__name__)

SHORTEST_STEP: Final = timedelta(seconds=0.25)


class Measuring:
    """Measures one region: requests as they end, targets at each tick, all else at the end of each minute of its time."""

    def __init__(self, region: Region, runtime: TaskRuntime, store: MetricStore) -> None:
        self._region = region
        self._runtime = runtime
        self._store = store
        self._services = ServiceMetrics(store)
        self._load_balancers = LoadBalancerMetrics(
            store, target_groups=lambda: target_group_facts(region), zones=lambda: zones_of_load_balancers(region)
        )
        self._step = max(SHORTEST_STEP, region.timing.tick)
        self._minute = period_start(region.now(), store.minute)
        region.data_plane.subscribe_requests(self._load_balancers.observe)

    async def run(self) -> None:
        """Measure for ever."""
        while True:
            try:
                await self.measure()
            except Exception:
                log.exception("the region could not be measured; it is tried again")
            now = self._region.now()
            await asyncio.sleep((period_start(now, self._step) + self._step - now).total_seconds())

    async def measure(self) -> None:
        """Look at what is there now; and, where a minute has ended, at what it has brought."""
        now = self._region.now()
        minute = period_start(now, self._store.minute)
        if minute != self._minute:
            ended, self._minute = minute - self._store.minute, minute
            await self._tell_of_minute(ended)
        self._load_balancers.sample_targets(now)
        self._store.flush()

    async def _tell_of_minute(self, minute: datetime) -> None:
        facts = service_facts(self._region)
        usage = await self._runtime.usage([task.arn for one in facts for task in one.tasks])
        self._services.sample(minute, self._region.now(), facts, usage)
        self._load_balancers.sample_connections(minute, await self._region.data_plane.connections())
