"""Which tasks are healthy now, which fail a check for good, and when time alone will change that."""

from dataclasses import replace

from ninelives.model.ecs import DesiredStatus, LastStatus, Task
from ninelives.scheduler import events
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.health import (
    MissingTarget,
    counts_as_healthy_at,
    failed_check,
    grace_ends_at,
    is_healthy,
    registrations,
)


def watch_health(draft: Draft) -> None:
    """Keep ``healthy_since`` and ``was_healthy`` up to date, and note tasks that fail a check after their grace period."""
    for task in list(draft.tasks.values()):
        if task.last_status is LastStatus.RUNNING and task.desired_status is DesiredStatus.RUNNING:
            _watch(draft, task)
        elif task.healthy_since is not None:
            draft.put_task(replace(task, healthy_since=None))


def _watch(draft: Draft, task: Task) -> None:
    definition = draft.definition_of(task)
    registered = registrations(task, draft.load_balancers_of(task), draft.targets, draft.snapshot.target_health)
    if is_healthy(task, definition, registered, draft.now, draft.timing):
        if task.healthy_since is None:
            draft.put_task(replace(task, healthy_since=draft.now, was_healthy=True))
            if not task.was_healthy:
                _note_first_health(draft, task)
        return
    if task.healthy_since is not None:
        draft.put_task(replace(task, healthy_since=None))
    draft.wake(counts_as_healthy_at(task, definition, registered, draft.timing))
    check = failed_check(task, registered)
    if isinstance(check, MissingTarget) and check.key.target_group_arn in draft.snapshot.missing_target_groups:
        _tell_missing_group(draft, task, check.key.target_group_arn)
        return
    if check is None:
        return
    grace_ends = grace_ends_at(task, draft.service.health_check_grace_period)
    if grace_ends is not None and grace_ends > draft.now:
        draft.wake(grace_ends)
        return
    draft.failing[task.arn] = check


def _tell_missing_group(draft: Draft, task: Task, target_group_arn: str) -> None:
    """Another task would fare no better without the target group: the one that runs stays."""
    deployment = draft.deployment_of(task) or draft.primary
    draft.tell_problem(deployment, events.target_group_not_found(draft.name, deployment.id, target_group_arn))


def _note_first_health(draft: Draft, task: Task) -> None:
    """A task that becomes healthy ends the row of crashes, and sets the count of failures to 0 unless asked otherwise."""
    deployment = draft.deployment_of(task)
    if deployment is None:
        return
    is_reset = draft.service.deployment_configuration.circuit_breaker.reset_on_healthy_task and deployment.failed_tasks
    draft.put_deployment(
        replace(
            deployment,
            has_been_healthy=True,
            start_failures=0,
            exits=0,
            failed_tasks=0 if is_reset else deployment.failed_tasks,
            updated_at=draft.now if is_reset else deployment.updated_at,
        )
    )
