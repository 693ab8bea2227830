"""Clusters on the wire. Their counts are derived from services and tasks."""

from collections.abc import Collection, Mapping
from typing import Any

from ninelives.api.call import Call
from ninelives.api.ecs.paging import page
from ninelives.api.ecs.tags import read_tags, write_tags
from ninelives.model.ecs import Cluster, LastStatus, ServiceStatus
from ninelives.model.errors import ApiError
from ninelives.region import ecs_clusters
from ninelives.region.ecs_lookup import DEFAULT_CLUSTER, cluster_arn, find_cluster
from ninelives.region.region import Region

DESCRIBED_MAX = 100
ALL_FIELDS = ("CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS")
CREATED_MEMBERS = (
    "settings",
    "configuration",
    "capacityProviders",
    "defaultCapacityProviderStrategy",
    "serviceConnectDefaults",
)


def create_cluster(region: Region, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    members = {name: parameters[name] for name in CREATED_MEMBERS if name in parameters}
    cluster = ecs_clusters.create_cluster(region, name=parameters.get("clusterName"), members=members, tags=read_tags(call))
    return {"cluster": write_cluster(region, cluster, include=ALL_FIELDS)}


def describe_clusters(region: Region, call: Call) -> Mapping[str, Any]:
    asked = call.parameters.get("clusters") or [DEFAULT_CLUSTER]
    if len(asked) > DESCRIBED_MAX:
        raise ApiError("InvalidParameterException", f"clusters can have at most {DESCRIBED_MAX} items.")
    include = call.parameters.get("include", ())
    found = {name: find_cluster(region, name) for name in asked}
    return {
        "clusters": [write_cluster(region, one, include=include) for one in found.values() if one is not None],
        "failures": [{"arn": cluster_arn(region, name), "reason": "MISSING"} for name, one in found.items() if one is None],
    }


def list_clusters(region: Region, call: Call) -> Mapping[str, Any]:
    arns = sorted(one.arn for one in region.state.clusters.values() if one.status == "ACTIVE")
    shown, token = page(arns, call.parameters)
    return {"clusterArns": shown, "nextToken": token}


def update_cluster(region: Region, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    members = {name: parameters[name] for name in ("configuration", "serviceConnectDefaults") if name in parameters}
    cluster = ecs_clusters.update_cluster(
        region, parameters["cluster"], settings=parameters.get("settings", ()), members=members
    )
    return {"cluster": write_cluster(region, cluster, include=ALL_FIELDS)}


def put_cluster_capacity_providers(region: Region, call: Call) -> Mapping[str, Any]:
    cluster = ecs_clusters.put_cluster_capacity_providers(
        region,
        call.parameters["cluster"],
        capacity_providers=call.parameters["capacityProviders"],
        default_strategy=call.parameters["defaultCapacityProviderStrategy"],
    )
    return {"cluster": write_cluster(region, cluster, include=ALL_FIELDS)}


def delete_cluster(region: Region, call: Call) -> Mapping[str, Any]:
    cluster = ecs_clusters.delete_cluster(region, call.parameters["cluster"])
    return {"cluster": write_cluster(region, cluster, include=())}


def write_cluster(region: Region, cluster: Cluster, *, include: Collection[str]) -> Mapping[str, Any]:
    """A cluster; its settings, configuration, statistics and tags only where ``include`` asks for them."""
    services = [one for one in region.state.services.values() if one.cluster_arn == cluster.arn]
    tasks = [one for one in region.state.tasks.values() if one.cluster_arn == cluster.arn and one.is_live]
    running = sum(task.last_status is LastStatus.RUNNING for task in tasks)
    active = sum(service.status is ServiceStatus.ACTIVE for service in services)
    draining = sum(service.status is ServiceStatus.DRAINING for service in services)
    counts = _statistics(running=running, pending=len(tasks) - running, active=active, draining=draining)
    answer: dict[str, Any] = {
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": cluster.status,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": len(tasks) - running,
        "activeServicesCount": active,
        "statistics": counts if "STATISTICS" in include else [],
        "tags": write_tags(cluster.tags) if "TAGS" in include else [],
        "settings": cluster.members["settings"] if "SETTINGS" in include else [],
        "capacityProviders": cluster.members["capacityProviders"],
        "defaultCapacityProviderStrategy": [
            {"weight": 0, "base": 0, **one} for one in cluster.members["defaultCapacityProviderStrategy"]
        ],
    }
    if "CONFIGURATIONS" in include:
        answer["configuration"] = cluster.members.get("configuration")
    answer["serviceConnectDefaults"] = cluster.members.get("serviceConnectDefaults")
    return {name: value for name, value in answer.items() if value is not None}


def _statistics(*, running: int, pending: int, active: int, draining: int) -> list[Mapping[str, str]]:
    """Source: ``ecs`` 2014-11-13, ``Cluster.statistics``. All that runs here runs as on Fargate."""
    fargate = {
        "runningFargateTasksCount": running,
        "pendingFargateTasksCount": pending,
        "activeFargateServiceCount": active,
        "drainingFargateServiceCount": draining,
    }
    none = {name.replace("Fargate", other): 0 for other in ("EC2", "External") for name in fargate}
    return [{"name": name, "value": str(count)} for name, count in {**none, **fargate}.items()]


HANDLERS = {
    "CreateCluster": create_cluster,
    "DescribeClusters": describe_clusters,
    "ListClusters": list_clusters,
    "UpdateCluster": update_cluster,
    "UpdateClusterSettings": update_cluster,
    "PutClusterCapacityProviders": put_cluster_capacity_providers,
    "DeleteCluster": delete_cluster,
}
