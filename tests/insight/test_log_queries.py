"""A Logs Insights query is begun, waited for, stopped where it is left; what is wrong with it is shown in its place."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ninelives.deploy.aws import Aws
from ninelives.deploy.errors import DeployError, NotFound
from ninelives.insight.log_queries import QueryRefused, ask

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROWS = [
    [{"field": "path", "value": "/cats"}, {"field": "n", "value": "3"}, {"field": "@ptr", "value": "x"}],
    [{"field": "n", "value": "1"}],
]


class Error(Exception):
    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code, "Message": "wrong"}, **more}


class Logs:
    """Answers with a status after the other."""

    def __init__(self, statuses: Sequence[str] = (), refusal: Error | None = None) -> None:
        self.statuses, self.refusal = list(statuses), refusal
        self.asked: Mapping[str, Any] = {}
        self.stopped: list[str] = []

    def start_query(self, **asked: Any) -> Any:
        self.asked = asked
        if self.refusal is not None:
            raise self.refusal
        return {"queryId": "q1"}

    def get_query_results(self, *, queryId: str) -> Any:  # noqa: N803 (boto3's spelling)
        assert queryId == "q1"
        status = self.statuses.pop(0)
        done = {"recordsMatched": 4.0, "recordsScanned": 9.0, "bytesScanned": 120.0}
        return {"status": status, "results": ROWS if status == "Complete" else [], "statistics": done}

    def stop_query(self, *, queryId: str) -> Any:  # noqa: N803 (boto3's spelling)
        self.stopped.append(queryId)
        raise Error("InvalidParameterException")


class Hands:
    """A clock whose waits may be broken off."""

    def __init__(self, *, impatient: bool = False) -> None:
        self.waits, self.impatient = 0, impatient

    def now(self) -> datetime:
        return NOON

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.waits += 1
        if self.impatient:
            raise KeyboardInterrupt


def found(logs: Logs, clock: Hands | None = None, query: str = "stats count(*) as n by path") -> Any:
    aws = Aws(lambda _: logs, region="eu-west-1", is_local=True)
    return ask(aws, "/ecs/cats", query, NOON - timedelta(hours=1), clock or Hands())


def test_an_answer_is_waited_for_and_told_without_pointers() -> None:
    logs, clock = Logs(["Scheduled", "Running", "Complete"]), Hands()

    answer = found(logs, clock)

    assert answer.rows == ({"path": "/cats", "n": "3"}, {"n": "1"})
    assert answer.columns == ("path", "n")
    assert (answer.matched, answer.scanned, answer.bytes_scanned) == (4, 9, 120)
    assert clock.waits == 2
    assert logs.asked == {
        "logGroupName": "/ecs/cats", "queryString": "stats count(*) as n by path",
        "startTime": int(NOON.timestamp()) - 3600, "endTime": int(NOON.timestamp()) + 1,
    }  # fmt: skip
    assert logs.stopped == []


def test_a_query_that_is_left_is_stopped() -> None:
    logs = Logs(["Running"])

    with pytest.raises(KeyboardInterrupt):
        found(logs, Hands(impatient=True))
    assert logs.stopped == ["q1"]


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Timeout"])
def test_a_query_without_an_answer_says_how_it_ended(status: str) -> None:
    with pytest.raises(DeployError, match=f"ended as {status}"):
        found(Logs([status]))


def test_what_is_wrong_with_a_query_is_marked_in_its_line() -> None:
    location = {"startCharOffset": 20, "endCharOffset": 25}
    refusal = Error("MalformedQueryException", queryCompileError={"message": "unexpected symbol", "location": location})

    with pytest.raises(QueryRefused) as refused:
        found(Logs(refusal=refusal), query="fields a\n| filter b wrong c\n| limit 5")

    assert refused.value.message.splitlines() == [
        "The query is not understood: unexpected symbol",
        "  | filter b wrong c",
        "             ^^^^^",
    ]
    with pytest.raises(QueryRefused, match="not understood: wrong"):
        found(Logs(refusal=Error("MalformedQueryException")))


def test_a_log_group_that_is_not_there_is_named() -> None:
    with pytest.raises(NotFound, match="no log group /ecs/cats"):
        found(Logs(refusal=Error("ResourceNotFoundException")))
