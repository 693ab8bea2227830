"""The scheduler's time for one service of 10, 1,000 and 100,000 tasks: to take a snapshot of the records, and to decide.

Settled: every task runs and is healthy. Deploying: as many tasks of a new revision have just become healthy.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.tables import table

from ninelives.model.arns import Place
from ninelives.model.ecs import (
    Cluster,
    Deployment,
    DeploymentStatus,
    LastStatus,
    Service,
    ServiceDeployment,
    TaskAddress,
)
from ninelives.model.elbv2 import (
    Forward,
    Rule,
    Target,
    TargetGroup,
    TargetHealth,
    TargetHealthCheck,
    TargetHealthState,
    WeightedTargetGroup,
)
from ninelives.model.timing import Timing
from ninelives.region import ecs_services, ecs_task_definitions
from ninelives.region.ecs_services import ServiceChange
from ninelives.region.region import Region
from ninelives.region.snapshots import snapshot_of
from ninelives.region.state import State
from ninelives.region.tasks import new_task
from ninelives.scheduler import reconcile
from ninelives.scheduler.plan import Put

COUNTS = (10, 1_000, 100_000)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = Place(region="eu-west-1", account="123456789012")
GROUP = PLACE.target_group("cats", "0123456789abcdef")
HEALTHY = TargetHealth(state=TargetHealthState.HEALTHY)


class Surroundings:
    """Store, clock, ids and data plane of a region in memory in which every target is healthy."""

    def __init__(self) -> None:
        self.count = 0

    def load(self) -> list[Any]:
        return []

    def commit(self, puts: object, deletes: object) -> None: ...

    def now(self) -> datetime:
        return NOW

    def _next(self) -> str:
        self.count += 1
        return f"{self.count:032x}"

    task_id = service_deployment_id = load_balancer_id = uuid = deployment_number = _next

    def target_health(self, _key: object) -> TargetHealth:
        return HEALTHY


def region_of(count: int, *, is_deploying: bool) -> tuple[Region, Service]:
    around: Any = Surroundings()
    state = State(around)
    region = Region(place=PLACE, state=state, clock=around, ids=around, data_plane=around, timing=Timing())
    group = TargetGroup(
        arn=GROUP,
        name="cats",
        protocol="HTTP",
        port=80,
        vpc_id="vpc-1",
        target_type="ip",
        protocol_version="HTTP1",
        health_check=TargetHealthCheck(),
        created_at=NOW,
    )
    forward = Forward(target_groups=(WeightedTargetGroup(arn=GROUP, weight=1),))
    with state.transaction() as changes:
        changes.put(Cluster(arn=PLACE.cluster("c"), name="c", status="ACTIVE"), group)
        changes.put(Rule(arn="rule", listener_arn="listener", priority=None, conditions=(), action=forward))
    definition = {
        "family": "cats",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "cats:1", "portMappings": [{"containerPort": 80}]}],
    }
    given = {
        "taskDefinition": "cats",
        "desiredCount": count,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a"]}},
        "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 80}],
    }
    ecs_task_definitions.register_task_definition(region, definition, registered_by="user", tags={})
    service = ecs_services.create_service(region, "c", name="s", given=given, tags={}, created_by="user")
    settle(region, service, count)
    if is_deploying:
        ecs_services.update_service(region, "c", "s", ServiceChange(force_new_deployment=True))
        service = state.services[service.arn]
        settle(region, service, count)
    return region, state.services[service.arn]


def settle(region: Region, service: Service, count: int) -> None:
    """Decide until ``count`` tasks of the PRIMARY deployment are there, then let them run; of the first, complete it."""
    state = region.state
    deployment = next(one for one in state.of_service(Deployment, service.arn) if one.status is DeploymentStatus.PRIMARY)
    revision = state.revisions[deployment.revision_arn]
    definition = state.task_definitions[revision.task_definition_arn]
    is_first = not state.tasks
    number = len(state.tasks)
    with state.transaction() as changes:
        for place in range(number, number + count):
            ip = f"10.{place >> 16}.{place >> 8 & 255}.{place & 255}"
            task = new_task(
                region,
                definition,
                service.cluster_arn,
                group="service:s",
                service_arn=service.arn,
                revision_arn=revision.arn,
                started_by=deployment.id,
            )
            changes.put(
                replace(
                    task,
                    last_status=LastStatus.RUNNING,
                    is_started=True,
                    started_at=NOW - timedelta(hours=1),
                    address=TaskAddress(ip=ip, ports=((80, 80),)),
                    healthy_since=NOW if is_first else None,
                    was_healthy=is_first,
                ),
                Target(target_group_arn=GROUP, id=ip, port=80, registered_at=NOW),
            )
    if is_first:
        plan = reconcile(snapshot_of(region, state.services[service.arn]), NOW, region.timing)
        with state.transaction() as changes:
            changes.put(*(one.record for one in plan.decisions if isinstance(one, Put)))
    assert state.of_service(ServiceDeployment, service.arn)


def timed(act: Callable[[], object]) -> float:
    """The best of a few, in seconds."""
    found = []
    for _ in range(3):
        began = time.perf_counter()
        act()
        found.append(time.perf_counter() - began)
    return min(found)


def main() -> None:
    rows = []
    for is_deploying in (False, True):
        for count in COUNTS:
            region, service = region_of(count, is_deploying=is_deploying)
            snapshot = snapshot_of(region, service)
            taken = timed(lambda region=region, service=service: snapshot_of(region, service))
            decided = timed(lambda snapshot=snapshot: reconcile(snapshot, NOW, Timing()))
            tasks = len(snapshot.tasks)
            rows.append(
                [
                    "deploying" if is_deploying else "settled",
                    f"{tasks:,}",
                    f"{taken * 1000:.1f}",
                    f"{decided * 1000:.1f}",
                    f"{(taken + decided) / tasks * 1e6:.1f}",
                ]
            )
    print(table(["service", "tasks", "snapshot ms", "decide ms", "µs a task"], rows))
