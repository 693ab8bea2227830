"""The calls that hand a release to ECS: the task definition, and one CreateService or UpdateService.

The count of a service is sent only when the service is made, or when the file states a plain number that differs and no
auto scaling minds the service.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ninelives.deploy.alarms import alarm_names
from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.deploy_part import Hook
from ninelives.deploy.errors import DeployError, NotFound
from ninelives.deploy.foundation import Foundation
from ninelives.deploy.image import Image
from ninelives.deploy.reading import Definition
from ninelives.deploy.reports import Act, Tell
from ninelives.deploy.scaling import find_target
from ninelives.deploy.service_file import ServiceFile
from ninelives.deploy.task_definition import FINGERPRINT_TAG, tags_of, task_definition_request, version_of


def register(aws: Aws, file: ServiceFile, image: Image, foundation: Foundation, tell: Tell) -> str:
    """The ARN of a task definition revision that says just this: the family's latest if it does, else a new one."""
    request = task_definition_request(file, image, foundation, aws.region, resolved_secrets(aws, file))
    wanted = {tag["key"]: tag["value"] for tag in request["tags"]}
    latest = describe_task_definition(aws, file.service)
    if latest is not None:
        definition, tags = latest
        if tags.get(FINGERPRINT_TAG) == wanted[FINGERPRINT_TAG] and definition.get("status") == "ACTIVE":
            tell(Act.FOUND, f"task definition {file.service}:{definition['revision']} says just this")
            return str(definition["taskDefinitionArn"])
    made = aws.ecs.register_task_definition(**request)["taskDefinition"]
    tell(Act.REGISTERED, f"task definition {file.service}:{made['revision']}")
    return str(made["taskDefinitionArn"])


def resolved_secrets(aws: Aws, file: ServiceFile) -> dict[str, str]:
    """What ECS takes as ``valueFrom``: a parameter's name, or an ARN. Raises ``NotFound``."""
    resolved = {}
    for name, source in file.secrets.items():
        kind, _, rest = source.partition(":")
        if kind != "secretsmanager":
            resolved[name] = source if kind == "arn" else rest
            continue
        try:
            resolved[name] = str(aws.secrets.describe_secret(SecretId=rest)["ARN"])
        except Exception as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            raise NotFound(f"secrets.{name}: Secrets Manager has no secret {rest!r}.") from None
    return resolved


def describe_task_definition(aws: Aws, name: str) -> tuple[Mapping[str, Any], dict[str, str]] | None:
    """A task definition (ARN, ``family:revision`` or family) with its tags; None when there is none."""
    try:
        answer = aws.ecs.describe_task_definition(taskDefinition=name, include=["TAGS"])
    except Exception as error:
        if error_code(error) in {"ClientException", "InvalidParameterException"}:
            return None
        raise
    return answer["taskDefinition"], tags_of(answer)


def version_behind(aws: Aws, task_definition: str) -> str:
    """The version that a task definition runs; ``?`` when it cannot be told."""
    found = describe_task_definition(aws, task_definition)
    return version_of(*found) if found is not None else "?"


def live_service(aws: Aws, file: ServiceFile) -> Mapping[str, Any] | None:
    """The service as ECS describes it; None when there is none or it was deleted. Raises ``DeployError`` while it drains."""
    try:
        found = aws.ecs.describe_services(cluster=file.cluster_name, services=[file.service])["services"]
    except Exception as error:
        if error_code(error) == "ClusterNotFoundException":
            return None
        raise
    live: Mapping[str, Any] | None = next((one for one in found if one["status"] != "INACTIVE"), None)
    if live is not None and live["status"] == "DRAINING":
        raise DeployError(f"Service {file.service} is being deleted.", hint="Wait until it is gone, then deploy again.")
    return live


def require_service(aws: Aws, definition: Definition) -> Mapping[str, Any]:
    """The service. Raises ``NotFound`` when it was never deployed."""
    live = live_service(aws, definition.file)
    if live is None:
        raise NotFound(
            f"There is no service {definition.file.service} in cluster {definition.file.cluster_name} "
            f"(environment {definition.environment!r}).",
            hint="Deploy it first: `ninelives deploy VERSION`.",
        )
    return live


STRATEGIES = {"rolling": "ROLLING", "blue-green": "BLUE_GREEN", "canary": "CANARY", "linear": "LINEAR"}
NO_ALARMS: Mapping[str, Any] = {"alarmNames": [], "enable": False, "rollback": False}


def deployment_configuration(
    file: ServiceFile, foundation: Foundation, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """CreateService's and UpdateService's ``deploymentConfiguration``.

    ECS keeps what an update leaves out; what the file has no longer is therefore emptied, where ``before`` (the service's
    own) has it.
    """
    asked, was = file.deploy, before or {}
    breaker: dict[str, Any] = {"enable": asked.rollback.circuit_breaker, "rollback": asked.rollback.circuit_breaker}
    if asked.rollback.failures is not None:
        breaker["thresholdConfiguration"] = {"type": "COUNT", "value": asked.rollback.failures}
    configuration: dict[str, Any] = {
        "strategy": STRATEGIES[asked.strategy],
        "minimumHealthyPercent": asked.minimum_healthy,
        "maximumPercent": asked.maximum,
        "deploymentCircuitBreaker": breaker,
    }
    bake = asked.shift_bake
    if bake is not None or was.get("bakeTimeInMinutes"):
        configuration["bakeTimeInMinutes"] = minutes(bake or timedelta(0))
    if asked.strategy == "canary":
        canary = asked.canary
        configuration["canaryConfiguration"] = {
            "canaryPercent": canary.percent,
            "canaryBakeTimeInMinutes": minutes(canary.bake),
        }
    if asked.strategy == "linear":
        linear = asked.linear
        configuration["linearConfiguration"] = {
            "stepPercent": linear.step,
            "stepBakeTimeInMinutes": minutes(linear.bake),
        }
    if asked.hooks or was.get("lifecycleHooks"):
        configuration["lifecycleHooks"] = [lifecycle_hook(one, foundation) for one in asked.hooks]
    if names := alarm_names(file):
        configuration["alarms"] = {"alarmNames": list(names), "enable": True, "rollback": True}
    elif was.get("alarms", {}).get("alarmNames"):
        configuration["alarms"] = dict(NO_ALARMS)
    return configuration


def lifecycle_hook(hook: Hook, foundation: Foundation) -> dict[str, Any]:
    """A member of ``lifecycleHooks``."""
    members: dict[str, Any] = {
        "targetType": "PAUSE" if hook.pause else "AWS_LAMBDA",
        "lifecycleStages": list(hook.stages),
        "timeoutConfiguration": {"timeoutInMinutes": minutes(hook.timeout), "action": hook.on_timeout.upper()},
    }
    if hook.function is None:
        return members
    members["hookTargetArn"] = function_arn(hook.function, foundation)
    if foundation.hooks_role_arn is not None:
        members["roleArn"] = foundation.hooks_role_arn
    if hook.details is not None:
        members["hookDetails"] = hook.details
    return members


def function_arn(function: str, foundation: Foundation) -> str:
    """The ARN of a function that is named in the service's own account and region: those of its target group."""
    if function.startswith("arn:"):
        return function
    _, partition, _, region, account, *_ = foundation.front_door.target_group_arn.split(":")
    return f"arn:{partition}:lambda:{region}:{account}:function:{function}"


def minutes(duration: timedelta) -> int:
    return int(duration.total_seconds()) // 60


def create_request(file: ServiceFile, task_definition: str, foundation: Foundation) -> dict[str, Any]:
    """CreateService's members. Raises ``DeployError`` when the network is not known."""
    if foundation.network is None:
        raise DeployError(
            "A service needs a network when it is made.",
            hint="`ninelives bootstrap` makes one; or name `network: {subnets: […], security_groups: […]}`.",
        )
    return {
        "cluster": file.cluster_name,
        "serviceName": file.service,
        "taskDefinition": task_definition,
        "desiredCount": file.first_count,
        "launchType": "FARGATE",
        "deploymentController": {"type": "ECS"},
        "deploymentConfiguration": deployment_configuration(file, foundation),
        "healthCheckGracePeriodSeconds": int(file.health.grace_period.total_seconds()),
        "networkConfiguration": _network_configuration(foundation),
        "loadBalancers": [_load_balancer(file, foundation)],
        "propagateTags": "TASK_DEFINITION",
        "enableECSManagedTags": True,
    }


def update_request(
    aws: Aws,
    file: ServiceFile,
    task_definition: str,
    foundation: Foundation,
    live: Mapping[str, Any],
    *,
    force: bool,
    tell: Tell,
) -> dict[str, Any]:
    """UpdateService's members: what the file states, and nothing that is others' to decide."""
    request: dict[str, Any] = {
        "cluster": file.cluster_name,
        "service": file.service,
        "taskDefinition": task_definition,
        "deploymentConfiguration": deployment_configuration(file, foundation, live.get("deploymentConfiguration")),
        "healthCheckGracePeriodSeconds": int(file.health.grace_period.total_seconds()),
    }
    if force:
        request["forceNewDeployment"] = True
    count, now = file.plain_count, live.get("desiredCount")
    if count is not None and count != now:
        if find_target(aws, file) is not None:
            tell(Act.NOTE, f"count stays {now}: auto scaling minds it (write `count: {{min: …, max: …}}`)")
        else:
            request["desiredCount"] = count
            tell(Act.CHANGED, f"count {now} to {count}")
    if foundation.network is not None and foundation.network.is_stated:
        network = _network_configuration(foundation)
        if not _says_the_same(
            network["awsvpcConfiguration"], live.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
        ):
            request["networkConfiguration"] = network
    balancer = _load_balancer(file, foundation)
    if not any(_is_the_same_balancer(balancer, one) for one in live.get("loadBalancers") or ()):
        request["loadBalancers"] = [balancer]
    return request


def _network_configuration(foundation: Foundation) -> dict[str, Any]:
    assert foundation.network is not None
    return {
        "awsvpcConfiguration": {
            "subnets": list(foundation.network.subnets),
            "securityGroups": list(foundation.network.security_groups),
            "assignPublicIp": "ENABLED" if foundation.network.public_ip else "DISABLED",
        }
    }


def _load_balancer(file: ServiceFile, foundation: Foundation) -> dict[str, Any]:
    balancer: dict[str, Any] = {
        "targetGroupArn": foundation.front_door.target_group_arn,
        "containerName": file.service,
        "containerPort": file.port,
    }
    shifting = foundation.front_door.shifting
    if shifting is not None:
        balancer["advancedConfiguration"] = {
            "alternateTargetGroupArn": shifting.alternate_target_group_arn,
            "productionListenerRule": shifting.production_rule_arn,
            "roleArn": shifting.role_arn,
        }
        if shifting.test_rule_arn is not None:
            balancer["advancedConfiguration"]["testListenerRule"] = shifting.test_rule_arn
    return balancer


def _is_the_same_balancer(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """A shift needs ``advancedConfiguration`` and rolling must not have it: it is the same, or there is none in either."""
    return _says_the_same(wanted, live) and wanted.get("advancedConfiguration", {}) == live.get("advancedConfiguration", {})


def _says_the_same(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    def plain(value: Any) -> Any:
        return sorted(value) if isinstance(value, list) else value

    return all(plain(live.get(name)) == plain(value) for name, value in wanted.items())
