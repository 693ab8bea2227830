"""The types of ASGI applications."""

from collections.abc import MutableMapping
from typing import Any, Protocol

Message = MutableMapping[str, Any]
STOPPING = "ninelives.stopping"
"""In a scope: the event that a server which stops sets (``api.server``)."""


class Receive(Protocol):
    async def __call__(self) -> Message: ...


class Send(Protocol):
    async def __call__(self, message: Message, /) -> None: ...


class ASGIApp(Protocol):
    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None: ...
