"""Calls the stand-in of a function, within the time that Lambda gives one."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, assert_never

from ninelives.hooks.post import post
from ninelives.hooks.process import run_function
from ninelives.hooks.stand_ins import PythonStandIn, StandIn, UrlStandIn, stand_in_for
from ninelives.region.ports import HookUnreachable

CALL_SECONDS_MAX = 900.0
"""Source: AWS Lambda developer guide, "Lambda quotas": a function's time-out is 15 minutes at the most."""
TEXT_SHOWN = 300


class LocalFunctions:
    """The region's ``HookFunctions``. ``known`` is by name or ARN."""

    def __init__(self, known: Mapping[str, StandIn], *, call_seconds_max: float = CALL_SECONDS_MAX) -> None:
        self._known = known
        self._call_seconds_max = call_seconds_max

    def knows(self, function_arn: str) -> bool:
        """Whether a function has a stand-in."""
        return stand_in_for(function_arn, self._known) is not None

    async def invoke(self, function_arn: str, payload: Mapping[str, Any]) -> Any:
        """Call the stand-in of a function and answer what it answered, parsed from JSON. Raises ``HookUnreachable``."""
        stand_in = stand_in_for(function_arn, self._known)
        if stand_in is None:
            name = ":".join(function_arn.split(":")[6:7]) or function_arn
            raise HookUnreachable(
                f"no stand-in for the function {name} in this region "
                f"(`ninelives up --function {name}=URL` or `{name}=path.py:function` names one)."
            )
        try:
            async with asyncio.timeout(self._call_seconds_max):
                answer = await _answer_of(stand_in, function_arn, payload)
        except TimeoutError:
            raise HookUnreachable(f"no answer within {self._call_seconds_max:g} seconds.") from None
        try:
            return json.loads(answer)
        except ValueError:
            raise HookUnreachable(f"an answer that is no JSON: {shortened(answer.decode(errors='replace'))!r}.") from None


async def _answer_of(stand_in: StandIn, function_arn: str, payload: Mapping[str, Any]) -> bytes:
    match stand_in:
        case UrlStandIn():
            return await post(stand_in.url, json.dumps(payload).encode())
        case PythonStandIn():
            return await run_function(stand_in, function_arn, payload)
        case _:
            assert_never(stand_in)


def shortened(text: str) -> str:
    """A text in one line that is not too long."""
    line = " ".join(text.split())
    return line if len(line) <= TEXT_SHOWN else line[: TEXT_SHOWN - 1] + "…"
