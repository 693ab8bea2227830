"""StartLiveTail: what comes into log groups, told once a second for as long as the client listens.

Source: CloudWatch Logs API reference, "StartLiveTail".
"""

import asyncio
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from ninelives.api.call import Call
from ninelives.api.codec_event_stream import Events
from ninelives.api.logs.events import checked_pattern
from ninelives.api.logs.handling import LogsHandler, find_group, invalid
from ninelives.model.logs import LogEvent, group_named_by
from ninelives.monitoring.filter_patterns import Pattern
from ninelives.telemetry.logs import Arrived, CloudWatchLogs, LogStore

EVERY_SECONDS: Final = 1.0
SESSION_SECONDS: Final = 3 * 60 * 60
EVENTS_MAX: Final = 500
"""Of one update; of more a sample is told."""
WAITING_MAX: Final = 5_000
GROUPS_MAX: Final = 10


async def start_live_tail(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    names = [group_named_by(one) for one in parameters["logGroupIdentifiers"]]
    streams, prefixes = parameters.get("logStreamNames", []), parameters.get("logStreamNamePrefixes", [])
    if len(names) > GROUPS_MAX:
        raise invalid(f"A Live Tail session may follow {GROUPS_MAX} log groups at the most.")
    if (streams or prefixes) and len(names) > 1:
        raise invalid("Log streams can be named only where one log group is followed.")
    if streams and prefixes:
        raise invalid("logStreamNames and logStreamNamePrefixes are mutually exclusive parameters.")
    pattern = checked_pattern(parameters.get("logEventFilterPattern", ""))
    await logs.read(lambda store: [find_group(store, name) for name in names])
    session = _Session(logs, frozenset(names), streams, tuple(prefixes), pattern)
    start = {
        "requestId": str(uuid4()),
        "sessionId": str(uuid4()),
        "logGroupIdentifiers": parameters["logGroupIdentifiers"],
        "logStreamNames": streams,
        "logStreamNamePrefixes": prefixes,
        "logEventFilterPattern": parameters.get("logEventFilterPattern", ""),
    }
    return {"responseStream": session.events(start)}


class _Session:
    def __init__(
        self,
        logs: CloudWatchLogs,
        groups: Collection[str],
        streams: Collection[str],
        prefixes: tuple[str, ...],
        pattern: Pattern,
    ) -> None:
        self._logs = logs
        self._groups = groups
        self._streams = frozenset(streams)
        self._prefixes = prefixes
        self._pattern = pattern
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[str, LogEvent]] = deque(maxlen=WAITING_MAX)

    async def events(self, start: Mapping[str, Any]) -> Events:
        """The start, then an update a second, until nobody listens or the session's time is over."""
        self._logs.observe(self._heard)
        try:
            yield "sessionStart", start
            until = self._loop.time() + SESSION_SECONDS
            while self._loop.time() < until and not self._logs.is_closed:
                await asyncio.sleep(EVERY_SECONDS)
                yield "sessionUpdate", self._update()
            yield "SessionTimeoutException", {"message": "The session has ended after three hours."}
        finally:
            self._logs.unobserve(self._heard)

    def _heard(self, _: LogStore, arrived: Arrived) -> None:
        """On the thread that writes."""
        if arrived.group.name not in self._groups or not self._wants(arrived.stream.name):
            return
        self._waiting.extend((arrived.group.name, event) for event in arrived.events if self._pattern.matches(event.message))

    def _wants(self, stream: str) -> bool:
        if self._streams:
            return stream in self._streams
        return not self._prefixes or stream.startswith(self._prefixes)

    def _update(self) -> Mapping[str, Any]:
        heard: Sequence[tuple[str, LogEvent]] = [self._waiting.popleft() for _ in range(len(self._waiting))]
        step = -(-len(heard) // EVENTS_MAX) or 1
        account = self._logs.place.account
        return {
            "sessionMetadata": {"sampled": step > 1},
            "sessionResults": [
                {
                    "logStreamName": event.stream,
                    "logGroupIdentifier": f"{account}:{group}",
                    "message": event.message,
                    "timestamp": event.at_ms,
                    "ingestionTime": event.ingested_ms,
                }
                for group, event in heard[::step]
            ],
        }


HANDLERS: Mapping[str, LogsHandler] = {"StartLiveTail": start_live_tail}
