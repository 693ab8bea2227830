"""What a service is right now: version, counts, the deployment under way, targets, last events, address."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ninelives.deploy.aws import Aws
from ninelives.deploy.deployment_report import deployment_json, in_text
from ninelives.deploy.errors import NotFound
from ninelives.deploy.follow import Watched, look
from ninelives.deploy.front_door import find_listener, find_load_balancer, public_url
from ninelives.deploy.observation import Observation, ServiceSeen, number_of, see_service_deployments
from ninelives.deploy.reading import Definition
from ninelives.deploy.service_call import require_service, version_behind
from ninelives.deploy.service_file import ServiceFile
from ninelives.deploy.verdict import Followed


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

    @property
    def version(self) -> str:
        primary = self.service.primary
        return self.versions.get(primary.id, "?") if primary is not None else "?"

    @property
    def targets(self) -> Counter[str]:
        return Counter(target.state for target in self.seen.targets)

    def as_json(self) -> dict[str, Any]:
        file, current = self.definition.file, self.seen.service_deployment
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
    watched = Watched(
        cluster=file.cluster_name,
        service=file.service,
        followed=Followed(revision=number_of(newest.target_revision) if newest is not None else ""),
    )
    seen = look(aws, watched, now)
    if seen.service is None:
        raise NotFound(f"Service {file.service} has just gone.")
    return Status(
        definition=definition,
        region=aws.region,
        service=seen.service,
        seen=seen,
        versions={one.id: version_behind(aws, one.task_definition) for one in seen.service.deployments},
        url=service_url(aws, file),
        is_under_way=any(one.rollout_state == "IN_PROGRESS" for one in seen.service.deployments),
    )


def service_url(aws: Aws, file: ServiceFile) -> str | None:
    """Where the service answers; None when its load balancer or listener is not there."""
    balancer = find_load_balancer(aws, file.load_balancer_name)
    if balancer is None:
        return None
    listener = find_listener(aws, balancer["LoadBalancerArn"], file.load_balancer.port)
    return public_url(aws, balancer, listener) if listener is not None else None
