"""What is kept of stacks: the nouns of CloudFormation, in its own words.

Source: ``cloudformation`` 2010-05-15; "Understand CloudFormation stack creation events", CloudFormation user guide.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ninelives.stacks.resource_type import Replacement
from ninelives.stacks.templates.parameters import ParameterValue


class StackStatus(StrEnum):
    REVIEW_IN_PROGRESS = "REVIEW_IN_PROGRESS"
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_FAILED = "CREATE_FAILED"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    ROLLBACK_COMPLETE = "ROLLBACK_COMPLETE"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_FAILED = "DELETE_FAILED"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    UPDATE_FAILED = "UPDATE_FAILED"
    UPDATE_ROLLBACK_IN_PROGRESS = "UPDATE_ROLLBACK_IN_PROGRESS"
    UPDATE_ROLLBACK_FAILED = "UPDATE_ROLLBACK_FAILED"
    UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_ROLLBACK_COMPLETE = "UPDATE_ROLLBACK_COMPLETE"


class ResourceStatus(StrEnum):
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_FAILED = "CREATE_FAILED"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_FAILED = "DELETE_FAILED"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    DELETE_SKIPPED = "DELETE_SKIPPED"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_FAILED = "UPDATE_FAILED"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"

    @property
    def is_gone(self) -> bool:
        return self in {ResourceStatus.DELETE_COMPLETE, ResourceStatus.DELETE_SKIPPED}


class OperationKind(StrEnum):
    """What is done to a stack; each brings it to a template, and clears away what that has no place for."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    ROLLBACK = "ROLLBACK"
    """Of a creation: to no resources at all."""
    UPDATE_ROLLBACK = "UPDATE_ROLLBACK"
    """To the template before."""


class Phase(StrEnum):
    """First all that is wanted is made and changed, then what is no longer wanted is deleted."""

    CONVERGE = "CONVERGE"
    CLEAN_UP = "CLEAN_UP"


class OnFailure(StrEnum):
    DO_NOTHING = "DO_NOTHING"
    ROLLBACK = "ROLLBACK"
    DELETE = "DELETE"


class Action(StrEnum):
    """What is being done to a resource."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What a stack is made from."""

    template_body: str
    parameters: tuple[ParameterValue, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is under way. ``failure`` ends it: nothing new is begun."""

    kind: OperationKind
    phase: Phase
    id: str
    started_at: datetime
    attempt: int = 1
    on_failure: OnFailure = OnFailure.ROLLBACK
    timeout_minutes: int | None = None
    client_token: str | None = None
    failure: str = ""
    retained: tuple[str, ...] = ()
    """Logical ids that a deletion leaves alone."""
    skipped: tuple[str, ...] = ()
    """Logical ids that a rollback leaves as they are."""
    actor: str = ""
    """Who asked for it, as the engine was told; empty where IAM is not enforced."""

    @property
    def mark(self) -> str:
        """What a resource bears that this operation is through with, in this direction and attempt."""
        return f"{self.id}/{self.kind}/{self.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    key: str
    value: str
    description: str = ""
    export_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    stack_id: str
    name: str
    status: StackStatus
    created_at: datetime
    blueprint: Blueprint
    """Where it stands, or goes to while an operation is under way."""
    status_reason: str = ""
    previous: Blueprint | None = None
    """During an update: where a rollback goes to."""
    operation: Operation | None = None
    last_operation_id: str = ""
    """Of the operation that ended last: a rollback that is asked for later takes back what that one did."""
    description: str = ""
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    outputs: tuple[Output, ...] = ()
    imports: tuple[str, ...] = ()
    """Names of the exports that it uses."""
    on_failure: OnFailure = OnFailure.ROLLBACK
    timeout_minutes: int | None = None
    role_arn: str | None = None
    policy: str | None = None
    update_policy: str | None = None
    """The stack policy for the operation under way alone."""
    has_termination_protection: bool = False
    change_set_id: str | None = None
    """Of the change set by which it came to be where it is."""
    drift_status: str = "NOT_CHECKED"
    drift_checked_at: datetime | None = None

    @property
    def key(self) -> str:
        return self.stack_id

    @property
    def is_deleted(self) -> bool:
        return self.status is StackStatus.DELETE_COMPLETE


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyDifference:
    """Source: ``cloudformation`` ``PropertyDifference``."""

    path: str
    expected: str
    actual: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What a look at a live resource found."""

    status: str
    checked_at: datetime
    expected: str = ""
    actual: str = ""
    differences: tuple[PropertyDifference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One look at a stack for drift. It is kept in memory only: its findings are with the resources."""

    stack_id: str
    status: str
    drifted: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One physical resource of a stack. Of several with one logical id, one is current; the others await deletion."""

    stack_id: str
    logical_id: str
    serial: int
    type: str
    status: ResourceStatus
    updated_at: datetime
    status_reason: str = ""
    physical_id: str = ""
    action: Action | None = None
    """What is under way; it is begun again after the control plane was killed."""
    token: str = ""
    """Of the action under way."""
    began_at: datetime | None = None
    """When the action under way began, or the last one."""
    suffix: str = ""
    is_current: bool = True
    created_in: str = ""
    """The operation that made it."""
    settled_in: str = ""
    """The mark of the operation that was through with it last."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """As they were applied last, or are being applied; dynamic references are as they were written."""
    previous: Mapping[str, Any] = field(default_factory=dict)
    """During an update: the properties before."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The stack's tags as they were applied."""
    previous_tags: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    metadata: Any = None
    depends_on: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    drift: Drift | None = None

    @property
    def key(self) -> str:
        return f"{self.stack_id}/{self.logical_id}/{self.serial}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Source: ``cloudformation`` ``StackEvent``."""

    event_id: str
    stack_id: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    at: datetime
    status: str
    reason: str = ""
    properties: str = ""
    client_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDetail:
    """Why a property changes. Source: ``cloudformation`` ``ResourceChangeDetail``."""

    attribute: str
    name: str | None = None
    recreation: str | None = None
    evaluation: str = "Static"
    source: str = "DirectModification"
    causing_entity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """Source: ``cloudformation`` ``ResourceChange``."""

    action: str
    logical_id: str
    type: str
    physical_id: str | None = None
    policy_action: str | None = None
    replacement: Replacement | None = None
    scope: tuple[str, ...] = ()
    details: tuple[ChangeDetail, ...] = ()
    before: str = ""
    after: str = ""


class ChangeSetStatus(StrEnum):
    CREATE_PENDING = "CREATE_PENDING"
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    FAILED = "FAILED"


class ExecutionStatus(StrEnum):
    UNAVAILABLE = "UNAVAILABLE"
    AVAILABLE = "AVAILABLE"
    EXECUTE_IN_PROGRESS = "EXECUTE_IN_PROGRESS"
    EXECUTE_COMPLETE = "EXECUTE_COMPLETE"
    EXECUTE_FAILED = "EXECUTE_FAILED"
    OBSOLETE = "OBSOLETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    change_set_id: str
    name: str
    stack_id: str
    type: str
    """CREATE or UPDATE."""
    status: ChangeSetStatus
    execution_status: ExecutionStatus
    created_at: datetime
    blueprint: Blueprint
    description: str = ""
    status_reason: str = ""
    changes: tuple[ResourceChange, ...] = ()
    on_failure: OnFailure | None = None
    role_arn: str | None = None

    @property
    def key(self) -> str:
        return self.change_set_id


Record = Stack | Resource | ChangeSet
RECORD_TYPES: tuple[type[Any], ...] = (Stack, Resource, ChangeSet)
