"""What ``ninelives bootstrap`` has laid for a service, as its stack's outputs tell it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.service_file import ServiceFile

STANDING = frozenset(
    {
        "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "IMPORT_COMPLETE",
    }
)  # fmt: skip
"""Statuses of a stack whose resources are there."""


def service_stack_name(file: ServiceFile) -> str:
    """The stack with what is the service's own."""
    return f"{file.service}-service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrapped:
    """What a service stands on, made by ``ninelives bootstrap``."""

    stack: str
    subnets: tuple[str, ...]
    security_group: str
    public_ip: bool
    execution_role_arn: str
    task_role_arn: str
    infrastructure_role_arn: str
    hooks_role_arn: str | None


def find_bootstrapped(aws: Aws, file: ServiceFile) -> Bootstrapped | None:
    """What the service's stack says; None where it has none, or may not be looked at."""
    name = service_stack_name(file)
    outputs = _outputs(aws, name)
    if outputs is None or "TaskSubnets" not in outputs:
        return None
    return Bootstrapped(
        stack=name,
        subnets=tuple(outputs["TaskSubnets"].split(",")),
        security_group=outputs["TaskSecurityGroup"],
        public_ip=outputs["AssignPublicIp"] == "ENABLED",
        execution_role_arn=outputs["ExecutionRoleArn"],
        task_role_arn=outputs["TaskRoleArn"],
        infrastructure_role_arn=outputs["InfrastructureRoleArn"],
        hooks_role_arn=outputs.get("HooksRoleArn"),
    )


def _outputs(aws: Aws, stack: str) -> Mapping[str, str] | None:
    try:
        found = aws.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except Exception as error:
        if error_code(error) in {"ValidationError", "AccessDenied", "AccessDeniedException"}:
            return None
        raise
    if found["StackStatus"] not in STANDING:
        return None
    return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs") or ()}
