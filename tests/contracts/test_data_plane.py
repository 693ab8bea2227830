"""The contract of ``region.ports.DataPlane``, kept by real Envoy and by the simulator's.

Left out is what a simulated world has not: the contents of requests (``subscribe_requests``), connections, taken ports.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from data_plane_bench import EnvoyScene, Scene, SimulatedScene
from envoy_world import until

from ninelives.model.elbv2 import TargetHealthState, TargetKey
from ninelives.region.ports import PublishRejected

HEALTHY, UNHEALTHY, INITIAL = TargetHealthState.HEALTHY, TargetHealthState.UNHEALTHY, TargetHealthState.INITIAL


@pytest.fixture(scope="module")
def envoy() -> Iterator[EnvoyScene]:
    one = EnvoyScene()
    one.run(one.begin())
    yield one
    one.close()


@pytest.fixture
def envoy_scene(envoy: EnvoyScene) -> Iterator[Scene]:
    yield envoy
    envoy.run(envoy.clear())


@pytest.fixture
def simulated_scene() -> Scene:
    one = SimulatedScene()
    one.run(one.begin())
    return one


@pytest.fixture(params=[pytest.param("envoy", marks=pytest.mark.live), "simulated"])
def scene(request: pytest.FixtureRequest) -> Scene:
    found: Scene = request.getfixturevalue(f"{request.param}_scene")
    return found


def promise(test: Callable[[Scene], Any]) -> Callable[[Scene], None]:
    """A test as a coroutine on the scene's own loop."""

    def run(scene: Scene) -> None:
        scene.run(test(scene))

    return run


@promise
async def test_new_requests_follow_the_weights_once_a_publication_returns(scene: Scene) -> None:
    scene.groups(blue=100, green=0)
    blue, _ = await scene.serving("blue")
    green, _ = await scene.serving("green")
    assert {blue} == await scene.reached()

    for weights, whom in (((0, 100), {green}), ((50, 50), {blue, green}), ((100, 0), {blue})):
        scene.weigh(blue=weights[0], green=weights[1])
        await scene.publish()
        assert whom == await scene.reached()


@promise
async def test_a_new_target_gets_nothing_before_its_first_good_check_and_then_is_told_and_served(scene: Scene) -> None:
    scene.groups(web=1)
    old, _ = await scene.serving("web")
    fresh = await scene.application(answers=False)
    key = scene.register("web", fresh)
    assert scene.health(key) is None
    await scene.publish()
    assert INITIAL is scene.state(key)
    assert {old} == await scene.reached()

    await scene.answer(fresh, well=True)
    woken = scene.woken
    await scene.until(key, HEALTHY)
    assert {old, fresh} == await scene.reached()
    await until(lambda: scene.woken > woken, what="the news of it")


@promise
async def test_a_target_that_never_answers_well_becomes_unhealthy_and_needs_as_many_good_checks_as_the_threshold(
    scene: Scene,
) -> None:
    scene.groups(web=1)
    one = await scene.application(answers=False)
    key = scene.register("web", one)
    await scene.publish()
    await scene.until(key, UNHEALTHY)

    await scene.answer(one, well=True)
    assert UNHEALTHY is scene.state(key)
    await scene.until(key, HEALTHY)
    assert {one} == await scene.reached()


@promise
async def test_a_target_that_fails_its_checks_gets_nothing_until_it_passes_them_again_and_both_is_told(scene: Scene) -> None:
    scene.groups(web=1)
    well, _ = await scene.serving("web")
    ill, key = await scene.serving("web")
    woken = scene.woken

    await scene.answer(ill, well=False)
    await scene.until(key, UNHEALTHY)
    found = scene.health(key)
    assert found is not None
    assert ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]") == (found.reason, found.description)
    assert {well} == await scene.reached()
    await until(lambda: scene.woken > woken, what="the news of the failure")

    woken = scene.woken
    await scene.answer(ill, well=True)
    await scene.until(key, HEALTHY)
    assert {well, ill} == await scene.reached()
    await until(lambda: scene.woken > woken, what="the news of the recovery")


@promise
async def test_a_target_at_which_nothing_listens_any_more_is_unhealthy_with_albs_reason(scene: Scene) -> None:
    scene.groups(web=1)
    place, key = await scene.serving("web")

    await scene.end(place)
    await scene.until(key, UNHEALTHY)

    found = scene.health(key)
    assert found is not None
    assert ("Target.FailedHealthChecks", "Health checks failed") == (found.reason, found.description)


@promise
async def test_targets_that_the_proxy_need_not_know_are_unused_or_unknown_and_have_no_requests(scene: Scene) -> None:
    scene.groups(web=1)
    scene.records.group("idle")
    idle = scene.register("idle", await scene.application())
    stranger = TargetKey("nowhere", "127.0.0.1", 9)
    await scene.publish()

    found = scene.health(idle)
    assert found is not None
    assert (TargetHealthState.UNUSED, "Target.NotInUse") == (found.state, found.reason)
    assert scene.health(stranger) is None
    assert {idle: 0, stranger: 0} == await scene.plane.requests_in_flight([idle, stranger])


@promise
async def test_a_draining_target_gets_nothing_new_and_its_last_request_is_counted_to_its_end(scene: Scene) -> None:
    scene.groups(web=1)
    place, key = await scene.serving("web")
    await scene.hold(place)

    scene.records.drain(key)
    await scene.publish()

    assert set() == await scene.reached()
    assert HEALTHY is scene.state(key), "draining is the region's to know"
    for _ in range(5):
        assert any([await scene.in_flight(key), await scene.in_flight(key)]), "of two readings in a row one sees it"

    await scene.release(place)

    async def is_quiet() -> bool:
        return not any([await scene.in_flight(key), await scene.in_flight(key)])

    await until(is_quiet, what="the end of the drain")
    scene.records.deregister(key)
    await scene.publish()
    assert scene.health(key) is None
    assert await scene.in_flight(key) == 0


@promise
async def test_a_draining_target_that_is_registered_again_is_served_at_once(scene: Scene) -> None:
    scene.groups(web=1)
    place, key = await scene.serving("web")
    scene.records.drain(key)
    await scene.publish()
    assert set() == await scene.reached()

    scene.register("web", place)
    await scene.publish()

    assert HEALTHY is scene.state(key)
    assert {place} == await scene.reached()


@promise
async def test_a_target_that_was_gone_begins_anew(scene: Scene) -> None:
    scene.groups(web=1)
    place, key = await scene.serving("web")
    scene.records.deregister(key)
    await scene.publish()
    assert set() == await scene.reached()

    await scene.answer(place, well=False)
    scene.register("web", place)
    await scene.publish()

    assert INITIAL is scene.state(key)
    reached = await scene.reached()
    # On a busy machine it may have failed its checks by now; alone and unhealthy, it is served: the group fails open.
    assert not reached or scene.state(key) is UNHEALTHY
    await scene.answer(place, well=True)
    await scene.until(key, HEALTHY)


@promise
async def test_a_refused_publication_leaves_routes_and_health_as_they_were(scene: Scene) -> None:
    scene.groups(web=1)
    place, key = await scene.serving("web")
    other, _ = await scene.serving("web")
    scene.records.deregister(key)
    snapshot = scene.records.snapshot()

    with scene.refusing(snapshot) as refused, pytest.raises(PublishRejected):
        await scene.plane.publish(refused)

    assert HEALTHY is scene.state(key)
    assert {place, other} == await scene.reached()
    await scene.plane.publish(snapshot)
    assert scene.health(key) is None
    assert {other} == await scene.reached()


@promise
async def test_what_is_served_outlives_the_control_plane_and_the_next_one_knows_it(scene: Scene) -> None:
    scene.groups(web=1)
    leaving, leaving_key = await scene.serving("web")
    await scene.hold(leaving)
    well, well_key = await scene.serving("web")
    ill, ill_key = await scene.serving("web")
    scene.records.drain(leaving_key)
    await scene.publish()

    await scene.let_go()
    assert {well, ill} == await scene.reached()
    await scene.answer(ill, well=False)

    async def is_passed_by() -> bool:
        return await scene.reached() == {well}

    await until(is_passed_by, what="health checks without a control plane")

    assert await scene.come_back()
    await scene.until(well_key, HEALTHY)
    await scene.until(ill_key, UNHEALTHY)
    assert {well} == await scene.reached()
    assert any([await scene.in_flight(leaving_key), await scene.in_flight(leaving_key)])
    await scene.release(leaving)


@promise
async def test_nothing_is_admitted_while_nobody_minds_it(scene: Scene) -> None:
    """Neither what was still new nor what was held when the control plane died, though it passes its checks."""
    scene.groups(web=1)
    old, _ = await scene.serving("web")
    held, held_key = await scene.serving("web")
    fresh = await scene.application(answers=False)
    fresh_key = scene.register("web", fresh)
    await scene.answer(held, well=False)
    await scene.publish()
    await scene.until(held_key, UNHEALTHY)

    await scene.let_go()
    for place in (held, fresh):
        await scene.answer(place, well=True)
    await asyncio.sleep(1)  # five checks
    assert {old} == await scene.reached()

    await scene.come_back()
    for key in (held_key, fresh_key):
        await scene.until(key, HEALTHY)
    assert {old, held, fresh} == await scene.reached()


@promise
async def test_a_stopped_proxy_serves_nothing_and_a_new_one_what_was_prepared(scene: Scene) -> None:
    scene.groups(web=1)
    place, key = await scene.serving("web")

    await scene.plane.stop(graceful=True)
    assert set() == await scene.reached()

    assert await scene.come_back()
    await scene.until(key, HEALTHY)
    assert {place} == await scene.reached()


def test_addresses_are_on_the_loopback_and_each_is_another_and_a_privileged_port_may_be_moved_by_8000(scene: Scene) -> None:
    first = scene.plane.pick_address(())
    second = scene.plane.pick_address({first})

    assert first != second
    assert all(one.startswith("127.") for one in (first, second))
    assert scene.plane.pick_port(second, 80) in {80, 8080}
