"""What a service's tasks wrote, from CloudWatch Logs: a stretch of the past, and what comes after it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.clock import Clock
from ninelives.deploy.errors import DeployError, NotFound
from ninelives.deploy.service_file import ServiceFile

LOCAL_PACE_SECONDS = 0.5
AWS_PACE_SECONDS = 2.0
OVERLAP = timedelta(seconds=10)
"""Lines arrive out of order; each look goes back this far, and tells no line twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    at: datetime
    task_id: str
    message: str
    event_id: str
    container: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines: of which task (the beginning of its id), of which container, those that a filter pattern fits."""

    task: str = ""
    container: str | None = None
    """None: the one that is named as the service."""
    pattern: str = ""


EVERYTHING = Wanted()


def read_lines(aws: Aws, file: ServiceFile, since: datetime, wanted: Wanted = EVERYTHING) -> Iterator[Line]:
    """Lines since a moment, a page at a time in the order of their time.

    Raises ``NotFound`` where there is no log group, ``DeployError`` where the pattern is none.
    """
    request: dict[str, Any] = {"logGroupName": file.log_group, "startTime": int(since.timestamp() * 1000)}
    request["logStreamNamePrefix"] = f"{file.service}/{wanted.container or file.service}/{wanted.task}"
    if wanted.pattern:
        request["filterPattern"] = wanted.pattern
    try:
        while True:
            answer = aws.logs.filter_log_events(**request)
            yield from sorted(map(_line, answer["events"]), key=lambda line: line.at)
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]
    except Exception as error:
        if error_code(error) == "InvalidParameterException" and wanted.pattern:
            hint = "Such as: --filter ERROR, --filter '?ERROR ?WARN', --filter '{ $.status >= 500 }'."
            raise DeployError(f"--filter {wanted.pattern!r}: {_told(error)}", hint=hint) from None
        if error_code(error) != "ResourceNotFoundException":
            raise
        raise NotFound(
            f"There is no log group {file.log_group}.", hint="Deploy the service first: `ninelives deploy VERSION`."
        ) from None


def follow_lines(aws: Aws, file: ServiceFile, since: datetime, clock: Clock, wanted: Wanted = EVERYTHING) -> Iterator[Line]:
    """As ``read_lines``, and then whatever is written, for ever."""
    told: dict[str, datetime] = {}
    latest = since
    while True:
        for line in read_lines(aws, file, max(since, latest - OVERLAP), wanted):
            if line.event_id not in told:
                told[line.event_id] = line.at
                latest = max(latest, line.at)
                yield line
        told = {event: at for event, at in told.items() if at >= latest - 2 * OVERLAP}
        clock.wait(LOCAL_PACE_SECONDS if aws.is_local else AWS_PACE_SECONDS)


def _told(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Message", error))


def _line(event: dict[str, Any]) -> Line:
    _, container, task_id = f"//{event['logStreamName']}".rsplit("/", 2)
    return Line(
        at=datetime.fromtimestamp(event["timestamp"] / 1000, tz=UTC),
        task_id=task_id,
        container=container,
        message=str(event["message"]),
        event_id=str(event["eventId"]),
    )
