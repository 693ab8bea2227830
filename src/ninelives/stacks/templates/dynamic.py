"""Dynamic references: ``{{resolve:ssm:…}}`` and ``{{resolve:secretsmanager:…}}`` in resolved values. Pure.

They stay as they are in all that is recorded; their values are put in when a resource is made, and kept nowhere.
Source: "Get values stored in other services using dynamic references", CloudFormation user guide.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ninelives.stacks.templates.errors import TemplateError

REFERENCE: Final = re.compile(r"\{\{resolve:(?P<service>[a-z-]+):(?P<rest>[^}]+)\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterReference:
    """A parameter of Parameter Store; the newest version where none is said."""

    name: str
    version: str | None
    is_secure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """A secret of Secrets Manager: its whole text, or what stands in its JSON under a key."""

    secret_id: str
    json_key: str | None
    version_stage: str | None
    version_id: str | None


DynamicReference = ParameterReference | SecretReference


def dynamic_references(value: Any) -> Iterator[tuple[str, DynamicReference]]:
    """All references in a value: their text and their meaning. Raises ``TemplateError``."""
    if isinstance(value, str):
        for found in REFERENCE.finditer(value):
            yield found[0], _read(found)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from dynamic_references(one)
    elif isinstance(value, list):
        for one in value:
            yield from dynamic_references(one)


def _read(found: re.Match[str]) -> DynamicReference:
    match found["service"]:
        case "ssm" | "ssm-secure" as service:
            name, _, version = found["rest"].partition(":")
            return ParameterReference(name=name, version=version or None, is_secure=service == "ssm-secure")
        case "secretsmanager":
            return _read_secret(found["rest"])
        case service:
            raise TemplateError(f"Template error: this region resolves no dynamic references of {service}: {found[0]}")


def _read_secret(rest: str) -> SecretReference:
    parts = rest.split(":")
    count = 7 if rest.startswith("arn:") else 1  # an ARN has colons of its own
    secret_id, more = ":".join(parts[:count]), [*parts[count:], "", "", "", ""]
    kind, json_key, stage, version = more[:4]
    if kind not in {"", "SecretString"}:
        raise TemplateError(f"Template error: a secret has a SecretString and no {kind}.")
    return SecretReference(
        secret_id=secret_id, json_key=json_key or None, version_stage=stage or None, version_id=version or None
    )


def with_values(value: Any, values: Mapping[str, str]) -> Any:
    """A value in which each reference gave way to what it stands for; ``values`` are by the reference's text."""
    if isinstance(value, str):
        return REFERENCE.sub(lambda found: values.get(found[0], found[0]), value)
    if isinstance(value, Mapping):
        return {key: with_values(one, values) for key, one in value.items()}
    if isinstance(value, list):
        return [with_values(one, values) for one in value]
    return value
