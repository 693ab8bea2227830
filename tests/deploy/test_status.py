"""Status tells of the last deployment what `deploy` told of it: its verdict, its cause, and what is wrong all the same."""

from datetime import timedelta
from typing import Any

import pytest
from release_world import TEXT, World

from ninelives.deploy.clock import WallClock
from ninelives.deploy.status import Status, read_status

ARN = "arn:aws:ecs:eu-west-1:1:task/c"


def stopped(number: int, *, exit_code: int, stop_code: str, reason: str = "", took: float = 0.0) -> dict[str, Any]:
    """A stopped task of the service's ``number``-th revision, as DescribeTasks answers it."""
    at = WallClock().now()
    return {
        "taskArn": f"{ARN}/t{number}",
        "taskDefinitionArn": f"arn:aws:ecs:eu-west-1:123456789012:task-definition/cats:{number}",
        "startedBy": f"ecs-svc/{number}",
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "stopCode": stop_code,
        "stoppedReason": reason,
        "createdAt": at,
        "startedAt": at,
        "stoppingAt": at,
        "executionStoppedAt": at + timedelta(seconds=took),
        "stoppedAt": at + timedelta(seconds=took),
        "containers": [{"name": "cats", "image": "cats", "exitCode": exit_code}],
    }


def status(world: World, monkeypatch: pytest.MonkeyPatch, *tasks: dict[str, Any], outcome: str = "SUCCESSFUL") -> Status:
    ended = {**world.ecs.made[-1], "status": outcome, "statusReason": "Service deployment rolled back because of x."}
    monkeypatch.setattr(world.ecs, "made", [*world.ecs.made[:-1], ended])
    arns = [task["taskArn"] for task in tasks]
    monkeypatch.setattr(
        world.ecs,
        "list_tasks",
        lambda **asked: {"taskArns": arns if asked["desiredStatus"] == "STOPPED" else []},
        raising=False,
    )
    monkeypatch.setattr(world.ecs, "describe_tasks", lambda **_: {"tasks": list(tasks)}, raising=False)
    session = world.session(TEXT)
    return read_status(session.aws, session.definition, session.clock.now())


def test_a_deployment_that_was_rolled_back_is_told_with_its_cause(
    two_releases: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = stopped(2, exit_code=3, stop_code="EssentialContainerExited", took=1.5)

    told = status(two_releases, monkeypatch, crashed, outcome="ROLLBACK_SUCCESSFUL").as_json()["last_deployment"]

    assert ("rolled_back", "2.0.1", "exits") == (told["verdict"], told["version"], told["cause_code"])
    assert "The container exits after 1.5s with exit code 3; it wrote nothing" == told["cause"]
    assert "ninelives logs --task t2" in told["next_step"]


def test_a_task_that_is_still_ending_explains_a_rollback_too(two_releases: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ending = stopped(2, exit_code=0, stop_code="TaskFailedToStart", reason="CannotPullContainerError: cats: not found")
    ending |= {"lastStatus": "STOPPING", "containers": [{"name": "cats", "image": "cats"}]}
    del ending["executionStoppedAt"], ending["stoppedAt"]

    told = status(two_releases, monkeypatch, ending, outcome="ROLLBACK_SUCCESSFUL").as_json()["last_deployment"]

    assert "image_missing" == told["cause_code"]


def test_a_rollback_that_nothing_explains_any_more_has_ecs_own_words(
    two_releases: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = status(two_releases, monkeypatch, outcome="ROLLBACK_SUCCESSFUL").as_json()["last_deployment"]

    assert ("Service deployment rolled back because of x.", None) == (told["cause"], told["cause_code"])


def test_a_good_deployment_is_told_without_a_cause(two_releases: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = stopped(1, exit_code=143, stop_code="ServiceSchedulerInitiated")

    told = status(two_releases, monkeypatch, ended).as_json()["last_deployment"]

    assert ("succeeded", None, []) == (told["verdict"], told["cause"], told["warnings"])


def test_tasks_that_crash_after_the_deployment_has_succeeded_are_warned_of(
    two_releases: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = stopped(2, exit_code=3, stop_code="EssentialContainerExited", took=90)

    told = status(two_releases, monkeypatch, crashed).as_json()["last_deployment"]

    assert ("succeeded", None) == (told["verdict"], told["cause"])
    assert ["exits"] == [one["code"] for one in told["warnings"]]
    assert "exits after 1m30s with exit code 3" in told["warnings"][0]["cause"]


def test_replaced_tasks_that_had_to_be_killed_are_warned_of(two_releases: World, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = stopped(1, exit_code=137, stop_code="ServiceSchedulerInitiated", took=9)

    told = status(two_releases, monkeypatch, killed).as_json()["last_deployment"]

    assert ["ignores_stop_signal"] == [one["code"] for one in told["warnings"]]
    assert "had to be killed 9s after SIGTERM" in told["warnings"][0]["cause"]
