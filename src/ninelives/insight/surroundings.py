"""Where a service's metrics are: its load balancer and target groups as CloudWatch names them, its alarms, its deployments."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ninelives.deploy.alarms import alarm_names
from ninelives.deploy.aws import Aws, error_code, pages
from ninelives.deploy.front_door import find_load_balancer, find_target_group
from ninelives.deploy.history import task_definitions_of
from ninelives.deploy.observation import (
    ServiceDeploymentSeen,
    ServiceSeen,
    describe_service_deployments,
    see_service,
    see_service_deployments,
)
from ninelives.deploy.service_call import version_behind
from ninelives.deploy.service_file import ServiceFile

DEPLOYMENTS_SEEN = 20
MADE_BY_BOOTSTRAP = ("5xx", "latency", "unhealthy", "cpu", "memory")
"""How `ninelives bootstrap` names a service's alarms, after the service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A target group; ``version`` is what its tasks run, where that can be told."""

    name: str
    dimension: str
    """Such as ``targetgroup/cats/0123456789abcdef``."""
    version: str | None = None

    @property
    def label(self) -> str:
        return self.version if self.version is not None else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """An alarm went from one state to another."""

    at: datetime
    to: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """``state`` is None for an alarm that is named and not there."""

    name: str
    state: str | None
    reason: str = ""
    arn: str | None = None
    history: tuple[StateChange, ...] = ()
    """Oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentMark:
    """A service deployment on the time axis."""

    version: str
    status: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """``load_balancer`` is None where there is none; ``has_insights`` is None where the cluster cannot be seen."""

    cluster: str
    service: str
    load_balancer: str | None
    groups: tuple[Group, ...]
    has_insights: bool | None
    time_scale: float
    alarms: tuple[Alarm, ...] = ()
    deployments: tuple[DeploymentMark, ...] = ()
    """Oldest first."""


def survey(aws: Aws, file: ServiceFile, since: datetime) -> Surroundings:
    """Look at what is there; alarms' histories and deployments from ``since`` on."""
    balancer = find_load_balancer(aws, file.load_balancer_name)
    service = see_service(aws, file.cluster_name, file.service)
    deployments = see_deployments(aws, file)
    versions = versions_of_groups(aws, deployments)
    return Surroundings(
        cluster=file.cluster_name,
        service=file.service,
        load_balancer=dimension_of(str(balancer["LoadBalancerArn"])) if balancer is not None else None,
        groups=tuple(groups_of(aws, file, versions, service)),
        has_insights=has_insights(aws, file.cluster_name),
        time_scale=service.time_scale if service is not None else 1.0,
        alarms=see_alarms(aws, watched_alarms(file), since, required=alarm_names(file)),
        deployments=tuple(_marks(aws, deployments, since)),
    )


def dimension_of(arn: str) -> str:
    """How CloudWatch names a load balancer or a target group.

    >>> dimension_of("arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/cats/01")
    'app/cats/01'
    >>> dimension_of("arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/cats/02")
    'targetgroup/cats/02'
    """
    return arn.rsplit(":", 1)[-1].removeprefix("loadbalancer/")


def groups_of(aws: Aws, file: ServiceFile, versions: Mapping[str, str], service: ServiceSeen | None) -> Iterator[Group]:
    """The file's one or two, and any other that the service itself names."""
    named = (find_target_group(aws, name) for name in (file.target_group_name, file.alternate_target_group_name))
    arns = [str(one["TargetGroupArn"]) for one in named if one is not None]
    arns += service.target_groups if service is not None else ()
    for arn in dict.fromkeys(arns):
        dimension = dimension_of(arn)
        yield Group(name=dimension.split("/")[1], dimension=dimension, version=versions.get(arn))


def see_deployments(aws: Aws, file: ServiceFile) -> list[ServiceDeploymentSeen]:
    """The newest, newest first; none where there is no service."""
    try:
        brief = see_service_deployments(aws, file.cluster_name, file.service, at_most=DEPLOYMENTS_SEEN)
    except Exception as error:
        if error_code(error) in {"ServiceNotFoundException", "ClusterNotFoundException"}:
            return []
        raise
    full = describe_service_deployments(aws, [one.arn for one in brief])
    return [full.get(one.arn, one) for one in brief]


def versions_of_groups(aws: Aws, deployments: Sequence[ServiceDeploymentSeen]) -> dict[str, str]:
    """What each of two target groups runs, by ARN; nothing where releases replace tasks in one group.

    The target revision of the newest deployment has one of them, its source the other.
    """
    newest = next(iter(deployments), None)
    if newest is None or not newest.plan.shifts_traffic:
        return {}
    wanted = [arn for arn in (*newest.source_revisions, newest.target_revision) if arn]
    answer = aws.ecs.describe_service_revisions(serviceRevisionArns=wanted) if wanted else {}
    found: dict[str, str] = {}
    for revision in sorted(answer.get("serviceRevisions", ()), key=lambda one: wanted.index(one["serviceRevisionArn"])):
        for balancer in (revision.get("resolvedConfiguration") or {}).get("loadBalancers", ()):
            found[str(balancer.get("targetGroupArn"))] = version_behind(aws, revision["taskDefinition"])
    return found if len(set(found.values())) == len(found) else {}


def has_insights(aws: Aws, cluster: str) -> bool | None:
    """Whether Container Insights measures the cluster; None where it is not to be seen."""
    found = aws.ecs.describe_clusters(clusters=[cluster], include=["SETTINGS"])["clusters"]
    if not found:
        return None
    settings = {one["name"]: one["value"] for one in found[0].get("settings") or ()}
    return bool(settings.get("containerInsights", "disabled") != "disabled")


def watched_alarms(file: ServiceFile) -> tuple[str, ...]:
    """Those that guard releases, and those that `ninelives bootstrap` makes, each name once."""
    return tuple(dict.fromkeys([*alarm_names(file), *(f"{file.service}-{name}" for name in MADE_BY_BOOTSTRAP)]))


def see_alarms(aws: Aws, names: Sequence[str], since: datetime, *, required: Sequence[str] = ()) -> tuple[Alarm, ...]:
    """The alarms of ``names`` that are there, with what became of them; of ``required`` those that are not, too."""
    if not names:
        return ()
    answer = aws.cloudwatch.describe_alarms(AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    known = {one["AlarmName"]: one for one in (*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ()))}
    return tuple(_alarm(aws, name, known.get(name), since) for name in names if name in known or name in required)


def _alarm(aws: Aws, name: str, known: Mapping[str, Any] | None, since: datetime) -> Alarm:
    if known is None:
        return Alarm(name=name, state=None)
    return Alarm(
        name=name,
        state=known["StateValue"],
        reason=known.get("StateReason", ""),
        arn=known.get("AlarmArn"),
        history=state_changes(aws, name, since),
    )


def state_changes(aws: Aws, name: str, since: datetime) -> tuple[StateChange, ...]:
    """When an alarm changed its state since ``since``, oldest first."""
    found = []
    for item in pages(
        aws.cloudwatch.describe_alarm_history,
        "AlarmHistoryItems",
        continuation="NextToken",
        AlarmName=name,
        HistoryItemType="StateUpdate",
        StartDate=since,
    ):
        told = json.loads(item.get("HistoryData") or "{}").get("newState", {})
        state = str(told.get("stateValue") or item["HistorySummary"].rpartition(" to ")[2])
        found.append(StateChange(at=item["Timestamp"], to=state, reason=str(told.get("stateReason", ""))))
    return tuple(sorted(found, key=lambda one: one.at))


def _marks(aws: Aws, deployments: Sequence[ServiceDeploymentSeen], since: datetime) -> Iterator[DeploymentMark]:
    lately = [
        one
        for one in reversed(deployments)
        if one.created_at is not None and (one.finished_at or one.stopped_at or one.created_at) >= since
    ]
    definitions = task_definitions_of(aws, [one.target_revision for one in lately if one.target_revision])
    versions = {definition: version_behind(aws, definition) for definition in sorted(set(definitions.values()))}
    for one in lately:
        assert one.created_at is not None
        yield DeploymentMark(
            version=versions.get(definitions.get(one.target_revision, ""), "?"),
            status=one.status,
            started_at=one.created_at,
            ended_at=one.finished_at or one.stopped_at,
        )
