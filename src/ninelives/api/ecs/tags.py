"""Tags on the wire."""

from collections.abc import Mapping, Sequence
from typing import Any

from ninelives.api.call import Call
from ninelives.model.ecs import Json
from ninelives.region import ecs_tags
from ninelives.region.region import Region


def read_tags(call: Call) -> dict[str, str]:
    """The tags of a request that makes something."""
    return ecs_tags.read_tags(call.parameters.get("tags", ()))


def write_tags(tags: Json) -> Sequence[Json]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def tag_resource(region: Region, call: Call) -> Mapping[str, Any]:
    ecs_tags.tag_resource(region, call.parameters["resourceArn"], read_tags(call))
    return {}


def untag_resource(region: Region, call: Call) -> Mapping[str, Any]:
    ecs_tags.untag_resource(region, call.parameters["resourceArn"], call.parameters["tagKeys"])
    return {}


def list_tags_for_resource(region: Region, call: Call) -> Mapping[str, Any]:
    return {"tags": write_tags(ecs_tags.tagged(region, call.parameters["resourceArn"]).tags)}


HANDLERS = {
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}
