"""Live: who gets the next request of a client. Both stickinesses, slow start, least outstanding requests, fail-open."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from envoy_world import Answer, World, forward, in_world, until

from ninelives.model.elbv2 import TargetHealthState

pytestmark = pytest.mark.live


def cookies(answer: Answer) -> dict[str, str]:
    """Name and value of each Set-Cookie."""
    return {name: value.partition(";")[0] for name, _, value in (one.partition("=") for one in answer.cookies)}


LB_COOKIE = {"stickiness.enabled": "true", "stickiness.lb_cookie.duration_seconds": "60"}


def test_the_load_balancers_cookie_keeps_a_client_at_a_target_that_serves_and_is_renewed_by_every_answer() -> None:
    async def test(world: World) -> None:
        world.records.group("web", attributes=LB_COOKIE)
        keys = await world.serve("a", "b", "c")

        first = await world.get()
        sent = f"x=y; AWSALB={cookies(first)['AWSALB']}"
        answers = [await world.get(cookie=sent) for _ in range(12)]

        assert {first.body} == {answer.body for answer in answers}
        assert all({"AWSALB", "AWSALBCORS"} == cookies(answer).keys() for answer in answers)
        [plain, cors] = first.cookies
        assert "Path=/" in plain
        assert "Expires=" in plain
        assert plain.partition("=")[2] + "; SameSite=None; Secure" == cors.partition("=")[2]
        assert not any(name.startswith("x-ninelives") for name in first.headers)
        head = next(one.last_head for one in world.backends if one.name == first.body).lower()
        assert "x-ninelives" not in head
        assert {"a", "b", "c"} == {(await world.get(cookie="AWSALB=zz; AWSALBCORS=7c7c")).body for _ in range(20)}

        leaving = next(key for key, backend in zip(keys, world.backends, strict=True) if backend.name == first.body)
        world.records.drain(leaving)
        await world.publish()
        elsewhere = [await world.get(cookie=sent) for _ in range(12)]
        assert {200} == {answer.status for answer in elsewhere}
        assert first.body not in {answer.body for answer in elsewhere}
        moved = elsewhere[0]
        assert {moved.body} == {(await world.get(cookie=f"AWSALB={cookies(moved)['AWSALB']}")).body for _ in range(9)}

    in_world(test)


def test_a_cookie_of_an_unhealthy_target_goes_elsewhere_and_one_that_has_expired_counts_for_nothing() -> None:
    async def test(world: World) -> None:
        world.records.group("web", attributes=LB_COOKIE)
        keys = await world.serve("a", "b")
        first = await world.get()
        sent = f"AWSALBCORS={cookies(first)['AWSALBCORS']}"
        assert {first.body} == {(await world.get(cookie=sent)).body for _ in range(6)}

        number = [one.name for one in world.backends].index(first.body)
        world.backends[number].health = 500
        await world.until_state(keys[number], TargetHealthState.UNHEALTHY)
        assert first.body not in {(await world.get(cookie=sent)).body for _ in range(6)}

        world.backends[number].health = 200
        await world.until_state(keys[number], TargetHealthState.HEALTHY)
        world.records.group("web", attributes=LB_COOKIE | {"stickiness.lb_cookie.duration_seconds": "0"})
        await world.publish()
        expired = f"AWSALB={cookies(await world.get())['AWSALB']}"
        assert {"a", "b"} == {(await world.get(cookie=expired)).body for _ in range(20)}

    in_world(test)


def test_an_application_cookie_sticks_once_the_target_has_set_it() -> None:
    async def test(world: World) -> None:
        app = {"stickiness.type": "app_cookie", "stickiness.app_cookie.cookie_name": "SESSION"}
        world.records.group("web", attributes=app | {"stickiness.enabled": "true"})
        await world.serve("a", "b")
        for backend in world.backends:
            login = f"HTTP/1.1 200 X\r\nset-cookie: SESSION=s1; Path=/\r\ncontent-length: 1\r\n\r\n{backend.name}"
            backend.answers["/login"] = login.encode()

        assert [] == (await world.get()).cookies
        first = await world.get("/login")
        assert {"SESSION", "AWSALBAPP-0"} == cookies(first).keys()
        both = f"SESSION=s1; AWSALBAPP-0={cookies(first)['AWSALBAPP-0']}"
        answers = [await world.get(cookie=both) for _ in range(10)]
        assert {first.body} == {answer.body for answer in answers}
        assert all({"AWSALBAPP-0"} == cookies(answer).keys() for answer in answers), "the duration begins anew"
        without = both.partition("; ")[2]
        assert {"a", "b"} == {(await world.get(cookie=without)).body for _ in range(20)}, "both cookies are needed"

    in_world(test)


def test_a_rule_keeps_a_client_at_its_target_group_whatever_the_weights_become() -> None:
    async def test(world: World) -> None:
        for name in ("blue", "green"):
            world.records.group(name, attributes=LB_COOKIE)
        world.records.rule(replace(forward(("blue", 1), ("green", 1)), stickiness_seconds=120))
        await world.serve("blue-a", "blue-b", group="blue")
        await world.serve("green-a", "green-b", group="green")

        first = await world.get()
        side = first.body.partition("-")[0]
        assert {"AWSALB", "AWSALBCORS", "AWSALBTG", "AWSALBTGCORS"} == cookies(first).keys()
        assert "Max-Age=120" in next(one for one in first.cookies if one.startswith("AWSALBTG="))
        both = "; ".join(f"{name}={value}" for name, value in cookies(first).items() if "CORS" not in name)
        only_group = f"AWSALBTGCORS={cookies(first)['AWSALBTGCORS']}"
        assert {first.body} == {(await world.get(cookie=both)).body for _ in range(10)}
        assert {f"{side}-a", f"{side}-b"} == {(await world.get(cookie=only_group)).body for _ in range(20)}

        world.records.rules.clear()
        weights = {"blue": 1, "green": 1, side: 0}
        world.records.rule(replace(forward(*weights.items()), stickiness_seconds=120))
        await world.publish()
        assert {first.body} == {(await world.get(cookie=both)).body for _ in range(10)}, "as ALB: weight 0 ends no session"
        assert side not in {(await world.get()).body.partition("-")[0] for _ in range(10)}

    in_world(test)


def test_least_outstanding_requests_pass_by_a_busy_target() -> None:
    async def test(world: World) -> None:
        world.records.group("web", attributes={"load_balancing.algorithm.type": "least_outstanding_requests"})
        await world.serve("a", "b", "c")
        for backend in world.backends:
            backend.slow_seconds = 1.5
        slow = []
        for number in (1, 2):
            slow.append(asyncio.create_task(world.get("/slow")))
            await until(lambda: sum(one.asked["/slow"] for one in world.backends) == number, what="slow requests")  # noqa: B023
        [idle] = [one.name for one in world.backends if not one.asked["/slow"]]

        assert {idle} == {(await world.get()).body for _ in range(20)}
        assert {200} == {(await one).status for one in slow}

    in_world(test)


def test_a_new_target_of_a_group_with_slow_start_gets_less_than_its_share_at_first() -> None:
    async def test(world: World) -> None:
        world.records.group("web", attributes={"slow_start.duration_seconds": "2"})
        await world.serve("old")
        await asyncio.sleep(2)  # until the first target itself has warmed up
        await world.serve("new")

        early = Counter([(await world.get()).body for _ in range(60)])
        assert early["new"] < 20

        async def has_its_share() -> bool:
            return Counter([(await world.get()).body for _ in range(60)])["new"] >= 25

        await until(has_its_share, what="half of the requests")

    in_world(test)


def test_a_group_fails_open_below_the_number_of_healthy_targets_that_it_asks_for() -> None:
    async def test(world: World) -> None:
        count = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count"
        world.records.group("web", attributes={count: "2"})
        keys = await world.serve("a", "b", "c")
        world.backends[0].health = 500
        await world.until_state(keys[0], TargetHealthState.UNHEALTHY)
        assert {"b", "c"} == {(await world.get()).body for _ in range(20)}
        world.backends[1].health = 500
        await world.until_state(keys[1], TargetHealthState.UNHEALTHY)

        assert {"a", "b", "c"} == {(await world.get()).body for _ in range(30)}

    in_world(test)
