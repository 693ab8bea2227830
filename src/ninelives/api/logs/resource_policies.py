"""Resource policies of CloudWatch Logs: kept and shown; nobody is let in or kept out by them."""

import json
from collections.abc import Mapping
from typing import Any, Final

from ninelives.api.call import Call
from ninelives.api.logs.handling import LogsHandler, invalid, page
from ninelives.model.errors import ApiError
from ninelives.model.logs import ResourcePolicy
from ninelives.telemetry.logs import CloudWatchLogs, LogStore

POLICIES_MAX: Final = 10


async def put_resource_policy(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    name, document = parameters.get("policyName"), parameters.get("policyDocument")
    if parameters.get("resourceArn"):
        raise invalid("This region keeps resource policies of the account, not those of single resources (resourceArn).")
    if not name or not document:
        raise invalid("policyName and policyDocument are required.")
    try:
        json.loads(document)
    except ValueError:
        raise invalid("Invalid resource policy: the document is no JSON.") from None
    made = ResourcePolicy(name=name, document=document, modified_ms=logs.now_ms)

    def put(store: LogStore) -> None:
        known = store.records(ResourcePolicy)
        if len(known) >= POLICIES_MAX and all(one.name != name for one in known):
            raise ApiError("LimitExceededException", "Resource limit exceeded.")
        store.put_record(made)

    await logs.write(put)
    return {"resourcePolicy": _write_policy(made)}


async def describe_resource_policies(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    found = await logs.read(lambda store: store.records(ResourcePolicy))
    shown, token = page(found, call.parameters, key=lambda one: one.key)
    return {"resourcePolicies": [_write_policy(one) for one in shown], "nextToken": token}


def _write_policy(one: ResourcePolicy) -> Mapping[str, Any]:
    return {
        "policyName": one.name,
        "policyDocument": one.document,
        "lastUpdatedTime": one.modified_ms,
        "policyScope": "ACCOUNT",
    }


async def delete_resource_policy(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    name = call.parameters.get("policyName")

    def delete(store: LogStore) -> None:
        for one in store.records(ResourcePolicy):
            if one.name == name:
                store.delete_record(one)
                return
        raise ApiError("ResourceNotFoundException", f"Policy with name [{name}] does not exist.")

    await logs.write(delete)
    return {}


HANDLERS: Mapping[str, LogsHandler] = {
    "PutResourcePolicy": put_resource_policy,
    "DescribeResourcePolicies": describe_resource_policies,
    "DeleteResourcePolicy": delete_resource_policy,
}
