"""Finds ECS's records by what a request calls them: a name, an id or an ARN; and says so in ECS's words when there is none.

Source of the messages: answers of the real service (a cluster that is INACTIVE, a service that is not there).
"""

import re

from ninelives.model.arns import last_part
from ninelives.model.ecs import Cluster, Service, Task, TaskDefinition
from ninelives.model.errors import ApiError
from ninelives.region.region import Region

DEFAULT_CLUSTER = "default"
NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
"""What names of clusters, services, families and containers are made of."""


def cluster_arn(region: Region, cluster: str | None) -> str:
    """The ARN that a request means by ``cluster``: a name, an ARN, or nothing for the cluster ``default``."""
    name = cluster or DEFAULT_CLUSTER
    return name if name.startswith("arn:") else region.place.cluster(name)


def find_cluster(region: Region, cluster: str | None) -> Cluster | None:
    """The cluster, ACTIVE or INACTIVE."""
    return region.state.clusters.get(cluster_arn(region, cluster))


def active_cluster(region: Region, cluster: str | None) -> Cluster:
    """The ACTIVE cluster of that name or ARN. Raises ``ClusterNotFoundException``."""
    found = find_cluster(region, cluster)
    if found is None:
        raise ApiError("ClusterNotFoundException", "Cluster not found.")
    if found.status != "ACTIVE":
        raise ApiError("ClusterNotFoundException", "The referenced cluster was inactive.")
    return found


def service_arn(region: Region, cluster: Cluster, service: str) -> str:
    """The ARN that a request means by ``service``; an ARN of the old form, without its cluster, is taken too."""
    if service.count("/") > 1:
        return service
    return region.place.service(cluster.name, last_part(service))


def find_service(region: Region, cluster: Cluster, service: str) -> Service | None:
    """The service of ``cluster``, whatever its status."""
    found = region.state.services.get(service_arn(region, cluster, service))
    return found if found is not None and found.cluster_arn == cluster.arn else None


def the_service(region: Region, cluster: Cluster, service: str) -> Service:
    """The service of ``cluster``, whatever its status. Raises ``ServiceNotFoundException``."""
    found = find_service(region, cluster, service)
    if found is None:
        raise ApiError("ServiceNotFoundException", "Service not found.")
    return found


def task_arn(region: Region, cluster: Cluster, task: str) -> str:
    """The ARN that a request means by ``task``: an id, or an ARN with or without its cluster."""
    if task.count("/") > 1:
        return task
    return region.place.task(cluster.name, last_part(task))


def find_task(region: Region, cluster: Cluster, task: str) -> Task | None:
    """The task of ``cluster``; a stopped one for as long as it is kept."""
    found = region.state.tasks.get(task_arn(region, cluster, task))
    return found if found is not None and found.cluster_arn == cluster.arn else None


def find_task_definition(region: Region, reference: str) -> TaskDefinition | None:
    """The revision that ``family:revision`` or its ARN names, or the newest ACTIVE one of a ``family``."""
    found = find_revision(region, reference)
    if found is not None:
        return found
    family = last_part(reference)
    active = [one for one in region.state.task_definitions.values() if one.family == family and one.status == "ACTIVE"]
    return max(active, key=lambda one: one.revision, default=None)


def find_revision(region: Region, reference: str) -> TaskDefinition | None:
    """The revision that ``family:revision`` or its ARN names; never one that is only named by its family."""
    family, colon, revision = last_part(reference).rpartition(":")
    if not colon or not revision.isdecimal():
        return None
    arn = reference if reference.startswith("arn:") else region.place.task_definition(family, int(revision))
    return region.state.task_definitions.get(arn)
