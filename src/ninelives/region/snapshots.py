"""What the scheduler and the routing are told: views of the records at one moment."""

from collections.abc import Iterable

from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    LastStatus,
    Service,
    ServiceDeployment,
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
        for deployment in state.of_service(Deployment, service.arn)
        if deployment.status is not DeploymentStatus.INACTIVE
    ]
    deployments.sort(
        key=lambda deployment: (deployment.status is DeploymentStatus.PRIMARY, deployment.created_at), reverse=True
    )
    revision_arns = {deployment.revision_arn for deployment in deployments} | {task.revision_arn for task in tasks}
    groups = _target_groups_of(region, service, revision_arns)
    in_use = {arn for arn in groups if region.is_in_use(arn)}
    targets = {target.target_key: target for target in state.targets.values() if target.target_group_arn in groups}
    health = {key: region.target_health(key, in_use=in_use) for key in targets}
    return ServiceSnapshot(
        service=service,
        deployments=tuple(deployments),
        # In the order in which they were recorded: a clock may be set back.
        service_deployments=tuple(
            one for one in reversed(state.of_service(ServiceDeployment, service.arn)) if not one.status.is_terminal
        ),
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
    )


def _target_groups_of(region: Region, service: Service, revision_arns: Iterable[str | None]) -> set[str]:
    groups = {one.target_group_arn for one in service.load_balancers}
    for arn in revision_arns:
        if arn:
            groups |= {one.target_group_arn for one in region.state.revisions[arn].load_balancers}
    return groups


def routing_of(region: Region) -> EnvoySnapshot:
    """What the data plane is to serve."""
    state = region.state
    return resolve(
        load_balancers=state.load_balancers.values(),
        listeners=state.listeners.values(),
        rules=state.rules.values(),
        target_groups=state.target_groups.values(),
        targets=state.targets.values(),
        timing=region.timing,
    )
