"""What an alarm does when it enters a state: each action by the kind of its ARN; kinds that nobody carries out are told so.

Amazon SNS is there from the start; who carries out another kind says so with ``carry_out``.
Source: "Alarm actions", CloudWatch user guide: actions happen when a state is entered, those of scaling policies once a minute
for as long as the state lasts.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ninelives.model.alarms import Alarm, AlarmState
from ninelives.model.arns import Place
from ninelives.telemetry.alarm_wording import notification

log = logging.getLogger(__name__)

Call = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Calls an AWS operation in process: service, operation, parameters."""

Acted = Callable[[Alarm, str, str], None]
"""Is told of an action: its alarm, and summary and data for the history."""

REPEATED_EVERY: Final = timedelta(minutes=1)
"""How often actions that repeat are called while their state lasts, in the region's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """An alarm that calls one of its actions."""

    arn: str
    """The action's."""
    alarm: Alarm
    """In the state for which it calls; ``alarm.state.updated_at`` is since when."""
    before: AlarmState
    """The state that it has left."""
    value: float | None
    """The newest data point that was evaluated; None where there is none, and of a composite alarm."""
    is_repeated: bool = False
    """Whether the state was entered earlier and still lasts."""


CarryOut = Callable[[Firing], Awaitable[object]]
"""Carries out an action. Whatever it raises is told in the alarm's history, by its text."""


@dataclass(frozen=True, slots=True)
class ActionKind:
    """Which ARNs: of a service, and of them those whose resource begins so.

    >>> ActionKind("sns").covers("arn:aws:sns:eu-west-1:111122223333:on-call")
    True
    >>> scaling = ActionKind("autoscaling", "scalingPolicy:")
    >>> scaling.covers("arn:aws:autoscaling:eu-west-1:111122223333:scalingPolicy:6d89:resource/ecs/service/c/s:policyName/p")
    True
    >>> scaling.covers("arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:6d8972f3")
    False
    """

    service: str
    resource: str = ""

    def covers(self, arn: str) -> bool:
        match arn.split(":", 5):
            case ["arn", _, service, _, _, resource]:
                return service == self.service and resource.startswith(self.resource)
            case _:
                return False


@dataclass(frozen=True, slots=True)
class _Carried:
    kind: ActionKind
    carry_out: CarryOut
    repeats: bool


class Actions:
    """Carries out alarm actions, one task for each change of state; those of one alarm in their order."""

    def __init__(self, call: Call, place: Place) -> None:
        self._call = call
        self._place = place
        self._tasks: set[asyncio.Task[None]] = set()
        self._carried = [_Carried(ActionKind("sns"), self._notify, repeats=False)]
        self._repeated_at: dict[str, datetime] = {}
        """When each alarm last called actions that repeat."""

    def carry_out(self, kind: ActionKind, carry_out: CarryOut, *, repeats: bool = False) -> None:
        """From now on actions of ``kind`` are ``carry_out``'s. Those that ``repeats`` are called once a minute of the region's
        time while the state lasts, as CloudWatch does with scaling policies; only their failures are told in the history
        again.
        """
        self._carried.append(_Carried(kind, carry_out, repeats))

    def forget(self, name: str) -> None:
        """An alarm of that name was deleted."""
        self._repeated_at.pop(name, None)

    def start(self, alarm: Alarm, before: AlarmState, value: float | None, acted: Acted) -> None:
        """Carry out the actions for the state that ``alarm`` has just entered."""
        self._repeated_at[alarm.name] = alarm.state.updated_at
        arns = alarm.actions.of(alarm.state.value)
        self._start([Firing(arn=arn, alarm=alarm, before=before, value=value) for arn in arns], acted)

    def repeat(self, alarm: Alarm, value: float | None, acted: Acted, *, now: datetime, every: timedelta) -> None:
        """Carry out once more those that repeat, where ``every`` has passed since they were last."""
        arns = [arn for arn in alarm.actions.of(alarm.state.value) if (one := self._of(arn)) is not None and one.repeats]
        last = self._repeated_at.get(alarm.name, alarm.state.transitioned_at)
        if not arns or now - last < every:
            return
        self._repeated_at[alarm.name] = now
        firings = [Firing(arn=arn, alarm=alarm, before=alarm.state, value=value, is_repeated=True) for arn in arns]
        self._start(firings, acted)

    def _start(self, firings: list[Firing], acted: Acted) -> None:
        task = asyncio.create_task(self._act(firings, acted), name=f"actions of alarm {firings[0].alarm.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let those under way end."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _act(self, firings: list[Firing], acted: Acted) -> None:
        for firing in firings:
            error = await self._error_of(firing)
            if error is None and firing.is_repeated:
                continue
            verb = "Successfully executed" if error is None else "Failed to execute"
            data = {
                "actionState": "Succeeded" if error is None else "Failed",
                "notificationResource": firing.arn,
                "stateUpdateTimestamp": round(firing.alarm.state.updated_at.timestamp() * 1000),
                **({} if error is None else {"error": error}),
            }
            acted(firing.alarm, f"{verb} action {firing.arn}", json.dumps(data, separators=(",", ":")))

    async def _error_of(self, firing: Firing) -> str | None:
        found = self._of(firing.arn)
        if found is None:
            return "ninelives does not carry out actions of this kind."
        try:
            await found.carry_out(firing)
        except Exception as error:  # noqa: BLE001 - an action must never stop the alarms
            log.warning("alarm %s: action %s failed: %s", firing.alarm.name, firing.arn, error)
            return str(error) or type(error).__name__
        return None

    def _of(self, arn: str) -> _Carried | None:
        return next((one for one in self._carried if one.kind.covers(arn)), None)

    async def _notify(self, firing: Firing) -> None:
        subject, message = notification(firing.alarm, firing.before, self._place)
        await self._call("sns", "Publish", {"TopicArn": firing.arn, "Subject": subject, "Message": message})
