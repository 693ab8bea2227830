"""What a blueprint asks for: which resources, in which order, with which properties as far as they are known. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ninelives.model.arns import Place
from ninelives.stacks.records import Blueprint, Output
from ninelives.stacks.templates.dependencies import check_order, check_references, dependencies_of
from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.intrinsic import ABSENT, Evaluation, Known, ResourceLookup, Unknown, unknown_in
from ninelives.stacks.templates.loops import expanded, has_loops
from ninelives.stacks.templates.parameters import (
    Parameter,
    check_value,
    read_parameters,
    scalar_text,
    value_of,
)
from ninelives.stacks.templates.template import EMPTY, LANGUAGE_EXTENSIONS, Template, read_template
from ninelives.stacks.templates.text import read_text

PSEUDO_NAMES: Final = frozenset(
    {
        "AWS::AccountId",
        "AWS::NotificationARNs",
        "AWS::NoValue",
        "AWS::Partition",
        "AWS::Region",
        "AWS::StackId",
        "AWS::StackName",
        "AWS::URLSuffix",
    }
)
NO_BLUEPRINT: Final = Blueprint(template_body="")
"""No resources: where a deletion leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What templates may draw on beside their parameters."""

    place: Place
    stack_id: str
    stack_name: str
    exports: Mapping[str, str]
    zones: Sequence[str]


def declared_parameters(text: str) -> Mapping[str, Parameter]:
    """What a template's text declares. Raises ``TemplateError``."""
    section = read_text(text).get("Parameters") or {}
    if not isinstance(section, Mapping):
        raise TemplateError("Template format error: [/Parameters] is no mapping.")
    return read_parameters(section)


def known_of(template: Template, blueprint: Blueprint, around: Surroundings) -> Known:
    """All that a template's functions draw on."""
    declared = read_parameters(template.parameters)
    values = {one.key: one for one in blueprint.parameters}
    place = around.place
    return Known(
        template=template,
        parameters={name: value_of(declared[name], values[name]) for name in declared if name in values},
        pseudo={
            "AWS::AccountId": place.account,
            "AWS::NotificationARNs": list(blueprint.notification_arns),
            "AWS::Partition": place.partition,
            "AWS::Region": place.region,
            "AWS::StackId": around.stack_id,
            "AWS::StackName": around.stack_name,
            "AWS::URLSuffix": "amazonaws.com.cn" if place.partition == "aws-cn" else "amazonaws.com",
        },
        exports=around.exports,
        zones=around.zones,
    )


def template_of(blueprint: Blueprint, around: Surroundings) -> Template:
    """A blueprint's template, loops written out. Raises ``TemplateError``."""
    if not blueprint.template_body:
        return EMPTY
    data: Mapping[str, Any] = read_text(blueprint.template_body)
    if has_loops(data):
        data = _without_loops(data, blueprint, around)
    return read_template(data)


def _without_loops(data: Mapping[str, Any], blueprint: Blueprint, around: Surroundings) -> Mapping[str, Any]:
    transforms = data.get("Transform")
    if LANGUAGE_EXTENSIONS not in (transforms if isinstance(transforms, list) else [transforms]):
        raise TemplateError("Template error: Fn::ForEach needs Transform: AWS::LanguageExtensions.")
    sections = {name: data.get(name) or {} for name in ("Parameters", "Mappings")}
    bare = Template(parameters=sections["Parameters"], mappings=sections["Mappings"], transforms=(LANGUAGE_EXTENSIONS,))
    found: Mapping[str, Any] = expanded(data, Evaluation(known_of(bare, blueprint, around)).resolve)
    return found


def processed(blueprint: Blueprint, around: Surroundings) -> str:
    """The template as it is after its transforms: as it was written where it has none."""
    data = read_text(blueprint.template_body)
    if not has_loops(data):
        return blueprint.template_body
    return json.dumps({name: one for name, one in _without_loops(data, blueprint, around).items() if name != "Transform"})


class Target:
    """A blueprint, read and checked. Raises ``TemplateError``."""

    def __init__(self, blueprint: Blueprint, around: Surroundings) -> None:
        self.blueprint = blueprint
        self.template = template_of(blueprint, around)
        check_references(self.template, PSEUDO_NAMES)
        check_order(self.template)
        declared = read_parameters(self.template.parameters)
        for value in blueprint.parameters:
            if value.key in declared and value.resolved is not None:
                check_value(declared[value.key], value.resolved)
        self.known = known_of(self.template, blueprint, around)
        evaluation = Evaluation(self.known)
        for name in self.template.conditions:
            evaluation.condition(name)
        _check_rules(self.template, evaluation)
        self.wanted = tuple(
            name
            for name, one in self.template.resources.items()
            if one.condition is None or evaluation.condition(one.condition)
        )
        """The logical ids of the resources whose conditions hold, as they stand in the template."""
        self.dependencies: Mapping[str, tuple[str, ...]] = {
            name: tuple(one for one in dependencies_of(self.template, name) if one in self.wanted) for name in self.wanted
        }

    def properties(self, logical_id: str, lookup: ResourceLookup) -> dict[str, Any]:
        """A resource's properties; what is not known yet is ``Unknown``. Raises ``TemplateError``."""
        found = self._evaluation(lookup).resolve(self.template.resources[logical_id].properties)
        return found if isinstance(found, dict) else {}

    def metadata(self, logical_id: str, lookup: ResourceLookup) -> Any:
        return self._evaluation(lookup).resolve(self.template.resources[logical_id].metadata)

    def deletion_policy(self, logical_id: str) -> str:
        return self._policy(self.template.resources[logical_id].deletion_policy)

    def update_replace_policy(self, logical_id: str) -> str:
        return self._policy(self.template.resources[logical_id].update_replace_policy)

    def _policy(self, written: Any) -> str:
        return str(self._evaluation(lambda _: None).resolve(written))

    def outputs(self, lookup: ResourceLookup) -> tuple[Output, ...]:
        """The outputs whose conditions hold. Raises ``TemplateError`` for one that is no text."""
        evaluation = self._evaluation(lookup)
        found = []
        for key, one in self.template.outputs.items():
            if one.condition is not None and not evaluation.condition(one.condition):
                continue
            value, export = evaluation.value(one.value), evaluation.value(one.export)
            if value is ABSENT:
                continue
            found.append(
                Output(
                    key=key,
                    value=_output_text(key, value),
                    description=one.description,
                    export_name=None if export is None or export is ABSENT else _output_text(key, export),
                )
            )
        return tuple(found)

    def _evaluation(self, lookup: ResourceLookup) -> Evaluation:
        return Evaluation(self.known, lambda name: lookup(name) if name in self.wanted else _not_there(name))

    def imports(self) -> tuple[str, ...]:
        """The names of the exports that are used; what a condition leaves out uses none."""
        evaluation = self._evaluation(lambda _: None)
        written = [self.template.resources[name].properties for name in self.wanted]
        outputs = self.template.outputs.values()
        written += [one.value for one in outputs if one.condition is None or evaluation.condition(one.condition)]
        found = (evaluation.value(one) for part in written for one in _imported(part, evaluation.condition))
        return tuple(sorted({name for name in found if isinstance(name, str)}))


def _not_there(name: str) -> None:
    raise TemplateError(
        f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
    )


def _output_text(key: str, value: Any) -> str:
    if isinstance(value, Unknown) or unknown_in(value):
        raise UnknownOutput(key)
    if isinstance(value, str | int | float):
        return scalar_text(value)
    raise TemplateError(f"Template format error: Output {key} is malformed: The Value field must evaluate to type String.")


class UnknownOutput(Exception):
    """An output that draws on a resource that is still to be made."""


def _imported(value: Any, holds: Callable[[str], bool]) -> list[Any]:
    if isinstance(value, Mapping):
        if value.keys() == {"Fn::ImportValue"}:
            return [value["Fn::ImportValue"]]
        if value.keys() == {"Fn::If"} and isinstance(value["Fn::If"], list):
            condition, taken, other = value["Fn::If"]
            return _imported(taken if holds(condition) else other, holds)
        return [found for one in value.values() for found in _imported(one, holds)]
    if isinstance(value, list):
        return [found for one in value for found in _imported(one, holds)]
    return []


def _check_rules(template: Template, evaluation: Evaluation) -> None:
    """Raises ``TemplateError`` for the first assertion that does not hold."""
    for name, rule in template.rules.items():
        if "RuleCondition" in rule and not evaluation.truth(rule["RuleCondition"]):
            continue
        for assertion in rule.get("Assertions", ()):
            if not evaluation.truth(assertion["Assert"]):
                told = assertion.get("AssertDescription", "its assertion does not hold")
                raise TemplateError(f"Template validation error: Rule {name} failed: {told}")
