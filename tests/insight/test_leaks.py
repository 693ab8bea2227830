"""Growth between two starts is told from warming up, from noise, and from what a start takes away again."""

from datetime import timedelta
from random import Random

import pytest
from histories import DAY, flat, history

from ninelives.insight.leaks import find_leak


def test_steady_growth_is_found_with_its_slope_in_spite_of_outliers() -> None:
    noise = Random(7)
    found = find_leak(
        history(2 * DAY, cpu=flat(1), memory=lambda at: 300 + at / 10 + noise.gauss(0, 5) + 400 * (at % 97 == 0))
    )

    assert found is not None
    assert 144 == pytest.approx(found.mib_a_day, rel=0.05)
    assert timedelta(days=2) == found.over
    assert (found.lasts_until(1024) or timedelta(0)) / timedelta(days=1) == pytest.approx((1024 - 588) / 144, rel=0.05)


@pytest.mark.parametrize(
    "memory",
    [
        pytest.param(flat(300), id="flat"),
        pytest.param(lambda at: 300 + 200 * (at % DAY) / DAY * ((at // 720) % 2), id="comes and goes"),
        pytest.param(lambda at: min(500, 200 + at), id="warms up, then stays"),
        pytest.param(lambda at: 1000 - at / 10, id="shrinks"),
        pytest.param(lambda at: 1000 + at / 100, id="grows by little"),
    ],
)
def test_what_is_no_leak_is_not_called_one(memory: object) -> None:
    assert find_leak(history(3 * DAY, cpu=flat(1), memory=memory)) is None  # type: ignore[arg-type]


def test_growth_that_each_start_ends_is_still_a_leak() -> None:
    daily = history(3 * DAY, cpu=flat(1), memory=lambda at: 300 + (at % DAY) / 5, starts=[DAY, 2 * DAY])

    found = find_leak(daily)

    assert found is not None
    assert 288 == pytest.approx(found.mib_a_day, rel=0.05)


def test_a_short_run_is_warming_up() -> None:
    assert find_leak(history(5 * 60, cpu=flat(1), memory=lambda at: 100 + at)) is None
