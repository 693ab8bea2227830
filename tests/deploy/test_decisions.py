"""Promote and abort: the call that is made, which deployment it is for, and what is said where nothing can be decided."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from release_world import World

from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.proving import Proven
from ninelives.cli.release_output import exit_code_of
from ninelives.deploy.decision import abort, promote
from ninelives.deploy.errors import DeployError, NotFound
from ninelives.deploy.options import Options
from ninelives.deploy.rollback import roll_back
from ninelives.deploy.verdict import Outcome

PAUSE = {"hookId": "ecs-pause-1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "timeoutAction": "ROLLBACK"}


class Decided:
    """Lets the newest service deployment wait or run, takes what is decided, and ends it so."""

    def __init__(
        self, world: World, monkeypatch: pytest.MonkeyPatch, *hooks: dict[str, Any], status: str = "IN_PROGRESS"
    ) -> None:
        self.record = world.ecs.made[-1]
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.record |= {"status": status, "lifecycleStage": "POST_TEST_TRAFFIC_SHIFT", "lifecycleHookDetails": list(hooks)}
        monkeypatch.setattr(world.ecs, "continue_service_deployment", self._continue, raising=False)
        monkeypatch.setattr(world.ecs, "stop_service_deployment", self._stop, raising=False)

    def _continue(self, **request: Any) -> dict[str, Any]:
        self.asked.append(("Continue", request))
        self._ends("SUCCESSFUL" if request["action"] == "CONTINUE" else "ROLLBACK_SUCCESSFUL")
        return {}

    def _stop(self, **request: Any) -> dict[str, Any]:
        self.asked.append(("Stop", request))
        self._ends("ROLLBACK_SUCCESSFUL")
        return {}

    def _ends(self, status: str) -> None:
        self.record |= {"status": status}


@pytest.fixture
def released(world: World) -> World:
    world.deploy("1.0.0")
    world.deploy("2.0.1")
    return world


def test_promote_lets_the_pause_that_waits_go_on_and_follows_to_the_verdict(
    released: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = Decided(released, monkeypatch, PAUSE)

    release = promote(released.session(), None, Options())

    arn = released.ecs.made[-1]["serviceDeploymentArn"]
    assert [("Continue", {"serviceDeploymentArn": arn, "hookId": "ecs-pause-1", "action": "CONTINUE"})] == decided.asked
    assert (True, ExitCode.OK) == (release.has_succeeded, exit_code_of(Proven(release=release)))


def test_of_several_pauses_one_must_be_named(released: World, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = Decided(released, monkeypatch, PAUSE, {**PAUSE, "hookId": "ecs-pause-2"})

    with pytest.raises(DeployError, match=r"2 pauses wait at once: ecs-pause-1, ecs-pause-2\.\n.*--hook ecs-pause-1"):
        promote(released.session(), None, Options())
    with pytest.raises(DeployError, match="No pause ecs-pause-9 waits"):
        promote(released.session(), "ecs-pause-9", Options())
    assert [] == decided.asked
    promote(released.session(), "ecs-pause-2", Options())

    assert ["ecs-pause-2"] == [request["hookId"] for _, request in decided.asked]


@pytest.mark.parametrize(
    ("status", "hooks", "told"),
    [
        ("IN_PROGRESS", (), "does not wait for a decision (it is IN_PROGRESS, in POST_TEST_TRAFFIC_SHIFT)"),
        ("IN_PROGRESS", ({**PAUSE, "status": "SUCCEEDED"},), "does not wait for a decision"),
        ("SUCCESSFUL", (), "No release of cats is under way (sd-2 ended SUCCESSFUL)"),
        ("ROLLBACK_SUCCESSFUL", (PAUSE,), "No release of cats is under way (sd-2 ended ROLLBACK_SUCCESSFUL)"),
    ],
)
def test_where_nothing_waits_promote_says_how_things_are(
    released: World, monkeypatch: pytest.MonkeyPatch, status: str, hooks: tuple[dict[str, Any], ...], told: str
) -> None:
    decided = Decided(released, monkeypatch, *hooks, status=status)

    with pytest.raises(NotFound) as error:
        promote(released.session(), None, Options())

    assert told in error.value.message
    assert [] == decided.asked


@pytest.mark.parametrize(
    ("hooks", "call", "members"),
    [
        ((), "Stop", {"stopType": "ROLLBACK"}),
        ((PAUSE,), "Continue", {"hookId": "ecs-pause-1", "action": "ROLLBACK"}),
    ],
)
def test_abort_takes_a_release_back_and_that_is_what_was_asked(
    released: World, monkeypatch: pytest.MonkeyPatch, hooks: tuple[dict[str, Any], ...], call: str, members: dict[str, Any]
) -> None:
    decided = Decided(released, monkeypatch, *hooks)

    release = abort(released.session(), Options())

    arn = released.ecs.made[-1]["serviceDeploymentArn"]
    assert [(call, {"serviceDeploymentArn": arn, **members})] == decided.asked
    assert release.verdict is not None
    assert (Outcome.ROLLED_BACK, ExitCode.OK) == (release.verdict.outcome, exit_code_of(Proven(release=release)))


def test_an_abort_that_comes_too_late_is_not_said_to_have_worked(released: World, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = Decided(released, monkeypatch)
    monkeypatch.setattr(decided, "_ends", lambda _: decided.record.update(status="SUCCESSFUL"))

    release = abort(released.session(), Options())

    assert (False, ExitCode.ERROR) == (release.has_succeeded, exit_code_of(Proven(release=release)))


def test_an_abort_of_what_is_being_taken_back_only_follows(released: World, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = Decided(released, monkeypatch, status="ROLLBACK_IN_PROGRESS")

    abort(released.session(), Options(wait=False))

    assert [] == decided.asked


def test_rollback_takes_back_what_is_under_way_unless_a_version_is_named(
    released: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = Decided(released, monkeypatch)

    release = roll_back(released.session(), None, Options())

    assert ["Stop"] == [call for call, _ in decided.asked]
    assert release.has_succeeded
    released.ecs.made[-1] |= {"status": "IN_PROGRESS"}
    roll_back(released.session(), "1.0.0", Options(wait=False))
    assert ("UpdateService", 1) == (released.ecs.calls[-1][0], len(decided.asked))


def test_where_nothing_is_under_way_abort_names_rollback(released: World) -> None:
    with pytest.raises(NotFound, match=r"sd-2 ended SUCCESSFUL.*\n.*ninelives rollback"):
        abort(released.session(), Options())


def test_a_release_that_ended_in_between_is_told_as_such(released: World, monkeypatch: pytest.MonkeyPatch) -> None:
    Decided(released, monkeypatch)

    def too_late(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ConflictException", "Message": "terminal"}}, "StopServiceDeployment")

    monkeypatch.setattr(released.ecs, "stop_service_deployment", too_late)

    with pytest.raises(DeployError, match="has just ended"):
        abort(released.session(), Options())
