"""CloudWatch Logs: its operations on the region's log store. A file a noun."""

from collections.abc import Mapping
from functools import partial

from ninelives.api.call import Operations
from ninelives.api.logs import (
    events,
    groups,
    live_tail,
    metric_filters,
    queries,
    resource_policies,
    streams,
    subscription_filters,
    tags,
)
from ninelives.api.logs.handling import LogsHandler
from ninelives.api.logs.takeover import take_over
from ninelives.telemetry.logs import CloudWatchLogs, Subscriptions

_HANDLERS: Mapping[str, LogsHandler] = {
    **groups.HANDLERS,
    **streams.HANDLERS,
    **events.HANDLERS,
    **live_tail.HANDLERS,
    **metric_filters.HANDLERS,
    **resource_policies.HANDLERS,
    **tags.HANDLERS,
}


def operations(logs: CloudWatchLogs, subscriptions: Subscriptions) -> Operations:
    """CloudWatch Logs' operations, by name."""
    return {
        **{name: partial(handler, logs) for name, handler in _HANDLERS.items()},
        **queries.operations(logs),
        **subscription_filters.operations(logs, subscriptions),
    }


__all__ = ["operations", "take_over"]
