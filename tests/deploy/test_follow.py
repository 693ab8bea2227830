"""Following: every event is told once, trouble of the API is no verdict, and the time limit is kept."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from release_facts import NEW, NOW, OLD, asked, event, observation, pause, record, service, service_deployment, target, task

from ninelives.deploy.follow import Bakes, Patience, Progress, Stage, follow, stage_of
from ninelives.deploy.observation import Observation
from ninelives.deploy.shift import ShiftPlan
from ninelives.deploy.verdict import Followed, Outcome

FOLLOWED = Followed(revision=NEW, source=OLD)
UNDER_WAY = observation(service(), service_deployment("IN_PROGRESS"), tasks=(task(NEW), task(OLD)))
DONE = observation(service(), service_deployment("SUCCESSFUL"), tasks=(task(NEW),))


class SteppedClock:
    """Time passes only by waiting."""

    def __init__(self) -> None:
        self.time = NOW
        self.waits: list[float] = []

    def now(self) -> datetime:
        return self.time

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += timedelta(seconds=seconds)


def seeing(*answers: Observation | Exception) -> Callable[[], Observation]:
    """Answers in turn, the last one for ever."""
    left = list(answers)

    def see() -> Observation:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return see


def followed(see: Callable[[], Observation], clock: SteppedClock, **members: object) -> list[Progress]:
    return list(
        follow(see, FOLLOWED, clock, Patience(timeout=timedelta(seconds=60), pace_seconds=1.0), **members)  # type: ignore[arg-type]
    )


def test_it_ends_with_the_verdict_and_only_then() -> None:
    seen = followed(seeing(UNDER_WAY, UNDER_WAY, DONE), SteppedClock())

    assert [None, None, Outcome.SUCCEEDED] == [one.verdict.outcome if one.verdict else None for one in seen]


def test_each_event_is_told_once_the_oldest_first_and_none_from_before() -> None:
    first = observation(service(events=(event("b", "2"), event("a", "1"), event("before", "0"))))
    second = observation(
        service(events=(event("c", "3"), event("b", "2"), event("a", "1"))),
        service_deployment("SUCCESSFUL"),
        tasks=(task(NEW),),
    )

    seen = followed(seeing(first, second), SteppedClock(), known_events=frozenset({"0"}))

    assert [["a", "b"], ["c"]] == [[one.message for one in progress.new_events] for progress in seen]


def test_after_the_time_limit_it_says_so_and_that_the_deployment_goes_on() -> None:
    clock = SteppedClock()

    seen = followed(seeing(UNDER_WAY), clock)

    assert seen[-1].verdict is not None
    assert Outcome.TIMED_OUT == seen[-1].verdict.outcome
    assert timedelta(seconds=60) == clock.time - NOW


@pytest.mark.parametrize(
    "trouble",
    [
        EndpointConnectionError(endpoint_url="http://127.0.0.1:4566"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "DescribeServices"),
        ClientError({"Error": {"Code": "ServerException"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "DescribeServices"),  # type: ignore[typeddict-item]  # the members that are read
    ],
)
def test_an_api_that_has_trouble_is_asked_again_and_is_no_verdict(trouble: Exception) -> None:
    clock = SteppedClock()

    seen = followed(seeing(UNDER_WAY, trouble, trouble, DONE), clock)

    assert [False, True, True, False] == [one.note is not None for one in seen]
    assert Outcome.SUCCEEDED == (seen[-1].verdict and seen[-1].verdict.outcome)
    assert clock.waits == sorted(clock.waits)


def test_a_refusal_is_not_swallowed() -> None:
    refusal = ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeServices")

    with pytest.raises(ClientError):
        followed(seeing(refusal), SteppedClock())


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (observation(service(), service_deployment("PENDING")), Stage.WAITING),
        (observation(service(), service_deployment("IN_PROGRESS"), tasks=(task(NEW, "PENDING"), task(OLD))), Stage.STARTING),
        (
            observation(
                service(),
                service_deployment("IN_PROGRESS"),
                tasks=(task(NEW, name="a"), task(NEW, name="b"), task(OLD, name="c"), task(OLD, name="d")),
                targets=(target("initial"),),
            ),
            Stage.CHECKING,
        ),
        (
            observation(
                service(),
                service_deployment("IN_PROGRESS"),
                tasks=(task(NEW, name="a"), task(NEW, name="b"), task(OLD, name="c")),
            ),
            Stage.REPLACING,
        ),
        (
            observation(
                service(),
                service_deployment("SUCCESSFUL"),
                tasks=(task(NEW, name="a"), task(NEW, name="b"), task(OLD, "DEACTIVATING", name="c")),
            ),
            Stage.DRAINING,
        ),
        (observation(service(record(OLD)), service_deployment("ROLLBACK_IN_PROGRESS")), Stage.ROLLING_BACK),
    ],
)
def test_the_stage_says_what_is_going_on(seen: Observation, expected: Stage) -> None:
    assert expected == stage_of(FOLLOWED, seen)


CANARY = ShiftPlan(strategy="CANARY", steps=(5.0, 100.0), step_bake=timedelta(minutes=10), bake=timedelta(minutes=5))
BOTH = (task(NEW, name="a"), task(NEW, name="b"), task(OLD, name="c"), task(OLD, name="d"))


def shifting(stage: str, percent: float | None = None, **members: object) -> Observation:
    """A canary in a stage, all its tasks there."""
    told = {"plan": CANARY, "lifecycle_stage": stage, "production_percent": percent, **members}
    deployment = service_deployment("IN_PROGRESS", NEW, **told)
    return observation(service(), deployment, tasks=BOTH)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (shifting("RECONCILE_SERVICE"), Stage.RECONCILING),
        (shifting("SCALE_UP"), Stage.CHECKING),
        (shifting("POST_TEST_TRAFFIC_SHIFT"), Stage.TESTING),
        (shifting("PRODUCTION_TRAFFIC_SHIFT", 5.0), Stage.SHIFTING),
        (shifting("BAKE_TIME", 100.0), Stage.BAKING),
        (shifting("CLEAN_UP", 100.0), Stage.DRAINING),
        (shifting("POST_SCALE_UP", hooks=(asked(),)), Stage.ASKING),
        (shifting("POST_SCALE_UP", hooks=(asked(), pause())), Stage.PAUSED),
        (shifting("POST_SCALE_UP", hooks=(asked(status="SUCCEEDED"),)), Stage.CHECKING),
    ],
)
def test_a_shift_is_told_by_ecs_own_stages_and_by_who_is_asked(seen: Observation, expected: Stage) -> None:
    assert expected == stage_of(FOLLOWED, seen)


def at(seen: Observation, seconds: float) -> Observation:
    return replace(seen, at=NOW + timedelta(seconds=seconds))


def test_a_bake_ends_as_long_after_it_was_first_seen_as_ecs_was_told() -> None:
    bakes = Bakes()
    step, last = shifting("PRODUCTION_TRAFFIC_SHIFT", 5.0), shifting("BAKE_TIME", 100.0)

    told = [bakes.wait_of(at(*one)) for one in ((shifting("SCALE_UP"), 0), (step, 20), (step, 30), (last, 620))]

    first, again, bake = told[1:]
    assert told[0] is None
    assert first is not None
    assert bake is not None
    assert again == first
    assert (NOW + timedelta(seconds=20, minutes=10), timedelta(minutes=10)) == (first.until, first.length)
    assert NOW + timedelta(seconds=620, minutes=5) == bake.until


def test_a_bake_that_had_begun_before_we_looked_is_reckoned_from_ecs_last_word() -> None:
    began = NOW - timedelta(minutes=2)

    wait = Bakes().wait_of(shifting("BAKE_TIME", 100.0, updated_at=began))

    assert wait is not None
    assert began + timedelta(minutes=5) == wait.until


def test_where_time_is_shorter_a_bake_is_too() -> None:
    seen = shifting("BAKE_TIME", 100.0)
    assert seen.service is not None

    wait = Bakes().wait_of(replace(seen, service=replace(seen.service, time_scale=10.0)))

    assert wait is not None
    assert (NOW + timedelta(seconds=30), timedelta(minutes=5), 10.0) == (wait.until, wait.length, wait.time_scale)


def test_what_waits_for_somebody_does_not_bake() -> None:
    assert Bakes().wait_of(shifting("PRODUCTION_TRAFFIC_SHIFT", 5.0, hooks=(pause(),))) is None


@pytest.mark.parametrize("waits", [False, True])
def test_a_pause_is_a_verdict_unless_decisions_are_waited_for(waits: bool) -> None:
    paused = shifting("POST_SCALE_UP", hooks=(pause(),))
    patience = Patience(timeout=timedelta(seconds=60), pace_seconds=1.0, waits_for_decisions=waits)

    seen = list(follow(seeing(paused, paused, DONE), FOLLOWED, SteppedClock(), patience))

    outcomes = [one.verdict.outcome for one in seen if one.verdict is not None]
    assert [Outcome.SUCCEEDED if waits else Outcome.PAUSED] == outcomes
    assert Stage.PAUSED == seen[0].stage
