"""``GET /_ninelives/metrics``: the region's figures for Prometheus. Where IAM is enforced the scraper shows an access key.

Prometheus does not sign what it scrapes. It can send a user and a password: those are an access key and its secret, and what
is asked of their principal is ``cloudwatch:GetMetricData`` (``docs/decisions/0060``).
"""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from ninelives.api.authorization.refusals import NotLetIn
from ninelives.api.wire import WireRequest, WireResponse

if TYPE_CHECKING:
    from ninelives.api.authorization.guard import Guard

METRICS_PATH: Final = "/_ninelives/metrics"
ACTION: Final = "cloudwatch:GetMetricData"
CHALLENGE: Final = 'Basic realm="an access key of the region and its secret", charset="UTF-8"'

Write = Callable[[str], Awaitable[tuple[bytes, str]]]
"""All figures and their content type, for a value of ``Accept``."""

Count = Callable[[str, str, int, float], None]
"""Takes an answered call: the service's signing name, its operation as far as a name tells it, status, seconds."""


class MetricsPage:
    """Answers scrapers; ``count`` is told of the door's calls."""

    def __init__(self, write: Write, *, count: Count, guard: "Guard | None" = None) -> None:
        self.count = count
        self._write = write
        self._guard = guard

    async def answer(self, request: WireRequest, source_ip: str | None) -> WireResponse:
        if request.method not in {"GET", "HEAD"}:
            return _refused(405, "Metrics are there to be read: GET.", {"allow": "GET, HEAD"})
        if self._guard is not None:
            key, secret = _credentials(request.headers.get("authorization", ""))
            try:
                caller = await self._guard.identify_by_secret(key, secret, source_ip=source_ip)
            except NotLetIn:
                return _refused(
                    401, "This region enforces IAM: send an access key and its secret.", {"www-authenticate": CHALLENGE}
                )
            try:
                await self._guard.authorize_action(caller, ACTION, "*")
            except NotLetIn as error:
                return _refused(403, str(error), {})
        body, content_type = await self._write(request.headers.get("accept", ""))
        return WireResponse(status=200, headers={"content-type": content_type}, body=body)


def _credentials(header: str) -> tuple[str, str]:
    """User and password of Basic authentication; empty where there are none."""
    kind, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode() if kind.lower() == "basic" else ""
    except (binascii.Error, UnicodeError):
        text = ""
    user, _, password = text.partition(":")
    return user, password


def _refused(status: int, told: str, headers: dict[str, str]) -> WireResponse:
    plain = {"content-type": "text/plain; charset=utf-8", **headers}
    return WireResponse(status=status, headers=plain, body=f"{told}\n".encode())
