"""A service deployment as data for scripts: the same object wherever one is told of. Pure."""

from datetime import datetime
from typing import Any

from ninelives.deploy.observation import HookSeen, ServiceDeploymentSeen


def deployment_json(one: ServiceDeploymentSeen) -> dict[str, Any]:
    """Status, stage, traffic, hooks, and what would take it back; ``traffic`` is None where none is shifted."""
    plan = one.plan
    return {
        "arn": one.arn,
        "status": one.status,
        "status_reason": one.status_reason or None,
        "strategy": plan.strategy,
        "lifecycle_stage": one.lifecycle_stage,
        "traffic": traffic_json(one) if plan.shifts_traffic else None,
        "bake_s": plan.bake.total_seconds(),
        "hooks": [hook_json(hook) for hook in one.hooks],
        "alarms": None
        if one.alarm_status is None
        else {"status": one.alarm_status, "names": list(one.alarms), "triggered": list(one.triggered_alarms)},
        "circuit_breaker": None
        if one.breaker_status is None
        else {"status": one.breaker_status, "failures": one.failures, "threshold": one.failure_threshold},
        "rollback": None
        if one.rollback_revision is None
        else {"reason": one.rollback_reason, "to_revision": one.rollback_revision},
    }


def traffic_json(one: ServiceDeploymentSeen) -> dict[str, Any]:
    """Percent of production and of test traffic that the new version is to get, and the steps of the way there."""
    return {
        "production_new_percent": one.production_percent,
        "test_new_percent": one.test_percent,
        "steps_percent": list(one.plan.steps),
        "steps_taken": one.plan.step_of(one.production_percent or 0.0),
        "step_bake_s": one.plan.step_bake.total_seconds(),
    }


def hook_json(hook: HookSeen) -> dict[str, Any]:
    return {
        "id": hook.id,
        "type": hook.target_type,
        "target": hook.target,
        "status": hook.status,
        "expires_at": in_text(hook.expires_at),
        "on_timeout": hook.timeout_action.lower(),
    }


def in_text(instant: datetime | None) -> str | None:
    """ISO 8601, or None."""
    return instant.isoformat() if instant is not None else None
