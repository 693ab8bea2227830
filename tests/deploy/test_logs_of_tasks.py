"""`ninelives logs` asks for the lines that are wanted, page by page, and tells what is wrong with a pattern."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ninelives.deploy.aws import Aws
from ninelives.deploy.errors import DeployError, NotFound
from ninelives.deploy.logs import Wanted, read_lines
from ninelives.deploy.reading import parse_service_file

FILE = parse_service_file("service: cats\nimage: .\nport: 4567\n")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


class Logs:
    """CloudWatch Logs with two pages."""

    def __init__(self, refusal: str = "") -> None:
        self.asked: list[dict[str, Any]] = []
        self._refusal = refusal

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if self._refusal:
            raise ClientError({"Error": {"Code": self._refusal, "Message": "what is wrong"}}, "FilterLogEvents")
        if "nextToken" not in asked:
            return {"events": [event("aa11", 2), event("bb22", 1)], "nextToken": "more"}
        return {"events": [event("aa11", 3)]}


def event(task: str, at: int) -> dict[str, Any]:
    return {"timestamp": at, "logStreamName": f"cats/web/{task}", "message": f"{task} {at}", "eventId": str(at)}


def aws_of(logs: Logs) -> Aws:
    return Aws(lambda _: logs, region="eu-west-1", is_local=True)


def test_lines_come_page_by_page_in_the_order_of_their_time() -> None:
    logs = Logs()
    lines = list(read_lines(aws_of(logs), FILE, SINCE))

    assert [line.message for line in lines] == ["bb22 1", "aa11 2", "aa11 3"]
    assert (lines[0].task_id, lines[0].container) == ("bb22", "web")
    assert logs.asked[0] == {
        "logGroupName": FILE.log_group,
        "startTime": int(SINCE.timestamp() * 1000),
        "logStreamNamePrefix": "cats/cats/",
    }


def test_a_task_a_container_and_a_pattern_are_asked_for() -> None:
    logs = Logs()
    list(read_lines(aws_of(logs), FILE, SINCE, Wanted(task="aa", container="sidecar", pattern="ERROR")))

    assert (logs.asked[0]["logStreamNamePrefix"], logs.asked[0]["filterPattern"]) == ("cats/sidecar/aa", "ERROR")


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(DeployError, match=r"--filter '\{': what is wrong"):
        list(read_lines(aws_of(Logs("InvalidParameterException")), FILE, SINCE, Wanted(pattern="{")))
    with pytest.raises(NotFound, match="There is no log group"):
        list(read_lines(aws_of(Logs("ResourceNotFoundException")), FILE, SINCE))
