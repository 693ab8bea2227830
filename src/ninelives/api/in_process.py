"""The region's operations for callers inside it: the same handlers as behind the door, without the wire."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ninelives.api.call import Operations
from ninelives.api.own_service import OwnService
from ninelives.model.arns import Place

MotoCall = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class InProcess:
    """Calls an operation by botocore's service name, its own name and its parameters; what is refused raises ``ApiError``.

    Services may be added to ``operations`` later: an operation among them may call others.
    """

    def __init__(
        self, *, operations: Mapping[str, Operations], before_moto: Mapping[str, Operations], moto: MotoCall, place: Place
    ) -> None:
        self._operations = operations
        self._before_moto = before_moto
        self._moto = moto
        self._place = place
        self._made: dict[str, OwnService] = {}

    async def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer's members; those that are None are left out."""
        if service in self._operations or operation in self._before_moto.get(service, ()):
            return await self._own(service).call(operation, parameters)
        return await self._moto(service, operation, parameters)

    def _own(self, service: str) -> OwnService:
        if service not in self._made:
            served = self._operations[service] if service in self._operations else self._before_moto[service]
            self._made[service] = OwnService(service, served, self._place)
        return self._made[service]
