"""`ninelives logs --query` and `--access`: tables, lines, JSON lines and summaries; options that do not go together."""

import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ninelives.cli.main import run
from ninelives.deploy.aws import Aws
from ninelives.deploy.clock import utc_now

ARN = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/cats/01"


class Account:
    """Logs, load balancer and bucket of a service named cats."""

    def __init__(self) -> None:
        self.enabled = "true"
        self.query = ""
        self.at = utc_now() - timedelta(minutes=10)

    def start_query(self, **asked: Any) -> Any:
        self.query = asked["queryString"]
        return {"queryId": "q"}

    def get_query_results(self, **_: Any) -> Any:
        rows = [[{"field": "path", "value": path}, {"field": "n", "value": n}] for path, n in (("/cats", "12"), ("/d", "3"))]
        done = {"recordsMatched": 15.0, "recordsScanned": 20.0, "bytesScanned": 400.0}
        return {"status": "Complete", "results": rows, "statistics": done}

    def describe_load_balancers(self, **_: Any) -> Any:
        return {"LoadBalancers": [{"LoadBalancerArn": ARN}]}

    def describe_load_balancer_attributes(self, **_: Any) -> Any:
        known = {"access_logs.s3.enabled": self.enabled, "access_logs.s3.bucket": "logs"}
        return {"Attributes": [{"Key": name, "Value": value} for name, value in known.items()]}

    def list_objects_v2(self, *, Prefix: str, **_: Any) -> Any:  # noqa: N803 (boto3's spelling)
        ends = self.at + timedelta(minutes=1)
        if not Prefix.endswith(f"{ends:%Y/%m/%d}/"):
            return {}
        return {"Contents": [{"Key": f"{Prefix}0_elasticloadbalancing_eu-west-1_app.cats.01_{ends:%Y%m%dT%H%MZ}_1_a.log.gz"}]}

    def get_object(self, **_: Any) -> Any:
        lines = [self.line(0, 200, "/cats?name=tom", "0.012"), self.line(1, 503, "/cats", "-1")]
        return {"Body": io.BytesIO(gzip.compress("\n".join(lines).encode()))}

    def line(self, second: int, status: int, path: str, took: str) -> str:
        at = f"{self.at + timedelta(seconds=second):%Y-%m-%dT%H:%M:%S.%fZ}"
        target = "-" if took == "-1" else "10.0.0.1:80"
        return (
            f"http {at} app/cats/01 192.0.2.1:5 {target} 0.000 {took} 0.000 {status} {'-' if took == '-1' else status} 1 2"
            f' "GET http://cats:80{path} HTTP/1.1" "curl" - - - "-" "-" "-" 0 {at} "forward" "-" "-"'
        )


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    (tmp_path / "ninelives.yml").write_text("service: cats\nimage: .\nport: 80\n")
    monkeypatch.chdir(tmp_path)
    found = Account()
    monkeypatch.setattr("ninelives.cli.session.connect", lambda **_: Aws(lambda _: found, region="eu-west-1", is_local=True))
    return found


def test_a_query_is_a_table_and_says_what_it_has_read(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["logs", "--query", "stats count(*) as n by path"])

    told = capsys.readouterr()
    assert [["path", "n"], ["/cats", "12"], ["/d", "3"]] == [line.split() for line in told.out.splitlines()]
    assert "2 rows; 15 of 20 events of the last 1h matched, 400 bytes read\n" == told.err
    assert "stats count(*) as n by path" == account.query


def test_a_query_as_json_is_an_object_a_row(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["logs", "--query", "fields path", "--json"])

    assert [{"path": "/cats", "n": "12"}, {"path": "/d", "n": "3"}] == list(
        map(json.loads, capsys.readouterr().out.splitlines())
    )
    assert account.query


def test_requests_are_told_line_by_line(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["logs", "--access"])

    at = account.at.astimezone(UTC)
    second = f"{at + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S.%f}"[:-3]
    assert [
        f"{at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z 200 GET /cats?name=tom 10.0.0.1:80 12ms 192.0.2.1",
        f"{second}Z 503 GET /cats no target 192.0.2.1",
    ] == capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("options", "statuses"),
    [
        (["--status", "5xx"], [503]),
        (["--path", "/cats"], [200, 503]),
        (["--slower-than", "10ms"], [200]),
        (["--target", "10.0.0.1"], [200]),
        (["--filter", '"name=tom"'], [200]),
        (["--since", "5m"], []),
    ],
)
def test_only_what_is_asked_for_is_told(
    account: Account, options: list[str], statuses: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == run(["logs", "--access", "--json", *options])

    assert statuses == [json.loads(line)["elb_status_code"] for line in capsys.readouterr().out.splitlines()]
    assert account.enabled


def test_a_summary_for_the_eye_and_for_a_program(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["logs", "--access", "--summary"])
    told = capsys.readouterr().out
    assert 0 == run(["logs", "--access", "--summary", "--json"])
    as_json = json.loads(capsys.readouterr().out)

    assert told.startswith("2 requests, ")
    assert "path:\n  2  /cats\n" in told
    assert "time of targets: p50 12ms, p90 12ms, p99 12ms" in told
    assert {"200": 1, "503": 1} == as_json["elb_status_code"]
    assert account.enabled


def test_where_nothing_is_found_or_written_it_is_said_why(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["logs", "--access", "--status", "404"])
    assert "delivers them every 5 minutes" in capsys.readouterr().err

    account.enabled = "false"
    assert 1 == run(["logs", "--access"])
    assert "writes no access logs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--status", "5xx"], "--status goes with --access only."),
        (["--access", "--follow"], "--access does not go with --follow."),
        (["--query", "x", "--access", "--task", "a"], "--query does not go with --access and --task."),
        (["--access", "--status", "9xx"], "expected status codes such as 503, 5xx or 404,5xx"),
        (["--access", "--filter", "a:b"], "Invalid character(s) in term 'a:b'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    account: Account, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 != run(["logs", *arguments])

    assert message in capsys.readouterr().err
    assert account.query == ""
    assert isinstance(account.at, datetime)
