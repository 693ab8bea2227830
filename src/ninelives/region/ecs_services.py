"""Intents on services: create, update, delete. Each is checked whole before anything is recorded, and recorded whole."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ninelives.model.ecs import (
    Cluster,
    DeploymentConfiguration,
    Json,
    Service,
    ServiceStatus,
    TaskDefinition,
)
from ninelives.model.errors import ApiError
from ninelives.region import ecs_service_rules as rules
from ninelives.region.ecs_capacity import capacity, resolved_platform
from ninelives.region.ecs_deployment_configuration import merged
from ninelives.region.ecs_lookup import NAME, active_cluster, find_service, the_service
from ninelives.region.ecs_service_deployments import begin_deployment, forget_service, request_stop
from ninelives.region.region import Region

SHOWN_MEMBERS = ("enableECSManagedTags", "propagateTags", "enableExecuteCommand", "availabilityZoneRebalancing")
"""Members that a request sets and a service shows, and that start no deployment."""

SHOWN_DEFAULTS: Json = {
    "schedulingStrategy": "REPLICA",
    "deploymentController": {"type": "ECS"},
    "enableECSManagedTags": False,
    "propagateTags": "NONE",
    "enableExecuteCommand": False,
    "placementConstraints": [],
    "placementStrategy": [],
    "serviceRegistries": [],
}
"""What a service shows where its request said nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """A client token, and what the request that bore it asked for."""

    client_token: str
    request_digest: str

    @property
    def members(self) -> Json:
        return {"clientToken": self.client_token, "requestDigest": self.request_digest}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceChange:
    """What UpdateService changes; ``given`` has the request's members as the API spells them. What is not given stays."""

    given: Json = field(default_factory=dict)
    force_new_deployment: bool = False


def create_service(
    region: Region,
    cluster: str | None,
    *,
    name: str,
    given: Json,
    tags: Json,
    created_by: str,
    idempotency: Idempotency | None = None,
) -> Service:
    """A new service and its first deployment. ``given`` has the request's members as the API spells them.

    The same request with the same client token is answered with the service that it made.
    """
    found_cluster = active_cluster(region, cluster)
    if not NAME.fullmatch(name):
        raise ApiError("InvalidParameterException", "Service name should match regex: [a-zA-Z0-9_-]{1,255}")
    existing = find_service(region, found_cluster, name)
    if existing is not None and existing.status is not ServiceStatus.INACTIVE:
        return _same_or_refused(existing, idempotency)
    service = _checked_service(region, found_cluster, name, given)
    members = {"createdBy": created_by, "roleArn": _service_role(region)} | (dict(idempotency.members) if idempotency else {})
    service = replace(service, members=dict(service.members) | members, tags=tags)
    with region.state.transaction() as changes:
        if existing is not None:
            forget_service(region, changes, existing)
        service = begin_deployment(region, changes, service, is_first=True)
    region.wake()
    return service


def _same_or_refused(existing: Service, idempotency: Idempotency | None) -> Service:
    if idempotency is not None and idempotency.members.items() <= existing.members.items():
        return existing
    message = "Creation of service was not idempotent."
    if existing.status is ServiceStatus.DRAINING:
        message = "Unable to Start a service that is still Draining."
    raise ApiError("InvalidParameterException", message)


def _checked_service(region: Region, cluster: Cluster, name: str, given: Json) -> Service:
    rules.check_scheduling(given)
    rules.check_comes_later(given)
    if given.get("role"):
        message = "You cannot specify an IAM role for services that require a service linked role."
        raise ApiError("InvalidParameterException", message)
    if not given.get("taskDefinition"):
        raise ApiError("InvalidParameterException", "TaskDefinition can not be blank.")
    if "desiredCount" not in given:
        raise ApiError(
            "InvalidParameterException", "desiredCount is required for a service with the REPLICA scheduling strategy."
        )
    launch_type, strategy = given.get("launchType"), given.get("capacityProviderStrategy")
    if launch_type == "EC2" and "platformVersion" in given:
        raise ApiError("InvalidParameterException", "The platform version must be null when specifying an EC2 launch type.")
    definition = rules.usable_definition(region, given["taskDefinition"])
    if launch_type == "EC2" and not strategy:  # ECS's own mistakes before what is only this region's
        rules.check_network(definition, given.get("networkConfiguration"))
    launched = capacity(cluster, launch_type=launch_type, strategy=strategy)
    rules.check_fargate(definition)
    rules.check_carried_out(definition)
    rules.check_volumes(given, definition)
    resolved_platform(given.get("platformVersion"))
    load_balancers = rules.read_load_balancers(given.get("loadBalancers", ()))
    configuration = merged(DeploymentConfiguration(), given.get("deploymentConfiguration", {}))
    service = Service(
        arn=region.place.service(cluster.name, name),
        name=name,
        cluster_arn=cluster.arn,
        status=ServiceStatus.ACTIVE,
        desired_count=rules.desired_count(given["desiredCount"]),
        task_definition_arn=definition.arn,
        deployment_configuration=configuration,
        health_check_grace_period=rules.grace_period(given.get("healthCheckGracePeriodSeconds"), load_balancers),
        created_at=region.now(),
        load_balancers=load_balancers,
        members={
            **SHOWN_DEFAULTS,
            **launched.members,
            **_shown(given),
            "availabilityZoneRebalancing": rules.rebalancing(given, configuration),
            "platformVersion": given.get("platformVersion", "LATEST"),
            "platformFamily": platform_family(definition),
        },
    )
    _check_together(region, service, definition)
    return service


def _shown(given: Json) -> dict[str, Any]:
    """The members of ``given`` that the service shows as they are, the network configuration with its defaults."""
    members: dict[str, Any] = {name: given[name] for name in SHOWN_MEMBERS if name in given}
    if "networkConfiguration" in given:
        members["networkConfiguration"] = rules.filled_network(given["networkConfiguration"])
    return members


def _check_together(region: Region, service: Service, definition: TaskDefinition) -> None:
    rules.check_network(definition, service.members.get("networkConfiguration"))
    rules.check_shift(region, service)
    rules.check_load_balancers(region, service.load_balancers, definition)


def update_service(region: Region, cluster: str | None, service: str, change: ServiceChange) -> Service:
    """The service as changed. What it omits is kept, in ``deploymentConfiguration`` too.

    A deployment starts where the tasks would differ (task definition, load balancers, network, platform version), or where
    it is forced. The new PRIMARY deployment is recorded together with the change.
    """
    before = the_service(region, active_cluster(region, cluster), service)
    if before.status is not ServiceStatus.ACTIVE:
        raise ApiError("ServiceNotActiveException", "Service was not ACTIVE.")
    after = _changed(region, before, change.given)
    is_deployment = change.force_new_deployment or _what_tasks_are_made_of(after) != _what_tasks_are_made_of(before)
    with region.state.transaction() as changes:
        if is_deployment:
            after = begin_deployment(region, changes, after)
        else:
            changes.put(after)
    region.wake()
    return after


def _changed(region: Region, before: Service, given: Json) -> Service:
    rules.check_controller(given)
    rules.check_placement(given)
    rules.check_comes_later(given)
    cluster = region.state.clusters[before.cluster_arn]
    definition = region.state.task_definitions[before.task_definition_arn]
    if given.get("taskDefinition"):
        definition = rules.usable_definition(region, given["taskDefinition"])
        rules.check_fargate(definition)
        rules.check_carried_out(definition)
    rules.check_volumes(given, definition)
    members: dict[str, Any] = dict(before.members) | _shown(given)
    if "platformVersion" in given:
        members["platformVersion"] = given["platformVersion"]
    members["platformFamily"] = platform_family(definition)
    resolved_platform(members["platformVersion"])
    if "capacityProviderStrategy" in given:
        strategy = given["capacityProviderStrategy"]
        launched = capacity(cluster, launch_type=None if strategy else "FARGATE", strategy=strategy)
        members = {name: one for name, one in members.items() if name not in {"launchType", "capacityProviderStrategy"}}
        members |= launched.members
    load_balancers = before.load_balancers
    if "loadBalancers" in given:
        load_balancers = rules.read_load_balancers(given["loadBalancers"])
    configuration = merged(before.deployment_configuration, given.get("deploymentConfiguration", {}))
    if "availabilityZoneRebalancing" in given:
        rules.rebalancing(given, configuration)
    after = replace(
        before,
        desired_count=rules.desired_count(given.get("desiredCount", before.desired_count)),
        task_definition_arn=definition.arn,
        deployment_configuration=configuration,
        health_check_grace_period=_grace_period(before, given, load_balancers),
        load_balancers=load_balancers,
        members=members,
    )
    if _what_tasks_are_made_of(after) != _what_tasks_are_made_of(before):
        _check_together(region, after, definition)
    elif after.deployment_configuration.strategy is not before.deployment_configuration.strategy:
        rules.check_shift(region, after)
    return after


def _grace_period(before: Service, given: Json, load_balancers: Any) -> timedelta:
    """What is given, else what it was; it goes with the last load balancer."""
    if "healthCheckGracePeriodSeconds" in given:
        return rules.grace_period(given["healthCheckGracePeriodSeconds"], load_balancers)
    return before.health_check_grace_period if load_balancers else timedelta()


def _what_tasks_are_made_of(service: Service) -> tuple[Any, ...]:
    """What a difference of starts a deployment. The capacity provider strategy is not in it: it asks for force."""
    return (
        service.task_definition_arn,
        service.load_balancers,
        service.members.get("networkConfiguration"),
        service.members["platformVersion"],
    )


def delete_service(region: Region, cluster: str | None, service: str, *, force: bool) -> Service:
    """The service, DRAINING from now on with nothing desired; the scheduler stops its tasks and makes it INACTIVE."""
    found = the_service(region, active_cluster(region, cluster), service)
    if found.status is ServiceStatus.INACTIVE:
        raise ApiError("ServiceNotFoundException", "Service not found.")
    if found.status is ServiceStatus.DRAINING:
        return found
    if found.desired_count > 0 and not force:
        raise ApiError("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
    found = replace(found, status=ServiceStatus.DRAINING, desired_count=0)
    with region.state.transaction() as changes:
        request_stop(region, changes, found)
        changes.put(found)
    region.wake()
    return found


def platform_family(definition: TaskDefinition) -> str:
    """``Linux``, or the Windows family that the definition's runtime platform names."""
    system = definition.members.get("runtimePlatform", {}).get("operatingSystemFamily", "LINUX")
    return "Linux" if system == "LINUX" else str(system)


def _service_role(region: Region) -> str:
    role = "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    return f"arn:{region.place.partition}:iam::{region.place.account}:{role}"
