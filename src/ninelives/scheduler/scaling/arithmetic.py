"""How many tasks: target tracking and steps, as arithmetic.

Source: Application Auto Scaling user guide, "How target tracking scaling works" (out in proportion, in more gradually, rounded
so that neither too little is added nor too much removed) and "How step scaling works" (adjustment types, rounding, bounds).
"""

import math
from fractions import Fraction
from typing import assert_never

from ninelives.model.scaling import AdjustmentType, StepAdjustment, StepScaling

GRADUAL_SHARE = Fraction(1, 10)
"""The largest part of the tasks that target tracking takes away at once. AWS says "more gradually" and no number; ours."""


def proportional(capacity: int, metric: float, target: float) -> int:
    """The tasks among which ``metric``, an average over ``capacity`` of them, would fall to ``target``; rounded up.

    >>> [proportional(4, metric, 60) for metric in (60, 61, 90, 240, 30, 0)]
    [4, 5, 6, 16, 2, 0]
    >>> proportional(2, float("inf"), 60), proportional(0, 90, 60)
    (2, 1)
    """
    if not math.isfinite(metric):
        return capacity
    if capacity == 0:
        return 1 if metric > target else 0
    exact = Fraction(metric) * capacity / Fraction(target)
    return max(0, math.ceil(exact))


def gradual(capacity: int, wanted: int) -> int:
    """``wanted``, fewer than ``capacity``, but at most a tenth of the tasks fewer, and one at least.

    >>> gradual(4, 1), gradual(40, 10), gradual(40, 38), gradual(1, 0)
    (3, 36, 38, 0)
    """
    return max(wanted, capacity - max(1, math.floor(capacity * GRADUAL_SHARE)))


def step_of(rule: StepScaling, difference: float) -> StepAdjustment | None:
    """The step for a metric that is ``difference`` above the alarm's threshold (below it: negative); None where none is.

    Bounds at or above zero take in their lower end, those below it their upper end.
    Source: user guide, "Step adjustments": (threshold + lower) <= metric < (threshold + upper), mirrored below the threshold.
    """
    return next((step for step in rule.steps if _holds(step, difference)), None)


def _holds(step: StepAdjustment, difference: float) -> bool:
    lower = -math.inf if step.lower is None else step.lower
    upper = math.inf if step.upper is None else step.upper
    if lower >= 0:
        return lower <= difference < upper
    return lower < difference <= upper


def adjusted(rule: StepScaling, capacity: int, adjustment: int) -> int:
    """``capacity`` after a step. A percentage is rounded towards zero, but to one task at least; below zero tasks is zero.

    Source: user guide, "Scaling adjustment types": values above 1 are rounded down, between 0 and 1 to 1, between 0 and -1 to
    -1, below -1 up; ``MinAdjustmentMagnitude``.

    >>> percent = StepScaling(adjustment_type=AdjustmentType.PERCENT_CHANGE_IN_CAPACITY, steps=())
    >>> [adjusted(percent, 10, by) for by in (25, 3, -25, -3, -200, 0)]
    [12, 11, 8, 9, 0, 10]
    """
    match rule.adjustment_type:
        case AdjustmentType.EXACT_CAPACITY:
            return max(0, adjustment)
        case AdjustmentType.CHANGE_IN_CAPACITY:
            return max(0, capacity + adjustment)
        case AdjustmentType.PERCENT_CHANGE_IN_CAPACITY:
            return max(0, capacity + _percent_change(capacity, adjustment, rule.min_adjustment_magnitude or 0))
        case _:
            assert_never(rule.adjustment_type)


def _percent_change(capacity: int, percent: int, least: int) -> int:
    if percent == 0:
        return 0
    share = max(1, capacity * abs(percent) // 100) if capacity else 0
    magnitude = max(share, least)
    return magnitude if percent > 0 else -magnitude
