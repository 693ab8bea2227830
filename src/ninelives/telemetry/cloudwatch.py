"""CloudWatch in one piece: its file, metrics, alarms, dashboards, and the tasks that keep them going."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ninelives.model.arns import Place
from ninelives.model.timing import Timing
from ninelives.telemetry.alarm_actions import Actions, Call
from ninelives.telemetry.alarm_records import AlarmRecords
from ninelives.telemetry.alarms import Alarms
from ninelives.telemetry.database import open_metrics
from ninelives.telemetry.metric_store import MetricStore

log = logging.getLogger(__name__)

COMPACT_EVERY: Final = timedelta(minutes=1)
COMPACT_ON: Final = timedelta(seconds=1)
"""How soon it goes on where more is left to do."""


class CloudWatch:
    """What the API serves and what the region's own measurements go to. All on the region's event loop.

    ``path`` is the file; None keeps everything in memory. ``call`` calls an AWS operation in process. Raises
    ``DatabaseFromTheFuture``.
    """

    def __init__(self, path: Path | None, *, place: Place, now: Callable[[], datetime], timing: Timing, call: Call) -> None:
        self._database = open_metrics(path)
        self.actions = Actions(call, place)
        """Where others say which actions of alarms they carry out."""
        self.place = place
        self.now = now
        self.metrics = MetricStore(self._database, timing=timing)
        self.records = AlarmRecords(self._database)
        """Dashboards, and what of alarms changes no state."""
        self.alarms = Alarms(self.records, self.metrics, now=now, timing=timing, actions=self.actions)

    def alarm_arn(self, name: str) -> str:
        return self.place.arn("cloudwatch", f"alarm:{name}")

    async def run(self) -> None:
        """Evaluate the alarms and tend the metrics, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.alarms.run(), name="alarms")
            group.create_task(self._compact(), name="metrics")

    async def _compact(self) -> None:
        is_left = False
        while True:
            await asyncio.sleep((COMPACT_ON if is_left else COMPACT_EVERY).total_seconds())
            try:
                is_left = self.metrics.compact(self.now())
            except Exception:
                log.exception("old data points could not be put together; it is tried again")

    async def close(self) -> None:
        """Let actions under way end, and write what waits. Nothing may be asked afterwards."""
        await self.actions.close()
        self.metrics.flush()
        self._database.close()
