"""The policy simulator: what IAM would answer, asked without doing it.

Source: ``iam`` 2010-05-08, "SimulateCustomPolicy", "SimulatePrincipalPolicy"; IAM API Reference, "EvaluationResult".
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from ninelives.access import (
    MalformedPolicy,
    Policies,
    Policy,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    decide,
    read_policy,
    variables_of,
)
from ninelives.api.authorization import caller as callers
from ninelives.api.authorization.caller import caller_keys
from ninelives.api.authorization.records import AccountRecords, Identity
from ninelives.api.call import Call, Operations
from ninelives.model.arns import Place
from ninelives.model.errors import ApiError

SOURCES: Final = {
    PolicyKind.IDENTITY: "IAM Policy",
    PolicyKind.RESOURCE: "Resource Policy",
    PolicyKind.BOUNDARY: "IAM Policy",
    PolicyKind.SESSION: "IAM Policy",
    PolicyKind.TRUST: "Resource Policy",
}
PAGE: Final = 100
SIMULATED: Final = "simulation"

Records = Callable[[], Awaitable[AccountRecords]]


def operations(records: Records) -> Operations:
    """The simulator's operations, among IAM's."""
    return {
        "SimulateCustomPolicy": simulate_custom_policy,
        "SimulatePrincipalPolicy": partial(simulate_principal_policy, records),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What both operations ask: every action on every resource."""

    principal: Principal
    policies: Policies
    keys: Mapping[str, tuple[str, ...]]


def simulate_custom_policy(call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    found = _inputs(parameters)
    principal = _principal_of(parameters.get("CallerArn"), call.place)
    policies = Policies(identity=tuple(found), boundary=_boundary_of(parameters), resource=_resource_of(parameters))
    return _answer(call, _Question(principal=principal, policies=policies, keys={}))


async def simulate_principal_policy(records: Records, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    identity, principal = _source(await records(), parameters["PolicySourceArn"], call.place)
    found = [_read(one.document, PolicyKind.IDENTITY, one.name) for one in identity.policies]
    found += _inputs(parameters)
    boundary = _boundary_of(parameters)
    if boundary is None and identity.boundary is not None:
        boundary = _read(identity.boundary.document, PolicyKind.BOUNDARY, identity.boundary.name)
    if parameters.get("CallerArn"):
        principal = _principal_of(parameters["CallerArn"], call.place)
    policies = Policies(identity=tuple(found), boundary=boundary, resource=_resource_of(parameters))
    return _answer(call, _Question(principal=principal, policies=policies, keys=caller_keys(principal, identity.tags, None)))


def _source(records: AccountRecords, arn: str, place: Place) -> tuple[Identity, Principal]:
    role = records.roles.get(arn)
    if role is not None:
        return role, callers.role_session(role, SIMULATED, place)
    user = next((one for one in records.users.values() if one.arn == arn), None)
    if user is None:
        raise ApiError("NoSuchEntity", f"The entity {arn} cannot be found.", status=404)
    return user, callers.user(user, place)


def _principal_of(arn: str | None, place: Place) -> Principal:
    if arn is None or ":user/" in arn:
        nobody = f"arn:{place.partition}:iam::{place.account}:user/{SIMULATED}"
        return Principal(kind=PrincipalKind.USER, arn=arn or nobody, account=place.account)
    role = Identity(name=arn.rpartition("/")[2], arn=arn, id="AROASIMULATION")
    return callers.role_session(role, SIMULATED, place)


def _inputs(parameters: Mapping[str, Any]) -> list[Policy]:
    """The policies that a request brings."""
    given = enumerate(parameters.get("PolicyInputList") or (), start=1)
    return [_read(text, PolicyKind.IDENTITY, f"PolicyInputList.{place}") for place, text in given]


def _boundary_of(parameters: Mapping[str, Any]) -> Policy | None:
    given = parameters.get("PermissionsBoundaryPolicyInputList")
    return _read(given[0], PolicyKind.BOUNDARY, "PermissionsBoundaryPolicyInputList.1") if given else None


def _resource_of(parameters: Mapping[str, Any]) -> Policy | None:
    given = parameters.get("ResourcePolicy")
    return _read(given, PolicyKind.RESOURCE, "ResourcePolicy") if given else None


def _read(document: str, kind: PolicyKind, name: str) -> Policy:
    try:
        return read_policy(document, kind, name)
    except MalformedPolicy as error:
        raise ApiError("InvalidInput", f"Invalid input {name}: {error}") from None


def _answer(call: Call, question: _Question) -> Mapping[str, Any]:
    """The results, a page of them."""
    parameters = call.parameters
    entries = parameters.get("ContextEntries") or ()
    given = {one["ContextKeyName"].lower(): tuple(one.get("ContextKeyValues") or ()) for one in entries}
    context = {**question.keys, **given}
    resources = parameters.get("ResourceArns") or ["*"]
    pairs = [(action, resource) for action in parameters["ActionNames"] for resource in resources]
    start = int(parameters.get("Marker") or 0)
    end = start + int(parameters.get("MaxItems") or PAGE)
    results = [_result(question, action, resource, context) for action, resource in pairs[start:end]]
    is_cut = end < len(pairs)
    return {"EvaluationResults": results, "IsTruncated": is_cut, "Marker": str(end) if is_cut else None}


def _result(question: _Question, action: str, resource: str, context: Mapping[str, tuple[str, ...]]) -> Mapping[str, Any]:
    request = Request(principal=question.principal, action=action, resource=resource, context=context)
    decision = decide(request, question.policies)
    about = [one for policy in question.policies for one in policy.about(action.lower())]
    missing = sorted({key for one in about for key in variables_of(one)} - set(context))
    boundary = question.policies.boundary
    answer: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": decision.verdict.value,
        "MatchedStatements": [
            {"SourcePolicyId": one.policy, "SourcePolicyType": SOURCES[one.kind]} for one in decision.statements
        ],
        "MissingContextValues": missing,
    }
    if boundary is not None:
        alone = decide(request, Policies(identity=(replace(boundary, kind=PolicyKind.IDENTITY),)))
        answer["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": alone.is_allowed}
    return answer
