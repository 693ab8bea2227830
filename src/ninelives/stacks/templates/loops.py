"""``Fn::ForEach`` of AWS::LanguageExtensions: loops in a template's data, written out before anything else is read. Pure.

Source: "Fn::ForEach", CloudFormation user guide.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.intrinsic import function_of

PREFIX: Final = "Fn::ForEach::"
NOT_ALPHANUMERIC: Final = re.compile(r"[^A-Za-z0-9]")


def has_loops(value: Any) -> bool:
    """Whether there is a loop anywhere in data."""
    if isinstance(value, Mapping):
        return any(key.startswith(PREFIX) or has_loops(one) for key, one in value.items())
    return isinstance(value, list) and any(map(has_loops, value))


def expanded(data: Any, resolve: Callable[[Any], Any]) -> Any:
    """``data`` with each loop replaced by what it makes; ``resolve`` answers collections. Raises ``TemplateError``."""
    if isinstance(data, list):
        return [expanded(one, resolve) for one in data]
    if not isinstance(data, Mapping):
        return data
    made: dict[str, Any] = {}
    for key, value in data.items():
        parts = _turns(key, value, resolve) if key.startswith(PREFIX) else [{key: expanded(value, resolve)}]
        for name, one in (pair for part in parts for pair in part.items()):
            if name in made:
                raise TemplateError(f"Template error: {name} is there twice after {key} was written out.")
            made[name] = one
    return made


def _turns(key: str, value: Any, resolve: Callable[[Any], Any]) -> list[Mapping[str, Any]]:
    """What a loop makes, turn by turn, with the loops in it written out."""
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[2], Mapping):  # noqa: PLR2004 as the message says
        raise TemplateError(f"Template error: {key} requires an identifier, a collection and a mapping to write out.")
    identifier, collection, body = value
    items = resolve(collection)
    if not isinstance(identifier, str) or not isinstance(items, list):
        raise TemplateError(f"Template error: {key} requires a text for its identifier and a list for its collection.")
    return [expanded(_substituted(body, identifier, str(item)), resolve) for item in items]


def _substituted(value: Any, identifier: str, item: str) -> Any:
    if isinstance(value, str):
        return value.replace(f"${{{identifier}}}", item).replace(f"&{{{identifier}}}", NOT_ALPHANUMERIC.sub("", item))
    if isinstance(value, list):
        return [_substituted(one, identifier, item) for one in value]
    if not isinstance(value, Mapping):
        return value
    if function_of(value) == "Ref" and value["Ref"] == identifier:
        return item
    return {_substituted(key, identifier, item): _substituted(one, identifier, item) for key, one in value.items()}
