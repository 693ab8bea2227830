"""What a stand-in for a published action does: the same inputs, outputs and calls, in the same order, in its own words.

Run as a step: ``python stand_in.py NAME`` with the inputs as JSON in ``INPUTS``. It knows nothing of the tests, nor of the
region: only what the published action knows. Waits are those of the published action, divided by ``STAND_IN_TIME_SCALE``.
"""

import base64
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

Inputs = Mapping[str, str]

POLL_SECONDS = 15.0
TOKEN_LENGTH_MAX = 64
DESCRIBE_ONLY = frozenset(
    {
        "compatibilities",
        "taskDefinitionArn",
        "requiresAttributes",
        "revision",
        "status",
        "registeredAt",
        "deregisteredAt",
        "registeredBy",
        "deleteRequestedAt",
    }
)
"""Members of DescribeTaskDefinition's answer that RegisterTaskDefinition does not take."""


def failed(message: str) -> NoReturn:
    """The step is red."""
    print(f"::error::{message}", flush=True)
    sys.exit(1)


def put_out(**outputs: str) -> None:
    """Set outputs; underscores stand for hyphens."""
    _append("GITHUB_OUTPUT", {name.replace("_", "-"): value for name, value in outputs.items()})


def export(**variables: str) -> None:
    """Set environment variables of the steps that follow."""
    _append("GITHUB_ENV", variables)


def mask(value: str) -> None:
    print(f"::add-mask::{value}", flush=True)


def _append(file: str, values: Mapping[str, str]) -> None:
    with Path(os.environ[file]).open("a", encoding="utf-8") as out:
        for name, value in values.items():
            mark = uuid.uuid4().hex
            out.write(f"{name}<<{mark}\n{value}\n{mark}\n")


def client(service: str, **options: Any) -> Any:
    config = Config(retries={"mode": "standard", "max_attempts": 3}, **options)
    return boto3.client(service, region_name=os.environ.get("AWS_REGION"), config=config)  # type: ignore[call-overload]


def setup_uv(inputs: Inputs) -> None:
    """uv of exactly this version must be here: there is nothing to download."""
    said = subprocess.run(["uv", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    print(f"uv {said} (asked for {inputs['version']})")
    put_out(uv_version=said, cache_hit="false")


def configure_aws_credentials(inputs: Inputs) -> None:
    region, role = inputs["aws-region"], inputs["role-to-assume"]
    export(AWS_REGION=region, AWS_DEFAULT_REGION=region)
    os.environ["AWS_REGION"] = region
    address, bearer = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"), os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not role:
        failed(
            "Credentials could not be loaded, please check your action inputs: Could not load credentials from any providers"
        )
    if not (address and bearer):
        print(
            "It looks like you might be trying to authenticate with OIDC. Did you mean to set the `id-token` permission?",
            flush=True,
        )
        failed(
            "Credentials could not be loaded, please check your action inputs: Could not load credentials from any providers"
        )
    audience = inputs["audience"] or "sts.amazonaws.com"
    request = urllib.request.Request(f"{address}&audience={audience}", headers={"Authorization": f"Bearer {bearer}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            token = json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        failed(f"getIDToken call failed: Error message: {error.code}")
    mask(token)
    from botocore import UNSIGNED

    try:
        credentials = client("sts", signature_version=UNSIGNED).assume_role_with_web_identity(
            RoleArn=role,
            RoleSessionName=(inputs["role-session-name"] or "GitHubActions")[:TOKEN_LENGTH_MAX],
            WebIdentityToken=token,
            DurationSeconds=int(inputs["role-duration-seconds"] or 3600),
        )["Credentials"]
    except (ClientError, BotoCoreError) as error:
        failed(f"Could not assume role with OIDC: {error}")
    keys = {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }
    for value in list(keys.values())[1:]:
        mask(value)
    export(**keys)
    os.environ.update(keys)
    put_out(aws_account_id=client("sts").get_caller_identity()["Account"])


def amazon_ecr_login(inputs: Inputs) -> None:
    given = {"registryIds": inputs["registries"].split(",")} if inputs["registries"] else {}
    for data in client("ecr").get_authorization_token(**given)["authorizationData"]:
        user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        mask(password)
        endpoint = data["proxyEndpoint"]
        done = subprocess.run(
            ["docker", "login", "-u", user, "--password-stdin", endpoint],
            input=password, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            failed(f"Could not login to registry {endpoint}: {done.stderr}")
        put_out(registry=endpoint.removeprefix("https://").removeprefix("http://"))


def setup_buildx(inputs: Inputs) -> None:
    put_out(name="default", driver=inputs["driver"] or "docker-container")


def build_push(inputs: Inputs) -> None:
    """By the engine's own builder: no cache is asked for, and the platform is this machine's."""
    tags = inputs["tags"].replace(",", "\n").split()
    command = ["docker", "build", "--quiet", "--file", inputs["file"]]
    for option, name in (("--build-arg", "build-args"), ("--label", "labels")):
        for line in filter(None, inputs[name].splitlines()):
            command += [option, line]
    for tag in tags:
        command += ["--tag", tag]
    done = subprocess.run([*command, inputs["context"]], capture_output=True, text=True, check=False)
    if done.returncode:
        failed(f"buildx failed with: ERROR: {done.stderr.strip()}")
    put_out(imageid=done.stdout.strip())
    if inputs["push"] != "true":
        return
    for tag in tags:
        pushed = subprocess.run(["docker", "push", tag], capture_output=True, text=True, check=False)
        if pushed.returncode:
            failed(f"buildx failed with: ERROR: failed to push {tag}: {pushed.stderr.strip()}")
        put_out(digest=pushed.stdout.split("digest: ")[1].split()[0])


def render_task_definition(inputs: Inputs) -> None:
    if not inputs["task-definition-family"]:
        failed("Only task-definition-family is stood in for")
    definition = client("ecs").describe_task_definition(taskDefinition=inputs["task-definition-family"])["taskDefinition"]
    container = next(
        (one for one in definition["containerDefinitions"] if one["name"] == inputs["container-name"]), None
    )  # fmt: skip
    if container is None:
        failed("Invalid task definition: Could not find container definition with matching name")
    container["image"] = inputs["image"]
    for label in filter(None, inputs["docker-labels"].splitlines()):
        name, equals, value = label.partition("=")
        if not equals:
            failed("Cannot parse the docker label. Labels must be separated by newlines and formatted as NAME=value")
        container.setdefault("dockerLabels", {})[name.strip()] = value.strip()
    path = Path(os.environ["RUNNER_TEMP"]) / f"task-definition-{uuid.uuid4().hex}.json"
    path.write_text(json.dumps(definition, default=str), encoding="utf-8")
    put_out(task_definition=str(path))


def deploy_task_definition(inputs: Inputs) -> None:
    definition = json.loads(Path(inputs["task-definition"]).read_text(encoding="utf-8"))
    request = {
        name: value for name, value in definition.items() if name not in DESCRIBE_ONLY and value not in (None, [], {}, "")
    }
    ecs = client("ecs")
    try:
        arn = ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]
    except ClientError as error:
        failed(f"Failed to register task definition in ECS: {error.response['Error']['Message']}")
    put_out(task_definition_arn=arn)
    if not inputs["service"]:
        return
    cluster, service = inputs["cluster"] or "default", inputs["service"]
    try:
        release(ecs, cluster, service, arn, inputs)
    except ClientError as error:
        failed(error.response["Error"]["Message"])


def release(ecs: Any, cluster: str, service: str, arn: str, inputs: Inputs) -> None:
    described = ecs.describe_services(services=[service], cluster=cluster)
    if described["failures"]:
        failure = described["failures"][0]
        failed(f"{failure['arn']} is {failure['reason']}")
    (found,) = described["services"]
    if found["status"] != "ACTIVE":
        failed(f"Service is {found['status']}")
    controller = found.get("deploymentController", {}).get("type", "ECS")
    if controller != "ECS":
        failed(f"Unsupported deployment controller: {controller}")
    updated = ecs.update_service(
        cluster=cluster,
        service=service,
        taskDefinition=arn,
        forceNewDeployment=inputs["force-new-deployment"] == "true",
        enableECSManagedTags=inputs["enable-ecs-managed-tags"] == "true",
        propagateTags=inputs["propagate-tags"] or "NONE",
    )["service"]
    if inputs["wait-for-service-stability"] != "true":
        return
    wait_until_stable(ecs, cluster, service, minutes=min(int(inputs["wait-for-minutes"] or 30), 360))
    new = primary(updated)
    if new == primary(found):
        return
    (settled,) = ecs.describe_services(services=[service], cluster=cluster)["services"]
    deployment = next((one for one in settled["deployments"] if one["id"] == new), None)
    if deployment is None:
        failed(
            f"Deployment {new} not found after stabilization. "
            "The deployment was likely rolled back by the deployment circuit breaker."
        )
    if deployment["rolloutState"] == "FAILED":
        failed(f"Deployment {new} FAILED: {deployment['rolloutStateReason']}")
    print(f"Deployment {new} verified")


def primary(service: Mapping[str, Any]) -> str:
    return str(next(one["id"] for one in service["deployments"] if one["status"] == "PRIMARY"))


def wait_until_stable(ecs: Any, cluster: str, service: str, *, minutes: int) -> None:
    """A poll at once, then one every fifteen seconds."""
    pace = POLL_SECONDS / float(os.environ.get("STAND_IN_TIME_SCALE", "1"))
    waiter = ecs.get_waiter("services_stable")
    for _ in range(round(minutes * 60 / POLL_SECONDS)):
        try:
            waiter.wait(services=[service], cluster=cluster, WaiterConfig={"Delay": 1, "MaxAttempts": 1})
        except WaiterError as error:
            if "Max attempts exceeded" not in str(error):
                raise
            threading.Event().wait(pace)
        else:
            return
    failed('{"state":"TIMEOUT","reason":"Waiter has timed out"}')


def upload_artifact(inputs: Inputs) -> None:
    """What GitHub keeps is kept beside the runner's home; only the one file of ``archive: false``."""
    source, kept = Path(inputs["path"]), Path(os.environ["HOME"]) / "artifacts"
    if not source.exists():
        if inputs["if-no-files-found"] != "ignore":
            failed(f"No files were found with the provided path: {source}. No artifacts will be uploaded.")
        print(f"No files were found with the provided path: {source}.")
        return
    assert inputs["archive"] == "false"
    kept.mkdir(exist_ok=True)
    (kept / source.name).write_bytes(source.read_bytes())
    print(f"Artifact {source.name} has been successfully uploaded!")


STAND_INS: Mapping[str, Callable[[Inputs], None]] = {
    "actions/upload-artifact": upload_artifact,
    "astral-sh/setup-uv": setup_uv,
    "aws-actions/configure-aws-credentials": configure_aws_credentials,
    "aws-actions/amazon-ecr-login": amazon_ecr_login,
    "aws-actions/amazon-ecs-render-task-definition": render_task_definition,
    "aws-actions/amazon-ecs-deploy-task-definition": deploy_task_definition,
    "docker/setup-buildx-action": setup_buildx,
    "docker/build-push-action": build_push,
}


if __name__ == "__main__":
    STAND_INS[sys.argv[1]](json.loads(os.environ["INPUTS"]))
