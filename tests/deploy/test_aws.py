"""How the API is reached."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from ninelives.deploy.aws import connect

NOON = 1_767_268_800
"""2026-01-01 12:00 UTC."""


class _Ecs(BaseHTTPRequestHandler):
    """Answers every call with one cluster's service, made at noon."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"services": [{"serviceName": "cats", "createdAt": NOON}]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Ecs) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


@pytest.fixture
def _in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    assert os.environ.get("TZ") == before
    time.tzset()


@pytest.mark.usefixtures("_in_tokyo")
def test_times_of_the_api_are_told_in_utc_wherever_the_machine_stands(endpoint: str) -> None:
    aws = connect(is_local=True, region="eu-west-1", variables={"AWS_ENDPOINT_URL": endpoint})

    [service] = aws.ecs.describe_services(cluster="default", services=["cats"])["services"]

    assert service["createdAt"] == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert f"{service['createdAt']:%H:%M}Z" == "12:00Z"
