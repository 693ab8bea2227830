"""Tells the region's time scale with each answer: who reckons with a bake would else reckon with a longer one."""

from collections.abc import MutableMapping
from typing import Any, Final

from ninelives.api.wire import ASGIApp, Receive, Scope, Send

HEADER: Final = b"x-ninelives-time-scale"


def telling_time_scale(app: ASGIApp, time_scale: float) -> ASGIApp:
    """``app``, with a header in each answer; as it is where time is real."""
    if time_scale == 1.0:
        return app

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_header(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                told = (HEADER, f"{time_scale:g}".encode())
                message = {**message, "headers": [*(message.get("headers") or ()), told]}
            await send(message)

        await app(scope, receive, send_with_header)

    return serve
