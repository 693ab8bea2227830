"""CloudWatch Logs: groups, streams and events in a file of bounded size, and containers' way into it."""

from ninelives.telemetry.logs.derived_metrics import DerivedMetrics, on_the_loop
from ninelives.telemetry.logs.driver import AwslogsDriver
from ninelives.telemetry.logs.intake import Rejected
from ninelives.telemetry.logs.keeping import BYTES_MAX
from ninelives.telemetry.logs.service import Batch, CloudWatchLogs, NoSuchGroup, NoSuchStream
from ninelives.telemetry.logs.store import END_OF_TIME_MS, AlreadyThere, Arrived, LogStore, Stretch
from ninelives.telemetry.logs.subscriptions import Subscriptions

__all__ = [
    "BYTES_MAX",
    "END_OF_TIME_MS",
    "AlreadyThere",
    "Arrived",
    "AwslogsDriver",
    "Batch",
    "CloudWatchLogs",
    "DerivedMetrics",
    "LogStore",
    "NoSuchGroup",
    "NoSuchStream",
    "Rejected",
    "Stretch",
    "Subscriptions",
    "on_the_loop",
]
