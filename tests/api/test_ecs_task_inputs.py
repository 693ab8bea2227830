"""Secrets, environment files, registry credentials and log groups of tasks, from the records of the other services."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ecs_world import NETWORK, PLACE, World, container, fargate

from ninelives.api.ecs import ServiceInputs
from ninelives.api.moto_bridge import MotoBridge
from ninelives.region.ports import InputsMissing, TaskInputs
from ninelives.region.tasks import launch_of

ROLE = "arn:aws:iam::111122223333:role/exec"
RETRIEVAL = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
ASM = f"{RETRIEVAL}unable to retrieve secret from asm: service call has been retried 1 time(s): "


class Services:
    """moto's records, and tasks that ask them."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._run = runner.run
        self.moto = MotoBridge(place=PLACE)

    def call(self, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        return self._run(self.moto.call(service, operation, parameters))

    def inputs(self, *containers: dict[str, Any], overrides: Mapping[str, Any] | None = None) -> TaskInputs:
        """What a task of these containers gets."""
        world = World()
        world.call("CreateCluster", clusterName="c")
        world.call("RegisterTaskDefinition", **fargate(containerDefinitions=list(containers), executionRoleArn=ROLE))
        given = {} if overrides is None else {"overrides": overrides}
        world.call("RunTask", cluster="c", taskDefinition="cats", launchType="FARGATE", networkConfiguration=NETWORK, **given)
        (task,) = world.region.state.tasks.values()
        return self._run(ServiceInputs(self.moto.call).inputs(launch_of(world.region, task)))

    def missing(self, *containers: dict[str, Any]) -> str:
        with pytest.raises(InputsMissing) as raised:
            self.inputs(*containers)
        return str(raised.value)

    def secret(self, value: str) -> str:
        arn: str = self.call("secretsmanager", "CreateSecret", Name=f"cats-{abs(hash(value))}", SecretString=value)["ARN"]
        return arn


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with asyncio.Runner() as runner:
        one = Services(runner)
        one.call("s3", "CreateBucket", Bucket="cats", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield one
        runner.run(one.moto.close())


def secret(value_from: str, name: str = "KEY") -> dict[str, Any]:
    return container(secrets=[{"name": name, "valueFrom": value_from}])


def env_file(services: Services, key: str, content: str) -> dict[str, str]:
    services.call("s3", "PutObject", Bucket="cats", Key=key, Body=content.encode())
    return {"type": "s3", "value": f"arn:aws:s3:::cats/{key}"}


@pytest.mark.parametrize("value_from", ["/cats/key", f"arn:aws:ssm:eu-west-1:{PLACE.account}:parameter/cats/key"])
def test_a_parameter_is_read_by_name_and_by_arn(services: Services, value_from: str) -> None:
    services.call("ssm", "PutParameter", Name="/cats/key", Value="purr", Type="SecureString", Overwrite=True)

    assert services.inputs(secret(value_from)).environment == {"web": {"KEY": "purr"}}


def test_a_parameter_s_version_is_read(services: Services) -> None:
    for value in ("first", "second"):
        services.call("ssm", "PutParameter", Name="/cats/version", Value=value, Type="String", Overwrite=True)

    assert services.inputs(secret("/cats/version:1")).environment == {"web": {"KEY": "first"}}
    assert services.inputs(secret("/cats/version")).environment == {"web": {"KEY": "second"}}


def test_a_secret_is_read_whole_by_json_key_and_by_version(services: Services) -> None:
    first = json.dumps({"user": "tom", "age": 9})
    arn = services.secret(first)
    before = services.call("secretsmanager", "GetSecretValue", SecretId=arn)["VersionId"]
    services.call("secretsmanager", "PutSecretValue", SecretId=arn, SecretString='{"user":"kit"}')

    def value(value_from: str) -> str:
        return services.inputs(secret(value_from)).environment["web"]["KEY"]

    assert value(arn) == '{"user":"kit"}'
    assert value(f"{arn}:user::") == "kit"
    assert value(f"{arn}:user:AWSPREVIOUS:") == "tom"
    assert value(f"{arn}:age::{before}") == "9"
    assert value(f"{arn}::AWSPREVIOUS:") == first


def test_more_parameters_than_one_call_takes_are_read(services: Services) -> None:
    names = [f"key-{number}" for number in range(12)]
    for name in names:
        services.call("ssm", "PutParameter", Name=name, Value=name.upper(), Type="String", Overwrite=True)
    many = container(secrets=[{"name": name, "valueFrom": name} for name in names])

    assert services.inputs(many).environment["web"] == {name: name.upper() for name in names}


def test_what_is_missing_is_told_in_fargate_s_words_and_without_a_value(services: Services) -> None:
    arn = services.secret('{"user":"tom"}')
    plain = services.secret("hush")
    nowhere = f"arn:aws:secretsmanager:eu-west-1:{PLACE.account}:secret:none-AbCdEf"

    assert services.missing(secret("/nope")) == (
        f"{RETRIEVAL}unable to retrieve secrets from ssm: service call has been retried 1 time(s): "
        "invalid ssm parameters: /nope"
    )
    assert services.missing(secret(nowhere)) == (
        f"{ASM}failed to fetch secret {nowhere} from secrets manager: "
        "ResourceNotFoundException: Secrets Manager can't find the specified secret."
    )
    assert services.missing(secret(f"{arn}:password::")) == (
        f"{ASM}retrieved secret from Secrets Manager did not contain json key password"
    )
    told = services.missing(secret(f"{plain}:password::"))
    assert told.startswith(ASM)
    assert "hush" not in told


def test_environment_files_give_what_the_definition_does_not_and_the_first_of_two_counts(services: Services) -> None:
    first = env_file(services, "first.env", "# cats\nA=file\nB=first\n")
    second = env_file(services, "second.env", "B=second\nC=a=b\n")
    web = container(environmentFiles=[first, second], environment=[{"name": "A", "value": "definition"}])

    assert services.inputs(web).environment == {"web": {"B": "first", "C": "a=b"}}
    override = {"name": "web", "environmentFiles": [second], "environment": [{"name": "C", "value": "override"}]}
    assert services.inputs(web, overrides={"containerOverrides": [override]}).environment == {"web": {"B": "second"}}


def test_a_missing_environment_file_is_told(services: Services) -> None:
    web = container(environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::cats/none.env"}])

    told = services.missing(web)

    assert told.startswith("ResourceInitializationError: failed to download env files: service call has been retried")
    assert "StatusCode: 404" in told
    assert "none.env" in told


def test_a_private_registry_s_login_is_read_and_never_shown(services: Services) -> None:
    arn = services.secret('{"username":"tom","password":"catnip"}')

    inputs = services.inputs(container(repositoryCredentials={"credentialsParameter": arn}))

    assert (inputs.logins["web"].username, inputs.logins["web"].password) == ("tom", "catnip")
    assert "catnip" not in repr(inputs)
    assert services.missing(container(repositoryCredentials={"credentialsParameter": "none"})).startswith(
        f"{RETRIEVAL}unable to get registry auth from asm: service call has been retried 1 time(s): "
    )


def awslogs(**more: str) -> dict[str, Any]:
    options = {"awslogs-group": "/cats", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "cats"} | more
    return container(logConfiguration={"logDriver": "awslogs", "options": options})


def test_a_log_group_must_be_there_unless_it_is_to_be_made(services: Services) -> None:
    assert services.missing(awslogs()) == (
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
        "failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. "
        ": exit status 1"
    )

    services.inputs(awslogs(**{"awslogs-create-group": "true"}))
    services.inputs(awslogs())

    (stream,) = services.call("logs", "DescribeLogStreams", logGroupName="/cats")["logStreams"]
    assert stream["logStreamName"].startswith("cats/web/")


def test_options_that_the_log_driver_does_not_take_end_the_task(services: Services) -> None:
    both = {"awslogs-multiline-pattern": "^x", "awslogs-datetime-format": "%Y"}

    assert services.missing(awslogs(**both)).endswith(
        "failed to validate logger args: you cannot configure log opt 'awslogs-datetime-format' and "
        "'awslogs-multiline-pattern' at the same time"
    )
