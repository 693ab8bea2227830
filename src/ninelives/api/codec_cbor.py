"""Smithy RPC v2 in CBOR: a request's body to parameters, an answer to a body.

Timestamps are tag 1 over a double, whole milliseconds; floats are doubles.
Source: RFC 8949; Smithy, "Smithy RPC v2 CBOR protocol".
"""

from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any, Final

import cbor2

from ninelives.api.codec_json import read_members
from ninelives.api.constraints import Unreadable
from ninelives.api.service_model import Shape

EPOCH_TAG: Final = 1
DEPTH_MAX: Final = 100


def read_cbor(shape: Shape | None, body: bytes) -> dict[str, Any]:
    """The parameters in a body; members that the model does not know and nulls are left out. Raises ``Unreadable``."""
    if not body:
        return {}
    stream = BytesIO(body)
    try:
        value = _plain(cbor2.CBORDecoder(stream, read_size=1).decode(), 0)
    except (cbor2.CBORError, ValueError, OverflowError, TypeError) as error:
        raise Unreadable("", f"the body is not CBOR: {error}") from error
    if stream.tell() != len(body):
        raise Unreadable("", "the body goes on after its end")
    if not isinstance(value, dict):
        raise Unreadable("", f"the body is a CBOR {type(value).__name__}, not a map")
    return {} if shape is None else read_members(shape, value)


def _plain(value: Any, depth: int) -> Any:
    """What a body may hold: texts, numbers, timestamps, lists and maps of them; other tags and keys are refused."""
    if depth > DEPTH_MAX:
        raise Unreadable("", "the body is nested too deeply")
    match value:
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise Unreadable("", "a map's key is not a text")
            return {key: _plain(item, depth + 1) for key, item in value.items()}
        case list():
            return [_plain(item, depth + 1) for item in value]
        case None | cbor2.undefined:
            return None
        case bool() | int() | float() | str() | bytes() | datetime():
            return value
        case cbor2.CBORTag():
            return _plain(value.value, depth + 1)
        case _:
            raise Unreadable("", f"the body holds a {type(value).__name__}")


def write_cbor(shape: Shape | None, answer: Mapping[str, Any]) -> bytes:
    """The body of an answer; None is left out, and so is what the model does not know."""
    return cbor2.dumps(_written_structure(shape, answer))


def cbor_of_texts(texts: Mapping[str, str]) -> bytes:
    """A map of texts, which is all that an error needs.

    >>> cbor_of_texts({"a": "b"}).hex()
    'a161616162'
    """
    return cbor2.dumps(dict(texts))


def _written_structure(shape: Shape | None, value: Mapping[str, Any]) -> dict[str, Any]:
    members = {} if shape is None else shape.members
    return {
        members[name].location_name or name: _written(members[name].shape, item)
        for name, item in value.items()
        if item is not None and name in members
    }


def _written(shape: Shape, value: Any) -> Any:
    match shape.type:
        case "structure":
            return _written_structure(shape, value)
        case "list":
            return [_written(shape.member.shape, item) for item in value]
        case "map":
            return {str(key): _written(shape.value.shape, item) for key, item in value.items() if item is not None}
        case "string":
            return str(value)
        case "boolean":
            return bool(value)
        case "integer" | "long":
            return int(value)
        case "float" | "double":
            return float(value)
        case "timestamp":
            assert value.tzinfo is not None, "a timestamp without a zone"
            return cbor2.CBORTag(EPOCH_TAG, round(value.timestamp(), 3))
        case "blob":
            return value.encode() if isinstance(value, str) else bytes(value)
        case kind:
            raise AssertionError(f"a {kind} has no form in CBOR")
