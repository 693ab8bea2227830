"""A resource type by itself: what it does on the region's API when the engine asks it as it would."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from unittest.mock import Mock

from ninelives.api import logs as cloudwatch_logs
from ninelives.api.call import Operations
from ninelives.api.in_process import InProcess
from ninelives.api.moto_bridge import MotoBridge
from ninelives.model.arns import Place
from ninelives.stacks import Request
from ninelives.stacks.types import TYPES
from ninelives.telemetry import CloudWatchLogs

PLACE = Place(region="eu-west-1", account="111122223333")
STACK_ID = PLACE.arn("cloudformation", "stack/cats/11111111-2222-3333-4444-555555555555")


class Bench:
    """``operations`` are own services by botocore's name; all else is moto's."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._tokens = (f"11111111-2222-3333-4444-{number:012}" for number in count())
        self.logs = CloudWatchLogs(None, place=PLACE, now=lambda: datetime(2026, 11, 27, tzinfo=UTC))
        self.operations: dict[str, Operations] = {"logs": cloudwatch_logs.operations(self.logs, Mock())}
        self.moto = MotoBridge(place=PLACE)
        self._call = InProcess(operations=self.operations, before_moto={}, moto=self.moto.call, place=PLACE)

    def call(self, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        return self._runner.run(self._async_call(service, operation, parameters))

    async def _async_call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._call(service, operation, parameters)

    async def settled(self, is_done: Callable[[], Awaitable[bool]]) -> None:
        """What has been begun comes about at once, where nothing is run."""
        assert await is_done()

    def request(self, logical_id: str, **properties: Any) -> Request:
        return Request(
            call=self._call,
            place=PLACE,
            stack_id=STACK_ID,
            stack_name="cats",
            logical_id=logical_id,
            properties=properties,
            tags={
                "aws:cloudformation:stack-name": "cats",
                "aws:cloudformation:stack-id": STACK_ID,
                "aws:cloudformation:logical-id": logical_id,
            },
            token=next(self._tokens),
            suffix="1A2B3C4D5E6F",
        )

    def create(self, type_name: str, logical_id: str = "It", *, suffix: str = "1A2B3C4D5E6F", **properties: Any) -> Request:
        """Make a resource; the request that updates, reads or deletes it."""
        resource_type, request = TYPES[type_name], replace(self.request(logical_id, **properties), suffix=suffix)

        async def created() -> Request:
            made = replace(request, physical_id=await resource_type.create(request))
            await self.settled(lambda: resource_type.is_stable(made))
            return replace(made, attributes=await resource_type.attributes(made))

        return self._runner.run(created())

    def find(self, type_name: str, request: Request) -> str | None:
        return self._runner.run(TYPES[type_name].find(request))

    def update(self, type_name: str, request: Request, **properties: Any) -> Request:
        changed = replace(
            request,
            properties=properties,
            previous=request.properties,
            previous_tags=request.tags,
            token=next(self._tokens),
        )

        async def updated() -> Request:
            physical_id = await TYPES[type_name].update(changed) or changed.physical_id
            made = replace(changed, physical_id=physical_id)
            await self.settled(lambda: TYPES[type_name].is_stable(made))
            return replace(made, attributes=await TYPES[type_name].attributes(made))

        return self._runner.run(updated())

    def read(self, type_name: str, request: Request) -> Mapping[str, Any] | None:
        return self._runner.run(TYPES[type_name].read(request))

    def delete(self, type_name: str, request: Request) -> None:
        async def deleted() -> None:
            await TYPES[type_name].delete(request)
            await self.settled(lambda: TYPES[type_name].is_gone(request))

        self._runner.run(deleted())
