"""Links to S3 that are signed by Signature Version 2, which SDKs still make unless they are told otherwise.

Source: Amazon S3 user guide, "Signing and authenticating REST requests (AWS signature version 2)".
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from ninelives.api.authorization.refusals import NotLetIn, Why
from ninelives.api.wire import PRESIGNED_V2, WireRequest

SUBRESOURCES: Final = frozenset(
    {
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location",
        "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment",
        "response-cache-control", "response-content-disposition", "response-content-encoding",
        "response-content-language", "response-content-type", "response-expires", "restore", "select", "select-type",
        "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
    }
)  # fmt: skip
"""Arguments that are a part of what is signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldLink:
    """What a link says of its signature. ``expires`` is in seconds since the epoch."""

    access_key: str
    value: str
    expires: int
    token: str | None

    def check(self, request: WireRequest, secret: str, now: datetime) -> None:
        """Raises ``NotLetIn`` unless the request is the one that was signed with ``secret``, in time."""
        expected = hmac.digest(secret.encode(), text_to_sign(request).encode(), "sha1")
        if not hmac.compare_digest(base64.b64encode(expected).decode(), self.value):
            raise NotLetIn(Why.BAD_SIGNATURE)
        if now.timestamp() > self.expires:
            raise NotLetIn(Why.EXPIRED_LINK)


def read_old_link(request: WireRequest) -> OldLink | None:
    """The signature of such a link; None for any other request."""
    arguments = request.arguments
    if "authorization" in request.headers or "X-Amz-Credential" in arguments or not PRESIGNED_V2 <= arguments.keys():
        return None
    if not arguments["Expires"].isdecimal():
        raise NotLetIn(Why.INCOMPLETE, f"Invalid date (should be seconds since epoch): {arguments['Expires']}")
    return OldLink(
        access_key=arguments["AWSAccessKeyId"],
        value=arguments["Signature"],
        expires=int(arguments["Expires"]),
        token=arguments.get("x-amz-security-token"),
    )


def text_to_sign(request: WireRequest) -> str:
    """The text that is signed; what a link has for headers stands among its arguments, or comes with the request."""
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    arguments = {name.lower(): value for name, value in pairs}
    given = [*pairs, *request.headers.items()]
    amz = sorted((name.lower(), value) for name, value in given if name.lower().startswith("x-amz-"))
    named = sorted((name, value) for name, value in pairs if name in SUBRESOURCES)
    resource = "&".join(f"{name}={value}" if value else name for name, value in named)
    lines = [
        request.method,
        arguments.get("content-md5", request.headers.get("content-md5", "")),
        arguments.get("content-type", request.headers.get("content-type", "")),
        request.arguments["Expires"],
        *(f"{name}:{value}" for name, value in amz),
        request.raw_path + (f"?{resource}" if resource else ""),
    ]
    return "\n".join(lines)
