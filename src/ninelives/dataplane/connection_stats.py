"""Envoy's counters of connections, by the listeners and clusters that they belong to."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from ninelives.region.ports import ConnectionCounts

CONNECTION_STATS: Final = r"^(http\..+\.downstream_cx_(active|total)|cluster\..+\.upstream_cx_(active|total|connect_fail))$"
"""The names of the counters, as a regular expression for the admin interface."""
COUNTER: Final = re.compile(r"(?:http|cluster)\.(?P<name>.+)\.(?:down|up)stream_cx_(?P<what>active|total|connect_fail)")
OURS: Final = re.compile(r"[^/]+/[^/]+|app/[^/]+/[^/]+/[^/]+")
FIELDS: Final = {"active": "active", "total": "opened", "connect_fail": "failed"}


def connection_counts(counters: Mapping[str, int]) -> Mapping[str, ConnectionCounts]:
    """Counts by listener and cluster; Envoy's own (its admin interface, the control plane) are left out.

    >>> connection_counts({"cluster.cats/1.upstream_cx_total": 3, "http.admin.downstream_cx_total": 9})
    {'cats/1': ConnectionCounts(active=0, opened=3, failed=0)}
    """
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for name, value in counters.items():
        counter = COUNTER.fullmatch(name)
        if counter is not None and OURS.fullmatch(counter["name"]):
            found[counter["name"]][FIELDS[counter["what"]]] = value
    return {name: ConnectionCounts(**values) for name, values in found.items()}
