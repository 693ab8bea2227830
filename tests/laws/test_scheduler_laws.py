"""The laws of the service scheduler, held against random services in a random world."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from random_service import Laws, has_ended, live_through, settings_of_services
from service_world import Setting, World, seconds

from ninelives.scheduler import events, live_ceiling, reconcile, running_floor

LAWS = settings.get_profile("laws")
LIVELINESS = seconds(4 * 3600)
"""Within it all is well again once faults stop; the throttle's gaps are the longest of it."""


def _world(setting: Setting, seed: int) -> World:
    world = World(setting, seed=seed)
    world.watch = Laws().held
    return world


@LAWS
@given(setting=settings_of_services(), seed=st.integers(0, 2**32))
def test_whatever_happens_the_laws_hold_and_every_deployment_ends(setting: Setting, seed: int) -> None:
    world = _world(setting, seed)

    live_through(world, Random(seed))

    until = world.now + LIVELINESS
    world.settle()
    while not has_ended(world):
        if not world.step(until):
            break
    else:
        return
    configuration, desired = world.service.deployment_configuration, world.service.desired_count
    floor = running_floor(desired, configuration.minimum_healthy_percent)
    assert floor == live_ceiling(desired, configuration.maximum_percent), (
        "only a deadlock of the bounds may keep it from ending"
    )
    assert events.deadlocked("cats") in world.messages


@LAWS
@given(setting=settings_of_services(), seed=st.integers(0, 2**32), moment=st.floats(0, 100))
def test_reconcile_has_nothing_to_add_to_its_own_result(setting: Setting, seed: int, moment: float) -> None:
    world = _world(setting, seed)
    world.deploy()
    world.run(50)
    world.deploy()

    world.run(moment)

    assert not reconcile(world.snapshot(), world.now, world.timing).decisions
