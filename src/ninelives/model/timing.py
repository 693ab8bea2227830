"""The waits that are policy, with the time scale applied once.

``ninelives up --time-scale N`` divides the waits that only policy asks for (ticks, health check intervals, bake times);
never those that belong to the application: in-flight requests, the deregistration delay while requests are in flight,
the stop timeout.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """ECS's constants, divided by ``time_scale`` (1 is real time).

    Source: ECS developer guide ("Service scheduler concepts", "Deployment circuit breaker"); ``ecs`` model, ``Service``.
    """

    time_scale: float = 1.0

    def scaled(self, wait: timedelta) -> timedelta:
        """A wait of policy in this region's time."""
        return wait / self.time_scale

    @property
    def tick(self) -> timedelta:
        """How often the service scheduler looks at a service again: about 10 s, as event times show."""
        return self.scaled(timedelta(seconds=10))

    @property
    def healthy_after(self) -> timedelta:
        """How long a task without load balancer and health check must run before it counts as healthy: 40 s."""
        return self.scaled(timedelta(seconds=40))

    @property
    def throttle_cap(self) -> timedelta:
        """The longest gap between starts of tasks that never reach RUNNING: 27 min."""
        return self.scaled(timedelta(minutes=27))

    @property
    def event_suppression(self) -> timedelta:
        """How long the same problem is not told again: 6 h."""
        return self.scaled(timedelta(hours=6))

    @property
    def stopped_task_retention(self) -> timedelta:
        """How long a stopped task stays visible: 1 h, in real time."""
        return timedelta(hours=1)
