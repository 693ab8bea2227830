"""Templates: shown, checked, summed up."""

import json
from collections.abc import Mapping
from typing import Any

from ninelives.api.call import Call
from ninelives.api.cloudformation.wire import EngineHandler, read_template_text
from ninelives.stacks import blueprints, intents
from ninelives.stacks.engine import Engine
from ninelives.stacks.target import PSEUDO_NAMES, processed
from ninelives.stacks.templates.dependencies import check_order, check_references
from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.loops import has_loops
from ninelives.stacks.templates.parameters import read_parameters
from ninelives.stacks.templates.template import VERSION, Template, read_template
from ninelives.stacks.templates.text import read_text


async def get_template(engine: Engine, call: Call) -> Mapping[str, Any]:
    given = call.parameters
    stage = given.get("TemplateStage", "Original")
    if given.get("ChangeSetName"):
        change_set = intents.find_change_set(engine, given["ChangeSetName"], given.get("StackName"))
        stack, blueprint = engine.state.stacks[change_set.stack_id], change_set.blueprint
    elif given.get("StackName"):
        stack = intents.existing(engine, given["StackName"])
        blueprint = stack.blueprint
    else:
        raise blueprints.invalid("StackName is required if ChangeSetName is not specified.")
    body = blueprint.template_body
    if stage == "Processed" and body:
        body = processed(blueprint, await engine.surroundings(stack.stack_id, stack.name))
    return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}


async def validate_template(engine: Engine, call: Call) -> Mapping[str, Any]:
    template = _checked(engine, await _text(engine, call))
    needed, reason = blueprints.capabilities_needed(template)
    return {
        "Parameters": [
            {
                "ParameterKey": name,
                "DefaultValue": one.default,
                "NoEcho": one.no_echo,
                "Description": one.description or None,
            }
            for name, one in read_parameters(template.parameters).items()
        ],
        "Description": template.description or None,
        "Capabilities": needed,
        "CapabilitiesReason": reason or None,
        "DeclaredTransforms": list(template.transforms),
    }


async def get_template_summary(engine: Engine, call: Call) -> Mapping[str, Any]:
    if call.parameters.get("StackName"):
        text: str | None = intents.existing(engine, call.parameters["StackName"]).blueprint.template_body
    else:
        text = await _text(engine, call)
    template = _checked(engine, text or "")
    needed, reason = blueprints.capabilities_needed(template)
    return {
        "Parameters": [
            {
                "ParameterKey": name,
                "DefaultValue": one.default,
                "ParameterType": one.type,
                "NoEcho": one.no_echo,
                "Description": one.description or None,
                "ParameterConstraints": {"AllowedValues": list(one.allowed_values)} if one.allowed_values else {},
            }
            for name, one in read_parameters(template.parameters).items()
        ],
        "Description": template.description or None,
        "Capabilities": needed,
        "CapabilitiesReason": reason or None,
        "ResourceTypes": sorted({one.type for one in template.resources.values()}),
        "Version": VERSION,
        "Metadata": json.dumps(template.metadata) if template.metadata is not None else None,
        "DeclaredTransforms": list(template.transforms),
        "ResourceIdentifierSummaries": [
            {
                "ResourceType": name,
                "LogicalResourceIds": [key for key, one in template.resources.items() if one.type == name],
                "ResourceIdentifiers": list(engine.catalogue.schema(name).identifiers),
            }
            for name in sorted({one.type for one in template.resources.values()})
        ],
    }


async def _text(engine: Engine, call: Call) -> str:
    text = await read_template_text(engine, call.parameters)
    if text is None:
        raise blueprints.invalid("Either Template URL or Template Body must be specified.")
    return text


def _checked(engine: Engine, text: str) -> Template:
    """The template as far as it can be told without parameters. Raises ``ApiError``."""
    try:
        data = read_text(text)
        if has_loops(data):  # What they make is known with the parameters.
            data = {**data, "Resources": {"Loops": {"Type": "AWS::CDK::Metadata"}}, "Outputs": {}, "Conditions": {}}
            return read_template(data)
        template = read_template(data)
        read_parameters(template.parameters)
        engine.catalogue.check_known({name: one.type for name, one in template.resources.items()})
        check_references(template, PSEUDO_NAMES)
        check_order(template)
    except TemplateError as error:
        raise blueprints.invalid(error.message) from None
    return template


HANDLERS: Mapping[str, EngineHandler] = {
    "GetTemplate": get_template,
    "ValidateTemplate": validate_template,
    "GetTemplateSummary": get_template_summary,
}
