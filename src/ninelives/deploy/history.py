"""Past releases, from ECS's own records: service deployments, their revisions, and the versions behind them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninelives.deploy.aws import Aws
from ninelives.deploy.observation import (
    ServiceDeploymentSeen,
    describe_service_deployments,
    number_of,
    see_service_deployments,
)
from ninelives.deploy.reading import Definition
from ninelives.deploy.service_call import describe_task_definition
from ninelives.deploy.shift import ROLLING
from ninelives.deploy.task_definition import version_of

REVISIONS_A_CALL = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRelease:
    """A service deployment and what it deployed. ``cause`` is why it did not stay; None when it did."""

    arn: str
    version: str
    status: str
    task_definition: str | None
    revision: str
    """Number of its service revision."""
    created_at: datetime | None
    finished_at: datetime | None
    cause: str | None
    strategy: str = ROLLING
    lifecycle_stage: str | None = None
    """Where it is, or where it ended."""
    triggered_alarms: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def duration(self) -> timedelta | None:
        return self.finished_at - self.created_at if self.finished_at and self.created_at else None

    @property
    def is_proven(self) -> bool:
        """Whether its version went all the way."""
        return self.status == "SUCCESSFUL"


def past_releases(aws: Aws, definition: Definition, *, at_most: int) -> list[PastRelease]:
    """The service's deployments, newest first."""
    file = definition.file
    return releases_of(aws, file.cluster_name, file.service, at_most=at_most, version=lambda arn: _version(aws, arn))


def releases_of(aws: Aws, cluster: str, service: str, *, at_most: int, version: Callable[[str], str]) -> list[PastRelease]:
    """A service's deployments, newest first. ``version`` tells the version that a task definition runs."""
    brief = see_service_deployments(aws, cluster, service, at_most=at_most)
    full = describe_service_deployments(aws, [one.arn for one in brief])
    seen = [full.get(one.arn, one) for one in brief]
    definitions = task_definitions_of(aws, [one.target_revision for one in seen])
    versions = {arn: version(arn) for arn in sorted(set(definitions.values()))}
    return [_past(one, definitions, versions) for one in seen]


def task_definitions_of(aws: Aws, revisions: Sequence[str]) -> dict[str, str]:
    """Task definition ARN by service revision ARN; a revision that ECS has forgotten is left out."""
    found: dict[str, str] = {}
    wanted = sorted({revision for revision in revisions if revision})
    for start in range(0, len(wanted), REVISIONS_A_CALL):
        answer = aws.ecs.describe_service_revisions(serviceRevisionArns=wanted[start : start + REVISIONS_A_CALL])
        found |= {one["serviceRevisionArn"]: one["taskDefinition"] for one in answer["serviceRevisions"]}
    return found


def _version(aws: Aws, task_definition: str) -> str:
    found = describe_task_definition(aws, task_definition)
    return version_of(*found) if found is not None else "?"


def _past(one: ServiceDeploymentSeen, definitions: dict[str, str], versions: dict[str, str]) -> PastRelease:
    definition = definitions.get(one.target_revision)
    return PastRelease(
        arn=one.arn,
        version=versions.get(definition, "?") if definition is not None else "?",
        status=one.status,
        task_definition=definition,
        revision=number_of(one.target_revision),
        created_at=one.created_at,
        finished_at=one.finished_at or one.stopped_at,
        cause=None if one.status == "SUCCESSFUL" else (one.status_reason or one.rollback_reason or None),
        strategy=one.plan.strategy,
        lifecycle_stage=one.lifecycle_stage,
        triggered_alarms=one.triggered_alarms,
    )
