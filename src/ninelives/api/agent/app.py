"""The agent as an ASGI application, and the variables by which containers find it.

Source: ECS developer guide, "Task metadata endpoint version 4", "Amazon ECS task scale-in protection endpoint" and "Task IAM
role": paths, members, errors.
"""

import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ninelives.api.agent.identity import AgentIds
from ninelives.api.agent.metadata import write_container_metadata, write_task_metadata
from ninelives.api.wire import ASGIApp, Receive, Scope, Send, WireRequest, WireResponse, read_body, read_head, send_response
from ninelives.model.ecs import LastStatus, Task
from ninelives.model.errors import ApiError
from ninelives.region import ecs_tasks
from ninelives.region.ports import TaskLaunch
from ninelives.region.region import Region

log = logging.getLogger(__name__)

Call = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Calls an AWS operation in process: service, operation, parameters."""
Statistics = Callable[[str], Awaitable[Mapping[str, Mapping[str, Any]]]]
"""By container name, what a task's containers use now, as Docker's statistics have it; takes the task's ARN."""

BODY_BYTES_MAX = 16 * 1024
RENEWED_BEFORE = timedelta(minutes=15)
"""Credentials that end sooner are replaced, as SDKs ask for new ones by then."""
NOT_FOUND, BAD_REQUEST, FORBIDDEN, SERVER_ERROR = 404, 400, 403, 500


class Agent:
    """What containers ask of the region that runs them. ``url`` is where they reach it; None where they cannot."""

    def __init__(self, region: Region, *, key: bytes, call: Call) -> None:
        self._region = region
        self._ids = AgentIds(key)
        self._call = call
        self._credentials: dict[str, Mapping[str, Any]] = {}
        """By task ARN, as STS gave them."""
        self.statistics: Statistics = _none_known
        self.url: str | None = None
        self.aws_url: str | None = None
        """Where the region's AWS API is for tasks."""

    # What a container is told.

    def variables(self, launch: TaskLaunch, container_name: str) -> dict[str, str]:
        """The variables of a container; none where the agent cannot be reached."""
        if self.url is None:
            return {}
        container_id = self._ids.of_container(launch.task, container_name)
        variables = {
            "ECS_CONTAINER_METADATA_URI_V4": f"{self.url}/v4/{container_id}",
            "ECS_AGENT_URI": f"{self.url}/api/{container_id}",
        }
        if self.aws_url is not None:
            variables["AWS_ENDPOINT_URL"] = self.aws_url
        if _role_of(self._region, launch.task) is not None:
            variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = (
                f"{self.url}/v2/credentials/{self._ids.of_credentials(launch.task)}"
            )
        return variables

    # What a container asks.

    async def answer(self, request: WireRequest) -> WireResponse | None:
        """The answer to a request of a container; None for a path that is none of the agent's."""
        match [request.method, *request.raw_path.strip("/").split("/")]:
            case ["GET", "v4", container_id, *what]:
                return await self._metadata(container_id, what)
            case ["GET" | "PUT", "api", container_id, "task-protection", "v1", "state"]:
                return self._protection(container_id, request)
            case ["GET", "v2", "credentials", credentials_id]:
                return await self._credentials_of(credentials_id)
            case _:
                return None

    async def _metadata(self, container_id: str, what: list[str]) -> WireResponse:
        found = self._ids.container(self._region, container_id)
        if found is None:
            return _error(NOT_FOUND, f"V4 container metadata handler: unable to get container ID from request: {container_id}")
        task, name = found
        match what:
            case []:
                return _json(write_container_metadata(self._region, task, name))
            case ["task"]:
                return _json(write_task_metadata(self._region, task, with_tags=False))
            case ["taskWithTags"]:
                return _json(write_task_metadata(self._region, task, with_tags=True))
            case ["stats"]:
                return _json((await self.statistics(task.arn)).get(name))
            case ["task", "stats"]:
                by_name = await self.statistics(task.arn)
                return _json({one.runtime_id or one.name: by_name.get(one.name) for one in task.containers})
            case _:
                return _error(NOT_FOUND, "404 page not found")

    def _protection(self, container_id: str, request: WireRequest) -> WireResponse:
        found = self._ids.container(self._region, container_id)
        if found is None:
            return _protection_error(NOT_FOUND, "", "ResourceNotFoundException", "Failed to find a task for the request")
        task, _ = found
        try:
            if request.method == "PUT":
                tasks, failures = self._set_protection(task, request.body)
            else:
                tasks, failures = ecs_tasks.protectable_tasks(self._region, task.cluster_arn, [task.arn])
        except ApiError as error:
            return _protection_error(BAD_REQUEST, task.arn, error.code, error.message)
        if failures:
            failure = {"Arn": task.arn, "Reason": failures[0].reason, "Detail": failures[0].detail}
            return _json({"failure": {name: value for name, value in failure.items() if value is not None}})
        return _json({"protection": self._write_protection(tasks[0])})

    def _set_protection(self, task: Task, body: bytes) -> tuple[list[Task], list[ecs_tasks.NotProtected]]:
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            given = None
        if not isinstance(given, dict) or not isinstance(given.get("ProtectionEnabled"), bool):
            raise ApiError("InvalidParameterException", "Invalid request: does not contain 'ProtectionEnabled' field")
        minutes = given.get("ExpiresInMinutes")
        if minutes is not None and (not isinstance(minutes, int) or isinstance(minutes, bool)):
            raise ApiError("InvalidParameterException", "Invalid request: 'ExpiresInMinutes' must be a whole number")
        return ecs_tasks.update_task_protection(
            self._region,
            task.cluster_arn,
            [task.arn],
            is_protected=given["ProtectionEnabled"],
            expires_in_minutes=minutes,
        )

    def _write_protection(self, task: Task) -> Mapping[str, Any]:
        until = task.protected_until
        if until is None or until <= self._region.now():
            return {"ProtectionEnabled": False, "TaskArn": task.arn}
        expiration = until.replace(microsecond=0).isoformat().replace("+00:00", "Z")
        return {"ExpirationDate": expiration, "ProtectionEnabled": True, "TaskArn": task.arn}

    async def _credentials_of(self, credentials_id: str) -> WireResponse:
        task = self._ids.credentials(self._region, credentials_id)
        role = None if task is None else _role_of(self._region, task)
        if task is None or role is None or task.last_status is LastStatus.STOPPED:
            body = {
                "code": "InvalidIdInRequest",
                "message": "CredentialsV2Request: Credentials not found",
                "HTTPErrorCode": 400,
            }
            return _json(body, BAD_REQUEST)
        try:
            found = await self._role_credentials(task, role)
        except ApiError as error:
            log.warning("task %s: its role %s cannot be assumed: %s", task.id, role, error)
            return _json({"code": error.code, "message": error.message, "HTTPErrorCode": error.status}, error.status)
        return _json(
            {
                "RoleArn": role,
                "AccessKeyId": found["AccessKeyId"],
                "SecretAccessKey": found["SecretAccessKey"],
                "Token": found["SessionToken"],
                "Expiration": _expiration(found).isoformat().replace("+00:00", "Z"),
            }
        )

    async def _role_credentials(self, task: Task, role: str) -> Mapping[str, Any]:
        """Those of the role's session for the task, renewed in time."""
        known = self._credentials.get(task.arn)
        if known is None or _expiration(known) - self._region.now() < RENEWED_BEFORE:
            self._forget_stopped()
            answer = await self._call("sts", "AssumeRole", {"RoleArn": role, "RoleSessionName": task.id})
            known = self._credentials[task.arn] = answer["Credentials"]
        return known

    def _forget_stopped(self) -> None:
        tasks = self._region.state.tasks
        for arn in [arn for arn in self._credentials if arn not in tasks or tasks[arn].last_status is LastStatus.STOPPED]:
            del self._credentials[arn]


def agent_app(agent: Agent, *, network: str, aws: ASGIApp | None) -> ASGIApp:
    """The agent for callers from ``network`` (``169.254.170.0/24``); at all other paths the AWS API, where it is given."""
    callers = ipaddress.ip_network(network)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if ipaddress.ip_address(scope["client"][0]) not in callers:
            await send_response(send, _error(FORBIDDEN, "Only tasks of this machine are answered here."))
            return
        request = read_head(scope)
        is_for_agent = request.raw_path.split("/")[1] in {"v4", "api"} or request.raw_path.startswith("/v2/credentials/")
        if not is_for_agent and aws is not None:
            await aws(scope, receive, send)
            return
        try:
            request.body = await read_body(receive, request.headers, BODY_BYTES_MAX)
            answer = await agent.answer(request)
        except Exception:
            log.exception("a request of a task's container failed")
            answer = _error(SERVER_ERROR, "The agent failed; the region's log says why.")
        await send_response(send, answer or _error(NOT_FOUND, "404 page not found"))

    return app


async def _none_known(_task_arn: str) -> Mapping[str, Mapping[str, Any]]:
    return {}


def _role_of(region: Region, task: Task) -> str | None:
    """The ARN of the task's role."""
    definition = region.state.task_definitions[task.task_definition_arn]
    role: str | None = task.overrides.get("taskRoleArn") or definition.members.get("taskRoleArn")
    return role


def _expiration(credentials: Mapping[str, Any]) -> datetime:
    expiration: datetime = credentials["Expiration"]
    return expiration


def _json(body: Any, status: int = 200) -> WireResponse:
    return WireResponse(status=status, headers={"content-type": "application/json"}, body=json.dumps(body).encode())


def _error(status: int, message: str) -> WireResponse:
    return _json(message, status)


def _protection_error(status: int, arn: str, code: str, message: str) -> WireResponse:
    return _json({"error": {"Arn": arn, "Code": code, "Message": message}}, status)
