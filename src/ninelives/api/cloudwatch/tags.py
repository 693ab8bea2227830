"""Tags of alarms."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ninelives.api.call import Call
from ninelives.api.cloudwatch.alarm_wire import read_tags
from ninelives.api.cloudwatch.handling import CloudWatchHandler
from ninelives.model.alarms import Alarm
from ninelives.model.errors import ApiError
from ninelives.telemetry import CloudWatch


def list_tags_for_resource(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    tags = _find(cloudwatch, call).tags
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tag_resource(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    alarm = _find(cloudwatch, call)
    cloudwatch.alarms.replace_record(replace(alarm, tags={**alarm.tags, **read_tags(call.parameters["Tags"])}))
    return {}


def untag_resource(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    alarm = _find(cloudwatch, call)
    gone = set(call.parameters["TagKeys"])
    cloudwatch.alarms.replace_record(replace(alarm, tags={key: value for key, value in alarm.tags.items() if key not in gone}))
    return {}


def _find(cloudwatch: CloudWatch, call: Call) -> Alarm:
    arn = call.parameters["ResourceARN"]
    found = cloudwatch.alarms.find(arn) if arn.startswith(cloudwatch.alarm_arn("")) else None
    if found is None:
        raise ApiError("ResourceNotFoundException", f"The resource {arn} does not exist.")
    return found


HANDLERS: Mapping[str, CloudWatchHandler] = {
    "ListTagsForResource": list_tags_for_resource,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
}
