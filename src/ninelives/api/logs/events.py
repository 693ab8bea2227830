"""Events in and out: PutLogEvents, GetLogEvents, FilterLogEvents, GetLogRecord, GetLogGroupFields.

Source: CloudWatch Logs API reference of each.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final

from ninelives.api.call import Call
from ninelives.api.logs.handling import (
    WHOLE_MAX,
    LogsHandler,
    find_group,
    find_stream,
    group_name,
    invalid,
    invalid_token,
    no_group,
    no_stream,
    read_token,
    write_token,
)
from ninelives.model.errors import ApiError
from ninelives.model.logs import DAY_MS, EVENT_OVERHEAD, LogEvent, LogGroup, LogStream, Position
from ninelives.monitoring.filter_patterns import Pattern, PatternInvalid, read_pattern
from ninelives.telemetry.logs import (
    END_OF_TIME_MS,
    Batch,
    CloudWatchLogs,
    LogStore,
    NoSuchGroup,
    NoSuchStream,
    Rejected,
    Stretch,
)

BATCH_BYTES_MAX: Final = 1_048_576
BATCH_SPAN_MS: Final = DAY_MS
PAGE_EVENTS_MAX: Final = 10_000
PAGE_BYTES_MAX: Final = 1_048_576
READ_AT_ONCE: Final = 1_000
SCAN_SECONDS: Final = 0.5
"""How long one FilterLogEvents looks for what fits before it answers with what it has, and a token."""
FIELDS_SAMPLE: Final = 1_000
FIELDS_SPAN_MS: Final = 15 * 60 * 1000
FIELDS_BESIDE_MS: Final = 8 * 60 * 1000
"""Before and after a time that is given. Source: ``GetLogGroupFields``."""

TOKEN: Final = re.compile(r"(?P<way>[fb])/(?P<at_ms>\d{15})(?P<id>\d{41})(?:/s)?")


def put_log_events_size(events: Sequence[Mapping[str, Any]]) -> int:
    """Bytes as PutLogEvents counts them."""
    return sum(len(one["message"].encode()) + EVENT_OVERHEAD for one in events)


async def put_log_events(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    events = parameters["logEvents"]
    _check_batch(events, logs.now_ms)
    batch = Batch(
        group=parameters["logGroupName"],
        stream=parameters["logStreamName"],
        events=[(one["timestamp"], one["message"]) for one in events],
    )
    (answer,) = await logs.put([batch])
    match answer:
        case NoSuchGroup():
            raise no_group()
        case NoSuchStream():
            raise no_stream()
        case Rejected():
            return {"nextSequenceToken": f"{logs.now_ms:056}", "rejectedLogEventsInfo": _write_rejected(answer)}


def _write_rejected(rejected: Rejected) -> Mapping[str, int] | None:
    told = {
        "tooOldLogEventEndIndex": rejected.too_old_end,
        "expiredLogEventEndIndex": rejected.expired_end,
        "tooNewLogEventStartIndex": rejected.too_new_start,
    }
    return {name: index for name, index in told.items() if index is not None} or None


def _check_batch(events: Sequence[Mapping[str, Any]], now_ms: int) -> None:
    size = put_log_events_size(events)
    if size > BATCH_BYTES_MAX:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {BATCH_BYTES_MAX}")
    times = [one["timestamp"] for one in events]
    if any(later < earlier for earlier, later in pairwise(times)):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    valid = [at for at in times if now_ms - 14 * DAY_MS <= at <= now_ms + DAY_MS // 12]
    if valid and valid[-1] - valid[0] > BATCH_SPAN_MS:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")


async def get_log_events(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    name = group_name(parameters)
    page = _page_asked_for(parameters)

    def work(store: LogStore) -> Sequence[LogEvent]:
        group = find_group(store, name)
        stream = find_stream(store, group, parameters["logStreamName"])
        stretch = Stretch(
            streams=[stream],
            start_ms=max(parameters.get("startTime", 0), group.kept_since_ms(logs.now_ms)),
            end_ms=parameters.get("endTime", END_OF_TIME_MS),
            is_descending=page.is_backward,
        )
        limit = parameters.get("limit", PAGE_EVENTS_MAX)
        return _within_bytes(store.events(group, stretch, after=page.after, limit=limit))

    found = await logs.read(work)
    shown = found[::-1] if page.is_backward else found
    forward, backward = page.tokens(shown)
    events = [{"timestamp": one.at_ms, "message": one.message, "ingestionTime": one.ingested_ms} for one in shown]
    return {"events": events, "nextForwardToken": forward, "nextBackwardToken": backward}


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a stream: those behind a position, or those before it, the nearest ones."""

    after: Position | None
    is_backward: bool
    token: str | None

    def tokens(self, shown: Sequence[LogEvent]) -> tuple[str, str]:
        """Those of the pages after and before; at either end it is the token that was given."""
        if shown:
            return _stream_token("f", shown[-1].position), _stream_token("b", shown[0].position)
        here = self.after or Position(0, 0)
        if self.is_backward:
            behind = Position(here.at_ms, max(0, here.id - 1))  # the event here itself comes next
            return _stream_token("f", behind), self.token or _stream_token("b", here)
        return self.token or _stream_token("f", here), _stream_token("b", Position(here.at_ms, here.id + 1))


def _page_asked_for(parameters: Mapping[str, Any]) -> _Page:
    token = parameters.get("nextToken")
    if token is None:
        return _Page(None, not parameters.get("startFromHead", False), None)
    found = TOKEN.fullmatch(token)
    if found is None or int(found["id"]) > WHOLE_MAX:
        raise invalid_token()
    return _Page(Position(int(found["at_ms"]), int(found["id"])), found["way"] == "b", token)


def _stream_token(way: str, position: Position) -> str:
    return f"{way}/{position.at_ms:015}{position.id:041}/s"


def _within_bytes(events: Sequence[LogEvent]) -> Sequence[LogEvent]:
    """The first of ``events`` that a page holds."""
    size = 0
    for index, one in enumerate(events):
        size += len(one.message.encode()) + EVENT_OVERHEAD
        if size > PAGE_BYTES_MAX and index:
            return events[:index]
    return events


async def filter_log_events(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    name = group_name(parameters)
    if "logStreamNames" in parameters and "logStreamNamePrefix" in parameters:
        raise invalid("logStreamNamePrefix and logStreamNames are mutually exclusive parameters.")
    pattern = checked_pattern(parameters.get("filterPattern", ""))
    start_ms, end_ms = parameters.get("startTime", 0), parameters.get("endTime", END_OF_TIME_MS - 1)
    if end_ms < start_ms:
        raise invalid("endTime must not be before startTime.")
    after = _read_position(parameters.get("nextToken"))

    def work(store: LogStore) -> tuple[list[LogEvent], Position | None]:
        group = find_group(store, name)
        streams = _streams_asked_for(store, group, parameters)
        if streams is not None and not streams:
            return [], None
        stretch = Stretch(
            streams=streams,
            start_ms=max(start_ms, group.kept_since_ms(logs.now_ms)),
            end_ms=min(end_ms + 1, END_OF_TIME_MS),
            is_descending=not parameters.get("startFromHead", True),
        )
        limit = parameters.get("limit", PAGE_EVENTS_MAX)
        at_once = READ_AT_ONCE if parameters.get("filterPattern") else min(READ_AT_ONCE, limit + 1)
        return _scan(partial(store.events, group, stretch, limit=at_once), after, pattern, limit=limit, at_once=at_once)

    found, rest = await logs.read(work)
    events = [
        {
            "logStreamName": one.stream,
            "timestamp": one.at_ms,
            "message": one.message,
            "ingestionTime": one.ingested_ms,
            "eventId": one.event_id,
        }
        for one in found
    ]
    return {"events": events, "searchedLogStreams": [], "nextToken": None if rest is None else write_token(rest)}


def checked_pattern(text: str) -> Pattern:
    try:
        return read_pattern(text)
    except PatternInvalid as error:
        raise invalid(str(error)) from error


def _read_position(token: str | None) -> Position | None:
    match read_token(token):
        case None:
            return None
        case [int(at_ms), int(id_)]:
            return Position(at_ms, id_)
        case _:
            raise invalid_token()


def _streams_asked_for(store: LogStore, group: LogGroup, parameters: Mapping[str, Any]) -> Collection[LogStream] | None:
    if "logStreamNames" in parameters:
        return [find_stream(store, group, name) for name in dict.fromkeys(parameters["logStreamNames"])]
    if "logStreamNamePrefix" in parameters:
        return store.streams(group, prefix=parameters["logStreamNamePrefix"])
    return None


def _scan(
    read: Callable[..., Sequence[LogEvent]], after: Position | None, pattern: Pattern, *, limit: int, at_once: int
) -> tuple[list[LogEvent], Position | None]:
    """What fits, as much as a page holds or a moment finds; and where it is to go on, None at the end.

    ``read`` gives ``at_once`` events behind a position, fewer where there are no more.
    """
    found: list[LogEvent] = []
    size = 0
    until = time.monotonic() + SCAN_SECONDS
    while True:
        some = read(after=after)
        for one in some:
            if pattern.matches(one.message):
                size += len(one.message.encode()) + EVENT_OVERHEAD
                if found and (size > PAGE_BYTES_MAX or len(found) >= limit):
                    return found, after
                found.append(one)
            after = one.position
        if len(some) < at_once:
            return found, None
        if time.monotonic() > until:
            return found, after


async def get_log_record(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    match read_token(call.parameters["logRecordPointer"]):
        case [int(group_id), int(at_ms), int(id_)]:
            position = Position(at_ms, id_)
        case _:
            raise invalid("The specified logRecordPointer is invalid.")

    def work(store: LogStore) -> tuple[LogGroup, LogEvent] | None:
        group = store.group_of_id(group_id)
        event = store.event(group, position) if group is not None else None
        return (group, event) if group is not None and event is not None else None

    found = await logs.read(work)
    if found is None:
        raise ApiError("ResourceNotFoundException", "The specified log record does not exist.")
    group, event = found
    record = {
        **dict(_fields_of(event.message)),
        "@timestamp": str(event.at_ms),
        "@ingestionTime": str(event.ingested_ms),
        "@message": event.message,
        "@logStream": event.stream,
        "@log": f"{logs.place.account}:{group.name}",
        "@ptr": call.parameters["logRecordPointer"],
    }
    return {"logRecord": record}


def record_pointer(group: LogGroup, event: LogEvent) -> str:
    """What GetLogRecord finds an event by."""
    return write_token([group.id, *event.position])


async def get_log_group_fields(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    """The fields of a sample of the events around a time, or of the last quarter of an hour."""
    name = group_name(call.parameters)
    around = call.parameters.get("time")
    now_ms = logs.now_ms
    start_ms, end_ms = now_ms - FIELDS_SPAN_MS, now_ms + 1
    if around is not None:
        middle_ms = around * 1000 if around < now_ms // 100 else around
        start_ms, end_ms = middle_ms - FIELDS_BESIDE_MS, middle_ms + FIELDS_BESIDE_MS

    def work(store: LogStore) -> Sequence[LogEvent]:
        group = find_group(store, name)
        stretch = Stretch(start_ms=start_ms, end_ms=end_ms, is_descending=True)
        return store.events(group, stretch, limit=FIELDS_SAMPLE)

    found = await logs.read(work)
    seen: Counter[str] = Counter()
    for one in found:
        seen.update({field for field, _ in _fields_of(one.message)})
        seen.update(("@timestamp", "@message", "@logStream", "@log", "@ingestionTime", "@ptr"))
    fields = [{"name": field, "percent": round(100 * count / len(found))} for field, count in seen.most_common()]
    return {"logGroupFields": fields}


def _fields_of(message: str) -> Iterator[tuple[str, str]]:
    """The members of an event that is a JSON object, nested ones by path."""
    if not message.lstrip().startswith("{"):
        return
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        return
    yield from _flattened(event, "")


def _flattened(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _flattened(inner, f"{path}.{key}" if path else str(key))
        case list():
            for index, inner in enumerate(value):
                yield from _flattened(inner, f"{path}.{index}" if path else str(index))
        case str():
            yield path, value
        case _:
            yield path, json.dumps(value)


HANDLERS: Mapping[str, LogsHandler] = {
    "PutLogEvents": put_log_events,
    "GetLogEvents": get_log_events,
    "FilterLogEvents": filter_log_events,
    "GetLogRecord": get_log_record,
    "GetLogGroupFields": get_log_group_fields,
}
