"""Tables of ECS's own numbers."""

from datetime import timedelta

import pytest

from ninelives.model.ecs import ThresholdConfiguration, ThresholdType
from ninelives.model.timing import Timing
from ninelives.scheduler import circuit_breaker_threshold, live_ceiling, running_floor
from ninelives.scheduler.capacity import shared_room
from ninelives.scheduler.throttling import start_gap

PERCENT = ((100, 200), (50, 200), (0, 100), (100, 150), (50, 100), (66, 133), (100, 125))
TABLE = {
    1: ((1, 2), (1, 2), (0, 1), (1, 1), (1, 1), (1, 1), (1, 1)),
    2: ((2, 4), (1, 4), (0, 2), (2, 3), (1, 2), (2, 2), (2, 2)),
    3: ((3, 6), (2, 6), (0, 3), (3, 4), (2, 3), (2, 3), (3, 3)),
    4: ((4, 8), (2, 8), (0, 4), (4, 6), (2, 4), (3, 5), (4, 5)),
}


@pytest.mark.parametrize("desired", TABLE)
def test_floor_rounds_up_and_ceiling_rounds_down(desired: int) -> None:
    found = tuple((running_floor(desired, minimum), live_ceiling(desired, maximum)) for minimum, maximum in PERCENT)

    assert TABLE[desired] == found


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (ThresholdType.BOUNDED_PERCENT, 50, (3, 3, 3, 4, 5, 13, 200, 200)),
        (ThresholdType.UNBOUNDED_PERCENT, 50, (1, 1, 3, 4, 5, 13, 200, 400)),
        (ThresholdType.COUNT, 7, (7,) * 8),
    ],
)
def test_breaker_thresholds(kind: ThresholdType, value: int, expected: tuple[int, ...]) -> None:
    configuration = ThresholdConfiguration(type=kind, value=value)

    assert expected == tuple(circuit_breaker_threshold(desired, configuration) for desired in (1, 2, 6, 7, 10, 25, 400, 800))


def test_the_gap_between_starts_grows_to_twenty_seven_minutes_and_shrinks_with_the_time_scale() -> None:
    gaps = [start_gap(failures, 0, 2, Timing()) for failures in range(60)]

    assert gaps == sorted(gaps)
    assert timedelta(minutes=27) == gaps[-1]
    assert timedelta(minutes=2.7) == start_gap(60, 0, 2, Timing(time_scale=10))


@pytest.mark.parametrize("room", range(6))
@pytest.mark.parametrize("is_present", [False, True])
def test_shared_room_never_gives_more_than_there_is(room: int, is_present: bool) -> None:
    for target in range(4):
        for source in range(4):
            shares = shared_room(room, lacking_target=target, lacking_source=source, target_is_present=is_present)

            assert sum(shares) == min(room, target + source)
            assert shares[0] <= target
            assert shares[1] <= source
