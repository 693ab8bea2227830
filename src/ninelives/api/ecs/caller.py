"""Who calls, and what makes two of their requests the same."""

import hashlib
import json

from ninelives.api.call import Call
from ninelives.region.ecs_services import Idempotency


def caller_arn(call: Call) -> str:
    """The principal of a request: the account's root, where IAM is not enforced and nobody else is known."""
    if call.caller is not None:
        return call.caller.arn
    return f"arn:{call.place.partition}:iam::{call.place.account}:root"


def idempotency(call: Call) -> Idempotency | None:
    """The client token of a request with a digest of all else that it says; None without a token."""
    token = call.parameters.get("clientToken")
    if not token:
        return None
    rest = {name: value for name, value in call.parameters.items() if name != "clientToken"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True, default=str).encode()).hexdigest()
    return Idempotency(client_token=token, request_digest=digest)
