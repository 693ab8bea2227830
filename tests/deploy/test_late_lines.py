"""What a task wrote last may come to its log a moment after the verdict: it is waited for, not for ever."""

from datetime import UTC, datetime
from typing import Any

import pytest
from release_facts import task

from ninelives.deploy.diagnosis import Evidence
from ninelives.deploy.release import LATE_LINES_LOOKS, explain
from ninelives.deploy.service_file import ServiceFile
from ninelives.deploy.verdict import Outcome, Verdict

EXITED = task(last_status="STOPPED", stop_code="EssentialContainerExited", exit_code=3, ran=0.1)


class CountingClock:
    def __init__(self) -> None:
        self.waits: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 27, tzinfo=UTC)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)


class Logs:
    """Evidence whose lines arrive with the ``comes``-th look."""

    def __init__(self, comes: int) -> None:
        self.comes = comes
        self.looks = 0

    def evidence(self, *_: object) -> Evidence:
        self.looks += 1
        lines = {"t1": ("no database",)} if self.looks >= self.comes else {}
        return Evidence(stopped=(EXITED,), log_lines=lines)


@pytest.mark.parametrize(
    ("comes", "waits", "words"),
    [(1, 0, "last words: no database"), (3, 2, "last words: no database"), (99, LATE_LINES_LOOKS, "it wrote nothing")],
)
def test_lines_that_are_late_are_waited_for(comes: int, waits: int, words: str) -> None:
    clock, logs, nobody = CountingClock(), Logs(comes), None
    file = ServiceFile.model_validate({"service": "cats", "image": ".", "port": 4567})
    gathering: Any = logs
    aws: Any = nobody

    found = explain(aws, file, Verdict(outcome=Outcome.ROLLED_BACK, reason="it failed"), gathering, clock=clock)

    assert found is not None
    assert words in found.cause
    assert waits == len(clock.waits)
