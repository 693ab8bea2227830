"""Tags of log groups, by ARN and by name."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from ninelives.api.call import Call
from ninelives.api.logs.handling import LogsHandler, find_group, invalid
from ninelives.model.logs import group_named_by
from ninelives.telemetry.logs import CloudWatchLogs, LogStore

TAGS_MAX: Final = 50


async def tag_resource(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    return await _change(logs, _named(call), _added(call.parameters["tags"]))


async def untag_resource(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    return await _change(logs, _named(call), _removed(call.parameters["tagKeys"]))


async def list_tags_for_resource(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    return {"tags": dict((await logs.read(lambda store: find_group(store, _named(call)))).tags)}


async def tag_log_group(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    return await _change(logs, call.parameters["logGroupName"], _added(call.parameters["tags"]))


async def untag_log_group(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    return await _change(logs, call.parameters["logGroupName"], _removed(call.parameters["tags"]))


async def list_tags_log_group(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    return {"tags": dict((await logs.read(lambda store: find_group(store, call.parameters["logGroupName"]))).tags)}


def _named(call: Call) -> str:
    arn = call.parameters["resourceArn"]
    if ":log-group:" not in arn:
        raise invalid(f"Invalid resource ARN: {arn}. Only log groups have tags in this region.")
    return group_named_by(arn)


Change = Callable[[Mapping[str, str]], Mapping[str, str]]


def _added(tags: Mapping[str, str]) -> Change:
    return lambda known: {**known, **tags}


def _removed(keys: Collection[str]) -> Change:
    return lambda known: {key: value for key, value in known.items() if key not in keys}


async def _change(logs: CloudWatchLogs, name: str, changed: Change) -> Mapping[str, Any]:
    def work(store: LogStore) -> None:
        group = find_group(store, name)
        tags = changed(group.tags)
        if len(tags) > TAGS_MAX:
            raise invalid(f"A log group may have {TAGS_MAX} tags at the most.")
        store.change_group(replace(group, tags=tags))

    await logs.write(work)
    return {}


HANDLERS: Mapping[str, LogsHandler] = {
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
    "TagLogGroup": tag_log_group,
    "UntagLogGroup": untag_log_group,
    "ListTagsLogGroup": list_tags_log_group,
}
