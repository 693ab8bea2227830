"""What the region's metrics are made of: views of the records at one moment, in the terms of CloudWatch's dimensions."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ninelives.model.arns import last_part
from ninelives.model.ecs import (
    Cluster,
    Container,
    ContainerDefinition,
    Deployment,
    DeploymentStatus,
    HealthStatus,
    LastStatus,
    Service,
    ServiceStatus,
    Task,
)
from ninelives.model.elbv2 import Forward, TargetHealthState
from ninelives.region.region import Region
from ninelives.routing import listener_name, panic_percent

NO_ZONE = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroupFacts:
    """A target group that a load balancer forwards to."""

    load_balancer: str
    """The dimension LoadBalancer: ``app/NAME/ID``."""
    target_group: str
    """The dimension TargetGroup: ``targetgroup/NAME/ID``."""
    registered: int
    """Targets, draining ones aside."""
    healthy: Mapping[str, int]
    """Targets by zone."""
    unhealthy: Mapping[str, int]
    fails_open: bool = False
    """Whether too few targets are healthy, so that requests go to any of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningContainer:
    """A container of a running task that runs itself."""

    name: str
    cpu_units: int = 0
    """What its definition reserves for it alone; 0 where it shares the task's."""
    memory_mib: int = 0
    restart_count: int | None = None
    """None without a restart policy."""
    is_unhealthy: bool | None = None
    """None without a health check, and while that has not said anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTask:
    """A task in RUNNING, with what it has reserved: as its definition says, or for one without sizes nothing."""

    arn: str
    family: str
    cpu_units: int
    memory_mib: int
    containers: tuple[RunningContainer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """A service and its tasks."""

    cluster: str
    service: str
    desired: int
    running: int
    pending: int
    deployments: int
    tasks: tuple[RunningTask, ...]


class Insights(StrEnum):
    """The values of a cluster's setting ``containerInsights``."""

    DISABLED = "disabled"
    ENABLED = "enabled"
    ENHANCED = "enhanced"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFacts:
    """A cluster with all that runs in it."""

    cluster: str
    insights: Insights
    services: tuple[ServiceFacts, ...]
    standalone: tuple[RunningTask, ...] = ()
    """Tasks of no service."""


def zones_of_load_balancers(region: Region) -> Mapping[str, str]:
    """The zone in which each load balancer's node counts, by its dimension: there is one node, in the first of its zones."""
    return {
        balancer.arn.partition(":loadbalancer/")[2]: balancer.zones[0][0] if balancer.zones else NO_ZONE
        for balancer in region.state.load_balancers.values()
    }


def target_group_facts(region: Region) -> list[TargetGroupFacts]:
    """Each target group with each load balancer that forwards to it."""
    zones = zones_of_load_balancers(region)
    uses = sorted(set(_uses(region)))
    in_use = {group for _, group in uses}
    healthy: dict[str, Counter[str | None]] = {group: Counter() for group in in_use}
    unhealthy: dict[str, Counter[str | None]] = {group: Counter() for group in in_use}
    registered: Counter[str] = Counter()
    for target in region.state.targets.values():
        health = region.target_health(target.target_key, in_use=in_use)
        if target.target_group_arn not in in_use or health is None or health.state is TargetHealthState.DRAINING:
            continue
        registered[target.target_group_arn] += 1
        match health.state:
            case TargetHealthState.HEALTHY:
                healthy[target.target_group_arn][target.availability_zone] += 1
            case TargetHealthState.UNHEALTHY:
                unhealthy[target.target_group_arn][target.availability_zone] += 1
            case _:
                pass
    return [
        TargetGroupFacts(
            load_balancer=balancer,
            target_group=group.rpartition(":")[2],
            registered=registered[group],
            healthy=_in_zones(healthy[group], zones.get(balancer, NO_ZONE)),
            unhealthy=_in_zones(unhealthy[group], zones.get(balancer, NO_ZONE)),
            fails_open=_fails_open(region, group, registered[group], sum(healthy[group].values())),
        )
        for balancer, group in uses
    ]


def known_target_groups(region: Region) -> frozenset[str]:
    """Every target group, whether it is used or not, by its dimension."""
    return frozenset(arn.rpartition(":")[2] for arn in region.state.target_groups)


def _fails_open(region: Region, group_arn: str, registered: int, healthy: int) -> bool:
    least = panic_percent(region.state.target_groups[group_arn], registered)
    return bool(registered) and 100 * healthy < least * registered


def listener_rules(region: Region) -> Mapping[str, Sequence[int]]:
    """The priorities of each listener's rules, in order, without the default rule; by the listener's name."""
    found: dict[str, list[int]] = defaultdict(list)
    for rule in region.state.rules.values():
        if rule.priority is not None:
            found[listener_name(rule.listener_arn)].append(rule.priority)
    return {name: sorted(priorities) for name, priorities in found.items()}


def _uses(region: Region) -> Iterator[tuple[str, str]]:
    """Pairs of load balancer dimension and target group ARN."""
    for rule in region.state.rules.values():
        if isinstance(rule.action, Forward):
            balancer = rule.listener_arn.partition(":listener/")[2].rpartition("/")[0]
            for group in rule.action.target_groups:
                if group.arn in region.state.target_groups:
                    yield balancer, group.arn


def _in_zones(counts: Counter[str | None], home: str) -> Mapping[str, int]:
    """Targets without a zone of their own, or with that of all, are in the load balancer's."""
    found: Counter[str] = Counter()
    for zone, count in counts.items():
        found[home if zone in {None, "all"} else str(zone)] += count
    return found


def cluster_facts(region: Region) -> list[ClusterFacts]:
    """Every cluster, with its services that are not deleted."""
    services: dict[str, list[ServiceFacts]] = defaultdict(list)
    for service in region.state.services.values():
        if service.status is not ServiceStatus.INACTIVE:
            services[service.cluster_arn].append(_facts_of(region, service))
    standalone: dict[str, list[RunningTask]] = defaultdict(list)
    for task in region.state.tasks.values():
        if task.service_arn is None and task.last_status is LastStatus.RUNNING:
            standalone[task.cluster_arn].append(_running(region, task))
    return [
        ClusterFacts(
            cluster=last_part(arn),
            insights=_insights(cluster),
            services=tuple(services[arn]),
            standalone=tuple(standalone[arn]),
        )
        for arn, cluster in region.state.clusters.items()
    ]


def _facts_of(region: Region, service: Service) -> ServiceFacts:
    tasks = [task for task in region.state.of_service(Task, service.arn) if task.last_status is not LastStatus.STOPPED]
    running = tuple(_running(region, task) for task in tasks if task.last_status is LastStatus.RUNNING)
    before = [LastStatus.PROVISIONING, LastStatus.PENDING, LastStatus.ACTIVATING]
    deployments = region.state.of_service(Deployment, service.arn)
    return ServiceFacts(
        cluster=last_part(service.cluster_arn),
        service=service.name,
        desired=service.desired_count,
        running=len(running),
        pending=sum(task.last_status in before for task in tasks),
        deployments=sum(one.status is not DeploymentStatus.INACTIVE for one in deployments),
        tasks=running,
    )


def _running(region: Region, task: Task) -> RunningTask:
    definition = region.state.task_definitions[task.task_definition_arn]
    containers = definition.containers
    seen = {one.name: one for one in task.containers if one.last_status == "RUNNING"}
    return RunningTask(
        arn=task.arn,
        family=definition.family,
        cpu_units=definition.cpu_units or sum(one.cpu_units or 0 for one in containers),
        memory_mib=definition.memory_mib or sum(one.memory_mib or 0 for one in containers),
        containers=tuple(_container(one, seen[one.name]) for one in containers if one.name in seen),
    )


def _container(definition: ContainerDefinition, seen: Container) -> RunningContainer:
    is_known = definition.health_check is not None and seen.health_status is not HealthStatus.UNKNOWN
    return RunningContainer(
        name=definition.name,
        cpu_units=definition.cpu_units or 0,
        memory_mib=definition.memory_mib or 0,
        restart_count=None if definition.restart_policy is None else seen.restart_count,
        is_unhealthy=seen.health_status is HealthStatus.UNHEALTHY if is_known else None,
    )


def _insights(cluster: Cluster) -> Insights:
    found = [one["value"] for one in cluster.members.get("settings", []) if one["name"] == "containerInsights"]
    return Insights(found[0]) if found and found[0] in set(Insights) else Insights.DISABLED
