"""What a task gets from other services when it starts, asked of the region itself, with Fargate's words where it is missing.

Source of the words: stopped reasons of real tasks; ECS developer guide, "Troubleshoot Amazon ECS ResourceInitializationError".
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from ninelives.model.ecs import ContainerDefinition
from ninelives.model.errors import ApiError
from ninelives.region import awslogs
from ninelives.region.ecs_values import (
    ENVIRONMENT_FILE,
    ParameterReference,
    SecretReference,
    added_variables,
    read_environment_file,
    read_value_from,
)
from ninelives.region.ports import InputsMissing, RegistryLogin, TaskInputs, TaskLaunch

Call = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Calls an AWS operation in process: service, operation, parameters."""

Variables = Callable[[TaskLaunch, str], Mapping[str, str]]
"""The variables by which a container, by its name, finds the agent."""

PARAMETERS_AT_ONCE = 10
"""What GetParameters takes."""
RETRIEVAL = "unable to pull secrets or registry auth: execution resource retrieval failed"
FROM_SSM = f"{RETRIEVAL}: unable to retrieve secrets from ssm: service call has been retried 1 time(s)"
FROM_ASM = f"{RETRIEVAL}: unable to retrieve secret from asm: service call has been retried 1 time(s)"
AUTH_FROM_ASM = f"{RETRIEVAL}: unable to get registry auth from asm: service call has been retried 1 time(s)"
NOT_JSON = "the secret is no JSON object, which a json key is asked of"
"""Our wording: the service's own quotes the secret's first character."""
FILES = "failed to download env files: service call has been retried 1 time(s)"
ARGUMENTS = "failed to validate logger args"
LOGGER = "failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream"


class ActingRoles(Protocol):
    """Where IAM is enforced: what acts as a task's execution role."""

    async def as_execution_role(self, launch: TaskLaunch) -> Call:
        """Calls operations as the role. Raises ``InputsMissing``."""

    async def login(self, launch: TaskLaunch, image: str) -> RegistryLogin | None:
        """What an image of the region's own registry is pulled with. Raises ``InputsMissing``."""


class ServiceInputs:
    """The region's ``InputSource``: SSM, Secrets Manager, S3 and CloudWatch Logs, asked in process.

    The order is Fargate's: what a task logs to and pulls with comes before what its containers see. ``variables`` are the
    agent's, which the definition may set otherwise. With ``roles`` all is asked as the task's execution role.
    """

    def __init__(self, call: Call, variables: Variables | None = None, roles: ActingRoles | None = None) -> None:
        self._call = call
        self._variables = variables or (lambda _launch, _name: {})
        self._roles = roles

    async def inputs(self, launch: TaskLaunch) -> TaskInputs:
        call = self._call if self._roles is None else await self._roles.as_execution_role(launch)
        retrieval = _Retrieval(call)
        containers = launch.definition.containers
        for container in containers:
            await retrieval.make_log_stream(launch, container)
        secrets = await retrieval.secrets(containers)
        logins = {
            one.name: await retrieval.login(one.repository_credentials) for one in containers if one.repository_credentials
        }
        logins |= await self._own_logins(launch, known=logins)
        environment = {}
        for one in containers:
            files = [await retrieval.environment_file(arn) for arn in one.environment_files]
            own = {name: secrets[value_from] for name, value_from in one.secrets}
            added = added_variables(dict(one.environment), files, own)
            known = {**dict(one.environment), **added}
            told = self._variables(launch, one.name)
            environment[one.name] = {name: value for name, value in told.items() if name not in known} | added
        reaches_agent = any(self._variables(launch, one.name) for one in containers)
        return TaskInputs(environment=environment, logins=logins, reaches_agent=reaches_agent)

    async def _own_logins(self, launch: TaskLaunch, *, known: Mapping[str, RegistryLogin]) -> dict[str, RegistryLogin]:
        """By container: what its image of the region's registry is pulled with. One login serves for one image."""
        if self._roles is None:
            return {}
        wanted = {
            one.name: launch.images.get(one.name, one.image) for one in launch.definition.containers if one.name not in known
        }
        by_image = {image: await self._roles.login(launch, image) for image in sorted(set(wanted.values()))}
        found = {name: by_image[image] for name, image in wanted.items()}
        return {name: login for name, login in found.items() if login is not None}


class _Retrieval:
    """What one task needs, asked by ``call``."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def make_log_stream(self, launch: TaskLaunch, container: ContainerDefinition) -> None:
        to = awslogs.destination(launch.task, launch.definition, container.name)
        if to is None:
            return
        for problem in awslogs.problems(dict(container.log_options)):
            raise _missing(f"{ARGUMENTS}: {problem}")
        try:
            if to.create_group:
                await self._unless_there("CreateLogGroup", {"logGroupName": to.group})
            await self._unless_there("CreateLogStream", {"logGroupName": to.group, "logStreamName": to.stream})
        except ApiError as error:
            raise _missing(f"{LOGGER}: {error.code}: {error.message} : exit status 1") from error

    async def _unless_there(self, operation: str, parameters: Mapping[str, Any]) -> None:
        try:
            await self._call("logs", operation, parameters)
        except ApiError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise

    async def secrets(self, containers: tuple[ContainerDefinition, ...]) -> dict[str, str]:
        """The value of each ``valueFrom``; each is asked for once."""
        wanted = {value_from: read_value_from(value_from) for one in containers for _, value_from in one.secrets}
        names = sorted({one.name for one in wanted.values() if isinstance(one, ParameterReference)})
        parameters = await self._parameters(names)
        values = {}
        for value_from, reference in wanted.items():
            match reference:
                case ParameterReference(name=name):
                    values[value_from] = parameters[name]
                case SecretReference():
                    values[value_from] = await self._secret(reference)
        return values

    async def _parameters(self, names: list[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        plain = [name for name in names if ":" not in name]
        for start in range(0, len(plain), PARAMETERS_AT_ONCE):
            answer = await self._get_parameters(plain[start : start + PARAMETERS_AT_ONCE])
            found |= {one["Name"]: one["Value"] for one in answer}
        for name in names:
            if ":" in name:  # a version or a label, which the answer's name is without
                for one in await self._get_parameters([name]):
                    found[name] = one["Value"]
        invalid = [name for name in names if name not in found]
        if invalid:
            raise _missing(f"{FROM_SSM}: invalid ssm parameters: {', '.join(invalid)}")
        return found

    async def _get_parameters(self, names: list[str]) -> list[Mapping[str, Any]]:
        try:
            answer = await self._call("ssm", "GetParameters", {"Names": names, "WithDecryption": True})
        except ApiError as error:
            raise _missing(f"{FROM_SSM}: {error.code}: {error.message}") from error
        parameters: list[Mapping[str, Any]] = answer["Parameters"]
        return parameters

    async def _secret(self, reference: SecretReference) -> str:
        text = await self._secret_string(reference, FROM_ASM)
        if reference.json_key is None:
            return text
        try:
            content = json.loads(text)
        except ValueError as error:
            raise _missing(f"{FROM_ASM}: {NOT_JSON}") from error
        if not isinstance(content, dict) or reference.json_key not in content:
            raise _missing(f"{FROM_ASM}: retrieved secret from Secrets Manager did not contain json key {reference.json_key}")
        value = content[reference.json_key]
        return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))

    async def _secret_string(self, reference: SecretReference, failed: str) -> str:
        version = {"VersionStage": reference.version_stage, "VersionId": reference.version_id}
        parameters = {"SecretId": reference.arn} | {name: value for name, value in version.items() if value is not None}
        try:
            answer = await self._call("secretsmanager", "GetSecretValue", parameters)
        except ApiError as error:
            cause = f"failed to fetch secret {reference.arn} from secrets manager: {error.code}: {error.message}"
            raise _missing(f"{failed}: {cause}") from error
        if "SecretString" not in answer:
            raise _missing(f"{failed}: secret {reference.arn} is binary: only a secret string can be a variable.")
        return str(answer["SecretString"])

    async def login(self, secret: str) -> RegistryLogin:
        text = await self._secret_string(SecretReference(arn=secret), AUTH_FROM_ASM)
        try:
            content = json.loads(text)
            return RegistryLogin(username=content["username"], password=content["password"])
        except (ValueError, TypeError, KeyError):
            cause = f"secret {secret} is not a JSON object with username and password."
            raise _missing(f"{AUTH_FROM_ASM}: {cause}") from None

    async def environment_file(self, arn: str) -> dict[str, str]:
        place = ENVIRONMENT_FILE.fullmatch(arn)
        assert place is not None, "the API lets no other ARN through"
        try:
            answer = await self._call("s3", "GetObject", {"Bucket": place["bucket"], "Key": place["key"]})
            text = answer["Body"].decode()
        except ApiError as error:
            cause = f"operation error S3: HeadObject, https response error StatusCode: {error.status}"
            raise _missing(f"{FILES}: {cause}, api error {error.code}: {error.message} ({arn})") from error
        except UnicodeDecodeError as error:
            raise _missing(f"{FILES}: {arn} is not UTF-8.") from error
        return read_environment_file(text)


def _missing(cause: str) -> InputsMissing:
    return InputsMissing(f"ResourceInitializationError: {cause}")
