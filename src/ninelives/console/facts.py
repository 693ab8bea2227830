"""What was read of a service at one moment: the API's own answers, as they came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ninelives.deploy.history import PastRelease

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bake:
    """A wait on purpose. ``length`` is as ECS was told; where time is scaled, ``ends_at`` comes sooner."""

    length: timedelta
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """Answers of DescribeServices, DescribeServiceDeployments, … about one service."""

    at: datetime
    service: Answer
    deployment: Answer | None = None
    """The newest service deployment, in full."""
    tasks: Sequence[Answer] = ()
    """Running ones and those that ECS still shows after their end."""
    targets: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    """Target health by target group."""
    rules: Mapping[str, Answer] = field(default_factory=dict)
    """Listener rules by ARN: of production and of test traffic."""
    revisions: Mapping[str, Answer] = field(default_factory=dict)
    """Service revisions by ARN."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """The version that a task definition runs, by ARN."""
    alarms: Sequence[Answer] = ()
    scalable_target: Answer | None = None
    scaling_activities: Sequence[Answer] = ()
    past: Sequence[PastRelease] = ()
    """Newest first."""
    url: str | None = None
    time_scale: float = 1.0
    bake: Bake | None = None
    troubles: Mapping[str, str] = field(default_factory=dict)
    """What could not be read, by part, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSource:
    """Where a service's figures are in CloudWatch: values of dimensions."""

    cluster: str
    service: str
    groups: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By target group's ARN: ``LoadBalancer`` and ``TargetGroup``."""
    period: int = 60
    """Seconds between data points: 60, or less in a region whose time is scaled."""
