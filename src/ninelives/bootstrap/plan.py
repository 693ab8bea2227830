"""What `ninelives bootstrap` would do: stack by stack, the changes that CloudFormation foretells. Facts in, plan out.

For a stack that is there a change set is made, and dropped where nobody agrees. For one that is not there nothing is made
before somebody has: all of its resources are added, and the template says which they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from ninelives.bootstrap.cloudformation import (
    Change,
    ChangeSetRefused,
    StackSeen,
    changes_of,
    drop_change_set,
    find_stack,
    make_change_set,
)
from ninelives.bootstrap.errors import BootstrapError, StackBusy
from ninelives.bootstrap.failures import advice
from ninelives.bootstrap.stacks import ENVIRONMENT_TAG, KIND_TAG, WantedStack
from ninelives.deploy.aws import Aws
from ninelives.deploy.clock import Clock
from ninelives.deploy.stack_outputs import STANDING

CHANGE_SET = "ninelives-{at:%Y%m%d-%H%M%S-%f}"
AWS_PACE_SECONDS, LOCAL_PACE_SECONDS = 2.0, 0.1


class Act(StrEnum):
    """What is done to a stack."""

    CREATE = "create"
    RECREATE = "recreate"
    """What is left of an earlier attempt goes first; it holds nothing."""
    UPDATE = "update"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStack:
    """A stack, and what is to be done to it."""

    wanted: WantedStack
    act: Act
    changes: tuple[Change, ...] = ()
    change_set: str | None = None
    """Of a stack that is updated."""
    seen: StackSeen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All stacks, in the order in which they are changed."""

    stacks: tuple[PlannedStack, ...]

    @property
    def has_changes(self) -> bool:
        return any(one.act is not Act.KEEP for one in self.stacks)

    @property
    def losses(self) -> tuple[tuple[PlannedStack, Change], ...]:
        """What goes, for good or for another of its kind."""
        return tuple((stack, change) for stack in self.stacks for change in stack.changes if change.is_loss)


def pace_of(aws: Aws) -> float:
    return LOCAL_PACE_SECONDS if aws.is_local else AWS_PACE_SECONDS


def make_plan(aws: Aws, wanted: Sequence[WantedStack], environment: str, clock: Clock) -> Plan:
    """What brings every stack to what is wanted. Raises ``BootstrapError``; then, too, nothing is left behind."""
    seen = {stack.name: find_stack(aws, stack.name) for stack in wanted}
    for stack in wanted:
        require_changeable(stack, seen[stack.name], environment)
    planned: list[PlannedStack] = []
    outputs = {name: one.outputs for name, one in seen.items() if one is not None}
    try:
        for stack in wanted:
            planned.append(_planned(aws, stack.with_outputs(outputs), seen, clock))  # noqa: PERF401 (those made so far are dropped on a failure)
    except BaseException:
        drop_change_sets(aws, Plan(stacks=tuple(planned)))
        raise
    return Plan(stacks=tuple(planned))


def _planned(aws: Aws, wanted: WantedStack, seen: Mapping[str, StackSeen | None], clock: Clock) -> PlannedStack:
    there = seen[wanted.name]
    match act_on(there):
        case (Act.CREATE | Act.RECREATE) as act:
            added = tuple(Change(action="Add", logical_id=one.logical_id, type=one.type) for one in wanted.resources)
            return PlannedStack(wanted=wanted, act=act, changes=added, seen=there)
        case Act.UPDATE | Act.KEEP:
            return planned_update(aws, wanted, there, clock)
        case unknown:
            assert_never(unknown)


def planned_update(aws: Aws, wanted: WantedStack, there: StackSeen | None, clock: Clock) -> PlannedStack:
    """What CloudFormation would change of a stack that is there."""
    name = CHANGE_SET.format(at=clock.now())
    try:
        made = make_change_set(aws, wanted, name, is_new=False, clock=clock, pace_seconds=pace_of(aws))
    except ChangeSetRefused as refused:
        raise BootstrapError(
            f"CloudFormation refuses the change of stack {wanted.name}: {refused.reason}", hint=advice(refused.reason)
        ) from None
    if made is None:
        return PlannedStack(wanted=wanted, act=Act.KEEP, seen=there)
    return PlannedStack(wanted=wanted, act=Act.UPDATE, changes=changes_of(aws, made), change_set=made, seen=there)


def drop_change_sets(aws: Aws, plan: Plan) -> None:
    """Nobody agreed: nothing is left of what was only asked."""
    for stack in plan.stacks:
        if stack.change_set is not None:
            drop_change_set(aws, stack.change_set)


EMPTY = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
"""Statuses of stacks that can only be deleted: a change set that was never carried out, a first attempt that failed."""


def act_on(seen: StackSeen | None) -> Act:
    """What must be done to a stack that is there, or not there, as far as its status tells."""
    if seen is None:
        return Act.CREATE
    return Act.RECREATE if seen.status in EMPTY else Act.UPDATE


def require_changeable(wanted: WantedStack, seen: StackSeen | None, environment: str) -> None:
    """Raise unless a stack is ours, of this environment, and at rest."""
    if seen is None:
        return
    if seen.status != "REVIEW_IN_PROGRESS" and seen.tags.get(KIND_TAG) != wanted.kind:
        raise BootstrapError(
            f"There is a stack {seen.name} that ninelives has not made.",
            hint="Delete or rename it, or give the service (or its cluster) another name.",
        )
    made_for = seen.tags.get(ENVIRONMENT_TAG, environment)
    if wanted.tags.get(ENVIRONMENT_TAG) is not None and made_for != environment:
        raise BootstrapError(
            f"The stack {seen.name} belongs to the environment {made_for!r}, not to {environment!r}.",
            hint="Give each environment an account or a region of its own: a service's names are the same in all of them.",
        )
    if seen.status == "UPDATE_ROLLBACK_FAILED":
        raise StackBusy(
            f"The stack {seen.name} is stuck (UPDATE_ROLLBACK_FAILED): {seen.reason or 'an update could not be taken back'}.",
            hint=f"`aws cloudformation continue-update-rollback --stack-name {seen.name}` brings it back; then run it again.",
        )
    if seen.status.endswith("_IN_PROGRESS") and seen.status != "REVIEW_IN_PROGRESS":
        raise StackBusy(
            f"Somebody changes the stack {seen.name} right now ({seen.status}).",
            hint="Wait until that is done, then run it again.",
        )
    assert seen.status in STANDING | EMPTY, seen.status
