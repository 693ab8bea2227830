"""One pass over a service: everything that can be decided now, in the order of the calls below."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from ninelives.model.ecs import DesiredStatus, LastStatus, ServiceStatus, Task
from ninelives.model.elbv2 import Target, TargetKey
from ninelives.model.timing import Timing
from ninelives.scheduler import events
from ninelives.scheduler.circuit_breaker import judge
from ninelives.scheduler.completion import keep_told
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.failures import count_failures, stop_those_that_never_were_healthy
from ninelives.scheduler.lifecycle import progress_of, target_keys
from ninelives.scheduler.plan import Plan, ServiceSnapshot
from ninelives.scheduler.rolling import roll
from ninelives.scheduler.shifting import keep_both, keeps_both
from ninelives.scheduler.stages import proceed
from ninelives.scheduler.succession import take_over
from ninelives.scheduler.vigil import watch_health
from ninelives.scheduler.winding_down import wind_down


def reconcile(snapshot: ServiceSnapshot, now: datetime, timing: Timing) -> Plan:
    """What is to be decided for a service at ``now``.

    May be asked at any moment and any number of times: asked again on the recorded result it comes to an empty plan after
    a few passes, and then ``wake_at`` says when time alone will change the answer.
    """
    draft = Draft(snapshot, now, timing)
    match snapshot.service.status:
        case ServiceStatus.INACTIVE:
            return Plan()
        case ServiceStatus.DRAINING:
            advance_tasks(draft)
            wind_down(draft)
        case ServiceStatus.ACTIVE:
            watch_health(draft)
            take_over(draft)
            advance_tasks(draft)
            count_failures(draft)
            stop_those_that_never_were_healthy(draft)
            judge(draft)
            proceed(draft)
            if keeps_both(draft):
                keep_both(draft)
            else:
                roll(draft)
            keep_told(draft)
    return draft.plan()


def advance_tasks(draft: Draft) -> None:
    """Let every task take the steps that it can take, and tell of targets that came and went."""
    owners = _owners(draft)
    registered: list[Target] = []
    deregistered: list[Target] = []
    draining = 0
    for task in list(draft.tasks.values()):
        if task.last_status is LastStatus.STOPPED:
            continue
        load_balancers = draft.reachable_load_balancers_of(task)
        targets = _own_targets(task, target_keys(task, load_balancers), draft.targets, owners)
        progress = progress_of(task, draft.definition_of(task), load_balancers, targets, draft.now)
        for target in (*progress.registered, *progress.deregistered):
            draft.put_target(target)
        if progress.task is not task:
            draft.put_task(progress.task)
            _note_running(draft, task, progress.task)
        registered += progress.registered
        deregistered += progress.deregistered
        draining += bool(progress.deregistered)
    for group, count in _by_group(registered):
        draft.tell(events.registered(draft.name, count, group))
    for group, count in _by_group(deregistered):
        draft.tell(events.deregistered(draft.name, count, group))
    if draining:
        draft.tell(events.draining(draft.name, draining))


def _note_running(draft: Draft, before: Task, after: Task) -> None:
    """A task that reached RUNNING ends the row of those that did not."""
    deployment = draft.deployment_of(after)
    became_running = after.last_status is LastStatus.RUNNING and before.last_status is not LastStatus.RUNNING
    if became_running and deployment is not None and deployment.start_failures:
        draft.put_deployment(replace(deployment, start_failures=0))


def _owners(draft: Draft) -> dict[TargetKey, Task]:
    """Whose target each one is, by address. Where a runtime gave a dead task's address to a new one, it is the new one's.

    A task that ended before it was RUNNING was never registered, whatever address it had.
    """
    owners: dict[TargetKey, Task] = {}
    for task in sorted(draft.tasks.values(), key=_claim):
        if task.started_at is not None:
            owners.update(dict.fromkeys(target_keys(task, draft.load_balancers_of(task)), task))
    return owners


def _claim(task: Task) -> tuple[bool, bool, datetime]:
    is_registered = task.last_status in {LastStatus.RUNNING, LastStatus.DEACTIVATING}
    return (task.desired_status is DesiredStatus.RUNNING, is_registered, task.created_at)


def _own_targets(
    task: Task, keys: Iterable[TargetKey], targets: Mapping[TargetKey, Target], owners: Mapping[TargetKey, Task]
) -> dict[TargetKey, Target]:
    return {key: targets[key] for key in keys if key in targets and owners.get(key, task) is task}


def _by_group(targets: Iterable[Target]) -> list[tuple[str, int]]:
    return sorted(Counter(target.target_group_arn for target in targets).items())
