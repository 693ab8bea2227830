"""A release under load: it is proven where it can be, and goes on where it cannot."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from test_release_output import release

from ninelives.cli import proving
from ninelives.cli.options import Proving
from ninelives.deploy.clock import WallClock
from ninelives.deploy.reading import Definition, parse_service_file
from ninelives.deploy.release import Report, Session
from ninelives.deploy.verdict import Outcome

FILE = "service: cats\nimage: .\nport: 4567\nhealth: {path: /health}\n"


@dataclass
class Service:
    """Answers with a status, and keeps which paths were asked for."""

    status: int = 200
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def service() -> Iterator[Service]:
    served = Service()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            served.asked.append(self.path)
            self.send_response(served.status)
            self.send_header("X-App-Version", "2.0.1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name in the base class)
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def released(service: Service, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[proving.Proven, list[Report]]]:
    """A release of nothing, under load on that service."""
    monkeypatch.setattr(proving, "BEFORE_SECONDS", 0.2)
    monkeypatch.setattr(proving, "AFTER_SECONDS", 0.2)

    def run(*, url: str | None = service.url, is_live: bool = True, **how: Any) -> tuple[proving.Proven, list[Report]]:
        monkeypatch.setattr(proving, "live_service", lambda _aws, _file: {} if is_live else None)
        monkeypatch.setattr(proving, "service_url", lambda _aws, _file: url)
        told: list[Report] = []
        aws: Any = None
        definition = Definition(path=Path("ninelives.yml"), environment="staging", file=parse_service_file(FILE))
        session = Session(aws=aws, definition=definition, clock=WallClock(), listener=told.append)
        return proving.release_under_load(session, lambda: release(Outcome.SUCCEEDED), Proving(rate=50, **how)), told

    return run


def test_every_request_is_counted_and_asks_for_what_the_health_check_asks_for(service: Service, released: Any) -> None:
    proven, told = released()

    assert proven.proof is not None
    assert proven.proof.nothing_lost
    assert proven.proof.sent > 10
    assert {"/health"} == set(service.asked)
    assert "50 requests a second" in told[0].text


def test_another_path_may_be_asked_for(service: Service, released: Any) -> None:
    released(path="/cats?n=1")

    assert {"/cats?n=1"} == set(service.asked)


def test_what_is_lost_is_counted(service: Service, released: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "_first_answer", lambda _target, _path: None)
    service.status = 503
    proven, _ = released()

    assert proven.lost == proven.proof.sent > 10
    assert "status_503" == proven.proof.losses[0].error


@pytest.mark.parametrize(
    ("how", "why_not"),
    [
        ({"is_live": False}, "the service is new, so nobody was served before"),
        ({"url": None}, "no listener"),
        ({"url": "https://127.0.0.1:9"}, "https://127.0.0.1:9/health does not answer here"),
        ({"url": "http://127.0.0.1:9"}, "does not answer here"),
    ],
)
def test_where_nothing_can_be_proven_it_is_released_all_the_same(released: Any, how: Any, why_not: str) -> None:
    proven, told = released(**how)

    assert proven.proof is None
    assert why_not in proven.why_not
    assert proven.release.has_succeeded
    assert why_not in told[0].text


def test_a_service_that_is_down_gets_its_release_without_a_proof(service: Service, released: Any) -> None:
    service.status = 500
    proven, _ = released()

    assert proven.why_not.endswith("/health answers 500 before the release begins")
    assert proven.release.has_succeeded
