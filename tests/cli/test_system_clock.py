"""The region's clock is the system's, and never runs backwards."""

from datetime import UTC, datetime, timedelta

import pytest

from ninelives.cli.identity import SystemClock

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Hands:
    """The system's clock, which somebody sets, and the time since boot, which nobody can."""

    def __init__(self) -> None:
        self.wall, self.since_boot = NOON, 1000.0
        self.clock = SystemClock(wall=lambda: self.wall, since_boot=lambda: self.since_boot)

    def pass_by(self, *, seconds: float, set_by: float = 0) -> datetime:
        """What the clock shows after ``seconds`` in which the system's clock was set by so many seconds."""
        self.since_boot += seconds
        self.wall += timedelta(seconds=seconds + set_by)
        return self.clock.now()


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        pytest.param([(10, 0), (5, 0)], 15, id="it goes with the system's"),
        pytest.param([(10, 3600)], 3610, id="set forward, it follows"),
        pytest.param([(10, -3600)], 10, id="set back, it goes on at its pace"),
        pytest.param([(10, -3600), (20, 0)], 30, id="and goes on so"),
        pytest.param([(10, -30), (20, 40)], 40, id="until the system's has caught up"),
    ],
)
def test_the_clock_after_steps(steps: list[tuple[float, float]], shown: float) -> None:
    hands = Hands()

    seen = [hands.pass_by(seconds=seconds, set_by=set_by) for seconds, set_by in steps]

    assert NOON + timedelta(seconds=shown) == seen[-1]
    assert seen == sorted(seen)


def test_the_real_clock_shows_the_system_s_time() -> None:
    assert timedelta() <= SystemClock().now() - datetime.now(UTC) + timedelta(seconds=1) < timedelta(seconds=2)  # noqa: TID251 (what it is held to)
