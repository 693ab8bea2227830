"""The types of ASGI applications."""

from collections.abc import MutableMapping
from typing import Any, Protocol

Message = MutableMapping[str, Any]


class Receive(Protocol):
    async def __call__(self) -> Message: ...


class Send(Protocol):
    async def __call__(self, message: Message, /) -> None: ...


class ASGIApp(Protocol):
    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None: ...
