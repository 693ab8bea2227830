"""SQS. Source: ``sqs`` 2012-11-05."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared, Setting, Step, Tagging, Written, ask, described, own_tags
from ninelives.stacks.resource_type import Request
from ninelives.stacks.spelling import document, document_text
from ninelives.stacks.types.sns import attribute, typed

DEFAULTS: Final[Mapping[str, str]] = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
}
"""What an attribute is that a template no longer has. Source: ``SetQueueAttributes``."""

ATTRIBUTES: Final = (
    "ContentBasedDeduplication DeduplicationScope DelaySeconds FifoThroughputLimit KmsDataKeyReusePeriodSeconds "
    "KmsMasterKeyId MaximumMessageSize MessageRetentionPeriod ReceiveMessageWaitTimeSeconds RedriveAllowPolicy RedrivePolicy "
    "SqsManagedSseEnabled VisibilityTimeout"
)


def _name(it: Request) -> str:
    given = it.properties.get("QueueName")
    suffix = ".fifo" if it.properties.get("FifoQueue") else ""
    return str(given) if given else it.name(80 - len(suffix)) + suffix


def _given(it: Request) -> dict[str, str | None]:
    return {name: attribute(it.properties[name]) for name in ATTRIBUTES.split() if name in it.properties}


async def _add_tags(it: Request, _: Mapping[str, str]) -> None:
    if own_tags(it):
        await ask(it, "sqs:TagQueue", {"QueueUrl": it.physical_id, "Tags": own_tags(it)})


async def _remove_tags(it: Request, keys: list[str]) -> None:
    await ask(it, "sqs:UntagQueue", {"QueueUrl": it.physical_id, "TagKeys": keys})


def _changes(it: Request) -> Mapping[str, Any]:
    changed = sorted(it.changed.intersection(ATTRIBUTES.split()))
    attributes = {name: attribute(it.properties.get(name)) or DEFAULTS.get(name, "") for name in changed}
    return {"QueueUrl": it.physical_id, "Attributes": attributes}


def _attributes_of(url: str) -> Mapping[str, Any]:
    return {"QueueUrl": url, "AttributeNames": ["All"]}


async def _queue(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes = found["Attributes"]
    arn = attributes["QueueArn"]
    is_fifo = True if attributes.get("FifoQueue") == "true" else None
    live = {name: typed(attributes[name]) for name in ATTRIBUTES.split() if attributes.get(name)}
    return {"Arn": arn, "QueueName": arn.rpartition(":")[2], "QueueUrl": it.physical_id, "FifoQueue": is_fifo, **live}


async def _find(it: Request) -> str | None:
    found = await described(Step("sqs:GetQueueUrl", lambda _: {"QueueName": _name(it)}), "")(it)
    return str(found["QueueUrl"]) if found else None


QUEUE: Final = Declared(
    name="AWS::SQS::Queue",
    takes="QueueName FifoQueue",
    create_by=Step(
        "sqs:CreateQueue",
        lambda it: {
            "QueueName": _name(it),
            "Attributes": {**_given(it), "FifoQueue": "true" if it.properties.get("FifoQueue") else None},
            "tags": own_tags(it) or None,
        },
    ),
    identified_by="QueueUrl",
    parts=(Setting(ATTRIBUTES, Step("sqs:SetQueueAttributes", _changes), is_made=True), Tagging(_add_tags, _remove_tags)),
    read_by=described(Step("sqs:GetQueueAttributes", lambda it: _attributes_of(it.physical_id)), "", _queue),
    delete_by=(Step("sqs:DeleteQueue", lambda it: {"QueueUrl": it.physical_id}),),
    find_by=_find,
)


async def _put_policy(it: Request, url: str) -> None:
    policy = document_text(it.properties["PolicyDocument"])
    await ask(it, "sqs:SetQueueAttributes", {"QueueUrl": url, "Attributes": {"Policy": policy}})


async def _remove_policy(it: Request, url: str) -> None:
    await ask(it, "sqs:SetQueueAttributes", {"QueueUrl": url, "Attributes": {"Policy": ""}})


async def _policy_read(it: Request) -> Mapping[str, Any] | None:
    queues = it.properties["Queues"]
    found = await described(Step("sqs:GetQueueAttributes", lambda _: _attributes_of(queues[0])), "")(it)
    policy = (found or {}).get("Attributes", {}).get("Policy")
    return {"Id": it.physical_id, "Queues": queues, "PolicyDocument": document(policy)} if policy else None


QUEUE_POLICY: Final = Declared(
    name="AWS::SQS::QueuePolicy",
    parts=(Written("PolicyDocument Queues", lambda properties: properties["Queues"], _put_policy, _remove_policy),),
    read_by=_policy_read,
)

TYPES: Final = (QUEUE, QUEUE_POLICY)
