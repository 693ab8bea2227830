"""Live: what a client of the load balancer sees. Envoy and small backends, no Docker."""

import asyncio
from typing import Any

import pytest
from envoy_world import World, forward, in_world, request, request_head, until

from ninelives.model.elbv2 import Condition, FixedResponse, Redirect, TargetHealthState, Transform

pytestmark = pytest.mark.live


def test_requests_go_to_every_healthy_target_with_albs_headers() -> None:
    async def test(world: World) -> None:
        await world.serve("a", "b")

        bodies = {(await world.get("/x?y=1", x_forwarded_for="10.1.2.3")).body for _ in range(20)}

        assert {"a", "b"} == bodies
        head = world.backends[0].last_head.lower()
        assert "get /x?y=1 http/1.1" in head
        assert "host: web.test" in head
        assert "x-forwarded-for: 10.1.2.3,127.0.0.1" in head
        assert "x-forwarded-proto: http" in head
        assert f"x-forwarded-port: {world.records.port}" in head
        assert "x-envoy" not in head

    in_world(test)


def say(body: str) -> FixedResponse:
    return FixedResponse(status_code=200, message_body=body)


def test_rules_are_tried_in_order_of_priority() -> None:
    async def test(world: World) -> None:
        records = world.records
        records.group("web")
        records.rule(say("default"))
        records.rule(say("path"), Condition(field="path-pattern", values=("/img/*",)), priority=20)
        records.rule(say("exact"), Condition(field="path-pattern", values=("/img/one",)), priority=10)
        records.rule(say("one"), Condition(field="path-pattern", values=("/a?c", r"/star\*")), priority=30)
        records.rule(
            say("host and query"),
            Condition(field="host-header", values=("*.example.com",)),
            Condition(field="query-string", values=("version=v1*", "beta")),
            priority=40,
        )
        records.rule(say("header"), Condition(field="http-header", name="User-Agent", values=("*Chrome*",)), priority=50)
        records.rule(say("method"), Condition(field="http-request-method", values=("PURGE", "PUT")), priority=60)
        records.rule(
            say("source"),
            Condition(field="path-pattern", values=("/source",)),
            Condition(field="source-ip", values=("127.0.0.0/8",)),
            priority=70,
        )
        records.rule(
            say("elsewhere"),
            Condition(field="path-pattern", values=("/elsewhere",)),
            Condition(field="source-ip", values=("10.0.0.0/8",)),
            priority=80,
        )
        await world.publish()

        async def body(path: str, method: str = "GET", **headers: str) -> str:
            return (await request(world.url, path, method=method, **headers)).body

        assert "path" == await body("/img/two?x=1")
        assert "exact" == await body("/img/one")
        assert "default" == await body("/IMG/two")
        assert "one" == await body("/abc")
        assert "default" == await body("/abbc")
        assert "one" == await body("/star*")
        assert "default" == await body("/starry")
        assert "host and query" == await body("/?a=1&VERSION=v12", host="WWW.Example.com:8080")
        assert "host and query" == await body("/?x=beta", host="www.example.com")
        assert "default" == await body("/?version=v2", host="www.example.com")
        assert "default" == await body("/?version=v1", host="example.com")
        assert "header" == await body("/", user_agent="Mozilla chrome/1")
        assert "method" == await body("/", method="PURGE")
        assert "source" == await body("/source", x_forwarded_for="10.0.0.1")
        assert "default" == await body("/elsewhere", x_forwarded_for="10.0.0.1")

    in_world(test)


def test_transforms_rewrite_host_and_url_where_they_match() -> None:
    async def test(world: World) -> None:
        told: list[Any] = []
        world.plane.subscribe_requests(told.extend)
        host = Transform(type="host-header-rewrite", regex=r"^mywebsite-(.+)\.test$", replace="internal.dev.$1.test")
        url = Transform(type="url-rewrite", regex=r"^/dp/([A-Za-z0-9]+)/?(\?.*)?$", replace=r"/it's\100%)/product.php?id=$1")
        broken = Transform(type="url-rewrite", regex="^/broken", replace="nowhere")
        records = world.records
        records.rule(
            forward(("web", 1)), Condition(field="path-pattern", values=("/dp/*",)), priority=1, transforms=(host, url)
        )
        records.rule(
            forward(("web", 1)), Condition(field="path-pattern", values=("/broken",)), priority=2, transforms=(broken,)
        )
        records.rule(forward(("web", 1)))
        await world.serve("web")

        async def got(path: str, name: str) -> tuple[str, str]:
            assert 200 == (await world.get(path, host=name)).status
            line, *lines = world.backends[0].last_head.split("\r\n")
            [found] = [one.partition(": ")[2] for one in lines if one.lower().startswith("host:")]
            assert "x-ninelives" not in world.backends[0].last_head
            return line.split()[1], found

        rewritten = r"/it's\100%)/product.php?id=B00"
        assert (rewritten, "internal.dev.example.test") == await got("/dp/B00?x=1", "mywebsite-example.test")
        assert (rewritten, "web.test") == await got("/dp/B00/", "web.test")
        assert ("/dp/B00/more?x=1", "internal.dev.a.test") == await got("/dp/B00/more?x=1", "mywebsite-a.test")
        assert ("/dp/-?x=1", "web.test") == await got("/dp/-?x=1", "web.test")
        assert ("/x", "mywebsite-a.test") == await got("/x", "mywebsite-a.test")
        assert 500 == (await world.get("/broken")).status
        await until(lambda: len(told) == 6, what="the requests")
        assert ["/dp/B00?x=1", "/dp/B00/", None] == [one["original_path"] for one in told[:3]]
        hosts = [(one["original_host"], one["host"]) for one in told[:4]]
        assert ("mywebsite-example.test", "internal.dev.example.test") == hosts[0]
        assert ("mywebsite-a.test", "internal.dev.a.test") == hosts[2]
        assert [None, None] == [hosts[1][0], hosts[3][0]]

    in_world(test)


def test_regular_expressions_match_anywhere_unless_they_are_anchored() -> None:
    async def test(world: World) -> None:
        records = world.records

        def rule(number: int, field: str, *expressions: str, name: str | None = None) -> None:
            condition = Condition(field=field, values=(), regex_values=expressions, name=name)
            records.rule(say(str(number)), condition, priority=number)

        records.rule(say("default"))
        rule(1, "path-pattern", r"^/api/v\d+/(users|cats)$")
        rule(2, "path-pattern", "(?:deep)|nothing")
        rule(3, "host-header", r"^www\.[^.]+\.test$")
        rule(4, "http-header", "chrome|firefox", name="User-Agent")
        # Whatever the door takes must not be refused here: it would hold up all that comes after it.
        odd = [
            r"\bodd\b",
            "oddly|",
            "(odd)()",
            "[]o]dd",
            "odx*?y+?",
            "od{2,1000}z",
            "od[[:alpha:]]q",
            r"\/odd\.\-\_",
            "(od{10}){90}",
        ]
        for number, expression in enumerate(odd, start=5):
            rule(number, "http-header", expression, name="X-Odd")
        await world.publish()

        async def body(path: str, **headers: str) -> str:
            return (await world.get(path, **headers)).body

        assert "1" == await body("/api/v12/cats?x=1")
        assert "default" == await body("/API/v12/cats")
        assert "default" == await body("/x/api/v1/users")
        assert "2" == await body("/very/deep/path")
        assert ["3", "3"] == [await body("/", host=host) for host in ("WWW.shop.test", "www.shop.test:8080")]
        assert "default" == await body("/", host="www.shop.test.evil.org")
        assert "4" == await body("/", user_agent="a Firefox b")

    in_world(test)


def test_fixed_responses_and_redirects_are_albs() -> None:
    async def test(world: World) -> None:
        records = world.records
        records.rule(FixedResponse(status_code=504, content_type="application/json", message_body='{"a": "100%"}'))
        https = Redirect(status_code=301, protocol="HTTPS", port="443")
        records.rule(https, Condition(field="path-pattern", values=("/old/*",)), priority=1)
        moved = Redirect(status_code=302, host="www.#{host}", path="/new%20/#{path}", query="from=#{host}&#{query}")
        records.rule(moved, Condition(field="path-pattern", values=("/moved",)), priority=2)
        plain = Redirect(status_code=302, path="/plain", query="a=b")
        records.rule(plain, Condition(field="path-pattern", values=("/p",)), priority=3)
        await world.publish()

        fixed = await world.get("/")
        assert (504, '{"a": "100%"}') == (fixed.status, fixed.body)
        assert "application/json" == fixed.headers["content-type"]
        assert "awselb/2.0" == fixed.headers["server"]

        async def location(path: str) -> tuple[int, str]:
            answer = await world.get(path, host="web.test:1234")
            return answer.status, answer.headers["location"]

        port = records.port
        assert (301, "https://web.test:443/old/a?b=c") == await location("/old/a?b=c")
        assert (301, "https://web.test:443/old/a") == await location("/old/a")
        assert (302, f"http://www.web.test:{port}/new%20/moved?from=#host&x=1".replace("#host", "web.test")) == await location(
            "/moved?x=1"
        )
        assert (302, f"http://web.test:{port}/plain?a=b") == await location("/p?x=1")

    in_world(test)


def test_weights_share_the_requests_and_a_weight_of_0_gets_none() -> None:
    async def test(world: World) -> None:
        records = world.records
        records.group("blue")
        records.group("green")
        records.rule(forward(("blue", 1), ("green", 3)))
        await world.serve("blue", group="blue")
        await world.serve("green", group="green")

        async def greens(count: int) -> int:
            return [(await world.get()).body for _ in range(count)].count("green")

        assert 45 <= await greens(80) <= 75
        records.rules.clear()
        records.rule(forward(("blue", 0), ("green", 100)))
        await world.publish()
        assert 40 == await greens(40)
        records.rules.clear()
        records.rule(forward(("blue", 100), ("green", 0)))
        await world.publish()
        assert 0 == await greens(40)
        records.rules.clear()
        records.rule(forward(("blue", 0), ("green", 0)))
        await world.publish()
        assert 503 == (await world.get()).status

    in_world(test)


def test_an_empty_group_answers_albs_503_and_its_share_of_a_weighted_rule_too() -> None:
    async def test(world: World) -> None:
        records = world.records
        records.group("empty")
        [key] = await world.serve("web")
        assert 200 == (await world.get()).status
        records.rules.clear()
        records.rule(forward(("empty", 1)))
        await world.publish()

        answer = await world.get()

        assert (503, "awselb/2.0") == (answer.status, answer.headers["server"])
        assert "<title>503 Service Temporarily Unavailable</title>" in answer.body
        assert "Target.NotInUse" == world.reason(key)
        records.rules.clear()
        records.rule(forward(("empty", 1), ("web", 1)))
        await world.publish()
        await world.until_state(key, TargetHealthState.HEALTHY)
        assert {200, 503} == {(await world.get()).status for _ in range(40)}

    in_world(test)


def test_a_target_that_refuses_or_breaks_connections_is_a_502_and_its_own_errors_pass() -> None:
    async def test(world: World) -> None:
        [key] = await world.serve("web")
        backend = world.backends[0]

        backend.answers["/own"] = b"HTTP/1.1 503 Mine\r\ncontent-length: 4\r\nserver: mine\r\n\r\nmine"
        own = await world.get("/own")
        assert (503, "mine", "mine") == (own.status, own.body, own.headers["server"])

        backend.answers["/garbage"] = b"what?\r\n\r\n"
        garbage = await world.get("/garbage")
        assert (502, "awselb/2.0") == (garbage.status, garbage.headers["server"])
        assert "502 Bad Gateway" in garbage.body

        backend.answers["/close"] = b""
        assert 502 == (await world.get("/close")).status

        await backend.stop()
        assert 502 == (await world.get()).status
        await world.until_state(key, TargetHealthState.UNHEALTHY)
        assert 502 == (await world.get()).status, "a group without healthy targets fails open"

    in_world(test)


def test_websockets_pass_and_count_as_in_flight() -> None:
    async def test(world: World) -> None:
        [key] = await world.serve("web")
        reader, writer = await asyncio.open_connection(*world.url)
        writer.write(request_head("/ws", connection="Upgrade", upgrade="websocket"))
        assert b"101" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"hello\n")
        assert b"web:hello\n" == await reader.readline()

        assert 1 == await world.in_flight(key)
        world.records.drain(key)
        await world.publish()
        assert 1 == await world.in_flight(key)
        writer.write(b"still there\n")
        assert b"web:still there\n" == await reader.readline()

        writer.close()

        async def is_quiet() -> bool:
            return await world.in_flight(key) == 0

        await until(is_quiet, what="no request in flight")

    in_world(test)


def test_http_1_0_and_bad_requests_are_answered_as_by_alb() -> None:
    async def test(world: World) -> None:
        await world.serve("web")

        async def raw(data: bytes) -> bytes:
            reader, writer = await asyncio.open_connection(*world.url)
            writer.write(data)
            async with asyncio.timeout(5):
                line = await reader.readline()
            writer.close()
            return line

        assert b" 200 " in await raw(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 400 " in await raw(b"GET / HTTP/1.1\r\n\r\n"), "no Host"
        assert b" 400 " in await raw(b"GET / HTTP/1.1\r\nhost: a\r\nbig: " + b"x" * 70_000 + b"\r\n\r\n")

    in_world(test)
