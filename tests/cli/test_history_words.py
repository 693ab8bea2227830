"""`ninelives history` speaks of verdicts in the words of `deploy`."""

import pytest

from ninelives.cli.history import verdict_of
from ninelives.deploy.history import PastRelease


@pytest.mark.parametrize(
    ("status", "cause", "word"),
    [
        ("SUCCESSFUL", None, "succeeded"),
        ("ROLLBACK_SUCCESSFUL", "Service deployment rolled back because …", "rolled back"),
        ("STOPPED", "Service deployment stopped because a newer service deployment was started.", "superseded"),
        ("STOPPED", None, "stopped"),
        ("IN_PROGRESS", None, "in progress"),
    ],
)
def test_a_past_deployments_verdict_in_a_word(status: str, cause: str | None, word: str) -> None:
    past = PastRelease(
        arn="arn:x/1",
        version="1",
        status=status,
        task_definition=None,
        revision="1",
        created_at=None,
        finished_at=None,
        cause=cause,
    )

    assert word == verdict_of(past)
