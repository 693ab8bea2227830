"""How a release moves its traffic, as ECS was told: strategy, steps, bakes. Pure.

Source: ECS developer guide, "Amazon ECS blue/green deployments", "… linear deployments", "… canary deployments".
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

ROLLING = "ROLLING"
WHOLE = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftPlan:
    """``steps`` are the shares of production traffic that the new version gets one after the other; none for ROLLING."""

    strategy: str = ROLLING
    steps: tuple[float, ...] = ()
    step_bake: timedelta = timedelta(0)
    """After each step but the last."""
    bake: timedelta = timedelta(0)
    """After the last step."""

    @property
    def shifts_traffic(self) -> bool:
        return self.strategy != ROLLING

    def step_of(self, percent: float) -> int:
        """How many steps were taken when the new version has ``percent`` of the traffic.

        >>> ShiftPlan(strategy="LINEAR", steps=(30.0, 60.0, 90.0, 100.0)).step_of(60.0)
        2
        """
        return sum(step <= percent for step in self.steps)

    def bake_at(self, stage: str | None, percent: float | None) -> timedelta | None:
        """How long is waited on purpose where a release is now; None where nothing is.

        >>> plan = ShiftPlan(strategy="CANARY", steps=(5.0, 100.0), step_bake=timedelta(minutes=10), bake=timedelta(minutes=5))
        >>> [plan.bake_at(*at) for at in (("SCALE_UP", 0.0), ("PRODUCTION_TRAFFIC_SHIFT", 5.0), ("BAKE_TIME", 100.0))]
        [None, datetime.timedelta(seconds=600), datetime.timedelta(seconds=300)]
        """
        if stage == "BAKE_TIME":
            return self.bake or None
        if stage == "PRODUCTION_TRAFFIC_SHIFT" and percent is not None and 0 < percent < WHOLE:
            return self.step_bake or None
        return None


def read_shift_plan(configuration: Mapping[str, Any]) -> ShiftPlan:
    """From a ``deploymentConfiguration``.

    >>> read_shift_plan({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 40.0}}).steps
    (40.0, 80.0, 100.0)
    """
    strategy = configuration.get("strategy") or ROLLING
    bake = timedelta(minutes=configuration.get("bakeTimeInMinutes") or 0)
    if strategy == "CANARY":
        asked = configuration.get("canaryConfiguration") or {}
        steps = tuple(dict.fromkeys((float(asked.get("canaryPercent", 5.0)), WHOLE)))
        step_bake = timedelta(minutes=asked.get("canaryBakeTimeInMinutes", 10))
        return ShiftPlan(strategy=strategy, steps=steps, step_bake=step_bake, bake=bake)
    if strategy == "LINEAR":
        asked = configuration.get("linearConfiguration") or {}
        step = float(asked.get("stepPercent", 10.0))
        number = math.ceil(round(WHOLE / step, 6))
        steps = (*(round(step * count, 1) for count in range(1, number)), WHOLE)
        step_bake = timedelta(minutes=asked.get("stepBakeTimeInMinutes", 6))
        return ShiftPlan(strategy=strategy, steps=steps, step_bake=step_bake, bake=bake)
    return ShiftPlan(strategy=strategy, steps=() if strategy == ROLLING else (WHOLE,), bake=bake)
