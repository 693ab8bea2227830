"""Puts the console below a path of another application: of the region's endpoint. It is made when it is first asked for."""

import asyncio
from collections.abc import Callable

from ninelives.console.asgi import ASGIApp, Message, Receive, Send

ROOT = "/_ninelives/console"
"""Where an embedded region has its console."""


def with_console(app: ASGIApp, make: Callable[[], ASGIApp], root: str = ROOT) -> ASGIApp:
    """``app``, with the console that ``make`` makes below ``root``. What nobody opens costs nothing."""
    console: list[ASGIApp] = []
    making = asyncio.Lock()

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == root or path.startswith(f"{root}/")):
            await app(scope, receive, send)
            return
        if path == root:
            location = (b"location", f"{root}/".encode())
            await send({"type": "http.response.start", "status": 308, "headers": [location, (b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        async with making:
            if not console:
                console.append(await asyncio.to_thread(make))
        await console[0]({**scope, "root_path": root}, receive, send)

    return serve
