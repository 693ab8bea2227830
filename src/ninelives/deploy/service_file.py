"""The service file ``ninelives.yml`` as records: what may be written, what it means, and what is assumed where nothing is.

Durations are written ``30s``, ``5m``, ``1h`` (a bare number means seconds), percentages ``100%``. An unknown key is refused.
Limits are those of ECS and Elastic Load Balancing. Source: botocore ``ecs`` 2014-11-13 (``HealthCheck``,
``DeploymentConfiguration``, ``TaskDefinition``) and ``elbv2`` 2015-12-01 (``CreateTargetGroup``).
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from ninelives.deploy.quantities import read_duration, read_percentage, read_tenths, write_duration, write_tenths

VERSION_PLACEHOLDER = "{version}"
TAG_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
"""What may tag an image. Source: OCI distribution specification, "Pulling manifests"."""

WHOLE_PERCENT = 100

Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    PlainSerializer(write_duration, return_type=str),
    WithJsonSchema(
        {"type": ["string", "number"], "pattern": r"^(\d+(\.\d+)?\s*(ms|s|m|h|d)?\s*)+$", "examples": ["30s", "5m"]}
    ),
]
Percentage = Annotated[
    int,
    BeforeValidator(read_percentage),
    PlainSerializer(lambda percent: f"{percent}%", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\s*%$", "examples": ["100%"]}),
]
Tenths = Annotated[
    float,
    BeforeValidator(read_tenths),
    PlainSerializer(write_tenths, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d)?\s*%$", "examples": ["5%"]}),
]
"""A percentage in tenths."""
Port = Annotated[int, Field(ge=1, le=65535)]
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


def _whole_seconds(value: timedelta, low: int, high: int) -> timedelta:
    seconds = value.total_seconds()
    if seconds != int(seconds) or not low <= seconds <= high:
        raise ValueError(f"expected whole seconds from {low}s to {high}s, found {write_duration(value)}")
    return value


def _whole_minutes(value: timedelta, low: int, high: int) -> timedelta:
    """ECS counts bakes and time-outs by the minute."""
    minutes = value.total_seconds() / 60
    if minutes != int(minutes) or not low <= minutes <= high:
        raise ValueError(f"expected whole minutes from {low}m to {high}m, found {write_duration(value)}")
    return value


def _bake(value: timedelta) -> timedelta:
    return _whole_minutes(value, 0, BAKE_MINUTES_MAX)


Bake = Annotated[Duration, AfterValidator(_bake)]


class Part(BaseModel):
    """What all parts of the file have in common: nothing unknown, nothing converted by guess, nothing changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Image(Part):
    """Where the image comes from: built here, or another's repository."""

    build: str | None = Field(
        default=None, description="Folder that is sent to the build; `{version}` stands for the version."
    )
    repository: str | None = Field(
        default=None, description="A repository to take the image from, without a tag; by default the service's own in ECR."
    )
    dockerfile: str = Field(default="Dockerfile", description="Path of the Dockerfile within the build folder.")
    args: Mapping[str, str] = Field(default_factory=dict, description="Build arguments; `{version}` stands for the version.")
    platform: Literal["linux/amd64", "linux/arm64"] | None = Field(
        default=None, description="What the tasks run on; on AWS by default linux/amd64, locally what the machine is."
    )

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> "Image":
        if self.build is None and self.repository is None:
            raise ValueError("expected `build: <folder>` or `repository: <name>`")
        if self.repository is not None and re.search(r"(:[^/]*|@.*)$", self.repository.split("://")[-1]):
            raise ValueError("repository: expected a name without tag or digest; the version is the tag")
        return self


class CountRange(Part):
    """A service whose count scaling decides."""

    min: Annotated[int, Field(ge=0)] = Field(description="The fewest tasks; a new service begins with them.")
    max: Annotated[int, Field(ge=1)] = Field(description="The most tasks.")

    @model_validator(mode="after")
    def _in_order(self) -> "CountRange":
        if self.min > self.max:
            raise ValueError(f"min: expected at most max ({self.max}), found {self.min}")
        return self


class Health(Part):
    """When the load balancer calls a task healthy."""

    path: Annotated[str, Field(pattern=r"^/")] = Field(default="/", description="What the load balancer asks for.")
    interval: Duration = Field(default=timedelta(seconds=5), description="Between two checks: 5s to 300s.")
    timeout: Duration = Field(default=timedelta(seconds=2), description="For an answer: 2s to 120s, below the interval.")
    grace_period: Duration = Field(
        default=timedelta(seconds=60), description="How long after its start a task is not replaced for failed checks."
    )
    healthy_threshold: Annotated[int, Field(ge=2, le=10)] = Field(
        default=2, description="Good checks in a row that make an unhealthy target healthy; a new one needs one."
    )
    unhealthy_threshold: Annotated[int, Field(ge=2, le=10)] = Field(
        default=2, description="Failed checks in a row that make a target unhealthy."
    )
    matcher: Annotated[str, Field(pattern=r"^[234]\d\d([-,][234]\d\d)*$")] = Field(
        default="200", description='HTTP codes that mean healthy, such as "200" or "200-299".'
    )

    @field_validator("interval")
    @classmethod
    def _interval(cls, value: timedelta) -> timedelta:
        return _whole_seconds(value, 5, 300)

    @field_validator("timeout")
    @classmethod
    def _timeout(cls, value: timedelta) -> timedelta:
        return _whole_seconds(value, 2, 120)

    @field_validator("grace_period")
    @classmethod
    def _grace(cls, value: timedelta) -> timedelta:
        return _whole_seconds(value, 0, 2_147_483_647)

    @field_validator("matcher", mode="before")
    @classmethod
    def _matcher_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _answers_before_the_next_check(self) -> "Health":
        if self.timeout >= self.interval:
            raise ValueError(
                f"timeout: expected less than the interval ({write_duration(self.interval)}), "
                f"found {write_duration(self.timeout)}"
            )
        return self


class AlarmTiming(Part):
    """How long it takes to be told: so many periods in a row."""

    period: Duration = Field(default=timedelta(minutes=1), description="What a datapoint sums up: whole minutes.")
    evaluation_periods: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Datapoints in a row that must be beyond the limit."
    )

    @field_validator("period")
    @classmethod
    def _minutes(cls, value: timedelta) -> timedelta:
        return _whole_minutes(value, 1, 60)


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
        return _whole_minutes(value, 1, HOOK_MINUTES_MAX)

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


class Drain(Part):
    """How a task leaves: first out of the load balancer, then SIGTERM, then SIGKILL."""

    deregistration_delay: Duration = Field(
        default=timedelta(seconds=30), description="For requests in flight: as long as the longest request."
    )
    stop_timeout: Duration = Field(default=timedelta(seconds=30), description="Between SIGTERM and SIGKILL: up to 120s.")

    @field_validator("deregistration_delay")
    @classmethod
    def _delay(cls, value: timedelta) -> timedelta:
        return _whole_seconds(value, 0, 3600)

    @field_validator("stop_timeout")
    @classmethod
    def _stop(cls, value: timedelta) -> timedelta:
        return _whole_seconds(value, 1, 120)


BalancerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$")]


class TestListener(Part):
    """Where the new version answers before the public gets it: a port of its own, or a header on the public one."""

    port: Port | None = Field(default=None, description="Of a listener of its own.")
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}$")] | None = Field(
        default=None, description="Name of a header: requests that bear it go to the new version."
    )
    value: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        default="true", description="What the header says; `*` and `?` stand for any text and any character."
    )

    @model_validator(mode="after")
    def _is_somewhere(self) -> "TestListener":
        if (self.port is None) == (self.header is None):
            raise ValueError("expected either `port: <number>` or `header: <name>`")
        return self


class LoadBalancer(Part):
    """Where the public reaches the service."""

    name: BalancerName | None = Field(default=None, description="By default the service's name.")
    target_group: BalancerName | None = Field(default=None, description="By default the service's name.")
    alternate_target_group: BalancerName | None = Field(
        default=None,
        description="The second one, for strategies that shift traffic; by default the first one's name with `-alternate`.",
    )
    port: Port = Field(default=80, description="Of the listener.")
    test_listener: TestListener | None = Field(
        default=None, description="Where the new version answers before the public gets it, such as `{port: 8081}`."
    )


class Roles(Part):
    """IAM roles, by name or ARN."""

    execution: str | None = Field(default=None, description="For ECS itself: pulls images, writes logs.")
    task: str | None = Field(default=None, description="For the application.")
    infrastructure: str | None = Field(
        default=None,
        description="For ECS, to shift traffic at the load balancer; by default ecsInfrastructureRoleForLoadBalancers.",
    )
    hooks: str | None = Field(
        default=None, description="For ECS, to call the functions of hooks; by default ecsLifecycleHookRole."
    )


class Network(Part):
    """Where tasks run; by default (in `local`) the default VPC."""

    subnets: tuple[str, ...] = Field(default=(), strict=False, description="Ids of subnets, in two zones at least.")
    security_groups: tuple[str, ...] = Field(default=(), strict=False, description="Ids of security groups.")
    public_ip: bool = Field(default=True, description="Needed in public subnets to reach the registry.")


def _image_shorthand(value: object) -> object:
    return {"build": value} if isinstance(value, str) else value


def _count_kind(value: object) -> str:
    return "<range>" if isinstance(value, dict | CountRange) else "<number>"


def _one_or_many(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Count = Annotated[
    Annotated[int, Field(ge=0), Tag("<number>")] | Annotated[CountRange, Tag("<range>")], Discriminator(_count_kind)
]
TextMap = Annotated[Mapping[str, str], BeforeValidator(lambda given: {} if given is None else given)]
"""Names with text; a key that nothing follows (all its lines are comments, say) is an empty map."""
Command = Annotated[tuple[str, ...], BeforeValidator(_one_or_many), Field(min_length=1)]


class ServiceFile(Part):
    """A service: what it is, how it is released, and what differs where."""

    service: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$")] = Field(
        description="Name of the service, its task definitions, repository, load balancer and log group: 1 to 32 letters, "
        "digits and hyphens."
    )
    image: Annotated[Image, BeforeValidator(_image_shorthand)] = Field(description="The build folder, or a mapping.")
    port: Port = Field(description="Where the application listens; it is also told by the variable PORT.")
    cpu: int = Field(default=256, description="Of a task, in units of 1024 a vCPU.")
    memory: int = Field(default=512, description="Of a task, in MiB.")
    count: Count = Field(default=2, description="Tasks; with {min, max}, scaling decides.")
    command: Command | None = Field(default=None, description="Instead of the image's own, as a list.")
    health: Health = Field(default=Health(), description="When the load balancer calls a task healthy.")
    deploy: Deploy = Field(default=Deploy(), description="How one version follows another.")
    drain: Drain = Field(default=Drain(), description="How a task leaves: load balancer first, then SIGTERM, then SIGKILL.")
    load_balancer: LoadBalancer = Field(default=LoadBalancer(), description="Where the public reaches the service.")
    variables: TextMap = Field(default_factory=dict, description="Environment variables of the application.")
    secrets: TextMap = Field(
        default_factory=dict,
        description="Environment variables from `ssm:<name>`, `secretsmanager:<name>` or an ARN.",
    )
    cluster: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")] | None = Field(
        default=None, description="By default the service's name."
    )
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] | None = Field(default=None, description="AWS region.")
    roles: Roles = Field(default=Roles(), description="IAM roles, by name or ARN.")
    network: Network = Field(default=Network(), description="Where tasks run; by default (in `local`) the default VPC.")

    @field_validator("secrets")
    @classmethod
    def _secret_sources(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, source in value.items():
            if not source.startswith(("ssm:", "secretsmanager:", "arn:")):
                raise ValueError(f"{name}: expected ssm:<name>, secretsmanager:<name> or an ARN, found {source!r}")
        return value

    @model_validator(mode="after")
    def _is_a_fargate_size(self) -> "ServiceFile":
        sizes = fargate_memory(self.cpu)
        if not sizes:
            raise ValueError(f"cpu: Fargate has no {self.cpu} units; expected one of {', '.join(map(str, FARGATE_CPU))}")
        if self.memory not in sizes:
            raise ValueError(f"memory: with cpu {self.cpu} Fargate has {_as_range(sizes)} MiB, not {self.memory}")
        return self

    @model_validator(mode="after")
    def _has_names_for_two_groups(self) -> "ServiceFile":
        if not self.deploy.shifts_traffic:
            return self
        if len(self.alternate_target_group_name) > GROUP_NAME_MAX:
            raise ValueError(
                f"load_balancer: the name {self.alternate_target_group_name!r} is longer than {GROUP_NAME_MAX}; "
                "name an alternate_target_group"
            )
        if self.alternate_target_group_name == self.target_group_name:
            raise ValueError("load_balancer: target_group and alternate_target_group must be two")
        test = self.load_balancer.test_listener
        if test is not None and test.port == self.load_balancer.port:
            raise ValueError(f"load_balancer: the test_listener needs a port of its own, not {test.port}; or take a `header`")
        return self

    @property
    def cluster_name(self) -> str:
        return self.cluster or self.service

    @property
    def load_balancer_name(self) -> str:
        return self.load_balancer.name or self.service

    @property
    def target_group_name(self) -> str:
        return self.load_balancer.target_group or self.service

    @property
    def alternate_target_group_name(self) -> str:
        return self.load_balancer.alternate_target_group or f"{self.target_group_name}-alternate"

    @property
    def log_group(self) -> str:
        return f"/ecs/{self.service}"

    @property
    def plain_count(self) -> int | None:
        """The count, where the file decides it; None where scaling does."""
        return self.count if isinstance(self.count, int) else None

    @property
    def first_count(self) -> int:
        """The count of a service that is made now."""
        return self.count if isinstance(self.count, int) else self.count.min


GROUP_NAME_MAX = 32
FARGATE_CPU = (256, 512, 1024, 2048, 4096, 8192, 16384)


def fargate_memory(cpu_units: int) -> tuple[int, ...]:
    """Task memory in MiB that Fargate has for ``cpu_units``; empty for a size that it has not.

    Source: botocore ecs 2014-11-13, ``RegisterTaskDefinitionRequest.cpu``.

    >>> fargate_memory(256), fargate_memory(300)
    ((512, 1024, 2048), ())
    """
    steps = {
        256: (512, 1024, 2048),
        512: range(1024, 4096 + 1, 1024),
        1024: range(2048, 8192 + 1, 1024),
        2048: range(4096, 16384 + 1, 1024),
        4096: range(8192, 30720 + 1, 1024),
        8192: range(16384, 61440 + 1, 4096),
        16384: range(32768, 122880 + 1, 8192),
    }
    return tuple(steps.get(cpu_units, ()))


def _as_range(sizes: tuple[int, ...]) -> str:
    if sizes == fargate_memory(FARGATE_CPU[0]):
        return ", ".join(map(str, sizes))
    return f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"


def _write_defaults(properties: dict[str, Any], part: type[Part]) -> None:
    """Defaults as a file would write them: ``30s``, not pydantic's ``PT30S``; ``100%``, not 100."""
    written = part.model_construct().model_dump(mode="json", by_alias=True)
    for name, described in properties.items():
        if "default" in described:
            described["default"] = written[name]


def _overlay(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part of the file as an environment may write it: nothing must be there, and null takes a key of the base away."""
    properties = {name: _or_null(described) for name, described in part["properties"].items()}
    return {**{key: value for key, value in part.items() if key != "required"}, "properties": properties}


def _or_null(described: Mapping[str, Any]) -> dict[str, Any]:
    """What may stand at a key of the file, or null; defaults are the file's to have."""
    told = {key: described[key] for key in ("description", "title") if key in described}
    choices = described.get("anyOf") or described.get("oneOf") or [described]
    kinds = [{key: value for key, value in one.items() if key not in {*told, "default"}} for one in choices]
    for kind in kinds:
        if "$ref" in kind:
            kind["$ref"] += "InEnvironment"
        if isinstance(kind.get("additionalProperties"), dict):
            kind["additionalProperties"] = {"anyOf": [kind["additionalProperties"], {"type": "null"}]}
    null = [] if {"type": "null"} in kinds else [{"type": "null"}]
    return {**told, "anyOf": [*kinds, *null]}


PARTS: tuple[type[Part], ...] = (
    Image, CountRange, Health, ErrorRate, Latency, OwnAlarm, Rollback, Canary, Linear, Hook, Deploy, Drain, TestListener,
    LoadBalancer, Roles, Network,
)  # fmt: skip
"""All parts of the file but itself."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ``ninelives.yml``, for editors: an environment may say anew whatever the file says, but the name."""
    schema = ServiceFile.model_json_schema()
    for part in PARTS:
        _write_defaults(schema["$defs"][part.__name__]["properties"], part)
    _write_defaults(schema["properties"], ServiceFile)
    image = schema["properties"]["image"]
    schema["properties"]["image"] = {
        "anyOf": [{"type": "string"}, {"$ref": image["$ref"]}],
        "description": image["description"],
    }
    overlays = {f"{name}InEnvironment": _overlay(part) for name, part in schema["$defs"].items()}
    properties = {name: value for name, value in schema["properties"].items() if name != "service"}
    overlays["Environment"] = _overlay({"type": "object", "additionalProperties": False, "properties": properties})
    overlays["Environment"]["description"] = "What differs in this environment; null takes away what the file says."
    schema["$defs"] |= overlays
    schema["properties"]["environments"] = {
        "type": "object",
        "description": "Overlays by name; `local` always exists.",
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/Environment"}, {"type": "null"}]},
    }
    schema["patternProperties"] = {"^x-": {}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ninelives.yml",
        **{key: value for key, value in schema.items() if key != "title"},
    }
