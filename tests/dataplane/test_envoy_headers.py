"""Live: what a load balancer adds to requests and answers, or takes away, and what it refuses by itself."""

import asyncio
import re

import pytest
from envoy_world import Answer, World, in_world, read_answer, request, request_head, until

pytestmark = pytest.mark.live

ROOT = r"1-([0-9a-f]{8})-([0-9a-f]{24})"


def sent(world: World) -> dict[str, str]:
    """The headers of the last request that the one target got, as it got them."""
    [backend] = world.backends
    lines = backend.last_head.rstrip().split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_every_request_has_a_trace_id_of_its_own_and_one_that_comes_with_it_is_kept() -> None:
    async def test(world: World) -> None:
        await world.serve("a")
        ids = set()
        for _ in range(50):
            await world.get()
            found = re.fullmatch(f"Root={ROOT}", sent(world)["x-amzn-trace-id"])
            assert found is not None
            ids.add(found[2])
        assert 50 == len(ids)

        given = "Root=1-67891233-abcdef012345678912345678;Sampled=1"
        await world.get(x_amzn_trace_id=given)
        assert re.fullmatch(f"Self={ROOT};{given}", sent(world)["x-amzn-trace-id"])

    in_world(test)


def test_x_forwarded_for_is_appended_kept_or_removed_and_may_bear_the_clients_port() -> None:
    async def test(world: World) -> None:
        await world.serve("a")

        async def forwarded(attribute: str = "", value: str = "") -> str | None:
            world.records.attributes = {f"routing.http.{attribute}": value} if attribute else {}
            await world.publish()
            await world.get(x_forwarded_for="10.0.0.1")
            return sent(world).get("x-forwarded-for")

        assert "10.0.0.1,127.0.0.1" == await forwarded()
        with_port = await forwarded("xff_client_port.enabled", "true")
        assert with_port is not None
        assert re.fullmatch(r"10\.0\.0\.1,127\.0\.0\.1:\d+", with_port)
        assert "10.0.0.1" == await forwarded("xff_header_processing.mode", "preserve")
        assert await forwarded("xff_header_processing.mode", "remove") is None

    in_world(test)


def test_targets_see_the_listeners_port_in_the_host_header_unless_the_header_is_preserved() -> None:
    async def test(world: World) -> None:
        await world.serve("a")
        own = world.records.port == 80  # else the operating system keeps it from us, and nothing is changed

        async def host(given: str) -> str:
            assert 200 == (await world.get(host=given)).status
            return sent(world)["host"]

        assert "web.test" == await host("web.test")
        assert ("web.test" if own else "web.test:80") == await host("web.test:80")
        world.records.port = world.records.listener_port = world.plane.pick_port(world.records.address, 18081) or 0
        await world.publish()
        assert ["web.test:18081"] * 2 == [await host(one) for one in ("web.test", "web.test:18081")]
        world.records.attributes = {"routing.http.preserve_host_header.enabled": "true"}
        await world.publish()
        assert "web.test" == await host("web.test")

    in_world(test)


def test_header_names_that_are_not_valid_are_dropped_where_that_is_asked_for() -> None:
    async def test(world: World) -> None:
        await world.serve("a")
        given = {"under_score": "1", "good_one": "2", "odd!": "3"}

        async def names() -> set[str]:
            reader, writer = await asyncio.open_connection(*world.url)
            head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
            writer.write(f"GET / HTTP/1.1\r\nhost: a\r\nx-fine: 4\r\n{head}\r\n".encode())
            assert 200 == (await read_answer(reader)).status
            writer.close()
            return {"x-fine", *given} & sent(world).keys()

        assert {"x-fine", *given} == await names()
        world.records.attributes = {"routing.http.drop_invalid_header_fields.enabled": "true"}
        await world.publish()
        assert {"x-fine"} == await names()

    in_world(test)


def test_a_listener_sets_headers_of_answers_and_hides_who_the_server_is() -> None:
    async def test(world: World) -> None:
        await world.serve("a")
        world.backends[0].answers["/own"] = (
            b"HTTP/1.1 200 X\r\nserver: mine\r\nx-frame-options: SAMEORIGIN\r\ncontent-length: 0\r\n\r\n"
        )
        assert "mine" == (await world.get("/own")).headers["server"]
        world.records.listener_attributes = {
            "routing.http.response.strict_transport_security.header_value": "max-age=31536000; 100%",
            "routing.http.response.x_frame_options.header_value": "DENY",
            "routing.http.response.server.enabled": "false",
        }
        await world.publish()

        found = (await world.get("/own")).headers
        assert ("max-age=31536000; 100%", "DENY") == (found["strict-transport-security"], found["x-frame-options"])
        assert "server" not in found
        world.backends[0].answers["/close"] = b""
        broken = await world.get("/close")
        assert (502, False) == (broken.status, "server" in broken.headers)

    in_world(test)


def test_trace_and_too_many_forwarding_addresses_are_refused_before_any_rule() -> None:
    async def test(world: World) -> None:
        await world.serve("a")

        assert 405 == (await request(world.url, "/", method="TRACE")).status
        assert 200 == (await world.get(x_forwarded_for=",".join(["10.0.0.1"] * 30))).status
        refused = await world.get(x_forwarded_for=",".join(["10.0.0.1"] * 31))
        assert (463, "awselb/2.0") == (refused.status, refused.headers["server"])

    in_world(test)


def test_what_is_too_long_malformed_or_not_implemented_gets_albs_own_answer() -> None:
    """Each row of the user guide's page of errors that Envoy lets one tell apart; the target sees none of them."""
    head = "host: a\r\n\r\n"
    many = "".join(f"x{number}: {'a' * 8000}\r\n" for number in range(9))
    refused = {
        f"GET /{'a' * 16384} HTTP/1.1\r\n{head}": "414 Request-URI Too Large",
        f"GET / HTTP/1.1\r\ncookie: {'a' * 16385}\r\n{head}": "400 Bad Request",
        f"GET / HTTP/1.1\r\nauthorization: {'a' * 16385}\r\n{head}": "400 Bad Request",
        f"GET / HTTP/1.1\r\n{many}{head}": "400 Bad Request",
        "GET / HTTP/1.1\r\n\r\n": "400 Bad Request",
        f"GET /a b HTTP/1.1\r\n{head}": "400 Bad Request",
        f"GET / HTTP/1.1\r\nx y: 1\r\n{head}": "400 Bad Request",
        f"POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n{head}0\r\n\r\n": "400 Bad Request",
        "CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n": "400 Bad Request",
        f"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n{head}": "501 Not Implemented",
    }

    async def test(world: World) -> None:
        await world.serve("a")

        async def answer(sent: str) -> Answer:
            reader, writer = await asyncio.open_connection(*world.url)
            writer.write(sent.encode())
            try:
                async with asyncio.timeout(10):
                    return await read_answer(reader)
            finally:
                writer.close()

        for sent, title in refused.items():
            found = await answer(sent)
            told = (found.status, found.headers["server"], found.headers["content-type"])
            assert (int(title[:3]), "awselb/2.0", "text/html") == told, sent[:50]
            assert f"<center><h1>{title}</h1></center>" in found.body
        assert {"/health"} == world.backends[0].asked.keys()
        for allowed in (f"GET /{'a' * 16000} HTTP/1.1\r\n{head}", f"GET / HTTP/1.1\r\ncookie: {'a' * 16384}\r\n{head}"):
            assert 200 == (await answer(allowed)).status

    in_world(test)


def test_a_target_or_client_that_is_silent_for_the_idle_timeout_is_a_504_or_408() -> None:
    async def test(world: World) -> None:
        world.records.attributes = {"idle_timeout.timeout_seconds": "1"}
        await world.serve("a")
        world.backends[0].slow_seconds = 5

        assert 504 == (await world.get("/slow")).status
        reader, writer = await asyncio.open_connection(*world.url)
        writer.write(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf")
        answer = await read_answer(reader)
        assert (408, "awselb/2.0") == (answer.status, answer.headers["server"])
        writer.close()
        reader, writer = await asyncio.open_connection(*world.url)
        async with asyncio.timeout(10):
            assert b"" == await reader.read(), "an idle connection is closed"
        writer.close()

    in_world(test)


def test_a_client_is_asked_to_connect_anew_once_its_connection_is_as_old_as_the_keep_alive() -> None:
    async def test(world: World) -> None:
        world.records.attributes = {"client_keep_alive.seconds": "1"}
        await world.serve("a")
        began = asyncio.get_running_loop().time()
        reader, writer = await asyncio.open_connection(*world.url)

        async def connection() -> str:
            writer.write(request_head("/"))
            answer = await read_answer(reader)
            assert 200 == answer.status
            return answer.headers.get("connection", "")

        assert "" == await connection()
        await until(connection, what="an answer that closes the connection")
        assert asyncio.get_running_loop().time() - began > 0.9  # the proxy's timers count in milliseconds
        assert b"" == await reader.read()
        writer.close()

    in_world(test)
