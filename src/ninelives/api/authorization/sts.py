"""STS's operations where IAM is enforced: sessions that are really given to those whom a role trusts.

Source: ``sts`` 2011-06-15; STS API Reference.
"""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from ninelives.access import Decision, MalformedPolicy, Policies, PolicyKind, PrincipalKind, Request, decide, read_policy
from ninelives.api.authorization.caller import Caller, Session
from ninelives.api.authorization.context import tags_of
from ninelives.api.authorization.guard import Guard
from ninelives.api.authorization.records import Identity
from ninelives.api.authorization.web_identity import KeySource, read_identity
from ninelives.api.call import Call, Operations
from ninelives.model.errors import ApiError

FORBIDDEN: Final = 403
ROLE_SECONDS: Final = 3600
TOKEN_SECONDS: Final = 43200
CHAINED_MAX: Final = timedelta(hours=1)
ROOT_TOKEN_SECONDS_MAX: Final = 3600
BY_WEB_IDENTITY: Final = "sts:AssumeRoleWithWebIdentity"
NOT_BY_WEB_IDENTITY: Final = f"Not authorized to perform {BY_WEB_IDENTITY}"
ACCESS_KEY: Final = re.compile(r"A(KIA|SIA)[A-Z0-9]{12,}")


def operations(guard: Guard, keys: KeySource) -> Operations:
    """STS by name; ``keys`` fetches the keys of identity providers."""
    return {
        "AssumeRole": partial(assume_role, guard),
        "AssumeRoleWithWebIdentity": partial(assume_role_with_web_identity, guard, keys),
        "DecodeAuthorizationMessage": partial(decode_authorization_message, guard),
        "GetAccessKeyInfo": partial(get_access_key_info, guard),
        "GetCallerIdentity": get_caller_identity,
        "GetSessionToken": partial(get_session_token, guard),
    }


def get_caller_identity(call: Call) -> Mapping[str, Any]:
    principal = _caller(call).principal
    return {"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn}


def get_access_key_info(guard: Guard, call: Call) -> Mapping[str, Any]:
    """Every key of this region is the account's."""
    if ACCESS_KEY.fullmatch(call.parameters["AccessKeyId"]) is None:
        raise ApiError("ValidationError", "The access key id is not valid.")
    return {"Account": guard.place.account}


def decode_authorization_message(guard: Guard, call: Call) -> Mapping[str, Any]:
    """What EC2 told of a refusal."""
    found = guard.mint.unseal(call.parameters["EncodedMessage"])
    if not isinstance(found, dict) or "matchedStatements" not in found:
        raise ApiError("InvalidAuthorizationMessageException", "Invalid authorization message")
    return {"DecodedMessage": json.dumps(found)}


async def assume_role(guard: Guard, call: Call) -> Mapping[str, Any]:
    """The door has asked the role's trust and the caller's policies already."""
    caller, parameters = _caller(call), call.parameters
    if caller.is_root:
        raise ApiError("AccessDenied", "Roles may not be assumed by root accounts.", status=FORBIDDEN)
    role = (await guard.records()).roles[parameters["RoleArn"]]
    lasts = _lasts(parameters, role)
    if caller.principal.kind is PrincipalKind.SESSION and lasts > CHAINED_MAX:
        told = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        raise ApiError("ValidationError", told)
    source = parameters.get("SourceIdentity") or (caller.session.source_identity if caller.session else None)
    session = await _session(guard, role, parameters, lasts=lasts, source_identity=source)
    return _assumed(guard, role, session)


async def assume_role_with_web_identity(guard: Guard, keys: KeySource, call: Call) -> Mapping[str, Any]:
    """A token of a provider that the account knows, for a role that trusts what the token says."""
    parameters = call.parameters
    records = await guard.records()
    identity = await read_identity(parameters["WebIdentityToken"], records.providers, keys, guard.now())
    role = records.roles.get(parameters["RoleArn"])
    caller = identity.caller(guard.place)
    needed = (BY_WEB_IDENTITY, "sts:TagSession") if identity.tags else (BY_WEB_IDENTITY,)
    if role is None or not all(_trusts(guard, role, caller, action, parameters).is_allowed for action in needed):
        raise ApiError("AccessDenied", NOT_BY_WEB_IDENTITY, status=FORBIDDEN)
    session = await _session(
        guard,
        role,
        parameters,
        lasts=_lasts(parameters, role),
        provider=identity.provider.arn,
        claims=identity.keys,
        tags=identity.tags,
    )
    return {
        **_assumed(guard, role, session),
        "SubjectFromWebIdentityToken": identity.subject,
        "Audience": identity.audience,
        "Provider": identity.provider.arn,
    }


def _trusts(guard: Guard, role: Identity, caller: Caller, action: str, parameters: Mapping[str, Any]) -> Decision:
    """What the role's trust policy says of a web identity. It is noted as any other decision."""
    keys = {"sts:rolesessionname": (parameters["RoleSessionName"],)}
    request = Request(
        principal=caller.principal,
        action=action,
        resource=role.arn,
        context={**caller.keys, **guard.time_keys(), **keys},
    )
    policies = Policies(resource=guard.trust_of(role), resource_decides=True)
    decision = decide(request, policies)
    guard.note(request, policies, decision)
    return decision


def get_session_token(guard: Guard, call: Call) -> Mapping[str, Any]:
    caller = _caller(call)
    if caller.session is not None:
        raise ApiError("AccessDenied", "Cannot call GetSessionToken with session credentials", status=FORBIDDEN)
    seconds = call.parameters.get("DurationSeconds", TOKEN_SECONDS)
    if caller.is_root:
        seconds = min(seconds, ROOT_TOKEN_SECONDS_MAX)
    now = guard.now()
    session = Session(
        kind=caller.principal.kind,
        principal_arn=caller.arn,
        principal_id=caller.principal.user_id,
        name="",
        issued_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )
    return {"Credentials": guard.mint.credentials(session).as_sts_answers()}


def _caller(call: Call) -> Caller:
    assert call.caller is not None, "the door knows who calls"
    return call.caller


def _lasts(parameters: Mapping[str, Any], role: Identity) -> timedelta:
    seconds = parameters.get("DurationSeconds", ROLE_SECONDS)
    if seconds > role.max_session_seconds:
        raise ApiError("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return timedelta(seconds=seconds)


async def _session(guard: Guard, role: Identity, parameters: Mapping[str, Any], *, lasts: timedelta, **more: Any) -> Session:
    """A session as a request wants it. Raises ``ApiError`` for policies that cannot be read or are not there."""
    policy = parameters.get("Policy")
    arns = tuple(one["arn"] for one in parameters.get("PolicyArns") or ())
    managed = (await guard.records()).managed
    for name, document in [("", policy), *((arn, managed.get(arn)) for arn in arns)]:
        if document is None and not name:
            continue
        if document is None:
            raise ApiError("MalformedPolicyDocument", f"Policy {name} does not exist or is not attachable.")
        try:
            read_policy(document, PolicyKind.SESSION, name)
        except MalformedPolicy as error:
            raise ApiError("MalformedPolicyDocument", str(error)) from None
    now = guard.now()
    tags = {**more.pop("tags", {}), **tags_of(parameters)}
    return Session(
        kind=PrincipalKind.SESSION,
        principal_arn=role.arn,
        principal_id=role.id,
        name=parameters["RoleSessionName"],
        issued_at=now,
        expires_at=now + lasts,
        policy=policy,
        policy_arns=arns,
        tags=tags,
        **more,
    )


def _assumed(guard: Guard, role: Identity, session: Session) -> dict[str, Any]:
    place = guard.place
    return {
        "Credentials": guard.mint.credentials(session).as_sts_answers(),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.id}:{session.name}",
            "Arn": f"arn:{place.partition}:sts::{place.account}:assumed-role/{role.name}/{session.name}",
        },
        "PackedPolicySize": 0 if session.policy else None,
        "SourceIdentity": session.source_identity,
    }
