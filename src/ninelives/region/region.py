"""The region: its records, its clock and ids, and the bell that wakes the loop.

Intents (``region.ecs``, ``region.elbv2``) check a request, record what is wanted and ring the bell; only the loop
(``region.loop``) decides and acts.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from ninelives.model.arns import Place
from ninelives.model.ecs import ServiceEvent
from ninelives.model.elbv2 import DRAINING, NOT_IN_USE, REGISTERING, Certificate, Forward, Rule, TargetHealth, TargetKey
from ninelives.model.timing import Timing
from ninelives.region.ports import Alarms, Clock, DataPlane, Ids, NoAlarms
from ninelives.region.state import Changes, State
from ninelives.routing import EnvoySnapshot

EVENTS_KEPT = 100
"""Source: ``ecs`` ``Service.events``."""


class Region:
    """What intents and loop share. ``place`` is the region and account that everything lives in."""

    def __init__(
        self,
        *,
        place: Place,
        state: State,
        clock: Clock,
        ids: Ids,
        data_plane: DataPlane,
        timing: Timing,
        alarms: Alarms | None = None,
    ) -> None:
        self.place = place
        self.registry: str | None = None
        """Where the images are whose references name ECR in this region and account: host and port."""
        self.state = state
        self.clock = clock
        self.ids = ids
        self.data_plane = data_plane
        self.timing = timing
        self.alarms: Alarms = alarms or NoAlarms()
        self.rules_in_force: Mapping[str, Rule] = {}
        """Listener rules as the data plane has taken them, by ARN."""
        self.routing: tuple[int, EnvoySnapshot] | None = None
        """What the data plane is to serve, as last made (``snapshots.routing_of``), and of which version of the records."""
        self.bell = asyncio.Event()
        self.certificates: dict[str, Certificate] = {}
        """Those that listeners use, by ARN, with their keys: in memory only; ACM and IAM keep them."""
        self._last_sequence = max((event.sequence for event in state.events.values()), default=0)

    def now(self) -> datetime:
        return self.clock.now()

    def know(self, certificates: Iterable[Certificate]) -> None:
        """Certificates as they are now."""
        self.certificates.update({one.arn: one for one in certificates})
        self.routing = None

    def wake(self) -> None:
        """Let the loop look again soon."""
        self.bell.set()

    def tell(self, changes: Changes, service_arn: str, messages: Iterable[str]) -> None:
        """Add service events; the oldest beyond a hundred go."""
        kept = self.state.of_service(ServiceEvent, service_arn)
        kept += [
            event for event in changes.puts.values() if isinstance(event, ServiceEvent) and event.service_arn == service_arn
        ]
        for message in messages:
            self._last_sequence += 1
            event = ServiceEvent(
                id=self.ids.uuid(),
                service_arn=service_arn,
                created_at=self.now(),
                message=message,
                sequence=self._last_sequence,
            )
            changes.put(event)
            kept.append(event)
        kept.sort(key=lambda event: event.sequence)
        changes.delete(*kept[:-EVENTS_KEPT])

    def target_health(self, key: TargetKey, *, in_use: Collection[str] | None = None) -> TargetHealth | None:
        """Health of a target as ``DescribeTargetHealth`` shows it; None for one that is not registered.

        ``in_use``: the target groups that rules forward to, where the caller has found them for many targets at once.
        Source: ``elbv2`` ``TargetHealth`` (states, reasons, descriptions).
        """
        target = self.state.targets.get("#".join(map(str, key)))
        if target is None:
            return None
        if target.draining_since is not None:
            return DRAINING
        group = key.target_group_arn
        if not (self.is_in_use(group) if in_use is None else group in in_use):
            return NOT_IN_USE
        return self.data_plane.target_health(key) or REGISTERING

    def is_in_use(self, target_group_arn: str) -> bool:
        """Whether a rule forwards to the target group."""
        return any(
            isinstance(rule.action, Forward) and any(one.arn == target_group_arn for one in rule.action.target_groups)
            for rule in self.state.rules.values()
        )
