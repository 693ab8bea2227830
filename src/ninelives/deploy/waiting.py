"""Waits for the verdict of a deployment that somebody else, or an earlier command, has started."""

from dataclasses import replace

from ninelives.deploy.errors import NotFound
from ninelives.deploy.foundation import find_target_group
from ninelives.deploy.history import task_definitions_of
from ninelives.deploy.observation import (
    ServiceDeploymentSeen,
    describe_service_deployments,
    number_of,
    read_service,
    see_service_deployments,
)
from ninelives.deploy.options import Options
from ninelives.deploy.release import Asked, Release, Session, Started, conclude
from ninelives.deploy.service_call import require_service, version_behind
from ninelives.deploy.status import service_url
from ninelives.deploy.verdict import Followed


def wait_for_running(session: Session, options: Options) -> Release:
    """Follow the newest service deployment to its verdict; one that has ended is judged at once. Raises ``NotFound``."""
    aws, file = session.aws, session.definition.file
    live = read_service(require_service(aws, session.definition))
    brief = see_service_deployments(aws, file.cluster_name, file.service, at_most=1)
    if not brief:
        raise NotFound(f"Service {file.service} has no deployment.", hint="Start one with `ninelives deploy VERSION`.")
    newest = describe_service_deployments(aws, [brief[0].arn]).get(brief[0].arn, brief[0])
    definitions = task_definitions_of(aws, [newest.target_revision, *newest.source_revisions[:1]])
    group = find_target_group(aws, file.target_group_name)
    began = newest.created_at or session.clock.now()
    started = Started(
        asked=Asked(
            version=_version(session, definitions, newest.target_revision) or "?",
            from_version=_version(session, definitions, next(iter(newest.source_revisions), "")),
            target_group_arn=str(group["TargetGroupArn"]) if group is not None else None,
            url=service_url(aws, file),
        ),
        task_definition=definitions.get(newest.target_revision, live.task_definition),
        followed=Followed(revision=number_of(newest.target_revision), source=_source(newest)),
        known_events=frozenset(event.id for event in live.events if event.created_at < began),
        is_new_deployment=True,
    )
    has_ended = newest.finished_at is not None
    history = frozenset(event.id for event in live.events) if has_ended else frozenset()
    release = conclude(session, started, timeout=options.timeout, began=began, told=history)
    # What had ended before took as long as it took, however late it is asked after.
    return release if newest.finished_at is None else replace(release, finished_at=newest.finished_at)


def _source(newest: ServiceDeploymentSeen) -> str | None:
    return number_of(newest.source_revisions[0]) if newest.source_revisions else None


def _version(session: Session, definitions: dict[str, str], revision: str) -> str | None:
    definition = definitions.get(revision)
    return version_behind(session.aws, definition) if definition is not None else None
