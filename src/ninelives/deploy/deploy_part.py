"""The service file's ``deploy``: strategy, bakes, lifecycle hooks, and what takes a bad release back by itself.

Limits are those of ECS and CloudWatch. Source: botocore ``ecs`` 2014-11-13 (``DeploymentConfiguration``) and ``cloudwatch``
2010-08-01 (``PutMetricAlarm``).
"""

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from ninelives.deploy.file_parts import WHOLE_PERCENT, Duration, Part, Percentage, Tenths, whole_minutes
from ninelives.deploy.quantities import write_tenths

Strategy = Literal["rolling", "blue-green", "canary", "linear"]
HookStage = Literal[
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
]
"""Stages that take lifecycle hooks, as ECS spells them."""
UNPAUSED_STAGES = frozenset({"TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"})
"""Stages that take functions only: traffic moves there, and ECS does not pause it."""
BAKE_MINUTES_MAX = 1440
"""A stage (and a step of a shift) that takes more than 24 hours fails."""
HOOK_MINUTES_MAX = 20160
HOOKS_OF_A_KIND_MAX = 10


def _bake(value: timedelta) -> timedelta:
    return whole_minutes(value, 0, BAKE_MINUTES_MAX)


Bake = Annotated[Duration, AfterValidator(_bake)]


class AlarmTiming(Part):
    """How long it takes to be told: so many periods in a row."""

    period: Duration = Field(default=timedelta(minutes=1), description="What a datapoint sums up: whole minutes.")
    evaluation_periods: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Datapoints in a row that must be beyond the limit."
    )

    @field_validator("period")
    @classmethod
    def _minutes(cls, value: timedelta) -> timedelta:
        return whole_minutes(value, 1, 60)


class ErrorRate(AlarmTiming):
    """The share of requests that were answered with 5xx, by the application or by the load balancer for it."""

    above: Tenths = Field(description="Share of all requests, in tenths of a percent.")

    @field_validator("above")
    @classmethod
    def _a_share(cls, value: float) -> float:
        return _percent_from(0.1, value)


class Latency(AlarmTiming):
    """Time from the load balancer to the application and back; one of these limits."""

    average: Duration | None = Field(default=None, description="Limit of the mean.")
    p50: Duration | None = Field(default=None, description="Limit that half of the requests keep.")
    p90: Duration | None = Field(default=None, description="Limit that 90 % of the requests keep.")
    p95: Duration | None = Field(default=None, description="Limit that 95 % of the requests keep.")
    p99: Duration | None = Field(default=None, description="Limit that 99 % of the requests keep.")

    @model_validator(mode="after")
    def _has_one_limit(self) -> "Latency":
        if len(self.limits) != 1:
            raise ValueError("expected one limit, such as `p99: 2s`")
        return self

    @property
    def limits(self) -> Mapping[str, timedelta]:
        """Limits by CloudWatch's statistic."""
        given = {"Average": self.average, "p50": self.p50, "p90": self.p90, "p95": self.p95, "p99": self.p99}
        return {name: limit for name, limit in given.items() if limit is not None}


class OwnAlarm(Part):
    """An alarm of the service's own, named after it: `<service>-5xx` or `<service>-latency`."""

    error_rate: ErrorRate | None = Field(
        default=None, alias="5xx", description="When too many requests are answered with 5xx, such as `{above: 1%}`."
    )
    latency: Latency | None = Field(default=None, description="When answers take too long, such as `{p99: 2s}`.")

    @model_validator(mode="after")
    def _is_one(self) -> "OwnAlarm":
        if (self.error_rate is None) == (self.latency is None):
            raise ValueError("expected one of `5xx: {above: 1%}` and `latency: {p99: 2s}`")
        return self

    @property
    def short_name(self) -> str:
        return "5xx" if self.error_rate is not None else "latency"


def _alarm_kind(value: object) -> str:
    return "<rule>" if isinstance(value, dict | OwnAlarm) else "<name>"


Alarm = Annotated[
    Annotated[str, Field(min_length=1), Tag("<name>")] | Annotated[OwnAlarm, Tag("<rule>")], Discriminator(_alarm_kind)
]


class Rollback(Part):
    """What takes a bad release back by itself."""

    circuit_breaker: bool = Field(default=True, description="Roll back when tasks keep failing.")
    failures: Annotated[int, Field(ge=1, le=200)] | None = Field(
        default=None, description="Failed tasks that trip it; by default half of the count, at least 3 and at most 200."
    )
    alarms: tuple[Alarm, ...] = Field(
        default=(),
        strict=False,
        description="CloudWatch alarms that roll back: names of existing ones, or `5xx` and `latency` for the service's own.",
    )

    @field_validator("alarms")
    @classmethod
    def _each_once(cls, value: tuple[str | OwnAlarm, ...]) -> tuple[str | OwnAlarm, ...]:
        names = [one if isinstance(one, str) else f"`{one.short_name}:`" for one in value]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"{twice} is given twice")
        return value


def _percent_from(low: float, value: float) -> float:
    if not low <= value <= WHOLE_PERCENT:
        raise ValueError(f"expected {write_tenths(low)} to 100%, found {write_tenths(value)}")
    return value


class Canary(Part):
    """A small share of the traffic first, then all of it."""

    percent: Tenths = Field(default=5.0, description="Of production traffic, that the new version gets first: 0.1% to 100%.")
    bake: Bake = Field(default=timedelta(minutes=10), description="How long it has that share: up to 24h.")

    @field_validator("percent")
    @classmethod
    def _a_share(cls, value: float) -> float:
        return _percent_from(0.1, value)


class Linear(Part):
    """Equal steps of traffic."""

    step: Tenths = Field(default=10.0, description="Of production traffic, that each step adds: 3% to 100%.")
    bake: Bake = Field(default=timedelta(minutes=6), description="Between two steps: up to 24h.")

    @field_validator("step")
    @classmethod
    def _a_step(cls, value: float) -> float:
        return _percent_from(3.0, value)


def _as_ecs_spells_it(value: object) -> object:
    """``post-test-traffic-shift`` is meant as POST_TEST_TRAFFIC_SHIFT."""
    return value.upper().replace("-", "_") if isinstance(value, str) else value


class Hook(Part):
    """What ECS asks at a stage of a release before it goes on: a Lambda function, or somebody's decision."""

    stages: tuple[Annotated[HookStage, BeforeValidator(_as_ecs_spells_it)], ...] = Field(
        strict=False, description="Where it is asked, in ECS's words."
    )
    function: Annotated[str, Field(pattern=r"^(arn:[^:]+:lambda:.+|[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9$_-]+)?)$")] | None = Field(
        default=None, description="The Lambda function that is asked, by name or ARN."
    )
    pause: bool = Field(default=False, description="Wait for `ninelives promote` or `ninelives abort`.")
    details: Any = Field(default=None, description="Passed on to the function as `hookDetails`.")
    timeout: Duration = Field(default=timedelta(hours=24), description="For an answer: 1m to 14 days.")
    on_timeout: Literal["rollback", "continue"] = Field(default="rollback", description="What follows when none has come.")

    @field_validator("stages")
    @classmethod
    def _some(cls, value: tuple[HookStage, ...]) -> tuple[HookStage, ...]:
        if not value:
            raise ValueError("expected at least one stage, such as POST_TEST_TRAFFIC_SHIFT")
        return value

    @field_validator("timeout")
    @classmethod
    def _minutes(cls, value: timedelta) -> timedelta:
        return whole_minutes(value, 1, HOOK_MINUTES_MAX)

    @field_validator("details")
    @classmethod
    def _is_json(cls, value: Any) -> Any:
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"expected what JSON can say: {error}") from None
        return value

    @model_validator(mode="after")
    def _asks_somebody(self) -> "Hook":
        if self.pause == (self.function is not None):
            raise ValueError("expected either `function: <name>` or `pause: true`")
        moving = [stage for stage in self.stages if stage in UNPAUSED_STAGES]
        if self.pause and moving:
            raise ValueError(
                f"stages: ECS does not pause in {moving[0]}, where traffic moves; take a stage before or after it"
            )
        if self.pause and self.details is not None:
            raise ValueError("details: are for functions; a pause has nobody to tell")
        return self


class Deploy(Part):
    """How one version follows another."""

    strategy: Strategy = Field(
        default="rolling",
        description="`rolling` replaces tasks a few at a time; the others start all new ones beside the old ones, then shift "
        "the traffic: at once (`blue-green`), first a small share (`canary`), or in equal steps (`linear`).",
    )
    minimum_healthy: Percentage = Field(
        default=100, description="Of the count, that stays healthy; parts round up. For `rolling`."
    )
    maximum: Percentage = Field(
        default=200, description="Of the count, that may run at once; parts round down. For `rolling`."
    )
    bake: Bake | None = Field(
        default=None,
        description="How long the old version stays at full size after the last shift: up to 24h, by default 5m. With "
        "`rolling`: how long alarms are watched after it; by default what their periods come to.",
    )
    canary: Canary = Field(default=Canary(), description="For the strategy `canary`.")
    linear: Linear = Field(default=Linear(), description="For the strategy `linear`.")
    hooks: tuple[Hook, ...] = Field(default=(), strict=False, description="Who is asked at which stage; at most 10 of a kind.")
    rollback: Rollback = Field(default=Rollback(), description="What takes a bad release back by itself.")

    @field_validator("hooks")
    @classmethod
    def _few(cls, value: tuple[Hook, ...]) -> tuple[Hook, ...]:
        for what, number in (("pauses", sum(one.pause for one in value)), ("functions", sum(not one.pause for one in value))):
            if number > HOOKS_OF_A_KIND_MAX:
                raise ValueError(f"expected at most {HOOKS_OF_A_KIND_MAX} {what}, found {number}")
        return value

    @model_validator(mode="after")
    def _can_move(self) -> "Deploy":
        if self.minimum_healthy > WHOLE_PERCENT:
            raise ValueError(f"minimum_healthy: expected at most 100%, found {self.minimum_healthy}%")
        if not WHOLE_PERCENT <= self.maximum <= 2 * WHOLE_PERCENT:
            raise ValueError(f"maximum: expected 100% to 200%, found {self.maximum}%")
        if self.minimum_healthy == self.maximum == WHOLE_PERCENT:
            raise ValueError("minimum_healthy and maximum are both 100%: no task could ever be replaced; raise maximum")
        return self

    @property
    def shifts_traffic(self) -> bool:
        """Whether traffic moves by weights between two target groups."""
        return self.strategy != "rolling"

    @property
    def shift_bake(self) -> timedelta | None:
        """What ECS is told; None leaves it to ECS."""
        return DEFAULT_BAKE if self.bake is None and self.shifts_traffic else self.bake

    def waits_on_purpose(self, *, for_decisions: bool) -> timedelta:
        """How long a good release waits at the most: for its bakes and, if so wished, for somebody's decisions."""
        bakes = self.shift_bake or timedelta(0)
        if self.strategy == "canary":
            bakes += self.canary.bake
        if self.strategy == "linear":
            bakes += self.linear.bake * (math.ceil(round(WHOLE_PERCENT / self.linear.step, 6)) - 1)
        pauses = [hook.timeout * len(hook.stages) for hook in self.hooks if hook.pause and for_decisions]
        return sum(pauses, bakes)


DEFAULT_BAKE = timedelta(minutes=5)
