"""Log streams: CreateLogStream, DescribeLogStreams, DeleteLogStream."""

from collections.abc import Mapping, Sequence
from typing import Any

from ninelives.api.call import Call
from ninelives.api.logs.handling import (
    PAGE,
    LogsHandler,
    find_group,
    find_stream,
    group_name,
    invalid,
    invalid_token,
    read_token,
    write_token,
)
from ninelives.model.errors import ApiError
from ninelives.model.logs import LogStream
from ninelives.telemetry.logs import AlreadyThere, CloudWatchLogs, LogStore


async def create_log_stream(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    def create(store: LogStore) -> None:
        group = find_group(store, call.parameters["logGroupName"])
        store.create_stream(group, call.parameters["logStreamName"], logs.now_ms)

    try:
        await logs.write(create)
    except AlreadyThere:
        raise ApiError("ResourceAlreadyExistsException", "The specified log stream already exists") from None
    return {}


async def delete_log_stream(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    def delete(store: LogStore) -> None:
        group = find_group(store, call.parameters["logGroupName"])
        store.delete_stream(group, find_stream(store, group, call.parameters["logStreamName"]))

    await logs.write(delete)
    return {}


async def describe_log_streams(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    name = group_name(parameters)
    by_last_event = parameters.get("orderBy") == "LastEventTime"
    prefix = parameters.get("logStreamNamePrefix")
    if by_last_event and prefix is not None:
        raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
    limit = parameters.get("limit", PAGE)
    after = _read_after(parameters.get("nextToken"))

    def work(store: LogStore) -> Sequence[LogStream]:
        return store.streams(
            find_group(store, name),
            prefix=prefix or "",
            by_last_event=by_last_event,
            descending=parameters.get("descending", False),
            after=after,
            limit=limit + 1,
        )

    found = await logs.read(work)
    token = None
    if len(found) > limit:
        last = found[limit - 1]
        token = write_token([(last.last_ms or 0) if by_last_event else 0, last.name])
    return {"logStreams": [write_stream(logs, name, one) for one in found[:limit]], "nextToken": token}


def _read_after(token: str | None) -> tuple[int, str] | None:
    match read_token(token):
        case None:
            return None
        case [int(at_ms), str(name)]:
            return at_ms, name
        case _:
            raise invalid_token()


def write_stream(logs: CloudWatchLogs, group: str, stream: LogStream) -> Mapping[str, Any]:
    """As AWS does since 2019, no stream tells its own bytes; any sequence token is as good as another."""
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "firstEventTimestamp": stream.first_ms,
        "lastEventTimestamp": stream.last_ms,
        "lastIngestionTime": stream.ingested_ms,
        "uploadSequenceToken": f"{stream.id:056}",
        "arn": f"{logs.group_arn(group)}:log-stream:{stream.name}",
        "storedBytes": 0,
    }


HANDLERS: Mapping[str, LogsHandler] = {
    "CreateLogStream": create_log_stream,
    "DeleteLogStream": delete_log_stream,
    "DescribeLogStreams": describe_log_streams,
}
