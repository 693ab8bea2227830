"""What a service must keep: its task definition, its load balancers, its network and its scheduling fit together.

Source of the messages: answers of the real service; where a text is not known, it is ours.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from ninelives.model.ecs import (
    AdvancedConfiguration,
    DeploymentConfiguration,
    Json,
    Service,
    ServiceLoadBalancer,
    TaskDefinition,
)
from ninelives.model.elbv2 import Forward, TargetGroup
from ninelives.model.errors import ApiError
from ninelives.region.ecs_lookup import find_task_definition
from ninelives.region.region import Region

GRACE_PERIOD_SECONDS_MAX = 2_147_483_647
LOAD_BALANCERS_MAX = 5
PLACEMENT_STRATEGIES_MAX = 5

COMES_LATER = {
    "serviceRegistries": "Service discovery",
    "vpcLatticeConfigurations": "VPC Lattice",
    "gatewayConnectors": "A gateway connector",
}
"""Members that must be empty, for this region would not do what they ask."""


def usable_definition(region: Region, reference: str, *, inactive_code: str = "ClientException") -> TaskDefinition:
    """The ACTIVE revision that ``reference`` names. RunTask tells an INACTIVE one by another code than services do."""
    definition = find_task_definition(region, reference)
    if definition is None:
        raise ApiError("ClientException", "TaskDefinition not found.")
    if definition.status != "ACTIVE":
        raise ApiError(inactive_code, "TaskDefinition is inactive")
    return definition


def check_fargate(definition: TaskDefinition) -> None:
    """Refuse a definition that Fargate cannot run."""
    if "FARGATE" not in definition.members["compatibilities"]:
        raise ApiError("InvalidParameterException", "Task definition does not support launch_type FARGATE.")


NOT_CARRIED_OUT = {
    "firelensConfiguration": "FireLens",
    "credentialSpecs": "Active Directory credentials",
    "dnsSearchDomains": "DNS search domains",
}
"""Members of a container definition that no runtime acts on. They may be registered; tasks of them would run without
what they ask for, so none is started."""
VOLUMES_NOT_CARRIED_OUT = {
    "efsVolumeConfiguration": "An EFS volume",
    "fsxWindowsFileServerVolumeConfiguration": "An FSx volume",
    "s3filesVolumeConfiguration": "An S3 Files volume",
    "configuredAtLaunch": "A volume that is configured at launch",
}
DEFINITIONS_NOT_CARRIED_OUT = {
    "proxyConfiguration": "A proxy",
    "trustedExecutionConfiguration": "Trusted execution",
}


def check_carried_out(definition: TaskDefinition) -> None:
    """Refuse to run a definition that asks for what the runtimes do not do."""
    members = definition.members
    found = [f"{name} ({member})" for member, name in DEFINITIONS_NOT_CARRIED_OUT.items() if members.get(member)]
    for volume in members.get("volumes", ()):
        asked = [(member, name) for member, name in VOLUMES_NOT_CARRIED_OUT.items() if volume.get(member)]
        found += [f"{name} ({member} of volume {volume['name']})" for member, name in asked]
    for container in members["containerDefinitions"]:
        found += _left_out(container)
    if found:
        message = f"{found[0]} cannot be run by this region: it would be left out silently."
        raise ApiError("UnsupportedFeatureException", message)


def _left_out(container: Json) -> Iterator[str]:
    whose = f"of container {container['name']}"
    for member, name in NOT_CARRIED_OUT.items():
        if container.get(member):
            yield f"{name} ({member} {whose})"
    driver = container.get("logConfiguration", {}).get("logDriver", "awslogs")
    if driver != "awslogs":
        yield f"The log driver {driver} ({whose})"
    if any("containerPortRange" in mapping for mapping in container.get("portMappings", ())):
        yield f"A range of ports (containerPortRange {whose})"


def check_network(definition: TaskDefinition, network_configuration: Json | None) -> None:
    """awsvpc, and only awsvpc, asks for subnets."""
    subnets = (network_configuration or {}).get("awsvpcConfiguration", {}).get("subnets")
    message = None
    if definition.network_mode == "awsvpc":
        if network_configuration is None or "awsvpcConfiguration" not in network_configuration:
            message = "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        elif not subnets:
            message = "subnets can not be empty."
    elif network_configuration is not None:
        message = "Network Configuration is not valid for the given networkMode of this task definition."
    if message is not None:
        raise ApiError("InvalidParameterException", message)


def check_scheduling(given: Json) -> None:
    """Refuse schedulers and deployment controllers other than REPLICA and ECS: ECS's own mistakes first."""
    configuration = given.get("deploymentConfiguration", {})
    if given.get("schedulingStrategy", "REPLICA") == "DAEMON":
        if "desiredCount" in given:
            message = "The daemon scheduling strategy does not support a desired count for services."
            raise ApiError("InvalidParameterException", message)
        if configuration.get("maximumPercent", 0) > 100:  # noqa: PLR2004 - a percentage
            message = "The daemon scheduling strategy does not support values above 100 for maximumPercent"
            raise ApiError("InvalidParameterException", message)
        if given.get("availabilityZoneRebalancing") == "ENABLED":
            message = "Availability Zone Rebalancing does not support DAEMON services"
            raise ApiError("InvalidParameterException", message)
        raise ApiError(
            "UnsupportedFeatureException", "The DAEMON scheduling strategy needs container instances: Fargate has none."
        )
    check_controller(given, is_new=True)
    if len(given.get("placementStrategy", ())) > PLACEMENT_STRATEGIES_MAX:
        raise ApiError("InvalidParameterException", f"Maximum number of strategies is {PLACEMENT_STRATEGIES_MAX}")
    check_placement(given)


def check_controller(given: Json, *, is_new: bool = False) -> None:
    """Refuse deployment controllers other than ECS's own: ECS's own mistakes first."""
    controller = given.get("deploymentController", {}).get("type", "ECS")
    if controller == "ECS":
        return
    configuration = given.get("deploymentConfiguration", {})
    if "deploymentCircuitBreaker" in configuration:
        message = "Deployment circuit breaker feature is only supported with ECS deployment controller"
        raise ApiError("InvalidParameterException", message)
    if "alarms" in configuration:
        message = "Alarm based rollback feature is only supported with ECS deployment controller"
        raise ApiError("InvalidParameterException", message)
    if controller == "CODE_DEPLOY" and is_new and not given.get("loadBalancers"):
        message = (
            "When the deployment controller is CODE_DEPLOY, the service requires an Application Load Balancer or Network Load "
            "Balancer"
        )
        raise ApiError("InvalidParameterException", message)
    if controller == "EXTERNAL" and given.get("taskDefinition"):
        raise ApiError("InvalidParameterException", "TaskDefinition must be blank")
    if controller == "EXTERNAL" and given.get("loadBalancers"):
        raise ApiError("InvalidParameterException", "LoadBalancers must be empty or null")
    message = f"The deployment controller {controller} is not supported by this region. Use ECS and try again."
    raise ApiError("UnsupportedFeatureException", message)


def check_placement(given: Json) -> None:
    """Fargate places tasks itself."""
    for member, name in (("placementConstraints", "constraints"), ("placementStrategy", "strategies")):
        if given.get(member):
            raise ApiError("InvalidParameterException", f"Placement {name} are not supported with FARGATE launch type.")


def check_comes_later(given: Json) -> None:
    """Refuse what would be taken and not done."""
    found = next((name for member, name in COMES_LATER.items() if given.get(member)), None)
    if given.get("serviceConnectConfiguration", {}).get("enabled"):
        found = "Service Connect"
    if found is not None:
        raise ApiError("UnsupportedFeatureException", f"{found} is not supported by this region yet: it comes later.")


def check_volumes(given: Json, definition: TaskDefinition) -> None:
    """Refuse volumes that are configured at launch (EBS)."""
    known = {volume.get("name"): volume for volume in definition.members["volumes"]}
    given_names = {one["name"] for one in given.get("volumeConfigurations", ())}
    for name, volume in known.items():
        if volume.get("configuredAtLaunch") and name not in given_names:
            message = f"The volume '{name}' is configured at launch, but the request has no volumeConfigurations for it."
            raise ApiError("InvalidParameterException", message)
    for one in given.get("volumeConfigurations", ()):
        name = one["name"]
        if name not in known:
            message = f"The volume name '{name}' in your request does not have a matching volume in your Task Definition"
            raise ApiError("InvalidParameterException", message)
        message = "A volume that is configured at launch is not supported by this region yet: it comes later."
        raise ApiError("UnsupportedFeatureException", message)


def rebalancing(given: Json, configuration: DeploymentConfiguration) -> str:
    """Whether a new service is kept balanced over zones: unless it says otherwise, where it has the room for it.

    Source: ECS developer guide, "Balancing an Amazon ECS service across Availability Zones".
    """
    has_room = configuration.maximum_percent > 100  # noqa: PLR2004 - a percentage
    asked: str = given.get("availabilityZoneRebalancing", "ENABLED" if has_room else "DISABLED")
    if asked == "ENABLED" and not has_room:
        message = (
            "Availability Zone Rebalancing needs a maximumPercent above 100: a task is started before another is stopped."
        )
        raise ApiError("InvalidParameterException", message)
    return asked


def filled_network(network_configuration: Json) -> Json:
    """The network configuration as the API shows it."""
    if "awsvpcConfiguration" not in network_configuration:
        return network_configuration
    defaults = {"securityGroups": [], "assignPublicIp": "DISABLED"}
    return {"awsvpcConfiguration": defaults | network_configuration["awsvpcConfiguration"]}


def desired_count(value: int) -> int:
    if value < 0:
        raise ApiError("InvalidParameterException", "desiredCount must be at least 0")
    return value


def grace_period(seconds: int | None, load_balancers: Sequence[ServiceLoadBalancer]) -> timedelta:
    """The health check grace period; only a service behind a load balancer has one."""
    if not seconds:
        return timedelta()
    if not load_balancers:
        message = "Health check grace period is only valid for services configured to use load balancers"
        raise ApiError("InvalidParameterException", message)
    if not 0 < seconds <= GRACE_PERIOD_SECONDS_MAX:
        message = f"healthCheckGracePeriodSeconds must be between 0 and {GRACE_PERIOD_SECONDS_MAX}"
        raise ApiError("InvalidParameterException", message)
    return timedelta(seconds=seconds)


def read_load_balancers(given: Sequence[Json]) -> tuple[ServiceLoadBalancer, ...]:
    """The load balancers of a request, each one with its target group, container and port."""
    if len(given) > LOAD_BALANCERS_MAX:
        raise ApiError("InvalidParameterException", f"A service can have at most {LOAD_BALANCERS_MAX} load balancers.")
    classic = [one for one in given if "loadBalancerName" in one]
    if any(one.get("advancedConfiguration") for one in classic):
        message = "advancedConfiguration field is not allowed with ELBv1 loadBalancers"
        raise ApiError("InvalidParameterException", message)
    if 0 < len(classic) < len(given):
        message = (
            "All loadBalancers must be strictly either ELBv1 (defining loadBalancerName) or ELBv2 (defining targetGroupArn)"
        )
        raise ApiError("InvalidParameterException", message)
    return tuple(_read_load_balancer(one) for one in given)


def _read_load_balancer(given: Json) -> ServiceLoadBalancer:
    if "loadBalancerName" in given:
        message = "Classic Load Balancers are not supported with Fargate."
        if "targetGroupArn" in given:
            message = "loadBalancerName and targetGroupArn cannot both be specified. Specify one of them and try again."
        raise ApiError("InvalidParameterException", message)
    for member in ("targetGroupArn", "containerName", "containerPort"):
        if given.get(member) in {None, ""}:
            raise ApiError("InvalidParameterException", f"{member} can not be empty in a load balancer of a service.")
    return ServiceLoadBalancer(
        target_group_arn=given["targetGroupArn"],
        container_name=given["containerName"],
        container_port=given["containerPort"],
        advanced=_read_advanced(given["advancedConfiguration"]) if given.get("advancedConfiguration") else None,
    )


def _read_advanced(given: Json) -> AdvancedConfiguration:
    for member in ("alternateTargetGroupArn", "productionListenerRule", "roleArn"):
        if not given.get(member):
            raise ApiError("InvalidParameterException", f"{member} can not be empty in an advancedConfiguration.")
    return AdvancedConfiguration(
        alternate_target_group_arn=given["alternateTargetGroupArn"],
        production_listener_rule=given["productionListenerRule"],
        test_listener_rule=given.get("testListenerRule"),
        role_arn=given["roleArn"],
    )


def check_load_balancers(region: Region, load_balancers: Sequence[ServiceLoadBalancer], definition: TaskDefinition) -> None:
    """Each target group is behind a listener and takes such tasks; each container and port is in the definition."""
    containers = {container.name: container for container in definition.containers}
    for one in load_balancers:
        group = region.state.target_groups.get(one.target_group_arn)
        container = containers.get(one.container_name)
        message = None
        if container is None:
            message = f"The container {one.container_name} does not exist in the task definition."
        elif one.container_port not in container.container_ports:
            message = f"The container {one.container_name} did not have a container port {one.container_port} defined."
        elif group is None:
            message = f"The specified target group does not exist: {one.target_group_arn}. Specify a valid one and try again."
        elif not _is_behind_a_listener(region, group):
            message = f"The target group with targetGroupArn {group.arn} does not have an associated load balancer."
        elif group.target_type == "instance" and definition.network_mode == "awsvpc":
            message = (
                f"The provided target group {group.arn} has target type instance, which is incompatible with the awsvpc "
                "network mode specified in the task definition."
            )
        if message is not None:
            raise ApiError("InvalidParameterException", message)
    places = [(one.target_group_arn, one.container_name, one.container_port) for one in load_balancers]
    if len(set(places)) < len(places):
        raise ApiError("InvalidParameterException", "load balancers can not contain duplicates.")


NETWORK_LISTENER_ARN = re.compile(r"arn:[^:]+:elasticloadbalancing:[^:]+:\d+:listener/net/.+")
RULE_ARN = re.compile(r"arn:[^:]+:elasticloadbalancing:[^:]+:\d+:listener-rule/app/.+")


def check_shift(region: Region, service: Service) -> None:
    """What a strategy that shifts traffic asks of the load balancers, before a deployment begins.

    Source: ECS developer guide, "Troubleshooting Amazon ECS blue/green deployments".
    """
    load_balancers = service.load_balancers
    advanced = [one.advanced for one in load_balancers if one.advanced is not None]
    message = None
    if load_balancers and not advanced and service.deployment_configuration.strategy.shifts_traffic:
        message = "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy"
    elif advanced and len(advanced) < len(load_balancers):
        message = "Either all or none of the provided loadBalancers must have advancedConfiguration defined"
    for one in load_balancers:
        if one.advanced is not None:
            message = message or _why_not_shifted(region, one, one.advanced)
    groups = [arn for one in load_balancers if one.advanced for arn in one.target_group_arns]
    twice = next((arn for arn in groups if groups.count(arn) > 1), None)
    if twice is not None:
        message = message or f"Duplicate targetGroupArn found: {twice}"
    both = {one.production_listener_rule for one in advanced} & {one.test_listener_rule or "" for one in advanced}
    if both:
        named = ", ".join(sorted(both))
        message = message or f"The following rules cannot be used as both production and test listener rules: {named}"
    if message is not None:
        raise ApiError("InvalidParameterException", message)


def _why_not_shifted(region: Region, one: ServiceLoadBalancer, advanced: AdvancedConfiguration) -> str | None:
    for name, arn in (
        ("productionListenerRule", advanced.production_listener_rule),
        ("testListenerRule", advanced.test_listener_rule),
    ):
        if arn is not None and NETWORK_LISTENER_ARN.fullmatch(arn):
            message = f"{name} names a listener of a Network Load Balancer: this region has Application Load Balancers only."
            raise ApiError("UnsupportedFeatureException", message)
        if arn is not None and not RULE_ARN.fullmatch(arn):
            return f"{name} has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {arn}"
    if advanced.alternate_target_group_arn not in region.state.target_groups:
        arn = advanced.alternate_target_group_arn
        return f"The specified target group does not exist: {arn}. Specify a valid one and try again."
    rule = region.state.rules.get(advanced.production_listener_rule)
    if rule is not None and advanced.test_listener_rule is None:
        named = {group.arn for group in rule.action.target_groups} if isinstance(rule.action, Forward) else set()
        if not {one.target_group_arn, advanced.alternate_target_group_arn} <= named:
            return (
                "For Application LoadBalancer, testListenerRule is required when productionListenerRule is not associated "
                "with both targetGroup and alternateTargetGroup"
            )
    return None


def _is_behind_a_listener(region: Region, group: TargetGroup) -> bool:
    return any(
        isinstance(rule.action, Forward) and any(one.arn == group.arn for one in rule.action.target_groups)
        for rule in region.state.rules.values()
    )
