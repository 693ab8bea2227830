"""A request and an answer as they travel: read from ASGI, written to ASGI, with nothing of AWS but the signature's place."""

import asyncio
import contextlib
import re
import zlib
from collections.abc import AsyncIterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

Scope = MutableMapping[str, Any]


class Receive(Protocol):
    async def __call__(self) -> MutableMapping[str, Any]: ...


class Send(Protocol):
    async def __call__(self, message: MutableMapping[str, Any], /) -> None: ...


class ASGIApp(Protocol):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class BodyTooLarge(Exception):
    """The request's body is longer than what is taken here; ``limit`` is in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"Request must be smaller than {self.limit} bytes"


class BodyUnreadable(Exception):
    """The body is not what its Content-Encoding says."""


class Disconnected(Exception):
    """The client went away before its request was whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialScope:
    """Who signed for what: the credential scope of Signature Version 4, unverified."""

    access_key: str
    region: str
    service: str
    """The signing name: ``ecs``, ``elasticloadbalancing``, ``monitoring``."""


@dataclass(slots=True, kw_only=True)
class WireRequest:
    """A whole request. Header names are in lower case; ``raw_path`` is the path as it was sent, without the query."""

    method: str
    raw_path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes = b""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """The query's arguments, decoded; the first of each name."""
    _form: dict[str, str] | None = None

    @property
    def target(self) -> str | None:
        return self.headers.get("x-amz-target")

    @property
    def is_form(self) -> bool:
        return self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")

    def form(self) -> dict[str, str]:
        """The query protocol's parameters, from the query string and from a form body."""
        if self._form is None:
            self._form = dict(self.arguments)
            if self.is_form:
                self._form.update(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        return self._form


@dataclass(frozen=True, slots=True, kw_only=True)
class WireResponse:
    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    more: AsyncIterator[bytes] | None = None
    """What follows the body piece by piece, for as long as the client listens."""


PRESIGNED_V2 = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
"""The arguments of an S3 URL that is presigned by Signature Version 2, as SDKs still do."""

CREDENTIAL = re.compile(r"Credential=([^,\s]+)")


def read_head(scope: Scope) -> WireRequest:
    """The request without its body."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    query_string = scope.get("query_string", b"").decode("latin-1")
    arguments: dict[str, str] = {}
    for name, value in parse_qsl(query_string, keep_blank_values=True):
        arguments.setdefault(name, value)
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return WireRequest(
        method=scope["method"],
        raw_path=raw_path.decode("latin-1").split("?", 1)[0] or "/",
        query_string=query_string,
        headers=headers,
        arguments=arguments,
    )


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """The whole body. Raises ``BodyTooLarge`` and ``Disconnected``."""
    if int(headers.get("content-length") or 0) > limit:
        raise BodyTooLarge(limit)
    chunks: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        length += len(chunk)
        if length > limit:
            raise BodyTooLarge(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            break
    return b"".join(chunks)


def unzipped(body: bytes, limit: int) -> bytes:
    """What a gzipped body holds. Raises ``BodyTooLarge`` and ``BodyUnreadable``."""
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = unzip.decompress(body, limit + 1)
    except zlib.error as error:
        raise BodyUnreadable(str(error)) from error
    if len(plain) > limit:
        raise BodyTooLarge(limit)
    return plain


async def send_stream(send: Send, receive: Receive, response: WireResponse) -> None:
    """Write an answer that goes on, until it ends or the client has gone."""
    assert response.more is not None, "an answer that ends at once is sent by ``send_response``"
    pieces = response.more
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})

    async def write() -> None:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    both = {asyncio.create_task(write()), asyncio.create_task(gone())}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in both:
            one.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        with contextlib.suppress(AttributeError):
            await pieces.aclose()  # type: ignore[attr-defined]  # of generators, which these are


async def send_response(send: Send, response: WireResponse, *, head: bool = False) -> None:
    """Write the answer. To HEAD the body stays away, and a Content-Length that was given stands."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    if not head or "content-length" not in headers:
        headers["content-length"] = str(len(response.body))
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": b"" if head else response.body})


class SignatureIncomplete(Exception):
    """There is an Authorization header or presigned query, but no credential scope can be read from it."""


def credential_scope(request: WireRequest, *, home_region: str) -> CredentialScope | None:
    """Whose and which service's request this is; None where it bears no signature.

    Signature Version 4a and presigned S3 URLs of version 2 name no region: then it is ``home_region``.
    Raises ``SignatureIncomplete``.
    Source: "Signature Version 4 signing process", AWS General Reference.
    """
    authorization = request.headers.get("authorization", "")
    if authorization.startswith("AWS4-"):
        found = CREDENTIAL.search(authorization)
        credential = found.group(1) if found else ""
    elif "X-Amz-Credential" in request.arguments:
        credential = request.arguments["X-Amz-Credential"]
    elif PRESIGNED_V2 <= request.arguments.keys():
        return CredentialScope(access_key=request.arguments["AWSAccessKeyId"], region=home_region, service="s3")
    else:
        return None
    match credential.rsplit("/", 4):
        case [access_key, _, region, service, "aws4_request"]:
            return CredentialScope(access_key=access_key, region=region, service=service.lower())
        case _:
            pass
    match credential.rsplit("/", 3):
        case [access_key, _, service, "aws4_request"] if authorization.startswith("AWS4-ECDSA"):
            return CredentialScope(access_key=access_key, region=home_region, service=service.lower())
        case _:
            raise SignatureIncomplete
