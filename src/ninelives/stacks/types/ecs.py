"""ECS. Source: ``ecs`` 2014-11-13."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from ninelives.stacks.declared import Declared, Named, Setting, Step, Tagging, ask, described, tag_list, tagging
from ninelives.stacks.resource_type import Replacement, Request, ResourceFailed
from ninelives.stacks.spelling import api_spelling, template_spelling

CLUSTER: Final = "AWS::ECS::Cluster"
TASK_DEFINITION: Final = "AWS::ECS::TaskDefinition"
SERVICE: Final = "AWS::ECS::Service"

FAILURES: Final = ("STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")
"""How a service deployment ends that is not successful. Source: ``ServiceDeploymentStatus``."""


def _tagged(arn: str) -> Tagging:
    """Tags of what is called ``arn`` (a place in the attributes), or by its physical id."""
    return tagging(
        "ecs:TagResource",
        "ecs:UntagResource",
        lambda it: {"resourceArn": it.attributes.get(arn, it.physical_id)},
        tags="tags",
        keys="tagKeys",
        words=("key", "value"),
    )


def _live_tags(tags: Any) -> list[Mapping[str, str]] | None:
    return [{"Key": tag["key"], "Value": tag["value"]} for tag in tags or () if not tag["key"].startswith("aws:")] or None


CLUSTER_NAME: Final = Named(name="ClusterName")
PROVIDERS: Final = "CapacityProviders DefaultCapacityProviderStrategy"


def _cluster_request(it: Request) -> Mapping[str, Any]:
    given = api_spelling(CLUSTER, it.properties)
    settings = given.pop("clusterSettings", None)
    return {**given, "clusterName": CLUSTER_NAME(it), "settings": settings, "tags": tag_list(it, "key", "value")}


def _cluster_changes(it: Request) -> Mapping[str, Any]:
    given = api_spelling(CLUSTER, it.properties)
    settings = given.get("clusterSettings", [{"name": "containerInsights", "value": "disabled"}])
    members = {name: given.get(name) for name in ("configuration", "serviceConnectDefaults")}
    return {"cluster": it.physical_id, "settings": settings if "ClusterSettings" in it.changed else None, **members}


def _providers(cluster: Any) -> Any:
    def parameters(it: Request) -> Mapping[str, Any]:
        given = api_spelling(CLUSTER, it.properties)
        return {
            "cluster": cluster(it),
            "capacityProviders": given.get("capacityProviders", []),
            "defaultCapacityProviderStrategy": given.get("defaultCapacityProviderStrategy", []),
        }

    return parameters


async def _cluster(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    del it
    live = template_spelling(CLUSTER, {**found, "clusterSettings": found.get("settings")})
    return {**live, "Arn": found["clusterArn"], "Tags": _live_tags(found.get("tags"))}


def _described_cluster(it: Request) -> Mapping[str, Any]:
    return {"clusters": [it.physical_id], "include": ["SETTINGS", "CONFIGURATIONS", "TAGS"]}


def _is_active(_: Request, found: Mapping[str, Any]) -> bool:
    return bool(found["status"] != "INACTIVE")


CLUSTER_TYPE: Final = Declared(
    name=CLUSTER,
    takes="ClusterName ClusterSettings Configuration ServiceConnectDefaults",
    create_by=Step("ecs:CreateCluster", _cluster_request),
    identified_by="cluster.clusterName",
    named=CLUSTER_NAME,
    parts=(
        Setting(PROVIDERS, Step("ecs:PutClusterCapacityProviders", _providers(lambda it: it.physical_id)), is_made=True),
        _tagged("Arn"),
    ),
    update_by=Step("ecs:UpdateCluster", _cluster_changes),
    read_by=described(Step("ecs:DescribeClusters", _described_cluster), "clusters", _cluster, where=_is_active),
    delete_by=(Step("ecs:DeleteCluster", lambda it: {"cluster": it.physical_id}),),
)


async def _associations(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    del it
    return {"Cluster": found["clusterName"], **template_spelling(CLUSTER, found)}


def _has_providers(it: Request, found: Mapping[str, Any]) -> bool:
    return _is_active(it, found) and bool(found.get("capacityProviders"))


CAPACITY_PROVIDER_ASSOCIATIONS: Final = Declared(
    name="AWS::ECS::ClusterCapacityProviderAssociations",
    takes=f"Cluster {PROVIDERS}",
    create_by=Step("ecs:PutClusterCapacityProviders", _providers(lambda it: it.properties["Cluster"])),
    identified_by="cluster.clusterName",
    update_by=Step("ecs:PutClusterCapacityProviders", _providers(lambda it: it.physical_id)),
    read_by=described(Step("ecs:DescribeClusters", _described_cluster), "clusters", _associations, where=_has_providers),
    delete_by=(
        Step(
            "ecs:PutClusterCapacityProviders",
            lambda it: {"cluster": it.physical_id, "capacityProviders": [], "defaultCapacityProviderStrategy": []},
        ),
    ),
)

FAMILY: Final = Named(name="Family")


def _family(it: Request) -> str:
    """Without a name of the template's, CloudFormation makes one without dashes, as for any family."""
    return FAMILY(it) if "Family" in it.properties else it.name().replace("-", "")


async def _task_definition(it: Request) -> Mapping[str, Any] | None:
    parameters = {"taskDefinition": it.physical_id, "include": ["TAGS"]}
    answer = await ask(it, "ecs:DescribeTaskDefinition", parameters)
    if answer["taskDefinition"]["status"] != "ACTIVE":
        return None
    live = template_spelling(TASK_DEFINITION, answer["taskDefinition"])
    return {**live, "TaskDefinitionArn": it.physical_id, "Tags": _live_tags(answer.get("tags"))}


TASK_DEFINITION_TYPE: Final = Declared(
    name=TASK_DEFINITION,
    takes=(
        "ContainerDefinitions Cpu EnableFaultInjection EphemeralStorage ExecutionRoleArn Family InferenceAccelerators IpcMode "
        "Memory NetworkMode PidMode PlacementConstraints ProxyConfiguration RequiresCompatibilities RuntimePlatform "
        "TaskRoleArn Volumes"
    ),
    create_by=Step(
        "ecs:RegisterTaskDefinition",
        lambda it: {
            **api_spelling(TASK_DEFINITION, it.properties),
            "family": _family(it),
            "tags": tag_list(it, "key", "value"),
        },
    ),
    identified_by="taskDefinition.taskDefinitionArn",
    parts=(_tagged("TaskDefinitionArn"),),
    read_by=_task_definition,
    delete_by=(Step("ecs:DeregisterTaskDefinition", lambda it: {"taskDefinition": it.physical_id}),),
)

SERVICE_NAME: Final = Named(name="ServiceName")
CLEARED: Final[Mapping[str, Any]] = {
    "CapacityProviderStrategy": [],
    "EnableECSManagedTags": False,
    "EnableExecuteCommand": False,
    "HealthCheckGracePeriodSeconds": 0,
    "LoadBalancers": [],
    "PlacementConstraints": [],
    "PlacementStrategies": [],
    "PlatformVersion": "LATEST",
    "PropagateTags": "NONE",
    "ServiceRegistries": [],
    "VolumeConfigurations": [],
    "VpcLatticeConfigurations": [],
}
"""What takes a property back that a template no longer has; the others stay as they were."""

CHANGEABLE: Final = (
    "AvailabilityZoneRebalancing CapacityProviderStrategy DeploymentConfiguration DeploymentController DesiredCount "
    "EnableECSManagedTags EnableExecuteCommand GatewayConnectors HealthCheckGracePeriodSeconds LoadBalancers Monitoring "
    "NetworkConfiguration PlacementConstraints PlacementStrategies PlatformVersion PropagateTags ServiceConnectConfiguration "
    "ServiceRegistries TaskDefinition VolumeConfigurations VpcLatticeConfigurations"
)


def _service_members(properties: Mapping[str, Any]) -> dict[str, Any]:
    given = api_spelling(SERVICE, properties)
    if "placementStrategies" in given:
        given["placementStrategy"] = given.pop("placementStrategies")
    given.pop("forceNewDeployment", None)
    return given


def _service_request(it: Request) -> Mapping[str, Any]:
    # REPLICA's default; UpdateService has none, so that what scales a service keeps its count.
    count = {} if it.properties.get("SchedulingStrategy") == "DAEMON" else {"desiredCount": 1}
    given = {**count, **_service_members(it.properties)}
    return {
        **given,
        "serviceName": SERVICE_NAME(it),
        "clientToken": it.token[:36] or None,
        "tags": tag_list(it, "key", "value"),
    }


def _service_of(it: Request) -> Mapping[str, Any]:
    return {"cluster": _cluster_of(it), "service": it.physical_id}


def _cluster_of(it: Request) -> str:
    """The cluster of a service's ARN."""
    return it.physical_id.split("/")[1]


def _service_changes(it: Request) -> Mapping[str, Any]:
    changed = {name: it.properties.get(name, CLEARED.get(name)) for name in CHANGEABLE.split() if name in it.changed}
    force = it.properties.get("ForceNewDeployment") or {}
    is_forced = "ForceNewDeployment" in it.changed and force.get("EnableForceNewDeployment")
    return {**_service_of(it), **_service_members(changed), "forceNewDeployment": is_forced or None}


async def _described_service(it: Request) -> Mapping[str, Any]:
    found = (await ask(it, "ecs:DescribeServices", _describing(it)))["services"]
    return found[0] if found else {"status": "INACTIVE"}


async def _service(it: Request) -> Mapping[str, Any] | None:
    found = await described(Step("ecs:DescribeServices", _describing), "services", where=_is_active)(it)
    if found is None:
        return None
    live = template_spelling(SERVICE, {**found, "placementStrategies": found.get("placementStrategy")})
    ours = {"Name": found["serviceName"], "ServiceArn": found["serviceArn"], "Cluster": found["clusterArn"]}
    if "/" not in it.properties.get("Cluster", ""):
        ours["Cluster"] = found["clusterArn"].rpartition("/")[2]
    return {**live, **ours, "Tags": _live_tags(found.get("tags"))}


def _describing(it: Request) -> Mapping[str, Any]:
    return {"cluster": _cluster_of(it), "services": [it.physical_id], "include": ["TAGS"]}


async def _is_steady(it: Request) -> bool:
    """Whether the deployment that this operation began has come to its end, and all wanted tasks run.

    Raises ``ResourceFailed`` where the deployment was stopped or rolled back.
    """
    deployment = await _last_deployment(it)
    if deployment is not None and deployment["status"] in FAILURES:
        raise ResourceFailed(f"Error occurred during operation '{_cause(deployment)}'.", code="GeneralServiceException")
    if deployment is not None and deployment["status"] != "SUCCESSFUL":
        return False
    service = await _described_service(it)
    is_alone = len(service.get("deployments", ())) == 1
    return is_alone and bool(service["runningCount"] == service["desiredCount"])


async def _last_deployment(it: Request) -> Mapping[str, Any] | None:
    """The service's newest deployment, where this operation began it."""
    listed = await ask(it, "ecs:ListServiceDeployments", _service_of(it))
    newest = max(listed["serviceDeployments"], key=_created_at, default=None)
    if newest is None or (it.began_at is not None and _created_at(newest) < it.began_at):
        return None
    arns = [newest["serviceDeploymentArn"]]
    answer = await ask(it, "ecs:DescribeServiceDeployments", {"serviceDeploymentArns": arns})
    found: Mapping[str, Any] = answer["serviceDeployments"][0]
    return found


def _created_at(deployment: Mapping[str, Any]) -> datetime:
    found: datetime = deployment["createdAt"]
    return found


def _cause(deployment: Mapping[str, Any]) -> str:
    """Why a deployment did not succeed. Source: events of failed stacks, as users quote them."""
    if deployment.get("deploymentCircuitBreaker", {}).get("status") == "TRIGGERED":
        return "ECS Deployment Circuit Breaker was triggered"
    return str(deployment.get("statusReason") or f"ECS deployment ended as {deployment['status']}")


async def _is_inactive(it: Request) -> bool:
    return bool((await _described_service(it))["status"] == "INACTIVE")


def _service_replaced(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Replacement | None:
    """A launch type of the template's own may not change; the one that Fargate's provider stands for may come and go."""
    del before, after
    return Replacement.TRUE if name == "LaunchType" else None


async def _find_service(it: Request) -> str | None:
    cluster = it.properties.get("Cluster", "default").rpartition("/")[2]
    arn = it.place.service(cluster, SERVICE_NAME(it))
    found = await _described_service(replace(it, physical_id=arn))
    return arn if found["status"] == "ACTIVE" else None


SERVICE_TYPE: Final = Declared(
    name=SERVICE,
    takes=f"Cluster Role SchedulingStrategy ServiceName LaunchType ForceNewDeployment {CHANGEABLE}",
    create_by=Step("ecs:CreateService", _service_request),
    identified_by="service.serviceArn",
    parts=(_tagged("ServiceArn"),),
    update_by=Step("ecs:UpdateService", _service_changes),
    read_by=_service,
    delete_by=(Step("ecs:DeleteService", lambda it: {**_service_of(it), "force": True}),),
    find_by=_find_service,
    stable_by=_is_steady,
    gone_by=_is_inactive,
    replaces=_service_replaced,
)

TYPES: Final = (CLUSTER_TYPE, CAPACITY_PROVIDER_ASSOCIATIONS, TASK_DEFINITION_TYPE, SERVICE_TYPE)
