"""A Docker engine that does not answer for a while: it is said once, nothing fails by it, and nothing is missed."""

import asyncio
import contextlib
import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, DockerException
from docker.errors import NotFound as DockerNotFound
from requests.exceptions import ChunkedEncodingError, HTTPError, ReadTimeout
from requests.exceptions import ConnectionError as NotConnected
from urllib3.exceptions import ProtocolError

from ninelives.region.ports import LogLine
from ninelives.runtime import docker_logs
from ninelives.runtime.docker_facts import away
from ninelives.runtime.docker_images import DockerImages
from ninelives.runtime.docker_logs import DockerLog, LoggedContainer
from ninelives.runtime.engine import EngineAway
from ninelives.runtime.log_feed import LogFeed


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path a unix socket can have."""
    folder = Path(tempfile.mkdtemp(prefix="away-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch, short_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{short_path}/docker.sock")


@pytest.mark.parametrize(
    "error",
    [
        NotConnected("Connection aborted."),
        ReadTimeout("Read timed out."),
        ChunkedEncodingError("Connection broken"),
        ProtocolError("Connection broken"),
        DockerException("Error while fetching server API version"),
    ],
)
def test_an_engine_that_cannot_be_reached_is_said_to_be_away_and_why(error: Exception, short_path: Path) -> None:
    told = away(error)

    assert told is not None
    assert str(told).startswith(f"Docker does not answer: there is no Docker socket at {short_path}/docker.sock")


@pytest.mark.parametrize("error", [APIError("conflict"), DockerNotFound("gone"), HTTPError("500"), ValueError("else")])
def test_an_engine_that_refuses_is_not_away(error: Exception) -> None:
    assert away(error) is None


def test_a_pull_from_an_engine_that_is_away_is_no_fault_of_the_image() -> None:
    class Away:
        def pull(self, *_: Any, **__: Any) -> Iterator[dict[str, str]]:
            raise NotConnected("Connection aborted.")

    async def main() -> None:
        client: Any = Away()
        images = DockerImages(client, "x86_64")
        try:
            with pytest.raises(EngineAway):
                await images.pull("127.0.0.1:4566/cats:1.0.0", None)
        finally:
            images.close()

    asyncio.run(main())


class FakeDocker:
    """Serves the log of one container that never ends, at a unix socket that comes and goes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._server: socket.socket | None = None
        self._connections: list[socket.socket] = []

    def come(self, *lines: str) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self.path))
        self._server.listen()
        threading.Thread(target=self._serve, args=(self._server, lines), daemon=True).start()

    def go(self) -> None:
        assert self._server is not None
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._connections = []
        self.path.unlink()

    def _serve(self, server: socket.socket, lines: tuple[str, ...]) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                self._connections.append(connection)
                connection.recv(4096)
                frames = b"".join(struct.pack(">BxxxL", 1, len(line) + 1) + line.encode() + b"\n" for line in lines)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + frames)

    def inspect_container(self, _: str) -> Any:
        raise NotConnected("Connection aborted.")


def test_a_log_is_followed_again_however_long_the_engine_was_away(
    short_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    tries = 0
    pause = threading.Event.wait

    def counted(event: threading.Event, timeout: float | None = None) -> bool:
        nonlocal tries
        tries += timeout == docker_logs.RECONNECT_SECONDS_MAX
        return pause(event, timeout)

    monkeypatch.setattr(docker_logs, "RECONNECT_SECONDS", 0.001)
    monkeypatch.setattr(docker_logs, "RECONNECT_SECONDS_MAX", 0.002)
    monkeypatch.setattr(threading.Event, "wait", counted)
    engine: Any = FakeDocker(short_path / "docker.sock")
    engine.come("2026-01-02T03:04:05.000000001Z before")

    async def main() -> None:
        lines: list[str] = []

        async def until(is_so: Callable[[], bool]) -> None:
            async with asyncio.timeout(10):
                while not is_so():  # noqa: ASYNC110  # what is waited for is on other threads
                    await asyncio.sleep(0.005)

        def take(some: Sequence[LogLine], stored: Callable[[], None]) -> None:
            lines.extend(line.message for line in some)
            stored()

        feed = LogFeed(asyncio.get_running_loop(), take)
        container = LoggedContainer(id="1", task_arn="task", name="web", has_terminal=False)
        followed = DockerLog(engine, str(engine.path), feed, container=container, since=None, delivered=lambda _: None)
        await until(lambda: lines == ["before"])
        engine.go()
        await until(lambda: tries > 100)
        engine.come("2026-01-02T03:04:05.000000001Z before", "2026-01-02T03:04:05.000000002Z after")
        await until(lambda: lines == ["before", "after"])
        followed.close()
        await followed.ended.wait()
        feed.close()

    asyncio.run(main())

    assert len([record for record in caplog.records if "broke off" in record.message]) == 1
