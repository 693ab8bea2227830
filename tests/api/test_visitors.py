"""A page of another site, open in a browser on this machine, can neither read nor change anything here."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

import pytest
from running_door import OpenDoor, RunningDoor

from ninelives.api.call import Call
from ninelives.api.visitors import why_unwelcome

SIGNED = {
    "authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/ecs/aws4_request, SignedHeaders=host, Signature=0",
    "x-amz-target": "AmazonEC2ContainerServiceV20141113.ListClusters",
    "content-type": "application/x-amz-json-1.1",
}
HERE = "127.0.0.1:4566"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": HERE},
        {"host": "localhost:4566"},
        {"host": "localhost."},
        {"host": "[::1]:4566"},
        {"host": "192.168.1.7:4566"},
        {"host": "pictures.s3.localhost:4566"},
        {"host": "ninelives:4566"},
        {"host": "host.docker.internal:4566"},
        {"host": HERE, "origin": "http://127.0.0.1:4566", "sec-fetch-site": "same-origin"},
        {"host": HERE, "origin": "http://localhost:3000", "sec-fetch-site": "cross-site"},
        {"host": HERE, "origin": "http://[::1]:3000"},
        {"host": HERE, "referer": "http://localhost:3000/", "sec-fetch-site": "cross-site"},
        {"host": HERE, "sec-fetch-site": "none"},
        {"host": "192.168.1.7:4566", "origin": "http://192.168.1.7:4566"},
    ],
)
def test_clients_and_local_pages_are_welcome(headers: Mapping[str, str]) -> None:
    assert why_unwelcome(headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:4566"},
        {"host": "evil.example:4566", "origin": "http://evil.example:4566", "sec-fetch-site": "same-origin"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost.evil.example"},
        {"host": "[not-an-address"},
        {"host": HERE, "origin": "https://evil.example"},
        {"host": HERE, "origin": "http://203.0.113.9"},
        {"host": HERE, "origin": "http://localhost.evil.example"},
        {"host": HERE, "origin": "null"},
        {"host": HERE, "origin": ""},
        {"host": HERE, "origin": "http://[broken"},
        {"host": HERE, "sec-fetch-site": "cross-site"},
        {"host": HERE, "sec-fetch-site": "cross-site", "referer": "https://evil.example/"},
    ],
)
def test_pages_of_other_sites_are_not(headers: Mapping[str, str]) -> None:
    assert why_unwelcome(headers) is not None


@pytest.fixture
def asked() -> list[Call]:
    return []


@pytest.fixture
def door(open_door: OpenDoor, asked: list[Call]) -> RunningDoor:
    def answer(call: Call) -> Mapping[str, object]:
        asked.append(call)
        return {}

    return open_door({"ecs": {"ListClusters": answer}, "elbv2": {"DescribeLoadBalancers": answer}})


def ask(url: str, headers: Mapping[str, str], body: bytes | None = None) -> tuple[int, str]:
    """Status and body of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=dict(headers))) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def load_balancers(door: RunningDoor, **form: str) -> str:
    """A URL that asks for them with a signature in its query."""
    signed = {"X-Amz-Credential": "AKIA/20260101/eu-west-1/elasticloadbalancing/aws4_request"}
    return f"{door.url}/?{urllib.parse.urlencode(signed | form)}"


def test_a_name_that_was_made_to_point_here_gets_no_answer(door: RunningDoor, asked: list[Call]) -> None:
    status, body = ask(door.url, {**SIGNED, "host": f"evil.example:{door.port}"}, b"{}")

    assert status == 403
    told = json.loads(body)
    assert told["__type"] == "AccessDeniedException"
    assert "evil.example" in told["message"]
    assert asked == []


def test_a_form_of_another_site_changes_nothing(door: RunningDoor, asked: list[Call]) -> None:
    form = b"Action=DescribeLoadBalancers&Version=2015-12-01"

    status, body = ask(load_balancers(door), {"origin": "https://evil.example"}, form)

    assert status == 403
    assert "<Code>AccessDenied</Code>" in body
    assert asked == []


def test_a_picture_of_another_site_changes_nothing(door: RunningDoor, asked: list[Call]) -> None:
    url = load_balancers(door, Action="DescribeLoadBalancers", Version="2015-12-01")

    status, _ = ask(url, {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"})

    assert status == 403
    assert asked == []
    assert ask(url, {})[0] == 200


def test_the_registry_is_closed_to_them_too(open_door: OpenDoor) -> None:
    async def registry(_scope: object, _receive: object, _send: object) -> None:
        pytest.fail("the registry was asked")

    door = open_door({}, registry=registry)

    status, body = ask(f"{door.url}/v2/_catalog", {"host": "evil.example"})

    assert status == 403
    assert "evil.example" in body


def test_health_is_everyones(door: RunningDoor) -> None:
    assert ask(f"{door.url}/health", {"sec-fetch-site": "cross-site"})[0] == 200
