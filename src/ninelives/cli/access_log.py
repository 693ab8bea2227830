"""``ninelives logs --access``: the load balancer's access logs as lines, as JSON lines, or summed up."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ninelives.cli.errors import UserError
from ninelives.cli.options import Duration, Place
from ninelives.deploy.quantities import write_duration

if TYPE_CHECKING:
    from datetime import datetime

    from ninelives.insight.access_logs import AccessEntry, Summary, Wanted

F = TypeVar("F", bound=Callable[..., Any])
MOST_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessOptions:
    """What is asked for, as it was typed; ``access``: whether access logs are asked for at all."""

    access: bool
    status: str | None
    path: str | None
    slower_than: timedelta | None
    target: str | None
    pattern: str | None
    summary: bool

    @property
    def given(self) -> tuple[str, ...]:
        """The options that were typed."""
        typed = {
            "--status": self.status, "--path": self.path, "--slower-than": self.slower_than, "--target": self.target,
            "--filter": self.pattern, "--summary": self.summary or None,
        }  # fmt: skip
        return tuple(name for name, value in typed.items() if value is not None)


def access_options(command: F) -> F:
    """--access, --status, --path, --slower-than, --target, --filter, --summary: told as ``access_options``."""
    import functools

    @click.option("--access", is_flag=True, help="The load balancer's access logs instead, a line for each request.")
    @click.option("--status", default=None, metavar="CODES", help="With --access: such as 503, 5xx or 404,5xx.")
    @click.option("--path", default=None, help="With --access: this path; * stands for anything.")
    @click.option("--slower-than", type=Duration(), default=None, help="With --access: the target took at least that long.")
    @click.option("--target", default=None, metavar="ADDRESS[:PORT]", help="With --access: sent to this target.")
    @click.option(
        "--filter",
        "pattern",
        default=None,
        metavar="PATTERN",
        help="Only lines that a CloudWatch Logs filter pattern fits.",
    )
    @click.option("--summary", is_flag=True, help="With --access: counts, percentiles and the slowest, not each request.")
    @functools.wraps(command)
    def with_access(
        status: str | None, path: str | None, slower_than: timedelta | None, target: str | None,
        pattern: str | None, *, access: bool, summary: bool, **rest: Any,
    ) -> Any:  # fmt: skip
        asked = AccessOptions(
            access=access, status=status, path=path, slower_than=slower_than, target=target, pattern=pattern, summary=summary,
        )  # fmt: skip
        return command(access_options=asked, **rest)

    return with_access  # type: ignore[return-value]  # click's decorators keep no signature


def tell_access(place: Place, since: timedelta, asked: AccessOptions, *, as_json: bool) -> None:
    from ninelives.cli.session import open_definition
    from ninelives.deploy.clock import WallClock
    from ninelives.insight.access_logs import find_log_place, read_entries, summed_up

    definition, aws = open_definition(place)
    now = WallClock().now()
    wanted = _wanted(asked, now - since)
    entries = filter(wanted.matches, read_entries(aws, find_log_place(aws, definition.file), now - since, now))
    if asked.summary:
        summary = summed_up(entries)
        told = summary.requests
        for line in [json.dumps(summary.as_json(), indent=2)] if as_json else _summary_lines(summary):
            click.echo(line)
    else:
        told = _tell(entries, as_json=as_json)
    if told == 0 and not as_json:
        click.echo(
            f"No such request in the access logs of the last {write_duration(since)}: a load balancer delivers them every "
            "5 minutes (of the region's time); --since looks further back.",
            err=True,
        )


def _tell(entries: Iterable["AccessEntry"], *, as_json: bool) -> int:
    count = 0
    for count, entry in enumerate(entries, start=1):  # noqa: B007 how many there were
        click.echo(json.dumps(entry.as_json()) if as_json else entry_line(entry))
    return count


def _wanted(asked: AccessOptions, since: "datetime") -> "Wanted":
    from ninelives.insight.access_logs import Wanted, read_statuses
    from ninelives.monitoring.filter_patterns import PatternInvalid, read_pattern

    try:
        statuses = read_statuses(asked.status) if asked.status is not None else ()
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="--status") from None
    try:
        pattern = read_pattern(asked.pattern) if asked.pattern is not None else None
    except PatternInvalid as error:
        raise UserError(f"--filter: {error}", hint='For example: --filter "curl/8", or --filter \'"PUT http"\'.') from None
    return Wanted(
        since=since, statuses=statuses, path=asked.path, slower_than=asked.slower_than, target=asked.target, pattern=pattern,
    )  # fmt: skip


def entry_line(entry: "AccessEntry") -> str:
    """A request in a line: when, what the client got, what it asked for, who answered and how fast."""
    from ninelives.insight.access_logs import plain

    took = entry.target_seconds
    where = _behind_the_host(plain(entry.url))
    told = f"{entry.at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + f"Z {entry.status} {entry.method} {where}"
    answered = f"{entry.target} {took * 1000:.0f}ms" if took is not None else entry.target or "no target"
    target_status = entry.fields["target_status_code"]
    differs = f" (the target's {target_status})" if target_status not in ("-", str(entry.status)) else ""
    return f"{told} {answered}{differs} {entry.fields['client:port'].rpartition(':')[0]}"


def _behind_the_host(url: str) -> str:
    _, _, rest = url.partition("://")
    _, slash, path = rest.partition("/")
    return slash + path if slash else url


def _summary_lines(summary: "Summary") -> Iterator[str]:
    if summary.requests == 0:
        return
    yield f"{summary.requests} requests, {summary.first} to {summary.last}"
    yield from _counts("status", Counter({str(status): count for status, count in summary.statuses.items()}))
    yield from _counts("path", summary.paths)
    yield from _counts("target", summary.targets)
    percentiles = summary.target_time_percentiles()
    if percentiles:
        yield ""
        yield "time of targets: " + ", ".join(f"{name} {seconds * 1000:.0f}ms" for name, seconds in percentiles.items())
        yield "slowest:"
        yield from (f"  {entry_line(entry)}" for entry in summary.slowest)


def _counts(title: str, counts: Counter[str]) -> Iterator[str]:
    yield ""
    yield f"{title}:"
    width = len(str(max(counts.values())))
    yield from (f"  {count:>{width}}  {name}" for name, count in counts.most_common(MOST_TOLD))
    left = len(counts) - MOST_TOLD
    if left > 0:
        yield f"  and {left} more"
