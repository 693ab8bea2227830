"""A region in memory whose CloudFormation carries stacks, and what is seen of them: no proxy, no tasks, no waiting."""

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from region_bench import TELLING, RegionBench
from type_bench import PLACE

from ninelives.api import cloudformation
from ninelives.bootstrap.stacks import WantedStack, capabilities
from ninelives.bootstrap.template import template_text
from ninelives.cli.identity import RandomIds
from ninelives.model.errors import ApiError
from ninelives.stacks import Catalogue, Engine, StackStore
from ninelives.stacks.intents import NO_UPDATES
from ninelives.stacks.types import TYPES

LOOK_SECONDS = 0.002
PATIENCE_SECONDS = 60
AT_WORK = "_IN_PROGRESS"


class StackRegion(RegionBench):
    def __init__(self, runner: asyncio.Runner, directory: Path) -> None:
        super().__init__(runner, directory)
        self._engine = Engine(
            StackStore(None),
            place=PLACE,
            now=self.clock.now,
            ids=RandomIds(),
            call=self._call,
            catalogue=Catalogue(TYPES),
            poll_seconds=LOOK_SECONDS,
        )
        self.operations["cloudformation"] = cloudformation.operations(self._engine)

    def close(self) -> None:
        self._runner.run(self._engine.close())
        self._engine.state.close()
        super().close()

    # Stacks.

    def bring(self, wanted: WantedStack, *, ends: str | None = None) -> bool:
        """Make the stack, or change it; whether there was anything to do. ``ends`` is the status of one that cannot be."""
        operation = "UpdateStack" if wanted.name in self.stacks else "CreateStack"
        try:
            begun = self.call(
                "cloudformation",
                operation,
                StackName=wanted.name,
                TemplateBody=template_text(wanted.kind),
                Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in wanted.parameters.items()],
                Capabilities=list(capabilities(wanted.kind)),
                Tags=[{"Key": name, "Value": value} for name, value in wanted.tags.items()],
            )
        except ApiError as error:
            if error.message != NO_UPDATES:
                raise
            return False
        good = {"CreateStack": "CREATE_COMPLETE", "UpdateStack": "UPDATE_COMPLETE"}[operation]
        self._at_rest(begun["StackId"], ends or good)
        return True

    def remove(self, name: str) -> None:
        stack_id = self.stacks[name]["StackId"]
        self._empty(self.outputs()[name].get("AccessLogBucket"))
        self.call("cloudformation", "DeleteStack", StackName=name)
        self._at_rest(stack_id, "DELETE_COMPLETE")

    def _empty(self, bucket: str | None) -> None:
        """CloudFormation deletes no bucket that holds something; ``bootstrap --destroy`` empties it too."""
        if bucket is not None:
            for one in self.call("s3", "ListObjectsV2", Bucket=bucket).get("Contents", ()):
                self.call("s3", "DeleteObject", Bucket=bucket, Key=one["Key"])

    def _at_rest(self, stack_id: str, good: str) -> None:
        status = self._runner.run(self._beside_the_loop(self._status_at_rest(stack_id)))
        assert status == good, (status, self.reasons(stack_id))

    async def _status_at_rest(self, stack_id: str) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self._call("cloudformation", "DescribeStacks", {"StackName": stack_id})
                status = str(answer["Stacks"][0]["StackStatus"])
                if not status.endswith(AT_WORK):
                    return status
                await asyncio.sleep(LOOK_SECONDS)

    def reasons(self, stack_id: str) -> list[tuple[str, str]]:
        """What events of the stack say for a reason, the oldest first."""
        events = self.call("cloudformation", "DescribeStackEvents", StackName=stack_id)["StackEvents"]
        told = (one for one in reversed(events) if one.get("ResourceStatusReason"))
        return [(one["LogicalResourceId"], one["ResourceStatusReason"]) for one in told]

    @property
    def stacks(self) -> dict[str, Mapping[str, Any]]:
        """Those that are there, by name."""
        found = self.call("cloudformation", "DescribeStacks")["Stacks"]
        return {one["StackName"]: one for one in found}

    def outputs(self) -> dict[str, dict[str, str]]:
        """By stack."""
        return {
            name: {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}
            for name, stack in self.stacks.items()
        }

    def physical_ids(self, name: str) -> dict[str, str]:
        rows = self.call("cloudformation", "ListStackResources", StackName=name)["StackResourceSummaries"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in rows}

    def drifted(self, name: str) -> list[Any]:
        """What is not as the stack says: its properties that differ, by resource."""
        self.call("cloudformation", "DetectStackDrift", StackName=name)
        rows = self.call("cloudformation", "DescribeStackResourceDrifts", StackName=name)["StackResourceDrifts"]
        return [
            (one["LogicalResourceId"], one.get("PropertyDifferences"))
            for one in rows
            if one["StackResourceDriftStatus"] not in {"IN_SYNC", "NOT_CHECKED"}
        ]

    # All there is.

    def all_there_is(self) -> dict[str, Any]:
        return {service: self.inventory(service) for service in dict.fromkeys(one[0] for one in TELLING)}

    def call(self, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        return self._runner.run(self._beside_the_loop(self._call(service, operation, parameters)))

    async def _beside_the_loop(self, doing: Awaitable[Any]) -> Any:
        """Do something while the region's loop goes its rounds, whose time flies."""
        rounds = asyncio.create_task(self._rounds())
        try:
            return await doing
        finally:
            rounds.cancel()
            with suppress(asyncio.CancelledError):
                await rounds

    async def _rounds(self) -> None:
        while True:
            await self._loop.step()
            self.clock.time += timedelta(seconds=5)
            await asyncio.sleep(LOOK_SECONDS)
