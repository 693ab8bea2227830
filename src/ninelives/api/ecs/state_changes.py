"""What ECS tells EventBridge: events derived from what a transaction does to the records, and from nothing else.

Source: ECS developer guide, "Amazon ECS events" (task state change, service action, service deployment state change and hook
state change events). ``SERVICE_DESIRED_COUNT_UPDATED`` is for counts that no user sets: auto scaling tells it itself. Of a
deployment, ECS tells "ECS Deployment State Change" only.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from ninelives.api.ecs.task_members import write_task
from ninelives.model.arns import last_part
from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    HookExecution,
    HookStatus,
    RolloutState,
    ServiceDeployment,
    ServiceDeploymentStatus,
    ServiceEvent,
    Task,
)
from ninelives.model.events import Happening
from ninelives.region.region import Region
from ninelives.region.state import Transition

SOURCE: Final = "aws.ecs"

SERVICE_ACTIONS: Final = (
    (re.compile(r"has reached a steady state\.$"), "INFO", "SERVICE_STEADY_STATE"),
    (re.compile(r"has stopped \d+ running tasks: "), "INFO", "TASKS_STOPPED"),
    (re.compile(r"is unable to consistently start tasks successfully"), "WARN", "SERVICE_TASK_START_IMPAIRED"),
    (re.compile(r"was unable to place a task\. Reason: (?P<reason>.*)\.$"), "ERROR", "SERVICE_TASK_PLACEMENT_FAILURE"),
)
"""Service events that are service actions too: how the text goes, level and name."""

ROLLOUTS: Final[Mapping[RolloutState, tuple[str, str]]] = {
    RolloutState.IN_PROGRESS: ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
    RolloutState.COMPLETED: ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
    RolloutState.FAILED: ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
}


def state_changes(region: Region, transitions: Sequence[Transition]) -> Iterator[Happening]:
    """What ECS tells of a transaction, in its order."""
    for before, after in transitions:
        match before, after:
            case (Task() | None, Task()) if before is None or before.version != after.version:
                yield _task_state_change(region, after)
            case (Deployment() | None, Deployment()):
                yield from _deployment_state_changes(before, after, transitions)
            case (ServiceDeployment() | None, ServiceDeployment()):
                yield from _of_service_deployment(before, after)
            case None, ServiceEvent():
                yield from _service_actions(region, after)
            case _:
                pass


def _task_state_change(region: Region, task: Task) -> Happening:
    """The task as DescribeTasks gives it, with ISO times."""
    detail = dict(write_task(region, task, with_tags=False), updatedAt=region.now())
    detail["attachments"] = [
        one | {"type": "eni"} if one["type"] == "ElasticNetworkInterface" else one for one in detail["attachments"]
    ]
    del detail["tags"]
    return Happening(source=SOURCE, detail_type="ECS Task State Change", resources=(task.arn,), detail=in_json(detail))


def _deployment_state_changes(
    before: Deployment | None, after: Deployment, transitions: Sequence[Transition]
) -> Iterator[Happening]:
    """One for each rollout state with its reason. A deployment that is rolled back to may be IN_PROGRESS and COMPLETED again
    within one transaction, where all of its tasks are still there: both are told.
    """
    if before is None or _rollout(before) != _rollout(after):
        yield _deployment_state_change(after)
    elif before.status is DeploymentStatus.ACTIVE and after.status is DeploymentStatus.PRIMARY:
        whose = _failure_in(transitions).partition(":")[0]
        reason = f"{whose}: rolling back to deploymentId {after.id}."
        yield _deployment_state_change(replace(after, rollout_state=RolloutState.IN_PROGRESS, rollout_state_reason=reason))
        yield _deployment_state_change(after)


def _rollout(deployment: Deployment) -> tuple[RolloutState, str]:
    return deployment.rollout_state, deployment.rollout_state_reason


def _failure_in(transitions: Sequence[Transition]) -> str:
    """Why a deployment FAILED in this transaction."""
    deployments = [after for _, after in transitions if isinstance(after, Deployment)]
    reasons = [one.rollout_state_reason for one in deployments if one.rollout_state is RolloutState.FAILED]
    return next(iter(reasons), "ECS deployment")


def _deployment_state_change(deployment: Deployment) -> Happening:
    level, name = ROLLOUTS[deployment.rollout_state]
    return _of_deployment(
        deployment.service_arn, deployment.id, level, name, reason=deployment.rollout_state_reason, at=deployment.updated_at
    )


def _of_deployment(service_arn: str, deployment_id: str, level: str, name: str, *, reason: str, at: datetime) -> Happening:
    detail = {"eventType": level, "eventName": name, "deploymentId": deployment_id, "updatedAt": at, "reason": reason}
    return Happening(
        source=SOURCE, detail_type="ECS Deployment State Change", resources=(service_arn,), detail=in_json(detail)
    )


def _of_service_deployment(before: ServiceDeployment | None, after: ServiceDeployment) -> Iterator[Happening]:
    failed = ServiceDeploymentStatus.ROLLBACK_FAILED
    if after.status is failed and before is not None and before.status is not failed:
        yield _of_deployment(
            after.service_arn,
            f"ecs-svc/{last_part(after.target_revision_arn)}",
            "ERROR",
            "SERVICE_DEPLOYMENT_ROLLBACK_FAILED",
            reason=after.status_reason or "",
            at=after.updated_at,
        )
    known = {hook.hook_id: hook.status for hook in before.hooks} if before is not None else {}
    yield from (_hook_state_change(after, hook) for hook in after.hooks if known.get(hook.hook_id) is not hook.status)


def _hook_state_change(of: ServiceDeployment, hook: HookExecution) -> Happening:
    detail = {
        "eventType": "ERROR" if hook.status in {HookStatus.FAILED, HookStatus.TIMED_OUT} else "INFO",
        "eventName": f"HOOK_{hook.status}",
        "hookId": hook.hook_id,
        "hookType": str(hook.hook.target_type),
        "expiresAt": hook.expires_at,
        "lifecycleStage": str(hook.stage),
        "clusterArn": of.cluster_arn,
        "serviceArn": of.service_arn,
        "serviceDeploymentArn": of.arn,
        "updatedAt": of.updated_at,
    }
    return Happening(source=SOURCE, detail_type="ECS Hook State Change", resources=(of.arn,), detail=in_json(detail))


def _service_actions(region: Region, event: ServiceEvent) -> Iterator[Happening]:
    for text, level, name in SERVICE_ACTIONS:
        found = text.search(event.message)
        if found is None:
            continue
        detail = {
            "eventType": level,
            "eventName": name,
            "clusterArn": region.state.services[event.service_arn].cluster_arn,
            "createdAt": event.created_at,
            **found.groupdict(),
        }
        yield Happening(
            source=SOURCE, detail_type="ECS Service Action", resources=(event.service_arn,), detail=in_json(detail)
        )


def in_json(value: Any) -> Any:
    """``value`` with its times as EventBridge writes them.

    >>> in_json({"at": datetime(2026, 11, 23, 12, 0, 0, 5000, tzinfo=UTC)})
    {'at': '2026-11-23T12:00:00.005Z'}
    """
    match value:
        case str() | int() | float() | None:
            return value
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case list() | tuple():
            return [in_json(one) for one in value]
        case dict() | Mapping():
            return {name: in_json(one) for name, one in value.items()}
        case _:
            return value
