"""Events on their way out: recorded with what they tell of, in one transaction, and kept until they are delivered.

A control plane that dies before an event was delivered delivers it when it comes back: at least once, as EventBridge does.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ninelives.model.events import BusEvent, Happening
from ninelives.region.region import Region
from ninelives.region.state import Changes, Transition

log = logging.getLogger(__name__)

WAITING_MAX = 10_000
"""Events that wait for their targets; beyond it the oldest are dropped."""

Teller = Callable[[Region, Sequence[Transition]], Iterable[Happening]]
"""What there is to tell of the transitions of a transaction."""


class Outbox:
    """The events that wait. ``is_heard`` says whether anybody may listen at all: if not, none is recorded."""

    def __init__(self, region: Region, *, is_heard: Callable[[], bool]) -> None:
        self._region = region
        self._is_heard = is_heard
        self.bell = asyncio.Event()
        """Rings when events have come."""
        self._last_sequence = max((event.sequence for event in self.waiting()), default=0)

    def waiting(self) -> list[BusEvent]:
        """The events that wait, the oldest first."""
        return list(self._region.state.bus_events.values())

    def tell_of_transitions(self, teller: Teller) -> None:
        """Record what ``teller`` tells of each transaction from now on. Its failure is logged and stops no transaction."""

        def watch(transitions: Sequence[Transition], changes: Changes) -> None:
            if not self._is_heard():
                return
            of_others = [one for one in transitions if not isinstance(one.after or one.before, BusEvent)]
            if not of_others:
                return
            try:
                happenings = list(teller(self._region, of_others))
            except Exception:
                log.exception("what a transaction tells EventBridge could not be found out; nothing is told of it")
                return
            self._add(changes, [self._event(one) for one in happenings])

        self._region.state.watch(watch)

    def take(self, happenings: Iterable[tuple[str, Happening]]) -> list[str]:
        """Take events for buses, by name, and answer their ids."""
        events = [replace(self._event(happening), bus=bus) for bus, happening in happenings]
        if self._is_heard():
            with self._region.state.transaction() as changes:
                self._add(changes, events)
        return [event.id for event in events]

    def pass_on(self, event: BusEvent, bus: str) -> None:
        """Take an event for another bus too; it keeps its id."""
        self._last_sequence += 1
        passed_on = replace(event, sequence=self._last_sequence, bus=bus, is_passed_on=True)
        with self._region.state.transaction() as changes:
            self._add(changes, [passed_on])

    def remove(self, events: Sequence[BusEvent]) -> None:
        """Forget events that have been delivered, or never will be."""
        with self._region.state.transaction() as changes:
            changes.delete(*events)

    def _event(self, happening: Happening) -> BusEvent:
        self._last_sequence += 1
        return BusEvent(
            id=self._region.ids.uuid(),
            sequence=self._last_sequence,
            time=happening.time or self._region.now(),
            source=happening.source,
            detail_type=happening.detail_type,
            resources=happening.resources,
            detail=happening.detail,
        )

    def _add(self, changes: Changes, events: Sequence[BusEvent]) -> None:
        if not events:
            return
        changes.put(*events)
        beyond = len(self._region.state.bus_events) + len(events) - WAITING_MAX
        if beyond > 0:
            log.warning("%d events were dropped: %d wait for targets that do not take them", beyond, WAITING_MAX)
            changes.delete(*self.waiting()[:beyond])
        self.bell.set()
