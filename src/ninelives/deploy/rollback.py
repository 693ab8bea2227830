"""Goes back to a version that was proven good: one whose service deployment was SUCCESSFUL, not merely the number before."""

from collections.abc import Mapping, Sequence
from typing import Any

from ninelives.deploy.aws import Aws
from ninelives.deploy.decision import abort
from ninelives.deploy.errors import NotFound
from ninelives.deploy.foundation import ecr_repository_name
from ninelives.deploy.history import PastRelease, past_releases
from ninelives.deploy.image import find_digest
from ninelives.deploy.observation import read_service
from ninelives.deploy.options import Options
from ninelives.deploy.reading import Definition
from ninelives.deploy.release import Asked, Release, Session, conclude, started_from
from ninelives.deploy.reports import Act, Tell
from ninelives.deploy.service_call import describe_task_definition, require_service, version_behind
from ninelives.deploy.status import service_url
from ninelives.deploy.task_definition import version_of
from ninelives.deploy.waiting import newest_deployment

LOOKED_BACK = 100


def candidates(past: Sequence[PastRelease], current_task_definition: str, version: str | None) -> list[PastRelease]:
    """Proven releases to go back to, best first: of ``version`` if it is given, else of another task definition than now's.

    ``past`` is newest first. A task definition that was proven several times is listed once.
    """
    found: list[PastRelease] = []
    for one in past:
        wanted = one.version == version if version is not None else one.task_definition != current_task_definition
        known = {other.task_definition for other in found}
        if one.is_proven and wanted and one.task_definition is not None and one.task_definition not in known:
            found.append(one)
    return found


def roll_back(session: Session, version: str | None, options: Options) -> Release:
    """Deploy the task definition of the last proven release (of ``version``), and follow it.

    Where no ``version`` is named and a release is under way, that is taken back: ECS does it quickest by itself. Raises
    ``NotFound`` when there is no release that could run.
    """
    aws, definition, file = session.aws, session.definition, session.definition.file
    began = session.clock.now()
    if version is None and newest_deployment(session).deployment.is_under_way:
        session.tell(Act.NOTE, "a release is under way: it is taken back")
        return abort(session, options)
    live = require_service(aws, definition)
    before = read_service(live)
    past = past_releases(aws, definition, at_most=LOOKED_BACK)
    ready = (one for one in candidates(past, before.task_definition, version) if _can_run(aws, definition, one, session.tell))
    target = next(ready, None)
    if target is None or target.task_definition is None:
        raise _no_way_back(past, before.task_definition, version)
    now = version_behind(aws, before.task_definition)
    when = f"{target.finished_at:%Y-%m-%d %H:%M} UTC" if target.finished_at else "earlier"
    session.tell(Act.NOTE, f"back from {now} to {target.version}, proven good {when} ({target.id})")
    request = {"cluster": file.cluster_name, "service": file.service, "taskDefinition": target.task_definition}
    answer = aws.ecs.update_service(**request, **({"forceNewDeployment": True} if options.force else {}))
    asked = Asked(
        version=target.version,
        from_version=now,
        url=service_url(aws, file),
    )
    started = started_from(session, answer["service"], before, asked)
    return conclude(session, started, options, began=began)


def _can_run(aws: Aws, definition: Definition, past: PastRelease, tell: Tell) -> bool:
    """Whether a past release's task definition is still active and its image still there; says why not."""
    assert past.task_definition is not None
    found = describe_task_definition(aws, past.task_definition)
    if found is None or found[0].get("status") != "ACTIVE":
        tell(Act.NOTE, f"{past.version} ({past.id}) cannot run again: its task definition is not active")
        return False
    return _image_is_there(aws, definition, found[0], version_of(*found), tell)


def _image_is_there(aws: Aws, definition: Definition, task_definition: Mapping[str, Any], version: str, tell: Tell) -> bool:
    containers = task_definition.get("containerDefinitions") or ()
    image = str(containers[0].get("image", "")) if containers else ""
    if f"/{ecr_repository_name(definition.file)}:" not in image or "@" in image:
        return True  # another's repository: not ours to ask
    if find_digest(aws, definition, version) is None:
        tell(Act.NOTE, f"{version} cannot run again: its image is no longer in the repository")
        return False
    return True


def _no_way_back(past: Sequence[PastRelease], current: str, version: str | None) -> NotFound:
    proven = list(dict.fromkeys(one.version for one in past if one.is_proven and one.task_definition != current))
    known = (
        f"Proven versions: {', '.join(proven)}. One that cannot run again comes back with `ninelives deploy VERSION`."
        if proven
        else "`ninelives history` shows what there was."
    )
    if version is not None:
        return NotFound(f"Version {version} was never proven good here, or cannot run again.", hint=known)
    none = "There is no earlier version that was proven good"
    return NotFound(f"{none} and can run again." if proven else f"{none}.", hint=known)
