"""The guard at the door: whose request it is, and whether it may be carried out.

``authorize`` is for every way in: the door asks it with the caller that it has made out from the signature, and parts of the
region that act for somebody (CloudFormation, the start of a task) ask it with that caller.
"""

import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, Protocol

from ninelives.access import (
    Decision,
    MalformedPolicy,
    Policies,
    Policy,
    PolicyKind,
    Request,
    Verdict,
    allow_everything,
    decide,
    denial,
    read_policy,
)
from ninelives.access.patterns import pattern
from ninelives.access.policies import Effect, Statement
from ninelives.access.principals import Principal, PrincipalKind
from ninelives.api.authorization import caller as callers
from ninelives.api.authorization.actions import FREE
from ninelives.api.authorization.asks import Ask, asks
from ninelives.api.authorization.caller import Caller, Session, caller_keys, request_wide_keys, time_keys
from ninelives.api.authorization.credentials import LONG_TERM, Credentials, Mint, RegionKeys, read_session
from ninelives.api.authorization.known import RegionFacts
from ninelives.api.authorization.old_links import OldLink, read_old_link
from ninelives.api.authorization.records import AccountRecords, Identity, NamedDocument
from ninelives.api.authorization.refusals import NotLetIn, Why
from ninelives.api.authorization.signatures import Signature, check_signature, check_time, read_signature
from ninelives.api.authorization.wire_operations import UNKNOWN
from ninelives.api.wire import WireRequest
from ninelives.model.arns import Place

log = logging.getLogger(__name__)


class RecordSource(Protocol):
    """Where IAM's records are (``MotoBridge``)."""

    async def account_records(self) -> AccountRecords: ...

    def changes(self, backend: str) -> int:
        """A number that grows whenever a backend's records may have changed."""


BACKENDS: Final = ("iam", "secretsmanager", "s3", "sqs", "sns")
"""moto's backends whose records decide."""

FULL: Final = Policy(
    name="root",
    kind=PolicyKind.IDENTITY,
    statements=(Statement(position=0, sid=None, effect=Effect.ALLOW, actions=("*",), resources=(pattern("*"),)),),
)
"""What the account's root user may do, unless a policy on a resource denies it."""

ASSUMING: Final = ("sts:assumerole", "sts:tagsession", "sts:setsourceidentity")


class Guard:
    """Judges requests by the region's IAM records.

    ``resource_policy`` tells policies on resources that the region keeps itself, by ARN. ``noted`` is told each decision.
    """

    def __init__(
        self,
        *,
        place: Place,
        keys: RegionKeys,
        now: Callable[[], datetime],
        facts: RegionFacts,
        source: RecordSource,
        resource_policy: Callable[[str], str | None] = lambda _: None,
        noted: Callable[[Request, Policies, Decision], None] = lambda *_: None,
    ) -> None:
        self.place = place
        self.now = now
        self.mint = Mint(keys)
        self._keys = keys
        self._facts = facts
        self._source = source
        self._resource_policy = resource_policy
        self._noted = noted
        self._seen: tuple[int, ...] | None = None

    async def records(self) -> AccountRecords:
        """IAM's records, read again when they may have changed."""
        seen = tuple(self._source.changes(name) for name in BACKENDS)
        if seen != self._seen:
            self._facts.records = await self._source.account_records()
            self._seen = seen
        return self._facts.records

    # Whose request it is.

    async def identify(self, request: WireRequest, *, source_ip: str | None = None) -> Caller:
        """The caller, by the request's signature. Raises ``NotLetIn``."""
        signature = read_old_link(request) or read_signature(request)
        records = await self.records()
        secret, principal, tags, session = self._bearer(signature.access_key, signature.token, records)
        region = self.place.region
        match signature:
            case OldLink():
                signature.check(request, secret, self.now())
            case Signature():
                check_time(signature, self.now())
                check_signature(signature, request, secret)
                region = signature.region
        wide = request_wide_keys(region=region, source_ip=source_ip, user_agent=request.headers.get("user-agent"))
        return Caller(principal=principal, session=session, keys={**wide, **caller_keys(principal, tags, session)})

    async def identify_by_secret(self, access_key: str, secret: str, *, source_ip: str | None = None) -> Caller:
        """The caller who shows a long-term access key and its secret, for clients that cannot sign. Raises ``NotLetIn``."""
        known, principal, tags, session = self._bearer(access_key, None, await self.records())
        if not hmac.compare_digest(known.encode(), secret.encode()):
            raise NotLetIn(Why.UNKNOWN_KEY)
        wide = request_wide_keys(region=self.place.region, source_ip=source_ip, user_agent=None)
        return Caller(principal=principal, session=session, keys={**wide, **caller_keys(principal, tags, session)})

    def _bearer(
        self, key: str, token: str | None, records: AccountRecords
    ) -> tuple[str, Principal, Mapping[str, str], Session | None]:
        """Secret key, principal with its tags, and session of an access key."""
        if token is None and key == self._keys.access_key:
            return self._keys.secret, callers.root(self.place), {}, None
        if key.startswith(LONG_TERM):
            known = records.keys.get(key)
            if known is None or not known.is_active or token is not None:
                raise NotLetIn(Why.UNKNOWN_KEY)
            identity = records.users[known.user]
            return known.secret, callers.user(identity, self.place), identity.tags, None
        session = self.mint.session(key, token or "")
        if session is None:
            raise NotLetIn(Why.UNKNOWN_KEY)
        if session.expires_at <= self.now():
            raise NotLetIn(Why.EXPIRED_TOKEN)
        principal, tags = self._of_session(session, records)
        return self.mint.secret_of(key), principal, tags, session

    def _of_session(self, session: Session, records: AccountRecords) -> tuple[Principal, Mapping[str, str]]:
        if session.kind is PrincipalKind.ROOT:
            return callers.root(self.place), {}
        known = records.users.values() if session.kind is PrincipalKind.USER else records.roles.values()
        found = next((one for one in known if (one.arn, one.id) == (session.principal_arn, session.principal_id)), None)
        if found is None:
            raise NotLetIn(Why.UNKNOWN_KEY)
        if session.kind is PrincipalKind.USER:
            return callers.user(found, self.place), found.tags
        return callers.role_session(found, session.name, self.place), found.tags

    async def of_session(self, session: Session, *, region: str | None = None) -> Caller:
        """The caller that a session's credentials make, for what the region does as a role. Raises ``NotLetIn``."""
        principal, tags = self._of_session(session, await self.records())
        wide = request_wide_keys(region=region or self.place.region, source_ip=None, user_agent=None)
        return Caller(principal=principal, session=session, keys={**wide, **caller_keys(principal, tags, session)})

    async def of_user(self, arn: str) -> Caller:
        """The caller that a user is, without a request of his. Raises ``NotLetIn``."""
        found = next((one for one in (await self.records()).users.values() if one.arn == arn), None)
        if found is None:
            raise NotLetIn(Why.UNKNOWN_KEY)
        principal = callers.user(found, self.place)
        return Caller(principal=principal, keys=caller_keys(principal, found.tags, None))

    def sealed(self, caller: Caller, **more: Any) -> str:
        """Who a caller is, as a text that this region alone can read again."""
        return self.mint.seal({"arn": caller.arn, "session": asdict(caller.session) if caller.session else None, **more})

    async def unsealed(self, text: str) -> Caller:
        """The caller of a sealed text, as his policies are now. Raises ``NotLetIn``."""
        content = self.mint.unseal(text)
        if not isinstance(content, dict) or not {"arn", "session"} <= content.keys():
            raise NotLetIn(Why.UNKNOWN_KEY)
        if content["session"] is not None:
            return await self.of_session(read_session(content["session"]))
        principal = callers.root(self.place)
        if content["arn"] == principal.arn:
            return Caller(principal=principal, keys=caller_keys(principal, {}, None))
        return await self.of_user(content["arn"])

    # Whether it may.

    async def authorize(self, caller: Caller, service: str, operation: str, parameters: Mapping[str, Any]) -> None:
        """Let an operation pass, or raise ``NotLetIn``. ``service`` is botocore's name or the signing name."""
        records = await self.records()
        for ask in asks(service, operation, parameters, self.place, self._facts):
            self._judge(caller, ask, records)

    async def authorize_action(self, caller: Caller, action: str, resource: str) -> None:
        """Let one action on one resource pass, or raise ``NotLetIn``."""
        self._judge(caller, Ask(action=action, resource=resource), await self.records())

    def _judge(self, caller: Caller, ask: Ask, records: AccountRecords) -> None:
        if ask.action in FREE:
            return
        request, policies = self.request(caller, ask), self._policies(caller, ask, records)
        decision = decide(request, policies)
        if ask.action.endswith(f":{UNKNOWN}") and not allow_everything(policies):
            decision = Decision(verdict=Verdict.IMPLICIT_DENY, lacking=PolicyKind.IDENTITY)
        self._noted(request, policies, decision)
        if not decision.is_allowed:
            encoded = self.mint.seal(failure(request, decision)) if request.action.startswith("ec2:") else ""
            raise NotLetIn(Why.NOT_ALLOWED, denial(request, decision), encoded=encoded)

    def request(self, caller: Caller, ask: Ask) -> Request:
        owner = {"aws:resourceaccount": (self.place.account,)}
        context = {**self.time_keys(), **owner, **caller.keys, **ask.context}
        return Request(principal=caller.principal, action=ask.action, resource=ask.resource, context=context)

    def _policies(self, caller: Caller, ask: Ask, records: AccountRecords) -> Policies:
        identity, boundary = self._own(caller, records)
        is_assuming = ask.action.lower().startswith(ASSUMING)
        return Policies(
            identity=identity,
            boundary=boundary,
            session=_session_policies(caller.session, records),
            resource=self._trust(ask.resource, records) if is_assuming else self._on(ask.resource, records),
            resource_decides=is_assuming,
        )

    def _own(self, caller: Caller, records: AccountRecords) -> tuple[tuple[Policy, ...], Policy | None]:
        if caller.is_root:
            return (FULL,), None
        found = identity_of(caller.principal, records)
        if found is None:
            return (), None
        return _read_all(found.policies, PolicyKind.IDENTITY), _boundary(found.boundary)

    def _trust(self, role_arn: str, records: AccountRecords) -> Policy | None:
        role = records.roles.get(role_arn)
        return None if role is None else self.trust_of(role)

    def trust_of(self, role: Identity) -> Policy | None:
        """Who may assume a role."""
        return _read(NamedDocument(name=f"trust of {role.name}", document=role.trust), PolicyKind.TRUST)

    def time_keys(self) -> Mapping[str, tuple[str, ...]]:
        return time_keys(self.now())

    def note(self, request: Request, policies: Policies, decision: Decision) -> None:
        """Keep a decision that was made elsewhere in the room with the others."""
        self._noted(request, policies, decision)

    def _on(self, resource: str, records: AccountRecords) -> Policy | None:
        """The policy on a resource; an object's is its bucket's."""
        arn = resource.split("/", 1)[0] if resource.startswith("arn:aws:s3:::") else resource
        text = records.resource_policies.get(arn) or self._resource_policy(arn)
        return _read(NamedDocument(name=arn, document=text), PolicyKind.RESOURCE) if text else None

    # What services do as roles.

    async def assume_as_service(
        self, service: str, role_arn: str, session_name: str, expires_at: datetime, *, source_arn: str
    ) -> Credentials:
        """Credentials of a role for a service, on behalf of the resource ``source_arn``.

        Raises ``NotLetIn`` where the role's trust does not name the service, or not for this resource.
        """
        caller = self.as_service(service, source_arn)
        self._judge(caller, Ask(action="sts:AssumeRole", resource=role_arn), await self.records())
        return self.mint.credentials(self.session_of(role_arn, session_name, expires_at))

    def as_service(self, service: str, source_arn: str) -> Caller:
        """A service that acts for one of the account's resources."""
        principal = callers.service(service, self.place)
        source = {"aws:sourceaccount": (self.place.account,), "aws:sourcearn": (source_arn,)}
        return Caller(principal=principal, keys={**caller_keys(principal, {}, None), **source})

    def session_of(self, role_arn: str, name: str, expires_at: datetime) -> Session:
        """A session of a role without policies of its own; of one that is not there it opens nothing."""
        role = self._facts.records.roles.get(role_arn)
        return Session(
            kind=PrincipalKind.SESSION,
            principal_arn=role_arn,
            principal_id=role.id if role else "",
            name=name,
            issued_at=self.now(),
            expires_at=expires_at,
        )


def failure(request: Request, decision: Decision) -> dict[str, Any]:
    """A refusal as DecodeAuthorizationMessage tells it."""
    keys = [{"key": key, "values": _items([{"value": one} for one in values])} for key, values in request.context.items()]
    principal = {"id": request.principal.user_id, "arn": request.principal.arn}
    matched = [{"sourcePolicyId": one.policy, "statementId": one.statement} for one in decision.statements]
    return {
        "allowed": False,
        "explicitDeny": decision.verdict is Verdict.EXPLICIT_DENY,
        "matchedStatements": _items(matched),
        "failures": _items([]),
        "context": {
            "principal": principal,
            "action": request.action,
            "resource": request.resource,
            "conditions": _items(keys),
        },
    }


def _items(items: list[Any]) -> dict[str, Any]:
    return {"items": items}


def identity_of(principal: Principal, records: AccountRecords) -> Identity | None:
    """The user or role whose policies count for a principal."""
    if principal.role_arn is not None:
        return records.roles.get(principal.role_arn)
    return next((one for one in records.users.values() if one.arn == principal.arn), None)


def _session_policies(session: Session | None, records: AccountRecords) -> tuple[Policy, ...] | None:
    if session is None or (session.policy is None and not session.policy_arns):
        return None
    documents = [NamedDocument(name="session policy", document=session.policy)] if session.policy else []
    documents += [NamedDocument(name=arn, document=records.managed.get(arn, "")) for arn in session.policy_arns]
    return _read_all(tuple(documents), PolicyKind.SESSION)


def _boundary(document: NamedDocument | None) -> Policy | None:
    """A boundary that cannot be read allows nothing."""
    if document is None:
        return None
    return _read(document, PolicyKind.BOUNDARY) or Policy(name=document.name, kind=PolicyKind.BOUNDARY, statements=())


def _read_all(documents: tuple[NamedDocument, ...], kind: PolicyKind) -> tuple[Policy, ...]:
    return tuple(policy for policy in (_read(one, kind) for one in documents) if policy is not None)


def _read(document: NamedDocument, kind: PolicyKind) -> Policy | None:
    """A policy; None for one that IAM would not have taken: it allows nothing, and the log tells of it."""
    try:
        return read_policy(document.document, kind, document.name)
    except MalformedPolicy as error:
        log.warning("the %s %s is ignored: %s", kind, document.name, error)
        return None
