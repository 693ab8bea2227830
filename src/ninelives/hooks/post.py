"""One POST to a stand-in's URL, over HTTP/1.1. It is asked directly, through no proxy; redirects are not followed."""

import asyncio
import contextlib
import json
import os
import ssl
from urllib.parse import urlsplit

import h11

from ninelives.region.ports import HookUnreachable

ANSWER_BYTES_MAX = 6 * 1024 * 1024
"""Source: AWS Lambda developer guide, "Lambda quotas": 6 MB of a synchronous answer."""
READ_BYTES = 65536
PORTS = {"http": 80, "https": 443}
OK = 200
REDIRECTED = 300


async def post(url: str, body: bytes) -> bytes:
    """The body of the answer. Raises ``HookUnreachable`` unless it is a good one."""
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or PORTS[address.scheme]
    secured = ssl.create_default_context() if address.scheme == "https" else None
    try:
        reader, writer = await asyncio.open_connection(host, port, ssl=secured)
    except OSError as error:  # refused, no such name, no good certificate
        raise HookUnreachable(f"no connection to {address.scheme}://{address.netloc}: {_reason(error)}.") from None
    try:
        return await _exchange(reader, writer, _request(url), body)
    except (OSError, h11.RemoteProtocolError) as error:
        raise HookUnreachable(f"an answer of {url} that broke off: {error}.") from None
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _reason(error: OSError) -> str:
    """In the operating system's words: asyncio's own repeat the address."""
    is_the_systems = type(error).__module__ == "builtins" and error.errno is not None
    return os.strerror(error.errno) if is_the_systems else str(error.strerror or error)  # type: ignore[arg-type]  # not None


def _request(url: str) -> tuple[bytes, bytes]:
    """The target and the Host header."""
    address = urlsplit(url)
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    return target.encode(), address.netloc.rpartition("@")[2].encode()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: tuple[bytes, bytes], body: bytes
) -> bytes:
    target, host = request
    connection = h11.Connection(our_role=h11.CLIENT)
    headers = [
        (b"Host", host),
        (b"Content-Type", b"application/json"),
        (b"Content-Length", str(len(body)).encode()),
        (b"Connection", b"close"),
    ]
    asked = (h11.Request(method="POST", target=target, headers=headers), h11.Data(data=body), h11.EndOfMessage())
    for part in asked:
        writer.write(connection.send(part) or b"")
    await writer.drain()
    status, failed, answer = 0, False, bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Response):
            status, failed = event.status_code, any(name == b"x-amz-function-error" for name, _ in event.headers)
        elif isinstance(event, h11.Data):
            answer += event.data
            if len(answer) > ANSWER_BYTES_MAX:
                raise HookUnreachable(f"an answer of more than {ANSWER_BYTES_MAX} bytes.")
        elif isinstance(event, h11.EndOfMessage):
            return _good(status, bytes(answer), failed=failed)
        elif isinstance(event, h11.ConnectionClosed):
            raise HookUnreachable("a connection that was closed without an answer.")


def _good(status: int, answer: bytes, *, failed: bool) -> bytes:
    from ninelives.hooks.functions import shortened

    text = shortened(answer.decode(errors="replace"))
    if not OK <= status < REDIRECTED:
        raise HookUnreachable(f"an answer {status}: {text!r}.")
    if failed:  # as Lambda and its emulator say that the function itself has failed
        raise HookUnreachable(f"an error of the function: {_error_message(text)}.")
    return answer


def _error_message(text: str) -> str:
    try:
        told = json.loads(text)
        return f"{told.get('errorType', 'Error')}: {told.get('errorMessage', '')}"
    except (ValueError, AttributeError):
        return text
