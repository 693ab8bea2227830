"""Live: target health as ALB shows it, and that only targets that ALB would use get requests."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from envoy_world import QUICK, Backend, World, forward, in_world, until

from ninelives.model.elbv2 import TargetHealthState, TargetKey

pytestmark = pytest.mark.live


def described(world: World, key: TargetKey) -> tuple[str | None, str | None]:
    found = world.plane.target_health(key)
    assert found is not None
    return found.reason, found.description


def test_a_fresh_target_is_healthy_after_one_check_and_is_told_at_once() -> None:
    async def test(world: World) -> None:
        world.records.group("web", replace(QUICK, interval=timedelta(seconds=30), healthy_threshold=10))
        world.records.rule(forward(("web", 1)))
        backend = await world.backend("a")
        key = world.records.register("web", backend.port)
        assert world.plane.target_health(key) is None
        started = time.monotonic()
        await world.publish()

        await world.until_state(key, TargetHealthState.HEALTHY)

        assert time.monotonic() - started < 1
        assert (None, None) == described(world, key)
        assert 1 == backend.asked["/health"]
        assert 200 == (await world.get()).status
        assert world.changes > 0

    in_world(test)


def test_a_target_whose_first_check_failed_still_needs_one_success_only() -> None:
    async def test(world: World) -> None:
        world.records.group("web", replace(QUICK, healthy_threshold=10, unhealthy_threshold=10))
        world.records.rule(forward(("web", 1)))
        backend = await world.backend("a")
        backend.health = 503
        key = world.records.register("web", backend.port)
        await world.publish()
        await until_checked(backend, 2)
        assert ("Elb.InitialHealthChecking", "Initial health checks in progress") == described(world, key)
        assert 503 == (await world.get()).status
        assert 0 == backend.asked["/"], "not in service until it passes one health check"

        backend.health = 200
        before = backend.asked["/health"]
        await world.until_state(key, TargetHealthState.HEALTHY)

        assert backend.asked["/health"] - before <= 2
        assert 200 == (await world.get()).status

    in_world(test)


async def until_checked(backend: Backend, times: int) -> None:
    await until(lambda: backend.asked["/health"] >= times, what=f"{times} checks")


@pytest.mark.parametrize("threshold", [2, 4])
def test_an_unhealthy_target_needs_as_many_successes_as_the_threshold_says(threshold: int) -> None:
    async def test(world: World) -> None:
        world.records.group("web", replace(QUICK, healthy_threshold=threshold))
        [key, _] = await world.serve("a", "b")
        backend = world.backends[0]
        backend.health = 500
        await world.until_state(key, TargetHealthState.UNHEALTHY)
        assert ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]") == described(world, key)

        backend.health = 200
        checks = backend.asked["/health"]
        asked = backend.asked["/"]
        while world.state(key) is TargetHealthState.UNHEALTHY:
            await world.get()
            if backend.asked["/health"] - checks < threshold:
                assert asked == backend.asked["/"], "an unhealthy target gets nothing"
            await asyncio.sleep(0.005)

        # More only because the news takes part of these short intervals.
        assert threshold <= backend.asked["/health"] - checks <= threshold + 4
        assert {"a", "b"} == {(await world.get()).body for _ in range(20)}

    in_world(test)


def test_an_unhealthy_target_that_fails_again_begins_anew() -> None:
    async def test(world: World) -> None:
        world.records.group("web", replace(QUICK, healthy_threshold=4))
        [key, _] = await world.serve("a", "b")
        backend = world.backends[0]
        backend.health = 500
        await world.until_state(key, TargetHealthState.UNHEALTHY)
        backend.health = 200
        checks = backend.asked["/health"]
        await until_checked(backend, checks + 2)
        backend.health = 404
        checks = backend.asked["/health"]
        await until_checked(backend, checks + 1)
        backend.health = 200
        checks = backend.asked["/health"]
        await world.until_state(key, TargetHealthState.HEALTHY)

        assert 4 <= backend.asked["/health"] - checks <= 8

    in_world(test)


def test_a_single_failed_check_does_no_harm_below_the_threshold() -> None:
    async def test(world: World) -> None:
        world.records.group("web", replace(QUICK, unhealthy_threshold=3))
        [key] = await world.serve("a")
        backend = world.backends[0]
        for _ in range(3):
            checks = backend.asked["/health"]
            backend.health = 500
            await until_checked(backend, checks + 1)
            backend.health = 200
            await until_checked(backend, checks + 3)
            assert world.state(key) is TargetHealthState.HEALTHY

    in_world(test)


def test_reasons_are_albs() -> None:
    async def test(world: World) -> None:
        world.records.group("web")
        world.records.rule(forward(("web", 1)))
        codes, hanging, gone = await world.backend("codes"), await world.backend("hanging"), await world.backend("gone")
        codes.health = 302
        hanging.hangs = True
        await gone.stop()
        keys = [world.records.register("web", backend.port) for backend in (codes, hanging, gone)]
        started = time.monotonic()
        await world.publish()
        assert time.monotonic() - started < 0.3, "publishing waits for no health check"
        for key in keys:
            await world.until_state(key, TargetHealthState.UNHEALTHY)

        assert ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [302]") == described(world, keys[0])
        assert ("Target.Timeout", "Request timed out") == described(world, keys[1])
        assert ("Target.FailedHealthChecks", "Health checks failed") == described(world, keys[2])

    in_world(test)


def test_a_group_without_healthy_targets_fails_open_but_not_to_draining_or_fresh_ones() -> None:
    async def test(world: World) -> None:
        draining, unhealthy = await world.serve("draining", "unhealthy")
        world.backends[1].health = 500
        await world.until_state(unhealthy, TargetHealthState.UNHEALTHY)
        fresh = await world.backend("fresh")
        fresh.hangs = True
        world.records.group("web", replace(QUICK, timeout=timedelta(seconds=5)))
        world.records.register("web", fresh.port)
        world.records.drain(draining)
        await world.publish()

        answers = [await world.get() for _ in range(30)]

        assert {(200, "unhealthy")} == {(one.status, one.body) for one in answers}
        assert 30 == (await world.plane.connections())["web/6d0ecf831eec9f09"].failed_open

    in_world(test)


def test_a_group_in_which_all_targets_drain_answers_503() -> None:
    async def test(world: World) -> None:
        keys = await world.serve("a", "b")
        for key in keys:
            world.records.drain(key)
        await world.publish()

        assert {503} == {(await world.get()).status for _ in range(20)}

        for key in keys:
            world.records.deregister(key)
        await world.publish()
        assert 503 == (await world.get()).status

    in_world(test)


def test_targets_of_a_group_that_no_listener_uses_are_unused() -> None:
    async def test(world: World) -> None:
        await world.serve("a")
        world.records.group("idle")
        key = world.records.register("idle", 9)
        await world.publish()

        assert TargetHealthState.UNUSED is world.state(key)
        assert "Target.NotInUse" == world.reason(key)

    in_world(test)


def test_a_target_that_drains_and_is_registered_again_stays_healthy() -> None:
    async def test(world: World) -> None:
        [key, _] = await world.serve("a", "b")
        world.records.drain(key)
        await world.publish()
        assert {"b"} == {(await world.get()).body for _ in range(10)}
        world.records.register("web", key.port)
        await world.publish()

        assert TargetHealthState.HEALTHY is world.state(key)
        assert {"a", "b"} == {(await world.get()).body for _ in range(20)}

    in_world(test)


def test_a_changed_health_check_is_followed_without_losing_a_request() -> None:
    async def test(world: World) -> None:
        [key] = await world.serve("a")
        world.backends[0].health = 404
        await world.until_state(key, TargetHealthState.UNHEALTHY)
        world.records.group("web", replace(QUICK, matcher="200-299,404"))
        await world.publish()
        assert 200 == (await world.get()).status
        await world.until_state(key, TargetHealthState.HEALTHY)

        assert 200 == (await world.get()).status

    in_world(test)
