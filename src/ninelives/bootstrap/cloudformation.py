"""CloudFormation as it is asked: stacks, change sets, events, drift; answers as records. The only module that calls it.

Source: botocore ``cloudformation`` 2010-05-15.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ninelives.bootstrap.stacks import WantedStack, capabilities
from ninelives.bootstrap.template import template_text
from ninelives.deploy.aws import Aws, error_code, pages
from ninelives.deploy.clock import Clock

NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")
"""How CloudFormation says that a change set is empty: by failing."""
CHANGE_SET_LOOKS_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSeen:
    """A stack as it is."""

    name: str
    id: str
    status: str
    reason: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    is_protected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a change set does to a resource. ``replacement``: ``True``, ``Conditional`` or ``False``, for a modification."""

    action: str
    logical_id: str
    type: str
    physical_id: str | None = None
    replacement: str = "False"
    properties: tuple[str, ...] = ()

    @property
    def is_loss(self) -> bool:
        """Whether a resource goes, for good or for another of its kind."""
        return self.action == "Remove" or self.replacement != "False"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackEvent:
    """A line of a stack's history."""

    id: str
    at: datetime
    stack: str
    logical_id: str
    type: str
    status: str
    reason: str
    is_of_stack: bool
    """Whether it tells of the stack itself, not of one of its resources."""
    physical_id: str = ""

    @property
    def is_failure(self) -> bool:
        return self.status.endswith("_FAILED")


class ChangeSetRefused(Exception):
    """A change set that CloudFormation could not make; ``reason`` in its words."""

    def __init__(self, stack: str, reason: str) -> None:
        super().__init__(stack, reason)
        self.stack = stack
        self.reason = reason


def find_stack(aws: Aws, name: str) -> StackSeen | None:
    """A stack by name or id; None when there is none (or, by id, once it is deleted)."""
    try:
        found = aws.cloudformation.describe_stacks(StackName=name)["Stacks"]
    except Exception as error:
        if error_code(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return _seen(found[0]) if found and found[0]["StackStatus"] != "DELETE_COMPLETE" else None


def all_stacks(aws: Aws) -> Iterator[StackSeen]:
    """Every stack of account and region."""
    return map(_seen, pages(aws.cloudformation.describe_stacks, "Stacks", continuation="NextToken"))


def _seen(found: Mapping[str, Any]) -> StackSeen:
    return StackSeen(
        name=found["StackName"],
        id=found["StackId"],
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters") or ()},
        tags={one["Key"]: one["Value"] for one in found.get("Tags") or ()},
        outputs={one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs") or ()},
        is_protected=found.get("EnableTerminationProtection", False),
    )


# Change sets.


def make_change_set(
    aws: Aws, wanted: WantedStack, name: str, *, is_new: bool, clock: Clock, pace_seconds: float
) -> str | None:
    """A change set that brings a stack to what is wanted: its ARN; None where nothing would change.

    Raises ``ChangeSetRefused``.
    """
    arn = _ask_for_change_set(aws, wanted, name, is_new=is_new)
    for _ in range(CHANGE_SET_LOOKS_MAX):
        found = aws.cloudformation.describe_change_set(ChangeSetName=arn)
        if found["Status"] == "CREATE_COMPLETE":
            return arn
        if found["Status"] == "FAILED":
            reason = found.get("StatusReason", "")
            drop_change_set(aws, arn)
            if any(words in reason for words in NOTHING_TO_DO):
                return None
            raise ChangeSetRefused(wanted.name, reason)
        clock.wait(pace_seconds)
    drop_change_set(aws, arn)
    raise ChangeSetRefused(wanted.name, "the change set was not made in time")


def _ask_for_change_set(aws: Aws, wanted: WantedStack, name: str, *, is_new: bool) -> str:
    try:
        made = aws.cloudformation.create_change_set(
            StackName=wanted.name,
            ChangeSetName=name,
            ChangeSetType="CREATE" if is_new else "UPDATE",
            TemplateBody=template_text(wanted.kind),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in wanted.parameters.items()],
            Tags=[{"Key": key, "Value": value} for key, value in wanted.tags.items()],
            Capabilities=list(capabilities(wanted.kind)),
            Description="ninelives bootstrap",
        )
    except Exception as error:
        if error_code(error) != "ValidationError":
            raise
        raise ChangeSetRefused(wanted.name, error.response["Error"]["Message"]) from None  # type: ignore[attr-defined]  # it has a code
    return str(made["Id"])


def drop_change_set(aws: Aws, arn: str) -> None:
    aws.cloudformation.delete_change_set(ChangeSetName=arn)


def changes_of(aws: Aws, change_set: str) -> tuple[Change, ...]:
    """What a change set does."""
    found = pages(aws.cloudformation.describe_change_set, "Changes", continuation="NextToken", ChangeSetName=change_set)
    return tuple(_change(one["ResourceChange"]) for one in found if one.get("Type") == "Resource")


def _change(found: Mapping[str, Any]) -> Change:
    named = [one.get("Target", {}) for one in found.get("Details") or ()]
    properties = [target.get("Name") or target.get("Attribute", "") for target in named]
    return Change(
        action=found["Action"],
        logical_id=found["LogicalResourceId"],
        type=found["ResourceType"],
        physical_id=found.get("PhysicalResourceId"),
        replacement=found.get("Replacement", "False") if found["Action"] == "Modify" else "False",
        properties=tuple(dict.fromkeys(filter(None, properties))),
    )


# History.


def events_since(aws: Aws, stack_id: str, known: set[str]) -> list[StackEvent]:
    """What is new in a stack's history, oldest first; ``known`` are ids of events, and takes in the new ones."""
    fresh = []
    found = pages(aws.cloudformation.describe_stack_events, "StackEvents", continuation="NextToken", StackName=stack_id)
    for one in found:
        if one["EventId"] in known:
            break
        fresh.append(_event(one))
    known.update(event.id for event in fresh)
    return fresh[::-1]


def _event(found: Mapping[str, Any]) -> StackEvent:
    return StackEvent(
        id=found["EventId"],
        at=found["Timestamp"],
        stack=found["StackName"],
        logical_id=found.get("LogicalResourceId", ""),
        type=found.get("ResourceType", ""),
        status=found.get("ResourceStatus", ""),
        reason=found.get("ResourceStatusReason", ""),
        is_of_stack=found.get("PhysicalResourceId") == found["StackId"],
        physical_id=found.get("PhysicalResourceId", ""),
    )


def users_of(aws: Aws, export: str) -> Sequence[str]:
    """Names of the stacks that import an export."""
    try:
        return list(pages(aws.cloudformation.list_imports, "Imports", continuation="NextToken", ExportName=export))
    except Exception as error:
        if error_code(error) == "ValidationError":  # nobody imports it, or there is no such export
            return []
        raise
