"""The CloudFormation templates of the package, and which of their resources come with which parameters. Pure but for reading.

CloudFormation decides what is made; this is told before it is asked: what a stack that is not there yet would hold, and cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


class Kind(StrEnum):
    """A template of the package, by its file's name."""

    NETWORK = "network"
    CLUSTER = "cluster"
    SERVICE = "service"
    GITHUB_PROVIDER = "github-provider"
    GITHUB = "github"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of a stack."""

    logical_id: str
    type: str


@cache
def template_text(kind: Kind) -> str:
    """The template as it is written, comments and all: this is what CloudFormation gets."""
    return files("ninelives.bootstrap").joinpath(f"templates/{kind}.yml").read_text(encoding="utf-8")


@cache
def template_data(kind: Kind) -> Mapping[str, Any]:
    """The template with its short forms written out: ``!Ref Vpc`` is ``{"Ref": "Vpc"}``."""
    data: Mapping[str, Any] = yaml.load(template_text(kind), Loader=_TemplateLoader)  # noqa: S506 (a safe loader with tags)
    return data


class _TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms.

    Source: CloudFormation user guide, "Intrinsic function reference".
    """


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _short_form)


def resources_of(kind: Kind, parameters: Mapping[str, str]) -> tuple[Resource, ...]:
    """The resources that a stack with ``parameters`` has; those left out have their template's defaults."""
    data = template_data(kind)
    conditions = _Conditions(data, parameters)
    return tuple(
        Resource(logical_id=name, type=resource["Type"])
        for name, resource in data["Resources"].items()
        if "Condition" not in resource or conditions.holds(resource["Condition"])
    )


class _Conditions:
    """A template's conditions, with its parameters."""

    def __init__(self, data: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        defaults = {name: one.get("Default") for name, one in data.get("Parameters", {}).items()}
        self.values = {name: str(parameters.get(name, default)) for name, default in defaults.items()}
        self.conditions = data.get("Conditions", {})

    def holds(self, name: str) -> bool:
        return self._truth(self.conditions[name])

    def _truth(self, expression: Mapping[str, Any]) -> bool:
        [(function, operands)] = expression.items()
        match function:
            case "Condition":
                return self.holds(operands)
            case "Fn::Equals":
                return self._text(operands[0]) == self._text(operands[1])
            case "Fn::Not":
                return not self._truth(operands[0])
            case "Fn::And":
                return all(map(self._truth, operands))
            case "Fn::Or":
                return any(map(self._truth, operands))
            case _:
                raise AssertionError(function)

    def _text(self, operand: Any) -> str:
        if isinstance(operand, Mapping) and "Ref" in operand:
            return self.values[operand["Ref"]]
        if isinstance(operand, Mapping):  # a list is empty when nothing is left of it, joined
            separator, parts = operand["Fn::Join"]
            return str(separator).join(self.values[parts["Ref"]].split(","))
        return str(operand)
