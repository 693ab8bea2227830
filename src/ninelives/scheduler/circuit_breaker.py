"""When a deployment has failed by its tasks, by an alarm or by its user's wish, and what follows.

Source: ECS developer guide, "How the Amazon ECS deployment circuit breaker detects failures"; botocore ecs 2014-11-13,
``DeploymentCircuitBreaker``.
"""

from dataclasses import replace

from ninelives.model.ecs import (
    RolloutState,
    ServiceDeployment,
    ServiceDeploymentStatus,
    ThresholdConfiguration,
    ThresholdType,
)
from ninelives.scheduler.alarms import detected, watched
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.rollback import (
    REQUESTED,
    TRIPPED,
    begin_rollback,
    fail_without_rollback,
    resume_rollback,
    rollback_failed_again,
)

BOUNDED_LEAST, BOUNDED_MOST = 3, 200


def circuit_breaker_threshold(desired_count: int, configuration: ThresholdConfiguration) -> int:
    """Failed tasks at which the breaker trips; a part of a task counts as a whole one.

    Source: ECS developer guide, "Failure threshold".

    >>> bounded = ThresholdConfiguration()
    >>> [circuit_breaker_threshold(desired, bounded) for desired in (1, 6, 7, 25, 400, 800)]
    [3, 3, 4, 13, 200, 200]
    >>> circuit_breaker_threshold(1, ThresholdConfiguration(type=ThresholdType.UNBOUNDED_PERCENT))
    1
    """
    percent = -(-desired_count * configuration.value // 100)
    match configuration.type:
        case ThresholdType.COUNT:
            return configuration.value
        case ThresholdType.BOUNDED_PERCENT:
            return min(BOUNDED_MOST, max(BOUNDED_LEAST, percent))
        case ThresholdType.UNBOUNDED_PERCENT:
            return percent


def judge(draft: Draft) -> None:
    """Whether the deployment that is under way goes on, rolls back or has failed.

    Only a deployment that is IN_PROGRESS is judged; a COMPLETED one that fails later never rolls back.
    """
    service_deployment = draft.service_deployment
    if service_deployment is None or draft.primary.rollout_state is not RolloutState.IN_PROGRESS:
        return
    service_deployment = watched(draft, _with_counts(draft, service_deployment))
    is_rollback = service_deployment.rollback is not None
    is_requested = service_deployment.status is ServiceDeploymentStatus.ROLLBACK_REQUESTED
    if is_requested and is_rollback:
        resume_rollback(draft, service_deployment)
    elif is_requested:
        begin_rollback(draft, service_deployment, REQUESTED)
    elif service_deployment.triggered_alarms and not is_rollback:
        cause = detected(service_deployment.triggered_alarms)
        if service_deployment.deployment_configuration.alarms.rollback:
            begin_rollback(draft, service_deployment, cause)
        else:
            fail_without_rollback(draft, service_deployment, cause)
    elif has_tripped(draft):
        triggered = replace(service_deployment, circuit_breaker_status="TRIGGERED")
        if is_rollback:
            rollback_failed_again(draft, triggered)
        elif draft.service.deployment_configuration.circuit_breaker.rollback:
            begin_rollback(draft, triggered, TRIPPED)
        else:
            fail_without_rollback(draft, triggered, TRIPPED)


def has_tripped(draft: Draft) -> bool:
    """Whether the PRIMARY deployment has as many failures as the breaker, if it is on, allows."""
    breaker = draft.service.deployment_configuration.circuit_breaker
    threshold = circuit_breaker_threshold(draft.service.desired_count, breaker.threshold)
    return breaker.enable and draft.primary.failed_tasks >= max(1, threshold)


def _with_counts(draft: Draft, service_deployment: ServiceDeployment) -> ServiceDeployment:
    """The breaker's state as DescribeServiceDeployments shows it; the desired count moves its threshold."""
    breaker = draft.service.deployment_configuration.circuit_breaker
    if service_deployment.rollback is not None:
        return service_deployment
    shown = replace(
        service_deployment,
        circuit_breaker_status="MONITORING" if breaker.enable else "DISABLED",
        failure_count=draft.primary.failed_tasks,
        failure_threshold=circuit_breaker_threshold(draft.service.desired_count, breaker.threshold) if breaker.enable else 0,
    )
    if shown != service_deployment:
        shown = replace(shown, updated_at=draft.now)
        draft.put_service_deployment(shown)
    return shown
