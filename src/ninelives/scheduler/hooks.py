"""Lifecycle hooks: when they begin, what their answers mean, and when a stage may go on.

All hooks of a stage run side by side; the stage goes on when each has succeeded, and the deployment rolls back when one fails.
Source: ECS developer guide, "Lifecycle hooks for Amazon ECS service deployments", "Lambda hooks …", "Pause hooks …".
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ninelives.model.ecs import (
    HookExecution,
    HookStatus,
    HookTargetType,
    HookTimeoutAction,
    LifecycleHook,
    LifecycleStage,
    ServiceDeployment,
)
from ninelives.model.timing import Timing
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.rollback import REQUESTED, Cause

CALL_BACK_DELAY = timedelta(seconds=30)
"""When a hook that answered IN_PROGRESS is called again, unless it says otherwise."""
OPEN = frozenset({HookStatus.AWAITING_ACTION, HookStatus.IN_PROGRESS})


def run(draft: Draft, one: ServiceDeployment, stage: LifecycleStage, *, is_rollback: bool = False) -> bool | Cause:
    """Begin the hooks of a stage (of its step), look after those that have begun: whether all of them have succeeded, or the
    cause for a rollback that one of them gives.
    """
    one = _begun(draft, one, stage, is_rollback=is_rollback)
    one = _timed_out(draft, one)
    mine = [hook for hook in one.hooks if _is_of(hook, one, stage, is_rollback=is_rollback)]
    for hook in mine:
        if hook.status in OPEN:
            draft.wake(hook.expires_at)
    failed = next((hook for hook in mine if _has_failed(hook)), None)
    if failed is not None:
        return _cause(failed)
    return not any(hook.status in OPEN for hook in mine)


def answered(execution: HookExecution, answer: Any, now: datetime, timing: Timing) -> HookExecution:
    """The execution after a Lambda hook's answer, parsed from JSON."""
    members: Mapping[str, Any] = answer if isinstance(answer, Mapping) else {}
    execution = replace(execution, calls=execution.calls + 1, due_at=None)
    arn = execution.hook.target_arn
    match members.get("hookStatus"):
        case "SUCCEEDED":
            return replace(execution, status=HookStatus.SUCCEEDED)
        case "FAILED":
            return _failed(execution, f"Lifecycle hook target {arn} returned FAILED status.")
        case "IN_PROGRESS":
            return replace(execution, due_at=now + timing.scaled(_delay(members)))
        case None:
            return _failed(execution, f"ECS was unable to parse the response from {arn} due to: HookStatus must not be null.")
        case other:
            return _failed(execution, f"ECS was unable to parse the response from {arn} due to: unknown HookStatus {other!r}.")


def unreachable(execution: HookExecution, why: str) -> HookExecution:
    """The execution after a call that failed."""
    execution = replace(execution, calls=execution.calls + 1, due_at=None)
    return _failed(execution, f"ECS was unable to invoke hook target {execution.hook.target_arn} due to {why}")


def is_due(execution: HookExecution, now: datetime) -> bool:
    """Whether a Lambda hook is to be called."""
    return execution.status is HookStatus.IN_PROGRESS and execution.due_at is not None and execution.due_at <= now


def _delay(members: Mapping[str, Any]) -> timedelta:
    """Both spellings are documented."""
    for name in ("callBackDelay", "callBackDelaySeconds"):
        value = members.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < timedelta.max.total_seconds():
            return timedelta(seconds=float(value))
    return CALL_BACK_DELAY


def _failed(execution: HookExecution, reason: str) -> HookExecution:
    return replace(execution, status=HookStatus.FAILED, reason=reason)


def _is_of(hook: HookExecution, one: ServiceDeployment, stage: LifecycleStage, *, is_rollback: bool) -> bool:
    return (hook.stage, hook.step, hook.is_rollback) == (stage, one.step, is_rollback)


def _begun(draft: Draft, one: ServiceDeployment, stage: LifecycleStage, *, is_rollback: bool) -> ServiceDeployment:
    if any(_is_of(hook, one, stage, is_rollback=is_rollback) for hook in one.hooks):
        return one
    hooks = [
        _execution(draft, one, index, hook, stage, is_rollback=is_rollback)
        for index, hook in enumerate(one.deployment_configuration.lifecycle_hooks)
        if stage in hook.stages and not (is_rollback and hook.target_type is HookTargetType.PAUSE)
    ]
    return _put(draft, one, (*one.hooks, *hooks)) if hooks else one


def _put(draft: Draft, one: ServiceDeployment, hooks: Sequence[HookExecution]) -> ServiceDeployment:
    one = replace(one, hooks=tuple(hooks), updated_at=draft.now)
    draft.put_service_deployment(one)
    return one


def _execution(
    draft: Draft, one: ServiceDeployment, index: int, hook: LifecycleHook, stage: LifecycleStage, *, is_rollback: bool
) -> HookExecution:
    digest = hashlib.sha256(f"{one.arn} {index} {stage} {one.step} {is_rollback}".encode()).digest()
    is_pause = hook.target_type is HookTargetType.PAUSE
    name = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    execution_id = _uuid(digest)
    return HookExecution(
        hook_id=f"ecs-{'pause' if is_pause else 'lambda'}-{name}",
        execution_id=execution_id,
        hook=hook,
        stage=stage,
        step=one.step,
        status=HookStatus.AWAITING_ACTION if is_pause else HookStatus.IN_PROGRESS,
        began_at=draft.now,
        expires_at=draft.now + draft.timing.scaled(hook.timeout),
        due_at=None if is_pause else draft.now,
        is_rollback=is_rollback,
        payload={} if is_pause else _payload(one, hook, stage, execution_id),
    )


def _payload(one: ServiceDeployment, hook: LifecycleHook, stage: LifecycleStage, execution_id: str) -> Mapping[str, Any]:
    """What a Lambda hook is called with. Weights are told where they move."""
    tells_test = stage in {LifecycleStage.RECONCILE_SERVICE, LifecycleStage.TEST_TRAFFIC_SHIFT}
    tells_production = stage in {LifecycleStage.RECONCILE_SERVICE, LifecycleStage.PRODUCTION_TRAFFIC_SHIFT}
    payload: dict[str, Any] = {
        "executionDetails": {
            "testTrafficWeights": _weights(one, one.test_traffic_percent) if tells_test else {},
            "productionTrafficWeights": _weights(one, one.production_traffic_percent) if tells_production else {},
            "serviceArn": one.service_arn,
            "targetServiceRevisionArn": one.target_revision_arn,
        },
        "executionId": execution_id,
        "lifecycleStage": str(stage),
        "resourceArn": one.arn,
    }
    if hook.details is not None:
        payload["hookDetails"] = hook.details
    return payload


def _weights(one: ServiceDeployment, percent: float | None) -> Mapping[str, float]:
    if percent is None:
        return {}
    rest = dict.fromkeys(one.source_revision_arns[:1], 100 - percent)
    return {one.target_revision_arn: percent, **rest}


def _uuid(digest: bytes) -> str:
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"


def _timed_out(draft: Draft, one: ServiceDeployment) -> ServiceDeployment:
    if not any(hook.status in OPEN and hook.expires_at <= draft.now for hook in one.hooks):
        return one
    hooks = [
        replace(hook, status=HookStatus.TIMED_OUT, due_at=None)
        if hook.status in OPEN and hook.expires_at <= draft.now
        else hook
        for hook in one.hooks
    ]
    return _put(draft, one, hooks)


def _has_failed(hook: HookExecution) -> bool:
    timed_out = hook.status is HookStatus.TIMED_OUT and hook.hook.timeout_action is HookTimeoutAction.ROLLBACK
    return timed_out or hook.status is HookStatus.FAILED


def _cause(hook: HookExecution) -> Cause:
    is_pause = hook.hook.target_type is HookTargetType.PAUSE
    if is_pause and hook.status is HookStatus.FAILED:
        return REQUESTED
    if is_pause:
        reason = f"{hook.stage} pause hook timed out."
    else:
        why = hook.reason or f"Lifecycle hook target {hook.hook.target_arn} timed out."
        reason = f"{hook.stage} lifecycle hook(s) failed. {why}"
    return Cause.of(reason)
