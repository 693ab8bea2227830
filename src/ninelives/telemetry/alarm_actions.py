"""What an alarm does when it enters a state: SNS topics are published to, in process; other actions are told as not done."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ninelives.model.alarms import Alarm, AlarmState
from ninelives.model.arns import Place
from ninelives.telemetry.alarm_wording import notification

log = logging.getLogger(__name__)

Call = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Calls an AWS operation in process: service, operation, parameters."""

Acted = Callable[[Alarm, str, str], None]
"""Is told of an action: its alarm, and summary and data for the history."""


class Actions:
    """Carries out alarm actions, one task for each change of state; those of one alarm in their order."""

    def __init__(self, call: Call, place: Place) -> None:
        self._call = call
        self._place = place
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, alarm: Alarm, before: AlarmState, acted: Acted) -> None:
        """Carry out the actions for the state that ``alarm`` has just entered."""
        task = asyncio.create_task(self._act(alarm, before, acted), name=f"actions of alarm {alarm.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let those under way end."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _act(self, alarm: Alarm, before: AlarmState, acted: Acted) -> None:
        for arn in alarm.actions.of(alarm.state.value):
            error = await self._error_of(arn, alarm, before)
            verb = "Successfully executed" if error is None else "Failed to execute"
            data = {
                "actionState": "Succeeded" if error is None else "Failed",
                "notificationResource": arn,
                "stateUpdateTimestamp": round(alarm.state.updated_at.timestamp() * 1000),
                **({} if error is None else {"error": error}),
            }
            acted(alarm, f"{verb} action {arn}", json.dumps(data, separators=(",", ":")))

    async def _error_of(self, arn: str, alarm: Alarm, before: AlarmState) -> str | None:
        if ":sns:" not in arn:
            return "ninelives carries out actions of Amazon SNS only."
        subject, message = notification(alarm, before, self._place)
        try:
            await self._call("sns", "Publish", {"TopicArn": arn, "Subject": subject, "Message": message})
        except Exception as error:  # noqa: BLE001 - an action must never stop the alarms
            log.warning("alarm %s: %s could not be notified: %s", alarm.name, arn, error)
            return str(error)
        return None
