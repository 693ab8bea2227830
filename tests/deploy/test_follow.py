"""Following: every event is told once, trouble of the API is no verdict, and the time limit is kept."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from release_facts import NEW, NOW, OLD, event, observation, record, service, service_deployment, target, task

from ninelives.deploy.follow import Patience, Progress, Stage, follow, stage_of
from ninelives.deploy.observation import Observation
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
