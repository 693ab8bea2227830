"""What auto scaling needs of its neighbours."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ninelives.model.alarms import Alarm
from ninelives.model.events import Happening
from ninelives.monitoring import Datapoint

Call = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Calls an AWS operation in process: service, operation, parameters. Raises an error where it is refused."""

Tell = Callable[[Happening], object]
"""Tells EventBridge's default bus."""


class AlarmReadings(Protocol):
    """CloudWatch's alarms, as they are at this moment."""

    def find(self, name_or_arn: str) -> Alarm | None: ...

    def all(self) -> Iterable[Alarm]: ...

    def recent_points(self, alarm: Alarm) -> Sequence[Datapoint]:
        """The periods that the alarm evaluates, the oldest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The rest of the region, as auto scaling reaches it."""

    call: Call
    alarms: AlarmReadings
    tell: Tell
