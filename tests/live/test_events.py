"""Rules of the region's EventBridge see what happens in it, and their targets get it in order, over a death in between."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from live_region import RegionUnderTest, eventually, free_port, started

from ninelives.cli.background import start_region
from ninelives.cli.settings import ACCOUNT, REGION, process_start

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

OF_DEPLOYMENTS = {"source": ["aws.ecs"], "detail-type": [{"anything-but": "ECS Task State Change"}]}


@pytest.fixture(scope="module")
def region() -> Iterator[RegionUnderTest]:
    with started("host") as region:
        yield region


class Listener(ThreadingHTTPServer):
    """Keeps the JSON that it is sent, and the keys that came with it."""

    def __init__(self, port: int) -> None:
        self.events: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        self.server.events.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.server.keys.add(self.headers["x-key"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def queue(region: RegionUnderTest, name: str) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    sqs = region.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(region: RegionUnderTest, url: str, into: list[Any]) -> list[Any]:
    """``into``, with all that waits in the queue added to it."""
    sqs = region.client("sqs")
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ()):
        for message in messages:
            into.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return into


def destination(region: RegionUnderTest, name: str, endpoint: str) -> str:
    """ARN of an API destination at ``endpoint``, whose connection brings a key along."""
    events = region.client("events")
    connection = events.create_connection(
        Name=name,
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "sesame"}},
    )
    made = events.create_api_destination(
        Name=name, ConnectionArn=connection["ConnectionArn"], InvocationEndpoint=endpoint, HttpMethod="POST"
    )
    arn: str = made["ApiDestinationArn"]
    return arn


def listen(
    region: RegionUnderTest, rule: str, pattern: dict[str, Any], *targets: dict[str, Any], bus: str = "default"
) -> None:
    events = region.client("events")
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern), EventBusName=bus)
    placed = [{"Id": str(number), **target} for number, target in enumerate(targets)]
    assert events.put_targets(Rule=rule, EventBusName=bus, Targets=placed)["FailedEntryCount"] == 0


def names(events: list[dict[str, Any]]) -> list[str]:
    """Names of events, repetitions left out."""
    return list(dict.fromkeys(event["detail"]["eventName"] for event in events))


def test_a_deployments_events_reach_a_queue_a_log_group_and_an_address_in_order(region: RegionUnderTest) -> None:
    logs = region.client("logs")
    logs.create_log_group(logGroupName="/events/ecs")
    url, arn = queue(region, "deployments")
    listener = Listener(free_port())
    try:
        address = destination(region, "here", f"http://127.0.0.1:{listener.server_port}/told")
        group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/events/ecs"
        listen(region, "deployments", OF_DEPLOYMENTS, {"Arn": arn}, {"Arn": group}, {"Arn": address})

        assert region.deploy("good-1")[0] == 0
        by_queue: list[dict[str, Any]] = []
        eventually(lambda: "SERVICE_STEADY_STATE" in names(received(region, url, by_queue)), what="the last event")
        eventually(lambda: len(listener.events) == len(by_queue), what="the same events at the address")
    finally:
        listener.close()

    assert names(by_queue) == [
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_COMPLETED",
        "SERVICE_STEADY_STATE",
    ]
    assert listener.events == by_queue
    assert listener.keys == {"sesame"}
    found = logs.filter_log_events(logGroupName="/events/ecs")["events"]
    assert [json.loads(one["message"]) for one in found] == by_queue
    first = by_queue[0]
    assert (first["version"], first["account"], first["region"], first["source"]) == ("0", ACCOUNT, REGION, "aws.ecs")
    assert first["resources"] == [region.service()["serviceArn"]]
    assert first["detail"]["deploymentId"] == region.service()["deployments"][0]["id"]


def test_what_users_put_on_a_bus_of_their_own_reaches_a_topic_and_is_transformed(region: RegionUnderTest) -> None:
    events, sns = region.client("events"), region.client("sns")
    events.create_event_bus(Name="mine")
    url, arn = queue(region, "mine")
    topic = sns.create_topic(Name="mine")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    transformer = {"InputPathsMap": {"who": "$.detail.who"}, "InputTemplate": '{"cat": <who>}'}
    listen(
        region,
        "mine",
        {"detail": {"lives": [{"numeric": [">", 8]}]}},
        {"Arn": topic, "InputTransformer": transformer},
        bus="mine",
    )

    def entry(**members: Any) -> dict[str, Any]:
        return {"Source": "cats", "DetailType": "told", "EventBusName": "mine"} | members

    answer = events.put_events(
        Entries=[
            entry(Detail=json.dumps({"who": "Tom", "lives": 9})),
            entry(Detail="no json"),
            entry(Detail=json.dumps({"who": "Tim", "lives": 7})),
            entry(Detail="{}", Source="aws.ecs"),
        ]
    )

    assert [one.get("ErrorCode", "taken") for one in answer["Entries"]] == [
        "taken", "MalformedDetail", "taken", "NotAuthorizedForSourceException",
    ]  # fmt: skip
    assert answer["FailedEntryCount"] == 2
    seen: list[Any] = []
    eventually(lambda: received(region, url, seen), what="the message")
    assert seen == [{"cat": "Tom"}]
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.put_events(Entries=[entry(Detail="{}", EventBusName="nowhere")])


def test_an_archive_keeps_what_a_bus_takes_and_a_replay_brings_it_again(region: RegionUnderTest) -> None:
    events = region.client("events")
    bus = events.create_event_bus(Name="kept")["EventBusArn"]
    archive = events.create_archive(ArchiveName="kept", EventSourceArn=bus, EventPattern='{"source": ["cats"]}')
    for source in ("cats", "dogs"):
        events.put_events(Entries=[{"Source": source, "DetailType": "told", "Detail": '{"n": 1}', "EventBusName": "kept"}])
    eventually(lambda: events.describe_archive(ArchiveName="kept")["EventCount"], what="the archived event")

    url, arn = queue(region, "again")
    listen(region, "again", {"source": ["cats"]}, {"Arn": arn}, bus="kept")
    span = {"EventStartTime": "2020-01-01", "EventEndTime": "2100-01-01"}
    events.start_replay(ReplayName="r", EventSourceArn=archive["ArchiveArn"], Destination={"Arn": bus}, **span)

    (event,) = eventually(lambda: received(region, url, []), what="the replay")
    assert (event["replay-name"], event["source"], event["detail"]) == ("r", "cats", {"n": 1})
    assert events.describe_archive(ArchiveName="kept")["EventCount"] == 1


def test_a_pattern_can_be_tried_out(region: RegionUnderTest) -> None:
    events = region.client("events")
    event = json.dumps({
        "id": "1", "account": ACCOUNT, "source": "aws.ecs", "time": "2026-01-01T00:00:00Z", "region": REGION,
        "resources": [], "detail-type": "ECS Task State Change", "detail": {"lastStatus": "STOPPED"},
    })  # fmt: skip

    assert events.test_event_pattern(EventPattern='{"detail": {"lastStatus": ["STOPPED"]}}', Event=event)["Result"] is True
    assert events.test_event_pattern(EventPattern='{"source": ["aws.ec2"]}', Event=event)["Result"] is False
    with pytest.raises(events.exceptions.InvalidEventPatternException):
        events.test_event_pattern(EventPattern='{"source": "aws.ecs"}', Event=event)


def test_an_event_that_waits_for_its_target_outlives_the_control_plane(region: RegionUnderTest) -> None:
    port = free_port()
    listen(region, "later", {"source": ["cats"]}, {"Arn": destination(region, "later", f"http://127.0.0.1:{port}/")})
    events = region.client("events")
    events.put_events(Entries=[{"Source": "cats", "DetailType": "told", "Detail": '{"n": 1}'}])
    eventually(lambda: "cannot be reached" in region.settings.log_file.read_text(), what="a try in vain")

    os.kill(region.running.pid, signal.SIGKILL)
    eventually(lambda: process_start(region.running.pid) != region.running.started, what="the end of the control process")
    listener = Listener(port)
    try:
        region.running = start_region(region.settings)

        eventually(lambda: listener.events, what="the event, tried again")
    finally:
        listener.close()
    assert [event["detail"] for event in listener.events] == [{"n": 1}]
