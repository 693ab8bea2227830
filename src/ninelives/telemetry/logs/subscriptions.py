"""Subscription filters: events that fit go to a function's stand-in, as CloudWatch Logs sends them to Lambda.

Source: CloudWatch Logs user guide, "Log group-level subscription filters", example 2.
"""

import asyncio
import base64
import contextlib
import gzip
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ninelives.model.logs import LogEvent, SubscriptionFilter
from ninelives.monitoring.filter_patterns import PatternInvalid, read_pattern
from ninelives.telemetry.logs.service import CloudWatchLogs
from ninelives.telemetry.logs.store import Arrived, LogStore

log = logging.getLogger(__name__)

PART_MAX: Final = 1 << 20
"""Characters of one delivery: a function takes a few megabytes at the most."""
WAITING_MAX: Final = 200
"""Deliveries that wait; beyond it the newest are dropped, and the log says so."""

Invoke = Callable[[str, Mapping[str, Any]], Awaitable[Any]]


class Subscriptions:
    """Hears of log events on the thread that writes them, and calls functions on the region's loop, one after the other."""

    def __init__(self, logs: CloudWatchLogs, invoke: Invoke, *, has_function: Callable[[str], bool]) -> None:
        self._logs = logs
        self._invoke = invoke
        self.has_function = has_function
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue(WAITING_MAX)
        self._groups: frozenset[str] | None = None
        """Those that have a filter; None where that is not known (any more)."""
        logs.observe(self._heard)

    def changed(self) -> None:
        """Filters were put or deleted; told on the writing thread."""
        self._groups = None

    def _heard(self, store: LogStore, arrived: Arrived) -> None:
        if self._groups is None:
            self._groups = frozenset(one.group for one in store.records(SubscriptionFilter))
        if arrived.group.name not in self._groups:
            return
        for one in store.records(SubscriptionFilter, group=arrived.group.name):
            for events in parts(_fitting(one, arrived.events)):
                with contextlib.suppress(RuntimeError):  # the loop is closed: the region ends
                    self._loop.call_soon_threadsafe(self._enqueue, one.destination_arn, self._payload(one, arrived, events))

    def _payload(self, one: SubscriptionFilter, arrived: Arrived, events: Sequence[LogEvent]) -> Mapping[str, Any]:
        message = {
            "messageType": "DATA_MESSAGE",
            "owner": self._logs.place.account,
            "logGroup": arrived.group.name,
            "logStream": arrived.stream.name,
            "subscriptionFilters": [one.name],
            "logEvents": [{"id": event.event_id, "timestamp": event.at_ms, "message": event.message} for event in events],
        }
        return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(message).encode())).decode()}}

    def _enqueue(self, arn: str, payload: Mapping[str, Any]) -> None:
        try:
            self._waiting.put_nowait((arn, payload))
        except asyncio.QueueFull:
            log.warning("events for %s were dropped: %d deliveries wait already", arn, WAITING_MAX)

    async def run(self) -> None:
        """Deliver, for ever. What a function does not take is dropped."""
        while True:
            arn, payload = await self._waiting.get()
            try:
                await self._invoke(arn, payload)
            except Exception as error:  # noqa: BLE001 whatever a stand-in does
                log.warning("log events for %s: %s", arn, error)


def _fitting(one: SubscriptionFilter, events: Sequence[LogEvent]) -> Sequence[LogEvent]:
    try:
        pattern = read_pattern(one.pattern)
    except PatternInvalid:
        return ()
    return [event for event in events if pattern.matches(event.message)]


def parts(events: Sequence[LogEvent]) -> Iterator[Sequence[LogEvent]]:
    """The events of one delivery after the other, in their order."""
    begin = size = 0
    for place, event in enumerate(events):
        if size + len(event.message) > PART_MAX and place > begin:
            yield events[begin:place]
            begin, size = place, 0
        size += len(event.message)
    if begin < len(events):
        yield events[begin:]
