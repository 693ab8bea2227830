"""Hands one input to one target: a log group, a queue, a topic, an HTTP address, a function's stand-in.

What cannot be delivered is ``Refused`` (trying again would not help) or ``NotNow`` (it may).
Source: EventBridge user guide, "Event bus targets in Amazon EventBridge", "API destinations", "How EventBridge retries".
"""

import asyncio
import base64
import http.client
import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from uuid import NAMESPACE_URL, uuid5

from ninelives.eventbridge.rules import Call
from ninelives.region.ports import HookFunctions, HookUnreachable, NoHookFunctions

HTTP_TIMEOUT_SECONDS: Final = 5.0
"""Source: "API destinations": a request must be answered within 5 seconds."""
TOKEN_BYTES_MAX: Final = 64 * 1024
HTTP_THREADS: Final = 4
USER_AGENT: Final = "Amazon/EventBridge/ApiDestinations"
TRIED_AGAIN: Final = frozenset({401, 407, 409, 429})
"""Answers below 500 for which EventBridge tries again."""
TRANSIENT_CODES: Final = frozenset({"InternalFailure", "InternalError", "ServiceUnavailable", "ThrottlingException"})
UNSTORED_HEADERS: Final = frozenset({"host", "content-length", "connection", "transfer-encoding"})


Archive = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Keeps an event in the archive that the input of its rule names."""


class Undeliverable(Exception):
    """The target did not take an input; the text says why."""


class Refused(Undeliverable):
    """It would not take it another time either."""


class NotNow(Undeliverable):
    """It may take it later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One input for one target."""

    rule_arn: str
    target: Mapping[str, Any]
    input: str
    time_ms: int
    """Of the event, in ms since the epoch."""


class Targets:
    """``may_leave_this_machine``: whether HTTP addresses elsewhere are called too; ``functions`` stand in for Lambda's."""

    def __init__(
        self,
        call: Call,
        *,
        may_leave_this_machine: bool = False,
        functions: HookFunctions | None = None,
        archive: Archive | None = None,
    ) -> None:
        self._call = call
        self._archive = archive
        self._functions = functions or NoHookFunctions()
        self._may_leave_this_machine = may_leave_this_machine
        self._threads = ThreadPoolExecutor(max_workers=HTTP_THREADS, thread_name_prefix="eventbridge")
        self._streams: set[tuple[str, str]] = set()

    async def deliver(self, delivery: Delivery) -> None:
        """Raises ``Undeliverable``."""
        try:
            await self._deliver(delivery)
        except Undeliverable:
            raise
        except Exception as error:
            code = getattr(error, "code", None)
            kind = NotNow if code is None or code in TRANSIENT_CODES else Refused
            raise kind(f"{code or type(error).__name__}: {error}") from error

    async def _deliver(self, delivery: Delivery) -> None:
        arn = str(delivery.target["Arn"])
        _, _, service, _, _, resource = (arn.split(":", 5) + [""] * 6)[:6]
        match service:
            case "logs" if resource.startswith("log-group:"):
                await self._to_log_group(resource.removeprefix("log-group:").removesuffix(":*"), delivery)
            case "sqs":
                await self.to_queue(arn, delivery.input, delivery.target.get("SqsParameters", {}))
            case "sns":
                await self._call("sns", "Publish", {"TopicArn": arn, "Message": delivery.input})
            case "lambda":
                await self._to_function(arn, delivery.input)
            case "events" if resource.startswith("api-destination/"):
                await self._to_api_destination(resource.split("/")[1], delivery)
            case "events" if self._archive is not None and not resource.strip(":"):
                archived = json.loads(delivery.input)
                await self._archive(archived["archive-arn"], archived["event"])
            case _:
                kinds = "log groups, SQS, SNS, Lambda functions, API destinations and event buses"
                raise Refused(f"this region delivers to {kinds}, not to {arn}")

    async def to_queue(self, arn: str, body: str, parameters: Mapping[str, Any]) -> None:
        """A message for the queue of that ARN. A FIFO queue needs its group, and content-based deduplication."""
        *_, account, name = arn.split(":")
        queue = await self._call("sqs", "GetQueueUrl", {"QueueName": name, "QueueOwnerAWSAccountId": account})
        group = {"MessageGroupId": parameters["MessageGroupId"]} if "MessageGroupId" in parameters else {}
        await self._call("sqs", "SendMessage", {"QueueUrl": queue["QueueUrl"], "MessageBody": body, **group})

    async def _to_function(self, arn: str, text: str) -> None:
        """As an asynchronous call: what the function answers interests nobody. One that fails is not called again."""
        try:
            payload = json.loads(text)
        except ValueError:
            payload = text
        try:
            await self._functions.invoke(arn, payload)
        except HookUnreachable as error:
            raise Refused(f"the function's stand-in: {error}") from error

    async def _to_log_group(self, group: str, delivery: Delivery) -> None:
        """One stream for each rule, so that its events can be read in their order."""
        stream = str(uuid5(NAMESPACE_URL, delivery.rule_arn))
        where = {"logGroupName": group, "logStreamName": stream}
        event = {"timestamp": delivery.time_ms, "message": delivery.input}
        try:
            if (group, stream) not in self._streams:
                await self._create_stream(where)
            await self._call("logs", "PutLogEvents", {**where, "logEvents": [event]})
        except Exception:
            self._streams.discard((group, stream))
            raise
        self._streams.add((group, stream))

    async def _create_stream(self, where: Mapping[str, str]) -> None:
        try:
            await self._call("logs", "CreateLogStream", where)
        except Exception as error:
            if getattr(error, "code", None) != "ResourceAlreadyExistsException":
                raise

    async def _to_api_destination(self, name: str, delivery: Delivery) -> None:
        destination = await self._call("events", "DescribeApiDestination", {"Name": name})
        connection_name = destination["ConnectionArn"].split("/")[1]
        connection = await self._call("events", "DescribeConnection", {"Name": connection_name})
        secret = await self._call("secretsmanager", "GetSecretValue", {"SecretId": connection["SecretArn"]})
        request = _request(destination, delivery)
        await self._authorize(request, connection["AuthorizationType"], json.loads(secret["SecretString"]))
        status = (await self._send(request)).status
        if status in range(200, 300):
            return
        kind = NotNow if status >= 500 or status in TRIED_AGAIN else Refused  # noqa: PLR2004 - server errors
        raise kind(f"{request.method} {request.endpoint} was answered with {status}")

    async def _authorize(self, request: "HttpRequest", kind: str, secret: Mapping[str, Any]) -> None:
        request.add(secret.get("invocation_http_parameters", {}))
        match kind:
            case "API_KEY":
                request.headers[secret["api_key_name"]] = secret["api_key_value"]
            case "BASIC":
                pair = f"{secret['username']}:{secret['password']}".encode()
                request.headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
            case "OAUTH_CLIENT_CREDENTIALS":
                request.headers["authorization"] = f"Bearer {await self._token(secret)}"
            case _:
                raise Refused(f"a connection authorizes by API_KEY, BASIC or OAUTH_CLIENT_CREDENTIALS, not by {kind}")

    async def _token(self, secret: Mapping[str, Any]) -> str:
        client = secret["client_parameters"]
        form = {
            "grant_type": "client_credentials",
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
        }
        request = HttpRequest(method=secret["http_method"], endpoint=secret["authorization_endpoint"], body={})
        request.add(secret.get("oauth_http_parameters", {}))
        request.form = form | {name: str(value) for name, value in request.body.items()}
        answer = await self._send(request)
        if answer.status not in range(200, 300):
            raise NotNow(f"{request.endpoint} gave no token: {answer.status}")
        return str(json.loads(answer.body)["access_token"])

    async def _send(self, request: "HttpRequest") -> "HttpAnswer":
        loop = asyncio.get_running_loop()
        work = partial(send, request, may_leave_this_machine=self._may_leave_this_machine)
        return await loop.run_in_executor(self._threads, work)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class HttpRequest:
    """A request in the making. ``body`` is what is sent as JSON; ``form`` is sent in its place, where it is set."""

    def __init__(self, *, method: str, endpoint: str, body: Any) -> None:
        self.method = method
        self.endpoint = endpoint
        self.body = body
        self.form: Mapping[str, str] | None = None
        self.headers: dict[str, str] = {}
        self.query: dict[str, str] = {}

    def add(self, parameters: Mapping[str, Any]) -> None:
        """Lay a connection's additional parameters over the request; members of the body only where it is an object."""
        self.headers |= {one["key"]: one["value"] for one in parameters.get("header_parameters", ())}
        self.query |= {one["key"]: one["value"] for one in parameters.get("query_string_parameters", ())}
        if isinstance(self.body, dict):
            self.body |= {one["key"]: one["value"] for one in parameters.get("body_parameters", ())}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    body: bytes


def _request(destination: Mapping[str, Any], delivery: Delivery) -> HttpRequest:
    parameters = delivery.target.get("HttpParameters", {})
    endpoint = destination["InvocationEndpoint"]
    for value in parameters.get("PathParameterValues", ()):
        endpoint = endpoint.replace("*", quote(value, safe=""), 1)
    try:
        body = json.loads(delivery.input)
    except ValueError:
        body = delivery.input
    request = HttpRequest(method=destination["HttpMethod"], endpoint=endpoint, body=body)
    request.headers |= {
        name: value for name, value in parameters.get("HeaderParameters", {}).items() if name.lower() not in UNSTORED_HEADERS
    }
    request.query |= parameters.get("QueryStringParameters", {})
    return request


def send(request: HttpRequest, *, may_leave_this_machine: bool) -> HttpAnswer:
    """Send a request and read how it was answered, and a token's answer whole; blocks. Raises ``Undeliverable``."""
    url = urlsplit(request.endpoint)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise Refused(f"{request.endpoint} is no HTTP address")
    if not may_leave_this_machine and not _is_on_loopback(url.hostname):
        raise Refused(
            f"{url.hostname} is not on this machine; `NINELIVES_HTTP_TARGETS=anywhere ninelives up` delivers elsewhere too"
        )
    connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = connect(url.hostname, url.port, timeout=HTTP_TIMEOUT_SECONDS)
    query = urlencode([*parse_qsl(url.query, keep_blank_values=True), *request.query.items()])
    kind, body = "application/json; charset=utf-8", json.dumps(request.body)
    if request.form is not None:
        kind, body = "application/x-www-form-urlencoded", urlencode(request.form)
    elif isinstance(request.body, str):
        kind, body = "text/plain; charset=utf-8", request.body
    headers = {"content-type": kind, "user-agent": USER_AGENT, **request.headers}
    try:
        connection.request(request.method, (url.path or "/") + (f"?{query}" if query else ""), body.encode(), headers)
        answer = connection.getresponse()
        return HttpAnswer(answer.status, b"" if request.form is None else answer.read(TOKEN_BYTES_MAX))
    except (OSError, http.client.HTTPException) as error:
        raise NotNow(f"{url.scheme}://{url.netloc} cannot be reached: {error}") from error
    finally:
        connection.close()


def _is_on_loopback(host: str) -> bool:
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise NotNow(f"{host} has no address: {error}") from error
    return all(ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in addresses)
