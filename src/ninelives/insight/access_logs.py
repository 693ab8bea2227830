"""A load balancer's access logs, from the bucket that it delivers them to: an entry a request, filtered, summed up.

Source: ELB user guide, "Access logs for your Application Load Balancer" (access log files, access log entries).
"""

import gzip
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from heapq import nlargest
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlsplit

from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.errors import DeployError, NotFound
from ninelives.deploy.front_door import find_load_balancer
from ninelives.deploy.service_file import ServiceFile
from ninelives.monitoring.filter_patterns import Pattern

FIELDS: Final = (
    "type", "time", "elb", "client:port", "target:port", "request_processing_time", "target_processing_time",
    "response_processing_time", "elb_status_code", "target_status_code", "received_bytes", "sent_bytes", "request",
    "user_agent", "ssl_cipher", "ssl_protocol", "target_group_arn", "trace_id", "domain_name", "chosen_cert_arn",
    "matched_rule_priority", "request_creation_time", "actions_executed", "redirect_url", "error_reason", "target:port_list",
    "target_status_code_list", "classification", "classification_reason", "conn_trace_id", "transformed_host",
    "transformed_uri", "request_transform_status",
)  # fmt: skip
"""As the user guide names them, in the order of a line. Older lines have fewer; what a line has beyond them is left out."""
FEWEST: Final = FIELDS.index("redirect_url")
"""Fields that every line has had since 2018."""
WHOLE: Final = frozenset({"elb_status_code", "target_status_code", "received_bytes", "sent_bytes", "matched_rule_priority"})
SECONDS: Final = frozenset({"request_processing_time", "target_processing_time", "response_processing_time"})
NOTHING: Final = "-"
TOKEN: Final = re.compile(r'"(.*?)"(?= |$)|(\S+)')
ESCAPED: Final = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+")
STATUS: Final = re.compile(r"([1-5])xx|(\d{3})", re.IGNORECASE)
LOG_NAME: Final = re.compile(r"_app\.(?P<balancer>[^_]+)_(?P<ends>\d{8}T\d{4})Z_[^/]*\.log\.gz$")
DELIVERED_LATE: Final = timedelta(hours=1)
"""How far ahead of its last request the end in a file's name may be."""
PERCENTILES: Final = (50, 90, 99)
SLOWEST: Final = 10


class EntryInvalid(DeployError):
    """A line that is no entry of an Application Load Balancer's access log."""

    def __init__(self, line: str) -> None:
        super().__init__(f"expected an access log entry of an Application Load Balancer, found {line[:80]!r}")
        self.line = line


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """A request. ``fields``: as many of ``FIELDS`` as its line had, as they are written, without their quotes."""

    line: str
    fields: Mapping[str, str]

    @property
    def at(self) -> datetime:
        """When the answer was passed on."""
        return datetime.fromisoformat(self.fields["time"])

    @property
    def status(self) -> int:
        """What the client got; 0 where that is not told."""
        return _whole(self.fields["elb_status_code"]) or 0

    @property
    def target(self) -> str | None:
        return _something(self.fields["target:port"])

    @property
    def method(self) -> str:
        return self.fields["request"].partition(" ")[0]

    @property
    def url(self) -> str:
        return self.fields["request"].partition(" ")[2].rpartition(" ")[0]

    @property
    def path(self) -> str:
        """Without what is behind a question mark; ``-`` of a request that could not be read."""
        try:
            return urlsplit(self.url).path or NOTHING
        except ValueError:
            return NOTHING

    @property
    def target_seconds(self) -> float | None:
        """How long the target took to answer; None where it did not come to that."""
        return _seconds(self.fields["target_processing_time"])

    def as_json(self) -> dict[str, str | int | float | None]:
        """Every field by its name: numbers as numbers, null where the line says that there is nothing."""
        return {name: _json(name, text) for name, text in self.fields.items()}


def read_entry(line: str) -> AccessEntry:
    """The entry that a line holds. Raises ``EntryInvalid``.

    >>> read_entry('http 2018-07-02T22:23:00.186641Z app/lb/1 1.2.3.4:5 - -1 -1 -1 503 - 34 366'
    ...            ' "GET http://a:80/b?c=d HTTP/1.1" "curl" - - - "-" "-" "-" 0 2018-07-02T22:22:48Z "forward" "-"').path
    '/b'
    """
    texts = [quoted or plain for quoted, plain in TOKEN.findall(line)]
    if len(texts) <= FEWEST or not texts[1][:4].isdigit():
        raise EntryInvalid(line)
    return AccessEntry(line, dict(zip(FIELDS, texts, strict=False)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are asked for; None and nothing: any."""

    since: datetime | None = None
    statuses: tuple[range, ...] = ()
    path: str | None = None
    """``*`` stands for anything."""
    slower_than: timedelta | None = None
    """By the time that the target took."""
    target: str | None = None
    """An address, or an address and a port."""
    pattern: Pattern | None = None
    """Of CloudWatch Logs, over the line."""

    def matches(self, entry: AccessEntry) -> bool:
        """Whether an entry is asked for."""
        took, target = entry.target_seconds, entry.target
        return (
            (self.since is None or entry.at >= self.since)
            and (not self.statuses or any(entry.status in statuses for statuses in self.statuses))
            and (self.path is None or fnmatchcase(entry.path, _only_asterisks(self.path)))
            and (self.slower_than is None or (took is not None and took >= self.slower_than.total_seconds()))
            and (self.target is None or (target is not None and self.target in (target, target.rpartition(":")[0])))
            and (self.pattern is None or self.pattern.matches(entry.line))
        )


def read_statuses(text: str) -> tuple[range, ...]:
    """Status codes such as ``503``, ``5xx`` or ``404,5xx``. Raises ``ValueError``.

    >>> read_statuses("404,5xx")
    (range(404, 405), range(500, 600))
    """
    found = [STATUS.fullmatch(one.strip()) for one in text.split(",")]
    if None in found:
        raise ValueError(f"expected status codes such as 503, 5xx or 404,5xx, found {text!r}")
    matches = [match for match in found if match is not None]
    return tuple(
        range(int(match[1]) * 100, int(match[1]) * 100 + 100) if match[1] else range(int(match[2]), int(match[2]) + 1)
        for match in matches
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """Where a load balancer's access logs are."""

    bucket: str
    prefix: str
    account: str
    region: str
    balancer: str
    """As files name it: ``NAME.ID``."""

    def folder(self, day: datetime) -> str:
        above = f"{self.prefix}/" if self.prefix else ""
        return f"{above}AWSLogs/{self.account}/elasticloadbalancing/{self.region}/{day:%Y/%m/%d}/"


def find_log_place(aws: Aws, file: ServiceFile) -> LogPlace:
    """Where the service's load balancer delivers to. Raises ``NotFound``, and ``DeployError`` where it delivers none."""
    balancer = find_load_balancer(aws, file.load_balancer_name)
    if balancer is None:
        raise NotFound(
            f"There is no load balancer {file.load_balancer_name}.",
            hint="Deploy the service first: `ninelives deploy VERSION`.",
        )
    arn = str(balancer["LoadBalancerArn"])
    answer = aws.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)
    attributes = {one["Key"]: one.get("Value", "") for one in answer["Attributes"]}
    if attributes.get("access_logs.s3.enabled") != "true":
        raise DeployError(
            f"The load balancer {file.load_balancer_name} writes no access logs.",
            hint="`ninelives bootstrap` makes a bucket and turns them on; by hand: its attribute access_logs.s3.enabled.",
        )
    _, _, _, region, account, resource = arn.split(":", 5)
    return LogPlace(
        bucket=attributes["access_logs.s3.bucket"],
        prefix=attributes.get("access_logs.s3.prefix", ""),
        account=account,
        region=region,
        balancer=resource.removeprefix("loadbalancer/app/").replace("/", "."),
    )


def read_entries(aws: Aws, place: LogPlace, since: datetime, now: datetime) -> Iterator[AccessEntry]:
    """The entries of all files that may hold something from ``since`` to ``now``: file by file, those of one time together
    and in order. Raises ``NotFound`` where the bucket is gone.
    """
    for _, group in groupby(_files(aws, place, since, now), key=lambda one: one[0]):
        entries = [entry for _, key in group for entry in _entries(aws, place.bucket, key)]
        yield from sorted(entries, key=lambda entry: entry.fields["time"])


def _files(aws: Aws, place: LogPlace, since: datetime, now: datetime) -> Iterator[tuple[datetime, str]]:
    """Ends and keys of the files, in order of their ends."""
    days = (now + DELIVERED_LATE - since).days + 1
    last = (now + DELIVERED_LATE).astimezone(UTC)
    for day in dict.fromkeys((last - timedelta(days=back)).date() for back in range(days, -1, -1)):
        folder = place.folder(datetime(day.year, day.month, day.day, tzinfo=UTC))
        names = [LOG_NAME.search(key) for key in _keys(aws, place.bucket, folder)]
        found = [(_ends(name), name.string) for name in names if name is not None and name["balancer"] == place.balancer]
        yield from ((ends, key) for ends, key in sorted(found) if ends + timedelta(minutes=1) > since)


def _ends(name: re.Match[str]) -> datetime:
    return datetime.strptime(name["ends"] + "+0000", "%Y%m%dT%H%M%z")


def _keys(aws: Aws, bucket: str, folder: str) -> Iterator[str]:
    request: dict[str, Any] = {"Bucket": bucket, "Prefix": folder}
    while True:
        try:
            answer = aws.s3.list_objects_v2(**request)
        except Exception as error:
            if error_code(error) not in {"NoSuchBucket", "404"}:
                raise
            raise NotFound(
                f"The bucket {bucket}, to which the load balancer delivers its access logs, is gone.",
                hint="`ninelives bootstrap` makes it anew.",
            ) from None
        yield from (str(one["Key"]) for one in answer.get("Contents", ()))
        if not answer.get("NextContinuationToken"):
            return
        request["ContinuationToken"] = answer["NextContinuationToken"]


def _entries(aws: Aws, bucket: str, key: str) -> Iterator[AccessEntry]:
    with gzip.open(aws.s3.get_object(Bucket=bucket, Key=key)["Body"], "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.strip():
                yield read_entry(line.rstrip("\r\n"))


@dataclass(slots=True)
class Summary:
    """Entries, summed up: their numbers by what is in them, and how long targets took."""

    requests: int = 0
    first: str | None = None
    last: str | None = None
    statuses: Counter[int] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    targets: Counter[str] = field(default_factory=Counter)
    slowest: list[AccessEntry] = field(default_factory=list)
    """Slowest first."""
    _seconds: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, entry: AccessEntry) -> None:
        self.requests += 1
        at = entry.fields["time"]
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)
        self.statuses[entry.status] += 1
        self.paths[entry.path] += 1
        self.targets[entry.target or NOTHING] += 1
        seconds = entry.target_seconds
        if seconds is not None:
            self._seconds.append(seconds)
            self.slowest = nlargest(SLOWEST, [*self.slowest, entry], key=lambda one: one.target_seconds or 0.0)

    def target_time_percentiles(self) -> dict[str, float]:
        """In seconds; the smallest time that is not below that share of all. Nothing where no target has answered."""
        times = sorted(self._seconds)
        return {f"p{share}": times[max(0, -(-share * len(times) // 100) - 1)] for share in PERCENTILES if times}

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "first": self.first,
            "last": self.last,
            "elb_status_code": {str(status): count for status, count in sorted(self.statuses.items())},
            "path": dict(self.paths.most_common()),
            "target:port": dict(self.targets.most_common()),
            "target_processing_time": self.target_time_percentiles(),
            "slowest": [entry.as_json() for entry in self.slowest],
        }


def summed_up(entries: Iterable[AccessEntry]) -> Summary:
    summary = Summary()
    for entry in entries:
        summary.add(entry)
    return summary


def plain(text: str) -> str:
    r"""A field with what the load balancer has escaped in it read again.

    >>> plain(r"caf\xC3\xA9")
    'café'
    """
    return ESCAPED.sub(lambda found: bytes.fromhex(found[0].replace("\\x", "")).decode("utf-8", "replace"), text)


def _only_asterisks(path: str) -> str:
    return re.sub(r"([?\[])", r"[\1]", path)


def _something(text: str) -> str | None:
    return None if text == NOTHING else text


def _whole(text: str) -> int | None:
    return int(text) if text.lstrip("-").isdecimal() else None


def _seconds(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if found >= 0 else None


def _json(name: str, text: str) -> str | int | float | None:
    if text == NOTHING:
        return None
    if name in WHOLE:
        return _whole(text)
    if name in SECONDS:
        return float(text)
    return plain(text)
