"""Whether a request is allowed, and which statement decides.

The order is IAM's: a Deny anywhere counts first; then the policy on the resource, the identity's own policies, the permissions
boundary and the session's policies.

Source: IAM user guide, "Policy evaluation logic", "Cross-account policy evaluation logic".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from ninelives.access.patterns import Context
from ninelives.access.policies import Effect, Policy, PolicyKind, Statement
from ninelives.access.principals import Grip, Principal, PrincipalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One action on one resource. ``action`` as AWS spells it (``ecs:UpdateService``); ``resource`` is an ARN or ``*``."""

    principal: Principal
    action: str
    resource: str
    context: Context = field(default_factory=dict)
    resource_account: str | None = None
    """Whose the resource is; None: the principal's account."""

    @property
    def is_cross_account(self) -> bool:
        return self.resource_account not in {None, self.principal.account}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The policies that a request meets.

    ``session`` is None for a session without policies of its own, and empty for one that may do nothing.
    ``resource_decides``: without a word of the resource's own policy nothing is allowed (role trust, keys).
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    resource: Policy | None = None
    resource_decides: bool = False

    def __iter__(self) -> Iterator[Policy]:
        yield from self.identity
        yield from [self.resource] if self.resource else []
        yield from [self.boundary] if self.boundary else []
        yield from self.session or ()


class Verdict(Enum):
    """The values are what the policy simulator calls them."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicitDeny"
    IMPLICIT_DENY = "implicitDeny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """A statement that decided: ``policy`` by its name, ``statement`` by its Sid or place."""

    kind: PolicyKind
    policy: str
    statement: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``lacking`` is the kind of policy that allows nothing, of an implicit denial; ``statements`` are those that decided."""

    verdict: Verdict
    statements: tuple[Deciding, ...] = ()
    lacking: PolicyKind | None = None

    @property
    def is_allowed(self) -> bool:
        return self.verdict is Verdict.ALLOWED


NOBODY_ELSE: Final = frozenset({PrincipalKind.SERVICE, PrincipalKind.WEB_IDENTITY})
"""Principals that have no policies of their own: only the resource's policy can let them in."""


def decide(request: Request, policies: Policies) -> Decision:
    """IAM's answer to a request."""
    denies = [_deciding(policy, one) for policy in policies for one, _ in _applying(policy, request, Effect.DENY)]
    if denies:
        return Decision(verdict=Verdict.EXPLICIT_DENY, statements=tuple(denies))
    granted, grip = _granted_by_resource(policies.resource, request)
    if request.principal.kind in NOBODY_ELSE:
        return _allowed(granted) if granted else _lacking(PolicyKind.RESOURCE)
    own = _allows(policies.identity, request)
    stands_alone = grip > Grip.ACCOUNT and not request.is_cross_account
    if not own and not stands_alone:
        return _lacking(PolicyKind.IDENTITY)
    if (policies.resource_decides or request.is_cross_account) and not granted:
        return _lacking(PolicyKind.RESOURCE)
    if stands_alone and _is_final(grip, request.principal):
        return _allowed([*granted, *own])
    return _within_limits(request, policies, [*own, *granted])


def allow_everything(policies: Policies) -> bool:
    """Whether a principal's policies allow every request, whatever it asks for, and none denies anything."""
    groups = [policies.identity, *([(policies.boundary,)] if policies.boundary else [])]
    groups += [policies.session] if policies.session is not None else []
    denies = any(one.effect is Effect.DENY for policy in policies for one in policy.statements)
    return not denies and all(any(_is_full(one) for policy in group for one in policy.statements) for group in groups)


def _is_full(statement: Statement) -> bool:
    """Whether a statement allows all there is."""
    is_turned = statement.is_not_action or statement.is_not_resource
    has_all = "*" in statement.actions and any(one.text == "*" for one in statement.resources)
    return statement.effect is Effect.ALLOW and has_all and not is_turned and not statement.conditions


def _is_final(grip: Grip, principal: Principal) -> bool:
    """Whether what a resource grants is not limited by boundary and session policies: those limit what a role may do."""
    return grip is Grip.HIMSELF or principal.kind is PrincipalKind.USER


def _within_limits(request: Request, policies: Policies, found: list[Deciding]) -> Decision:
    if policies.boundary is not None:
        allowed = _allows([policies.boundary], request)
        if not allowed:
            return _lacking(PolicyKind.BOUNDARY)
        found = [*found, *allowed]
    if policies.session is not None:
        allowed = _allows(policies.session, request)
        if not allowed:
            return _lacking(PolicyKind.SESSION)
        found = [*found, *allowed]
    return _allowed(found)


def _granted_by_resource(policy: Policy | None, request: Request) -> tuple[list[Deciding], Grip]:
    """The statements of the resource's policy that allow, and how closely the closest names the principal."""
    if policy is None:
        return [], Grip.NONE
    found = list(_applying(policy, request, Effect.ALLOW))
    return [_deciding(policy, one) for one, _ in found], max((grip for _, grip in found), default=Grip.NONE)


def _allows(policies: Iterable[Policy], request: Request) -> list[Deciding]:
    return [_deciding(policy, one) for policy in policies for one, _ in _applying(policy, request, Effect.ALLOW)]


def _applying(policy: Policy, request: Request, effect: Effect) -> Iterator[tuple[Statement, Grip]]:
    """The statements of this effect that the request meets."""
    for one in policy.about(request.action.lower()):
        if one.effect is not effect:
            continue
        grip = one.principals.grip(request.principal) if one.principals else Grip.HIMSELF
        if grip is not Grip.NONE and one.covers(request.resource, request.context) and one.holds(request.context):
            yield one, grip


def _deciding(policy: Policy, statement: Statement) -> Deciding:
    return Deciding(kind=policy.kind, policy=policy.name, statement=statement.name, position=statement.position)


def _allowed(statements: list[Deciding]) -> Decision:
    return Decision(verdict=Verdict.ALLOWED, statements=tuple(statements))


def _lacking(kind: PolicyKind) -> Decision:
    return Decision(verdict=Verdict.IMPLICIT_DENY, lacking=kind)
