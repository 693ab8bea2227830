"""``ninelives scale`` before it asks anybody, and the words in which scaling is told."""

from datetime import UTC, datetime

import pytest

from ninelives.cli.main import run
from ninelives.cli.scaling_output import activity_words, policy_words, schedule_words
from ninelives.deploy.scaling_view import ActivitySeen, PolicySeen, ScheduleSeen

AT = datetime(2026, 11, 27, tzinfo=UTC)


def activity(status: str, cause: str, reason: str | None = None) -> ActivitySeen:
    return ActivitySeen(at=AT, description="Setting desired count to 3.", cause=cause, status=status, reason=reason)


def test_a_kind_is_not_suspended_and_resumed_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["scale", "--suspend", "all", "--resume", "in"])

    assert code == 1
    assert "--suspend and --resume name the same kind." in capsys.readouterr().err


def test_a_count_below_zero_is_no_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scale", "--min", "-1"]) == 1
    assert "-1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (
            activity("Successful", "minimum capacity was set to 3"),
            "Setting desired count to 3. (minimum capacity was set to 3)",
        ),
        (activity("InProgress", "x"), "Setting desired count to 3. InProgress. (x)"),
        (
            activity("Failed", "monitor alarm a in state ALARM triggered policy p", "AlreadyAtMaxCapacity"),
            "not scaled: the maximum is reached (alarm a, policy p)",
        ),
        (activity("Failed", "x", "SomethingNew"), "not scaled: SomethingNew (x)"),
    ],
)
def test_an_activity_in_words(seen: ActivitySeen, expected: str) -> None:
    assert activity_words(seen) == expected


def test_a_policy_without_data_a_policy_of_steps_and_a_schedule_in_words() -> None:
    tracking = PolicySeen(name="ninelives-memory", kind="TargetTrackingScaling", target=70.0, value=None, alarms={})
    steps = PolicySeen(name="theirs", kind="StepScaling", target=None, value=90.0, alarms={"busy": "ALARM"})
    schedule = ScheduleSeen(name="night", schedule="rate(1 day)", timezone="UTC", min=None, max=2)

    assert policy_words(tracking) == "memory no data of 70"
    assert policy_words(steps) == "theirs, steps, 1 alarms in ALARM"
    assert schedule_words(schedule) == "night, rate(1 day) in UTC: max 2"
