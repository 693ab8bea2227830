"""The verdict: green only for a release that went all the way, with its own name for every other end."""

import pytest
from release_facts import NEW, NEWER, OLD, asked, observation, pause, record, service, service_deployment, task

from ninelives.deploy.observation import Observation
from ninelives.deploy.verdict import Followed, Outcome, judge

FOLLOWED = Followed(revision=NEW, source=OLD)


def outcome(seen: Observation) -> Outcome | None:
    verdict = judge(FOLLOWED, seen)
    return verdict.outcome if verdict is not None else None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("PENDING", None),
        ("IN_PROGRESS", None),
        ("ROLLBACK_REQUESTED", None),
        ("ROLLBACK_IN_PROGRESS", None),
        ("STOP_REQUESTED", None),
        ("SUCCESSFUL", Outcome.SUCCEEDED),
        ("ROLLBACK_SUCCESSFUL", Outcome.ROLLED_BACK),
        ("ROLLBACK_FAILED", Outcome.FAILED),
        ("STOPPED", Outcome.STOPPED),
    ],
)
def test_each_status_of_a_service_deployment_has_its_verdict(status: str, expected: Outcome | None) -> None:
    assert expected == outcome(observation(service(), service_deployment(status), tasks=(task(NEW),)))


def test_success_waits_until_the_old_tasks_have_ended() -> None:
    draining = observation(service(), service_deployment("SUCCESSFUL"), tasks=(task(NEW), task(OLD, "DEACTIVATING")))
    ended = observation(service(), service_deployment("SUCCESSFUL"), tasks=(task(NEW), task(OLD, "STOPPED")))

    assert (None, Outcome.SUCCEEDED) == (outcome(draining), outcome(ended))


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("an alarm was detected: cats-5xx.", "an alarm was detected: cats-5xx."),
        ("an alarm was detected.", "an alarm was detected. (alarms: cats-5xx)"),
    ],
)
def test_an_alarm_that_took_a_release_back_is_named_once(reason: str, told: str) -> None:
    ours = service_deployment("ROLLBACK_SUCCESSFUL", status_reason=reason, triggered_alarms=("cats-5xx",))

    verdict = judge(FOLLOWED, observation(service(), ours))

    assert verdict is not None
    assert told == verdict.reason


def test_a_stable_service_that_was_rolled_back_is_not_green() -> None:
    stable = service(record(OLD, rollout_state="COMPLETED"))

    verdict = judge(FOLLOWED, observation(stable, service_deployment("ROLLBACK_SUCCESSFUL", status_reason="breaker")))

    assert verdict is not None
    assert (Outcome.ROLLED_BACK, "breaker") == (verdict.outcome, verdict.reason)


@pytest.mark.parametrize("status", ["STOPPED", "STOP_REQUESTED"])
def test_a_release_that_a_newer_one_stopped_is_superseded_and_names_it(status: str) -> None:
    newer = service_deployment("IN_PROGRESS", NEWER)

    verdict = judge(FOLLOWED, observation(service(record(NEWER)), service_deployment(status), newer=(newer,)))

    assert verdict is not None
    assert (Outcome.SUPERSEDED, newer.arn) == (verdict.outcome, verdict.superseded_by)


def test_a_release_whose_place_was_taken_before_its_old_tasks_ended_is_superseded() -> None:
    newer = service_deployment("IN_PROGRESS", NEWER)
    seen = observation(service(record(NEWER)), service_deployment("SUCCESSFUL"), newer=(newer,), tasks=(task(OLD),))

    assert Outcome.SUPERSEDED == outcome(seen)


def test_a_trip_of_the_breaker_without_rollback_is_a_failure() -> None:
    failed = service(record(NEW, rollout_state="FAILED"))

    assert Outcome.FAILED == outcome(observation(failed, service_deployment("STOPPED")))
    assert Outcome.FAILED == outcome(observation(service(), service_deployment("STOPPED", breaker_status="TRIGGERED")))


def test_a_pause_says_where_it_waits_until_when_and_what_follows() -> None:
    waiting = service_deployment("IN_PROGRESS", hooks=(pause(),), lifecycle_stage="POST_TEST_TRAFFIC_SHIFT")

    verdict = judge(FOLLOWED, observation(service(), waiting))

    assert verdict is not None
    assert ("it waits in POST_TEST_TRAFFIC_SHIFT for a decision, until 2026-01-01 13:00 UTC; then: ROLLBACK") == verdict.reason


def test_a_pause_before_the_shift_is_told_as_such_though_ecs_names_the_stage_after_it() -> None:
    waiting = service_deployment("IN_PROGRESS", hooks=(pause(),), lifecycle_stage="PRODUCTION_TRAFFIC_SHIFT")
    shifting = service_deployment("IN_PROGRESS", lifecycle_stage="PRODUCTION_TRAFFIC_SHIFT")

    assert ("PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT") == (waiting.stage, shifting.stage)


def test_a_pause_that_was_answered_is_none_even_if_it_is_still_shown() -> None:
    waiting = observation(service(), service_deployment("IN_PROGRESS", hooks=(pause("ecs-pause-1"),)))
    next_one = observation(service(), service_deployment("IN_PROGRESS", hooks=(pause("ecs-pause-1"), pause("ecs-pause-2"))))
    answered = Followed(revision=NEW, source=OLD, answered=frozenset({"ecs-pause-1"}))

    assert judge(answered, waiting) is None
    assert (verdict := judge(answered, next_one)) is not None
    assert Outcome.PAUSED == verdict.outcome


@pytest.mark.parametrize("status", ["ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"])
def test_a_release_on_its_way_back_is_not_paused(status: str) -> None:
    assert outcome(observation(service(), service_deployment(status, hooks=(pause(),)))) is None


def test_a_function_that_is_asked_is_no_pause() -> None:
    assert outcome(observation(service(), service_deployment("IN_PROGRESS", hooks=(asked(),)))) is None


def test_a_hook_that_waits_for_a_decision_is_a_pause() -> None:
    assert Outcome.PAUSED == outcome(observation(service(), service_deployment("IN_PROGRESS", hooks=(pause(),))))


@pytest.mark.parametrize("gone", [None, service(status="INACTIVE"), service(status="DRAINING")])
def test_a_service_that_was_deleted_is_a_failure(gone: object) -> None:
    assert Outcome.FAILED == outcome(observation(gone))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ((record(NEW), record(OLD, "ACTIVE", "COMPLETED")), None),
        ((record(NEW, rollout_state="COMPLETED"),), Outcome.SUCCEEDED),
        ((record(NEW, rollout_state="COMPLETED"), record(OLD, "ACTIVE")), None),
        ((record(NEW, rollout_state="FAILED"),), Outcome.FAILED),
        (
            (record(OLD, reason="circuit breaker: rolling back to deploymentId ecs-svc/1."), record(NEW, "ACTIVE", "FAILED")),
            None,
        ),
        ((record(OLD, rollout_state="COMPLETED"),), Outcome.ROLLED_BACK),
        ((record(NEWER), record(NEW, "ACTIVE")), Outcome.SUPERSEDED),
    ],
)
def test_without_a_service_deployment_the_records_tell_and_stable_alone_is_never_green(
    records: tuple[object, ...], expected: Outcome | None
) -> None:
    assert expected == outcome(observation(service(*records)))  # type: ignore[arg-type]
