"""EventBridge's noun: an event on a bus. Source: EventBridge user guide, "Events in Amazon EventBridge" (event structure)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ninelives.model.arns import Place
from ninelives.model.ecs import Json

DEFAULT_BUS = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What there is to tell, before it is an event of a bus. ``detail`` holds nothing but JSON's types."""

    source: str
    detail_type: str
    resources: tuple[str, ...]
    detail: Json
    time: datetime | None = None
    """None: when it is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusEvent:
    """An event that a bus has taken and not yet delivered. ``sequence`` grows; events are delivered in its order."""

    id: str
    sequence: int
    time: datetime
    source: str
    detail_type: str
    resources: tuple[str, ...]
    detail: Json
    bus: str = DEFAULT_BUS
    is_passed_on: bool = False
    """Whether another bus's rule sent it here; it goes to no third bus."""

    @property
    def key(self) -> str:
        return f"{self.sequence:016d}"

    def written(self, place: Place) -> dict[str, Any]:
        """The event as patterns see it and targets get it."""
        return {
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": place.account,
            "time": self.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": place.region,
            "resources": list(self.resources),
            "detail": dict(self.detail),
        }
