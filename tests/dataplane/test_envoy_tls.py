"""Live: HTTPS listeners and what they carry: certificates by server name, policies, HTTP/2, gRPC, websockets."""

import asyncio
import ssl
from dataclasses import replace
from typing import Any, cast
from urllib.parse import unquote

import grpc
import grpc.aio
import pytest
from envoy_world import QUICK, World, forward, in_world, request, request_head, until
from tls_world import (
    GrpcBackend,
    Http2,
    certificate,
    client_context,
    connect,
    handshake,
    request_tls,
    server_context,
    show,
    shown,
)

from ninelives.model.elbv2 import Condition, TargetHealthState

pytestmark = pytest.mark.live

WEB = certificate("web.test")
SHOP = certificate("shop.test", "*.shop.test")


def test_clients_get_the_certificate_of_the_name_that_they_ask_for_and_else_the_default() -> None:
    async def test(world: World) -> None:
        world.records.certificates = [WEB, SHOP]
        await world.serve("a")

        names = ["web.test", "shop.test", "www.shop.test", "a.b.shop.test", "else.where"]
        found = [(await handshake(world.url, name)).name for name in names]

        assert ["web.test 1", "shop.test 1", "shop.test 1", "web.test 1", "web.test 1"] == found
        answer = await request_tls(world.url, "/x")
        assert (200, "a") == (answer.status, answer.body)
        head = world.backends[0].last_head.lower()
        assert "x-forwarded-proto: https" in head
        assert f"x-forwarded-port: {world.records.port}" in head

    in_world(test)


def test_handshakes_that_come_to_nothing_are_counted() -> None:
    async def test(world: World) -> None:
        world.records.certificates = [WEB]
        await world.serve("a")
        for _ in range(3):
            reader, writer = await asyncio.open_connection(*world.url)
            writer.write(request_head("/"))  # in clear
            assert b"HTTP" not in await reader.read()
            writer.close()
        await request_tls(world.url)
        listener = world.records.listener.arn.partition(":listener/")[2]

        async def counted() -> bool:
            return (await world.plane.connections())[listener].tls_failed == 3

        await until(counted)

    in_world(test)


def test_a_certificate_is_replaced_or_added_without_touching_the_listener_or_a_connection() -> None:
    async def test(world: World) -> None:
        world.records.certificates = [WEB]
        await world.serve("a")
        reader, writer = await connect(world.url, "web.test")
        before = world.records.snapshot().listeners

        world.records.certificates = [certificate("web.test", serial=2), SHOP]
        await world.publish()

        assert before == world.records.snapshot().listeners
        assert "web.test 2" == (await handshake(world.url, "web.test")).name
        assert "shop.test 1" == (await handshake(world.url, "shop.test")).name
        writer.write(request_head("/"))
        assert b"200" in await reader.readline()
        assert "web.test 1" == shown(writer).name
        writer.close()

    in_world(test)


def test_a_policy_says_which_versions_and_ciphers_are_spoken_and_tells_targets_where_asked_to() -> None:
    async def test(world: World) -> None:
        world.records.certificates = [WEB]
        world.records.ssl_policy = "ELBSecurityPolicy-TLS-1-2-2017-01"
        world.records.attributes = {"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true"}
        world.records.listener_attributes = {"routing.http.request.x_amzn_tls_version.header_name": "x-version"}
        await world.serve("a")

        found = await handshake(world.url)
        assert "TLSv1.2" == found.version
        assert 200 == (await request_tls(world.url)).status
        head = world.backends[0].last_head.lower()
        assert "x-version: tlsv1.2" in head
        assert f"x-amzn-tls-cipher-suite: {found.cipher.lower()}" in head

        world.records.ssl_policy = "ELBSecurityPolicy-TLS13-1-3-2021-06"
        await world.publish()
        assert "TLSv1.3" == (await handshake(world.url)).version
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await handshake(world.url, context=client_context(most=ssl.TLSVersion.TLSv1_2))

    in_world(test)


def test_http_2_is_spoken_unless_it_is_switched_off_and_reaches_http_1_targets() -> None:
    async def test(world: World) -> None:
        world.records.certificates = [WEB]
        await world.serve("a")
        reader, writer = await connect(world.url, "web.test", client_context("h2", "http/1.1"))
        assert "h2" == shown(writer).protocol
        client = Http2(reader, writer)

        assert (200, "a") == await client.request("/x", cookie="a=b")
        assert (200, "a") == await client.request("/y")
        assert "get /y http/1.1" in world.backends[0].last_head.lower()
        writer.close()
        world.records.attributes = {"routing.http2.enabled": "false"}
        await world.publish()
        assert "http/1.1" == (await handshake(world.url, context=client_context("h2", "http/1.1"))).protocol

    in_world(test)


def test_certificates_of_clients_are_passed_through_whoever_has_signed_them() -> None:
    async def test(world: World) -> None:
        world.records.certificates = [WEB]
        world.records.mutual_authentication = "passthrough"
        await world.serve("a")

        async def told(context: ssl.SSLContext | None = None, name: str = "x-amzn-mtls-clientcert") -> str | None:
            assert 200 == (await request_tls(world.url, context=context, x_amzn_mtls_clientcert="forged")).status
            lines = world.backends[0].last_head.split("\r\n")[1:]
            return {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}.get(name)

        client = client_context()
        own = certificate("client.test")
        show(client, own)
        passed = await told(client)
        assert passed is not None
        assert (own.chain, True) == (unquote(passed), "+" in passed or "/" in passed), "of these characters none is encoded"
        assert await told() is None, "one that a client has made up is not passed on"

        world.records.listener_attributes = {"routing.http.request.x_amzn_mtls_clientcert.header_name": "X-Client"}
        await world.publish()
        assert passed == await told(client, "x-client")

    in_world(test)


def test_websockets_pass_over_tls() -> None:
    async def test(world: World) -> None:
        world.records.certificates = [WEB]
        await world.serve("a")
        reader, writer = await connect(world.url, "web.test")
        writer.write(request_head("/ws", connection="Upgrade", upgrade="websocket"))
        assert b"101" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"hello\n")

        assert b"a:hello\n" == await reader.readline()
        writer.close()

    in_world(test)


def echo(url: tuple[str, int]) -> Any:
    credentials = grpc.ssl_channel_credentials(root_certificates=WEB.chain.encode())
    return grpc.aio.secure_channel(f"{url[0]}:{url[1]}", credentials, [("grpc.ssl_target_name_override", "web.test")])


def test_grpc_groups_are_checked_carry_streams_and_drain_when_the_last_stream_has_ended() -> None:
    async def test(world: World) -> None:
        world.records.certificates = [WEB]
        backend = GrpcBackend()
        await backend.start()
        world.records.group("rpc", replace(QUICK, path="/AWS.ALB/healthcheck", matcher="12"), version="GRPC")
        world.records.rule(forward(("rpc", 1)))
        key = world.records.register("rpc", backend.port)
        await world.publish()
        await world.until_state(key, TargetHealthState.HEALTHY)

        async with echo(world.url) as channel:
            assert b"echo:a" == await channel.unary_unary("/test.Echo/Once")(b"a")
            stream = channel.stream_stream("/test.Echo/Stream")()
            await stream.write(b"b")
            assert b"echo:b" == await stream.read()
            world.records.drain(key)
            await world.publish()
            assert 1 == await world.in_flight(key)
            await stream.write(b"c")
            assert b"echo:c" == await stream.read()
            await stream.done_writing()
            assert cast("Any", grpc.aio).EOF == await stream.read()

        async def is_quiet() -> bool:
            return await world.in_flight(key) == 0

        await until(is_quiet, what="no stream in flight")
        await backend.stop()

    in_world(test)


def test_a_grpc_target_is_healthy_by_the_grpc_status_of_its_answer() -> None:
    """Of an answer without a message (12, 5), of one with a message and trailers (0), and of none."""
    checks = {
        "unknown": ("/AWS.ALB/healthcheck", "0-11,12", None),
        "fine": ("/grpc.health.v1.Health/Check", "0", None),
        "missing": ("/test.Echo/Missing", "5", None),
        "other": ("/grpc.health.v1.Health/Check", "12", "Health checks failed with these codes: [0]"),
        "another": ("/AWS.ALB/healthcheck", "0-11,13-99", "Health checks failed with these codes: [12]"),
        "gone": ("/grpc.health.v1.Health/Check", "0", "Health checks failed"),
        "http": ("/health", "0-99", "Health checks failed"),
    }
    """The path, the matcher, and what is told of a target that is unhealthy."""

    async def test(world: World) -> None:
        world.records.certificates = [WEB]
        clear, encrypted = GrpcBackend(), GrpcBackend()
        await clear.start()
        await encrypted.start(certificate("any.name"))
        plain = await world.backend("a")
        keys = {}
        cases = [
            (name, protocol) for name in checks for protocol in ("HTTP", "HTTPS") if (name, protocol) != ("http", "HTTPS")
        ]
        for priority, (name, protocol) in enumerate(cases, 1):
            path, matcher, _ = checks[name]
            group = f"{name}-{protocol}"
            check = replace(QUICK, path=path, matcher=matcher, protocol=protocol)
            world.records.group(group, check, version="GRPC", protocol=protocol)
            only = Condition(field="path-pattern", values=(f"/{group}",))
            world.records.rule(forward((group, 1)), only, priority=priority)
            port = {"gone": 1, "http": plain.port}.get(name, (clear if protocol == "HTTP" else encrypted).port)
            keys[name, protocol] = world.records.register(group, port)
        await world.publish()

        for (name, _), key in keys.items():
            told = checks[name][2]
            await world.until_state(key, TargetHealthState.UNHEALTHY if told else TargetHealthState.HEALTHY)
            found = world.plane.target_health(key)
            assert found is not None
            assert told == found.description, key
        await clear.stop()
        await encrypted.stop()

    in_world(test)


def test_what_a_target_group_does_not_speak_is_a_464() -> None:
    async def test(world: World) -> None:
        world.records.certificates = [WEB]
        world.records.group("two", version="HTTP2")
        world.records.rule(forward(("two", 1)), Condition(field="path-pattern", values=("/two",)), priority=1)
        world.records.rule(forward(("web", 1)))
        await world.serve("one")

        assert 464 == (await request_tls(world.url, "/two")).status
        async with echo(world.url) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary("/test.Echo/Once")(b"a")
        assert grpc.StatusCode.UNKNOWN is refused.value.code(), "Envoy tells a gRPC client so"
        assert 0 == world.backends[0].asked["/test.Echo/Once"]
        assert 200 == (await request_tls(world.url, "/")).status

    in_world(test)


def test_targets_may_speak_tls_with_a_certificate_that_nobody_trusts() -> None:
    async def test(world: World) -> None:
        world.records.group("web", replace(QUICK, protocol="HTTPS"), protocol="HTTPS")
        world.records.rule(forward(("web", 1)))
        backend = await world.backend("a", tls=server_context(certificate("any.name")))
        plain = await world.backend("b")
        keys = [world.records.register("web", one.port) for one in (backend, plain)]
        await world.publish()

        await world.until_state(keys[0], TargetHealthState.HEALTHY)
        await world.until_state(keys[1], TargetHealthState.UNHEALTHY)
        answers = [await request(world.url, "/") for _ in range(4)]
        assert [(200, "a")] * 4 == [(one.status, one.body) for one in answers]
        assert "x-forwarded-proto: http\r\n" in backend.last_head.lower()

    in_world(test)


def test_checks_may_speak_tls_where_requests_do_not_and_the_other_way_round() -> None:
    async def test(world: World) -> None:
        encrypted, plain = await world.backend("a", tls=server_context(certificate("any.name"))), await world.backend("b")
        for name, protocol, other in (("clear", "HTTP", "HTTPS"), ("encrypted", "HTTPS", "HTTP")):
            traffic, checked = (plain, encrypted) if protocol == "HTTP" else (encrypted, plain)
            check = replace(QUICK, protocol=other, port=str(checked.port))
            world.records.group(name, check, protocol=protocol)
            world.records.rule(
                forward((name, 1)),
                Condition(field="path-pattern", values=(f"/{name}",)),
                priority=len(world.records.rules) + 1,
            )
            key = world.records.register(name, traffic.port)
            await world.publish()
            await world.until_state(key, TargetHealthState.HEALTHY)

            assert (200, traffic.name) == ((answer := await request(world.url, f"/{name}")).status, answer.body)

    in_world(test)


def test_a_plain_port_takes_neither_tls_nor_http_2() -> None:
    async def test(world: World) -> None:
        await world.serve("a")
        reader, writer = await asyncio.open_connection(*world.url)
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
        assert 200 == (await request(world.url, "/")).status

    in_world(test)
