"""A release under way in words, for every screen: its events, its tasks and targets, its stage, traffic, hooks and guards."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from ninelives.deploy.follow import Progress, Stage, Wait
from ninelives.deploy.observation import HookSeen, ServiceDeploymentSeen
from ninelives.deploy.quantities import write_duration, write_tenths

STRATEGIES = {"ROLLING": "rolling", "BLUE_GREEN": "blue-green", "CANARY": "canary", "LINEAR": "linear"}
"""As the service file spells them."""
ENDS = {"SUCCESSFUL": "succeeded", "ROLLBACK_SUCCESSFUL": "rolled back", "ROLLBACK_FAILED": "failed"}
"""Statuses of service deployments that have ended, as `ninelives deploy` calls them."""


def status_words(status: str) -> str:
    """The status of a service deployment.

    >>> status_words("ROLLBACK_SUCCESSFUL"), status_words("IN_PROGRESS")
    ('rolled back', 'in progress')
    """
    return ENDS.get(status, status.lower().replace("_", " "))


def in_short(message: str) -> str:
    """A service event for a screen: without the service's name, with short ids.

    >>> in_short("(service cats) registered 1 targets in (target-group arn:aws:elb:r:a:targetgroup/cats/fd81)")
    'registered 1 targets in (target-group cats)'
    >>> in_short("(service cats) has started 1 tasks: (task 5e7ef7412ef73d5f0830a057858d5b20).")
    'has started 1 tasks: (task 5e7ef741).'
    """
    message = re.sub(r"^\(service [^)]*\) ", "", message)
    message = re.sub(r"\(target-group arn:[^)]*targetgroup/([^/)]+)/[^)]*\)", r"(target-group \1)", message)
    return re.sub(r"\(task ([0-9a-f]{8})[0-9a-f]{24}\)", r"(task \1)", message)


def counts_line(progress: Progress) -> str:
    """Stage, traffic, tasks, targets, hooks and guards in a line; what it says changes only when something happens."""
    parts = [str(progress.stage)]
    if progress.wait is not None:
        parts[0] += f" until {progress.wait.until:%H:%M:%S}Z"
    deployment = progress.deployment
    if deployment is not None and (traffic := traffic_words(deployment)) is not None:
        parts.append(traffic)
    parts += [
        f"{name}: {counted(tally)}" for name, tally in (("new", progress.tally.new), ("old", progress.tally.old)) if tally
    ]
    if progress.tally.targets:
        parts.append(f"targets: {counted(progress.tally.targets)}")
    if deployment is not None:
        parts += [f"hook {hook_words(hook)}" for hook in worth_telling(deployment)]
        parts += guards(deployment)
    if progress.failed_tasks and progress.stage is not Stage.DONE:
        parts.append(failed_words(progress))
    return " | ".join(parts)


def failed_words(progress: Progress) -> str:
    """Failed tasks, beside how many the circuit breaker takes."""
    threshold = progress.deployment.failure_threshold if progress.deployment is not None else 0
    return f"failed tasks: {progress.failed_tasks}" + (f" of {threshold}" if threshold else "")


def traffic_words(deployment: ServiceDeploymentSeen) -> str | None:
    """Who gets how much of the traffic, and which step that is; None where none is shifted (yet)."""
    percent, steps = deployment.production_percent, len(deployment.plan.steps)
    if not deployment.plan.shifts_traffic or (percent is None and deployment.test_percent is None):
        return None
    told = f"traffic: {write_tenths(percent or 0.0)} new"
    if deployment.source_revisions:
        told += f", {write_tenths(100 - (percent or 0.0))} old"
    if steps > 1 and percent:
        told += f" (step {deployment.plan.step_of(percent)} of {steps})"
    if deployment.test_percent and not percent:
        told += f"; test traffic: {write_tenths(deployment.test_percent)} new"
    return told


def worth_telling(deployment: ServiceDeploymentSeen) -> tuple[HookSeen, ...]:
    """Hooks that have not agreed: there is one for each stage and step, and those that have are history."""
    return tuple(hook for hook in deployment.hooks if hook.status != "SUCCEEDED")


def hook_words(hook: HookSeen) -> str:
    """A hook's state and, while it is open, until when.

    >>> hook_words(HookSeen(id="ecs-pause-1", target_type="PAUSE", target=None, status="SUCCEEDED", expires_at=None,
    ...                     timeout_action="ROLLBACK"))
    'pause succeeded'
    """
    told = f"{hook.name} {hook.status.lower().replace('_', ' ')}"
    if not hook.is_open or hook.expires_at is None:
        return told
    return f"{told} until {hook.expires_at:%Y-%m-%d %H:%M}Z, then {hook.timeout_action.lower()}"


def guards(deployment: ServiceDeploymentSeen) -> Iterator[str]:
    """Alarms, where they are watched or have gone off."""
    if deployment.triggered_alarms:
        yield f"alarms: {', '.join(deployment.triggered_alarms)} went off"
    elif deployment.alarm_status == "MONITORING" and deployment.alarms:
        yield f"alarms: {', '.join(deployment.alarms)} watched"


def left_words(wait: Wait, now: datetime) -> str:
    """How much of a bake is left."""
    left = max(wait.until - now, now - now)
    faster = f", {wait.time_scale:g} times as fast" if wait.time_scale != 1 else ""
    return f"{write_duration(left)} left of {write_duration(wait.length)}{faster}"


def counted(tally: Counter[str]) -> str:
    """``2 running, 1 pending``; words of the API in lower case.

    >>> counted(Counter(RUNNING=2, PENDING=1))
    '2 running, 1 pending'
    """
    return ", ".join(f"{number} {name.lower()}" for name, number in tally.most_common() if number)
