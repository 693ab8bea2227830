"""The rules of the event buses as the API has them, with their targets; read anew once something has changed there."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ninelives.eventbridge.patterns import InvalidPattern, matches

log = logging.getLogger(__name__)

Call = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Calls an AWS operation in process: service, operation, parameters. Raises an error with a ``code`` where it is refused."""

ENABLED: Final = ("ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    arn: str
    bus: str
    pattern: Mapping[str, Any]
    targets: Sequence[Mapping[str, Any]]
    """As PutTargets spells them."""

    def takes(self, event: Mapping[str, Any]) -> bool:
        """Whether an event matches; a pattern that cannot be understood matches nothing, and that is said."""
        try:
            return matches(self.pattern, event)
        except InvalidPattern as error:
            log.warning("%s matches nothing: %s", self.arn, error)
            return False


class Rules:
    """``changes`` counts what may have changed the rules: as long as it stays, they are not read again."""

    def __init__(self, call: Call, *, changes: Callable[[], int]) -> None:
        self._call = call
        self._changes = changes
        self._read_at: int | None = None
        self._rules: tuple[Rule, ...] = ()

    async def of(self, bus: str) -> list[Rule]:
        """The rules of a bus that wait for events (schedules do not)."""
        changes = self._changes()
        if changes != self._read_at:
            self._rules = tuple([rule async for rule in self._read()])
            self._read_at = changes
        return [rule for rule in self._rules if rule.bus == bus]

    async def _read(self) -> AsyncIterator[Rule]:
        async for bus in self._pages("ListEventBuses", "EventBuses", {}):
            name = bus["Name"]
            async for rule in self._pages("ListRules", "Rules", {"EventBusName": name}):
                if rule.get("State", "ENABLED") not in ENABLED or not rule.get("EventPattern"):
                    continue
                asked = {"Rule": rule["Name"], "EventBusName": name}
                targets = [target async for target in self._pages("ListTargetsByRule", "Targets", asked)]
                yield Rule(arn=rule["Arn"], bus=name, pattern=json.loads(rule["EventPattern"]), targets=targets)

    async def _pages(self, operation: str, member: str, parameters: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
        token: Mapping[str, Any] = {}
        while True:
            answer = await self._call("events", operation, {**parameters, **token})
            for one in answer.get(member, ()):
                yield one
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}
