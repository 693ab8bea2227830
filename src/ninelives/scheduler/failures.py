"""What counts as a failed task, and how its cause is kept.

Source: ECS developer guide, "How the Amazon ECS deployment circuit breaker detects failures": tasks that never reach RUNNING,
tasks that are stopped for a failing health check, and tasks that exit before they ever passed one. No task counts twice.
"""

from collections.abc import Iterable
from dataclasses import replace

from ninelives.model.ecs import (
    Container,
    DesiredStatus,
    RolloutState,
    StopCode,
    Task,
)
from ninelives.scheduler import events
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.health import explained, stopped_reason, told
from ninelives.scheduler.observation import FAILED_TO_START, essential_containers

OWN_FAILURES = frozenset({StopCode.TASK_FAILED_TO_START, StopCode.ESSENTIAL_CONTAINER_EXITED})
"""Stop codes of tasks that ended by themselves; a user's or the scheduler's stop is no failure."""


def count_failures(draft: Draft) -> None:
    """Count tasks that ended by themselves since the last pass."""
    for task in list(draft.tasks.values()):
        is_new = task.desired_status is DesiredStatus.STOPPED and not task.failure_counted
        if is_new and task.stop_code in OWN_FAILURES:
            _count(draft, task, _cause(draft, task))
            if task.stop_code is StopCode.TASK_FAILED_TO_START:
                _tell_not_placed(draft, task)


def stop_those_that_never_were_healthy(draft: Draft) -> None:
    """While a deployment is under way, a task of it that fails its checks and never was healthy is not worth waiting for.

    Its replacement is started in the same pass, unless this was the failure that trips the circuit breaker.
    """
    if draft.primary.rollout_state is RolloutState.IN_PROGRESS:
        revision_arn = draft.primary.revision_arn
        stop_unhealthy(draft, [one for one in draft.live if one.revision_arn == revision_arn and not one.was_healthy])


def stop_unhealthy(draft: Draft, tasks: Iterable[Task]) -> None:
    """Stop those of ``tasks`` that fail a check, and count them as failures. Protection does not help them."""
    stopped = [task for task in tasks if task.arn in draft.failing]
    for task in stopped:
        deployment = draft.deployment_of(task)
        draft.tell(told(draft.failing[task.arn], draft.name, deployment.id if deployment else "", task))
        _count(draft, task, explained(draft.failing[task.arn], task))
    draft.stop([draft.tasks[task.arn] for task in stopped], lambda task: stopped_reason(draft.failing[task.arn]))


def _count(draft: Draft, task: Task, cause: str) -> None:
    """Count a failure for the task's deployment, and keep its cause there."""
    draft.put_task(replace(task, failure_counted=True))
    deployment = draft.deployment_of(task)
    if deployment is None:
        return
    was_stopped_for_checks = task.arn in draft.failing
    is_failure = was_stopped_for_checks or not task.was_healthy
    counts = is_failure and deployment.rollout_state is RolloutState.IN_PROGRESS
    never_ran = task.started_at is None
    draft.put_deployment(
        replace(
            deployment,
            failed_tasks=deployment.failed_tasks + counts,
            start_failures=deployment.start_failures + never_ran,
            exits=deployment.exits + (not never_ran and not task.was_healthy),
            last_failure_at=draft.now,
            last_failure_reason=cause,
            updated_at=draft.now if counts else deployment.updated_at,
        )
    )


def _tell_not_placed(draft: Draft, task: Task) -> None:
    deployment = draft.deployment_of(task)
    if deployment is not None and task.stopped_reason and task.stopped_reason != FAILED_TO_START:
        draft.tell_problem(deployment, events.unable_to_place(draft.name, task.stopped_reason))


def _cause(draft: Draft, task: Task) -> str:
    """Why a task ended by itself, in a sentence: ECS's reason, the container, its exit code and what is known of it."""
    reason = (task.stopped_reason or FAILED_TO_START).rstrip(".")
    if task.stop_code is StopCode.TASK_FAILED_TO_START:
        return f"{reason} (task {task.id})."
    exited = [one for one in essential_containers(task, draft.definition_of(task)) if one.last_status == "STOPPED"]
    return f"{reason}: {', '.join(map(_exit, exited)) or 'nothing is left of it'} (task {task.id})."


def _exit(container: Container) -> str:
    code = "without an exit code" if container.exit_code is None else f"with code {container.exit_code}"
    return f"container {container.name} exited {code}" + (f", {container.reason}" if container.reason else "")
