"""What AWS publishes of each resource type: its properties, which of them make a new resource, what GetAtt gives.

``schemas.json`` is made by ``scripts/resource_schemas.py``.
Source: "Resource type schema", CloudFormation CLI user guide for extension development.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from ninelives.stacks.resource_type import Replacement


@dataclass(frozen=True, slots=True)
class Schema:
    """One type's schema; properties of properties are written with slashes."""

    type_name: str
    body: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.body.get("properties", {})
        return found

    def resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """A part of the schema, or the definition that it refers to."""
        while "$ref" in part:
            part = self.body["definitions"][part["$ref"].removeprefix("#/definitions/")]
        return part

    def _pointers(self, keyword: str) -> frozenset[str]:
        return frozenset(pointer.removeprefix("/properties/") for pointer in self.body.get(keyword, ()))

    @property
    def create_only(self) -> frozenset[str]:
        return self._pointers("createOnlyProperties")

    @property
    def conditional_create_only(self) -> frozenset[str]:
        return self._pointers("conditionalCreateOnlyProperties")

    @property
    def read_only(self) -> frozenset[str]:
        return self._pointers("readOnlyProperties")

    @property
    def write_only(self) -> frozenset[str]:
        """What no ``read`` can tell."""
        return self._pointers("writeOnlyProperties")

    @property
    def identifiers(self) -> tuple[str, ...]:
        return tuple(pointer.removeprefix("/properties/") for pointer in self.body.get("primaryIdentifier", ()))

    @property
    def attribute_names(self) -> frozenset[str]:
        """What ``Fn::GetAtt`` may name: what is read-only, and of some types every property."""
        return frozenset(self.body.get("attributes", ()))

    @property
    def is_deleted_first(self) -> bool:
        """Whether a replacement can only be made once the old resource is gone."""
        return bool(self.body.get("replacementStrategy") == "delete_then_create")

    def replacement(self, name: str) -> Replacement:
        """Whether a change of the property makes a new resource."""
        if name in self.create_only:
            return Replacement.TRUE
        if name in self.conditional_create_only or any(path.startswith(f"{name}/") for path in self.create_only):
            return Replacement.CONDITIONAL
        return Replacement.FALSE


@cache
def _published() -> Mapping[str, Any]:
    text = resources.files("ninelives.stacks").joinpath("schemas.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


@cache
def schema_of(type_name: str) -> Schema:
    """Raises ``KeyError`` for a type without schema."""
    return Schema(type_name, _published()[type_name])
