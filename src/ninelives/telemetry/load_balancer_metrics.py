"""AWS/ApplicationELB: what the load balancers' requests, connections and targets amount to.

Requests are counted by the access log, each in the minute in which it ended; connections by the proxy's counters, and targets
by their health, as they are seen now and then.
Source: "CloudWatch metrics for your Application Load Balancer", ELB user guide.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ninelives.model.metrics import Metric
from ninelives.monitoring import of_values, period_start
from ninelives.region.measurements import NO_ZONE, TargetGroupFacts
from ninelives.region.ports import ConnectionCounts
from ninelives.telemetry.metric_store import MetricStore
from ninelives.telemetry.told import Told
from ninelives.telemetry.totals import Totals

NAMESPACE: Final = "AWS/ApplicationELB"
Entry = Mapping[str, Any]

TO_THE_TENTH: Final = len("2026-11-27T03:00:05.1")
"""How much of a time is looked at: requests of the same tenth of a second are of the same minute."""
CLIENT_LEFT: Final = 460
"""ALB's own code for a client that closed the connection before an answer; the log has 0."""
FROM_TARGET: Final = ("via_upstream", "upstream_reset_after_response_started")
"""How details begin where the answer's code is the target's."""
GRPC: Final = "application/grpc"
NAMED_FAULTS: Final = frozenset({500, 502, 503, 504})

OF_LOAD_BALANCER: Final = (("LoadBalancer",), ("AvailabilityZone", "LoadBalancer"))
OF_TARGETS: Final = (("LoadBalancer", "TargetGroup"), ("AvailabilityZone", "LoadBalancer", "TargetGroup"))
EVERYWHERE: Final = OF_LOAD_BALANCER + OF_TARGETS
PER_TARGET: Final = (("TargetGroup",), *OF_TARGETS)


def _elb_code(code: str) -> Told:
    return Told(f"answers with {code} that the load balancer made itself", OF_LOAD_BALANCER)


def _target_code(code: str) -> Told:
    return Told(f"answers with {code} of targets", EVERYWHERE)


TOLD: Final[Mapping[str, Told]] = {
    "ActiveConnectionCount": Told("open connections of clients and to targets at the end of the minute", (("LoadBalancer",),)),
    **{f"HTTPCode_ELB_{code}_Count": _elb_code(code) for code in ("3XX", "4XX", "5XX", "500", "502", "503", "504")},
    **{f"HTTPCode_Target_{code}_Count": _target_code(code) for code in ("2XX", "3XX", "4XX", "5XX")},
    "ClientTLSNegotiationErrorCount": Told(
        "TLS handshakes of clients that ended with an error; not those that a client broke off without a word",
        OF_LOAD_BALANCER,
    ),
    "GrpcRequestCount": Told("gRPC requests, by their content type", EVERYWHERE),
    "HTTP_Fixed_Response_Count": Told("fixed responses", OF_LOAD_BALANCER),
    "HTTP_Redirect_Count": Told("redirects", OF_LOAD_BALANCER),
    "HealthyHostCount": Told("targets that are `healthy`, at each tick; in their own zone where they have one", OF_TARGETS),
    "HealthyStateRouting": Told("1 while enough targets are healthy for requests to go to those alone, else 0", OF_TARGETS),
    "NewConnectionCount": Told("connections of clients and to targets that were opened", (("LoadBalancer",),)),
    "ProcessedBytes": Told("bytes of requests and answers", OF_LOAD_BALANCER, "Bytes"),
    "RequestCount": Told("requests for which a target was chosen", EVERYWHERE),
    "RequestCountPerTarget": Told("the same, by the number of healthy targets; only `Sum` means something", PER_TARGET),
    "RuleEvaluations": Told(
        "rules that were looked at until one matched, by their order; without default rules", (("LoadBalancer",),)
    ),
    "TargetConnectionErrorCount": Told("connections to targets that were refused or not answered", EVERYWHERE),
    "TargetResponseTime": Told(
        "from a request's last step to its target until the first byte of the answer", EVERYWHERE, "Seconds"
    ),
    "TargetTLSNegotiationErrorCount": Told("TLS handshakes with targets that ended with an error", EVERYWHERE),
    "UnhealthyRoutingRequestCount": Told("requests that were sent to any target, because too few are healthy", OF_TARGETS),
    "UnhealthyStateRouting": Told("the opposite of `HealthyStateRouting`", OF_TARGETS),
    "UnHealthyHostCount": Told("targets that are `unhealthy`, at each tick", OF_TARGETS),
}
"""Counts are told only where they are not zero, as ELB does; the counts of targets also where they are."""

_NO_FIELD = "Envoy does not tell"
_NOT_SERVED = "the region does not serve what it counts"
_NO_DNS = "one node stands for all zones, and no DNS is asked"

NOT_MEASURED: Final[Mapping[str, str]] = {
    "ConsumedLCUs": "how a minute's units are reckoned is not documented",
    "PeakLCUs": "how a minute's units are reckoned is not documented",
    "AnomalousHostCount": "Envoy balances without anomaly detection",
    "MitigatedHostCount": "Envoy balances without anomaly detection",
    "BYoIPUtilPercentage": _NOT_SERVED,
    "DesyncMitigationMode_NonCompliant_Request_Count": _NO_FIELD,
    "DroppedInvalidHeaderRequestCount": _NO_FIELD,
    "ForwardedInvalidHeaderRequestCount": _NO_FIELD,
    "ELBAuthError": _NOT_SERVED,
    "ELBAuthFailure": _NOT_SERVED,
    "ELBAuthLatency": _NOT_SERVED,
    "ELBAuthRefreshTokenSuccess": _NOT_SERVED,
    "ELBAuthSuccess": _NOT_SERVED,
    "ELBAuthUserClaimsSizeExceeded": _NOT_SERVED,
    "LambdaInternalError": _NOT_SERVED,
    "LambdaTargetProcessedBytes": _NOT_SERVED,
    "LambdaUserError": _NOT_SERVED,
    "StandardProcessedBytes": _NOT_SERVED,
    "HTTP_Redirect_Url_Limit_Exceeded_Count": _NO_FIELD,
    "IPv6ProcessedBytes": "listeners are bound to IPv4 addresses",
    "IPv6RequestCount": "listeners are bound to IPv4 addresses",
    "NonStickyRequestCount": _NO_FIELD,
    "LowReputationPacketsDropped": _NOT_SERVED,
    "LowReputationRequestsDenied": _NOT_SERVED,
    "HealthyStateDNS": _NO_DNS,
    "UnhealthyStateDNS": _NO_DNS,
    "ZonalShiftedHostCount": _NO_DNS,
    "RejectedConnectionCount": "the number of connections has no bound",
}
"""What CloudWatch tells in AWS/ApplicationELB and the region does not, and why."""


@dataclass(slots=True)
class Tally:
    """Requests of one minute to one target group (None: none was chosen) of one load balancer."""

    counts: Counter[str] = field(default_factory=Counter)
    response_times: list[float] = field(default_factory=list)
    processed_bytes: float = 0.0
    matched: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often each rule matched, by listener and priority; the default rule's is 0."""


Place = tuple[datetime, str, str | None]
"""Minute, load balancer and target group, as dimensions name them."""


def tallied(entries: Iterable[Entry], minute_of: Callable[[datetime], datetime]) -> Mapping[Place, Tally]:
    """What requests of the access log count for."""
    found: dict[tuple[str, str, str | None, str | None], list[Entry]] = defaultdict(list)
    for entry in entries:
        arn, priority = entry.get("target_group_arn"), entry.get("matched_rule_priority")
        found[entry["time"][:TO_THE_TENTH], entry["listener"], arn, priority].append(entry)
    whole: dict[Place, Tally] = defaultdict(Tally)
    for (moment, listener, arn, priority), same in found.items():
        minute = minute_of(datetime.fromisoformat(f"{moment}+00:00"))
        tally = whole[minute, listener.rpartition("/")[0], arn.rpartition(":")[2] if arn else None]
        for entry in same:
            _count(entry, tally)
        if priority is not None:
            tally.matched[listener, int(priority)] += len(same)
    return whole


def _count(entry: Entry, tally: Tally) -> None:
    code = int(entry["elb_status_code"] or CLIENT_LEFT)
    if entry.get("target"):
        tally.counts["RequestCount"] += 1
    content_type = entry.get("content_type")
    if content_type and content_type.startswith(GRPC):
        tally.counts["GrpcRequestCount"] += 1
    if str(entry.get("response_code_details") or "").startswith(FROM_TARGET):
        tally.counts[f"HTTPCode_Target_{code // 100}XX_Count"] += 1
        if entry.get("target_processing_us") is not None:
            tally.response_times.append(entry["target_processing_us"] / 1e6)
    else:
        tally.counts[f"HTTPCode_ELB_{code // 100}XX_Count"] += 1
        if code in NAMED_FAULTS:
            tally.counts[f"HTTPCode_ELB_{code}_Count"] += 1
        match entry.get("actions_executed"):
            case "fixed-response":
                tally.counts["HTTP_Fixed_Response_Count"] += 1
            case "redirect":
                tally.counts["HTTP_Redirect_Count"] += 1
            case _:
                pass
    tally.processed_bytes += (entry.get("received_bytes") or 0) + (entry.get("sent_bytes") or 0)


class LoadBalancerMetrics:
    """Puts AWS/ApplicationELB into the store; ``target_groups``, ``zones`` and ``rules`` (priorities by listener) answer
    what is there now.
    """

    def __init__(
        self,
        store: MetricStore,
        *,
        target_groups: Callable[[], Sequence[TargetGroupFacts]],
        zones: Callable[[], Mapping[str, str]],
        rules: Callable[[], Mapping[str, Sequence[int]]] = dict,
        totals: Totals | None = None,
    ) -> None:
        self._store = store
        self._rules = rules
        self._totals = totals or Totals()
        self._target_groups = target_groups
        self._zones = zones
        self._opened: dict[str, ConnectionCounts] = {}
        """What the proxy's counters were when they were last read, by listener and target group."""

    def observe(self, entries: Sequence[Entry]) -> None:
        """Take requests that have ended, as the data plane tells them."""
        zones = self._zones()
        healthy = {
            (one.load_balancer, one.target_group): sum(one.healthy.values()) or one.registered for one in self._target_groups()
        }
        rules = self._rules()
        for (minute, balancer, group), tally in tallied(entries, self._minute_of).items():
            if balancer not in zones:
                continue
            self._add_up(balancer, group, tally)
            place = _dimensions(zones[balancer], balancer, group)
            for name, count in tally.counts.items():
                if name in TOLD:
                    self._put(minute, name, place, [1.0], [count])
            requests = tally.counts["RequestCount"]
            targets = healthy.get((balancer, group or ""), 0)
            if requests and targets:
                self._put(minute, "RequestCountPerTarget", place, [1 / targets], [requests])
            evaluated = sum(count * _position(rules.get(name, ()), rank) for (name, rank), count in tally.matched.items())
            self._put(minute, "RuleEvaluations", place, [float(evaluated)] if evaluated else [])
            self._put(minute, "TargetResponseTime", place, tally.response_times)
            self._put(minute, "ProcessedBytes", place, [tally.processed_bytes] if tally.processed_bytes else [])

    def _add_up(self, balancer: str, group: str | None, tally: Tally) -> None:
        totals = self._totals.requests[balancer, group]
        totals.counts.update(tally.counts)
        totals.response_times.add(tally.response_times)
        totals.processed_bytes += tally.processed_bytes

    def _minute_of(self, at: datetime) -> datetime:
        return period_start(at, self._store.minute)

    def sample_targets(self, at: datetime) -> None:
        """Look at the health of all targets. Groups without any are not told of."""
        for one in (one for one in self._target_groups() if one.registered):
            for name, by_zone in (("HealthyHostCount", one.healthy), ("UnHealthyHostCount", one.unhealthy)):
                whole = {"LoadBalancer": one.load_balancer, "TargetGroup": one.target_group}
                self._put(at, name, whole, [float(sum(by_zone.values()))])
                for zone in one.healthy.keys() | one.unhealthy.keys():
                    self._put_in_zone(at, name, {**whole, "AvailabilityZone": zone}, float(by_zone.get(zone, 0)))

            home = _dimensions(self._zones().get(one.load_balancer, NO_ZONE), one.load_balancer, one.target_group)
            self._put(at, "HealthyStateRouting", home, [0.0 if one.fails_open else 1.0])
            self._put(at, "UnhealthyStateRouting", home, [1.0 if one.fails_open else 0.0])

    def sample_connections(self, at: datetime, counts: Mapping[str, ConnectionCounts]) -> None:
        """Take the proxy's connections, by the name of listener (``app/…``) or Envoy's cluster (``NAME/ID``)."""
        zones = self._zones()
        for balancer, listeners in _by_load_balancer(counts).items():
            if balancer not in zones:
                continue
            groups = [one.target_group for one in self._target_groups() if one.load_balancer == balancer]
            clusters = {group: group.removeprefix("targetgroup/") for group in groups}
            involved = [*listeners, *(name for name in clusters.values() if name in counts)]
            place = _dimensions(zones[balancer], balancer, None)
            active = sum(counts[name].active for name in involved)
            opened = sum(self._since(counts, name).opened for name in involved)
            self._put(at, "ActiveConnectionCount", place, [float(active)] if active else [])
            self._put(at, "NewConnectionCount", place, [float(opened)] if opened else [])
            refused = sum(self._since(counts, name).tls_failed for name in listeners)
            self._put_count(at, "ClientTLSNegotiationErrorCount", place, refused)
            for group, name in clusters.items():
                if name in counts:
                    since = self._since(counts, name)
                    of_group = _dimensions(zones[balancer], balancer, group)
                    self._put_count(at, "TargetConnectionErrorCount", of_group, since.failed)
                    self._put_count(at, "TargetTLSNegotiationErrorCount", of_group, since.tls_failed)
                    self._put_count(at, "UnhealthyRoutingRequestCount", of_group, since.failed_open)
        self._opened = dict(counts)

    def _since(self, counts: Mapping[str, ConnectionCounts], name: str) -> ConnectionCounts:
        """What was added since the last reading; all of it where the counters began anew, none at the first reading."""
        now, before = counts[name], self._opened.get(name)
        if before is None:
            return ConnectionCounts(active=now.active)
        if now.opened < before.opened:
            return now
        return ConnectionCounts(
            active=now.active,
            opened=now.opened - before.opened,
            failed=max(0, now.failed - before.failed),
            tls_failed=max(0, now.tls_failed - before.tls_failed),
            failed_open=max(0, now.failed_open - before.failed_open),
        )

    def _put_count(self, at: datetime, name: str, place: Mapping[str, str], count: int) -> None:
        if count:
            self._put(at, name, place, [1.0], [count])

    def _put_in_zone(self, at: datetime, name: str, place: Mapping[str, str], value: float) -> None:
        distribution = of_values([value])
        assert distribution is not None
        self._store.put(Metric.of(NAMESPACE, name, place), distribution, at=at, unit="Count")

    def _put(
        self,
        at: datetime,
        name: str,
        place: Mapping[str, str],
        values: Sequence[float],
        counts: Sequence[float] | None = None,
    ) -> None:
        """Under each combination of dimensions that the metric has, and for which ``place`` has values."""
        distribution = of_values(values, counts)
        if distribution is None:
            return
        for dimensions in TOLD[name].dimensions:
            if all(one in place for one in dimensions):
                metric = Metric.of(NAMESPACE, name, {one: place[one] for one in dimensions})
                self._store.put(metric, distribution, at=at, unit=TOLD[name].unit)


def _position(priorities: Sequence[int], matched: int) -> int:
    """How many rules were looked at until the one of that priority matched; all of them before the default rule (0).

    >>> [_position([1, 5, 9], matched) for matched in (1, 9, 0)]
    [1, 3, 3]
    """
    return bisect_right(priorities, matched) if matched else len(priorities)


def _dimensions(zone: str, balancer: str, group: str | None) -> dict[str, str]:
    place = {"LoadBalancer": balancer}
    if zone != NO_ZONE:
        place["AvailabilityZone"] = zone
    if group is not None:
        place["TargetGroup"] = group
    return place


def _by_load_balancer(counts: Mapping[str, ConnectionCounts]) -> Mapping[str, list[str]]:
    """The listeners' names by load balancer."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in _listeners(counts):
        found[name.rpartition("/")[0]].append(name)
    return found


def _listeners(names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if name.count("/") == 3)  # noqa: PLR2004 app/NAME/ID/ID; a cluster is NAME/ID
