"""IAM's records as they decide: users, roles and their policies, keys, providers. Read from moto's when they change."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDocument:
    """A policy: its ARN, or the name of an inline one; and its JSON."""

    name: str
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A user or a role. ``policies`` are inline ones, managed ones, and those of a user's groups."""

    name: str
    arn: str
    id: str
    tags: Mapping[str, str] = field(default_factory=dict)
    policies: tuple[NamedDocument, ...] = ()
    boundary: NamedDocument | None = None
    trust: str = ""
    """Of a role: who may assume it."""
    max_session_seconds: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class UserKey:
    user: str
    secret: str = field(repr=False)
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcProvider:
    """``issuer`` without its scheme, as conditions name it."""

    arn: str
    issuer: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecords:
    """One account at one moment."""

    users: Mapping[str, Identity] = field(default_factory=dict)
    roles: Mapping[str, Identity] = field(default_factory=dict)
    """By ARN."""
    keys: Mapping[str, UserKey] = field(default_factory=dict, repr=False)
    providers: Mapping[str, OidcProvider] = field(default_factory=dict)
    """By issuer."""
    managed: Mapping[str, str] = field(default_factory=dict)
    """Managed policies' documents, by ARN."""
    arns: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """ARNs with paths, by type and name."""
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of IAM's resources, by ARN."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """ARNs of secrets, by name."""
    resource_policies: Mapping[str, str] = field(default_factory=dict)
    """Policies on buckets, queues, topics and secrets, by ARN."""
