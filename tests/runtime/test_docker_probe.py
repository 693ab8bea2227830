"""Why Docker cannot be used, each in a sentence."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ninelives.runtime import DockerRuntime, docker_probe


@contextmanager
def engine(path: Path, answer: bytes) -> Iterator[None]:
    """A socket at ``path`` that answers one request."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def http(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (http('{"OSType": "linux", "OperatingSystem": "Debian", "SecurityOptions": ["name=seccomp"]}'), None),
        (http('{"OSType": "linux", "SecurityOptions": ["name=rootless"]}'), "rootless"),
        (http('{"OSType": "linux", "OperatingSystem": "Docker Desktop"}'), "Docker Desktop"),
        (http('{"OSType": "windows"}'), "windows"),
        (http("no", "500 Internal Server Error"), "answered 500"),
        (http("not json"), "does not answer as it should"),
        (b"", "does not answer as it should"),
    ],
)
def test_what_the_engine_says_of_itself(
    answer: bytes, says: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with engine(path, answer):
        problem = DockerRuntime.probe()

    assert problem == says if says is None else says in (problem or "")


def test_no_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")

    assert "there is no Docker socket" in (DockerRuntime.probe() or "")


def test_a_socket_that_nobody_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")

    assert "the daemon is not running" in (DockerRuntime.probe() or "")


def test_no_permission_names_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "docker.sock"
    path.touch()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")

    def refuse(_: str) -> dict[str, object]:
        raise PermissionError

    monkeypatch.setattr(docker_probe, "_info", refuse)
    problem = DockerRuntime.probe() or ""

    assert "permission denied" in problem
    assert f"sudo usermod -aG {path.group()} " in problem


def test_an_engine_elsewhere_is_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://build.example:2375")

    assert "tcp://build.example:2375" in (DockerRuntime.probe() or "")
