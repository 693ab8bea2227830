"""What Application Auto Scaling's operations take, refuse and show."""

from typing import Any

import pytest
from scaling_bench import CPU, ScalingBench

WHAT = "service namespace: ecs, resource ID: service/c/s, scalable dimension: ecs:service:DesiredCount"
STEPS = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]}


def stepping(**changed: Any) -> dict[str, Any]:
    configuration = {name: value for name, value in {**STEPS, **changed}.items() if value is not None}
    return {"PolicyName": "steps", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": configuration}


def tracking(**configuration: Any) -> dict[str, Any]:
    given = {"TargetValue": 50.0, **configuration}
    return {
        "PolicyName": "p",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {name: value for name, value in given.items() if value is not None},
    }


def steps(*spans: tuple[float | None, float | None]) -> list[dict[str, Any]]:
    names = ("MetricIntervalLowerBound", "MetricIntervalUpperBound")
    return [
        {"ScalingAdjustment": 1, **{name: value for name, value in zip(names, span, strict=True) if value is not None}}
        for span in spans
    ]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"MinCapacity": 3, "MaxCapacity": 2}, "Maximum capacity cannot be less than minimum capacity"),
        ({"MinCapacity": 3}, "both the minimum and the maximum"),
        ({"MinCapacity": -1, "MaxCapacity": 2}, "must be 0 or more"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "service/c/gone"}, "ECS service doesn't exist: service/c/gone"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "service/s"}, "Unsupported service namespace"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ServiceNamespace": "dynamodb"}, "dynamodb is not implemented"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ScalableDimension": "rds:cluster:ReadReplicaCount"}, "Unsupported service"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "Tags": {"aws:a": "b"}}, "must not begin with aws:"),
    ],
)
def test_a_target_that_cannot_be_is_refused(bench: ScalingBench, parameters: dict[str, Any], expected: str) -> None:
    told = bench.refused("RegisterScalableTarget", **parameters)

    assert told.startswith("ValidationException: ")
    assert expected in told


def test_what_a_registration_leaves_out_stays(bench: ScalingBench) -> None:
    bench.register(1, 10, SuspendedState={"DynamicScalingInSuspended": True}, Tags={"team": "cats"})
    bench.ask("RegisterScalableTarget", MaxCapacity=20)

    (target,) = bench.ask("DescribeScalableTargets")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 20)
    assert target["SuspendedState"]["DynamicScalingInSuspended"] is True
    assert target["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_ECSService")
    assert bench.ask("ListTagsForResource", ResourceARN=target["ScalableTargetARN"])["Tags"] == {"team": "cats"}


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("PutScalingPolicy", stepping()),
        ("PutScheduledAction", {"ScheduledActionName": "a", "Schedule": "rate(1 day)"}),
    ],
)
def test_without_a_target_there_is_nothing_to_scale(bench: ScalingBench, operation: str, parameters: dict[str, Any]) -> None:
    assert bench.refused(operation, **parameters) == f"ObjectNotFoundException: No scalable target registered for {WHAT}"


def test_what_is_not_there_cannot_be_deleted(bench: ScalingBench) -> None:
    bench_says = bench.refused
    assert bench_says("DeregisterScalableTarget") == f"ObjectNotFoundException: No scalable target found for {WHAT}"
    assert "No scaling policy found" in bench_says("DeleteScalingPolicy", PolicyName="p")
    assert "No scheduled action found" in bench_says("DeleteScheduledAction", ScheduledActionName="a")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (tracking(), "Exactly one of PredefinedMetricSpecification"),
        (tracking(**CPU, TargetValue=0), "The target value must be between"),
        (tracking(**CPU, ScaleInCooldown=-1), "cooldown"),
        (
            tracking(PredefinedMetricSpecification={"PredefinedMetricType": "RDSReaderAverageCPUUtilization"}),
            "is not valid for the service namespace ecs",
        ),
        (
            tracking(PredefinedMetricSpecification={"PredefinedMetricType": "ECSServiceAverageCPUUtilizationHighResolution"}),
            "HighResolution is not implemented",
        ),
        (
            tracking(PredefinedMetricSpecification={"PredefinedMetricType": "ALBRequestCountPerTarget"}),
            "A resource label must be specified",
        ),
        (
            tracking(
                PredefinedMetricSpecification={"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": "app/a"}
            ),
            "is not of the form",
        ),
        (tracking(CustomizedMetricSpecification={"MetricName": "m", "Namespace": "n"}), "Statistic must be specified"),
        (
            tracking(CustomizedMetricSpecification={"Metrics": [{"Id": "m", "Expression": "gone * 2"}]}),
            "ValidationException",
        ),
        (stepping(AdjustmentType=None), "adjustment type must be specified"),
        (stepping(StepAdjustments=[]), "At least one step adjustment"),
        (stepping(StepAdjustments=steps((0, 10), (20, None))), "no gap and no overlap"),
        (stepping(StepAdjustments=steps((0, 20), (10, None))), "no gap and no overlap"),
        (stepping(StepAdjustments=steps((-10, 10))), "different signs"),
        (stepping(StepAdjustments=steps((None, None))), "Only one of the bounds"),
        (stepping(StepAdjustments=steps((10, 10))), "must be greater than the lower bound"),
        (stepping(MinAdjustmentMagnitude=2), "only with the adjustment type PercentChangeInCapacity"),
        ({"PolicyName": "p", "PolicyType": "TargetTrackingScaling"}, "TargetTrackingScalingPolicyConfiguration must be"),
        ({"PolicyName": "p", "PolicyType": "PredictiveScaling"}, "predictive scaling is not implemented"),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_be_is_refused(bench: ScalingBench, parameters: dict[str, Any], expected: str) -> None:
    bench.register()

    told = bench.refused("PutScalingPolicy", **parameters)

    assert told.startswith("ValidationException: ")
    assert expected in told
    assert bench.ask("DescribeScalingPolicies")["ScalingPolicies"] == []


def requests(label: str) -> dict[str, Any]:
    specification = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}
    return tracking(PredefinedMetricSpecification=specification)


def test_requests_are_followed_at_a_target_group_behind_its_load_balancer(bench: ScalingBench) -> None:
    bench.register()

    bench.ask("PutScalingPolicy", **requests("app/front/2/targetgroup/web/1"))

    high = next(alarm for name, alarm in bench.alarms().items() if "AlarmHigh" in name)
    assert (high["MetricName"], high["Statistic"]) == ("RequestCountPerTarget", "Sum")
    assert high["Dimensions"] == [{"Name": "TargetGroup", "Value": "targetgroup/web/1"}]
    gone = bench.refused("PutScalingPolicy", **requests("app/front/2/targetgroup/gone/1"))
    foreign = bench.refused("PutScalingPolicy", **requests("app/other/3/targetgroup/web/1"))
    assert "does not exist" in gone
    assert "does not forward to its target group" in foreign


def test_a_policy_is_shown_as_it_was_given_and_keeps_its_arn_and_alarms(bench: ScalingBench) -> None:
    bench.register()
    first = bench.track(ScaleInCooldown=60)
    second = bench.track(value=40)

    (shown,) = bench.ask("DescribeScalingPolicies", PolicyNames=["cpu"])["ScalingPolicies"]
    assert shown["TargetTrackingScalingPolicyConfiguration"] == {"TargetValue": 40, **CPU}
    assert shown["PolicyARN"] == first["PolicyARN"] == second["PolicyARN"]
    assert shown["Alarms"] == first["Alarms"]
    assert {alarm["Threshold"] for alarm in bench.alarms().values()} == {40, 36}


def test_a_policy_of_another_type_takes_the_place_of_one_and_its_alarms(bench: ScalingBench) -> None:
    bench.register()
    bench.track("steps")
    bench.ask("PutScalingPolicy", **stepping(Cooldown=60))

    (shown,) = bench.ask("DescribeScalingPolicies")["ScalingPolicies"]
    assert shown["StepScalingPolicyConfiguration"] == {**STEPS, "Cooldown": 60, "MetricAggregationType": "Average"}
    assert bench.alarms() == {}


def test_metric_math_is_watched_by_the_alarms(bench: ScalingBench) -> None:
    bench.register()
    stat = {"Metric": {"Namespace": "Cats", "MetricName": "Waiting"}, "Stat": "Sum"}
    queries = [
        {"Id": "waiting", "MetricStat": stat, "ReturnData": False},
        {"Id": "each", "Expression": "waiting / 4", "ReturnData": True},
    ]
    bench.ask("PutScalingPolicy", **tracking(CustomizedMetricSpecification={"Metrics": queries}))

    high = next(alarm for name, alarm in bench.alarms().items() if "AlarmHigh" in name)
    assert [query["Id"] for query in high["Metrics"]] == ["waiting", "each"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, "must specify a schedule"),
        ({"Schedule": "rate(1 day)"}, "must specify a minimum capacity or a maximum capacity"),
        ({"Schedule": "daily", "ScalableTargetAction": {"MinCapacity": 1}}, "Invalid schedule"),
        ({"Schedule": "at(2020-01-01T00:00:00)", "ScalableTargetAction": {"MinCapacity": 1}}, "is in the past"),
        ({"Schedule": "rate(1 day)", "ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 1}}, "cannot be less"),
        (
            {"Schedule": "rate(1 day)", "Timezone": "Mars/Olympus", "ScalableTargetAction": {"MinCapacity": 1}},
            "Unknown time zone: Mars/Olympus",
        ),
    ],
)
def test_a_scheduled_action_that_cannot_be_is_refused(bench: ScalingBench, parameters: dict[str, Any], expected: str) -> None:
    bench.register()

    told = bench.refused("PutScheduledAction", ScheduledActionName="a", **parameters)

    assert told.startswith("ValidationException: ")
    assert expected in told


def test_a_forecast_is_refused_by_name(bench: ScalingBench) -> None:
    bench.register()
    at = bench.clock.time

    told = bench.refused("GetPredictiveScalingForecast", PolicyName="p", StartTime=at, EndTime=at)

    assert "predictive scaling is not implemented" in told


def test_lists_come_in_pages(bench: ScalingBench) -> None:
    bench.register()
    for name in "abc":
        bench.track(name)

    first = bench.ask("DescribeScalingPolicies", MaxResults=2)
    second = bench.ask("DescribeScalingPolicies", MaxResults=2, NextToken=first["NextToken"])

    assert [one["PolicyName"] for one in first["ScalingPolicies"] + second["ScalingPolicies"]] == ["a", "b", "c"]
    assert bench.refused("DescribeScalingPolicies", NextToken="x").startswith("InvalidNextTokenException")
