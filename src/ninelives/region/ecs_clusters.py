"""Intents on clusters: create, change, delete."""

from collections.abc import Sequence
from dataclasses import replace

from ninelives.model.ecs import Cluster, Json, LastStatus, ServiceStatus
from ninelives.model.errors import ApiError
from ninelives.region.ecs_capacity import check_strategy, known_provider
from ninelives.region.ecs_lookup import DEFAULT_CLUSTER, NAME, active_cluster, find_cluster
from ninelives.region.region import Region

CONTAINER_INSIGHTS_VALUES = ("enabled", "disabled", "enhanced")


def create_cluster(region: Region, *, name: str | None, members: Json, tags: Json) -> Cluster:
    """The new cluster, or the ACTIVE one of that name as it is. An INACTIVE one starts afresh under its old ARN.

    ``members``: settings, configuration, capacityProviders, … as the API spells them.
    """
    name = name or DEFAULT_CLUSTER
    if not NAME.fullmatch(name):
        raise ApiError("InvalidParameterException", "Cluster name should match regex: [a-zA-Z0-9_-]{1,255}")
    members = {"settings": [], "capacityProviders": [], "defaultCapacityProviderStrategy": []} | dict(members)
    members["settings"] = _settings([], members["settings"])
    _check_providers(members["capacityProviders"], members["defaultCapacityProviderStrategy"])
    existing = find_cluster(region, name)
    if existing is not None and existing.status == "ACTIVE":
        return existing
    cluster = Cluster(arn=region.place.cluster(name), name=name, status="ACTIVE", members=members, tags=tags)
    return _recorded(region, cluster)


def update_cluster(region: Region, cluster: str, *, settings: Sequence[Json] = (), members: Json) -> Cluster:
    """The cluster with ``settings`` laid over its own and ``members`` (configuration, serviceConnectDefaults) replaced."""
    found = active_cluster(region, cluster)
    changed = dict(found.members) | dict(members)
    changed["settings"] = _settings(changed["settings"], settings)
    return _recorded(region, replace(found, members=changed))


def put_cluster_capacity_providers(
    region: Region, cluster: str, *, capacity_providers: Sequence[str], default_strategy: Sequence[Json]
) -> Cluster:
    """The cluster with these capacity providers and this default strategy in place of those it had."""
    found = active_cluster(region, cluster)
    _check_providers(capacity_providers, default_strategy)
    changed = dict(found.members) | {
        "capacityProviders": list(capacity_providers),
        "defaultCapacityProviderStrategy": list(default_strategy),
    }
    return _recorded(region, replace(found, members=changed))


def delete_cluster(region: Region, cluster: str) -> Cluster:
    """The cluster, INACTIVE from now on. Refused while it has services that are not INACTIVE or tasks that are not STOPPED."""
    found = active_cluster(region, cluster)
    state = region.state
    if any(one.cluster_arn == found.arn and one.status is not ServiceStatus.INACTIVE for one in state.services.values()):
        raise ApiError("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
    if any(one.cluster_arn == found.arn and one.last_status is not LastStatus.STOPPED for one in state.tasks.values()):
        raise ApiError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    return _recorded(region, replace(found, status="INACTIVE", tags={}))


def _recorded(region: Region, cluster: Cluster) -> Cluster:
    with region.state.transaction() as changes:
        changes.put(cluster)
    return cluster


def _settings(before: Sequence[Json], given: Sequence[Json]) -> list[Json]:
    values = {"containerInsights": "disabled"} | {one["name"]: one["value"] for one in before}
    for one in given:
        name, value = one.get("name"), one.get("value")
        if name != "containerInsights":
            raise ApiError("InvalidParameterException", f"Invalid cluster setting name: {name}. Valid: containerInsights.")
        if value not in CONTAINER_INSIGHTS_VALUES:
            valid = ", ".join(CONTAINER_INSIGHTS_VALUES)
            raise ApiError("InvalidParameterException", f"Invalid value for containerInsights: {value}. Valid: {valid}.")
        values[name] = value
    return [{"name": name, "value": value} for name, value in values.items()]


def _check_providers(capacity_providers: Sequence[str], default_strategy: Sequence[Json]) -> None:
    for name in capacity_providers:
        known_provider(name)
    if default_strategy:
        check_strategy(default_strategy, capacity_providers)
