"""Facts in, plan out: what is to be done to a stack now. Pure.

Every operation is the same walk. First the stack converges to a template: what is wanted is made, changed or kept, each
resource once those that it needs are settled; then what has no place there is cleaned up, each resource once those that need
it are gone. A creation has nothing to clean up; deletion and rollback of a creation converge to a template without resources;
the rollback of an update converges to the template before. So a rollback needs no list of what to undo.

``Move`` ends a phase or an operation. Nothing is remembered between two plans but the records: after the control plane was
killed, the next plan goes on from them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ninelives.stacks.catalogue import NESTED_STACK, Catalogue, changed_names
from ninelives.stacks.records import (
    Action,
    OnFailure,
    Operation,
    OperationKind,
    Output,
    Phase,
    Resource,
    ResourceStatus,
    Stack,
    StackStatus,
)
from ninelives.stacks.stack_policy import denial
from ninelives.stacks.target import Target
from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.intrinsic import ResourceFacts
from ninelives.stacks.validation import coerced, told, violations

NEEDS_NEW: Final = "Requested update requires the creation of a new physical resource; hence creating one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A wanted resource with its properties resolved."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    metadata: Any
    depends_on: tuple[str, ...]
    deletion_policy: str
    update_replace_policy: str


@dataclass(frozen=True, slots=True)
class Create:
    draft: Draft
    replaces: Resource | None = None


@dataclass(frozen=True, slots=True)
class Update:
    resource: Resource
    draft: Draft


@dataclass(frozen=True, slots=True)
class Keep:
    """The resource is as it shall be."""

    resource: Resource
    draft: Draft


@dataclass(frozen=True, slots=True)
class Restore:
    """``old`` becomes the current one again, and ``new``, which was made in its stead, waits for its deletion."""

    old: Resource
    new: Resource | None


@dataclass(frozen=True, slots=True)
class Refuse:
    """What is wanted cannot be begun."""

    logical_id: str
    type: str
    reason: str
    resource: Resource | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    resource: Resource


@dataclass(frozen=True, slots=True)
class Forget:
    """The resource leaves the stack and stays in the world."""

    resource: Resource


@dataclass(frozen=True, slots=True)
class Move:
    """The stack's next status; ``operation`` is what is under way then."""

    status: StackStatus
    reason: str = ""
    operation: Operation | None = None
    outputs: tuple[Output, ...] | None = None
    goes_back: bool = False
    """Whether the stack returns to its previous blueprint."""


Step = Create | Update | Keep | Restore | Refuse | Delete | Forget | Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    stack: Stack
    resources: Sequence[Resource]
    """All of the stack's, those that await deletion too; not those that are gone."""
    target: Target
    catalogue: Catalogue
    exported_elsewhere: Mapping[str, str]
    """The names that other stacks export, with the names of those stacks."""
    imported_elsewhere: Mapping[str, Sequence[str]]
    """The exports that other stacks use, with the names of those stacks."""


def plan(facts: Facts) -> list[Step]:
    """What can be begun now; empty while all waits for what is under way."""
    operation = facts.stack.operation
    if operation is None:
        return []
    if operation.phase is Phase.CONVERGE:
        return list(_converge(facts, operation))
    return list(_clean_up(facts, operation))


def _converge(facts: Facts, operation: Operation) -> Iterator[Step]:
    is_busy = any(one.action is not None for one in facts.resources)
    if operation.failure:
        if not is_busy:
            yield _turn_back(operation)
        return
    steps = list(_next_resources(facts, operation))
    yield from steps
    if not steps and not is_busy:
        yield _converged(facts, operation)


def _next_resources(facts: Facts, operation: Operation) -> Iterator[Step]:
    current = {one.logical_id: one for one in facts.resources if one.is_current}
    settled = {name for name, one in current.items() if one.settled_in == operation.mark and one.action is None}

    def lookup(name: str) -> ResourceFacts | None:
        found = current[name]
        return ResourceFacts(physical_id=found.physical_id, attributes=found.attributes, properties=found.properties)

    for leaving in (one for name, one in current.items() if name not in facts.target.wanted):
        denied = _denied(facts, operation, leaving, "Update:Delete")
        if denied is not None:
            yield Refuse(leaving.logical_id, leaving.type, denied, leaving)
            return
    for name in facts.target.wanted:
        resource = current.get(name)
        if name in settled or (resource is not None and resource.action is not None):
            continue
        if resource is not None and name in operation.skipped:
            yield Keep(resource, _unchanged(resource))
            continue
        if not settled.issuperset(facts.target.dependencies[name]):
            continue
        if resource is not None and resource.settled_in == operation.mark:
            continue
        try:
            draft = _draft(facts, name, lookup)
        except TemplateError as error:
            yield Refuse(name, facts.target.template.resources[name].type, error.message, resource)
            continue
        yield _step(facts, operation, resource, draft)


def _unchanged(resource: Resource) -> Draft:
    return Draft(
        logical_id=resource.logical_id,
        type=resource.type,
        properties=resource.properties,
        metadata=resource.metadata,
        depends_on=resource.depends_on,
        deletion_policy=resource.deletion_policy,
        update_replace_policy=resource.update_replace_policy,
    )


def _draft(facts: Facts, name: str, lookup: Any) -> Draft:
    target, type_name = facts.target, facts.target.template.resources[name].type
    return Draft(
        logical_id=name,
        type=type_name,
        properties=coerced(facts.catalogue.schema(type_name), target.properties(name, lookup)),
        metadata=target.metadata(name, lookup),
        depends_on=target.dependencies[name],
        deletion_policy=target.deletion_policy(name),
        update_replace_policy=target.update_replace_policy(name),
    )


def _step(facts: Facts, operation: Operation, resource: Resource | None, draft: Draft) -> Step:
    catalogue, tags = facts.catalogue, facts.target.blueprint.tags
    if resource is None:
        wrong = violations(catalogue.schema(draft.type), draft.properties)
        return Refuse(draft.logical_id, draft.type, told(draft.logical_id, wrong)) if wrong else Create(draft)
    if operation.kind is OperationKind.UPDATE_ROLLBACK:
        old = _superseded(facts, operation, resource)
        if old is not None:
            return Restore(old, resource)
    is_tagged_anew = catalogue.is_tagged(draft.type) and dict(tags) != dict(resource.tags)
    is_whole = resource.status not in {ResourceStatus.UPDATE_FAILED, ResourceStatus.CREATE_FAILED}
    is_looked_into = draft.type == NESTED_STACK and operation.kind is OperationKind.UPDATE  # what its URL has may be new
    is_same = not changed_names(resource.properties, draft.properties) and not is_tagged_anew
    if is_same and is_whole and not is_looked_into:
        return Keep(resource, draft)
    wrong = violations(catalogue.schema(draft.type), draft.properties)
    if wrong:
        return Refuse(draft.logical_id, draft.type, told(draft.logical_id, wrong), resource)
    if not resource.physical_id or resource.status is ResourceStatus.CREATE_FAILED:
        return Create(draft, resource)
    is_replaced = catalogue.is_replaced(draft.type, resource.properties, draft.properties)
    denied = _denied(facts, operation, resource, "Update:Replace" if is_replaced else "Update:Modify")
    if denied is not None:
        return Refuse(draft.logical_id, draft.type, denied, resource)
    return _replacement(catalogue, resource, draft) if is_replaced else Update(resource, draft)


def _replacement(catalogue: Catalogue, resource: Resource, draft: Draft) -> Step:
    """A new resource beside the old one, or after it where there cannot be both."""
    if catalogue.schema(draft.type).is_deleted_first:
        return Delete(resource)
    kept = catalogue.keeps_its_name(draft.type, resource.properties, draft.properties)
    if kept is not None:
        reason = (
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {kept} and update the stack again."
        )
        return Refuse(draft.logical_id, draft.type, reason, resource)
    return Create(draft, resource)


def _denied(facts: Facts, operation: Operation, resource: Resource, action: str) -> str | None:
    """Why the stack's policy does not let an update do this; None where it does."""
    if operation.kind is not OperationKind.UPDATE:
        return None
    return denial(facts.stack.update_policy or facts.stack.policy, resource.logical_id, resource.type, action)


def _superseded(facts: Facts, operation: Operation, resource: Resource) -> Resource | None:
    """What ``resource`` was made in the stead of, in the update that is rolled back."""
    if resource.created_in != operation.id:
        return None
    older = [
        one
        for one in facts.resources
        if one.logical_id == resource.logical_id
        and one.serial < resource.serial
        and not one.is_current
        and one.action is None
        and one.status is not ResourceStatus.DELETE_FAILED
    ]
    return max(older, key=lambda one: one.serial, default=None)


def _converged(facts: Facts, operation: Operation) -> Move:
    """The end of the first phase. What fails here fails the operation."""
    stack = facts.stack
    if operation.kind is OperationKind.ROLLBACK:
        return Move(stack.status, stack.status_reason, replace(operation, phase=Phase.CLEAN_UP))
    if operation.kind is OperationKind.DELETE:
        try:
            _check_exports(facts, ())
        except TemplateError as error:
            return Move(StackStatus.DELETE_FAILED, error.message)
        return Move(stack.status, stack.status_reason, replace(operation, phase=Phase.CLEAN_UP))
    current = {one.logical_id: one for one in facts.resources if one.is_current}

    def lookup(name: str) -> ResourceFacts | None:
        found = current[name]
        return ResourceFacts(physical_id=found.physical_id, attributes=found.attributes, properties=found.properties)

    try:
        outputs = facts.target.outputs(lookup)
        _check_exports(facts, outputs)
    except TemplateError as error:
        return _turn_back(replace(operation, failure=error.message))
    match operation.kind:
        case OperationKind.CREATE:
            return Move(StackStatus.CREATE_COMPLETE, outputs=outputs)
        case OperationKind.UPDATE:
            status = StackStatus.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        case _:
            status = StackStatus.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
    return Move(status, operation=replace(operation, phase=Phase.CLEAN_UP), outputs=outputs)


def _check_exports(facts: Facts, outputs: Sequence[Output]) -> None:
    """Raises ``TemplateError`` where an export is another stack's, or one that others use would change."""
    now = {one.export_name: one.value for one in outputs if one.export_name is not None}
    for name in now:
        if name in facts.exported_elsewhere:
            raise TemplateError(f"Export with name {name} is already exported by stack {facts.exported_elsewhere[name]}")
    before = {one.export_name: one.value for one in facts.stack.outputs if one.export_name is not None}
    for name, value in before.items():
        users = facts.imported_elsewhere.get(name, ())
        if users and now.get(name) != value:
            verb = "updated" if name in now else "deleted"
            raise TemplateError(f"Export {name} cannot be {verb} as it is in use by {' and '.join(users)}")


def _turn_back(operation: Operation) -> Move:
    """Where a failed first phase leads."""
    reason = operation.failure
    following = replace(operation, failure="", attempt=1, phase=Phase.CONVERGE, skipped=())
    match operation.kind, operation.on_failure:
        case OperationKind.CREATE, OnFailure.DO_NOTHING:
            return Move(StackStatus.CREATE_FAILED, reason)
        case OperationKind.CREATE, OnFailure.DELETE:
            return Move(
                StackStatus.DELETE_IN_PROGRESS,
                f"{reason}Delete requested by user.",
                replace(following, kind=OperationKind.DELETE),
            )
        case OperationKind.CREATE, _:
            return Move(
                StackStatus.ROLLBACK_IN_PROGRESS,
                f"{reason}Rollback requested by user.",
                replace(following, kind=OperationKind.ROLLBACK),
            )
        case OperationKind.UPDATE, OnFailure.DO_NOTHING:
            return Move(StackStatus.UPDATE_FAILED, reason)
        case OperationKind.UPDATE, _:
            return Move(
                StackStatus.UPDATE_ROLLBACK_IN_PROGRESS,
                reason,
                replace(following, kind=OperationKind.UPDATE_ROLLBACK),
                goes_back=True,
            )
        case _:
            return Move(StackStatus.UPDATE_ROLLBACK_FAILED, reason)


def _clean_up(facts: Facts, operation: Operation) -> Iterator[Step]:
    doomed = list(_doomed(facts, operation))
    failed = [one for one in doomed if one.settled_in == operation.mark and one.status is ResourceStatus.DELETE_FAILED]
    waiting = [one for one in doomed if one not in failed]
    steps = [_removal(operation, one) for one in waiting if one.action is None and _is_free(one, doomed)]
    yield from steps
    if steps or any(one.action is not None for one in facts.resources):
        return
    yield _cleaned(operation, failed)


def _doomed(facts: Facts, operation: Operation) -> Iterable[Resource]:
    """What has no place in the target, whether it can be deleted or not."""
    wanted = set() if operation.kind in {OperationKind.DELETE, OperationKind.ROLLBACK} else set(facts.target.wanted)
    return (one for one in facts.resources if not one.is_current or one.logical_id not in wanted)


def _is_free(resource: Resource, doomed: Iterable[Resource]) -> bool:
    """Whether nothing that is still to be deleted needs the resource."""
    return not any(resource.logical_id in one.depends_on for one in doomed if one.logical_id != resource.logical_id)


def _removal(operation: Operation, resource: Resource) -> Step:
    if resource.logical_id in operation.retained:
        return Forget(resource)
    is_undone = resource.created_in == operation.id and operation.kind in {
        OperationKind.ROLLBACK,
        OperationKind.UPDATE_ROLLBACK,
        OperationKind.DELETE,
    }
    policy = resource.deletion_policy if resource.is_current else resource.update_replace_policy
    if policy == "RetainExceptOnCreate":
        policy = "Delete" if is_undone else "Retain"
    if policy == "Retain" and not (is_undone and (not resource.physical_id or not resource.is_current)):
        return Forget(resource)
    return Delete(resource)


def _cleaned(operation: Operation, failed: Sequence[Resource]) -> Move:
    names = ", ".join(one.logical_id for one in failed)
    reason = f"The following resource(s) failed to delete: [{names}]. " if failed else ""
    match operation.kind:
        case OperationKind.DELETE:
            return Move(StackStatus.DELETE_FAILED if failed else StackStatus.DELETE_COMPLETE, reason)
        case OperationKind.ROLLBACK:
            return Move(StackStatus.ROLLBACK_FAILED if failed else StackStatus.ROLLBACK_COMPLETE, reason)
        case OperationKind.UPDATE_ROLLBACK:
            return Move(StackStatus.UPDATE_ROLLBACK_COMPLETE)
        case _:
            return Move(
                StackStatus.UPDATE_COMPLETE, "Update successful. One or more resources could not be deleted." if failed else ""
            )


def failure_of(action: Action | None, operation: Operation, names: Sequence[str]) -> str:
    """Why an operation failed, as CloudFormation puts it.

    ``names`` are the logical ids that failed.
    """
    verb = "create" if operation.kind is OperationKind.CREATE or action is Action.CREATE else "update"
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "
