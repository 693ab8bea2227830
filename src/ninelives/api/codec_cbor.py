"""Smithy RPC v2 in CBOR: a request's body to parameters, an answer to a body.

Timestamps are tag 1 over a double, whole milliseconds; floats are doubles; lengths are definite in what is written, and either
way in what is read. Source: RFC 8949; Smithy, "Smithy RPC v2 CBOR protocol".
"""

import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ninelives.api.codec_json import read_members
from ninelives.api.constraints import Unreadable
from ninelives.api.service_model import Shape

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
"""Major types."""
INDEFINITE: Final = 31
BREAK: Final = 0xFF
EPOCH_TAG: Final = 1
FALSE, TRUE, NULL, UNDEFINED = 20, 21, 22, 23
FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
ARGUMENT_BYTES: Final = {24: 1, 25: 2, 26: 4, 27: 8}
INLINE_MAX: Final = 23
"""The largest argument that stands in the first byte."""
DEPTH_MAX: Final = 100


def read_cbor(shape: Shape | None, body: bytes) -> dict[str, Any]:
    """The parameters in a body; members that the model does not know and nulls are left out. Raises ``Unreadable``."""
    if not body:
        return {}
    reader = _Reader(body)
    value = reader.item(0)
    reader.expect_end()
    if not isinstance(value, dict):
        raise Unreadable("", f"the body is a CBOR {type(value).__name__}, not a map")
    return {} if shape is None else read_members(shape, value)


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def item(self, depth: int) -> Any:
        if depth > DEPTH_MAX:
            raise Unreadable("", "the body is nested too deeply")
        (first,) = self._take(1)
        major, info = first >> 5, first & 0x1F
        match major:
            case 0:
                return self._argument(info)
            case 1:
                return -1 - self._argument(info)
            case 2:
                return self._bytes(info)
            case 3:
                return self._text(info)
            case 4:
                return self._array(info, depth)
            case 5:
                return self._map(info, depth)
            case 6:
                return self._tagged(info, depth)
            case _:
                return self._simple(info)

    def expect_end(self) -> None:
        if self._at != len(self._body):
            raise Unreadable("", "the body goes on after its end")

    def _take(self, count: int) -> bytes:
        found = self._body[self._at : self._at + count]
        if len(found) < count:
            raise Unreadable("", "the body ends in the middle of a CBOR item")
        self._at += count
        return found

    def _argument(self, info: int) -> int:
        if info <= INLINE_MAX:
            return info
        if info not in ARGUMENT_BYTES:
            raise Unreadable("", f"the body is not CBOR: additional information {info}")
        return int.from_bytes(self._take(ARGUMENT_BYTES[info]), "big")

    def _is_at_break(self) -> bool:
        if self._at < len(self._body) and self._body[self._at] == BREAK:
            self._at += 1
            return True
        return False

    def _bytes(self, info: int) -> bytes:
        if info != INDEFINITE:
            return self._take(self._argument(info))
        chunks = []
        while not self._is_at_break():
            (first,) = self._take(1)
            chunks.append(self._take(self._argument(first & 0x1F)))
        return b"".join(chunks)

    def _text(self, info: int) -> str:
        try:
            return self._bytes(info).decode()
        except UnicodeDecodeError as error:
            raise Unreadable("", f"a text is not UTF-8: {error.reason}") from error

    def _array(self, info: int, depth: int) -> list[Any]:
        items: list[Any] = []
        if info == INDEFINITE:
            while not self._is_at_break():
                items.append(self.item(depth + 1))
            return items
        for _ in range(self._argument(info)):
            items.append(self.item(depth + 1))  # noqa: PERF401 - a length that lies must not be believed before it is read
        return items

    def _map(self, info: int, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        left = None if info == INDEFINITE else self._argument(info)
        while not self._is_at_break() if left is None else left > 0:
            key = self.item(depth + 1)
            if not isinstance(key, str):
                raise Unreadable("", "a map's key is not a text")
            found[key] = self.item(depth + 1)
            left = None if left is None else left - 1
        return found

    def _tagged(self, info: int, depth: int) -> Any:
        tag = self._argument(info)
        value = self.item(depth + 1)
        if tag != EPOCH_TAG:
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unreadable("", "a timestamp is not a number")
        try:
            return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise Unreadable("", f"{value!r} can not be converted to a Timestamp") from error

    def _simple(self, info: int) -> Any:
        match info:
            case 20 | 21:
                return info == TRUE
            case 22 | 23:
                return None
            case 25 | 26 | 27:
                (number,) = struct.unpack(FLOATS[info], self._take(ARGUMENT_BYTES[info]))
                return number
            case _:
                raise Unreadable("", f"the body is not CBOR: simple value {info}")


def write_cbor(shape: Shape | None, answer: Mapping[str, Any]) -> bytes:
    """The body of an answer; None is left out, and so is what the model does not know."""
    body = bytearray()
    _write_structure(body, shape, answer)
    return bytes(body)


def cbor_of_texts(texts: Mapping[str, str]) -> bytes:
    """A map of texts, which is all that an error needs.

    >>> cbor_of_texts({"a": "b"}).hex()
    'a161616162'
    """
    body = bytearray(_head(MAP, len(texts)))
    for pair in texts.items():
        for text in pair:
            _write_text(body, text)
    return bytes(body)


def _write_structure(body: bytearray, shape: Shape | None, value: Mapping[str, Any]) -> None:
    members = {} if shape is None else shape.members
    told = [(name, members[name], item) for name, item in value.items() if item is not None and name in members]
    body += _head(MAP, len(told))
    for name, member, item in told:
        _write_text(body, member.location_name or name)
        _write(body, member.shape, item)


def _write(body: bytearray, shape: Shape, value: Any) -> None:
    match shape.type:
        case "structure":
            _write_structure(body, shape, value)
        case "list":
            items = list(value)
            body += _head(ARRAY, len(items))
            for item in items:
                _write(body, shape.member.shape, item)
        case "map":
            entries = [(key, item) for key, item in value.items() if item is not None]
            body += _head(MAP, len(entries))
            for key, item in entries:
                _write_text(body, str(key))
                _write(body, shape.value.shape, item)
        case kind:
            _write_scalar(body, kind, value)


def _write_scalar(body: bytearray, kind: str, value: Any) -> None:
    match kind:
        case "string":
            _write_text(body, value)
        case "boolean":
            body.append(SIMPLE << 5 | (TRUE if value else FALSE))
        case "integer" | "long":
            body += _head(UNSIGNED, value) if value >= 0 else _head(NEGATIVE, -1 - value)
        case "float" | "double":
            body += _double(value)
        case "timestamp":
            assert value.tzinfo is not None, "a timestamp without a zone"
            body += _head(TAG, EPOCH_TAG) + _double(round(value.timestamp(), 3))
        case "blob":
            raw = value.encode() if isinstance(value, str) else value
            body += _head(BYTES, len(raw)) + raw
        case _:
            raise AssertionError(f"a {kind} has no form in CBOR")


def _double(value: float) -> bytes:
    return bytes([SIMPLE << 5 | 27]) + struct.pack(FLOATS[27], value)


def _write_text(body: bytearray, text: str) -> None:
    raw = text.encode()
    body += _head(TEXT, len(raw)) + raw


def _head(major: int, argument: int) -> bytes:
    if argument <= INLINE_MAX:
        return bytes([major << 5 | argument])
    for info, size in ARGUMENT_BYTES.items():
        if argument < 1 << 8 * size:
            return bytes([major << 5 | info]) + argument.to_bytes(size, "big")
    raise AssertionError(f"{argument} is too large for CBOR")
