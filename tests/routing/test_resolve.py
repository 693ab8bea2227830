"""From ELB records to one Envoy snapshot: tables, and the laws that every snapshot keeps."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.model.elbv2 import (
    Action,
    Condition,
    FixedResponse,
    Forward,
    Listener,
    LoadBalancer,
    Redirect,
    Rule,
    Target,
    TargetGroup,
    TargetHealthCheck,
    WeightedTargetGroup,
)
from ninelives.model.timing import Timing
from ninelives.routing import Admission, EnvoySnapshot, admitted, resolve
from ninelives.routing.actions import refusals
from ninelives.routing.clusters import ADMITTED, status_ranges

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ELB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
BALANCER = LoadBalancer(
    arn=f"{ELB}:loadbalancer/app/web/1",
    name="web",
    dns_name="127.1.2.3",
    address="127.1.2.3",
    scheme="internal",
    vpc_id="vpc-1",
    zones=(),
    security_groups=(),
    created_at=NOW,
)
LISTENER = Listener(
    arn=f"{ELB}:listener/app/web/1/2", load_balancer_arn=BALANCER.arn, port=80, bound_port=8080, protocol="HTTP"
)


def group(name: str, **fields: Any) -> TargetGroup:
    known: dict[str, Any] = {
        "arn": f"{ELB}:targetgroup/{name}/1",
        "name": name,
        "protocol": "HTTP",
        "port": 80,
        "vpc_id": "vpc-1",
        "target_type": "ip",
        "protocol_version": "HTTP1",
        "health_check": TargetHealthCheck(),
        "created_at": NOW,
    }
    return TargetGroup(**(known | fields))


def forward(*weights: tuple[str, int]) -> Forward:
    return Forward(target_groups=tuple(WeightedTargetGroup(arn=group(name).arn, weight=weight) for name, weight in weights))


def rule(action: Action, *conditions: Condition, priority: int | None = None, listener: Listener = LISTENER) -> Rule:
    arn = f"{listener.arn}/{priority}"
    return Rule(arn=arn, listener_arn=listener.arn, priority=priority, conditions=conditions, action=action)


def target(name: str, port: int, *, drains: bool = False) -> Target:
    since = NOW if drains else None
    return Target(target_group_arn=group(name).arn, id="10.0.0.1", port=port, registered_at=NOW, draining_since=since)


def resolved(*rules: Rule, **records: Any) -> EnvoySnapshot:
    known: dict[str, Any] = {
        "load_balancers": [BALANCER],
        "listeners": [LISTENER],
        "rules": rules,
        "target_groups": [group("web"), group("green")],
        "targets": [],
        "timing": Timing(),
    }
    return resolve(**(known | records))


def routes(snapshot: EnvoySnapshot) -> list[dict[str, Any]]:
    """The routes of the rules, without those of what is refused before any rule."""
    [configuration] = snapshot.routes.values()
    [host] = configuration["virtual_hosts"]
    found: list[dict[str, Any]] = host["routes"]
    return found[len(refusals()) :]


def clusters_named(snapshot: EnvoySnapshot) -> Iterator[str]:
    for configuration in snapshot.routes.values():
        for host in configuration["virtual_hosts"]:
            for route in host["routes"]:
                action = route.get("route", {})
                if "cluster" in action:
                    yield action["cluster"]
                yield from (one["name"] for one in action.get("weighted_clusters", {}).get("clusters", ()))


def test_rules_come_in_order_of_priority_and_the_default_last() -> None:
    snapshot = resolved(
        rule(FixedResponse(status_code=200)),
        rule(FixedResponse(status_code=203), Condition(field="path-pattern", values=("/c",)), priority=50000),
        rule(FixedResponse(status_code=202), Condition(field="path-pattern", values=("/b",)), priority=9),
        rule(FixedResponse(status_code=201), Condition(field="path-pattern", values=("/a",)), priority=1),
    )

    assert [201, 202, 203, 200] == [route["direct_response"]["status"] for route in routes(snapshot)]
    assert {"prefix": "/"} == routes(snapshot)[-1]["match"]


def test_a_listener_is_bound_where_the_records_say_and_does_not_change_with_its_rules() -> None:
    one, other = resolved(rule(forward(("web", 1)))), resolved(rule(FixedResponse(status_code=404)))

    assert one.listeners == other.listeners
    [listener] = one.listeners.values()
    assert {"socket_address": {"address": "127.1.2.3", "port_value": 8080}} == listener["address"]
    assert one.routes.keys() == one.listeners.keys()


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (forward(("web", 1)), {"web/1": None}),
        (forward(("web", 500)), {"web/1": None}),
        (forward(("web", 1), ("green", 0)), {"web/1": None}),
        (forward(("web", 1), ("green", 3)), {"web/1": 1, "green/1": 3}),
        (forward(("web", 1), ("web", 2), ("green", 3)), {"web/1": 3, "green/1": 3}),
        (forward(("web", 0), ("green", 0)), 503),
        (forward(("gone", 1)), 503),
        (forward(("gone", 1), ("web", 1)), {"web/1": None}),
    ],
)
def test_forward(action: Forward, expected: object) -> None:
    [route] = routes(resolved(rule(action)))
    found: object
    if "direct_response" in route:
        found = route["direct_response"]["status"]
    else:
        assert "0s" == route["route"]["timeout"]
        assert "60s" == route["route"]["idle_timeout"]
        assert ADMITTED == route["route"]["metadata_match"]
        assert "retry_policy" not in route["route"]
        shares = route["route"].get("weighted_clusters", {}).get("clusters")
        found = {one["name"]: one["weight"] for one in shares} if shares else {route["route"]["cluster"]: None}

    assert expected == found


def test_a_redirect_with_the_query_string_is_two_routes_because_it_may_be_empty() -> None:
    both = routes(resolved(rule(Redirect(status_code=301, protocol="HTTPS", port="443"))))
    one = routes(resolved(rule(Redirect(status_code=302, query="a=50%"))))

    assert ["?" in route["response_headers_to_add"][0]["header"]["value"] for route in both] == [True, False]
    assert "headers" in both[0]["match"]
    assert "headers" not in both[1]["match"]
    assert one[0]["response_headers_to_add"][0]["header"]["value"].endswith("?a=50%%")


def test_only_groups_that_a_listener_uses_are_known_to_envoy() -> None:
    snapshot = resolved(
        rule(forward(("web", 0), ("green", 1))),
        target_groups=[group("web"), group("green"), group("idle")],
        targets=[target("web", 1), target("idle", 2)],
    )

    assert {"web/1", "green/1"} == snapshot.clusters.keys() == snapshot.endpoints.keys()
    assert {target("web", 1).target_key: ("web/1", "10.0.0.1:1")} == snapshot.targets
    assert {target("idle", 2).target_key} == snapshot.unused


def test_listeners_that_cannot_be_served_leave_their_groups_unused() -> None:
    snapshot = resolved(rule(forward(("web", 1))), listeners=[replace(LISTENER, protocol="HTTPS")], targets=[target("web", 1)])

    assert {} == snapshot.listeners == snapshot.routes == snapshot.clusters
    assert {target("web", 1).target_key} == snapshot.unused
    assert {} == resolved(rule(forward(("web", 1))), load_balancers=[]).listeners


def test_health_checks_are_scaled_in_their_interval_only() -> None:
    check = TargetHealthCheck(interval=timedelta(seconds=30), timeout=timedelta(seconds=5), healthy_threshold=5)
    groups = [group("web", health_check=check)]

    def found(time_scale: float) -> tuple[str, str, int, int]:
        one = resolved(rule(forward(("web", 1))), target_groups=groups, timing=Timing(time_scale=time_scale))
        [health_check] = one.clusters["web/1"]["health_checks"]
        return tuple(health_check[name] for name in ("interval", "timeout", "healthy_threshold", "unhealthy_threshold"))

    assert ("30s", "5s", 1, 2) == found(1)
    assert ("3s", "5s", 1, 2) == found(10)
    assert ("0.2s", "5s", 1, 2) == found(1000)
    assert 5 == resolved(rule(forward(("web", 1))), target_groups=groups).health_rules["web/1"].healthy_threshold


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        ("200", [(200, 201)]),
        ("200-299", [(200, 300)]),
        ("200-299,301", [(200, 300), (301, 302)]),
        ("200, 404", [(200, 201), (404, 405)]),
    ],
)
def test_matchers_are_half_open_ranges(matcher: str, expected: list[tuple[int, int]]) -> None:
    assert expected == [(one["start"], one["end"]) for one in status_ranges(matcher)]


def test_the_health_check_port_is_the_targets_own_unless_named() -> None:
    named = group("web", health_check=TargetHealthCheck(port="9000"))
    records = {"targets": [target("web", 1)]}
    plain = resolved(rule(forward(("web", 1))), **records).endpoints["web/1"]
    other = resolved(rule(forward(("web", 1))), target_groups=[named], **records).endpoints["web/1"]

    def check(assignment: Any) -> Any:
        return assignment["endpoints"][0]["lb_endpoints"][0]["endpoint"]["health_check_config"]

    assert {"hostname": "10.0.0.1:1"} == check(plain)
    assert {"hostname": "10.0.0.1:9000", "port_value": 9000} == check(other)


def test_only_admitted_endpoints_get_requests_and_draining_ones_never() -> None:
    targets = [target("web", 1), target("web", 2), target("web", 3), target("web", 4, drains=True)]
    assignment = resolved(rule(forward(("web", 1))), targets=targets).endpoints["web/1"]

    serving, held = Admission.SERVING, Admission.HELD
    known = {"10.0.0.1:1": serving, "10.0.0.1:2": held, "10.0.0.1:4": serving}
    [locality] = admitted(assignment, known)["endpoints"]

    assert [(True, "UNKNOWN"), (True, "UNHEALTHY"), (False, "UNKNOWN"), (False, "DRAINING")] == [
        (one.get("metadata") == ADMITTED, one["health_status"]) for one in locality["lb_endpoints"]
    ]


def test_the_idle_timeout_and_forwarded_headers_follow_the_load_balancers_attributes() -> None:
    attributes = {"idle_timeout.timeout_seconds": "120", "routing.http.xff_header_processing.mode": "remove"}
    snapshot = resolved(rule(forward(("web", 1))), load_balancers=[replace(BALANCER, attributes=attributes)])

    assert "120s" == routes(snapshot)[0]["route"]["idle_timeout"]
    [configuration] = snapshot.routes.values()
    assert "x-forwarded-for" in configuration["request_headers_to_remove"]
    [listener] = snapshot.listeners.values()
    connections = listener["filter_chains"][0]["filters"][-1]["typed_config"]
    assert "120s" == connections["common_http_protocol_options"]["idle_timeout"]


NAMES = st.sampled_from(["web", "green", "idle", "gone"])
ACTIONS = st.one_of(
    st.lists(st.tuples(NAMES, st.integers(0, 999)), min_size=1, max_size=5).map(lambda weights: forward(*weights)),
    st.just(FixedResponse(status_code=200)),
    st.just(Redirect(status_code=301)),
)


@given(
    actions=st.lists(st.tuples(st.integers(1, 50000) | st.none(), ACTIONS), max_size=6),
    groups=st.sets(st.sampled_from(["web", "green", "idle"])),
    targets=st.lists(st.tuples(NAMES, st.integers(1, 5), st.booleans())),
)
def test_every_snapshot_is_consistent(
    actions: list[tuple[int | None, Action]], groups: set[str], targets: list[tuple[str, int, bool]]
) -> None:
    snapshot = resolved(
        *(rule(action, priority=priority) for priority, action in actions),
        target_groups=[group(name) for name in groups],
        targets=[target(name, port, drains=drains) for name, port, drains in targets],
    )

    assert set(clusters_named(snapshot)) <= snapshot.clusters.keys()
    assert snapshot.clusters.keys() == snapshot.endpoints.keys() == snapshot.health_rules.keys()
    assert snapshot.listeners.keys() == snapshot.routes.keys()
    assert {cluster for cluster, _ in snapshot.targets.values()} <= snapshot.clusters.keys()
    assert snapshot.unused.isdisjoint(snapshot.targets)
    for configuration in snapshot.routes.values():
        for route in configuration["virtual_hosts"][0]["routes"]:
            shares = route.get("route", {}).get("weighted_clusters", {}).get("clusters")
            assert shares is None or sum(one["weight"] for one in shares) > 0
