import asyncio
import http.server
import socket
import threading
from collections.abc import Iterator

import pytest
from running_door import OpenDoor

from ninelives.api.server import PortTaken, listen, serve


async def app(scope: object, receive: object, send: object) -> None: ...


def test_a_port_that_another_region_has_is_said_so(open_door: OpenDoor) -> None:
    port = open_door().port

    with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{port} is taken by another ninelives region \(eu-west-1, version"):
        asyncio.run(serve(app, "127.0.0.1", port, stop=asyncio.Event()))


@pytest.fixture
def other_server() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_port_that_another_http_server_has_is_said_so(other_server: int) -> None:
    with pytest.raises(PortTaken, match="calls itself 'SimpleHTTP"):
        listen("127.0.0.1", other_server)


def test_a_port_that_does_not_speak_http_is_taken_all_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortTaken) as caught:
        listen("127.0.0.1", other.getsockname()[1])

    assert (caught.value.host, caught.value.occupant) == ("127.0.0.1", None)


def test_the_server_stops_when_it_is_told_and_frees_the_port() -> None:
    async def run() -> int:
        stop = asyncio.Event()
        ports: list[int] = []

        def listening(port: int) -> None:
            ports.append(port)
            stop.set()

        await serve(app, "127.0.0.1", 0, stop=stop, listening=listening)
        return ports[0]

    listen("127.0.0.1", asyncio.run(run())).close()
