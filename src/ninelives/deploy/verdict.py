"""What became of a release: read from its service deployment and its revision, never from "stable" alone. Pure.

A rolled-back service is stable too, and so is one that a newer deployment took over; neither is a success.
Source: ECS API reference, ``ServiceDeployment.status``; developer guide, "Service deployment states".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ninelives.deploy.observation import HookSeen, Observation, ServiceDeploymentSeen, ServiceSeen, number_of


class Outcome(StrEnum):
    """How a release ended."""

    SUCCEEDED = "succeeded"
    """Its service deployment is SUCCESSFUL, its revision is PRIMARY, and the old tasks have ended."""
    ROLLED_BACK = "rolled_back"
    SUPERSEDED = "superseded"
    STOPPED = "stopped"
    """Somebody stopped it, and nothing was rolled back."""
    TIMED_OUT = "timed_out"
    """We stopped waiting; it still runs."""
    PAUSED = "paused"
    """A PAUSE hook waits for a decision."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    outcome: Outcome
    reason: str
    superseded_by: str | None = None
    """ARN of the service deployment that took over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Which release is judged."""

    revision: str
    """Number of its service revision, see ``number_of``."""
    source: str | None = None
    """Number of the revision that was PRIMARY before it; None for a service that is new."""
    answered: frozenset[str] = frozenset()
    """Hooks that were given their decision: ECS may show them as waiting a moment longer."""


def judge(followed: Followed, seen: Observation) -> Verdict | None:
    """The verdict on a release; None while it is under way."""
    service = seen.service
    if service is None or service.status != "ACTIVE":
        what = "is gone" if service is None else f"is {service.status}"
        return Verdict(outcome=Outcome.FAILED, reason=f"the service {what}")
    ours = seen.service_deployment
    if ours is None:
        return _by_records(followed, service, seen)
    return _by_service_deployment(followed, ours, service, seen)


def _by_service_deployment(
    followed: Followed, ours: ServiceDeploymentSeen, service: ServiceSeen, seen: Observation
) -> Verdict | None:
    revision = followed.revision
    match ours.status:
        case "SUCCESSFUL":
            return _completed(revision, service, seen)
        case "ROLLBACK_SUCCESSFUL":
            return Verdict(outcome=Outcome.ROLLED_BACK, reason=_told(ours, "the service deployment was rolled back"))
        case "ROLLBACK_FAILED":
            return Verdict(outcome=Outcome.FAILED, reason=_told(ours, "the rollback failed"))
        case "STOPPED" | "STOP_REQUESTED" if seen.newer:
            return _superseded(seen.newer, ours)
        case "STOPPED":
            if ours.breaker_status == "TRIGGERED" or _is_failed(revision, service):
                return Verdict(outcome=Outcome.FAILED, reason=_told(ours, "tasks failed to start; rollback is off"))
            return Verdict(outcome=Outcome.STOPPED, reason=_told(ours, "the service deployment was stopped"))
        case "IN_PROGRESS" if hook := next((one for one in ours.awaiting if one.id not in followed.answered), None):
            return Verdict(outcome=Outcome.PAUSED, reason=_pause(ours, hook))
        case _:
            return None


def _pause(ours: ServiceDeploymentSeen, hook: HookSeen) -> str:
    stage = f" in {ours.stage}" if ours.stage is not None else ""
    until = f", until {hook.expires_at:%Y-%m-%d %H:%M} UTC; then: {hook.timeout_action}" if hook.expires_at else ""
    return f"it waits{stage} for a decision{until}"


def _completed(revision: str, service: ServiceSeen, seen: Observation) -> Verdict | None:
    """SUCCESSFUL says that the new tasks serve; the release is done when the old ones have ended, too."""
    primary = service.primary
    if primary is None or number_of(primary.id) != revision:
        if seen.newer:
            return _superseded(seen.newer, seen.service_deployment)
        return None
    if old_tasks_left(revision, seen):
        return None
    return Verdict(outcome=Outcome.SUCCEEDED, reason="the new tasks serve and the old ones have ended")


def old_tasks_left(revision: str, seen: Observation) -> int:
    """Tasks of other revisions whose containers have not ended."""
    return sum(
        not task.is_gone
        for task in seen.tasks
        if task.started_by.startswith("ecs-svc/") and number_of(task.started_by) != revision
    )


def _superseded(newer: Sequence[ServiceDeploymentSeen], ours: ServiceDeploymentSeen | None) -> Verdict:
    """By the first that came after ours."""
    by = newer[-1]
    when = "had completed, but was replaced before its old tasks had ended" if _is_successful(ours) else "was stopped"
    return Verdict(
        outcome=Outcome.SUPERSEDED,
        reason=f"the release {when}: a newer deployment, {by.arn.rsplit('/', 1)[-1]}, took its place",
        superseded_by=by.arn,
    )


def _is_successful(ours: ServiceDeploymentSeen | None) -> bool:
    return ours is not None and ours.status == "SUCCESSFUL"


def _is_failed(revision: str, service: ServiceSeen) -> bool:
    return any(number_of(one.id) == revision and one.rollout_state == "FAILED" for one in service.deployments)


def _told(ours: ServiceDeploymentSeen, otherwise: str) -> str:
    reason = ours.status_reason or ours.rollback_reason or otherwise
    unnamed = [name for name in ours.triggered_alarms if name not in reason]
    return f"{reason} (alarms: {', '.join(unnamed)})" if unnamed else reason


def _by_records(followed: Followed, service: ServiceSeen, seen: Observation) -> Verdict | None:
    """From ``Service.deployments``, for a service whose service deployment is not to be seen (yet)."""
    revision = followed.revision
    ours = next((one for one in service.deployments if number_of(one.id) == revision), None)
    primary = service.primary
    if primary is None:
        return None
    if ours is primary:
        if ours.rollout_state == "FAILED":
            return Verdict(outcome=Outcome.FAILED, reason=ours.rollout_state_reason)
        done = ours.rollout_state == "COMPLETED" and len(service.deployments) == 1 and not old_tasks_left(revision, seen)
        return Verdict(outcome=Outcome.SUCCEEDED, reason=ours.rollout_state_reason) if done else None
    if "rolling back" in primary.rollout_state_reason:
        return None
    if number_of(primary.id) == followed.source:  # a rollback brings the old deployment back under its own id
        reason = ours.rollout_state_reason if ours is not None else "the old deployment is the primary one again"
        return Verdict(outcome=Outcome.ROLLED_BACK, reason=reason)
    return Verdict(outcome=Outcome.SUPERSEDED, reason=f"{primary.id} is the primary deployment now", superseded_by=primary.id)
