"""The laws of auto scaling, held against services under random loads."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from scaling_world import ScalingWorld, decided, done, high, low, target, tracking

from ninelives.scheduler.scaling import Scale

LAWS = settings.get_profile("laws")
counts = st.integers(0, 60)
metrics = st.floats(0, 2000)
targets = st.floats(5, 95)


@st.composite
def bounds(draw: st.DrawFn) -> tuple[int, int]:
    least = draw(st.integers(0, 20))
    return least, draw(st.integers(max(1, least), 60))


@LAWS
@given(between=bounds(), desired=counts, running=counts, metric=metrics, is_low=st.booleans(), deploying=st.booleans())
def test_scaling_never_leaves_its_bounds_and_never_goes_in_during_a_deployment(
    between: tuple[int, int], desired: int, running: int, metric: float, is_low: bool, deploying: bool
) -> None:
    facts = low(tracking(), min(metric, 53)) if is_low else high(tracking(), metric)

    found = decided(facts, of=target(*between), desired=desired, running=running, is_deploying=deploying)

    if isinstance(found, Scale):
        assert between[0] <= found.capacity <= between[1]
        assert found.capacity != desired
        assert (found.capacity < desired) is is_low
        assert not (deploying and found.capacity < desired)


@LAWS
@given(between=bounds(), desired=counts, running=counts, first=metrics, second=metrics, value=targets)
def test_a_higher_metric_never_gives_fewer_tasks(
    between: tuple[int, int], desired: int, running: int, first: float, second: float, value: float
) -> None:
    def capacity(metric: float) -> int:
        policy = tracking(value=value)
        facts = low(policy, metric) if metric < 0.9 * value else high(policy, metric)
        found = decided(facts, of=target(*between), desired=desired, running=max(running, 1))
        return found.capacity if isinstance(found, Scale) else desired

    less, more = sorted((first, second))
    if (less < 0.9 * value) is (more < 0.9 * value):
        assert capacity(less) <= capacity(more)


@LAWS
@given(load=st.floats(10, 5000), value=targets, between=bounds(), boot=st.integers(1, 6), begin=st.integers(1, 60))
def test_under_a_constant_load_the_count_comes_to_rest_and_never_swings(
    load: float, value: float, between: tuple[int, int], boot: int, begin: int
) -> None:
    least, most = max(1, between[0]), between[1]
    begin = max(least, min(most, begin))
    world = ScalingWorld([tracking(value=value)], lambda _: load, target(least, most), begin, begin, boot)

    counted = []
    for _ in range(900):
        world.step()
        counted.append(world.desired)

    changes = [after - before for before, after in itertools.pairwise(counted) if after != before]
    assert all(change > 0 for change in changes) or all(change < 0 for change in changes), "it swings"
    assert len(set(counted[-60:])) == 1, "it has not come to rest"
    rest = counted[-1]
    fits = load / rest <= value * 1.000001
    assert fits or rest == most
    assert rest in (least, begin) or load / (rest - 1) > 0.9 * value * 0.999


@LAWS
@given(gone=st.integers(1, 14), load=st.floats(0, 100))
def test_with_gaps_in_the_data_nothing_is_taken_away(gone: int, load: float) -> None:
    world = ScalingWorld([tracking()], lambda minute: None if minute % 15 == gone else load, target(1, 20), 12, 12)

    for _ in range(60):
        world.step()

    assert world.desired == 12


@LAWS
@given(metric=st.floats(61, 500), desired=st.integers(1, 40))
def test_the_same_facts_after_the_change_change_nothing_more_until_the_cooldown_ends(metric: float, desired: int) -> None:
    policy = tracking()
    first = decided(high(policy, metric), of=target(1, 60), desired=desired)
    assert isinstance(first, Scale)

    again = decided(
        high(policy, metric),
        of=target(1, 60),
        desired=first.capacity,
        running=desired,
        activities=[done(policy, first.base, first.capacity)],
    )

    assert not isinstance(again, Scale)
