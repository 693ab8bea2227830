"""CloudWatch: its operations on the region's metrics and alarms. A file a noun."""

from collections.abc import Mapping
from functools import partial

from ninelives.api.call import Operations
from ninelives.api.cloudwatch import alarms, dashboards, metric_data, tags
from ninelives.api.cloudwatch.handling import CloudWatchHandler
from ninelives.telemetry import CloudWatch

_HANDLERS: Mapping[str, CloudWatchHandler] = {
    **alarms.HANDLERS,
    **dashboards.HANDLERS,
    **metric_data.HANDLERS,
    **tags.HANDLERS,
}


def operations(cloudwatch: CloudWatch) -> Operations:
    """CloudWatch's operations, by name."""
    return {name: partial(handler, cloudwatch) for name, handler in _HANDLERS.items()}


__all__ = ["operations"]
