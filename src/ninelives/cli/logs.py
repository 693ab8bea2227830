"""``ninelives logs``: what the tasks wrote, what a query finds in it, and what the load balancer took down."""

import json
from datetime import timedelta

import click

from ninelives.cli.access_log import AccessOptions, access_options, tell_access
from ninelives.cli.errors import UserError
from ninelives.cli.log_query import tell_query
from ninelives.cli.options import Duration, Place, place_options
from ninelives.deploy.quantities import write_duration

TASK_ID_SHOWN = 8


@click.command()
@place_options
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on.")
@click.option("--since", type=Duration(), default="1h", show_default=True, help="How far back.")
@click.option("--task", default=None, help="Only this task (the beginning of its id).")
@click.option("--query", default=None, metavar="QUERY", help="Ask CloudWatch Logs Insights instead, and show what it finds.")
@access_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def logs(
    place: Place, since: timedelta, task: str | None, query: str | None, access_options: AccessOptions,
    *, follow: bool, as_json: bool,
) -> None:  # fmt: skip
    """Show what the tasks wrote, each line with its time and its task."""
    _check_together(access_options, task=task, query=query, follow=follow)
    if query is not None:
        tell_query(place, query, since, as_json=as_json)
    elif access_options.access:
        tell_access(place, since, access_options, as_json=as_json)
    else:
        _tell_lines(place, since, task, follow=follow, as_json=as_json)


def _check_together(asked: AccessOptions, *, task: str | None, query: str | None, follow: bool) -> None:
    """Raise ``UserError`` where options do not go together."""
    if asked.given and not asked.access:
        raise UserError(f"{' and '.join(asked.given)} goes with --access only.")
    instead = [name for name, given in (("--query", query is not None), ("--access", asked.access)) if given]
    beside = [*instead[1:], *(name for name, given in (("--follow", follow), ("--task", task is not None)) if given)]
    if instead and beside:
        raise UserError(f"{instead[0]} does not go with {' and '.join(beside)}.")


def _tell_lines(place: Place, since: timedelta, task: str | None, *, follow: bool, as_json: bool) -> None:
    from ninelives.cli.session import open_definition
    from ninelives.deploy.clock import WallClock
    from ninelives.deploy.logs import follow_lines, read_lines

    definition, aws = open_definition(place)
    clock = WallClock()
    start = clock.now() - since
    lines = follow_lines(aws, definition.file, start, clock, task=task) if follow else None
    line = None
    for line in lines if lines is not None else read_lines(aws, definition.file, start, task=task):
        if as_json:
            click.echo(json.dumps({"at": line.at.isoformat(), "task": line.task_id, "message": line.message}))
        else:
            click.echo(f"{line.at:%Y-%m-%dT%H:%M:%S}Z {line.task_id[:TASK_ID_SHOWN]} {line.message}")
    if line is None and task is not None:
        raise UserError(
            f"No task whose id begins with {task!r} wrote anything in the last {write_duration(since)}.",
            hint="`ninelives logs` shows every line with its task's id; --since looks further back.",
        )
