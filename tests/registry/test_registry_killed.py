"""The registry's process is killed in the middle of an upload."""

import contextlib
import hashlib
import http.client
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SERVER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from ninelives.api.server import serve
from ninelives.registry import Registry, RegistryError, Repository, registry_app

now = lambda: datetime.now(UTC)
registry = Registry(Path(sys.argv[1]), account="111122223333", now=now)
try:
    registry.create_repository(Repository(name="cats", created_at=now()))
except RegistryError:
    pass
listening = lambda port: print(port, flush=True)
asyncio.run(serve(registry_app(registry), "127.0.0.1", 0, stop=asyncio.Event(), listening=listening))
"""


@contextlib.contextmanager
def served(directory: Path) -> Iterator[tuple[subprocess.Popen[str], http.client.HTTPConnection]]:
    with subprocess.Popen([sys.executable, "-c", SERVER, str(directory)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            with contextlib.closing(connection):
                yield process, connection
        finally:
            process.kill()


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"") -> http.client.HTTPResponse:
    connection.request(method, path, body)
    answer = connection.getresponse()
    answer.read()
    return answer


def test_a_kill_in_the_middle_of_an_upload_leaves_nothing_half_visible(tmp_path: Path) -> None:
    content = b"meow" * 1_000_000
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    with served(tmp_path) as (process, connection):
        location = ask(connection, "POST", "/v2/cats/blobs/uploads/").headers["location"]
        connection.putrequest("PUT", f"{location}?digest={digest}")
        connection.putheader("content-length", str(len(content)))
        connection.endheaders()
        connection.send(content[:-1])
        upload = tmp_path / "uploads" / location.rpartition("/")[2]
        while upload.stat().st_size < 1_000_000:
            assert process.poll() is None
        process.kill()

    with served(tmp_path) as (_, connection):
        assert ask(connection, "HEAD", f"/v2/cats/blobs/{digest}").status == 404
        assert ask(connection, "GET", location).status == 404
        assert not list((tmp_path / "uploads").iterdir())
        assert not list((tmp_path / "blobs").glob("sha256/*/*"))
        assert ask(connection, "POST", f"/v2/cats/blobs/uploads/?digest={digest}", content).status == 201
        assert ask(connection, "HEAD", f"/v2/cats/blobs/{digest}").headers["content-length"] == str(len(content))
