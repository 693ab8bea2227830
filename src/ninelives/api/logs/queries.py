"""Logs Insights: StartQuery, GetQueryResults, StopQuery, DescribeQueries; and the definitions of queries, which are kept.

A query runs on a thread of its own, one at a time, and is broken off when its time is over, when it is stopped, and when the
region ends. Results are in memory: those of the latest hundred queries, and of fewer where they are large.
"""

import asyncio
import heapq
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import uuid4

from ninelives.api.call import Call, Operations
from ninelives.api.logs.events import record_pointer
from ninelives.api.logs.handling import find_group, invalid, invalid_token, page
from ninelives.model.errors import ApiError
from ninelives.model.logs import LogGroup, Position, QueryDefinition, group_named_by
from ninelives.monitoring.log_insights import (
    TOLD_MAX,
    LogRecord,
    Query,
    QueryInvalid,
    QueryResult,
    QueryTooLarge,
    read_query,
)
from ninelives.telemetry.logs import END_OF_TIME_MS, CloudWatchLogs, LogStore, Stretch

log = logging.getLogger(__name__)

QUERY_SECONDS: Final = 60.0
"""How long a query may run. In AWS it is an hour, over far more."""
QUERIES_KEPT: Final = 100
RESULTS_MAX: Final = 2 * TOLD_MAX
"""Characters of all results that are kept; the latest always is."""
UNDER_WAY_MAX: Final = 100
"""Source: "CloudWatch Logs quotas", concurrent Logs Insights queries."""
GROUPS_MAX: Final = 50
READ_AT_ONCE: Final = 2_000
ROWS_AT_ONCE: Final = 10_000
UNDER_WAY: Final = frozenset({"Scheduled", "Running"})
LANGUAGE: Final = "CWLI"


class _Stopped(Exception):
    """The query is not to go on; the text is the status that it ends with."""


@dataclass(slots=True, kw_only=True)
class _Asked:
    """A query that was started, and what has become of it."""

    id: str
    text: str
    groups: Sequence[str]
    created_ms: int
    status: str = "Scheduled"
    stopped: threading.Event = field(default_factory=threading.Event)
    """By StopQuery; the thread that runs it looks here, and only here, for it."""
    result: QueryResult | None = None
    took_ms: int = 0
    size: int = 0
    """Characters of its result."""


def operations(logs: CloudWatchLogs) -> Operations:
    """The operations on queries, which share those that were started."""
    queries = _Queries(logs)
    return {
        "StartQuery": queries.start,
        "GetQueryResults": queries.results,
        "StopQuery": queries.stop,
        "DescribeQueries": queries.describe,
        "PutQueryDefinition": partial(put_query_definition, logs),
        "DescribeQueryDefinitions": partial(describe_query_definitions, logs),
        "DeleteQueryDefinition": partial(delete_query_definition, logs),
    }


class _Queries:
    def __init__(self, logs: CloudWatchLogs) -> None:
        self._logs = logs
        self._asked: dict[str, _Asked] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def start(self, call: Call) -> Mapping[str, Any]:
        parameters = call.parameters
        if parameters.get("queryLanguage", LANGUAGE) != LANGUAGE:
            raise invalid(f"This region has Logs Insights QL ({LANGUAGE}), not {parameters['queryLanguage']}.")
        names = _groups_asked(parameters)
        query = _read(parameters["queryString"])
        start_ms, end_ms = (_ms(parameters[name]) for name in ("startTime", "endTime"))
        if end_ms < start_ms:
            raise invalid("End time should not be less than start time.")
        groups = await self._logs.read(lambda store: [find_group(store, name) for name in names])
        if sum(one.status in UNDER_WAY for one in self._asked.values()) >= UNDER_WAY_MAX:
            raise ApiError("LimitExceededException", f"More than {UNDER_WAY_MAX} queries are under way.")
        asked = _Asked(id=str(uuid4()), text=parameters["queryString"], groups=names, created_ms=self._logs.now_ms)
        self._keep(asked)
        stretch = Stretch(start_ms=start_ms, end_ms=end_ms + 1000, is_descending=True)  # the last second is among them
        work = partial(self._run, asked, query, groups, stretch, parameters.get("limit", ROWS_AT_ONCE))
        self._begin(work)
        return {"queryId": asked.id}

    def _begin(self, work: Callable[[LogStore], None]) -> None:
        task = asyncio.create_task(self._logs.ask(work), name="query")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: self._shed())

    def _keep(self, asked: _Asked) -> None:
        self._asked[asked.id] = asked
        ended = [one.id for one in self._asked.values() if one.status not in UNDER_WAY]
        for old in ended[: max(0, len(self._asked) - QUERIES_KEPT)]:
            del self._asked[old]

    def _shed(self) -> None:
        """Forget the oldest queries whose results would take more than may be kept."""
        room = RESULTS_MAX
        for asked in [one for one in reversed(self._asked.values()) if one.result is not None]:
            room -= asked.size
            if room < 0:
                del self._asked[asked.id]

    def _run(
        self, asked: _Asked, query: Query, groups: Sequence[LogGroup], stretch: Stretch, limit: int, store: LogStore
    ) -> None:
        if asked.stopped.is_set():
            return
        asked.status = "Running"
        begun = time.monotonic()
        try:
            events = self._events(store, asked, groups, stretch, until=begun + QUERY_SECONDS)
            result = query.run(events, limit=limit, now_seconds=asked.created_ms // 1000)
            asked.size = sum(len(value) for row in result.rows for _, value in row)
            asked.result = result
            status = "Complete"
        except _Stopped as stopped:
            status = str(stopped)
        except QueryTooLarge as error:
            log.warning("query %s: %s", asked.id, error)
            status = "Failed"
        except Exception:
            log.exception("query %s failed", asked.id)
            status = "Failed"
        asked.took_ms = round((time.monotonic() - begun) * 1000)
        asked.status = "Cancelled" if asked.stopped.is_set() else status

    def _events(
        self, store: LogStore, asked: _Asked, groups: Sequence[LogGroup], stretch: Stretch, *, until: float
    ) -> Iterator[LogRecord]:
        """The events of all groups, the newest first. Raises ``_Stopped``."""
        each = [self._events_of(store, group, stretch) for group in groups]
        merged = each[0] if len(each) == 1 else heapq.merge(*each, key=lambda record: -record.timestamp)
        for count, record in enumerate(merged):
            if count % READ_AT_ONCE == 0:
                if asked.stopped.is_set() or self._logs.is_closed:
                    raise _Stopped("Cancelled")
                if time.monotonic() > until:
                    raise _Stopped("Timeout")
            yield record

    def _events_of(self, store: LogStore, group: LogGroup, stretch: Stretch) -> Iterator[LogRecord]:
        name = f"{self._logs.place.account}:{group.name}"
        oldest_ms = group.kept_since_ms(self._logs.now_ms)
        after: Position | None = None
        while True:
            some = store.events(group, stretch, after=after, limit=READ_AT_ONCE)
            for one in some:
                if one.at_ms < oldest_ms:
                    return
                yield LogRecord(
                    timestamp=one.at_ms,
                    message=one.message,
                    stream=one.stream,
                    group=name,
                    ingested=one.ingested_ms,
                    pointer=record_pointer(group, one),
                )
            if len(some) < READ_AT_ONCE:
                return
            after = some[-1].position

    def results(self, call: Call) -> Mapping[str, Any]:
        asked = self._find(call)
        rows = asked.result.rows if asked.result is not None else ()
        start = _offset(call.parameters.get("nextToken"))
        shown = rows[start : start + ROWS_AT_ONCE]
        is_last = start + len(shown) >= len(rows)
        answer: dict[str, Any] = {
            "queryLanguage": LANGUAGE,
            "results": [[{"field": name, "value": value} for name, value in row] for row in shown],
            "status": asked.status,
            "nextToken": None if is_last else str(start + len(shown)),
        }
        if asked.result is not None:
            told = asked.result.statistics
            answer["statistics"] = {
                "recordsMatched": float(told.records_matched),
                "recordsScanned": float(told.records_scanned),
                "bytesScanned": float(told.bytes_scanned),
                "logGroupsScanned": float(len(asked.groups)),
            }
        return answer

    def stop(self, call: Call) -> Mapping[str, Any]:
        asked = self._find(call)
        if asked.status not in UNDER_WAY:
            raise invalid(f"Query with queryId {asked.id} is not running.")
        asked.stopped.set()
        asked.status = "Cancelled"
        return {"success": True}

    def describe(self, call: Call) -> Mapping[str, Any]:
        parameters = call.parameters
        wanted = parameters.get("logGroupName")
        found = [
            one
            for one in reversed(self._asked.values())
            if (wanted is None or wanted in one.groups) and parameters.get("status", one.status) == one.status
        ]
        start = _offset(parameters.get("nextToken"))
        shown = found[start : start + parameters.get("maxResults", len(found))]
        is_last = start + len(shown) >= len(found)
        queries = [
            {
                "queryLanguage": LANGUAGE,
                "queryId": one.id,
                "queryString": one.text,
                "status": one.status,
                "createTime": one.created_ms,
                "logGroupName": one.groups[0],
                "queryDuration": one.took_ms,
                "bytesScanned": float(one.result.statistics.bytes_scanned) if one.result is not None else None,
            }
            for one in shown
        ]
        return {
            "queries": [{name: value for name, value in one.items() if value is not None} for one in queries],
            "nextToken": None if is_last else str(start + len(shown)),
        }

    def _find(self, call: Call) -> _Asked:
        query_id = call.parameters["queryId"]
        found = self._asked.get(query_id)
        if found is None:
            raise ApiError("ResourceNotFoundException", f"Query with queryId {query_id} does not exist.")
        return found


def _groups_asked(parameters: Mapping[str, Any]) -> list[str]:
    given = [name for name in ("logGroupName", "logGroupNames", "logGroupIdentifiers") if parameters.get(name)]
    if len(given) != 1:
        raise invalid("Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified.")
    named = parameters[given[0]]
    names = list(dict.fromkeys(group_named_by(one) for one in ([named] if isinstance(named, str) else named)))
    if len(names) > GROUPS_MAX:
        raise invalid(f"A query may search {GROUPS_MAX} log groups at the most.")
    return names


def _read(text: str) -> Query:
    try:
        return read_query(text)
    except QueryInvalid as error:
        location = {"startCharOffset": error.start, "endCharOffset": error.end}
        compile_error = {"queryCompileError": {"location": location, "message": str(error)}}
        raise ApiError("MalformedQueryException", str(error), members=compile_error) from error


def _ms(given: int) -> int:
    """Instants of a query are seconds; the SDKs' users often give milliseconds, and AWS takes either."""
    seconds_until = 100_000_000_000
    return min(given, END_OF_TIME_MS) if given >= seconds_until else given * 1000


def _offset(token: str | None) -> int:
    if token is not None and re.fullmatch(r"\d{1,18}", token) is None:
        raise invalid_token()
    return int(token or 0)


async def put_query_definition(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    known_id = parameters.get("queryDefinitionId")
    made = QueryDefinition(
        id=known_id or str(uuid4()),
        name=parameters["name"],
        query=parameters["queryString"],
        modified_ms=logs.now_ms,
        groups=tuple(parameters.get("logGroupNames", ())),
        language=parameters.get("queryLanguage", LANGUAGE),
    )

    def put(store: LogStore) -> None:
        if known_id is not None and all(one.id != known_id for one in store.records(QueryDefinition)):
            raise ApiError("ResourceNotFoundException", f"Query definition {known_id} does not exist.")
        store.put_record(made)

    await logs.write(put)
    return {"queryDefinitionId": made.id}


async def describe_query_definitions(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    prefix = call.parameters.get("queryDefinitionNamePrefix", "")
    found = await logs.read(lambda store: store.records(QueryDefinition))
    named = sorted((one for one in found if one.name.startswith(prefix)), key=lambda one: (one.name, one.id))
    limit = {"limit": call.parameters["maxResults"]} if "maxResults" in call.parameters else {}
    shown, token = page(named, {**call.parameters, **limit}, key=lambda one: f"{one.name}\n{one.id}")
    definitions = [
        {
            "queryLanguage": one.language,
            "queryDefinitionId": one.id,
            "name": one.name,
            "queryString": one.query,
            "lastModified": one.modified_ms,
            "logGroupNames": list(one.groups),
        }
        for one in shown
    ]
    return {"queryDefinitions": definitions, "nextToken": token}


async def delete_query_definition(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    wanted = call.parameters["queryDefinitionId"]

    def delete(store: LogStore) -> None:
        for one in store.records(QueryDefinition):
            if one.id == wanted:
                store.delete_record(one)
                return
        raise ApiError("ResourceNotFoundException", f"Query definition {wanted} does not exist.")

    await logs.write(delete)
    return {"success": True}
