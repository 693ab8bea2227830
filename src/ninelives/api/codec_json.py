"""AWS JSON 1.0 and 1.1: a request's body to parameters, an answer to a body.

Timestamps are read to aware datetimes and written as seconds since the epoch with milliseconds, as AWS does.
Source: Smithy, "AWS JSON 1.1 protocol".
"""

import base64
import binascii
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import orjson

from ninelives.api.constraints import Unreadable
from ninelives.api.service_model import Shape

logger = logging.getLogger(__name__)

Writer = Callable[[Any], Any]

RANGES: Final = {"integer": 2**31, "long": 2**63}


def read_json(shape: Shape | None, body: bytes) -> dict[str, Any]:
    """The parameters in a body; members that the model does not know and nulls are left out. Raises ``Unreadable``."""
    if not body:
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable("", f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unreadable("", f"the body is {_kind(value)}, not an object")
    return {} if shape is None else read_members(shape, value)


def read_members(shape: Shape, value: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters in a decoded body, in which timestamps and blobs may stand as such already. Raises ``Unreadable``."""
    return _read_structure(shape, value, "")


def _read(shape: Shape, value: Any, path: str) -> Any:
    match shape.type:
        case "structure" if shape.is_document:
            return value
        case "structure":
            return _read_structure(shape, _expect(dict, value, path, "Object"), path)
        case "list":
            items = _expect(list, value, path, "List")
            member = shape.member.shape
            return [_read(member, item, f"{path}.{place}.member") for place, item in enumerate(items, 1) if item is not None]
        case "map":
            member = shape.value.shape
            entries = _expect(dict, value, path, "Map").items()
            return {key: _read(member, item, f"{path}.{key}") for key, item in entries if item is not None}
        case "string":
            return _expect(str, value, path, "String")
        case "boolean":
            return _expect(bool, value, path, "Boolean")
        case "integer" | "long" as kind:
            return _read_integer(kind, value, path)
        case "float" | "double":
            return float(_number(value, path))
        case "timestamp":
            return _read_timestamp(value, path)
        case "blob":
            return value if isinstance(value, bytes) else _read_blob(_expect(str, value, path, "String"), path)
        case other:
            raise AssertionError(f"{shape.name} is a {other}")


def _read_structure(shape: Shape, value: Mapping[str, Any], path: str) -> dict[str, Any]:
    read: dict[str, Any] = {}
    prefix = f"{path}." if path else ""
    for name, member in shape.members.items():
        given = value.get(member.location_name or name)
        if given is not None:
            read[name] = _read(member.shape, given, f"{prefix}{name}")
    return read


def _expect(kind: type[Any], value: Any, path: str, expected: str) -> Any:
    if isinstance(value, kind):
        return value
    raise Unreadable(path, f"{_kind(value)} can not be converted to a {expected}")


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "TRUE_VALUE" if value else "FALSE_VALUE"
        case str():
            return "STRING_VALUE"
        case int() | float():
            return "NUMBER_VALUE"
        case list():
            return "START_ARRAY"
        case dict():
            return "START_OBJECT"
        case _:
            return "NULL_VALUE"


def _number(value: Any, path: str) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise Unreadable(path, f"{_kind(value)} can not be converted to a Number")


def _read_integer(kind: str, value: Any, path: str) -> int:
    number = _number(value, path)
    if number % 1 or not -RANGES[kind] <= number < RANGES[kind]:
        raise Unreadable(path, f"{number} can not be converted to {'an Integer' if kind == 'integer' else 'a Long'}")
    return int(number)


def _read_timestamp(value: Any, path: str) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return datetime.fromtimestamp(_number(value, path), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Unreadable(path, f"{value!r} can not be converted to a Timestamp") from error


def _read_blob(value: str, path: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise Unreadable(path, f"invalid base64: {error}") from error


def write_json(shape: Shape | None, answer: Mapping[str, Any]) -> bytes:
    """The body of an answer; None is left out, and what the model does not know is left out and logged."""
    if shape is None:
        return b"{}"
    writer = _writer(shape)
    return orjson.dumps(writer(answer) if writer else answer, default=_unknown)


def _unknown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


@cache
def _writer(shape: Shape) -> Writer | None:
    """How a value of ``shape`` becomes JSON; None where it is that already."""
    match shape.type:
        case "structure" if not shape.is_document:
            return _structure_writer(shape)
        case "list":
            return _list_writer(shape)
        case "map":
            return _map_writer(shape)
        case "timestamp":
            return _write_timestamp
        case "blob":
            return _write_blob
        case _:
            return None


def _structure_writer(shape: Shape) -> Writer:
    fields: dict[str, tuple[str, Writer | None]] = {}

    def write(value: Mapping[str, Any]) -> dict[str, Any]:
        if not fields:  # Filled at first use, for shapes may hold themselves.
            fields.update(
                (name, (member.location_name or name, _writer(member.shape))) for name, member in shape.members.items()
            )
        written = {}
        for name, item in value.items():
            if item is None:
                continue
            known = fields.get(name)
            if known is None:
                _tell_unknown(shape.name, name)
                continue
            wire_name, writer = known
            written[wire_name] = writer(item) if writer else item
        return written

    return write


@cache
def _tell_unknown(shape: str, member: str) -> None:
    logger.warning("An answer held %s.%s, which botocore's model does not know; it was left out.", shape, member)


def _list_writer(shape: Shape) -> Writer:
    def write(value: Any) -> list[Any]:
        writer = _writer(shape.member.shape)
        return [writer(item) for item in value] if writer else list(value)

    return write


def _map_writer(shape: Shape) -> Writer:
    def write(value: Mapping[str, Any]) -> dict[str, Any]:
        writer = _writer(shape.value.shape)
        return {str(key): writer(item) if writer else item for key, item in value.items() if item is not None}

    return write


def _write_timestamp(value: datetime) -> float:
    assert value.tzinfo is not None, "a timestamp without a zone"
    return round(value.timestamp(), 3)


def _write_blob(value: bytes | str) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
