"""Container logs on their way to CloudWatch Logs."""

from ninelives.telemetry.logs import CloudWatchLogs

__all__ = ["CloudWatchLogs"]
