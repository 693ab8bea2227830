"""When a restart policy starts a container again.

Source: ECS developer guide, "Restart individual containers in Amazon ECS tasks with container restart policies"; botocore
``ecs`` ``ContainerRestartPolicy``.
"""

from ninelives.model.containers import RestartPolicy
from ninelives.model.observation import ContainerObservation


def may_restart(policy: RestartPolicy | None, ended: ContainerObservation) -> bool:
    """Whether a container that has ended is to be started again: it ran long enough, and its exit code is not ignored.

    >>> from datetime import UTC, datetime, timedelta
    >>> began = datetime(2026, 1, 1, tzinfo=UTC)
    >>> def ended(code: int, seconds: int) -> ContainerObservation:
    ...     return ContainerObservation(
    ...         name="web", last_status="STOPPED", exit_code=code,
    ...         started_at=began, finished_at=began + timedelta(seconds=seconds),
    ...     )
    >>> policy = RestartPolicy(ignored_exit_codes=frozenset({0}), restart_attempt_period=timedelta(seconds=60))
    >>> [may_restart(policy, ended(*one)) for one in ((1, 60), (1, 59), (0, 3600))]
    [True, False, False]
    >>> may_restart(None, ended(1, 3600))
    False
    """
    if policy is None or ended.exit_code is None or ended.exit_code in policy.ignored_exit_codes:
        return False
    if ended.started_at is None or ended.finished_at is None:
        return False
    return ended.finished_at - ended.started_at >= policy.restart_attempt_period
