"""``ninelives logs``: what the tasks wrote, what a query finds in it, and what the load balancer took down."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import click

from ninelives.cli.access_log import AccessOptions, access_options, tell_access
from ninelives.cli.errors import UserError
from ninelives.cli.log_query import tell_query
from ninelives.cli.options import Duration, Place, place_options
from ninelives.deploy.quantities import write_duration

TASK_ID_SHOWN = 8
OF_LINES = {"follow": "--follow", "task": "--task", "container": "--container"}
"""Options that only lines have."""


@click.command()
@place_options
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on.")
@click.option("--since", type=Duration(), default="1h", show_default=True, help="How far back.")
@click.option("--task", default=None, help="Only this task (the beginning of its id).")
@click.option("--container", default=None, help="Of this container of the tasks, instead of the service's own.")
@click.option("--query", default=None, metavar="QUERY", help="Ask CloudWatch Logs Insights instead, and show what it finds.")
@access_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def logs(
    place: Place, since: timedelta, query: str | None, access_options: AccessOptions, *, as_json: bool, **asked: Any
) -> None:
    """Show what the tasks wrote, each line with its time and its task."""
    _check_together(access_options, query, asked)
    if query is not None:
        tell_query(place, query, since, as_json=as_json)
    elif access_options.access:
        tell_access(place, since, access_options, as_json=as_json)
    else:
        _tell_lines(place, since, access_options.pattern or "", as_json=as_json, **asked)


def _check_together(access: AccessOptions, query: str | None, asked: Mapping[str, Any]) -> None:
    """Raise ``UserError`` where options do not go together; ``asked`` are those of lines, by name."""
    misplaced = [name for name in access.given if name != "--filter"]
    if misplaced and not access.access:
        raise UserError(f"{' and '.join(misplaced)} goes with --access only.")
    instead = [name for name, given in (("--query", query is not None), ("--access", access.access)) if given]
    beside = [*instead[1:], *(option for name, option in OF_LINES.items() if asked[name])]
    if query is not None and access.pattern is not None:
        beside.append("--filter")
    if instead and beside:
        raise UserError(f"{instead[0]} does not go with {' and '.join(beside)}.")


def _tell_lines(
    place: Place,
    since: timedelta,
    pattern: str,
    *,
    task: str | None,
    container: str | None,
    follow: bool,
    as_json: bool,
) -> None:
    from ninelives.cli.session import open_definition
    from ninelives.deploy.clock import WallClock
    from ninelives.deploy.logs import Wanted, follow_lines, read_lines

    definition, aws = open_definition(place)
    clock = WallClock()
    start = clock.now() - since
    wanted = Wanted(task=task or "", container=container, pattern=pattern)
    lines = follow_lines(aws, definition.file, start, clock, wanted) if follow else None
    line = None
    for line in lines if lines is not None else read_lines(aws, definition.file, start, wanted):
        if as_json:
            told = {"at": line.at.isoformat(), "task": line.task_id, "container": line.container, "message": line.message}
            click.echo(json.dumps(told))
        else:
            click.echo(f"{line.at:%Y-%m-%dT%H:%M:%S}Z {line.task_id[:TASK_ID_SHOWN]} {line.message.rstrip()}")
    if line is not None:
        return
    if task is not None:
        raise UserError(
            f"No task whose id begins with {task!r} wrote anything in the last {write_duration(since)}.",
            hint="`ninelives logs` shows every line with its task's id; --since looks further back.",
        )
    of = f" of container {container}" if container is not None else ""
    fitting = " that fits --filter" if pattern else ""
    click.echo(f"No line{of}{fitting} in the last {write_duration(since)}; --since looks further back.", err=True)
