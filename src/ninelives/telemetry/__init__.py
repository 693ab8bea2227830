"""What is heard of the region's tasks and traffic: container logs, metrics, and the alarms on them."""

from ninelives.telemetry.access_logs import AccessLogs
from ninelives.telemetry.alarm_actions import ActionKind, Firing
from ninelives.telemetry.alarm_wording import invocation, state_change
from ninelives.telemetry.alarms import Alarms
from ninelives.telemetry.cloudwatch import CloudWatch
from ninelives.telemetry.database import open_metrics
from ninelives.telemetry.logs import (
    AwslogsDriver,
    CloudWatchLogs,
    DerivedMetrics,
    Subscriptions,
    on_the_loop,
)
from ninelives.telemetry.measuring import Measuring
from ninelives.telemetry.metric_queries import answer, distributions, oldest_told
from ninelives.telemetry.metric_store import LISTED, MetricStore, Sample
from ninelives.telemetry.prometheus import Exposition
from ninelives.telemetry.totals import Totals

__all__ = [
    "LISTED",
    "AccessLogs",
    "ActionKind",
    "Alarms",
    "AwslogsDriver",
    "CloudWatch",
    "CloudWatchLogs",
    "DerivedMetrics",
    "Exposition",
    "Firing",
    "Measuring",
    "MetricStore",
    "Sample",
    "Subscriptions",
    "Totals",
    "answer",
    "distributions",
    "invocation",
    "oldest_told",
    "on_the_loop",
    "open_metrics",
    "state_change",
]
