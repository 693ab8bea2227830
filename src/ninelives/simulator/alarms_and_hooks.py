"""What stands around a region and is asked by it: alarms, and the functions that hooks call."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from ninelives.model.cloudwatch import AlarmFacts, StateValue
from ninelives.region.ports import HookUnreachable
from ninelives.simulator.event_loop import Process, SimulatedLoop
from ninelives.simulator.faults import Fates, SimulatedFault
from ninelives.simulator.options import Fault

ALARMS = ("5xx", "latency")
GARBAGE: tuple[Any, ...] = (None, [], "SUCCEEDED", {"hookStatus": None}, {"hookStatus": "DONE"}, {"hookStatus": {"a": 1}}, 7)
HANGS_SECONDS = 900.0


class AlarmBoard:
    """CloudWatch's alarms, whoever looks at them. ``changed`` hears of every change."""

    def __init__(self) -> None:
        self._states = dict.fromkeys(ALARMS, StateValue.OK)
        self.changed: Callable[[], None] = lambda: None

    def put(self, name: str, state: StateValue) -> None:
        self._states[name] = state
        self.changed()

    def state(self, name: str) -> StateValue:
        return self._states[name]

    def heal(self) -> None:
        for name in ALARMS:
            self.put(name, StateValue.OK)


class SimulatedAlarms:
    """The port ``Alarms`` of one control plane. It knows what was OK a moment ago a moment later."""

    def __init__(self, board: AlarmBoard) -> None:
        self._board = board
        self.told: Callable[[], None] = lambda: None

    def subscribe(self, changed: Callable[[], None]) -> None:
        self.told = changed

    def facts(self, name: str) -> AlarmFacts | None:
        if name not in ALARMS:
            return None
        return AlarmFacts(name=name, state=self._board.state(name), span=timedelta(seconds=30))


class SimulatedFunctions:
    """The port ``HookFunctions``: stand-ins that answer well, and others."""

    def __init__(self, loop: SimulatedLoop, process: Process, fates: Fates, random: Random) -> None:
        self._loop = loop
        self._process = process
        self._fates = fates
        self._random = random

    async def invoke(self, function_arn: str, payload: Mapping[str, Any]) -> Any:  # noqa: ARG002 - the port's
        self._fates.action(self._process, "before a hook is called")
        await asyncio.sleep(self._random.uniform(0.01, 2))
        if self._fates.happens(Fault.HOOKS_FAIL, 0.3):
            await self._go_wrong()
            return self._random.choice((*GARBAGE, {"hookStatus": "FAILED"}, {"hookStatus": "FAILED"}))
        self._fates.action(self._process, "after a hook has answered")
        if self._fates.are_on and self._random.random() < 0.3:  # noqa: PLR2004 - a likelihood
            delay = self._random.choice(({}, {"callBackDelay": 1}, {"callBackDelaySeconds": 5.5}, {"callBackDelay": "soon"}))
            return {"hookStatus": "IN_PROGRESS", **delay}
        return {"hookStatus": "SUCCEEDED"}

    async def _go_wrong(self) -> None:
        match self._random.randrange(5):
            case 0:
                await asyncio.sleep(self._random.choice((30.0, HANGS_SECONDS)))
            case 1:
                raise HookUnreachable("nobody listens there.")
            case 2:
                raise SimulatedFault("the call broke off")
            case _:
                pass
