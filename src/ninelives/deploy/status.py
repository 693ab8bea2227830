"""What a service is right now: version, counts, the deployment under way, targets, last events, address."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ninelives.deploy.aws import Aws
from ninelives.deploy.deployment_report import deployment_json, in_text
from ninelives.deploy.diagnosis import Diagnosis, diagnose, warnings
from ninelives.deploy.errors import NotFound
from ninelives.deploy.evidence import Gathering, expectation
from ninelives.deploy.follow import Watched, look
from ninelives.deploy.front_door import find_listener, find_load_balancer, public_url
from ninelives.deploy.history import task_definitions_of
from ninelives.deploy.observation import Observation, ServiceSeen, number_of, see_service_deployments
from ninelives.deploy.reading import Definition
from ninelives.deploy.scaling_view import ScalingSeen, read_scaling
from ninelives.deploy.service_call import require_service, version_behind
from ninelives.deploy.service_file import ServiceFile
from ninelives.deploy.verdict import Followed, Outcome, Verdict, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDeployment:
    """The newest service deployment: how it ended (None while it is under way), and why, or what is wrong all the same."""

    arn: str
    status: str
    version: str
    verdict: Verdict | None
    diagnosis: Diagnosis | None = None
    warnings: tuple[Diagnosis, ...] = ()

    @property
    def cause(self) -> str | None:
        """Why it did not succeed: what was found out, else ECS's own words."""
        if self.diagnosis is not None:
            return self.diagnosis.cause
        if self.verdict is None or self.verdict.outcome in {Outcome.SUCCEEDED, Outcome.PAUSED}:
            return None  # a pause is no fault
        return self.verdict.reason

    def as_json(self) -> dict[str, Any]:
        return {
            "arn": self.arn,
            "status": self.status,
            "version": self.version,
            "verdict": self.verdict.outcome if self.verdict is not None else "in_progress",
            "reason": self.verdict.reason if self.verdict is not None else None,
            "cause": self.cause,
            "cause_code": self.diagnosis.code if self.diagnosis is not None else None,
            "next_step": self.diagnosis.next_step if self.diagnosis is not None else None,
            "warnings": [{"code": one.code, "cause": one.cause, "next_step": one.next_step} for one in self.warnings],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A service at one moment. ``versions`` gives the version of each of its deployments, by id."""

    definition: Definition
    region: str
    service: ServiceSeen
    seen: Observation
    versions: dict[str, str]
    url: str | None
    is_under_way: bool
    last: LastDeployment | None = None
    scaling: ScalingSeen | None = None

    @property
    def version(self) -> str:
        primary = self.service.primary
        return self.versions.get(primary.id, "?") if primary is not None else "?"

    @property
    def targets(self) -> Counter[str]:
        return Counter(target.state for target in self.seen.targets)

    def as_json(self) -> dict[str, Any]:
        file, current, last, scales = self.definition.file, self.seen.service_deployment, self.last, self.scaling
        return {
            "service": file.service,
            "cluster": file.cluster_name,
            "environment": self.definition.environment,
            "region": self.region,
            "status": self.service.status,
            "version": self.version,
            "url": self.url,
            "desired_count": self.service.desired_count,
            "running_count": self.service.running_count,
            "pending_count": self.service.pending_count,
            "targets": dict(self.targets),
            "under_way": self.is_under_way,
            "service_deployment": None if current is None else deployment_json(current),
            "last_deployment": None if last is None else last.as_json(),
            "scaling": None if scales is None else scales.as_json(),
            "deployments": [
                {
                    "id": one.id,
                    "version": self.versions.get(one.id, "?"),
                    "status": one.status,
                    "rollout_state": one.rollout_state,
                    "desired_count": one.desired_count,
                    "running_count": one.running_count,
                    "pending_count": one.pending_count,
                    "failed_tasks": one.failed_tasks,
                }
                for one in self.service.deployments
            ],
            "tasks": [
                {"id": task.id, "last_status": task.last_status, "started_at": in_text(task.started_at)}
                for task in self.seen.tasks
                if not task.is_gone
            ],
            "events": [{"at": in_text(event.created_at), "message": event.message} for event in self.service.events[:10]],
        }


def read_status(aws: Aws, definition: Definition, now: datetime) -> Status:
    """The service as it is. Raises ``NotFound`` when it was never deployed."""
    file = definition.file
    require_service(aws, definition)
    newest = next(iter(see_service_deployments(aws, file.cluster_name, file.service, at_most=1)), None)
    followed = Followed(revision=number_of(newest.target_revision) if newest is not None else "")
    watched = Watched(cluster=file.cluster_name, service=file.service, followed=followed)
    seen = look(aws, watched, now)
    if seen.service is None:
        raise NotFound(f"Service {file.service} has just gone.")
    is_under_way = any(one.rollout_state == "IN_PROGRESS" for one in seen.service.deployments)
    return Status(
        definition=definition,
        region=aws.region,
        service=seen.service,
        seen=seen,
        versions={one.id: version_behind(aws, one.task_definition) for one in seen.service.deployments},
        url=service_url(aws, file),
        is_under_way=is_under_way,
        last=_last_deployment(aws, file, followed, seen),
        scaling=read_scaling(aws, file, now, is_deploying=is_under_way, time_scale=seen.service.time_scale),
    )


def _last_deployment(aws: Aws, file: ServiceFile, followed: Followed, seen: Observation) -> LastDeployment | None:
    """What can still be seen of it: ECS shows stopped tasks for an hour or so, and a hundred events."""
    ours, service = seen.service_deployment, seen.service
    if ours is None or service is None:
        return None
    earlier = frozenset(event.id for event in service.events if ours.created_at and event.created_at < ours.created_at)
    gathering = Gathering(followed.revision, earlier)
    gathering.take(seen)
    verdict = judge(followed, seen)
    is_good = verdict is not None and verdict.outcome is Outcome.SUCCEEDED
    definitions = task_definitions_of(aws, [ours.target_revision])
    evidence = gathering.evidence(aws, file) if gathering.has_stopped_tasks or not is_good else None
    return LastDeployment(
        arn=ours.arn,
        status=ours.status,
        version=version_behind(aws, definitions[ours.target_revision]) if ours.target_revision in definitions else "?",
        verdict=verdict,
        diagnosis=None if is_good or evidence is None else diagnose(evidence, expectation(file)),
        warnings=warnings(evidence, expectation(file)) if is_good and evidence is not None else (),
    )


def service_url(aws: Aws, file: ServiceFile) -> str | None:
    """Where the service answers; None when its load balancer or listener is not there."""
    balancer = find_load_balancer(aws, file.load_balancer_name)
    if balancer is None:
        return None
    listener = find_listener(aws, balancer["LoadBalancerArn"], file.load_balancer.port)
    return public_url(aws, balancer, listener) if listener is not None else None
