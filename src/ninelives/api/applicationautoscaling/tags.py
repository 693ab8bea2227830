"""Tags of scalable targets."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ninelives.api.applicationautoscaling.handling import ScalingHandler, refused
from ninelives.api.call import Call
from ninelives.autoscaling import AutoScaling
from ninelives.model.errors import ApiError
from ninelives.model.scaling import ScalableTarget

TAGS_MAX: Final = 50
KEY_MAX, VALUE_MAX = 128, 256


def checked_tags(tags: Mapping[str, str], arn: str = "") -> Mapping[str, str]:
    """Raises ``ApiError`` for too many, too long ones, and those that only AWS gives."""
    if len(tags) > TAGS_MAX:
        message = f"The number of tags exceeds the maximum of {TAGS_MAX}."
        raise ApiError("TooManyTagsException", message, members={"ResourceName": arn})
    for key, value in tags.items():
        if not key or len(key) > KEY_MAX or len(value) > VALUE_MAX:
            raise refused(f"Tag keys have 1 to {KEY_MAX} characters and values at most {VALUE_MAX}: {key!r}")
        if key.lower().startswith("aws:"):
            raise refused(f"Tag keys must not begin with aws: {key!r}")
    return dict(tags)


def list_tags_for_resource(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    return {"Tags": dict(_find(scaling, call).tags)}


def tag_resource(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    target = _find(scaling, call)
    tags = checked_tags({**target.tags, **call.parameters["Tags"]}, target.arn)
    scaling.records.put(replace(target, tags=tags))
    return {}


def untag_resource(scaling: AutoScaling, call: Call) -> Mapping[str, Any]:
    target, gone = _find(scaling, call), set(call.parameters["TagKeys"])
    scaling.records.put(replace(target, tags={key: value for key, value in target.tags.items() if key not in gone}))
    return {}


def _find(scaling: AutoScaling, call: Call) -> ScalableTarget:
    arn = call.parameters["ResourceARN"]
    found = next((one for one in scaling.records.targets.values() if one.arn == arn), None)
    if found is None:
        message = f"No scalable target found for resource ARN: {arn}"
        raise ApiError("ResourceNotFoundException", message, members={"ResourceName": arn})
    return found


HANDLERS: Mapping[str, ScalingHandler] = {
    "ListTagsForResource": list_tags_for_resource,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
}
