"""What alarms, schedules and bounds make of a service, through the API and on a still clock."""

from datetime import timedelta
from pathlib import Path

import pytest
from ecs_world import PLACE
from scaling_bench import Died, ScalingBench


def test_a_load_that_rises_and_falls_makes_the_service_grow_and_shrink(bench: ScalingBench) -> None:
    bench.register(1, 10)
    bench.track()
    bench.load = lambda: 400.0
    bench.live(minutes=12)
    grown = bench.desired
    bench.load = lambda: 70.0
    bench.live(minutes=60)

    assert grown == 7
    assert bench.desired == 2
    first = bench.activities()[-1]
    high = next(name for name in bench.alarms() if "AlarmHigh" in name)
    assert first["Description"] == "Setting desired count to 7."
    assert first["Cause"] == f"monitor alarm {high} in state ALARM triggered policy cpu"
    assert first["StatusCode"] == "Successful"
    assert first["StatusMessage"] == "Successfully set desired count to 7. Change successfully fulfilled by ecs."
    assert {one["StatusCode"] for one in bench.activities()} == {"Successful"}


def test_the_alarms_of_a_policy_are_as_aws_makes_them(bench: ScalingBench) -> None:
    bench.register()
    made = bench.track(value=70)

    high, low = (bench.alarms()[one["AlarmName"]] for one in made["Alarms"])

    assert high["AlarmName"].startswith("TargetTracking-service/c/s-AlarmHigh-")
    assert low["AlarmName"].startswith("TargetTracking-service/c/s-AlarmLow-")
    assert (high["Threshold"], high["EvaluationPeriods"], high["Period"]) == (70, 3, 60)
    assert (low["Threshold"], low["EvaluationPeriods"], low["ComparisonOperator"]) == (63, 15, "LessThanThreshold")
    assert high["AlarmActions"] == low["AlarmActions"] == [made["PolicyARN"]]
    assert high["AlarmDescription"].startswith(f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {made['PolicyARN']}")


def test_a_deployment_holds_scale_in_until_it_is_over(bench: ScalingBench) -> None:
    bench.register()
    bench.track()
    bench.load = lambda: 10.0
    bench.live(minutes=17)
    bench.call("UpdateService", cluster="c", service="s", desiredCount=4)
    assert bench.desired == 4
    bench.call("UpdateService", cluster="c", service="s", desiredCount=4, forceNewDeployment=True)

    bench.runner.run(bench.scaling.breached(next(iter(bench.scaling.records.policies.values())).arn))

    held = bench.activities(IncludeNotScaledActivities=True)[0]
    assert bench.desired == 4
    assert held["NotScaledReasons"] == [{"Code": "TargetServicePutResourceAsUnscalable"}]
    assert held["Description"] == "Attempting to scale due to alarm triggered"
    bench.live(minutes=40)
    assert bench.desired == 1


def test_what_was_not_done_is_told_once_and_only_where_it_is_asked_for(bench: ScalingBench) -> None:
    bench.register(1, 2)
    bench.track()
    bench.load = lambda: 400.0
    bench.live(minutes=12)

    assert bench.activities() == []
    (told,) = bench.activities(IncludeNotScaledActivities=True)
    assert told["StatusCode"] == "Failed"
    assert told["NotScaledReasons"] == [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 2}]


def test_bounds_bring_the_count_in_at_once(bench: ScalingBench) -> None:
    bench.register(3, 10)
    bench.live(minutes=1)
    raised = bench.desired
    bench.register(1, 1)
    bench.live(minutes=1)

    assert (raised, bench.desired) == (3, 1)
    assert [one["Cause"] for one in bench.activities()] == ["maximum capacity was set to 1", "minimum capacity was set to 3"]


def test_a_count_set_by_hand_is_left_alone_until_scaling_happens(bench: ScalingBench) -> None:
    bench.register(1, 4)
    bench.live(minutes=1)
    bench.call("UpdateService", cluster="c", service="s", desiredCount=6)
    bench.live(minutes=5)

    assert bench.desired == 6


def test_a_step_policy_is_driven_by_an_alarm_of_the_users(bench: ScalingBench) -> None:
    bench.register()
    policy = bench.ask(
        "PutScalingPolicy",
        PolicyName="steps",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [
                {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 1},
                {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 3},
            ],
        },
    )
    alarm = {
        "AlarmName": "busy", "Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Statistic": "Average", "Period": 60,
        "Dimensions": [{"Name": "ClusterName", "Value": "c"}, {"Name": "ServiceName", "Value": "s"}],
        "EvaluationPeriods": 1, "Threshold": 70.0, "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": [policy["PolicyARN"]],
    }  # fmt: skip
    bench.runner.run(bench.in_process("cloudwatch", "PutMetricAlarm", alarm))
    bench.load = lambda: 190.0
    bench.live(minutes=4)

    assert bench.desired == 5
    assert bench.activities()[0]["Cause"] == "monitor alarm busy in state ALARM triggered policy steps"
    (shown,) = bench.ask("DescribeScalingPolicies")["ScalingPolicies"]
    assert [one["AlarmName"] for one in shown["Alarms"]] == ["busy"]
    history = bench.watch.alarms.history("busy")
    assert any(item.summary == f"Successfully executed action {policy['PolicyARN']}" for item in history)


def test_a_scheduled_action_sets_the_bounds_at_its_time(bench: ScalingBench) -> None:
    bench.register(1, 10)
    at = (bench.clock.time + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%S")
    bench.ask(
        "PutScheduledAction",
        ScheduledActionName="morning",
        Schedule=f"at({at})",
        ScalableTargetAction={"MinCapacity": 4, "MaxCapacity": 8},
    )
    bench.live(minutes=4)
    before = bench.desired
    bench.live(minutes=3)

    assert (before, bench.desired) == (2, 4)
    (target,) = bench.ask("DescribeScalableTargets", ResourceIds=["service/c/s"])["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (4, 8)
    scaled, bounded = bench.activities()
    assert bounded["Cause"] == "scheduled action name morning was triggered"
    assert bounded["Description"] == "Setting min capacity to 4 and max capacity to 8"
    assert scaled["Cause"] == "minimum capacity was set to 4"


def test_what_is_suspended_waits(bench: ScalingBench) -> None:
    bench.register(1, 10, SuspendedState={"DynamicScalingOutSuspended": True, "ScheduledScalingSuspended": True})
    bench.track()
    schedule = {"ScheduledActionName": "now", "Schedule": "rate(1 minute)", "ScalableTargetAction": {"MinCapacity": 5}}
    bench.ask("PutScheduledAction", **schedule)
    bench.load = lambda: 400.0
    bench.live(minutes=8)
    held = bench.desired
    bench.register(1, 10, SuspendedState={"DynamicScalingOutSuspended": False})
    bench.live(minutes=4)

    assert (held, bench.desired) == (2, 7)


def test_a_refusal_by_ecs_is_told_by_the_activity(bench: ScalingBench) -> None:
    bench.denied.add("UpdateService")
    bench.register(3, 10)
    bench.live(minutes=1)

    (told,) = bench.activities()
    assert told["StatusCode"] == "Failed"
    assert told["StatusMessage"].startswith("Failed to set desired count to 3. Reason: ")


def test_a_change_that_somebody_else_takes_over_is_overridden(bench: ScalingBench) -> None:
    bench.register(3, 10)
    bench.runner.run(bench.scaling.tend())
    bench.call("UpdateService", cluster="c", service="s", desiredCount=5)
    bench.live(minutes=1)

    assert bench.activities()[0]["StatusCode"] == "Overridden"
    assert bench.desired == 5


def test_a_control_plane_that_dies_before_the_count_is_set_goes_on_with_it(tmp_path: Path) -> None:
    bench = ScalingBench(tmp_path / "scaling.sqlite")
    bench.register(3, 10)
    bench.track()
    bench.dies_at = "UpdateService"
    with pytest.raises(Died):
        bench.runner.run(bench.scaling.tend())
    assert bench.desired == 2

    bench.restart()
    bench.live(minutes=1)

    assert bench.desired == 3
    assert [one["StatusCode"] for one in bench.activities()] == ["Successful"]
    assert [one["PolicyName"] for one in bench.ask("DescribeScalingPolicies")["ScalingPolicies"]] == ["cpu"]
    bench.close()


def test_what_was_only_recorded_is_not_taken_up_where_a_deployment_holds_it(tmp_path: Path) -> None:
    bench = ScalingBench(tmp_path / "scaling.sqlite")
    bench.register(1, 1)
    bench.dies_at = "UpdateService"
    with pytest.raises(Died):
        bench.runner.run(bench.scaling.tend())
    bench.call("UpdateService", cluster="c", service="s", forceNewDeployment=True)

    bench.restart()
    bench.runner.run(bench.scaling.tend())
    held = bench.desired
    bench.live(minutes=5)

    assert (held, bench.desired) == (2, 1)
    assert [one["StatusCode"] for one in bench.activities()] == ["Successful", "Failed"]
    bench.close()


def test_what_was_only_recorded_gives_way_to_a_count_that_somebody_has_set(tmp_path: Path) -> None:
    bench = ScalingBench(tmp_path / "scaling.sqlite")
    bench.register(3, 10)
    bench.dies_at = "UpdateService"
    with pytest.raises(Died):
        bench.runner.run(bench.scaling.tend())
    bench.call("UpdateService", cluster="c", service="s", desiredCount=6)

    bench.restart()
    bench.live(minutes=1)

    assert bench.desired == 6
    assert [one["StatusCode"] for one in bench.activities()] == ["Overridden"]
    bench.close()


@pytest.mark.parametrize("dies_at", ["PutMetricAlarm", "DeleteAlarms"])
def test_alarms_and_policies_belong_together_though_a_control_plane_dies_in_between(tmp_path: Path, dies_at: str) -> None:
    bench = ScalingBench(tmp_path / "scaling.sqlite")
    bench.register()
    bench.track("memory")
    bench.dies_at = dies_at
    with pytest.raises(Died):
        bench.ask("DeleteScalingPolicy", PolicyName="memory") if dies_at == "DeleteAlarms" else bench.track("cpu")

    bench.restart()
    bench.runner.run(bench.scaling.mend_alarms())

    policies = bench.ask("DescribeScalingPolicies")["ScalingPolicies"]
    assert len(policies) == (0 if dies_at == "DeleteAlarms" else 2)
    assert sorted(bench.alarms()) == sorted(alarm["AlarmName"] for one in policies for alarm in one["Alarms"])
    bench.close()


def test_eventbridge_is_told_of_counts_and_of_the_maximum(bench: ScalingBench) -> None:
    bench.register(1, 4)
    bench.track()
    bench.load = lambda: 900.0
    bench.live(minutes=6)

    assert [one.detail.get("eventName", one.detail_type) for one in bench.told] == [
        "SERVICE_DESIRED_COUNT_UPDATED",
        "Application Auto Scaling Scaling Activity State Change",
    ]
    assert bench.told[0].resources == (PLACE.service("c", "s"),)
    assert bench.told[1].detail["scaledToMax"] is True


def test_what_is_deregistered_leaves_nothing_but_its_activities(bench: ScalingBench) -> None:
    bench.register(3, 10)
    bench.track()
    bench.live(minutes=1)
    bench.ask("DeregisterScalableTarget")

    assert bench.alarms() == {}
    assert bench.ask("DescribeScalingPolicies")["ScalingPolicies"] == []
    assert len(bench.activities()) == 1
