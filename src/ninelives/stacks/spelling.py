"""Between a template's spelling and the API's: policy documents, and services whose members begin with a small letter.

``ContainerDefinitions`` of ``AWS::ECS::TaskDefinition`` is ``containerDefinitions`` of ``ecs``. Which keys are names of
members, and which are the user's own (labels, options), the type's schema says.
"""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from ninelives.stacks.schemas import Schema, schema_of

IRREGULAR: Final = {
    "EFSVolumeConfiguration": "efsVolumeConfiguration",
    "FSxWindowsFileServerVolumeConfiguration": "fsxWindowsFileServerVolumeConfiguration",
    "S3FilesVolumeConfiguration": "s3filesVolumeConfiguration",
    "FilesystemId": "fileSystemId",
    "ProxyConfigurationProperties": "properties",
    "ImageTagMutabilityExclusionFilterType": "filterType",
    "ImageTagMutabilityExclusionFilterValue": "filter",
}
"""Members that are not called as their property with a small first letter."""


def api_spelling(type_name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties with small first letters, all the way down."""
    schema = schema_of(type_name)
    found: dict[str, Any] = _respelled(schema, {"properties": schema.properties}, properties, to_api=True)
    return found


def template_spelling(type_name: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """Members of an API's answer as properties of a template; those that the type has not are left out."""
    schema = schema_of(type_name)
    found: dict[str, Any] = _respelled(schema, {"properties": schema.properties}, members, to_api=False)
    return found


def _respelled(schema: Schema, part: Mapping[str, Any], value: Any, *, to_api: bool) -> Any:
    part = schema.resolved(part)
    if isinstance(value, Mapping) and "properties" in part:
        return dict(_members(schema, part["properties"], value, to_api=to_api))
    if isinstance(value, list | tuple):
        return [_respelled(schema, part.get("items", {}), one, to_api=to_api) for one in value]
    return value


def _members(schema: Schema, properties: Mapping[str, Any], value: Mapping[str, Any], *, to_api: bool) -> Any:
    for name, part in properties.items():
        member = IRREGULAR.get(name) or name[:1].lower() + name[1:]
        given, told = (name, member) if to_api else (member, name)
        if given in value:
            yield told, _respelled(schema, part, value[given], to_api=to_api)


def document_text(document: Any) -> str | None:
    """A policy or its like as the API takes it: JSON; a text stays as it is.

    >>> document_text({"Statement": []}), document_text("{}"), document_text(None)
    ('{"Statement": []}', '{}', None)
    """
    return document if document is None or isinstance(document, str) else json.dumps(document)


def document(text: Any) -> Any:
    """A policy or its like as a template has it; IAM answers it percent-encoded.

    >>> document("%7B%22Statement%22%3A%20%5B%5D%7D")
    {'Statement': []}
    """
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text if text.lstrip().startswith("{") else unquote(text))
    except ValueError:
        return text
