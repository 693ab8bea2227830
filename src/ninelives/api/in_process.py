"""The region's operations for callers inside it: the same handlers as behind the door, without the wire."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from ninelives.api.authorization.actions import prefix_of
from ninelives.api.authorization.refusals import NotLetIn
from ninelives.api.call import Operations
from ninelives.api.own_service import OwnService
from ninelives.model.arns import Place

if TYPE_CHECKING:
    from ninelives.api.authorization.caller import Caller
    from ninelives.api.authorization.guard import Guard

MotoCall = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class InProcess:
    """Calls an operation by botocore's service name, its own name and its parameters; what is refused raises ``ApiError``.

    Services may be added to ``operations`` later: an operation among them may call others.
    """

    def __init__(
        self,
        *,
        operations: Mapping[str, Operations],
        before_moto: Mapping[str, Operations],
        moto: MotoCall,
        place: Place,
        guard: "Guard | None" = None,
    ) -> None:
        self._operations = operations
        self._before_moto = before_moto
        self._moto = moto
        self._place = place
        self._guard = guard
        self._made: dict[str, OwnService] = {}

    async def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer's members; those that are None are left out. The region itself asks: nothing is forbidden to it."""
        return await self._call(service, operation, parameters, None)

    def on_behalf_of(self, caller: "Caller | None") -> MotoCall:
        """What calls as ``caller`` (that of a ``Call``): where IAM is enforced, each operation is authorised first.

        A refusal raises ``ApiError`` with the code AccessDenied.
        """

        async def call(service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
            if self._guard is not None and caller is not None:
                try:
                    await self._guard.authorize(caller, service, operation, parameters)
                except NotLetIn as error:
                    raise error.in_words_of("query", prefix_of(service)) from error
            return await self._call(service, operation, parameters, caller)

        return call

    async def _call(
        self, service: str, operation: str, parameters: Mapping[str, Any], caller: "Caller | None"
    ) -> Mapping[str, Any]:
        if service in self._operations or operation in self._before_moto.get(service, ()):
            return await self._own(service).call(operation, parameters, caller)
        return await self._moto(service, operation, parameters)

    def _own(self, service: str) -> OwnService:
        if service not in self._made:
            served = self._operations[service] if service in self._operations else self._before_moto[service]
            self._made[service] = OwnService(service, served, self._place)
        return self._made[service]
