"""What the scheduler and the routing are told: views of the records at one moment."""

from collections.abc import Iterable, Iterator

from ninelives.model.cloudwatch import AlarmFacts
from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    LastStatus,
    Service,
    ServiceDeployment,
    ServiceLoadBalancer,
    Task,
)
from ninelives.region.region import Region
from ninelives.routing import EnvoySnapshot, resolve
from ninelives.scheduler.plan import ServiceSnapshot


def snapshot_of(region: Region, service: Service) -> ServiceSnapshot:
    """All that the scheduler may know of ``service``."""
    state = region.state
    tasks = tuple(task for task in state.of_service(Task, service.arn) if task.last_status is not LastStatus.STOPPED)
    deployments = [
        deployment
        for deployment in reversed(state.of_service(Deployment, service.arn))  # Later ones win a tie.
        if deployment.status is not DeploymentStatus.INACTIVE
    ]
    deployments.sort(
        key=lambda deployment: (deployment.status is DeploymentStatus.PRIMARY, deployment.created_at), reverse=True
    )
    # In the order in which they were recorded: a clock may be set back.
    acts = [one for one in reversed(state.of_service(ServiceDeployment, service.arn)) if not one.status.is_terminal]
    revision_arns = {deployment.revision_arn for deployment in deployments} | {task.revision_arn for task in tasks}
    groups = _target_groups_of(region, service, revision_arns)
    rules = _rules_of(region, service, revision_arns)
    in_use = {arn for arn in groups if region.is_in_use(arn)}
    targets = {target.target_key: target for target in state.targets.values() if target.target_group_arn in groups}
    health = {key: region.target_health(key, in_use=in_use) for key in targets}
    return ServiceSnapshot(
        service=service,
        deployments=tuple(deployments),
        service_deployments=tuple(acts),
        revisions={arn: state.revisions[arn] for arn in revision_arns if arn},
        task_definitions={
            arn: state.task_definitions[arn]
            for arn in {task.task_definition_arn for task in tasks}
            | {state.revisions[arn].task_definition_arn for arn in revision_arns if arn}
        },
        tasks=tasks,
        targets=targets,
        target_health={key: one for key, one in health.items() if one is not None},
        missing_target_groups=frozenset(groups - state.target_groups.keys()),
        rules={arn: state.rules[arn] for arn in rules if arn in state.rules},
        rules_in_force={arn: region.rules_in_force[arn] for arn in rules if arn in region.rules_in_force},
        alarms=_alarms_of(region, acts),
    )


def _alarms_of(region: Region, acts: Iterable[ServiceDeployment]) -> dict[str, AlarmFacts]:
    names = {name: None for act in acts for name in act.deployment_configuration.alarms.names}
    found = {name: region.alarms.facts(name) for name in names}
    return {name: facts for name, facts in found.items() if facts is not None}


def _target_groups_of(region: Region, service: Service, revision_arns: Iterable[str | None]) -> set[str]:
    """The target groups of the service and of its revisions, alternate ones included."""
    return {arn for one in _load_balancers_of(region, service, revision_arns) for arn in one.target_group_arns}


def _load_balancers_of(region: Region, service: Service, revision_arns: Iterable[str | None]) -> Iterator[ServiceLoadBalancer]:
    yield from service.load_balancers
    for arn in revision_arns:
        if arn:
            yield from region.state.revisions[arn].load_balancers


def _rules_of(region: Region, service: Service, revision_arns: Iterable[str | None]) -> set[str]:
    """ARNs of the listener rules by which traffic is shifted."""
    advanced = [one.advanced for one in _load_balancers_of(region, service, revision_arns) if one.advanced is not None]
    return {rule for one in advanced for rule in (one.production_listener_rule, one.test_listener_rule) if rule is not None}


def routing_of(region: Region) -> EnvoySnapshot:
    """What the data plane is to serve: made anew only when a record that it is made of has changed."""
    state = region.state
    if region.routing is not None and region.routing[0] == state.routing_version:
        return region.routing[1]
    snapshot = resolve(
        load_balancers=state.load_balancers.values(),
        listeners=state.listeners.values(),
        rules=state.rules.values(),
        target_groups=state.target_groups.values(),
        targets=state.targets.values(),
        timing=region.timing,
        certificates=region.certificates,
    )
    region.routing = (state.routing_version, snapshot)
    return snapshot
