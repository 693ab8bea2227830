"""Who calls: the principal, the session that its credentials are of, and the condition keys that hold for all it asks.

Source of the keys: IAM user guide, "AWS global condition context keys".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from ninelives.access import Principal, PrincipalKind
from ninelives.api.authorization.context import as_context
from ninelives.api.authorization.records import Identity
from ninelives.model.arns import Place, last_part

Context = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What temporary credentials are of. ``principal_arn`` is the role's, or the user's of GetSessionToken.

    ``policies`` are the session's own, by their documents; ``policy_arns`` managed ones. None stands for no such policy.
    """

    kind: PrincipalKind
    principal_arn: str
    name: str
    issued_at: datetime
    expires_at: datetime
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    provider: str | None = None
    """ARN of the provider that vouched for a web identity."""
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Its condition keys (``host:sub``), which stay with the session."""
    source_identity: str | None = None
    principal_id: str = ""
    """The role's or user's own id: one that is made anew under the same name is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody whose request is judged. ``keys`` hold for all that is asked on this request."""

    principal: Principal
    session: Session | None = None
    keys: Context = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return self.principal.arn

    @property
    def is_root(self) -> bool:
        return self.principal.kind is PrincipalKind.ROOT

    def via(self, service: str) -> "Caller":
        """The caller of what a service (``cloudformation.amazonaws.com``) asks on his behalf."""
        called = {"aws:viaawsservice": ("true",), "aws:calledvia": (*self.keys.get("aws:calledvia", ()), service)}
        return replace(self, keys={**self.keys, **called})


def root(place: Place) -> Principal:
    """The account's root user."""
    arn = f"arn:{place.partition}:iam::{place.account}:root"
    return Principal(kind=PrincipalKind.ROOT, arn=arn, account=place.account, user_id=place.account)


def user(identity: Identity, place: Place) -> Principal:
    return Principal(kind=PrincipalKind.USER, arn=identity.arn, account=place.account, user_id=identity.id)


def role_session(role: Identity, name: str, place: Place) -> Principal:
    """A session of a role, under the name that it was given."""
    arn = f"arn:{place.partition}:sts::{place.account}:assumed-role/{role.name}/{name}"
    return Principal(
        kind=PrincipalKind.SESSION, arn=arn, account=place.account, user_id=f"{role.id}:{name}", role_arn=role.arn
    )


def service(name: str, place: Place) -> Principal:
    """A service that takes on a role: ``ecs-tasks.amazonaws.com``."""
    return Principal(kind=PrincipalKind.SERVICE, arn=name, account=place.account)


NEVER_MFA: Final = "false"
"""``aws:MultiFactorAuthPresent`` of temporary credentials; long-term keys have not the key at all."""


def caller_keys(principal: Principal, tags: Mapping[str, str], session: Session | None) -> Context:
    """The keys that tell of the principal."""
    is_service = principal.kind is PrincipalKind.SERVICE
    tags = {**tags, **(session.tags if session else {})}
    pairs = {
        "aws:PrincipalArn": None if is_service else principal.principal_arn,
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalType": None if is_service else principal.kind.value,
        "aws:PrincipalIsAWSService": is_service,
        "aws:PrincipalServiceName": principal.arn if is_service else None,
        "aws:userid": principal.user_id or None,
        "aws:username": last_part(principal.arn) if principal.kind is PrincipalKind.USER else None,
        "aws:ViaAWSService": False,
        "aws:FederatedProvider": session.provider if session else None,
        "aws:SourceIdentity": session.source_identity if session else None,
        "aws:MultiFactorAuthPresent": NEVER_MFA if session else None,
        "aws:TokenIssueTime": session.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ") if session else None,
        **{f"aws:PrincipalTag/{key}": value for key, value in tags.items()},
    }
    return {**(session.claims if session else {}), **as_context(pairs.items())}


def request_wide_keys(*, region: str, source_ip: str | None, user_agent: str | None) -> Context:
    """The keys that tell of how a request came. The region's endpoint stands for one that speaks TLS alone: plain HTTP on
    this machine is as safe, and a policy that wants TLS means that.
    """
    pairs = {
        "aws:RequestedRegion": region,
        "aws:SourceIp": source_ip,
        "aws:UserAgent": user_agent,
        "aws:SecureTransport": True,
    }
    return as_context(pairs.items())


def time_keys(now: datetime) -> Context:
    return {"aws:currenttime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),), "aws:epochtime": (str(int(now.timestamp())),)}
