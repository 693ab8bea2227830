"""How ECS words what happens to a service: the texts of ``Service.events``, full stops and their absence included.

Tools match on these texts. Source: ECS developer guide, "Amazon ECS service event messages", and events as real services log
them. ``rollback_failed`` has no captured original in full.
"""

from collections.abc import Sequence


def _service(service_name: str) -> str:
    return f"(service {service_name})"


def _named(task_ids: Sequence[str]) -> str:
    return " ".join(f"(task {task_id})" for task_id in task_ids)


def started(service_name: str, task_ids: Sequence[str], replaced_unhealthy: int = 0) -> str:
    """Tasks were started, some of them in the place of unhealthy ones.

    >>> started("cats", ["0f", "1a"], replaced_unhealthy=1)
    '(service cats) has started 2 tasks: (task 0f) (task 1a). Amazon ECS replaced 1 tasks due to an unhealthy status.'
    """
    text = f"{_service(service_name)} has started {len(task_ids)} tasks: {_named(task_ids)}."
    if replaced_unhealthy:
        text += f" Amazon ECS replaced {replaced_unhealthy} tasks due to an unhealthy status."
    return text


def registered(service_name: str, count: int, target_group_arn: str) -> str:
    """Targets were registered. No full stop.

    >>> registered("cats", 2, "tg")
    '(service cats) registered 2 targets in (target-group tg)'
    """
    return f"{_service(service_name)} registered {count} targets in (target-group {target_group_arn})"


def stopped_running(service_name: str, task_ids: Sequence[str]) -> str:
    """The decision to stop tasks that run, not its completion.

    >>> stopped_running("cats", ["0f"])
    '(service cats) has stopped 1 running tasks: (task 0f).'
    """
    return f"{_service(service_name)} has stopped {len(task_ids)} running tasks: {_named(task_ids)}."


def stopped_pending(service_name: str, count: int) -> str:
    """Tasks that did not run yet were stopped.

    >>> stopped_pending("cats", 2)
    '(service cats) stopped 2 pending tasks.'
    """
    return f"{_service(service_name)} stopped {count} pending tasks."


def deregistered(service_name: str, count: int, target_group_arn: str) -> str:
    """Targets were deregistered. No full stop.

    >>> deregistered("cats", 2, "tg")
    '(service cats) deregistered 2 targets in (target-group tg)'
    """
    return f"{_service(service_name)} deregistered {count} targets in (target-group {target_group_arn})"


def draining(service_name: str, count: int) -> str:
    """Tasks finish the requests that they have.

    >>> draining("cats", 1)
    '(service cats) has begun draining connections on 1 tasks.'
    """
    return f"{_service(service_name)} has begun draining connections on {count} tasks."


def unhealthy_target(service_name: str, task_id: str, port: int, target_group_arn: str, reason: str) -> str:
    """A load balancer's health checks of a task fail; ``reason`` is ELB's description.

    >>> unhealthy_target("cats", "0f", 80, "tg", "Request timed out")
    '(service cats) (task 0f) (port 80) is unhealthy in (target-group tg) due to (reason Request timed out).'
    """
    return (
        f"{_service(service_name)} (task {task_id}) (port {port}) is unhealthy in (target-group {target_group_arn})"
        f" due to (reason {reason})."
    )


def target_not_found(service_name: str, deployment_id: str, task_id: str, target_group_arn: str) -> str:
    """Somebody deregistered the target of a task that runs.

    >>> target_not_found("cats", "ecs-svc/1", "0f", "tg")
    '(service cats) (task set ecs-svc/1) (task 0f) is not healthy in target-group (tg) due to TARGET IS NOT FOUND'
    """
    return (
        f"{_service(service_name)} (task set {deployment_id}) (task {task_id}) is not healthy"
        f" in target-group ({target_group_arn}) due to TARGET IS NOT FOUND"
    )


def target_group_not_found(service_name: str, deployment_id: str, target_group_arn: str) -> str:
    """Somebody deleted a target group of the service. Told of all tasks at once, where ECS names each.

    >>> target_group_not_found("cats", "ecs-svc/1", "tg")
    '(service cats) (task set ecs-svc/1) is not healthy in target-group (tg) due to TARGET GROUP IS NOT FOUND'
    """
    return (
        f"{_service(service_name)} (task set {deployment_id}) is not healthy"
        f" in target-group ({target_group_arn}) due to TARGET GROUP IS NOT FOUND"
    )


def failed_container_checks(service_name: str, task_id: str) -> str:
    """A container's own health check says UNHEALTHY.

    >>> failed_container_checks("cats", "0f")
    '(service cats) (task 0f) failed container health checks.'
    """
    return f"{_service(service_name)} (task {task_id}) failed container health checks."


def completed(service_name: str, deployment_id: str) -> str:
    """The PRIMARY deployment reached COMPLETED.

    >>> completed("cats", "ecs-svc/1")
    '(service cats) (deployment ecs-svc/1) deployment completed.'
    """
    return f"{_service(service_name)} (deployment {deployment_id}) deployment completed."


def steady(service_name: str) -> str:
    """The service has its desired count, and every task of it is healthy.

    >>> steady("cats")
    '(service cats) has reached a steady state.'
    """
    return f"{_service(service_name)} has reached a steady state."


def failed(service_name: str, deployment_id: str, reason: str) -> str:
    """The circuit breaker tripped ("tasks failed to start."), an alarm went off ("alarm detected."), a hook failed, ….

    >>> failed("cats", "ecs-svc/2", "tasks failed to start.")
    '(service cats) (deployment ecs-svc/2) deployment failed: tasks failed to start.'
    """
    return f"{_service(service_name)} (deployment {deployment_id}) deployment failed: {reason}"


def rolling_back(service_name: str, deployment_id: str) -> str:
    """``deployment_id`` is the one that comes back.

    >>> rolling_back("cats", "ecs-svc/1")
    '(service cats) rolling back to deployment ecs-svc/1.'
    """
    return f"{_service(service_name)} rolling back to deployment {deployment_id}."


def rollback_failed(service_name: str, deployment_id: str) -> str:
    """There is nothing to go back to, or it does not start either.

    >>> rollback_failed("cats", "ecs-svc/1")
    '(service cats) Deployment ecs-svc/1 rollback has failed.'
    """
    return f"{_service(service_name)} Deployment {deployment_id} rollback has failed."


def unable_to_place(service_name: str, reason: str) -> str:
    """A task could not be started, for a reason with ECS's error name in front.

    >>> unable_to_place("cats", "CannotPullContainerError: not found")
    '(service cats) was unable to place a task. Reason: CannotPullContainerError: not found.'
    """
    return f"{_service(service_name)} was unable to place a task. Reason: {reason.rstrip('.')}."


def unable_to_start_consistently(service_name: str) -> str:
    """Starts are being throttled.

    >>> unable_to_start_consistently("cats")
    '(service cats) is unable to consistently start tasks successfully.'
    """
    return f"{_service(service_name)} is unable to consistently start tasks successfully."


def deadlocked(service_name: str) -> str:
    """The deployment configuration lets nothing start and nothing stop.

    >>> deadlocked("cats")[:80]
    '(service cats) was unable to stop or start tasks during a deployment because of '
    """
    return (
        f"{_service(service_name)} was unable to stop or start tasks during a deployment because of the service deployment"
        " configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
    )


def protected(service_name: str, deployment_id: str, count: int) -> str:
    """Tasks of ``deployment_id`` are protected from scale-in.

    >>> protected("cats", "ecs-svc/1", 2)[56:]
    '(taskSet ecs-svc/1) was unable to scale in due to (reason 2 tasks under protection)'
    """
    return (
        f"{_service(service_name)} was unable to reach steady state because (taskSet {deployment_id})"
        f" was unable to scale in due to (reason {count} tasks under protection)"
    )
