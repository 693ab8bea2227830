"""Decisions as lines of JSON: what was asked, by whom, and which statements decided.

A line holds the whole request, so that it can be judged again with another policy: so a policy's needless parts are found.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from ninelives.access import Decision, Principal, PrincipalKind, Request


def write_decision(request: Request, decision: Decision, at: datetime) -> str:
    """One line, without its end."""
    principal = request.principal
    document: dict[str, Any] = {
        "at": at.isoformat(),
        "verdict": decision.verdict.value,
        "principal": principal.arn,
        "action": request.action,
        "resource": request.resource,
        "statements": [
            {"kind": one.kind.value, "policy": one.policy, "statement": one.statement} for one in decision.statements
        ],
        "lacking": decision.lacking.value if decision.lacking else None,
        "role": principal.role_arn,
        "principal_kind": principal.kind.value,
        "account": principal.account,
        "context": {key: list(values) for key, values in request.context.items()},
    }
    return orjson.dumps(document).decode()


def read_request(line: str | bytes) -> tuple[Request, Mapping[str, Any]]:
    """The request of a line, and the whole line as it was written."""
    found = orjson.loads(line)
    principal = Principal(
        kind=PrincipalKind(found["principal_kind"]), arn=found["principal"], account=found["account"], role_arn=found["role"]
    )
    context = {key: tuple(values) for key, values in found["context"].items()}
    request = Request(principal=principal, action=found["action"], resource=found["resource"], context=context)
    return request, found
