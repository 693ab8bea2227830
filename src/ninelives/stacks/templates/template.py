"""A template's parts as records, read from its data; what is malformed is told in CloudFormation's words.

Source: "Template anatomy", CloudFormation user guide.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ninelives.stacks.templates.errors import TemplateError

SECTIONS: Final = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Description",
        "Metadata",
        "Parameters",
        "Rules",
        "Mappings",
        "Conditions",
        "Transform",
        "Resources",
        "Outputs",
        "Hooks",
    }
)
RESOURCE_KEYS: Final = frozenset(
    {
        "Type",
        "Properties",
        "Condition",
        "DependsOn",
        "DeletionPolicy",
        "UpdateReplacePolicy",
        "UpdatePolicy",
        "CreationPolicy",
        "Metadata",
    }
)
LANGUAGE_EXTENSIONS: Final = "AWS::LanguageExtensions"
POLICIES: Final = ("Delete", "Retain", "Snapshot", "RetainExceptOnCreate")
VERSION: Final = "2010-09-09"
LOGICAL_ID: Final = re.compile(r"[A-Za-z0-9]+")
DESCRIPTION_BYTES_MAX: Final = 1024
CUSTOM: Final = "Custom::"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDefinition:
    type: str
    properties: Any = None
    condition: str | None = None
    depends_on: tuple[str, ...] = ()
    deletion_policy: Any = "Delete"
    update_replace_policy: Any = "Delete"
    metadata: Any = None
    has_creation_policy: bool = False
    has_update_policy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputDefinition:
    value: Any
    description: str = ""
    export: Any = None
    condition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """``conditions``, ``mappings`` and ``rules`` are as they are written."""

    description: str = ""
    metadata: Any = None
    transforms: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, ResourceDefinition] = field(default_factory=dict)
    outputs: Mapping[str, OutputDefinition] = field(default_factory=dict)

    @property
    def has_language_extensions(self) -> bool:
        return LANGUAGE_EXTENSIONS in self.transforms


EMPTY: Final = Template()
"""What a stack without resources is: where deleting it leads."""


def read_template(data: Mapping[str, Any]) -> Template:
    """The template that ``data`` is. Raises ``TemplateError``."""
    unknown = sorted(data.keys() - SECTIONS)
    if unknown:
        raise TemplateError(f"Invalid template property or properties [{', '.join(unknown)}]")
    for place in nulls({name: one for name, one in data.items() if name != "Metadata"}):
        raise TemplateError(f"Template format error: [{place}] 'null' values are not allowed in templates")
    version = data.get("AWSTemplateFormatVersion", VERSION)
    if version != VERSION:
        raise TemplateError(f"Template format error: Unsupported template format version {version!r}; {VERSION} is the one.")
    description = data.get("Description", "")
    if not isinstance(description, str):
        raise TemplateError("Template format error: [/Description] 'expected a string'")
    if len(description.encode()) > DESCRIPTION_BYTES_MAX:
        raise TemplateError("Template format error: 'Description' length is greater than 1024.")
    resources = _section(data, "Resources")
    if not resources:
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    return Template(
        description=description,
        metadata=data.get("Metadata"),
        transforms=_transforms(data.get("Transform")),
        parameters=_section(data, "Parameters"),
        mappings=_section(data, "Mappings"),
        conditions=_section(data, "Conditions"),
        rules=_section(data, "Rules"),
        resources={name: _resource(name, body) for name, body in resources.items()},
        outputs={name: _output(name, body) for name, body in _section(data, "Outputs").items()},
    )


def nulls(value: Any, path: str = "") -> Iterator[str]:
    """Where data has nothing for a value.

    >>> list(nulls({"A": {"B": [1, None]}, "C": None}))
    ['/A/B/1', '/C']
    """
    match value:
        case None:
            yield path
        case Mapping():
            for name, one in value.items():
                yield from nulls(one, f"{path}/{name}")
        case list():
            for place, one in enumerate(value):
                yield from nulls(one, f"{path}/{place}")
        case _:
            pass


def _section(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = data.get(name)
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise TemplateError(f"Template format error: [/{name}] {name} must be a mapping.")
    for key in section:
        if not LOGICAL_ID.fullmatch(key) and not key.startswith("Fn::ForEach::"):
            raise TemplateError(f"Template format error: {name} name {key} is non alphanumeric.")
    return section


def _transforms(given: Any) -> tuple[str, ...]:
    if given is None:
        return ()
    names = given if isinstance(given, list) else [given]
    found = []
    for name in names:
        told = name.get("Name") if isinstance(name, Mapping) else name
        if told != LANGUAGE_EXTENSIONS:
            raise TemplateError(f"This region does not run the transform {told}; {LANGUAGE_EXTENSIONS} is the one it has.")
        found.append(told)
    return tuple(found)


def _resource(name: str, body: Any) -> ResourceDefinition:
    if not isinstance(body, Mapping):
        raise TemplateError(f"Template format error: [/Resources/{name}] resource definition is malformed")
    if not isinstance(body.get("Type"), str):
        raise TemplateError(f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member.")
    unknown = sorted(body.keys() - RESOURCE_KEYS - ({"Version"} if _is_custom(body["Type"]) else set()))
    if unknown:
        message = f"Invalid template resource property '{unknown[0]}'"
        raise TemplateError(f"Template format error: [/Resources/{name}] {message}")
    if not isinstance(body.get("Properties", {}), Mapping):
        raise TemplateError(f"Template format error: [/Resources/{name}/Properties] Properties must be an object.")
    depends_on = body.get("DependsOn", ())
    if isinstance(depends_on, str):
        depends_on = (depends_on,)
    if not isinstance(depends_on, list | tuple) or not all(isinstance(one, str) for one in depends_on):
        raise TemplateError(
            f"Template format error: [/Resources/{name}/DependsOn] DependsOn must be a string or list of strings."
        )
    if not isinstance(body.get("Condition", ""), str):
        raise TemplateError(f"Template format error: [/Resources/{name}/Condition] Every Condition member must be a string.")
    for key in ("DeletionPolicy", "UpdateReplacePolicy"):
        _check_policy(name, key, body.get(key, "Delete"))
    return ResourceDefinition(
        type=body["Type"],
        properties=body.get("Properties", {}),
        condition=body.get("Condition"),
        depends_on=tuple(depends_on),
        deletion_policy=body.get("DeletionPolicy", "Delete"),
        update_replace_policy=body.get("UpdateReplacePolicy", "Delete"),
        metadata=body.get("Metadata"),
        has_creation_policy="CreationPolicy" in body,
        has_update_policy="UpdatePolicy" in body,
    )


def _is_custom(type_name: str) -> bool:
    return type_name.startswith(CUSTOM) or type_name == "AWS::CloudFormation::CustomResource"


def _check_policy(name: str, key: str, policy: Any) -> None:
    allowed = POLICIES if key == "DeletionPolicy" else POLICIES[:3]
    if isinstance(policy, str) and policy not in allowed:
        raise TemplateError(f"Template error: Invalid {key} specified for resource {name}: {policy}")


def _output(name: str, body: Any) -> OutputDefinition:
    if not isinstance(body, Mapping) or "Value" not in body:
        raise TemplateError(f"Template format error: [/Outputs/{name}] Every Outputs member must contain a Value object")
    export = body.get("Export")
    if export is not None and (not isinstance(export, Mapping) or export.keys() != {"Name"}):
        raise TemplateError(f"Template format error: [/Outputs/{name}/Export] An Export has a Name, and nothing else.")
    return OutputDefinition(
        value=body["Value"],
        description=body.get("Description", ""),
        export=export["Name"] if export else None,
        condition=body.get("Condition"),
    )
