"""Principals: who asks, and whom a policy on a resource means.

Source: IAM user guide, "AWS JSON policy elements: Principal".
"""

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Final

ACCOUNT: Final = re.compile(r"\d{12}|arn:aws[a-z-]*:iam::\d{12}:root")
PRINCIPAL_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:(user|role|root)|sts::\d{12}:(assumed-role|federated-user))(/.*)?"
)
KINDS: Final = ("AWS", "Service", "Federated", "CanonicalUser")


class UnreadablePrincipal(Exception):
    """A Principal element that IAM does not take; the text is IAM's."""


class PrincipalKind(StrEnum):
    """The values are those of the condition key ``aws:PrincipalType``, but for services and web identities."""

    ROOT = "Account"
    USER = "User"
    SESSION = "AssumedRole"
    FEDERATED_USER = "FederatedUser"
    WEB_IDENTITY = "Federated"
    SERVICE = "Service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks: ``arn`` as GetCallerIdentity tells it; of a service its name, of a web identity its provider's ARN."""

    kind: PrincipalKind
    arn: str
    account: str
    user_id: str = ""
    role_arn: str | None = None
    """Of a session: its role's."""

    @property
    def principal_arn(self) -> str:
        """What ``aws:PrincipalArn`` says: of a session its role."""
        return self.role_arn or self.arn


class Grip(IntEnum):
    """How closely a Principal element names somebody."""

    NONE = 0
    ACCOUNT = 1
    """His account: it may pass on what it gets, by policies of its own."""
    EVERYONE = 2
    ROLE = 3
    """The role whose session he has."""
    HIMSELF = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Principals:
    """A Principal or NotPrincipal element: (kind, value) pairs."""

    named: frozenset[tuple[str, str]]
    is_not: bool = False

    def grip(self, principal: Principal) -> Grip:
        closest = max((_grip(kind, value, principal) for kind, value in self.named), default=Grip.NONE)
        if self.is_not:
            return Grip.EVERYONE if closest is Grip.NONE else Grip.NONE
        return closest


def read_principals(given: Any, *, is_not: bool = False) -> Principals:
    """A Principal element. Raises ``UnreadablePrincipal``."""
    if given == "*":
        return Principals(named=frozenset({("AWS", "*")}), is_not=is_not)
    if not isinstance(given, dict) or not given or set(given) - set(KINDS):
        raise UnreadablePrincipal("Invalid principal in policy.")
    named = set()
    for kind, values in given.items():
        for value in [values] if isinstance(values, str) else values:
            if not isinstance(value, str) or not _is_good(kind, value):
                raise UnreadablePrincipal(f'Invalid principal in policy: "{kind}":"{value}"')
            named.add((kind, value))
    return Principals(named=frozenset(named), is_not=is_not)


def _is_good(kind: str, value: str) -> bool:
    if kind != "AWS":
        return bool(value)
    is_unique_id = re.fullmatch(r"A(IDA|ROA|GPA)\w{10,}", value) is not None
    return value == "*" or is_unique_id or ACCOUNT.fullmatch(value) is not None or PRINCIPAL_ARN.fullmatch(value) is not None


def _grip(kind: str, value: str, principal: Principal) -> Grip:
    match kind, principal.kind:
        case ("AWS", _) if value == "*":
            return Grip.EVERYONE
        case ("Service", PrincipalKind.SERVICE) | ("Federated", PrincipalKind.WEB_IDENTITY):
            return Grip.HIMSELF if value in {principal.arn, "*"} else Grip.NONE
        case ("AWS", PrincipalKind.SERVICE | PrincipalKind.WEB_IDENTITY):
            return Grip.NONE
        case ("AWS", _):
            return _grip_of_aws(value, principal)
        case _:
            return Grip.NONE


def _grip_of_aws(value: str, principal: Principal) -> Grip:
    if value in {principal.arn, principal.user_id}:
        return Grip.HIMSELF
    if value == principal.role_arn:
        return Grip.ROLE
    if ACCOUNT.fullmatch(value) and principal.account in value:
        return Grip.ACCOUNT
    return Grip.NONE
