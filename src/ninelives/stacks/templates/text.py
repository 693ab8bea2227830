"""A template's text, JSON or YAML with CloudFormation's short tags, as plain data with the functions' full names.

Source: "Template formats" and "Intrinsic function reference", CloudFormation user guide: YAML 1.1 without timestamps.
"""

import json
from typing import Any, Final

import yaml

from ninelives.stacks.templates.errors import TemplateError

WITHOUT_PREFIX: Final = frozenset({"Ref", "Condition", "Rain::Embed"})


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # which of them depends on the machine
    """Safe YAML with short tags; a date stays text, and a key stands once."""


def _tagged(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in WITHOUT_PREFIX else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


def _mapping(loader: Any, node: yaml.MappingNode, *, deep: bool = False) -> dict[Any, Any]:
    del deep
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        key = str(key) if isinstance(key, int | float) and not isinstance(key, bool) else key
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
        if key in found:
            raise yaml.constructor.ConstructorError(None, None, f"found duplicate key {key}", key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _text(loader: Any, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_multi_constructor("!", _tagged)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)


def read_text(text: str) -> dict[str, Any]:
    """The template as data. Raises ``TemplateError`` that names line and column.

    >>> read_text("Resources: {A: {Type: T, Properties: {N: !Sub '${B}', D: 2012-10-17}}}")["Resources"]["A"]["Properties"]
    {'N': {'Fn::Sub': '${B}'}, 'D': '2012-10-17'}
    """
    data = _read_json(text) if text.lstrip()[:1] == "{" else _read_yaml(text)
    if not isinstance(data, dict):
        raise TemplateError("Template format error: unsupported structure.")
    return data


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        try:
            return _read_yaml(text)  # a flow mapping of YAML begins alike
        except TemplateError:
            where = f"(line {error.lineno}, column {error.colno})"
            raise TemplateError(f"Template format error: JSON not well-formed. {where}") from None


def _read_yaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 it is a safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"(line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        why = f" {error.problem}" if error.problem and "duplicate key" in error.problem else ""
        raise TemplateError(f"Template format error: YAML not well-formed.{why} {where}".rstrip()) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TemplateError(f"Template format error: YAML not well-formed. {str(error).splitlines()[0]}") from None
