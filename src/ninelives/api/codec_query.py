"""The query protocol: a form to parameters, an answer to XML.

Source: Smithy, "AWS Query protocol".
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ninelives.api.constraints import Unreadable
from ninelives.api.service_model import Member, Operation, Shape

OWN: Final = ""
"""In a branch of a form's tree, the key of the value that stands at the branch itself."""

Tree = dict[str, Any]


def read_query(shape: Shape | None, form: Mapping[str, str]) -> dict[str, Any]:
    """The parameters in a form (``Targets.member.1.Id=…``), without what the model does not know. Raises ``Unreadable``."""
    if shape is None:
        return {}
    tree = _tree(form)
    parameters: dict[str, Any] = _read_structure(shape, tree, "")
    return parameters


def _tree(form: Mapping[str, str]) -> Tree:
    root: Tree = {}
    for name, value in form.items():
        branch = root
        for part in name.split("."):
            branch = branch.setdefault(part, {})
        branch[OWN] = value
    return root


def _read(member: Member, node: Tree, path: str) -> Any:
    match member.shape.type:
        case "structure":
            return _read_structure(member.shape, node, path)
        case "list":
            return _read_list(member, node, path)
        case "map":
            return _read_map(member, node, path)
        case kind:
            return _read_scalar(kind, node.get(OWN, ""), path)


def _read_structure(shape: Shape, node: Tree, path: str) -> dict[str, Any]:
    read: dict[str, Any] = {}
    prefix = f"{path}." if path else ""
    for name, member in shape.members.items():
        found = node.get(_wire_name(name, member))
        if found is not None:
            read[name] = _read(member, found, f"{prefix}{name}")
    return read


def _wire_name(name: str, member: Member) -> str:
    """A flattened list is named by its member; everything else by itself."""
    if member.is_flattened and member.shape.type == "list":
        return member.shape.member.location_name or member.location_name or name
    return member.location_name or name


def _read_list(member: Member, node: Tree, path: str) -> list[Any]:
    item = member.shape.member
    items = node if member.is_flattened else node.get(item.location_name or "member", {})
    return [_read(item, branch, f"{path}.{place}.member") for place, branch in enumerate(_numbered(items, path), 1)]


def _numbered(branches: Tree, path: str) -> Iterator[Tree]:
    names = [name for name in branches if name != OWN]
    for name in names:
        if not name.isdecimal():
            raise Unreadable(path, f"{name!r} is not the number of a list's member")
    yield from (branches[name] for name in sorted(names, key=int))


def _read_map(member: Member, node: Tree, path: str) -> dict[str, Any]:
    key, value = member.shape.key, member.shape.value
    entries = node if member.is_flattened else node.get("entry", {})
    read = {}
    for entry in _numbered(entries, path):
        name = _read(key, entry.get(key.location_name or "key", {}), f"{path}.key")
        read[name] = _read(value, entry.get(value.location_name or "value", {}), f"{path}.{name}")
    return read


def _read_scalar(kind: str, text: str, path: str) -> Any:
    try:
        match kind:
            case "string":
                return text
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "integer" | "long":
                return int(text)
            case "float" | "double":
                return float(text)
            case "timestamp":
                return _read_timestamp(text)
            case "blob":
                return base64.b64decode(text, validate=True)
            case _:
                raise AssertionError(f"{path} is a {kind}")
    except (ValueError, KeyError, OverflowError, binascii.Error) as error:
        raise Unreadable(path, f"{text!r} is not a valid {kind}") from error


def _read_timestamp(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def write_query(operation: Operation, answer: Mapping[str, Any], *, namespace: str, request_id: str) -> bytes:
    """The XML of an answer; None is left out, an empty list is an empty element."""
    pieces = [f'<{operation.name}Response xmlns="{escape(namespace)}">']
    if operation.output is not None:
        wrapper = operation.result_wrapper or f"{operation.name}Result"
        pieces.append(f"<{wrapper}>")
        pieces.extend(_write_structure(operation.output, answer))
        pieces.append(f"</{wrapper}>")
    pieces.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation.name}Response>")
    return "".join(pieces).encode()


def _write_structure(shape: Shape, value: Mapping[str, Any]) -> Iterator[str]:
    for name, member in shape.members.items():
        item = value.get(name)
        if item is not None:
            yield from _write(member.location_name or name, member, item)


def _write(tag: str, member: Member, value: Any) -> Iterator[str]:
    match member.shape.type:
        case "structure":
            yield f"<{tag}>"
            yield from _write_structure(member.shape, value)
            yield f"</{tag}>"
        case "list":
            yield from _write_list(tag, member, value)
        case "map":
            yield from _write_map(tag, member, value)
        case kind:
            yield f"<{tag}>{_text(kind, value)}</{tag}>"


def _write_list(tag: str, member: Member, value: Iterable[Any]) -> Iterator[str]:
    item = member.shape.member
    if member.is_flattened:
        for element in value:
            yield from _write(item.location_name or tag, item, element)
        return
    yield f"<{tag}>"
    for element in value:
        yield from _write(item.location_name or "member", item, element)
    yield f"</{tag}>"


def _write_map(tag: str, member: Member, value: Mapping[str, Any]) -> Iterator[str]:
    key, item = member.shape.key, member.shape.value
    entry = tag if member.is_flattened else "entry"
    if not member.is_flattened:
        yield f"<{tag}>"
    for name, element in value.items():
        yield f"<{entry}>"
        yield from _write(key.location_name or "key", key, name)
        yield from _write(item.location_name or "value", item, element)
        yield f"</{entry}>"
    if not member.is_flattened:
        yield f"</{tag}>"


def _text(kind: str, value: Any) -> str:
    match kind:
        case "boolean":
            return "true" if value else "false"
        case "timestamp":
            assert value.tzinfo is not None, "a timestamp without a zone"
            return f"{value.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z"
        case "blob":
            return base64.b64encode(value).decode()
        case _:
            return escape(str(value))


def escape(text: str) -> str:
    """``text`` inside XML; characters that XML 1.0 cannot hold become U+FFFD.

    >>> escape('a<b & "c"')
    'a&lt;b &amp; &quot;c&quot;'
    """
    return text.translate(ESCAPES)


ESCAPES: Final[Mapping[int, str]] = {
    **{code: "\N{REPLACEMENT CHARACTER}" for code in range(0x20) if chr(code) not in "\t\n\r"},
    **dict.fromkeys((0xFFFE, 0xFFFF), "\N{REPLACEMENT CHARACTER}"),
    ord("\r"): "&#13;",
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
}
