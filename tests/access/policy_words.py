"""Short ways to say policies and requests."""

import json
from typing import Any

from ninelives.access import Decision, Policies, Policy, PolicyKind, Principal, PrincipalKind, Request, decide, read_policy

ACCOUNT = "123456789012"
USER = Principal(kind=PrincipalKind.USER, arn=f"arn:aws:iam::{ACCOUNT}:user/ada", account=ACCOUNT, user_id="AIDAADA")
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/deployer"
SESSION = Principal(
    kind=PrincipalKind.SESSION,
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/run-1",
    account=ACCOUNT,
    user_id="AROADEPLOYER:run-1",
    role_arn=ROLE_ARN,
)
SERVICE_ARN = f"arn:aws:ecs:eu-west-1:{ACCOUNT}:service/Staging-Cluster/cats"


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def policy(*statements: dict[str, Any], kind: PolicyKind = PolicyKind.IDENTITY, name: str = "p") -> Policy:
    return read_policy(document(*statements), kind, name)


def on_resource(*statements: dict[str, Any]) -> Policy:
    return policy(*statements, kind=PolicyKind.RESOURCE, name="resource's")


def ask(
    policies: Policies,
    action: str = "ecs:UpdateService",
    resource: str = SERVICE_ARN,
    *,
    by: Principal = USER,
    resource_account: str | None = None,
    **context: str | tuple[str, ...],
) -> Decision:
    """``context`` by keys with ``__`` for the colon, ``___`` for a slash."""
    known = {
        name.replace("___", "/").replace("__", ":").lower(): (value,) if isinstance(value, str) else value
        for name, value in context.items()
    }
    request = Request(principal=by, action=action, resource=resource, context=known, resource_account=resource_account)
    return decide(request, policies)


def is_allowed(*statements: dict[str, Any], **asked: Any) -> bool:
    return ask(Policies(identity=(policy(*statements),)), **asked).is_allowed
