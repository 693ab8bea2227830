"""Intents on task definitions: register, deregister, delete. Revisions of a family grow and are never used again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ninelives.model.ecs import Json, TaskDefinition
from ninelives.model.errors import ApiError
from ninelives.region.ecs_definition_defaults import filled, read_container
from ninelives.region.ecs_definition_rules import mistakes
from ninelives.region.ecs_fargate_rules import fargate_mistakes
from ninelives.region.ecs_lookup import find_revision
from ninelives.region.region import Region

NO_SUCH_REVISION = "The specified task definition does not exist. Specify a valid account, family, revision and try again."
STILL_ACTIVE = "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
DELETES_MAX = 10


def register_task_definition(region: Region, definition: Json, *, registered_by: str, tags: Json) -> TaskDefinition:
    """A new revision of the family. Raises ``ClientException`` with the first mistake.

    ``definition``: the request as the API spells it, without its tags.
    """
    check_definition(definition)
    members = filled(definition)
    family: str = definition["family"]
    newest = max((one.revision for one in region.state.task_definitions.values() if one.family == family), default=0)
    record = TaskDefinition(
        arn=region.place.task_definition(family, newest + 1),
        family=family,
        revision=newest + 1,
        status="ACTIVE",
        containers=tuple(read_container(one) for one in members["containerDefinitions"]),
        cpu_units=int(members["cpu"]) if "cpu" in members else None,
        memory_mib=int(members["memory"]) if "memory" in members else None,
        network_mode=definition.get("networkMode", "bridge"),
        registered_at=region.now(),
        members=members | {"registeredBy": registered_by},
        tags=tags,
    )
    with region.state.transaction() as changes:
        changes.put(record)
    return record


def check_definition(definition: Json) -> None:
    """Raise ``ClientException`` with the first mistake of a definition: ECS's rules, then Fargate's where it asks for them."""
    mistake = next(mistakes(definition), None)
    if mistake is None and "FARGATE" in definition.get("requiresCompatibilities", ()):
        mistake = next(fargate_mistakes(definition), None)
    if mistake is not None:
        raise ApiError("ClientException", mistake)


def deregister_task_definition(region: Region, reference: str) -> TaskDefinition:
    """The revision, INACTIVE from now on: what runs by it goes on, nothing new may use it. Idempotent."""
    found = find_revision(region, reference)
    if found is None:
        raise ApiError("ClientException", NO_SUCH_REVISION)
    if found.status != "ACTIVE":
        return found
    found = replace(found, status="INACTIVE", deregistered_at=region.now())
    with region.state.transaction() as changes:
        changes.put(found)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDeleted:
    reference: str
    reason: str


def delete_task_definitions(region: Region, references: Sequence[str]) -> tuple[list[TaskDefinition], list[NotDeleted]]:
    """The revisions that are DELETE_IN_PROGRESS from now on, and those that cannot be, with the reason.

    They stay DELETE_IN_PROGRESS, so that their numbers are never used again.
    """
    if len(references) > DELETES_MAX:
        raise ApiError("InvalidParameterException", f"At most {DELETES_MAX} task definitions can be deleted at once.")
    deleted: dict[str, TaskDefinition] = {}
    failures = []
    for reference in references:
        found = find_revision(region, reference)
        if found is None:
            failures.append(NotDeleted(reference=reference, reason=NO_SUCH_REVISION))
        elif found.status == "ACTIVE":
            failures.append(NotDeleted(reference=found.arn, reason=STILL_ACTIVE))
        elif found.status == "INACTIVE":
            requested_at = {"deleteRequestedAt": region.now().isoformat()}
            deleted[found.arn] = replace(found, status="DELETE_IN_PROGRESS", members=dict(found.members) | requested_at)
        else:
            deleted[found.arn] = found
    with region.state.transaction() as changes:
        changes.put(*deleted.values())
    return list(deleted.values()), failures
