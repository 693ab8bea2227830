"""A release as a record: what one must know of it when it is over. The release report shows it, and bears it as JSON.

Names are frozen; new ones may come. Times are ISO 8601 in UTC, durations seconds, latencies milliseconds, shares percent.
Values of environment variables and secrets have no place in it.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT: Literal["ninelives-release/1"] = "ninelives-release/1"


class Part(BaseModel):
    """A part of the record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Warned(Part):
    """What is wrong although the release succeeded."""

    cause: str
    next_step: str


class StageRecord(Part):
    """Where the release was for a while, in the words of the progress."""

    name: str
    began_at: datetime
    ended_at: datetime


class StepRecord(Part):
    """What the tool did, or said."""

    at: datetime
    act: str
    text: str


class EventRecord(Part):
    """A service event of ECS."""

    at: datetime
    message: str


class TaskRecord(Part):
    """A task's life; what was not seen, or did not happen, is null."""

    id: str
    side: Literal["new", "old", "other"] = Field(
        description="`new`: of the version that was released; `old`: of the one before."
    )
    version: str
    created_at: datetime | None = None
    started_at: datetime | None = None
    healthy_at: datetime | None = Field(default=None, description="When its target was first seen healthy.")
    draining_at: datetime | None = Field(default=None, description="When its target was first seen draining.")
    stopping_at: datetime | None = Field(default=None, description="When it was told to stop, or had ended by itself.")
    ended_at: datetime | None = None
    has_failed: bool = Field(default=False, description="Whether it ended otherwise than by being told to.")
    end: str = Field(default="", description="Why and how it ended.")


class ShareRecord(Part):
    """From then on the new version was to get that share of production traffic."""

    at: datetime
    percent: float


class AlarmChange(Part):
    at: datetime
    to: str
    reason: str = ""


class AlarmRecord(Part):
    """An alarm that guarded the release."""

    name: str
    has_gone_off: bool
    state: str | None = Field(default=None, description="In the end; null where it was not there.")
    told: str = Field(default="", description="What was measured, where it went off.")
    changes: tuple[AlarmChange, ...] = ()


class HookRecord(Part):
    """A lifecycle hook as it was last seen."""

    name: str
    status: str


class Timeline(Part):
    stages: tuple[StageRecord, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    events: tuple[EventRecord, ...] = Field(
        default=(), description="Oldest first, the last 300; in short: without ARNs and with eight digits of ids."
    )
    tasks: tuple[TaskRecord, ...] = Field(default=(), description="In the order in which they were made.")
    tasks_left_out: int = Field(
        default=0, description="Of very many tasks, how many are not told of; no failed one, if it can be."
    )
    shares: tuple[ShareRecord, ...] = Field(default=(), description="Of the new version; none where no traffic is shifted.")
    alarms: tuple[AlarmRecord, ...] = ()
    hooks: tuple[HookRecord, ...] = ()


class Quantiles(Part):
    """Latencies of ``count`` good answers."""

    count: int
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    max: float | None = None


class Bin(Part):
    """What was answered in one stretch of time."""

    at: datetime = Field(description="Its beginning.")
    answers: dict[str, int] = Field(description="Good answers by version.")
    lost: int = Field(default=0, description="Requests without a good answer; of CloudWatch: answers with 5xx.")
    latency: Quantiles = Quantiles(count=0)


class LossRecord(Part):
    """Lost requests of one cause, kind and phase."""

    error: str
    kind: str
    phase: str
    count: int
    first_at: datetime | None = None
    last_at: datetime | None = None


class Traffic(Part):
    """What was measured of requests while the release went on."""

    source: Literal["probe", "cloudwatch"]
    began_at: datetime
    ended_at: datetime
    bin_s: float = Field(description="How long a bin is.")
    total: int = Field(description="Requests that the probe sent, or that CloudWatch counted.")
    lost: int = Field(description="Of them without a good answer; of CloudWatch: answered with 5xx.")
    answers: dict[str, int] = Field(description="Good answers by version.")
    phases: dict[str, Quantiles] = Field(description="Latency `before`, `during` and `after` the release.")
    bins: tuple[Bin, ...]
    losses: tuple[LossRecord, ...] = ()
    attributed: tuple[str, ...] = Field(default=(), description="A sentence for each fault that explains lost requests.")
    worst_gap_ms: float | None = Field(default=None, description="The longest time without a good answer.")
    rate: float | None = Field(default=None, description="Requests a second that the probe sent.")
    note: str | None = Field(default=None, description="What one must know to read it.")


class Difference(Part):
    """What a release changed in the task definition. Of what may be secret only the name is told."""

    what: str
    before: str | None = None
    after: str | None = None


class Change(Part):
    """What was released, and what it took the place of."""

    image: str | None = None
    digest: str | None = None
    digest_before: str | None = None
    task_definition: str | None = None
    task_definition_before: str | None = None
    commit: str | None = None
    commit_url: str | None = None
    run_url: str | None = Field(default=None, description="The run of the pipeline that released it.")
    differences: tuple[Difference, ...] = ()


class Link(Part):
    label: str
    url: str


class ReleaseRecord(Part):
    """A release, from the first step to the verdict."""

    format: Literal["ninelives-release/1"] = FORMAT
    ninelives: str = Field(description="Version of the tool.")
    service: str
    cluster: str
    environment: str
    region: str
    strategy: str
    version: str
    from_version: str | None = None
    verdict: str = Field(
        description="As `deploy --json` has it; also `requests_lost`, `interrupted` (nobody waited for the end) and `error` "
        "(ECS never had it)."
    )
    is_good: bool = Field(description="Whether it ended as was asked, and no request was lost.")
    sentence: str
    reason: str | None = None
    cause: str | None = None
    cause_code: str | None = None
    next_step: str | None = None
    warnings: tuple[Warned, ...] = ()
    began_at: datetime
    finished_at: datetime
    deployed_at: datetime | None = Field(default=None, description="When ECS had the release.")
    time_scale: float = Field(default=1.0, description="How many times shorter waits of policy were.")
    service_deployment: str | None = None
    url: str | None = None
    change: Change = Change()
    timeline: Timeline = Timeline()
    traffic: Traffic | None = None
    no_traffic: str | None = Field(default=None, description="Why nothing was measured of requests.")
    links: tuple[Link, ...] = ()

    @property
    def duration_s(self) -> float:
        return (self.finished_at - self.began_at).total_seconds()


def record_schema() -> dict[str, Any]:
    """The JSON Schema of the record."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ReleaseRecord.model_json_schema()}
