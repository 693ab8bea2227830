"""The cause of a failed stack is the first resource that failed; the others follow from it."""

from datetime import UTC, datetime

from ninelives.bootstrap.cloudformation import StackEvent
from ninelives.bootstrap.failures import explained

AT = datetime(2026, 11, 27, tzinfo=UTC)


def event(status: str, reason: str = "", who: str = "cats-service", *, is_of_stack: bool = False) -> StackEvent:
    return StackEvent(
        id=status + who,
        at=AT,
        stack="cats-service",
        logical_id=who,
        type="AWS::Some::Thing",
        status=status,
        reason=reason,
        is_of_stack=is_of_stack,
    )


def test_what_was_only_cancelled_is_no_cause() -> None:
    events = [
        event("CREATE_FAILED", "Resource creation cancelled", "LogGroup"),
        event("CREATE_FAILED", "cats already exists", "Repository"),
        event("ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Repository]", is_of_stack=True),
    ]

    failed = explained("cats-service", "ROLLBACK_COMPLETE", events)

    assert "Repository (AWS::Some::Thing): cats already exists" == failed.cause


def test_a_stack_that_goes_back_before_anything_was_begun_says_why_itself() -> None:
    events = [event("ROLLBACK_IN_PROGRESS", "No export named a-VpcId found. Rollback requested by user.", is_of_stack=True)]

    failed = explained("cats-service", "ROLLBACK_COMPLETE", events)

    assert failed.cause.startswith("No export named a-VpcId found.")
    assert failed.hint is not None
    assert failed.hint.startswith("The stack that it stands on is not there")


def test_a_port_that_passes_from_one_listener_to_another_takes_two_runs() -> None:
    reason = "A listener already exists on this port for this load balancer"

    failed = explained("cats-service", "UPDATE_ROLLBACK_COMPLETE", [event("UPDATE_FAILED", reason, "Listener")])

    assert failed.hint is not None
    assert failed.hint.startswith("The port is still another listener's: give `load_balancer.port` a free one first")


def test_a_stuck_stack_is_told_to_be_stuck_first() -> None:
    failed = explained("cats-service", "UPDATE_ROLLBACK_FAILED", [event("UPDATE_FAILED", "no", "LogGroup")])

    assert failed.hint is not None
    assert failed.hint.startswith(
        "The stack is stuck until `aws cloudformation continue-update-rollback` has brought it back."
    )
    assert 1 == failed.hint.count("`ninelives bootstrap` again")
