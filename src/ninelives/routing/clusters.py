"""A target group as an Envoy cluster with its endpoints.

Which targets may get requests is said by the endpoint itself, not left to Envoy's panic mode: Envoy's load balancer sees only
endpoints that are *admitted* (a subset by metadata). Not admitted are targets that have never passed a check (ALB: "not in
service until it passes one health check") and draining ones; so the fail-open of a group in which every target is unhealthy
reaches neither of them.

Healthy again: Envoy's ``healthy_threshold`` is 1, because it would ask that many successes of a fresh target too whose very
first check failed, and ALB asks one. ALB's ``HealthyThresholdCount`` for a target that was unhealthy is kept by the data
plane: it marks such an endpoint ``UNHEALTHY`` (``Admission.HELD``: Envoy goes on checking it and sends it nothing) until it
has passed that many checks in a row. If the control plane is dead just then, one success is enough.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from ninelives.model.elbv2 import Target, TargetGroup
from ninelives.model.timing import Timing
from ninelives.routing import grpc_checks
from ninelives.routing.tls import target_socket

Json = dict[str, Any]

TYPE = "type.googleapis.com/envoy"
POLICIES = f"{TYPE}.extensions.load_balancing_policies"
HEALTH_LOG = "health.log"
"""File of health check events, in the directory in which Envoy runs."""
SHORTEST_INTERVAL = timedelta(seconds=0.2)
IDLE_TIMEOUT = timedelta(seconds=60)
UNLIMITED = 1_000_000

ADMITTED: Json = {"filter_metadata": {"envoy.lb": {"admitted": "yes"}}}

SUBSETS: Json = {"fallback_policy": "NO_FALLBACK", "subset_selectors": [{"keys": ["admitted"]}]}
SLOW_START_MIN_PERCENT = 1
ON_CHECKS: Json = {"checks": "yes"}
"""Chooses the transport socket of health checks."""


class Admission(Enum):
    """What a registered target may get."""

    WAITING = "checks only: it has not passed one yet"
    SERVING = "requests, while its checks pass"
    HELD = "checks only: it was unhealthy; requests only where the whole group fails open"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRule:
    """When a target of a group counts as healthy; ``interval`` is in the region's time. ``checked`` is False where health
    checks are off.
    """

    healthy_threshold: int
    unhealthy_threshold: int
    interval: timedelta
    timeout: timedelta
    checked: bool = True
    is_grpc: bool = False
    """Statuses of answers stand for gRPC's (``routing.grpc_checks``)."""


def cluster_name(target_group_arn: str) -> str:
    """Name and id of the target group, e.g. ``cats/6d0ecf831eec9f09``."""
    return target_group_arn.rsplit(":targetgroup/", maxsplit=1)[-1]


def health_rule(group: TargetGroup, timing: Timing) -> HealthRule:
    """Only the interval is policy, and scaled; the timeout is the application's."""
    check = group.health_check
    return HealthRule(
        healthy_threshold=check.healthy_threshold,
        unhealthy_threshold=check.unhealthy_threshold,
        interval=max(SHORTEST_INTERVAL, timing.scaled(check.interval)),
        timeout=check.timeout,
        checked=check.enabled,
        is_grpc=group.protocol_version == "GRPC",
    )


def cluster(group: TargetGroup, timing: Timing, *, registered: int = 0) -> Json:
    """The cluster of a target group, without its endpoints; ``registered`` is how many there are that do not drain."""
    found: Json = {
        "@type": f"{TYPE}.config.cluster.v3.Cluster",
        "name": cluster_name(group.arn),
        "type": "EDS",
        "connect_timeout": "10s",
        "eds_cluster_config": {"eds_config": {"resource_api_version": "V3", "ads": {}}},
        **_algorithm(group),
        # Else a healthy endpoint that is removed stays, and keeps getting requests.
        "ignore_health_on_host_removal": True,
        "common_lb_config": {
            "healthy_panic_threshold": {"value": panic_percent(group, registered)},
            # A failed check counts at once, not up to 1 s later.
            "update_merge_window": "0s",
            # Shows an endpoint that has not been checked yet as such.
            "ignore_new_hosts_until_first_hc": True,
        },
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": UNLIMITED,
                    "max_pending_requests": UNLIMITED,
                    "max_requests": UNLIMITED,
                    "max_retries": UNLIMITED,
                }
            ]
        },
        "metadata": {"filter_metadata": {"ninelives": {"arn": group.arn}}},
        "typed_extension_protocol_options": _protocol(group),
    }
    if group.health_check.enabled:
        found["health_checks"] = [_health_check(group, health_rule(group, timing))]
    if group.protocol == "HTTPS":
        found["transport_socket"] = target_socket(group.protocol_version)
    if group.health_check.enabled and _checks_otherwise(group):
        found["transport_socket_matches"] = [
            {"name": "checks", "match": ON_CHECKS, "transport_socket": _socket_of_checks(group)}
        ]
    return found


def _algorithm(group: TargetGroup) -> Json:
    """ALB's algorithm over the admitted endpoints.

    Least outstanding requests: of all endpoints; Envoy's worker threads share the counts. Weighted random: with equal
    weights; ALB lowers those of anomalous targets only where anomaly mitigation is on, which is recorded only.
    Slow start: the share of an endpoint grows linearly from its first good check on; where all are new, all are equal.
    """
    match group.attributes.get("load_balancing.algorithm.type", "round_robin"):
        case "least_outstanding_requests":
            least = {"@type": f"{POLICIES}.least_request.v3.LeastRequest", "selection_method": "FULL_SCAN"}
            inner = [{"typed_extension_config": {"name": "least_request", "typed_config": least}}]
            subset = {"@type": f"{POLICIES}.subset.v3.Subset", **SUBSETS, "subset_lb_policy": {"policies": inner}}
            return {
                "load_balancing_policy": {"policies": [{"typed_extension_config": {"name": "subset", "typed_config": subset}}]}
            }
        case "weighted_random":
            return {"lb_policy": "RANDOM", "lb_subset_config": SUBSETS}
        case _:
            seconds = int(group.attributes.get("slow_start.duration_seconds", "0"))
            found: Json = {"lb_policy": "ROUND_ROBIN", "lb_subset_config": SUBSETS}
            if seconds:
                slow = {"slow_start_window": f"{seconds}s", "min_weight_percent": {"value": SLOW_START_MIN_PERCENT}}
                found["round_robin_lb_config"] = {"slow_start_config": slow}
            return found


def panic_percent(group: TargetGroup, registered: int) -> int:
    """Below which percentage of healthy endpoints the group fails open; at the defaults, where none of up to 100 is.

    Source: ELB user guide, "Target group health"; ``target_group_health.unhealthy_state_routing.minimum_healthy_targets``.
    """
    prefix = "target_group_health.unhealthy_state_routing.minimum_healthy_targets."
    percentage = group.attributes.get(prefix + "percentage", "off")
    count = int(group.attributes.get(prefix + "count", "1"))
    enough = min(count, registered) - 1
    by_count = 1 if enough < 1 else 100 * enough // registered + 1
    return max(by_count, 0 if percentage == "off" else int(percentage))


def _protocol(group: TargetGroup) -> Json:
    explicit: Json = (
        {"http_protocol_options": {"header_key_format": preserved_header_case()}}
        if group.protocol_version == "HTTP1"
        else {"http2_protocol_options": {}}
    )
    return {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
            "common_http_protocol_options": {
                "idle_timeout": f"{IDLE_TIMEOUT.seconds}s",
                "max_response_headers_kb": 32,
            },
            "explicit_http_config": explicit,
        }
    }


def preserved_header_case() -> Json:
    return {
        "stateful_formatter": {
            "name": "preserve_case",
            "typed_config": {
                "@type": f"{TYPE}.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig"
            },
        }
    }


def _checks_otherwise(group: TargetGroup) -> bool:
    """Whether checks speak TLS where requests do not, or the other way round; those of gRPC go to our own socket, in clear."""
    by_tls = group.protocol_version != "GRPC" and group.health_check.protocol == "HTTPS"
    return by_tls is not (group.protocol == "HTTPS")


def _socket_of_checks(group: TargetGroup) -> Json:
    if group.protocol == "HTTP":
        return target_socket(group.protocol_version)
    raw = f"{TYPE}.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
    return {"name": "raw", "typed_config": {"@type": raw}}


def _health_check(group: TargetGroup, rule: HealthRule) -> Json:
    interval = f"{rule.interval.total_seconds():g}s"
    return {
        "timeout": f"{rule.timeout.total_seconds():g}s",
        "interval": interval,
        # Their default is 60 s.
        "no_traffic_interval": interval,
        "no_traffic_healthy_interval": interval,
        "unhealthy_threshold": rule.unhealthy_threshold,
        "healthy_threshold": 1,
        "reuse_connection": False,
        "always_log_health_check_failures": True,
        **({"transport_socket_match_criteria": ON_CHECKS} if _checks_otherwise(group) else {}),
        **(_grpc_check(group) if group.protocol_version == "GRPC" else _http_check(group)),
        "event_logger": [
            {
                "name": "file",
                "typed_config": {
                    "@type": f"{TYPE}.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink",
                    "event_log_path": HEALTH_LOG,
                },
            }
        ],
    }


def _http_check(group: TargetGroup) -> Json:
    check = group.health_check
    return {
        "http_health_check": {
            "path": check.path,
            "expected_statuses": status_ranges(check.matcher),
            # Else one unexpected status is enough, whatever the threshold says.
            "retriable_statuses": [{"start": 100, "end": 600}],
            "codec_client_type": "HTTP1" if group.protocol_version == "HTTP1" else "HTTP2",
            "request_headers_to_add": [_header("user-agent", "ELB-HealthChecker/2.0")],
        }
    }


def _grpc_check(group: TargetGroup) -> Json:
    """A call of the method with an empty message, by way of the listener that shows gRPC statuses as HTTP's."""
    check = group.health_check
    headers = {"user-agent": "ELB-HealthChecker/2.0", "content-type": "application/grpc", "te": "trailers"}
    if check.protocol == "HTTPS":
        headers[grpc_checks.TLS_HEADER] = "yes"
    first = grpc_checks.FIRST_STATUS
    expected = [{"start": first + one["start"], "end": first + one["end"]} for one in status_ranges(check.matcher)]
    return {
        "http_health_check": {
            "path": check.path,
            "method": "POST",
            "send": {"text": grpc_checks.EMPTY_MESSAGE},
            "expected_statuses": expected,
            "retriable_statuses": [{"start": 100, "end": 600}],
            "codec_client_type": "HTTP2",
            "request_headers_to_add": [_header(name, value) for name, value in headers.items()],
        }
    }


def _header(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def status_ranges(matcher: str) -> list[Json]:
    """A ``Matcher.HttpCode`` as half-open ranges.

    >>> status_ranges("200-299,301")
    [{'start': 200, 'end': 300}, {'start': 301, 'end': 302}]
    """
    found = []
    for part in matcher.split(","):
        first, _, last = part.strip().partition("-")
        found.append({"start": int(first), "end": int(last or first) + 1})
    return found


def assignment(group: TargetGroup, targets: Iterable[Target]) -> Json:
    """The endpoints of a target group; whether they are admitted is the data plane's to add (``admitted``)."""
    ordered = sorted(targets, key=lambda target: (target.id, target.port))
    return {
        "@type": f"{TYPE}.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster_name(group.arn),
        "endpoints": [{"lb_endpoints": [_endpoint(group, target) for target in ordered]}] if ordered else [],
    }


def _endpoint(group: TargetGroup, target: Target) -> Json:
    health_check: Json = {"hostname": f"{target.id}:{target.port}"}
    if group.health_check.port != "traffic-port":
        health_check |= {"hostname": f"{target.id}:{group.health_check.port}", "port_value": int(group.health_check.port)}
    if group.protocol_version == "GRPC":
        health_check = {"hostname": health_check["hostname"], "address": grpc_checks.address()}
    return {
        "endpoint": {
            "address": {"socket_address": {"address": target.id, "port_value": target.port}},
            "health_check_config": health_check,
        },
        "health_status": "UNKNOWN" if target.draining_since is None else "DRAINING",
    }


def endpoint_addresses(assignment: Json) -> list[str]:
    """``ip:port`` of each endpoint, in order."""
    return [address_of(one) for locality in assignment["endpoints"] for one in locality["lb_endpoints"]]


def address_of(endpoint: Json) -> str:
    address = endpoint["endpoint"]["address"]["socket_address"]
    return f"{address['address']}:{address['port_value']}"


def admitted(assignment: Json, admissions: Mapping[str, Admission]) -> Json:
    """``assignment`` with each endpoint admitted as ``admissions`` says by ``ip:port`` (not named: waiting).

    A draining endpoint is never admitted.
    """
    return assignment | {
        "endpoints": [
            {"lb_endpoints": [_admitted(one, admissions) for one in locality["lb_endpoints"]]}
            for locality in assignment["endpoints"]
        ]
    }


def _admitted(endpoint: Json, admissions: Mapping[str, Admission]) -> Json:
    if endpoint["health_status"] == "DRAINING":
        return endpoint
    match admissions.get(address_of(endpoint), Admission.WAITING):
        case Admission.WAITING:
            return endpoint
        case Admission.SERVING:
            return endpoint | {"metadata": ADMITTED}
        case Admission.HELD:
            return endpoint | {"metadata": ADMITTED, "health_status": "UNHEALTHY"}
