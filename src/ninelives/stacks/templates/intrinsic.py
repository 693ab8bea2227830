"""The intrinsic functions: what a value in a template comes to, given what is known. Pure.

What is not known yet (the physical id of a resource that is still to be made) is a value too, ``Unknown``, and what is made
of it is unknown as well: so the same evaluation serves a change set's forecast and the making itself.
Source: "Intrinsic function reference" and "AWS::LanguageExtensions transform", CloudFormation user guide.
"""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.parameters import scalar_text
from ninelives.stacks.templates.template import Template

SUBSTITUTED: Final = re.compile(r"\$\{(?P<name>![^}]*|[^}!][^}]*|)\}")
VARIABLE: Final = re.compile(r"[A-Za-z0-9_.:&]+")
NO_VALUE: Final = "AWS::NoValue"
KNOWN_AFTER_APPLY: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that comes of resources that are still to be made; ``references`` as they are written: ``A``, ``A.Arn``."""

    references: frozenset[str]


class _Absent:
    """What ``AWS::NoValue`` is: whatever holds it goes without."""


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceFacts:
    """What is known of a resource that stands."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)


ResourceLookup = Callable[[str], ResourceFacts | None]
"""By logical id; None for one that is still to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that functions draw on. ``parameters`` and ``pseudo`` are by name: text, or a list of texts."""

    template: Template
    parameters: Mapping[str, str | list[str]]
    pseudo: Mapping[str, str | list[str]]
    exports: Mapping[str, str] = field(default_factory=dict)
    zones: Sequence[str] = ()


class Evaluation:
    """Resolves the values of one template. Raises ``TemplateError`` for what is malformed."""

    def __init__(self, known: Known, lookup: ResourceLookup = lambda _: None) -> None:
        self.known = known
        self.lookup = lookup
        self._conditions: dict[str, bool] = {}
        self._in_progress: list[str] = []

    def resolve(self, value: Any) -> Any:
        """The value with all functions done; a whole that has no value is None."""
        resolved = self.value(value)
        return None if resolved is ABSENT else resolved

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        if name not in self._conditions:
            if name in self._in_progress:
                raise TemplateError(
                    f"Template error: Found circular condition dependency between {' and '.join(self._in_progress)}"
                )
            if name not in self.known.template.conditions:
                raise TemplateError(
                    f"Template format error: Unresolved condition dependency {name} in the Conditions block of the template"
                )
            self._in_progress.append(name)
            self._conditions[name] = self.truth(self.known.template.conditions[name])
            self._in_progress.pop()
        return self._conditions[name]

    def value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            name = function_of(value)
            if name is not None:
                return self._call(name, value[name])
            resolved = {key: self.value(one) for key, one in value.items()}
            return {key: one for key, one in resolved.items() if one is not ABSENT and one is not None}
        if isinstance(value, list):
            return [one for one in map(self.value, value) if one is not ABSENT]
        return value

    def _call(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self.ref(argument)
            case "Condition":
                return self.condition(argument)
            case "Fn::If":
                return self._if(argument)
            case _:
                function = FUNCTIONS.get(name)
                if function is None:
                    raise TemplateError(f"Template error: this region does not have the function {name}.")
                if name in EXTENSIONS and not self.known.template.has_language_extensions:
                    raise TemplateError(f"Template error: {name} needs Transform: AWS::LanguageExtensions.")
                return function(self, argument)

    def ref(self, name: Any) -> Any:
        if not isinstance(name, str):
            name = self.text(name, "Ref")
        if name == NO_VALUE:
            return ABSENT
        if name in self.known.parameters:
            return self.known.parameters[name]
        if name in self.known.pseudo:
            return self.known.pseudo[name]
        if name in self.known.template.resources:
            facts = self.lookup(name)
            return Unknown(frozenset({name})) if facts is None else facts.physical_id
        raise unresolved([name])

    def _if(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:  # noqa: PLR2004 as the message says
            raise TemplateError(
                "Template error: Fn::If requires a list argument with three elements: a condition, and two values."
            )
        name, then, otherwise = argument
        if not isinstance(name, str):
            raise TemplateError("Template error: Fn::If requires a list argument with the first element being a condition")
        return self.value(then if self.condition(name) else otherwise)

    def truth(self, value: Any) -> bool:
        found = self.value(value)
        if isinstance(found, bool):
            return found
        if isinstance(found, str) and found in {"true", "false"}:
            return found == "true"
        raise TemplateError("Template error: a condition must come to true or false.")

    def text(self, value: Any, function: str) -> str:
        found = self.value(value)
        if isinstance(found, str | int | float):
            return scalar_text(found)
        raise TemplateError(f"Template error: {function} needs a text where it has {json.dumps(value, default=str)[:100]}.")

    def pieces(self, value: Any, count: int, message: str) -> list[Any]:
        """The arguments of a function, resolved, ``count`` of them."""
        if not isinstance(value, list) or len(value) != count:
            raise TemplateError(message)
        return [self.value(one) for one in value]


def unresolved(names: Sequence[str], block: str = "Resources") -> TemplateError:
    return TemplateError(
        f"Template format error: Unresolved resource dependencies [{', '.join(names)}] in the {block} block of the template"
    )


def function_of(value: Mapping[str, Any]) -> str | None:
    """The name of the function that a mapping is; None for plain data.

    >>> function_of({"Ref": "A"}), function_of({"Fn::Sub": ""}), function_of({"Ref": 1, "Port": 2})
    ('Ref', 'Fn::Sub', None)
    """
    if len(value) != 1:
        return None
    (name,) = value
    if name == "Condition":
        return name if isinstance(value[name], str) else None  # an IAM statement has such a key, too
    return name if name == "Ref" or (name.startswith("Fn::") and not name.startswith("Fn::ForEach::")) else None


def unknown_in(*values: Any) -> frozenset[str]:
    """The references of all that is unknown in values."""
    found: frozenset[str] = frozenset()
    for value in values:
        if isinstance(value, Unknown):
            found |= value.references
        elif isinstance(value, Mapping):
            found |= unknown_in(*value.values())
        elif isinstance(value, list):
            found |= unknown_in(*value)
    return found


def _get_att(evaluation: Evaluation, argument: Any) -> Any:
    name, attribute = get_att_parts(argument)
    attribute = evaluation.text(attribute, "Fn::GetAtt")
    facts = evaluation.lookup(name)
    if name not in evaluation.known.template.resources:
        raise TemplateError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
    if facts is None:
        return Unknown(frozenset({f"{name}.{attribute}"}))
    for found in (facts.attributes, facts.properties):
        if attribute in found:
            return found[attribute]
    raise TemplateError(f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt")


def get_att_parts(argument: Any) -> tuple[str, Any]:
    """Logical id and attribute. Raises ``TemplateError``."""
    if isinstance(argument, str):
        argument = argument.split(".", 1)
    if isinstance(argument, list) and len(argument) > 2 and all(isinstance(one, str) for one in argument):  # noqa: PLR2004
        argument = [argument[0], ".".join(argument[1:])]
    if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):  # noqa: PLR2004 as the message says
        raise TemplateError(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource "
            "attribute"
        )
    return argument[0], argument[1]


SUB_ARGUMENTS: Final = (
    "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first "
    "argument, and an optional second argument to specify a mapping of values to replace in the string"
)


def _sub(evaluation: Evaluation, argument: Any) -> Any:
    variables: Mapping[str, Any] = {}
    if isinstance(argument, list):
        if len(argument) != 2 or not isinstance(argument[1], Mapping):  # noqa: PLR2004 as the message says
            raise TemplateError(SUB_ARGUMENTS)
        argument, variables = argument
    if not isinstance(argument, str):
        raise TemplateError(SUB_ARGUMENTS)
    pieces: list[Any] = []
    last = 0
    for found in SUBSTITUTED.finditer(argument):
        pieces.append(argument[last : found.start()])
        pieces.append(_substitute(evaluation, found["name"], variables))
        last = found.end()
    return _joined("", [*pieces, argument[last:]], "Fn::Sub")


def _substitute(evaluation: Evaluation, name: str, variables: Mapping[str, Any]) -> Any:
    if name.startswith("!"):
        return f"${{{name[1:]}}}"
    name = name.strip()
    if not VARIABLE.fullmatch(name):
        raise TemplateError(
            "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, "
            "periods, and colons"
        )
    if name in variables:
        return evaluation.value(variables[name])
    if "." in name:
        return _get_att(evaluation, name)
    return evaluation.ref(name)


def _joined(delimiter: str, pieces: Sequence[Any], function: str) -> Any:
    unknown = unknown_in(list(pieces))
    if unknown:
        return Unknown(unknown)
    for piece in pieces:
        if not isinstance(piece, str | int | float):
            raise TemplateError(f"Template error: {function} needs texts, and one is {json.dumps(piece, default=str)[:100]}.")
    return delimiter.join(map(scalar_text, pieces))


def _join(evaluation: Evaluation, argument: Any) -> Any:
    message = (
        "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to "
        "be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
    )
    delimiter, items = evaluation.pieces(argument, 2, message)
    if isinstance(items, Unknown):
        return items
    if not isinstance(delimiter, str) or not isinstance(items, list):
        raise TemplateError(message)
    return _joined(delimiter, items, "Fn::Join")


def _select(evaluation: Evaluation, argument: Any) -> Any:
    message = (
        "Template error: every Fn::Select object requires two parameters, the first a String index and the second a List of "
        "values (or a function that returns one)."
    )
    index, items = evaluation.pieces(argument, 2, message)
    if isinstance(items, Unknown) or isinstance(index, Unknown):
        return Unknown(unknown_in(index, items))
    try:
        place = int(index)
    except (TypeError, ValueError):
        raise TemplateError(message) from None
    if not isinstance(items, list):
        raise TemplateError(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
        )
    if not 0 <= place < len(items):
        raise TemplateError(f"Template error: Fn::Select cannot select nonexistent value at index {place}")
    return items[place]


def _split(evaluation: Evaluation, argument: Any) -> Any:
    message = (
        "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split "
        "or a function that returns a string to be split."
    )
    delimiter, text = evaluation.pieces(argument, 2, message)
    if isinstance(text, Unknown):
        return text
    if not isinstance(delimiter, str) or not delimiter or not isinstance(text, str | int):
        raise TemplateError(message)
    return scalar_text(text).split(delimiter)


def _find_in_map(evaluation: Evaluation, argument: Any) -> Any:
    default: Any = None
    if isinstance(argument, list) and len(argument) == 4:  # noqa: PLR2004 three keys and a default
        default = argument[3]
        if not isinstance(default, Mapping) or default.keys() != {"DefaultValue"}:
            raise TemplateError("Template error: the fourth argument of Fn::FindInMap is a mapping with DefaultValue.")
        argument = argument[:3]
    message = (
        "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for "
        "return value"
    )
    name, first, second = (scalar_text(key) for key in evaluation.pieces(argument, 3, message))
    mappings = evaluation.known.template.mappings
    try:
        return evaluation.value(mappings[name][first][second])
    except (KeyError, TypeError):
        if default is not None:
            return evaluation.value(default["DefaultValue"])
        if name not in mappings:
            raise TemplateError(
                f"Template error: Mapping named '{name}' is not present in the 'Mappings' section of template."
            ) from None
        raise TemplateError(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None


def _import_value(evaluation: Evaluation, argument: Any) -> Any:
    name = evaluation.value(argument)
    if isinstance(name, Unknown):
        raise TemplateError("Template error: Fn::ImportValue must not depend on a resource of the template.")
    exports = evaluation.known.exports
    if name not in exports:
        raise TemplateError(f"No export named {name} found.")
    return exports[name]


def _get_azs(evaluation: Evaluation, argument: Any) -> Any:
    region = evaluation.value(argument)
    known = evaluation.known
    if region not in {"", known.pseudo.get("AWS::Region")}:
        raise TemplateError(
            f"Template error: Fn::GetAZs cannot tell the zones of {region}: this region is the only one there is."
        )
    return list(known.zones)


def _cidr(evaluation: Evaluation, argument: Any) -> Any:
    message = "Template error: every Fn::Cidr object requires two or three parameters: a block, a count (1 to 256) and bits."
    if not isinstance(argument, list) or len(argument) not in {2, 3}:
        raise TemplateError(message)
    found = [evaluation.value(one) for one in argument]
    if unknown_in(found):
        return Unknown(unknown_in(found))
    try:
        block = ipaddress.ip_network(str(found[0]))
        count, bits = int(found[1]), int(found[2]) if len(found) == 3 else 8  # noqa: PLR2004 the third is the bits
    except (ValueError, TypeError):
        raise TemplateError(message) from None
    prefix = block.max_prefixlen - bits
    if not 1 <= count <= 256 or not block.prefixlen <= prefix <= block.max_prefixlen:  # noqa: PLR2004 as the message says
        raise TemplateError(message)
    if count > 2 ** (prefix - block.prefixlen):
        raise TemplateError(f"Template error: Fn::Cidr: {found[0]} has no {count} blocks of {bits} bits.")
    return [str(one) for one in islice(block.subnets(new_prefix=prefix), count)]


def _base64(evaluation: Evaluation, argument: Any) -> Any:
    found = evaluation.value(argument)
    if isinstance(found, Unknown):
        return found
    if not isinstance(found, str):
        raise TemplateError("Template error: every Fn::Base64 object must have a String-typed value.")
    return base64.b64encode(found.encode()).decode()


def _equals(evaluation: Evaluation, argument: Any) -> Any:
    message = "Template error: every Fn::Equals object requires a list of 2 string parameters."
    left, right = evaluation.pieces(argument, 2, message)
    return _comparable(left) == _comparable(right)


def _comparable(value: Any) -> Any:
    return scalar_text(value) if isinstance(value, str | int | float) else value


def _not(evaluation: Evaluation, argument: Any) -> Any:
    if not isinstance(argument, list) or len(argument) != 1:
        raise TemplateError("Template error: every Fn::Not object requires one boolean parameter.")
    return not evaluation.truth(argument[0])


def _several(evaluation: Evaluation, argument: Any, name: str) -> list[bool]:
    if not isinstance(argument, list) or not 2 <= len(argument) <= 10:  # noqa: PLR2004 as the message says
        raise TemplateError(
            f"Template error: every {name} object requires a list of at least 2 and at most 10 boolean parameters."
        )
    return [evaluation.truth(one) for one in argument]


def _and(evaluation: Evaluation, argument: Any) -> Any:
    return all(_several(evaluation, argument, "Fn::And"))


def _or(evaluation: Evaluation, argument: Any) -> Any:
    return any(_several(evaluation, argument, "Fn::Or"))


def _contains(evaluation: Evaluation, argument: Any) -> Any:
    items, wanted = evaluation.pieces(argument, 2, "Template error: every Fn::Contains object requires a list and a string.")
    return isinstance(items, list) and _comparable(wanted) in map(_comparable, items)


def _each_member_equals(evaluation: Evaluation, argument: Any) -> Any:
    message = "Template error: every Fn::EachMemberEquals object requires a list and a string."
    items, wanted = evaluation.pieces(argument, 2, message)
    return isinstance(items, list) and all(_comparable(one) == _comparable(wanted) for one in items)


def _each_member_in(evaluation: Evaluation, argument: Any) -> Any:
    items, among = evaluation.pieces(argument, 2, "Template error: every Fn::EachMemberIn object requires two lists.")
    return isinstance(items, list) and isinstance(among, list) and all(one in among for one in items)


def _length(evaluation: Evaluation, argument: Any) -> Any:
    found = evaluation.value(argument)
    if isinstance(found, Unknown):
        return found
    if not isinstance(found, list):
        raise TemplateError("Template error: Fn::Length requires a list.")
    return len(found)


def _to_json_string(evaluation: Evaluation, argument: Any) -> Any:
    found = evaluation.value(argument)
    unknown = unknown_in(found)
    return Unknown(unknown) if unknown else json.dumps(found, separators=(",", ":"))


FUNCTIONS: Final[Mapping[str, Callable[[Evaluation, Any], Any]]] = {
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": _import_value,
    "Fn::GetAZs": _get_azs,
    "Fn::Cidr": _cidr,
    "Fn::Base64": _base64,
    "Fn::Equals": _equals,
    "Fn::Not": _not,
    "Fn::And": _and,
    "Fn::Or": _or,
    "Fn::Contains": _contains,
    "Fn::EachMemberEquals": _each_member_equals,
    "Fn::EachMemberIn": _each_member_in,
    "Fn::Length": _length,
    "Fn::ToJsonString": _to_json_string,
}
EXTENSIONS: Final = frozenset({"Fn::Length", "Fn::ToJsonString"})
"""Functions that AWS::LanguageExtensions brings."""
