"""The health of a target as ALB would show it, from what Envoy tells of its checks.

Source: ELB user guide for Application Load Balancers, "Health checks for your target groups"; ``elbv2`` ``TargetHealth``.

Envoy tells of every failed check, and of a success only when a target becomes healthy by it; its ``healthy_threshold`` is 1
(``routing.clusters`` says why). So the successes of a target that was unhealthy are counted by time: after the first one, the
next checks come an interval apart, and each that fails is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ninelives.dataplane.admin import HostStatus
from ninelives.model.elbv2 import TargetHealth, TargetHealthState
from ninelives.routing import Admission, HealthRule
from ninelives.routing.grpc_checks import code_of

SLACK_SECONDS = 0.15
"""How long the news of a failed check may be under way."""

INITIAL = TargetHealth(
    state=TargetHealthState.INITIAL, reason="Elb.InitialHealthChecking", description="Initial health checks in progress"
)
HEALTHY = TargetHealth(state=TargetHealthState.HEALTHY)
UNCHECKED = TargetHealth(
    state=TargetHealthState.UNAVAILABLE,
    reason="Target.HealthCheckDisabled",
    description="Health checks are disabled for this target group",
)


class Check(Enum):
    """What became of a check, or of a run of checks."""

    PASSED = "the endpoint is healthy in Envoy from this check on"
    FAILED = "one check failed"
    EJECTED = "as many checks in a row have failed as the unhealthy threshold says"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthEvent:
    """A line of Envoy's health log. ``first`` is the first check of an endpoint that is new to Envoy."""

    cluster: str
    address: str
    check: Check
    first: bool = False
    failure_type: str | None = None
    status_code: int = 0


def failure(failure_type: str | None, status_code: int | None = None) -> TargetHealth:
    """An unhealthy target with ALB's reason for it; ``status_code`` is HTTP's or gRPC's, None where there was none."""
    if failure_type == "ACTIVE" and status_code is not None:
        reason, description = "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status_code}]"
    elif failure_type == "NETWORK_TIMEOUT":
        reason, description = "Target.Timeout", "Request timed out"
    else:
        reason, description = "Target.FailedHealthChecks", "Health checks failed"
    return TargetHealth(state=TargetHealthState.UNHEALTHY, reason=reason, description=description)


class Standing:
    """What is known of one target. Times are seconds of a monotonic clock."""

    __slots__ = ("_failures", "_is_new_to_envoy", "_last_failure", "_passing_since", "_rule", "_suspected", "health")

    def __init__(self, rule: HealthRule) -> None:
        self.health = INITIAL if rule.checked else UNCHECKED
        self._rule = rule
        self._failures = 0
        self._is_new_to_envoy = True
        """Envoy has not seen it pass yet: then it never tells of an ejection, and the failures are ours to count."""
        self._passing_since: float | None = None
        self._last_failure = failure(None)
        self._suspected = False

    @property
    def admission(self) -> Admission:
        match self.health.state:
            case TargetHealthState.INITIAL:
                return Admission.WAITING
            case TargetHealthState.UNHEALTHY:
                return Admission.HELD
            case _:
                return Admission.SERVING

    @property
    def is_settled(self) -> bool:
        """Whether nothing is expected to change soon."""
        return self.health.state is not TargetHealthState.INITIAL and self._passing_since is None

    @property
    def ready_at(self) -> float | None:
        """When an unhealthy target will have passed its checks, unless one fails before."""
        if self._passing_since is None:
            return None
        wait = (self._rule.healthy_threshold - 1) * self._rule.interval.total_seconds() + SLACK_SECONDS
        if self._last_failure.reason == "Target.Timeout":
            wait += self._rule.timeout.total_seconds()
        return self._passing_since + wait

    def follow(self, rule: HealthRule) -> None:
        """The group's settings have changed."""
        self._rule = rule
        if not rule.checked:
            self.health = UNCHECKED
        elif self.health is UNCHECKED:
            self.health = INITIAL

    def told(self, event: HealthEvent, now: float) -> None:
        """Take in an event."""
        if not self._rule.checked:
            return
        if event.first:
            self._failures = 0
            self._is_new_to_envoy = True
        if event.check is Check.PASSED:
            self._passed(now)
        else:
            self._failed(event, now)

    def _passed(self, now: float) -> None:
        self._failures = 0
        self._is_new_to_envoy = False
        if self.health.state is TargetHealthState.UNHEALTHY:
            self._passing_since = now
        else:
            self.health = HEALTHY

    def _failed(self, event: HealthEvent, now: float) -> None:
        code = code_of(event.status_code) if self._rule.is_grpc else event.status_code or None
        self._last_failure = failure(event.failure_type, code)
        self._failures += 1
        if self.health.state is TargetHealthState.UNHEALTHY:
            self.health = self._last_failure
            if event.check is Check.EJECTED:
                self._passing_since = None
            elif self._passing_since is not None:
                # Envoy still takes it for healthy and will not tell of the next success: that is a check later, or not at all.
                self._passing_since = now + self._rule.interval.total_seconds()
        elif event.check is Check.EJECTED or (self._is_new_to_envoy and self._failures >= self._rule.unhealthy_threshold):
            self._become_unhealthy()

    def _become_unhealthy(self) -> None:
        self.health = self._last_failure
        self._passing_since = None

    def elapsed(self, now: float) -> None:
        """Time has passed: enough successes in a row make an unhealthy target healthy."""
        ready_at = self.ready_at
        if ready_at is not None and now >= ready_at:
            self.health = HEALTHY
            self._passing_since = None
            self._failures = 0

    def seen(self, status: HostStatus, now: float, *, at_once: bool = False) -> None:
        """Correct what is known by what Envoy shows, should an event have been missed.

        A healthy target that Envoy shows as failed is believed at the second sight: the event is on its way. ``at_once``
        believes at the first (when a running Envoy is adopted, whose earlier events may be lost).
        """
        if not self._rule.checked:
            return
        is_held = status.eds_status == "UNHEALTHY"
        if not status.failed:
            self._suspected = False
            self._is_new_to_envoy = False
            if self.health.state is TargetHealthState.INITIAL:
                self._seen_passing(now, is_held=is_held)
            elif self.health.state is TargetHealthState.UNHEALTHY and (at_once or self._passing_since is None):
                self._seen_passing(now, is_held=is_held or not at_once)
        elif at_once and is_held and self.health.state is not TargetHealthState.UNHEALTHY:
            self._seen_failing(status)
        elif self.health.state is TargetHealthState.HEALTHY and not status.pending and not self._is_new_to_envoy:
            if self._suspected or at_once:
                self._seen_failing(status)
            self._suspected = not self._suspected

    def _seen_passing(self, now: float, *, is_held: bool) -> None:
        if is_held:
            self.health = self._last_failure
            self._passing_since = now
        else:
            self.health = HEALTHY

    def _seen_failing(self, status: HostStatus) -> None:
        if status.timed_out:
            self._last_failure = failure("NETWORK_TIMEOUT")
        self._become_unhealthy()


def admissions(standings: Mapping[str, Standing]) -> dict[str, Admission]:
    """What each endpoint may get, by address."""
    return {address: standing.admission for address, standing in standings.items()}
