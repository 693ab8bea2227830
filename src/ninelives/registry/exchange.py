"""A request to the registry and its answer, on ASGI: bodies stream both ways, in pieces of bounded size."""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PIECE_BYTES: Final = 1024 * 1024
"""How much of a blob is in memory at a time, a request."""


class Disconnected(Exception):
    """The client went away before its request was whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; header names are in lower case, of each query argument the first counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    receive: Receive

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body in pieces of about ``PIECE_BYTES``. Raises ``Disconnected``, once what came before was handed out."""
        gathered = bytearray()
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                if gathered:
                    yield bytes(gathered)
                raise Disconnected
            gathered += message.get("body", b"")
            more = message.get("more_body", False)
            if len(gathered) >= PIECE_BYTES:
                yield bytes(gathered)
                gathered.clear()
        if gathered:
            yield bytes(gathered)

    async def body(self, limit: int) -> bytes | None:
        """The whole body; None if it is longer than ``limit`` bytes."""
        gathered = bytearray()
        async for piece in self.pieces():
            gathered += piece
            if len(gathered) > limit:
                return None
        return bytes(gathered)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """``length`` bytes of a file from ``start``."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FilePart = b""


def read_request(scope: Scope, receive: Receive) -> Request:
    query: dict[str, str] = {}
    for name, value in parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True):
        query.setdefault(name, value)
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=query,
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        receive=receive,
    )


def is_welcome(request: Request) -> bool:
    """Whether the credentials are none (the registry listens on loopback), or what ``GetAuthorizationToken`` hands out.

    The token itself is not verified: it guards nothing that is not open anyway.
    """
    given = request.headers.get("authorization")
    if given is None:
        return True
    scheme, _, encoded = given.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return scheme.lower() == "basic" and user == "AWS" and bool(password)


def json_answer(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(
        status=status, headers={"content-type": "application/json", **(headers or {})}, body=json.dumps(document).encode()
    )


def error_answer(code: str, message: str, *, status: int, headers: Mapping[str, str] | None = None) -> Answer:
    """Source: OCI distribution specification 1.1, "Error Codes"."""
    return json_answer({"errors": [{"code": code, "message": message}]}, status=status, headers=headers)


async def send_answer(send: Send, answer: Answer, *, head: bool) -> None:
    """Write the answer; to HEAD without its body."""
    length = len(answer.body) if isinstance(answer.body, bytes) else answer.body.length
    headers = {"docker-distribution-api-version": "registry/2.0", "content-length": str(length), **answer.headers}
    raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    if isinstance(answer.body, bytes) or head:
        await send({"type": "http.response.body", "body": b"" if head else answer.body})
        return
    await _send_file(send, answer.body)


async def _send_file(send: Send, part: FilePart) -> None:
    file = await asyncio.to_thread(part.path.open, "rb")
    with file:
        await asyncio.to_thread(file.seek, part.start)
        left = part.length
        while left:
            piece = await asyncio.to_thread(file.read, min(PIECE_BYTES, left))
            if not piece:
                raise EOFError(f"{part.path} is shorter than its record says")
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": bool(left)})
    if part.length == 0:
        await send({"type": "http.response.body", "body": b""})
