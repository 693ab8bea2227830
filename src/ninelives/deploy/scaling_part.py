"""The part ``scaling:`` of the service file: what the count follows between its bounds.

Limits are those of Application Auto Scaling. Source: botocore ``application-autoscaling`` 2016-02-06
(``TargetTrackingScalingPolicyConfiguration``, ``PutScheduledAction``).
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ninelives.deploy.file_parts import Duration, Part, Percentage, whole_seconds

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,60}$")]
DAY = 24 * 3600


class ScalingCooldown(Part):
    """How long scaling waits for what it did to take effect."""

    out: Duration = Field(default=timedelta(minutes=5), description="After more tasks, unless still more are needed.")
    in_: Duration = Field(default=timedelta(minutes=5), alias="in", description="After fewer tasks; more come at once.")

    @field_validator("out", "in_")
    @classmethod
    def _whole(cls, value: timedelta) -> timedelta:
        return whole_seconds(value, 0, DAY)


class ScalingMetric(Part):
    """A metric of your own: one that falls as tasks are added."""

    name: Name = Field(description="Of the policy.")
    namespace: Annotated[str, Field(min_length=1, max_length=255)] = Field(description="CloudWatch's.")
    metric: Annotated[str, Field(min_length=1, max_length=255)] = Field(description="Its name in CloudWatch.")
    dimensions: Mapping[str, str] = Field(default_factory=dict, description="Its dimensions: names with values.")
    statistic: Literal["Average", "Minimum", "Maximum", "SampleCount", "Sum"] = Field(
        default="Average", description="Over each minute."
    )
    target: Annotated[float, Field(gt=0, strict=False)] = Field(description="What it is kept at.")


class ScalingSchedule(Part):
    """Other bounds at a time, or at times."""

    name: Name = Field(description="Of the scheduled action.")
    at: Annotated[str, Field(pattern=r"^(at|rate|cron)\(.+\)$")] = Field(
        description="`cron(0 8 ? * MON-FRI *)`, `rate(1 hour)` or `at(2026-12-01T08:00:00)`."
    )
    timezone: str = Field(default="UTC", description="Of cron and at, such as Europe/Berlin.")
    min: Annotated[int, Field(ge=0)] | None = Field(default=None, description="The fewest tasks from then on.")
    max: Annotated[int, Field(ge=1)] | None = Field(default=None, description="The most tasks from then on.")

    @model_validator(mode="after")
    def _sets_a_bound(self) -> "ScalingSchedule":
        if self.min is None and self.max is None:
            raise ValueError("expected `min: <tasks>`, `max: <tasks>` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min: expected at most max ({self.max}), found {self.min}")
        return self


class Scaling(Part):
    """What the count follows, between the bounds of `count: {min, max}`."""

    cpu: Percentage | None = Field(default=None, description="Average use of the CPU that tasks have reserved.")
    memory: Percentage | None = Field(default=None, description="Average use of the memory that tasks have reserved.")
    requests_per_task: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Requests that the load balancer sends to a task in a minute."
    )
    metrics: tuple[ScalingMetric, ...] = Field(default=(), strict=False, description="Metrics of your own.")
    scale_in: bool = Field(default=True, description="Whether tasks are taken away again.")
    cooldown: ScalingCooldown = Field(default=ScalingCooldown(), description="How long it waits after a change.")
    schedules: tuple[ScalingSchedule, ...] = Field(default=(), strict=False, description="Other bounds at times.")

    @field_validator("cpu", "memory")
    @classmethod
    def _reachable(cls, value: int | None) -> int | None:
        if value is not None and not 1 <= value <= 100:  # noqa: PLR2004 (percent)
            raise ValueError(f"expected 1% to 100%, found {value}%: a target that is never exceeded never scales")
        return value

    @model_validator(mode="after")
    def _follows_something(self) -> "Scaling":
        if not self.names and not self.schedules:
            raise ValueError("expected at least one of `cpu`, `memory`, `requests_per_task`, `metrics` and `schedules`")
        for kind, names in (("metrics", list(self.names)), ("schedules", [one.name for one in self.schedules])):
            doubled = next((name for name in names if names.count(name) > 1), None)
            if doubled is not None:
                raise ValueError(f"{kind}: expected names that differ, found {doubled!r} twice")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """What it follows."""
        return tuple(self._names())

    def _names(self) -> Iterator[str]:
        if self.cpu is not None:
            yield "cpu"
        if self.memory is not None:
            yield "memory"
        if self.requests_per_task is not None:
            yield "requests"
        yield from (one.name for one in self.metrics)
