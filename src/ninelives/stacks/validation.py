"""Whether resolved properties are as a type's schema has them, in the words of CloudFormation's own validator. Pure.

Scalars are brought to the schema's types first, for templates write numbers and truth values as text. What the service itself
would say (a pattern that only it knows, one property that excludes another) is left to it.
Source: "Resource type schema", CloudFormation CLI user guide; JSON Schema draft 7.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from ninelives.stacks.schemas import Schema

JSON_NAMES: Final = {
    dict: "JSONObject",
    list: "JSONArray",
    str: "String",
    int: "Integer",
    float: "BigDecimal",
    bool: "Boolean",
    type(None): "Null",
}
TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def coerced(schema: Schema, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties with their scalars in the types that the schema wants, where they can be.

    >>> ports = Schema("T", {"properties": {"Port": {"type": "integer"}, "Name": {"type": "string"}}})
    >>> coerced(ports, {"Port": "80", "Name": 5})
    {'Port': 80, 'Name': '5'}
    """
    found: dict[str, Any] = _coerced(schema, schema.body, properties)
    return found


def _coerced(schema: Schema, part: Mapping[str, Any], value: Any) -> Any:
    part = _followed(schema, part)
    if isinstance(value, Mapping):
        known = _members(schema, part)
        return {name: _coerced(schema, known[name], one) if name in known else one for name, one in value.items()}
    if isinstance(value, list):
        items = part.get("items", {})
        return [_coerced(schema, items, one) if isinstance(items, Mapping) else one for one in value]
    return _scalar(_types(part), value)


def _members(schema: Schema, part: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of a part, and of its alternatives."""
    found = dict(part.get("properties", {}))
    for keyword in ("oneOf", "anyOf", "allOf"):
        for one in part.get(keyword, ()):
            for name, body in _followed(schema, one).get("properties", {}).items():
                found.setdefault(name, body)
    return found


def _followed(schema: Schema, part: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in part:
        pointed: Any = schema.body
        for name in part["$ref"].removeprefix("#/").split("/"):
            pointed = pointed[name]
        part = pointed
    return part


def _types(part: Mapping[str, Any]) -> tuple[str, ...]:
    kind = part.get("type", ())
    return (kind,) if isinstance(kind, str) else tuple(kind)


def _scalar(kinds: tuple[str, ...], value: Any) -> Any:
    if not kinds or any(_is_a(kind, value) for kind in kinds):
        return value
    for kind in kinds:
        try:
            match kind:
                case "string" if isinstance(value, bool | int | float):
                    return json.dumps(value)
                case "boolean" if value in {"true", "false", "True", "False"}:
                    return value.lower() == "true"
                case "integer" if isinstance(value, str) or (isinstance(value, float) and value.is_integer()):
                    return int(value)
                case "number" if isinstance(value, str):
                    return int(value) if re.fullmatch(r"[+-]?\d+", value) else float(value)
                case _:
                    pass
        except (ValueError, TypeError):
            continue
    return value


def _is_a(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES.get(kind, (object,)))


def violations(schema: Schema, properties: Mapping[str, Any]) -> list[str]:
    """All that is wrong with coerced properties, each with its place."""
    found = list(_check(schema, schema.body, properties, "#"))
    given = sorted(name for name in schema.read_only if "/" not in name and name in properties)
    settable = set(schema.body.get("required", ()))
    readable = [name for name in given if name not in settable]
    return found + ([f"#: extraneous key [{name}] is not permitted" for name in readable] if readable else [])


def _check(schema: Schema, part: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    part = _followed(schema, part)
    kinds = _types(part)
    if kinds and not any(_is_a(kind, value) for kind in kinds):
        names = " or ".join(kind.capitalize() if kind != "object" else "JSONObject" for kind in kinds)
        names = names.replace("Array", "JSONArray")
        yield f"{path}: expected type: {names}, found: {JSON_NAMES.get(type(value), type(value).__name__)}"
        return
    if "enum" in part and value not in part["enum"]:
        yield f"{path}: {value} is not a valid enum value"
    if isinstance(value, Mapping):
        yield from _check_object(schema, part, value, path)
    elif isinstance(value, list):
        yield from _check_array(schema, part, value, path)
    elif isinstance(value, str):
        yield from _check_text(part, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _check_number(part, value, path)


def _check_object(schema: Schema, part: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in part.get("required", ()):
        if name not in value:
            yield f"{path}: required key [{name}] not found"
    known, patterns = part.get("properties", {}), part.get("patternProperties", {})
    for name, one in value.items():
        if name in known:
            yield from _check(schema, known[name], one, f"{path}/{name}")
            continue
        matching = [body for pattern, body in patterns.items() if _matches(pattern, name)]
        for body in matching:
            yield from _check(schema, body, one, f"{path}/{name}")
        if not matching and part.get("additionalProperties") is False and (known or patterns):
            yield f"{path}: extraneous key [{name}] is not permitted"
    for keyword in ("oneOf", "anyOf"):
        wanted = [set(one["required"]) for one in part.get(keyword, ()) if set(one) == {"required"}]
        if wanted and len(wanted) == len(part[keyword]) and not any(names <= value.keys() for names in wanted):
            yield f"{path}: #: no subschema matched out of the total {len(wanted)} subschemas"


def _check_array(schema: Schema, part: Mapping[str, Any], value: list[Any], path: str) -> Iterator[str]:
    if len(value) < part.get("minItems", 0):
        yield f"{path}: expected minimum item count: {part['minItems']}, found: {len(value)}"
    if len(value) > part.get("maxItems", len(value)):
        yield f"{path}: expected maximum item count: {part['maxItems']}, found: {len(value)}"
    if part.get("uniqueItems") and any(one in value[:place] for place, one in enumerate(value)):
        yield f"{path}: array items are not unique"
    items = part.get("items")
    if isinstance(items, Mapping):
        for place, one in enumerate(value):
            yield from _check(schema, items, one, f"{path}/{place}")


def _check_text(part: Mapping[str, Any], value: str, path: str) -> Iterator[str]:
    if value.startswith("{{resolve:"):
        return
    if len(value) < part.get("minLength", 0):
        yield f"{path}: expected minLength: {part['minLength']}, actual: {len(value)}"
    if len(value) > part.get("maxLength", len(value)):
        yield f"{path}: expected maxLength: {part['maxLength']}, actual: {len(value)}"
    if "pattern" in part and not _matches(part["pattern"], value):
        yield f"{path}: string [{value}] does not match pattern {part['pattern']}"


def _check_number(part: Mapping[str, Any], value: float, path: str) -> Iterator[str]:
    if value < part.get("minimum", value):
        yield f"{path}: {value} is not greater or equal to {part['minimum']}"
    if value > part.get("maximum", value):
        yield f"{path}: {value} is not less or equal to {part['maximum']}"


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """None for a pattern that Python's engine does not read: the schemas' are ECMA's and Java's."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(value) is not None


def told(logical_id: str, found: list[str]) -> str:
    """One reason for all violations of a resource's properties.

    >>> print(told("Logs", ["#: extraneous key [Retention] is not permitted"]))
    Properties validation failed for resource Logs with message:
    #: extraneous key [Retention] is not permitted
    """
    head = [f"#: {len(found)} schema violations found"] if len(found) > 1 else []
    return f"Properties validation failed for resource {logical_id} with message:\n" + "\n".join([*head, *found])
