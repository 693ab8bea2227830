"""A task sees what its definition promises it: secrets, environment files, itself, its role, and the region's AWS API."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import botocore
import certifi
import pytest
from live_region import RegionUnderTest, eventually

from ninelives.rehearsal.releases.python_image import make_python_image, remove_python_image

sys.path.append(str(Path(__file__).parents[1] / "contracts"))
from small_images import SmallRegistry, docker_root, small_registry

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

ROLE = "arn:aws:iam::123456789012:role/cats"
LOGS = {
    "logDriver": "awslogs",
    "options": {
        "awslogs-group": "/life",
        "awslogs-region": "eu-west-1",
        "awslogs-stream-prefix": "life",
        "awslogs-create-group": "true",
    },
}
SCRIPT = """
echo "secret $KEY file $NAME"
echo "self $(get $ECS_CONTAINER_METADATA_URI_V4)"
echo "task $(get $ECS_CONTAINER_METADATA_URI_V4/task)"
echo "role $(get $AWS_CONTAINER_CREDENTIALS_FULL_URI)"
echo "protection $(get $ECS_AGENT_URI/task-protection/v1/state)"
echo "aws $(get $AWS_ENDPOINT_URL/_ninelives/health)"
sleep 300
"""
WITH_PYTHON = "import sys, urllib.request as web; print(web.urlopen(sys.argv[1]).read().decode())"
SDK = """
import boto3
print("sdk", boto3.Session().get_credentials().method, boto3.client("sts").get_caller_identity()["Arn"])
"""
SDK_FILES = """
import json, sys
import boto3, botocore.httpsession
boto3.client("sts", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
import botocore.credentials, botocore.utils, encodings.idna, _strptime
print(json.dumps([module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)]))
"""
"""Run with boto3: the modules that it needs."""
GET = {
    "docker": 'get() { busybox wget -qO- "$1"; }',
    "host": f"get() {{ {sys.executable} -c '{WITH_PYTHON}' \"$1\"; }}",
}


@pytest.fixture(scope="module")
def images() -> Iterator[SmallRegistry]:
    with small_registry() as one:
        yield one


@pytest.fixture(scope="module")
def lines(region: RegionUnderTest, images: SmallRegistry) -> dict[str, str]:
    """What a task with all of it wrote, by the first word of each line."""
    region.client("ssm").put_parameter(Name="/cats/key", Value="catnip", Type="SecureString")
    where = {"LocationConstraint": "eu-west-1"}
    region.client("s3").create_bucket(Bucket="life", CreateBucketConfiguration=where)
    region.client("s3").put_object(Bucket="life", Key="cats.env", Body=b"NAME=Tom\n")
    image = images.add("small", "1", [docker_root()], {"Env": ["PATH=/bin"]})
    container = {
        "name": "web",
        "image": image,
        "command": ["sh", "-c", GET[region.runtime] + SCRIPT],
        "stopTimeout": 2,
        "secrets": [{"name": "KEY", "valueFrom": "/cats/key"}],
        "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::life/cats.env"}],
        "logConfiguration": LOGS,
    }
    task = run(region, container)

    def written() -> dict[str, str]:
        found = dict(message.partition(" ")[::2] for message in said_by(region, task))
        return found if "aws" in found else {}

    found: dict[str, str] = eventually(written, what="the last line")
    return found | {"arn": task}


def said_by(region: RegionUnderTest, task_arn: str) -> list[str]:
    """The lines that a task has written."""
    logs = region.client("logs")
    try:
        stream = f"life/web/{task_arn.rpartition('/')[2]}"
        return [event["message"] for event in logs.get_log_events(logGroupName="/life", logStreamName=stream)["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []  # it has not begun


def ended(region: RegionUnderTest, task_arn: str) -> dict[str, Any]:
    """The task once nothing is left of it."""

    def stopped() -> dict[str, Any]:
        task: dict[str, Any] = region.client("ecs").describe_tasks(cluster="life", tasks=[task_arn])["tasks"][0]
        return task if task["lastStatus"] == "STOPPED" else {}

    found: dict[str, Any] = eventually(stopped, what="the task's end")
    return found


def run(region: RegionUnderTest, container: dict[str, Any]) -> str:
    """The ARN of a new task of a definition with this container."""
    ecs = region.client("ecs")
    ecs.create_cluster(clusterName="life")
    ecs.register_task_definition(
        family="life",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        taskRoleArn=ROLE,
        executionRoleArn=ROLE,
        containerDefinitions=[container],
    )
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    answer = ecs.run_task(cluster="life", taskDefinition="life", launchType="FARGATE", networkConfiguration=network)
    arn: str = answer["tasks"][0]["taskArn"]
    return arn


def sdk_files() -> list[Path]:
    """boto3 as it is here: its modules, and the data of the service that is asked."""
    done = subprocess.run([sys.executable, "-c", SDK_FILES], check=True, capture_output=True, text=True)
    data = Path(botocore.__file__).parent / "data"
    return [
        *map(Path, json.loads(done.stdout)),
        Path(certifi.where()),
        *data.glob("*.json*"),
        *(data / "sts").rglob("*.json*"),
    ]


@pytest.fixture
def python(region: RegionUnderTest, images: SmallRegistry) -> Iterator[dict[str, Any]]:
    """The members of a container that has Python with boto3."""
    if region.runtime == "host":
        yield {"image": images.add("small", "1", [docker_root()], {}), "command": [sys.executable, "-c", SDK]}
        return
    image = f"ninelives-sdk:{uuid4().hex[:12]}"
    make_python_image(image, sdk_files())
    packages = {"name": "PYTHONPATH", "value": str(Path(botocore.__file__).parents[1])}
    yield {"image": image, "command": ["python3", "-c", SDK], "environment": [packages]}
    remove_python_image(image)


def test_an_unmodified_sdk_in_a_task_has_the_task_s_role_and_the_region_s_api(
    region: RegionUnderTest, python: dict[str, Any]
) -> None:
    arn = run(region, {"name": "web", "logConfiguration": LOGS, **python})

    (said,) = eventually(lambda: said_by(region, arn), what="what the SDK says")
    assert ended(region, arn)["containers"][0]["exitCode"] == 0

    task_id = arn.rpartition("/")[2]
    assert said == f"sdk container-role arn:aws:sts::123456789012:assumed-role/cats/{task_id}"


def test_a_task_has_its_secrets_and_its_environment_files(lines: dict[str, str]) -> None:
    assert lines["secret"] == "catnip file Tom"


def test_a_task_finds_itself_by_the_metadata_endpoint(lines: dict[str, str]) -> None:
    itself, task = json.loads(lines["self"]), json.loads(lines["task"])

    assert (itself["Name"], task["TaskARN"], task["Family"]) == ("web", lines["arn"], "life")
    assert json.loads(lines["protection"])["failure"]["Reason"] == "TASK_NOT_VALID"


def test_a_task_has_its_role_s_credentials_and_the_region_s_aws_api(lines: dict[str, str]) -> None:
    assert json.loads(lines["role"])["RoleArn"] == ROLE
    assert json.loads(lines["aws"])["region"] == "eu-west-1"


def test_no_state_file_has_the_secret(region: RegionUnderTest, lines: dict[str, str]) -> None:
    """moto's records are where it was put, logs and layers where the task itself wrote it."""
    state = region.settings.state_directory
    apart = {state / "moto", *state.glob("logs.sqlite*"), *state.glob("tasks/tasks/*/web/log*")}
    files = [path for path in state.rglob("*") if path.is_file() and not apart & {path, *path.parents}]

    assert lines["secret"].startswith("catnip")
    assert len(files) > 3
    assert [path for path in files if b"catnip" in path.read_bytes()] == []


def test_a_task_whose_secret_is_missing_ends_with_fargate_s_words(region: RegionUnderTest, images: SmallRegistry) -> None:
    container = {
        "name": "web",
        "image": f"{images.host}/small:1",
        "secrets": [{"name": "KEY", "valueFrom": "/cats/none"}],
        "logConfiguration": LOGS,
    }
    arn = run(region, container)

    task = ended(region, arn)

    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].endswith("invalid ssm parameters: /cats/none")
