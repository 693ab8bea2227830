import asyncio
import json
import logging
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_door import PLACE, OpenDoor, RunningDoor

from ninelives.api.moto_bridge import MotoBridge
from ninelives.api.moto_records import SUFFIX, WRITER, BackendKey, MotoRecords
from ninelives.model.errors import ApiError

pytestmark = [pytest.mark.usefixtures("fresh_moto"), pytest.mark.filterwarnings("ignore")]

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def now_ms() -> int:
    return int(time.time() * 1000)


def forget() -> None:
    """What a new process knows of moto's records: nothing."""
    from moto.core.base_backend import BackendDict

    BackendDict.reset()


def test_what_a_stack_needs_is_answered(open_door: OpenDoor) -> None:
    door = open_door()

    assert door.client("sts").get_caller_identity()["Account"] == PLACE.account
    assert len(door.client("ec2").describe_subnets()["Subnets"]) == 3
    role = door.client("iam").create_role(RoleName="task", AssumeRolePolicyDocument=TRUST)["Role"]
    assert role["Arn"] == f"arn:aws:iam::{PLACE.account}:role/task"
    door.client("ssm").put_parameter(Name="/cats/key", Value="v", Type="SecureString")
    assert door.client("ssm").get_parameter(Name="/cats/key", WithDecryption=True)["Parameter"]["Value"] == "v"
    topic = door.client("sns").create_topic(Name="alarms")["TopicArn"]
    assert topic == f"arn:aws:sns:eu-west-1:{PLACE.account}:alarms"


def test_an_object_is_read_from_within_the_region_byte_by_byte(open_door: OpenDoor) -> None:
    door = open_door()
    door.client("s3").create_bucket(Bucket="cats", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    content = bytes(range(256))
    door.client("s3").put_object(Bucket="cats", Key="tom", Body=content)

    assert door.call("s3", "GetObject", Bucket="cats", Key="tom")["Body"] == content


def test_s3_takes_objects_whatever_is_in_them_and_in_their_names(open_door: OpenDoor) -> None:
    client = open_door().client("s3")
    client.create_bucket(Bucket="cats", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    content = bytes(range(256)) * 1000
    client.put_object(Bucket="cats", Key="a b/ü%2F+.bin", Body=content, Metadata={"color": "black"})
    found = client.get_object(Bucket="cats", Key="a b/ü%2F+.bin")

    assert (found["Body"].read(), found["Metadata"]) == (content, {"color": "black"})
    assert client.head_object(Bucket="cats", Key="a b/ü%2F+.bin")["ContentLength"] == len(content)
    assert [entry["Key"] for entry in client.list_objects_v2(Bucket="cats")["Contents"]] == ["a b/ü%2F+.bin"]
    with pytest.raises(ClientError, match="404"):
        client.head_object(Bucket="cats", Key="gone")


def test_a_presigned_url_is_signed(open_door: OpenDoor) -> None:
    client = open_door().client("s3")
    client.create_bucket(Bucket="cats", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_object(Bucket="cats", Key="k", Body=b"content")

    with urllib.request.urlopen(
        client.generate_presigned_url("get_object", Params={"Bucket": "cats", "Key": "k"})
    ) as response:
        assert response.read() == b"content"


@pytest.mark.parametrize(
    ("service", "call", "code", "name"),
    [
        (
            "iam",
            lambda client: client.get_service_last_accessed_details(JobId="1" * 36),
            "InvalidAction",
            "iam:GetServiceLastAccessed",
        ),
        ("ec2", lambda client: client.describe_fpga_images(), "InvalidAction", "ec2:DescribeFpgaImages"),
        ("synthetics", lambda client: client.describe_runtime_versions(), "UnknownOperationException", "synthetics:"),
        ("polly", lambda client: client.list_speech_synthesis_tasks(), "UnknownOperationException", "polly:"),
        ("gamelift", lambda client: client.list_fleets(), "UnknownOperationException", "gamelift:ListFleets"),
    ],
)
def test_what_moto_has_not_is_a_client_error(open_door: OpenDoor, service: str, call: Any, code: str, name: str) -> None:
    client = open_door().client(service)

    with pytest.raises(ClientError) as caught:
        call(client)
    assert caught.value.response["Error"]["Code"] == code
    assert name in caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_an_error_of_motos_keeps_its_code(open_door: OpenDoor) -> None:
    with pytest.raises(ClientError) as caught:
        open_door().client("iam").get_role(RoleName="gone")

    assert caught.value.response["Error"]["Code"] == "NoSuchEntity"


def test_a_failure_inside_moto_is_a_server_error_and_logged(
    open_door: OpenDoor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.ssm.responses import SimpleSystemManagerResponse

    def fail(_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(SimpleSystemManagerResponse, "get_parameter", fail)
    with pytest.raises(ClientError) as caught, caplog.at_level(logging.ERROR, logger="ninelives"):
        open_door().client("ssm").get_parameter(Name="n")

    assert caught.value.response["Error"]["Code"] == "InternalFailure"
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


def test_web_identity_needs_no_signature(open_door: OpenDoor) -> None:
    form = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=s&WebIdentityToken=t&RoleArn="
    role = f"arn:aws:iam::{PLACE.account}:role/r".encode()

    with urllib.request.urlopen(open_door().url, data=form + role) as response:
        assert b"<AssumeRoleWithWebIdentityResponse" in response.read()


def test_the_region_calls_moto_without_http(open_door: OpenDoor) -> None:
    door = open_door()
    door.call("ssm", "PutParameter", Name="/cats", Value="v", Type="String")

    found = door.client("ssm").get_parameter(Name="/cats")["Parameter"]
    assert found["Value"] == "v"
    assert door.call("ssm", "GetParameter", Name="/cats")["Parameter"]["ARN"] == found["ARN"]
    assert door.call("ec2", "DescribeVpcs")["Vpcs"][0]["OwnerId"] == PLACE.account
    with pytest.raises(ApiError, match="ParameterAlreadyExists"):
        door.call("ssm", "PutParameter", Name="/cats", Value="v", Type="String")


def test_twenty_clients_at_once_lose_nothing(open_door: OpenDoor) -> None:
    door = open_door()

    def put(number: int) -> None:
        client = door.client("ssm")
        for turn in range(5):
            client.put_parameter(Name=f"/{number}/{turn}", Value="v", Type="String")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(put, range(20)))
    pages = door.client("ssm").get_paginator("describe_parameters").paginate()
    assert sum(len(page["Parameters"]) for page in pages) == 100


def records(door: RunningDoor) -> dict[str, Any]:
    """What the describing operations say of all that ``fill`` made."""
    ec2, logs = door.client("ec2"), door.client("logs")
    return {
        "vpcs": ec2.describe_vpcs()["Vpcs"],
        "subnets": ec2.describe_subnets()["Subnets"],
        "groups": ec2.describe_security_groups()["SecurityGroups"],
        "roles": door.client("iam").list_roles()["Roles"],
        "parameter": door.client("ssm").get_parameter(Name="/k")["Parameter"],
        "log groups": logs.describe_log_groups()["logGroups"],
        "events": [event["message"] for event in logs.get_log_events(logGroupName="g", logStreamName="s")["events"]],
        "object": door.client("s3").get_object(Bucket="cats", Key="k")["Body"].read(),
        "topics": door.client("sns").list_topics()["Topics"],
    }


def fill(door: RunningDoor) -> None:
    ec2, logs, s3 = door.client("ec2"), door.client("logs"), door.client("s3")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")
    ec2.create_security_group(GroupName="web", Description="d", VpcId=vpc)
    door.client("iam").create_role(RoleName="task", AssumeRolePolicyDocument=TRUST)
    door.client("ssm").put_parameter(Name="/k", Value="v", Type="String")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": now_ms(), "message": "hello"}])
    s3.create_bucket(Bucket="cats", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="cats", Key="k", Body=b"content")
    door.client("sns").create_topic(Name="alarms")


def test_records_outlive_the_bridge(open_door: OpenDoor, tmp_path: Path) -> None:
    door = open_door(directory=tmp_path)
    fill(door)
    before = records(door)
    door.stop()
    forget()

    assert records(open_door(directory=tmp_path)) == before


def test_the_default_vpc_is_the_same_after_a_restart_although_it_was_only_read(open_door: OpenDoor, tmp_path: Path) -> None:
    door = open_door(directory=tmp_path)
    before = door.client("ec2").describe_vpcs()["Vpcs"]
    door.stop()
    forget()

    assert open_door(directory=tmp_path).client("ec2").describe_vpcs()["Vpcs"] == before


def test_a_change_is_on_disk_before_it_is_answered(open_door: OpenDoor, tmp_path: Path) -> None:
    door = open_door(directory=tmp_path)
    door.client("ssm").put_parameter(Name="/soon", Value="v", Type="String")
    assert b"/soon" in (tmp_path / f"ssm@eu-west-1{SUFFIX}").read_bytes()


def test_records_of_another_moto_are_put_aside_loudly(
    open_door: OpenDoor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    door = open_door(directory=tmp_path)
    door.client("ssm").put_parameter(Name="/k", Value="v", Type="String")
    door.stop()
    forget()
    path = tmp_path / f"ssm@eu-west-1{SUFFIX}"
    content = path.read_bytes()
    stamp, _, dumped = content.partition(b"\n")
    path.write_bytes(json.dumps(json.loads(stamp) | {"writer": "moto 1.0"}).encode() + b"\n" + dumped)

    assert open_door(directory=tmp_path).client("ssm").describe_parameters()["Parameters"] == []
    assert "moto 1.0 wrote it" in caplog.text
    assert path.with_suffix(".unread").exists()


@pytest.mark.parametrize(
    "damage", [b"", b"{", f'{{"writer": "{WRITER}", "name": "ssm", "region": "eu-west-1"}}\n'.encode() + b"not a pickle"]
)
def test_damaged_records_cost_only_their_own_service(
    open_door: OpenDoor, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    door = open_door(directory=tmp_path)
    door.client("ssm").put_parameter(Name="/k", Value="v", Type="String")
    door.client("iam").create_role(RoleName="task", AssumeRolePolicyDocument=TRUST)
    door.stop()
    forget()
    (tmp_path / f"ssm@eu-west-1{SUFFIX}").write_bytes(damage)

    door = open_door(directory=tmp_path)
    assert len(door.client("iam").list_roles()["Roles"]) == 1
    assert door.client("ssm").describe_parameters()["Parameters"] == []
    assert "starts empty" in caplog.text


def test_records_are_for_their_owner_only(tmp_path: Path) -> None:
    stored = MotoRecords(tmp_path / "moto")
    stored.write(BackendKey("iam", "aws"), b"secret")

    assert (tmp_path / "moto").stat().st_mode & 0o777 == 0o700


def test_moto_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, ninelives.api.door, ninelives.api.server; sys.exit('moto' in sys.modules or 'botocore' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_bridge_that_was_never_used_closes(tmp_path: Path) -> None:
    async def run() -> None:
        bridge = MotoBridge(place=PLACE, directory=tmp_path)
        bridge.start()
        await bridge.close()

    asyncio.run(run())
