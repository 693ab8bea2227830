"""Roles that a request hands to a service: each needs ``iam:PassRole``.

Source: IAM user guide, "Grant a user permissions to pass a role to an AWS service"; ECS developer guide, "Amazon ECS task
execution IAM role" and "Identity-based policy examples".
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ninelives.api.authorization.facts import Facts
from ninelives.model.arns import Place

Parameters = Mapping[str, Any]

TASKS: Final = "ecs-tasks.amazonaws.com"
ECS: Final = "ecs.amazonaws.com"

PASSED: Final[Mapping[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    ("ecs", "RegisterTaskDefinition"): (("taskRoleArn", TASKS), ("executionRoleArn", TASKS)),
    ("ecs", "RunTask"): (("overrides.taskRoleArn", TASKS), ("overrides.executionRoleArn", TASKS)),
    ("ecs", "CreateService"): (("role", ECS),),
    ("cloudformation", "CreateStack"): (("RoleARN", "cloudformation.amazonaws.com"),),
    ("cloudformation", "UpdateStack"): (("RoleARN", "cloudformation.amazonaws.com"),),
    ("cloudformation", "DeleteStack"): (("RoleARN", "cloudformation.amazonaws.com"),),
    ("cloudformation", "CreateChangeSet"): (("RoleARN", "cloudformation.amazonaws.com"),),
    ("events", "PutRule"): (("RoleArn", "events.amazonaws.com"),),
    ("events", "PutTargets"): (("Targets.RoleArn", "events.amazonaws.com"),),
    ("application-autoscaling", "RegisterScalableTarget"): (("RoleARN", "application-autoscaling.amazonaws.com"),),
    ("logs", "PutSubscriptionFilter"): (("roleArn", "logs.amazonaws.com"),),
    ("lambda", "CreateFunction"): (("Role", "lambda.amazonaws.com"),),
    ("lambda", "UpdateFunctionConfiguration"): (("Role", "lambda.amazonaws.com"),),
}
"""By service and operation: where roles stand, and the service that they are passed to."""

OF_A_SERVICE: Final = (
    "deploymentConfiguration.lifecycleHooks.roleArn",
    "loadBalancers.advancedConfiguration.roleArn",
    "volumeConfigurations.managedEBSVolume.roleArn",
)
"""Roles of a service's deployments, which ECS itself takes on."""


def passed_roles(
    service: str, operation: str, parameters: Parameters, place: Place, facts: Facts
) -> Iterator[tuple[str, str]]:
    """Role ARNs, each with the service that it is passed to, in order and once."""
    places = PASSED.get((service, operation), ())
    found = [(role, to) for where, to in places for role in _at(parameters, where)]
    if service == "ecs" and operation in {"CreateService", "UpdateService"}:
        found += [(role, ECS) for where in OF_A_SERVICE for role in _at(parameters, where)]
    if service == "ecs" and operation == "RunTask":
        found += [(role, TASKS) for role in _kept_roles(parameters, facts)]
    if (service, operation) == ("iam", "AddRoleToInstanceProfile"):
        found.append((parameters["RoleName"], "ec2.amazonaws.com"))
    yield from dict.fromkeys((_arn(role, place, facts), to) for role, to in found)


def _kept_roles(parameters: Parameters, facts: Facts) -> Iterator[str]:
    """The roles of the task definition that is run; an override takes the place of that role alone."""
    known = facts.task_definition(parameters.get("taskDefinition", ""))
    if known is None:
        return
    for role, override in ((known.task_role, "taskRoleArn"), (known.execution_role, "executionRoleArn")):
        if role and not _at(parameters, f"overrides.{override}"):
            yield role


def _at(value: Any, where: str) -> list[str]:
    """The texts at a path through structures and lists."""
    name, _, rest = where.partition(".")
    if isinstance(value, list | tuple):
        return [text for one in value for text in _at(one, where)]
    if not isinstance(value, Mapping):
        return []
    found = value.get(name)
    if rest:
        return _at(found, rest)
    return [found] if isinstance(found, str) and found else []


def _arn(role: str, place: Place, facts: Facts) -> str:
    """The ARN of a role that may be given by its name."""
    if role.startswith("arn:"):
        return role
    return facts.iam_arn("role", role) or f"arn:{place.partition}:iam::{place.account}:role/{role}"
