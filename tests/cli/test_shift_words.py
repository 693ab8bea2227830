"""A release that shifts traffic, on every screen: who gets how much, what is waited for, who is asked, what guards it."""

import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from ninelives.cli.live_view import LiveView, traffic_bar
from ninelives.cli.progress import JsonLines, PlainLines
from ninelives.cli.release_words import left_words, traffic_words
from ninelives.cli.status import deployment_facts
from ninelives.deploy.follow import Progress, Stage, Tally, Wait
from ninelives.deploy.observation import ServiceDeploymentSeen, read_service_deployment
from ninelives.deploy.reading import Definition, parse_service_file

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
REVISION = "arn:aws:ecs:r:a:service-revision/c/cats/"
ANSWER = {
    "serviceDeploymentArn": "arn:aws:ecs:r:a:service-deployment/c/cats/sd-2",
    "createdAt": NOW,
    "status": "IN_PROGRESS",
    "lifecycleStage": "PRODUCTION_TRAFFIC_SHIFT",
    "sourceServiceRevisions": [{"arn": REVISION + "1", "requestedProductionTrafficWeight": 95.0}],
    "targetServiceRevision": {
        "arn": REVISION + "2",
        "requestedProductionTrafficWeight": 5.0,
        "requestedTestTrafficWeight": 100.0,
    },
    "deploymentConfiguration": {
        "strategy": "CANARY",
        "bakeTimeInMinutes": 5,
        "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10},
    },
    "lifecycleHookDetails": [
        {
            "hookId": "ecs-lambda-1",
            "targetType": "AWS_LAMBDA",
            "targetArn": "arn:aws:lambda:r:a:function:smoke",
            "status": "SUCCEEDED",
        },
        {
            "hookId": "ecs-pause-1",
            "targetType": "PAUSE",
            "status": "AWAITING_ACTION",
            "expiresAt": NOW + timedelta(hours=1),
            "timeoutAction": "ROLLBACK",
        },
    ],
    "alarms": {"status": "MONITORING", "alarmNames": ["cats-5xx"], "triggeredAlarmNames": []},
    "deploymentCircuitBreaker": {"status": "MONITORING", "failureCount": 1, "threshold": 3},
}  # fmt: skip


def deployment(**members: object) -> ServiceDeploymentSeen:
    return read_service_deployment({**ANSWER, **members})


def progress(seen: ServiceDeploymentSeen, wait: Wait | None = None, *, failed: int = 0, seconds: float = 0.0) -> Progress:
    return Progress(
        at=NOW + timedelta(seconds=seconds),
        elapsed=timedelta(seconds=seconds),
        stage=Stage.PAUSED if seen.awaiting else Stage.SHIFTING,
        tally=Tally(new=Counter(RUNNING=2), old=Counter(RUNNING=2), targets=Counter(healthy=4)),
        desired_count=2,
        failed_tasks=failed,
        deployment=seen,
        wait=wait,
    )


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ({"requestedProductionTrafficWeight": 5.0}, "traffic: 5% new, 95% old (step 1 of 2)"),
        ({"requestedProductionTrafficWeight": 100.0}, "traffic: 100% new, 0% old (step 2 of 2)"),
        (
            {"requestedProductionTrafficWeight": 0.0, "requestedTestTrafficWeight": 100.0},
            "traffic: 0% new, 100% old; test traffic: 100% new",
        ),
        ({}, None),
    ],
)
def test_traffic_is_told_by_version_and_step(target: dict[str, float], told: str | None) -> None:
    seen = deployment(targetServiceRevision={"arn": REVISION + "2", **target})

    assert told == traffic_words(seen)


def test_a_first_deployment_has_no_old_version_to_tell_of() -> None:
    assert "traffic: 5% new (step 1 of 2)" == traffic_words(deployment(sourceServiceRevisions=[]))


def test_a_rolling_deployment_tells_nothing_of_traffic() -> None:
    assert traffic_words(deployment(deploymentConfiguration={"strategy": "ROLLING"})) is None


@pytest.mark.parametrize(("percent", "new"), [(0.0, 0), (0.1, 1), (50.0, 10), (99.9, 19), (100.0, 20)])
def test_the_bar_shows_a_little_and_never_more_than_there_is(percent: float, new: int) -> None:
    assert "━" * new + "─" * (20 - new) == traffic_bar(percent).plain


def test_plain_lines_tell_a_pause_once_with_until_when_and_what_follows() -> None:
    out = io.StringIO()
    show = PlainLines(out)
    for second in range(3):
        show(progress(deployment(), failed=1, seconds=second))

    assert [
        (
            "2026-01-01T12:00:00Z paused: waiting for a decision | traffic: 5% new, 95% old (step 1 of 2) | new: 2 running "
            "| old: 2 running | targets: 4 healthy | hook pause awaiting action until 2026-01-01 13:00Z, then rollback "
            "| alarms: cats-5xx watched | failed tasks: 1 of 3"
        )
    ] == out.getvalue().splitlines()


def test_plain_lines_tell_a_bake_by_its_end_so_that_they_do_not_count_down() -> None:
    out = io.StringIO()
    show = PlainLines(out)
    wait = Wait(length=timedelta(minutes=10), until=NOW + timedelta(minutes=10))
    for second in range(3):
        show(progress(deployment(lifecycleHookDetails=[]), wait, seconds=second))

    [line] = out.getvalue().splitlines()
    assert "shifting the traffic until 12:10:00Z | traffic: 5% new" in line


def test_json_lines_bear_all_of_it() -> None:
    out = io.StringIO()
    wait = Wait(length=timedelta(minutes=10), until=NOW + timedelta(minutes=10))
    JsonLines(out)(progress(deployment(), wait))

    told = json.loads(out.getvalue())
    seen = told["deployment"]
    assert ("CANARY", "PRODUCTION_TRAFFIC_SHIFT", 300.0) == (seen["strategy"], seen["lifecycle_stage"], seen["bake_s"])
    assert {
        "production_new_percent": 5.0,
        "test_new_percent": 100.0,
        "steps_percent": [5.0, 100.0],
        "steps_taken": 1,
        "step_bake_s": 600.0,
    } == seen["traffic"]
    assert [("ecs-lambda-1", "SUCCEEDED"), ("ecs-pause-1", "AWAITING_ACTION")] == [
        (hook["id"], hook["status"]) for hook in seen["hooks"]
    ]
    assert {"status": "MONITORING", "names": ["cats-5xx"], "triggered": []} == seen["alarms"]
    assert {"status": "MONITORING", "failures": 1, "threshold": 3} == seen["circuit_breaker"]
    assert "2026-01-01T12:10:00+00:00" == told["waits_until"]


@pytest.mark.parametrize(("scale", "told"), [(1.0, "4m left of 10m"), (10.0, "4m left of 10m, 10 times as fast")])
def test_what_is_left_of_a_bake_is_told_with_the_scale_of_time(scale: float, told: str) -> None:
    wait = Wait(length=timedelta(minutes=10), until=NOW + timedelta(minutes=4), time_scale=scale)

    assert told == left_words(wait, NOW)
    assert left_words(wait, NOW + timedelta(hours=1)).startswith("0s left")


def test_the_live_view_has_a_row_for_each() -> None:
    view = LiveView(
        Definition(path=Path("n.yml"), environment="local", file=parse_service_file("service: c\nimage: .\nport: 1\n")),
        io.StringIO(),
    )
    out = io.StringIO()
    view(progress(deployment(), Wait(length=timedelta(minutes=10), until=NOW + timedelta(minutes=4))))
    Console(file=out, width=110).print(view.draw())

    rows = {line.split()[0]: line for line in out.getvalue().splitlines() if line.startswith("  ")}
    assert {"new", "old", "targets", "traffic", "bake", "hook", "alarms"} == set(rows)
    assert "5% new, 95% old (step 1 of 2)" in rows["traffic"]
    assert "pause awaiting action" in rows["hook"]


def test_status_says_what_is_under_way_and_how_to_go_on() -> None:
    facts = list(deployment_facts(deployment()))

    assert ("release", "canary, IN_PROGRESS, in PRE_PRODUCTION_TRAFFIC_SHIFT") == facts[0]
    assert ("failed", "1 tasks of 3 that trip the circuit breaker") in facts
    assert ["release", "traffic", "hook", "alarms", "failed", "next"] == [name for name, _ in facts]


def test_an_alarm_that_went_off_is_told_instead_of_those_that_are_watched() -> None:
    seen = deployment(alarms={"status": "TRIGGERED", "alarmNames": ["a", "b"], "triggeredAlarmNames": ["b"]})

    assert ("alarms", "b went off") in list(deployment_facts(seen))
