"""Calls of Lambda hooks: begun when they are due, beside the loop's steps; what is answered is recorded as a fact.

A call that a crash breaks off is made again, with the same execution, as Lambda may do too.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ninelives.model.ecs import HookExecution, HookStatus, ServiceDeployment
from ninelives.region.ports import HookFunctions, HookUnreachable
from ninelives.region.region import Region
from ninelives.scheduler import hooks

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
FAILED_CALL = "an internal error of the region; its log tells more."


class HookCalls:
    """The calls that are under way, each in a task of its own."""

    def __init__(self, region: Region, functions: HookFunctions) -> None:
        self._region = region
        self._functions = functions
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def begin_due(self) -> datetime | None:
        """Begin every call that is due; when the next one will be."""
        now, wake_ats = self._region.now(), []
        state = self._region.state
        for service in state.services.values():
            one = state.service_deployments.get(service.current_service_deployment_arn or "")
            if one is None or one.status.is_terminal:
                continue
            for execution in one.hooks:
                if execution.status is not HookStatus.IN_PROGRESS or execution.due_at is None:
                    continue
                if not hooks.is_due(execution, now):
                    wake_ats.append(execution.due_at)
                elif execution.hook_id not in self._under_way:
                    self._begin(one, execution)
        return min(wake_ats, default=None)

    def _begin(self, one: ServiceDeployment, execution: HookExecution) -> None:
        call = asyncio.create_task(self._call(one.arn, execution), name=f"hook {execution.hook_id}")
        self._under_way[execution.hook_id] = call
        call.add_done_callback(lambda _: self._under_way.pop(execution.hook_id, None))

    async def _call(self, arn: str, execution: HookExecution) -> None:
        try:
            await self._answer(arn, execution)
        except Exception:
            log.exception("the answer of hook %s could not be recorded; it is called again", execution.hook_id)
            await asyncio.sleep(RETRY_SECONDS)
            self._region.wake()

    async def _answer(self, arn: str, execution: HookExecution) -> None:
        function = execution.hook.target_arn or ""
        region = self._region
        try:
            answer = await self._functions.invoke(function, execution.payload)
        except HookUnreachable as error:
            why = str(error)
            self._record(arn, execution.hook_id, lambda current: hooks.unreachable(current, why))
        except Exception:
            log.exception("hook %s could not be called", function)
            self._record(arn, execution.hook_id, lambda current: hooks.unreachable(current, FAILED_CALL))
        else:
            self._record(arn, execution.hook_id, lambda current: hooks.answered(current, answer, region.now(), region.timing))

    def _record(self, arn: str, hook_id: str, answered: Callable[[HookExecution], HookExecution]) -> None:
        """Take in an answer, unless the hook has ended otherwise (its time is over, the deployment was stopped) meanwhile."""
        region = self._region
        one = region.state.service_deployments.get(arn)
        current = next((hook for hook in one.hooks if hook.hook_id == hook_id), None) if one is not None else None
        if one is None or current is None or one.status.is_terminal or current.status is not HookStatus.IN_PROGRESS:
            return
        after = tuple(answered(hook) if hook is current else hook for hook in one.hooks)
        with region.state.transaction() as changes:
            changes.put(replace(one, hooks=after, updated_at=region.now()))
        region.wake()

    async def close(self) -> None:
        calls = list(self._under_way.values())
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
