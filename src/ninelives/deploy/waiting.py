"""Waits for the verdict of a deployment that somebody else, or an earlier command, has started."""

from dataclasses import dataclass, replace
from datetime import datetime

from ninelives.deploy.errors import NotFound
from ninelives.deploy.history import task_definitions_of
from ninelives.deploy.observation import (
    ServiceDeploymentSeen,
    ServiceSeen,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest service deployment, and the service as it was when it was looked up."""

    deployment: ServiceDeploymentSeen
    service: ServiceSeen
    began: datetime


def wait_for_running(session: Session, options: Options) -> Release:
    """Follow the newest service deployment to its verdict; one that has ended is judged at once. Raises ``NotFound``."""
    newest = newest_deployment(session)
    deployment, events = newest.deployment, newest.service.events
    has_ended = deployment.finished_at is not None
    history = frozenset(event.id for event in events) if has_ended else frozenset()
    release = conclude(session, started_before(session, newest), options, began=newest.began, told=history)
    # What had ended before took as long as it took, however late it is asked after.
    return release if deployment.finished_at is None else replace(release, finished_at=deployment.finished_at)


def newest_deployment(session: Session) -> Newest:
    """The newest service deployment, in full. Raises ``NotFound``."""
    aws, file = session.aws, session.definition.file
    service = read_service(require_service(aws, session.definition))
    brief = see_service_deployments(aws, file.cluster_name, file.service, at_most=1)
    if not brief:
        raise NotFound(f"Service {file.service} has no deployment.", hint="Start one with `ninelives deploy VERSION`.")
    deployment = describe_service_deployments(aws, [brief[0].arn]).get(brief[0].arn, brief[0])
    return Newest(deployment=deployment, service=service, began=deployment.created_at or session.clock.now())


def started_before(session: Session, newest: Newest) -> Started:
    """A deployment that is there already, as a release to follow."""
    aws, file, deployment = session.aws, session.definition.file, newest.deployment
    definitions = task_definitions_of(aws, [deployment.target_revision, *deployment.source_revisions[:1]])
    return Started(
        asked=Asked(
            version=_version(session, definitions, deployment.target_revision) or "?",
            from_version=_version(session, definitions, next(iter(deployment.source_revisions), "")),
            url=service_url(aws, file),
        ),
        task_definition=definitions.get(deployment.target_revision, newest.service.task_definition),
        followed=Followed(revision=number_of(deployment.target_revision), source=_source(deployment)),
        known_events=frozenset(event.id for event in newest.service.events if event.created_at < newest.began),
        is_new_deployment=True,
    )


def _source(newest: ServiceDeploymentSeen) -> str | None:
    return number_of(newest.source_revisions[0]) if newest.source_revisions else None


def _version(session: Session, definitions: dict[str, str], revision: str) -> str | None:
    definition = definitions.get(revision)
    return version_behind(session.aws, definition) if definition is not None else None
