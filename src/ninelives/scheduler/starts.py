"""Whether tasks of a deployment may be started now, and what is told while they may not."""

from ninelives.model.ecs import Deployment
from ninelives.scheduler import events
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.throttling import is_throttled, next_start_at


def may_start(draft: Draft, deployment: Deployment) -> bool:
    """Whether the gap that failures put between starts is over; the scheduler looks again when it is."""
    at = next_start_at(deployment, draft.service.desired_count, draft.timing)
    if at is None or at <= draft.now:
        return True
    draft.wake(at)
    return False


def tell_throttled(draft: Draft, deployment: Deployment) -> None:
    """Tell that tasks do not start, once the gap between starts has begun to grow."""
    if is_throttled(deployment, draft.service.desired_count, draft.timing):
        draft.tell_problem(deployment, events.unable_to_start_consistently(draft.name))


def unhealthy_to_replace(draft: Draft, deployment: Deployment) -> int:
    """Unhealthy tasks of a revision: those that are kept so far, and those that this pass stopped."""
    stopped = [
        task
        for arn in draft.failing
        if not (task := draft.tasks[arn]).is_live and task.revision_arn == deployment.revision_arn
    ]
    return len(draft.standing_of(deployment).failing) + len(stopped)
