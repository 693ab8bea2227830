"""API destinations: a request as EventBridge makes it, authorized by the connection, never to another machine unasked."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ninelives.eventbridge.targets import Delivery, NotNow, Refused, Targets
from ninelives.model.arns import Place

PLACE = Place(region="eu-west-1", account="111122223333")


class Server(ThreadingHTTPServer):
    """Keeps what it is asked; answers ``status``, and a token under ``/token``."""

    def __init__(self) -> None:
        self.status = 200
        self.released = threading.Event()
        """Until then an answer under ``/endless`` goes on."""
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers, body))
        self.send_response(self.server.status)
        self.end_headers()
        if self.path.startswith("/endless"):
            self.wfile.flush()
            self.server.released.wait(10)
        if self.path.startswith("/token"):
            self.wfile.write(json.dumps({"access_token": "sesame"}).encode())

    do_PUT = do_POST  # noqa: N815 - as the handler calls it

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def deliver(
    endpoint: str,
    secret: Mapping[str, Any],
    *,
    kind: str = "API_KEY",
    method: str = "POST",
    parameters: Mapping[str, Any] | None = None,
    text: str = '{"number":1}',
    check: Callable[[Targets], None] = lambda _: None,
) -> None:
    async def call(_service: str, operation: str, _parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        answers: Mapping[str, Any] = {
            "DescribeApiDestination": {
                "ConnectionArn": PLACE.arn("events", "connection/c/1"),
                "InvocationEndpoint": endpoint,
                "HttpMethod": method,
            },
            "DescribeConnection": {"AuthorizationType": kind, "SecretArn": "secret"},
            "GetSecretValue": {"SecretString": json.dumps(secret)},
        }
        answer: Mapping[str, Any] = answers[operation]
        return answer

    target = {"Id": "t", "Arn": PLACE.arn("events", "api-destination/d/1")} | (
        {"HttpParameters": parameters} if parameters else {}
    )
    targets = Targets(call)
    check(targets)
    delivery = Delivery(rule_arn="r", target=target, input=text, time_ms=0)
    try:
        asyncio.run(targets.deliver(delivery))
    finally:
        targets.close()


API_KEY = {"api_key_name": "x-key", "api_key_value": "open"}


def test_an_event_arrives_as_json_with_the_connections_key(server: Server) -> None:
    deliver(f"{server.url}/told?a=b", API_KEY)

    ((method, path, headers, body),) = server.asked
    assert (method, path, json.loads(body)) == ("POST", "/told?a=b", {"number": 1})
    assert headers["x-key"] == "open"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["user-agent"] == "Amazon/EventBridge/ApiDestinations"


def test_basic_authorization_is_the_connections(server: Server) -> None:
    deliver(server.url, {"username": "cat", "password": "nine"}, kind="BASIC", method="PUT")

    ((method, _, headers, _),) = server.asked
    assert (method, headers["authorization"]) == ("PUT", "Basic Y2F0Om5pbmU=")


def test_a_token_is_fetched_for_oauth(server: Server) -> None:
    secret = {
        "client_parameters": {"client_id": "me", "client_secret": "mine"},
        "authorization_endpoint": f"{server.url}/token",
        "http_method": "POST",
        "oauth_http_parameters": {"body_parameters": [{"key": "scope", "value": "all"}]},
    }
    deliver(f"{server.url}/told", secret, kind="OAUTH_CLIENT_CREDENTIALS")

    (_, _, _, form), (_, path, headers, _) = server.asked
    assert form == "grant_type=client_credentials&client_id=me&client_secret=mine&scope=all"
    assert (path, headers["authorization"]) == ("/told", "Bearer sesame")


def test_parameters_of_target_and_connection_are_added(server: Server) -> None:
    secret = API_KEY | {
        "invocation_http_parameters": {
            "header_parameters": [{"key": "x-team", "value": "cats"}],
            "query_string_parameters": [{"key": "q", "value": "1 2"}],
            "body_parameters": [{"key": "who", "value": "us"}],
        }
    }
    parameters = {
        "PathParameterValues": ["a/b"],
        "HeaderParameters": {"x-rule": "r", "Host": "elsewhere"},
        "QueryStringParameters": {"p": "3"},
    }
    deliver(f"{server.url}/told/*/now", secret, parameters=parameters)

    ((_, path, headers, body),) = server.asked
    assert path == "/told/a%2Fb/now?p=3&q=1+2"
    assert (headers["x-team"], headers["x-rule"]) == ("cats", "r")
    assert headers["host"] == server.url.removeprefix("http://")
    assert json.loads(body) == {"number": 1, "who": "us"}


@pytest.mark.parametrize(("status", "outcome"), [(500, NotNow), (503, NotNow), (429, NotNow), (404, Refused), (302, Refused)])
def test_an_answer_says_whether_it_is_worth_another_try(server: Server, status: int, outcome: type[Exception]) -> None:
    server.status = status

    with pytest.raises(outcome, match=str(status)):
        deliver(server.url, API_KEY)


def test_an_answer_that_does_not_end_holds_nothing_up(server: Server) -> None:
    deliver(f"{server.url}/endless", API_KEY)

    assert not server.released.is_set()
    server.released.set()


def test_nobody_listening_is_worth_another_try() -> None:
    closed = Server()
    closed.server_close()

    with pytest.raises(NotNow, match="cannot be reached"):
        deliver(closed.url, API_KEY)


@pytest.mark.parametrize(
    "endpoint", ["https://192.0.2.1/told", "http://[2001:db8::1]:80/", "ftp://127.0.0.1/", "http://0.0.0.0/"]
)
def test_nothing_leaves_this_machine_unasked(endpoint: str) -> None:
    with pytest.raises(Refused, match=r"not on this machine|no HTTP address"):
        deliver(endpoint, API_KEY)
