"""Policy documents: read, checked, and kept as records.

What is wrong is told in IAM's words. Source: IAM user guide, "Grammar of the IAM JSON policy language"; messages of
``MalformedPolicyDocument``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, Final

from ninelives.access.conditions import Condition, UnknownOperator, read_condition
from ninelives.access.patterns import KEPT, VARIABLE, Context, Pattern, action_matcher, pattern
from ninelives.access.principals import Principals, UnreadablePrincipal, read_principals

VERSION: Final = "2012-10-17"
OLD_VERSION: Final = "2008-10-17"
ELEMENTS: Final = frozenset(
    {
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
    }
)  # fmt: skip
SYNTAX: Final = "Syntax errors in policy."


class Effect(StrEnum):
    ALLOW = "Allow"
    DENY = "Deny"


class PolicyKind(StrEnum):
    """What a policy is attached to, in the words of IAM's refusals."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    TRUST = "role trust policy"

    @property
    def has_principals(self) -> bool:
        return self in {PolicyKind.RESOURCE, PolicyKind.TRUST}


class MalformedPolicy(Exception):
    """A document that IAM does not take; the text is IAM's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. ``position`` counts from 0; ``is_not_action`` and ``is_not_resource`` turn their lists round."""

    position: int
    sid: str | None
    effect: Effect
    actions: tuple[str, ...]
    is_not_action: bool = False
    resources: tuple[Pattern, ...] = ()
    is_not_resource: bool = False
    principals: Principals | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        """How it is told of: its Sid, or its place.

        >>> Statement(position=2, sid=None, effect=Effect.ALLOW, actions=("*",)).name
        'statement 3'
        """
        return self.sid or f"statement {self.position + 1}"

    def is_about(self, action: str) -> bool:
        """Whether an action (in lower case) is meant."""
        return any(action_matcher(one)(action) for one in self.actions) is not self.is_not_action

    def covers(self, resource: str, context: Context) -> bool:
        """Whether a resource is meant; a statement without resources is about the one that it is attached to."""
        if not self.resources:
            return True
        return any(one.matches_arn(resource, context) for one in self.resources) is not self.is_not_resource

    def holds(self, context: Context) -> bool:
        """Whether all its conditions are met."""
        return all(one.holds(context) for one in self.conditions)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A checked policy. ``name`` is what it is told by: an ARN, or the name of an inline policy."""

    name: str
    kind: PolicyKind
    statements: tuple[Statement, ...]
    _by_action: dict[str, tuple[Statement, ...]] = field(default_factory=dict, compare=False, repr=False)

    def about(self, action: str) -> tuple[Statement, ...]:
        """The statements about an action, in lower case."""
        found = self._by_action.get(action)
        if found is None:
            if len(self._by_action) >= KEPT:
                self._by_action.clear()
            found = self._by_action[action] = tuple(one for one in self.statements if one.is_about(action))
        return found

    @cached_property
    def sids(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.statements)


@lru_cache(KEPT)
def read_policy(document: str, kind: PolicyKind, name: str) -> Policy:
    """The policy that a JSON document is. Raises ``MalformedPolicy``. The same text is read once."""
    try:
        found = json.loads(document, object_pairs_hook=_unique)
    except ValueError:
        raise MalformedPolicy("This policy contains invalid Json") from None
    if not isinstance(found, dict):
        raise MalformedPolicy(SYNTAX)
    return Policy(name=name, kind=kind, statements=tuple(_statements(found, kind)))


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise MalformedPolicy(SYNTAX)
    return dict(pairs)


def _statements(document: Mapping[str, Any], kind: PolicyKind) -> Iterator[Statement]:
    version = document.get("Version", OLD_VERSION)
    if version not in {VERSION, OLD_VERSION} or set(document) - {"Version", "Id", "Statement"}:
        raise MalformedPolicy(SYNTAX)
    if version == OLD_VERSION and not kind.has_principals and "Version" in document:
        raise MalformedPolicy("Policy document must be version 2012-10-17 or greater.")
    given = document.get("Statement")
    statements = [given] if isinstance(given, dict) else given
    if not isinstance(statements, list) or not statements or not all(isinstance(one, dict) for one in statements):
        raise MalformedPolicy(SYNTAX)
    sids = [one["Sid"] for one in statements if one.get("Sid")]
    if len(set(map(str, sids))) != len(sids):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
    for position, one in enumerate(statements):
        yield _statement(position, one, kind, with_variables=version == VERSION)


def _statement(position: int, given: Mapping[str, Any], kind: PolicyKind, *, with_variables: bool) -> Statement:
    if set(given) - ELEMENTS or given.get("Effect") not in set(Effect) or not isinstance(given.get("Sid", ""), str):
        raise MalformedPolicy(SYNTAX)
    actions, is_not_action = _either(given, "Action")
    if not actions:
        raise MalformedPolicy("Policy statement must contain actions.")
    for action in actions:
        if action != "*" and ":" not in action:
            raise MalformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    resources, is_not_resource = _either(given, "Resource")
    _check_resources(actions, resources, kind)
    return Statement(
        position=position,
        sid=given.get("Sid") or None,
        effect=Effect(given["Effect"]),
        actions=actions,
        is_not_action=is_not_action,
        resources=tuple(pattern(one, with_variables=with_variables) for one in resources),
        is_not_resource=is_not_resource,
        principals=_principals(given, kind),
        conditions=tuple(_conditions(given.get("Condition", {}), with_variables=with_variables)),
    )


def _check_resources(actions: Sequence[str], resources: Sequence[str], kind: PolicyKind) -> None:
    if kind is PolicyKind.TRUST:
        if resources:
            raise MalformedPolicy("Has prohibited field Resource")
        if any(not action.lower().startswith("sts:") for action in actions):
            raise MalformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.")
    elif not resources and not kind.has_principals:
        raise MalformedPolicy("Policy statement must contain resources.")
    for resource in resources:
        if not resource.startswith(("arn:", "*", "${")):
            raise MalformedPolicy(f'Resource {resource} must be in ARN format or "*".')


def _either(given: Mapping[str, Any], element: str) -> tuple[tuple[str, ...], bool]:
    """The texts of an element or of its opposite, and whether it is the opposite."""
    if element in given and f"Not{element}" in given:
        raise MalformedPolicy(SYNTAX)
    is_not = f"Not{element}" in given
    return _texts(given.get(f"Not{element}" if is_not else element, [])), is_not


def _texts(given: Any) -> tuple[str, ...]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise MalformedPolicy(SYNTAX)
    return tuple(texts)


def _principals(given: Mapping[str, Any], kind: PolicyKind) -> Principals | None:
    named = [element for element in ("Principal", "NotPrincipal") if element in given]
    if not kind.has_principals:
        if named:
            raise MalformedPolicy("Policy document should not specify a principal.")
        return None
    if not named:
        raise MalformedPolicy("Missing required field Principal")
    if len(named) > 1:
        raise MalformedPolicy(SYNTAX)
    try:
        return read_principals(given[named[0]], is_not=named[0] == "NotPrincipal")
    except UnreadablePrincipal as error:
        raise MalformedPolicy(str(error)) from None


def _conditions(given: Any, *, with_variables: bool) -> Iterator[Condition]:
    if not isinstance(given, dict):
        raise MalformedPolicy(SYNTAX)
    for operator, keys in given.items():
        if not isinstance(keys, dict):
            raise MalformedPolicy(SYNTAX)
        for key, values in keys.items():
            if ":" not in key:
                raise MalformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
            texts = [_plain(one) for one in (values if isinstance(values, list) else [values])]
            try:
                yield read_condition(operator, key, [pattern(one, with_variables=with_variables) for one in texts])
            except UnknownOperator:
                raise MalformedPolicy(f"Invalid Condition type : {operator}.") from None


def _plain(value: Any) -> str:
    """JSON's numbers and truth values stand for their texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return json.dumps(value)
    raise MalformedPolicy(SYNTAX)


def variables_of(statement: Statement) -> frozenset[str]:
    """The condition keys, in lower case, that a statement asks for: in its conditions and as variables."""
    texts = [one.text for one in statement.resources if one.has_variables]
    texts += [value.text for one in statement.conditions for value in one.values if value.has_variables]
    keys = {found["key"].lower() for text in texts for found in VARIABLE.finditer(text)} - {"*", "?", "$"}
    return frozenset(keys | {one.key for one in statement.conditions})
