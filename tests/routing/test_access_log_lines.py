"""Requests as lines of ALB's access log: the documented examples' form, field by field."""

import re
import shlex
from typing import Any

import pytest

from ninelives.model.elbv2 import Certificate
from ninelives.routing import LoggedListener, log_line

GROUP = "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067"
FIELDS = re.findall(
    r"\S+",
    "type time elb client target request_processing_time target_processing_time response_processing_time elb_status_code"
    " target_status_code received_bytes sent_bytes request user_agent ssl_cipher ssl_protocol target_group_arn trace_id"
    " domain_name chosen_cert_arn matched_rule_priority request_creation_time actions_executed redirect_url error_reason"
    " target_port_list target_status_code_list classification classification_reason conn_trace_id"
    " transformed_host transformed_uri request_transform_status",
)

ENTRY: dict[str, Any] = {
    "listener": "app/my-loadbalancer/50dc6c495c0c9188/f2f7dc8efc522ab2",
    "time": "2018-07-02T22:23:00.186641Z",
    "request_creation_time": "2018-07-02T22:22:48.364000Z",
    "client": "192.168.131.39:2817",
    "target": "10.0.0.1:80",
    "request_processing_us": 86,
    "target_processing_us": 48_400,
    "response_processing_us": 1_037_000,
    "elb_status_code": 200,
    "response_code_details": "via_upstream",
    "received_bytes": 34,
    "sent_bytes": 366,
    "method": "GET",
    "host": "www.example.com",
    "path": "/a?b=c",
    "protocol": "HTTP/1.1",
    "content_type": None,
    "user_agent": "curl/7.46.0",
    "tls_cipher": None,
    "tls_version": None,
    "server_name": None,
    "target_group_arn": GROUP,
    "trace_id": "Root=1-58337262-36d228ad5d99923122bbe354",
    "matched_rule_priority": "0",
    "actions_executed": "forward",
    "redirect_url": None,
    "connection": 7,
}
PLAIN = LoggedListener(load_balancer="app/my-loadbalancer/50dc6c495c0c9188", address="127.1.2.3", protocol="HTTP", port=80)
TLS = LoggedListener(
    load_balancer=PLAIN.load_balancer,
    address="127.1.2.3",
    protocol="HTTPS",
    port=443,
    certificates=[
        Certificate(arn="arn:default", chain="", private_key="", names=("default.test",)),
        Certificate(arn="arn:example", chain="", private_key="", names=("*.example.com",)),
    ],
)
HANDSHAKE = {"tls_cipher": "ECDHE-RSA-AES128-GCM-SHA256", "tls_version": "TLSv1.2", "server_name": "www.example.com"}


def told(listener: LoggedListener = PLAIN, **changed: Any) -> dict[str, str]:
    line = log_line(ENTRY | changed, listener)
    return dict(zip(FIELDS, shlex.split(line.replace("\\", "\\\\")), strict=True))


def test_a_request_that_a_target_has_answered_is_a_line_of_albs_form() -> None:
    line = log_line(ENTRY, PLAIN)

    expected = (
        "http 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80"
        ' 0.000 0.048 1.037 200 200 34 366 "GET http://www.example.com:80/a?b=c HTTP/1.1" "curl/7.46.0" - -'
        f' {GROUP} "Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2018-07-02T22:22:48.364000Z "forward" "-" "-"'
        ' "10.0.0.1:80" "200" "-" "-" TID_'
    )
    assert line.startswith(expected)
    assert re.fullmatch('[0-9a-f]{32} "-" "-" "-"', line.removeprefix(expected))


@pytest.mark.parametrize(
    ("listener", "changed", "expected"),
    [
        (TLS, HANDSHAKE, "https"),
        (TLS, HANDSHAKE | {"protocol": "HTTP/2"}, "h2"),
        (TLS, HANDSHAKE | {"protocol": "HTTP/2", "content_type": "application/grpc+proto"}, "grpcs"),
        (TLS, HANDSHAKE | {"elb_status_code": 101}, "wss"),
        (PLAIN, {"elb_status_code": 101}, "ws"),
        (PLAIN, {}, "http"),
    ],
)
def test_types(listener: LoggedListener, changed: dict[str, Any], expected: str) -> None:
    assert expected == told(listener, **changed)["type"]


def test_tls_is_told_with_the_name_and_the_certificate() -> None:
    found = told(TLS, **HANDSHAKE, protocol="HTTP/2")

    assert ("ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2") == (found["ssl_cipher"], found["ssl_protocol"])
    assert ("www.example.com", "arn:example") == (found["domain_name"], found["chosen_cert_arn"])
    assert "GET https://www.example.com:443/a?b=c HTTP/2.0" == found["request"]
    assert ("-", "arn:default") == tuple(told(TLS)[one] for one in ("domain_name", "chosen_cert_arn"))


FAILED = {"response_code_details": "upstream_reset_before_response_started{connection_termination}", "elb_status_code": 502}
NO_TARGET = {"target": None, "target_group_arn": None, "target_processing_us": None, "response_processing_us": None}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (FAILED,
         {"elb_status_code": "502", "target_status_code": "-", "target": "10.0.0.1:80", "target_processing_time": "-1"}),
        ({"elb_status_code": 0, "response_code_details": "downstream_remote_disconnect"},
         {"elb_status_code": "460", "target_status_code": "-", "target_status_code_list": "-"}),
        ({"elb_status_code": 503, "response_code_details": "no_healthy_upstream", **NO_TARGET},
         {"target": "-", "target_port_list": "-", "request_processing_time": "-1", "target_group_arn": "-"}),
        ({"elb_status_code": 301, "response_code_details": "direct_response", "actions_executed": "redirect",
          "redirect_url": "https://www.example.com:443/", "matched_rule_priority": "7", **NO_TARGET},
         {"redirect_url": "https://www.example.com:443/", "actions_executed": "redirect", "matched_rule_priority": "7"}),
        ({"elb_status_code": 302, "redirect_url": "/login"}, {"redirect_url": "-", "target_status_code": "302"}),
        ({"response_code_details": "upstream_reset_after_response_started{protocol_error}"}, {"target_status_code": "200"}),
        ({"method": None, "path": None, "host": None, "elb_status_code": 400, "response_code_details": "http1.codec_error"},
         {"request": "- http://127.1.2.3:80- -", "elb_status_code": "400"}),
        ({"user_agent": 'a "b" \\ é\n'}, {"user_agent": r"a \x22b\x22 \x5C \xC3\xA9\x0A"}),
        ({"path": "/rewritten", "original_path": "/as/it?came"},
         {"request": "GET http://www.example.com:80/as/it?came HTTP/1.1", "transformed_host": "-",
          "transformed_uri": "/rewritten", "request_transform_status": "TransformSuccess"}),
        ({"host": "internal.test", "original_host": "www.example.com"},
         {"request": "GET http://www.example.com:80/a?b=c HTTP/1.1", "transformed_host": "internal.test",
          "transformed_uri": "-", "request_transform_status": "TransformSuccess"}),
        ({"user_agent": None, "trace_id": None}, {"user_agent": "-", "trace_id": "-"}),
    ],
)  # fmt: skip
def test_what_else_happens_to_a_request(changed: dict[str, Any], expected: dict[str, str]) -> None:
    found = told(**changed)

    assert expected == {name: found[name] for name in expected}


def test_requests_of_a_connection_bear_one_id_and_others_another() -> None:
    assert told()["conn_trace_id"] == told(path="/other")["conn_trace_id"]
    assert told()["conn_trace_id"] != told(connection=8)["conn_trace_id"]
