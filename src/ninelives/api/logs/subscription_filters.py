"""Subscription filters: live to functions that have a stand-in in this region, refused to any other destination."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from ninelives.api.call import Call, Operations
from ninelives.api.logs.events import checked_pattern
from ninelives.api.logs.handling import find_group, invalid, page
from ninelives.model.errors import ApiError
from ninelives.model.logs import SubscriptionFilter
from ninelives.telemetry.logs import CloudWatchLogs, LogStore, Subscriptions

FILTERS_MAX: Final = 2
"""Of one log group. Source: "CloudWatch Logs quotas"."""


def operations(logs: CloudWatchLogs, subscriptions: Subscriptions) -> Operations:
    return {
        "PutSubscriptionFilter": partial(put_subscription_filter, logs, subscriptions),
        "DescribeSubscriptionFilters": partial(describe_subscription_filters, logs),
        "DeleteSubscriptionFilter": partial(delete_subscription_filter, logs, subscriptions),
    }


async def put_subscription_filter(logs: CloudWatchLogs, subscriptions: Subscriptions, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    group, name, arn = parameters["logGroupName"], parameters["filterName"], parameters["destinationArn"]
    checked_pattern(parameters["filterPattern"])
    for member in ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFields"):
        if parameters.get(member):
            raise invalid(f"{member} is not supported by this region.")
    _check_destination(subscriptions, arn)
    made = SubscriptionFilter(
        group=group,
        name=name,
        pattern=parameters["filterPattern"],
        destination_arn=arn,
        role_arn=parameters.get("roleArn"),
        distribution=parameters.get("distribution", "ByLogStream"),
        created_ms=logs.now_ms,
    )

    def put(store: LogStore) -> None:
        find_group(store, group)
        known = store.records(SubscriptionFilter, group=group)
        if len(known) >= FILTERS_MAX and all(one.name != name for one in known):
            raise ApiError("LimitExceededException", "Resource limit exceeded.")
        store.put_record(made)
        subscriptions.changed()

    await logs.write(put)
    return {}


def _check_destination(subscriptions: Subscriptions, arn: str) -> None:
    service = (arn.split(":") + [""] * 3)[2]
    if service != "lambda":
        raise invalid(f"This region delivers log events to Lambda functions that have a stand-in, not to {arn}.")
    if not subscriptions.has_function(arn):
        name = (arn.split(":") + [""] * 7)[6]
        raise invalid(
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your "
            f"function. (In this region: `ninelives up --function {name}=URL` names a stand-in.)"
        )


async def describe_subscription_filters(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    group, prefix = call.parameters["logGroupName"], call.parameters.get("filterNamePrefix", "")

    def read(store: LogStore) -> Sequence[SubscriptionFilter]:
        find_group(store, group)
        return store.records(SubscriptionFilter, group=group)

    found = [one for one in await logs.read(read) if one.name.startswith(prefix)]
    shown, token = page(found, call.parameters, key=lambda one: one.key)
    filters = [
        {
            "filterName": one.name,
            "logGroupName": one.group,
            "filterPattern": one.pattern,
            "destinationArn": one.destination_arn,
            "roleArn": one.role_arn,
            "distribution": one.distribution,
            "creationTime": one.created_ms,
        }
        for one in shown
    ]
    return {"subscriptionFilters": filters, "nextToken": token}


async def delete_subscription_filter(logs: CloudWatchLogs, subscriptions: Subscriptions, call: Call) -> Mapping[str, Any]:
    group, name = call.parameters["logGroupName"], call.parameters["filterName"]

    def delete(store: LogStore) -> None:
        find_group(store, group)
        for one in store.records(SubscriptionFilter, group=group):
            if one.name == name:
                store.delete_record(one)
                subscriptions.changed()
                return
        raise ApiError("ResourceNotFoundException", "The specified subscription filter does not exist.")

    await logs.write(delete)
    return {}
