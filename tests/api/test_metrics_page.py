"""``GET /_ninelives/metrics`` at the door, with and without IAM; and the calls that the door counts for it."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_door import FIGURES, OpenDoor, RunningDoor

from ninelives.api.authorization.credentials import RegionKeys

Keys = Mapping[str, str]


@pytest.fixture(scope="module")
def enforcing() -> Iterator[RunningDoor]:
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    running = RunningDoor({"cloudwatch": {"ListMetrics": lambda _: {}}}, keys=RegionKeys.new())
    yield running
    running.stop()
    BackendDict.reset()


def scrape(door: RunningDoor, headers: Mapping[str, str] | None = None, method: str = "GET") -> tuple[int, bytes, Any]:
    request = urllib.request.Request(f"{door.url}/_ninelives/metrics", headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read(), response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def basic(key: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()}


def a_user(door: RunningDoor, name: str, *actions: str) -> dict[str, str]:
    """What a scraper sends as this user, who may do that."""
    iam = door.root("iam")
    iam.create_user(UserName=name)
    if actions:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    return basic(keys["AccessKeyId"], keys["SecretAccessKey"])


def test_anybody_on_this_machine_may_scrape_a_region_that_enforces_nothing(open_door: OpenDoor) -> None:
    door = open_door({})
    plain, other = scrape(door), scrape(door, {"Accept": "application/openmetrics-text; version=1.0.0"})

    assert (200, FIGURES, "text/plain") == (plain[0], plain[1], plain[2]["content-type"])
    assert other[2]["content-type"] == "application/openmetrics-text"
    assert (200, b"") == scrape(door, method="HEAD")[:2]
    assert scrape(door, method="POST")[0] == 405
    assert scrape(door, {"Origin": "https://elsewhere.example"})[0] == 403, "pages of other sites read nothing"


def test_where_iam_is_enforced_a_scraper_shows_a_key_that_may_read_metrics(enforcing: RunningDoor) -> None:
    assert enforcing.keys is not None
    reader = a_user(enforcing, "reader", "cloudwatch:GetMetricData")
    stranger = a_user(enforcing, "stranger", "ecs:*")

    assert (200, FIGURES) == scrape(enforcing, reader)[:2]
    assert scrape(enforcing, basic(enforcing.keys.access_key, enforcing.keys.secret))[0] == 200, "the account's own"
    status, told, _ = scrape(enforcing, stranger)
    assert status == 403
    assert b"cloudwatch:GetMetricData" in told


def test_a_wrong_secret_is_asked_for_another(enforcing: RunningDoor) -> None:
    assert enforcing.keys is not None
    for headers in ({}, basic(enforcing.keys.access_key, "guessed"), basic("AKIAIOSFODNN7EXAMPLE", "guessed"),
                    basic("", ""), {"Authorization": "Basic !"}, {"Authorization": "Bearer token"}):  # fmt: skip
        status, told, answered = scrape(enforcing, headers)
        assert (status, FIGURES in told) == (401, False), headers
        assert answered["www-authenticate"].startswith("Basic ")


def test_each_call_is_counted_under_its_operation_and_status(open_door: OpenDoor) -> None:
    door = open_door({"cloudwatch": {"ListMetrics": lambda _: {}}})
    door.client("cloudwatch").list_metrics()
    with pytest.raises(ClientError):
        door.client("cloudwatch").describe_alarms()
    door.client("sns").list_topics()
    door.client("s3").list_buckets()
    urllib.request.urlopen(f"{door.url}/health", timeout=10).close()

    assert [call[:3] for call in door.counted] == [
        ("monitoring", "ListMetrics", 200),
        ("monitoring", "DescribeAlarms", 400),
        ("sns", "ListTopics", 200),
        ("s3", "GET", 200),
    ]
    assert all(call[3] > 0 for call in door.counted)
