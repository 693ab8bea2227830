"""Envoy's counters of connections, by the listeners and clusters that they belong to."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from ninelives.region.ports import ConnectionCounts

FIELDS: Final[Mapping[str, str]] = {
    "downstream_cx_active": "active",
    "downstream_cx_total": "opened",
    "upstream_cx_active": "active",
    "upstream_cx_total": "opened",
    "upstream_cx_connect_fail": "failed",
    "ssl.connection_error": "tls_failed",
    "lb_healthy_panic": "failed_open",
}
"""What each counter is. Source: Envoy's documentation, "HTTP connection manager", "Cluster" and "Listener" statistics."""
_COUNTERS: Final = "|".join(map(re.escape, FIELDS))
CONNECTION_STATS: Final = rf"^(http|cluster|listener)\..+\.({_COUNTERS})$"
"""The names of the counters, as a regular expression for the admin interface."""
COUNTER: Final = re.compile(rf"(?:http|cluster|listener)\.(?P<name>.+?)\.(?P<what>{_COUNTERS})")
OURS: Final = re.compile(r"[^/]+/[^/]+|app/[^/]+/[^/]+/[^/]+")


def connection_counts(counters: Mapping[str, int]) -> Mapping[str, ConnectionCounts]:
    """Counts by listener and cluster; Envoy's own (its admin interface, the control plane) are left out.

    >>> connection_counts({"cluster.cats/1.upstream_cx_total": 3, "http.admin.downstream_cx_total": 9})
    {'cats/1': ConnectionCounts(active=0, opened=3, failed=0, tls_failed=0, failed_open=0)}
    """
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for name, value in counters.items():
        counter = COUNTER.fullmatch(name)
        if counter is not None and OURS.fullmatch(counter["name"]):
            found[counter["name"]][FIELDS[counter["what"]]] = value
    return {name: ConnectionCounts(**values) for name, values in found.items()}
