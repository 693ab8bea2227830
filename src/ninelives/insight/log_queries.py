"""CloudWatch Logs Insights, asked by the API: a query is begun, waited for, and its rows are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.clock import Clock
from ninelives.deploy.errors import DeployError, NotFound

NEAR_SECONDS: Final = 0.1
AWS_SECONDS: Final = 1.0
UNDER_WAY: Final = frozenset({"Scheduled", "Running", "Unknown"})
POINTER: Final = "@ptr"


class QueryRefused(DeployError):
    """A query that CloudWatch Logs does not understand; shows where, as far as that is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswer:
    """``rows``: fields and their texts, in order, without the pointers to the events."""

    rows: tuple[Mapping[str, str], ...]
    matched: int
    scanned: int
    bytes_scanned: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Every field that a row has, in the order of the rows that have most."""
        fullest = sorted(self.rows, key=len, reverse=True)
        return tuple(dict.fromkeys(name for row in fullest for name in row))


def ask(aws: Aws, log_group: str, query: str, since: datetime, clock: Clock) -> QueryAnswer:
    """What a query finds from ``since`` until now. Where the wait is broken off, so is the query.

    Raises ``QueryRefused``, ``NotFound`` where there is no log group, ``DeployError`` where the query ends without an answer.
    """
    query_id = _begin(aws, log_group, query, since, clock)
    try:
        while True:
            answer = aws.logs.get_query_results(queryId=query_id)
            if answer["status"] not in UNDER_WAY:
                break
            clock.wait(NEAR_SECONDS if aws.is_near else AWS_SECONDS)
    except BaseException:
        _stop(aws, query_id)
        raise
    if answer["status"] != "Complete":
        raise DeployError(f"The query ended as {answer['status']}.", hint="A shorter --since, or a filter, makes it smaller.")
    return _read(answer)


def _begin(aws: Aws, log_group: str, query: str, since: datetime, clock: Clock) -> str:
    asked = {"logGroupName": log_group, "queryString": query}
    try:
        start, end = int(since.timestamp()), int(clock.now().timestamp()) + 1
        return str(aws.logs.start_query(startTime=start, endTime=end, **asked)["queryId"])
    except Exception as error:
        match error_code(error):
            case "ResourceNotFoundException":
                hint = "Deploy the service first: `ninelives deploy VERSION`."
                raise NotFound(f"There is no log group {log_group}.", hint=hint) from None
            case "MalformedQueryException":
                raise _refused(query, error) from None
            case _:
                raise


def _refused(query: str, error: Exception) -> QueryRefused:
    response = getattr(error, "response", {})
    compile_error = response.get("queryCompileError", {})
    message = compile_error.get("message") or response.get("Error", {}).get("Message", "")
    hint = "The language: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html"
    place = compile_error.get("location") or {}
    return QueryRefused(f"The query is not understood: {message}{_shown(query, place)}", hint=hint)


def _shown(query: str, place: Mapping[str, Any]) -> str:
    """The line that is wrong with its place marked below; nothing where the place is not told.

    >>> print(_shown("fields a | nonsense", {"startCharOffset": 11, "endCharOffset": 19}))
    <BLANKLINE>
      fields a | nonsense
                 ^^^^^^^^
    """
    if "startCharOffset" not in place:
        return ""
    start, end = place["startCharOffset"], place.get("endCharOffset", place["startCharOffset"])
    begin = query.rfind("\n", 0, start) + 1
    line = query[begin:].partition("\n")[0]
    width = max(1, min(end, begin + len(line)) - start)
    return f"\n  {line}\n  {' ' * (start - begin)}{'^' * width}"


def _stop(aws: Aws, query_id: str) -> None:
    try:
        aws.logs.stop_query(queryId=query_id)
    except Exception as error:
        if error_code(error) not in {"InvalidParameterException", "ResourceNotFoundException"}:  # it has ended by itself
            raise


def _read(answer: Mapping[str, Any]) -> QueryAnswer:
    statistics = answer.get("statistics", {})
    rows = ({one["field"]: one.get("value", "") for one in row if one["field"] != POINTER} for row in answer["results"])
    return QueryAnswer(
        rows=tuple(rows),
        matched=int(statistics.get("recordsMatched", 0)),
        scanned=int(statistics.get("recordsScanned", 0)),
        bytes_scanned=int(statistics.get("bytesScanned", 0)),
    )
