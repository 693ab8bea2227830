"""Events that an operation goes on answering with: ``application/vnd.amazon.eventstream``.

Source: Smithy, "Amazon Event Stream specification".
"""

import struct
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from ninelives.api.codec_json import write_json
from ninelives.api.service_model import Operation, Shape

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
STRING: Final = 7
"""The type of a header's value."""

Events = AsyncIterator[tuple[str, Mapping[str, Any]]]
"""Each by the name of its member in the stream's shape, with what it tells."""


def stream_member(operation: Operation) -> str | None:
    """The member of an operation's output that is a stream of events; None where it answers once."""
    if operation.output is None:
        return None
    return next((name for name, one in operation.output.members.items() if one.shape.traits.get("eventstream")), None)


async def write_events(shape: Shape, events: Events) -> AsyncIterator[bytes]:
    """The events as messages, each as JSON; before them the empty first answer that a client of a JSON protocol waits for."""
    yield write_message("initial-response", b"{}")
    async for name, event in events:
        told = shape.members[name].shape
        yield write_message(name, write_json(told, event), kind="exception" if told.traits.get("exception") else "event")


def write_message(name: str, payload: bytes, *, kind: str = "event") -> bytes:
    """One message: lengths and their checksum, headers, payload, and the checksum of all of it.

    >>> write_message("a", b"{}")[:8].hex()
    '0000005900000047'
    """
    headers = b"".join(
        struct.pack(">B", len(header)) + header.encode() + struct.pack(">BH", STRING, len(value)) + value.encode()
        for header, value in (
            (f":{kind}-type", name),
            (":content-type", "application/json"),
            (":message-type", kind),
        )
    )
    prelude = struct.pack(">II", 12 + len(headers) + len(payload) + 4, len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))
