"""A service's auto scaling in words, for ``status`` and ``scale``."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from ninelives.deploy.quantities import write_duration
from ninelives.deploy.scaling import PREFIX
from ninelives.deploy.scaling_view import ActivitySeen, PolicySeen, ScalingSeen, ScheduleSeen

CAUSE = re.compile(r"monitor alarm (?P<alarm>.+) in state ALARM triggered policy (?P<policy>.+)")
REASONS = {
    "AlreadyAtMaxCapacity": "the maximum is reached",
    "AlreadyAtMinCapacity": "the minimum is reached",
    "AlreadyAtDesiredCapacity": "the tasks that are coming will do",
    "AutoScalingAnticipatedFlapping": "with fewer tasks the metric would be above its target",
    "TargetServicePutResourceAsUnscalable": "a deployment holds it",
}


def scaling_facts(found: ScalingSeen) -> Iterator[tuple[str, str]]:
    """Name and text of each line."""
    held = ", a deployment holds scale-in" if found.is_held else ""
    suspended = f", suspended: {', '.join(found.suspended)}" if found.suspended else ""
    yield "scaling", f"{found.min} to {found.max} tasks{suspended}{held}"
    for policy in found.policies:
        yield "follows", policy_words(policy)
    for schedule in found.schedules:
        yield "schedule", schedule_words(schedule)


def policy_words(policy: PolicySeen) -> str:
    """Where a policy stands.

    >>> policy_words(PolicySeen(name="ninelives-cpu", kind="TargetTrackingScaling", target=60.0, value=41.27, alarms={}))
    'cpu 41.3 of 60'
    """
    breached = sum(state == "ALARM" for state in policy.alarms.values())
    if policy.target is None:
        return f"{policy.short_name}, steps" + (f", {breached} alarms in ALARM" if breached else "")
    value = "no data" if policy.value is None else f"{policy.value:.1f}".removesuffix(".0")
    direction = next((name for name, state in policy.alarms.items() if state == "ALARM"), "")
    told = ", asks for more" if "-AlarmHigh-" in direction else ", asks for fewer" if "-AlarmLow-" in direction else ""
    return f"{policy.short_name} {value} of {policy.target:g}{told}"


def schedule_words(schedule: ScheduleSeen) -> str:
    bounds = [
        f"min {schedule.min}" if schedule.min is not None else "",
        f"max {schedule.max}" if schedule.max is not None else "",
    ]
    return f"{schedule.name}, {schedule.schedule} in {schedule.timezone}: {', '.join(filter(None, bounds))}"


def activity_lines(found: ScalingSeen, now: datetime) -> Iterator[tuple[str, str]]:
    """How long ago, and what was done or was not; the oldest first."""
    for one in reversed(found.activities):
        ago = max(timedelta(), now - one.at)
        yield write_duration(ago), activity_words(one)


def activity_words(activity: ActivitySeen) -> str:
    if activity.reason is not None:
        return f"not scaled: {REASONS.get(activity.reason, activity.reason)} ({cause_words(activity.cause)})"
    told = "" if activity.status == "Successful" else f" {activity.status}."
    return f"{activity.description}{told} ({cause_words(activity.cause)})"


def cause_words(cause: str) -> str:
    """A cause without the name of an alarm that nobody has chosen.

    >>> cause_words("monitor alarm TargetTracking-service/c/s-AlarmHigh-6d89 in state ALARM triggered policy ninelives-cpu")
    'cpu above its target'
    >>> cause_words("monitor alarm mine in state ALARM triggered policy steps"), cause_words("minimum capacity was set to 3")
    ('alarm mine, policy steps', 'minimum capacity was set to 3')
    """
    found = CAUSE.fullmatch(cause)
    if found is None:
        return cause
    policy = found["policy"].removeprefix(PREFIX)
    if not found["alarm"].startswith("TargetTracking-"):
        return f"alarm {found['alarm']}, policy {policy}"
    return f"{policy} {'above' if '-AlarmHigh-' in found['alarm'] else 'below'} its target"
