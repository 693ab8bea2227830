"""Asks an ASGI application as a browser would, without a socket."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ninelives.console.asgi import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    app: ASGIApp, target: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b"", root: str = ""
) -> Answer:
    """The answer to one request."""
    address = urlsplit(target)
    known = {"host": "127.0.0.1:4599", **(headers or {})}
    scope: Message = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": address.path,
        "raw_path": address.path.encode(),
        "query_string": address.query.encode(),
        "root_path": root,
        "headers": [(name.encode(), value.encode()) for name, value in known.items()],
        "server": ("127.0.0.1", 4599),
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message, /) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return Answer(
        status=sent[0]["status"],
        headers={name.decode(): value.decode() for name, value in sent[0]["headers"]},
        body=b"".join(message.get("body", b"") for message in sent[1:]),
    )
