"""The resource types that the region has, by name."""

from collections.abc import Mapping
from typing import Final

from ninelives.stacks.declared import Declared
from ninelives.stacks.types import (
    applicationautoscaling,
    cdk,
    certificatemanager,
    cloudformation,
    cloudwatch,
    ec2,
    ec2_security,
    ecr,
    ecs,
    elbv2,
    events,
    iam,
    kms,
    logs,
    s3,
    secretsmanager,
    servicediscovery,
    sns,
    sqs,
    ssm,
)

SERVICES: Final = (
    applicationautoscaling,
    cdk,
    certificatemanager,
    cloudformation,
    cloudwatch,
    ec2,
    ec2_security,
    ecr,
    ecs,
    elbv2,
    events,
    iam,
    kms,
    logs,
    s3,
    secretsmanager,
    servicediscovery,
    sns,
    sqs,
    ssm,
)

TYPES: Final[Mapping[str, Declared]] = {one.name: one for service in SERVICES for one in service.TYPES}

__all__ = ["TYPES"]
