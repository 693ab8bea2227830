"""Access logs as they are written are read again, by this tool and by Athena's regular expression; what is wanted is found."""

import gzip
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from fake_account import ARN, FILE
from hypothesis import given
from hypothesis import strategies as st

from ninelives.deploy.aws import Aws
from ninelives.deploy.errors import DeployError, NotFound
from ninelives.insight.access_logs import (
    FIELDS,
    EntryInvalid,
    LogPlace,
    Wanted,
    find_log_place,
    plain,
    read_entries,
    read_entry,
    read_statuses,
    summed_up,
)
from ninelives.monitoring.filter_patterns import read_pattern
from ninelives.routing import LoggedListener, log_line

ATHENA: Final = re.compile(
    r"([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*):([0-9]*) ([^ ]*)[:-]([0-9]*) ([-.0-9]*) ([-.0-9]*) ([-.0-9]*) (|[-0-9]*) (-|[-0-9]*)"
    r' ([-0-9]*) ([-0-9]*) "([^ ]*) (.*) (- |[^ ]*)" "([^"]*)" ([A-Z0-9-_]+) ([A-Za-z0-9.-]*) ([^ ]*) "([^"]*)" "([^"]*)"'
    r' "([^"]*)" ([-.0-9]*) ([^ ]*) "([^"]*)" "([^"]*)" "([^ ]*)" "([^\s]+?)" "([^\s]+)" "([^ ]*)" "([^ ]*)" ?([^ ]*)? ?( .*)?'
)
"""`input.regex` of the table that Athena's user guide makes for ALB's access logs."""
COLUMNS: Final = [
    "type",
    "time",
    "elb",
    "client_ip",
    "client_port",
    "target_ip",
    "target_port",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "elb_status_code",
    "target_status_code",
    "received_bytes",
    "sent_bytes",
    "request_verb",
    "request_url",
    "request_proto",
    "user_agent",
    "ssl_cipher",
    "ssl_protocol",
    "target_group_arn",
    "trace_id",
    "domain_name",
    "chosen_cert_arn",
    "matched_rule_priority",
    "request_creation_time",
    "actions_executed",
    "redirect_url",
    "lambda_error_reason",
    "target_port_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "conn_trace_id",
    "rest",
]

PLAIN = LoggedListener(load_balancer="app/cats/0123456789abcdef", address="127.1.2.3", protocol="HTTP", port=80)
TLS = LoggedListener(load_balancer=PLAIN.load_balancer, address="127.1.2.3", protocol="HTTPS", port=443)
HANDSHAKE = {"tls_cipher": "TLS_AES_128_GCM_SHA256", "tls_version": "TLSv1.3", "server_name": "cats.example"}
LISTENERS = st.sampled_from([(PLAIN, {}), (TLS, HANDSHAKE), (TLS, {**HANDSHAKE, "server_name": None})])
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TEXTS = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12))
PATHS = st.one_of(
    st.sampled_from(["/", "/cats?name=tom", "/a/b%20c", "/*"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"\\'), max_size=12).map(
        lambda text: f"/{text}"
    ),
)
MICROSECONDS = st.one_of(st.none(), st.integers(0, 60_000_000))


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """Requests as Envoy tells them."""
    answered = draw(st.booleans())
    path = draw(PATHS)
    return {
        "listener": "app/cats/0123456789abcdef/1",
        "time": f"2026-05-01T12:00:{draw(st.integers(0, 59)):02}.{draw(st.integers(0, 999_999)):06}Z",
        "request_creation_time": "2026-05-01T11:59:59.000000Z",
        "client": f"192.0.2.{draw(st.integers(1, 254))}:{draw(st.integers(1, 65_535))}",
        "target": f"10.0.0.{draw(st.integers(1, 254))}:80" if answered else None,
        "request_processing_us": draw(MICROSECONDS),
        "target_processing_us": draw(MICROSECONDS),
        "response_processing_us": draw(MICROSECONDS),
        "elb_status_code": draw(st.sampled_from([0, 101, 200, 301, 404, 502, 503])),
        "response_code_details": "via_upstream" if answered else "no_healthy_upstream",
        "received_bytes": draw(st.one_of(st.none(), st.integers(0, 10**9))),
        "sent_bytes": draw(st.integers(0, 10**9)),
        "method": draw(st.sampled_from(["GET", "POST", "DELETE", None])),
        "host": draw(st.sampled_from(["cats.example", "cats.example:8080", None])),
        "path": path,
        "original_host": draw(st.sampled_from([None, "came.example"])),
        "original_path": draw(st.sampled_from([None, "/as/it/came"])),
        "protocol": draw(st.sampled_from(["HTTP/1.1", "HTTP/2"])),
        "content_type": None,
        "user_agent": draw(TEXTS),
        "tls_cipher": None,
        "tls_version": None,
        "server_name": None,
        "target_group_arn": f"{ARN}:targetgroup/cats/01" if answered else None,
        "trace_id": draw(st.one_of(st.none(), st.just("Root=1-58337262-36d228ad5d99923122bbe354"))),
        "matched_rule_priority": draw(st.sampled_from([None, "0", "7"])),
        "actions_executed": draw(st.sampled_from([None, "forward", "waf,forward"])),
        "redirect_url": None,
        "connection": 7,
    }


@given(entries(), LISTENERS)
def test_what_is_written_is_read_again(request: Mapping[str, Any], by: tuple[LoggedListener, Mapping[str, Any]]) -> None:
    listener, handshake = by
    found = read_entry(log_line({**request, **handshake}, listener))

    assert tuple(found.fields) == FIELDS
    assert found.at == datetime.fromisoformat(request["time"])
    assert found.status == (request["elb_status_code"] or 460)
    assert found.target == request["target"]
    assert plain(found.fields["user_agent"]) == (request["user_agent"] or "-")
    if request["method"] is not None:
        came = request["original_path"] or request["path"]
        assert (found.method, found.path) == (request["method"], re.split("[?#]", came)[0])
    told = found.as_json()
    assert told["received_bytes"] == (request["received_bytes"] or 0)
    assert told["target_status_code"] in (None, request["elb_status_code"])
    assert read_entry(found.line) == found


@given(entries(), LISTENERS)
def test_athena_s_own_regular_expression_reads_what_is_written(
    request: Mapping[str, Any], by: tuple[LoggedListener, Mapping[str, Any]]
) -> None:
    listener, handshake = by
    line = log_line({**request, **handshake}, listener)
    matched = ATHENA.fullmatch(line)

    assert matched is not None
    columns = dict(zip(COLUMNS, matched.groups(), strict=True))
    found = read_entry(line).fields
    for name in set(FIELDS) & set(COLUMNS):
        assert columns[name] == found[name], name
    assert columns["conn_trace_id"].startswith("TID_")
    assert (columns["client_ip"], columns["client_port"]) == tuple(found["client:port"].split(":"))
    assert columns["request_verb"] == (request["method"] or "-")


DOCUMENTED = (
    "http 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000"
    ' 200 200 34 366 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - -'
    " arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067"
    ' "Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2018-07-02T22:22:48.364000Z "forward" "-" "-" "10.0.0.1:80" "200"'
    ' "-" "-" TID_1234abcd5678ef90'
)


def test_a_line_of_aws_is_told_with_every_field_by_its_name() -> None:
    told = read_entry(f'{DOCUMENTED} "m.example.com" "/a b" "TransformSuccess" 10.0.0.9').as_json()

    assert told == {
        "type": "http", "time": "2018-07-02T22:23:00.186641Z", "elb": "app/my-loadbalancer/50dc6c495c0c9188",
        "client:port": "192.168.131.39:2817", "target:port": "10.0.0.1:80", "request_processing_time": 0.0,
        "target_processing_time": 0.001, "response_processing_time": 0.0, "elb_status_code": 200, "target_status_code": 200,
        "received_bytes": 34, "sent_bytes": 366, "request": "GET http://www.example.com:80/ HTTP/1.1",
        "user_agent": "curl/7.46.0",
        "ssl_cipher": None, "ssl_protocol": None,
        "target_group_arn": "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067",
        "trace_id": "Root=1-58337262-36d228ad5d99923122bbe354", "domain_name": None, "chosen_cert_arn": None,
        "matched_rule_priority": 0, "request_creation_time": "2018-07-02T22:22:48.364000Z", "actions_executed": "forward",
        "redirect_url": None, "error_reason": None, "target:port_list": "10.0.0.1:80", "target_status_code_list": "200",
        "classification": None, "classification_reason": None, "conn_trace_id": "TID_1234abcd5678ef90",
        "transformed_host": "m.example.com", "transformed_uri": "/a b", "request_transform_status": "TransformSuccess",
    }  # fmt: skip


@pytest.mark.parametrize("line", ["", "hello", DOCUMENTED[:200], "Enable AccessLog for ELB: cats " * 10])
def test_what_is_no_entry_is_said_so(line: str) -> None:
    with pytest.raises(EntryInvalid, match="expected an access log entry"):
        read_entry(line)


def entry(
    at: datetime = NOON, *, status: int = 200, path: str = "/cats", took: float = 0.01, target: str = "10.0.0.1:80"
) -> str:
    times = f"0.000 {took:.3f} 0.000" if target != "-" else "-1 -1 -1"
    return (
        f"http {at:%Y-%m-%dT%H:%M:%S.%fZ} app/cats/01 192.0.2.1:5 {target} {times} {status} {status} 1 2"
        f' "GET http://cats.example:80{path} HTTP/1.1" "curl" - - - "-" "-" "-" 0 {at:%Y-%m-%dT%H:%M:%S.%fZ} "forward" "-" "-"'
    )


SAMPLES = [
    entry(status=200, took=0.010),
    entry(status=404, path="/dogs?x=1"),
    entry(status=503, path="/cats/7", target="-"),
    entry(status=200, took=0.600, target="10.0.0.2:80"),
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), [0, 1, 2, 3]),
        (Wanted(statuses=read_statuses("5xx")), [2]),
        (Wanted(statuses=read_statuses("404, 5XX")), [1, 2]),
        (Wanted(path="/cats"), [0, 3]),
        (Wanted(path="/cats*"), [0, 2, 3]),
        (Wanted(path="/dogs"), [1]),
        (Wanted(path="/[cd]ats"), []),
        (Wanted(slower_than=timedelta(milliseconds=600)), [3]),
        (Wanted(target="10.0.0.2"), [3]),
        (Wanted(target="10.0.0.1:80"), [0, 1]),
        (Wanted(pattern=read_pattern('"cats/7"')), [2]),
        (Wanted(pattern=read_pattern("[type, time, elb, client, target, ...]")), [0, 1, 2, 3]),
        (Wanted(since=NOON + timedelta(seconds=1)), []),
    ],
)
def test_only_what_is_asked_for_is_told(wanted: Wanted, found: Sequence[int]) -> None:
    assert [at for at, line in enumerate(SAMPLES) if wanted.matches(read_entry(line))] == list(found)


@pytest.mark.parametrize("text", ["", "6xx", "5x", "abc", "200-299"])
def test_status_codes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected status codes such as 503, 5xx"):
        read_statuses(text)


def test_a_summary_counts_and_ranks() -> None:
    told = summed_up(map(read_entry, SAMPLES)).as_json()

    assert told["requests"] == 4
    assert told["elb_status_code"] == {"200": 2, "404": 1, "503": 1}
    assert told["path"] == {"/cats": 2, "/dogs": 1, "/cats/7": 1}
    assert told["target:port"] == {"10.0.0.1:80": 2, "-": 1, "10.0.0.2:80": 1}
    assert told["target_processing_time"] == {"p50": 0.01, "p90": 0.6, "p99": 0.6}
    assert [one["target_processing_time"] for one in told["slowest"]] == [0.6, 0.01, 0.01]


class Bucket:
    """S3 with one object a page."""

    def __init__(self, objects: Mapping[str, Sequence[str]]) -> None:
        self.objects = {key: gzip.compress("\n".join([*lines, ""]).encode()) for key, lines in objects.items()}
        self.read: list[str] = []

    def list_objects_v2(self, *, Bucket: str, Prefix: str, ContinuationToken: str = "0") -> Any:  # noqa: N803 (boto3's spelling)
        assert Bucket == "logs"
        found = sorted(key for key in self.objects if key.startswith(Prefix))
        at = int(ContinuationToken)
        more = {"NextContinuationToken": str(at + 1)} if at + 1 < len(found) else {}
        return {"Contents": [{"Key": key} for key in found[at : at + 1]], **more}

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803, ARG002 (boto3's spelling)
        self.read.append(Key)
        return {"Body": io.BytesIO(self.objects[Key])}


PLACE = LogPlace(bucket="logs", prefix="elb", account="111122223333", region="eu-west-1", balancer="cats.01")


def key(ends: datetime, *, node: str = "127.1.1.1", balancer: str = "cats.01") -> str:
    name = f"111122223333_elasticloadbalancing_eu-west-1_app.{balancer}_{ends:%Y%m%dT%H%MZ}_{node}_abc.log.gz"
    return PLACE.folder(ends) + name


def test_files_are_read_in_order_of_time_over_days_nodes_and_pages_and_no_others() -> None:
    minute = timedelta(minutes=1)
    midnight = datetime(2026, 5, 2, tzinfo=UTC)
    bucket = Bucket(
        {
            key(midnight - 10 * minute): [entry(midnight - 11 * minute, path="/too/old")],
            key(midnight - 5 * minute): [entry(midnight - 8 * minute, path="/2"), entry(midnight - 6 * minute, path="/4")],
            key(midnight - 5 * minute, node="127.1.1.2"): [entry(midnight - 7 * minute, path="/3")],
            key(midnight, balancer="dogs.01"): [entry(midnight - minute, path="/another")],
            key(midnight): [entry(midnight - minute, path="/5")],
            PLACE.folder(midnight) + "notes.txt": ["nothing of ours"],
        }
    )
    aws = Aws(lambda _: bucket, region="eu-west-1", is_local=False)

    found = list(read_entries(aws, PLACE, midnight - 9 * minute, midnight + minute))

    assert [one.path for one in found] == ["/2", "/3", "/4", "/5"]
    assert key(midnight - 10 * minute) not in bucket.read


def test_where_logs_are_is_read_from_the_load_balancer() -> None:
    attributes = {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "logs", "access_logs.s3.prefix": "elb"}
    arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/cats/01"

    assert find_log_place(balancer(arn, attributes), FILE) == PLACE
    with pytest.raises(DeployError, match=r"writes no access logs(.|\n)*ninelives bootstrap"):
        find_log_place(balancer(arn, {"access_logs.s3.enabled": "false"}), FILE)
    with pytest.raises(NotFound, match="There is no load balancer cats"):
        find_log_place(balancer(None, {}), FILE)


def balancer(arn: str | None, attributes: Mapping[str, str]) -> Aws:
    class Elb:
        def describe_load_balancers(self, **_: Any) -> Any:
            if arn is None:
                missing = Exception()
                missing.response = {"Error": {"Code": "LoadBalancerNotFound"}}  # type: ignore[attr-defined]
                raise missing
            return {"LoadBalancers": [{"LoadBalancerArn": arn}]}

        def describe_load_balancer_attributes(self, **_: Any) -> Any:
            return {"Attributes": [{"Key": name, "Value": value} for name, value in attributes.items()]}

    return Aws(lambda _: Elb(), region="eu-west-1", is_local=False)
