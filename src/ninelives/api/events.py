"""EventBridge's operations that the region answers itself; its rules, targets, buses and connections are moto's records.

Source: ``events`` 2015-10-07; EventBridge API reference, "PutEvents", "TestEventPattern".
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from ninelives.api.call import Call, Operations
from ninelives.eventbridge import InvalidPattern, check_pattern, matches
from ninelives.model.arns import last_part
from ninelives.model.errors import ApiError
from ninelives.model.events import DEFAULT_BUS, Happening
from ninelives.region.outbox import Outbox

ENTRY_BYTES_MAX: Final = 256 * 1024
REQUIRED: Final = ("Source", "DetailType", "Detail")

InProcess = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


def operations(outbox: Outbox, call: InProcess) -> Operations:
    """PutEvents and TestEventPattern; ``call`` reaches EventBridge's other operations."""
    return {"PutEvents": partial(put_events, outbox, call), "TestEventPattern": test_event_pattern}


async def put_events(outbox: Outbox, call: InProcess, request: Call) -> Mapping[str, Any]:
    """Each good entry is taken and gets its id; each bad one is told, and holds up no other."""
    entries = request.parameters["Entries"]
    if request.parameters.get("EndpointId"):
        raise ApiError("ValidationException", "Global endpoints are not supported by this region: leave EndpointId out.")
    if sum(map(_size, entries)) > ENTRY_BYTES_MAX:
        raise ApiError("ValidationException", "Total size of the entries in the request is over the limit.")
    buses = [last_part(entry.get("EventBusName", DEFAULT_BUS)) for entry in entries]
    for bus in sorted(set(buses) - {DEFAULT_BUS}):
        await call("events", "DescribeEventBus", {"Name": bus})
    problems = [_problem(entry) for entry in entries]
    good = [(bus, _happening(entry)) for bus, entry, problem in zip(buses, entries, problems, strict=True) if problem is None]
    ids = iter(outbox.take(good))
    answers = [{"EventId": next(ids)} if problem is None else problem for problem in problems]
    return {"FailedEntryCount": len(entries) - len(good), "Entries": answers}


def _size(entry: Mapping[str, Any]) -> int:
    """Source: "Calculating Amazon EventBridge PutEvents event entry size"."""
    texts = [entry.get(name, "") for name in REQUIRED] + entry.get("Resources", [])
    return sum(len(text.encode()) for text in texts) + (14 if "Time" in entry else 0)


def _problem(entry: Mapping[str, Any]) -> Mapping[str, str] | None:
    for name in REQUIRED:
        if not entry.get(name):
            message = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
    if entry["Source"].startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    try:
        is_object = isinstance(json.loads(entry["Detail"]), dict)
    except ValueError:
        is_object = False
    return None if is_object else {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


def _happening(entry: Mapping[str, Any]) -> Happening:
    return Happening(
        source=entry["Source"],
        detail_type=entry["DetailType"],
        resources=tuple(entry.get("Resources", ())),
        detail=json.loads(entry["Detail"]),
        time=entry.get("Time"),
    )


def test_event_pattern(request: Call) -> Mapping[str, Any]:
    try:
        pattern = json.loads(request.parameters["EventPattern"])
        check_pattern(pattern)
    except ValueError as error:  # InvalidPattern is one
        reason = str(error) if isinstance(error, InvalidPattern) else "it is no JSON"
        raise ApiError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}") from error
    try:
        event = json.loads(request.parameters["Event"])
    except ValueError as error:
        raise ApiError("ValidationException", "Parameter Event is not valid. Reason: it is no JSON.") from error
    missing = [name for name in ("id", "account", "source", "time", "region", "resources", "detail-type") if name not in event]
    if missing:
        message = f"Parameter Event is not valid. Reason: it has no {', '.join(missing)}."
        raise ApiError("ValidationException", message)
    return {"Result": matches(pattern, event)}
