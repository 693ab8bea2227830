"""Deployment configurations: what a request gives laid over what was there, and checked.

Source: ``ecs`` 2014-11-13, ``DeploymentConfiguration``; ECS developer guide, "How the deployment circuit breaker detects
failures".
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from ninelives.model.ecs import (
    CircuitBreaker,
    DeploymentConfiguration,
    Json,
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
NO_ALARMS: Json = {"alarmNames": [], "enable": False, "rollback": False}


def merged(before: DeploymentConfiguration, given: Json) -> DeploymentConfiguration:
    """``before`` with the members that ``given`` has; those that it omits are kept.

    Blocks that belong to another strategy (canaryConfiguration, linearConfiguration) are dropped without a word, as ECS does.
    Raises ``UnsupportedFeatureException`` for what this region does not do yet, ``InvalidParameterException`` for mistakes.
    """
    _refuse_what_comes_later(given)
    bake_minutes = given.get("bakeTimeInMinutes")
    if bake_minutes is not None and bake_minutes < 0:
        raise ApiError("InvalidParameterException", "bakeTimeInMinutes must be at least 0")
    breaker = given.get("deploymentCircuitBreaker")
    after = replace(
        before,
        strategy=given.get("strategy", before.strategy),
        minimum_healthy_percent=given.get("minimumHealthyPercent", before.minimum_healthy_percent),
        maximum_percent=given.get("maximumPercent", before.maximum_percent),
        bake_time=before.bake_time if bake_minutes is None else timedelta(minutes=bake_minutes),
        circuit_breaker=before.circuit_breaker if breaker is None else _breaker(before.circuit_breaker, breaker),
        members=dict(before.members) | {name: given[name] for name in ("alarms",) if name in given},
    )
    _check_percentages(after)
    return after


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
        raise ApiError("InvalidParameterException", message)


def _breaker(before: CircuitBreaker, given: Json) -> CircuitBreaker:
    threshold = before.threshold
    if "thresholdConfiguration" in given:
        members: Any = given["thresholdConfiguration"]
        threshold = ThresholdConfiguration(type=ThresholdType(members["type"]), value=members["value"])
    allowed = THRESHOLDS[threshold.type]
    if threshold.value not in allowed:
        message = f"A threshold of type {threshold.type} must be between {allowed[0]} and {allowed[-1]}."
        raise ApiError("InvalidParameterException", message)
    return CircuitBreaker(
        enable=given["enable"],
        rollback=given["rollback"],
        reset_on_healthy_task=given.get("resetOnHealthyTask", before.reset_on_healthy_task),
        threshold=threshold,
    )


def _refuse_what_comes_later(given: Json) -> None:
    """A gate that is taken and not kept would make a verdict untrue: refuse it until it works."""
    strategy = given.get("strategy", "ROLLING")
    what = None
    if strategy != "ROLLING":
        what = f"The deployment strategy {strategy}"
    elif given.get("lifecycleHooks"):
        what = "A deployment lifecycle hook"
    elif given.get("alarms", {}).get("enable"):
        what = "A deployment alarm"
    elif given.get("earlySuccessCriteria", {}).get("enable"):
        what = "earlySuccessCriteria"
    if what is not None:
        message = f"{what} is not supported by this region yet: it comes later. Use strategy ROLLING without it."
        raise ApiError("UnsupportedFeatureException", message)
