"""The laws of deployments that shift traffic, held against random ones in a random world."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from random_shift import ShiftLaws, has_ended, live_through, settings_of_shifts
from service_world import Setting, World, seconds

LAWS = settings(settings.get_profile("laws"), max_examples=25)
LIVELINESS = seconds(4 * 3600)
"""Within it all is well again once faults stop; the throttle's gaps are the longest of it."""


@LAWS
@given(setting=settings_of_shifts(), seed=st.integers(0, 2**32))
def test_no_shift_goes_where_nothing_is_up_and_every_deployment_ends(setting: Setting, seed: int) -> None:
    world, laws = World(setting, seed=seed), ShiftLaws()
    world.watch = laws.held
    laws.asked(world)

    live_through(world, laws, Random(seed))

    laws.asked(world)
    until = world.now + LIVELINESS
    world.settle()
    while not has_ended(world):
        assert world.step(until), f"it has not ended; told: {world.transcript()[-10:]}"


@LAWS
@given(setting=settings_of_shifts(), seed=st.integers(0, 2**32))
def test_whatever_somebody_makes_of_the_rule_by_hand_no_task_that_serves_goes_and_every_deployment_ends(
    setting: Setting, seed: int
) -> None:
    world, laws = World(setting, seed=seed), ShiftLaws(by_hand=True)
    world.watch = laws.held
    laws.asked(world)

    live_through(world, laws, Random(seed))

    laws.asked(world)
    until = world.now + LIVELINESS
    world.settle()
    while world.open_service_deployments:
        assert world.step(until), f"it has not ended; told: {world.transcript()[-10:]}"
