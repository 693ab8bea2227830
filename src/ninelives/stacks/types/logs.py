"""CloudWatch Logs. Source: ``logs`` 2014-03-28."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared, Named, Setting, Step, Tagging, ask, described
from ninelives.stacks.resource_type import Request
from ninelives.stacks.spelling import api_spelling, template_spelling

GROUP_NAME: Final = Named(name="LogGroupName", limit=512)
STREAM_NAME: Final = Named(name="LogStreamName", limit=512)
FILTER_NAME: Final = Named(name="FilterName", limit=512)


def _group(it: Request) -> Mapping[str, Any]:
    return {"logGroupName": it.physical_id}


async def _add_tags(it: Request, tags: Mapping[str, str]) -> None:
    await ask(it, "logs:TagLogGroup", {**_group(it), "tags": tags})


async def _remove_tags(it: Request, keys: list[str]) -> None:
    await ask(it, "logs:UntagLogGroup", {**_group(it), "tags": keys})


async def _group_read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        **template_spelling("AWS::Logs::LogGroup", found),
        "Arn": it.place.arn("logs", f"log-group:{it.physical_id}:*"),
    }


LOG_GROUP: Final = Declared(
    name="AWS::Logs::LogGroup",
    takes="LogGroupName KmsKeyId LogGroupClass",
    create_by=Step(
        "logs:CreateLogGroup",
        lambda it: {
            "logGroupName": GROUP_NAME(it),
            "kmsKeyId": it.properties.get("KmsKeyId"),
            "logGroupClass": it.properties.get("LogGroupClass"),
            "tags": it.all_tags() or None,
        },
    ),
    identified_by=lambda it, _: GROUP_NAME(it),
    named=GROUP_NAME,
    parts=(
        Setting(
            "RetentionInDays",
            Step("logs:PutRetentionPolicy", lambda it: {**_group(it), "retentionInDays": it.properties["RetentionInDays"]}),
            clear=Step("logs:DeleteRetentionPolicy", _group),
        ),
        Tagging(_add_tags, _remove_tags),
    ),
    read_by=described(
        Step("logs:DescribeLogGroups", lambda it: {"logGroupNamePrefix": it.physical_id}),
        "logGroups",
        _group_read,
        where=lambda it, one: one["logGroupName"] == it.physical_id,
    ),
    delete_by=(Step("logs:DeleteLogGroup", _group),),
)


def _stream(it: Request) -> Mapping[str, Any]:
    return {"logGroupName": it.properties["LogGroupName"], "logStreamName": it.physical_id or STREAM_NAME(it)}


async def _stream_read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"LogGroupName": it.properties["LogGroupName"], "LogStreamName": found["logStreamName"]}


LOG_STREAM: Final = Declared(
    name="AWS::Logs::LogStream",
    takes="LogGroupName LogStreamName",
    create_by=Step("logs:CreateLogStream", _stream),
    identified_by=lambda it, _: STREAM_NAME(it),
    named=STREAM_NAME,
    read_by=described(
        Step(
            "logs:DescribeLogStreams",
            lambda it: {"logGroupName": it.properties["LogGroupName"], "logStreamNamePrefix": it.physical_id},
        ),
        "logStreams",
        _stream_read,
        where=lambda it, one: one["logStreamName"] == it.physical_id,
    ),
    delete_by=(Step("logs:DeleteLogStream", _stream),),
)

FILTER: Final = "AWS::Logs::MetricFilter"


def _filter(it: Request) -> Mapping[str, Any]:
    return {"logGroupName": it.properties["LogGroupName"], "filterName": it.physical_id or FILTER_NAME(it)}


def _put_filter(it: Request) -> Mapping[str, Any]:
    given = api_spelling(FILTER, it.properties)
    for transformation in given["metricTransformations"]:
        pairs = transformation.get("dimensions")
        if pairs is not None:
            transformation["dimensions"] = {pair["key"]: pair["value"] for pair in pairs}
    return {**given, **_filter(it)}


async def _filter_read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    del it
    live = template_spelling(FILTER, found)
    for transformation, told in zip(live["MetricTransformations"], found["metricTransformations"], strict=True):
        if "dimensions" in told:
            transformation["Dimensions"] = [{"Key": key, "Value": value} for key, value in told["dimensions"].items()]
    return live


async def _put_again(it: Request) -> None:
    await ask(it, "logs:PutMetricFilter", _put_filter(it))


METRIC_FILTER: Final = Declared(
    name=FILTER,
    takes="LogGroupName FilterName FilterPattern MetricTransformations ApplyOnTransformedLogs",
    create_by=Step("logs:PutMetricFilter", _put_filter),
    identified_by=lambda it, _: FILTER_NAME(it),
    named=FILTER_NAME,
    update_by=_put_again,
    read_by=described(
        Step(
            "logs:DescribeMetricFilters",
            lambda it: {"logGroupName": it.properties["LogGroupName"], "filterNamePrefix": it.physical_id},
        ),
        "metricFilters",
        _filter_read,
        where=lambda it, one: one["filterName"] == it.physical_id,
    ),
    delete_by=(Step("logs:DeleteMetricFilter", _filter),),
)

TYPES: Final = (LOG_GROUP, LOG_STREAM, METRIC_FILTER)
