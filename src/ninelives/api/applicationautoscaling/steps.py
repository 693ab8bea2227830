"""Step scaling between the wire and the model.

Source: ``StepScalingPolicyConfiguration``; user guide, "How step scaling works" (which intervals may stand together).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from ninelives.api.applicationautoscaling.handling import given, refused
from ninelives.model.scaling import COOLDOWN, AdjustmentType, StepAdjustment, StepScaling

STEPS_MAX: Final = 20
"""Of a policy. Source: "Quotas for Application Auto Scaling"."""


def read_steps(configuration: Mapping[str, Any]) -> StepScaling:
    """Raises ``ApiError``."""
    if "AdjustmentType" not in configuration:
        raise refused("An adjustment type must be specified for a step scaling policy")
    kind = AdjustmentType(configuration["AdjustmentType"])
    steps = tuple(
        StepAdjustment(
            adjustment=one["ScalingAdjustment"],
            lower=one.get("MetricIntervalLowerBound"),
            upper=one.get("MetricIntervalUpperBound"),
        )
        for one in configuration.get("StepAdjustments", ())
    )
    _check_steps(steps)
    least = configuration.get("MinAdjustmentMagnitude")
    if least is not None and kind is not AdjustmentType.PERCENT_CHANGE_IN_CAPACITY:
        raise refused("MinAdjustmentMagnitude can be specified only with the adjustment type PercentChangeInCapacity")
    if kind is AdjustmentType.EXACT_CAPACITY and any(step.adjustment < 0 for step in steps):
        raise refused("An exact capacity must be 0 or more")
    return StepScaling(
        adjustment_type=kind,
        steps=steps,
        cooldown=read_cooldown(configuration.get("Cooldown")),
        aggregation=configuration.get("MetricAggregationType", "Average"),
        min_adjustment_magnitude=least,
    )


def read_cooldown(seconds: int | None) -> timedelta:
    if seconds is None:
        return COOLDOWN
    if seconds < 0:
        raise refused("A cooldown must be 0 seconds or more")
    return timedelta(seconds=seconds)


def _check_steps(steps: Sequence[StepAdjustment]) -> None:
    """At least one; no gap and no overlap; at most one without a lower end, and one without an upper; not across zero."""
    if not steps:
        raise refused("At least one step adjustment must be specified for a step scaling policy")
    if len(steps) > STEPS_MAX:
        raise refused(f"A step scaling policy has at most {STEPS_MAX} step adjustments")
    spans = sorted(map(_span, steps))
    for lower, upper in spans:
        if lower == -math.inf and upper == math.inf:
            raise refused("Only one of the bounds of a step adjustment can be left out")
        if lower >= upper:
            raise refused("The upper bound of a step adjustment must be greater than the lower bound")
        if lower < 0 < upper:
            raise refused("A step adjustment must lie above or below the threshold: its bounds have different signs")
    for (_, upper), (lower, _) in itertools.pairwise(spans):
        if upper != lower:
            raise refused("There must be no gap and no overlap between the intervals of the step adjustments")


def _span(step: StepAdjustment) -> tuple[float, float]:
    return -math.inf if step.lower is None else step.lower, math.inf if step.upper is None else step.upper


def write_steps(rule: StepScaling) -> Mapping[str, Any]:
    return given(
        AdjustmentType=rule.adjustment_type.value,
        StepAdjustments=[
            given(
                MetricIntervalLowerBound=one.lower,
                MetricIntervalUpperBound=one.upper,
                ScalingAdjustment=one.adjustment,
            )
            for one in rule.steps
        ],
        MinAdjustmentMagnitude=rule.min_adjustment_magnitude,
        Cooldown=round(rule.cooldown.total_seconds()),
        MetricAggregationType=rule.aggregation,
    )
