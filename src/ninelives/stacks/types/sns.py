"""SNS. Source: ``sns`` 2010-03-31."""

import json
from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared, Members, Step, Written, ask, described, tag_list, tagging, take
from ninelives.stacks.resource_type import Request
from ninelives.stacks.spelling import document, document_text

TOPIC_ATTRIBUTES: Final = (
    "ArchivePolicy ContentBasedDeduplication DisplayName FifoThroughputScope KmsMasterKeyId SignatureVersion TracingConfig"
)
SUBSCRIPTION_ATTRIBUTES: Final = (
    "DeliveryPolicy FilterPolicy FilterPolicyScope RawMessageDelivery RedrivePolicy ReplayPolicy SubscriptionRoleArn"
)


def attribute(value: Any) -> str | None:
    """A property as SNS's and SQS's attributes have it: all are texts.

    >>> attribute(True), attribute(5), attribute({"a": 1})
    ('true', '5', '{"a": 1}')
    """
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def typed(text: str) -> Any:
    """An attribute as a template has it.

    >>> typed("true"), typed("300"), typed('{"a": 1}'), typed("a text")
    (True, 300, {'a': 1}, 'a text')
    """
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found


def _name(it: Request) -> str:
    given = it.properties.get("TopicName")
    suffix = ".fifo" if it.properties.get("FifoTopic") else ""
    return str(given) if given else it.name(256 - len(suffix)) + suffix


def _given(it: Request, names: str) -> dict[str, str | None]:
    return {name: attribute(it.properties[name]) for name in names.split() if name in it.properties}


class _Attributes:
    """Attributes that are set one by one, ``arn`` naming what they belong to."""

    def __init__(self, kind: str, arn: str, names: str) -> None:
        self._kind, self._arn, self.names = kind, arn, tuple(names.split())

    async def make(self, it: Request) -> None:
        pass

    async def change(self, it: Request) -> None:
        for name in sorted(it.changed.intersection(self.names)):
            value = attribute(it.properties.get(name)) or ""
            parameters = {self._arn: it.physical_id, "AttributeName": name, "AttributeValue": value}
            await ask(it, f"sns:Set{self._kind}Attributes", parameters)

    async def unmake(self, it: Request) -> None:
        pass


async def _subscribe(it: Request, one: Mapping[str, Any]) -> None:
    await ask(it, "sns:Subscribe", {"TopicArn": it.physical_id, **one})


async def _unsubscribe(it: Request, one: Mapping[str, Any]) -> None:
    answer = await ask(it, "sns:ListSubscriptionsByTopic", {"TopicArn": it.physical_id})
    for found in answer["Subscriptions"]:
        if (found["Protocol"], found["Endpoint"]) == (one["Protocol"], one["Endpoint"]):
            await ask(it, "sns:Unsubscribe", {"SubscriptionArn": found["SubscriptionArn"]})


def _typed(found: Mapping[str, Any], names: str) -> Mapping[str, Any]:
    attributes = found["Attributes"]
    return {name: typed(attributes[name]) for name in names.split() if attributes.get(name)}


async def _topic(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    name = it.physical_id.rpartition(":")[2]
    listed = (await ask(it, "sns:ListSubscriptionsByTopic", {"TopicArn": it.physical_id}))["Subscriptions"]
    mine = [(one["Protocol"], one["Endpoint"]) for one in it.properties.get("Subscription", ())]
    ends = [(one["Protocol"], one["Endpoint"]) for one in listed]
    return {
        "TopicArn": it.physical_id,
        "TopicName": name,
        "FifoTopic": True if name.endswith(".fifo") else None,
        "DisplayName": found["Attributes"].get("DisplayName") or None,
        "Subscription": [{"Protocol": protocol, "Endpoint": end} for protocol, end in ends if (protocol, end) in mine] or None,
        **_typed(found, "ContentBasedDeduplication KmsMasterKeyId SignatureVersion TracingConfig"),
    }


def _topic_request(it: Request) -> Mapping[str, Any]:
    attributes = {**_given(it, TOPIC_ATTRIBUTES), "FifoTopic": "true" if it.properties.get("FifoTopic") else None}
    return {"Name": _name(it), "Tags": tag_list(it), "Attributes": attributes}


async def _find_topic(it: Request) -> str | None:
    arn = it.place.arn("sns", _name(it))
    found = await described(Step("sns:GetTopicAttributes", lambda _: {"TopicArn": arn}), "")(it)
    return arn if found else None


TOPIC: Final = Declared(
    name="AWS::SNS::Topic",
    takes="TopicName FifoTopic",
    create_by=Step("sns:CreateTopic", _topic_request),
    identified_by="TopicArn",
    parts=(
        _Attributes("Topic", "TopicArn", TOPIC_ATTRIBUTES),
        Members("Subscription", _subscribe, _unsubscribe, is_unmade=True),
        tagging("sns:TagResource", "sns:UntagResource", lambda it: {"ResourceArn": it.physical_id}),
    ),
    read_by=described(Step("sns:GetTopicAttributes", lambda it: {"TopicArn": it.physical_id}), "", _topic),
    delete_by=(Step("sns:DeleteTopic", lambda it: {"TopicArn": it.physical_id}),),
    find_by=_find_topic,
    refused={
        "DataProtectionPolicy": "messages stay on this machine, and are not inspected",
        "DeliveryStatusLogging": "deliveries are not logged",
        "MaximumMessageSize": "moto, which keeps this region's topics, does not act on it",
    },
)


async def _subscription(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes = found["Attributes"]
    live = {name: attributes.get(name) for name in ("TopicArn", "Protocol", "Endpoint")}
    return {"Arn": it.physical_id, **live, **_typed(found, SUBSCRIPTION_ATTRIBUTES)}


SUBSCRIPTION: Final = Declared(
    name="AWS::SNS::Subscription",
    takes="TopicArn Protocol Endpoint Region",
    create_by=Step(
        "sns:Subscribe",
        lambda it: {
            **take("TopicArn Protocol Endpoint")(it),
            "Attributes": _given(it, SUBSCRIPTION_ATTRIBUTES) or None,
            "ReturnSubscriptionArn": True,
        },
    ),
    identified_by="SubscriptionArn",
    parts=(_Attributes("Subscription", "SubscriptionArn", SUBSCRIPTION_ATTRIBUTES),),
    read_by=described(
        Step("sns:GetSubscriptionAttributes", lambda it: {"SubscriptionArn": it.physical_id}), "", _subscription
    ),
    delete_by=(Step("sns:Unsubscribe", lambda it: {"SubscriptionArn": it.physical_id}),),
)


async def _put_policy(it: Request, topic: str) -> None:
    policy = document_text(it.properties["PolicyDocument"])
    parameters = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy}
    await ask(it, "sns:SetTopicAttributes", parameters)


async def _reset_policy(it: Request, topic: str) -> None:
    """The policy that a new topic has: its owner may do all."""
    parameters = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": json.dumps(_owner_policy(it, topic))}
    await ask(it, "sns:SetTopicAttributes", parameters)


def _owner_policy(it: Request, topic: str) -> Mapping[str, Any]:
    """Source: "Example cases for Amazon SNS access control", the default policy."""
    actions = (
        "AddPermission DeleteTopic GetTopicAttributes ListSubscriptionsByTopic Publish RemovePermission SetTopicAttributes"
    )
    return {
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [
            {
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [f"SNS:{name}" for name in (*actions.split(), "Subscribe")],
                "Resource": topic,
                "Condition": {"StringEquals": {"AWS:SourceOwner": it.place.account}},
            }
        ],
    }


async def _policy_read(it: Request) -> Mapping[str, Any] | None:
    topics = it.properties["Topics"]
    found = await described(Step("sns:GetTopicAttributes", lambda it: {"TopicArn": it.properties["Topics"][0]}), "")(it)
    if found is None:
        return None
    policy = document(found["Attributes"].get("Policy"))
    if policy == _owner_policy(it, topics[0]):
        return None
    return {"Id": it.physical_id, "Topics": topics, "PolicyDocument": policy}


TOPIC_POLICY: Final = Declared(
    name="AWS::SNS::TopicPolicy",
    parts=(Written("PolicyDocument Topics", lambda properties: properties["Topics"], _put_policy, _reset_policy),),
    read_by=_policy_read,
)

TYPES: Final = (TOPIC, SUBSCRIPTION, TOPIC_POLICY)
