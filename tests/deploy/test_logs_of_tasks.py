"""`ninelives logs` tells the lines of the task that was asked for, whatever the log service makes of a prefix."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ninelives.deploy.aws import Aws
from ninelives.deploy.logs import read_lines
from ninelives.deploy.reading import parse_service_file

FILE = parse_service_file("service: cats\nimage: .\nport: 4567\n")
LINES = [("aa11", 2, "second"), ("bb22", 1, "other"), ("aa11", 1, "first")]


class AllLines:
    """CloudWatch Logs that read no prefix, as moto's do."""

    def filter_log_events(self, **_: Any) -> dict[str, Any]:
        return {
            "events": [
                {"timestamp": at, "logStreamName": f"cats/cats/{task}", "message": text, "eventId": text}
                for task, at, text in LINES
            ]
        }


@pytest.mark.parametrize(
    ("task", "told"), [(None, ["other", "first", "second"]), ("aa", ["first", "second"]), ("bb22", ["other"]), ("cc", [])]
)
def test_only_the_lines_of_the_task_that_was_asked_for(task: str | None, told: list[str]) -> None:
    aws = Aws(lambda _: AllLines(), region="eu-west-1", is_local=True)

    lines = read_lines(aws, FILE, datetime(2026, 1, 1, tzinfo=UTC), task=task)

    assert told == [line.message for line in lines]
