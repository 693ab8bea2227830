"""Which resource needs which: what a template refers to, checked, and the order that comes of it. Pure."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.intrinsic import SUBSTITUTED, function_of, get_att_parts, unresolved
from ninelives.stacks.templates.template import Template


def references_of(value: Any) -> Iterator[tuple[str, str | None]]:
    """Name and attribute of all that a value refers to; the attribute is None for ``Ref``, and "" for one that is computed."""
    if isinstance(value, list):
        for one in value:
            yield from references_of(one)
    if not isinstance(value, Mapping):
        return
    match function_of(value):
        case "Ref" if isinstance(value["Ref"], str):
            yield value["Ref"], None
        case "Fn::GetAtt":
            name, attribute = get_att_parts(value["Fn::GetAtt"])
            yield name, attribute if isinstance(attribute, str) else ""
            yield from references_of(attribute)
        case "Fn::Sub":
            yield from _references_of_sub(value["Fn::Sub"])
        case _:
            for one in value.values():
                yield from references_of(one)


def _references_of_sub(argument: Any) -> Iterator[tuple[str, str | None]]:
    text, variables = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})  # noqa: PLR2004 text, variables
    yield from references_of(variables)
    if not isinstance(text, str):
        return
    for found in SUBSTITUTED.finditer(text):
        name = found["name"].strip()
        if name.startswith("!") or name in variables:
            continue
        logical_id, dot, attribute = name.partition(".")
        yield logical_id, attribute if dot else None


def conditions_in(value: Any) -> Iterator[str]:
    """The conditions that a value names by ``Fn::If`` and ``Condition``."""
    if isinstance(value, list):
        for one in value:
            yield from conditions_in(one)
    if isinstance(value, Mapping):
        name = function_of(value)
        argument = value[name] if name is not None else None
        if name == "Fn::If" and isinstance(argument, list) and argument and isinstance(argument[0], str):
            yield argument[0]
        if name == "Condition":
            yield str(argument)
        for one in value.values():
            yield from conditions_in(one)


def check_references(template: Template, pseudo: frozenset[str]) -> None:
    """Raises ``TemplateError`` where something is referred to that the template has not."""
    known = template.parameters.keys() | template.resources.keys() | pseudo
    for block, parts in (("Resources", _resource_parts(template)), ("Outputs", _output_parts(template))):
        missing: list[str] = []
        for value in parts:
            for name, attribute in references_of(value):
                if attribute is not None and name not in template.resources:
                    raise TemplateError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
                if attribute is None and name not in known and name not in missing:
                    missing.append(name)
        if block == "Resources":
            named = [one for definition in template.resources.values() for one in definition.depends_on]
            missing += [one for one in dict.fromkeys(named) if one not in template.resources and one not in missing]
        if missing:
            raise unresolved(missing, block)
        used = [name for value in parts for name in conditions_in(value)]
        owners = template.resources if block == "Resources" else template.outputs
        used += [owner.condition for owner in owners.values() if owner.condition is not None]
        _check_conditions(template, used, block)
    _check_conditions(template, list(conditions_in(list(template.conditions.values()))), "Conditions")


def _check_conditions(template: Template, used: list[str], block: str) -> None:
    for name in used:
        if name not in template.conditions:
            raise TemplateError(
                f"Template format error: Unresolved condition dependency {name} in the {block} block of the template"
            )


def _resource_parts(template: Template) -> list[Any]:
    return [part for one in template.resources.values() for part in (one.properties, one.metadata)]


def _output_parts(template: Template) -> list[Any]:
    return [part for one in template.outputs.values() for part in (one.value, one.export)]


def dependencies_of(template: Template, logical_id: str) -> tuple[str, ...]:
    """The resources that one needs, said or by reference, in the order of their names."""
    definition = template.resources[logical_id]
    parts = [definition.properties, definition.metadata]
    named = {name for part in parts for name, _ in references_of(part) if name in template.resources}
    return tuple(sorted((named | set(definition.depends_on)) - {logical_id}))


def check_order(template: Template) -> None:
    """Raises ``TemplateError`` that names the resources of a circle."""
    graph = {logical_id: dependencies_of(template, logical_id) for logical_id in template.resources}
    itself = [name for name in graph if name in {one for one, _ in references_of(template.resources[name].properties)}]
    if itself:
        raise TemplateError(f"Circular dependency between resources: [{', '.join(itself)}]")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise TemplateError(f"Circular dependency between resources: [{', '.join(sorted(set(error.args[1])))}]") from None
