"""As whom CloudFormation makes a stack's resources: its service role, or else whoever asked for the operation.

Source: CloudFormation user guide, "CloudFormation service role".
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from ninelives.api.authorization.caller import Caller
from ninelives.api.authorization.guard import Guard
from ninelives.api.authorization.refusals import NotLetIn
from ninelives.api.in_process import InProcess
from ninelives.model.errors import ApiError

AwsCall = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]

CLOUDFORMATION: Final = "cloudformation.amazonaws.com"
SESSION: Final = "AWSCloudFormation"
SESSION_LASTS: Final = timedelta(hours=1)


class StackActors:
    """Calls for CloudFormation's engine. An ``actor`` is a sealed caller: it stands in an operation's record."""

    def __init__(self, guard: Guard, in_process: InProcess) -> None:
        self._guard = guard
        self._in_process = in_process

    def seal(self, caller: Caller) -> str:
        return self._guard.sealed(caller)

    def call_of(self, caller: Caller) -> AwsCall:
        """What CloudFormation calls for somebody."""
        return self._in_process.on_behalf_of(caller.via(CLOUDFORMATION))

    def call_for(self, stack_id: str, role_arn: str | None, actor: str) -> AwsCall:
        """What an operation on a stack calls: as the stack's role, else as ``actor``, else (a stack that was begun when nobody
        was asked who he is) as the region.
        """

        async def call(service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
            if role_arn is None and not actor:
                return await self._in_process(service, operation, parameters)
            caller = await (self._as_role(role_arn, stack_id) if role_arn else self._guard.unsealed(actor))
            return await self.call_of(caller)(service, operation, parameters)

        async def refused(service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
            try:
                return await call(service, operation, parameters)
            except NotLetIn as error:
                raise ApiError("AccessDenied", str(error), status=403) from error

        return refused

    async def _as_role(self, role_arn: str, stack_id: str) -> Caller:
        ends = self._guard.now() + SESSION_LASTS
        try:
            await self._guard.assume_as_service(CLOUDFORMATION, role_arn, SESSION, ends, source_arn=stack_id)
            return await self._guard.of_session(self._guard.session_of(role_arn, SESSION, ends))
        except NotLetIn as error:
            raise ApiError("ValidationError", f"Role {role_arn} is invalid or cannot be assumed") from error
