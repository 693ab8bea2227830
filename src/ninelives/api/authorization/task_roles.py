"""What ECS does for a task as the roles that its definition names.

The execution role pulls the image, fetches secrets and environment files and makes the log stream; the task role's credentials
go to its containers.

Source of the words: stopped reasons of real tasks; ECS developer guide, "Amazon ECS task execution IAM role", "Troubleshoot
Amazon ECS ResourceInitializationError", "CannotPullContainer task errors in Amazon ECS".
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from ninelives.api.authorization.actions import prefix_of
from ninelives.api.authorization.caller import Caller
from ninelives.api.authorization.guard import Guard
from ninelives.api.authorization.passing import TASKS
from ninelives.api.authorization.refusals import NotLetIn
from ninelives.api.authorization.registry_gate import registry_password
from ninelives.model.errors import ApiError
from ninelives.region.ports import InputsMissing, RegistryLogin, TaskLaunch

AwsCall = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]

CREDENTIALS_LAST: Final = timedelta(hours=6)
ECR_AUTH: Final = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
    "unable to retrieve ecr registry auth: service call has been retried 1 time(s)"
)
NOT_ASSUMED: Final = (
    "ResourceInitializationError: ECS was unable to assume the role '{role}' that was provided for this task. Please verify "
    "that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to "
    "pass this role."
)
NO_ROLE: Final = "Fargate requires task definition to have execution role ARN to support"
PULLING: Final = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
REST_XML: Final = frozenset({"s3"})


class TaskRoles:
    """``call`` reaches the operations; ``registry`` is host and port under which tasks' images name the region's registry."""

    def __init__(self, guard: Guard, call: AwsCall, *, registry: str) -> None:
        self._guard = guard
        self._call = call
        self._registry = registry

    async def as_execution_role(self, launch: TaskLaunch) -> AwsCall:
        """What calls as the task's execution role. Raises ``InputsMissing`` where ECS may not assume it."""
        role = execution_role(launch)
        caller = None if role is None else await self._assumed(role, launch)

        async def call(service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
            if caller is None:
                raise InputsMissing(f"ResourceInitializationError: {NO_ROLE} {_SUPPORTED.get(service, service)}.")
            try:
                await self._guard.authorize(caller, service, operation, parameters)
            except NotLetIn as error:
                raise error.in_words_of("rest-xml" if service in REST_XML else "json", prefix_of(service)) from error
            return await self._call(service, operation, parameters)

        return call

    async def login(self, launch: TaskLaunch, image: str) -> RegistryLogin | None:
        """What an image of the region's registry is pulled with; None for images of others. Raises ``InputsMissing``."""
        host, _, rest = image.partition("/")
        if host != self._registry:
            return None
        role = execution_role(launch)
        if role is None:
            raise InputsMissing(f"ResourceInitializationError: {NO_ROLE} ECR images.")
        caller = await self._assumed(role, launch)
        try:
            await self._guard.authorize_action(caller, "ecr:GetAuthorizationToken", "*")
        except NotLetIn as error:
            raise InputsMissing(f"{ECR_AUTH}: AccessDeniedException: {error}") from error
        repository, version = _repository_and_version(rest)
        try:
            for action in PULLING:
                arn = self._guard.place.arn("ecr", f"repository/{repository}")
                await self._guard.authorize_action(caller, action, arn)
        except NotLetIn as error:
            raise InputsMissing(
                f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: "
                f"pulling from host {host} failed with status code [manifests {version}]: 403 Forbidden"
            ) from error
        return RegistryLogin(username="AWS", password=registry_password(self._guard, caller))

    async def _assumed(self, role: str, launch: TaskLaunch) -> Caller:
        guard = self._guard
        try:
            expires_at = guard.now() + CREDENTIALS_LAST
            await guard.assume_as_service(TASKS, role, launch.task.id, expires_at, source_arn=launch.task.arn)
            return await guard.of_session(guard.session_of(role, launch.task.id, expires_at))
        except NotLetIn as error:
            raise InputsMissing(NOT_ASSUMED.format(role=role)) from error

    async def agents_call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the tasks' agent calls: it assumes their task roles for ECS. Raises ``ApiError``."""
        if (service, operation) != ("sts", "AssumeRole"):
            return await self._call(service, operation, parameters)
        expires_at = self._guard.now() + CREDENTIALS_LAST
        role, name = parameters["RoleArn"], parameters["RoleSessionName"]
        source = self._guard.place.arn("ecs", f"task/{name}")  # the agent names the session by the task
        try:
            found = await self._guard.assume_as_service(TASKS, role, name, expires_at, source_arn=source)
        except NotLetIn as error:
            raise ApiError("AccessDenied", str(error), status=403) from error
        return {"Credentials": found.as_sts_answers()}


_SUPPORTED: Final = {"logs": "log driver awslogs", "ssm": "secrets", "secretsmanager": "secrets", "s3": "environment files"}


def execution_role(launch: TaskLaunch) -> str | None:
    """The ARN of the role that pulls and fetches for a task."""
    role: str | None = launch.definition.members.get("executionRoleArn")
    return launch.task.overrides.get("executionRoleArn") or role


def _repository_and_version(rest: str) -> tuple[str, str]:
    """The parts of an image's name behind its registry.

    >>> _repository_and_version("team/cats:1.0"), _repository_and_version("cats@sha256:ab"), _repository_and_version("cats")
    (('team/cats', '1.0'), ('cats', 'sha256:ab'), ('cats', 'latest'))
    """
    name, at, digest = rest.partition("@")
    name, _, tag = name.partition(":")
    return name, digest if at else tag or "latest"
