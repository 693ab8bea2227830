"""The way back: the last COMPLETED deployment becomes PRIMARY again, under its old id and with its old revision.

Source: ECS developer guide, "Amazon ECS deployment circuit breaker"; captured events of real rollbacks.
"""

from dataclasses import dataclass, replace

from ninelives.model.ecs import (
    Deployment,
    DeploymentStatus,
    HookStatus,
    Rollback,
    RolloutState,
    ServiceDeployment,
    ServiceDeploymentStatus,
)
from ninelives.scheduler import events
from ninelives.scheduler.draft import Draft

NO_CANDIDATE = "No rollback candidate was found to run the rollback."
FAILED_AGAIN = "Rollback failed: tasks of the deployment that was rolled back to failed to start."
"""Our wording."""
RESTORED_MEMBERS = ("launchType", "capacityProviderStrategy", "platformFamily", "networkConfiguration")
"""What of its frozen configuration a revision brings back, beside task definition and load balancers. The platform version
is that which the revision resolved; what the service asked for (LATEST) stays.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a deployment ends: the sentence for each place where it is shown."""

    rollout_state_reason: str
    rolling_back_reason: str
    """With ``{id}``, the deployment that comes back."""
    status_reason: str
    stopped_reason: str
    event: str | None = None
    """What the event of the failure gives as its reason; None where no event is told."""

    @staticmethod
    def of(reason: str) -> "Cause":
        """A cause that ECS words "Service deployment rolled back because …"; the other sentences are ours."""
        rolled_back = f"Service deployment rolled back because {'of ' if reason.startswith('invalid ') else ''}{reason}"
        return Cause(
            rollout_state_reason=f"ECS deployment failed: {reason}",
            rolling_back_reason="ECS deployment failed: rolling back to deploymentId {id}.",
            status_reason=rolled_back,
            stopped_reason=rolled_back.replace("rolled back", "stopped", 1),
            event=rolled_back,
        )


TRIPPED = Cause(
    rollout_state_reason="ECS deployment circuit breaker: tasks failed to start.",
    rolling_back_reason="ECS deployment circuit breaker: rolling back to deploymentId {id}.",
    status_reason="Service deployment rolled back because the circuit breaker threshold was exceeded.",
    stopped_reason="Service deployment stopped because the circuit breaker threshold was exceeded.",
    event="tasks failed to start.",
)
REQUESTED = Cause(
    rollout_state_reason="ECS deployment stopped: a rollback was requested.",
    rolling_back_reason="ECS deployment rollback requested: rolling back to deploymentId {id}.",
    status_reason="Service deployment rolled back because a rollback was requested.",
    stopped_reason="Service deployment stopped because a rollback was requested.",
)
"""Our wording: ECS's own for a rollback that a user asked for is not documented."""


def rollback_candidate(draft: Draft) -> Deployment | None:
    """The deployment that was COMPLETED last; one that is just being restored is none."""
    completed = [
        (one.completed_at, one)
        for one in draft.deployments
        if one.status is DeploymentStatus.ACTIVE
        and one.rollout_state is RolloutState.COMPLETED
        and one.completed_at is not None
    ]
    # They come newest first, and the newest wins a tie.
    return max(completed, key=lambda pair: pair[0], default=(None, None))[1]


def begin_rollback(draft: Draft, service_deployment: ServiceDeployment, cause: Cause) -> None:
    """Make the candidate PRIMARY and the failed deployment ACTIVE; without a candidate the failed one stays PRIMARY."""
    service_deployment = _ended_watches(service_deployment)
    failed = _failed(draft, cause)
    if cause.event is not None:
        draft.tell(events.failed(draft.name, failed.id, cause.event))
    candidate = rollback_candidate(draft)
    if candidate is None:
        draft.put_deployment(failed)
        draft.tell(events.rollback_failed(draft.name, failed.id))
        draft.put_service_deployment(
            replace(
                service_deployment,
                status=ServiceDeploymentStatus.ROLLBACK_FAILED,
                status_reason=NO_CANDIDATE,
                finished_at=draft.now,
                updated_at=draft.now,
            )
        )
        _stop_pending(draft, failed)
        return
    draft.put_deployment(replace(failed, status=DeploymentStatus.ACTIVE))
    draft.put_deployment(_restored(draft, candidate, cause))
    draft.tell(events.rolling_back(draft.name, candidate.id))
    draft.put_service_deployment(
        replace(
            service_deployment,
            status=ServiceDeploymentStatus.ROLLBACK_IN_PROGRESS,
            status_reason=cause.status_reason,
            rollback=Rollback(reason=cause.status_reason, started_at=draft.now, service_revision_arn=candidate.revision_arn),
            updated_at=draft.now,
        )
    )
    _restore_service(draft, failed, candidate)
    _stop_pending(draft, failed)


def resume_rollback(draft: Draft, service_deployment: ServiceDeployment) -> None:
    """A rollback was asked for while one is under way: it goes on."""
    draft.put_service_deployment(
        replace(service_deployment, status=ServiceDeploymentStatus.ROLLBACK_IN_PROGRESS, updated_at=draft.now)
    )


def rollback_failed_again(draft: Draft, service_deployment: ServiceDeployment) -> None:
    """Tasks of the restored deployment fail as well: say so, once, and go on trying, for nothing better is known."""
    draft.tell(events.rollback_failed(draft.name, draft.primary.id))
    draft.put_service_deployment(
        replace(
            service_deployment,
            status=ServiceDeploymentStatus.ROLLBACK_FAILED,
            status_reason=FAILED_AGAIN,
            finished_at=draft.now,
            updated_at=draft.now,
        )
    )


def fail_without_rollback(draft: Draft, service_deployment: ServiceDeployment, cause: Cause) -> None:
    """The failed deployment stays PRIMARY, and nothing of it is started any more; old tasks stay."""
    service_deployment = _ended_watches(service_deployment)
    failed = _failed(draft, cause)
    if cause.event is not None:
        draft.tell(events.failed(draft.name, failed.id, cause.event))
    draft.put_deployment(failed)
    draft.put_service_deployment(
        replace(
            service_deployment,
            status=ServiceDeploymentStatus.STOPPED,
            status_reason=cause.stopped_reason,
            stopped_at=draft.now,
            finished_at=draft.now,
            updated_at=draft.now,
        )
    )
    _stop_pending(draft, failed)


def _ended_watches(one: ServiceDeployment) -> ServiceDeployment:
    """Hooks that are open end with the deployment that they held; what has not triggered by now is done watching."""
    hooks = tuple(
        replace(hook, status=HookStatus.FAILED, due_at=None, reason=hook.reason or "The deployment was rolled back.")
        if hook.status in {HookStatus.AWAITING_ACTION, HookStatus.IN_PROGRESS}
        else hook
        for hook in one.hooks
    )
    done = {"MONITORING": "MONITORING_COMPLETE"}
    return replace(
        one,
        hooks=hooks,
        alarm_status=done.get(one.alarm_status, one.alarm_status),
        circuit_breaker_status=done.get(one.circuit_breaker_status, one.circuit_breaker_status),
    )


def _failed(draft: Draft, cause: Cause) -> Deployment:
    return replace(
        draft.primary,
        rollout_state=RolloutState.FAILED,
        rollout_state_reason=cause.rollout_state_reason,
        steady_state_at=None,
        updated_at=draft.now,
    )


def _restored(draft: Draft, candidate: Deployment, cause: Cause) -> Deployment:
    """The candidate as a deployment that begins afresh. Its surviving tasks count for it at once."""
    survivors = [task for task in draft.live if task.revision_arn == candidate.revision_arn and task.healthy_since]
    return replace(
        candidate,
        status=DeploymentStatus.PRIMARY,
        rollout_state=RolloutState.IN_PROGRESS,
        rollout_state_reason=cause.rolling_back_reason.format(id=candidate.id),
        created_at=draft.now,
        updated_at=draft.now,
        failed_tasks=0,
        start_failures=0,
        exits=0,
        has_been_healthy=bool(survivors),
        steady_state_at=None,
        told_problems=(),
    )


def _restore_service(draft: Draft, failed: Deployment, candidate: Deployment) -> None:
    """The service as the candidate's revision froze it; desired count and deployment configuration stay as they are."""
    old, new = draft.snapshot.revisions[candidate.revision_arn], draft.snapshot.revisions[failed.revision_arn]
    members = {
        name: one for name, one in draft.service.members.items() if name not in RESTORED_MEMBERS or name not in new.members
    }
    members |= {name: old.members[name] for name in RESTORED_MEMBERS if name in old.members}
    draft.put_service(
        replace(
            draft.service,
            task_definition_arn=old.task_definition_arn,
            load_balancers=old.load_balancers,
            members=members,
        )
    )


def _stop_pending(draft: Draft, failed: Deployment) -> None:
    draft.scale_in([task for task in draft.live if task.revision_arn == failed.revision_arn and task.started_at is None])
