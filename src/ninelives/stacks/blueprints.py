"""From what a request says of a stack to its blueprint and its target, read and checked in CloudFormation's words.

Source: ``cloudformation`` 2010-05-15; messages as the service has them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ninelives.model.errors import ApiError
from ninelives.stacks.dynamic_values import stored_parameters
from ninelives.stacks.engine import Engine
from ninelives.stacks.records import Blueprint
from ninelives.stacks.target import Target, declared_parameters
from ninelives.stacks.templates.dependencies import references_of
from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.parameters import Given, parameter_values
from ninelives.stacks.templates.template import Template

TEMPLATE_BODY_MAX: Final = 51_200
TEMPLATE_OBJECT_MAX: Final = 1024 * 1024
IAM_TYPES: Final = frozenset(
    f"AWS::IAM::{name}"
    for name in (
        "AccessKey",
        "Group",
        "GroupPolicy",
        "InstanceProfile",
        "ManagedPolicy",
        "Policy",
        "Role",
        "RolePolicy",
        "User",
        "UserPolicy",
        "UserToGroupAddition",
    )
)
NAMED_BY: Final = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a request says of a stack. None: as it was."""

    template_body: str | None = None
    use_previous_template: bool = False
    parameters: Sequence[Given] = ()
    tags: Mapping[str, str] | None = None
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] | None = None
    role_arn: str | None = None
    client_token: str | None = None
    resource_types: tuple[str, ...] = ()


def invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)


async def blueprint_of(engine: Engine, wanted: Wanted, before: Blueprint | None) -> Blueprint:
    """What a request asks for, with the values of its parameters. Raises ``TemplateError``."""
    body = wanted.template_body
    if wanted.use_previous_template and before is not None and before.template_body:
        body = before.template_body
    if body is None:
        raise TemplateError("Either Template URL or Template Body must be specified.")
    declared = declared_parameters(body)
    known = {one.key: one for one in before.parameters} if before is not None else {}
    values = parameter_values(declared, wanted.parameters, known)
    looked_up = sorted({one.value for one in values if declared[one.key].is_looked_up})
    stored = await stored_parameters(engine.callers_call, looked_up)
    resolved = (replace(one, resolved=stored[one.value]) if declared[one.key].is_looked_up else one for one in values)
    return Blueprint(
        template_body=body,
        parameters=tuple(resolved),
        tags=wanted.tags if wanted.tags is not None else (before.tags if before is not None else {}),
        capabilities=wanted.capabilities,
        notification_arns=wanted.notification_arns
        if wanted.notification_arns is not None
        else (before.notification_arns if before is not None else ()),
    )


async def target_of(engine: Engine, blueprint: Blueprint, stack_id: str, name: str) -> Target:
    """A blueprint read and checked. Raises ``TemplateError`` and ``ApiError``."""
    target = Target(blueprint, await engine.surroundings(stack_id, name))
    engine.catalogue.check_known({one: target.template.resources[one].type for one in target.template.resources})
    _check_attributes(engine, target)
    _check_properties(engine, target)
    _check_policies(target)
    _check_capabilities(target.template, blueprint.capabilities)
    return target


def _check_attributes(engine: Engine, target: Target) -> None:
    """Raises ``TemplateError`` for a ``Fn::GetAtt`` of what a type does not give."""
    template = target.template
    parts = [one.properties for one in template.resources.values()] + [one.value for one in template.outputs.values()]
    for name, attribute in (found for part in parts for found in references_of(part)):
        if not attribute or name not in template.resources:
            continue
        schema = engine.catalogue.schema(template.resources[name].type)
        known = schema.attribute_names
        if known and not any(re.fullmatch(one, attribute) for one in known) and attribute not in schema.properties:
            message = f"resource {name} does not support attribute type {attribute} in Fn::GetAtt"
            raise TemplateError(f"Template error: {message}")


def _check_properties(engine: Engine, target: Target) -> None:
    """Raises ``TemplateError`` that names all properties which the region has not; what is wrong besides is told later."""
    found: list[str] = []
    for name in target.wanted:
        try:
            properties = target.properties(name, lambda _: None)
        except TemplateError:
            continue
        refusals = engine.catalogue[target.template.resources[name].type].refusals(properties)
        found += [f"{name}: {refusal}" for refusal in refusals]
    if found:
        raise TemplateError(f"Template error: {' '.join(found)}")


def _check_policies(target: Target) -> None:
    for name in target.wanted:
        definition = target.template.resources[name]
        policies = {target.deletion_policy(name), target.update_replace_policy(name)}
        if "Snapshot" in policies:
            raise TemplateError(f"Template error: resource type {definition.type} does not support deletion policy Snapshot")
        for has, key in ((definition.has_creation_policy, "CreationPolicy"), (definition.has_update_policy, "UpdatePolicy")):
            if has and definition.type not in POLICY_TYPES[key]:
                message = f"{key} of {name}: this region has no resource type that takes it; {definition.type} does not."
                raise TemplateError(f"Template error: {message}")


POLICY_TYPES: Final[Mapping[str, frozenset[str]]] = {"CreationPolicy": frozenset(), "UpdatePolicy": frozenset()}
"""Types that take a policy, of those that the region has. Source: "CreationPolicy attribute", "UpdatePolicy attribute"."""


def capabilities_needed(template: Template) -> tuple[list[str], str]:
    """The capabilities that a template asks for, and why, in a sentence."""
    iam = {one.type for one in template.resources.values() if one.type in IAM_TYPES}
    if not iam:
        return [], ""
    is_named = any(NAMED_BY.get(one.type, "") in one.properties for one in template.resources.values())
    capability = "CAPABILITY_NAMED_IAM" if is_named else "CAPABILITY_IAM"
    return [capability], f"The following resource(s) require capabilities: [{', '.join(sorted(iam))}]"


def _check_capabilities(template: Template, given: Sequence[str]) -> None:
    needed, _ = capabilities_needed(template)
    if "CAPABILITY_NAMED_IAM" in given:
        needed = [one for one in needed if one != "CAPABILITY_IAM"]
    missing = [one for one in needed if one not in given]
    if missing:
        raise ApiError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(missing)}]")


async def checked(
    engine: Engine, wanted: Wanted, before: Blueprint | None, stack_id: str, name: str
) -> tuple[Blueprint, Target]:
    try:
        blueprint = await blueprint_of(engine, wanted, before)
        target = await target_of(engine, blueprint, stack_id, name)
        used = {target.template.resources[one].type for one in target.wanted}
        if wanted.resource_types:
            _check_resource_types(used, wanted.resource_types)
    except TemplateError as error:
        raise invalid(error.message) from None
    return blueprint, target


def _check_resource_types(used: set[str], allowed: Sequence[str]) -> None:
    patterns = [re.compile(re.escape(one).replace(r"\*", ".*")) for one in allowed]
    surplus = sorted(one for one in used if not any(pattern.fullmatch(one) for pattern in patterns))
    if surplus:
        raise TemplateError(f"Resource type {surplus[0]} is not allowed by parameter ResourceTypes {list(allowed)}")


def missing_exports(target: Target) -> str:
    """What a creation fails for at once: exports that nobody has. Empty where all are there."""
    missing = [name for name in target.imports() if name not in target.known.exports]
    return f"No export named {missing[0]} found. " if missing else ""
