"""Carries out a plan, stack by stack, and follows each to its end through its events.

Decided before done: each change set was shown before; a stack that is not there yet gets its own just before it is made.
A stack that fails is rolled back by CloudFormation; those before it stand, and the next run goes on behind them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ninelives.bootstrap.cloudformation import (
    ChangeSetRefused,
    StackEvent,
    drop_change_set,
    events_since,
    find_stack,
    make_change_set,
)
from ninelives.bootstrap.errors import StackFailed
from ninelives.bootstrap.failures import advice, explained
from ninelives.bootstrap.plan import CHANGE_SET, Act, Plan, PlannedStack, pace_of, planned_update
from ninelives.deploy.aws import Aws
from ninelives.deploy.clock import Clock

Listener = Callable[[StackEvent], None]
GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
AT_WORK = "_IN_PROGRESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """How stacks are changed: through which API, by whose clock, and who listens."""

    aws: Aws
    clock: Clock
    listener: Listener


def carry_out(session: Session, plan: Plan) -> dict[str, Mapping[str, str]]:
    """Change every stack as planned; the outputs of each by its name. Raises ``StackFailed``."""
    outputs: dict[str, Mapping[str, str]] = {}
    for planned in plan.stacks:
        current = _with_outputs(session, planned, outputs)
        if current.act is not Act.KEEP:
            _carry_out(session, current)
        seen = find_stack(session.aws, planned.wanted.name)
        outputs[planned.wanted.name] = seen.outputs if seen is not None else {}
    return outputs


def _with_outputs(session: Session, planned: PlannedStack, outputs: Mapping[str, Mapping[str, str]]) -> PlannedStack:
    """The stack with what those before it say now: its change set is made anew where that differs from what was planned.

    Raises ``StackFailed`` where something would go that nobody has agreed to.
    """
    wanted = planned.wanted.with_outputs(outputs)
    if wanted == planned.wanted:
        return planned
    if planned.act in {Act.CREATE, Act.RECREATE}:
        return replace(planned, wanted=wanted)
    if planned.change_set is not None:
        drop_change_set(session.aws, planned.change_set)
    current = planned_update(session.aws, wanted, planned.seen, session.clock)
    agreed = {change.logical_id for change in planned.changes if change.is_loss}
    lost = [change.logical_id for change in current.changes if change.is_loss and change.logical_id not in agreed]
    if lost:
        assert current.change_set is not None
        drop_change_set(session.aws, current.change_set)
        raise StackFailed(
            wanted.name,
            "not begun",
            cause=f"what it stands on has changed, and {', '.join(lost)} would be replaced or removed, which was not shown",
            hint="Run `ninelives bootstrap` again: it shows that now.",
        )
    return current


def _carry_out(session: Session, planned: PlannedStack) -> None:
    aws, name = session.aws, planned.wanted.name
    if planned.act is Act.RECREATE:
        assert planned.seen is not None
        delete_stack(session, planned.seen.name, planned.seen.id)
    change_set = planned.change_set or _first_change_set(session, planned)
    seen = find_stack(aws, name)
    assert seen is not None
    known: set[str] = set()
    events_since(aws, seen.id, known)
    aws.cloudformation.execute_change_set(ChangeSetName=change_set)
    status, events = follow(session, seen.id, known)
    if status not in GOOD:
        raise explained(name, status, events)


def _first_change_set(session: Session, planned: PlannedStack) -> str:
    """The change set that makes a stack. One that is refused leaves no stack behind."""
    aws, wanted = session.aws, planned.wanted
    name = CHANGE_SET.format(at=session.clock.now())
    try:
        made = make_change_set(aws, wanted, name, is_new=True, clock=session.clock, pace_seconds=pace_of(aws))
    except ChangeSetRefused as refused:
        if find_stack(aws, wanted.name) is not None:
            aws.cloudformation.delete_stack(StackName=wanted.name)
        raise StackFailed(
            wanted.name, "not begun", cause=refused.reason or "no reason given", hint=advice(refused.reason)
        ) from None
    assert made is not None, "a stack that is not there has everything to change"
    return made


def follow(session: Session, stack_id: str, known: set[str]) -> tuple[str, list[StackEvent]]:
    """Tell every event until the stack is at rest; its status, and the events."""
    told: list[StackEvent] = []
    for event in _events(session, stack_id, known):
        told.append(event)
        session.listener(event)
        if event.is_of_stack and not event.status.endswith(AT_WORK):
            return event.status, told
    raise AssertionError("events never end")


def _events(session: Session, stack_id: str, known: set[str]) -> Iterator[StackEvent]:
    while True:
        yield from events_since(session.aws, stack_id, known)
        session.clock.wait(pace_of(session.aws))


def delete_stack(session: Session, name: str, stack_id: str) -> None:
    """Delete a stack and wait until it is gone. Raises ``StackFailed``."""
    known: set[str] = set()
    events_since(session.aws, stack_id, known)
    session.aws.cloudformation.delete_stack(StackName=name)
    status, events = follow(session, stack_id, known)
    if status != "DELETE_COMPLETE":
        raise explained(name, status, events)
