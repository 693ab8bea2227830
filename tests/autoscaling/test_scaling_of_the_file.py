"""What the service file asks of auto scaling, what becomes of it deploy after deploy, and what is shown."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from in_process_client import aws_of
from scaling_bench import ScalingBench

from ninelives.cli.scaling_output import activity_lines, scaling_facts
from ninelives.deploy.aws import Aws
from ninelives.deploy.clock import WallClock
from ninelives.deploy.errors import DeployError
from ninelives.deploy.reading import Definition, parse_service_file
from ninelives.deploy.release import Session
from ninelives.deploy.reports import Act
from ninelives.deploy.scale import ScaleChange, scale
from ninelives.deploy.scaling import find_target, see_to_scaling, withdraw_scaling
from ninelives.deploy.scaling_view import read_scaling
from ninelives.deploy.service_file import ServiceFile

TEXT = """
service: s
cluster: c
image: .
port: 80
count: {min: 1, max: 10}
scaling: {cpu: 60%, memory: 70%, cooldown: {out: 1m, in: 2m}}
"""
CHANGING = {"RegisterScalableTarget", "PutScalingPolicy", "PutScheduledAction", "DeleteScalingPolicy", "TagResource"}


def file_of(text: str = TEXT, **replaced: str) -> ServiceFile:
    for before, after in replaced.items():
        text = text.replace(FOUND[before], after)
    return parse_service_file(text)


FOUND = {"count": "count: {min: 1, max: 10}", "scaling": "scaling: {cpu: 60%, memory: 70%, cooldown: {out: 1m, in: 2m}}"}


def deployed(bench: ScalingBench, file: ServiceFile) -> list[str]:
    """What is told of a deploy as far as scaling goes."""
    told: list[str] = []

    def tell(act: Act, text: str) -> None:
        told.append(f"{act}: {text}")

    bench.asked.clear()
    withdraw_scaling(aws_of(bench), file, tell)
    see_to_scaling(aws_of(bench), file, None, tell)
    return told


def session_of(bench: ScalingBench, file: ServiceFile) -> Session:
    definition = Definition(file=file, environment="local", path=Path("ninelives.yml"))
    return Session(aws=aws_of(bench), definition=definition, clock=WallClock(), listener=lambda _: None)


def test_a_deploy_makes_bounds_and_policies_and_another_changes_nothing(bench: ScalingBench) -> None:
    first = deployed(bench, file_of())
    second = deployed(bench, file_of())

    assert first == ["made: scaling: 1 to 10 tasks", "made: scaling: cpu at 60", "made: scaling: memory at 70"]
    assert second == []
    assert CHANGING.isdisjoint(bench.asked)
    policies = bench.ask("DescribeScalingPolicies")["ScalingPolicies"]
    shown = {one["PolicyName"]: one["TargetTrackingScalingPolicyConfiguration"] for one in policies}
    assert shown.keys() == {"ninelives-cpu", "ninelives-memory"}
    assert (shown["ninelives-cpu"]["ScaleOutCooldown"], shown["ninelives-cpu"]["ScaleInCooldown"]) == (60, 120)


def test_a_deploy_never_touches_the_count_that_scaling_has_set(bench: ScalingBench) -> None:
    deployed(bench, file_of())
    bench.load = lambda: 400.0
    bench.live(minutes=6)
    grown = bench.desired

    deployed(bench, file_of(scaling="scaling: {cpu: 50%}"))
    bench.live(minutes=1)

    assert grown == bench.desired == 7
    assert "UpdateService" not in bench.asked


class _Refusing:
    """Application Auto Scaling that answers with an error."""

    def __init__(self, code: str, status: int) -> None:
        answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        self._error = ClientError(answer, "DescribeScalableTargets")

    def describe_scalable_targets(self, **_: object) -> object:
        raise self._error


@pytest.mark.parametrize(
    ("code", "status", "is_local", "is_raised"),
    [
        ("ThrottlingException", 400, False, True),
        ("ExpiredTokenException", 400, False, True),
        ("ValidationException", 400, False, True),
        ("InternalServiceException", 500, True, True),
        ("ThrottlingException", 400, True, True),
        ("AccessDeniedException", 400, True, True),
        ("InternalFailure", 501, True, False),
        ("InvalidAction", 400, True, False),
    ],
)
def test_only_an_emulator_without_scaling_has_none(code: str, status: int, *, is_local: bool, is_raised: bool) -> None:
    """What fails is no service without scaling: its count would be reset to the file's."""
    aws = Aws(lambda _: _Refusing(code, status), region="eu-west-1", is_local=is_local)

    if is_raised:
        with pytest.raises(ClientError):
            find_target(aws, file_of())
    else:
        assert find_target(aws, file_of()) is None


def test_what_is_taken_out_of_the_file_goes_and_what_others_made_stays(bench: ScalingBench) -> None:
    deployed(bench, file_of())
    bench.track("theirs")

    told = deployed(bench, file_of(scaling="scaling: {cpu: 60%, cooldown: {out: 1m, in: 2m}}"))

    assert told == ["changed: scaling: memory is followed no longer"]
    names = [one["PolicyName"] for one in bench.ask("DescribeScalingPolicies")["ScalingPolicies"]]
    assert names == ["ninelives-cpu", "theirs"]
    deployed(bench, file_of(scaling=""))
    assert [one["PolicyName"] for one in bench.ask("DescribeScalingPolicies")["ScalingPolicies"]] == ["theirs"]


def test_a_file_without_scaling_takes_all_of_it_away(bench: ScalingBench) -> None:
    deployed(bench, file_of())

    told = deployed(bench, file_of(scaling="", count="count: 3"))

    assert told == ["changed: scaling: gone, as from the file"]
    assert bench.ask("DescribeScalableTargets")["ScalableTargets"] == []
    assert bench.alarms() == {}


def test_a_target_that_others_made_is_not_taken_away(bench: ScalingBench) -> None:
    bench.register(1, 10)

    assert deployed(bench, file_of(scaling="")) == []
    assert len(bench.ask("DescribeScalableTargets")["ScalableTargets"]) == 1


def test_bounds_that_a_schedule_or_somebody_moved_stay_until_the_files_change(bench: ScalingBench) -> None:
    deployed(bench, file_of())
    bench.register(4, 20)

    told = deployed(bench, file_of())
    moved = bench.ask("DescribeScalableTargets")["ScalableTargets"][0]["MinCapacity"]
    changed = deployed(bench, file_of(count="count: {min: 2, max: 8}"))

    assert told == ["note: scaling: bounds are 4 to 20, by a schedule or by hand; the file says 1 to 10"]
    assert moved == 4
    assert changed == ["changed: scaling: 2 to 8 tasks"]


def test_metrics_and_schedules_of_the_file(bench: ScalingBench) -> None:
    scaling = """
scaling:
  metrics: [{name: queue, namespace: Cats, metric: Waiting, dimensions: {Queue: cats}, target: 100}]
  scale_in: false
  schedules: [{name: morning, at: "cron(0 8 ? * MON-FRI *)", timezone: Europe/Berlin, min: 4}]
"""
    file = file_of(scaling=scaling)
    first, second = deployed(bench, file), deployed(bench, file)
    third = deployed(bench, file_of())

    assert first == [
        "made: scaling: 1 to 10 tasks",
        "made: scaling: queue at 100",
        "made: scaling: schedule morning, cron(0 8 ? * MON-FRI *)",
    ]
    assert second == []
    assert "changed: scaling: no schedule morning any longer" in third
    assert "changed: scaling: queue is followed no longer" in third


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"count": "count: 3"}, "scaling: needs bounds"),
        ({"scaling": "scaling: {}"}, "expected at least one of"),
        ({"scaling": "scaling: {cpu: 0%}"}, "expected 1% to 100%"),
        ({"scaling": "scaling: {cpus: 10%}"}, "cpu"),
        ({"scaling": "scaling: {schedules: [{name: a, at: rate(1 day)}]}"}, "expected `min: <tasks>`"),
    ],
)
def test_a_file_that_cannot_scale_is_refused(changed: dict[str, str], expected: str) -> None:
    with pytest.raises(DeployError) as caught:
        file_of(**changed)

    assert expected in str(caught.value)


def test_status_shows_where_scaling_stands_and_what_it_did(bench: ScalingBench) -> None:
    deployed(bench, file_of())
    bench.load = lambda: 400.0
    bench.live(minutes=6)

    found = read_scaling(aws_of(bench), file_of(), bench.clock.time, is_deploying=True)

    assert found is not None
    lines = dict(scaling_facts(found))
    assert lines["scaling"] == "1 to 10 tasks, a deployment holds scale-in"
    told = [text for name, text in scaling_facts(found) if name == "follows"]
    assert told == ["cpu 57.1 of 60", "memory no data of 70"]
    ((_, activity),) = activity_lines(found, bench.clock.time)
    assert activity == "Setting desired count to 7. (cpu above its target)"
    shown = found.as_json()
    assert (shown["min"], shown["held_by_deployment"], shown["policies"][0]["target"]) == (1, True, 60)


def test_a_count_by_hand_keeps_within_the_bounds(bench: ScalingBench) -> None:
    deployed(bench, file_of())
    session = session_of(bench, file_of())

    scale(session, ScaleChange(count=5))
    with pytest.raises(DeployError) as caught:
        scale(session, ScaleChange(count=12))

    assert bench.desired == 5
    assert "outside the bounds, 1 to 10" in str(caught.value)
    assert caught.value.hint == "Move the bounds with it: `ninelives scale 12 --max 12`."
    scale(session, ScaleChange(count=12, most=12))
    assert bench.desired == 12


def test_scaling_is_suspended_and_resumed(bench: ScalingBench) -> None:
    deployed(bench, file_of())
    session = session_of(bench, file_of())

    scale(session, ScaleChange(suspend=("in", "scheduled")))
    scale(session, ScaleChange(resume=("in",)))

    (target,) = bench.ask("DescribeScalableTargets")["ScalableTargets"]
    assert [name for name, state in target["SuspendedState"].items() if state] == ["ScheduledScalingSuspended"]
    found = read_scaling(aws_of(bench), file_of(), bench.clock.time, is_deploying=False)
    assert found is not None
    assert found.suspended == ("scheduled",)


def test_without_scaling_there_is_nothing_to_suspend(bench: ScalingBench) -> None:
    with pytest.raises(DeployError) as caught:
        scale(session_of(bench, file_of()), ScaleChange(suspend=("in",)))

    assert "Nothing scales s" in str(caught.value)
    scale(session_of(bench, file_of()), ScaleChange(count=3))
    assert bench.desired == 3
