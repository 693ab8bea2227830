"""Application Auto Scaling, pure: what a service's policies, bounds and schedules make of its desired count."""

from ninelives.scheduler.scaling.decision import Breach, Capacity, Decision, PolicyFacts, Scale, Stay, decide
from ninelives.scheduler.scaling.schedule import ScheduleInvalid, next_run, read_schedule

__all__ = [
    "Breach",
    "Capacity",
    "Decision",
    "PolicyFacts",
    "Scale",
    "ScheduleInvalid",
    "Stay",
    "decide",
    "next_run",
    "read_schedule",
]
