"""The resource types of a region with what their schemas say of a change. Pure."""

from collections.abc import Mapping
from typing import Any

from ninelives.stacks.resource_type import Replacement, ResourceType
from ninelives.stacks.schemas import Schema, schema_of
from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.template import CUSTOM

NESTED_STACK = "AWS::CloudFormation::Stack"
CUSTOM_RESOURCE = "AWS::CloudFormation::CustomResource"


class Catalogue:
    """``schemas`` take the place of published ones, for types that have none."""

    def __init__(self, types: Mapping[str, ResourceType], schemas: Mapping[str, Schema] | None = None) -> None:
        self._types = types
        self._schemas = schemas or {}

    def __contains__(self, type_name: object) -> bool:
        return isinstance(type_name, str) and self._registered(type_name) in self._types

    def __getitem__(self, type_name: str) -> ResourceType:
        return self._types[self._registered(type_name)]

    def _registered(self, type_name: str) -> str:
        return CUSTOM_RESOURCE if type_name.startswith(CUSTOM) else type_name

    def schema(self, type_name: str) -> Schema:
        """One that allows everything, where nothing is published."""
        if type_name in self._schemas:
            return self._schemas[type_name]
        try:
            return schema_of(type_name)
        except KeyError:
            return Schema(type_name, {})

    def check_known(self, type_names: Mapping[str, str]) -> None:
        """Raises ``TemplateError`` that names the types which the region has not; ``type_names`` are by logical id."""
        missing = sorted({name for name in type_names.values() if name not in self})
        if missing:
            raise TemplateError(f"Template format error: Unrecognized resource types: [{', '.join(missing)}]")

    def is_tagged(self, type_name: str) -> bool:
        """Whether the stack's tags go to resources of this type."""
        return "Tags" in self.schema(type_name).properties

    def replacement(self, type_name: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Replacement:
        """Whether a change of the property ``name`` makes a new resource."""
        if type_name in self:
            told = self[type_name].replacement(name, before, after)
            if told is not None:
                return told
        schema = self.schema(type_name)
        below = [path for path in schema.create_only if path.startswith(f"{name}/")]
        if name not in schema.create_only and below:
            is_other = any(_at(before, path.split("/")) != _at(after, path.split("/")) for path in below)
            return Replacement.TRUE if is_other else Replacement.FALSE
        return schema.replacement(name)

    def is_replaced(self, type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Whether a change from ``before`` to ``after``, both known, makes a new resource."""
        return any(
            self.replacement(type_name, name, before, after) is Replacement.TRUE for name in changed_names(before, after)
        )

    def keeps_its_name(self, type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
        """The name that the template gives and does not change, so that a new resource cannot have it; None where there is
        none.
        """
        identifiers = self.schema(type_name).identifiers
        if len(identifiers) != 1 or identifiers[0] not in before:
            return None
        (name,) = identifiers
        return str(after[name]) if before[name] == after.get(name) else None


def changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of properties that differ, sorted."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _at(value: Any, path: list[str]) -> Any:
    """What stands at a path of a schema; ``*`` is each member of a list."""
    if not path:
        return value
    name, *rest = path
    if name == "*" and isinstance(value, list):
        return [_at(one, rest) for one in value]
    return _at(value.get(name), rest) if isinstance(value, Mapping) else None
