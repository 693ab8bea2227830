"""The AWS API as one environment reaches it: which endpoint, which region, which credentials.

``local`` is the embedded region: the endpoint of ``AWS_ENDPOINT_URL`` or 127.0.0.1:4566. Its credentials come from environment
variables or are of no worth; profiles are not read for it. Every other environment: boto3's standard chain.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ninelives.deploy.errors import DeployError, NoRegion

if TYPE_CHECKING:
    from boto3 import Session

LOCAL_ENDPOINT = "http://127.0.0.1:4566"
LOCAL_REGION = "eu-west-1"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
NO_CREDENTIALS = "ninelives"
CONNECT_SECONDS = 2.0

ClientFactory = Callable[[str], Any]
"""Makes a boto3 client (or what behaves like one) for a service's name."""


class Aws:
    """The services' clients, each made when it is first used."""

    def __init__(self, client: ClientFactory, *, region: str, is_local: bool, endpoint: str | None = None) -> None:
        self._client = client
        self.region = region
        self.is_local = is_local
        self.endpoint = endpoint

    @property
    def is_near(self) -> bool:
        """Whether it answers on this machine, so that it may be asked often."""
        return self.is_local or (self.endpoint is not None and urlsplit(self.endpoint).hostname in LOOPBACK)

    @cached_property
    def ecs(self) -> Any:
        return self._client("ecs")

    @cached_property
    def elbv2(self) -> Any:
        return self._client("elbv2")

    @cached_property
    def ecr(self) -> Any:
        return self._client("ecr")

    @cached_property
    def ec2(self) -> Any:
        return self._client("ec2")

    @cached_property
    def iam(self) -> Any:
        return self._client("iam")

    @cached_property
    def logs(self) -> Any:
        return self._client("logs")

    @cached_property
    def cloudwatch(self) -> Any:
        return self._client("cloudwatch")

    @cached_property
    def secrets(self) -> Any:
        return self._client("secretsmanager")

    @cached_property
    def scaling(self) -> Any:
        return self._client("application-autoscaling")

    @cached_property
    def cloudformation(self) -> Any:
        return self._client("cloudformation")

    @cached_property
    def events(self) -> Any:
        return self._client("events")

    @cached_property
    def scheduler(self) -> Any:
        return self._client("scheduler")

    @cached_property
    def sts(self) -> Any:
        return self._client("sts")

    @cached_property
    def s3(self) -> Any:
        return self._client("s3")


def connect(*, is_local: bool, region: str | None, variables: Mapping[str, str] | None = None) -> Aws:
    """Reach the API in ``region`` (None: the chain's). Raises ``NoRegion`` where nothing answers."""
    known = os.environ if variables is None else variables
    return _connect_local(region, known) if is_local else _connect_aws(region)


def _connect_local(region: str | None, variables: Mapping[str, str]) -> Aws:
    from botocore.config import Config

    endpoint = variables.get("AWS_ENDPOINT_URL") or LOCAL_ENDPOINT
    require_answer(endpoint)
    name = region or variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or LOCAL_REGION
    session = _session(
        aws_access_key_id=variables.get("AWS_ACCESS_KEY_ID") or NO_CREDENTIALS,
        aws_secret_access_key=variables.get("AWS_SECRET_ACCESS_KEY") or NO_CREDENTIALS,
        aws_session_token=variables.get("AWS_SESSION_TOKEN"),
        region_name=name,
    )
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=30,
        retries={"mode": "standard", "max_attempts": 3},
        # No proxy of the environment's leads to this machine.
        proxies={} if urlsplit(endpoint).hostname in LOOPBACK else None,
    )

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint, config=config)  # type: ignore[call-overload]  # any service

    return Aws(client, region=name, is_local=True, endpoint=endpoint)


def _connect_aws(region: str | None) -> Aws:
    from botocore.config import Config

    session = _session(region_name=region)
    if not session.region_name:
        raise DeployError("No AWS region is set.", hint="Set `region:` in the service file, or AWS_REGION, or pass --region.")
    config = Config(connect_timeout=10, read_timeout=60, retries={"mode": "adaptive", "max_attempts": 8})

    def client(service: str) -> Any:
        return session.client(service, config=config)  # type: ignore[call-overload]  # any service

    return Aws(client, region=session.region_name, is_local=False, endpoint=os.environ.get("AWS_ENDPOINT_URL"))


def _session(**known: Any) -> "Session":
    """A session whose clients answer times in UTC, as everything here tells them: botocore's own are in the machine's zone."""
    import boto3
    from botocore.session import get_session
    from botocore.utils import parse_timestamp

    def in_utc(value: Any) -> datetime:
        return parse_timestamp(value).astimezone(UTC)

    session = get_session()
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=in_utc)
    return boto3.Session(botocore_session=session, **known)


def require_answer(endpoint: str) -> None:
    """Raise ``NoRegion`` unless something takes a connection at ``endpoint``."""
    address = urlsplit(endpoint)
    host, port = address.hostname, address.port or (443 if address.scheme == "https" else 80)
    if address.scheme not in {"http", "https"} or host is None:
        raise NoRegion(f"AWS_ENDPOINT_URL: expected a URL such as {LOCAL_ENDPOINT}, found {endpoint!r}.")
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except OSError:
        raise NoRegion(
            f"No region answers at {endpoint}.",
            hint='Start one with `ninelives up`. One that runs elsewhere: `eval "$(ninelives env --port N)"`.',
        ) from None


def error_code(error: Exception) -> str:
    """The code of an API error (``botocore.exceptions.ClientError``); empty for any other error."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def pages(call: Callable[..., Any], key: str, *, continuation: str = "nextToken", **request: Any) -> Iterator[Any]:
    """All items of a paged operation: ``key`` names the list, ``continuation`` what requests and answers call it."""
    while True:
        answer = call(**request)
        yield from answer.get(key, ())
        if not answer.get(continuation):
            return
        request[continuation] = answer[continuation]
