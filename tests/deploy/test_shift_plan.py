"""What ECS was told of a shift, as steps and bakes."""

from datetime import timedelta

import pytest

from ninelives.deploy.shift import ShiftPlan, read_shift_plan


@pytest.mark.parametrize(
    ("configuration", "steps"),
    [
        ({}, ()),
        ({"strategy": "ROLLING"}, ()),
        ({"strategy": "BLUE_GREEN"}, (100.0,)),
        ({"strategy": "CANARY"}, (5.0, 100.0)),
        ({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 100.0}}, (100.0,)),
        ({"strategy": "LINEAR"}, (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 33.3}}, (33.3, 66.6, 99.9, 100.0)),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 100.0}}, (100.0,)),
    ],
)
def test_the_steps_end_with_all_of_the_traffic(configuration: dict[str, object], steps: tuple[float, ...]) -> None:
    assert steps == read_shift_plan(configuration).steps


@pytest.mark.parametrize(
    ("stage", "percent", "bake"),
    [
        ("SCALE_UP", 0.0, None),
        ("PRODUCTION_TRAFFIC_SHIFT", 0.0, None),
        ("PRODUCTION_TRAFFIC_SHIFT", 20.0, 2),
        ("PRODUCTION_TRAFFIC_SHIFT", 100.0, None),
        ("BAKE_TIME", 100.0, 5),
        (None, None, None),
    ],
)
def test_a_bake_is_where_ecs_waits_on_purpose(stage: str | None, percent: float | None, bake: int | None) -> None:
    plan = ShiftPlan(strategy="LINEAR", steps=(20.0, 100.0), step_bake=timedelta(minutes=2), bake=timedelta(minutes=5))

    assert (None if bake is None else timedelta(minutes=bake)) == plan.bake_at(stage, percent)
