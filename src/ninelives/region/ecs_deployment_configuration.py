"""Deployment configurations: what a request gives laid over what was there, and checked.

Source: ``ecs`` 2014-11-13, ``DeploymentConfiguration``; ECS developer guide, "How the deployment circuit breaker detects
failures", "Amazon ECS blue/green deployments", "Lifecycle hooks for Amazon ECS service deployments".
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ninelives.model.ecs import (
    CanaryConfiguration,
    CircuitBreaker,
    DeploymentAlarms,
    DeploymentConfiguration,
    EarlySuccessCriteria,
    HookTargetType,
    HookTimeoutAction,
    Json,
    LifecycleHook,
    LifecycleStage,
    LinearConfiguration,
    Strategy,
    ThresholdConfiguration,
    ThresholdType,
)
from ninelives.model.errors import ApiError

PERCENT_MAX = 100
THRESHOLDS = {
    ThresholdType.COUNT: range(1, 2**31),
    ThresholdType.BOUNDED_PERCENT: range(1, 101),
    ThresholdType.UNBOUNDED_PERCENT: range(1, 101),
}
BAKE_MINUTES_MAX = 1440
"""Of a deployment, and of a step of a canary or linear one."""
CANARY_PERCENT = (0.1, 100.0)
STEP_PERCENT = (3.0, 100.0)
HOOKS_MAX = 10
"""Hooks of each target type of one service."""
HOOK_TIMEOUT_MINUTES = range(1, 20161)
HOOK_STAGES = frozenset(LifecycleStage) - {LifecycleStage.SCALE_UP, LifecycleStage.BAKE_TIME, LifecycleStage.CLEAN_UP}
"""Stages that take hooks."""
SHIFTS = frozenset({LifecycleStage.TEST_TRAFFIC_SHIFT, LifecycleStage.PRODUCTION_TRAFFIC_SHIFT})
"""Stages at which a deployment cannot be paused."""


def merged(before: DeploymentConfiguration, given: Json) -> DeploymentConfiguration:
    """``before`` with the members that ``given`` has; those that it omits are kept.

    Blocks that belong to another strategy (canaryConfiguration, linearConfiguration) are dropped without a word, as ECS does.
    Raises ``InvalidParameterException`` for mistakes.
    """
    bake_minutes = given.get("bakeTimeInMinutes")
    if bake_minutes is not None and not 0 <= bake_minutes <= BAKE_MINUTES_MAX:
        raise _invalid(f"bakeTimeInMinutes must be between 0 and {BAKE_MINUTES_MAX}")
    breaker = given.get("deploymentCircuitBreaker")
    strategy = Strategy(given.get("strategy", before.strategy))
    after = replace(
        before,
        strategy=strategy,
        minimum_healthy_percent=given.get("minimumHealthyPercent", before.minimum_healthy_percent),
        maximum_percent=given.get("maximumPercent", before.maximum_percent),
        bake_time=before.bake_time if bake_minutes is None else timedelta(minutes=bake_minutes),
        circuit_breaker=before.circuit_breaker if breaker is None else _breaker(before.circuit_breaker, breaker),
        alarms=_alarms(given["alarms"]) if "alarms" in given else before.alarms,
        lifecycle_hooks=_hooks(given["lifecycleHooks"]) if "lifecycleHooks" in given else before.lifecycle_hooks,
        canary=_canary(before.canary, given) if strategy is Strategy.CANARY else None,
        linear=_linear(before.linear, given) if strategy is Strategy.LINEAR else None,
        early_success=_early_success(given["earlySuccessCriteria"])
        if "earlySuccessCriteria" in given
        else before.early_success,
    )
    _check_percentages(after)
    _check_early_success(after)
    return after


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def _check_percentages(configuration: DeploymentConfiguration) -> None:
    minimum, maximum = configuration.minimum_healthy_percent, configuration.maximum_percent
    message = None
    if minimum > PERCENT_MAX:
        message = "minimumHealthyPercent must be at most 100"
    elif minimum < 0:
        message = "minimumHealthyPercent must be at least 0"
    elif maximum < PERCENT_MAX:
        message = "maximumPercent must be at least 100"
    elif minimum == maximum == PERCENT_MAX:
        message = "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments"
    if message is not None:
        raise _invalid(message)


def _breaker(before: CircuitBreaker, given: Json) -> CircuitBreaker:
    threshold = before.threshold
    if "thresholdConfiguration" in given:
        members: Any = given["thresholdConfiguration"]
        threshold = ThresholdConfiguration(type=ThresholdType(members["type"]), value=members["value"])
    allowed = THRESHOLDS[threshold.type]
    if threshold.value not in allowed:
        raise _invalid(f"A threshold of type {threshold.type} must be between {allowed[0]} and {allowed[-1]}.")
    return CircuitBreaker(
        enable=given["enable"],
        rollback=given["rollback"],
        reset_on_healthy_task=given.get("resetOnHealthyTask", before.reset_on_healthy_task),
        threshold=threshold,
    )


def _alarms(given: Json) -> DeploymentAlarms:
    names = tuple(dict.fromkeys(given["alarmNames"]))
    if given["enable"] and not names:
        raise _invalid("alarmNames can not be empty where deployment alarms are enabled.")
    return DeploymentAlarms(names=names, enable=given["enable"], rollback=given["rollback"])


def _canary(before: CanaryConfiguration | None, given: Json) -> CanaryConfiguration:
    base, members = before or CanaryConfiguration(), given.get("canaryConfiguration", {})
    return CanaryConfiguration(
        percent=_percent("canaryPercent", members.get("canaryPercent", base.percent), CANARY_PERCENT),
        bake_time=_step_bake("canaryBakeTimeInMinutes", members, base.bake_time),
    )


def _linear(before: LinearConfiguration | None, given: Json) -> LinearConfiguration:
    base, members = before or LinearConfiguration(), given.get("linearConfiguration", {})
    return LinearConfiguration(
        step_percent=_percent("stepPercent", members.get("stepPercent", base.step_percent), STEP_PERCENT),
        step_bake_time=_step_bake("stepBakeTimeInMinutes", members, base.step_bake_time),
    )


def _percent(name: str, value: float, allowed: tuple[float, float]) -> float:
    """A percentage in tenths. Source: ``ecs`` ``CanaryConfiguration``, ``LinearConfiguration``."""
    low, high = allowed
    if not low <= value <= high:
        raise _invalid(f"{name} must be between {low} and {high}")
    if abs(value * 10 - round(value * 10)) > 1e-6:  # noqa: PLR2004 - what a double loses
        raise _invalid(f"{name} must be a multiple of 0.1")
    return round(value * 10) / 10


def _step_bake(name: str, members: Json, before: timedelta) -> timedelta:
    minutes = members.get(name)
    if minutes is None:
        return before
    if not 0 <= minutes <= BAKE_MINUTES_MAX:
        raise _invalid(f"{name} must be between 0 and {BAKE_MINUTES_MAX}")
    return timedelta(minutes=minutes)


def _early_success(given: Json) -> EarlySuccessCriteria:
    return EarlySuccessCriteria(
        enable=given["enable"],
        healthy_percent=given.get("healthyPercent", PERCENT_MAX),
        source_revision_cleanup=given.get("sourceServiceRevisionCleanup", "BLOCKING"),
    )


def _check_early_success(configuration: DeploymentConfiguration) -> None:
    criteria = configuration.early_success
    if criteria is None or not criteria.enable:
        return
    if configuration.strategy is not Strategy.ROLLING:
        raise _invalid("earlySuccessCriteria is only supported with the ROLLING deployment strategy.")
    if not configuration.minimum_healthy_percent <= criteria.healthy_percent <= PERCENT_MAX:
        raise _invalid("healthyPercent must be between minimumHealthyPercent and 100")


def _hooks(given: Sequence[Json]) -> tuple[LifecycleHook, ...]:
    hooks = tuple(_hook(one) for one in given)
    for target_type in HookTargetType:
        if sum(hook.target_type is target_type for hook in hooks) > HOOKS_MAX:
            raise _invalid(f"A service can have at most {HOOKS_MAX} lifecycle hooks of type {target_type}.")
    return hooks


def _hook(given: Json) -> LifecycleHook:
    target_type = given.get("targetType", HookTargetType.AWS_LAMBDA)
    if target_type not in set(HookTargetType):
        raise _invalid("Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE")
    stages = tuple(LifecycleStage(stage) for stage in given.get("lifecycleStages", ()))
    if not stages:
        raise _invalid("lifecycleStages can not be empty.")
    if not HOOK_STAGES.issuperset(stages):
        raise _invalid(
            f"Invalid lifecycle stage. Valid values are: {', '.join(one for one in LifecycleStage if one in HOOK_STAGES)}"
        )
    if target_type == HookTargetType.PAUSE:
        _check_pause(given, stages)
    else:
        _check_function(given)
    timeout: Json = given.get("timeoutConfiguration", {})
    minutes = timeout.get("timeoutInMinutes", 1440)
    if minutes not in HOOK_TIMEOUT_MINUTES:
        allowed = HOOK_TIMEOUT_MINUTES
        raise _invalid(f"timeoutInMinutes must be between {allowed[0]} and {allowed[-1]}")
    return LifecycleHook(
        stages=stages,
        target_type=HookTargetType(target_type),
        target_arn=given.get("hookTargetArn"),
        role_arn=given.get("roleArn"),
        details=given.get("hookDetails"),
        timeout=timedelta(minutes=minutes),
        timeout_action=HookTimeoutAction(timeout.get("action", HookTimeoutAction.ROLLBACK)),
    )


def _check_pause(given: Json, stages: Sequence[LifecycleStage]) -> None:
    if SHIFTS.intersection(stages):
        raise _invalid("Invalid lifecycle stage provided for Pause Hook")
    for member in ("hookTargetArn", "roleArn", "hookDetails"):
        if given.get(member):
            raise _invalid(f"{member} is not supported for hooks with the targetType PAUSE.")


def _check_function(given: Json) -> None:
    for member in ("hookTargetArn", "roleArn"):
        if not given.get(member):
            raise _invalid(f"{member} is required for hooks with the targetType AWS_LAMBDA.")


def shown(configuration: DeploymentConfiguration) -> Json:
    """The configuration as the API shows it, every default filled in."""
    breaker, alarms = configuration.circuit_breaker, configuration.alarms
    minutes = timedelta(minutes=1)
    members: dict[str, Any] = {
        "strategy": str(configuration.strategy),
        "bakeTimeInMinutes": (configuration.bake_time or timedelta()) // minutes,
        "maximumPercent": configuration.maximum_percent,
        "minimumHealthyPercent": configuration.minimum_healthy_percent,
        "deploymentCircuitBreaker": {
            "enable": breaker.enable,
            "rollback": breaker.rollback,
            "resetOnHealthyTask": breaker.reset_on_healthy_task,
            "thresholdConfiguration": {"type": str(breaker.threshold.type), "value": breaker.threshold.value},
        },
        "alarms": {"alarmNames": list(alarms.names), "enable": alarms.enable, "rollback": alarms.rollback},
    }
    if configuration.lifecycle_hooks:
        members["lifecycleHooks"] = [_shown_hook(hook) for hook in configuration.lifecycle_hooks]
    if (canary := configuration.canary) is not None:
        members["canaryConfiguration"] = {
            "canaryPercent": canary.percent,
            "canaryBakeTimeInMinutes": canary.bake_time // minutes,
        }
    if (linear := configuration.linear) is not None:
        members["linearConfiguration"] = {
            "stepPercent": linear.step_percent,
            "stepBakeTimeInMinutes": linear.step_bake_time // minutes,
        }
    if (early := configuration.early_success) is not None:
        members["earlySuccessCriteria"] = {
            "enable": early.enable,
            "healthyPercent": early.healthy_percent,
            "sourceServiceRevisionCleanup": early.source_revision_cleanup,
        }
    return members


def _shown_hook(hook: LifecycleHook) -> Json:
    members = {
        "targetType": str(hook.target_type),
        "hookTargetArn": hook.target_arn,
        "roleArn": hook.role_arn,
        "lifecycleStages": [str(stage) for stage in hook.stages],
        "hookDetails": hook.details,
        "timeoutConfiguration": {
            "timeoutInMinutes": hook.timeout // timedelta(minutes=1),
            "action": str(hook.timeout_action),
        },
    }
    return {name: value for name, value in members.items() if value is not None}
