"""The health of one target as ALB would show it, from events and sightings; no Envoy."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.dataplane.admin import HostStatus
from ninelives.dataplane.health import SLACK_SECONDS, Check, HealthEvent, Standing, failure
from ninelives.dataplane.health_log import TRIM_ABOVE, HealthLog
from ninelives.model.elbv2 import TargetHealthState
from ninelives.routing import Admission, HealthRule

RULE = HealthRule(
    healthy_threshold=3, unhealthy_threshold=2, interval=timedelta(seconds=10), timeout=timedelta(seconds=2), checked=True
)
INITIAL, HEALTHY, UNHEALTHY = TargetHealthState.INITIAL, TargetHealthState.HEALTHY, TargetHealthState.UNHEALTHY


def event(check: Check, *, first: bool = False, code: int = 503) -> HealthEvent:
    return HealthEvent(cluster="c", address="a", check=check, first=first, failure_type="ACTIVE", status_code=code)


def status(*, failed: bool, pending: bool = False, eds_status: str = "HEALTHY", timed_out: bool = False) -> HostStatus:
    return HostStatus(failed=failed, pending=pending, timed_out=timed_out, eds_status=eds_status, active=0, total=0)


PASS = event(Check.PASSED)
FIRST_PASS = event(Check.PASSED, first=True)
FAIL = event(Check.FAILED)
FIRST_FAIL = event(Check.FAILED, first=True)
EJECT = event(Check.EJECTED)


@pytest.mark.parametrize(
    ("events", "state", "admission"),
    [
        ([], INITIAL, Admission.WAITING),
        ([FIRST_PASS], HEALTHY, Admission.SERVING),
        ([FIRST_FAIL], INITIAL, Admission.WAITING),
        ([FIRST_FAIL, PASS], HEALTHY, Admission.SERVING),
        ([FIRST_FAIL, FAIL], UNHEALTHY, Admission.HELD),
        ([FIRST_FAIL, FAIL, PASS], UNHEALTHY, Admission.HELD),
        ([FIRST_PASS, FAIL], HEALTHY, Admission.SERVING),
        # A success between failures is not told; only Envoy knows whether they came in a row.
        ([FIRST_PASS, FAIL, FAIL, FAIL], HEALTHY, Admission.SERVING),
        ([FIRST_PASS, FAIL, FAIL, EJECT], UNHEALTHY, Admission.HELD),
        # Envoy was started again.
        ([FIRST_PASS, FIRST_FAIL], HEALTHY, Admission.SERVING),
        ([FIRST_PASS, FIRST_FAIL, FAIL], UNHEALTHY, Admission.HELD),
        ([FIRST_PASS, FIRST_FAIL, PASS, FAIL], HEALTHY, Admission.SERVING),
    ],
)
def test_states_by_events(events: list[HealthEvent], state: TargetHealthState, admission: Admission) -> None:
    standing = Standing(RULE)
    for one in events:
        standing.told(one, 0)

    assert (state, admission) == (standing.health.state, standing.admission)


def test_an_unhealthy_target_is_healthy_after_the_time_of_its_checks_and_not_before() -> None:
    standing = Standing(RULE)
    for one in (FIRST_FAIL, FAIL):
        standing.told(one, 0)
    standing.told(PASS, 100)
    ready = 100 + 2 * 10 + SLACK_SECONDS

    standing.elapsed(ready - 0.01)
    assert standing.health.state is UNHEALTHY
    standing.elapsed(ready)
    assert (HEALTHY, True) == (standing.health.state, standing.is_settled)


def test_a_failure_on_the_way_back_begins_the_count_anew_at_the_next_check() -> None:
    standing = Standing(RULE)
    for one in (FIRST_FAIL, FAIL):
        standing.told(one, 0)
    standing.told(PASS, 100)
    standing.told(event(Check.FAILED, code=404), 110)

    assert "Health checks failed with these codes: [404]" == standing.health.description
    assert 120 + 20 + SLACK_SECONDS == standing.ready_at
    standing.told(EJECT, 120)
    assert standing.ready_at is None


@given(st.lists(st.sampled_from([PASS, FAIL, EJECT, FIRST_FAIL, FIRST_PASS])))
def test_a_target_is_never_healthy_before_a_success(events: list[HealthEvent]) -> None:
    standing = Standing(RULE)
    has_passed = False
    for one in events:
        standing.told(one, 0)
        has_passed = has_passed or one.check is Check.PASSED
        assert has_passed or standing.health.state is not HEALTHY
        assert (standing.admission is Admission.SERVING) is (standing.health.state is HEALTHY)


@pytest.mark.parametrize(
    ("told", "seen", "state"),
    [
        ([], status(failed=False), HEALTHY),
        ([], status(failed=True, pending=True), INITIAL),
        ([], status(failed=True), INITIAL),
        ([], status(failed=True, eds_status="UNHEALTHY"), UNHEALTHY),
        ([], status(failed=False, eds_status="UNHEALTHY"), UNHEALTHY),
        ([FIRST_PASS], status(failed=True), UNHEALTHY),
        ([FIRST_PASS, EJECT], status(failed=True), UNHEALTHY),
        # The control plane before had counted enough successes.
        ([FIRST_PASS, EJECT, PASS], status(failed=False), HEALTHY),
        ([FIRST_PASS, EJECT, PASS], status(failed=False, eds_status="UNHEALTHY"), UNHEALTHY),
    ],
)
def test_adoption_believes_what_envoy_shows(told: list[HealthEvent], seen: HostStatus, state: TargetHealthState) -> None:
    standing = Standing(RULE)
    for one in told:
        standing.told(one, 0)
    standing.seen(seen, 0, at_once=True)

    assert state is standing.health.state


def test_a_missed_ejection_is_believed_at_the_second_sight() -> None:
    standing = Standing(RULE)
    standing.told(FIRST_PASS, 0)
    standing.seen(status(failed=True, timed_out=True), 1)
    assert HEALTHY is standing.health.state
    standing.seen(status(failed=True, timed_out=True), 2)
    assert ("Target.Timeout", "Request timed out") == (standing.health.reason, standing.health.description)


@pytest.mark.parametrize(
    ("failure_type", "code", "reason", "description"),
    [
        ("ACTIVE", 503, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
        ("ACTIVE", 0, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [0]"),
        ("NETWORK_TIMEOUT", None, "Target.Timeout", "Request timed out"),
        ("NETWORK", None, "Target.FailedHealthChecks", "Health checks failed"),
        ("ACTIVE", None, "Target.FailedHealthChecks", "Health checks failed"),
    ],
)
def test_reasons_by_failure(failure_type: str, code: int | None, reason: str, description: str) -> None:
    found = failure(failure_type, code)

    assert (UNHEALTHY, reason, description) == (found.state, found.reason, found.description)


def test_a_group_without_checks_is_unavailable_and_serves() -> None:
    standing = Standing(HealthRule(**{name: getattr(RULE, name) for name in RULE.__slots__} | {"checked": False}))
    standing.told(EJECT, 0)
    standing.seen(status(failed=True), 0)

    assert ("Target.HealthCheckDisabled", Admission.SERVING) == (standing.health.reason, standing.admission)


@pytest.fixture
def line() -> Callable[..., bytes]:
    def made(port: int, **members: object) -> bytes:
        host = {"socket_address": {"address": "10.0.0.1", "port_value": port}}
        return json.dumps({"host": host, "cluster_name": "web/1", **members}).encode() + b"\n"

    return made


def test_the_health_log_is_read_as_it_grows(tmp_path: Path, line: Callable[..., bytes]) -> None:
    path = tmp_path / "health.log"
    log = HealthLog(path)
    assert [] == log.read()
    path.write_bytes(line(1, add_healthy_event={"first_check": True}) + b'{"half')
    [one] = log.read()
    assert ("web/1", "10.0.0.1:1", Check.PASSED, True) == (one.cluster, one.address, one.check, one.first)
    with path.open("ab") as file:
        file.write(b'": 1}\n' + line(2, health_check_failure_event={"failure_type": "ACTIVE", "http_status_code": 500}))
    [two] = log.read()
    assert (Check.FAILED, 500) == (two.check, two.status_code)
    assert [] == log.read()


def test_a_health_log_that_was_read_does_not_grow_for_ever(tmp_path: Path, line: Callable[..., bytes]) -> None:
    path = tmp_path / "health.log"
    log = HealthLog(path)
    one = line(1, eject_unhealthy_event={"failure_type": "NETWORK"})
    path.write_bytes(one * (TRIM_ABOVE // len(one) + 1))
    assert log.read()
    assert 0 == path.stat().st_size
    path.write_bytes(one)
    assert 1 == len(log.read())
