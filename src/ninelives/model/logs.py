"""The nouns of CloudWatch Logs: groups, streams, events, and what is kept beside them.

Instants are whole milliseconds since the epoch, as in the API: a log has millions of them.
Source of every name: botocore ``logs`` 2014-03-28.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

EVENT_OVERHEAD: Final = 26
"""Bytes that each event counts beside its message. Source: ``PutLogEvents``."""
DAY_MS: Final = 24 * 60 * 60 * 1000


GROUP_ARN: Final = re.compile(r"arn:[^:]*:logs:[^:]*:[^:]*:log-group:([^:]+)(?::.*)?", re.DOTALL)


def group_named_by(identifier: str) -> str:
    """The name of a group in its ARN, or the name itself. What is no ARN of a group names none: names have no colon.

    Who decides whether a caller may, and who reads the group, must ask this alike.

    >>> group_named_by("arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/cats:*"), group_named_by("/ecs/cats")
    ('/ecs/cats', '/ecs/cats')
    """
    found = GROUP_ARN.fullmatch(identifier)
    return identifier if found is None else found[1]


class Position(NamedTuple):
    """Where an event stands among those of its group or stream: by its time, then in the order of arrival."""

    at_ms: int
    id: int


class LogEvent(NamedTuple):
    """One event as it is kept."""

    at_ms: int
    id: int
    stream: str
    ingested_ms: int
    message: str

    @property
    def position(self) -> Position:
        return Position(self.at_ms, self.id)

    @property
    def event_id(self) -> str:
        """56 digits, as AWS's."""
        return f"{self.at_ms:015}{self.id:041}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGroup:
    id: int
    name: str
    created_ms: int
    retention_days: int | None = None
    log_class: str = "STANDARD"
    kms_key_id: str | None = None
    is_protected: bool = False
    """Whether DeleteLogGroup is refused."""
    tags: Mapping[str, str] = field(default_factory=dict)
    stored_bytes: int = 0
    metric_filters: int = 0

    def kept_since_ms(self, now_ms: int) -> int:
        """The time of the oldest event that the retention policy leaves."""
        return 0 if self.retention_days is None else now_ms - self.retention_days * DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStream:
    id: int
    name: str
    created_ms: int
    first_ms: int | None = None
    last_ms: int | None = None
    ingested_ms: int | None = None
    """When the last events came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTransformation:
    """What a metric filter makes of an event that matches."""

    name: str
    namespace: str
    value: str
    """A number, or what it is read from: ``$.latency``, ``$bytes``."""
    default: float | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict)
    unit: str = "None"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFilter:
    group: str
    name: str
    pattern: str
    transformation: MetricTransformation
    created_ms: int
    on_transformed_logs: bool = False

    @property
    def key(self) -> str:
        return f"{self.group}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFilter:
    group: str
    name: str
    pattern: str
    destination_arn: str
    created_ms: int
    role_arn: str | None = None
    distribution: str = "ByLogStream"

    @property
    def key(self) -> str:
        return f"{self.group}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryDefinition:
    id: str
    name: str
    query: str
    modified_ms: int
    groups: tuple[str, ...] = ()
    language: str = "CWLI"

    @property
    def key(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePolicy:
    name: str
    document: str
    modified_ms: int

    @property
    def key(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """A file from before the region kept logs itself, whose events are among its own now."""

    key: str


LogRecordKind = MetricFilter | SubscriptionFilter | QueryDefinition | ResourcePolicy | TakenOver
"""What is kept whole beside the events."""
