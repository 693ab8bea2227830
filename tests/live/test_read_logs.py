"""Logs tell of the requests that the load generator has sent, all of them and no others: access logs to every reader, what the
tasks wrote to Logs Insights.
"""

import asyncio
import gzip
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from live_region import RegionUnderTest, eventually, runtimes, skip_without_docker, started

from ninelives.rehearsal.load import send_load
from ninelives.rehearsal.sample import Kind, Sample, Target

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

TIME_SCALE: Final = 30
LOAD_SECONDS: Final = 3
KINDS: Final = (
    Kind(name="talks", rate=30, connections=8, path="/cats?log=1"),
    Kind(name="whispers", rate=5, path="/cats?log=2"),
    Kind(name="sleeps", rate=6, connections=8, path="/slow?seconds=0.3"),
    Kind(name="missing", rate=4, path="/status?code=404"),
    Kind(name="broken", rate=3, path="/status?code=500"),
)
GRANTED: Final = {
    "Effect": "Allow",
    "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::access-logs/AWSLogs/*",
}
FILE: Final = re.compile(r"AWSLogs/\d{12}/elasticloadbalancing/[a-z0-9-]+/\d{4}/\d\d/\d\d/\S+Z_[\d.]+_\w+\.log\.gz")
ENTRY: Final = re.compile(
    r'http \S+ app/\S+ [\d.]+:\d+ [\d.]+:\d+ ([\d.]+ ){3}\d{3} \d{3} \d+ \d+ "GET http://\S+ HTTP/1.1" .*'
)


@pytest.fixture(scope="module", params=runtimes())
def region(request: pytest.FixtureRequest) -> Iterator[RegionUnderTest]:
    skip_without_docker(request.param)
    with started(request.param, time_scale=TIME_SCALE) as region:
        exit_code, result = region.deploy("1.0.0")
        assert exit_code == 0, result
        yield region


@pytest.fixture(scope="module")
def sent(region: RegionUnderTest) -> list[Sample]:
    """What the generator has seen, with the access logs switched on."""
    s3, elb = region.client("s3"), region.client("elbv2")
    s3.create_bucket(Bucket="access-logs", CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [GRANTED]})
    s3.put_bucket_policy(Bucket="access-logs", Policy=policy)
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    attributes = [{"Key": "access_logs.s3.enabled", "Value": "true"}, {"Key": "access_logs.s3.bucket", "Value": "access-logs"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"], Attributes=attributes)
    return asyncio.run(load(region.url()))


async def load(url: str) -> list[Sample]:
    place, samples, stop = urlsplit(url), list[Sample](), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_later(LOAD_SECONDS, stop.set)
    target = Target(host=str(place.hostname), port=place.port or 80)
    await send_load(target, KINDS, start_at=loop.time(), record=samples.append, stop=stop)
    return samples


def access(region: RegionUnderTest, *options: str) -> list[dict[str, Any]]:
    done = region.command("logs", "--access", "--json", *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_access_logs_tell_what_the_generator_counted(region: RegionUnderTest, sent: list[Sample]) -> None:
    paths = {kind.name: kind.path for kind in KINDS}
    expected = Counter((sample.status, paths[sample.kind]) for sample in sent)
    assert {status for status, _ in expected} == {200, 404, 500}, expected

    entries = eventually(
        lambda: found if len(found := access(region)) >= len(sent) else None, within=60, what="the delivery of the access logs"
    )

    url = urlsplit(region.url())
    told = Counter((one["elb_status_code"], one["request"].split(f":{url.port}")[1].rpartition(" ")[0]) for one in entries)
    assert told == expected
    assert len({one["target:port"] for one in entries}) == 2, "both tasks"
    assert entries == sorted(entries, key=lambda one: str(one["time"]))
    assert {one["trace_id"] for one in entries} != {None}

    assert len(access(region, "--status", "4xx,500")) == sum(n for (status, _), n in expected.items() if status != 200)
    slow = access(region, "--slower-than", "300ms")
    assert Counter(one["elb_status_code"] for one in slow) == {200: expected[200, "/slow?seconds=0.3"]}
    done = region.command("logs", "--access", "--summary", "--json", "--path", "/c*")
    summary = json.loads(done.stdout)
    cats = expected[200, "/cats?log=1"] + expected[200, "/cats?log=2"]
    assert (summary["requests"], summary["path"]) == (cats, {"/cats": cats})
    assert 0 <= summary["target_processing_time"]["p50"] < 0.3


def copied(region: RegionUnderTest) -> dict[str, str]:
    """Every access log of the bucket by its key, as the AWS CLI copies it."""
    keys = [one["Key"] for one in region.client("s3").list_objects_v2(Bucket="access-logs")["Contents"]]
    program = Path(sys.executable).with_name("aws")
    found = {}
    for key in (key for key in keys if not key.endswith("ELBAccessLogTestFile")):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", program, "s3", "cp", f"s3://access-logs/{key}", "-"],
            env={**region.environment, "AWS_PAGER": "", "AWS_CONFIG_FILE": os.devnull},
            capture_output=True, check=True, timeout=60,
        )  # fmt: skip
        found[key] = gzip.decompress(done.stdout).decode()
    return found


def test_the_aws_cli_reads_the_files_as_they_are(region: RegionUnderTest, sent: list[Sample]) -> None:
    eventually(lambda: len(access(region)) >= len(sent), within=60, what="the delivery of the access logs")

    files = copied(region)
    lines = [line for text in files.values() for line in text.splitlines()]
    assert [key for key in files if not FILE.fullmatch(key)] == []
    assert len(lines) == len(sent)
    assert [line for line in lines if not ENTRY.fullmatch(line)] == []


def query(region: RegionUnderTest, text: str) -> list[dict[str, str]]:
    done = region.command("logs", "--json", "--query", text)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_logs_insights_counts_what_the_generator_counted(region: RegionUnderTest, sent: list[Sample]) -> None:
    kinds = Counter(sample.kind for sample in sent)
    expected = {"1": kinds["talks"], "2": kinds["whispers"]}
    by_kind = 'parse @message "GET /cats log=*" as kind | filter ispresent(kind) | stats count(*) as n by kind'

    def counted() -> bool:
        return {row["kind"]: int(row["n"]) for row in query(region, by_kind)} == expected

    eventually(counted, what="as many lines as requests")

    lines = "filter @message like /^GET .cats/"
    tasks = query(region, f"{lines} | stats count(*) as n, latest(@message) as last by @logStream")
    assert [row["last"][:14] for row in tasks] == ["GET /cats log="] * 2
    assert sum(int(row["n"]) for row in tasks) == sum(expected.values())
    events = [
        event
        for page in region.client("logs").get_paginator("filter_log_events").paginate(logGroupName="/ecs/behaves")
        for event in page["events"]
        if event["message"].startswith("GET /cats")
    ]
    seconds = Counter(f"{datetime.fromtimestamp(event['timestamp'] // 1000, UTC):%Y-%m-%d %H:%M:%S}.000" for event in events)
    bins = query(region, f"{lines} | stats count(*) as n by bin(1s) as second | sort second")
    assert [(row["second"], int(row["n"])) for row in bins] == sorted(seconds.items())

    refused = region.command("logs", "--query", "fields @message | nonsense")
    assert refused.returncode == 1
    assert "  fields @message | nonsense\n                    ^^^^^^^^\n" in refused.stderr
