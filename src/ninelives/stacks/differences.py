"""What an update would do, resource by resource: the content of a change set. Pure.

Source: ``cloudformation`` ``ResourceChange``, ``ResourceChangeDetail``; "Example change sets", CloudFormation user guide.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from ninelives.stacks.catalogue import NESTED_STACK, Catalogue, changed_names
from ninelives.stacks.records import ChangeDetail, Resource, ResourceChange
from ninelives.stacks.resource_type import Replacement
from ninelives.stacks.target import Target, UnknownOutput
from ninelives.stacks.templates.dependencies import references_of
from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.intrinsic import KNOWN_AFTER_APPLY, ResourceFacts, Unknown
from ninelives.stacks.templates.parameters import without_secrets
from ninelives.stacks.validation import coerced

RECREATION = {Replacement.TRUE: "Always", Replacement.CONDITIONAL: "Conditionally", Replacement.FALSE: "Never"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """``has_outputs`` says whether outputs change, too."""

    changes: tuple[ResourceChange, ...]
    has_outputs: bool

    @property
    def is_empty(self) -> bool:
        return not self.changes and not self.has_outputs


def difference(before: Target, after: Target, resources: Sequence[Resource], outputs: Any, catalogue: Catalogue) -> Difference:
    """What leads from ``before``, of which ``resources`` and ``outputs`` stand, to ``after``. Raises ``TemplateError``."""
    current = {one.logical_id: one for one in resources if one.is_current}
    comparison = _Comparison(before, after, current, catalogue)
    order = TopologicalSorter({name: after.dependencies[name] for name in after.wanted}).static_order()
    found = {name: comparison.change(name) for name in order}
    changes = [found[name] for name in sorted(after.wanted)]
    changes += [_removal(one, before) for name, one in sorted(current.items()) if name not in after.wanted]
    try:
        has_outputs = after.outputs(comparison.lookup) != outputs
    except UnknownOutput:
        has_outputs = True
    return Difference(changes=tuple(one for one in changes if one is not None), has_outputs=has_outputs)


class _Comparison:
    def __init__(self, before: Target, after: Target, current: Mapping[str, Resource], catalogue: Catalogue) -> None:
        self._before = before
        self._after = after
        self._current = current
        self._catalogue = catalogue
        self._replaced: dict[str, Replacement] = {}
        values = before.known.parameters
        self._parameters = {name for name, value in after.known.parameters.items() if values.get(name) != value}

    def lookup(self, name: str) -> ResourceFacts | None:
        found = self._current.get(name)
        if found is None or self._replaced.get(name, Replacement.FALSE) is not Replacement.FALSE:
            return None
        return ResourceFacts(physical_id=found.physical_id, attributes=found.attributes, properties=found.properties)

    def change(self, name: str) -> ResourceChange | None:
        definition = self._after.template.resources[name]
        written = self._after.properties(name, self.lookup)
        properties = coerced(self._catalogue.schema(definition.type), written)
        resource = self._current.get(name)
        if resource is None:
            after = self._shown_after(properties)
            return ResourceChange(action="Add", logical_id=name, type=definition.type, after=after)
        if resource.type != definition.type:
            raise TemplateError(
                "Update of resource type is not permitted. The new template modifies resource type of the following "
                f"resources: [{name}]"
            )
        details = [*self._properties(name, resource, properties), *self._others(name, resource)]
        if definition.type == NESTED_STACK and not details:
            details = [ChangeDetail(attribute="Properties", recreation=None, evaluation="Dynamic", source="Automatic")]
        if not details:
            return None
        replacement = _overall(details)
        self._replaced[name] = replacement
        return ResourceChange(
            action="Modify",
            logical_id=name,
            type=definition.type,
            physical_id=resource.physical_id,
            replacement=replacement,
            policy_action=_policy_action(replacement, self._after.update_replace_policy(name)),
            scope=tuple(dict.fromkeys(one.attribute for one in details)),
            details=tuple(details),
            before=self._shown_before(resource),
            after=self._shown_after(properties),
        )

    def _shown_before(self, resource: Resource) -> str:
        return shown({"Properties": without_secrets(resource.properties, self._before.blueprint.parameters)})

    def _shown_after(self, properties: Mapping[str, Any]) -> str:
        return shown({"Properties": without_secrets(properties, self._after.blueprint.parameters)})

    def _properties(self, name: str, resource: Resource, after: Mapping[str, Any]) -> Iterator[ChangeDetail]:
        old = self._before.template.resources.get(name)
        before_text: Mapping[str, Any] = old.properties if old is not None else {}
        after_text: Mapping[str, Any] = self._after.template.resources[name].properties
        for changed in changed_names(resource.properties, after):
            replacement = self._catalogue.replacement(resource.type, changed, resource.properties, after)
            causes = list(self._causes(after_text.get(changed)))
            is_edited = before_text.get(changed) != after_text.get(changed)
            if is_edited or not causes:
                causes.append(("DirectModification", "Static", None))
            elif any(source == "ParameterReference" for source, _, _ in causes):
                causes.append(("DirectModification", "Dynamic", None))
            for source, evaluation, entity in causes:
                yield ChangeDetail(
                    attribute="Properties",
                    name=changed,
                    recreation=RECREATION[replacement],
                    evaluation=evaluation,
                    source=source,
                    causing_entity=entity,
                )

    def _causes(self, written: Any) -> Iterator[tuple[str, str, str | None]]:
        """What else than an edit changes a property, by its text."""
        for name, attribute in dict.fromkeys(references_of(written)):
            if name in self._parameters:
                yield "ParameterReference", "Static", name
            replaced = self._replaced.get(name, Replacement.FALSE)
            if replaced is not Replacement.FALSE or (name in self._after.wanted and name not in self._current):
                evaluation = "Static" if replaced is Replacement.TRUE and attribute is None else "Dynamic"
                if attribute is None:
                    yield "ResourceReference", evaluation, name
                else:
                    yield "ResourceAttribute", evaluation, f"{name}.{attribute}"

    def _others(self, name: str, resource: Resource) -> Iterator[ChangeDetail]:
        """Changes beside the properties."""
        tags = self._after.blueprint.tags
        if self._catalogue.is_tagged(resource.type) and dict(tags) != dict(resource.tags):
            yield ChangeDetail(attribute="Tags")
        if self._after.metadata(name, self.lookup) != resource.metadata:
            yield ChangeDetail(attribute="Metadata")
        if self._after.deletion_policy(name) != resource.deletion_policy:
            yield ChangeDetail(attribute="DeletionPolicy")
        if self._after.update_replace_policy(name) != resource.update_replace_policy:
            yield ChangeDetail(attribute="UpdateReplacePolicy")


def _overall(details: Sequence[ChangeDetail]) -> Replacement:
    """Whether the resource is replaced, of what its properties ask for."""
    if any(one.recreation == "Always" and one.evaluation == "Static" for one in details):
        return Replacement.TRUE
    if any(one.recreation in {"Always", "Conditionally"} for one in details):
        return Replacement.CONDITIONAL
    return Replacement.FALSE


def _policy_action(replacement: Replacement, policy: str) -> str | None:
    if replacement is not Replacement.TRUE:
        return None
    return f"ReplaceAnd{policy}"


def _removal(resource: Resource, before: Target) -> ResourceChange:
    policy = "Retain" if resource.deletion_policy == "RetainExceptOnCreate" else resource.deletion_policy
    return ResourceChange(
        action="Remove",
        logical_id=resource.logical_id,
        type=resource.type,
        physical_id=resource.physical_id,
        policy_action=policy,
        before=shown({"Properties": without_secrets(resource.properties, before.blueprint.parameters)}),
    )


def shown(value: Any) -> str:
    """A value as JSON, with what is not known yet told as such."""

    def told(one: Any) -> str:
        return KNOWN_AFTER_APPLY if isinstance(one, Unknown) else str(one)

    return json.dumps(value, default=told, separators=(",", ":"))
