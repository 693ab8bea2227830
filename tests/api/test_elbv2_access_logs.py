"""Access logs on their way to the region's own S3, as boto3 finds them."""

import asyncio
import gzip
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ecs_world import PLACE
from running_door import OpenDoor, RunningDoor
from test_elbv2 import FakeDataPlane, FakeNetwork, World, pairs, refusal

from ninelives.api import elbv2
from ninelives.telemetry import access_logs
from ninelives.telemetry.access_logs import AccessLogs

pytestmark = [pytest.mark.usefixtures("fresh_moto"), pytest.mark.filterwarnings("ignore")]

ENDS = datetime(2026, 5, 1, 23, 40, tzinfo=UTC)
ON = {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "logs", "access_logs.s3.prefix": "elb/cats"}


class TellingDataPlane(FakeDataPlane):
    def __init__(self) -> None:
        super().__init__()
        self.tell: Callable[[Sequence[Mapping[str, Any]]], None] = lambda _: None

    def subscribe_requests(self, observed: Callable[[Sequence[Mapping[str, Any]]], None]) -> None:
        self.tell = observed


class LoggedWorld(World):
    def __init__(self, open_door: OpenDoor, directory: Path) -> None:
        self.directory = directory
        self.telling = TellingDataPlane()
        plane: Any = self.telling
        self.data_plane = self.telling
        self.region = asyncio.run(self._region(plane))
        buckets = elbv2.S3LogBuckets(self.call, PLACE)
        self.door: RunningDoor = open_door({"elbv2": elbv2.operations(self.region, FakeNetwork(), buckets=buckets)})
        self.elb, self.s3 = self.door.client("elbv2"), self.door.client("s3")
        self.logs = AccessLogs(self.region, directory, self.call)

    async def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self.door.moto.call(service, operation, parameters)

    def switch_on(self, arn: str, **changed: str) -> None:
        self.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=pairs(ON | changed))

    def deliver(self) -> None:
        asyncio.run_coroutine_threadsafe(self.logs.deliver(ENDS), self.door.loop).result(30)

    def keys(self) -> list[str]:
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket="logs").get("Contents", ())]

    def bucket(self) -> None:
        """One that Elastic Load Balancing may write to."""
        self.s3.create_bucket(Bucket="logs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.allow(**granted())

    def allow(self, **statement: Any) -> None:
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.s3.put_bucket_policy(Bucket="logs", Policy=json.dumps(policy))


def granted(**changed: Any) -> dict[str, Any]:
    """The statement of ELB's documentation."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::logs/elb/cats/AWSLogs/111122223333/*",
        **changed,
    }


@pytest.fixture
def world(open_door: OpenDoor, tmp_path: Path) -> LoggedWorld:
    return LoggedWorld(open_door, tmp_path / "access-logs")


def entry(listener: dict[str, Any], path: str) -> dict[str, Any]:
    from ninelives.routing.access_log import FIELDS

    name = listener["ListenerArn"].partition(":listener/")[2]
    known = {"elb_status_code": 200, "response_code_details": "via_upstream", "method": "GET", "host": "a", "path": path}
    times = {"time": "2026-05-01T23:36:00.000000Z", "request_creation_time": "2026-05-01T23:36:00.000000Z"}
    return {**dict.fromkeys(FIELDS), **known, **times, "listener": name, "protocol": "HTTP/1.1"}


def test_requests_are_found_in_the_bucket_in_albs_layout(world: LoggedWorld) -> None:
    balancer = world.balancer()
    listener = world.listener(balancer, world.group())
    world.telling.tell([entry(listener, "/before")])
    world.bucket()
    world.switch_on(balancer["LoadBalancerArn"])
    assert ["elb/cats/AWSLogs/111122223333/ELBAccessLogTestFile"] == world.keys()

    world.telling.tell([entry(listener, "/one"), {"listener": "app/another/1/2"}])
    world.telling.tell([entry(listener, "/two")])
    world.deliver()

    [_, key] = world.keys()
    balancer_id = balancer["LoadBalancerArn"].rpartition("/")[2]
    start = (
        "elb/cats/AWSLogs/111122223333/elasticloadbalancing/eu-west-1/2026/05/01/"
        f"111122223333_elasticloadbalancing_eu-west-1_app.cats.{balancer_id}_20260501T2340Z_127.0.1.1_"
    )
    assert key.startswith(start)
    assert key.endswith(".log.gz")
    lines = gzip.decompress(world.s3.get_object(Bucket="logs", Key=key)["Body"].read()).decode().splitlines()
    assert ['"GET http://a:8080/one HTTP/1.1"', '"GET http://a:8080/two HTTP/1.1"'] == [
        line[line.index('"') : line.index('" ') + 1] for line in lines
    ]
    assert [] == list(world.directory.iterdir())
    world.deliver()
    assert 2 == len(world.keys()), "no empty logs"


def test_a_bucket_that_is_not_there_is_refused_and_what_it_does_not_take_waits(
    world: LoggedWorld, caplog: pytest.LogCaptureFixture
) -> None:
    balancer = world.balancer()
    listener = world.listener(balancer, world.group())
    modify, arn = world.elb.modify_load_balancer_attributes, balancer["LoadBalancerArn"]
    code, message = refusal(modify, LoadBalancerArn=arn, Attributes=pairs(ON))
    assert ("InvalidConfigurationRequest", "Access Denied for bucket: logs. Please check S3bucket permission") == (
        code,
        message,
    )
    for wrong in ({"access_logs.s3.bucket": ""}, {"access_logs.s3.prefix": "x/AWSLogs"}):
        assert "ValidationError" == refusal(modify, LoadBalancerArn=arn, Attributes=pairs(ON | wrong))[0]
    world.bucket()
    world.switch_on(arn)
    world.s3.delete_object(Bucket="logs", Key="elb/cats/AWSLogs/111122223333/ELBAccessLogTestFile")
    world.s3.delete_bucket(Bucket="logs")

    world.telling.tell([entry(listener, "/one")])
    world.deliver()
    world.deliver()
    assert 1 == caplog.text.count("cannot be delivered")
    world.telling.tell([entry(listener, "/two")])
    world.bucket()
    world.logs = AccessLogs(world.region, world.directory, world.call)
    world.deliver()
    world.deliver()

    assert 2 == len(world.keys())


@pytest.mark.parametrize(
    ("changed", "is_taken"),
    [
        ({}, True),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::156460612806:root"}}, True),
        ({"Principal": {"AWS": "156460612806"}, "Resource": "arn:aws:s3:::logs/*"}, True),
        (
            {
                "Condition": {
                    "ArnLike": {"aws:SourceArn": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/*"}
                }
            },
            True,
        ),
        ({"Effect": "Deny"}, False),
        ({"Principal": {"AWS": "arn:aws:iam::127311923021:root"}}, False),  # of another region
        ({"Principal": {"Service": "delivery.logs.amazonaws.com"}}, False),
        ({"Resource": "arn:aws:s3:::logs/AWSLogs/111122223333/*"}, False),  # not the prefix
        ({"Resource": "arn:aws:s3:::logs"}, False),
        ({"Action": "s3:GetObject"}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}, False),
    ],
)
def test_the_buckets_policy_must_let_elastic_load_balancing_write(
    world: LoggedWorld, changed: dict[str, Any], *, is_taken: bool
) -> None:
    arn = world.balancer()["LoadBalancerArn"]
    world.bucket()
    world.allow(**granted(**changed))

    if is_taken:
        world.switch_on(arn)
        assert ["elb/cats/AWSLogs/111122223333/ELBAccessLogTestFile"] == world.keys()
        return
    code, message = refusal(world.elb.modify_load_balancer_attributes, LoadBalancerArn=arn, Attributes=pairs(ON))
    assert ("InvalidConfigurationRequest", True) == (code, message.startswith("Access Denied for bucket: logs."))
    assert [] == world.keys()
    attributes = world.elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    assert {"Key": "access_logs.s3.enabled", "Value": "false"} in attributes


def test_a_bucket_without_a_policy_is_refused(world: LoggedWorld) -> None:
    arn = world.balancer()["LoadBalancerArn"]
    world.bucket()
    world.s3.delete_bucket_policy(Bucket="logs")

    code, _ = refusal(world.elb.modify_load_balancer_attributes, LoadBalancerArn=arn, Attributes=pairs(ON))

    assert "InvalidConfigurationRequest" == code


def test_what_waits_is_bounded(world: LoggedWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(access_logs, "KEPT_MOST", 2000)
    balancer = world.balancer()
    listener = world.listener(balancer, world.group())
    world.bucket()
    world.switch_on(balancer["LoadBalancerArn"])

    for number in range(100):
        world.telling.tell([entry(listener, f"/{number}")])

    assert sum(one.stat().st_size for one in world.directory.iterdir()) < 3000
    assert "the newest are dropped" in caplog.text


def test_a_state_folder_that_was_deleted_does_not_come_back(world: LoggedWorld, caplog: pytest.LogCaptureFixture) -> None:
    balancer = world.balancer()
    listener = world.listener(balancer, world.group())
    world.bucket()
    world.switch_on(balancer["LoadBalancerArn"])
    shutil.rmtree(world.directory)

    for number in range(2):
        world.telling.tell([entry(listener, f"/{number}")])
        world.deliver()

    assert not world.directory.exists()
    assert caplog.text.count("cannot be taken down") == 1


def test_logs_that_are_switched_off_get_what_was_taken_down_and_those_of_a_load_balancer_that_is_gone_do_not_stay(
    world: LoggedWorld,
) -> None:
    balancer = world.balancer()
    listener, arn = world.listener(balancer, world.group()), balancer["LoadBalancerArn"]
    world.bucket()
    world.switch_on(arn)
    world.telling.tell([entry(listener, "/one")])
    world.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=pairs({"access_logs.s3.enabled": "false"}))
    world.telling.tell([entry(listener, "/unseen")])
    world.deliver()
    [_, key] = world.keys()
    assert b"/unseen" not in gzip.decompress(world.s3.get_object(Bucket="logs", Key=key)["Body"].read())

    world.switch_on(arn)
    world.telling.tell([entry(listener, "/two")])
    assert [] != list(world.directory.iterdir())
    world.elb.delete_load_balancer(LoadBalancerArn=arn)
    world.deliver()
    assert [] == list(world.directory.iterdir())
    assert 2 == len(world.keys())
