"""The service scheduler, pure: a snapshot of a service and the time in, a plan out (``plan``).

``reconcile`` decides for a service; ``observe`` and ``advance`` move one task; ``events`` words what is told.
"""

from ninelives.scheduler import events
from ninelives.scheduler.capacity import live_ceiling, running_floor
from ninelives.scheduler.circuit_breaker import circuit_breaker_threshold
from ninelives.scheduler.health import is_healthy
from ninelives.scheduler.lifecycle import advance
from ninelives.scheduler.observation import observe
from ninelives.scheduler.reconcile import reconcile

__all__ = [
    "advance",
    "circuit_breaker_threshold",
    "events",
    "is_healthy",
    "live_ceiling",
    "observe",
    "reconcile",
    "running_floor",
]
