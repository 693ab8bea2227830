"""What must be in the end, once faults have stopped: everything settled, everything as asked, nothing left over."""

from collections.abc import Iterator
from typing import Any

from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    LastStatus,
    RolloutState,
    Service,
    ServiceDeployment,
    ServiceStatus,
    Task,
)
from ninelives.model.elbv2 import Target
from ninelives.region.region import Region
from ninelives.region.snapshots import routing_of
from ninelives.simulator.control_plane import Surroundings
from ninelives.simulator.disk import Disk
from ninelives.simulator.names import short


def unsettled(disk: Disk) -> str | None:
    """The first thing that is still on its way, in a sentence; None when nothing is."""
    tasks = (_task_on_its_way(task) for task in disk.tables[Task].values())
    services = (_service_on_its_way(disk, one) for one in disk.tables[Service].values() if one.status is ServiceStatus.ACTIVE)
    return next((what for what in (*tasks, *services) if what is not None), None)


def has_failed(disk: Disk, service: Service) -> bool:
    """Whether a service's last deployment failed for good."""
    return service.status is ServiceStatus.ACTIVE and _primary(disk, service).rollout_state is RolloutState.FAILED


def left_over(around: Surroundings, region: Region) -> Iterator[str]:
    """What nobody wants any more and is there: containers, targets, routes, deployments; each in a sentence."""
    disk, machine = around.disk, around.machine
    tasks = [task for task in disk.tables[Task].values() if task.last_status is not LastStatus.STOPPED]
    for arn in machine.tasks.keys() - {task.arn for task in tasks}:
        yield f"containers are left of task {short(arn)}"
    for arn, count in machine.created.items():
        if count > 1:
            yield f"task {short(arn)} was started {count} times"
    addresses = {(task.address.ip, port) for task in tasks if task.address for _, port in task.address.ports}
    for target in disk.tables[Target].values():
        if (target.id, target.port) not in addresses:
            yield f"target {target.id}:{target.port} is left"
    if routing_of(region) != around.proxy.snapshot:
        yield "the routes in force are not those of the records"
    for service in disk.tables[Service].values():
        listed = len([one for one in _of(disk, Deployment, service) if one.status is not DeploymentStatus.INACTIVE])
        if listed != (service.status is ServiceStatus.ACTIVE):
            yield f"service {service.name}, which is {service.status}, lists {listed} deployments"


def _task_on_its_way(task: Task) -> str | None:
    if task.last_status in {LastStatus.RUNNING, LastStatus.STOPPED}:
        return None
    return f"task {task.id} is {task.last_status} ({task.stopped_reason})"


def _service_on_its_way(disk: Disk, service: Service) -> str | None:
    for one in _of(disk, ServiceDeployment, service):
        if not one.status.is_terminal:
            return f"service deployment {short(one.arn)} is {one.status} in {one.lifecycle_stage}"
    running = [task for task in _of(disk, Task, service) if task.last_status is LastStatus.RUNNING]
    primary = _primary(disk, service)
    if primary.rollout_state is RolloutState.FAILED:
        # Where traffic is shifted, both revisions stay as they are, until somebody decides.
        most = service.desired_count * (2 if any(one.advanced is not None for one in service.load_balancers) else 1)
        return f"{len(running)} tasks run of {service.desired_count}" if len(running) > most else None
    if primary.rollout_state is not RolloutState.COMPLETED:
        return f"PRIMARY is {primary.rollout_state}"
    well = [task for task in running if task.healthy_since is not None and task.revision_arn == primary.revision_arn]
    if not len(well) == len(running) == service.desired_count:
        return f"{len(running)} tasks run, {len(well)} are well, of {service.desired_count}"
    return None


def _primary(disk: Disk, service: Service) -> Deployment:
    found: Deployment = next(one for one in _of(disk, Deployment, service) if one.status is DeploymentStatus.PRIMARY)
    return found


def _of(disk: Disk, kind: type[Any], service: Service) -> list[Any]:
    return [one for one in disk.tables[kind].values() if one.service_arn == service.arn]
