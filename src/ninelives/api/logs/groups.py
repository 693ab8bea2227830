"""Log groups: CreateLogGroup, DescribeLogGroups, retention, classes, keys, protection."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ninelives.api.call import Call
from ninelives.api.logs.handling import LogsHandler, find_group, group_name, invalid, page
from ninelives.model.errors import ApiError
from ninelives.model.logs import LogGroup, group_named_by
from ninelives.telemetry.logs import AlreadyThere, CloudWatchLogs, LogStore

RETENTIONS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""Days. Source: ``logs`` ``PutRetentionPolicy``."""
CLASSES: Final = frozenset({"STANDARD", "INFREQUENT_ACCESS", "DELIVERY"})


async def create_log_group(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    name = parameters["logGroupName"]
    if name.startswith("aws/"):
        raise invalid("Log groups starting with AWS/ are reserved for AWS.")
    group = LogGroup(
        id=0,
        name=name,
        created_ms=logs.now_ms,
        log_class=parameters.get("logGroupClass", "STANDARD"),
        kms_key_id=parameters.get("kmsKeyId"),
        is_protected=parameters.get("deletionProtectionEnabled", False),
        tags=parameters.get("tags", {}),
    )
    try:
        await logs.write(lambda store: store.create_group(group))
    except AlreadyThere:
        raise ApiError("ResourceAlreadyExistsException", "The specified log group already exists") from None
    return {}


async def delete_log_group(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    def delete(store: LogStore) -> None:
        group = find_group(store, call.parameters["logGroupName"])
        if group.is_protected:
            raise ApiError("ValidationException", f"Deletion protection is enabled for log group {group.name}.")
        store.delete_group(group)

    await logs.write(delete)
    return {}


async def describe_log_groups(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    prefix, pattern = parameters.get("logGroupNamePrefix"), parameters.get("logGroupNamePattern")
    if prefix is not None and pattern is not None:
        raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    found = await logs.read(
        lambda store: store.groups(prefix=prefix or "", part=pattern or "", log_class=parameters.get("logGroupClass"))
    )
    if "logGroupIdentifiers" in parameters:
        wanted = {group_named_by(one) for one in parameters["logGroupIdentifiers"]}
        found = [one for one in found if one.name in wanted]
    shown, token = page(found, parameters, key=lambda one: one.name)
    return {"logGroups": [write_group(logs, one) for one in shown], "nextToken": token}


def write_group(logs: CloudWatchLogs, group: LogGroup) -> dict[str, Any]:
    return {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "retentionInDays": group.retention_days,
        "metricFilterCount": group.metric_filters,
        "arn": f"{logs.group_arn(group.name)}:*",
        "logGroupArn": logs.group_arn(group.name),
        "storedBytes": group.stored_bytes,
        "kmsKeyId": group.kms_key_id,
        "logGroupClass": group.log_class,
        "deletionProtectionEnabled": group.is_protected,
    }


async def list_log_groups(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    pattern = re.compile(_name_expression(parameters.get("logGroupNamePattern", "")))
    found = await logs.read(lambda store: store.groups(log_class=parameters.get("logGroupClass")))
    wanted = {one["key"]: one.get("values", []) for one in parameters.get("logGroupTags", ())}
    fitting = [one for one in found if pattern.search(one.name) and _has_tags(one, wanted)]
    shown, token = page(fitting, parameters, key=lambda one: one.name)
    entries = [
        {"logGroupName": one.name, "logGroupArn": logs.group_arn(one.name), "logGroupClass": one.log_class} for one in shown
    ]
    return {"logGroups": entries, "nextToken": token}


def _name_expression(pattern: str) -> str:
    """A pattern is parts of names between ``|``, each of which may begin with ``^``. Source: ``ListLogGroups``.

    >>> _name_expression("^/ecs|cats")
    '^/ecs|cats'
    """
    parts = pattern.split("|")
    return "|".join(("^" if part.startswith("^") else "") + re.escape(part.removeprefix("^")) for part in parts)


def _has_tags(group: LogGroup, wanted: Mapping[str, Any]) -> bool:
    return all(key in group.tags and (not values or group.tags[key] in values) for key, values in wanted.items())


async def put_retention_policy(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    days = call.parameters["retentionInDays"]
    if days not in RETENTIONS:
        raise invalid(f"Invalid retention value. Valid values are: {list(RETENTIONS)}")
    await change(logs, call.parameters["logGroupName"], retention_days=days)
    return {}


async def delete_retention_policy(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    await change(logs, call.parameters["logGroupName"], retention_days=None)
    return {}


async def associate_kms_key(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    await change(logs, _keyed(call), kms_key_id=call.parameters["kmsKeyId"])
    return {}


async def disassociate_kms_key(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    await change(logs, _keyed(call), kms_key_id=None)
    return {}


def _keyed(call: Call) -> str:
    identifier = call.parameters.get("resourceIdentifier", "")
    if identifier and ":log-group:" not in identifier:
        raise invalid("This region keeps the key of a log group, not that of query results.")
    return group_named_by(identifier) if identifier else group_name(call.parameters)


async def put_log_group_deletion_protection(logs: CloudWatchLogs, call: Call) -> Mapping[str, Any]:
    name = group_named_by(call.parameters["logGroupIdentifier"])
    await change(logs, name, is_protected=call.parameters["deletionProtectionEnabled"])
    return {}


async def change(logs: CloudWatchLogs, name: str, **changed: Any) -> None:
    """Change members of a group by name."""

    def work(store: LogStore) -> None:
        store.change_group(replace(find_group(store, name), **changed))

    await logs.write(work)


HANDLERS: Mapping[str, LogsHandler] = {
    "CreateLogGroup": create_log_group,
    "DeleteLogGroup": delete_log_group,
    "DescribeLogGroups": describe_log_groups,
    "ListLogGroups": list_log_groups,
    "PutRetentionPolicy": put_retention_policy,
    "DeleteRetentionPolicy": delete_retention_policy,
    "AssociateKmsKey": associate_kms_key,
    "DisassociateKmsKey": disassociate_kms_key,
    "PutLogGroupDeletionProtection": put_log_group_deletion_protection,
}
