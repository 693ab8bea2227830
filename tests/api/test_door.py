import asyncio
import gzip
import json
import logging
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from running_door import OpenDoor, RunningDoor

from ninelives import __version__
from ninelives.api.call import Call
from ninelives.model.errors import ApiError

CREATED = datetime(2026, 11, 23, 20, 0, 0, 123000, tzinfo=UTC)


def describe_services(call: Call) -> Mapping[str, Any]:
    names = call.parameters["services"]
    if call.parameters.get("cluster") == "gone":
        raise ApiError("ClusterNotFoundException", "Cluster not found.")
    return {
        "services": [{"serviceName": name, "createdAt": CREATED, "desiredCount": 0, "roleArn": None} for name in names],
        "failures": [],
    }


async def create_cluster(call: Call) -> Mapping[str, Any]:
    await asyncio.sleep(0)
    return {"cluster": {"clusterName": call.parameters["clusterName"], "clusterArn": call.place.cluster("x")}}


def broken(_: Call) -> Mapping[str, Any]:
    raise ZeroDivisionError


def describe_target_health(call: Call) -> Mapping[str, Any]:
    if call.parameters["TargetGroupArn"] == "gone":
        raise ApiError("TargetGroupNotFoundException", "One or more target groups not found")
    return {"TargetHealthDescriptions": [{"Target": target} for target in call.parameters.get("Targets", [])]}


def describe_load_balancers(_: Call) -> Mapping[str, Any]:
    return {"LoadBalancers": [{"LoadBalancerName": "<cats & dogs>", "CreatedTime": CREATED, "AvailabilityZones": []}]}


def describe_repositories(call: Call) -> Mapping[str, Any]:
    return {"repositories": [{"repositoryName": name, "createdAt": CREATED} for name in call.parameters["repositoryNames"]]}


OPERATIONS = {
    "ecs": {"DescribeServices": describe_services, "CreateCluster": create_cluster, "ListTasks": broken},
    "elbv2": {
        "DescribeTargetHealth": describe_target_health,
        "DescribeLoadBalancers": describe_load_balancers,
        "DescribeTags": broken,
    },
    "ecr": {"DescribeRepositories": describe_repositories},
}


@pytest.fixture
def door(open_door: OpenDoor) -> RunningDoor:
    return open_door(OPERATIONS)


def refusal(call: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def post(door: RunningDoor, body: bytes | None, headers: Mapping[str, str], path: str = "/") -> tuple[int, str, bytes]:
    """Status, content type and body."""
    request = urllib.request.Request(door.url + path, data=body, headers=dict(headers), method="POST")
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.headers["content-type"], response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["content-type"], error.read()


def signed(service: str, region: str = "eu-west-1", **headers: str) -> dict[str, str]:
    scope = f"AKIAIOSFODNN7EXAMPLE/20261123/{region}/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }


def test_json_answers_arrive_as_the_handler_gave_them(door: RunningDoor) -> None:
    answer = door.client("ecs").describe_services(cluster="c", services=["cats", "dogs"])

    assert [service["serviceName"] for service in answer["services"]] == ["cats", "dogs"]
    assert answer["services"][0] == {"serviceName": "cats", "createdAt": CREATED, "desiredCount": 0}
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36


def test_an_async_handler_is_awaited(door: RunningDoor) -> None:
    answer = door.client("ecs").create_cluster(clusterName="Staging-Cluster")

    assert answer["cluster"]["clusterArn"] == "arn:aws:ecs:eu-west-1:111122223333:cluster/x"


def test_query_answers_arrive_as_the_handler_gave_them(door: RunningDoor) -> None:
    client = door.client("elbv2")
    targets = [{"Id": f"10.0.0.{number}", "Port": 80} for number in range(1, 12)]
    found = client.describe_load_balancers()["LoadBalancers"][0]

    assert found == {"LoadBalancerName": "<cats & dogs>", "CreatedTime": CREATED, "AvailabilityZones": []}
    described = client.describe_target_health(TargetGroupArn="g", Targets=targets)["TargetHealthDescriptions"]
    assert [entry["Target"] for entry in described] == targets


def test_ecr_speaks_its_json(door: RunningDoor) -> None:
    found = door.client("ecr").describe_repositories(repositoryNames=["cats"])["repositories"]

    assert found == [{"repositoryName": "cats", "createdAt": CREATED}]


def test_a_refusal_reaches_the_client_with_code_and_message(door: RunningDoor) -> None:
    ecs, elbv2 = door.client("ecs"), door.client("elbv2")

    assert refusal(lambda: ecs.describe_services(cluster="gone", services=["a"])) == (
        "ClusterNotFoundException",
        "Cluster not found.",
        400,
    )
    with pytest.raises(ecs.exceptions.ClusterNotFoundException):
        ecs.describe_services(cluster="gone", services=["a"])
    assert refusal(lambda: elbv2.describe_target_health(TargetGroupArn="gone")) == (
        "TargetGroupNotFound",
        "One or more target groups not found",
        400,
    )
    with pytest.raises(elbv2.exceptions.TargetGroupNotFoundException):
        elbv2.describe_target_health(TargetGroupArn="gone")


@pytest.mark.parametrize(
    ("service", "call", "code", "name"),
    [
        (
            "ecs",
            lambda client: client.delete_task_set(cluster="c", service="s", taskSet="t"),
            "UnknownOperationException",
            "ecs:DeleteTaskSet",
        ),
        ("elbv2", lambda client: client.describe_ssl_policies(), "InvalidAction", "elbv2:DescribeSSLPolicies"),
        ("ecr", lambda client: client.describe_registry(), "UnknownOperationException", "ecr:DescribeRegistry"),
    ],
)
def test_an_operation_that_is_not_there_yet_is_said_so_and_not_retried(
    door: RunningDoor, service: str, call: Any, code: str, name: str
) -> None:
    client = door.client(service, config=Config(retries={"total_max_attempts": 4}))

    with pytest.raises(ClientError) as caught:
        call(client)
    assert caught.value.response["Error"] == {"Code": code, "Message": f"ninelives does not implement {name} yet."} | (
        {"Type": "Sender"} if service == "elbv2" else {}
    )
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_an_operation_that_aws_does_not_have_is_unknown(door: RunningDoor) -> None:
    target = "AmazonEC2ContainerServiceV20141113.FeedCats"
    status, _, body = post(door, b"{}", signed("ecs", X_Amz_Target=target))

    assert (status, json.loads(body)["__type"]) == (400, "UnknownOperationException")
    status, _, body = post(door, b"Action=FeedCats&Version=2015-12-01", signed("elasticloadbalancing"))
    assert status == 400
    assert b"<Code>InvalidAction</Code><Message>The action FeedCats is not valid for this web service.</Message>" in body


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
def test_malformed_json_is_a_serialization_exception(door: RunningDoor, body: bytes) -> None:
    for service, target in (
        ("ecs", "AmazonEC2ContainerServiceV20141113.CreateCluster"),
        ("logs", "Logs_20140328.CreateLogGroup"),
    ):
        status, kind, answer = post(door, body, signed(service, X_Amz_Target=target))

        assert (status, kind) == (400, "application/x-amz-json-1.1")
        assert json.loads(answer)["__type"] == "SerializationException"


def test_a_request_that_breaks_the_model_is_refused_by_the_services_own_code(door: RunningDoor) -> None:
    target = "AmazonEC2ContainerServiceV20141113.DescribeServices"
    status, _, body = post(door, b"{}", signed("ecs", X_Amz_Target=target))

    assert status == 400
    assert json.loads(body)["__type"] == "InvalidParameterException"
    assert json.loads(body)["message"].endswith(
        "Value null at 'services' failed to satisfy constraint: Member must not be null"
    )
    status, _, body = post(door, b"Action=DescribeTargetHealth&Version=2015-12-01", signed("elasticloadbalancing"))
    assert (status, b"<Code>ValidationError</Code>" in body, b"TargetGroupArn" in body) == (400, True, True)


@pytest.mark.parametrize(
    ("service", "code"), [("ecs", "InvalidSignatureException"), ("elasticloadbalancing", "SignatureDoesNotMatch")]
)
def test_another_region_is_named_in_the_refusal(door: RunningDoor, service: str, code: str) -> None:
    target = {"X_Amz_Target": "AmazonEC2ContainerServiceV20141113.ListClusters"} if service == "ecs" else {}
    status, _, body = post(door, b"Action=DescribeTags", signed(service, "us-east-1", **target))

    assert status in {400, 403}
    assert code in body.decode()
    assert "eu-west-1" in body.decode()
    assert "us-east-1" in body.decode()


def test_a_fault_of_ours_is_a_server_error_and_logged(door: RunningDoor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="ninelives"):
        assert refusal(lambda: door.client("ecs").list_tasks())[::2] == ("ServerException", 500)
        assert refusal(lambda: door.client("elbv2").describe_tags(ResourceArns=["a"]))[::2] == ("InternalFailure", 500)

    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError] * 2


def test_cbor_is_refused_in_cbor(door: RunningDoor) -> None:
    headers = signed("ecs", smithy_protocol="rpc-v2-cbor", Content_Type="application/cbor")
    status, kind, body = post(door, b"\xa0", headers, "/service/ECS/operation/ListClusters")

    assert (status, kind) == (400, "application/cbor")
    assert b"UnknownOperationException" in body


def test_health_needs_no_signature(door: RunningDoor) -> None:
    for path in ("/health", "/_ninelives/health"):
        with urllib.request.urlopen(door.url + path) as response:
            assert json.load(response) == {"status": "ok", "version": __version__, "region": "eu-west-1"}


def test_what_is_not_signed_is_refused(door: RunningDoor) -> None:
    target = "AmazonEC2ContainerServiceV20141113.ListTasks"
    status, kind, body = post(door, b"{}", {"X-Amz-Target": target})
    assert (status, json.loads(body)["__type"]) == (403, "MissingAuthenticationTokenException")

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, kind, body = post(door, b"Action=DescribeLoadBalancers", form)
    assert (status, b"<Code>MissingAuthenticationToken</Code>" in body) == (403, True)

    status, kind, body = post(door, None, {}, "/somewhere")
    assert (status, kind.startswith("text/plain"), b"AWS_ENDPOINT_URL" in body) == (403, True, True)

    status, kind, body = post(door, b"{}", {"X-Amz-Target": target, "Authorization": "AWS4-HMAC-SHA256 Credential=nonsense"})
    assert (status, json.loads(body)["__type"]) == (400, "IncompleteSignatureException")


def test_motos_own_paths_are_closed(door: RunningDoor) -> None:
    assert post(door, None, signed("ec2"), "/moto-api/reset")[0] == 404
    assert post(door, None, {}, "/moto-api/reset")[0] == 403


def test_the_registry_gets_v2_unless_it_is_signed_for_aws(open_door: OpenDoor) -> None:
    async def registry(scope: Any, _: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-type", b"text/oci")]})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    door = open_door(OPERATIONS, registry=registry)

    assert post(door, None, {}, "/v2/") == (202, "text/oci", b"/v2/")
    assert post(door, None, {"Authorization": "Basic QVdTOng="}, "/v2/cats/blobs/uploads/")[0] == 202
    assert post(door, None, signed("ecs"), "/v2/")[1] != "text/oci"
    assert post(door, None, {}, "/v2x/")[0] == 403


def test_a_gzipped_request_is_read(door: RunningDoor) -> None:
    headers = signed("ecs", X_Amz_Target="AmazonEC2ContainerServiceV20141113.DescribeServices", Content_Encoding="gzip")
    status, _, body = post(door, gzip.compress(b'{"services":["cats"]}'), headers)

    assert (status, json.loads(body)["services"][0]["serviceName"]) == (200, "cats")
    status, _, body = post(door, b"no gzip", headers)
    assert (status, json.loads(body)["__type"]) == (400, "SerializationException")
    assert post(door, gzip.compress(bytes(11 * 1024 * 1024)), headers)[0] == 413


def test_twenty_clients_at_once_each_get_their_own_answer(door: RunningDoor) -> None:
    def ask(number: int) -> list[str]:
        client = door.client("ecs")
        answers = [client.describe_services(services=[f"{number}-{turn}"])["services"] for turn in range(10)]
        return [answer[0]["serviceName"] for answer in answers]

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(20))) == [[f"{number}-{turn}" for turn in range(10)] for number in range(20)]


def test_the_aws_cli_reads_our_answers(door: RunningDoor) -> None:
    program = shutil.which("aws", path="/usr/local/bin:/usr/bin:/bin")
    if program is None:
        pytest.skip("the AWS CLI is not installed")
    environment = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "eu-west-1"}

    def aws(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [program, "--endpoint-url", door.url, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    found = aws("ecs", "describe-services", "--services", "cats", "--query", "services[0].serviceName", "--output", "text")
    assert (found.stdout, found.returncode) == ("cats\n", 0)
    refused = aws("elbv2", "describe-target-health", "--target-group-arn", "gone")
    assert "(TargetGroupNotFound) when calling the DescribeTargetHealth operation: One or more" in refused.stderr


def test_classic_load_balancers_are_motos(door: RunningDoor) -> None:
    assert door.client("elb").describe_load_balancers()["LoadBalancerDescriptions"] == []
