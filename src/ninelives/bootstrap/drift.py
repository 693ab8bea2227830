"""What was changed beside CloudFormation: where a stack's resources are no longer what the stack says.

The weights of the rules that traffic is shifted on are ECS's own: they differ after every other release, and that is no drift.
Source: botocore ``cloudformation`` 2010-05-15 (``DetectStackDrift``, ``DescribeStackResourceDrifts``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ninelives.bootstrap.cloudformation import StackSeen, find_stack
from ninelives.bootstrap.errors import BootstrapError
from ninelives.bootstrap.plan import EMPTY, pace_of
from ninelives.deploy.aws import Aws, pages
from ninelives.deploy.clock import Clock

SHIFTED = "AWS::ElasticLoadBalancingV2::ListenerRule"
LOOKS_MAX = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A property that is not what the stack says."""

    path: str
    kind: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """A resource that is not what its stack says; ``status`` is ``MODIFIED`` or ``DELETED``."""

    stack: str
    logical_id: str
    type: str
    physical_id: str
    status: str
    differences: tuple[Difference, ...] = ()


def find_drift(aws: Aws, stacks: Sequence[str], clock: Clock) -> list[Drifted]:
    """What differs in each stack that is there. Raises ``BootstrapError`` where none is, or it cannot be told."""
    there = [seen for name in stacks if (seen := find_stack(aws, name)) is not None and seen.status not in EMPTY]
    if not there:
        raise BootstrapError("There is no stack to look at.", hint="Make them first: `ninelives bootstrap`.")
    return [drifted for stack in there for drifted in _of_stack(aws, stack, clock)]


def _of_stack(aws: Aws, stack: StackSeen, clock: Clock) -> Iterator[Drifted]:
    asked = aws.cloudformation.detect_stack_drift(StackName=stack.name)["StackDriftDetectionId"]
    for _ in range(LOOKS_MAX):
        found = aws.cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=asked)
        if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
        clock.wait(pace_of(aws))
    else:
        raise BootstrapError(f"The drift of stack {stack.name} was not told in time.", hint="Run it again.")
    if found["DetectionStatus"] == "DETECTION_FAILED":
        raise BootstrapError(
            f"The drift of stack {stack.name} cannot be told: {found.get('DetectionStatusReason', 'no reason given')}",
            hint="The credentials must be allowed to read all that the stack holds.",
        )
    drifts = pages(
        aws.cloudformation.describe_stack_resource_drifts,
        "StackResourceDrifts",
        continuation="NextToken",
        StackName=stack.name,
        StackResourceDriftStatusFilters=["MODIFIED", "DELETED"],
    )
    yield from filter(None, (_drifted(stack.name, one) for one in drifts))


def _drifted(stack: str, found: Mapping[str, Any]) -> Drifted | None:
    differences = tuple(
        Difference(
            path=one["PropertyPath"],
            kind=one["DifferenceType"],
            expected=one.get("ExpectedValue", ""),
            actual=one.get("ActualValue", ""),
        )
        for one in found.get("PropertyDifferences") or ()
        if not _is_ecs_own(found["ResourceType"], one["PropertyPath"])
    )
    if found["StackResourceDriftStatus"] == "MODIFIED" and not differences:
        return None
    return Drifted(
        stack=stack,
        logical_id=found["LogicalResourceId"],
        type=found["ResourceType"],
        physical_id=found.get("PhysicalResourceId", ""),
        status=found["StackResourceDriftStatus"],
        differences=differences,
    )


def _is_ecs_own(resource_type: str, path: str) -> bool:
    """Whether a property is the weight of a target group on a rule.

    >>> _is_ecs_own(SHIFTED, "/Actions/0/ForwardConfig/TargetGroups/1/Weight"), _is_ecs_own(SHIFTED, "/Priority")
    (True, False)
    """
    return resource_type == SHIFTED and path.startswith("/Actions")
