"""New task records, for the scheduler's starts and for RunTask alike, and what a runtime needs to launch one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ninelives.model.arns import last_part
from ninelives.model.ecs import (
    Container,
    ContainerDefinition,
    DesiredStatus,
    LastStatus,
    ServiceRevision,
    Task,
    TaskDefinition,
)
from ninelives.model.images import read_reference
from ninelives.region.ecs_overrides import overridden
from ninelives.region.ports import TaskLaunch
from ninelives.region.region import Region


def new_task(region: Region, definition: TaskDefinition, cluster_arn: str, **members: Any) -> Task:
    """A task of ``definition`` that is to be started; ``members`` are further fields of the record."""
    cluster = last_part(cluster_arn)
    task_id = region.ids.task_id()
    return Task(
        arn=region.place.task(cluster, task_id),
        cluster_arn=cluster_arn,
        task_definition_arn=definition.arn,
        last_status=LastStatus.PROVISIONING,
        desired_status=DesiredStatus.RUNNING,
        created_at=region.now(),
        containers=tuple(
            Container(
                arn=region.place.container(cluster, task_id, region.ids.uuid()), name=container.name, image=container.image
            )
            for container in definition.containers
        ),
        **members,
    )


def launch_of(region: Region, task: Task) -> TaskLaunch:
    """What a runtime needs for ``task``: images pinned to the digests that the revision's first task resolved."""
    definition = region.state.task_definitions[task.task_definition_arn]
    revision = region.state.revisions.get(task.revision_arn or "")
    return TaskLaunch(
        task=task,
        definition=_timed(region, overridden(definition, task.overrides)),
        service_name=last_part(task.service_arn) if task.service_arn else None,
        images={name: at_home(region, image) for name, image in _images(definition, revision).items()},
    )


def at_home(region: Region, image: str) -> str:
    """``image`` where it is to be had: a template that was written for AWS names ECR by its host there, and means this one."""
    place = region.place
    host, slash, rest = image.partition("/")
    is_ours = host == f"{place.account}.dkr.ecr.{place.region}.amazonaws.com"
    return f"{region.registry}/{rest}" if is_ours and slash and region.registry else image


def _timed(region: Region, definition: TaskDefinition) -> TaskDefinition:
    """The definition in this region's time: how long a container must have run before it may be restarted is policy."""
    if not any(container.restart_policy for container in definition.containers):
        return definition
    return replace(definition, containers=tuple(_timed_container(region, one) for one in definition.containers))


def _timed_container(region: Region, container: ContainerDefinition) -> ContainerDefinition:
    policy = container.restart_policy
    if policy is None:
        return container
    period = region.timing.scaled(policy.restart_attempt_period)
    return replace(container, restart_policy=replace(policy, restart_attempt_period=period))


def _images(definition: TaskDefinition, revision: ServiceRevision | None) -> Mapping[str, str]:
    digests = {name: digest for name, _, digest in revision.container_images} if revision else {}
    return {
        container.name: pinned(container.image, digests.get(container.name) if container.version_consistency else None)
        for container in definition.containers
    }


def pinned(image: str, digest: str | None) -> str:
    """``image`` by its digest. Only a reference with a registry can be pinned; others stay as they are.

    >>> pinned("127.0.0.1:4566/cats:2.0.1", "sha256:0f")
    '127.0.0.1:4566/cats@sha256:0f'
    >>> pinned("cats:2.0.1", "sha256:0f"), pinned("127.0.0.1:4566/cats:2.0.1", None)
    ('cats:2.0.1', '127.0.0.1:4566/cats:2.0.1')
    """
    read = read_reference(image)
    return image if digest is None or read.registry is None else f"{read.name}@{digest}"
