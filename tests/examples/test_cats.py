"""Cats does what a release needs of a service: versions told, health, slow answers finished on SIGTERM. Needs Ruby."""

import contextlib
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ninelives.deploy.build_context import read_context
from ninelives.deploy.dockerfile import interpret
from ninelives.deploy.reading import read_service_file

CATS = Path(__file__).parents[2] / "examples" / "cats"
VERSIONS = {"1.0.0": "text/plain", "2.0.1": "application/json"}

try:
    subprocess.run(["ruby", "-e", 'require "sinatra/base"; require "puma"'], check=True, capture_output=True)
    no_ruby = None
except (OSError, subprocess.CalledProcessError):
    no_ruby = "no Ruby with Sinatra and Puma"
needs_ruby = pytest.mark.skipif(no_ruby is not None, reason=str(no_ruby))


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Cats:
    process: "subprocess.Popen[str]"
    port: int

    def get(self, path: str, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(status=answer.status, headers=found, body=answer.read().decode())


def unpacked(version: str, root: Path) -> Path:
    """What the Dockerfile would put into the image, below ``root``; the image's working directory there."""
    recipe = interpret((CATS / "Dockerfile").read_text(), read_context(CATS), {"VERSION": version})
    for path, copied in recipe.files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if copied.source.is_dir():
            target.mkdir(exist_ok=True)
        else:
            shutil.copy(copied.source, target)
    assert recipe.command == ("puma", "--config", "puma.rb")
    return root / recipe.working_directory.lstrip("/")


@contextlib.contextmanager
def started(version: str, root: Path, **variables: str) -> Iterator[Cats]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "BOOT_SECONDS": "0", **variables}
    process = subprocess.Popen(
        ["puma", "--config", "puma.rb"], cwd=unpacked(version, root), env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "Listening on" in line:
                break
        yield Cats(process=process, port=port)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module", params=sorted(VERSIONS))
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def cats(version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cats]:
    with started(version, tmp_path_factory.mktemp("task")) as cats:
        yield cats


@needs_ruby
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/health", 200),
        ("/version", 200),
        ("/slow?seconds=0.01", 200),
        ("/slow?seconds=31", 400),
        ("/slow?seconds=soon", 400),
        ("/slow?seconds=nan", 400),
        ("/nowhere", 404),
    ],
)
def test_every_answer_bears_the_version(cats: Cats, version: str, path: str, status: int) -> None:
    answer = cats.get(path)

    assert (status, version) == (answer.status, answer.headers["x-app-version"])
    assert answer.headers["content-type"].startswith(VERSIONS[version])
    told = json.loads(answer.body)["version"] if version == "2.0.1" else answer.body.splitlines()[-1]
    assert told in {version, f"version: {version}"}


@needs_ruby
def test_no_host_is_refused(cats: Cats) -> None:
    headers = {"Host": "any.example", "Referer": "http://other.example/", "X-Forwarded-For": "10.0.0.1"}

    assert cats.get("/", **headers).status == 200


@needs_ruby
def test_sigterm_lets_a_request_in_flight_finish_and_ends_with_0(version: str, tmp_path: Path) -> None:
    with started(version, tmp_path) as cats:
        answers: list[Answer] = []
        connected = threading.Event()

        def ask() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", cats.port, timeout=10)
            with contextlib.closing(connection):
                connection.request("GET", "/slow?seconds=0.8")
                connected.set()
                answer = connection.getresponse()
                answers.append(Answer(status=answer.status, headers={}, body=answer.read().decode()))

        asking = threading.Thread(target=ask)
        asking.start()
        assert connected.wait(5)
        cats.get("/health")  # the slow request came first: it is being answered by now
        cats.process.send_signal(signal.SIGTERM)
        asking.join(10)

        assert [200] == [answer.status for answer in answers]
        assert cats.process.wait(10) == 0


@needs_ruby
def test_the_new_version_takes_its_time_and_refuses_until_then(tmp_path: Path) -> None:
    root = unpacked("2.0.1", tmp_path)
    script = "$slept = 0; $stderr = File.open(File::NULL, 'w'); def Release.sleep(s) = $slept = s; Release.boot; print $slept"
    times = []
    for variables in ({}, {}, {"BOOT_SECONDS": "2.5"}):
        done = subprocess.run(
            ["ruby", "-r", "./release", "-e", script],
            cwd=root,
            env={**os.environ, **variables},
            capture_output=True,
            check=True,
        )
        times.append(float(done.stdout))

    assert all(1 <= seconds <= 6 for seconds in times)
    assert times[2] == 2.5


@needs_ruby
def test_sigterm_while_it_starts_ends_it_at_once(tmp_path: Path) -> None:
    process = subprocess.Popen(
        ["puma", "--config", "puma.rb"],
        cwd=unpacked("2.0.1", tmp_path),
        env={**os.environ, "HOST": "127.0.0.1", "PORT": "0", "BOOT_SECONDS": "60"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stderr is not None
        assert process.stderr.readline() == "cats 2.0.1: starting takes 60.0 s\n"
        process.send_signal(signal.SIGTERM)

        assert process.wait(5) == 143


@contextlib.contextmanager
def picture_api(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Api(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("x-api-key", ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/images", asked
        server.shutdown()
        thread.join()


@needs_ruby
@pytest.mark.parametrize(
    ("status", "body", "source", "asked"),
    [
        (200, b'[{"url": "http://pictures.example/1.jpg"}]', "api", 2),
        (200, b'{"url": "http://pictures.example/1.jpg"}', "api", 2),
        (500, b"", "list", 1),
        (200, b"<html>", "list", 1),
        (200, b"[]", "list", 1),
    ],
)
def test_pictures_come_from_the_api_and_a_broken_api_is_left_alone(
    tmp_path: Path, status: int, body: bytes, source: str, asked: int
) -> None:
    with picture_api(status, body) as (url, keys), started("2.0.1", tmp_path, CATS_API_URL=url, CATS_API_KEY="k") as cats:
        answers = [json.loads(cats.get("/").body) for _ in range(2)]

    assert [source, source] == [answer["source"] for answer in answers]
    assert all((answer["cat"] == "http://pictures.example/1.jpg") == (source == "api") for answer in answers)
    assert keys == ["k"] * asked


@pytest.mark.parametrize("environment", ["local", "staging"])
def test_the_service_file_is_valid(environment: str) -> None:
    file = read_service_file(CATS / "ninelives.yml", environment).file

    assert ("cats", "Staging-Cluster", 4567, 2) == (file.service, file.cluster_name, file.port, file.first_count)
    assert (100, 200, 60) == (
        file.deploy.minimum_healthy,
        file.deploy.maximum,
        file.health.grace_period.total_seconds(),
    )


def test_nothing_is_in_the_tree_twice() -> None:
    common = {path.name for path in CATS.iterdir() if path.is_file()}

    for version in VERSIONS:
        assert not common & {path.name for path in (CATS / "versions" / version).iterdir()}
